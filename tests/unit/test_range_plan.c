/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/ranges.h"

/* ---- a host, built by hand ---- */

struct world {
	struct uns_idfacts f;
	struct uns_strs ignore;
	struct uns_range_wants wants;
	struct uns_plan plan;
	struct uns_findings findings;
	struct uns_err err;
	char *shown; /* what was last compared */
};

static char *copy(const char *s)
{
	char *p = strdup(s);

	assert_non_null(p);
	return p;
}

static void world_make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		w->f.sub[kind].exists = true;
		w->f.sub[kind].mode = 0644;
		w->f.defs.id_min[kind] = 1000;
		w->f.defs.id_max[kind] = 60000;
		w->f.defs.sys_max[kind] = 999;
		w->f.defs.sub_min[kind] = 100000;
		w->f.defs.sub_max[kind] = 600100000;
		w->f.defs.sub_count[kind] = 65536;
	}
}

/* What a planner gave. */
static void forget(struct world *w)
{
	uns_plan_done(&w->plan);
	uns_findings_done(&w->findings);
	w->err = (struct uns_err){0};
}

static void world_done(struct world *w)
{
	forget(w);
	uns_range_wants_done(&w->wants);
	uns_strs_done(&w->ignore);
	free(w->shown);
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		uns_subid_done(&w->f.sub[kind].s);
		uns_rangeset_done(&w->f.plugin[kind]);
		uns_rangeset_done(&w->f.scanned[kind]);
		uns_accounts_done(&w->f.nss[kind]);
	}
	uns_accounts_done(&w->f.users);
	uns_accounts_done(&w->f.groups);
	uns_rangeset_done(&w->f.sssd);
	for (size_t i = 0; i < w->f.trees; i++)
		free(w->f.tree[i].path);
	free(w->f.tree);
	free(w->f.live);
	free(w->f.subid_source);
}

static void file_bytes(struct world *w, enum uns_idkind kind, const char *text, size_t len)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	uns_subid_done(&w->f.sub[kind].s);
	assert_int_equal(uns_buf_append(&b, text, len, NULL), 0);
	assert_int_equal(uns_subid_read(&b, &w->f.sub[kind].s, NULL), 0);
	w->f.sub[kind].exists = true;
}

static void file(struct world *w, enum uns_idkind kind, const char *text)
{
	file_bytes(w, kind, text, strlen(text));
}

static void files(struct world *w, const char *text)
{
	file(w, UNS_UID, text);
	file(w, UNS_GID, text);
}

static char *text_of(const struct world *w, enum uns_idkind kind)
{
	struct uns_buf b = UNS_BUF_INIT;

	assert_int_equal(uns_subid_print(&w->f.sub[kind].s, &b, NULL), 0);
	return uns_buf_take(&b, NULL);
}

static void account(struct uns_accounts *a, const char *name, uint32_t id, uint32_t gid)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 8;
		a->v = reallocarray(a->v, a->cap, sizeof(*a->v));
		assert_non_null(a->v);
	}
	a->v[a->n++] = (struct uns_account){.name = copy(name), .id = id, .gid = gid};
}

/* A user with the group of its name. */
static void user(struct world *w, const char *name, uint32_t id)
{
	account(&w->f.users, name, id, id);
	account(&w->f.groups, name, id, id);
}

static void live(struct world *w, pid_t pid, enum uns_idkind kind, uint32_t start, uint32_t count)
{
	w->f.live = reallocarray(w->f.live, w->f.lives + 1, sizeof(*w->f.live));
	assert_non_null(w->f.live);
	w->f.live[w->f.lives++] = (struct uns_live){{start, count}, kind, pid, "sleep"};
}

static void tree(struct world *w, uint32_t uid, uint32_t gid)
{
	char path[64];

	snprintf(path, sizeof(path), "/var/lib/docker/%u.%u", uid, gid);
	w->f.tree = reallocarray(w->f.tree, w->f.trees + 1, sizeof(*w->f.tree));
	assert_non_null(w->f.tree);
	w->f.tree[w->f.trees++] = (struct uns_idtree){copy(path), {uid, gid}};
}

static void taken(struct uns_rangeset *s, uint32_t start, uint32_t count, const char *who)
{
	assert_int_equal(uns_rangeset_add(s, (struct uns_range){start, count}, who, NULL), 0);
}

static void ignore(struct world *w, const char *id)
{
	assert_int_equal(uns_strs_add(&w->ignore, id, NULL), 0);
}

/* People with a name, a group and a UID. */
static void people(struct world *w)
{
	user(w, "root", 0);
	user(w, "alice", 1000);
	user(w, "bob", 1001);
	user(w, "carol", 1002);
	account(&w->f.nss[UNS_UID], "ldap", 70000, 70000);
}

/* ---- asking ---- */

static struct uns_range_request request(struct world *w)
{
	forget(w);
	return (struct uns_range_request){&w->f, &w->ignore, &w->plan, &w->findings};
}

static struct uns_range_want *want(struct world *w, const char *owner, enum uns_range_how how, uint32_t start, uint32_t count)
{
	struct uns_range_wants *l = &w->wants;

	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->v = reallocarray(l->v, l->cap, sizeof(*l->v));
		assert_non_null(l->v);
	}
	l->v[l->n] = (struct uns_range_want){.owner = copy(owner), .how = how, .range = {start, count}};
	return &l->v[l->n++];
}

static void auto_want(struct world *w, const char *owner)
{
	want(w, owner, UNS_RANGE_AUTO, 0, 0);
}

/* Owners apart by a blank, each gets what is free. */
static void auto_wants(struct world *w, const char *owners)
{
	char name[64];
	int n;

	for (uns_range_wants_done(&w->wants); sscanf(owners, "%63s%n", name, &n) == 1; owners += n)
		auto_want(w, name);
}

static int add(struct world *w)
{
	struct uns_range_request r = request(w);

	return uns_ranges_add(&r, &w->wants, &w->err);
}

static int take_away(struct world *w, const char *owner, const struct uns_range *part)
{
	struct uns_range_request r = request(w);

	return uns_ranges_remove(&r, owner, part, &w->err);
}

static int move(struct world *w, struct uns_shift *ret_old, const char *const trees[])
{
	uns_auto(uns_strs_done) struct uns_strs l = UNS_STRS_INIT;
	struct uns_range_request r = request(w);

	for (; trees && *trees; trees++)
		assert_int_equal(uns_strs_add(&l, *trees, NULL), 0);
	return uns_ranges_move(&r, &w->wants.v[0], &l, ret_old, &w->err);
}

/* Owners apart by a blank. */
static int fix(struct world *w, const char *owners)
{
	uns_auto(uns_strs_done) struct uns_strs l = UNS_STRS_INIT;
	struct uns_range_request r = request(w);
	char name[64];
	int n;

	for (; sscanf(owners, "%63s%n", name, &n) == 1; owners += n)
		assert_int_equal(uns_strs_add(&l, name, NULL), 0);
	return uns_ranges_fix(&r, &l, &w->err);
}

/* ---- the answer as text ---- */

static void put_list(struct uns_buf *b, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		assert_int_equal(uns_buf_printf(b, NULL, "%s%s", i ? " | " : "", json_string_value(json_array_get(list, i))), 0);
}

static void put_step(struct uns_buf *b, const struct uns_step *s)
{
	const char *name = uns_json_str_or(s->args, "file", "");

	assert_false(s->reverse);
	if (strcmp(s->kind, "subid-lines") == 0) {
		assert_int_equal(
		    uns_buf_printf(b, NULL, "%s%s: [", name, uns_json_bool_or(s->args, "created", false) ? " (new)" : ""), 0);
		put_list(b, json_object_get(s->args, "before"));
		assert_int_equal(uns_buf_puts(b, "] -> [", NULL), 0);
		put_list(b, json_object_get(s->args, "after"));
		assert_int_equal(uns_buf_puts(b, "]\n", NULL), 0);
	} else if (strcmp(s->kind, "final-newline") == 0) {
		assert_int_equal(uns_buf_printf(b, NULL, "%s: newline behind %s\n", name, uns_json_str_or(s->args, "line", "")), 0);
	} else {
		uns_auto_free char *text = json_dumps(s->args, JSON_COMPACT);

		assert_int_equal(uns_buf_printf(b, NULL, "%s %s\n", s->kind, text), 0);
	}
}

static void assert_shown(struct world *w, struct uns_buf *b, const char *text)
{
	free(w->shown);
	w->shown = uns_buf_take(b, NULL);
	assert_string_equal(w->shown, text);
}

static void assert_plan(struct world *w, const char *text)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < w->plan.n; i++)
		put_step(&b, &w->plan.v[i]);
	assert_shown(w, &b, text);
}

static void assert_found(struct world *w, const char *text)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < w->findings.n; i++) {
		const struct uns_finding *f = &w->findings.v[i];

		assert_int_equal(
		    uns_buf_printf(&b, NULL, "%s%s: %s: %s\n", f->ignored ? "ignored " : "", f->check->id, f->object, f->reason),
		    0);
	}
	assert_shown(w, &b, text);
}

/* Nothing is planned when there is a finding that refuses. */
static void assert_refused(struct world *w, int rc, enum uns_code code, const char *text)
{
	if (rc != 0)
		fail_msg("%s", w->err.text);
	assert_found(w, text);
	assert_int_equal(uns_findings_code(&w->findings), code);
	assert_plan(w, "");
}

static void assert_planned(struct world *w, int rc, const char *text)
{
	if (rc != 0)
		fail_msg("%s", w->err.text);
	assert_found(w, "");
	assert_plan(w, text);
}

static void assert_failed(struct world *w, int rc, enum uns_code code, const char *text)
{
	assert_int_equal(rc, -1);
	assert_string_equal(w->err.text, text);
	assert_int_equal(w->err.code, code);
}

static void assert_got(const struct world *w, size_t i, uint32_t start, uint32_t count, bool had)
{
	const struct uns_range_want *v = &w->wants.v[i];

	if (v->got.start != start || v->got.count != count || v->had != had)
		fail_msg("%s: %u:%u, had %d; not %u:%u, %d", v->owner, v->got.start, v->got.count, v->had, start, count, had);
}

/* ---- the plan, carried out on the texts ---- */

static void list_of(const json_t *j, const char *key, struct uns_strs *ret)
{
	const json_t *list = json_object_get(j, key);

	assert_true(json_is_array(list));
	for (size_t i = 0; i < json_array_size(list); i++)
		assert_int_equal(uns_strs_add(ret, json_string_value(json_array_get(list, i)), NULL), 0);
}

static void put_owners(const struct uns_strs *lines, struct uns_strs *ret)
{
	for (size_t i = 0; i < lines->n; i++) {
		size_t len;
		const char *owner = uns_subid_owner_of(lines->v[i], strlen(lines->v[i]), &len);
		uns_auto_free char *name = strndup(owner, len);

		assert_true(uns_subid_owner_valid(name)); /* the step takes no other */
		assert_int_equal(uns_strs_add(ret, name, NULL), 0);
	}
}

/* The lines in the file of the owners that the step names are those of "before": else it would find neither side. */
static void assert_before(const struct uns_subid *s, const struct uns_strs *before, const struct uns_strs *after)
{
	uns_auto(uns_strs_done) struct uns_strs owners = UNS_STRS_INIT, have = UNS_STRS_INIT, wanted = UNS_STRS_INIT;

	put_owners(before, &owners);
	put_owners(after, &owners);
	for (size_t i = 0; i < s->n; i++) {
		uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT;

		if (!*s->v[i].owner || !uns_strs_has(&owners, s->v[i].owner))
			continue;
		assert_int_equal(uns_subid_raw(s, &s->v[i], &raw, NULL), 0);
		assert_int_equal(uns_strs_add(&have, raw.data, NULL), 0);
	}
	for (size_t i = 0; i < before->n; i++)
		assert_int_equal(uns_strs_add(&wanted, before->v[i], NULL), 0);
	uns_strs_sort(&have);
	uns_strs_sort(&wanted);
	assert_int_equal(have.n, wanted.n);
	for (size_t i = 0; i < have.n; i++)
		assert_string_equal(have.v[i], wanted.v[i]);
}

/* Each new line is read by all programs alike. */
static void assert_strict(const char *line)
{
	uns_auto(uns_subid_done) struct uns_subid s = {0};
	struct uns_err err;

	if (uns_subid_parse(line, strlen(line), "new", &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(s.n, 1);
}

/* a without b, as multisets. */
static void subtract(const struct uns_strs *a, const struct uns_strs *b, struct uns_strs *ret)
{
	uns_auto_free bool *used = calloc(b->n + 1, 1);

	for (size_t i = 0; i < a->n; i++) {
		size_t j = 0;

		while (j < b->n && (used[j] || strcmp(a->v[i], b->v[j]) != 0))
			j++;
		if (j < b->n)
			used[j] = true;
		else
			assert_int_equal(uns_strs_add(ret, a->v[i], NULL), 0);
	}
}

static void apply_lines(struct world *w, enum uns_idkind kind, const json_t *args)
{
	uns_auto(uns_strs_done) struct uns_strs before = UNS_STRS_INIT, after = UNS_STRS_INIT, gone = UNS_STRS_INIT,
	                                        new = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_free char *old = text_of(w, kind);

	list_of(args, "before", &before);
	list_of(args, "after", &after);
	assert_before(&w->f.sub[kind].s, &before, &after);
	assert_int_equal(uns_json_bool_or(args, "created", false), !w->f.sub[kind].exists);
	subtract(&before, &after, &gone);
	subtract(&after, &before, &new);
	assert_true(gone.n + new.n > 0);
	for (size_t i = 0; i < new.n; i++)
		assert_strict(new.v[i]);
	if (uns_subid_edit(old, strlen(old), &gone, &new, &text, &w->err) < 0)
		fail_msg("%s", w->err.text);
	file_bytes(w, kind, text.data ? text.data : "", text.len);
}

static void apply_newline(struct world *w, enum uns_idkind kind, const char *line)
{
	uns_auto_free char *old = text_of(w, kind);
	size_t len = strlen(old), n = strlen(line);
	uns_auto_free char *new = malloc(len + 2);

	assert_true(n > 0 && n <= len && memcmp(old + len - n, line, n) == 0 && (n == len || old[len - n - 1] == '\n'));
	memcpy(new, old, len);
	memcpy(new + len, "\n", 2);
	file_bytes(w, kind, new, len + 1);
}

static void apply(struct world *w)
{
	for (size_t i = 0; i < w->plan.n; i++) {
		const struct uns_step *s = &w->plan.v[i];
		enum uns_idkind kind = strcmp(uns_json_str_or(s->args, "file", ""), "/etc/subgid") == 0 ? UNS_GID : UNS_UID;

		if (strcmp(s->kind, "subid-lines") == 0)
			apply_lines(w, kind, s->args);
		else if (strcmp(s->kind, "final-newline") == 0)
			apply_newline(w, kind, uns_json_str_or(s->args, "line", ""));
	}
}

/* ---- chance ---- */

static uint64_t random_state;

static uint32_t chance(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16) % below;
}

static void seed(uint64_t n)
{
	random_state = n * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 4; i++)
		chance(2);
}

/* Of the processor, not of the wall clock. What is quadratic takes many times as long even without sanitizers. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
#define LONG_ENOUGH 40.0

/* ---- batch ---- */

static int parse(struct world *w, const char *text, size_t len, uint32_t count, enum uns_range_how how)
{
	uns_range_wants_done(&w->wants);
	/* A copy of its own, so that a byte too far is noticed. */
	char *exact = malloc(len ? len : 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, text, len);
	rc = uns_range_batch_parse(exact, len, "batch", count, how, &w->wants, &w->err);
	free(exact);
	return rc;
}

static void a_batch_has_three_forms(void **state)
{
	static const char text[] =
	    "# owners\n\nalice\n \t \nbob:131072\n#\ncarol:1310720:65536\n4711\ndom.user@example.org:4294967295\n"
	    "x:0:1\ny:4294967295:4294967295";
	static const struct {
		const char *owner;
		enum uns_range_how how;
		uint32_t start, count;
		unsigned line;
	} want[] = {
	    {"alice", UNS_RANGE_HASH, 0, 7, 3},
	    {"bob", UNS_RANGE_HASH, 0, 131072, 5},
	    {"carol", UNS_RANGE_EXACT, 1310720, 65536, 7},
	    {"4711", UNS_RANGE_HASH, 0, 7, 8},
	    {"dom.user@example.org", UNS_RANGE_HASH, 0, 4294967295u, 9},
	    {"x", UNS_RANGE_EXACT, 0, 1, 10},
	    {"y", UNS_RANGE_EXACT, 4294967295u, 4294967295u, 11},
	};
	struct world w;

	(void)state;
	world_make(&w);
	assert_int_equal(parse(&w, text, sizeof(text) - 1, 7, UNS_RANGE_HASH), 0);
	assert_int_equal(w.wants.n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < w.wants.n; i++) {
		const struct uns_range_want *v = &w.wants.v[i];

		assert_string_equal(v->owner, want[i].owner);
		assert_int_equal(v->how, want[i].how);
		assert_int_equal(v->range.start, want[i].start);
		assert_int_equal(v->range.count, want[i].count);
		assert_int_equal(v->line, want[i].line);
		assert_false(v->fixed || v->had);
	}
	assert_int_equal(parse(&w, "", 0, 0, UNS_RANGE_AUTO), 0);
	assert_int_equal(w.wants.n, 0);
	assert_int_equal(parse(&w, "\n\n# nobody\n", 11, 0, UNS_RANGE_AUTO), 0);
	assert_int_equal(w.wants.n, 0);
	world_done(&w);
}

#define NAME64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FORMS "; expected OWNER, OWNER:COUNT or OWNER:START:COUNT in decimal"

static void a_bad_line_is_named_by_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *message;
	} cases[] = {
#define CASE(text, message) {text, sizeof(text) - 1, message}
	    CASE("alice\r\nbob\r\n", "batch:1:6: found a carriage return" FORMS),
	    CASE("alice\n\r\n", "batch:2:1: found a carriage return" FORMS),
	    CASE("alice:65536\r", "batch:1:12: found a carriage return" FORMS),
	    CASE("alice:65536:65536\r", "batch:1:18: found a carriage return" FORMS),
	    CASE("alice\nbo\0b\n", "batch:2:3: found a NUL byte" FORMS),
	    CASE("\0", "batch:1:1: found a NUL byte" FORMS),
	    CASE("# comment \0", "batch:1:11: found a NUL byte" FORMS),
	    CASE("alice:1:\0", "batch:1:9: found a NUL byte" FORMS),
	    CASE(" alice", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("\talice", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE(" # comment", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("alice \n", "batch:1:6: found what cannot be an owner" FORMS),
	    CASE("ali ce:1", "batch:1:4: found what cannot be an owner" FORMS),
	    CASE("alice#1", "batch:1:6: found what cannot be an owner" FORMS),
	    CASE("bj\xc3\xb6rn", "batch:1:3: found what cannot be an owner" FORMS),
	    CASE("a\x7f", "batch:1:2: found what cannot be an owner" FORMS),
	    CASE(":65536", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("::", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("+alice", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("-alice", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("!alice", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("~alice", "batch:1:1: found what cannot be an owner" FORMS),
	    CASE(NAME64 NAME64 NAME64 NAME64, "batch:1:1: found what cannot be an owner" FORMS),
	    CASE("alice:", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:0", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:4294967296", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:99999999999999999999999", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:many", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:-1", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:+1", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice: 1", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:1 ", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:0x10", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:010", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:1e5", "batch:1:7: found no number of IDs" FORMS),
	    CASE("alice:1:0", "batch:1:9: found no number of IDs" FORMS),
	    CASE("alice:1:", "batch:1:9: found no number of IDs" FORMS),
	    CASE("alice:1:4294967296", "batch:1:9: found no number of IDs" FORMS),
	    CASE("alice::1", "batch:1:7: found no number of an ID" FORMS),
	    CASE("alice::", "batch:1:7: found no number of an ID" FORMS),
	    CASE("alice:4294967296:1", "batch:1:7: found no number of an ID" FORMS),
	    CASE("alice:x:y", "batch:1:7: found no number of an ID" FORMS),
	    CASE("alice:1:2:3", "batch:1:10: found a fourth field" FORMS),
	    CASE("alice:1:2:", "batch:1:10: found a fourth field" FORMS),
	    CASE("alice:x:y:z:", "batch:1:10: found a fourth field" FORMS),
	    CASE("alice\nbob\n\n# x\nalice:5\n", "batch:5:1: alice is in line 1 already; expected each owner once"),
	    CASE("alice\nalice", "batch:2:1: alice is in line 1 already; expected each owner once"),
#undef CASE
	};
	struct world w;

	(void)state;
	world_make(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.err = (struct uns_err){0};
		assert_failed(&w, parse(&w, cases[i].text, cases[i].len, 0, UNS_RANGE_AUTO), UNS_E_INPUT, cases[i].message);
		assert_int_equal(w.wants.n, 0);
		assert_null(w.wants.v);
	}
	/* The longest name that may be. */
	assert_int_equal(parse(&w, NAME64 NAME64 NAME64 NAME64, 255, 0, UNS_RANGE_AUTO), 0);
	world_done(&w);
}

/* Whatever bytes: a refusal, or wants that are all valid. */
static void any_bytes_are_a_batch_or_not(void **state)
{
	static const char bytes[] = "aab:::0123456789\n\n\n# \t\r+!\xff";
	char text[64];
	struct world w;
	size_t good = 0;

	(void)state;
	world_make(&w);
	seed(11);
	for (int i = 0; i < 50000; i++) {
		size_t len = chance(sizeof(text));

		for (size_t j = 0; j < len; j++)
			text[j] = bytes[chance(sizeof(bytes))];
		if (parse(&w, text, len, 9, UNS_RANGE_AUTO) < 0) {
			assert_int_equal(strncmp(w.err.text, "batch:", 6), 0);
			assert_int_equal(w.err.code, UNS_E_INPUT);
			continue;
		}
		good += w.wants.n > 1;
		for (size_t j = 0; j < w.wants.n; j++) {
			assert_true(uns_subid_owner_valid(w.wants.v[j].owner));
			assert_true(w.wants.v[j].range.count > 0);
			for (size_t k = 0; k < j; k++)
				assert_string_not_equal(w.wants.v[j].owner, w.wants.v[k].owner);
		}
	}
	assert_true(good > 100);
	world_done(&w);
}

/* ---- add: what is there already ---- */

static void a_new_owner_gets_one_line_in_each_file(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	auto_wants(&w, "alice bob");
	want(&w, "carol", UNS_RANGE_AUTO, 0, 65537);
	assert_planned(&w, add(&w),
	               "/etc/subuid: [] -> [alice:524288:65536 | bob:589824:65536 | carol:655360:65537]\n"
	               "/etc/subgid: [] -> [alice:524288:65536 | bob:589824:65536 | carol:655360:65537]\n");
	assert_got(&w, 0, 524288, 65536, false);
	assert_got(&w, 2, 655360, 65537, false);
	/* Files that are not there are made, each for itself. */
	w.f.sub[UNS_GID].exists = false;
	auto_wants(&w, "alice");
	assert_planned(&w, add(&w), "/etc/subuid: [] -> [alice:524288:65536]\n/etc/subgid (new): [] -> [alice:524288:65536]\n");
	auto_wants(&w, "");
	assert_planned(&w, add(&w), "");
	world_done(&w);
}

static void an_owner_keeps_what_it_has(void **state)
{
	struct world w;
	static const char *const spellings[] = {"alice", "1000"};

	(void)state;
	for (int line = 0; line < 2; line++)
		for (int asked = 0; asked < 2; asked++) {
			char text[64];

			world_make(&w);
			people(&w);
			snprintf(text, sizeof(text), "# x\n%s:100000:70000\n", spellings[line]);
			files(&w, text);
			auto_wants(&w, spellings[asked]);
			assert_planned(&w, add(&w), "");
			assert_got(&w, 0, 100000, 70000, true);
			/* Also when it is named, whole or by its count. */
			uns_range_wants_done(&w.wants);
			want(&w, spellings[asked], UNS_RANGE_EXACT, 100000, 70000);
			assert_planned(&w, add(&w), "");
			w.wants.v[0].range.count = 0;
			assert_planned(&w, add(&w), "");
			w.wants.v[0].how = UNS_RANGE_AUTO;
			w.wants.v[0].range.count = 70000;
			assert_planned(&w, add(&w), "");
			/* A number that is the owner of the one is the UID of nobody else. */
			auto_wants(&w, "1001");
			assert_planned(&w, add(&w),
			               "/etc/subuid: [] -> [1001:524288:65536]\n/etc/subgid: [] -> [1001:524288:65536]\n");
			world_done(&w);
		}
}

static void one_file_only_is_completed(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "alice:1048576:65536\n1001:2097152:1000\n");
	file(&w, UNS_GID, "carol:3145728:65536\nldap:4194304:65536");
	auto_wants(&w, "alice bob carol 70000");
	assert_planned(&w, add(&w),
	               "/etc/subuid: [] -> [carol:3145728:65536 | 70000:4194304:65536]\n"
	               "/etc/subgid: [] -> [alice:1048576:65536 | bob:2097152:1000]\n");
	assert_got(&w, 1, 2097152, 1000, false);
	assert_true(w.wants.v[1].fixed);
	apply(&w);
	assert_planned(&w, add(&w), "");
	/* An orphan too: it has a range already. */
	file(&w, UNS_UID, "gone:800000:1000\n");
	auto_wants(&w, "gone");
	assert_planned(&w, add(&w), "/etc/subgid: [] -> [gone:800000:1000]\n");
	/* Another range than the one that is there. */
	want(&w, "alice", UNS_RANGE_EXACT, 1048576, 0);
	w.wants.v[0].range.count = 65536;
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeDiffers: gone: it has the range 800000:1000 already, which is not the wanted one\n");
	world_done(&w);
}

static void the_other_file_may_be_taken(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "alice:1048576:65536\n");
	file(&w, UNS_GID, "bob:1114111:65536\n");
	auto_wants(&w, "alice");
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice: the GID range 1048576:65536 overlaps bob (/etc/subgid:1: bob:1114111:65536)\n");
	w.wants.v[0].line = 7;
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice (line 7): the GID range 1048576:65536 overlaps bob (/etc/subgid:1: bob:1114111:65536)\n");
	auto_wants(&w, "alice bob");
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice: the GID range 1048576:65536 overlaps bob (/etc/subgid:1: bob:1114111:65536)\n"
	               "RangeTaken: bob: the UID range 1114111:65536 overlaps alice (/etc/subuid:1: alice:1048576:65536)\n");
	/* What is only discouraged is said. */
	file(&w, UNS_GID, "");
	taken(&w.f.scanned[UNS_GID], 1048576, 65536, "/srv");
	auto_wants(&w, "alice");
	assert_int_equal(add(&w), 0);
	assert_found(&w, "RangeDiscouraged: alice: the GID range 1048576:65536 overlaps files that exist (/srv)\n");
	assert_plan(&w, "/etc/subgid: [] -> [alice:1048576:65536]\n");
	uns_rangeset_done(&w.f.scanned[UNS_GID]);
	/* The start of a line that nobody may have is no better for being there. */
	file(&w, UNS_UID, "alice:0:65536\n");
	file(&w, UNS_GID, "");
	w.wants.v[0].line = 0;
	assert_refused(&w, add(&w), UNS_E_CONFLICT, "RangeTaken: alice: the GID range 0:65536 overlaps group root (GID 0)\n");
	/* Two who share a range in one file are not to share it in the other as well. */
	file(&w, UNS_UID, "alice:1048576:65536\nbob:1114111:65536\n");
	auto_wants(&w, "bob alice");
	w.wants.v[0].line = 1;
	w.wants.v[1].line = 2;
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice (line 2): the range 1048576:65536 overlaps that of bob in the same batch\n");
	world_done(&w);
}

/* A line was lost while containers have the IDs: nobody else has them, and to give it another range would lose the data. */
static void a_lost_line_comes_back(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	w.f.subid_source = copy("sss");
	file(&w, UNS_UID, "alice:1048576:65536\n");
	tree(&w, 1048576, 1048576);
	live(&w, 4711, UNS_UID, 1048576, 65536);
	live(&w, 4711, UNS_GID, 1048576, 65536);
	taken(&w.f.plugin[UNS_UID], 1048576, 65536, "alice");
	taken(&w.f.plugin[UNS_GID], 1048576, 65536, "1000");
	auto_wants(&w, "alice");
	assert_planned(&w, add(&w), "/etc/subgid: [] -> [alice:1048576:65536]\n");
	/* What begins before the range and ends before it is not in its way, whatever begins still earlier. */
	taken(&w.f.plugin[UNS_GID], 1000000, 200000, "alice");
	taken(&w.f.plugin[UNS_GID], 1000001, 10, "bob");
	assert_planned(&w, add(&w), "/etc/subgid: [] -> [alice:1048576:65536]\n");
	/* What is of somebody else is seen behind what is its own. */
	taken(&w.f.plugin[UNS_GID], 1048577, 1, "bob");
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice: the GID range 1048576:65536 overlaps bob (\"subid: sss\": 1048577:1)\n");
	world_done(&w);

	world_make(&w);
	people(&w);
	file(&w, UNS_GID, "alice:1048576:65536\n");
	live(&w, 4711, UNS_UID, 1048576, 65536); /* its groups are others */
	live(&w, 4711, UNS_GID, 9048576, 65536);
	auto_wants(&w, "alice");
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice: the UID range 1048576:65536 overlaps process 4711 (sleep), whose "
	               "user namespace has 1048576:65536\n");
	/* Another one has them. */
	live(&w, 4712, UNS_GID, 1048576, 65536);
	assert_int_equal(add(&w), 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	/* It has more than the owner gave it. */
	live(&w, 4711, UNS_GID, 1048577, 65536);
	assert_int_equal(add(&w), 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	live(&w, 4711, UNS_GID, 1048577, 65535);
	assert_planned(&w, add(&w), "/etc/subuid: [] -> [alice:1048576:65536]\n");
	w.f.lives = 0;
	tree(&w, 1048576, 9048576);
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: alice: the UID range 1048576:65536 overlaps the tree /var/lib/docker/1048576.9048576\n");
	world_done(&w);

	/* What Incus takes because root has no line is no collision for root's. */
	world_make(&w);
	people(&w);
	w.f.present = UNS_HAS_INCUS;
	file(&w, UNS_UID, "root:1000000:65536\n");
	auto_wants(&w, "root");
	assert_planned(&w, add(&w), "/etc/subgid: [] -> [root:1000000:65536]\n");
	world_done(&w);
}

static void several_lines_are_not_one_range(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "alice:1048576:65536\n");
	file(&w, UNS_GID, "alice:1048576:65536\nbob:100000:5\n1000:2097152:65536\n");
	auto_wants(&w, "alice carol");
	assert_refused(&w, add(&w), UNS_E_REFUSED, "RangeSeveral: /etc/subgid: alice has 2 lines; expected one in each file\n");
	/* What was chosen when it was planned before says nothing. */
	file(&w, UNS_UID, "alice:1:1\nalice:2:1\ncarol:1048576:65536\n");
	file(&w, UNS_GID, "");
	w.wants.v[0].got = (struct uns_range){1048576, 65536};
	assert_refused(&w, add(&w), UNS_E_REFUSED, "RangeSeveral: /etc/subuid: alice has 2 lines; expected one in each file\n");
	world_done(&w);
}

static void a_flawed_line_is_nothing_to_build_on(void **state)
{
	static const char *const lines[] = {"alice:0400000:65536\n",    "alice: 524288:65536\n",    " alice:524288:65536\n",
	                                    "alice:524288:65536 \n",    "alice:524288:65536\r\n",   "alice:0x80000:65536\n",
	                                    "alice:+524288:65536\n",    "alice:524288:65536:x\n",   "alice:524288:65536 #\n",
	                                    "alice:abc:65536\n",        "alice:524288:abc\n",       "alice:-1:65536\n",
	                                    "alice:524288:0\n",         "alice:524288\n",           "alice:\n",
	                                    "alice:4294967000:65536\n", "alice:99999999999:65536\n"};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (int kind = 0; kind < UNS_IDKINDS; kind++) {
			char text[128];

			world_make(&w);
			people(&w);
			file(&w, kind ? UNS_UID : UNS_GID, "alice:524288:65536\n");
			snprintf(text, sizeof(text), "# x\n%s", lines[i]);
			file(&w, (enum uns_idkind)kind, text);
			snprintf(text, sizeof(text),
			         "SubidOwnLine: /etc/sub%cid:2: the line of alice is read differently by different programs\n",
			         "ug"[kind]);
			auto_wants(&w, "alice");
			assert_refused(&w, add(&w), UNS_E_REFUSED, text);
			world_done(&w);
		}
	/* What is of somebody else is left alone, also when it looks like hers. */
	world_make(&w);
	people(&w);
	files(&w, "!alice:524288:65536\n+alice:1:1\n01000:5:5\n#alice:1:1\nalicE:589824:65536");
	auto_wants(&w, "alice");
	assert_planned(&w, add(&w), "/etc/subuid: [] -> [alice:655360:65536]\n/etc/subgid: [] -> [alice:655360:65536]\n");
	world_done(&w);
}

static void what_differs_is_said(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	files(&w, "alice:1048576:65536\n");
	want(&w, "alice", UNS_RANGE_EXACT, 1048577, 0);
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeDiffers: alice: it has the range 1048576:65536 already, which is not the wanted one\n");
	w.wants.v[0] = (struct uns_range_want){.owner = w.wants.v[0].owner, .how = UNS_RANGE_AUTO, .range = {0, 65535}, .line = 3};
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeDiffers: alice (line 3): it has the range 1048576:65536 already, which is not the wanted one\n");
	w.wants.v[0].how = UNS_RANGE_HASH;
	w.wants.v[0].range.count = 0;
	assert_int_equal(add(&w), 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	/* The one that is not as wanted is named. */
	file(&w, UNS_GID, "alice:2097152:7\n");
	w.wants.v[0].how = UNS_RANGE_EXACT;
	w.wants.v[0].range = (struct uns_range){1048576, 65536};
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeDiffers: alice (line 3): it has the range 2097152:7 already, which is not the wanted one\n");
	/* One that differs between the files is the owner's, and may be just what is wanted. */
	auto_wants(&w, "alice");
	assert_int_equal(add(&w), 0);
	assert_plan(&w, "");
	assert_found(&w, "RangeAsymmetric: alice: its UID range 1048576:65536 and its GID range 2097152:7 differ\n");
	assert_got(&w, 0, 1048576, 65536, true);
	world_done(&w);
}

/* ---- add: who ---- */

static void an_unknown_owner_is_asked_about(void **state)
{
	struct world w;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	(void)state;
	world_make(&w);
	people(&w);
	auto_wants(&w, "alice gone ldap 70000x containers");
	w.wants.v[3].line = 9;
	assert_refused(&w, add(&w), UNS_E_REFUSED,
	               "OwnerUnknown: gone: no account of this name exists\n"
	               "OwnerUnknown: 70000x (line 9): no account of this name exists\n");
	ignore(&w, "OwnerUnknown");
	assert_int_equal(add(&w), 0);
	assert_found(&w, "ignored OwnerUnknown: gone: no account of this name exists\n"
	                 "ignored OwnerUnknown: 70000x (line 9): no account of this name exists\n");
	assert_int_equal(w.plan.n, 2);
	/* A number is known when it is somebody's. */
	uns_strs_done(&w.ignore);
	auto_wants(&w, "1001 70000 4711");
	assert_refused(&w, add(&w), UNS_E_REFUSED, "OwnerUnknown: 4711: no account of this name exists\n");
	/* Many are counted. */
	uns_range_wants_done(&w.wants);
	for (int i = 0; i < 25; i++) {
		char name[32];

		snprintf(name, sizeof(name), "nobody%d", i);
		auto_want(&w, name);
		if (i < 20)
			assert_int_equal(uns_buf_printf(&text, NULL, "OwnerUnknown: %s: no account of this name exists\n", name),
			                 0);
	}
	assert_int_equal(uns_buf_puts(&text, "OwnerUnknown: the batch: … and 5 owners more\n", NULL), 0);
	assert_refused(&w, add(&w), UNS_E_REFUSED, text.data);
	world_done(&w);
}

static void an_owner_is_named_once(void **state)
{
	static const struct {
		const char *owners, *message;
		unsigned lines[2];
		enum uns_code code;
	} cases[] = {
	    {"alice alice", "alice is named twice; expected each owner once", {0, 0}, UNS_E_USAGE},
	    {"alice alice", "alice (line 8) is named twice; expected each owner once", {3, 8}, UNS_E_INPUT},
	    {"alice 1000", "alice and 1000 are the same user; expected each owner once", {0, 0}, UNS_E_USAGE},
	    {"1000 alice", "1000 (line 3) and alice (line 8) are the same user; expected each owner once", {3, 8}, UNS_E_INPUT},
	    {"ldap 70000", "ldap and 70000 are the same user; expected each owner once", {0, 0}, UNS_E_USAGE},
	};
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	user(&w, "toor", 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_wants(&w, cases[i].owners);
		for (int j = 0; j < 2; j++)
			w.wants.v[j].line = cases[i].lines[j];
		assert_failed(&w, add(&w), cases[i].code, cases[i].message);
	}
	/* Two names of one UID are two owners: programs look for the name. */
	auto_wants(&w, "root toor");
	assert_planned(&w, add(&w),
	               "/etc/subuid: [] -> [root:524288:65536 | toor:589824:65536]\n"
	               "/etc/subgid: [] -> [root:524288:65536 | toor:589824:65536]\n");
	files(&w, "toor:1048576:65536\n");
	auto_wants(&w, "root");
	assert_planned(&w, add(&w), "/etc/subuid: [] -> [root:524288:65536]\n/etc/subgid: [] -> [root:524288:65536]\n");
	files(&w, "0:1048576:65536\n"); /* of both */
	auto_wants(&w, "root toor");
	assert_planned(&w, add(&w), "");
	auto_wants(&w, "toor 0");
	assert_failed(&w, add(&w), UNS_E_USAGE, "toor and 0 are the same user; expected each owner once");
	/* Owners that no line may have. */
	want(&w, "a b", UNS_RANGE_AUTO, 0, 0);
	assert_failed(&w, add(&w), UNS_E_USAGE,
	              "\"a b\" cannot be an owner; expected the name or the UID of a user, without blanks and ':'");
	w.wants.v[2].line = 4;
	assert_failed(&w, add(&w), UNS_E_INPUT,
	              "\"a b\" cannot be an owner; expected the name or the UID of a user, without blanks and ':'");
	world_done(&w);
}

/* As many names as there may be of one UID, and accounts that stand there twice: the first counts. */
static void accounts_that_are_like_each_other(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	for (unsigned i = 0; i < 5000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "same%u", i);
		account(&w.f.users, name, 1000, 1000);
		account(&w.f.users, "twice", 2000 + i, 1000);
	}
	files(&w, "same4999:1048576:65536\n");
	auto_wants(&w, "1000 twice");
	assert_planned(&w, add(&w), "/etc/subuid: [] -> [twice:524288:65536]\n/etc/subgid: [] -> [twice:524288:65536]\n");
	assert_got(&w, 0, 1048576, 65536, true);
	files(&w, "2001:1048576:65536\n");
	auto_wants(&w, "twice");
	assert_planned(&w, add(&w), "/etc/subuid: [] -> [twice:524288:65536]\n/etc/subgid: [] -> [twice:524288:65536]\n");
	files(&w, "2000:1048576:65536\n");
	assert_planned(&w, add(&w), "");
	world_done(&w);
}

/* ---- add: which range ---- */

static void named_ranges_come_before_free_ones(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	auto_want(&w, "alice");
	want(&w, "bob", UNS_RANGE_EXACT, 524288, 65536);
	auto_want(&w, "carol");
	want(&w, "ldap", UNS_RANGE_EXACT, 655360, 65536);
	want(&w, "root", UNS_RANGE_HASH, 0, 0);
	assert_int_equal(add(&w), 0);
	assert_found(&w, "");
	assert_got(&w, 0, 589824, 65536, false);
	assert_got(&w, 1, 524288, 65536, false);
	assert_got(&w, 2, 720896, 65536, false);
	assert_got(&w, 4, uns_range_hash("root", 65536), 65536, false);
	world_done(&w);
}

static void named_ranges_are_looked_at(void **state)
{
	static const struct {
		uint32_t start, count;
		enum uns_code code;
		const char *found;
	} cases[] = {
	    {1048576, 65536, UNS_OK, ""},
	    {1048577, 65536, UNS_OK, "RangeUnaligned: alice: 1048577 is no multiple of 65536, as kubelet and systemd want it\n"},
	    {4294901760u, 65536, UNS_E_REFUSED,
	     "RangeUnsafe: alice: the range 4294901760:65536 cannot be used: it ends beyond 4294967294, the last ID\n"},
	    {4294967295u, 1, UNS_E_REFUSED,
	     "RangeUnsafe: alice: the range 4294967295:1 cannot be used: it ends beyond 4294967294, the last ID\n"},
	    {4294967295u, 4294967295u, UNS_E_REFUSED,
	     "RangeUnsafe: alice: the range 4294967295:4294967295 cannot be used: it ends beyond 4294967294, the last ID\n"},
	    {0, 65536, UNS_E_CONFLICT,
	     "RangeTaken: alice: the UID range 0:65536 overlaps user root (UID 0)\n"
	     "RangeTaken: alice: the GID range 0:65536 overlaps group root (GID 0)\n"},
	    {2147483648u, 65536, UNS_OK,
	     "RangeDiscouraged: alice: the UID range 2147483648:65536 overlaps IDs that are negative as int\n"
	     "RangeDiscouraged: alice: the GID range 2147483648:65536 overlaps IDs that are negative as int\n"},
	    {2097152, 65536, UNS_E_CONFLICT,
	     "RangeTaken: alice: the UID range 2097152:65536 overlaps carol (/etc/subuid:1: carol:2162687:1)\n"},
	    {2162688, 65536, UNS_OK, ""},
	};
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "carol:2162687:1\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uns_range_wants_done(&w.wants);
		want(&w, "alice", UNS_RANGE_EXACT, cases[i].start, cases[i].count);
		assert_int_equal(add(&w), 0);
		assert_found(&w, cases[i].found);
		assert_int_equal(uns_findings_code(&w.findings), cases[i].code);
		assert_int_equal(w.plan.n, cases[i].code == UNS_OK ? 2 : 0);
	}
	world_done(&w);
}

static void named_ranges_of_one_batch_are_compared(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	/* The first reaches over all others, of which the last two do not touch each other. */
	want(&w, "alice", UNS_RANGE_EXACT, 1048576, 655360);
	want(&w, "bob", UNS_RANGE_EXACT, 1114112, 65536);
	want(&w, "carol", UNS_RANGE_EXACT, 1310720, 65536);
	want(&w, "root", UNS_RANGE_EXACT, 1703936, 65536);
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: bob: the range 1114112:65536 overlaps that of alice in the same batch\n"
	               "RangeTaken: carol: the range 1310720:65536 overlaps that of alice in the same batch\n");
	/* It is not the first. */
	w.wants.v[0].range = (struct uns_range){1114112, 655360};
	w.wants.v[1].range = (struct uns_range){1048576, 65536};
	w.wants.v[2].range = (struct uns_range){1179648, 65536};
	w.wants.v[3].range = (struct uns_range){1310720, 65536};
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: carol: the range 1179648:65536 overlaps that of alice in the same batch\n"
	               "RangeTaken: root: the range 1310720:65536 overlaps that of alice in the same batch\n");
	/* The later one is to blame, whichever begins lower. */
	uns_range_wants_done(&w.wants);
	want(&w, "alice", UNS_RANGE_EXACT, 1048577, 65535)->line = 2;
	want(&w, "bob", UNS_RANGE_EXACT, 1048576, 2)->line = 5;
	assert_int_equal(add(&w), 0);
	assert_string_equal(w.findings.v[w.findings.n - 1].object, "bob (line 5)");
	assert_string_equal(w.findings.v[w.findings.n - 1].reason, "the range 1048576:2 overlaps that of alice in the same batch");
	uns_range_wants_done(&w.wants);
	want(&w, "alice", UNS_RANGE_EXACT, 1048576, 65536);
	want(&w, "bob", UNS_RANGE_EXACT, 1048576, 65536);
	want(&w, "carol", UNS_RANGE_EXACT, 1048576, 65536);
	assert_refused(&w, add(&w), UNS_E_CONFLICT,
	               "RangeTaken: bob: the range 1048576:65536 overlaps that of alice in the same batch\n"
	               "RangeTaken: carol: the range 1048576:65536 overlaps that of alice in the same batch\n");
	world_done(&w);
}

static void what_cannot_be_is_said(void **state)
{
	static const uint32_t counts[] = {2147483648u, 2147483647u, 4294967295u, 4294967294u};
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		for (int how = 0; how < 2; how++) {
			char text[128];

			uns_range_wants_done(&w.wants);
			want(&w, "alice", how ? UNS_RANGE_HASH : UNS_RANGE_AUTO, 0, counts[i]);
			snprintf(text, sizeof(text), "RangeNone: alice: no %u IDs in a row are free between 65536 and 2147483647\n",
			         counts[i]);
			assert_refused(&w, add(&w), UNS_E_REFUSED, text);
		}
	/* The largest that there is: half of what may be handed out, less systemd's foreign IDs. */
	uns_range_wants_done(&w.wants);
	want(&w, "alice", UNS_RANGE_AUTO, 0, 1073676288);
	assert_planned(&w, add(&w),
	               "/etc/subuid: [] -> [alice:1073676288:1073676288]\n/etc/subgid: [] -> [alice:1073676288:1073676288]\n");
	world_done(&w);
}

/* When the window of login.defs is full there is still room elsewhere, but not below a limit that somebody has set. */
static void the_window_of_login_defs(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	w.f.defs.sub_min[UNS_UID] = w.f.defs.sub_min[UNS_GID] = 1048576;
	w.f.defs.sub_max[UNS_UID] = w.f.defs.sub_max[UNS_GID] = 1048576 + 3 * 65536 - 1;
	file(&w, UNS_UID, "alice:1048576:65536\n");
	file(&w, UNS_GID, "carol:1179648:65536\n");
	auto_wants(&w, "bob");
	assert_int_equal(add(&w), 0);
	assert_got(&w, 0, 1114112, 65536, false);
	auto_wants(&w, "bob ldap root");
	assert_int_equal(add(&w), 0);
	assert_got(&w, 0, 1114112, 65536, false);
	assert_got(&w, 1, 131072, 65536, false); /* in the block before lies the UID of ldap */
	assert_got(&w, 2, 196608, 65536, false);
	w.f.defs.sub_set[UNS_GID] = true;
	assert_int_equal(add(&w), 0);
	assert_got(&w, 1, 1245184, 65536, false);
	world_done(&w);
}

static void next_tells_what_add_would_choose(void **state)
{
	struct world w;
	struct uns_range_request r;

	(void)state;
	world_make(&w);
	people(&w);
	files(&w, "alice:524288:65536\n");
	want(&w, "a new owner", UNS_RANGE_AUTO, 0, 0);
	w.wants.v[0].fixed = w.wants.v[0].had = true; /* left by what was planned before */
	r = request(&w);
	assert_planned(&w, uns_ranges_next(&r, &w.wants.v[0], &w.err), "");
	assert_got(&w, 0, 589824, 65536, false);
	w.wants.v[0].range.count = 200000;
	assert_planned(&w, uns_ranges_next(&r, &w.wants.v[0], &w.err), "");
	assert_got(&w, 0, 589824, 200000, false);
	w.wants.v[0].range.count = 2147483648u;
	assert_refused(&w, uns_ranges_next(&r, &w.wants.v[0], &w.err), UNS_E_REFUSED,
	               "RangeNone: a new owner: no 2147483648 IDs in a row are free between 65536 and 2147483647\n");
	world_done(&w);
}

/* ---- remove ---- */

static void all_lines_of_an_owner_go(void **state)
{
	static const char text[] =
	    "# x\nalice:100000:65536\nbob:200000:65536\n 1000: 300000:+10:x\nalice\nalice:0400000:1\n!alice:1:1";
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, text);
	file(&w, UNS_GID, "alice:7:0\n");
	for (int i = 0; i < 2; i++)
		assert_planned(&w, take_away(&w, i ? "1000" : "alice", NULL),
		               "/etc/subuid: [alice:100000:65536 |  1000: 300000:+10:x | alice:0400000:1] -> []\n"
		               "/etc/subgid: [alice:7:0] -> []\n");
	apply(&w);
	assert_planned(&w, take_away(&w, "alice", NULL), "");
	assert_planned(&w, take_away(&w, "carol", NULL), "");
	file(&w, UNS_GID, "+x:1:1\n");
	assert_planned(&w, take_away(&w, "+x", NULL), "");
	w.f.sub[UNS_UID].symlink = true;
	assert_failed(&w, take_away(&w, "bob", NULL), UNS_E_INPUT,
	              "/etc/subuid is a symbolic link, which shadow's tools refuse (ELOOP); expected a regular file");
	world_done(&w);
}

static void a_part_goes_from_each_edge(void **state)
{
	static const struct {
		struct uns_range part;
		const char *after; /* NULL: nothing to do */
	} cases[] = {
	    {{100000, 65536}, ""},
	    {{0, 4294967295u}, ""},
	    {{99999, 65538}, ""},
	    {{100000, 1}, "alice:100001:65535"},
	    {{1, 100000}, "alice:100001:65535"},
	    {{165535, 1}, "alice:100000:65535"},
	    {{165535, 4294801760u}, "alice:100000:65535"},
	    {{165534, 2}, "alice:100000:65534"},
	    {{100001, 1}, "alice:100000:1 | alice:100002:65534"},
	    {{110000, 1000}, "alice:100000:10000 | alice:111000:54536"},
	    {{100001, 65534}, "alice:100000:1 | alice:165535:1"},
	    {{99999, 1}, NULL},
	    {{165536, 1}, NULL},
	    {{0, 100000}, NULL},
	    {{165536, 4294801759u}, NULL},
	    {{4294967294u, 1}, NULL},
	};
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[256] = "";

		files(&w, "alice:100000:65536\nbob:100000:65536\n");
		if (cases[i].after)
			snprintf(want, sizeof(want),
			         "/etc/subuid: [alice:100000:65536] -> [%s]\n/etc/subgid: [alice:100000:65536] -> [%s]\n",
			         cases[i].after, cases[i].after);
		assert_planned(&w, take_away(&w, "alice", &cases[i].part), want);
		apply(&w);
		assert_planned(&w, take_away(&w, "alice", &cases[i].part), "");
	}
	/* The last IDs that there are. */
	files(&w, "alice:4294967290:5\n");
	assert_planned(&w, take_away(&w, "alice", &(struct uns_range){4294967293u, 2}),
	               "/etc/subuid: [alice:4294967290:5] -> [alice:4294967290:3]\n"
	               "/etc/subgid: [alice:4294967290:5] -> [alice:4294967290:3]\n");
	assert_failed(&w, take_away(&w, "alice", &(struct uns_range){4294967294u, 2}), UNS_E_USAGE,
	              "4294967294:2 is no range of IDs");
	assert_failed(&w, take_away(&w, "alice", &(struct uns_range){5, 0}), UNS_E_USAGE, "5:0 is no range of IDs");
	world_done(&w);
}

static void a_part_goes_from_each_line(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "alice:100000:10\n1000:100010:10\nbob:100000:100\nalice:100020:10\nalice:100030:10\n");
	assert_planned(&w, take_away(&w, "1000", &(struct uns_range){100005, 20}),
	               "/etc/subuid: [alice:100000:10 | 1000:100010:10 | alice:100020:10 | alice:100030:10] -> "
	               "[alice:100000:5 | alice:100025:5 | alice:100030:10]\n");
	apply(&w);
	assert_planned(&w, take_away(&w, "1000", &(struct uns_range){100005, 20}), "");
	/* A line that not all programs read alike cannot be cut, whichever reading is meant, but stands in nobody's way. */
	file(&w, UNS_UID, "# x\nalice:0400000:65536\nalice:700000:65536\nalice: 800000:65536\nalice:x:5\n");
	assert_failed(
	    &w, take_away(&w, "alice", &(struct uns_range){400000, 1}), UNS_E_INPUT,
	    "/etc/subuid:2: this line is read differently by different programs; mend it first: usernsctl range check --fix alice");
	assert_failed(
	    &w, take_away(&w, "alice", &(struct uns_range){131072, 1}), UNS_E_INPUT,
	    "/etc/subuid:2: this line is read differently by different programs; mend it first: usernsctl range check --fix alice");
	assert_failed(
	    &w, take_away(&w, "alice", &(struct uns_range){750000, 100000}), UNS_E_INPUT,
	    "/etc/subuid:4: this line is read differently by different programs; mend it first: usernsctl range check --fix alice");
	assert_planned(&w, take_away(&w, "alice", &(struct uns_range){700000, 1}),
	               "/etc/subuid: [alice:0400000:65536 | alice:700000:65536 | alice: 800000:65536 | alice:x:5] -> "
	               "[alice:0400000:65536 | alice:700001:65535 | alice: 800000:65536 | alice:x:5]\n");
	world_done(&w);
}

static void bytes_that_no_plan_can_hold(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file_bytes(&w, UNS_UID, "\nalice:1:1\0\n", 12);
	assert_failed(&w, take_away(&w, "alice", NULL), UNS_E_INPUT,
	              "/etc/subuid:2: this line holds a NUL byte, which a plan cannot hold; mend it by hand");
	file(&w, UNS_UID, "alice:100000:65536:caf\xe9\n");
	assert_failed(&w, take_away(&w, "alice", NULL), UNS_E_INPUT,
	              "/etc/subuid:1: this line holds bytes that are no UTF-8, which a plan cannot hold; mend it by hand");
	/* The same of a line that is nobody's: it only lacks its newline. */
	file(&w, UNS_UID, "alice:100000:65536\n# caf\xe9");
	assert_failed(&w, fix(&w, "alice"), UNS_E_INPUT,
	              "/etc/subuid:2: this line holds bytes that are no UTF-8, which a plan cannot hold; mend it by hand");
	file_bytes(&w, UNS_UID, "x\0y", 3);
	assert_failed(&w, fix(&w, "alice"), UNS_E_INPUT,
	              "/etc/subuid:1: this line holds a NUL byte, which a plan cannot hold; mend it by hand");
	/* UTF-8 it can hold. */
	file(&w, UNS_UID, "alice:100000:65536:caf\xc3\xa9\n");
	assert_planned(&w, take_away(&w, "alice", NULL), "/etc/subuid: [alice:100000:65536:caf\xc3\xa9] -> []\n");
	/* A name of that UID that no step would write. */
	account(&w.f.users, "bj\xc3\xb6rn", 1000, 1000);
	file(&w, UNS_UID, "alice:100000:65536\nbj\xc3\xb6rn:200000:65536\n");
	assert_failed(&w, take_away(&w, "1000", NULL), UNS_E_INPUT,
	              "/etc/subuid:2: the owner of this line is spelled as no step would write it; mend it by hand");
	world_done(&w);
}

static void what_is_in_use_stays(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	files(&w, "alice:100000:65536\n1000:300000:65536\nbob:500000:65536\n");
	live(&w, 12, UNS_UID, 165535, 1);
	live(&w, 13, UNS_GID, 299999, 1);
	live(&w, 14, UNS_GID, 365536, 1);
	live(&w, 15, UNS_GID, 500000, 65536);
	assert_refused(&w, take_away(&w, "alice", NULL), UNS_E_REFUSED,
	               "RangeInUse: process 12 (sleep): it runs in a user namespace with the UIDs 165535:1 of alice\n");
	assert_refused(&w, take_away(&w, "alice", &(struct uns_range){165535, 1}), UNS_E_REFUSED,
	               "RangeInUse: process 12 (sleep): it runs in a user namespace with the UIDs 165535:1 of alice\n");
	assert_int_equal(take_away(&w, "alice", &(struct uns_range){100000, 65535}), 0);
	assert_found(&w, "");
	assert_int_equal(w.plan.n, 2);
	live(&w, 18, UNS_UID, 299000, 1001);
	live(&w, 19, UNS_UID, 299001, 10);
	assert_refused(&w, take_away(&w, "alice", &(struct uns_range){300000, 1}), UNS_E_REFUSED,
	               "RangeInUse: process 18 (sleep): it runs in a user namespace with the UIDs 299000:1001 of alice\n");
	/* Who maps everything to itself uses nobody's range. */
	w.f.lives = 0;
	live(&w, 16, UNS_UID, 0, 4294967295u);
	live(&w, 16, UNS_GID, 0, 4294967294u);
	assert_int_equal(take_away(&w, "alice", NULL), 0);
	assert_found(&w, "");
	assert_int_equal(w.plan.n, 2);
	/* Of a line that programs read differently each reading counts. */
	w.f.lives = 0;
	files(&w, "alice:0400000:65536\n");
	live(&w, 17, UNS_UID, 131072, 1);
	assert_refused(&w, take_away(&w, "alice", NULL), UNS_E_REFUSED,
	               "RangeInUse: process 17 (sleep): it runs in a user namespace with the UIDs 131072:1 of alice\n");
	w.f.live[0].range.start = 400001;
	assert_refused(&w, take_away(&w, "alice", NULL), UNS_E_REFUSED,
	               "RangeInUse: process 17 (sleep): it runs in a user namespace with the UIDs 400001:1 of alice\n");
	world_done(&w);
}

/* The name of a tree tells where its range begins; it goes on as far as the owner's lines do, in the order of the file. */
static void a_tree_uses_all_behind_its_start(void **state)
{
	static const struct {
		struct uns_range part;
		bool used;
	} cases[] = {
	    {{110000, 1}, true},  {{109999, 1}, false}, {{100000, 10000}, false}, {{100000, 10001}, true}, {{165535, 1}, true},
	    {{165536, 1}, false}, {{300000, 1}, true},  {{365535, 1}, true},      {{50000, 5}, false},     {{0, 4294967295u}, true},
	};
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	files(&w, "alice:50000:10\nalice:100000:65536\nbob:200000:65536\nalice:300000:65536\n");
	tree(&w, 110000, 7); /* the name of a tree of users and of other people's groups */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(take_away(&w, "alice", &cases[i].part), 0);
		assert_found(&w,
		             cases[i].used
		                 ? "RangeInUse: /var/lib/docker/110000.7: this tree of an engine holds files with IDs of alice\n"
		                 : "");
		if (cases[i].used)
			assert_plan(&w, "");
	}
	assert_int_equal(take_away(&w, "bob", NULL), 0);
	assert_found(&w, "");
	w.f.tree[0].start[UNS_UID] = 7;
	w.f.tree[0].start[UNS_GID] = 365535;
	assert_int_equal(take_away(&w, "alice", &cases[0].part), 0);
	assert_found(&w, "");
	assert_int_equal(take_away(&w, "alice", NULL), 0);
	assert_found(&w, "RangeInUse: /var/lib/docker/110000.7: this tree of an engine holds files with IDs of alice\n");
	world_done(&w);
}

/* ---- move ---- */

static void a_moved_owner_keeps_its_count_and_spelling(void **state)
{
	struct world w;
	struct uns_shift old;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "1000:524288:1000");
	file(&w, UNS_GID, "alice:589824:70000\n");
	auto_wants(&w, "alice");
	w.wants.v[0].fixed = w.wants.v[0].had = true; /* left by what was planned before */
	assert_planned(&w, move(&w, &old, NULL),
	               "/etc/subuid: [1000:524288:1000] -> [1000:720896:70000]\n"
	               "/etc/subgid: [alice:589824:70000] -> [alice:720896:70000]\n");
	assert_got(&w, 0, 720896, 70000, false);
	assert_int_equal(old.uid.start, 524288);
	assert_int_equal(old.uid.count, 1000);
	assert_int_equal(old.gid.start, 589824);
	assert_int_equal(old.gid.count, 70000);
	/* What was asked for stays as it was: the owner may have another count when it is planned again. */
	assert_int_equal(w.wants.v[0].range.count, 0);
	apply(&w);
	files(&w, "alice:1048576:5\n");
	assert_planned(&w, move(&w, &old, NULL),
	               "/etc/subuid: [alice:1048576:5] -> [alice:524288:5]\n"
	               "/etc/subgid: [alice:1048576:5] -> [alice:524288:5]\n");
	world_done(&w);
}

static void a_move_is_refused(void **state)
{
	static const struct {
		const char *uid, *gid, *found;
	} cases[] = {
	    {"", "", "RangeNoLine: alice: it has no line in each of /etc/subuid and /etc/subgid to move\n"},
	    {"alice:100000:65536\n", "", "RangeNoLine: alice: it has no line in each of /etc/subuid and /etc/subgid to move\n"},
	    {"", "alice:100000:65536\n", "RangeNoLine: alice: it has no line in each of /etc/subuid and /etc/subgid to move\n"},
	    {"alice:100000:65536\n", "1000:100000:1\nalice:5:1\n",
	     "RangeSeveral: /etc/subgid: alice has 2 lines; expected one in each file\n"},
	    {"alice:100000:65536\n", "alice:0100000:65536\n",
	     "SubidOwnLine: /etc/subgid:1: the line of alice is read differently by different programs\n"},
	    {"alice:100000:65536\n", "alice:500000:65536\n",
	     "RangeInUse: process 12 (sleep): it runs in a user namespace with the GIDs 500000:1 of alice\n"},
	    {"alice:600000:65536\n", "alice:100000:65536\n",
	     "RangeInUse: /var/lib/docker/600001.600001: this tree of an engine holds files with IDs of alice\n"},
	};
	struct world w;
	struct uns_shift old = {{1, 2}, {3, 4}};

	(void)state;
	world_make(&w);
	people(&w);
	live(&w, 12, UNS_GID, 500000, 1);
	tree(&w, 600001, 600001);
	auto_wants(&w, "alice");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		file(&w, UNS_UID, cases[i].uid);
		file(&w, UNS_GID, cases[i].gid);
		assert_refused(&w, move(&w, &old, (const char *const[]){"/srv", NULL}), UNS_E_REFUSED, cases[i].found);
	}
	w.f.lives = 0;
	files(&w, "alice:100000:65536\n");
	for (uint32_t count = 1; count < 65536; count += 65534) {
		char text[64];

		w.wants.v[0].range.count = count;
		snprintf(text, sizeof(text), "%u IDs are fewer than alice has now", count);
		assert_failed(&w, move(&w, &old, NULL), UNS_E_USAGE, text);
	}
	file(&w, UNS_UID, "alice:100000:5\n");
	w.wants.v[0].range.count = 7;
	assert_failed(&w, move(&w, &old, NULL), UNS_E_USAGE, "7 IDs are fewer than alice has now");
	file(&w, UNS_GID, "alice:100000:5\n");
	assert_int_equal(move(&w, &old, NULL), 0);
	assert_got(&w, 0, 524288, 7, false);
	w.wants.v[0].range.count = 2147483648u;
	assert_refused(&w, move(&w, &old, NULL), UNS_E_REFUSED,
	               "RangeNone: alice: no 2147483648 IDs in a row are free between 65536 and 2147483647\n");
	w.wants.v[0].range.count = 0;
	w.f.sub[UNS_GID].symlink = true;
	assert_failed(&w, move(&w, &old, NULL), UNS_E_INPUT,
	              "/etc/subgid is a symbolic link, which shadow's tools refuse (ELOOP); expected a regular file");
	world_done(&w);
}

/* Before and after may have no ID in common, or no file could tell on which side it is. */
static void a_move_leads_out_of_both_old_ranges(void **state)
{
	struct world w;
	struct uns_shift old;
	static const uint32_t starts[] = {1048576, 1114111, 983041, 2097152, 2162687};

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "alice:1048576:65536\n");
	file(&w, UNS_GID, "alice:2097152:65536\n");
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		uns_range_wants_done(&w.wants);
		want(&w, "alice", UNS_RANGE_EXACT, starts[i], 65536);
		assert_int_equal(move(&w, &old, NULL), 0);
		assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
		assert_plan(&w, "");
	}
	assert_string_equal(w.findings.v[1].reason,
	                    "the GID range 2162687:65536 overlaps alice (/etc/subgid:1: alice:2097152:65536)");
	w.wants.v[0].range.start = 1114112;
	assert_planned(&w, move(&w, &old, NULL),
	               "/etc/subuid: [alice:1048576:65536] -> [alice:1114112:65536]\n"
	               "/etc/subgid: [alice:2097152:65536] -> [alice:1114112:65536]\n");
	w.wants.v[0].how = UNS_RANGE_HASH;
	w.wants.v[0].range.count = 0;
	assert_int_equal(move(&w, &old, NULL), 0);
	assert_got(&w, 0, uns_range_hash("alice", 65536), 65536, false);
	world_done(&w);
}

/* The same command again finds its work done, whoever uses the range by now. */
static void what_is_moved_stays(void **state)
{
	struct world w;
	struct uns_shift old;
	char text[64];

	(void)state;
	world_make(&w);
	people(&w);
	want(&w, "alice", UNS_RANGE_EXACT, 1048576, 0);
	files(&w, "alice:100000:1000\n");
	assert_int_equal(move(&w, &old, (const char *const[]){"/srv", NULL}), 0);
	assert_int_equal(w.plan.n, 3);
	apply(&w);
	live(&w, 12, UNS_UID, 1048576, 1000);
	assert_planned(&w, move(&w, &old, (const char *const[]){"/srv", NULL}), "");
	assert_got(&w, 0, 1048576, 1000, true);
	assert_int_equal(old.gid.start, 1048576);
	/* Not when it is to be larger, or is so in one file only. */
	w.wants.v[0].range.count = 1001;
	assert_int_equal(move(&w, &old, NULL), 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	assert_string_equal(w.findings.v[0].check->id, "RangeInUse");
	assert_string_equal(w.findings.v[1].check->id, "RangeTaken");
	w.f.lives = 0;
	w.wants.v[0].range.count = 0;
	file(&w, UNS_GID, "alice:2097152:1000\n");
	assert_int_equal(move(&w, &old, NULL), 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	world_done(&w);

	world_make(&w);
	people(&w);
	snprintf(text, sizeof(text), "alice:%u:65537\n", uns_range_hash("alice", 65537));
	files(&w, text);
	want(&w, "alice", UNS_RANGE_HASH, 0, 0);
	assert_planned(&w, move(&w, &old, NULL), "");
	assert_got(&w, 0, uns_range_hash("alice", 65537), 65537, true);
	world_done(&w);
}

static void trees_are_shifted_along(void **state)
{
	struct world w;
	struct uns_shift old;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "alice:100000:65536\n");
	file(&w, UNS_GID, "alice:300000:1000\n");
	auto_wants(&w, "alice");
	assert_planned(
	    &w, move(&w, &old, (const char *const[]){"/home/alice/.local/share/docker", "/srv/x y", NULL}),
	    "shift-tree {\"base\":\"/home/alice/.local/share/docker\",\"patterns\":[\".\"],"
	    "\"uid\":[{\"from\":100000,\"to\":524288,\"count\":65536}],\"gid\":[{\"from\":300000,\"to\":524288,\"count\":1000}],"
	    "\"allow\":[\"unmapped\"]}\n"
	    "shift-tree {\"base\":\"/srv/x y\",\"patterns\":[\".\"],"
	    "\"uid\":[{\"from\":100000,\"to\":524288,\"count\":65536}],\"gid\":[{\"from\":300000,\"to\":524288,\"count\":1000}],"
	    "\"allow\":[\"unmapped\"]}\n"
	    "/etc/subuid: [alice:100000:65536] -> [alice:524288:65536]\n"
	    "/etc/subgid: [alice:300000:1000] -> [alice:524288:65536]\n");
	assert_int_equal(move(&w, &old, (const char *const[]){"/srv", "/srvx", "/sr", NULL}), 0);
	assert_int_equal(w.plan.n, 5);
	/* What was shifted once would be found shifted the second time. */
	assert_failed(&w, move(&w, &old, (const char *const[]){"/srv", "/srv", NULL}), UNS_E_USAGE,
	              "the tree /srv lies in /srv, which is shifted too; expected each tree once");
	assert_failed(&w, move(&w, &old, (const char *const[]){"/srv/a/b", "/srvx", "/srv/a", NULL}), UNS_E_USAGE,
	              "the tree /srv/a/b lies in /srv/a, which is shifted too; expected each tree once");
	assert_failed(&w, move(&w, &old, (const char *const[]){"/srv/", "/srv/a", NULL}), UNS_E_USAGE,
	              "the tree /srv/a lies in /srv/, which is shifted too; expected each tree once");
	assert_failed(&w, move(&w, &old, (const char *const[]){"/srv/caf\xe9", NULL}), UNS_E_USAGE,
	              "the path of a tree holds bytes that are no UTF-8, which a plan cannot hold");
	assert_int_equal(w.plan.n, 0);
	world_done(&w);
}

/* ---- fix ---- */

static void what_all_read_alike_is_written_anew(void **state)
{
	static const struct {
		const char *line;
		bool mended;
	} cases[] = {
	    {"bob:524288:65536\r\n", true},
	    {" bob:524288:65536\n", true},
	    {"\t bob:524288:65536\n", true},
	    {"bob:524288:65536 \n", true},
	    {"bob: 524288:65536\n", true},
	    {"bob:524288: 65536\n", true},
	    {"bob:0x80000:65536\n", true},
	    {"bob:524288:0X10000\n", true},
	    {"bob:+524288:65536\n", true},
	    {"bob:524288:65536:x\n", true},
	    {"bob:524288:65536:\n", true},
	    {"1001:524288:65536\n", true},
	    {" 1001: 0x80000:+65536:\r\n", true},
	    {"bob:02000000:65536\n", false},
	    {"bob:524288:065536\n", false},
	    {"bob:0524288:65536\n", false},
	    {"bob:abc:65536\n", false},
	    {"bob:524288:abc\n", false},
	    {"bob:524288:\n", false},
	    {"bob:524288x:65536\n", false},
	    {"bob:524288:65536 # note\n", false},
	    {"bob:524288:65536x\n", false},
	    {"bob:-1:65536\n", false},
	    {"bob:524288:-1\n", false},
	    {"bob:524288:0\n", false},
	    {"bob:4294967000:65536\n", false},
	    {"bob:99999999999:65536\n", false},
	    {"bob:524288\n", false},
	    {"bob:\n", false},
	    {"bob\n", false},
	    {"!bob:524288:65536\n", false},
	    {"+bob: 524288:65536\n", false},
	    {"bob:524288#:65536\n", false},
	    {"01001:524288:65536\n", false},
	    {"bob :524288:65536\n", false},
	    {"bob:524288:65536\n", false},
	    {" bob:524288:065536\n", false}, /* of two flaws one leaves a doubt */
	};
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int kind = 0; kind < UNS_IDKINDS; kind++) {
			char want[128] = "";

			file(&w, UNS_UID, "");
			file(&w, UNS_GID, "");
			file(&w, (enum uns_idkind)kind, cases[i].line);
			if (cases[i].mended)
				snprintf(want, sizeof(want), "/etc/sub%cid: [%.*s] -> [bob:524288:65536]\n", "ug"[kind],
				         (int)strlen(cases[i].line) - 1, cases[i].line);
			assert_planned(&w, fix(&w, "bob"), want);
			assert_planned(&w, fix(&w, "alice"), ""); /* only of the owners that are named */
			assert_planned(&w, fix(&w, "1001 bob bob"), want);
			fix(&w, "bob");
			apply(&w);
			assert_planned(&w, fix(&w, "bob"), "");
		}
	world_done(&w);
}

static void a_number_becomes_the_name_of_one(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	/* Names that are no owners, a number without account, one that only the name services know. */
	account(&w.f.users, "bj\xc3\xb6rn", 1003, 1003);
	account(&w.f.users, "1005", 1004, 1004);
	file(&w, UNS_UID, "1001:100000:1\n1003:200000:1\n1004:300000:1\n4711:400000:1\n70000:500000:1\n 4711:600000:1\n");
	assert_planned(
	    &w, fix(&w, "1001 1003 1004 4711 70000"),
	    "/etc/subuid: [1001:100000:1 | 1003:200000:1 | 1004:300000:1 | 4711:400000:1 | 70000:500000:1 |  4711:600000:1] -> "
	    "[bob:100000:1 | 1003:200000:1 | 1004:300000:1 | 4711:400000:1 | 70000:500000:1 | 4711:600000:1]\n");
	/* A UID of two: programs give the line to both, a name would take it from the other. */
	user(&w, "robert", 1001);
	file(&w, UNS_UID, "1001:100000:1\n");
	assert_planned(&w, fix(&w, "1001"), "");
	assert_planned(&w, fix(&w, "robert"), "");
	assert_planned(&w, fix(&w, "bob"), "");
	world_done(&w);
}

static void a_line_that_is_there_twice_goes(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	/* Three times; once more in another spelling, which counts only when its owner is named; others in between. */
	file(&w, UNS_UID,
	     "alice:100000:65536\nbob:200000:65536\nalice:100000:65536\nalice:100000:65537\n1000:100000:65536\nalice:100000:65536");
	assert_planned(&w, fix(&w, "carol"),
	               "/etc/subuid: newline behind alice:100000:65536\n"
	               "/etc/subuid: [alice:100000:65536 | alice:100000:65536 | alice:100000:65537 | alice:100000:65536] -> "
	               "[alice:100000:65536 | alice:100000:65537]\n");
	assert_planned(
	    &w, fix(&w, "alice"),
	    "/etc/subuid: newline behind alice:100000:65536\n"
	    "/etc/subuid: [alice:100000:65536 | alice:100000:65536 | alice:100000:65537 | 1000:100000:65536 | alice:100000:65536]"
	    " -> [alice:100000:65536 | alice:100000:65537]\n");
	apply(&w);
	assert_planned(&w, fix(&w, "alice"), "");
	/* Doubles of a user by name and by number at once. */
	file(&w, UNS_UID, "alice:100000:1\nalice:100000:1\n1000:200000:1\n1000:200000:1\n");
	assert_planned(&w, fix(&w, "carol"),
	               "/etc/subuid: [alice:100000:1 | alice:100000:1 | 1000:200000:1 | 1000:200000:1] -> "
	               "[alice:100000:1 | 1000:200000:1]\n");
	/* What no step would write, or nobody reads, stays twice, and costs the others nothing. */
	file(&w, UNS_UID,
	     "bj\xc3\xb6rn:1:1\nbj\xc3\xb6rn:1:1\n!x:1:1\n!x:1:1\n+x:1:1\n+x:1:1\nx\nx\n~y:1:1\n~y:1:1\n # z\n # z\nalice: 7:7\n");
	assert_planned(&w, fix(&w, "alice"), "/etc/subuid: [alice: 7:7] -> [alice:7:7]\n");
	assert_planned(&w, fix(&w, "carol"), "");
	file(&w, UNS_UID, "x1: 7:7\nx1: 7:7\n");
	assert_planned(&w, fix(&w, "carol"), "");
	assert_planned(&w, fix(&w, "x1"), "/etc/subuid: [x1: 7:7 | x1: 7:7] -> [x1:7:7]\n");
	/* A line in another spelling is no double of it until it is mended; then the later goes. */
	file(&w, UNS_UID, "alice: 100000:1\nalice:100000:1\n");
	assert_planned(&w, fix(&w, "carol"), "");
	assert_planned(&w, fix(&w, "alice"), "/etc/subuid: [alice: 100000:1 | alice:100000:1] -> [alice:100000:1]\n");
	apply(&w);
	assert_planned(&w, fix(&w, "alice"), "");
	world_done(&w);
}

static void the_last_line_gets_its_newline(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	people(&w);
	file(&w, UNS_UID, "x\n# a comment");
	file(&w, UNS_GID, "bob: 524288:65536");
	assert_planned(&w, fix(&w, "bob"),
	               "/etc/subuid: newline behind # a comment\n"
	               "/etc/subgid: newline behind bob: 524288:65536\n"
	               "/etc/subgid: [bob: 524288:65536] -> [bob:524288:65536]\n");
	apply(&w);
	assert_planned(&w, fix(&w, "bob"), "");
	w.f.sub[UNS_GID].symlink = true;
	file(&w, UNS_GID, "alice:524288:65536");
	assert_failed(&w, fix(&w, "bob"), UNS_E_INPUT,
	              "/etc/subgid is a symbolic link, which shadow's tools refuse (ELOOP); expected a regular file");
	/* Where nothing is to be done a symbolic link is no obstacle. */
	file(&w, UNS_GID, "alice:524288:65536\n");
	assert_planned(&w, fix(&w, "bob"), "");
	world_done(&w);
}

/* ---- anything ---- */

static const char *const names[] = {"alice", "bob",  "carol", "ldap", "1000", "1001",
                                    "70000", "gone", "4711",  "x1",   "x2",   "containers"};
#define NAMES (sizeof(names) / sizeof(names[0]))

/* In few blocks, so that they meet. */
static struct uns_range random_range(void)
{
	static const uint32_t counts[] = {1, 1000, 65536, 65536, 65536, 65537, 131072, 200000};

	return (struct uns_range){65536 + chance(24) * 65536 + (chance(3) ? 0 : chance(65536)), counts[chance(8)]};
}

static void random_line(struct uns_buf *b, bool flaws)
{
	static const char *const forms[] = {"%s:%u:%u\n",     "%s:%u:%u\n",  " %s:%u:%u\n", "%s: %u:%u\n",         "%s:0x%x:%u\n",
	                                    "%s:%u:%u \n",    "%s:+%u:%u\n", "%s:%u:%u:\n", "%s:%u:%u\r\n",        "%s:0%o:%u\n",
	                                    "%s:%u:%u # n\n", "!%s:%u:%u\n", "+%s:%u:%u\n", "%s:%u:%u:\xc3\xa9\n", "%s:-%u:%u\n",
	                                    "#%s:%u:%u\n",    "~%s:%u:%u\n"};
	static const char *const odd[] = {"\n", "junk\n", " \n", "x:\n", "::\n", "alice:5:0\n", "bob:4294967000:65536\n", "# c\n"};
	struct uns_range r = random_range();
	const char *name = names[chance(NAMES)];
	char line[128];

	if (flaws && chance(10) == 0) {
		assert_int_equal(uns_buf_puts(b, odd[chance(8)], NULL), 0);
		return;
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(line, sizeof(line), forms[flaws ? chance(17) : 0], name, r.start, r.count);
#pragma GCC diagnostic pop
	assert_int_equal(uns_buf_puts(b, line, NULL), 0);
	while (flaws && chance(6) == 0)
		assert_int_equal(uns_buf_puts(b, line, NULL), 0);
}

static void random_file(struct world *w, enum uns_idkind kind, unsigned lines, bool flaws)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (unsigned i = 0; i < lines; i++)
		random_line(&b, flaws);
	if (b.len && chance(4) == 0)
		b.len--;
	file_bytes(w, kind, b.data ? b.data : "", b.len);
	if (!lines)
		w->f.sub[kind].exists = chance(2);
}

/* Often the same in both, as it should be. */
static void random_files(struct world *w, unsigned lines, bool flaws)
{
	random_file(w, UNS_UID, chance(lines), flaws);
	if (chance(2)) {
		random_file(w, UNS_GID, chance(2) ? chance(lines) : 0, flaws);
	} else if (w->f.sub[UNS_UID].s.len) {
		uns_auto_free char *text = text_of(w, UNS_UID);

		file(w, UNS_GID, text);
	}
}

/* Accounts with and without names of each other, some twice. */
static void random_accounts(struct world *w)
{
	people(w);
	while (chance(3)) {
		static const uint32_t ids[] = {1000, 1001, 1002, 4711, 70000};

		account(chance(2) ? &w->f.users : &w->f.nss[UNS_UID], names[chance(NAMES)], ids[chance(5)], 1000 + chance(6));
	}
	while (chance(3))
		account(&w->f.users, "big", 65536 + chance(24 * 65536), 65536 + chance(24 * 65536));
	while (chance(3))
		account(&w->f.groups, "big", 65536 + chance(24 * 65536), 0);
}

static void random_live(struct world *w)
{
	struct uns_range r = random_range();

	live(w, (pid_t)chance(3), chance(2) ? UNS_UID : UNS_GID, r.start, r.count);
}

static void random_taken(struct uns_rangeset *s, const char *who)
{
	struct uns_range r = random_range();

	taken(s, r.start, r.count, who);
}

static void random_claims(struct world *w)
{
	while (chance(2))
		random_live(w);
	while (chance(3) == 0)
		live(w, 77, chance(2) ? UNS_UID : UNS_GID, 0, 4294967295u);
	while (chance(2))
		tree(w, random_range().start, random_range().start);
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		while (chance(3) == 0)
			random_taken(&w->f.plugin[kind], names[chance(NAMES)]);
		while (chance(3) == 0)
			random_taken(&w->f.scanned[kind], "/srv");
	}
	while (chance(4) == 0)
		random_taken(&w->f.sssd, "sssd");
	w->f.defs.sub_min[UNS_UID] = w->f.defs.sub_min[UNS_GID] = 65536;
	w->f.defs.sub_max[UNS_UID] = 65536 * (8 + chance(20));
	w->f.defs.sub_set[UNS_UID] = chance(2);
}

/* Everything that may not be handed out to anybody, one by one. */
struct brute {
	const struct world *w;
	struct uns_range range;
	enum uns_idkind kind;
	const char *who; /* what was met */
};

static void meets(struct brute *b, uint32_t start, uint32_t count, const char *who)
{
	if (uns_range_overlaps(b->range, (struct uns_range){start, count}))
		b->who = who;
}

static void brute_lines(struct brute *b)
{
	const struct uns_subid *s = &b->w->f.sub[b->kind].s;

	for (size_t i = 0; i < s->n; i++)
		if (!(s->v[i].flaws & UNS_FLAW_BIT(UNS_FLAW_NIS)))
			meets(b, s->v[i].range.start, s->v[i].range.count, "a line");
}

static void brute_accounts(struct brute *b)
{
	const struct uns_idfacts *f = &b->w->f;
	const struct uns_accounts *own = b->kind == UNS_UID ? &f->users : &f->groups;

	for (size_t i = 0; i < own->n; i++)
		meets(b, own->v[i].id, 1, "an account");
	for (size_t i = 0; b->kind == UNS_GID && i < f->users.n; i++)
		meets(b, f->users.v[i].gid, 1, "a primary group");
	for (size_t i = 0; i < f->nss[b->kind].n; i++)
		meets(b, f->nss[b->kind].v[i].id, 1, "an account of NSS");
}

static void brute_rest(struct brute *b)
{
	const struct uns_idfacts *f = &b->w->f;

	for (size_t i = 0; i < f->lives; i++)
		if (f->live[i].kind == b->kind && f->live[i].range.count <= 1u << 30)
			meets(b, f->live[i].range.start, f->live[i].range.count, "a process");
	for (size_t i = 0; i < f->trees; i++)
		meets(b, f->tree[i].start[b->kind], 65536, "a tree");
	for (size_t i = 0; i < f->plugin[b->kind].n; i++)
		meets(b, f->plugin[b->kind].v[i].range.start, f->plugin[b->kind].v[i].range.count, "a range of the plugin");
	for (size_t i = 0; i < f->sssd.n; i++)
		meets(b, f->sssd.v[i].range.start, f->sssd.v[i].range.count, "SSSD");
	meets(b, 0, 65536, "the host's own");
	meets(b, 2147352576, 65536, "foreign IDs");
	meets(b, 4294967294u, 2, "no ID");
}

/* Of a range that the owner has in one file, some of the rest may be its own. */
static void assert_clear(const struct world *w, const struct uns_range_want *v, enum uns_idkind kind)
{
	struct brute b = {w, v->got, kind, NULL};

	brute_lines(&b);
	brute_accounts(&b);
	if (!v->fixed)
		brute_rest(&b);
	if (b.who)
		fail_msg("%s: %u:%u of kind %d meets %s", v->owner, v->got.start, v->got.count, (int)kind, b.who);
}

/* What a line-by-line look says the owner has in a file. */
static size_t has_lines(const struct world *w, enum uns_idkind kind, const char *owner)
{
	const struct uns_subid *s = &w->f.sub[kind].s;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += uns_line_is_of(&w->f, &s->v[i], owner);
	return n;
}

static void random_wants(struct world *w)
{
	const struct uns_subid *s = &w->f.sub[UNS_UID].s;
	size_t first = chance(NAMES);

	/* One that has something, to begin with. */
	for (size_t i = 0; s->n && i < NAMES; i++)
		if (strcmp(names[i], s->v[0].owner) == 0)
			first = i;
	uns_range_wants_done(&w->wants);
	for (size_t i = 0, n = chance(5); i < n; i++) {
		const char *name = names[(first + i * 5) % NAMES]; /* each once */
		struct uns_range r = random_range();
		uint32_t how = chance(4);

		want(w, name,
		     how == 0   ? UNS_RANGE_EXACT
		     : how == 1 ? UNS_RANGE_HASH
		                : UNS_RANGE_AUTO,
		     how ? 0 : r.start, chance(2) ? 0 : r.count);
	}
}

static void assert_choice(const struct world *w)
{
	for (size_t i = 0; i < w->wants.n; i++) {
		const struct uns_range_want *v = &w->wants.v[i];
		size_t lines[UNS_IDKINDS] = {has_lines(w, UNS_UID, v->owner), has_lines(w, UNS_GID, v->owner)};

		assert_true(lines[UNS_UID] <= 1 && lines[UNS_GID] <= 1);
		assert_int_equal(v->had, lines[UNS_UID] && lines[UNS_GID]);
		assert_int_equal(v->fixed, lines[UNS_UID] || lines[UNS_GID]);
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			if (!lines[kind])
				assert_clear(w, v, (enum uns_idkind)kind);
		for (size_t k = 0; k < i; k++) {
			const struct uns_range_want *u = &w->wants.v[k];

			/* New lines of the same file. */
			for (int kind = 0; kind < UNS_IDKINDS; kind++)
				if (!lines[kind] && !has_lines(w, (enum uns_idkind)kind, u->owner) &&
				    uns_range_overlaps(u->got, v->got))
					fail_msg("%s and %s overlap", u->owner, v->owner);
		}
	}
}

/* The line stands in the file as it was chosen, once for each owner. */
static void assert_written(const struct world *w)
{
	for (size_t i = 0; i < w->wants.n; i++)
		for (int kind = 0; kind < UNS_IDKINDS; kind++) {
			const struct uns_range_want *v = &w->wants.v[i];
			const struct uns_subid *s = &w->f.sub[kind].s;
			size_t n = 0;

			for (size_t k = 0; k < s->n; k++) {
				if (!uns_line_is_of(&w->f, &s->v[k], v->owner))
					continue;
				n++;
				if (!v->had || kind == UNS_UID)
					assert_memory_equal(&s->v[k].range, &v->got, sizeof(v->got));
			}
			assert_int_equal(n, 1);
		}
}

static void whatever_is_added_meets_nothing(void **state)
{
	size_t planned = 0, completed = 0, refused = 0, had = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct world w;
		int rc;

		seed(i);
		world_make(&w);
		random_accounts(&w);
		random_claims(&w);
		random_files(&w, chance(3) ? 8 : 1, i & 1);
		random_wants(&w);
		ignore(&w, "OwnerUnknown");
		rc = add(&w);
		if (rc < 0) {
			assert_int_equal(w.err.code, UNS_E_USAGE);
			assert_non_null(strstr(w.err.text, " are the same user; expected each owner once"));
			assert_int_equal(w.plan.n, 0);
		} else if (uns_findings_code(&w.findings) != UNS_OK) {
			assert_int_equal(w.plan.n, 0);
			refused++;
		} else {
			assert_choice(&w);
			for (size_t k = 0; k < w.wants.n; k++) {
				had += w.wants.v[k].had;
				completed += w.wants.v[k].fixed && !w.wants.v[k].had;
			}
			planned += w.plan.n > 0;
			apply(&w);
			assert_written(&w);
			assert_int_equal(add(&w), 0);
			assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
			assert_plan(&w, "");
			for (size_t k = 0; k < w.wants.n; k++)
				assert_true(w.wants.v[k].had);
		}
		world_done(&w);
	}
	/* All of it was met. */
	assert_true(planned > 500 && refused > 500 && completed > 30 && had > 30);
}

/* What has this ID in the file: lines of this owner, or of all others. */
static size_t holders(const struct world *w, enum uns_idkind kind, const char *owner, bool others, uint32_t id)
{
	const struct uns_subid *s = &w->f.sub[kind].s;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (uns_range_has(s->v[i].range, id) && uns_line_is_of(&w->f, &s->v[i], owner) != others)
			n++;
	return n;
}

#define PROBES 64

static void count_holders(const struct world *w, const char *owner, const uint32_t id[PROBES], size_t ret[UNS_IDKINDS][2][PROBES])
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		for (int others = 0; others < 2; others++)
			for (size_t i = 0; i < PROBES; i++)
				ret[kind][others][i] = holders(w, (enum uns_idkind)kind, owner, others, id[i]);
}

static void assert_taken_away(const struct world *w, const char *owner, const struct uns_range *part, const uint32_t id[PROBES],
                              size_t before[UNS_IDKINDS][2][PROBES])
{
	size_t after[UNS_IDKINDS][2][PROBES];

	count_holders(w, owner, id, after);
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		for (size_t i = 0; i < PROBES; i++) {
			bool gone = !part || uns_range_has(*part, id[i]);

			assert_int_equal(after[kind][0][i], gone ? 0 : before[kind][0][i]);
			assert_int_equal(after[kind][1][i], before[kind][1][i]);
		}
}

static void probes(const struct uns_range *part, uint32_t id[PROBES])
{
	for (size_t i = 0; i < PROBES; i++)
		id[i] = i < PROBES / 2 ? 65536 + chance(28 * 65536) : part->start + (uint32_t)i - 48 + (i & 1) * part->count;
}

/* Whose lines they are is said twice: by the owners of a batch, and by uns_line_is_of. */
static void whatever_is_removed_was_the_owners(void **state)
{
	size_t planned = 0, refused = 0, whole = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct uns_range part, *p = i & 2 ? &part : NULL;
		size_t before[UNS_IDKINDS][2][PROBES];
		uint32_t id[PROBES];
		const char *owner;
		struct world w;

		seed(i + 100000);
		world_make(&w);
		random_accounts(&w);
		random_files(&w, 12, i & 1);
		owner = names[chance(NAMES)];
		part = random_range();
		probes(&part, id);
		count_holders(&w, owner, id, before);
		if (take_away(&w, owner, p) < 0) {
			assert_true(p && (i & 1));
			assert_non_null(strstr(w.err.text, "this line is read differently by different programs"));
			refused++;
		} else {
			assert_found(&w, "");
			planned += w.plan.n > 0;
			apply(&w);
			assert_taken_away(&w, owner, p, id, before);
			if (!p) {
				whole++;
				assert_int_equal(has_lines(&w, UNS_UID, owner) + has_lines(&w, UNS_GID, owner), 0);
			}
			assert_planned(&w, take_away(&w, owner, p), "");
		}
		world_done(&w);
	}
	assert_true(planned > 1000 && refused > 30 && whole > 1000);
}

/* Sorted, each range once: what programs that read the lines give this owner. */
static size_t ranges_of(const struct world *w, enum uns_idkind kind, const char *owner, struct uns_range ret[64])
{
	const struct uns_subid *s = &w->f.sub[kind].s;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct uns_range r = s->v[i].range;
		size_t k = 0;

		if (!r.count || !uns_line_is_of(&w->f, &s->v[i], owner))
			continue;
		while (k < n && (ret[k].start < r.start || (ret[k].start == r.start && ret[k].count < r.count)))
			k++;
		if (k < n && ret[k].start == r.start && ret[k].count == r.count)
			continue;
		assert_true(n < 64);
		memmove(&ret[k + 1], &ret[k], (n++ - k) * sizeof(*ret));
		ret[k] = r;
	}
	return n;
}

static void whatever_is_mended_means_the_same(void **state)
{
	size_t planned = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct uns_range before[UNS_IDKINDS][NAMES][64], after[64];
		size_t n[UNS_IDKINDS][NAMES];
		char owners[64];
		struct world w;

		seed(i + 200000);
		world_make(&w);
		random_accounts(&w);
		random_files(&w, 12, true);
		snprintf(owners, sizeof(owners), "%s %s", names[chance(NAMES)], names[chance(NAMES)]);
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			for (size_t k = 0; k < NAMES; k++)
				n[kind][k] = ranges_of(&w, (enum uns_idkind)kind, names[k], before[kind][k]);
		if (fix(&w, owners) < 0)
			fail_msg("%s", w.err.text);
		assert_found(&w, "");
		planned += w.plan.n > 0;
		apply(&w);
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			for (size_t k = 0; k < NAMES; k++) {
				assert_int_equal(ranges_of(&w, (enum uns_idkind)kind, names[k], after), n[kind][k]);
				assert_memory_equal(after, before[kind][k], n[kind][k] * sizeof(*after));
			}
		assert_planned(&w, fix(&w, owners), "");
		world_done(&w);
	}
	assert_true(planned > 1000);
}

/* ---- much ---- */

#define MANY 100000u

static void many_lines(struct uns_buf *b, const char *fmt_owner, unsigned n, bool twice)
{
	for (unsigned i = 0; i < n; i++)
		for (int j = 0; j <= twice; j++)
			assert_int_equal(uns_buf_printf(b, NULL, "%s%06u:%u:100\n", fmt_owner, i, 600000 + 100 * i), 0);
}

/* Names of one length that begin alike, as directories have them. */
#define PREFIX "firstname.lastname.department."

static void many_owners_cost_no_more_than_their_number(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf lines = UNS_BUF_INIT, batch = UNS_BUF_INIT;
	struct world w;
	double begin = seconds();

	(void)state;
	world_make(&w);
	many_lines(&lines, PREFIX, MANY, false);
	file(&w, UNS_UID, lines.data); /* all of them only here: half is to be completed */
	for (unsigned i = 0; i < MANY; i++) {
		char name[64];

		snprintf(name, sizeof(name), PREFIX "%06u", i + MANY / 2);
		account(&w.f.users, name, 100000000 + i, 100000000 + i);
		assert_int_equal(uns_buf_printf(&batch, NULL, "%s%s\n", name, i % 2 ? "" : ":100"), 0);
	}
	assert_int_equal(parse(&w, batch.data, batch.len, 0, UNS_RANGE_AUTO), 0);
	w.wants.n = MANY / 2 + 10000;
	assert_int_equal(add(&w), 0);
	for (size_t i = MANY / 2 + 10000; i < MANY; i++)
		free(w.wants.v[i].owner);
	assert_found(&w, "");
	assert_int_equal(w.plan.n, 2);
	assert_int_equal(json_array_size(json_object_get(w.plan.v[0].args, "after")), 10000);
	assert_int_equal(json_array_size(json_object_get(w.plan.v[1].args, "after")), MANY / 2 + 10000);
	world_done(&w);
	assert_true(seconds() - begin < LONG_ENOUGH);
}

static void many_numbers_cost_no_more_than_their_number(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf lines = UNS_BUF_INIT;
	struct world w;
	double begin = seconds();

	(void)state;
	world_make(&w);
	many_lines(&lines, "1", MANY, false);
	many_lines(&lines, "u", MANY, false);
	files(&w, lines.data);
	for (unsigned i = 0; i < MANY; i++) {
		char name[64];

		snprintf(name, sizeof(name), "u%06u", i);
		account(&w.f.users, name, 1000000 + i, 1000);
	}
	assert_planned(&w, take_away(&w, "u099999", NULL),
	               "/etc/subuid: [1099999:10599900:100 | u099999:10599900:100] -> []\n"
	               "/etc/subgid: [1099999:10599900:100 | u099999:10599900:100] -> []\n");
	assert_planned(
	    &w, take_away(&w, "1099999", &(struct uns_range){10599950, 50}),
	    "/etc/subuid: [1099999:10599900:100 | u099999:10599900:100] -> [1099999:10599900:50 | u099999:10599900:50]\n"
	    "/etc/subgid: [1099999:10599900:100 | u099999:10599900:100] -> [1099999:10599900:50 | u099999:10599900:50]\n");
	world_done(&w);
	assert_true(seconds() - begin < LONG_ENOUGH);
}

/* A file that somebody has appended to itself. */
static void many_doubles_cost_no_more_than_their_number(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf lines = UNS_BUF_INIT;
	struct world w;
	double begin = seconds();

	(void)state;
	world_make(&w);
	many_lines(&lines, PREFIX, MANY, true);
	file(&w, UNS_GID, lines.data);
	assert_int_equal(fix(&w, "alice"), 0);
	assert_int_equal(w.plan.n, 1);
	assert_int_equal(json_array_size(json_object_get(w.plan.v[0].args, "before")), 2 * MANY);
	assert_int_equal(json_array_size(json_object_get(w.plan.v[0].args, "after")), MANY);
	world_done(&w);
	assert_true(seconds() - begin < LONG_ENOUGH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_batch_has_three_forms),
	    cmocka_unit_test(a_bad_line_is_named_by_its_place),
	    cmocka_unit_test(any_bytes_are_a_batch_or_not),
	    cmocka_unit_test(a_new_owner_gets_one_line_in_each_file),
	    cmocka_unit_test(an_owner_keeps_what_it_has),
	    cmocka_unit_test(one_file_only_is_completed),
	    cmocka_unit_test(the_other_file_may_be_taken),
	    cmocka_unit_test(a_lost_line_comes_back),
	    cmocka_unit_test(several_lines_are_not_one_range),
	    cmocka_unit_test(a_flawed_line_is_nothing_to_build_on),
	    cmocka_unit_test(what_differs_is_said),
	    cmocka_unit_test(an_unknown_owner_is_asked_about),
	    cmocka_unit_test(an_owner_is_named_once),
	    cmocka_unit_test(accounts_that_are_like_each_other),
	    cmocka_unit_test(named_ranges_come_before_free_ones),
	    cmocka_unit_test(named_ranges_are_looked_at),
	    cmocka_unit_test(named_ranges_of_one_batch_are_compared),
	    cmocka_unit_test(what_cannot_be_is_said),
	    cmocka_unit_test(the_window_of_login_defs),
	    cmocka_unit_test(next_tells_what_add_would_choose),
	    cmocka_unit_test(all_lines_of_an_owner_go),
	    cmocka_unit_test(a_part_goes_from_each_edge),
	    cmocka_unit_test(a_part_goes_from_each_line),
	    cmocka_unit_test(bytes_that_no_plan_can_hold),
	    cmocka_unit_test(what_is_in_use_stays),
	    cmocka_unit_test(a_tree_uses_all_behind_its_start),
	    cmocka_unit_test(a_moved_owner_keeps_its_count_and_spelling),
	    cmocka_unit_test(a_move_is_refused),
	    cmocka_unit_test(a_move_leads_out_of_both_old_ranges),
	    cmocka_unit_test(what_is_moved_stays),
	    cmocka_unit_test(trees_are_shifted_along),
	    cmocka_unit_test(what_all_read_alike_is_written_anew),
	    cmocka_unit_test(a_number_becomes_the_name_of_one),
	    cmocka_unit_test(a_line_that_is_there_twice_goes),
	    cmocka_unit_test(the_last_line_gets_its_newline),
	    cmocka_unit_test(whatever_is_added_meets_nothing),
	    cmocka_unit_test(whatever_is_removed_was_the_owners),
	    cmocka_unit_test(whatever_is_mended_means_the_same),
	    cmocka_unit_test(many_owners_cost_no_more_than_their_number),
	    cmocka_unit_test(many_numbers_cost_no_more_than_their_number),
	    cmocka_unit_test(many_doubles_cost_no_more_than_their_number),
	};

	return cmocka_run_group_tests_name("range plan", tests, NULL, NULL);
}
