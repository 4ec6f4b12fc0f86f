# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Holds the protobuf exposition against the text of the same figures, series by series:

    metrics_protobuf.py PROTOBUF TEXT [LINE...]

The schema is Prometheus' public one (client_model, io/prometheus/client/metrics.proto), written down here a second time. Of each
native histogram it prints NAME{LABELS} ZERO INDEX:COUNT..., after it has made sure that buckets, zero bucket and count
agree, and that each classic bound that is a native one as well says the same of both. Each LINE must be among
them. Exit status 1 and a reason where anything differs.
"""
import math
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from prometheus_client import parser

F = descriptor_pb2.FieldDescriptorProto
SCHEMA = {
    "LabelPair": "name 1 STRING, value 2 STRING",
    "Gauge": "value 1 DOUBLE",
    "Counter": "value 1 DOUBLE",
    "Bucket": "cumulative_count 1 UINT64, upper_bound 2 DOUBLE, cumulative_count_float 4 DOUBLE",
    "BucketSpan": "offset 1 SINT32, length 2 UINT32",
    "Histogram": "sample_count 1 UINT64, sample_sum 2 DOUBLE, *bucket 3 Bucket, sample_count_float 4 DOUBLE, schema 5 SINT32,"
                 "zero_threshold 6 DOUBLE, zero_count 7 UINT64, zero_count_float 8 DOUBLE, *negative_span 9 BucketSpan,"
                 "*negative_delta 10 SINT64, *negative_count 11 DOUBLE, *positive_span 12 BucketSpan,"
                 "*positive_delta 13 SINT64, *positive_count 14 DOUBLE",
    "Metric": "*label 1 LabelPair, gauge 2 Gauge, counter 3 Counter, timestamp_ms 6 INT64, histogram 7 Histogram",
    "MetricFamily": "name 1 STRING, help 2 STRING, type 3 INT32, *metric 4 Metric, unit 5 STRING",
}
TYPES = {0: "counter", 1: "gauge", 4: "histogram"}


def family_class():
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package="io.prometheus.client", syntax="proto2")
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for field in fields.split(","):
            word, number, kind = field.split()
            to = message.field.add(name=word.lstrip("*"), number=int(number))
            to.label = F.LABEL_REPEATED if word[0] == "*" else F.LABEL_OPTIONAL
            if kind in SCHEMA:
                to.type, to.type_name = F.TYPE_MESSAGE, ".io.prometheus.client." + kind
            else:
                to.type = getattr(F, "TYPE_" + kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("io.prometheus.client.MetricFamily"))


def families(data):
    cls, at = family_class(), 0
    while at < len(data):
        length = shift = 0
        while True:
            byte, at = data[at], at + 1
            length |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                break
        yield cls.FromString(data[at:at + length])
        at += length
    if at != len(data):
        raise ValueError("the last message is cut short")


def unknown(message):
    """Fields that the public schema does not have"""
    if len(message.UnknownFields()):
        raise ValueError(f"unknown fields in {message}")
    for field, value in message.ListFields():
        if field.message_type:
            for one in value if field.label == F.LABEL_REPEATED else [value]:
                unknown(one)


def native_buckets(name, histogram):
    """{index: samples}, checked"""
    index, samples, buckets = 0, 0, {}
    deltas = list(histogram.positive_delta)
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            samples += deltas.pop(0)
            if samples < 0:
                raise ValueError(f"{name}: fewer than no samples in bucket {index}")
            buckets[index] = samples
            index += 1
    if deltas:
        raise ValueError(f"{name}: {len(deltas)} deltas without a span")
    if histogram.zero_count + sum(buckets.values()) != histogram.sample_count:
        raise ValueError(f"{name}: buckets do not add up to {histogram.sample_count}")
    for bucket in histogram.bucket:
        exact = math.log2(bucket.upper_bound) * 2 ** histogram.schema
        if exact == int(exact):
            within = histogram.zero_count + sum(n for i, n in buckets.items() if i <= exact)
            if within != bucket.cumulative_count:
                raise ValueError(f"{name}: up to {bucket.upper_bound} {within} are not {bucket.cumulative_count}")
    return buckets


def expand(family, natives):
    """The series of a family as the text format has them"""
    for metric in family.metric:
        labels = tuple(sorted((pair.name, pair.value) for pair in metric.label))
        kind = TYPES[family.type]
        if not metric.HasField(kind):
            raise ValueError(f"{family.name} is a {kind} without one")
        value = getattr(metric, kind)
        if kind != "histogram":
            yield (family.name, labels), value.value
            continue
        for bucket in value.bucket:
            yield (family.name + "_bucket", labels + (("le", bucket.upper_bound),)), bucket.cumulative_count
        yield (family.name + "_bucket", labels + (("le", math.inf),)), value.sample_count
        yield (family.name + "_sum", labels), value.sample_sum
        yield (family.name + "_count", labels), value.sample_count
        if value.HasField("schema"):
            text = family.name + "{" + ",".join(f'{k}="{v}"' for k, v in labels) + "}"
            buckets = native_buckets(text, value)
            if value.schema != 2 or value.zero_threshold != 2 ** -17:
                raise ValueError(f"{text}: schema {value.schema}, zero threshold {value.zero_threshold}")
            natives.append(" ".join([text, str(value.zero_count)] + [f"{i}:{n}" for i, n in buckets.items()]))


def read_text(path):
    with open(path, encoding="utf-8", newline="") as file:
        for family in parser.text_string_to_metric_families(file.read()):
            for sample in family.samples:
                labels = dict(sample.labels)
                le = labels.pop("le", None)
                key = tuple(sorted(labels.items())) + ((("le", float(le)),) if le else ())
                yield (sample.name, key), sample.value, family.documentation


def main(path, text, *lines):
    natives, got, helps = [], {}, {}
    with open(path, "rb") as file:
        for family in families(file.read()):
            unknown(family)
            for key, value in expand(family, natives):
                if key in got:
                    raise ValueError(f"twice: {key}")
                got[key] = float(value)
                helps[key] = family.help
    want = {key: value for key, value, _ in read_text(text)}
    for key, value, documentation in read_text(text):
        if got.get(key) != value or helps.get(key) != documentation:
            raise ValueError(f"{key}: {got.get(key)} in protobuf, {value} in text")
    if got.keys() != want.keys():
        raise ValueError(f"only in protobuf: {got.keys() - want.keys()}")
    for line in lines:
        if line not in natives:
            raise ValueError(f"no native histogram {line} in:\n" + "\n".join(natives))
    print("\n".join(natives))


try:
    main(*sys.argv[1:])
except (ValueError, DecodeError) as error:
    print(error)
    sys.exit(1)
