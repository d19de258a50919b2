/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/option.h"

#define OPTION "userns-remap"
#define WORD "--userns-remap=dockremap"

/* ---- argv ---- */

static void assert_argv(const char *const words[], const char *name, int count, const char *value)
{
	char *argv[16], *got = NULL;
	size_t n = 0;

	for (; words[n]; n++)
		argv[n] = strdup(words[n]);
	assert_int_equal(uns_option_argv(argv, n, name, &got, NULL), count);
	if (value)
		assert_string_equal(got, value);
	else
		assert_null(got);
	assert_int_equal(uns_option_argv(argv, n, name, NULL, NULL), count);
	free(got);
	while (n)
		free(argv[--n]);
}

static void argv_long(void **state)
{
	(void)state;
	assert_argv((const char *const[]){ "dockerd", "--a=b", NULL }, OPTION, 0, NULL);
	assert_argv((const char *const[]){ NULL }, OPTION, 0, NULL);
	assert_argv((const char *const[]){ "dockerd", "--userns-remap=x", NULL }, OPTION, 1, "x");
	assert_argv((const char *const[]){ "dockerd", "--userns-remap", "x", NULL }, OPTION, 1, "x");
	assert_argv((const char *const[]){ "dockerd", "--userns-remap=", NULL }, OPTION, 1, "");
	assert_argv((const char *const[]){ "dockerd", "--userns-remap=x", "-D", "--userns-remap", "y:z", NULL }, OPTION, 2,
	            "y:z");
	assert_argv((const char *const[]){ "dockerd", "--userns-remapper=x", "--userns=x", "-userns-remap=x", NULL }, OPTION, 0,
	            NULL);
	assert_argv((const char *const[]){ "dockerd", "--", "--userns-remap=x", NULL }, OPTION, 0, NULL);
}

static void argv_flags_stand_alone(void **state)
{
	(void)state;
	assert_argv((const char *const[]){ "--live-restore", NULL }, "live-restore", 1, "true");
	assert_argv((const char *const[]){ "--live-restore", "--x", NULL }, "live-restore", 1, "true");
	assert_argv((const char *const[]){ "--live-restore=false", NULL }, "live-restore", 1, "false");
}

static void argv_short(void **state)
{
	(void)state;
	assert_argv((const char *const[]){ "-H", "fd://", NULL }, "host", 1, "fd://");
	assert_argv((const char *const[]){ "-Hfd://", NULL }, "host", 1, "fd://");
	assert_argv((const char *const[]){ "-H=fd://", "--host", "tcp://x", NULL }, "host", 2, "tcp://x");
	assert_argv((const char *const[]){ "-DH", "fd://", NULL }, "host", 1, "fd://");
	assert_argv((const char *const[]){ "-D", "-", "-p", "x", NULL }, "host", 0, NULL);
	assert_argv((const char *const[]){ "-D", NULL }, "debug", 1, "true");
	assert_argv((const char *const[]){ "-Dp", "x", "-l=debug", NULL }, "log-level", 1, "debug");
	/* What a flag takes as its value is no flag, whatever it looks like. */
	assert_argv((const char *const[]){ "--label", "--userns-remap=x", NULL }, OPTION, 0, NULL);
	assert_argv((const char *const[]){ "--label", "--userns-remap=x", NULL }, "label", 1, "--userns-remap=x");
	assert_argv((const char *const[]){ "--icc", "--userns-remap=x", NULL }, OPTION, 1, "x");
}

/* ---- reading a variable ---- */

/* Words joined by '|'. */
static void assert_words(const char *text, const char *want, unsigned want_line)
{
	struct uns_strs got = UNS_STRS_INIT;
	struct uns_buf joined = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	unsigned line = 0;
	int r = uns_option_env_words(text, strlen(text), "f", "V", &got, &line, &err);

	if (r < 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(r, want ? 0 : 1);
	for (size_t i = 0; i < got.n; i++) {
		assert_int_equal(uns_buf_puts(&joined, got.v[i], NULL), 0);
		assert_int_equal(uns_buf_puts(&joined, "|", NULL), 0);
	}
	if (want)
		assert_string_equal(joined.data ? joined.data : "", want);
	assert_int_equal(line, want_line);
	uns_buf_done(&joined);
	uns_strs_done(&got);
}

static void words_of_one_line(void **state)
{
	(void)state;
	assert_words("", NULL, 0);
	assert_words("# V=--a\n;V=--a\nVV=--a\nW=V=1\nV\n", NULL, 0);
	assert_words("V=", "", 1);
	assert_words("V=\"\"\n", "", 1);
	assert_words("V=--a", "--a|", 1);
	assert_words("V=\"--a  --b\tc\"\n", "--a|--b|c|", 1);
	assert_words("V='--a --b'\n", "--a|--b|", 1);
	assert_words("V=--a --b   \n", "--a|--b|", 1);
	assert_words("  export\tV=\"--a\"\n", "--a|", 1);
	assert_words("exportV=--a\n", NULL, 0);
	assert_words("V = \"--a\"\n", "--a|", 1);
	assert_words("V=\"--a \"'--b'--c\n", "--a|--b--c|", 1);
	assert_words("V=\"--a\"\r\nW=\r\n", "--a|", 1);
}

static void words_quoted_twice(void **state)
{
	(void)state;
	assert_words("V=\"--a='x y' --b\"\n", "--a=x y|--b|", 1);
	assert_words("V='--a=\"x y\"'\n", "--a=x y|", 1);
	assert_words("V=\"--a=\\\"x y\\\" \\$HOME \\`\"\n", "--a=x y|$HOME|`|", 1);
	assert_words("V=--a=\"x #y\" --b\n", "--a=x #y|--b|", 1);
	assert_words("V=\"'' --b\"\n", "|--b|", 1);
	assert_words("V=--a\\ b\n", "--a|b|", 1);
	assert_words("V='a\\ b'\n", "a b|", 1);
}

static void words_with_comments(void **state)
{
	(void)state;
	assert_words("V=\"--a\" # --b \"\n", "--a|", 1);
	assert_words("V=--a # --b '\n", "--a|", 1);
	assert_words("V=--a#b\n", "--a#b|", 1);
	assert_words("V=#a\n", "#a|", 1);
	assert_words("V= # nothing\n", "", 1);
	assert_words("V=\"--a\"; export V\n", "--a|", 1);
	assert_words("# don't stop here\nV=\"--a\"\n", "--a|", 2);
	assert_words("# one \\\nV=\"--a\"\n", "--a|", 2);
}

static void words_over_lines(void **state)
{
	(void)state;
	assert_words("OTHER=\"a\nV=no\n\"\nV=\"--a \\\n  --b \\\n--c\\\n--d\"\n", "--a|--b|--c--d|", 4);
	assert_words("V=--a \\\n   --b\n--c\n", "--a|--b|", 1);
	assert_words("V=\"--a\n--b\"\n", "--a|--b|", 1);
	assert_words("V='--a\\\n--b'\n", "--a\n--b|", 1);
	assert_words("ulimit -n \\\nV=--a\n", NULL, 0);
	assert_words("V=\"--a \\\r\n--b\"\r\n", "--a|--b|", 1);
}

static void the_last_assignment_counts(void **state)
{
	(void)state;
	assert_words("V=--a\nW=1\nV=--b\n", "--b|", 3);
	assert_words("V=--a\nV=\n", "", 2);
	assert_words("if [ -f \"x\" ]; then\n  V=--a\nfi\n", "--a|", 2);
}

/* A shell puts the earlier value there, word for word. */
static void what_was_before_is_kept(void **state)
{
	(void)state;
	assert_words("V=\"--a\"\nV=\"$V --b\"\n", "--a|--b|", 2);
	assert_words("V='--a --c'\nW=1\nV=\"--b ${V}\"\n", "--b|--a|--c|", 3);
	assert_words("V=--a\nV=$V\nV=${V}\\ --b # $V\n", "--a|--b|", 3);
	assert_words("V=--a\nV=\"$V $V\"\n", "--a|--a|", 2);
	assert_words("V=\"$V --b\"\n", "--b|", 1);
	assert_words("V=--a\nW=\"$V\"\nV=\"$W $VV ${V:-x}\"\n", "$W|$VV|${V:-x}|", 3);
	assert_words("V=--a\nV='$V --b'\n", "$V|--b|", 2);
	assert_words("V=--a\nV=\"\\$V --b\"\n", "$V|--b|", 2);
	assert_words("V=--a\nV=--b='$V'\n", "--b=$V|", 2);
}

static void assert_bad(const char *text, size_t len, const char *message)
{
	struct uns_strs got = UNS_STRS_INIT;
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_option_env_words(text, len, "f", "V", &got, NULL, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_string_equal(err.text, message);
	assert_int_equal(got.n, 0);
	err = (struct uns_err){ 0 };
	assert_int_equal(uns_option_env_set(UNS_READ_SH, text, len, "f", "V", OPTION, "x", &out, &err), -1);
	assert_string_equal(err.text, message);
	assert_int_equal(out.len, 0);
	uns_buf_done(&out);
}

static void doubling(char *text, size_t size)
{
	size_t at = (size_t)snprintf(text, size, "V=--abcd\n");

	for (int i = 0; i < 25; i++)
		at += (size_t)snprintf(text + at, size - at, "V=$V$V\n");
	assert_bad(text, at, "f:19:5: the value doubles and doubles; expected less than a megabyte");
}

static void malformed_texts(void **state)
{
	static const char open[] = "this quote is never closed; expected the same quote later in the file";
	static const char inner[] = "this quote inside the value is never closed; expected the same quote before the value ends";
	char want[256];

	(void)state;
	snprintf(want, sizeof want, "f:2:3: %s", open);
	assert_bad("#\nV=\"--a\n\n", 10, want);
	snprintf(want, sizeof want, "f:1:9: %s", open);
	assert_bad("  OTHER='a", 10, want);
	snprintf(want, sizeof want, "f:1:3: %s", open);
	assert_bad("V=\"a\\\"", 6, want);
	snprintf(want, sizeof want, "f:1:8: %s", inner);
	assert_bad("V=\"--a='b\"\n", 11, want);
	doubling(want, sizeof want);
	assert_bad("V=a\nW=\0b", 8, "f:2:3: a NUL byte; expected text");
}

/* ---- editing ---- */

static char *edit(const char *text, const char *value)
{
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	if (uns_option_env_set(UNS_READ_SH, text, strlen(text), "f", "V", OPTION, value, &out, &err))
		fail_msg("%s: %s", text, err.text);
	return uns_buf_take(&out, NULL);
}

static void assert_edit(const char *text, const char *value, const char *want)
{
	char *got = edit(text, value);

	assert_string_equal(got, want);
	free(got);
}

static void set_and_remove_leaves_no_trace(void **state)
{
	static const char *const cases[][2] = {
		{ "", "V=\"" WORD "\"\n" },
		{ "\n", "\nV=\"" WORD "\"\n" },
		{ "W=1", "W=1\nV=\"" WORD "\"" },
		{ "# Use DOCKER_OPTS\n#V=\"--dns 8.8.8.8\"\n", "# Use DOCKER_OPTS\n#V=\"--dns 8.8.8.8\"\nV=\"" WORD "\"\n" },
		{ "#V=\"--dns 8.8.8.8\"", "#V=\"--dns 8.8.8.8\"\nV=\"" WORD "\"" },
		{ "V=\"\"\n", "V=\" " WORD "\"\n" },
		{ "V=\"\"", "V=\" " WORD "\"" },
		{ "V=''\nW=1\n", "V=' " WORD "'\nW=1\n" },
		{ "V=\"  \"\n", "V=\"   " WORD "\"\n" },
		{ "V=\n", "V=" WORD "\n" },
		{ "V=", "V=" WORD },
		{ "V=   # none\n", "V=" WORD "   # none\n" },
		{ "V=--a\n", "V=--a\\ " WORD "\n" },
		{ "V=--a --b  # c\n", "V=--a --b\\ " WORD "  # c\n" },
		{ "V=\"--a\"", "V=\"--a " WORD "\"" },
		{ "V=\"--a \" # c\nW=1", "V=\"--a  " WORD "\" # c\nW=1" },
		{ "export V='--a' ; x\n", "export V='--a " WORD "' ; x\n" },
		{ "V=\"--a\"'--b'\n", "V=\"--a\"'--b " WORD "'\n" },
		{ "V=\"--a \"--b\n", "V=\"--a \"--b\\ " WORD "\n" },
		{ "V=\"--a \\\n  --b \\\n\"\n", "V=\"--a \\\n  --b \\\n " WORD "\"\n" },
		{ "V=\"--a \\\n  --b\"\r\n", "V=\"--a \\\n  --b " WORD "\"\r\n" },
		{ "V=--a\\", "V=--a\\ " WORD "\\" },
		{ "V=--a \\\n  --b\n", "V=--a \\\n  --b\\ " WORD "\n" },
		{ "V=\"--a='x y'\"\n", "V=\"--a='x y' " WORD "\"\n" },
		{ "V=--x\n## Type: string\nV=\"--a\"\n", "V=--x\n## Type: string\nV=\"--a " WORD "\"\n" },
		{ "V=\"$V --a\"\n", "V=\"$V --a " WORD "\"\n" },
		{ "W=caf\xc3\xa9 \xff\nV=\"\xff\"\n", "W=caf\xc3\xa9 \xff\nV=\"\xff " WORD "\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *with = edit(cases[i][0], "dockremap"), *other = edit(with, "x"), *back = edit(other, "dockremap");

		assert_string_equal(with, cases[i][1]);
		assert_string_equal(back, with);
		assert_edit(with, "dockremap", with);
		assert_edit(other, NULL, cases[i][0]);
		assert_edit(with, NULL, cases[i][0]);
		assert_edit(cases[i][0], NULL, cases[i][0]);
		free(with);
		free(other);
		free(back);
	}
}

static void lines_that_came_later_stay(void **state)
{
	(void)state;
	assert_edit("A=1\nV=\"" WORD "\"\nB=2\n", NULL, "A=1\nB=2\n");
	/* Without the line an earlier assignment would come back to life. */
	assert_edit("V=\"--debug\"\nV=\"" WORD "\"\n", NULL, "V=\"--debug\"\nV=\"\"\n");
	assert_edit("V=\"" WORD "\" # mine\n", NULL, "V=\"\" # mine\n");
	assert_edit("export V=\"" WORD "\"\n", NULL, "export V=\"\"\n");
}

static void replacing(void **state)
{
	(void)state;
	assert_edit("V=\"--a --userns-remap=old --b\"\n", "new", "V=\"--a --userns-remap=new --b\"\n");
	assert_edit("V=\"--a --userns-remap old --b\"\n", "new", "V=\"--a --userns-remap new --b\"\n");
	assert_edit("V=\"--userns-remap \\\n old\"\n", "new", "V=\"--userns-remap \\\n new\"\n");
	assert_edit("V=\"--userns-remap old --b\"\n", "", "V=\"--userns-remap= --b\"\n");
	assert_edit("V=\"--userns-remap old\"\n", "old", "V=\"--userns-remap old\"\n");
	assert_edit("V=--userns-remap=old\n", "new", "V=--userns-remap=new\n");
	assert_edit("V=\"--userns-remap='old' --b\"\n", "new", "V=\"--userns-remap=new --b\"\n");
	assert_edit("V=\"--userns-remap=\\\"o\\\" --b\"\n", "new", "V=\"--userns-remap=new --b\"\n");
	assert_edit("V=\"--userns-remap=x --userns-remap=y\"\n", "new", "V=\"--userns-remap=x --userns-remap=new\"\n");
	assert_edit("V=--userns-remap=x\nV=\"--a\"\n", "new", "V=--userns-remap=x\nV=\"--a --userns-remap=new\"\n");
}

static void removing(void **state)
{
	(void)state;
	assert_edit("V=\"--userns-remap=x --b\"\n", NULL, "V=\"--b\"\n");
	assert_edit("V=\"--a --userns-remap x --b\"\n", NULL, "V=\"--a --b\"\n");
	assert_edit("V=\"--a --userns-remap=x --b\"\n", NULL, "V=\"--a --b\"\n");
	assert_edit("V=\"--userns-remap=x   \"\n", NULL, "V=\"\"\n");
	assert_edit("V=\"--userns-remap=x --userns-remap=y --userns-remap=z --b\"\n", NULL, "V=\"--b\"\n");
	assert_edit("V=--userns-remap=x --b\n", NULL, "V=--b\n");
	assert_edit("V=\"--userns-remap=x \\\n  --b\"\n", NULL, "V=\"--b\"\n");
	assert_edit("V=\"--a \\\n  --userns-remap=x \\\n  --b\"\n", NULL, "V=\"--a \\\n  --b\"\n");
	assert_edit("V=\"--a \\\n  --userns-remap x \\\n\"\n", NULL, "V=\"--a \\\n\"\n");
	/* The line as a whole would leave no blank between --a and --b. */
	assert_edit("V=\"--a\\\n --userns-remap=x \\\n--b\"\n", NULL, "V=\"--a\\\n \\\n--b\"\n");
	assert_edit("V=\"--a\n--userns-remap=x\n--b\"\n", NULL, "V=\"--a\n--b\"\n");
}

/* Each word where it is written. */
static void editing_what_was_before(void **state)
{
	(void)state;
	assert_edit("V=\"--a --userns-remap=old\"\nV=\"$V --b\"\n", "new", "V=\"--a --userns-remap=new\"\nV=\"$V --b\"\n");
	assert_edit("V=\"--a --userns-remap=old\"\nV=\"$V --b\"\n", NULL, "V=\"--a\"\nV=\"$V --b\"\n");
	assert_edit("V=--a\nV=\"$V --userns-remap=old\"\n", NULL, "V=--a\nV=\"$V\"\n");
	assert_edit("V=--a\nV=\"--userns-remap=old $V\"\n", NULL, "V=--a\nV=\"$V\"\n");
	assert_edit("V=--a\nV=\"$V --userns-remap=old\"\n", "new", "V=--a\nV=\"$V --userns-remap=new\"\n");
	assert_edit("V=--a\nV=$V\n", "new", "V=--a\nV=$V\\ --userns-remap=new\n");
	assert_edit("V=--a\nV=$V\\ --userns-remap=new\n", NULL, "V=--a\nV=$V\n");
	assert_edit("V=\nV=$V # c\n", "new", "V=\nV=$V\\ --userns-remap=new # c\n");
	assert_edit("V=\"" WORD "\"\nV=\"$V $V\"\n", NULL, "V=\"\"\nV=\"$V $V\"\n");
}

static void assert_edit_fails(const char *text, const char *value, enum uns_code code, const char *message)
{
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_buf_puts(&out, "kept", NULL), 0);
	assert_int_equal(uns_option_env_set(UNS_READ_SH, text, strlen(text), "f", "V", OPTION, value, &out, &err), -1);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, message);
	assert_string_equal(out.data, "kept");
	uns_buf_done(&out);
}

static void edits_that_are_refused(void **state)
{
	static const char parts[] =
	        "f:1:4: this option is put together from several quoted parts; write it as --NAME=VALUE within one";

	(void)state;
	assert_edit_fails(
	        "V=\"\"\n", "a b", UNS_E_INPUT,
	        "value \"a b\" cannot be written to a variable for dockerd; expected only letters, digits and _@%+=:,./-");
	assert_edit_fails("V=\"\"\n", "$x", UNS_E_INPUT,
	                  "value \"$x\" cannot be written to a variable for dockerd; expected only letters, digits and _@%+=:,./-");
	assert_edit_fails("V=\"--userns-\"remap=x\n", "y", UNS_E_INPUT, parts);
	assert_edit_fails("V=\nV=\"--userns-remap=x${V}y\"\n", "y", UNS_E_INPUT,
	                  "f:2:4: this option is put together from several quoted parts; write it as --NAME=VALUE within one");
}

/* Where the text ends in a backslash, a line that is added would be part of the line before. */
static void an_edit_that_would_not_work_is_found(void **state)
{
	static const char why[] =
	        "f: cannot set --userns-remap in V without a change to other options; edit the file by hand (nothing was changed)";

	(void)state;
	assert_edit_fails("W=a \\\n", "x", UNS_E_FAILED, why);
	assert_edit_fails("V='--a \\'\n", "x", UNS_E_FAILED, why);
}

/* ---- flags that are repeated, and command lines ---- */

static char *edit_list(const char *text, const char *variable, const char *flag, const char *const values[])
{
	struct uns_strs wanted = UNS_STRS_INIT;
	struct uns_buf out = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	int r;

	for (size_t i = 0; values[i]; i++)
		assert_int_equal(uns_strs_add(&wanted, values[i], NULL), 0);
	r = variable ? uns_option_env_list(UNS_READ_SH, text, strlen(text), "f", variable, flag, &wanted, &out, &err)
	             : uns_option_line_set(text, "f", flag, &wanted, true, &out, &err);
	if (r)
		fail_msg("%s: %s", text, err.text);
	uns_strs_done(&wanted);
	return uns_buf_take(&out, NULL);
}

static void assert_list(const char *text, const char *flag, const char *const values[], const char *want)
{
	char *got = edit_list(text, "V", flag, values);

	assert_string_equal(got, want);
	free(got);
}

static void a_repeated_flag_becomes_these_values(void **state)
{
	(void)state;
	assert_list("V=\"--label a=1 -D --label=b=2\"\n", "label", (const char *const[]){ "a=1", "c=3", NULL },
	            "V=\"--label a=1 -D --label=c=3\"\n");
	assert_list("V=\"--label a=1 -D --label=b=2\"\n", "label", (const char *const[]){ "a=1", NULL }, "V=\"--label a=1 -D\"\n");
	assert_list("V=\"--label a=1 -D\"\n", "label", (const char *const[]){ "a=1", "b=2", "c=3", NULL },
	            "V=\"--label a=1 --label=b=2 --label=c=3 -D\"\n");
	assert_list("V=\"-D\"\n", "label", (const char *const[]){ "a=1", "b=2", NULL }, "V=\"-D --label=a=1 --label=b=2\"\n");
	assert_list("V=\"-H fd:// -D -Htcp://x:1\"\n", "host", (const char *const[]){ "unix://", NULL }, "V=\"-H unix:// -D\"\n");
	assert_list("V=--label=a=1\nV=\"$V -D\"\n", "label", (const char *const[]){ "a=1", "b=2", NULL },
	            "V=--label=a=1\nV=\"$V -D --label=b=2\"\n");
	assert_list("V=\"-H fd:// -D\"\n", "host", (const char *const[]){ NULL }, "V=\"-D\"\n");
	assert_list("V=\"--live-restore -D\"\n", "live-restore", (const char *const[]){ "false", NULL },
	            "V=\"--live-restore=false -D\"\n");
}

static void assert_line(const char *text, const char *flag, const char *const values[], const char *want)
{
	char *got = edit_list(text, NULL, flag, values);

	assert_string_equal(got, want);
	free(got);
}

static void a_command_line_is_edited_in_place(void **state)
{
	(void)state;
	assert_line("/usr/bin/dockerd -H fd:// \"--data-root=/a b\" --iptables=true $OPTS", "iptables",
	            (const char *const[]){ "false", NULL }, "/usr/bin/dockerd -H fd:// \"--data-root=/a b\" --iptables=false $OPTS");
	assert_line("/usr/bin/dockerd -H fd:// --iptables=true $OPTS", "iptables", (const char *const[]){ NULL },
	            "/usr/bin/dockerd -H fd:// $OPTS");
	assert_line("/usr/bin/dockerd", "label", (const char *const[]){ "a=b", NULL }, "/usr/bin/dockerd --label=a=b");
	assert_line("dockerd --data-root \"/a b\"", "data-root", (const char *const[]){ "/c", NULL }, "dockerd --data-root /c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeated_flag_becomes_these_values),
		cmocka_unit_test(a_command_line_is_edited_in_place),
		cmocka_unit_test(argv_long),
		cmocka_unit_test(argv_flags_stand_alone),
		cmocka_unit_test(argv_short),
		cmocka_unit_test(words_of_one_line),
		cmocka_unit_test(words_quoted_twice),
		cmocka_unit_test(words_with_comments),
		cmocka_unit_test(words_over_lines),
		cmocka_unit_test(the_last_assignment_counts),
		cmocka_unit_test(what_was_before_is_kept),
		cmocka_unit_test(editing_what_was_before),
		cmocka_unit_test(malformed_texts),
		cmocka_unit_test(set_and_remove_leaves_no_trace),
		cmocka_unit_test(lines_that_came_later_stay),
		cmocka_unit_test(replacing),
		cmocka_unit_test(removing),
		cmocka_unit_test(edits_that_are_refused),
		cmocka_unit_test(an_edit_that_would_not_work_is_found),
	};
	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
