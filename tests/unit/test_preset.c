/* SPDX-License-Identifier: Apache-2.0 */
/* The presets as plans: facts built by hand, a request, and the answer as text. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/preset.h"

struct world {
	struct uns_enginefacts f;
	struct uns_strs ignore;
	struct uns_preset_request r;
	struct uns_range_want want;
	struct uns_plan plan;
	struct uns_findings findings;
	struct uns_err err;
};

static const char *const paths[UNS_ENGINEFILES] = {"/etc/storage.conf", "/usr/storage.conf", "/kubelet.yaml",
                                                   "/kubeadm.env",      "/default",          "/sysconfig"};
static const char *const variables[UNS_ENGINEFILES] = {NULL, NULL, NULL, "KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS",
                                                       "KUBELET_EXTRA_ARGS"};
static const char *const names[UNS_PROGRAMS] = {"getsubids",   "newuidmap", "newgidmap",     "rootlesskit",
                                                "slirp4netns", "pasta",     "fuse-overlayfs"};
static const char *const sysctls[UNS_SYSCTLS] = {"max", "clone", "apparmor"};

static char *copy(const char *s)
{
	char *p = strdup(s);

	assert_non_null(p);
	return p;
}

static void account(struct uns_accounts *a, const char *name, uint32_t id)
{
	a->v = reallocarray(a->v, a->n + 1, sizeof(*a->v));
	assert_non_null(a->v);
	a->v[a->n++] = (struct uns_account){.name = copy(name), .id = id, .gid = id, .home = copy("/home")};
}

static void user(struct world *w, const char *name, uint32_t id)
{
	account(&w->f.ids.users, name, id);
	account(&w->f.ids.groups, name, id);
}

static void text(struct world *w, enum uns_enginefile_id id, const char *s)
{
	w->f.file[id].exists = true;
	w->f.file[id].text.len = 0;
	assert_int_equal(uns_buf_puts(&w->f.file[id].text, s, NULL), 0);
}

/* A host on which nothing is missing. */
static void world_make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		w->f.ids.sub[kind].exists = true;
		w->f.ids.defs.id_min[kind] = 1000;
		w->f.ids.defs.id_max[kind] = 60000;
		w->f.ids.defs.sys_max[kind] = 999;
		w->f.ids.defs.sub_min[kind] = 100000;
		w->f.ids.defs.sub_max[kind] = 600100000;
		w->f.ids.defs.sub_count[kind] = 65536;
	}
	for (int i = 0; i < UNS_ENGINEFILES; i++) {
		w->f.file[i].path = paths[i];
		w->f.file[i].variable = variables[i];
		assert_int_equal(uns_buf_append(&w->f.file[i].text, "", 0, NULL), 0);
	}
	for (int i = 0; i < UNS_PROGRAMS; i++)
		w->f.program[i] = (struct uns_program){.name = names[i], .path = copy("/bin/x"), .powerful = true};
	for (int i = 0; i < UNS_SYSCTLS; i++)
		w->f.sysctl[i].name = sysctls[i];
	w->f.ids.present = UNS_HAS_PODMAN | UNS_HAS_KUBELET;
	w->f.containers_dir = w->f.home = w->f.user_bus = true;
	user(w, "root", 0);
	user(w, "alice", 1000);
}

static void forget(struct world *w)
{
	uns_plan_done(&w->plan);
	uns_findings_done(&w->findings);
	free(w->want.owner);
	w->want.owner = NULL;
}

static void world_done(struct world *w)
{
	forget(w);
	uns_strs_done(&w->ignore);
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		uns_subid_done(&w->f.ids.sub[kind].s);
	uns_accounts_done(&w->f.ids.users);
	uns_accounts_done(&w->f.ids.groups);
	free(w->f.ids.live);
	free(w->f.ids.subid_source);
	for (int i = 0; i < UNS_ENGINEFILES; i++)
		uns_buf_done(&w->f.file[i].text);
	for (int i = 0; i < UNS_PROGRAMS; i++)
		free(w->f.program[i].path);
	free(w->f.graph_driver);
	free(w->f.pod);
	free(w->f.dropin);
	uns_strs_done(&w->f.kubelet_argv);
}

#define WORLD                                                                                                                      \
	uns_auto(world_done) struct world w;                                                                                       \
	(void)state;                                                                                                               \
	world_make(&w)

static void lines(struct world *w, enum uns_idkind kind, const char *s)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	uns_subid_done(&w->f.ids.sub[kind].s);
	assert_int_equal(uns_buf_puts(&b, s, NULL), 0);
	assert_int_equal(uns_subid_read(&b, &w->f.ids.sub[kind].s, NULL), 0);
}

static void both(struct world *w, const char *s)
{
	lines(w, UNS_UID, s);
	lines(w, UNS_GID, s);
}

/* ---- the answer as text: steps, then "! id" for errors, "? id" for the rest ---- */

static void put_step(struct uns_buf *b, const struct uns_step *s)
{
	const json_t *before = json_object_get(s->args, "before"), *after = json_object_get(s->args, "after");
	uns_auto_free char *from = before ? json_dumps(before, JSON_ENCODE_ANY | JSON_COMPACT) : copy("-");
	uns_auto_free char *to = after ? json_dumps(after, JSON_ENCODE_ANY | JSON_COMPACT) : copy("-");

	if (strcmp(s->kind, "subid-lines") == 0 || strcmp(s->kind, "toml-member") == 0)
		assert_int_equal(uns_buf_printf(b, NULL, "%s%s%s %s -> %s%s%s\n", s->reverse ? "~" : "",
		                                strcmp(s->kind, "toml-member") ? uns_json_str_or(s->args, "file", "") : "",
		                                uns_json_str_or(s->args, "key", ""), from, to,
		                                uns_json_bool_or(s->args, "header", false) ? " header" : "",
		                                json_object_get(s->args, "base") ? " base" : ""),
		                 0);
	else
		assert_int_equal(uns_buf_printf(b, NULL, "%s%s %s\n", s->reverse ? "~" : "", s->kind,
		                                uns_json_str_or(s->args, "user", uns_json_str_or(s->args, "path", ""))),
		                 0);
}

static char *answer(struct world *w)
{
	struct uns_buf b = UNS_BUF_INIT;

	forget(w);
	w->err = (struct uns_err){.text = ""};
	w->r.ignore = &w->ignore;
	if (uns_preset_want(&w->f, &w->r, &w->want, &w->err) < 0 ||
	    uns_preset_plan(&w->f, &w->r, &w->want, &w->plan, &w->findings, &w->err) < 0) {
		assert_int_equal(uns_buf_printf(&b, NULL, "error %d: %s\n", (int)w->err.code, w->err.text), 0);
		return uns_buf_take(&b, NULL);
	}
	for (size_t i = 0; i < w->plan.n; i++)
		put_step(&b, &w->plan.v[i]);
	for (size_t i = 0; i < w->findings.n; i++)
		assert_int_equal(uns_buf_printf(&b, NULL, "%c %s: %s\n", w->findings.v[i].check->severity == UNS_ERROR ? '!' : '?',
		                                w->findings.v[i].check->id, w->findings.v[i].reason),
		                 0);
	assert_int_equal(uns_buf_append(&b, "", 0, NULL), 0);
	return uns_buf_take(&b, NULL);
}

static void gives(struct world *w, const char *want)
{
	uns_auto_free char *got = answer(w);

	assert_string_equal(got, want);
}

static void says(struct world *w, const char *want)
{
	uns_auto_free char *got = answer(w);

	if (!strstr(got, want))
		fail_msg("\"%s\" is not in\n%s", want, got);
}

static void ask(struct world *w, const struct uns_preset *p, enum uns_command command)
{
	w->r = (struct uns_preset_request){.preset = p, .command = command, .ignore = &w->ignore};
}

/* ---- the table ---- */

static void presets_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(uns_preset_find("podman"), &uns_preset_podman);
	assert_ptr_equal(uns_preset_find("incus"), &uns_preset_incus);
	assert_ptr_equal(uns_preset_find("lxd"), &uns_preset_incus);
	assert_null(uns_preset_find("docker"));
	for (size_t i = 0; i < uns_presets_n; i++) {
		const struct uns_preset *p = uns_presets[i];

		assert_true(p->count >= p->least && p->least > 0 && p->look && p->title);
		assert_true(p->account || p->no_purge); /* there is something to purge, or a reason */
	}
}

/* ---- podman ---- */

static void podman_gets_all(void **state)
{
	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	gives(&w, "account containers\n"
	          "/etc/subuid [] -> [\"containers:16777216:16777216\"]\n"
	          "/etc/subgid [] -> [\"containers:16777216:16777216\"]\n"
	          "root-auto-userns-user - -> \"containers\" header base\n"
	          "auto-userns-min-size - -> 1024\n"
	          "auto-userns-max-size - -> 65536\n");
	w.f.containers_dir = false;
	says(&w, "mkdir /etc/containers\nroot-auto-userns-user");
	text(&w, UNS_STORAGE_CONF, "[storage.options]\n");
	says(&w, "\"]\nroot-auto-userns-user - -> \"containers\"\n");
}

static void podman_base_is_the_distributions_file(void **state)
{
	const char *base;

	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	w.f.graph_driver = copy("vfs");
	says(&w, "base");
	base = uns_json_str_or(w.plan.v[3].args, "base", "");
	assert_non_null(strstr(base, "driver = \"vfs\"\nrunroot = \"/run/containers/storage\"\n"));
	text(&w, UNS_STORAGE_SHARE, "# theirs\n[storage]\ndriver = \"btrfs\"\n[storage.options]\nsize = 1\n");
	says(&w, "root-auto-userns-user - -> \"containers\" base\n");
	base = uns_json_str_or(w.plan.v[3].args, "base", "");
	assert_non_null(strstr(base, "# theirs\n[storage]\ndriver = \"btrfs\"\n"));
}

static const char podman_done[] = "[storage]\nx = 1\n\n[storage.options]\nroot-auto-userns-user = \"containers\"\n"
                                  "auto-userns-min-size = 1024\nauto-userns-max-size = 65536\n";

static void podman_done_is_done(void **state)
{
	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	user(&w, "containers", 990);
	both(&w, "containers:2097152:1048576\n");
	text(&w, UNS_STORAGE_CONF, podman_done);
	gives(&w, "");
	assert_true(w.want.had);
	w.r.checking = true;
	gives(&w, "");
	/* sizes that somebody chose stay */
	text(&w, UNS_STORAGE_CONF,
	     "[storage.options]\nroot-auto-userns-user = \"containers\"\nauto-userns-min-size = 4096\n"
	     "auto-userns-max-size = 8192\n");
	gives(&w, "");
}

static void podman_comes_home(void **state)
{
	WORLD;
	ask(&w, &uns_preset_podman, UNS_DISABLE);
	user(&w, "containers", 990);
	both(&w, "containers:2097152:1048576\n");
	text(&w, UNS_STORAGE_CONF, podman_done);
	gives(&w, "~auto-userns-max-size - -> 65536\n"
	          "~auto-userns-min-size - -> 1024\n"
	          "~root-auto-userns-user - -> \"containers\" header\n"
	          "/etc/subuid [\"containers:2097152:1048576\"] -> []\n"
	          "/etc/subgid [\"containers:2097152:1048576\"] -> []\n");
	w.r.purge = true;
	says(&w, "-> []\n~account containers\n");
	/* a size that stands elsewhere was somebody's own, also when it is the same */
	text(&w, UNS_STORAGE_CONF,
	     "[storage.options]\nauto-userns-max-size = 65536\nroot-auto-userns-user = \"containers\"\n"
	     "auto-userns-min-size = 1024\n");
	says(&w, "~auto-userns-min-size - -> 1024\n~root-auto-userns-user - -> \"containers\" header\n/etc");
	assert_int_equal(w.plan.n, 5);
	/* nothing is there any more */
	forget(&w);
	both(&w, "");
	text(&w, UNS_STORAGE_CONF, "[storage]\n");
	w.r.purge = false;
	gives(&w, "");
	w.f.file[UNS_STORAGE_CONF].exists = false;
	gives(&w, "");
}

/* A file that enable made goes, and with it a directory that holds nothing else. */
static void podman_takes_its_file_back(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	says(&w, "base");
	assert_int_equal(uns_buf_puts(&b, uns_json_str_or(w.plan.v[3].args, "base", ""), NULL), 0);
	assert_int_equal(uns_buf_puts(&b, "\n[storage.options]\nroot-auto-userns-user = \"containers\"\n", NULL), 0);
	text(&w, UNS_STORAGE_CONF, b.data);
	ask(&w, &uns_preset_podman, UNS_DISABLE);
	gives(&w, "~root-auto-userns-user - -> \"containers\" header base\n");
	w.f.containers_alone = true;
	gives(&w, "~root-auto-userns-user - -> \"containers\" header base\n~mkdir /etc/containers\n");
	assert_int_equal(uns_buf_puts(&b, "size = 5\n", NULL), 0);
	text(&w, UNS_STORAGE_CONF, b.data);
	gives(&w, "~root-auto-userns-user - -> \"containers\" header\n");
}

static void podman_takes_the_owner_of_its_settings(void **state)
{
	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	user(&w, "pods", 991);
	text(&w, UNS_STORAGE_CONF, "[storage.options]\nroot-auto-userns-user = 'pods'\n");
	says(&w, "/etc/subuid [] -> [\"pods:16777216:16777216\"]\n");
	w.r.user = "containers";
	says(&w, "root-auto-userns-user \"pods\" -> \"containers\"\n");
	/* lines of somebody who was named are not taken for granted */
	w.r.user = NULL;
	w.r.command = UNS_DISABLE;
	both(&w, "pods:1048576:1048576\n");
	gives(&w, "~root-auto-userns-user - -> \"pods\" header\n? PurgeKeepsUser: pods and the lines that it has are kept, for "
	          "they may be older\n");
	w.r.purge = true;
	says(&w, "/etc/subgid [\"pods:1048576:1048576\"] -> []\n~account pods\n");
	w.f.file[UNS_STORAGE_CONF].text.len = 0;
	text(&w, UNS_STORAGE_CONF, "[storage.options]\nroot-auto-userns-user = 'alice'\n");
	both(&w, "alice:100000:65536\n");
	says(&w, "PurgeKeepsUser");
}

static void podman_refuses(void **state)
{
	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	text(&w, UNS_STORAGE_CONF, "[storage.options]\nroot-auto-userns-user = 5\n");
	gives(&w, "error 7: /etc/storage.conf:2: root-auto-userns-user: expected the name of a user in quotes\n");
	text(&w, UNS_STORAGE_CONF, "[storage.options\n");
	gives(&w, "error 7: /etc/storage.conf:1:17: found the end of the line; expected ']'\n");
	text(&w, UNS_STORAGE_CONF, "[storage.options]\nauto-userns-min-size = 70000\n");
	says(&w, "! AutoSizeUnfit: auto-userns-min-size 70000 is above auto-userns-max-size 65536");
	w.r.range.count = 512;
	text(&w, UNS_STORAGE_CONF, "");
	says(&w, "! EngineRangeUnfit: the range 524288:512 is too small: Podman needs at least 1024 IDs, the auto-userns-min-size");
	w.r.range.count = 0;
	w.r.user = "root";
	says(&w, "! UserUnfit: root cannot be the user of Podman");
	w.r.user = NULL;
	account(&w.f.ids.groups, "containers", 995);
	says(&w, "! UserIncomplete: there is a group containers, but no user of that name");
}

static void podman_says_drift(void **state)
{
	WORLD;
	ask(&w, &uns_preset_podman, UNS_ENABLE);
	w.r.checking = true;
	text(&w, UNS_STORAGE_CONF, podman_done);
	says(&w, "! RangeNoLine: Podman is set up in part: containers has no line in /etc/subuid and /etc/subgid");
	lines(&w, UNS_GID, "containers:2097152:1048576\n");
	says(&w, "! RangeNoLine: Podman is set up in part: containers has no line in /etc/subuid\n");
	both(&w, "containers:2097152:1048576\nalice:2097252:10\n");
	says(&w, "! RangeTaken: the UID range 2097152:1048576 overlaps alice (/etc/subuid:2: alice:2097252:10)");
	both(&w, "containers:2097152:1000\n");
	says(&w, "! EngineRangeUnfit: the range 2097152:1000 is too small");
	both(&w, "containers:2097152:65536\ncontainers:3145728:65536\n");
	says(&w, "! RangeSeveral");
	text(&w, UNS_STORAGE_CONF, "");
	both(&w, "");
	w.f.ids.present = 0;
	says(&w, "? NotInstalled: Podman is not installed");
	w.f.sysctl[UNS_MAX_USER_NAMESPACES].known = true;
	says(&w, "! UserNamespacesOff");
}

/* ---- kubelet ---- */

static void kubelet_gets_a_line_for_its_pods(void **state)
{
	WORLD;
	ask(&w, &uns_preset_kubelet, UNS_ENABLE);
	gives(&w, "account kubelet\n"
	          "/etc/subuid [] -> [\"kubelet:7208960:7208960\"]\n"
	          "/etc/subgid [] -> [\"kubelet:7208960:7208960\"]\n");
	w.r.max_pods = 10;
	says(&w, "kubelet:655360:655360");
	w.r.max_pods = 0;
	text(&w, UNS_KUBELET_CONFIG, "maxPods: 20\n");
	says(&w, "kubelet:1310720:1310720");
	text(&w, UNS_KUBEADM_FLAGS, "KUBELET_KUBEADM_ARGS=\"--x --max-pods=30\"\n");
	says(&w, "kubelet:1966080:1966080");
	text(&w, UNS_KUBELET_DEFAULT, "KUBELET_EXTRA_ARGS=--max-pods=40\n");
	says(&w, "kubelet:2621440:2621440");
	w.r.max_pods = 10;
	says(&w, "! EngineRangeUnfit: the range 655360:655360 is too small: kubelet needs at least 2621440 IDs, for the maxPods of "
	         "its settings");
	w.r.max_pods = 4000000;
	says(&w, "error 2: 4000000 pods of 65536 IDs each are more than there are; the most is 32767");
	w.r.max_pods = 0;
	text(&w, UNS_KUBELET_DEFAULT, "KUBELET_EXTRA_ARGS=--max-pods=x\n");
	says(&w, "error 7: /default:1: --max-pods=x: expected a number above 0");
	text(&w, UNS_KUBELET_CONFIG, "userNamespaces:\n  idsPerPod: 70000\n");
	says(&w, "error 7: /kubelet.yaml: idsPerPod: found 70000; expected a multiple of 65536");
}

static void kubelet_accepts_only_its_form(void **state)
{
	WORLD;
	ask(&w, &uns_preset_kubelet, UNS_ENABLE);
	user(&w, "kubelet", 992);
	both(&w, "kubelet:65536:7208960\n");
	gives(&w, "");
	both(&w, "kubelet:100000:7208960\n");
	says(&w, "! EngineRangeUnfit: kubelet does not start with the range 100000:7208960: it takes only multiples of 65536");
	both(&w, "kubelet:65536:7208961\n");
	says(&w, "! EngineRangeUnfit: kubelet does not start with the range 65536:7208961");
	both(&w, "kubelet:65536:655360\n");
	says(&w, "! EngineRangeUnfit: the range 65536:655360 is too small: kubelet needs at least 7208960 IDs, for 110 pods");
	lines(&w, UNS_UID, "kubelet:65536:7208960\n");
	lines(&w, UNS_GID, "kubelet:131072:7208960\n");
	says(&w, "! EngineRangeUnfit: kubelet does not start: the UID range 65536:7208960 and the GID range 131072:7208960 differ");
	both(&w, "kubelet:65536:7208960\nkubelet:14417920:65536\n");
	says(&w, "! RangeSeveral");
	both(&w, "");
	w.r.checking = true;
	says(&w, "! RangeNoLine: kubelet is set up in part");
	w.r.how = UNS_RANGE_EXACT;
	w.r.range = (struct uns_range){7208961, 0};
	says(&w, "! EngineRangeUnfit: kubelet does not start with the range 7208961:7208960");
	w.r.how = UNS_RANGE_AUTO;
	free(w.f.program[UNS_GETSUBIDS].path);
	w.f.program[UNS_GETSUBIDS].path = NULL;
	says(&w, "! ToolMissing: getsubids is not installed");
	w.f.ids.subid_source = copy("sss");
	says(&w, "? SubidSource: \"subid: sss\" makes getsubids, and so kubelet, ask that source");
}

/* What pods have on disk must be of the range. */
static void kubelet_looks_at_its_pods(void **state)
{
	WORLD;
	ask(&w, &uns_preset_kubelet, UNS_ENABLE);
	w.f.pod = calloc(2, sizeof(*w.f.pod));
	assert_non_null(w.f.pod);
	w.f.pods = 2;
	w.f.pod[0].range = (struct uns_range){131072, 65536};
	w.f.pod[1].range = (struct uns_range){7208960, 65536};
	says(&w, "! PodsOutside: pods have IDs outside of the range 7208960:7208960 (1 of 2, the first has 131072:65536)");
	w.r.how = UNS_RANGE_EXACT;
	w.r.range = (struct uns_range){65536, 14352384};
	says(&w, "/etc/subuid [] -> [\"kubelet:65536:14352384\"]\n");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	w.r.range = (struct uns_range){65536, 655360};
	w.r.max_pods = 10;
	says(&w, "! PodsOutside: pods have IDs outside of the range 65536:655360 (1 of 2, the first has 7208960:65536)");
}

static void kubelet_goes_with_its_user(void **state)
{
	WORLD;
	ask(&w, &uns_preset_kubelet, UNS_DISABLE);
	user(&w, "kubelet", 992);
	both(&w, "kubelet:65536:7208960\n");
	gives(&w,
	      "/etc/subuid [\"kubelet:65536:7208960\"] -> []\n/etc/subgid [\"kubelet:65536:7208960\"] -> []\n~account kubelet\n");
	w.f.ids.users.v[2].id = 1005;
	says(&w, "? PurgeKeepsUser: user kubelet is no system account");
	w.f.ids.live = calloc(1, sizeof(*w.f.ids.live));
	w.f.ids.live[0] = (struct uns_live){{131072, 65536}, UNS_UID, 77, "pause"};
	w.f.ids.lives = 1;
	says(&w, "! RangeInUse");
}

/* ---- incus ---- */

static void incus_gets_roots_lines(void **state)
{
	WORLD;
	w.f.ids.present = UNS_HAS_INCUS;
	ask(&w, &uns_preset_incus, UNS_ENABLE);
	gives(&w, "/etc/subuid [] -> [\"root:16777216:16777216\"]\n/etc/subgid [] -> [\"root:16777216:16777216\"]\n");
	/* what Incus takes because root has no line is no collision for root's */
	w.r.how = UNS_RANGE_EXACT;
	w.r.range = (struct uns_range){1000000, 1000000000};
	says(&w, "/etc/subuid [] -> [\"root:1000000:1000000000\"]\n");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	w.r.how = UNS_RANGE_AUTO;
	w.r.range = (struct uns_range){0, 0};
	both(&w, "root:1000:1\n");
	gives(&w, "/etc/subuid [\"root:1000:1\"] -> [\"root:1000:1\",\"root:16777216:16777216\"]\n"
	          "/etc/subgid [\"root:1000:1\"] -> [\"root:1000:1\",\"root:16777216:16777216\"]\n");
	both(&w, "root:1000:1\nroot:1000000:65536\n");
	gives(&w, "");
	assert_int_equal(w.want.got.start, 1000000);
	lines(&w, UNS_GID, "root:1000:1\n");
	gives(&w, "/etc/subgid [\"root:1000:1\"] -> [\"root:1000:1\",\"root:1000000:65536\"]\n");
	lines(&w, UNS_GID, "alice:1000100:1\n");
	says(&w, "! RangeTaken: the GID range 1000000:65536 overlaps alice");
	w.r.how = UNS_RANGE_EXACT;
	w.r.range = (struct uns_range){2000000, 0};
	says(&w, "! RangeDiffers");
}

static void incus_leaves_other_lines(void **state)
{
	WORLD;
	ask(&w, &uns_preset_incus, UNS_DISABLE);
	both(&w, "root:1000:1\nroot:1000000:65536\n");
	gives(&w, "/etc/subuid [\"root:1000:1\",\"root:1000000:65536\"] -> [\"root:1000:1\"]\n"
	          "/etc/subgid [\"root:1000:1\",\"root:1000000:65536\"] -> [\"root:1000:1\"]\n");
	both(&w, "root:1000:1\n");
	gives(&w, "");
	lines(&w, UNS_UID, "root:1000000:65536\n");
	lines(&w, UNS_GID, "root:2000000:65536\n");
	says(&w, "! EngineRangeUnfit: its UID range 1000000:65536 and its GID range 2000000:65536 differ");
}

/* ---- rootless ---- */

static void rootless_gets_a_range(void **state)
{
	WORLD;
	ask(&w, &uns_preset_rootless, UNS_ENABLE);
	w.r.user = "alice";
	gives(&w, "/etc/subuid [] -> [\"alice:524288:65536\"]\n/etc/subgid [] -> [\"alice:524288:65536\"]\n");
	assert_string_equal(w.plan.title, "enable rootless alice");
	w.r.user = "1000"; /* by the name, which all programs read */
	says(&w, "alice:524288:65536");
	both(&w, "alice:100000:65536\n");
	gives(&w, "");
	w.r.command = UNS_DISABLE;
	gives(&w, "/etc/subuid [\"alice:100000:65536\"] -> []\n/etc/subgid [\"alice:100000:65536\"] -> []\n");
	assert_string_equal(w.plan.title, "disable rootless alice");
}

static void rootless_looks_at_what_it_needs(void **state)
{
	WORLD;
	ask(&w, &uns_preset_rootless, UNS_ENABLE);
	w.r.user = "nobodyknows";
	says(&w, "! OwnerUnknown");
	w.r.user = "root";
	says(&w, "! UserUnfit");
	w.r.user = "alice";
	w.f.program[UNS_NEWUIDMAP].powerful = false;
	says(&w, "! ToolPowerless: /bin/x is neither setuid root nor has it the capability that it needs");
	free(w.f.program[UNS_NEWGIDMAP].path);
	w.f.program[UNS_NEWGIDMAP].path = NULL;
	says(&w, "! ToolMissing: newgidmap is not installed: nobody but root can use a range without it");
	w.f.sysctl[UNS_UNPRIVILEGED_CLONE].known = true;
	says(&w, "! UnprivilegedOff: the kernel setting clone is 0");
	w.f.sysctl[UNS_APPARMOR_USERNS].known = true;
	w.f.sysctl[UNS_APPARMOR_USERNS].value = 1;
	says(&w, "? AppArmorRestricts");
	w.f.home = false;
	says(&w, "? HomeMissing: the home of alice is no directory");
	w.f.ids.present = UNS_HAS_SYSTEMD;
	says(&w, "? NoLinger: containers of alice end with the last session");
	w.f.lingers = true;
	assert_int_equal(uns_strs_add(&w.ignore, "ToolMissing", NULL), 0);
	assert_int_equal(uns_strs_add(&w.ignore, "ToolPowerless", NULL), 0);
	assert_int_equal(uns_strs_add(&w.ignore, "UnprivilegedOff", NULL), 0);
	says(&w, "/etc/subuid [] -> [\"alice:524288:65536\"]\n");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
}

static void no_program(struct world *w, enum uns_program_id id)
{
	free(w->f.program[id].path);
	w->f.program[id].path = NULL;
}

static void rootless_says_what_its_engines_miss(void **state)
{
	WORLD;
	ask(&w, &uns_preset_rootless, UNS_ENABLE);
	w.r.user = "alice";
	no_program(&w, UNS_SLIRP4NETNS);
	no_program(&w, UNS_FUSE_OVERLAYFS);
	gives(&w, "/etc/subuid [] -> [\"alice:524288:65536\"]\n/etc/subgid [] -> [\"alice:524288:65536\"]\n");
	w.f.ids.present = UNS_HAS_PODMAN;
	no_program(&w, UNS_PROGRAM_ROOTLESSKIT); /* Podman needs it not */
	gives(&w, "/etc/subuid [] -> [\"alice:524288:65536\"]\n/etc/subgid [] -> [\"alice:524288:65536\"]\n");
	w.f.ids.present = UNS_HAS_PODMAN | UNS_HAS_DOCKER;
	says(&w, "? RootlessNetwork: rootlesskit is not installed, without which rootless Docker does not start (pasta is installed, "
	         "slirp4netns is not)");
	no_program(&w, UNS_PASTA);
	says(&w, "? RootlessNetwork: neither pasta nor slirp4netns is installed (rootlesskit is not)");
	w.f.overlay_needs_fuse = true;
	says(&w, "? RootlessOverlay: this kernel mounts no overlay inside a user namespace");
	w.f.cgroups = UNS_CGROUPS_V1;
	says(&w, "? RootlessLimits: cgroups are of version 1");
	w.f.cgroups = UNS_CGROUPS_UNDELEGATED;
	says(&w, "? RootlessLimits: systemd does not hand all of cpu, memory and pids to alice");
	w.f.ids.present = UNS_HAS_SYSTEMD;
	w.f.user_bus = false;
	says(&w, "? RootlessBus: users have no bus of their own");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
}

static void kubelet_reads_all_that_it_is_told(void **state)
{
	static const char *const dropins[] = {"maxPods: 30\n", "{\"maxPods\": 40}", "userNamespaces:\n  idsPerPod: 131072\n"};
	WORLD;
	ask(&w, &uns_preset_kubelet, UNS_ENABLE);
	text(&w, UNS_KUBELET_CONFIG, "maxPods: 20\n");
	says(&w, ":1310720\"");
	w.f.dropin = calloc(3, sizeof(*w.f.dropin));
	assert_non_null(w.f.dropin);
	for (size_t i = 0; i < 3; i++) {
		w.f.dropin[i].path = (char[]){"/conf.d/x.conf"};
		w.f.dropin[i].text = (struct uns_buf){.data = (char *)(uintptr_t)dropins[i], .len = strlen(dropins[i])};
	}
	w.f.dropins = 1;
	says(&w, ":1966080\"");
	w.f.dropins = 2;
	says(&w, ":2621440\"");
	w.f.dropins = 3;
	says(&w, ":5242880\"");
	for (const char *const *word = (const char *const[]){"/usr/bin/kubelet", "--config", "/x", "--max-pods=10", "--v", "2", NULL}; *word;
	     word++)
		assert_int_equal(uns_strs_add(&w.f.kubelet_argv, *word, NULL), 0);
	says(&w, ":1310720\"");
	text(&w, UNS_KUBELET_DEFAULT, "KUBELET_EXTRA_ARGS=--max-pods=11\n");
	says(&w, ":1441792\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(presets_are_found_by_name),
	    cmocka_unit_test(podman_gets_all),
	    cmocka_unit_test(podman_base_is_the_distributions_file),
	    cmocka_unit_test(podman_done_is_done),
	    cmocka_unit_test(podman_comes_home),
	    cmocka_unit_test(podman_takes_its_file_back),
	    cmocka_unit_test(podman_takes_the_owner_of_its_settings),
	    cmocka_unit_test(podman_refuses),
	    cmocka_unit_test(podman_says_drift),
	    cmocka_unit_test(kubelet_gets_a_line_for_its_pods),
	    cmocka_unit_test(kubelet_accepts_only_its_form),
	    cmocka_unit_test(kubelet_looks_at_its_pods),
	    cmocka_unit_test(kubelet_goes_with_its_user),
	    cmocka_unit_test(incus_gets_roots_lines),
	    cmocka_unit_test(incus_leaves_other_lines),
	    cmocka_unit_test(rootless_gets_a_range),
	    cmocka_unit_test(rootless_looks_at_what_it_needs),
	    cmocka_unit_test(rootless_says_what_its_engines_miss),
	    cmocka_unit_test(kubelet_reads_all_that_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
