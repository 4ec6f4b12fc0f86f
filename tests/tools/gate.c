// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sets the gates of breakers in the pins of a running daemon, in the place of a state machine; and calls, by its own clock.
 *
 *     gate set PINS ADDRESS PORT tcp|udp pass|reject|permits PERMITS SECONDS FLAG...   FLAG: reset, observe
 *     gate show PINS ADDRESS PORT tcp|udp         JSON: permits left, streak, rejected, and calls by result
 *     gate connect ADDRESS PORT COUNT             one call after another
 *     gate crowd ADDRESS PORT COUNT               that many at once: "N passed, N refused"
 *     gate send ADDRESS PORT COUNT                a datagram each, and waits for its error, 20 ms
 *     gate hold ADDRESS PORT                      a connection; each byte read from stdin is sent, and what became of it said
 *
 * connect and send print JSON: how many calls ended how, by the name of errno, and the times of those that were refused. $MARK is their
 * SO_MARK.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf/abi/breaker.h"
#include "bpf/abi/config.h"
#include "bpf/abi/flow.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int usage(void)
{
	fputs("gate set|show|connect|crowd|send|hold ...: see tests/tools/gate.c\n", stderr);
	return 2;
}

static void die(const char *what)
{
	fprintf(stderr, "gate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------------------------------ the pins */

static int open_pin(const char *pins, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path);
	return fd;
}

static void *map_pin(const char *pins, const char *name, size_t size)
{
	int fd = open_pin(pins, name);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		die(name);
	close(fd);
	return at;
}

/* Of PINS ADDRESS PORT tcp|udp */
static u32 endpoint_number(char **arguments)
{
	struct weir_endpoint_key key = {.port = (u16)atoi(arguments[2]),
					.protocol = strcmp(arguments[3], "udp") ? 6 : 17};
	u8 *addr = (u8 *)key.addr;
	u32 number;

	addr[10] = addr[11] = 0xff;
	if (inet_pton(AF_INET, arguments[1], addr + 12) != 1 &&
	    inet_pton(AF_INET6, arguments[1], addr) != 1)
		exit(usage());
	if (bpf_map_lookup_elem(open_pin(arguments[0], "weir_endpoints"), &key, &number))
		die(arguments[1]);
	return number;
}

static u8 flag_of(const char *name)
{
	return !strcmp(name, "reset")	  ? WEIR_ENDPOINT_RESET
	       : !strcmp(name, "observe") ? WEIR_ENDPOINT_OBSERVE
					  : 0;
}

/* As the daemon would: what kind of endpoint it is, until when, and then the gate */
static int set(int count, char **arguments)
{
	static const char *const gates[] = {"pass", "reject", "permits"};
	struct weir_side *sides;
	struct weir_breaker *breaker;
	u8 flags = WEIR_ENDPOINT_BREAKER;
	u32 number, gate;

	if (count < 7)
		return usage();
	number = endpoint_number(arguments);
	sides = map_pin(arguments[0], "weir_config", 2 * sizeof(*sides));
	breaker = map_pin(arguments[0], "weir_breaker", WEIR_ENDPOINTS * sizeof(*breaker));
	breaker += number;
	for (int i = 7; i < count; i++)
		flags |= flag_of(arguments[i]);
	for (int i = 0; i < 2; i++) {
		u8 *to = &sides[i].endpoint[number].flags;

		*to = (u8)((*to & (WEIR_ENDPOINT_USED | WEIR_ENDPOINT_HTTP)) | flags);
	}
	for (gate = 0; gate < COUNT(gates) && strcmp(gates[gate], arguments[4]); gate++)
		;
	__atomic_store_n(&breaker->until_ns, now_ns() + (u64)(atof(arguments[6]) * 1e9),
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&breaker->word,
			 WEIR_GATE_WORD(WEIR_GATE_EPOCH_OF(breaker->word) + 1, atoi(arguments[5]),
					gate),
			 __ATOMIC_SEQ_CST);
	return 0;
}

static int show(int count, char **arguments)
{
	static const char *const results[] = {
#define X(NAME, label, failure, help) label,
		WEIR_RESULTS(X)
#undef X
	};
	int cpus = libbpf_num_possible_cpus();
	struct weir_calls *calls = calloc((size_t)cpus, sizeof(*calls)), sum = {};
	struct weir_breaker *breaker;
	u32 number;

	if (count != 4 || !calls)
		return usage();
	number = endpoint_number(arguments);
	breaker = map_pin(arguments[0], "weir_breaker", WEIR_ENDPOINTS * sizeof(*breaker));
	if (bpf_map_lookup_elem(open_pin(arguments[0], "weir_calls"), &number, calls))
		die("weir_calls");
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < sizeof(sum) / sizeof(u64); i++)
			((u64 *)&sum)[i] += ((u64 *)&calls[cpu])[i];
	printf("{\"permits\":%u,\"streak\":%u,\"rejected\":%llu,\"connected\":%llu",
	       WEIR_GATE_PERMITS_OF(breaker[number].word), breaker[number].streak, sum.rejected,
	       sum.connected);
	for (size_t i = 0; i < COUNT(results); i++)
		printf(",\"%s\":%llu", results[i], sum.result[i]);
	puts("}");
	free(calls);
	return 0;
}

/* -------------------------------------------------------------------------------------------- calls */

struct address {
	struct sockaddr_storage at;
	socklen_t size;
};

static struct address address_of(char **arguments)
{
	struct address out = {};
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out.at;
	struct sockaddr_in *four = (struct sockaddr_in *)&out.at;

	if (inet_pton(AF_INET, arguments[0], &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((u16)atoi(arguments[1]));
		out.size = sizeof(*four);
	} else if (inet_pton(AF_INET6, arguments[0], &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((u16)atoi(arguments[1]));
		out.size = sizeof(*six);
	} else {
		exit(usage());
	}
	return out;
}

static int open_socket(const struct address *to, int type)
{
	int fd = socket(to->at.ss_family, type | SOCK_CLOEXEC, 0);
	const char *mark = getenv("MARK");
	int value = mark ? (int)strtol(mark, NULL, 0) : 0;
	const struct linger reset = {.l_onoff = 1};

	if (fd < 0 || (mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof(value))))
		die("socket");
	if (type == SOCK_STREAM) /* no port is kept busy afterwards */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

/* 0, or the errno it ended with */
static int call_tcp(const struct address *to)
{
	const struct timeval patience = {.tv_sec = 3};
	int fd = open_socket(to, SOCK_STREAM), error = 0;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&to->at, to->size))
		error = errno;
	close(fd);
	return error;
}

static int call_udp(const struct address *to)
{
	int fd = open_socket(to, SOCK_DGRAM), error = 0;
	socklen_t size = sizeof(error);
	struct pollfd wait = {.fd = fd};
	char payload[700] = "of some length, and cut in the quote over IPv4";

	if (connect(fd, (const struct sockaddr *)&to->at, to->size) ||
	    send(fd, payload, sizeof(payload), 0) < 0)
		error = errno;
	else if (poll(&wait, 1, 20) > 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	close(fd);
	return error;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static const struct {
	int code;
	const char *name;
} ends[] = {{0, "ok"},
	    {ECONNREFUSED, "ECONNREFUSED"},
	    {ECONNRESET, "ECONNRESET"},
	    {EINPROGRESS, "timeout"},
	    {-1, "other"}};

static size_t end_of(int code)
{
	size_t i = 0;

	while (ends[i].code != code && ends[i].code >= 0)
		i++;
	return i;
}

static int calls(int count, char **arguments, int (*call)(const struct address *to))
{
	size_t times = 0, wanted, by_end[COUNT(ends)] = {};
	struct address to;
	uint64_t *took;

	if (count < 3)
		return usage();
	to = address_of(arguments);
	wanted = (size_t)atoi(arguments[2]);
	took = calloc(wanted + 1, sizeof(*took));
	for (size_t i = 0; took && i < wanted; i++) {
		uint64_t begin = now_ns();
		int code = call(&to);

		by_end[end_of(code)]++;
		if (code == ECONNREFUSED)
			took[times++] = now_ns() - begin;
	}
	qsort(took, times, sizeof(*took), compare);
	putchar('{');
	for (size_t i = 0; i < COUNT(ends); i++)
		printf("\"%s\":%zu,", ends[i].name, by_end[i]);
	printf("\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n", (double)took[times / 2] / 1e3,
	       (double)took[times * 99 / 100] / 1e3, (double)(times ? took[times - 1] : 0) / 1e3);
	free(took);
	return 0;
}

/* So many at once, one call each */
static int crowd(const struct address *to, int callers)
{
	int passed = 0, refused = 0, status, go[2];
	char byte;

	if (pipe(go))
		die("pipe");
	for (int i = 0; i < callers; i++) {
		if (fork() == 0) {
			close(go[1]);
			if (read(go[0], &byte, 1) < 0)
				_exit(1);
			_exit((int)end_of(call_tcp(to)));
		}
	}
	close(go[0]);
	close(go[1]); /* now */
	while (wait(&status) > 0) {
		passed += WEXITSTATUS(status) == 0;
		refused += WEXITSTATUS(status) == 1;
	}
	printf("%d passed, %d refused\n", passed, refused);
	return 0;
}

static int hold(int count, char **arguments)
{
	struct address to;
	char byte;
	int fd;

	if (count != 2)
		return usage();
	to = address_of(arguments);
	fd = open_socket(&to, SOCK_STREAM);
	if (connect(fd, (const struct sockaddr *)&to.at, to.size))
		die("connect");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("connected");
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		struct pollfd wait = {.fd = fd, .events = POLLRDHUP};
		int error = 0;
		socklen_t size = sizeof(error);

		if (send(fd, &byte, 1, MSG_NOSIGNAL) < 0)
			error = errno;
		else if (poll(&wait, 1, 100) > 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		puts(ends[end_of(error)].name);
	}
	return 0;
}

int main(int count, char **arguments)
{
	const char *what = count > 1 ? arguments[1] : "";

	count -= 2;
	arguments += 2;
	if (!strcmp(what, "set"))
		return set(count, arguments);
	if (!strcmp(what, "show"))
		return show(count, arguments);
	if (!strcmp(what, "connect"))
		return calls(count, arguments, call_tcp);
	if (!strcmp(what, "send"))
		return calls(count, arguments, call_udp);
	if (!strcmp(what, "crowd") && count == 3) {
		struct address to = address_of(arguments);

		return crowd(&to, atoi(arguments[2]));
	}
	if (!strcmp(what, "hold"))
		return hold(count, arguments);
	return usage();
}
