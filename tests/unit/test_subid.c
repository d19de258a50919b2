/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/subid.h"

#define BIT(flaw) UNS_FLAW_BIT(UNS_FLAW_##flaw)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void read_bytes(const char *text, size_t len, struct uns_subid *ret)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_buf_append(&b, text, len, &err), 0);
	assert_int_equal(uns_subid_read(&b, ret, &err), 0);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
}

/* ---- reading ---- */

static void read_keeps_file_order_and_lines(void **state)
{
	static const char text[] = "# head\n\nbob:300000:65536\n \t\n#alice:1:1\n1001:100000:65536\nbob:300000:65536";
	static const struct {
		const char *owner;
		uint32_t start, count, line, flaws;
	} wanted[] = {
		{ "bob", 300000, 65536, 3, 0 },
		{ "", 0, 0, 4, BIT(BLANK_LINE) },
		{ "1001", 100000, 65536, 6, BIT(NUMERIC_OWNER) },
		{ "bob", 300000, 65536, 7, BIT(NO_NEWLINE) },
	};
	struct uns_subid s = { 0 };

	(void)state;
	read_bytes(text, strlen(text), &s);
	assert_int_equal(s.n, COUNT(wanted));
	assert_int_equal(s.len, strlen(text));
	for (size_t i = 0; i < s.n; i++) {
		assert_string_equal(s.v[i].owner, wanted[i].owner);
		assert_int_equal(s.v[i].range.start, wanted[i].start);
		assert_int_equal(s.v[i].range.count, wanted[i].count);
		assert_int_equal(s.v[i].line, wanted[i].line);
		assert_int_equal(s.v[i].flaws, wanted[i].flaws);
	}
	assert_int_equal(s.v[0].at, 8);
	assert_int_equal(s.v[0].len, 16);
	uns_subid_done(&s);
	assert_int_equal(s.n, 0);
	assert_null(s.text);
}

static void read_takes_an_empty_file(void **state)
{
	struct uns_buf none = UNS_BUF_INIT;
	struct uns_subid s = { .n = 77 };
	struct uns_buf out = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_subid_read(&none, &s, NULL), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(uns_subid_print(&s, &out, NULL), 0);
	assert_string_equal(out.data, "");
	uns_subid_done(&s);
	read_bytes("\n\n", 2, &s);
	assert_int_equal(s.n, 0);
	uns_subid_done(&s);
	uns_buf_done(&out);
}

static void read_refuses_four_gibibytes(void **state)
{
	struct uns_buf b = { malloc(1), (size_t)UINT32_MAX + 1, 1 };
	struct uns_subid s = { .n = 77 };
	struct uns_err err = { 0 };

	(void)state;
	assert_non_null(b.data);
	assert_int_equal(uns_subid_read(&b, &s, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(s.n, 77);
}

struct shape {
	const char *text;
	size_t len;
	const char *owner;
	uint32_t start, count, flaws;
};
#define SHAPE(text, owner, start, count, flaws) { text, sizeof(text) - 1, owner, start, count, flaws }

/* What each line means: all of them are the only line of a file. */
static const struct shape shapes[] = {
	/* Canonical, at the limits. */
	SHAPE("a:4294967294:1\n", "a", 4294967294u, 1, 0),
	SHAPE("a:0:4294967295\n", "a", 0, 4294967295u, 0),
	SHAPE("DOM\\al.ice@example.org$:4294901759:65536\n", "DOM\\al.ice@example.org$", 4294901759u, 65536, 0),
	SHAPE("j\xc3\xb6rg:1:1\n", "j\xc3\xb6rg", 1, 1, 0),
	SHAPE("0x3e9:1:1\n", "0x3e9", 1, 1, 0),
	/* Past the end: the IDs that are left. */
	SHAPE("a:4294967294:2\n", "a", 4294967294u, 1, BIT(PAST_END)),
	SHAPE("a:4294967295:1\n", "a", 4294967295u, 0, BIT(PAST_END)),
	SHAPE("a:1:4294967295\n", "a", 1, 4294967294u, BIT(PAST_END)),
	SHAPE("a:0:4294967296\n", "a", 0, 4294967295u, BIT(PAST_END)),
	SHAPE("a:5:18446744073709551616\n", "a", 5, 4294967290u, BIT(PAST_END)),
	SHAPE("a:4294967296:5\n", "a", 0, 0, BIT(PAST_END)),
	SHAPE("a:18446744073709551616:5\n", "a", 0, 0, BIT(PAST_END)),
	SHAPE("a:184467440737095516165:5\n", "a", 0, 0, BIT(PAST_END)), /* 10 * 2^64 + 5 */
	SHAPE("a:99999999999999999999999:0\n", "a", 0, 0, BIT(PAST_END) | BIT(ZERO_COUNT)),
	SHAPE("a:5:0\n", "a", 5, 0, BIT(ZERO_COUNT)),
	SHAPE("a:4294967295:0\n", "a", 4294967295u, 0, BIT(ZERO_COUNT)),
	/* Numbers as strtoul reads them with base 0. */
	SHAPE("a:0x186a0:0X10\n", "a", 100000, 16, BIT(HEX)),
	SHAPE("a:0xFFFFFFFE:0x2\n", "a", 4294967294u, 1, BIT(HEX) | BIT(PAST_END)),
	SHAPE("a:0100000:010\n", "a", 32768, 8, BIT(OCTAL)),
	SHAPE("a:00:1\n", "a", 0, 1, BIT(OCTAL)),
	SHAPE("a:0108:1\n", "a", 108, 1, BIT(OCTAL)), /* not octal: those who take it take it as decimal */
	SHAPE("a:+7:+0x8\n", "a", 7, 8, BIT(PLUS) | BIT(HEX)),
	SHAPE("a: 7:\t8\n", "a", 7, 8, BIT(NUMBER_BLANK)),
	SHAPE("a:\v\f +07:8\n", "a", 7, 8, BIT(NUMBER_BLANK) | BIT(PLUS) | BIT(OCTAL)),
	SHAPE("a:-1:10\n", "a", 0, 0, BIT(NEGATIVE)),
	SHAPE("a:7:-1\n", "a", 7, 0, BIT(NEGATIVE)),
	SHAPE("a:-0:10\n", "a", 0, 10, BIT(NEGATIVE)),
	SHAPE("a:-18446744073709451616:10\n", "a", 100000, 10, BIT(NEGATIVE)), /* strtoul wraps */
	SHAPE("a:-18446744073709551617:10\n", "a", 0, 0, BIT(NEGATIVE)),       /* … but not further than once */
	/* No numbers. */
	SHAPE("a:abc:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a::5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:5:\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a::\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a: :5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:+:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:+-5:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:- 5:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:5 :5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:5x:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:0x:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:0xg:5\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:5:x\n", "a", 0, 0, BIT(NO_NUMBER)),
	SHAPE("a:\xc2\xa0" "5:5\n", "a", 0, 0, BIT(NO_NUMBER)), /* a blank to Go, but not inside */
	/* Behind the count. */
	SHAPE("a:5:6 # note\n", "a", 5, 6, BIT(NOTE)),
	SHAPE("a:5:6#note\n", "a", 5, 6, BIT(NOTE)),
	SHAPE("a:5:6 7\n", "a", 5, 6, BIT(NOTE)),
	SHAPE("a:5:0x\n", "a", 5, 0, BIT(NOTE) | BIT(ZERO_COUNT)),
	SHAPE("a:5:6 # see: b\n", "a", 5, 6, BIT(NOTE) | BIT(FOURTH_FIELD)),
	SHAPE("a:5:6:x\n", "a", 5, 6, BIT(FOURTH_FIELD)),
	SHAPE("a:5:6:\n", "a", 5, 6, BIT(FOURTH_FIELD)),
	SHAPE("a:5:6::::\n", "a", 5, 6, BIT(FOURTH_FIELD)),
	/* Fields. */
	SHAPE("a:5\n", "a", 0, 0, BIT(FIELDS)),
	SHAPE("a:\n", "a", 0, 0, BIT(FIELDS)),
	SHAPE("a\n", "", 0, 0, BIT(FIELDS)),
	SHAPE(":\n", "", 0, 0, BIT(FIELDS) | BIT(BAD_OWNER)),
	SHAPE(":5:6\n", "", 5, 6, BIT(BAD_OWNER)),
	/* Blanks around. */
	SHAPE("  a:5:6\n", "a", 5, 6, BIT(LEADING_BLANK)),
	SHAPE("\xc2\xa0" "a:5:6\n", "a", 5, 6, BIT(LEADING_BLANK)),
	SHAPE("\xc2\xa0\xe3\x80\x80" "a:5:6\xe2\x80\x89\xc2\x85\n", "a", 5, 6, BIT(LEADING_BLANK) | BIT(TRAILING_BLANK)),
	SHAPE("a:5:6\xa0\n", "a", 5, 6, BIT(NOTE)), /* half a character is no blank */
	SHAPE("a:5:6 \t\n", "a", 5, 6, BIT(TRAILING_BLANK)),
	SHAPE("a:5:6:x \n", "a", 5, 6, BIT(TRAILING_BLANK) | BIT(FOURTH_FIELD)),
	SHAPE("a:5:6\r\n", "a", 5, 6, BIT(CR)),
	SHAPE("a:5:6 \r\n", "a", 5, 6, BIT(CR) | BIT(TRAILING_BLANK)),
	SHAPE("a:5:6\r\r\n", "a", 5, 6, BIT(CR) | BIT(TRAILING_BLANK)),
	SHAPE("a:5:6\r", "a", 5, 6, BIT(CR) | BIT(NO_NEWLINE)),
	SHAPE("\r\n", "", 0, 0, BIT(CR)),
	SHAPE(" \r\n", "", 0, 0, BIT(CR) | BIT(BLANK_LINE)),
	SHAPE(" \xc2\xa0\n", "", 0, 0, BIT(BLANK_LINE)),
	SHAPE("\t# a:5:6\n", "", 0, 0, BIT(BLANK_LINE)),
	/* Owners. */
	SHAPE("1001:5:6\n", "1001", 5, 6, BIT(NUMERIC_OWNER)),
	SHAPE("!bob:5:6\n", "!bob", 5, 6, BIT(DISABLED)),
	SHAPE("!1001:5:6\n", "!1001", 5, 6, BIT(DISABLED)),
	SHAPE("a b:5:6\n", "a b", 5, 6, BIT(BAD_OWNER)),
	SHAPE("a :5:6\n", "a ", 5, 6, BIT(BAD_OWNER)),
	SHAPE("a\033[2J:5:6\n", "a\033[2J", 5, 6, BIT(BAD_OWNER)),
	SHAPE("a#b:5:6\n", "a#b", 5, 6, BIT(HASH)),
	SHAPE("a:5#:6\n", "a", 0, 0, BIT(HASH) | BIT(NO_NUMBER)),
	/* Nobody reads the numbers of these, but some count their fields. */
	SHAPE("+bob:5:6\n", "+bob", 0, 0, BIT(NIS)),
	SHAPE("-bob:0x5:-6\n", "-bob", 0, 0, BIT(NIS)),
	SHAPE("+::\n", "+", 0, 0, BIT(NIS)),
	SHAPE("+\n", "", 0, 0, BIT(NIS) | BIT(FIELDS)),
	SHAPE("-x::::\n", "-x", 0, 0, BIT(NIS) | BIT(FOURTH_FIELD)),
	SHAPE(" +bob:5:6\n", "+bob", 5, 6, BIT(LEADING_BLANK)), /* to shadow no NIS line */
	/* NUL bytes. */
	SHAPE("a\0b:5:6\n", "", 5, 6, BIT(NUL)),
	SHAPE("a:5\0:6\n", "a", 0, 0, BIT(NUL) | BIT(NO_NUMBER)),
	SHAPE("a:5:6\0\n", "a", 5, 6, BIT(NUL) | BIT(NOTE)),
	SHAPE("\0\n", "", 0, 0, BIT(NUL) | BIT(FIELDS)),
	/* Comments that spoil the file for somebody. */
	SHAPE("# a:5:6", "", 0, 0, BIT(NO_NEWLINE)),
	SHAPE("# \0\n", "", 0, 0, BIT(NUL)),
};

static void read_knows_each_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		const struct shape *w = &shapes[i];
		struct uns_subid s = { 0 };

		read_bytes(w->text, w->len, &s);
		if (s.n != 1 || s.v[0].flaws != w->flaws || s.v[0].range.start != w->start || s.v[0].range.count != w->count ||
		    strcmp(s.v[0].owner, w->owner) != 0)
			fail_msg("\"%s\": %zu lines, owner \"%s\", %u:%u, flaws %#x; expected \"%s\", %u:%u, %#x", w->text, s.n,
			         s.n ? s.v[0].owner : "", s.v[0].range.start, s.v[0].range.count, s.v[0].flaws, w->owner, w->start,
			         w->count, w->flaws);
		uns_subid_done(&s);
	}
}

static void fill(struct uns_buf *b, char c, size_t n)
{
	for (; n > 0; n--)
		assert_int_equal(uns_buf_append(b, &c, 1, NULL), 0);
}

static void check_length(size_t len, bool comment, uint32_t flaws)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_subid s = { 0 };

	if (comment)
		fill(&b, '#', len);
	else
		fill(&b, 'x', len - 4);
	assert_int_equal(uns_buf_puts(&b, comment ? "\n" : ":5:6\n", NULL), 0);
	assert_int_equal(uns_subid_read(&b, &s, NULL), 0);
	assert_int_equal(s.n, comment ? flaws != 0 : 1);
	if (s.n == 1) {
		assert_int_equal(s.v[0].flaws, flaws);
		assert_int_equal(s.v[0].len, len);
		assert_int_equal(s.v[0].range.count, comment ? 0 : 6);
	}
	uns_subid_done(&s);
}

static void read_measures_lines(void **state)
{
	(void)state;
	check_length(1023, false, 0);
	check_length(1024, false, BIT(LONG));
	check_length(65535, false, BIT(LONG));
	check_length(65536, false, BIT(LONG) | BIT(VERY_LONG));
	check_length(65535, true, 0);
	check_length(65536, true, BIT(VERY_LONG));
}

/* ---- giving back ---- */

static void check_bytes_come_back(const char *text, size_t len)
{
	struct uns_buf whole = UNS_BUF_INIT;
	struct uns_subid s = { 0 };

	read_bytes(text, len, &s);
	assert_int_equal(uns_buf_puts(&whole, "before", NULL), 0);
	assert_int_equal(uns_subid_print(&s, &whole, NULL), 0);
	assert_int_equal(whole.len, len + 6);
	assert_memory_equal(whole.data + 6, text, len);
	for (size_t i = 0; i < s.n; i++) {
		struct uns_buf raw = UNS_BUF_INIT;
		const struct uns_subid_line *l = &s.v[i];
		size_t owner_len = 99;

		assert_int_equal(uns_buf_puts(&raw, "x", NULL), 0);
		assert_int_equal(uns_subid_raw(&s, l, &raw, NULL), 0);
		assert_int_equal(raw.len, l->len + 1);
		assert_memory_equal(raw.data + 1, text + l->at, l->len);
		assert_true(l->at + l->len == len || text[l->at + l->len] == '\n');

		const char *owner = uns_subid_owner_of(raw.data + 1, l->len, &owner_len);

		assert_int_equal(owner_len, strlen(l->owner));
		assert_memory_equal(owner, l->owner, owner_len);
		uns_buf_done(&raw);
	}
	uns_buf_done(&whole);
	uns_subid_done(&s);
}

static void bytes_come_back(void **state)
{
	static const char hard[] = "a:b\0:c\n\0:\0\n:\n::\nbo\0b:1:1\nbob\0:1:1\n"
				   "\xff\xfe:1:1\r\n#x:1:1\n  y:1:1\n+z:1:1\n !:\nlast:1";

	(void)state;
	check_bytes_come_back("", 0);
	for (size_t i = 0; i < COUNT(shapes); i++)
		check_bytes_come_back(shapes[i].text, shapes[i].len);
	for (size_t len = 0; len < sizeof(hard); len++)
		check_bytes_come_back(hard, len);
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void random_bytes_come_back(void **state)
{
	static const char telling[] = "::::\n\n\0#+-! \t\r0179xab\xc2\xa0\xe2\x80";
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		char text[64];
		size_t len = next_random(&random) % (sizeof(text) + 1);

		for (size_t i = 0; i < len; i++)
			text[i] = telling[next_random(&random) % (sizeof(telling) - 1)];
		check_bytes_come_back(text, len);
	}
}

/* A line that was not made by uns_subid_read (of a test, or a plugin): the owner lies elsewhere. */
static void raw_does_not_trust_the_owner(void **state)
{
	char text[] = "bob:1:1";
	struct uns_subid_line line = { .owner = "bob", .len = 7 };
	struct uns_subid s = { .text = text, .len = 7, .v = &line, .n = 1 };
	struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(uns_subid_raw(&s, &line, &b, NULL), 0);
	assert_int_equal(uns_subid_print(&s, &b, NULL), 0);
	assert_string_equal(b.data, "bob:1:1bob:1:1");
	uns_buf_done(&b);
}

static void owner_of_reads_no_further(void **state)
{
	static const struct {
		const char *line, *owner;
	} lines[] = {
		{ "", "" },
		{ "bob", "" },
		{ "bob:", "bob" },
		{ "bob:1", "bob" },
		{ "bob:1:", "bob" },
		{ "bob:1:+", "bob" },
		{ "  bob:1:0x", "bob" },
		{ "#bob:1:1", "" },
		{ " #bob:1:1", "" },
		{ ":1:1", "" },
		{ "  ", "" },
		{ "\r", "" },
		{ "+bob:1:1", "+bob" },
		{ "-", "" },
		{ "!bob:1:0", "!bob" },
		{ "1001:x", "1001" },
		{ "b:1:1\xe2\x80", "b" },
		{ "b:1:1\xc2", "b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		size_t line_len = strlen(lines[i].line), len = 99;
		char *line = malloc(line_len ? line_len : 1); /* of this size, for AddressSanitizer and valgrind */

		assert_non_null(line);
		memcpy(line, lines[i].line, line_len);

		const char *owner = uns_subid_owner_of(line, line_len, &len);

		assert_int_equal(len, strlen(lines[i].owner));
		assert_memory_equal(owner, lines[i].owner, len);
		free(line);
	}
}

/* ---- strict ---- */

static void parse_takes_what_is_tolerated(void **state)
{
	static const char text[] = "# head\n\nbob:300000:65536\n \t\n  # note\n1001:100000:65536\n"
				   "!eve:1:1\n+::\n-z:0x1:1\nbob:300000:65536";
	struct uns_subid s = { 0 };
	struct uns_err err = { 0 };
	uint32_t all = 0;

	(void)state;
	assert_int_equal(uns_subid_parse(text, strlen(text), "/etc/subuid", &s, &err), 0);
	assert_int_equal(s.n, 8);
	for (size_t i = 0; i < s.n; i++)
		all |= s.v[i].flaws;
	assert_int_equal(all, UNS_SUBID_TOLERATED);
	uns_subid_done(&s);
	assert_int_equal(uns_subid_parse(NULL, 0, "f", &s, NULL), 0);
	assert_int_equal(s.n, 0);
	uns_subid_done(&s);
}

struct bad {
	const char *text, *error;
};

/* Each of these means something else to newuidmap, dockerd, podman and LXC. */
static const struct bad bad_lines[] = {
	{ "bob", "1:4: found fewer than three fields in \"bob\"" },
	{ "bob:", "1:5: found fewer than three fields" },
	{ "bob:100000", "1:11: found fewer than three fields" },
	{ "bob:100000:65536:x", "1:17: found a fourth field" },
	{ ":100000:65536", "1:1: found an owner that is empty" },
	{ "b b:100000:65536", "1:2: found an owner that is empty or has a blank" },
	{ "bob:0x186a0:65536", "1:5: found a hexadecimal number" },
	{ "bob:0100000:65536", "1:5: found a number with a leading zero" },
	{ "bob:+100000:65536", "1:5: found a number with a plus sign" },
	{ "bob:-1:10", "1:5: found a negative number" },
	{ "bob:abc:65536", "1:5: found a field that is no number" },
	{ "bob::65536", "1:5: found a field that is no number" },
	{ "bob:4294967296:1", "1:5: found a range that reaches past ID 4294967294" },
	{ "bob:18446744073709651616:65536", "1:5: found a range that reaches past" },
	{ "bob:100000:", "1:12: found a field that is no number" },
	{ "bob:100000:065536", "1:12: found a number with a leading zero" },
	{ "bob:100000:0", "1:12: found a count of 0" },
	{ "bob:100000:00", "1:12: found a number with a leading zero" },
	{ "bob:4294967294:2", "1:16: found a range that reaches past ID 4294967294" },
	{ "bob:4294967295:1", "1:16: found a range that reaches past" },
	{ "bob: 100000:65536", "1:5: found a blank in front of a number" },
	{ "bob:100000: 0x10", "1:12: found a blank in front of a number" },
	{ "bob:100000:65536 ", "1:17: found a blank at the end" },
	{ "bob:100000:65536\t# note", "1:17: found something behind the count" },
	{ " bob:0x1:65536", "1:1: found a blank in front in \" bob:" },
	{ "bob:100000:65536\r\n", "1:17: found a carriage return at the end in \"bob:100000:65536?\"" },
	{ "bob:0x1:65536\r\n", "1:5: found a hexadecimal number" },
	{ "\r\n", "1:1: found a carriage return" },
	{ "b\033[2J:1:1", "1:2: found an owner that is empty or has a blank or control character in \"b?[2J:1:1\"" },
	{ "b#b:1:1", "1:2: found a '#' inside" },
	{ "ok:1:1\n\n#\n+::\nx::1\n", "5:3: found a field that is no number" },
	{ "ok:1:1\n-x\n", "2:3: found fewer than three fields" },
	{ " \n\t\n\nx:1\n", "4:4: found fewer" },
};

static void check_refused(const char *text, size_t len, const char *wanted)
{
	struct uns_subid s = { .n = 77 };
	struct uns_err err = { 0 };

	assert_int_equal(uns_subid_parse(text, len, "/etc/subgid", &s, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_int_equal(s.n, 77); /* untouched */
	assert_int_equal(strncmp(err.text, "/etc/subgid:", 12), 0);
	if (strncmp(err.text + 12, wanted, strlen(wanted)) != 0)
		assert_string_equal(err.text + 12, wanted);
	assert_non_null(strstr(err.text, "\"; expected owner:start:count in decimal"));
	for (const char *c = err.text; *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
}

static void parse_refuses_what_consumers_disagree_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_lines); i++)
		check_refused(bad_lines[i].text, strlen(bad_lines[i].text), bad_lines[i].error);
	check_refused("bob\0:100000:65536\n", 18, "1:4: found a NUL byte in \"bob?:100000:65536\"");
	check_refused("# \0\n", 4, "1:3: found a NUL byte in \"# ?\"");
}

static void parse_refuses_long_lines(void **state)
{
	struct uns_buf b = UNS_BUF_INIT;

	(void)state;
	fill(&b, 'x', 1024);
	assert_int_equal(uns_buf_puts(&b, ":1:1\n", NULL), 0);
	check_refused(b.data, b.len, "1:1024: found more than 1023 bytes in \"xxxx");
	b.len = 0;
	fill(&b, '#', 65536);
	fill(&b, '\n', 1);
	check_refused(b.data, b.len, "1:65536: found more than 65535 bytes in \"####");
	uns_buf_done(&b);
}

static void strict_agrees_with_flaws(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct uns_subid s = { 0 };
		struct uns_err err = { 0 };
		int wanted = shapes[i].flaws & ~UNS_SUBID_TOLERATED ? -1 : 0;

		read_bytes(shapes[i].text, shapes[i].len, &s);
		assert_int_equal(uns_subid_strict(&s, "f", &err), wanted);
		assert_int_equal(err.code, wanted ? UNS_E_INPUT : UNS_OK);
		assert_true(!wanted || !strncmp(err.text, "f:1:", 4));
		assert_true(!wanted || strncmp(err.text, "f:1:0:", 6) != 0);
		uns_subid_done(&s);
	}
}

/* ---- lines that we write ---- */

static void owners_that_we_write(void **state)
{
	static const char *const good[] = { "bob",  "alice@example.org", "Alice.B", "DOM\\alice", "alice$",
		                            "1001", "_x",                "a!+-~",   "x'" };
	static const char *const bad[] = { "",   "a:b", "a b", "a\n",      "a\r",     "#a",      "a#b", "+a",
		                           "-a", "!a",  "~a",  "a\033[1m", "a\x7f", "\xc3\xa4", "a\t" };
	char name[257];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(uns_subid_owner_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(uns_subid_owner_valid(bad[i]));
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	assert_true(uns_subid_owner_valid(name));
	name[255] = 'a';
	name[256] = '\0';
	assert_false(uns_subid_owner_valid(name));
}

static void line_text_is_canonical_or_refused(void **state)
{
	static const struct uns_range ranges[] = { { 100000, 0 }, { UINT32_MAX, 1 }, { UNS_ID_LAST, 2 } };
	struct uns_err err = { 0 };
	char *line = uns_subid_line_text("DOM\\bob$", (struct uns_range){ 231072, 65536 }, &err);
	struct uns_subid s = { 0 };

	(void)state;
	assert_string_equal(line, "DOM\\bob$:231072:65536");
	read_bytes(line, strlen(line), &s);
	assert_int_equal(s.v[0].flaws, BIT(NO_NEWLINE));
	uns_subid_done(&s);
	free(line);
	for (size_t i = 0; i < COUNT(ranges); i++) {
		err.code = UNS_OK;
		assert_null(uns_subid_line_text("a", ranges[i], &err));
		assert_int_equal(err.code, UNS_E_INPUT);
	}
	assert_null(uns_subid_line_text("a\033b", (struct uns_range){ 1, 1 }, &err));
	assert_non_null(strstr(err.text, "\"a?b:1:1\" cannot be a line"));
	assert_non_null(strstr(err.text, "expected a user name"));
}

/* ---- edit ---- */

/* Lists of lines as one string each, with '|' between them. */
static struct uns_strs split(const char *lines)
{
	struct uns_strs l = UNS_STRS_INIT;
	char one[256];

	while (*lines) {
		size_t len = strcspn(lines, "|");

		assert_true(len < sizeof(one));
		memcpy(one, lines, len);
		one[len] = '\0';
		assert_int_equal(uns_strs_add(&l, one, NULL), 0);
		lines += len + (lines[len] == '|');
	}
	return l;
}

static int edit(const char *text, size_t len, const char *remove, const char *add, struct uns_buf *ret, struct uns_err *err)
{
	struct uns_strs r = split(remove), a = split(add);
	int answer = uns_subid_edit(text, len, &r, &a, ret, err);

	uns_strs_done(&r);
	uns_strs_done(&a);
	return answer;
}

static void check_edit(const char *before, const char *remove, const char *add, const char *after)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	if (edit(before, strlen(before), remove, add, &b, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(b.data, after);
	assert_int_equal(b.len, strlen(after));
	uns_buf_done(&b);
}

#define R "remap:231072:65536"

static void check_add(const char *before, const char *after)
{
	check_edit(before, "", R, after);
}

static void add_finds_the_place(void **state)
{
	(void)state;
	check_add("", R "\n");
	check_add("# none yet\n", "# none yet\n" R "\n");
	check_add("a:100000:65536\n", "a:100000:65536\n" R "\n");
	check_add("a:300000:65536\n", R "\na:300000:65536\n");
	/* The comment stays with the line below it. */
	check_add("a:1:1\n# of b\nb:300000:65536\n", "a:1:1\n" R "\n# of b\nb:300000:65536\n");
	check_add("# of a\na:300000:1\n", "# of a\n" R "\na:300000:1\n");
	check_add("a:1:1\n\n# foot\n", "a:1:1\n" R "\n\n# foot\n");
	/* Not ascending: whoever wrote that order meant it. */
	check_add("a:400000:1\nb:300000:1\nc:1:1\n# foot\n", "a:400000:1\nb:300000:1\nc:1:1\n" R "\n# foot\n");
	check_add("a:231072:65536\nb:231073:1\n", "a:231072:65536\n" R "\nb:231073:1\n");
	/* Lines without a range are no neighbours, lines with flaws are. */
	check_add("junk\r\na:0x1:1\n\xff\n", "junk\r\na:0x1:1\n" R "\n\xff\n");
	check_add("junk\n \n", "junk\n \n" R "\n");
	check_add("a:0x1:1\r\nb:0700000:1\nc:300000:1 # c\n", "a:0x1:1\r\nb:0700000:1\n" R "\nc:300000:1 # c\n");
	/* It is there already, or nearly: it is added all the same. */
	check_add(R "\n", R "\n" R "\n");
	check_add("#" R "\n", "#" R "\n" R "\n");
}

static void add_mends_a_missing_newline(void **state)
{
	(void)state;
	check_add("a:1:1", "a:1:1\n" R "\n");
	check_add("a:300000:1", R "\na:300000:1");
	check_add("a:1:1\n# foot", "a:1:1\n" R "\n# foot");
	check_add("# foot", "# foot\n" R "\n");
	check_edit("a:1:1\nb:2:2", "b:2:2", R, "a:1:1\n" R "\n");
	check_edit("b:2:2", "b:2:2", R, R "\n");
	check_edit("a:1:1", "", "b:2:2|c:3:3", "a:1:1\nb:2:2\nc:3:3\n");
}

static void add_stays_before_nis_lines(void **state)
{
	(void)state;
	check_add("a:1:1\n+\n", "a:1:1\n" R "\n+\n");
	check_add("a:1:1\n# c\n-x\nb:100000:1\n", "a:1:1\n" R "\n# c\n-x\nb:100000:1\n");
	check_add("# c\n-x\nb:100000:1", "# c\n" R "\n-x\nb:100000:1");
	check_add("b:9:1\na:1:1\n# c\n+b:5:1\n", "b:9:1\na:1:1\n" R "\n# c\n+b:5:1\n");
	check_add("+", R "\n+");
	/* A line of NIS that is put back goes behind all the others. */
	check_edit("a:1:1\n# c\n", "", "-x|" R "|+y", "a:1:1\n" R "\n# c\n-x\n+y\n");
	check_edit("b:9:1\na:1:1\n# c\n+\n", "", "-x|" R, "b:9:1\na:1:1\n" R "\n# c\n-x\n+\n");
	/* One that goes does not count. */
	check_edit("a:1:1\n+\nb:5:5\n", "+", R, "a:1:1\nb:5:5\n" R "\n");
}

static void add_sorts_many(void **state)
{
	(void)state;
	check_edit("a:10:1\nb:20:1\n\n# c\nc:30:1\n", "", "z:40:1|y:5:1|x:20:1|w:15:1|v:25:1|u:15:1",
	           "y:5:1\na:10:1\nw:15:1\nu:15:1\nb:20:1\nx:20:1\nv:25:1\n\n# c\nc:30:1\nz:40:1\n");
	/* In a file that is not ascending they keep their own order. */
	check_edit("b:20:1\na:10:1\n# foot\n", "", "z:40:1|y:5:1|x:20:1", "b:20:1\na:10:1\nz:40:1\ny:5:1\nx:20:1\n# foot\n");
	/* What is to go does not count. */
	check_edit("b:20:1\na:10:1\n", "b:20:1", "z:40:1|y:5:1", "y:5:1\na:10:1\nz:40:1\n");
	/* What has no range goes behind the last that has one. */
	check_edit("a:10:1\n# foot\n", "", "junk|z:40:1|bob:0x|y:5:1", "y:5:1\na:10:1\nz:40:1\njunk\nbob:0x\n# foot\n");
}

/* dockerd joins the ranges of its user in the order of the file: a way back must not turn them round. */
static void add_keeps_the_order_of_an_owner(void **state)
{
	static const char text[] = "a:10:1\nr:300:1\nr:100:1\nr:200:1\nz:400:1\n";
	struct uns_buf without = UNS_BUF_INIT;

	(void)state;
	assert_int_equal(edit(text, strlen(text), "r:100:1|r:200:1|r:300:1", "", &without, NULL), 0);
	assert_string_equal(without.data, "a:10:1\nz:400:1\n");
	check_edit(without.data, "", "r:300:1|r:100:1|r:200:1", text);
	check_edit(without.data, "", "r:300:1|q:150:1|r:100:1|rr:200:1", "a:10:1\nq:150:1\nrr:200:1\nr:300:1\nr:100:1\nz:400:1\n");
	uns_buf_done(&without);
}

static void remove_takes_only_the_exact_lines(void **state)
{
	(void)state;
	check_edit("", "", "", "");
	check_edit("a:1:1\n# c\nb:2:1", "", "", "a:1:1\n# c\nb:2:1");
	check_edit(R "\n", R, "", "");
	check_edit(R, R, "", "");
	check_edit("a:1:1\n" R "\n# c\n\n" R "\nb:2:1", R, "", "a:1:1\n" R "\n# c\n\nb:2:1");
	check_edit("a:1:1\n" R "\n# c\n\n" R "\nb:2:1", R "|" R, "", "a:1:1\n# c\n\nb:2:1");
	check_edit("a:1:1\n" R "\nb:2:1\n" R, R "|" R, "", "a:1:1\nb:2:1\n");
	check_edit(R "\r\n" R "7\nx" R "\n#" R "\n " R "\n" R "\n", R, "", R "\r\n" R "7\nx" R "\n#" R "\n " R "\n");
	check_edit("-x\n" R "\n", R, "", "-x\n");
	check_edit("junk\n\xff:0x1\r\n+\n", "\xff:0x1\r|+", "", "junk\n");
}

static void a_line_in_both_lists_stays(void **state)
{
	(void)state;
	check_edit("b:9:1\n" R "\na:1:1", R, R, "b:9:1\n" R "\na:1:1");
	check_edit("b:9:1\n" R "\na:1:1\n", "a:1:1|" R, R "|c:2:2", "c:2:2\nb:9:1\n" R "\n");
	check_edit(R "\n# 1\n" R "\n# 2\n" R "\n", R "|" R, R, R "\n# 1\n" R "\n# 2\n");
	check_edit(R "\n# 1\n", R, R "|" R, R "\n" R "\n# 1\n");
}

/* The order of lines chooses Docker's data root, so what only changes its spelling keeps its place. */
static void a_line_with_the_same_range_takes_the_place(void **state)
{
	(void)state;
	check_edit("bob:300000:65536 \nbob:100000:65536\n", "bob:300000:65536 ", "bob:300000:65536", "bob:300000:65536\nbob:100000:65536\n");
	check_edit("b:9:1\r\n# c\na:0x5:1\nz:7:1\n", "b:9:1\r|a:0x5:1", "a:5:1|b:9:1", "b:9:1\n# c\na:5:1\nz:7:1\n");
	check_edit("1001:9:1\na:5:1\n", "1001:9:1", "bob:9:1", "bob:9:1\na:5:1\n");
	check_edit("bob:9:1\na:5:1\n", "bob:9:1", "1001:9:1", "1001:9:1\na:5:1\n");
	check_edit("-x\nb:9:1 ", "b:9:1 ", "b:9:1", "-x\nb:9:1\n");
	check_edit("b:9:1\na:5:1\nb:9:1 \n", "b:9:1|b:9:1 ", "b:9:1", "b:9:1\na:5:1\n");
}

static void check_edit_refused(const char *text, const char *remove, const char *add, enum uns_code code, const char *wanted)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(uns_buf_puts(&b, "kept", &err), 0);
	assert_int_equal(edit(text, strlen(text), remove, add, &b, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, wanted));
	assert_string_equal(b.data, "kept");
	assert_int_equal(b.len, 4);
	uns_buf_done(&b);
}

static void edit_refuses_what_is_not_there(void **state)
{
	(void)state;
	check_edit_refused("", R, "", UNS_E_CONFLICT, "the line \"" R "\" 0 times; expected it 1 times");
	check_edit_refused(R "0\n", R, "", UNS_E_CONFLICT, "0 times");
	check_edit_refused(R "\n", R "|" R, "", UNS_E_CONFLICT, "1 times; expected it 2 times");
	check_edit_refused("a:1:1\n", R, R, UNS_E_CONFLICT, "0 times; expected it 1 times");
	check_edit_refused(R "\n", R "|" R, R, UNS_E_CONFLICT, "1 times; expected it 2 times");
	check_edit_refused("a:1:1\n", "a\033:1", "", UNS_E_CONFLICT, "\"a?:1\"");
	check_edit_refused("a:1:1\n", "", "b:1:1\nc:1:1", UNS_E_INPUT, "found a newline in \"b:1:1?c:1:1\"");
}

static void edit_appends_to_the_buffer(void **state)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	(void)state;
	assert_int_equal(uns_buf_puts(&b, "x", &err), 0);
	assert_int_equal(edit(NULL, 0, "", R, &b, &err), 0);
	assert_string_equal(b.data, "x" R "\n");
	uns_buf_done(&b);
}

/* The lines of "text" are those of "before" in order, but for "add" of them; a final newline may have come. */
static void require_rest_untouched(const struct uns_buf *before, const struct uns_buf *after, const struct uns_strs *add)
{
	const char *p = before->data, *q = after->data;
	size_t added = 0;

	while (*q) {
		size_t lp = strcspn(p, "\n"), lq = strcspn(q, "\n");

		if (*p && lp == lq && !memcmp(p, q, lp)) {
			p += lp + (p[lp] == '\n');
		} else {
			char line[64];

			assert_true(lq < sizeof(line));
			memcpy(line, q, lq);
			line[lq] = '\0';
			assert_true(uns_strs_has(add, line));
			added++;
		}
		q += lq + (q[lq] == '\n');
	}
	assert_int_equal(*p, '\0');
	assert_int_equal(added, add->n);
}

/* Of the lines before NIS: all that have a range, in ascending order. */
static bool is_ascending(const char *text, size_t len)
{
	struct uns_subid s = { 0 };
	uint32_t previous = 0;
	bool ascending = true;

	read_bytes(text, len, &s);
	for (size_t i = 0; i < s.n && !(s.v[i].flaws & BIT(NIS)); i++) {
		if (s.v[i].range.count == 0)
			continue;
		ascending = ascending && s.v[i].range.start >= previous;
		previous = s.v[i].range.start;
	}
	uns_subid_done(&s);
	return ascending;
}

static void add_then_remove_is_the_text_as_it_was(void **state)
{
	static const char *const lines[] = { "a:1:1",  "b:231072:65536", "c:400000:7", "# x", "",          "junk",
		                             "-q:5:5", "d:0x10:9",       "e:7:7\r",     " ",   "f:231073:1", "g:5:0" };
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 6000; round++) {
		struct uns_buf text = UNS_BUF_INIT, with = UNS_BUF_INIT, back = UNS_BUF_INIT;
		struct uns_strs none = UNS_STRS_INIT, add = UNS_STRS_INIT;
		struct uns_err err = { 0 };
		char line[64];

		assert_int_equal(uns_buf_puts(&text, "", &err), 0);
		for (uint64_t n = next_random(&random) % 9; n > 0; n--) {
			assert_int_equal(uns_buf_puts(&text, lines[next_random(&random) % COUNT(lines)], &err), 0);
			if (n > 1 || next_random(&random) % 4)
				assert_int_equal(uns_buf_puts(&text, "\n", &err), 0);
		}
		for (uint64_t n = 1 + next_random(&random) % 4; n > 0; n--) {
			snprintf(line, sizeof(line), "n%u:%u:1", (unsigned)n, (unsigned)(next_random(&random) % 500000));
			assert_int_equal(uns_strs_add(&add, line, &err), 0);
		}
		assert_int_equal(uns_subid_edit(text.data, text.len, &none, &add, &with, &err), 0);
		require_rest_untouched(&text, &with, &add);
		assert_int_equal(is_ascending(with.data, with.len) || !is_ascending(text.data, text.len), 1);
		assert_int_equal(uns_subid_edit(with.data, with.len, &add, &none, &back, &err), 0);
		if (back.len == text.len + 1 && text.data[text.len - 1] != '\n')
			assert_int_equal(uns_buf_puts(&text, "\n", &err), 0);
		assert_int_equal(back.len, text.len);
		assert_memory_equal(back.data, text.data, text.len);
		uns_strs_done(&add);
		uns_buf_done(&text);
		uns_buf_done(&with);
		uns_buf_done(&back);
	}
}

static void edit_takes_many_lines(void **state)
{
	struct uns_buf text = UNS_BUF_INIT, wanted = UNS_BUF_INIT, got = UNS_BUF_INIT;
	struct uns_strs remove = UNS_STRS_INIT, add = UNS_STRS_INIT;
	struct uns_err err = { 0 };
	char line[64];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		bool goes = i % 2, comes = i % 3 == 0;

		snprintf(line, sizeof(line), "user%u:%u:65536", i, 100000 + i * 10);
		assert_int_equal(uns_buf_printf(&text, &err, "%s\n", line), 0);
		assert_int_equal(goes ? uns_strs_add(&remove, line, &err) : uns_buf_printf(&wanted, &err, "%s\n", line), 0);
		if (!comes)
			continue;
		snprintf(line, sizeof(line), "new%u:%u:5", i, 100000 + i * 10 + 5);
		assert_int_equal(uns_strs_add(&add, line, &err), 0);
		assert_int_equal(uns_buf_printf(&wanted, &err, "%s\n", line), 0);
	}
	/* In whatever order they are given. */
	for (size_t i = 0; i < add.n / 2; i += 3) {
		char *other = add.v[add.n - 1 - i];

		add.v[add.n - 1 - i] = add.v[i];
		add.v[i] = other;
	}
	assert_int_equal(uns_subid_edit(text.data, text.len, &remove, &add, &got, &err), 0);
	assert_int_equal(got.len, wanted.len);
	assert_memory_equal(got.data, wanted.data, got.len);
	uns_strs_done(&remove);
	uns_strs_done(&add);
	uns_buf_done(&text);
	uns_buf_done(&wanted);
	uns_buf_done(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_keeps_file_order_and_lines),
		cmocka_unit_test(read_takes_an_empty_file),
		cmocka_unit_test(read_refuses_four_gibibytes),
		cmocka_unit_test(read_knows_each_shape),
		cmocka_unit_test(read_measures_lines),
		cmocka_unit_test(bytes_come_back),
		cmocka_unit_test(random_bytes_come_back),
		cmocka_unit_test(raw_does_not_trust_the_owner),
		cmocka_unit_test(owner_of_reads_no_further),
		cmocka_unit_test(parse_takes_what_is_tolerated),
		cmocka_unit_test(parse_refuses_what_consumers_disagree_on),
		cmocka_unit_test(parse_refuses_long_lines),
		cmocka_unit_test(strict_agrees_with_flaws),
		cmocka_unit_test(owners_that_we_write),
		cmocka_unit_test(line_text_is_canonical_or_refused),
		cmocka_unit_test(add_finds_the_place),
		cmocka_unit_test(add_mends_a_missing_newline),
		cmocka_unit_test(add_stays_before_nis_lines),
		cmocka_unit_test(add_sorts_many),
		cmocka_unit_test(add_keeps_the_order_of_an_owner),
		cmocka_unit_test(remove_takes_only_the_exact_lines),
		cmocka_unit_test(a_line_in_both_lists_stays),
		cmocka_unit_test(a_line_with_the_same_range_takes_the_place),
		cmocka_unit_test(edit_refuses_what_is_not_there),
		cmocka_unit_test(edit_appends_to_the_buffer),
		cmocka_unit_test(add_then_remove_is_the_text_as_it_was),
		cmocka_unit_test(edit_takes_many_lines),
	};

	return cmocka_run_group_tests_name("subid", tests, NULL, NULL);
}
