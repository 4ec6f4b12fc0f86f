#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""compose.py [FILE]: what must be true of deploy/docker/docker-compose.yml, or of FILE in its place, whatever is changed. Whether
Compose can read it, Compose itself says: `make test-debian13`. Prints what is wrong, one a line; exit status 1 when something is."""
import json
import pathlib
import re
import sys

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
HOME = TOP / "deploy/docker"
SERVICES = {"weir", "redis", "prometheus", "grafana"}
KEYS = """image build network_mode user cap_drop cap_add security_opt read_only mem_limit environment volumes tmpfs command depends_on
    healthcheck stop_grace_period restart""".split()
MOUNT = {"bind": "type source target read_only bind", "volume": "type source target read_only"}
ON_HOST = {"/sys/fs/bpf"}
VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(:-[^}]*)?\}|(\w+))")
SECRET = re.compile(r"passw|secret|token|api_?key", re.I)


def resolved(value):
    """With the defaults of its variables."""
    return VARIABLE.sub(lambda found: "$" if found[1] else (found[3] or ":-")[2:], value)


def texts(thing, where=""):
    """(where, text) of each value in it that is text."""
    if isinstance(thing, dict):
        for key, value in thing.items():
            yield from texts(value, f"{where}.{key}" if where else key)
    elif isinstance(thing, list):
        for i, value in enumerate(thing):
            yield from texts(value, f"{where}[{i}]")
    elif isinstance(thing, str):
        yield where, thing


def image(name, service):
    version = (TOP / "VERSION").read_text().strip()
    if name == "weir":
        if service["image"] != f"weir:{version}":
            yield f"weir: image {service['image']}, and VERSION is {version}"
        dockerfile = HOME / service["build"]["context"] / service["build"]["dockerfile"]
        if not dockerfile.is_file():
            yield f"weir: there is no {dockerfile}"
        elif f"ARG VERSION={version}\n" not in dockerfile.read_text():
            yield f"Dockerfile: VERSION is not {version}"
    elif not re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]):
        yield f"{name}: the version of image {service['image']} is not pinned, such as 1.2.3"


def mounts(name, service, volumes):
    for mount in service.get("volumes", []):
        source, where = mount["source"], f"{name}: mount of {mount['source']}"
        strange = mount.keys() - set(MOUNT[mount["type"]].split())
        if strange:
            yield f"{where}: unknown key {', '.join(sorted(strange))}"
        if mount["type"] == "volume":
            if source not in volumes:
                yield f"{where}: no such volume"
        elif source not in ON_HOST:
            if not source.startswith(".") or not (HOME / source).is_dir():
                yield f"{where}: no such directory in the repository"
            if not mount.get("read_only"):
                yield f"{where}: can be written to"


def confined(name, service):
    if service.get("cap_drop") != ["ALL"] or not service.get("read_only") or "no-new-privileges:true" not in service["security_opt"]:
        yield f"{name}: drops not all capabilities, can gain privileges, or its root can be written to"
    if "ports" in service:
        yield f"{name}: publishes ports"


def rights_of_pod(weir):
    """What the pod may, and no more."""
    documents = yaml.safe_load_all((TOP / "deploy/kubernetes/base/daemonset.yaml").read_text())
    pod = next(documents)["spec"]["template"]["spec"]["containers"][0]
    if set(weir["cap_add"]) != set(pod["securityContext"]["capabilities"]["add"]):
        yield "weir: other capabilities than the pod's"
    profile = [opt[len("seccomp="):] for opt in weir["security_opt"] if opt.startswith("seccomp=")]
    if len(profile) != 1 or (HOME / profile[0]).resolve() != TOP / "deploy/kubernetes/base/seccomp.json":
        yield "weir: another seccomp profile than the pod's"
    if "apparmor=unconfined" not in weir["security_opt"]:
        yield "weir: Docker's AppArmor profile would keep it from its pins"
    if weir["mem_limit"] != "384m" or pod["resources"]["limits"]["memory"] != "384Mi":
        yield "weir: another limit of memory than the pod's"
    wanted = set(VARIABLE.findall((HOME / "weir/weir.yaml").read_text()))
    missing = {found[1] or found[3] for found in wanted} - weir["environment"].keys()
    if missing:
        yield f"weir: nothing sets {', '.join(sorted(missing))}"


def on_loopback(services):
    """Who is in the network of the host listens on its loopback, where the others look for it."""
    weir = yaml.safe_load(VARIABLE.sub("x", (HOME / "weir/weir.yaml").read_text()))
    scraped = yaml.safe_load((TOP / "deploy/prometheus/prometheus.yaml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    if not weir["http"]["listen"].startswith("127.0.0.1:") or scraped != [weir["http"]["listen"]]:
        yield f"weir listens on {weir['http']['listen']}, Prometheus asks {scraped}"
    options = dict(resolved(option).split("=", 1) for option in services["prometheus"]["command"])
    listens = options["--web.listen-address"]
    source = yaml.safe_load((HOME / "grafana/datasources/weir.yaml").read_text())["datasources"][0]
    environment = services["grafana"]["environment"]
    asked = VARIABLE.sub(lambda found: resolved(environment.get(found[2] or found[4], "")), source["url"])
    if not listens.startswith("127.0.0.1:") or asked != f"http://{listens}":
        yield f"prometheus listens on {listens}, Grafana asks {asked}"
    if environment.get("GF_SERVER_HTTP_ADDR") != "127.0.0.1":
        yield "grafana: does not listen on the loopback only"
    if services["redis"].get("network_mode") != "none":
        yield "redis: is in a network, and has no password"
    for name in "weir", "prometheus", "grafana":
        if services[name].get("network_mode") != "host":
            yield f"{name}: is not in the network of the host"
    if options["--config.file"] != "/etc/prometheus/prometheus.yaml":
        yield "prometheus: another configuration than deploy/prometheus"


def dashboards(grafana):
    """Where Grafana looks for them they are, and their data source is the one that is provisioned."""
    source = yaml.safe_load((HOME / "grafana/datasources/weir.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((HOME / "grafana/dashboards/weir.yaml").read_text())["providers"][0]
    folders = {mount["target"]: mount["source"] for mount in grafana["volumes"]}
    folder = folders.get(provider["options"]["path"])
    files = sorted((HOME / folder).glob("*.json")) if folder else []
    if len(files) < 4:
        yield f"grafana: {len(files)} dashboards in {provider['options']['path']}"
    for kind in "datasources", "dashboards":
        if folders.get(f"/etc/grafana/provisioning/{kind}") != f"./grafana/{kind}":
            yield f"grafana: {kind} are not provisioned"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].rpartition("/")
    if home[0] != provider["options"]["path"] or home[2] not in {path.name for path in files}:
        yield "grafana: there is no home dashboard"
    for path in files:
        yield from strange_sources(path.name, json.loads(path.read_text()), source)


def strange_sources(name, board, source):
    """A dashboard chooses the default of a type by a variable, or names a uid."""
    chosen = {f"${{{one['name']}}}": one["query"] for one in board["templating"]["list"] if one["type"] == "datasource"}
    for where, uid in texts(board):
        if not where.endswith("datasource.uid") or uid in (source["uid"], "-- Grafana --"):
            continue
        if not (chosen.get(uid) == source["type"] and source.get("isDefault")):
            yield f"{name}: {where} is {uid}, which no data source is"


def problems(compose):
    services = compose["services"]
    if services.keys() != SERVICES or compose.keys() != {"name", "services", "volumes"}:
        return [f"other services or sections than {', '.join(sorted(SERVICES))}; name, services, volumes"]
    wrong = []
    for name, service in services.items():
        strange = service.keys() - set(KEYS)
        wrong += [f"{name}: {key} is nothing that is known here" for key in sorted(strange)]
        wrong += [*image(name, service), *mounts(name, service, compose["volumes"]), *confined(name, service)]
    wrong += [*rights_of_pod(services["weir"]), *on_loopback(services), *dashboards(services["grafana"])]
    for where, text in texts(compose):
        wrong += [f"{where}: a variable without a default" for found in VARIABLE.finditer(text) if not found[1] and not found[3]]
        if SECRET.search(where.rpartition(".")[2]) and not text.startswith("${"):
            wrong += [f"{where}: a secret in the file"] if text not in ("true", "false") else []
    return wrong


if __name__ == "__main__":
    found = problems(yaml.safe_load(open(sys.argv[1] if sys.argv[1:] else HOME / "docker-compose.yml")))
    print("\n".join(found) if found else "nothing is wrong")
    sys.exit(1 if found else 0)
