/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/metrics/snapshot.h"

#include <stdlib.h>

struct snapshot *snapshot_new(void)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot)
		atomic_init(&snapshot->refs, 1);
	return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	if (snapshot)
		atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	/* acq_rel: what other holders read happens before the free */
	if (!snapshot || atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(snapshot->series);
	free(snapshot->limit);
	free(snapshot->latency);
	free(snapshot->cluster.limit);
	free(snapshot);
}

void cleanup_snapshot(struct snapshot **snapshot)
{
	snapshot_unref(*snapshot);
}
