/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cli/completion.h"

#include <string.h>

#include "user/cli/cli.h"
#include "user/cli/client.h"
#include "user/cli/command.h"
#include "user/cli/text.h"

#define TIMEOUT_MS 500L /* somebody waits with a finger on the tab key */

static const char head[] =
	"# bash completion for weir. Made by `weir help --completion bash` from its own tables: do not edit.\n"
	"# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause\n"
	"\n"
	"_weir_words()\n"
	"{\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\")\n"
	"}\n"
	"\n"
	"_weir_files()\n"
	"{\n"
	"\tcompopt -o filenames\n"
	"\tmapfile -t COMPREPLY < <(compgen -A \"$1\" -- \"$2\")\n"
	"}\n"
	"\n"
	"_weir_from_daemon()\n"
	"{\n"
	"\tlocal word=${COMP_LINE:0:COMP_POINT} before=\n"
	"\tword=${word##*[ =]}\n"
	"\t# A colon, as in an IPv6 prefix, divides words for bash: only what is behind the last is replaced\n"
	"\tif [[ $COMP_WORDBREAKS == *:* ]]; then before=${word%\"${word##*:}\"}; fi\n"
	"\t_weir_words \"$(weir __complete \"$1\" 2> /dev/null)\" \"$word\"\n"
	"\tCOMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
	"}\n"
	"\n"
	"_weir()\n"
	"{\n"
	"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options=\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tif [ \"$current\" = '=' ]; then\n"
	"\t\tcurrent=\n"
	"\telif [ \"$previous\" = '=' ]; then\n"
	"\t\tprevious=${COMP_WORDS[COMP_CWORD-2]}\n"
	"\tfi\n";

static const char tail[] = "\tesac\n"
			   "}\n"
			   "complete -F _weir weir\n";

/* The shell command that completes the word under the cursor from `values` (options.h). */
static void put_action(FILE *out, const char *values)
{
	if (!values)
		fputs(":", out);
	else if (!strcmp(values, "<file>") || !strcmp(values, "<directory>"))
		fprintf(out, "_weir_files %.*s \"$current\"", (int)strlen(values) - 2, values + 1);
	else if (!strcmp(values, "<interface>"))
		fputs("_weir_words \"$(ls /sys/class/net)\" \"$current\"", out);
	else if (!strcmp(values, "<service>"))
		fputs("_weir_from_daemon services", out);
	else if (!strcmp(values, "<upstream>"))
		fputs("_weir_from_daemon upstreams", out);
	else if (!strcmp(values, "<name>"))
		fputs("_weir_from_daemon names", out);
	else if (!strcmp(values, "<ban>"))
		fputs("_weir_from_daemon bans", out);
	else if (!strcmp(values, "<command>"))
		fputs("_weir_words \"$commands\" \"$current\"", out);
	else
		fprintf(out, "_weir_words '%s' \"$current\"", values);
}

/* After an option that takes a value, the value. */
static void put_values(FILE *out)
{
	fputs("\tcase $previous in\n", out);
	for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
		const struct cli_option *option = &cli_option[i];

		if (!option->argument)
			continue;
		fprintf(out, "\t--%s", option->name);
		if (option->key)
			fprintf(out, " | -%c", option->key);
		fputs(") ", out);
		put_action(out, option->values);
		fputs("; return ;;\n", out);
	}
	fputs("\tesac\n", out);
}

static void put_commands(FILE *out)
{
	fputs("\tlocal commands='", out);
	for (size_t i = 0; i < cli_commands; i++)
		fprintf(out, "%s%s", i ? " " : "", cli_command[i].name);
	fputs("'\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	      "\t\t_weir_words \"$commands --help --version\" \"$current\"\n"
	      "\t\treturn\n"
	      "\tfi\n",
	      out);
}

static void put_options(FILE *out)
{
	fputs("\tcase ${COMP_WORDS[1]} in\n", out);
	for (size_t i = 0; i < cli_commands; i++) {
		fprintf(out, "\t%s) options='", cli_command[i].name);
		for (size_t number = 0; number < CLI_OPTION_COUNT; number++)
			if (cli_command[i].options & 1u << number)
				fprintf(out, "--%s ", cli_option[number].name);
		fputs("--help' ;;\n", out);
	}
	fputs("\tesac\n"
	      "\tif [[ $current == -* ]]; then\n"
	      "\t\t_weir_words \"$options\" \"$current\"\n"
	      "\t\treturn\n"
	      "\tfi\n",
	      out);
}

void completion_bash(FILE *out)
{
	fputs(head, out);
	put_commands(out);
	put_values(out);
	put_options(out);
	fputs("\tcase ${COMP_WORDS[1]} in\n", out);
	for (size_t i = 0; i < cli_commands; i++) {
		if (!cli_command[i].values)
			continue;
		fprintf(out, "\t%s) ", cli_command[i].name);
		put_action(out, cli_command[i].values);
		fputs(" ;;\n", out);
	}
	fputs(tail, out);
}

/*
 * compgen -W expands its words: nothing that a shell could take for more than a name
 */
static void print_words(const json_t *list, const char *field)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word =
			json_string_value(json_object_get(json_array_get(list, i), field));

		if (word && *word &&
		    !word[strspn(word, "0123456789abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ.:/_-")])
			puts(word);
	}
}

int completion_words(int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_reply_ struct client_reply reply = {0};
	struct client_error error;
	const char *what = argc ? argv[0] : "services";
	bool bans = !strcmp(what, "bans"), names = !strcmp(what, "names");

	if (client_open(client_socket_path(NULL), TIMEOUT_MS, NULL, &client, &error) ||
	    client_request(client, bans ? "/v1/bans" : "/v1/status", NULL, &reply, &error))
		return CLI_FAILED;
	if (bans)
		print_words(json_object_get(reply.json, "bans"), "prefix");
	if (names || !strcmp(what, "services"))
		print_words(json_object_get(reply.json, "services"), "name");
	if (names || !strcmp(what, "upstreams"))
		print_words(json_object_get(reply.json, "upstreams"), "name");
	return CLI_OK;
}
