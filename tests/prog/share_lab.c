/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/prog/share_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* last: cmocka.h wants the above */
#include <cmocka.h>

#define CLIENTS 8192

static void mark(struct config *config, unsigned int cluster)
{
	for (size_t s = 0; s < config->services; s++)
		for (size_t t = 0; t < config->tiers; t++)
			for (unsigned int i = 0; i < WEIR_LIMITS; i++) {
				struct config_rule *rule = &config->service[s].rule[t];

				rule->limit[i].cluster = cluster >> i & 1;
				rule->group[i].cluster = !!(cluster & WEIR_CLUSTER_GROUP(i));
			}
}

struct config *share_lab_config(const char *limits, unsigned int cluster)
{
	struct config *config;
	char yaml[512];

	snprintf(yaml, sizeof(yaml), "services: [{name: other, %s}]\n", limits);
	config = lab_config(CLIENTS, yaml);
	mark(config, cluster);
	return config;
}

void share_lab_apply(struct lab *lab, const char *limits, unsigned int cluster)
{
	struct config *config = share_lab_config(limits, cluster);
	struct datapath_error error = {};

	if (datapath_apply(lab->datapath, config, &error))
		fail_msg("%s", error.text);
	config_unref(lab->config);
	lab->config = config;
}

struct lab *share_lab_open(const char *limits, unsigned int cluster)
{
	struct lab *lab = lab_open(CLIENTS, "");

	share_lab_apply(lab, limits, cluster);
	return lab;
}

uint64_t share_lab_passes(struct lab *lab, const char *text, unsigned int packets)
{
	uint64_t before = lab_count(lab, WEIR_PASSED);
	struct frame frame;

	assert_int_equal(frame_build(&frame, "%s", text), 0);
	if (packets / 2)
		lab_run(lab, LAB_XDP, &frame, packets / 2);
	if (packets)
		lab_run(lab, LAB_TC, &frame, packets - packets / 2);
	return lab_count(lab, WEIR_PASSED) - before;
}

static void hear(void *context, const struct weir_hot *hot)
{
	struct asked *asked = context;

	if (asked->count < sizeof(asked->hot) / sizeof(asked->hot[0]))
		asked->hot[asked->count] = *hot;
	asked->count++;
}

const struct asked *share_lab_asked(struct lab *lab)
{
	static struct asked asked;

	memset(&asked, 0, sizeof(asked));
	assert_true(shares_read_hot(lab->datapath, hear, &asked) >= 0);
	return &asked;
}

struct weir_client *share_lab_client(struct lab *lab, const char *address)
{
	const struct weir_client *client = lab_client(lab, address, "other");

	assert_non_null(client);
	return (struct weir_client *)client;
}

uint32_t share_lab_watch(struct lab *lab, const char *frame, const char *address)
{
	const struct asked *asked;
	int number;

	share_lab_asked(lab);
	share_lab_passes(lab, frame, 2000);
	asked = share_lab_asked(lab);
	assert_int_equal(asked->count, 1);
	memset(share_lab_client(lab, address)->tat, 0, sizeof(((struct weir_client *)0)->tat));
	number = shares_watch(lab->datapath, datapath_generation(lab->datapath), &asked->hot[0]);
	assert_in_range(number, 1, WEIR_SHARES - 1);
	return (uint32_t)number;
}

struct shares_value per_day(double rate, double burst)
{
	return (struct shares_value){.rate = rate / 86400, .burst = burst};
}

void share_lab_set(struct lab *lab, uint32_t number, unsigned int index, struct shares_value value)
{
	assert_int_equal(shares_set_client(lab->datapath, datapath_generation(lab->datapath),
					   number, index, &value),
			 0);
}

void share_lab_set_group(struct lab *lab, unsigned int index, struct shares_value value)
{
	assert_int_equal(shares_set_group(lab->datapath, datapath_generation(lab->datapath),
					  LIMIT((uint8_t)index), &value),
			 0);
}

struct shares_count share_lab_count(struct lab *lab, uint32_t number, unsigned int index)
{
	struct shares_count count;

	shares_count_client(lab->datapath, number, index, &count);
	return count;
}

struct shares_count share_lab_count_group(struct lab *lab, unsigned int index)
{
	struct shares_count count;

	assert_int_equal(shares_count_group(lab->datapath, LIMIT((uint8_t)index), &count), 0);
	return count;
}
