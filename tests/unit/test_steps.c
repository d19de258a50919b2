/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that edit files and names: each is looked at, driven there, driven there again, and back; and met half-way. */
#include "test.h"

#include "scratch.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"
#include "uns/sys.h"

struct place {
	struct scratch s;
	struct uns_root root;
	struct uns_step step;
	struct uns_step_ctx c;
	struct uns_held held;
	struct uns_err err;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	scratch_make(&p->s);
	put_dir(&p->s, "etc");
	put_dir(&p->s, "data");
	put_dir(&p->s, "record");
	assert_int_equal(uns_root_open(&p->root, p->s.path, &p->err), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	json_decref(p->step.args);
	if (p->c.record_dir > 0)
		close(p->c.record_dir);
	uns_root_close(&p->root);
	scratch_remove(&p->s);
	free(p);
	return 0;
}

static void use(struct place *p, const char *kind, json_t *args)
{
	assert_non_null(args);
	p->step.kind = (char *)(uintptr_t)kind;
	p->step.args = args;
	p->c = (struct uns_step_ctx){ .root = &p->root, .step = &p->step, .held = &p->held, .leg_start = UNS_BEFORE };
	p->c.record_dir = openat(p->s.fd, "record", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	strcpy(p->c.record_name, "record-0001-0.json");
	strcpy(p->c.first_record_name, "record-0001-0.json");
	if (uns_kind_find(kind)->check(args, &p->err))
		fail_msg("%s", p->err.text);
}

static enum uns_side side(struct place *p)
{
	enum uns_side s;

	if (uns_step_observe(&p->c, &s, &p->err))
		fail_msg("%s", p->err.text);
	return s;
}

static void drive(struct place *p, enum uns_side to)
{
	if (uns_step_drive(&p->c, to, &p->err))
		fail_msg("%s", p->err.text);
	assert_int_equal(side(p), to);
}

static char *contents(struct place *p, const char *path)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (uns_root_read(&p->root, path, 100000, &b, NULL, &p->err))
		return NULL;
	return uns_buf_take(&b, &p->err);
}

static void expect(struct place *p, const char *path, const char *text)
{
	uns_auto_free char *have = contents(p, path);

	if (!text) {
		assert_null(have);
		return;
	}
	assert_non_null(have);
	assert_string_equal(have, text);
}

static bool there(struct place *p, const char *path)
{
	struct stat st;

	return uns_root_stat(&p->root, path, &st, &p->err) == 0;
}

/* There, there again without touching anything, back, back again. */
static void there_and_back(struct place *p, const char *path, const char *before, const char *after)
{
	struct stat first, second;

	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	expect(p, path, after);
	assert_int_equal(uns_root_stat(&p->root, path, &first, &p->err), 0);
	drive(p, UNS_AFTER);
	assert_int_equal(uns_root_stat(&p->root, path, &second, &p->err), 0);
	if (strcmp(p->step.kind, "own-file"))
		assert_true(first.st_ino == second.st_ino && first.st_ctim.tv_nsec == second.st_ctim.tv_nsec);
	drive(p, UNS_BEFORE);
	expect(p, path, before);
	drive(p, UNS_BEFORE);
	expect(p, path, before);
}

static void test_own_file(void **state)
{
	struct place *p = *state;

	use(p, "own-file", json_pack("{s:s,s:s,s:s}", "file", "/etc/x", "content", "ours\n", "mode", "0644"));
	there_and_back(p, "/etc/x", NULL, "ours\n");
	put_file(&p->s, "etc/x", "theirs\n");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_non_null(strstr(p->c.why, "/etc/x"));
}

static void test_subid_line(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "# people\nalice:100000:65536\n");
	use(p, "subid-line", json_pack("{s:s,s:s,s:i,s:i,s:b}", "file", "/etc/subuid", "owner", "dockremap", "start", 524288, "count",
	                               65536, "created", 0));
	there_and_back(p, "/etc/subuid", "# people\nalice:100000:65536\n", "# people\nalice:100000:65536\ndockremap:524288:65536\n");
	assert_false(there(p, "/etc/subuid.lock"));
}

/* Lines that others add in between survive the way back. */
static void test_subid_line_keeps_others(void **state)
{
	struct place *p = *state;

	use(p, "subid-line", json_pack("{s:s,s:s,s:i,s:i,s:b}", "file", "/etc/subgid", "owner", "dockremap", "start", 524288, "count",
	                               65536, "created", 1));
	there_and_back(p, "/etc/subgid", NULL, "dockremap:524288:65536\n");
	drive(p, UNS_AFTER);
	assert_int_equal(unlinkat(p->s.fd, "etc/subgid", 0), 0);
	put_file(&p->s, "etc/subgid", "dockremap:524288:65536\nbob:700000:65536\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/subgid", "bob:700000:65536\n");
}

static void test_subid_line_foreign(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "etc/subuid", "dockremap:100000:65536\n");
	use(p, "subid-line", json_pack("{s:s,s:s,s:i,s:i,s:b}", "file", "/etc/subuid", "owner", "dockremap", "start", 524288, "count",
	                               65536, "created", 0));
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_non_null(strstr(p->c.why, "dockremap:524288:65536"));
}

static void use_member(struct place *p, json_t *before, json_t *after, bool created)
{
	json_t *args = json_pack("{s:s,s:s,s:b}", "file", "/etc/daemon.json", "key", "userns-remap", "created", created);

	if (before)
		json_object_set_new(args, "before", before);
	if (after)
		json_object_set_new(args, "after", after);
	use(p, "json-member", args);
}

static void test_json_member(void **state)
{
	static const char text[] = "{\r\n\t\"iptables\" : false,\r\n\t\"dns\": [ \"9.9.9.9\" ]\r\n}";
	struct place *p = *state;

	put_file(&p->s, "etc/daemon.json", text);
	use_member(p, NULL, json_string("dockremap"), false);
	there_and_back(p, "/etc/daemon.json", text,
	               "{\r\n\t\"iptables\" : false,\r\n\t\"dns\": [ \"9.9.9.9\" ],\r\n\t\"userns-remap\": \"dockremap\"\r\n}");
}

static void test_json_member_created(void **state)
{
	struct place *p = *state;

	use_member(p, NULL, json_string("dockremap"), true);
	there_and_back(p, "/etc/daemon.json", NULL, "{\n    \"userns-remap\": \"dockremap\"\n}\n");
	drive(p, UNS_AFTER);
	assert_int_equal(unlinkat(p->s.fd, "etc/daemon.json", 0), 0);
	put_file(&p->s, "etc/daemon.json", "{\"userns-remap\": \"dockremap\", \"debug\": true}\n");
	drive(p, UNS_BEFORE);
	expect(p, "/etc/daemon.json", "{\"debug\": true}\n");
}

static void test_json_member_foreign(void **state)
{
	struct place *p = *state;
	enum uns_side s;

	put_file(&p->s, "etc/daemon.json", "{\"userns-remap\": \"alice\"}");
	use_member(p, NULL, json_string("dockremap"), false);
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_non_null(strstr(p->c.why, "\"alice\""));
	assert_int_equal(unlinkat(p->s.fd, "etc/daemon.json", 0), 0);
	put_file(&p->s, "etc/daemon.json", "{\"userns-remap\": }");
	assert_int_equal(uns_step_observe(&p->c, &s, &p->err), -1);
	assert_int_equal(p->err.code, UNS_E_INPUT);
	assert_non_null(strstr(p->err.text, "/etc/daemon.json:1:"));
}

static void test_env_option(void **state)
{
	static const char text[] = "# options\nDOCKER_OPTS=\"--dns 8.8.8.8\"\nOTHER=1\n";
	struct place *p = *state;

	put_file(&p->s, "etc/docker", text);
	use(p, "env-option", json_pack("{s:s,s:s,s:s,s:s}", "file", "/etc/docker", "variable", "DOCKER_OPTS", "option", "userns-remap",
	                               "after", "dockremap"));
	there_and_back(p, "/etc/docker", text, "# options\nDOCKER_OPTS=\"--dns 8.8.8.8 --userns-remap=dockremap\"\nOTHER=1\n");
}

static void use_mkdir(struct place *p)
{
	use(p, "mkdir", json_pack("{s:s,s:s,s:i,s:i}", "path", "/data/d", "mode", "0710", "uid", (int)geteuid(), "gid", (int)getegid()));
}

static void test_mkdir(void **state)
{
	struct place *p = *state;
	struct stat st;

	use_mkdir(p);
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	assert_int_equal(uns_root_stat(&p->root, "/data/d", &st, &p->err), 0);
	assert_int_equal(st.st_mode & 07777, 0710);
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	put_file(&p->s, "data/d", "");
	assert_int_equal(side(p), UNS_FOREIGN);
}

/* What somebody has put there since is not ours. */
static void test_mkdir_kept(void **state)
{
	struct place *p = *state;

	use_mkdir(p);
	drive(p, UNS_AFTER);
	put_file(&p->s, "data/d/theirs", "x");
	assert_int_equal(uns_step_drive(&p->c, UNS_BEFORE, &p->err), 1);
	expect(p, "/data/d/theirs", "x");
}

static void test_rename(void **state)
{
	struct place *p = *state;

	put_file(&p->s, "data/a", "a");
	use(p, "rename", json_pack("{s:s,s:s}", "from", "/data/a", "to", "/etc/b"));
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/etc/b", "a");
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	put_file(&p->s, "etc/b", "other");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	expect(p, "/etc/b", "other");
	expect(p, "/data/a", "a");
}

static void test_rename_over_empty(void **state)
{
	struct place *p = *state;
	struct stat st;

	put_dir(&p->s, "data/from");
	put_file(&p->s, "data/from/x", "x");
	put_dir(&p->s, "data/to");
	use(p, "rename", json_pack("{s:s,s:s,s:b,s:i,s:i,s:s}", "from", "/data/from", "to", "/data/to", "over_empty", 1, "uid",
	                           (int)geteuid(), "gid", (int)getegid(), "mode", "0701"));
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/data/to/x", "x");
	drive(p, UNS_BEFORE);
	expect(p, "/data/from/x", "x");
	assert_int_equal(uns_root_stat(&p->root, "/data/to", &st, &p->err), 0);
	assert_int_equal(st.st_mode & 07777, 0701);
	/* Killed between the rename back and the making of the empty directory. */
	assert_int_equal(unlinkat(p->s.fd, "data/to", AT_REMOVEDIR), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
	drive(p, UNS_BEFORE);
	put_file(&p->s, "data/to/theirs", "y");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	expect(p, "/data/to/theirs", "y");
}

static void use_nest(struct place *p)
{
	use(p, "nest", json_pack("{s:s,s:s,s:i,s:[s]}", "dir", "/data", "into", "100000.100000", "gid", (int)getegid(), "keep",
	                         "lost+found"));
}

static void fill(struct place *p)
{
	put_dir(&p->s, "data/overlay2");
	put_dir(&p->s, "data/lost+found");
	put_dir(&p->s, "data/200000.200000");
	put_file(&p->s, "data/engine-id", "id");
}

static void test_nest(void **state)
{
	struct place *p = *state;

	fill(p);
	use_nest(p);
	assert_int_equal(side(p), UNS_BEFORE);
	drive(p, UNS_AFTER);
	drive(p, UNS_AFTER);
	expect(p, "/data/100000.100000/engine-id", "id");
	assert_true(there(p, "/data/100000.100000/overlay2") && there(p, "/data/lost+found") && there(p, "/data/200000.200000"));
	assert_false(there(p, "/data/overlay2") || there(p, "/data/.100000.100000.usernsctl"));
	put_file(&p->s, "data/100000.100000/since", "s"); /* moves back as well */
	drive(p, UNS_BEFORE);
	drive(p, UNS_BEFORE);
	expect(p, "/data/since", "s");
	assert_false(there(p, "/data/100000.100000") || there(p, "/data/.100000.100000.usernsctl"));
}

/* Killed in the middle, in either direction, and driven to either side. */
static void test_nest_half_way(void **state)
{
	struct place *p = *state;

	fill(p);
	use_nest(p);
	put_dir(&p->s, "data/.100000.100000.usernsctl");
	assert_int_equal(renameat(p->s.fd, "data/engine-id", p->s.fd, "data/.100000.100000.usernsctl/engine-id"), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
	drive(p, UNS_AFTER);
	expect(p, "/data/100000.100000/engine-id", "id");
	assert_int_equal(renameat(p->s.fd, "data/100000.100000", p->s.fd, "data/.100000.100000.usernsctl"), 0);
	assert_int_equal(side(p), UNS_FOREIGN);
	drive(p, UNS_BEFORE);
	expect(p, "/data/engine-id", "id");
}

/* An engine that ran in the other mode has made a second tree: nothing is mixed, nothing overwritten. */
static void test_nest_both(void **state)
{
	struct place *p = *state;

	fill(p);
	put_dir(&p->s, "data/100000.100000");
	use_nest(p);
	assert_int_equal(side(p), UNS_BEFORE); /* an empty one is no other tree */
	put_file(&p->s, "data/100000.100000/engine-id", "other");
	assert_int_equal(side(p), UNS_FOREIGN);
	assert_int_equal(uns_step_drive(&p->c, UNS_AFTER, &p->err), -1);
	assert_non_null(strstr(p->err.text, "engine-id"));
	expect(p, "/data/engine-id", "id");
}

static void use_paths(struct place *p)
{
	use(p, "json-paths", json_pack("{s:s,s:s,s:[s],s:[s,s,s]}", "base", "/data", "into", "100000.100000", "patterns",
	                               "containers/*/config.v2.json", "fields", "LogPath", "Binds.*", "MountPoints.*.Source"));
	put_dir(&p->s, "data/containers");
	put_dir(&p->s, "data/containers/c");
}

static void test_json_paths(void **state)
{
	static const char before[] = "{\"LogPath\":\"/data/containers/c/log\", \"Other\":\"/data/x\", \"Binds\":[\"/data/volumes/v:/v:ro\","
	                             "\"/database:/x\",\"vol:/y\",\"/data/200000.200000/z:/z\"],\"MountPoints\":{\"/a.b\":"
	                             "{\"Source\":\"/data/volumes/v/_data\"}}}\n";
	static const char after[] = "{\"LogPath\":\"/data/100000.100000/containers/c/log\", \"Other\":\"/data/x\", \"Binds\":"
	                            "[\"/data/100000.100000/volumes/v:/v:ro\",\"/database:/x\",\"vol:/y\",\"/data/200000.200000/z:/z\"],"
	                            "\"MountPoints\":{\"/a.b\":{\"Source\":\"/data/100000.100000/volumes/v/_data\"}}}\n";
	struct place *p = *state;

	use_paths(p);
	assert_int_equal(side(p), UNS_EITHER);
	put_file(&p->s, "data/containers/c/config.v2.json", before);
	there_and_back(p, "/data/containers/c/config.v2.json", before, after);
}

/* A bind that its user had put on the far side from the start is not ours, neither there nor back. */
static void test_json_paths_users_own(void **state)
{
	static const char before[] = "{\"LogPath\":\"/data/log\",\"Binds\":[\"/data/100000.100000/mine:/m\",\"/data/yours:/y\"]}";
	struct place *p = *state;

	use_paths(p);
	put_file(&p->s, "data/containers/c/config.v2.json", before);
	there_and_back(p, "/data/containers/c/config.v2.json", before,
	               "{\"LogPath\":\"/data/100000.100000/log\",\"Binds\":[\"/data/100000.100000/mine:/m\","
	               "\"/data/100000.100000/yours:/y\"]}");
}

static void test_checks(void **state)
{
	static const char *const bad[][2] = {
		{ "mkdir", "{\"path\":\"/a\",\"mode\":\"9\",\"uid\":0,\"gid\":0}" },
		{ "mkdir", "{\"path\":\"/a\",\"mode\":\"0755\",\"uid\":-1,\"gid\":0}" },
		{ "nest", "{\"dir\":\"/a\",\"into\":\"x\",\"gid\":0,\"keep\":[]}" },
		{ "json-member", "{\"file\":\"/a\",\"key\":\"k\",\"before\":1,\"after\":1}" },
		{ "env-option", "{\"file\":\"/a\",\"variable\":\"V\",\"option\":\"o\"}" },
		{ "subid-line", "{\"file\":\"/a\",\"owner\":\"o\",\"start\":4294967295,\"count\":1}" },
		{ "own-file", "{\"file\":\"/a\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct uns_err err = { 0 };
		uns_auto_json json_t *args = json_loads(bad[i][1], 0, NULL);

		assert_non_null(args);
		assert_int_equal(uns_kind_find(bad[i][0])->check(args, &err), -1);
		assert_int_equal(err.code, UNS_E_INPUT);
	}
	assert_null(uns_kind_find("frobnicate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subid_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subid_line_keeps_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subid_line_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member_created, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_member_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_env_option, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mkdir_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rename_over_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nest_half_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nest_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_paths_users_own, setup, teardown),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
