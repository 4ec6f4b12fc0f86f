// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_run.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/cluster/redis_reply.h"

/* One command on its way */
struct job {
	struct redis_command *command;
	int script;  /* index of its script; -1: it has none */
	bool wanted; /* to be sent in this pass */
	bool again;  /* what came of it is to be mended by sending it once more */
	bool lost;   /* there was no reply: the fault is of the connection, or there was none */
	struct redis_link *link;    /* that it was sent on; NULL: none could be had */
	bool loading;		    /* SCRIPT LOAD goes before it */
	struct redis_fault refusal; /* what was answered to that, if not a hash */
	bool redirected;
	struct redis_redirect redirect;
	struct redis_fault fault; /* OK: it was answered */
};

struct run {
	struct redis_route *route;
	struct redis_scripts *scripts;
	struct job *job;
	size_t jobs;
	uint64_t sent_ns;
};

static void fail(struct job *job, const struct redis_fault *fault)
{
	job->fault = *fault;
	job->lost = true;
}

static void fail_memory(struct job *job)
{
	redis_fault_set(&job->fault, REDIS_STATE_ERROR, "redis", "out of memory");
	job->lost = true;
}

/* Of a job whose link was closed when another one failed: why */
static void fail_alike(struct run *run, struct job *job)
{
	for (size_t i = 0; i < run->jobs; i++) {
		const struct job *other = &run->job[i];

		if (other != job && other->link == job->link && other->lost && other->wanted) {
			fail(job, &other->fault);
			return;
		}
	}
	fail_memory(
		job); /* links are closed by failures only: what is left is that of adding to it */
}

/* ----------------------------------------------------------------------------------------- sending */

static void find_links(struct run *run)
{
	for (size_t i = 0; i < run->jobs; i++) {
		struct job *job = &run->job[i];
		struct redis_fault fault = {};

		if (!job->wanted)
			continue;
		if (job->redirected)
			job->link = redis_route_follow(run->route, &job->redirect, &fault);
		else
			job->link = redis_route_to(run->route, job->command->routing_key, &fault);
		if (!job->link)
			fail(job, &fault);
	}
}

/* The first time a script is met: its hash is what Redis says when it is loaded */
static void learn_hash(struct run *run, struct job *job)
{
	struct redis_script *script = &run->scripts->script[job->script];
	const char *const load[] = {"SCRIPT", "LOAD", script->text};
	uint64_t deadline_ns = clock_monotonic_ns() + run->route->way.command_ns;
	struct redisReply *reply = NULL;
	struct redis_fault fault = {};

	if (!redis_link_ask(job->link, 3, load, deadline_ns, &reply, &fault)) {
		if (reply->type == REDIS_REPLY_ERROR) {
			redis_fault_of_reply(&job->fault, job->link->name, reply->str);
		} else if (reply->str && reply->len == REDIS_SHA - 1) {
			memcpy(script->sha, reply->str, REDIS_SHA);
			job->link->scripts |= 1ULL << job->script;
		} else {
			redis_fault_set(&job->fault, REDIS_STATE_NOT_REDIS, job->link->name,
					"its answer to SCRIPT LOAD is no hash");
		}
	} else {
		fail(job, &fault);
	}
	freeReplyObject(reply);
}

static void learn_hashes(struct run *run)
{
	for (size_t i = 0; i < run->jobs; i++) {
		struct job *job = &run->job[i];

		if (!job->wanted || job->fault.state || job->script < 0 ||
		    *run->scripts->script[job->script].sha)
			continue;
		if (job->link->context)
			learn_hash(run, job);
		else
			fail_alike(run, job);
	}
}

/* Good for the one command that follows */
static int add_asking(struct job *job)
{
	static const char *const asking[] = {"ASKING"};

	return job->redirected && job->redirect.ask ? redis_link_add(job->link, 1, asking, NULL)
						    : 0;
}

/* EVALSHA hash keys KEYS ARGV */
static int add_script(struct run *run, struct job *job)
{
	const struct redis_command *command = job->command;
	const struct redis_script *script = &run->scripts->script[job->script];
	const char *const load[] = {"SCRIPT", "LOAD", script->text};
	size_t count = command->arguments + 3;
	_cleanup_free_ const char **argument = calloc(count, sizeof(*argument));
	_cleanup_free_ size_t *length = calloc(count, sizeof(*length));
	char keys[24];

	if (!argument || !length)
		return -1;
	job->loading = !(job->link->scripts & 1ULL << job->script);
	if (job->loading && redis_link_add(job->link, 3, load, NULL))
		return -1;
	job->link->scripts |= 1ULL << job->script;
	if (add_asking(job))
		return -1;
	snprintf(keys, sizeof(keys), "%zu", command->keys);
	argument[0] = "EVALSHA";
	argument[1] = script->sha;
	argument[2] = keys;
	for (size_t i = 0; i < 3; i++)
		length[i] = strlen(argument[i]);
	for (size_t i = 0; i < command->arguments; i++) {
		argument[3 + i] = command->argument[i];
		length[3 + i] = command->length[i];
	}
	return redis_link_add(job->link, count, argument, length);
}

static int add(struct run *run, struct job *job)
{
	if (job->script >= 0)
		return add_script(run, job);
	if (add_asking(job))
		return -1;
	return redis_link_add(job->link, job->command->arguments, job->command->argument,
			      job->command->length);
}

/* All nodes at once; each begins when it has its part */
static void send_all(struct run *run)
{
	for (size_t i = 0; i < run->jobs; i++) {
		struct job *job = &run->job[i];

		if (!job->wanted || job->fault.state)
			continue;
		if (!job->link->context) {
			fail_alike(run, job);
		} else if (add(run, job)) {
			redis_link_close(job->link);
			fail_memory(job);
		}
	}
	run->sent_ns = clock_monotonic_ns();
	for (size_t i = 0; i < run->jobs; i++)
		if (run->job[i].wanted && run->job[i].link && run->job[i].link->context)
			redis_link_send(run->job[i].link);
}

/* ----------------------------------------------------------------------------------------- reading */

/* A reply to what goes before the command; *refusal, if it is an error */
static enum redis_state read_before(struct job *job, uint64_t deadline_ns,
				    struct redis_fault *refusal, struct redis_fault *fault)
{
	struct redisReply *reply = NULL;

	if (redis_link_read(job->link, deadline_ns, &reply, fault))
		return fault->state;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_fault_of_reply(refusal, job->link->name, reply->str);
	freeReplyObject(reply);
	return REDIS_STATE_OK;
}

static void read_job(struct run *run, struct job *job, uint64_t deadline_ns)
{
	struct redis_fault fault = {}, ignored = {};
	struct redisReply *reply = NULL;

	if ((job->loading && read_before(job, deadline_ns, &job->refusal, &fault)) ||
	    (job->redirected && job->redirect.ask &&
	     read_before(job, deadline_ns, &ignored, &fault)) ||
	    redis_link_read(job->link, deadline_ns, &reply, &fault)) {
		fail(job, &fault);
		return;
	}
	job->command->duration_ns = clock_monotonic_ns() - run->sent_ns;
	if (reply->type == REDIS_REPLY_ERROR)
		redis_fault_of_reply(&job->fault, job->link->name, reply->str);
	/* Why a script could not be loaded says more than that there is none */
	if (job->fault.state && job->refusal.state && !strncmp(reply->str, "NOSCRIPT", 8))
		job->fault = job->refusal;
	if (redis_reply_store(job->command, reply))
		redis_fault_set(&job->fault, REDIS_STATE_ERROR, job->link->name, "out of memory");
	freeReplyObject(reply);
}

static void read_all(struct run *run)
{
	uint64_t deadline_ns = run->sent_ns + run->route->way.command_ns;

	for (size_t i = 0; i < run->jobs; i++) {
		struct job *job = &run->job[i];

		if (!job->wanted || job->fault.state)
			continue;
		if (job->link->context)
			read_job(run, job, deadline_ns);
		else
			fail_alike(run, job);
	}
}

static void pass(struct run *run)
{
	struct redis_fault fault = {};

	if (redis_route_ready(run->route, &fault)) {
		for (size_t i = 0; i < run->jobs; i++)
			if (run->job[i].wanted)
				fail(&run->job[i], &fault);
		return;
	}
	find_links(run);
	learn_hashes(run);
	send_all(run);
	read_all(run);
}

/* ------------------------------------------------------------------------------------ once more */

/* The error that it was answered with, or NULL */
static const char *error_of(const struct job *job)
{
	const struct redis_command *command = job->command;

	return !job->lost && job->fault.state && command->values == 1 &&
			       command->value[0].type == REDIS_FAILED
		       ? command->value[0].string
		       : NULL;
}

/*
 * Scripts of one shard must not change places: is there one behind this that was carried out already? In a pipeline of one node
 * that takes somebody who flushes the scripts and somebody who loads them again in between.
 */
static bool overtaken(const struct run *run, const struct job *job)
{
	const char *key = job->command->routing_key;

	for (const struct job *at = job + 1; at < run->job + run->jobs; at++)
		if (job->script >= 0 && at->script >= 0 && !at->fault.state && key &&
		    at->command->routing_key &&
		    redis_slot(key) == redis_slot(at->command->routing_key))
			return true;
	return false;
}

/* What is done about an error reply. True: it is to be sent again */
static bool mend_reply(struct run *run, struct job *job, const char *error)
{
	if (!strncmp(error, "NOSCRIPT", 8) && job->script >= 0) {
		job->link->scripts &= ~(1ULL << job->script);
		return !job->refusal.state;
	}
	if (job->fault.state == REDIS_STATE_READ_ONLY) {
		redis_route_doubt(run->route, job->link);
		return true;
	}
	if (!redis_redirect_parse(error, &job->redirect))
		return false;
	if (run->route->way.config->kind != REDIS_CLUSTER) {
		redis_fault_set(
			&job->fault, REDIS_STATE_ERROR, job->link->name,
			"it is a node of a cluster: the URL must begin with redis-cluster (%s)",
			error);
		return false;
	}
	/* Without a host it is that of the one who said so */
	if (!*job->redirect.host)
		snprintf(job->redirect.host, sizeof(job->redirect.host), "%s",
			 job->link->place.host);
	job->redirected = true;
	return true;
}

static bool mend(struct run *run, struct job *job)
{
	const char *error = error_of(job);

	if (error)
		return mend_reply(run, job, error);
	if (!job->lost)
		return false;
	if (job->link)
		redis_route_doubt(run->route, job->link);
	/* A node that could not be connected will not be in this work, but another may serve the slot by now */
	return job->fault.ended || (!job->link && run->route->way.config->kind == REDIS_CLUSTER &&
				    !run->route->cluster.known);
}

/* True: there is something to be sent again */
static bool mend_all(struct run *run)
{
	bool any = false;

	for (size_t i = 0; i < run->jobs; i++) {
		struct job *job = &run->job[i];

		job->again = job->wanted && job->fault.state && mend(run, job) &&
			     !overtaken(run, job);
		any = any || job->again;
	}
	return any;
}

static void wind_back(struct job *job)
{
	job->wanted = job->again;
	if (!job->wanted)
		return;
	job->link = NULL;
	job->lost = job->loading = false;
	job->fault = job->refusal = (struct redis_fault){};
}

/* ------------------------------------------------------------------------------------------ the work */

static bool begin(struct run *run, struct redis_work *work)
{
	work->state = REDIS_STATE_OK;
	work->error[0] = '\0';
	work->reconnected = false;
	run->jobs = work->commands;
	run->job = calloc(run->jobs + 1, sizeof(*run->job));
	for (size_t i = 0; i < work->commands; i++) {
		struct redis_command *command = &work->command[i];

		redis_reply_clear(command);
		command->state = REDIS_STATE_ERROR;
		command->duration_ns = 0;
		if (!run->job)
			continue;
		run->job[i] = (struct job){.command = command, .script = -1, .wanted = true};
		if (command->script)
			run->job[i].script = redis_scripts_find(run->scripts, command->script);
		if (command->script && run->job[i].script < 0) {
			fail_memory(&run->job[i]);
			run->job[i].wanted = false;
		}
	}
	return run->job;
}

static void end(struct run *run, struct redis_work *work)
{
	for (size_t i = 0; i < run->jobs; i++) {
		const struct job *job = &run->job[i];

		job->command->state = job->fault.state;
		if (job->lost)
			redis_reply_clear(job->command);
		if (job->fault.state && !work->state) {
			work->state = job->fault.state;
			memcpy(work->error, job->fault.text, sizeof(work->error));
		}
	}
	work->reconnected = redis_route_end(run->route);
	free(run->job);
}

void redis_run(struct redis_route *route, struct redis_scripts *scripts, struct redis_work *work)
{
	struct run run = {.route = route, .scripts = scripts};

	if (!begin(&run, work)) {
		work->state = REDIS_STATE_ERROR;
		snprintf(work->error, sizeof(work->error), "redis: out of memory");
		return;
	}
	redis_route_begin(route, work->connect_timeout_ns, work->command_timeout_ns);
	pass(&run);
	if (!atomic_load(route->way.stop) && mend_all(&run)) {
		for (size_t i = 0; i < run.jobs; i++)
			wind_back(&run.job[i]);
		pass(&run);
	}
	end(&run, work);
}
