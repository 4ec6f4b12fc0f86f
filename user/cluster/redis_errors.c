// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/cluster/redis_errors.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word, *remedy;
} states[] = {
#define X(name, word, remedy) [REDIS_STATE_##name] = {word, remedy},
	REDIS_STATES(X)
#undef X
};

/* First words. What replicas say without their master is READ_ONLY too: the master is to be asked. */
static const struct {
	const char *code;
	enum redis_state state;
} codes[] = {
	{"NOAUTH", REDIS_STATE_PASSWORD},
	{"WRONGPASS", REDIS_STATE_PASSWORD},
	{"NOPERM", REDIS_STATE_REFUSED},
	{"DENIED", REDIS_STATE_REFUSED}, /* protected mode */
	{"OOM", REDIS_STATE_MEMORY},
	{"READONLY", REDIS_STATE_READ_ONLY},
	{"MASTERDOWN", REDIS_STATE_READ_ONLY},
	{"LOADING", REDIS_STATE_LOADING},
	{"BUSY", REDIS_STATE_TIMEOUT}, /* with a script of somebody else */
	{"CLUSTERDOWN", REDIS_STATE_CLUSTER_DOWN},
	{"TRYAGAIN", REDIS_STATE_CLUSTER_DOWN}, /* a slot is moving */
	{"MOVED", REDIS_STATE_CLUSTER_DOWN},	/* to yet another node, after we followed */
	{"ASK", REDIS_STATE_CLUSTER_DOWN},
	{"IDONTKNOW", REDIS_STATE_NO_MASTER}, /* a sentinel that has just started */
};

/* Anywhere in what has no first word of its own, but ERR */
static const struct {
	const char *part;
	enum redis_state state;
} parts[] = {
	{"DB index is out of range", REDIS_STATE_DATABASE},
	{"invalid DB index", REDIS_STATE_DATABASE},
	{"SELECT is not allowed in cluster mode", REDIS_STATE_DATABASE},
	{"invalid password", REDIS_STATE_PASSWORD}, /* Redis 5 */
	{"Client sent AUTH, but no password is set", REDIS_STATE_PASSWORD},
	{"AUTH <password> called without any password", REDIS_STATE_PASSWORD},
	{"The user executing the script can't", REDIS_STATE_REFUSED},
	{"ACL failure in script", REDIS_STATE_REFUSED},
	{"No such master with that name", REDIS_STATE_NO_MASTER},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *redis_state_word(enum redis_state state)
{
	return state < REDIS_STATE_COUNT ? states[state].word : "?";
}

const char *redis_state_remedy(enum redis_state state)
{
	return state < REDIS_STATE_COUNT ? states[state].remedy : "";
}

static enum redis_state state_of_code(const char *text)
{
	size_t length = strcspn(text, " ");

	for (size_t i = 0; i < COUNT(codes); i++)
		if (strlen(codes[i].code) == length && !memcmp(codes[i].code, text, length))
			return codes[i].state;
	return REDIS_STATE_ERROR;
}

enum redis_state redis_error_state(const char *error)
{
	enum redis_state state = state_of_code(error);

	if (state != REDIS_STATE_ERROR || strncmp(error, "ERR ", 4))
		return state;
	/* "ERR Error running script (call to f_...): @user_script:31: -OOM command not allowed ..." */
	for (const char *at = strstr(error, ": -"); at; at = strstr(at + 1, ": -")) {
		state = state_of_code(at + 3);
		if (state != REDIS_STATE_ERROR)
			return state;
	}
	for (size_t i = 0; i < COUNT(parts); i++)
		if (strstr(error, parts[i].part))
			return parts[i].state;
	return REDIS_STATE_ERROR;
}

enum redis_state redis_fault_set(struct redis_fault *fault, enum redis_state state,
				 const char *where, const char *format, ...)
{
	char what[sizeof(fault->text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	*fault = (struct redis_fault){.state = state};
	/* Cut off where it is too long */
	if (snprintf(fault->text, sizeof(fault->text), "%s: %s", where, what) < 0)
		fault->text[0] = '\0';
	for (char *at = fault->text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	for (size_t end = strlen(fault->text); end && fault->text[end - 1] == ' '; end--)
		fault->text[end - 1] = '\0';
	return state;
}

enum redis_state redis_fault_of_reply(struct redis_fault *fault, const char *where,
				      const char *error)
{
	return redis_fault_set(fault, redis_error_state(error), where, "%s", error);
}
