/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/consumer.h"
#include "uns/subid.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- the table ---- */

/* Our notes of what was seen, in their own words: a row each, and in it, from left to right, newuidmap 4.13 and 4.20, dockerd
 * 20.10 and 28, podman, rootlesskit, incus, lxc-usernsexec and unshare, asked about a user who has the line. */
static const char seen[] =
	"no-newline      ok      file-refused ok        ok        ok        ok         ok           digit-cut    ok\n"
	"crlf            dropped dropped      ok        ok        ok        ok         ok           error        error\n"
	"leading-blank   dropped dropped      ok        ok        ok        ok         none         none         none\n"
	"trailing-blank  dropped dropped      ok        ok        ok        ok         skipped      error        error\n"
	"number-blank    ok      ok           error     start-0   error     error      skipped      ok           ok\n"
	"hex             ok      ok           error     start-0   error     error      skipped      ok           error\n"
	"octal           32768   32768        100000    100000    100000    100000     100000       32768        asks-100000\n"
	"plus            ok      ok           ok        ok        ok        ok         skipped      ok           ok\n"
	"negative        2^64-1  dropped      start--1  start--1  start--1  start--1   skipped      error        refused-later\n"
	"no-number       dropped dropped      error     start-0   error     error      skipped      error        error\n"
	"fourth-field    ok      dropped      file-refused ok     file-refused file-refused ok      error        error\n"
	"note            dropped dropped      error     count-0   error     error      skipped      error        error\n"
	"fields          ignored ignored      file-refused ignored file-refused file-refused file-refused ignored ignored\n"
	"blank-line      ok      ok           ok        ok        ok        ok         file-refused ok           ok\n"
	"uid             ok      ok           ok        ok        ok        ok         ok           none         ok\n"
	"disabled        no-user no-user      no-user   no-user   no-user   no-user    no-user      no-user      no-user\n"
	"nis             ignored ignored      no-user   no-user   no-user   no-user    no-user      no-user      no-user\n"
	"past-end        ok      dropped      as-is     as-is     as-is     as-is      as-is        refused-later refused-later\n"
	"zero-count      count-0 count-0      as-is     as-is     as-is     as-is      count-0      refused-later refused-later\n"
	"long            dropped dropped      ok        ok        ok        ok         ok           ok           ok\n"
	"very-long       dropped dropped      file-refused file-refused stops file-refused stops     ok           ok\n"
	"nul             eats-next file-refused ok      ok        ok        ok         ok           refused-later refused-later\n"
	"bad-owner       no-user no-user      no-user   no-user   no-user   no-user    no-user      no-user      no-user\n"
	"hash            ok      ok           ok        ok        ok        ok         file-refused ok           ok\n"
	"several         merged  merged       in-order  in-order  sorted    in-order   each         first        first\n"
	"name-and-uid    merged  merged       uid-lines in-order  sorted    in-order   name-lines   name-lines   first\n"
	"duplicate       listed-twice listed-twice mapped-twice mapped-twice mapped-twice mapped-twice listed-twice first first\n";

static const struct {
	const char *word;
	enum uns_effect effect;
} words[] = {
	{ "ok", UNS_READS },
	{ "dropped", UNS_IGNORES_LINE },
	{ "ignored", UNS_IGNORES_LINE },
	{ "skipped", UNS_IGNORES_LINE },
	{ "none", UNS_IGNORES_LINE },
	{ "file-refused", UNS_REFUSES_FILE },
	{ "error", UNS_FAILS },
	{ "start-0", UNS_READS_ZERO },
	{ "count-0", UNS_READS_NO_IDS },
	{ "32768", UNS_READS_OCTAL },
	{ "100000", UNS_READS_DECIMAL },
	{ "2^64-1", UNS_READS_WRAPPED },
	{ "start--1", UNS_READS_MINUS },
	{ "digit-cut", UNS_CUTS_DIGIT },
	{ "asks-100000", UNS_ASKS_WRONG },
	{ "stops", UNS_STOPS_READING },
	{ "eats-next", UNS_LOSES_NEXT },
	{ "as-is", UNS_TAKES_AS_IS },
	{ "refused-later", UNS_TAKES_AS_IS },
	{ "merged", UNS_MERGES },
	{ "in-order", UNS_FILE_ORDER },
	{ "sorted", UNS_SORTS },
	{ "each", UNS_EACH_ALONE },
	{ "first", UNS_FIRST_ONLY },
	{ "uid-lines", UNS_UID_LINES },
	{ "name-lines", UNS_NAME_LINES },
	{ "listed-twice", UNS_LISTS_TWICE },
	{ "mapped-twice", UNS_MAPS_TWICE },
	{ "no-user", UNS_OTHER_OWNER },
};

/* The rows in words, in the order of the matrix; each with a line that is an example of it. */
static const struct row {
	const char *name;
	enum uns_flaw flaw;
	const char *line; /* NULL: about several lines, or too long to stand here */
	size_t len;
} rows[] = {
#define ROW(name, flaw, line) { name, UNS_FLAW_##flaw, line, sizeof(line) - 1 }
	ROW("no-newline", NO_NEWLINE, "bob:100000:65536"),
	ROW("crlf", CR, "bob:100000:65536\r\n"),
	ROW("leading-blank", LEADING_BLANK, "  bob:100000:65536\n"),
	ROW("trailing-blank", TRAILING_BLANK, "bob:100000:65536\t\n"),
	ROW("number-blank", NUMBER_BLANK, "bob: 100000:65536\n"),
	ROW("hex", HEX, "bob:0x186a0:65536\n"),
	ROW("octal", OCTAL, "bob:0100000:65536\n"),
	ROW("plus", PLUS, "bob:+100000:65536\n"),
	ROW("negative", NEGATIVE, "bob:-1:10\n"),
	ROW("no-number", NO_NUMBER, "bob:abc:65536\n"),
	ROW("fourth-field", FOURTH_FIELD, "bob:100000:65536:x\n"),
	ROW("note", NOTE, "bob:100000:65536 # note\n"),
	ROW("fields", FIELDS, "alice:junk\n"),
	ROW("blank-line", BLANK_LINE, "  \n"),
	ROW("uid", NUMERIC_OWNER, "1001:100000:65536\n"),
	ROW("disabled", DISABLED, "!bob:100000:65536\n"),
	ROW("nis", NIS, "+bob:100000:65536\n"),
	ROW("past-end", PAST_END, "bob:4294967000:65536\n"),
	ROW("zero-count", ZERO_COUNT, "bob:100000:0\n"),
	{ "long", UNS_FLAW_LONG, NULL, 1024 },
	{ "very-long", UNS_FLAW_VERY_LONG, NULL, 65536 },
	ROW("nul", NUL, "al\0ice:100000:65536\n"),
	ROW("bad-owner", BAD_OWNER, "bo b:100000:65536\n"),
	ROW("hash", HASH, "bo#b:100000:65536\n"),
	{ "several", UNS_FLAW_SEVERAL, NULL, 0 },
	{ "name-and-uid", UNS_FLAW_NAME_AND_UID, NULL, 0 },
	{ "duplicate", UNS_FLAW_DUPLICATE, NULL, 0 },
};

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	fail_msg("no row is called %s", name);
	return NULL;
}

static enum uns_effect find_word(const char *word)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcmp(words[i].word, word))
			return words[i].effect;
	fail_msg("\"%s\" is no word of the table", word);
	return UNS_EFFECTS;
}

static void check_row(char *line, unsigned *ret_flaws, unsigned *ret_effects)
{
	char *rest = NULL;
	const struct row *row = find_row(strtok_r(line, " ", &rest));

	*ret_flaws |= 1u << row->flaw;
	for (int c = 0; c < UNS_CONSUMERS; c++) {
		const char *word = strtok_r(NULL, " ", &rest);

		assert_non_null(word);

		enum uns_effect wanted = find_word(word), got = uns_consumer_effect((enum uns_consumer)c, row->flaw);

		*ret_effects |= 1u << wanted;
		if (got != wanted)
			fail_msg("%s, %s: \"%s\"; expected %s", row->name, uns_consumer_names[c], uns_effect_texts[got], word);
	}
	assert_null(strtok_r(NULL, " ", &rest));
}

static void table_is_what_was_seen(void **state)
{
	char copy[sizeof(seen)], *rest = NULL;
	unsigned flaws = 0, effects = 0;

	(void)state;
	memcpy(copy, seen, sizeof(seen));
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		check_row(line, &flaws, &effects);
	assert_int_equal(flaws, (1u << UNS_FLAWS) - 1);
	assert_int_equal(effects, (1u << UNS_EFFECTS) - 1);
}

/* ---- the rows and the parser ---- */

static void make_example(const struct row *row, struct uns_buf *ret)
{
	if (row->line) {
		assert_int_equal(uns_buf_append(ret, row->line, row->len, NULL), 0);
		return;
	}
	for (size_t i = strlen(":1:1"); i < row->len; i++)
		assert_int_equal(uns_buf_puts(ret, "b", NULL), 0);
	assert_int_equal(uns_buf_puts(ret, ":1:1\n", NULL), 0);
}

static void each_row_has_its_flaw_and_no_other(void **state)
{
	unsigned seen_flaws = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		uint32_t wanted = UNS_FLAW_BIT(row->flaw);
		struct uns_buf b = UNS_BUF_INIT;
		struct uns_subid s = { 0 };

		if (row->flaw >= UNS_FLAW_LINE_FLAWS)
			continue;
		/* The one row that cannot be without another. */
		if (row->flaw == UNS_FLAW_VERY_LONG)
			wanted |= UNS_FLAW_BIT(UNS_FLAW_LONG);
		make_example(row, &b);
		assert_int_equal(uns_subid_read(&b, &s, NULL), 0);
		assert_int_equal(s.n, 1);
		if (s.v[0].flaws != wanted)
			fail_msg("%s: flaws %#x; expected %#x", row->name, s.v[0].flaws, wanted);
		seen_flaws |= s.v[0].flaws;
		uns_subid_done(&s);
	}
	assert_int_equal(seen_flaws, (1u << UNS_FLAW_LINE_FLAWS) - 1);
}

static void unusual_lines_do_not_spoil_each_other(void **state)
{
	struct uns_buf all = UNS_BUF_INIT;
	struct uns_subid s = { 0 };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < UNS_FLAW_LINE_FLAWS; i++)
		if (rows[i].flaw != UNS_FLAW_NO_NEWLINE) {
			make_example(&rows[i], &all);
			assert_int_equal(uns_buf_puts(&all, "# c\nok:1:1\n", NULL), 0);
		}
	assert_int_equal(uns_subid_read(&all, &s, NULL), 0);
	assert_int_equal(s.n, 2 * (UNS_FLAW_LINE_FLAWS - 1));
	for (size_t i = 0; i < UNS_FLAW_LINE_FLAWS; i++) {
		if (rows[i].flaw == UNS_FLAW_NO_NEWLINE)
			continue;
		assert_int_equal(s.v[n].line, n / 2 * 3 + 1);
		assert_true(s.v[n++].flaws & UNS_FLAW_BIT(rows[i].flaw));
		assert_int_equal(s.v[n].flaws, 0);
		assert_string_equal(s.v[n++].owner, "ok");
	}
	uns_subid_done(&s);
}

/* ---- judgements ---- */

static void root_is_what_dockerd_makes_of_it(void **state)
{
	(void)state;
	for (int f = 0; f < UNS_FLAWS; f++) {
		bool wanted = f == UNS_FLAW_NUMBER_BLANK || f == UNS_FLAW_HEX || f == UNS_FLAW_NO_NUMBER;

		assert_int_equal(uns_flaw_is_root((enum uns_flaw)f), wanted);
		assert_true(!wanted || uns_consumer_effect(UNS_DOCKERD_28, (enum uns_flaw)f) == UNS_READS_ZERO);
	}
}

static void harmless_is_what_all_read_or_all_skip(void **state)
{
	(void)state;
	for (int f = 0; f < UNS_FLAWS; f++) {
		bool wanted = f == UNS_FLAW_DISABLED || f == UNS_FLAW_NIS || f == UNS_FLAW_BAD_OWNER;

		assert_int_equal(uns_flaw_is_harmless((enum uns_flaw)f), wanted);
	}
}

/* What a strict reading goes on with may cost somebody the line or the file, but gives nobody another start. */
static void tolerated_flaws_move_no_start(void **state)
{
	(void)state;
	for (int f = 0; f < UNS_FLAW_LINE_FLAWS; f++)
		for (int c = 0; c < UNS_CONSUMERS && (UNS_FLAW_BIT(f) & UNS_SUBID_TOLERATED); c++) {
			enum uns_effect e = uns_consumer_effect((enum uns_consumer)c, (enum uns_flaw)f);

			assert_true(e == UNS_READS || e == UNS_IGNORES_LINE || e == UNS_REFUSES_FILE || e == UNS_OTHER_OWNER ||
			            e == UNS_CUTS_DIGIT);
		}
}

static void check_names(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_non_null(names[i]);
		assert_true(strlen(names[i]) > 3);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

static void everything_has_a_name(void **state)
{
	(void)state;
	check_names(uns_consumer_names, UNS_CONSUMERS);
	check_names(uns_flaw_names, UNS_FLAWS);
	check_names(uns_effect_texts, UNS_EFFECTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_what_was_seen),
		cmocka_unit_test(each_row_has_its_flaw_and_no_other),
		cmocka_unit_test(unusual_lines_do_not_spoil_each_other),
		cmocka_unit_test(root_is_what_dockerd_makes_of_it),
		cmocka_unit_test(harmless_is_what_all_read_or_all_skip),
		cmocka_unit_test(tolerated_flaws_move_no_start),
		cmocka_unit_test(everything_has_a_name),
	};

	return cmocka_run_group_tests_name("consumer", tests, NULL, NULL);
}
