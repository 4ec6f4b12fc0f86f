/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line against servers that answer, refuse, lie, hang, and die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "user/base/clock.h"
#include "user/cli/cli.h"
#include "user/cli/client.h"
#include "user/daemon/daemon.h"
#include "user/datapath/datapath.h"
#include "user/doctor/doctor.h"

#define NOBODY 65534

/* Not wanted here: detach must ask the server, and nothing else. */
int daemon_run(const struct daemon_options *options)
{
	abort();
}

int datapath_detach_pins(const char *pins, char *error, size_t size)
{
	abort();
}

int doctor_examine(const struct doctor_options *options, struct report *out)
{
	abort();
}

const char *datapath_libbpf_version(void)
{
	return "";
}

/* One answer for each route that begins with this; the first that fits. */
struct answer {
	const char *route;
	const char *bytes; /* as they go over the wire; NULL: never answers */
	size_t pad;	   /* that many blanks behind them */
};

static char folder[32], path[64], request_path[64];
static pid_t server;

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define STREAM "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void answer(int connection, const struct answer *answers)
{
	char request[4096] = "", *space;
	ssize_t got = read(connection, request, sizeof(request) - 1);
	int file = open(request_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (got <= 0 || write(file, request, (size_t)got) != got)
		_exit(1);
	close(file);
	space = strchr(request, ' ');
	while (space && strncmp(space + 1, answers->route, strlen(answers->route)))
		answers++;
	if (!answers->bytes)
		pause();
	if (write(connection, answers->bytes, strlen(answers->bytes)) < 0)
		_exit(1);
	for (size_t i = 0; i < answers->pad; i += 4096) {
		char blanks[4096];

		memset(blanks, ' ', sizeof(blanks));
		if (write(connection, blanks, sizeof(blanks)) < 0)
			break;
	}
	shutdown(connection, SHUT_WR);
	close(connection);
}

static int listen_on(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	unlink(name);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	return listener;
}

static void serve(const struct answer *answers)
{
	int listener = listen_on(path);

	server = fork();
	if (!server) {
		signal(SIGPIPE, SIG_IGN);
		for (;;)
			answer(accept(listener, NULL, NULL), answers);
	}
	close(listener);
}

static void stop_server(void)
{
	if (!server)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

static int start(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/weir-cli-XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/weir.sock", folder);
	snprintf(request_path, sizeof(request_path), "%s/request", folder);
	return setenv("WEIR_SOCKET", path, 1);
}

static int stop(void **state)
{
	stop_server();
	unlink(path);
	unlink(request_path);
	return rmdir(folder);
}

static struct captured weir(const char *words)
{
	char line[512];

	snprintf(line, sizeof(line), "weir %s", words);
	return capture(cli_main, line);
}

static void assert_outcome(const char *words, int code, const char *out, const char *err)
{
	struct captured captured = weir(words);

	assert_string_equal(captured.err, err);
	assert_string_equal(captured.out, out);
	assert_int_equal(captured.code, code);
}

static void assert_fails(const char *words, const char *part)
{
	struct captured captured = weir(words);

	if (!strstr(captured.err, part))
		fail_msg("no \"%s\" in: %s", part, captured.err);
	assert_ptr_equal(strchr(captured.err, '\n'), captured.err + strlen(captured.err) - 1);
	assert_string_equal(captured.out, "");
	assert_int_equal(captured.code, CLI_FAILED);
}

/* The last request that came; "" while it is being written */
static const char *last_request(void)
{
	static char request[4096];
	int file = open(request_path, O_RDONLY);
	ssize_t got = file < 0 ? -1 : read(file, request, sizeof(request) - 1);

	request[got > 0 ? got : 0] = '\0';
	if (file >= 0)
		close(file);
	return request;
}

static int requested(const char *part)
{
	return strstr(last_request(), part) != NULL;
}

static void assert_requested(const char *part)
{
	if (!requested(part))
		fail_msg("no \"%s\" in: %s", part, last_request());
}

static void without_a_daemon_it_says_how_to_get_one(void **state)
{
	char expected[256];

	snprintf(expected, sizeof(expected),
		 "weir status: no weir daemon answers on %s: start it with `weir run`, or name its "
		 "socket with --socket\n",
		 path);
	assert_outcome("status", CLI_FAILED, "", expected);
	close(listen_on(path)); /* a socket that its daemon has left behind */
	assert_outcome("status", CLI_FAILED, "", expected);
	assert_fails("bans", "no weir daemon answers");
	assert_fails("top", "no weir daemon answers");
	assert_fails("events", "no weir daemon answers");
	assert_fails("reload", "no weir daemon answers");
	assert_fails("status --socket /dev/null/weir.sock", "no weir daemon answers");
}

static void a_path_that_no_socket_can_have_is_refused(void **state)
{
	char words[256] = "status --socket /";

	memset(words + strlen(words), 'x', 120);
	assert_fails(words, "longer than 107 bytes");
	assert_fails("status --socket=", "is empty");
}

static int as_nobody(int argc, char **argv)
{
	if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
		return 99;
	return cli_main(argc, argv);
}

static void without_permission_it_says_how_to_get_it(void **state)
{
	static const struct answer answers[] = {{"/", OK_HEAD "{}", 0}};
	struct captured captured;

	serve(answers);
	assert_int_equal(chmod(path, 0), 0);
	captured = capture(as_nobody, "weir status");
	assert_int_equal(captured.code, CLI_FAILED);
	assert_non_null(strstr(captured.err, "no permission to use "));
	assert_non_null(strstr(captured.err, "add yourself to group weir or use sudo"));
}

static void what_the_daemon_refuses_is_said_in_its_words(void **state)
{
	static const struct answer answers[] = {
		{"/v1/bans",
		 "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n"
		 "{\"error\":\"internal_error\",\"message\":\"the map is \\u001b[31mgone\"}",
		 0},
		{"/v1/reload",
		 "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
		 "{\"error\":\"invalid_configuration\",\"message\":\"/w.yaml:3: rate: too odd\"}",
		 0},
		{"/v1/detach", "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 0},
		{"/v1/events",
		 "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
		 "{\"error\":\"not_ready\",\"message\":\"no figures yet\"}\n",
		 0},
		{"/", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<html>no</html>", 0},
	};

	serve(answers);
	assert_outcome("bans", CLI_FAILED, "", "weir bans: the map is ?[31mgone\n");
	assert_outcome("bans --json", CLI_FAILED, "", "weir bans: the map is ?[31mgone\n");
	assert_outcome("reload", CLI_USAGE, "", "weir reload: /w.yaml:3: rate: too odd\n");
	assert_fails("detach", "HTTP status 409 and no reason");
	assert_outcome("events", CLI_FAILED, "", "weir events: no figures yet\n");
	assert_fails("status", "HTTP status 404 and no reason");
}

static void what_is_no_daemon_is_told_apart(void **state)
{
	static const struct answer answers[] = {
		{"/v1/status", "SSH-2.0-OpenSSH_9.2\r\n", 0},
		{"/v1/bans", OK_HEAD "<html>", 0},
		{"/v1/top", OK_HEAD "[1,2]", 0},
		{"/v1/reload", OK_HEAD, 0},
		{"/v1/detach", OK_HEAD "{\"detached\":7}", 0},
		{"/v1/ban", OK_HEAD "{}", 0},
		{"/", "", 0},
	};

	serve(answers);
	assert_fails("status", "is not a weir daemon");
	assert_fails("bans", "is not a weir daemon");
	assert_fails("top --once", "its JSON is no object");
	assert_fails("reload", "is not a weir daemon");
	assert_fails("detach", "\"detached\" is a whole number, expected an array");
	assert_fails("unban 192.0.2.1", "went away in the middle");
}

static void half_an_answer_is_none(void **state)
{
	static const struct answer answers[] = {
		{"/v1/bans", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"bans\":[]", 0},
		{"/v1/status", "HTTP/1.1 200 OK\r\nContent-Le", 0},
		{"/v1/reload", STREAM "400\r\n{\"generation\":3}", 0},
	};

	serve(answers);
	assert_fails("bans", "went away in the middle of its answer");
	assert_fails("bans --json", "went away in the middle of its answer");
	assert_fails("status", "weir status: ");
	assert_fails("reload", "went away in the middle of its answer");
}

static void an_answer_without_an_end_is_cut_off(void **state)
{
	static const struct answer answers[] = {
		{"/v1/events", OK_HEAD, 1 << 20},
		{"/", OK_HEAD, 20 << 20},
	};

	serve(answers);
	assert_fails("status", "is longer than");
	assert_fails("events", "is longer than");
}

static void a_daemon_that_hangs_is_not_waited_for_for_ever(void **state)
{
	static const struct answer answers[] = {{"/", NULL, 0}};
	_cleanup_client_ struct client *client = NULL;
	_cleanup_reply_ struct client_reply reply = {0};
	struct client_error error;
	uint64_t begin = clock_monotonic_ns();

	serve(answers);
	assert_int_equal(client_open(path, 300, NULL, &client, &error), 0);
	assert_int_equal(client_request(client, "/v1/status", NULL, &reply, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "did not answer in time"));
	assert_null(reply.json);
	assert_true(clock_seconds_since(begin) > 0.2 && clock_seconds_since(begin) < 5);
}

static void commands_send_what_the_interface_wants(void **state)
{
	static const struct answer answers[] = {
		{"/v1/ban ",
		 OK_HEAD "{\"prefix\":\"203.0.113.0/24\",\"seconds\":600,\"replaced\":true}", 0},
		{"/v1/unban", OK_HEAD "{\"prefix\":\"2001:db8::/32\"}", 0},
		{"/v1/reload", OK_HEAD "{\"generation\":1004}", 0},
		{"/v1/detach", OK_HEAD "{\"detached\":[\"eth0\",\"eth1\"]}\n", 0},
	};

	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	serve(answers);
	assert_outcome("ban 203.0.113.0/24 --for 10m", CLI_OK,
		       "banned 203.0.113.0/24 for 10m00s; this replaces the ban that was there\n",
		       "");
	assert_requested("POST /v1/ban HTTP/1.1\r\n");
	assert_requested("\r\nContent-Type: application/json\r\n");
	assert_requested("{\"prefix\":\"203.0.113.0/24\",\"seconds\":600}");
	assert_outcome("unban 2001:db8::/32", CLI_OK, "unbanned 2001:db8::/32\n", "");
	assert_requested("{\"prefix\":\"2001:db8::/32\"}");
	assert_outcome("reload", CLI_OK, "configuration applied, generation 1,004\n", "");
	assert_outcome("detach", CLI_OK, "detached from eth0, eth1\n", "");
	assert_outcome("detach --json", CLI_OK, "{\"detached\":[\"eth0\",\"eth1\"]}\n", "");
	unsetenv("http_proxy");
}

#define TOP "{\"time\":\"x\",\"age_seconds\":0.42,\"by\":\"refused\",\"clients\":[]}"
#define STATUS                                                                               \
	"{\"status\":\"healthy\",\"node\":\"n\",\"uptime_seconds\":5,\"time\":"              \
	"\"2026-01-02T03:04:05Z\",\"services\":[],\"table\":{\"entries\":0,\"capacity\":8}," \
	"\"bans\":0}"

static void top_asks_for_what_it_was_told_to(void **state)
{
	static const struct answer answers[] = {
		{"/v1/top", OK_HEAD TOP "\n", 0},
		{"/v1/status", OK_HEAD STATUS, 0},
	};

	serve(answers);
	assert_outcome("top --once --json --by refused --limit 7 --service a&b=c", CLI_OK, TOP "\n",
		       "");
	assert_requested("GET /v1/top?limit=7&by=refused&service=a%26b%3Dc HTTP/1.1\r\n");
	assert_outcome("top --once --interval 100ms", CLI_OK,
		       "weir on n: healthy, up 5s; 0 of 8 clients, 0 bans; by refused\n"
		       "SERVICE  MODE  CLIENTS  LIMITED  PASSED/s  REFUSED/s  SHARE  "
		       "WOULD REFUSE/s  PRESSURE\n"
		       "\n"
		       "no client has sent anything since the last scan\n",
		       "");
}

#define FLOW_TABLE                                                               \
	"{\"enabled\":true,\"entries\":3,\"capacity\":8,\"evictions_active\":0," \
	"\"samples_discarded\":{}}"
#define LATENCY                                                                                      \
	"{\"time\":\"2026-01-02T03:04:05Z\",\"enabled\":true,\"problem\":null,\"flows\":" FLOW_TABLE \
	",\"bounds\":[1,2],\"services\":[{\"name\":\"web\",\"histograms\":["                         \
	"{\"name\":\"response\",\"slots\":[0,4,0]}]}],\"upstreams\":[]}"
#define FLOWS "{\"problem\":null,\"table\":" FLOW_TABLE ",\"by\":\"rate\",\"flows\":[]}"

static void latency_and_flows_ask_for_what_they_were_told_to(void **state)
{
	static const struct answer answers[] = {
		{"/v1/latency", OK_HEAD LATENCY "\n", 0},
		{"/v1/flows", OK_HEAD FLOWS "\n", 0},
	};

	serve(answers);
	assert_outcome("latency --once --json web a&b=c", CLI_OK, LATENCY "\n", "");
	assert_requested("GET /v1/latency?name=web&name=a%26b%3Dc HTTP/1.1\r\n");
	setenv("LC_ALL", "C", 1);
	assert_outcome("latency --once", CLI_OK,
		       "latency since counting began; 3 of 8 flows\n"
		       "\n"
		       "SERVICE  LATENCY   COUNT     P50     P90     P95     P99     MAX  2.00 s\n"
		       "web      response      4  1.50 s  1.90 s  1.95 s  1.99 s  2.00 s  #\n",
		       "");
	assert_requested("GET /v1/latency HTTP/1.1\r\n");
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_non_null(strstr(weir("latency --once").out, "  2.00 s  █\n"));
	unsetenv("LC_ALL");
	assert_outcome("top --flows --once --sort bytes --limit 7 --service web --upstream api",
		       CLI_OK,
		       "3 of 8 flows, the busiest by rate\n"
		       "no flow has carried anything since the last scan\n",
		       "");
	assert_requested("GET /v1/flows?limit=7&by=bytes&service=web&upstream=api HTTP/1.1\r\n");
}

/* The tables would be empty, and nobody would know why. */
static void where_latency_is_not_enabled_it_says_how_to(void **state)
{
	static const struct answer answers[] = {
		{"/v1/latency", OK_HEAD "{\"enabled\":false}", 0},
		{"/v1/flows", OK_HEAD "{\"table\":{\"enabled\":false}}", 0},
	};

	serve(answers);
	assert_fails("latency --once", "latency: {enabled: false}; set it to true");
	assert_fails("latency", "latency: {enabled: false}; set it to true");
	assert_fails("top --flows --once", "latency: {enabled: false}; set it to true");
	assert_outcome("latency --once --json", CLI_OK, "{\"enabled\":false}\n", "");
}

#define EVENT                                                                                   \
	"{\"time\":\"2026-01-02T03:04:05.678Z\",\"verdict\":\"banned\",\"interface\":\"eth0\"," \
	"\"service\":\"web\",\"tier\":\"t\",\"source\":\"192.0.2.1\",\"sport\":1,"              \
	"\"destination\":\"192.0.2.2\",\"dport\":2,\"protocol\":\"tcp\",\"bytes\":60,"          \
	"\"limit\":null,\"observed\":false}"
#define EVENT_LINE                                                                          \
	"03:04:05.678  banned          web       t          tcp    192.0.2.1:1            " \
	"192.0.2.2:2            eth0\n"
#define EVENT_TITLE                                                                         \
	"TIME          VERDICT         SERVICE   TIER       PROTO  SOURCE                 " \
	"DESTINATION            INTERFACE  LIMIT\n"

static void events_end_with_the_daemon_or_the_count(void **state)
{
	static const struct answer answers[] = {
		{"/v1/events", OK_HEAD EVENT "\n\n" EVENT "\n" EVENT "\n" EVENT, 0},
	};
	char gone[128];

	snprintf(gone, sizeof(gone), "weir events: the weir daemon on %s went away\n", path);
	serve(answers);
	assert_outcome("events", CLI_FAILED, EVENT_TITLE EVENT_LINE EVENT_LINE EVENT_LINE, gone);
	assert_outcome("events --count 2", CLI_OK, EVENT_TITLE EVENT_LINE EVENT_LINE, "");
	assert_outcome("events --json --count 1", CLI_OK, EVENT "\n", "");
	assert_outcome("events --json", CLI_FAILED, EVENT "\n" EVENT "\n" EVENT "\n", gone);
}

static void an_event_that_cannot_be_read_ends_them(void **state)
{
	static const struct answer answers[] = {
		{"/v1/events", OK_HEAD EVENT "\nwhat\n" EVENT "\n", 0},
	};
	struct captured captured;

	serve(answers);
	captured = weir("events");
	assert_int_equal(captured.code, CLI_FAILED);
	assert_string_equal(captured.out, EVENT_TITLE EVENT_LINE);
	assert_non_null(strstr(captured.err, "cannot be read"));
}

static void the_completion_gets_names_and_nothing_a_shell_would_run(void **state)
{
	static const struct answer answers[] = {
		{"/v1/status",
		 OK_HEAD "{\"services\":[{\"name\":\"web\"},{\"name\":\"$(id)\"},{\"name\":7},"
			 "{\"name\":\"dns-2\"}]}",
		 0},
		{"/v1/bans", OK_HEAD "{\"bans\":[{\"prefix\":\"2001:db8::/32\"},{}]}", 0},
	};

	serve(answers);
	assert_outcome("__complete services", CLI_OK, "web\ndns-2\n", "");
	assert_outcome("__complete bans", CLI_OK, "2001:db8::/32\n", "");
	stop_server();
	assert_outcome("__complete bans", CLI_FAILED, "", "");
}

/* `weir top`, or another, on a terminal of its own. */
struct screen {
	int terminal;
	pid_t pid;
	char text[65536];
	size_t length;
};

static void open_screen_of(struct screen *screen, int argc, char **argv)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};

	*screen = (struct screen){0};
	setenv("TERM", "xterm", 1);
	fflush(NULL);
	screen->pid = forkpty(&screen->terminal, NULL, NULL, &size);
	if (!screen->pid)
		exit(cli_main(argc, argv));
	assert_true(screen->pid > 0);
}

static void open_screen(struct screen *screen)
{
	open_screen_of(screen, 4, (char *[]){"weir", "top", "-n", "100ms", NULL});
}

/* Reads until this is shown, or the program has ended; 0 when it was. */
static int wait_for(struct screen *screen, const char *part)
{
	struct pollfd input = {.fd = screen->terminal, .events = POLLIN};
	uint64_t begin = clock_monotonic_ns();

	while (!part || !strstr(screen->text, part)) {
		ssize_t got = -1;

		if (poll(&input, 1, 200) > 0)
			got = read(screen->terminal, screen->text + screen->length,
				   sizeof(screen->text) - 1 - screen->length);
		if (got > 0)
			screen->length += (size_t)got;
		else if (input.revents & POLLHUP || clock_seconds_since(begin) > 20)
			return -1;
	}
	return 0;
}

static int leave(struct screen *screen)
{
	int status;

	wait_for(screen, NULL);
	waitpid(screen->pid, &status, 0);
	close(screen->terminal);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define TITLE "weir on n: healthy, up 5s"
#define LEAVE "\033[?25h\033[?1049l"

static void assert_restored(const struct screen *screen)
{
	assert_true(screen->length > strlen(LEAVE));
	assert_string_equal(screen->text + screen->length - strlen(LEAVE), LEAVE);
}

static const struct answer quiet_host[] = {
	{"/v1/top", OK_HEAD TOP, 0},
	{"/v1/status", OK_HEAD STATUS, 0},
};

static void top_leaves_the_terminal_as_it_was(void **state)
{
	struct screen screen;
	static const char *const way[] = {"q", "\003"};

	serve(quiet_host);
	for (size_t i = 0; i < 2; i++) {
		open_screen(&screen);
		assert_int_equal(wait_for(&screen, TITLE), 0);
		assert_int_equal(write(screen.terminal, way[i], 1), 1);
		assert_int_equal(leave(&screen), CLI_OK);
		assert_restored(&screen);
	}
	open_screen(&screen);
	assert_int_equal(wait_for(&screen, TITLE), 0);
	kill(screen.pid, SIGTERM);
	assert_int_equal(leave(&screen), CLI_OK);
	assert_restored(&screen);
}

static void top_stays_when_the_daemon_goes_and_comes_back(void **state)
{
	struct screen screen;

	serve(quiet_host);
	open_screen(&screen);
	assert_int_equal(wait_for(&screen, TITLE), 0);
	stop_server();
	assert_int_equal(wait_for(&screen, "no weir daemon answers on"), 0);
	serve(quiet_host);
	screen.length = 0;
	memset(screen.text, 0, sizeof(screen.text));
	assert_int_equal(wait_for(&screen, "\033[H" TITLE), 0);
	assert_int_equal(write(screen.terminal, "r", 1), 1);
	usleep(300000);
	assert_requested("GET /v1/");
	assert_int_equal(write(screen.terminal, "q", 1), 1);
	assert_int_equal(leave(&screen), CLI_OK);
	assert_restored(&screen);
}

static void top_can_be_left_while_the_daemon_hangs(void **state)
{
	static const struct answer answers[] = {{"/", NULL, 0}};
	struct screen screen;
	uint64_t begin = clock_monotonic_ns();

	serve(answers);
	open_screen(&screen);
	usleep(300000);
	kill(screen.pid, SIGINT);
	assert_int_equal(leave(&screen), CLI_OK);
	assert_true(clock_seconds_since(begin) < 2.5); /* the time-out alone is 3 s */
}

static void latency_and_flows_are_renewed_on_a_terminal(void **state)
{
	static const struct answer answers[] = {
		{"/v1/latency", OK_HEAD LATENCY, 0},
		{"/v1/flows", OK_HEAD FLOWS, 0},
	};
	struct screen screen;

	serve(answers);
	open_screen_of(&screen, 5, (char *[]){"weir", "latency", "-n", "100ms", "web", NULL});
	assert_int_equal(wait_for(&screen, "\033[Hlatency since counting began; 3 of 8"), 0);
	assert_int_equal(wait_for(&screen, "web, response"), 0);
	assert_int_equal(write(screen.terminal, "q", 1), 1);
	assert_int_equal(leave(&screen), CLI_OK);
	assert_restored(&screen);

	open_screen_of(&screen, 5, (char *[]){"weir", "top", "-F", "-n", "100ms", NULL});
	assert_int_equal(wait_for(&screen, "\033[H3 of 8 flows"), 0);
	assert_requested("GET /v1/flows?limit=24&by=rate HTTP");
	assert_int_equal(write(screen.terminal, "b", 1), 1);
	for (int i = 0; i < 100 && !requested("by=bytes"); i++)
		usleep(50000);
	assert_requested("GET /v1/flows?limit=24&by=bytes HTTP");
	assert_int_equal(write(screen.terminal, "q", 1), 1);
	assert_int_equal(leave(&screen), CLI_OK);
	assert_restored(&screen);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(without_a_daemon_it_says_how_to_get_one),
		TEST(a_path_that_no_socket_can_have_is_refused),
		TEST(without_permission_it_says_how_to_get_it),
		TEST(what_the_daemon_refuses_is_said_in_its_words),
		TEST(what_is_no_daemon_is_told_apart),
		TEST(half_an_answer_is_none),
		TEST(an_answer_without_an_end_is_cut_off),
		TEST(a_daemon_that_hangs_is_not_waited_for_for_ever),
		TEST(commands_send_what_the_interface_wants),
		TEST(top_asks_for_what_it_was_told_to),
		TEST(latency_and_flows_ask_for_what_they_were_told_to),
		TEST(where_latency_is_not_enabled_it_says_how_to),
		TEST(events_end_with_the_daemon_or_the_count),
		TEST(an_event_that_cannot_be_read_ends_them),
		TEST(the_completion_gets_names_and_nothing_a_shell_would_run),
		TEST(top_leaves_the_terminal_as_it_was),
		TEST(top_stays_when_the_daemon_goes_and_comes_back),
		TEST(top_can_be_left_while_the_daemon_hangs),
		TEST(latency_and_flows_are_renewed_on_a_terminal),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
