/* SPDX-License-Identifier: Apache-2.0 */
/* One fuzz target for all parsers: the first byte of the input picks the parser, the rest is its text. Besides "does not crash" it
 * requires what the headers promise: an edit taken back yields the same bytes, a map applied twice does nothing.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address,undefined … With -DUNS_FUZZ_MAIN: a program that runs the files named on its
 * command line, or without any a built-in list of seeds and deterministic mutations of them. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/account.h"
#include "uns/auditdconf.h"
#include "uns/auditrules.h"
#include "uns/bolt.h"
#include "uns/cleanup.h"
#include "uns/container.h"
#include "uns/dockerd.h"
#include "uns/jsontext.h"
#include "uns/ini.h"
#include "uns/json.h"
#include "uns/kubeletconf.h"
#include "uns/mountinfo.h"
#include "uns/option.h"
#include "uns/subid.h"
#include "uns/unit.h"
#include "uns/toml.h"
#include "uns/xattr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct uns_maps shift = { .uid = { .n = 1, .v = { { 0, 100000, 65536 } } },
	                               .gid = { .n = 1, .v = { { 0, 200000, 65536 } } } };

static const char *input_text; /* of the running test, to be shown when it fails */
static size_t input_len;

static void require(bool holds, const char *promise)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_format: broken: %s\nfuzz_format: input: \"", promise);
	for (size_t i = 0; i < input_len; i++) {
		unsigned char c = (unsigned char)input_text[i];

		fprintf(stderr, c >= ' ' && c <= '~' && !strchr("\"\\", c) ? "%c" : "\\%03o", c);
	}
	fputs("\"\n", stderr);
	abort();
}

static void require_same(const struct uns_buf *b, const char *text, size_t len, const char *promise)
{
	require(b->len == len && (len == 0 || !memcmp(b->data, text, len)), promise);
}

/* Every failure must say what is wrong, and with a code that is no success. */
static void require_answer(int answer, const struct uns_err *err)
{
	require(answer >= 0 || (err->code != UNS_OK && err->text[0]), "a failure fills err");
}

static bool has(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

/* ---- parsers ---- */

static void require_lines(const struct uns_subid *all, const char *text, bool strict)
{
	bool tolerated = true;

	for (size_t i = 0; i < all->n; i++) {
		const struct uns_subid_line *l = &all->v[i];
		uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT;
		struct uns_err err = { 0 };
		size_t owner_len;

		require(uns_subid_raw(all, l, &raw, &err) == 0, "a line is given back");
		require_same(&raw, text + l->at, l->len, "a line given back has the bytes that it had");

		const char *owner = uns_subid_owner_of(raw.data, raw.len, &owner_len);

		require(owner_len == strlen(l->owner) && !memcmp(owner, l->owner, owner_len), "a line has one owner");
		require(l->range.count == 0 || uns_range_valid(l->range), "a range ends where IDs end");
		require(l->flaws || (l->range.count > 0 && owner_len > 0), "a line without flaws gives somebody IDs");
		tolerated = tolerated && !(l->flaws & ~UNS_SUBID_TOLERATED);
	}
	require(tolerated == strict, "strict is what goes on with tolerated flaws only");
}

/* Takes the line out and puts it back, perhaps elsewhere. */
static void require_moved(const struct uns_subid *all, size_t i, const char *text, size_t len)
{
	uns_auto(uns_strs_done) struct uns_strs line = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf without = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf back = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf same = UNS_BUF_INIT;
	static const struct uns_strs none = UNS_STRS_INIT;
	struct uns_err err = { 0 };
	size_t size = all->v[i].len + (all->v[i].at + all->v[i].len < len);

	if (all->v[i].flaws & UNS_FLAW_BIT(UNS_FLAW_NUL))
		return;
	require(uns_subid_raw(all, &all->v[i], &raw, &err) == 0, "a line is given back");
	require(uns_strs_add(&line, raw.data, &err) == 0, "a line can be kept");
	require(uns_subid_edit(text, len, &line, &none, &without, &err) == 0, "a line that is there can be removed");
	/* The last of several equal lines, which may be the last of the file, without a newline. */
	require(without.len == len - size || without.len == len - raw.len - 1 || without.len == len - raw.len, "one line goes");
	require(uns_subid_edit(without.data, without.len, &none, &line, &back, &err) == 0, "a line removed can be added");
	require(back.len >= without.len + raw.len + 1 && back.len <= len + 1, "one line comes");
	require(uns_subid_edit(text, len, &line, &line, &same, &err) == 0, "a line that stays is there");
	require_same(&same, text, len, "a line that stays changes nothing");
}

static void fuzz_subid(const char *text, size_t len)
{
	static char added[][24] = { "zq:231072:65536", "zq:5:5", "zr:4294967294:1" };
	static char *lines[] = { added[0], added[1], added[2] };
	static const struct uns_strs add = { lines, 3, 3 }, none = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf copy = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf with = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf back = UNS_BUF_INIT;
	uns_auto(uns_subid_done) struct uns_subid s = { 0 };
	uns_auto(uns_subid_done) struct uns_subid strict = { 0 };
	struct uns_err err = { 0 };
	int good = uns_subid_parse(text, len, "f", &strict, &err);

	require_answer(good, &err);
	require(uns_buf_append(&copy, text, len, &err) == 0 && uns_subid_read(&copy, &s, &err) == 0, "any text can be read");
	require(uns_subid_print(&s, &copy, &err) == 0, "any text can be printed");
	require_same(&copy, text, len, "a text read and printed is as it was");
	require_lines(&s, text, good == 0);
	if (s.n > 0)
		require_moved(&s, len % s.n, text, len);
	require(uns_subid_edit(text, len, &none, &add, &with, &err) == 0, "good lines can be added to any text");
	uns_subid_done(&strict);
	require(uns_subid_parse(with.data, with.len, "f", &strict, &err) == good, "lines added keep the file as good as it was");
	require(uns_subid_edit(with.data, with.len, &add, &none, &back, &err) == 0, "lines added can be removed");
	if (len > 0 && text[len - 1] != '\n' && back.len == len + 1 && back.data[len] == '\n')
		back.len = len;
	if (!has(text, len, "zq:") && !has(text, len, "zr:"))
		require_same(&back, text, len, "lines added and removed leave the subid file as it was");
}

static void fuzz_accounts(const char *text, size_t len)
{
	uns_auto(uns_accounts_done) struct uns_accounts users = { 0 };
	uns_auto(uns_accounts_done) struct uns_accounts groups = { 0 };
	struct uns_err err = { 0 };

	require(uns_passwd_parse(text, len, &users, &err) == 0, "passwd lines that are no entries are skipped");
	require(uns_group_parse(text, len, &groups, &err) == 0, "group lines that are no entries are skipped");
	for (size_t i = 0; i < users.n; i++)
		require(uns_accounts_name(&users, users.v[i].name) && uns_accounts_id(&users, users.v[i].id), "an entry is found");
}

static void fuzz_mountinfo(const char *text, size_t len)
{
	uns_auto(uns_mounts_done) struct uns_mounts m = { 0 };
	struct uns_err err = { 0 };

	require_answer(uns_mountinfo_parse(text, len, &m, &err), &err);
	for (size_t i = 0; i < m.n; i++)
		require(uns_mounts_of(&m, m.v[i].point) != NULL, "a mount point lies on a mount");
}

static int touch(void *user, const void *key, size_t key_len, const void *value, size_t value_len, struct uns_err *err)
{
	uint8_t *sum = user;

	(void)err;
	for (size_t i = 0; i < key_len; i++)
		*sum ^= ((const uint8_t *)key)[i];
	for (size_t i = 0; i < value_len; i++)
		*sum ^= ((const uint8_t *)value)[i];
	return 0;
}

enum { BOLT_PAGE = 512, BOLT_META = 16, BOLT_SUMMED = 56 };

/* A fuzzer does not guess checksums. */
static void sum_meta(uint8_t *data, size_t len, size_t at)
{
	uint64_t h = 14695981039346656037u;

	if (len < at + BOLT_META + BOLT_SUMMED + sizeof(h))
		return;
	for (size_t i = 0; i < BOLT_SUMMED; i++)
		h = (h ^ data[at + BOLT_META + i]) * 1099511628211u;
	memcpy(data + at + BOLT_META + BOLT_SUMMED, &h, sizeof(h));
}

static void fuzz_bolt(const char *text, size_t len)
{
	uns_auto_free uint8_t *copy = malloc(len + 1);
	struct uns_err err = { 0 };
	uint8_t sum = 0;
	bool filled;

	if (!copy)
		return;
	memcpy(copy, text, len);
	sum_meta(copy, len, 0);
	sum_meta(copy, len, BOLT_PAGE);
	require_answer(uns_bolt_bucket(copy, len, "f", "volumes", touch, &sum, &err), &err);
	require_answer(uns_bolt_filled(copy, len, "f", (const char *const[]){ "volumes", "a" }, 2, &filled, &err), &err);
}

static void note_id(void *user, bool group, uint32_t id)
{
	(void)group;
	*(uint32_t *)user ^= id;
}

static void fuzz_acl(const char *text, size_t len)
{
	uns_auto_free char *acl = malloc(len + 1);
	uint8_t cap[UNS_CAP_MAX];
	uint32_t ids = 0;

	if (!acl)
		return;
	memcpy(acl, text, len);

	int answer = uns_acl_map(acl, len, &shift, true);

	require((uns_acl_ids(text, len, note_id, &ids) == 0) || answer == -1, "a malformed ACL is not mapped");
	require(answer == 1 || !memcmp(acl, text, len), "an ACL that did not change has the same bytes");
	require(answer < 0 || uns_acl_map(acl, len, &shift, true) == 0, "an ACL is mapped once");
	require(answer < 0 || uns_acl_map(acl, len, &shift, false) >= 0, "an ACL that was mapped can be mapped back");

	int shifted = uns_cap_shifted(text, len, &shift.uid, cap);

	require(shifted < 0 || (size_t)shifted == len, "a capability keeps its version on the way there");
	require(shifted < 0 || uns_cap_home(cap, (size_t)shifted, &shift.uid, cap) > 0, "a capability finds its way home");
}

/* ---- members, against jansson ---- */

enum { EDIT_DEPTH = 512 };

static unsigned json_depth(json_t *j)
{
	const char *key;
	unsigned most = 0;
	json_t *v;
	size_t i;

	json_object_foreach (j, key, v)
		most = json_depth(v) > most ? json_depth(v) : most;
	json_array_foreach (j, i, v)
		most = json_depth(v) > most ? json_depth(v) : most;
	return most + (json_is_object(j) || json_is_array(j));
}

/* What jansson makes of the text, in which it knows no BOM, and an integer above 64 bits only as a real. *ret NULL: it refuses it.
 * False: nothing to compare with, for it has no names with U+0000, which are read as U+FFFD here. */
static bool ask_jansson(const char *text, size_t len, size_t *flags, json_t **ret)
{
	size_t bom = len >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0;
	json_error_t e;

	for (;;) {
		*ret = json_loadb(text + bom, len - bom, *flags, &e);
		if (*ret || json_error_code(&e) != json_error_numeric_overflow || (*flags & JSON_DECODE_INT_AS_REAL))
			return *ret || json_error_code(&e) != json_error_null_byte_in_key;
		*flags |= JSON_DECODE_INT_AS_REAL;
	}
}

static bool is_blank_text(const char *text, size_t len)
{
	size_t i = len >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0;

	while (i < len && strchr(" \t\r\n", text[i]) && text[i])
		i++;
	return i == len;
}

static void require_document(const struct uns_buf *text, size_t flags, const json_t *want, const char *promise)
{
	json_t *got = NULL;

	require(ask_jansson(text->data ? text->data : "", text->len, &flags, &got), promise);
	if (!got && is_blank_text(text->data ? text->data : "", text->len))
		got = json_object();
	require(got && json_equal(got, want), promise);
	json_decref(got);
}

/* The edit is what jansson's own would be; value NULL: removes. doc is what the text means, and is left as it was. */
static void require_member(const char *text, size_t len, size_t flags, const json_t *doc, const char *value)
{
	uns_auto(uns_buf_done) struct uns_buf with = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf again = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf back = UNS_BUF_INIT;
	json_t *want = json_deep_copy(doc), *old = json_object_get(doc, "zq");
	json_t *set = value ? json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
	json_t *read = value ? json_loads(value, JSON_DECODE_ANY | flags, NULL) : NULL;
	struct uns_err err = { 0 };

	require(want && (value ? set && json_object_set(want, "zq", read) == 0 : !old || json_object_del(want, "zq") == 0), "memory");
	require(uns_jsontext_member(text, len, "f", "zq", set, &with, &err) == 0, "what jansson reads can be edited");
	require_document(&with, flags, want, "jansson reads in the edited text the document and the member");
	if (value ? old && json_equal(old, read) : !old)
		require_same(&with, text, len, "an edit that changes nothing leaves the bytes");
	require(uns_jsontext_member(with.data, with.len, "f", "zq", set, &again, &err) == 0, "an edit can be made again");
	require_same(&again, with.data, with.len, "an edit made again changes nothing");
	require(uns_jsontext_member(with.data, with.len, "f", "zq", NULL, &back, &err) == 0, "a member set can be removed");
	json_object_del(want, "zq");
	require_document(&back, flags, want, "jansson reads in the text without the member the rest of the document");
	if (!old && !is_blank_text(text, len))
		require_same(&back, text, len, "a member set and removed leaves the JSON text as it was");
	json_decref(want);
	json_decref(set);
	json_decref(read);
}

/* Refused is what jansson refuses, what is no object, what is nested deeper than the scanner goes, and a byte 0, over which jansson
 * reads behind a number or a word. A blank text is an empty object. */
static void fuzz_member(const char *text, size_t len)
{
	static const char *const values[] = { "\"remap\"", "77", "-0.5", "[\"a\", [], {}]", "{\"zq\": {\"b\": null}}", "\"\\u0000\"",
		                              NULL };
	size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	uns_auto(uns_buf_done) struct uns_buf with = UNS_BUF_INIT;
	json_t *doc = NULL, *value = json_true();
	struct uns_err err = { 0 };
	int answer = uns_jsontext_member(text, len, "f", "zq", value, &with, &err);
	bool compare = ask_jansson(text, len, &flags, &doc);

	require_answer(answer, &err);
	require(answer == 0 || (with.len == 0 && err.code == UNS_E_INPUT), "a failed edit gives no text, and blames the input");
	if (is_blank_text(text, len)) {
		require(!doc, "jansson has no document without a text");
		doc = json_object();
	}
	if (compare)
		require((answer == 0) == (json_is_object(doc) && json_depth(doc) <= EDIT_DEPTH && !memchr(text, 0, len)),
		        "refused is what jansson refuses");
	if (compare && answer == 0)
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
			require_member(text, len, flags, doc, values[i]);
	json_decref(doc);
	json_decref(value);
}

static int move_path(void *user, const char *path, const char *value, char **ret_new, struct uns_err *err)
{
	(void)user;
	(void)path;
	*ret_new = NULL;
	if (value[0] != '/')
		return 0;
	*ret_new = uns_str_printf(err, "/moved%s", value);
	return *ret_new ? 0 : -1;
}

static void fuzz_strings(const char *text, size_t len)
{
	static const char *const patterns[] = { "*", "a.*.b", "Binds.*", "LogPath" };
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf again = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	size_t changed = 0, twice = 0;
	int answer = uns_jsontext_strings(text, len, "f", patterns, 4, move_path, NULL, &out, &changed, &err);

	require_answer(answer, &err);
	if (answer < 0)
		return;
	if (changed == 0)
		require_same(&out, text, len, "a text in which nothing matched is as it was");
	require(uns_jsontext_strings(out.data ? out.data : "", out.len, "f", patterns, 4, move_path, NULL, &again, &twice, &err) == 0,
	        "an edited text is good JSON");
	require(twice == changed, "an edited text has the same strings");
}

static bool option_is_set(const struct uns_strs *words)
{
	for (size_t i = 0; i < words->n; i++)
		if (strstr(words->v[i], "--zq"))
			return true;
	return false;
}

static __typeof__(&uns_option_env_words) env_words(enum uns_option_reader by)
{
	return by == UNS_READ_SYSTEMD ? uns_option_unit_env_words : uns_option_env_words;
}

static void fuzz_env(enum uns_option_reader by, const char *text, size_t len)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs after = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf with = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf back = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	unsigned line = 0;
	int known = env_words(by)(text, len, "f", "DOCKER_OPTS", &words, &line, &err);

	require_answer(known, &err);

	int answer = uns_option_env_set(by, text, len, "f", "DOCKER_OPTS", "zq", "remap", &with, &err);

	require_answer(answer, &err);
	if (answer < 0)
		return;
	require(env_words(by)(with.data, with.len, "f", "DOCKER_OPTS", &after, &line, &err) == 0, "a file edited can be read");
	require(option_is_set(&after), "an option set is there");
	/* One that stood there before, in whatever shape, may be refused. */
	answer = uns_option_env_set(by, with.data, with.len, "f", "DOCKER_OPTS", "zq", NULL, &back, &err);
	require_answer(answer, &err);
	if (known < 0 || option_is_set(&words) || has(text, len, "zq"))
		return;
	require(answer == 0, "an option set can be removed");
	require_same(&back, text, len, "an option set and removed leaves the file as it was");
}

/* The values of a repeated flag: what was set is read back, and setting it again changes nothing. */
static void fuzz_list(enum uns_option_reader by, const char *text, size_t len)
{
	static const char *const wanted[] = { "a=1", "b=2" };
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf with = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf again = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	unsigned line;

	for (size_t i = 0; i < 2; i++)
		require(uns_strs_add(&values, wanted[i], &err) == 0, "memory");
	if (uns_option_env_list(by, text, len, "f", "DOCKER_OPTS", "label", &values, &with, &err) < 0)
		return;
	require(env_words(by)(with.data, with.len, "f", "DOCKER_OPTS", &words, &line, &err) == 0, "a file edited can be read");
	require(uns_option_values(words.v, words.n, "label", &found, &err) == 2 && strcmp(found.v[0], "a=1") == 0 &&
	                strcmp(found.v[1], "b=2") == 0,
	        "the values set are there");
	require(uns_option_env_list(by, with.data, with.len, "f", "DOCKER_OPTS", "label", &values, &again, &err) == 0, "set again");
	require_same(&again, with.data, with.len, "setting the same values changes nothing");
}

static void fuzz_files(const char *text, size_t len)
{
	fuzz_env(UNS_READ_SH, text, len);
	fuzz_env(UNS_READ_SYSTEMD, text, len);
	fuzz_list(UNS_READ_SH, text, len);
	fuzz_list(UNS_READ_SYSTEMD, text, len);
}

static int see_line(void *user, const char *section, const char *key, const char *value, unsigned line, struct uns_err *err)
{
	unsigned *last = user;
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT, loose = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf edited = UNS_BUF_INIT;
	struct uns_dockerd_use use = { .at = 0 };
	size_t end = 0;

	(void)section;
	require(line > *last && !strpbrk(key, "=\n") && !strchr(value, '\n'), "lines come in their order, whole");
	*last = line;
	if (uns_unit_words(value, &words, err) < 0 || uns_unit_variable_words(value, &loose, err) < 0)
		return -1;
	require(words.n == loose.n, "escapes part no words");
	while (uns_dockerd_next(words.v, words.n, &use)) {
		require(use.at + 1 >= end, "words are used once, but for letters that share one");
		require(use.at + use.words <= words.n && use.words > 0, "flags are within the words");
		end = use.at + use.words;
	}
	if (uns_option_line_set(value, "f", "zq", &loose, true, &edited, err) == 0)
		require(edited.data || edited.len == 0, "an edit has a text");
	return 0;
}

static void fuzz_unit(const char *text, size_t len)
{
	uns_auto(uns_buf_done) struct uns_buf whole = UNS_BUF_INIT;
	struct uns_err err = { 0 };
	unsigned last = 0;

	require(uns_buf_append(&whole, text, len, &err) == 0, "memory");
	require(uns_unit_parse(whole.data ? whole.data : "", see_line, &last, &err) == 0, "every unit can be read");
}

static bool toml_reads(const struct uns_buf *b, json_int_t want)
{
	json_t *v = NULL;
	bool same = uns_toml_get(b->data, b->len, "f", "zt.zu", "zq", &v, NULL, NULL) == 0 && json_integer_value(v) == want;

	json_decref(v);
	return same;
}

/* value is set; old: it stood there before. */
static void require_edits(const char *text, size_t len, json_t *value, bool old)
{
	uns_auto(uns_buf_done) struct uns_buf with = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf again = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf back = UNS_BUF_INIT;
	struct uns_toml_edit e = { .table = "zt.zu", .key = "zq", .value = value };
	struct uns_err err = { 0 };
	bool table = false;

	require(uns_toml_has_table(text, len, "f", e.table, &table, &err) == 0, "a file that can be read has the table or not");
	e.header = !table;
	require(uns_toml_set(text, len, "f", &e, &with, &err) == 0, "a key can be set in any file that can be read");
	require(toml_reads(&with, json_integer_value(value)), "a key set reads so");
	require(uns_toml_set(with.data, with.len, "f", &e, &again, &err) == 0, "a key can be set again");
	require_same(&again, with.data, with.len, "a key set again changes nothing");
	e.value = NULL;
	require(uns_toml_set(with.data, with.len, "f", &e, &back, &err) == 0, "a key set can be removed");
	if (!old)
		require_same(&back, text, len, "a key set and removed leaves the file as it was");
}

static void fuzz_toml(const char *text, size_t len)
{
	json_t *old = NULL, *value = json_integer(77);
	struct uns_err err = { 0 };
	int known = uns_toml_get(text, len, "f", "zt.zu", "zq", &old, NULL, &err);

	require_answer(known, &err);
	json_decref(old);
	if (known >= 0)
		require_edits(text, len, value, known == 0);
	json_decref(value);
}

static void fuzz_kubelet(const char *text, size_t len)
{
	struct uns_kubeletconf c = { 0, 0 };
	struct uns_err err = { 0 };

	require_answer(uns_kubeletconf_parse(text, len, "f", &c, &err), &err);
}

/* A rule written as auditctl takes it is read as the same rule. */
static void require_same_rule(const struct uns_auditrule *r)
{
	uns_auto(uns_auditrules_done) struct uns_auditrules again = { 0 };
	struct uns_err err = { 0 };
	uns_auto_free char *text = uns_auditrule_format(r, &err);

	require(text && uns_auditrules_parse(text, strlen(text), "f", false, &again, &err) == 0, "memory");
	require(again.n == 1 && again.problems.n == 0, "a rule written can be read");

	uns_auto_free char *same = uns_auditrule_format(&again.v[0], &err);

	require(same && strcmp(same, text) == 0, "a rule written is read as the same rule");
}

static void fuzz_auditrules(const char *text, size_t len)
{
	for (int from_dir = 0; from_dir < 2; from_dir++) {
		uns_auto(uns_auditrules_done) struct uns_auditrules all = { 0 };

		require(uns_auditrules_parse(text, len, "f", from_dir, &all, NULL) == 0, "every file of rules can be read");
		for (size_t i = 0; i < all.n; i++) {
			require_same_rule(&all.v[i]);
			require(!all.v[i].path || uns_auditrule_covers(&all.v[i], all.v[i].path), "a path is covered by itself");
		}

		const struct uns_auditrule *decides;
		enum uns_audit_watched how = uns_auditrules_watching(&all, "/var/lib/docker", &decides);

		require(!decides == (how == UNS_AUDIT_UNWATCHED || how == UNS_AUDIT_OFF), "a rule decides");
	}
}

/* The kernel's fields may hold any bytes; what is read can be written. */
static void fuzz_auditdata(const char *text, size_t len)
{
	uns_auto(uns_auditrules_done) struct uns_auditrules all = { 0 };
	struct uns_err err = { 0 };
	int answer = uns_auditrules_decode(text, len, "f", &all, &err);

	require_answer(answer, &err);
	require((answer == 0) == (all.n == 1), "a rule is read or refused");
	for (size_t i = 0; i < all.n; i++) {
		uns_auto_free char *rule = uns_auditrule_format(&all.v[i], &err);

		require(rule != NULL, "memory");
	}
}

static void fuzz_auditdconf(const char *text, size_t len)
{
	uns_auto(uns_auditdconf_done) struct uns_auditdconf c = { 0 };

	require(uns_auditdconf_parse(text, len, "f", &c, NULL) == 0, "every auditd.conf can be read");
	require(c.log_file && c.num_logs <= 999, "values are within their limits");
	uns_auditdconf_capacity(&c);
}

static void fuzz_ini(const char *text, size_t len)
{
	struct uns_ini ini = { .n = 0 };
	struct uns_err err = { UNS_OK, 0, "" };

	require_answer(uns_ini_parse(text, len, "f", &ini, &err), &err);
	for (size_t i = 0; i < ini.n; i++)
		require(ini.v[i].section < ini.sections && ini.v[i].key[0] && ini.v[i].line > ini.section[ini.v[i].section].line,
			"an entry lies below its section");
	uns_ini_done(&ini);
}

#define CONTAINER_ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void require_container(int answer, const struct uns_container *c, const struct uns_err *err)
{
	require_answer(answer, err);
	require(answer < 0 ? !c->id : c->id && c->name, "a container has an ID and a name, or is none");
	require(c->volumes.n + c->binds.n <= json_object_size(c->mounts), "what is mounted is among the mounts");
}

/* One text as the engine's answer, and as both files of the data root. */
static void fuzz_container(const char *text, size_t len)
{
	uns_auto(uns_container_done) struct uns_container told = { 0 }, read = { 0 };
	uns_auto_json json_t *j = NULL;
	struct uns_err err = { 0 };

	if (uns_json_parse(text, len, "f", &j, &err) < 0)
		return;
	require_container(uns_container_parse_answer(j, CONTAINER_ID, &told, &err), &told, &err);
	require(!told.id || uns_container_is_id(told.id), "the engine's containers have IDs");
	require_container(uns_container_parse(j, json_object_get(j, "HostConfig"), CONTAINER_ID, &read, &err), &read, &err);
}

static void (*const parsers[])(const char *text, size_t len) = {
	fuzz_subid, fuzz_accounts, fuzz_mountinfo, fuzz_bolt, fuzz_acl, fuzz_member, fuzz_strings, fuzz_files, fuzz_unit, fuzz_toml, fuzz_kubelet,
	fuzz_auditrules, fuzz_auditdconf, fuzz_auditdata, fuzz_ini, fuzz_container,
};
#define PARSERS (sizeof(parsers) / sizeof(*parsers))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	/* A block of exactly this size, so that AddressSanitizer sees a read past its end. */
	uns_auto_free char *text = malloc(size > 1 ? size - 1 : 1);

	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	input_text = text;
	input_len = size - 1;
	parsers[data[0] % PARSERS](text, size - 1);
	return 0;
}

#ifdef UNS_FUZZ_MAIN

/* ---- seeds ---- */

enum { SUBID, ACCOUNTS, MOUNTINFO, BOLT, ACL, MEMBER, STRINGS, ENV, UNIT, TOML, KUBELET, AUDITRULES, AUDITDCONF, AUDITDATA, INI, CONTAINER };

struct seed {
	uint8_t parser;
	const char *text;
	size_t len;
};

#define SEED(parser, text) { parser, text, sizeof(text) - 1 }

static const struct seed seeds[] = {
	SEED(SUBID, ""),
	SEED(SUBID, "# c\nalice:100000:65536\nzq:231072:65536\n\nbob:300000:65536"),
	SEED(SUBID, "b:300000:1\na:4294967294:1\n+::\n-x\nc:0:1\r\n"),
	SEED(SUBID, "  a:0x186a0: 65536 # n\n!b:0100000:+5\t\n1001:-1:4294967296:x\n \n:1:1\nc#:1\n"),
	SEED(SUBID, "a\0b:5:6\nc:\0:1\n\302\240d:5:6\342\200\211\r\ne:-18446744073709451616:089\n# \0"),
	SEED(SUBID, "z:9:1\nz:5:1\n# c\ny:5:1\nz:5:1\n\n+\nx:0:0"),
	SEED(ACCOUNTS, "root:x:0:0:root:/root:/bin/sh\n+::::::\n# c\nbob:x:1000:1000::/home/bob:/bin/sh\ndocker:x:117:bob,alice"),
	SEED(MOUNTINFO, "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n31 22 0:27 / /a\\040b ro master:2 - tmpfs tmpfs rw\n"),
	SEED(ACL, "\2\0\0\0\1\0\7\0\377\377\377\377\2\0\6\0\350\3\0\0\2\0\4\0\240\206\1\0\10\0\5\0\0\0\0\0\40\0\0\0\377\377\377\377"),
	SEED(ACL, "\1\0\0\3\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\240\206\1\0"),
	SEED(ACL, "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	SEED(MEMBER, ""),
	SEED(MEMBER, "{}"),
	SEED(MEMBER, "{\n    \"log-driver\": \"json-file\",\n    \"log-opts\": { \"max-size\": \"10m\" }\n}\n"),
	SEED(MEMBER, "\357\273\277{\r\n\t\"zq\" : \"old\",\r\n\t\"a\":[1,2.5e3,-0,true,null,\"\\u00e9\\ud83d\\ude00\\n\"]\r\n}"),
	SEED(MEMBER, "{\"a\": 1, \"zq\": {\"b\": []}, \"c\": 2}"),
	SEED(MEMBER, "{\"a\": 18446744073709551616, \"\\u007aq\":-1e9, \"b\": \"\\u0000\\ud83d\\ude00\\/\", \"B\": 1e999}"),
	SEED(MEMBER, " { \n\t} \n"),
	SEED(MEMBER, "{\"a\":\n1\n,\n\"b\"\n:\n[ ]\n}"),
	SEED(STRINGS, "{\"LogPath\":\"/var/lib/docker/x\",\"Binds\":[\"/a:/b\",\"v:/c\"],\"a\":{\"q\":{\"b\":\"\\/e\\u0073c\"}}}"),
	SEED(ENV, "# DOCKER_OPTS=\"--dns 8.8.8.8\"\n"),
	SEED(ENV, "DOCKER_OPTS=\"--dns 8.8.8.8 --zq=old\"\nOTHER='x y'\n"),
	SEED(ENV, "export http_proxy=1\nDOCKER_OPTS='--log-level debug' # end\nDOCKER_OPTS=\"-H a \\\n -H \\\"b\\\"\""),
	SEED(ENV, "DOCKER_OPTS=\"--label a=0 -D -H fd:// --label='x y' -l=debug\" # end\n"),
	SEED(ENV, "DOCKER_OPTS=\"--label a=1 --zq=x\"\nDOCKER_OPTS=\"$DOCKER_OPTS -D ${DOCKER_OPTS}\"\n"),
	SEED(ENV, "DOCKER_OPTS=--icc\nDOCKER_OPTS=$DOCKER_OPTS\\ -D # end\n"),
	SEED(ENV, "OTHER=1\nDOCKER_OPTS=--label\\ a=1\\ --icc\n"),
	SEED(UNIT, "[Service]\n# c \\\nExecStart=\nExecStart=-/usr/bin/dockerd -H fd:// \\\n; c\n  \"--label=a b\" --x\\x41 '' $OPTS\n[Install]\n"),
	SEED(UNIT, "[a\r\nEnvironment = \"A=b c\" 'D=\\u00e9\\101\\q' -DHx --mtu\r\n"),
	SEED(TOML, ""),
	SEED(TOML, "# c\n[storage]\ndriver = \"overlay\"\n\n[zt.zu] # t\n# k\nx = [ 1, 'a', ] # y\n\n[zt.zu.zv]\nzq = 1979-05-27 07:32:00\n"),
	SEED(TOML, "[zt . \"zu\"]\r\nzq = \"\"\"\\\n  a\"\"\"\"\"\r\n'k'.k = { a = 1_0, b = { } }\n[[r]]\nk = 1\n[[r]]\nk = -0.5e3"),
	SEED(TOML, "[zt]\na = '''\n'x'''''\n[zt.zu]\nzq = 77"),
	SEED(KUBELET, "maxPods: 110 # n\nuserNamespaces:\n  # x\n  idsPerPod: 65536\n\"a\": b\n"),
	SEED(AUDITRULES, "# c\n-D\n-b 8192\n-f 2\n-w /var/lib/docker/ -k docker\n-a always,exit -F arch=b64 -S chown,fchownat -S lchown -F auid>=1000 "
	                 "-F auid!=unset -C uid!=euid -k a\\ b\n-A exit,never -F dir=/x -F perm=wa\n-W /var/lib/docker/ -k docker\n-e 2"),
	SEED(AUDITRULES, "-ikx\n-a task,never\n -d never,task\n-D -k x\n\t# c\n-a filesystem,always -F fstype=tmpfs -F a0&=0x1\n--signal 9\n-w x\n-S\n"),
	SEED(AUDITDCONF, "# c\nlog_file = /a\nmax_log_file = 8\nnum_logs = 5\nmax_log_file_action = keep_logs\nspace_left = 25%\nspace_left_action = "
	                 "exec /x\nlog_format = NOLOG\nwrite_logs = no\nx=1\ndisk_full_action = HALT\n"),
	SEED(CONTAINER, "{\"Id\":\"" CONTAINER_ID "\",\"Name\":\"/a\",\"Image\":\"sha256:1\",\"Driver\":\"vfs\",\"Config\":{\"User\":\"app\"},\"State\":{"
	                "\"Running\":true},\"HostConfig\":{\"NetworkMode\":\"host\",\"CapAdd\":[\"ALL\"]},\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/x\","
	                "\"Destination\":\"/y\"},{\"Type\":\"volume\",\"Name\":\"v\",\"Destination\":\"/b\",\"RW\":true}]}"),
	SEED(CONTAINER, "{\"ID\":\"\",\"MountPoints\":{\"/b\":{\"Name\":\"v\"},\"/c\":{\"Source\":\"/s\"},\"/d\":7},\"HostConfig\":null}"),
	SEED(AUDITDATA, "\4\0\0\0\2\0\0\0\1\0\0\0"),
	SEED(KUBELET, "{\"maxPods\": 17, \"userNamespaces\": {\"idsPerPod\": 65536}}"),
};
#define SEEDS (sizeof(seeds) / sizeof(*seeds))

enum { BOLT_SEED_SIZE = 4 * BOLT_PAGE, INPUT_MAX = 8192, MUTATIONS = 1500 };

static void put(uint8_t *p, uint64_t v, size_t bytes)
{
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	memcpy(p, bytes == 2 ? (void *)&v16 : bytes == 4 ? (void *)&v32 : (void *)&v, bytes);
}

static void put_leaf(uint8_t *page, unsigned id, unsigned flags, const char *key, const uint8_t *value, size_t value_len)
{
	put(page, id, 8);
	put(page + 8, 2, 2);
	put(page + 10, 1, 2);
	put(page + 16, flags, 4);
	put(page + 20, 16, 4);
	put(page + 24, strlen(key), 4);
	put(page + 28, value_len, 4);
	memcpy(page + 32, key, strlen(key));
	memcpy(page + 32 + strlen(key), value, value_len);
}

/* A branch in page 2 over a leaf in page 3, with "volumes" as an inline bucket; in the byte order of this machine. */
static void build_bolt(uint8_t data[BOLT_SEED_SIZE])
{
	uint8_t bucket[64] = { 0 }, *branch = data + 2 * BOLT_PAGE;

	memset(data, 0, BOLT_SEED_SIZE);
	for (unsigned id = 0; id < 2; id++) {
		uint8_t *page = data + id * BOLT_PAGE;

		put(page, id, 8);
		put(page + 8, 4, 2);
		put(page + 16, 0xed0cdaedu, 4);
		put(page + 20, 2, 4);
		put(page + 24, BOLT_PAGE, 4);
		put(page + 32, 2, 8);
		put(page + 56, 4, 8);
		put(page + 64, id, 8);
	}
	put(branch, 2, 8);
	put(branch + 8, 1, 2);
	put(branch + 10, 1, 2);
	put(branch + 20, 1, 4);
	put(branch + 24, 3, 8);
	put_leaf(bucket + 16, 0, 0, "web", (const uint8_t *)"{}", 2);
	put_leaf(data + 3 * BOLT_PAGE, 3, 1, "volumes", bucket, sizeof(bucket));
}

static size_t load_seed(size_t i, uint8_t input[INPUT_MAX])
{
	if (i == SEEDS) {
		input[0] = BOLT;
		build_bolt(input + 1);
		return 1 + BOLT_SEED_SIZE;
	}
	input[0] = seeds[i].parser;
	memcpy(input + 1, seeds[i].text, seeds[i].len);
	return 1 + seeds[i].len;
}

/* ---- mutations ---- */

static uint64_t random_state = 88172645463325252u;

static size_t random_below(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return n ? random_state % n : 0;
}

static uint8_t random_byte(void)
{
	static const char telling[] = "\n\r\t \0:\"'\\{}[],#+-=/0189zqxe\377\177\200";

	return random_below(3) ? (uint8_t)telling[random_below(sizeof(telling) - 1)] : (uint8_t)random_below(256);
}

/* Puts n copied bytes of the input at a place of it; n is small enough for them to fit. */
static size_t insert(uint8_t *input, size_t len, size_t at, size_t n)
{
	uint8_t piece[64];

	memcpy(piece, input + 1 + random_below(len - n), n);
	memmove(input + at + n, input + at, len - at);
	memcpy(input + at, piece, n);
	return len + n;
}

/* Byte 0, the parser, stays. */
static size_t mutate(uint8_t *input, size_t len)
{
	size_t at = 1 + random_below(len - 1), n;

	switch (len > 1 ? random_below(6) : 3) {
	case 0:
		input[at] ^= (uint8_t)(1u << random_below(8));
		return len;
	case 1:
		input[at] = random_byte();
		return len;
	case 2: /* cut out a piece */
		n = 1 + random_below(len - at < 16 ? len - at : 16);
		memmove(input + at, input + at + n, len - at - n);
		return len - n;
	case 3: /* put in a byte */
		if (len == INPUT_MAX)
			return len;
		memmove(input + at + 1, input + at, len - at);
		input[at] = random_byte();
		return len + 1;
	case 4: /* say a piece twice */
		n = 1 + random_below(len - 1 < 64 ? len - 1 : 64);
		return len + n > INPUT_MAX ? len : insert(input, len, at, n);
	}
	return len - random_below(len / 8 + 1); /* cut off the end */
}

static void run_seeds(void)
{
	static uint8_t input[INPUT_MAX];

	for (size_t i = 0; i <= SEEDS; i++) {
		LLVMFuzzerTestOneInput(input, load_seed(i, input));
		for (int round = 0; round < MUTATIONS; round++) {
			size_t len = load_seed(i, input);

			for (size_t times = 1 + random_below(6); times > 0; times--)
				len = mutate(input, len);
			LLVMFuzzerTestOneInput(input, len);
		}
	}
}

static int run_file(const char *name)
{
	FILE *f = fopen(name, "re");
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	char piece[4096];

	if (!f) {
		perror(name);
		return 1;
	}
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		if (uns_buf_append(&b, piece, n, NULL) < 0)
			abort();
	fclose(f);
	LLVMFuzzerTestOneInput((const uint8_t *)(b.data ? b.data : ""), b.len);
	return 0;
}

int main(int argc, char *argv[])
{
	int status = 0;

	if (argc < 2)
		run_seeds();
	for (int i = 1; i < argc; i++)
		status |= run_file(argv[i]);
	return status;
}

#endif
