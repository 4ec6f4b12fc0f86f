/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Content negotiation for /metrics (RFC 9110, 12.5.1): media ranges with q-values, the most
 * specific range that matches a format decides. Protobuf (delimited) and OpenMetrics only where they are asked for by
 * name and wanted at least as much as what is plainer; whatever else is asked for gets text, which every
 * scraper reads.
 */
#pragma once

#include "user/metrics/metrics.h"

/* accept: value of the header, NULL if there was none */
enum metrics_format accept_format(const char *accept);
