/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/number.h"
#include "user/cli/cli.h"
#include "user/cli/command.h"

#define LONG_ONLY 0x100 /* added to an option's number: above any character */
#define INTERVAL_MIN_NS \
	(NS_PER_SEC / 10) /* the daemon takes figures each second: faster shows nothing new */
#define INTERVAL_MAX_NS (3600 * NS_PER_SEC)
#define LIMIT_MAX 256 /* what GET /v1/top and /v1/flows keep */

const struct cli_option cli_option[CLI_OPTION_COUNT] = {
#define X(NAME, key, name, argument, values, help) \
	[CLI_NUMBER_##NAME] = {key, name, argument, values, help},
	CLI_OPTIONS(X)
#undef X
};

struct parse {
	const struct cli_command *command;
	struct cli_options *out;
};

static int key_of(size_t number)
{
	return cli_option[number].key ? cli_option[number].key : LONG_ONLY + (int)number;
}

/* Its values are all there are, not examples. */
static bool has_choice(size_t number)
{
	return number == CLI_NUMBER_LOG || number == CLI_NUMBER_LOG_LEVEL ||
	       number == CLI_NUMBER_BY || number == CLI_NUMBER_SORT ||
	       number == CLI_NUMBER_COMPLETION;
}

/* The words of option.values, and no other. */
static const char *one_of(struct argp_state *state, size_t number, const char *word)
{
	const struct cli_option *option = &cli_option[number];
	size_t length = strlen(word);
	const char *at = option->values;

	while (length && (at = strstr(at, word))) {
		if ((at == option->values || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return word;
		at += length;
	}
	argp_error(state, "--%s: '%s' is none of: %s", option->name, word, option->values);
	return NULL;
}

static uint64_t whole(struct argp_state *state, size_t number, const char *word, uint64_t max)
{
	uint64_t value = 0;

	if (number_parse(word, 1, max, &value))
		argp_error(state, "--%s: '%s' is not a whole number from 1 to %llu",
			   cli_option[number].name, word, (unsigned long long)max);
	return value;
}

/* A number without a unit is seconds, as for watch(1) and sleep(1). */
static uint64_t duration(struct argp_state *state, size_t number, const char *word, uint64_t min_ns,
			 uint64_t max_ns, const char *expected)
{
	size_t length = strlen(word);
	bool bare = length && word[length - 1] >= '0' && word[length - 1] <= '9';
	uint64_t ns = 0;
	char text[32];

	if ((size_t)snprintf(text, sizeof(text), "%s%s", word, bare ? "s" : "") >= sizeof(text) ||
	    number_parse_duration(text, min_ns, max_ns, &ns))
		argp_error(state, "--%s: '%s' is not %s", cli_option[number].name, word, expected);
	return ns;
}

static void add_interface(struct argp_state *state, struct cli_options *out, const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ || strchr(name, '/') || strchr(name, ' '))
		argp_error(state, "--interface: '%s' cannot be the name of an interface", name);
	if (out->interfaces == WEIR_INTERFACES)
		argp_error(state, "--interface: at most %d interfaces", WEIR_INTERFACES);
	out->interface[out->interfaces++] = name;
}

static void parse_quantity(struct argp_state *state, struct cli_options *out, size_t number,
			   const char *word)
{
	switch (number) {
	case CLI_NUMBER_INTERVAL:
		out->interval_ns =
			duration(state, number, word, INTERVAL_MIN_NS, INTERVAL_MAX_NS,
				 "a time from 0.1 seconds to an hour, such as 2 or 500ms");
		break;
	case CLI_NUMBER_LIMIT:
		out->limit = whole(state, number, word, LIMIT_MAX);
		break;
	case CLI_NUMBER_COUNT:
		out->count = whole(state, number, word, UINT64_MAX);
		break;
	case CLI_NUMBER_FOR:
		out->for_seconds = duration(state, number, word, NS_PER_SEC, UINT64_MAX,
					    "a time of a second or more, such as 90s, 10m or 24h") /
				   NS_PER_SEC;
		break;
	}
}

/* Where an option without an argument is noted, or NULL. */
static bool *flag(struct cli_options *out, size_t number)
{
	switch (number) {
	case CLI_NUMBER_JSON:
		return &out->json;
	case CLI_NUMBER_PRINT:
		return &out->print;
	case CLI_NUMBER_ONCE:
		return &out->once;
	case CLI_NUMBER_WATCH:
		return &out->watch;
	case CLI_NUMBER_NO_WATCH:
		return &out->no_watch;
	case CLI_NUMBER_LIST:
		return &out->list;
	case CLI_NUMBER_FLOWS:
		return &out->flows;
	case CLI_NUMBER_CLUSTER:
		return &out->cluster;
	}
	return NULL;
}

/* Where the argument of an option is noted as it stands, or NULL. */
static const char **word_of(struct cli_options *out, size_t number)
{
	switch (number) {
	case CLI_NUMBER_CONFIG:
		return &out->config;
	case CLI_NUMBER_LOG:
		return &out->log_format;
	case CLI_NUMBER_LOG_LEVEL:
		return &out->log_level;
	case CLI_NUMBER_SOCKET:
		return &out->socket;
	case CLI_NUMBER_BY:
		return &out->by;
	case CLI_NUMBER_SERVICE:
		return &out->service;
	case CLI_NUMBER_SORT:
		return &out->sort;
	case CLI_NUMBER_UPSTREAM:
		return &out->upstream;
	case CLI_NUMBER_PINS:
		return &out->pins;
	case CLI_NUMBER_COMPLETION:
		return &out->completion;
	}
	return NULL;
}

static void parse_option(struct argp_state *state, struct cli_options *out, size_t number,
			 const char *word)
{
	const char **text = word_of(out, number);
	bool *seen = flag(out, number);

	if (seen)
		*seen = true;
	else if (number == CLI_NUMBER_INTERFACE)
		add_interface(state, out, word);
	else if (!text)
		parse_quantity(state, out, number, word);
	else if (has_choice(number))
		*text = one_of(state, number, word);
	else
		*text = word;
}

static void parse_operand(struct argp_state *state, const struct parse *parse, const char *word)
{
	const char *wanted = parse->command->operand;
	struct cli_options *out = parse->out;

	if (!wanted)
		argp_error(state, "takes no argument, but there is '%s'", word);
	if (out->operand && !strstr(wanted, "..."))
		argp_error(state, "takes one %s, but there are '%s' and '%s'", wanted, out->operand,
			   word);
	if (out->operand_count == CLI_OPERANDS)
		argp_error(state, "takes at most %d names", CLI_OPERANDS);
	if (!out->operand)
		out->operand = word;
	out->operands[out->operand_count++] = word;
}

static error_t parse_word(int key, char *word, struct argp_state *state)
{
	const struct parse *parse = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		parse_operand(state, parse, word);
		return 0;
	case ARGP_KEY_END:
		if (!parse->out->operand && parse->command->operand &&
		    *parse->command->operand != '[')
			argp_error(state, "%s is missing", parse->command->operand);
		return 0;
	case 'h':
		argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
		return 0;
	}
	for (size_t number = 0; number < CLI_OPTION_COUNT; number++) {
		if (key == key_of(number)) {
			parse_option(state, parse->out, number, word);
			return 0;
		}
	}
	return ARGP_ERR_UNKNOWN;
}

/* Without GNU's remark on the arguments of long and short options. */
static char *filter_help(int key, const char *text, void *input)
{
	return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)text;
}

/* One more for -h, which argp knows only as -?, and the end. */
struct vocabulary {
	struct argp_option option[CLI_OPTION_COUNT + 2];
	struct argp argp;
	char doc[1024];
};

static void make_vocabulary(const struct cli_command *command, struct vocabulary *out)
{
	size_t count = 0;

	*out = (struct vocabulary){0};
	for (size_t number = 0; number < CLI_OPTION_COUNT; number++) {
		if (command->options & 1u << number)
			out->option[count++] = (struct argp_option){
				.name = cli_option[number].name,
				.key = key_of(number),
				.arg = cli_option[number].argument,
				.doc = cli_option[number].help,
			};
	}
	out->option[count] = (struct argp_option){.name = "h", .key = 'h', .flags = OPTION_HIDDEN};
	snprintf(out->doc, sizeof(out->doc), "%s.%s%s", command->summary,
		 command->details ? "\v" : "", command->details ? command->details : "");
	out->argp = (struct argp){
		.options = out->option,
		.parser = parse_word,
		.args_doc = command->operand,
		.doc = out->doc,
		.help_filter = filter_help,
	};
}

void cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_options *out)
{
	struct cli_options options = {0};
	struct parse parse = {command, &options};
	struct vocabulary vocabulary;
	char name[64];
	char *first = argv[0];

	make_vocabulary(command, &vocabulary);
	snprintf(name, sizeof(name), "weir %s", command->name);
	argp_err_exit_status = CLI_USAGE;
	argv[0] = name;
	if (argp_parse(&vocabulary.argp, argc, argv, 0, NULL, &parse))
		exit(CLI_USAGE);
	argv[0] = first;
	*out = options;
}
