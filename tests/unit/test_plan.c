/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uns/cis.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/plan.h"

/* ---- a host, built by hand ---- */

#define ROOT "/var/lib/docker"
#define HOLD "/etc/systemd/system/docker.service.d"
#define ANONYMOUS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct uns_facts f;
	struct uns_request r;
	struct uns_plan plan;
	struct uns_findings findings;
	struct uns_shift shift;
	struct uns_err err;
	char *text;
};

/* Facts hold pointers to what they own; here they own nothing. */
static char *str(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void list(struct uns_strs *l, const char *s)
{
	assert_int_equal(uns_strs_add(l, s, NULL), 0);
}

static void account(struct uns_accounts *a, const char *name, uint32_t id)
{
	a->v = reallocarray(a->v, a->n + 1, sizeof(*a->v));
	assert_non_null(a->v);
	a->v[a->n++] = (struct uns_account){.name = str(name), .id = id, .gid = id};
}

/* Read as the host floor reads it: the raw line matters too. */
static void line(struct uns_subid_file *f, const char *owner, uint32_t start, uint32_t count)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (f->s.text)
		assert_int_equal(uns_subid_print(&f->s, &text, NULL), 0);
	assert_int_equal(uns_buf_printf(&text, NULL, "%s:%u:%u\n", owner, start, count), 0);
	uns_subid_done(&f->s);
	assert_int_equal(uns_subid_read(&text, &f->s, NULL), 0);
}

static void no_lines(struct uns_subid_file *f)
{
	uns_subid_done(&f->s);
	f->exists = false;
}

static void setting(struct world *w, enum uns_setting_place place, const char *value, const char *file, unsigned at)
{
	struct uns_settings *l = &w->f.options;

	l->v = reallocarray(l->v, l->n + 1, sizeof(*l->v));
	assert_non_null(l->v);
	l->v[l->n] = (struct uns_setting){str(value), str(file), at, place};
	l->v[l->n].key = str("userns-remap");
	l->v[l->n].variable = place == UNS_PLACE_ENV ? str("DOCKER_OPTS") : NULL;
	l->v[l->n].json = value ? json_string(value) : json_null();
	if (value && place != UNS_PLACE_JSON)
		assert_int_equal(uns_strs_add(&l->v[l->n].flags, value, NULL), 0);
	l->n++;
}

static void settings_done(struct uns_settings *l)
{
	for (size_t i = 0; i < l->n; i++) {
		json_decref(l->v[i].json);
		uns_strs_done(&l->v[i].flags);
	}
	free(l->v);
}

static void member(struct world *w, const char *value)
{
	w->f.have_config = w->f.have_config_dir = true;
	w->f.config = value ? json_pack("{s:s}", "userns-remap", value) : json_pack("{s:n}", "userns-remap");
	setting(w, UNS_PLACE_JSON, value, "/etc/docker/daemon.json", 2);
}

static struct uns_container *container(struct uns_store *s, const char *name)
{
	s->container = reallocarray(s->container, s->containers + 1, sizeof(*s->container));
	assert_non_null(s->container);
	s->container[s->containers] = (struct uns_container){.id = str(name), .name = str(name)};
	return &s->container[s->containers++];
}

static struct uns_volume *volume(struct uns_store *s, const char *name)
{
	s->volume = reallocarray(s->volume, s->volumes + 1, sizeof(*s->volume));
	assert_non_null(s->volume);
	s->volume[s->volumes] = (struct uns_volume){.name = str(name)};
	return &s->volume[s->volumes++];
}

static void mounted(struct world *w, const char *point)
{
	struct uns_mounts *m = &w->f.mounts;

	m->v = reallocarray(m->v, m->n + 1, sizeof(*m->v));
	assert_non_null(m->v);
	m->v[m->n++] = (struct uns_mount){.point = str(point), .fstype = str("ext4")};
}

/* A bare machine: root, a person with a range, no engine. */
static void bare(struct world *w)
{
	*w = (struct world){0};
	account(&w->f.ids.users, "root", 0);
	account(&w->f.ids.users, "alice", 1000);
	account(&w->f.ids.groups, "root", 0);
	w->f.ids.sub[UNS_UID].exists = w->f.ids.sub[UNS_GID].exists = true;
	line(&w->f.ids.sub[UNS_UID], "alice", 100000, 65536);
	line(&w->f.ids.sub[UNS_GID], "alice", 100000, 65536);
	w->f.config_file = str("/etc/docker/daemon.json");
	w->f.data_root = str(ROOT);
	w->f.exec_root = str("/var/run/docker");
	w->f.pidfile = str("/var/run/docker.pid");
	w->f.socket = str("/var/run/docker.sock");
	w->r = (struct uns_request){.command = UNS_ENABLE, .user = "dockremap"};
}

static void fill(struct uns_store *s)
{
	list(&s->entries, "containers");
	list(&s->entries, "image");
	list(&s->entries, "overlay2");
	list(&s->entries, "volumes");
	list(&s->drivers, "overlay2");
	container(s, "web");
	volume(s, "data");
}

static void prepare_user(struct world *w)
{
	account(&w->f.ids.users, "dockremap", 999);
	account(&w->f.ids.groups, "dockremap", 998);
	line(&w->f.ids.sub[UNS_UID], "dockremap", 524288, 65536);
	line(&w->f.ids.sub[UNS_GID], "dockremap", 524288, 65536);
}

/* The engine installed, stopped, with data. */
static void stopped(struct world *w)
{
	bare(w);
	w->f.installed = w->f.unit = true;
	w->f.have_config_dir = true;
	w->f.have_data_root = true;
	fill(&w->f.flat);
}

static void start(struct world *w)
{
	w->f.running = true;
	w->f.pid = 4711;
	w->f.manager = UNS_MANAGER_SYSTEMD;
	w->f.socket_unit = true;
	w->f.images = json_pack("[s]", "sha256:aa");
	w->f.containers = json_pack("[s]", "web");
	w->f.volume_names = json_pack("[s]", "data");
	w->f.networks = json_pack("[s,s,s,s]", "bridge", "front", "host", "none");
}

static void running(struct world *w)
{
	stopped(w);
	start(w);
}

/* Enabled and finished: everything below 524288.524288. */
static void enabled(struct world *w)
{
	bare(w);
	prepare_user(w);
	member(w, "dockremap");
	w->f.installed = w->f.unit = w->f.have_data_root = true;
	w->f.active_dir = str("524288.524288");
	list(&w->f.remap_dirs, "524288.524288");
	fill(&w->f.nested);
	start(w);
}

/* Remapping was switched on by hand: the old tree is still there, with a volume that the new one lacks. */
static void left_behind(struct world *w)
{
	enabled(w);
	w->r.command = UNS_MIGRATE;
	list(&w->f.flat.entries, "volumes");
	volume(&w->f.flat, "old")->labels = json_pack("{s:s}", "team", "a");
}

static void store_done(struct uns_store *s)
{
	uns_strs_done(&s->entries);
	uns_strs_done(&s->drivers);
	for (size_t i = 0; i < s->containers; i++) {
		uns_strs_done(&s->container[i].volumes);
		uns_strs_done(&s->container[i].binds);
	}
	for (size_t i = 0; i < s->volumes; i++) {
		json_decref(s->volume[i].labels);
		json_decref(s->volume[i].options);
	}
	free(s->container);
	free(s->volume);
}

static void census_list_done(struct uns_census_list *l)
{
	uns_strs_done(&l->paths);
}

static void forget(struct world *w)
{
	uns_plan_done(&w->plan);
	uns_findings_done(&w->findings);
	free(w->text);
	w->plan = (struct uns_plan){0};
	w->text = NULL;
}

static void done(struct world *w)
{
	struct uns_facts *f = &w->f;

	forget(w);
	uns_strs_done(&w->r.ignore);
	free(f->ids.users.v);
	free(f->ids.groups.v);
	no_lines(&f->ids.sub[UNS_UID]);
	no_lines(&f->ids.sub[UNS_GID]);
	settings_done(&f->options);
	free(f->mounts.v);
	json_decref(f->config);
	json_decref(f->images);
	json_decref(f->containers);
	json_decref(f->volume_names);
	json_decref(f->networks);
	uns_strs_done(&f->argv);
	uns_strs_done(&f->environ);
	uns_strs_done(&f->remap_dirs);
	store_done(&f->flat);
	store_done(&f->nested);
	uns_rangeset_done(&f->census.uid_blocks);
	uns_rangeset_done(&f->census.gid_blocks);
	census_list_done(&f->census.unmapped);
	census_list_done(&f->census.in_target);
	census_list_done(&f->census.outside);
	census_list_done(&f->census.flagged);
	census_list_done(&f->census.symlinks);
	census_list_done(&f->census.unread);
}

/* ---- looking at a plan ---- */

static void make(struct world *w)
{
	forget(w);
	if (uns_plan_make(&w->f, &w->r, &w->plan, &w->findings, &w->err) != 0)
		fail_msg("uns_plan_make: %s", w->err.text);
}

/* "~kind kind …": ~ marks a reversed step. */
static const char *kinds(struct world *w)
{
	struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < w->plan.n; i++)
		assert_int_equal(
		    uns_buf_printf(&b, NULL, "%s%s%s", i ? " " : "", w->plan.v[i].reverse ? "~" : "", w->plan.v[i].kind), 0);
	free(w->text);
	w->text = uns_buf_take(&b, NULL);
	return w->text;
}

/* The args of the nth step of a kind (from 0), as compact JSON. */
static const char *args(struct world *w, const char *kind, size_t nth)
{
	free(w->text);
	w->text = NULL;
	for (size_t i = 0; i < w->plan.n; i++)
		if (strcmp(w->plan.v[i].kind, kind) == 0 && nth-- == 0)
			w->text = json_dumps(w->plan.v[i].args, JSON_COMPACT);
	if (!w->text)
		fail_msg("no such step: %s", kind);
	return w->text;
}

static const struct uns_finding *found(const struct world *w, const char *id)
{
	assert_non_null(uns_check_find(id));
	for (size_t i = 0; i < w->findings.n; i++)
		if (strcmp(w->findings.v[i].check->id, id) == 0)
			return &w->findings.v[i];
	return NULL;
}

static size_t count_found(const struct world *w, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < w->findings.n; i++)
		n += strcmp(w->findings.v[i].check->id, id) == 0;
	return n;
}

static void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" does not contain \"%s\"", text ? text : "(null)", part);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" contains \"%s\"", text, part);
}

static void assert_quiet(const struct world *w)
{
	for (size_t i = 0; i < w->findings.n; i++)
		fail_msg("unexpected finding %s: %s", w->findings.v[i].check->id, w->findings.v[i].reason);
}

/* ---- enable ---- */

static void a_host_without_an_engine_is_prepared(void **state)
{
	struct world w;

	(void)state;
	bare(&w);
	no_lines(&w.f.ids.sub[UNS_UID]);
	no_lines(&w.f.ids.sub[UNS_GID]);
	make(&w);
	assert_string_equal(kinds(&w), "account subid-lines subid-lines mkdir json-member");
	assert_string_equal(args(&w, "account", 0), "{\"user\":\"dockremap\",\"group\":\"dockremap\"}");
	assert_string_equal(args(&w, "subid-lines", 0),
	                    "{\"file\":\"/etc/subuid\",\"before\":[],\"after\":[\"dockremap:524288:65536\"],\"created\":true}");
	assert_string_equal(args(&w, "subid-lines", 1),
	                    "{\"file\":\"/etc/subgid\",\"before\":[],\"after\":[\"dockremap:524288:65536\"],\"created\":true}");
	assert_string_equal(args(&w, "mkdir", 0), "{\"path\":\"/etc/docker\",\"mode\":\"0755\",\"uid\":0,\"gid\":0}");
	assert_string_equal(
	    args(&w, "json-member", 0),
	    "{\"file\":\"/etc/docker/daemon.json\",\"key\":\"userns-remap\",\"after\":\"dockremap\",\"created\":true}");
	assert_string_equal(w.plan.title, "enable docker");
	assert_int_equal(w.findings.n, 1);
	assert_non_null(found(&w, "NotInstalled"));
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void a_running_engine_is_taken_down_and_its_data_moved(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	make(&w);
	assert_string_equal(kinds(&w), "~engine-sets service mkdir own-file mkdir own-file interlock account subid-lines subid-lines validate "
	                               "owner-mode shift-tree json-paths nest json-member "
	                               "~interlock ~own-file ~mkdir ~own-file ~mkdir ~service engine-sets");
	assert_quiet(&w);
	assert_string_equal(args(&w, "service", 0), "{\"manager\":\"systemd\",\"units\":[\"docker.socket\",\"docker.service\"]}");
	assert_string_equal(args(&w, "service", 1), "{\"manager\":\"systemd\",\"units\":[\"docker.socket\",\"docker.service\"]}");
	assert_string_equal(args(&w, "interlock", 0), "{\"data_root\":\"" ROOT "\",\"exec_root\":\"/var/run/docker\"}");
	assert_string_equal(args(&w, "nest", 0),
	                    "{\"dir\":\"" ROOT "\",\"into\":\"524288.524288\",\"gid\":524288,\"keep\":[\"lost+found\"]}");
	assert_string_equal(args(&w, "shift-tree", 0),
	                    "{\"base\":\"" ROOT "\",\"patterns\":[\"overlay2/*/diff\",\"overlay2/*/work\",\"volumes/*/_data\","
	                    "\"containers/*/hosts\",\"containers/*/hostname\",\"containers/*/resolv.conf\"],"
	                    "\"into\":\"524288.524288\",\"uid\":{\"start\":524288,\"count\":65536},\"gid\":{\"start\":524288,\"count\":65536},"
	                    "\"allow\":[\"flags\"],\"exclusive\":true}");
	assert_has(args(&w, "owner-mode", 0), "{\"base\":\"" ROOT "\",\"patterns\":[\".\",\"containers\"");
	assert_has(args(&w, "owner-mode", 0), "\"gid\":524288}");
	assert_has(args(&w, "json-paths", 0), "\"containers/*/config.v2.json\"");
	assert_has(args(&w, "json-paths", 0), "\"into\":\"524288.524288\"");
	done(&w);
}

static void what_the_engine_lists_is_expected_again(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	make(&w);
	assert_string_equal(args(&w, "engine-sets", 0),
	                    "{\"socket\":\"/var/run/docker.sock\",\"data_root\":\"" ROOT "\",\"userns\":false,"
	                    "\"images\":[\"sha256:aa\"],\"containers\":[\"web\"],\"volumes\":[\"data\"],\"networks\":[\"front\"]}");
	assert_string_equal(args(&w, "engine-sets", 1),
	                    "{\"socket\":\"/var/run/docker.sock\",\"data_root\":\"" ROOT "/524288.524288\",\"userns\":true,"
	                    "\"images\":[\"sha256:aa\"],\"containers\":[\"web\"],\"volumes\":[\"data\"],\"networks\":[\"front\"]}");
	done(&w);
}

static void the_hold_names_itself(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	make(&w);
	assert_string_equal(args(&w, "mkdir", 0), "{\"path\":\"" HOLD "\",\"mode\":\"0755\",\"uid\":0,\"gid\":0}");
	assert_string_equal(args(&w, "own-file", 0),
	                    "{\"file\":\"" HOLD
	                    "/90-usernsctl-hold.conf\",\"content\":\"# usernsctl: keeps the engine down while a "
	                    "transaction is open; removed at its end.\\n[Unit]\\nConditionPathExists=!" HOLD
	                    "/90-usernsctl-hold.conf\\n\",\"mode\":\"0644\"}");
	assert_has(args(&w, "own-file", 1), "!/etc/systemd/system/docker.socket.d/90-usernsctl-hold.conf");
	assert_has(args(&w, "own-file", 2), "docker.socket.d");
	assert_has(args(&w, "own-file", 3), "docker.service.d");
	w.f.socket_unit = false;
	make(&w);
	assert_has(kinds(&w), "service mkdir own-file interlock");
	assert_has(kinds(&w), "~interlock ~own-file ~mkdir ~service");
	assert_string_equal(args(&w, "service", 0), "{\"manager\":\"systemd\",\"units\":[\"docker.service\"]}");
	done(&w);
}

/* Run backwards, the bracket must open and close in the same order, or the engine would be started while it is held down. */
static void the_bracket_is_its_own_mirror(void **state)
{
	static void (*const hosts[])(struct world *) = {running, left_behind, enabled};
	struct world w;

	(void)state;
	for (size_t h = 0; h < 3; h++) {
		hosts[h](&w);
		if (hosts[h] == enabled)
			w.r.command = UNS_DISABLE;
		make(&w);
		assert_has(kinds(&w), " service mkdir own-file mkdir own-file interlock ");
		for (size_t i = 0, k = w.plan.n - 1; strcmp(w.plan.v[i].kind, "interlock") != 0; i++, k--) {
			if (strcmp(w.plan.v[i].kind, "volume") == 0) {
				k++;
				continue;
			}
			assert_string_equal(w.plan.v[i].kind, w.plan.v[k].kind);
			assert_true(w.plan.v[i].reverse != w.plan.v[k].reverse);
			if (strcmp(w.plan.v[i].kind, "engine-sets") != 0)
				assert_true(json_equal(w.plan.v[i].args, w.plan.v[k].args));
		}
		done(&w);
	}
}

static void a_process_is_started_as_it_was(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.f.manager = UNS_MANAGER_PROCESS;
	list(&w.f.argv, "/usr/sbin/dockerd");
	list(&w.f.argv, "--debug");
	list(&w.f.environ, "PATH=/bin");
	w.f.cwd = str("/srv");
	make(&w);
	assert_lacks(kinds(&w), "own-file");
	assert_string_equal(args(&w, "service", 0),
	                    "{\"manager\":\"process\",\"argv\":[\"/usr/sbin/dockerd\",\"--debug\"],\"env\":[\"PATH=/bin\"],"
	                    "\"cwd\":\"/srv\",\"pidfile\":\"/var/run/docker.pid\",\"socket\":\"/var/run/docker.sock\"}");
	w.f.log = str("/var/log/dockerd.log");
	make(&w);
	assert_has(args(&w, "service", 1), "\"log\":\"/var/log/dockerd.log\"");
	done(&w);
}

static void each_init_has_its_service(void **state)
{
	static const struct {
		enum uns_manager manager;
		const char *service;
	} cases[] = {
	    {UNS_MANAGER_OPENRC, "{\"manager\":\"openrc\",\"service\":\"docker\",\"pidfile\":\"/var/run/docker.pid\","
	                         "\"socket\":\"/var/run/docker.sock\",\"log\":\"/var/log/docker.log\"}"},
	    {UNS_MANAGER_SYSVINIT, "{\"manager\":\"sysvinit\",\"service\":\"docker\",\"pidfile\":\"/var/run/docker.pid\","
	                           "\"socket\":\"/var/run/docker.sock\",\"log\":\"/var/log/docker.log\"}"},
	    {UNS_MANAGER_SNAP,
	     "{\"manager\":\"snap\",\"units\":[\"snap.docker.dockerd.service\"],\"socket\":\"/var/run/docker.sock\"}"},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		running(&w);
		w.f.manager = cases[i].manager;
		w.f.log = str("/var/log/docker.log");
		make(&w);
		assert_string_equal(args(&w, "service", 0), cases[i].service);
		assert_string_equal(args(&w, "service", 1), cases[i].service);
		if (w.f.manager != UNS_MANAGER_SNAP) {
			assert_has(kinds(&w), "~engine-sets service json-member interlock ");
			assert_has(kinds(&w), " ~interlock ~json-member ~service engine-sets");
		} else {
			assert_has(kinds(&w), "~engine-sets service mkdir own-file interlock ");
			assert_has(args(&w, "own-file", 0), "!/etc/systemd/system/snap.docker.dockerd.service.d/90-usernsctl-hold.conf");
		}
		w.f.socket = NULL;
		make(&w);
		assert_has(found(&w, "EngineUnmanaged")->reason, "listens on no unix socket");
		done(&w);
	}
}

/* The hold makes what it needs and leaves nothing of that behind. */
static void a_daemon_that_refuses_its_file_is_held(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.f.manager = UNS_MANAGER_PROCESS;
	w.f.have_config_dir = false;
	make(&w);
	assert_string_equal(kinds(&w), "~engine-sets service mkdir json-member interlock account subid-lines subid-lines validate owner-mode "
	                               "shift-tree json-paths nest json-member ~interlock ~json-member ~mkdir ~service engine-sets");
	assert_string_equal(args(&w, "json-member", 0),
	                    "{\"file\":\"/etc/docker/daemon.json\",\"key\":\"usernsctl-hold\",\"after\":\"keeps the engine down while a "
	                    "transaction is open; see usernsctl status\",\"created\":true}");
	assert_has(args(&w, "json-member", 1), "\"userns-remap\"");
	w.f.config_file = str("/srv/docker.json");
	make(&w);
	assert_has(args(&w, "json-member", 0), "\"/srv/docker.json\"");
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_has(kinds(&w), "service account subid-lines subid-lines validate mkdir json-member ~service");
	done(&w);
}

/* ---- containers that run ---- */

static void running_containers(struct world *w)
{
	struct uns_container *c;

	running(w);
	w->f.flat.container[0].running = true;
	c = container(&w->f.flat, "proxy");
	c->running = c->privileged = true;
	c = container(&w->f.flat, "once");
	c->running = c->auto_remove = true;
	container(&w->f.flat, "idle");
}

static void containers_are_stopped_when_asked(void **state)
{
	struct world w;

	(void)state;
	running_containers(&w);
	w.f.live_restore = true;
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	assert_has(found(&w, "LiveRestore")->reason, "3 containers keep running");
	assert_has(found(&w, "LiveRestore")->reason, ": web, proxy, once");
	assert_has(found(&w, "LiveRestore")->remedy, "usernsctl enable docker --stop-containers");
	assert_null(found(&w, "ContainersRunning"));
	assert_lacks(kinds(&w), "containers");
	w.r.stop_containers = true;
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	assert_null(found(&w, "LiveRestore"));
	assert_has(kinds(&w), "containers ~engine-sets service ");
	assert_has(kinds(&w), " ~service engine-sets ~containers");
	assert_string_equal(args(&w, "containers", 0),
	                    "{\"socket\":\"/var/run/docker.sock\",\"containers\":{\"web\":\"web\",\"proxy\":\"proxy\",\"once\":\"once\"},"
	                    "\"may_fail\":[\"proxy\",\"once\"]}");
	w.r.migrate = UNS_MIGRATE_VOLUMES; /* the containers stay behind */
	make(&w);
	assert_has(args(&w, "containers", 1), "\"may_fail\":[\"web\",\"proxy\",\"once\"]");
	w.f.running = false; /* what it left running cannot be stopped through it */
	make(&w);
	assert_has(found(&w, "LiveRestore")->remedy, "start the engine");
	done(&w);
}

static void containers_that_stop_are_named(void **state)
{
	struct world w;

	(void)state;
	running_containers(&w);
	make(&w);
	assert_has(found(&w, "ContainersRunning")->reason, "3 containers run and stop with the engine");
	assert_has(found(&w, "ContainersRunning")->reason, "by themselves: web, proxy, once");
	w.f.flat.container[0].paused = true;
	make(&w);
	assert_has(found(&w, "ContainersRunning")->reason, "by themselves, and a paused one comes up unpaused: web (paused), proxy, once");
	assert_lacks(kinds(&w), "containers");
	w.r.stop_containers = true;
	make(&w);
	assert_null(found(&w, "ContainersRunning"));
	assert_has(kinds(&w), "~containers");
	done(&w);
	running(&w);
	w.r.stop_containers = true;
	make(&w);
	assert_lacks(kinds(&w), "containers"); /* none runs */
	done(&w);
}

static void text_that_is_no_utf8_is_refused(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.f.manager = UNS_MANAGER_PROCESS;
	list(&w.f.environ, "X=\xff");
	assert_int_equal(uns_plan_make(&w.f, &w.r, &w.plan, &w.findings, &w.err), -1);
	assert_int_equal(w.err.code, UNS_E_INPUT);
	assert_has(w.err.text, "X=%FF: expected UTF-8");
	assert_null(w.plan.v);
	done(&w);
}

static void a_stopped_engine_stays_stopped(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	make(&w);
	assert_string_equal(kinds(&w), "json-member interlock account subid-lines subid-lines validate owner-mode shift-tree json-paths nest "
	                               "json-member ~interlock ~json-member");
	w.f.manager = UNS_MANAGER_SYSTEMD;
	make(&w);
	assert_has(kinds(&w), "mkdir own-file interlock account");
	assert_lacks(kinds(&w), "service");
	w.f.offline = true;
	make(&w);
	assert_lacks(kinds(&w), "interlock");
	assert_has(kinds(&w), "mkdir own-file account");
	done(&w);
}

static void a_second_run_has_nothing_to_do(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_quiet(&w);
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_int_equal(w.plan.n, 0);
	done(&w);
}

static void less_data_can_be_taken_along(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.r.migrate = UNS_MIGRATE_VOLUMES;
	make(&w);
	assert_has(kinds(&w), "subid-lines validate owner-mode shift-tree mkdir rename json-member ~interlock");
	assert_has(args(&w, "owner-mode", 0), "\"patterns\":[\".\"]");
	assert_has(args(&w, "shift-tree", 0), "\"patterns\":[\"volumes/*/_data\"]");
	assert_string_equal(args(&w, "mkdir", 2),
	                    "{\"path\":\"" ROOT "/524288.524288\",\"mode\":\"0710\",\"uid\":0,\"gid\":524288}");
	assert_string_equal(args(&w, "rename", 0), "{\"from\":\"" ROOT "/volumes\",\"to\":\"" ROOT "/524288.524288/volumes\"}");
	assert_has(args(&w, "engine-sets", 1), "\"images\":[],\"containers\":[],\"volumes\":[\"data\"],\"networks\":[]}");
	assert_has(args(&w, "engine-sets", 0), "\"images\":[\"sha256:aa\"]");
	assert_non_null(found(&w, "OldTreeLeft"));
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_string_equal(kinds(&w), "~engine-sets service account subid-lines subid-lines validate json-member ~service engine-sets");
	assert_has(args(&w, "engine-sets", 1), "\"volumes\":[]");
	w.r.no_restart = true;
	make(&w);
	assert_string_equal(kinds(&w), "account subid-lines subid-lines validate json-member");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	w.r.migrate = UNS_MIGRATE_ALL;
	make(&w);
	assert_non_null(found(&w, "NoRestartNeedsStop"));
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	done(&w);
}

static void containers_with_rm_are_not_expected_again(void **state)
{
	struct uns_container *c;
	struct world w;

	(void)state;
	running(&w);
	c = container(&w.f.flat, "job");
	c->running = c->auto_remove = true;
	list(&c->volumes, ANONYMOUS);
	list(&c->volumes, "data");
	container(&w.f.flat, "lazy")->auto_remove = true;
	json_array_append_new(w.f.containers, json_string("job"));
	json_array_append_new(w.f.containers, json_string("lazy"));
	json_array_append_new(w.f.volume_names, json_string(ANONYMOUS));
	make(&w);
	for (size_t i = 0; i < 2; i++)
		assert_has(args(&w, "engine-sets", i), "\"containers\":[\"web\",\"lazy\"],\"volumes\":[\"data\"]");
	assert_int_equal(count_found(&w, "ContainerAutoRemove"), 1);
	assert_string_equal(found(&w, "ContainerAutoRemove")->object, "job");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void wish(struct world *w, const char *key, const char *json)
{
	struct uns_wishes *l = &w->r.set;

	w->r.command = UNS_DAEMON;
	l->v = reallocarray(l->v, l->n + 1, sizeof(*l->v));
	assert_non_null(l->v);
	l->v[l->n++] = (struct uns_wish){str(key), json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL};
}

static void wishes_done(struct world *w)
{
	for (size_t i = 0; i < w->r.set.n; i++)
		json_decref(w->r.set.v[i].value);
	free(w->r.set.v);
	w->r.set = (struct uns_wishes){0};
}

static void containers_of_one_source_alone_are_told(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	container(&w.f.flat, "stray")->ignored = true;
	container(&w.f.flat, "lost")->no_files = true;
	make(&w);
	assert_int_equal(count_found(&w, "ContainerNotLoaded"), 1);
	assert_string_equal(found(&w, "ContainerNotLoaded")->object, "stray");
	assert_int_equal(count_found(&w, "ContainerNoFiles"), 1);
	assert_string_equal(found(&w, "ContainerNoFiles")->object, "lost");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	list(&w.r.ignore, "ContainerNoFiles"); /* it would be lost all the same */
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	uns_strs_done(&w.r.ignore);
	w.r.no_restart = true;
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_null(found(&w, "ContainerNoFiles"));
	assert_int_equal(count_found(&w, "ContainerNotLoaded"), 1);
	done(&w);
}

static const struct uns_finding *about(const struct world *w, const char *object)
{
	for (size_t i = 0; i < w->findings.n; i++)
		if (strcmp(w->findings.v[i].object, object) == 0)
			return &w->findings.v[i];
	fail_msg("nothing is said about %s", object);
	return NULL;
}

/* An option that takes a restart loses it too. */
static void a_restart_for_an_option_keeps_no_container_without_files(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	wish(&w, "mtu", "1400");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	container(&w.f.flat, "lost")->no_files = true;
	make(&w);
	assert_int_equal(count_found(&w, "ContainerNoFiles"), 1);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	wishes_done(&w);
	done(&w);
}

/* Judged as the engine tells it: findings, but no step; what was not seen refuses, unless that is accepted. */
static void what_is_told_is_judged_and_not_carried_out(void **state)
{
	struct uns_unseen unseen[] = {{UNS_UNSEEN_DATA, (char[]){"/var/lib/docker"}, (char[]){"cannot list it: Permission denied"}},
	                              {UNS_UNSEEN_OPTIONS, (char[]){"/etc/docker/daemon.json"}, (char[]){"cannot open it"}}};
	struct uns_hostpath path = {.path = (char[]){"/root/x"}, .closed_to_us = true};
	uns_auto_json json_t *host = json_loads("{\"Devices\":[{\"PathOnHost\":\"/root/x\"}]}", 0, NULL);
	uns_auto_json json_t *mounts = json_loads("{\"/m\":{\"Driver\":\"sshfs\",\"Source\":\"/root/x\"}}", 0, NULL);
	struct uns_container *c;
	struct world w;

	(void)state;
	running(&w);
	w.f.running = false;
	w.f.told = true;
	w.f.unseen = unseen;
	w.f.unseens = 2;
	w.f.hostpaths.v = &path;
	w.f.hostpaths.n = 1;
	c = container(&w.f.flat, "job");
	c->running = c->auto_remove = true;
	c->as.known = false;
	list(&c->binds, "/root/other");
	c->host = host;
	container(&w.f.flat, "plugged")->mounts = mounts;
	list(&container(&w.f.flat, "device")->volumes, "v");
	volume(&w.f.flat, "v")->device = str("/root/x");
	list(&container(&w.f.flat, "bound")->binds, "/root/x");
	make(&w);
	assert_has(found(&w, "PathUnread")->reason, "what audit would write");
	assert_has(about(&w, "/root/x")->reason, "what uses it (job, plugged, device, bound) is not judged");
	assert_has(found(&w, "PathUnread")->reason, "nor the IDs of users that have a name, in ");
	assert_int_equal(count_found(&w, "PathUnread"), 3);
	assert_has(found(&w, "PathUnread")->reason, "cannot list it: Permission denied: containers, volumes and images are judged by what the engine tells");
	assert_int_equal(count_found(&w, "ContainerAutoRemove"), 1); /* it runs: it answers */
	assert_null(found(&w, "EngineUnmanaged"));
	assert_int_equal(w.plan.n, 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	list(&w.r.ignore, "PathUnread");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	w.f.unseen = NULL;
	w.f.unseens = 0;
	w.f.hostpaths.v = NULL;
	w.f.hostpaths.n = 0;
	done(&w);
}

/* Somebody set the option by hand, saw an empty engine, and stopped there. */
static void an_empty_remapped_tree_is_put_aside(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	fill(&w.f.flat);
	store_done(&w.f.nested);
	w.f.nested = (struct uns_store){0};
	list(&w.f.nested.entries, "image");
	make(&w);
	assert_has(kinds(&w), "interlock rename owner-mode shift-tree json-paths nest ~interlock");
	assert_string_equal(args(&w, "rename", 0),
	                    "{\"from\":\"" ROOT "/524288.524288\",\"to\":\"" ROOT "/.524288.524288.aside\",\"refilled\":true}");
	/* On the way back the engine has the option it had: the remapped tree, of which nothing was listed. */
	assert_has(args(&w, "engine-sets", 0), "\"data_root\":\"" ROOT "/524288.524288\",\"userns\":true");
	/* What the engine of the empty tree lists says nothing about the tree that moves. */
	assert_has(args(&w, "engine-sets", 1), "\"images\":[],");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	uns_strs_done(&w.f.nested.entries);
	w.f.nested.entries = (struct uns_strs){0};
	make(&w);
	assert_lacks(kinds(&w), "rename");
	assert_has(kinds(&w), "nest");
	/* The option was set under a running engine, which still works with the old tree. */
	assert_has(args(&w, "engine-sets", 0), "\"data_root\":\"" ROOT "/524288.524288\",\"userns\":true,\"images\":[],");
	assert_has(args(&w, "engine-sets", 1), "\"images\":[\"sha256:aa\"]");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void two_trees_with_data_are_for_migrate(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	fill(&w.f.flat);
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	assert_has(found(&w, "RemapActive")->remedy, "usernsctl migrate");
	done(&w);
}

static void a_tree_of_an_earlier_remapping_is_in_the_way(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	prepare_user(&w);
	list(&w.f.remap_dirs, "524288.524288");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	assert_has(found(&w, "TargetDirTaken")->remedy, "mv " ROOT "/524288.524288 " ROOT "/.524288.524288.old");
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_null(found(&w, "TargetDirTaken"));
	done(&w);
}

/* ---- where the option is ---- */

/* daemon.json is edited to hold the engine, and for nothing else. */
static void assert_only_hold(struct world *w)
{
	assert_has(args(w, "json-member", 0), "\"usernsctl-hold\"");
	assert_has(args(w, "json-member", 1), "\"usernsctl-hold\"");
}

static void the_option_is_changed_where_it_stands(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	member(&w, "");
	make(&w);
	assert_string_equal(args(&w, "json-member", 1), "{\"file\":\"/etc/docker/daemon.json\",\"key\":\"userns-remap\","
	                                                "\"before\":\"\",\"after\":\"dockremap\",\"created\":false}");
	done(&w);
	stopped(&w);
	member(&w, NULL);
	make(&w);
	assert_has(args(&w, "json-member", 1), "\"before\":null,\"after\":\"dockremap\"");
	done(&w);
	stopped(&w);
	w.f.env_file = str("/etc/default/docker");
	w.f.env_variable = str("DOCKER_OPTS");
	setting(&w, UNS_PLACE_ENV, "carol", "/etc/default/docker", 3);
	setting(&w, UNS_PLACE_ARGV, "carol", NULL, 0);
	make(&w);
	assert_only_hold(&w);
	assert_string_equal(args(&w, "env-option", 0), "{\"file\":\"/etc/default/docker\",\"variable\":\"DOCKER_OPTS\","
	                                               "\"option\":\"userns-remap\",\"before\":\"carol\",\"after\":\"dockremap\"}");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void one_place_only(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	member(&w, "dockremap");
	setting(&w, UNS_PLACE_ENV, "dockremap", "/etc/default/docker", 7);
	make(&w);
	assert_has(found(&w, "OptionTwice")->reason,
	           "2 places, with which the engine does not start: /etc/docker/daemon.json:2 (\"dockremap\"), "
	           "/etc/default/docker:7 (\"dockremap\")");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	done(&w);
	stopped(&w);
	setting(&w, UNS_PLACE_ARGV, "carol", NULL, 0);
	make(&w);
	assert_non_null(found(&w, "OptionOnCommandLine"));
	assert_only_hold(&w);
	done(&w);
	enabled(&w);
	w.f.options.v[0].place = UNS_PLACE_ARGV;
	make(&w);
	assert_quiet(&w); /* it is as it should be, whoever sets it */
	done(&w);
}

static void somebody_elses_remapping_is_a_conflict(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	w.r.user = "carol";
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	assert_has(found(&w, "OptionForeign")->remedy, "usernsctl disable docker");
	done(&w);
}

static void other_spellings_of_the_user_are_understood(void **state)
{
	static const char *const values[] = {"default", "dockremap:dockremap", "999", "999:998"};
	struct world w;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		enabled(&w);
		w.f.options.v[0].value = str(values[i]);
		json_decref(w.f.options.v[0].json);
		w.f.options.v[0].json = json_string(values[i]);
		make(&w);
		assert_int_equal(w.plan.n, 0);
		assert_quiet(&w);
		store_done(&w.f.nested); /* not in use yet: written out, since "default" lets the engine choose */
		w.f.nested = (struct uns_store){0};
		make(&w);
		assert_has(kinds(&w), "json-member");
		done(&w);
	}
}

static void root_is_no_remapping(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	member(&w, "root");
	make(&w);
	assert_non_null(found(&w, "OptionRoot"));
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	assert_has(args(&w, "json-member", 1), "\"before\":\"root\"");
	list(&w.f.remap_dirs, "0.0");
	make(&w);
	assert_non_null(found(&w, "RootTree"));
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	w.r.command = UNS_DISABLE;
	uns_strs_done(&w.f.remap_dirs);
	w.f.remap_dirs = (struct uns_strs){0};
	make(&w);
	assert_string_equal(kinds(&w), "validate ~json-member");
	done(&w);
}

/* ---- ranges ---- */

static int range(struct world *w)
{
	int rc;

	forget(w);
	rc = uns_plan_range(&w->f, &w->r, &w->shift, &w->findings, &w->err);
	if (rc < 0)
		fail_msg("uns_plan_range: %s", w->err.text);
	return rc;
}

static void the_first_free_block_is_chosen(void **state)
{
	struct uns_idtree tree = {str(ROOT "/100.720896"), {100, 720896}}; /* fourth, as a GID */
	struct world w;

	(void)state;
	bare(&w);
	assert_int_equal(range(&w), 0);
	assert_int_equal(w.shift.uid.start, 524288);
	assert_int_equal(w.shift.gid.start, 524288);
	assert_int_equal(w.shift.uid.count, 65536);
	line(&w.f.ids.sub[UNS_GID], "bob", 589823, 1); /* the last ID of the first block, only as a GID */
	account(&w.f.ids.users, "snap", 600000); /* second block */
	account(&w.f.ids.groups, "grp", 655360); /* third */
	w.f.ids.tree = &tree;
	w.f.ids.trees = 1;
	w.f.have_census = true;
	uns_rangeset_add(&w.f.census.uid_blocks, (struct uns_range){786432, 65536}, ROOT "/x", NULL);
	uns_rangeset_add(&w.f.census.gid_blocks, (struct uns_range){851968, 65536}, ROOT "/x", NULL);
	assert_int_equal(range(&w), 0);
	assert_int_equal(w.shift.uid.start, 917504);
	assert_int_equal(w.shift.gid.start, 917504);
	w.r.range.count = 1u << 20;
	assert_int_equal(range(&w), 0);
	assert_int_equal(w.shift.uid.start, 1048576);
	assert_int_equal(w.shift.uid.count, 1048576);
	done(&w);
}

static void full_hosts_fall_back_or_are_told(void **state)
{
	struct world w;

	(void)state;
	bare(&w);
	line(&w.f.ids.sub[UNS_UID], "big", 524288, 2147483647u - 524288u);
	assert_int_equal(range(&w), 0);
	assert_int_equal(w.shift.uid.start, 196608); /* alice has 100000 to 165535 */
	line(&w.f.ids.sub[UNS_UID], "small", 65536, 524288 - 65536);
	assert_int_equal(range(&w), 1);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	assert_has(found(&w, "RangeNone")->reason, "65536");
	done(&w);
	bare(&w);
	line(&w.f.ids.sub[UNS_UID], "big", 65536, 2147352576u - 65536u); /* up to systemd's foreign range, which only leaves one more block */
	assert_int_equal(range(&w), 0);
	assert_int_equal(w.shift.uid.start, 2147418112u);
	done(&w);
}

struct lines_case {
	const char *name;
	uint32_t start, count, gstart; /* of the user's own lines; gstart 0: none in subgid */
	enum uns_range_how how;
	uint32_t want_start, want_count;
	const char *id; /* finding, or NULL: the lines are used */
};

static void lines_that_are_there_are_used_or_refused(void **state)
{
	static const struct lines_case cases[] = {
	    {"docker's own", 165536, 65536, 165536, UNS_RANGE_AUTO, 0, 0, NULL},
	    {"starts differ", 231072, 65536, 165536, UNS_RANGE_AUTO, 0, 0, NULL},
	    {"only in one file", 165536, 65536, 0, UNS_RANGE_AUTO, 0, 0, NULL},
	    {"the same, asked for", 524288, 65536, 524288, UNS_RANGE_EXACT, 524288, 0, NULL},
	    {"small, but sane", 524288, 1000, 524288, UNS_RANGE_AUTO, 0, 0, NULL},
	    {"another was asked for", 524288, 65536, 524288, UNS_RANGE_EXACT, 589824, 0, "RangeTaken"},
	    {"another count was asked for", 524288, 65536, 524288, UNS_RANGE_AUTO, 0, 131072, "RangeTaken"},
	    {"alice's", 100000, 65536, 100000, UNS_RANGE_AUTO, 0, 0, "RangeTaken"},
	    {"touches alice's last", 165535, 65536, 165535, UNS_RANGE_AUTO, 0, 0, "RangeTaken"},
	    {"host users", 1000, 65536, 1000, UNS_RANGE_AUTO, 0, 0, "RangeUnsafe"},
	    {"not disjoint", 131072, 131073, 131072, UNS_RANGE_AUTO, 0, 0, "RangeUnsafe"},
	    {"too high", 2147483648u, 65536, 2147483648u, UNS_RANGE_AUTO, 0, 0, "RangeUnsafe"},
	    {"ends too high", 2147483647u, 65536, 2147483647u, UNS_RANGE_AUTO, 0, 0, "RangeUnsafe"},
	    {"empty", 524288, 0, 524288, UNS_RANGE_AUTO, 0, 0, "RangeUnsafe"},
	    {"systemd's", 2147352576u, 65536, 2147352576u, UNS_RANGE_AUTO, 0, 0, "RangeTaken"},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lines_case *c = &cases[i];

		bare(&w);
		line(&w.f.ids.sub[UNS_UID], "dockremap", c->start, c->count);
		if (c->gstart)
			line(&w.f.ids.sub[UNS_GID], "dockremap", c->gstart, c->count);
		w.r.range_how = c->how;
		w.r.range = (struct uns_range){c->want_start, c->want_count};
		if (range(&w) != (c->id ? 1 : 0))
			fail_msg("%s: wrong answer", c->name);
		if (c->id && !found(&w, c->id))
			fail_msg("%s: no finding %s", c->name, c->id);
		if (!c->id) {
			assert_int_equal(w.shift.uid.start, c->start);
			assert_int_equal(w.shift.gid.start, c->gstart ? c->gstart : c->start);
		}
		done(&w);
	}
}

static void only_what_is_missing_is_added(void **state)
{
	struct world w;

	(void)state;
	bare(&w);
	account(&w.f.ids.users, "dockremap", 999);
	account(&w.f.ids.groups, "dockremap", 999);
	line(&w.f.ids.sub[UNS_UID], "999", 524288, 65536); /* by UID: the engine reads that too */
	make(&w);
	assert_has(kinds(&w), "subid-lines mkdir");
	assert_has(args(&w, "subid-lines", 0), "/etc/subgid");
	assert_has(args(&w, "subid-lines", 0), "\"created\":false");
	w.f.ids.sub[UNS_GID].exists = false;
	make(&w);
	assert_has(args(&w, "subid-lines", 0), "\"created\":true");
	assert_lacks(kinds(&w), "account");
	line(&w.f.ids.sub[UNS_GID], "dockremap", 524288, 65536);
	make(&w);
	assert_lacks(kinds(&w), "subid-lines");
	line(&w.f.ids.sub[UNS_GID], "999", 524288, 65536);
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_string_equal(found(&w, "RangeSeveral")->object, "/etc/subgid");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	done(&w);
}

static void a_wanted_range_is_checked(void **state)
{
	static const struct {
		uint32_t start, count;
		const char *id, *part;
	} cases[] = {
	    {655360, 0, NULL, NULL},
	    {851968, 851968, NULL, NULL},
	    {851968, 851969, "RangeUnsafe", "below its own count"},
	    {655361, 0, "RangeUnsafe", "no multiple of 65536"},
	    {0, 0, "RangeUnsafe", "below 65536"},
	    {65536, 0, "RangeTaken", "alice (/etc/subuid:1: alice:100000:65536)"},
	    {720896, 0, "RangeTaken", "user dockremap (UID 750000)"},
	    {786432, 0, "RangeTaken", "group grp (GID 800000)"},
	};
	struct world w;

	(void)state;
	bare(&w);
	account(&w.f.ids.users, "dockremap", 750000);
	account(&w.f.ids.groups, "grp", 800000);
	w.r.range_how = UNS_RANGE_EXACT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.r.range = (struct uns_range){cases[i].start, cases[i].count};
		assert_int_equal(range(&w), cases[i].id ? 1 : 0);
		if (cases[i].id) {
			assert_non_null(found(&w, cases[i].id));
			assert_has(found(&w, cases[i].id)->reason, cases[i].part);
		}
	}
	w.r.range = (struct uns_range){65536, 0};
	range(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	done(&w);
}

static void an_overlap_in_use_is_told_not_refused(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	line(&w.f.ids.sub[UNS_UID], "late", 589823, 65536);
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_has(found(&w, "RangeShared")->reason, "late");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

/* ---- the user ---- */

static void the_user_must_fit(void **state)
{
	static const struct {
		const char *user, *id;
	} cases[] = {{"dockremap", NULL},        {"a-b_9", NULL},          {"default", "UserUnfit"},
	             {"root", "UserUnfit"},      {"", "UserUnfit"},        {"9a", "UserUnfit"},
	             {"a:b", "UserUnfit"},       {"a b", "UserUnfit"},     {"toor", "UserUnfit"},
	             {"half", "UserIncomplete"}, {"grp", "UserIncomplete"}};
	struct world w;

	(void)state;
	bare(&w);
	account(&w.f.ids.users, "toor", 0);
	account(&w.f.ids.users, "half", 990);
	account(&w.f.ids.groups, "grp", 991);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.r.user = cases[i].user;
		make(&w);
		if (cases[i].id && !found(&w, cases[i].id))
			fail_msg("%s: no %s", cases[i].user, cases[i].id);
		assert_int_equal(uns_findings_code(&w.findings), cases[i].id ? UNS_E_REFUSED : UNS_OK);
	}
	done(&w);
}

/* ---- what stops it ---- */

static void broken_namespaces(struct world *w)
{
	w->f.have_max_user_namespaces = true;
}

static void census_problem(struct uns_census_list *l, const char *path)
{
	l->n++;
	list(&l->paths, path);
}

static void files_that_cannot_be_shifted_are_refused_or_allowed(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	w.f.have_census = true;
	w.f.census.max_uid = 70000;
	census_problem(&w.f.census.unmapped, "overlay2/a/diff/x (uid 70000)");
	census_problem(&w.f.census.in_target, "volumes/data/_data/y (uid 524289)");
	census_problem(&w.f.census.outside, "volumes/data/_data/z");
	census_problem(&w.f.census.flagged, "volumes/data/_data/i");
	volume(&w.f.flat, "link")->data_is_symlink = true;
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	assert_has(found(&w, "UnmappedId")->reason, "overlay2/a/diff/x (uid 70000)");
	assert_string_equal(found(&w, "UnmappedId")->remedy, "usernsctl enable docker --range=524288:131072");
	assert_has(found(&w, "TargetIdInUse")->reason, "524289");
	assert_string_equal(found(&w, "TargetIdInUse")->remedy, "usernsctl enable docker --ignore=TargetIdInUse accepts it");
	assert_string_equal(found(&w, "VolumeSymlink")->object, "link");
	assert_int_equal(found(&w, "FlaggedInode")->check->severity, UNS_INFO);
	list(&w.r.ignore, "UnmappedId");
	list(&w.r.ignore, "TargetIdInUse");
	list(&w.r.ignore, "HardLinkOutside");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	list(&w.r.ignore, "VolumeSymlink");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	assert_true(found(&w, "UnmappedId")->ignored);
	assert_has(args(&w, "shift-tree", 0), "\"allow\":[\"flags\",\"unmapped\",\"in-target\",\"hard-links\",\"symlinks\"]");
	done(&w);
}

/* No --ignore helps. */
static void what_cannot_be_read_is_refused_with_its_reason(void **state)
{
	struct uns_census_list *unread;
	struct world w;

	(void)state;
	stopped(&w);
	w.f.have_census = true;
	unread = &w.f.census.unread;
	make(&w);
	assert_null(found(&w, "InodeUnreadable"));
	census_problem(unread, "volumes/data/_data/z (cannot list: Input/output error)");
	census_problem(&w.f.census.flagged, "volumes/data/_data/i");
	list(&w.r.ignore, "InodeUnreadable");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	assert_has(found(&w, "InodeUnreadable")->reason, "(1): volumes/data/_data/z (cannot list: Input/output error)");
	assert_null(found(&w, "InodeUnreadable")->command);
	assert_non_null(found(&w, "FlaggedInode"));
	census_problem(unread, "volumes/data/_data/l (cannot read the attribute system.posix_acl_access: Operation not supported)");
	make(&w);
	assert_null(found(&w, "InodeUnreadable")->command); /* a remount would not help */
	w.f.host.no_acl = true;
	w.f.host.mount_point = str(ROOT);
	make(&w);
	assert_string_equal(found(&w, "InodeUnreadable")->command, "mount -o remount,acl " ROOT);
	done(&w);
}

/* Layers that stay behind need not be read. */
static void only_what_is_taken_along_must_be_read(void **state)
{
	struct world w;

	(void)state;
	left_behind(&w);
	w.f.have_census = true;
	census_problem(&w.f.census.unread, "overlay2/old/diff (cannot list: Input/output error)");
	make(&w);
	assert_null(found(&w, "InodeUnreadable"));
	census_problem(&w.f.census.unread, "volumes/old/_data/y (cannot open: Input/output error)");
	make(&w);
	assert_has(found(&w, "InodeUnreadable")->reason, "(1): volumes/old/_data/y (");
	done(&w);
}

/* On the way back every file has an ID of the range, and a kernel without namespaces is no hindrance. */
static void the_way_back_is_not_refused_for_being_one(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	w.r.command = UNS_DISABLE;
	broken_namespaces(&w);
	w.f.have_census = true;
	census_problem(&w.f.census.in_target, "volumes/data/_data/y (uid 524289)");
	make(&w);
	assert_quiet(&w);
	census_problem(&w.f.census.unmapped, "volumes/data/_data/z (uid 7000000)");
	w.f.census.max_uid = 7000000;
	make(&w);
	assert_has(found(&w, "UnmappedId")->remedy, "usernsctl disable docker --ignore=UnmappedId leaves them");
	done(&w);
}

static void only_adopted_volumes_count(void **state)
{
	struct world w;

	(void)state;
	left_behind(&w);
	w.f.have_census = true;
	census_problem(&w.f.census.unmapped, "volumes/older/_data/y (uid 70000)");
	census_problem(&w.f.census.unmapped, "overlay2/old/diff/y (uid 70000)");
	make(&w);
	assert_null(found(&w, "UnmappedId"));
	census_problem(&w.f.census.unmapped, "volumes/old/_data/y (uid 70000)");
	make(&w);
	assert_has(found(&w, "UnmappedId")->reason, "exports (1): volumes/old/_data/y");
	assert_has(found(&w, "UnmappedId")->remedy, "usernsctl migrate --ignore=UnmappedId");
	done(&w);
}

static void symlinks_of_the_census_are_listed_once(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	w.f.have_census = true;
	volume(&w.f.flat, "link")->data_is_symlink = true;
	census_problem(&w.f.census.symlinks, "volumes/link/_data");
	make(&w);
	assert_int_equal(count_found(&w, "VolumeSymlink"), 1);
	assert_has(found(&w, "VolumeSymlink")->reason, "volumes/link/_data");
	done(&w);
}

static void files_that_stay_do_not_count(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	w.f.have_census = true;
	census_problem(&w.f.census.unmapped, "overlay2/a/diff/x (uid 70000)");
	w.r.migrate = UNS_MIGRATE_VOLUMES;
	make(&w);
	assert_null(found(&w, "UnmappedId"));
	w.f.census.unmapped.n = 21; /* not all are listed: one of the others may be in a volume */
	make(&w);
	assert_has(found(&w, "UnmappedId")->reason, "and 20 more");
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_null(found(&w, "UnmappedId"));
	done(&w);
}

static void mounts_below_the_root_are_refused(void **state)
{
	static const struct {
		const char *point;
		bool refused;
	} cases[] = {
	    {ROOT, false},
	    {ROOT "/overlay2/abc/merged", false},
	    {ROOT "/overlay2/abc/merged/x", true},
	    {ROOT "/overlay2/abc/mergedx", true},
	    {ROOT "/overlay2", true},
	    {ROOT "/volumes", true},
	    {ROOT "/containers/abc/mounts/shm", false},
	    {ROOT "/containers/abc/mounts", false},
	    {ROOT "/volumes/nfs/_data", false},
	    {ROOT "/volumes/nf/_data", true},
	    {ROOT "/volumes/data/_data", true},
	    {ROOT "/netns/x", false},
	    {ROOT "/containers/abc", true},
	    {"/var/lib/docker2", false},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		running(&w);
		volume(&w.f.flat, "nfs")->mounted_type = true;
		mounted(&w, cases[i].point);
		make(&w);
		if (cases[i].refused != (found(&w, "NestedMount") != NULL))
			fail_msg("%s: should %sbe refused", cases[i].point, cases[i].refused ? "" : "not ");
		done(&w);
	}
	enabled(&w);
	w.r.command = UNS_DISABLE;
	mounted(&w, ROOT "/524288.524288");
	mounted(&w, ROOT "/524288.524288/overlay2/a/merged");
	make(&w);
	assert_null(found(&w, "NestedMount"));
	mounted(&w, ROOT "/524288.524288/vol umes");
	make(&w);
	assert_string_equal(found(&w, "NestedMount")->object, ROOT "/524288.524288/vol%20umes");
	done(&w);
}

static void broken_drivers(struct world *w)
{
	list(&w->f.flat.drivers, "zfs");
}

static void broken_containerd(struct world *w)
{
	w->f.flat.containerd_images = true;
}

/* The engine says so, whatever its data root looks like. */
static void broken_store(struct world *w)
{
	w->f.containerd_store = true;
}

static void broken_feature(struct world *w)
{
	w->f.config = json_pack("{s:{s:b}}", "features", "containerd-snapshotter", 1);
	w->r.migrate = UNS_MIGRATE_NONE;
}

static void broken_readonly(struct world *w)
{
	w->f.data_root_readonly = true;
}

static void broken_live_restore(struct world *w)
{
	w->f.live_restore = true;
	w->f.flat.container[0].running = true;
}

static void broken_manager(struct world *w)
{
	w->f.manager = UNS_MANAGER_PROCESS;
	w->f.socket = NULL;
}

static void broken_device(struct world *w)
{
	w->f.flat.volume[0].mounted_type = true;
	w->f.flat.volume[0].device = str(ROOT "/volumes/other/_data");
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *id;
		void (*spoil)(struct world *);
	} cases[] = {
	    {"StorageDriver", broken_drivers},        {"ContainerdImageStore", broken_containerd},
	    {"ContainerdImageStore", broken_feature}, {"UserNamespacesOff", broken_namespaces},
	    {"DataRootReadOnly", broken_readonly},    {"LiveRestore", broken_live_restore},
	    {"EngineUnmanaged", broken_manager},      {"VolumeDeviceInside", broken_device},
	    {"ContainerdImageStore", broken_store},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		running(&w);
		cases[i].spoil(&w);
		make(&w);
		if (!found(&w, cases[i].id))
			fail_msg("no %s", cases[i].id);
		assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
		assert_int_equal(w.findings.v[0].check->severity, UNS_ERROR);
		done(&w);
	}
	running(&w);
	broken_store(&w);
	json_array_clear(w.f.images);
	json_array_clear(w.f.containers);
	make(&w);
	assert_null(found(&w, "ContainerdImageStore")); /* nothing is in it */
	done(&w);
	running(&w);
	broken_live_restore(&w);
	w.f.flat.container[0].running = false;
	make(&w);
	assert_quiet(&w);
	json_decref(w.f.containers);
	w.f.containers = NULL;
	make(&w);
	assert_non_null(found(&w, "EngineSilent"));
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void containers_that_change_are_named(void **state)
{
	struct uns_container *c;
	struct world w;

	(void)state;
	stopped(&w);
	container(&w.f.flat, "p")->privileged = true;
	container(&w.f.flat, "n")->network_mode = str("host");
	container(&w.f.flat, "i")->ipc_mode = str("host");
	container(&w.f.flat, "pid")->pid_mode = str("host");
	container(&w.f.flat, "ok")->network_mode = str("bridge");
	c = container(&w.f.flat, "h");
	c->privileged = true;
	c->userns_mode = str("host");
	c = container(&w.f.flat, "b");
	list(&c->binds, "/srv/a b");
	list(&c->binds, ROOT "/volumes/data/_data");
	list(&c->binds, "/etc");
	make(&w);
	assert_int_equal(count_found(&w, "ContainerWillNotStart"), 4);
	assert_int_equal(count_found(&w, "ContainerUsernsHost"), 1);
	assert_int_equal(count_found(&w, "ContainerBind"), 0); /* nothing is known of those paths */
	assert_has(found(&w, "ContainerWillNotStart")->reason, "--privileged");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	w.r.migrate = UNS_MIGRATE_VOLUMES; /* they stay behind */
	make(&w);
	assert_int_equal(count_found(&w, "ContainerWillNotStart"), 0);
	done(&w);
}

/* ---- disable ---- */

static void disable_goes_the_same_way_back(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	w.r.command = UNS_DISABLE;
	make(&w);
	assert_string_equal(kinds(&w), "~engine-sets service mkdir own-file mkdir own-file interlock "
	                               "validate ~json-member ~nest ~json-paths ~shift-tree ~owner-mode "
	                               "~interlock ~own-file ~mkdir ~own-file ~mkdir ~service engine-sets");
	assert_has(args(&w, "validate", 0), "\"members\":{\"userns-remap\":null}");
	assert_quiet(&w);
	assert_string_equal(w.plan.title, "disable docker");
	assert_has(args(&w, "engine-sets", 0),
	           "\"data_root\":\"" ROOT "/524288.524288\",\"userns\":true,\"images\":[\"sha256:aa\"]");
	assert_has(args(&w, "engine-sets", 1), "\"data_root\":\"" ROOT "\",\"userns\":false,\"images\":[\"sha256:aa\"]");
	assert_string_equal(
	    args(&w, "json-member", 0),
	    "{\"file\":\"/etc/docker/daemon.json\",\"key\":\"userns-remap\",\"after\":\"dockremap\",\"created\":false}");
	assert_has(args(&w, "shift-tree", 0), "{\"base\":\"" ROOT "\",\"patterns\":[\"overlay2/*/diff\"");
	done(&w);
}

static void purge_removes_user_and_ranges(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	w.r.command = UNS_DISABLE;
	w.r.purge = true;
	make(&w);
	assert_has(kinds(&w), "~owner-mode ~subid-lines ~subid-lines ~account ~interlock");
	assert_has(args(&w, "subid-lines", 0), "/etc/subgid");
	assert_has(args(&w, "subid-lines", 0), "\"created\":false");
	w.f.ids.users.v[2].id = 1001; /* a person */
	make(&w);
	assert_lacks(kinds(&w), "account");
	assert_non_null(found(&w, "PurgeKeepsUser"));
	assert_has(kinds(&w), "~subid-lines");
	done(&w);
}

static void disable_of_nothing_is_nothing(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.r.command = UNS_DISABLE;
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_non_null(found(&w, "NotEnabled"));
	assert_int_equal(w.findings.n, 1);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void disable_needs_one_range(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	w.r.command = UNS_DISABLE;
	line(&w.f.ids.sub[UNS_UID], "dockremap", 1048576, 65536);
	make(&w);
	assert_non_null(found(&w, "RangeSeveral"));
	assert_int_equal(w.plan.n, 0);
	done(&w);
	enabled(&w);
	w.r.command = UNS_DISABLE;
	w.f.ids.sub[UNS_UID].s.v[1].range.start = 1048576; /* the lines no longer tell what the directory tells */
	make(&w);
	assert_non_null(found(&w, "RemapBroken"));
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	w.f.ids.sub[UNS_UID].s.n = 1;
	make(&w);
	assert_non_null(found(&w, "RemapBroken"));
	done(&w);
}

static void what_lies_in_the_way_home(void **state)
{
	struct world w;

	(void)state;
	enabled(&w);
	w.r.command = UNS_DISABLE;
	list(&w.f.flat.entries, "image"); /* made by an engine that ran without remapping for a moment */
	make(&w);
	assert_has(kinds(&w), "interlock validate mkdir rename ~json-member ~nest");
	assert_string_equal(args(&w, "rename", 0),
	                    "{\"from\":\"" ROOT "/image\",\"to\":\"" ROOT "/.before-524288.524288.aside/image\",\"refilled\":true}");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	volume(&w.f.flat, "old");
	make(&w);
	assert_has(found(&w, "BothTreesHaveData")->reason, "image");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	store_done(&w.f.nested); /* switched on by mistake: nothing is in the new tree */
	w.f.nested = (struct uns_store){0};
	list(&w.f.nested.entries, "image");
	make(&w);
	assert_string_equal(kinds(&w), "~engine-sets service validate ~json-member ~service engine-sets");
	assert_has(args(&w, "engine-sets", 1), "\"images\":[]");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

/* ---- migrate ---- */

static void volumes_left_behind_are_adopted(void **state)
{
	struct uns_volume *v;
	struct world w;

	(void)state;
	left_behind(&w);
	v = volume(&w.f.flat, "nfs");
	v->mounted_type = true;
	v->options = json_pack("{s:s}", "type", "nfs");
	make(&w);
	assert_quiet(&w);
	assert_string_equal(kinds(&w), "~engine-sets volume volume service mkdir own-file mkdir own-file interlock "
	                               "shift-tree mkdir rename rename rename "
	                               "~interlock ~own-file ~mkdir ~own-file ~mkdir ~service engine-sets");
	assert_string_equal(args(&w, "volume", 0),
	                    "{\"socket\":\"/var/run/docker.sock\",\"path\":\"" ROOT "/524288.524288/volumes/old\",\"name\":\"old\","
	                    "\"labels\":{\"team\":\"a\"},\"options\":{}}");
	assert_has(args(&w, "volume", 1), "\"options\":{\"type\":\"nfs\"}");
	assert_has(args(&w, "shift-tree", 0), "\"base\":\"" ROOT "\",\"patterns\":[\"volumes/old/_data\"]");
	assert_string_equal(args(&w, "rename", 0),
	                    "{\"from\":\"" ROOT "/volumes/old/_data\",\"to\":\"" ROOT "/524288.524288/volumes/old/_data\","
	                    "\"over_empty\":true,\"uid\":524288,\"gid\":524288,\"mode\":\"0755\"}");
	assert_string_equal(args(&w, "rename", 1),
	                    "{\"from\":\"" ROOT "/volumes/old\",\"to\":\"" ROOT "/.adopted-by-524288.524288/old\"}");
	assert_has(args(&w, "rename", 2), "volumes/nfs\"");
	assert_has(args(&w, "engine-sets", 0), "\"volumes\":[\"data\"]");
	assert_has(args(&w, "engine-sets", 1), "\"volumes\":[\"data\",\"old\",\"nfs\"]");
	done(&w);
}

static void a_stopped_engine_cannot_take_labels(void **state)
{
	struct world w;

	(void)state;
	left_behind(&w);
	w.f.running = false;
	w.f.manager = UNS_MANAGER_NONE;
	make(&w);
	assert_string_equal(kinds(&w), "json-member interlock shift-tree rename ~interlock ~json-member");
	assert_string_equal(args(&w, "rename", 0),
	                    "{\"from\":\"" ROOT "/volumes/old\",\"to\":\"" ROOT "/524288.524288/volumes/old\"}");
	assert_has(found(&w, "VolumeLabelsLost")->remedy, "start the engine");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	list(&w.r.ignore, "VolumeLabelsLost");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void names_in_both_trees_are_conflicts(void **state)
{
	struct world w;

	(void)state;
	left_behind(&w);
	volume(&w.f.flat, "data");
	make(&w);
	assert_string_equal(found(&w, "VolumeNameTaken")->object, "data");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	list(&w.r.ignore, "VolumeNameTaken");
	make(&w);
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	for (size_t i = 0; i < w.plan.n; i++)
		assert_true(!json_object_get(w.plan.v[i].args, "name") ||
		            strcmp(json_string_value(json_object_get(w.plan.v[i].args, "name")), "old") == 0);
	done(&w);
}

static void migrate_has_its_conditions(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.r.command = UNS_MIGRATE;
	make(&w);
	assert_string_equal(found(&w, "MigrateNeedsRemap")->remedy, "usernsctl enable docker");
	assert_int_equal(w.plan.n, 0);
	done(&w);
	enabled(&w); /* nothing was left */
	w.r.command = UNS_MIGRATE;
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_quiet(&w);
	fill(&w.f.flat);
	w.f.flat.volume[0].name = str("*"); /* no name of a volume, and a pattern that would take all */
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_non_null(found(&w, "OldTreeLeft"));
	done(&w);
	left_behind(&w);
	w.r.no_restart = true;
	make(&w);
	assert_non_null(found(&w, "NoRestartNeedsStop"));
	w.r.no_restart = false;
	store_done(&w.f.nested);
	w.f.nested = (struct uns_store){0};
	make(&w);
	assert_non_null(found(&w, "NeverStarted"));
	done(&w);
}

/* ---- findings ---- */

static void the_table_of_checks_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < uns_checks_n; i++) {
		const struct uns_check *c = &uns_checks[i];

		assert_ptr_equal(uns_check_find(c->id), c); /* no id twice */
		assert_true((c->severity == UNS_ERROR) == (c->code != UNS_OK));
		assert_true(c->code == UNS_OK || c->code == UNS_E_REFUSED || c->code == UNS_E_CONFLICT);
		assert_true(strlen(c->summary) > 10);
		assert_null(strpbrk(c->id, ", "));
	}
	assert_null(uns_check_find("Nothing"));
	assert_null(uns_check_find(""));
	assert_string_equal(uns_check_nearest("optionroot")->id, "OptionRoot");
	assert_string_equal(uns_check_nearest("UnmappedIds")->id, "UnmappedId");
	assert_null(uns_check_nearest("Xyzzyplugh"));
	assert_null(uns_check_nearest(""));
	assert_null(uns_check_nearest("OptionRootOptionRootOptionRootOptionRootOptionRootOptionRootOptionRoot"));
}

static void remedies_are_words_or_commands(void **state)
{
	static const char *const remedies[] = {"do it", "$ usernsctl a b", "$ usernsctl a && usernsctl b\twhich helps", "$ rm x && usernsctl b"};
	struct uns_strs only = UNS_STRS_INIT;
	struct uns_findings f = {0};
	struct uns_err err = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(uns_findings_add(&f, NULL, i == 1 ? "RangeNone" : "RangeTaken", "x", remedies[i], &err, "%zu", i), 0);
	assert_null(f.v[0].command);
	assert_string_equal(f.v[1].remedy, "usernsctl a b");
	assert_string_equal(f.v[1].command, "usernsctl a b");
	assert_string_equal(f.v[2].remedy, "usernsctl a && usernsctl b which helps");
	assert_string_equal(f.v[2].command, "usernsctl a && usernsctl b");
	assert_int_equal(uns_findings_set_root(&f, "/a b", &err), 0);
	assert_string_equal(f.v[2].command, "usernsctl --root='/a b' a && usernsctl --root='/a b' b");
	assert_null(f.v[3].command); /* it would work on this host */
	assert_string_equal(f.v[3].remedy, "rm x && usernsctl b");
	uns_findings_only(&f, &only);
	assert_int_equal(f.n, 4);
	list(&only, "RangeNone");
	uns_findings_only(&f, &only);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.v[0].check->id, "RangeNone");
	assert_int_equal(uns_findings_add(&f, NULL, "RangeNone", "x", NULL, &err, "1"), 0); /* is there already */
	assert_int_equal(f.n, 1);
	uns_findings_done(&f);
	uns_strs_done(&only);
}

static const struct uns_cis_row *cis_row(const struct uns_cis_rows *rows, const char *number)
{
	for (size_t i = 0; i < rows->n; i++)
		if (strcmp(rows->v[i].number, number) == 0)
			return &rows->v[i];
	fail_msg("no row %s", number);
	return NULL;
}

/* Configured is not in effect. */
static void the_benchmark_asks_the_engine(void **state)
{
	static const enum uns_cis_result wanted[] = {UNS_CIS_WARN, UNS_CIS_FAIL, UNS_CIS_PASS};
	struct world w;

	(void)state;
	enabled(&w);
	for (int effect = UNS_CIS_UNKNOWN; effect <= UNS_CIS_ON; effect++) {
		uns_auto(uns_cis_rows_done) struct uns_cis_rows rows = {0};
		struct uns_cisfacts c = {.effect = (enum uns_cis_effect)effect};

		assert_int_equal(uns_cis_judge(&w.f, &c, &rows, &w.err), 0);
		assert_int_equal(cis_row(&rows, "2.9")->result, wanted[effect]);
		assert_int_equal(cis_row(&rows, "3.1")->result, UNS_CIS_NA);
		assert_int_equal(rows.n, 44);
	}
	done(&w);
}

/* The row 1.1.6 with those rules in the files and those in the kernel. */
static void watch_is(struct world *w, const char *configured, const char *loaded, enum uns_cis_result want, const char *reason)
{
	uns_auto(uns_cis_rows_done) struct uns_cis_rows rows = {0};
	struct uns_cisfacts c = {.effect = UNS_CIS_UNKNOWN};
	const struct uns_cis_row *row;

	c.file[UNS_CIS_ETC_DOCKER] = (struct uns_cis_file){.path = str("/etc/docker"), .exists = true, .mode = 040755};
	assert_int_equal(uns_auditrules_parse(configured, strlen(configured), "r", true, &c.rules, &w->err), 0);
	if (loaded)
		assert_int_equal(uns_auditrules_parse(loaded, strlen(loaded), "k", false, &w->f.audit.rules, &w->err), 0);
	w->f.audit.loaded = loaded != NULL;
	assert_int_equal(uns_cis_judge(&w->f, &c, &rows, &w->err), 0);
	row = cis_row(&rows, "1.1.6");
	assert_int_equal(row->result, want);
	assert_string_equal(row->reason, reason);
	assert_true((row->remedy != NULL) == (want == UNS_CIS_FAIL));
	uns_auditrules_done(&w->f.audit.rules);
	uns_auditrules_done(&c.rules);
}

static void the_benchmark_asks_the_kernel(void **state)
{
	static const char watch[] = "-w /etc/docker -k docker\n", read[] = "-w /etc/docker -p r -k docker\n";
	struct world w;

	(void)state;
	enabled(&w);
	w.f.audit.enabled = true;
	watch_is(&w, watch, NULL, UNS_CIS_PASS, "r:1 watches /etc/docker");
	watch_is(&w, watch, watch, UNS_CIS_PASS, "r:1 watches /etc/docker, and so does a loaded rule");
	watch_is(&w, watch, "", UNS_CIS_FAIL, "r:1 watches /etc/docker, but no loaded rule does");
	watch_is(&w, watch, read, UNS_CIS_FAIL, "r:1 watches /etc/docker, but no loaded rule does");
	watch_is(&w, "", watch, UNS_CIS_FAIL, "no rule watches it; a loaded one watches it now, which the next start does not load");
	watch_is(&w, read, watch, UNS_CIS_FAIL, "the rule at r:1 records no changes; a loaded one watches it now, which the next start does not load");
	watch_is(&w, "", "", UNS_CIS_FAIL, "no rule watches it");
	w.f.audit.locked = true;
	watch_is(&w, watch, "", UNS_CIS_FAIL, "r:1 watches /etc/docker, but no loaded rule does");
	w.f.audit.enabled = w.f.audit.locked = false;
	watch_is(&w, watch, watch, UNS_CIS_FAIL, "r:1 watches /etc/docker, but audit is turned off now");
	done(&w);
}

static void row_is(const struct world *w, const struct uns_cisfacts *c, const char *number, enum uns_cis_result want, const char *reason)
{
	uns_auto(uns_cis_rows_done) struct uns_cis_rows rows = {0};
	struct uns_err err;

	assert_int_equal(uns_cis_judge(&w->f, c, &rows, &err), 0);
	assert_int_equal(cis_row(&rows, number)->result, want);
	assert_string_equal(cis_row(&rows, number)->reason, reason);
}

static void the_benchmark_asks_where_the_data_lies(void **state)
{
	char above[] = "/var";
	struct uns_cisfacts c = {.mount = UNS_CIS_MOUNT_OWN, .above = above};
	struct world w;

	(void)state;
	enabled(&w);
	w.f.have_data_root = true;
	row_is(&w, &c, "1.1.1", UNS_CIS_PASS, "a file system of its own is mounted there");
	c.mount = UNS_CIS_MOUNT_SAME;
	row_is(&w, &c, "1.1.1", UNS_CIS_FAIL, "what is mounted there is of the same file system as /var");
	c.mount = UNS_CIS_MOUNT_ABOVE;
	row_is(&w, &c, "1.1.1", UNS_CIS_FAIL, "it is a part of the file system at /var");
	w.f.have_data_root = false;
	row_is(&w, &c, "1.1.1", UNS_CIS_NA, "it is not there");
	done(&w);
}

/* What no file says, a name service may. */
static void the_benchmark_asks_who_is_trusted(void **state)
{
	static const char docker[] = "docker:x:990:al,,root\n";
	struct uns_cisfacts c = {.effect = UNS_CIS_UNKNOWN};
	struct uns_accounts before, groups = {.n = 0};
	struct world w;

	(void)state;
	enabled(&w);
	row_is(&w, &c, "1.1.2", UNS_CIS_NA, "it is not there");
	w.f.ids.has_nss[UNS_GID] = true;
	row_is(&w, &c, "1.1.2", UNS_CIS_WARN, "no file names members; name services may");
	assert_int_equal(uns_group_parse(docker, strlen(docker), &groups, &w.err), 0);
	before = w.f.ids.groups;
	w.f.ids.groups = groups;
	row_is(&w, &c, "1.1.2", UNS_CIS_WARN, "al is in it, and as good as root; name services may know more");
	w.f.ids.groups = before;
	uns_accounts_done(&groups);
	done(&w);
}

static void findings_refuse_by_their_class(void **state)
{
	struct uns_strs ignore = UNS_STRS_INIT;
	struct uns_findings f = {0};
	struct uns_err err = {0};

	(void)state;
	assert_int_equal(uns_findings_code(&f), UNS_OK);
	list(&ignore, "RangeTaken"); /* cannot be ignored */
	list(&ignore, "UnmappedId");
	assert_int_equal(uns_findings_add(&f, &ignore, "NotInstalled", "docker", NULL, &err, "no %s", "docker"), 0);
	assert_string_equal(f.v[0].reason, "no docker");
	assert_null(f.v[0].remedy);
	assert_int_equal(uns_findings_code(&f), UNS_OK);
	assert_int_equal(uns_findings_add(&f, &ignore, "UnmappedId", "x", "do", &err, "one"), 0);
	assert_true(f.v[1].ignored);
	assert_int_equal(uns_findings_code(&f), UNS_OK);
	assert_int_equal(uns_findings_add(&f, &ignore, "RangeTaken", "x", NULL, &err, "one"), 0);
	assert_false(f.v[2].ignored);
	assert_int_equal(uns_findings_code(&f), UNS_E_CONFLICT);
	assert_int_equal(uns_findings_add(&f, NULL, "RangeNone", "x", NULL, &err, "one"), 0);
	assert_int_equal(uns_findings_code(&f), UNS_E_REFUSED);
	assert_int_equal(uns_findings_add(&f, NULL, "RangeNone", "x", NULL, &err, "one"), 0); /* said once */
	assert_int_equal(f.n, 4);
	assert_int_equal(uns_findings_add(&f, NULL, "RangeNone", "y", NULL, &err, "one"), 0);
	assert_int_equal(f.n, 5);
	assert_int_equal(uns_findings_add(&f, NULL, "Nothing", "x", NULL, &err, "one"), -1);
	assert_has(err.text, "Nothing");
	assert_int_equal(f.n, 5);
	uns_findings_done(&f);
	assert_int_equal(f.n, 0);
	uns_strs_done(&ignore);
}

/* ---- options of dockerd ---- */

/* A member of daemon.json with this JSON value, as the host floor reads it. */
static void has_member(struct world *w, const char *key, const char *json)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);

	setting(w, UNS_PLACE_JSON, NULL, "/etc/docker/daemon.json", 2);
	json_decref(w->f.options.v[w->f.options.n - 1].json);
	w->f.options.v[w->f.options.n - 1].key = str(key);
	w->f.options.v[w->f.options.n - 1].json = json_incref(value);
	w->f.options.v[w->f.options.n - 1].value = str(json);
	w->f.have_config = w->f.have_config_dir = true;
	if (!w->f.config)
		w->f.config = json_object();
	assert_int_equal(json_object_set_new(w->f.config, key, value), 0);
}

static void a_reload_is_enough_where_the_engine_can(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	wish(&w, "debug", "true");
	make(&w);
	assert_string_equal(kinds(&w), "validate json-member reload json-member reload");
	assert_has(args(&w, "json-member", 0), "\"after\":false");
	assert_has(args(&w, "json-member", 1), "\"before\":false,\"after\":true");
	assert_has(args(&w, "reload", 0), "\"back\":true");
	forget(&w);
	w.r.no_restart = true;
	make(&w);
	assert_string_equal(kinds(&w), "validate json-member");
	forget(&w);
	w.r.no_restart = false;
	wish(&w, "log-driver", "\"local\"");
	make(&w);
	assert_string_equal(kinds(&w), "validate ~engine-sets service json-member json-member ~service engine-sets");
	wishes_done(&w);
	done(&w);
	running(&w);
	has_member(&w, "max-concurrent-downloads", "5");
	wish(&w, "max-concurrent-downloads", NULL);
	make(&w);
	assert_string_equal(kinds(&w), "validate reload json-member reload");
	wishes_done(&w);
	done(&w);
	running(&w);
	has_member(&w, "default-cgroupns-mode", "\"host\""); /* what the engine had without it is not known */
	wish(&w, "default-cgroupns-mode", NULL);
	make(&w);
	assert_has(kinds(&w), "~service");
	wishes_done(&w);
	done(&w);
}

static void an_option_stays_where_it_is(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	setting(&w, UNS_PLACE_ENV, "old", "/etc/default/docker", 3);
	w.f.options.v[0].key = str("log-driver");
	wish(&w, "log-driver", "\"local\"");
	make(&w);
	assert_string_equal(args(&w, "env-option", 0), "{\"file\":\"/etc/default/docker\",\"variable\":\"DOCKER_OPTS\","
	                                               "\"option\":\"log-driver\",\"before\":\"old\",\"after\":\"local\"}");
	forget(&w);
	wishes_done(&w);
	wish(&w, "log-driver", "\"old\"");
	make(&w);
	assert_int_equal(w.plan.n, 0);
	wishes_done(&w);
	wish(&w, "log-driver", "\"two words\"");
	make(&w);
	assert_non_null(found(&w, "OptionNotEditable"));
	wishes_done(&w);
	done(&w);
	stopped(&w);
	setting(&w, UNS_PLACE_ARGV, "old", "/usr/lib/systemd/system/docker.service", 3);
	w.f.options.v[0].key = str("log-driver");
	w.f.exec_text = str("/usr/bin/dockerd --log-driver old $OPTS");
	w.f.exec_file = str("/usr/lib/systemd/system/docker.service");
	wish(&w, "log-driver", "\"local\"");
	make(&w);
	assert_string_equal(kinds(&w), "validate mkdir own-file");
	assert_has(args(&w, "own-file", 0), "[Service]\\nExecStart=\\nExecStart=/usr/bin/dockerd --log-driver local $OPTS\\n");
	wishes_done(&w);
	done(&w);
}

static void what_the_engine_would_refuse_is_found(void **state)
{
	static const struct {
		const char *key, *json, *id;
	} cases[] = {
	    {"mtu", "\"x\"", "OptionInvalid"},        {"frob", "1", "OptionUnknown"},
	    {"label", "[\"a=b\"]", "OptionNoEffect"}, {"foo", "{\"frob\":1}", "OptionUnknown"},
	    {"debug", "true", NULL},                 {"foo", "{\"mtu\":1}", NULL},
	    {"default-runtime", "\"x\"", "OptionConflict"},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stopped(&w);
		has_member(&w, cases[i].key, cases[i].json);
		assert_int_equal(uns_plan_daemon_verdict(&w.f, &w.findings, &w.err), 0);
		if (cases[i].id)
			assert_non_null(found(&w, cases[i].id));
		else
			assert_int_equal(w.findings.n, 0);
		done(&w);
	}
	stopped(&w);
	w.f.nixos = true;
	wish(&w, "iptables", "false");
	make(&w);
	assert_has(found(&w, "OptionsReadOnly")->remedy, "virtualisation.docker.daemon.settings.\"iptables\" = false");
	assert_non_null(found(&w, "IptablesOff"));
	wishes_done(&w);
	done(&w);
}

/* A wish of enable. */
static void wish_too(struct world *w, const char *key, const char *json)
{
	wish(w, key, json);
	w->r.command = UNS_ENABLE;
}

static void what_leads_away_from_the_data_is_told(void **state)
{
	static const struct {
		const char *key, *json;
		bool moves;
	} cases[] = {
	    {"data-root", "\"/srv/docker\"", true},
	    {"data-root", "\"/var/lib/docker/\"", false},
	    {"graph", "\"/srv/docker\"", true},
	    {"storage-driver", "\"vfs\"", true},
	    {"storage-driver", "\"overlay2\"", false},
	    {"features", "{\"containerd-snapshotter\":true}", true},
	    {"features", "{\"containerd-snapshotter\":false}", false},
	    {"features", "{\"buildkit\":true}", false},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stopped(&w);
		wish(&w, cases[i].key, cases[i].json);
		make(&w);
		assert_int_equal(count_found(&w, "OptionMovesData"), cases[i].moves);
		assert_int_equal(uns_findings_code(&w.findings), cases[i].moves ? UNS_E_REFUSED : UNS_OK);
		list(&w.r.ignore, "OptionMovesData");
		make(&w);
		assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
		w.r.command = UNS_ENABLE; /* nothing accepts it there */
		make(&w);
		assert_int_equal(count_found(&w, "OptionMovesData"), cases[i].moves);
		assert_true(!cases[i].moves || uns_findings_code(&w.findings) == UNS_E_REFUSED);
		wishes_done(&w);
		done(&w);
	}
	bare(&w); /* no data, nothing to lose sight of */
	w.f.installed = true;
	wish(&w, "data-root", "\"/srv/docker\"");
	make(&w);
	assert_null(found(&w, "OptionMovesData"));
	wishes_done(&w);
	wish_too(&w, "data-root", "\"/srv/docker\"");
	make(&w);
	assert_null(found(&w, "OptionMovesData"));
	wishes_done(&w);
	done(&w);
}

static void the_engine_is_looked_at_where_it_is_to_be(void **state)
{
	static const struct {
		const char *key, *json, *has;
	} cases[] = {
	    {"data-root", "\"/srv/docker\"", "\"data_root\":\"/srv/docker\",\"userns\":false,\"images\":[],\"containers\":[],\"volumes\":[]"},
	    {"storage-driver", "\"vfs\"", "\"data_root\":\"/var/lib/docker\",\"userns\":false,\"images\":[],\"containers\":[],\"volumes\":[\"data\"]"},
	    {"hosts", "[\"tcp://127.0.0.1:1\",\"unix:///run/a.sock\"]", "\"socket\":\"/run/a.sock\",\"data_root\":\"/var/lib/docker\""},
	    {"hosts", "[\"unix:///run/a.sock\",\"fd://\"]", "\"socket\":\"/var/run/docker.sock\""},
	    {"hosts", "[\"unix://\"]", "\"socket\":\"/var/run/docker.sock\""},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		running(&w);
		list(&w.r.ignore, "OptionMovesData");
		wish(&w, cases[i].key, cases[i].json);
		make(&w);
		assert_string_equal(kinds(&w), "validate ~engine-sets service json-member ~service engine-sets");
		assert_has(args(&w, "engine-sets", 0), "\"socket\":\"/var/run/docker.sock\",\"data_root\":\"/var/lib/docker\"");
		assert_has(args(&w, "engine-sets", 1), cases[i].has);
		wishes_done(&w);
		done(&w);
	}
	running(&w);
	wish(&w, "hosts", "[\"tcp://127.0.0.1:1\"]");
	make(&w);
	assert_string_equal(kinds(&w), "validate ~engine-sets service json-member ~service");
	wishes_done(&w);
	done(&w);
}

/* A flag of this file and variable, as the host floor reads it. */
static struct uns_setting *flag(struct world *w, enum uns_setting_place place, const char *key, const char *value, const char *file)
{
	struct uns_setting *s;

	setting(w, place, value, file, 3);
	s = &w->f.options.v[w->f.options.n - 1];
	s->key = str(key);
	s->in_effect = w->f.running;
	return s;
}

/* A value of the list as the setting has it. */
static void is_the_list(struct uns_setting *s)
{
	json_t *one = json_pack("[s]", s->value);

	json_decref(s->json);
	s->json = one;
}

static void a_list_in_two_places_comes_to_one(void **state)
{
	struct world w;

	(void)state;
	stopped(&w);
	is_the_list(flag(&w, UNS_PLACE_ARGV, "labels", "a=1", "/usr/lib/systemd/system/docker.service"));
	is_the_list(flag(&w, UNS_PLACE_ENV, "labels", "b=2", "/etc/default/docker"));
	w.f.exec_text = str("/usr/bin/dockerd --label a=1 $DOCKER_OPTS");
	w.f.exec_file = str("/usr/lib/systemd/system/docker.service");
	for (size_t i = 0; i < 2; i++) {
		list(&w.f.command.words, "--label");
		list(&w.f.command.words, i ? "b=2" : "a=1");
	}
	wish(&w, "labels", "[\"c=3\"]");
	make(&w);
	assert_int_equal(w.findings.n, 0);
	assert_string_equal(kinds(&w), "validate env-option mkdir own-file");
	assert_has(args(&w, "validate", 0), "\"argv\":[\"--label=c=3\"]");
	assert_has(args(&w, "env-option", 0), "\"before\":[\"b=2\"],\"after\":[\"c=3\"]");
	assert_has(args(&w, "own-file", 0), "ExecStart=/usr/bin/dockerd $DOCKER_OPTS\\n");
	wishes_done(&w);
	wish(&w, "labels", "[\"a=1\",\"b=2\"]"); /* what they come to */
	make(&w);
	assert_int_equal(w.plan.n, 0);
	wishes_done(&w);
	wish(&w, "labels", "[\"b=2\"]"); /* what the last place has is not all */
	make(&w);
	assert_has(kinds(&w), "own-file");
	wishes_done(&w);
	wish(&w, "labels", "[]");
	make(&w);
	assert_string_equal(found(&w, "OptionNotEditable")->remedy, "usernsctl daemon unset labels");
	wishes_done(&w);
	uns_strs_done(&w.f.command.words);
	done(&w);
}

static void live_restore_is_needed_on_both_sides(void **state)
{
	static const struct {
		bool now, after;
		const char *id;
	} cases[] = {{true, true, NULL}, {true, false, "LiveRestore"}, {false, true, "ContainersRunning"}, {false, false, "ContainersRunning"}};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		running_containers(&w);
		w.f.live_restore = cases[i].now || cases[i].after;
		has_member(&w, "live-restore", cases[i].after ? "true" : "false");
		w.f.options.v[0].in_effect = cases[i].now == cases[i].after;
		if (cases[i].now && !cases[i].after) {
			json_decref(w.f.options.v[0].json);
			w.f.options.v[0].json = json_true();
			w.f.options.v[0].in_effect = true;
			wish(&w, "live-restore", "false");
		}
		wish(&w, "log-driver", "\"local\"");
		make(&w);
		assert_int_equal(w.findings.n, cases[i].id ? 1 : 0);
		if (cases[i].id)
			assert_non_null(found(&w, cases[i].id));
		w.r.stop_containers = true;
		make(&w);
		assert_int_equal(w.findings.n, 0);
		assert_has(kinds(&w), "~service engine-sets ~containers");
		wishes_done(&w);
		done(&w);
	}
}

static void what_was_left_for_later_is_not_forgotten(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	has_member(&w, "log-driver", "\"local\"");
	wish(&w, "log-driver", "\"local\"");
	make(&w);
	assert_string_equal(kinds(&w), "validate ~engine-sets service ~service engine-sets");
	assert_false(uns_plan_restart_required(&w.f, &w.plan));
	w.r.no_restart = true;
	make(&w);
	assert_int_equal(w.plan.n, 0);
	assert_true(uns_plan_restart_required(&w.f, &w.plan));
	w.r.no_restart = false;
	wishes_done(&w);
	wish(&w, "debug", "true"); /* told to the engine, the other one not */
	make(&w);
	assert_string_equal(kinds(&w), "validate json-member reload json-member reload");
	assert_true(uns_plan_restart_required(&w.f, &w.plan));
	w.f.options.v[0].in_effect = true;
	assert_false(uns_plan_restart_required(&w.f, &w.plan));
	wishes_done(&w);
	wish(&w, "log-driver", "\"local\"");
	make(&w);
	assert_int_equal(w.plan.n, 0);
	wishes_done(&w);
	done(&w);
}

/* Started by hand, with a file beside it that only an init script would read. */
static void a_process_reads_no_files(void **state)
{
	struct world w;

	(void)state;
	running(&w);
	w.f.manager = UNS_MANAGER_PROCESS;
	list(&w.f.argv, "dockerd");
	flag(&w, UNS_PLACE_ENV, "iptables", "true", "/etc/default/docker")->in_effect = false;
	wish(&w, "iptables", "false");
	make(&w);
	assert_string_equal(kinds(&w), "validate ~engine-sets service json-member ~service engine-sets");
	list(&w.f.argv, "--iptables=true"); /* and the same words on its own command line */
	w.f.options.v[0].in_effect = true;
	make(&w);
	assert_string_equal(found(&w, "OptionOnCommandLine")->object, "dockerd");
	wishes_done(&w);
	done(&w);
}

static void the_containerd_store_is_found_as_a_flag(void **state)
{
	static const struct {
		const char *value;
		bool on;
	} cases[] = {{"containerd-snapshotter=true", true}, {"containerd-snapshotter=T", true}, {"containerd-snapshotter=0", false},
	             {"containerd-snapshotters=true", false}, {"buildkit=true", false}};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stopped(&w);
		setting(&w, UNS_PLACE_ENV, cases[i].value, "/etc/default/docker", 3);
		w.f.options.v[0].key = str("features");
		list(&w.f.command.words, "--feature");
		list(&w.f.command.words, cases[i].value);
		make(&w);
		assert_int_equal(count_found(&w, "ContainerdImageStore"), cases[i].on);
		if (cases[i].on)
			assert_string_equal(found(&w, "ContainerdImageStore")->object, "/etc/default/docker:3");
		uns_strs_done(&w.f.command.words);
		done(&w);
	}
}

/* ---- the host ---- */

static void know_host(struct world *w)
{
	w->f.host = (struct uns_hostfacts){.known = true, .fstype = str("ext4")};
	for (int i = 0; i < UNS_SPACES; i++)
		w->f.host.space[i] = (struct uns_space){"/place", 5, 1u << 30, 1000};
}

static void host(struct world *w)
{
	stopped(w);
	know_host(w);
	make(w);
	assert_quiet(w);
}

static void assert_says(struct world *w, const char *id, const char *object, const char *part)
{
	const struct uns_finding *f;

	make(w);
	f = found(w, id);
	assert_non_null(f);
	assert_string_equal(f->object, object);
	assert_has(f->reason, part);
	assert_int_equal(w->findings.n, 1);
}

static void a_kernel_without_user_namespaces_is_refused(void **state)
{
	struct world w;
	struct uns_hostfacts *h = &w.f.host;

	(void)state;
	host(&w);
	h->no_namespaces = true;
	assert_says(&w, "UserNamespacesOff", "CONFIG_USER_NS", "was built without");
	h->no_namespaces = false;
	h->el7 = h->el7_no_sysctl = true;
	assert_says(&w, "UserNamespacesOff", "user_namespace.enable", "before 7.4");
	h->el7_switch = true;
	make(&w);
	assert_quiet(&w);
	/* From 7.4 on the switch means nothing. */
	h->el7_switch = h->el7_no_sysctl = false;
	w.f.have_max_user_namespaces = true;
	w.f.max_user_namespaces = 5;
	assert_says(&w, "UserNamespacesOffAtBoot", "user.max_user_namespaces", "start with 0");
	h->persisted[UNS_SYSCTL_BOOT] = (struct uns_persisted){str("/etc/sysctl.d/a b.conf"), 3, false};
	make(&w);
	assert_quiet(&w);
	h->persisted[UNS_SYSCTL_BOOT].zero = true;
	assert_says(&w, "UserNamespacesOffAtBoot", "/etc/sysctl.d/a%20b.conf:3", "sysctl_user_max_user_namespaces");
	assert_string_equal(w.findings.v[0].command, "sed -i '3s/.*/user.max_user_namespaces = 15000/' '/etc/sysctl.d/a b.conf'");
	h->el7 = false;
	h->os_id = str("ol");
	h->os_version = str("8.9");
	assert_says(&w, "UserNamespacesOffAtBoot", "/etc/sysctl.d/a%20b.conf:3", "OL08-00-040284");
	w.f.max_user_namespaces = 0;
	make(&w);
	assert_int_equal(w.findings.n, 2);
	/* The way back needs none. */
	w.r.command = UNS_DISABLE;
	make(&w);
	assert_null(found(&w, "UserNamespacesOff"));
	assert_null(found(&w, "UserNamespacesOffAtBoot"));
	done(&w);
}

static void switches_for_users_only_inform(void **state)
{
	struct world w;

	(void)state;
	host(&w);
	w.f.host.clone_off = true;
	assert_says(&w, "RootlessRestricted", "kernel.unprivileged_userns_clone", "not concerned");
	w.f.host.clone_off = false;
	w.f.host.apparmor = true;
	assert_says(&w, "RootlessRestricted", "kernel.apparmor_restrict_unprivileged_userns", "not concerned");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	done(&w);
}

static void the_file_system_must_keep_owners(void **state)
{
	struct world w;
	struct uns_hostfacts *h = &w.f.host;

	(void)state;
	host(&w);
	h->fstype = str("vfat");
	h->owners = UNS_OWNERS_NONE;
	assert_says(&w, "OwnersNotKept", ROOT, "vfat keeps no owners");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	h->fstype = str("nfs4");
	h->owners = UNS_OWNERS_REMOTE;
	assert_says(&w, "OwnersRemote", ROOT, "nfs4");
	assert_int_equal(uns_findings_code(&w.findings), UNS_OK);
	w.r.migrate = UNS_MIGRATE_NONE;
	make(&w);
	assert_null(found(&w, "OwnersRemote"));
	done(&w);
}

static void mount_options_that_matter_are_told(void **state)
{
	struct world w;
	struct uns_hostfacts *h = &w.f.host;

	(void)state;
	host(&w);
	h->nosuid = true;
	make(&w);
	assert_quiet(&w);
	h->noexec = true;
	assert_says(&w, "MountNoExec", ROOT, "noexec,nosuid: programs in volumes cannot be run");
	assert_has(w.findings.v[0].reason, "those of images can");
	list(&w.f.flat.drivers, "vfs");
	assert_says(&w, "MountNoExec", ROOT, "programs in containers and volumes");
	h->noexec = false;
	h->no_acl = true;
	assert_says(&w, "AclsHidden", ROOT, "noacl");
	assert_null(found(&w, "AclsHidden")->command);
	h->mount_point = str("/a b");
	assert_says(&w, "AclsHidden", ROOT, "noacl");
	assert_string_equal(found(&w, "AclsHidden")->command, "mount -o remount,acl '/a b'");
	h->no_acl = false;
	h->quota = str("usrquota,grpquota");
	assert_says(&w, "QuotaMoves", ROOT, "(usrquota,grpquota)");
	done(&w);
}

static void room_is_needed_where_it_is_needed(void **state)
{
	struct world w;
	struct uns_hostfacts *h = &w.f.host;

	(void)state;
	host(&w);
	/* Together on one file system, or each on its own. */
	for (int i = 0; i < UNS_SPACES; i++)
		h->space[i].bytes = 600u << 10;
	assert_says(&w, "SpaceShort", "/place", "about 640 KiB and 36 inodes");
	for (int i = 0; i < UNS_SPACES; i++)
		h->space[i].dev = (uint64_t)i;
	make(&w);
	assert_quiet(&w);
	h->space[UNS_SPACE_DATA].inodes = 11;
	assert_says(&w, "SpaceShort", "/place", "not enough inodes");
	h->space[UNS_SPACE_DATA].inodes = UINT64_MAX;
	make(&w);
	assert_quiet(&w);
	/* A record that is large; a file system that writes all anew. */
	w.f.census.specials = 1000;
	assert_says(&w, "SpaceShort", "/place", "about 647 KiB");
	w.f.census.specials = 0;
	h->copy_on_write = true;
	w.f.census.inodes = 4096;
	assert_says(&w, "SpaceShort", "/place", "about 18688 KiB and 12 inodes, and 600 KiB and all inodes are free");
	done(&w);
}

static void what_cannot_be_replaced_is_refused_where_it_is_replaced(void **state)
{
	struct uns_pinned pins[] = {{(char[]){"/etc/group"}, UNS_TOUCHED_ACCOUNTS, UNS_PIN_MOUNT},
	                            {(char[]){"/etc/subuid"}, UNS_TOUCHED_SUBIDS, UNS_PIN_MOUNT},
	                            {(char[]){"/etc/docker/daemon.json"}, UNS_TOUCHED_OPTIONS, UNS_PIN_MOUNT},
	                            {(char[]){"/var/lib/usernsctl"}, UNS_TOUCHED_JOURNAL, UNS_PIN_READONLY}};
	struct world w;

	(void)state;
	host(&w);
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		w.f.host.pinned = &pins[i];
		w.f.host.pinneds = 1;
		assert_says(&w, "PathNotReplaceable", pins[i].path, pins[i].why == UNS_PIN_MOUNT ? "mounted on the file itself" : "read-only");
		assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	}
	w.f.host.pinned = NULL;
	w.f.host.pinneds = 0;
	done(&w);
	enabled(&w); /* nothing is to be done */
	know_host(&w);
	w.f.host.pinned = pins;
	w.f.host.pinneds = 4;
	make(&w);
	assert_null(found(&w, "PathNotReplaceable"));
	w.f.host.pinned = NULL;
	done(&w);
}

/* The tree of a range that the settings do not lead to any more. */
static void data_that_the_settings_lost_stops_everything(void **state)
{
	static const enum uns_command commands[] = {UNS_ENABLE, UNS_DISABLE, UNS_MIGRATE};
	struct uns_old_tree old = {.name = (char[]){"917504.983040"}, .measured = true, .volumes = 1};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		enabled(&w);
		w.r.command = commands[i];
		know_host(&w);
		w.f.host.old = &old;
		w.f.host.olds = 1;
		make(&w);
		assert_null(found(&w, "RemapTreeLost")); /* there is data where the engine looks */
		w.f.nested.containers = w.f.nested.volumes = 0;
		uns_strs_done(&w.f.nested.drivers);
		make(&w);
		assert_string_equal(found(&w, "RemapTreeLost")->object, ROOT "/917504.983040");
		assert_has(found(&w, "RemapTreeLost")->remedy, "dockremap:917504:65536 in /etc/subuid and dockremap:983040:65536 in /etc/subgid");
		assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
		old.volumes = 0;
		make(&w);
		assert_null(found(&w, "RemapTreeLost"));
		old.volumes = 1;
		w.f.host.old = NULL;
		done(&w);
	}
}

static void what_cannot_be_read_stops_every_change(void **state)
{
	static const enum uns_command commands[] = {UNS_ENABLE, UNS_DISABLE, UNS_MIGRATE};
	struct uns_unread unread = {(char[]){"aa"}, false, (char[]){"aa/hostconfig.json:1:2: odd"}};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		enabled(&w);
		w.r.command = commands[i];
		w.f.nested.unread = &unread;
		w.f.nested.unreads = 1;
		make(&w);
		assert_string_equal(found(&w, "ContainerUnreadable")->object, "aa");
		assert_has(found(&w, "ContainerUnreadable")->reason, "aa/hostconfig.json:1:2: odd");
		assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
		w.f.nested.unread = NULL;
		done(&w);
	}
}

/* An engine that is down cannot be asked; what it would choose can be told. */
static void images_in_containerd_are_found_behind_a_stopped_engine(void **state)
{
	struct world w;

	(void)state;
	host(&w);
	w.f.host.containerd_images = true;
	w.f.host.containerd_db = str("/var/lib/containerd/meta.db");
	make(&w);
	assert_quiet(&w); /* layers of a storage driver come first */
	uns_strs_done(&w.f.flat.drivers);
	assert_says(&w, "ContainerdImageStore", ROOT, "/var/lib/containerd/meta.db");
	w.f.config = json_pack("{s:{s:b}}", "features", "containerd-snapshotter", 0);
	make(&w);
	assert_quiet(&w);
	json_decref(w.f.config);
	w.f.config = NULL;
	start(&w); /* it says where its images are */
	make(&w);
	assert_null(found(&w, "ContainerdImageStore"));
	done(&w);
}

/* A rule that records each chown of a million files, on a file system with so many MiB left. */
static void audited(struct world *w, uint64_t free_mib)
{
	static const char rules[] = "-a always,exit -F arch=b64 -S fchownat -k chown\n";
	struct uns_auditfacts *a = &w->f.audit;

	stopped(w);
	w->f.have_census = true;
	w->f.census.inodes = w->f.census.home = 1000000;
	assert_int_equal(uns_auditrules_parse(rules, sizeof(rules) - 1, "r", false, &a->rules, NULL), 0);
	assert_int_equal(uns_auditdconf_default(&a->conf, NULL), 0);
	a->enabled = a->have_conf = a->have_space = true;
	a->exe = str("/usr/sbin/usernsctl");
	a->auid = 1000;
	a->failure = 1;
	a->backlog = 8192;
	a->space_size = 100000ull << 20;
	a->space_free = free_mib << 20;
}

static void audited_done(struct world *w)
{
	uns_auditrules_done(&w->f.audit.rules);
	uns_auditdconf_done(&w->f.audit.conf);
	done(w);
}

/* Of both limits 0 is none. */
static void a_record_that_is_lost_can_take_the_host_down(void **state)
{
	static const struct {
		uint32_t failure, backlog, rate;
		const char *reason; /* NULL: nothing is said */
	} v[] = {
		{2, 64, 0, "the backlog holds 64"},
		{2, 0, 0, NULL},
		{2, 5000000, 0, NULL},
		{2, 0, 10, "10 a second (-r)"},
		{2, 64, 10, "the backlog holds 64, and only 10 a second"},
		{2, 0, 5000000, NULL},
		{1, 64, 10, NULL},
	};
	struct world w;

	(void)state;
	audited(&w, 2000);
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		w.f.audit.failure = v[i].failure;
		w.f.audit.backlog = v[i].backlog;
		w.f.audit.rate = v[i].rate;
		make(&w);
		assert_int_equal(found(&w, "AuditPanicRisk") != NULL, v[i].reason != NULL);
		if (!v[i].reason)
			continue;
		assert_non_null(strstr(found(&w, "AuditPanicRisk")->reason, v[i].reason));
		assert_string_equal(found(&w, "AuditPanicRisk")->command, "auditctl -f 1");
	}
	w.f.audit.locked = true; /* auditctl can do nothing now */
	w.f.audit.failure = 2;
	make(&w);
	assert_null(found(&w, "AuditPanicRisk")->command);
	assert_null(found(&w, "AuditFlood")->command);
	audited_done(&w);
}

static void the_remedy_against_a_flood_is_a_command(void **state)
{
	struct world w;

	(void)state;
	audited(&w, 2000);
	w.f.audit.exe = str("/opt/my tools/usernsctl");
	make(&w);
	assert_string_equal(found(&w, "AuditFlood")->command,
	                    "auditctl -A never,exit -F exe='/opt/my tools/usernsctl' -F dir=" ROOT);
	audited_done(&w);
}

/* Opening a directory is what such a rule records, so that their number counts, not that of the files. */
static void directories_are_counted_for_rules_about_reading(void **state)
{
	static const char rule[] = "-a always,exit -F dir=" ROOT " -F perm=r -S openat\n";
	struct world w;

	(void)state;
	audited(&w, 2000);
	uns_auditrules_done(&w.f.audit.rules);
	assert_int_equal(uns_auditrules_parse(rule, sizeof(rule) - 1, "r", false, &w.f.audit.rules, NULL), 0);
	w.f.census.directories = 499;
	make(&w);
	assert_non_null(strstr(found(&w, "AuditFlood")->reason, "about 24000 records"));
	audited_done(&w);
}

static void a_log_of_audit_that_fills_up_can_take_the_host_down(void **state)
{
	struct uns_auditdconf *conf;
	struct world w;

	(void)state;
	audited(&w, 2000); /* a million records of chown are more than 400 MiB */
	conf = &w.f.audit.conf;
	make(&w);
	assert_non_null(found(&w, "AuditFlood"));
	assert_null(found(&w, "AuditPanicRisk"));
	conf->admin_space_left = (struct uns_auditd_room){1900, false, UNS_AUDITD_SUSPEND};
	make(&w);
	assert_null(found(&w, "AuditPanicRisk"));
	conf->admin_space_left.action = UNS_AUDITD_HALT;
	make(&w);
	assert_string_equal(found(&w, "AuditPanicRisk")->object, "admin_space_left_action");
	conf->admin_space_left.amount = 10;
	make(&w);
	assert_null(found(&w, "AuditPanicRisk"));
	conf->space_left = (struct uns_auditd_room){2, true, UNS_AUDITD_SINGLE}; /* 2000 of 100000 MiB */
	make(&w);
	assert_string_equal(found(&w, "AuditPanicRisk")->object, "space_left_action");
	conf->max_log_file = 8; /* rotated: it grows by at most 40 MiB */
	conf->num_logs = 5;
	conf->max_log_file_action = UNS_AUDITD_ROTATE;
	conf->space_left.amount = 1;
	make(&w);
	assert_null(found(&w, "AuditPanicRisk"));
	conf->max_log_file = 0;
	conf->space_left.amount = 0;
	conf->disk_full_action = UNS_AUDITD_HALT;
	make(&w);
	assert_null(found(&w, "AuditPanicRisk"));
	w.f.audit.space_free = 100u << 20;
	make(&w);
	assert_string_equal(found(&w, "AuditPanicRisk")->object, "disk_full_action");
	audited_done(&w);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_leads_away_from_the_data_is_told),
		cmocka_unit_test(the_engine_is_looked_at_where_it_is_to_be),
		cmocka_unit_test(the_containerd_store_is_found_as_a_flag),
		cmocka_unit_test(a_list_in_two_places_comes_to_one),
		cmocka_unit_test(live_restore_is_needed_on_both_sides),
		cmocka_unit_test(what_was_left_for_later_is_not_forgotten),
		cmocka_unit_test(a_process_reads_no_files),
		cmocka_unit_test(a_reload_is_enough_where_the_engine_can),
	    cmocka_unit_test(an_option_stays_where_it_is),
	    cmocka_unit_test(what_the_engine_would_refuse_is_found),
	    cmocka_unit_test(a_host_without_an_engine_is_prepared),
		cmocka_unit_test(a_running_engine_is_taken_down_and_its_data_moved),
		cmocka_unit_test(what_the_engine_lists_is_expected_again),
		cmocka_unit_test(the_hold_names_itself),
		cmocka_unit_test(the_bracket_is_its_own_mirror),
		cmocka_unit_test(a_process_is_started_as_it_was),
		cmocka_unit_test(text_that_is_no_utf8_is_refused),
		cmocka_unit_test(each_init_has_its_service),
		cmocka_unit_test(a_daemon_that_refuses_its_file_is_held),
		cmocka_unit_test(containers_are_stopped_when_asked),
		cmocka_unit_test(containers_that_stop_are_named),
		cmocka_unit_test(a_stopped_engine_stays_stopped),
		cmocka_unit_test(a_second_run_has_nothing_to_do),
		cmocka_unit_test(less_data_can_be_taken_along),
		cmocka_unit_test(containers_with_rm_are_not_expected_again),
		cmocka_unit_test(containers_of_one_source_alone_are_told),
		cmocka_unit_test(a_restart_for_an_option_keeps_no_container_without_files),
		cmocka_unit_test(what_is_told_is_judged_and_not_carried_out),
		cmocka_unit_test(an_empty_remapped_tree_is_put_aside),
		cmocka_unit_test(two_trees_with_data_are_for_migrate),
		cmocka_unit_test(a_tree_of_an_earlier_remapping_is_in_the_way),
		cmocka_unit_test(the_option_is_changed_where_it_stands),
		cmocka_unit_test(one_place_only),
		cmocka_unit_test(somebody_elses_remapping_is_a_conflict),
		cmocka_unit_test(other_spellings_of_the_user_are_understood),
		cmocka_unit_test(root_is_no_remapping),
		cmocka_unit_test(the_first_free_block_is_chosen),
		cmocka_unit_test(full_hosts_fall_back_or_are_told),
		cmocka_unit_test(lines_that_are_there_are_used_or_refused),
		cmocka_unit_test(only_what_is_missing_is_added),
		cmocka_unit_test(a_wanted_range_is_checked),
		cmocka_unit_test(an_overlap_in_use_is_told_not_refused),
		cmocka_unit_test(the_user_must_fit),
		cmocka_unit_test(files_that_cannot_be_shifted_are_refused_or_allowed),
		cmocka_unit_test(the_way_back_is_not_refused_for_being_one),
		cmocka_unit_test(only_adopted_volumes_count),
		cmocka_unit_test(what_cannot_be_read_is_refused_with_its_reason),
		cmocka_unit_test(only_what_is_taken_along_must_be_read),
		cmocka_unit_test(symlinks_of_the_census_are_listed_once),
		cmocka_unit_test(files_that_stay_do_not_count),
		cmocka_unit_test(mounts_below_the_root_are_refused),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(containers_that_change_are_named),
		cmocka_unit_test(disable_goes_the_same_way_back),
		cmocka_unit_test(purge_removes_user_and_ranges),
		cmocka_unit_test(disable_of_nothing_is_nothing),
		cmocka_unit_test(disable_needs_one_range),
		cmocka_unit_test(what_cannot_be_replaced_is_refused_where_it_is_replaced),
		cmocka_unit_test(data_that_the_settings_lost_stops_everything),
		cmocka_unit_test(what_cannot_be_read_stops_every_change),
		cmocka_unit_test(what_lies_in_the_way_home),
		cmocka_unit_test(volumes_left_behind_are_adopted),
		cmocka_unit_test(a_stopped_engine_cannot_take_labels),
		cmocka_unit_test(names_in_both_trees_are_conflicts),
		cmocka_unit_test(migrate_has_its_conditions),
		cmocka_unit_test(the_table_of_checks_is_sound),
		cmocka_unit_test(remedies_are_words_or_commands),
		cmocka_unit_test(the_benchmark_asks_the_engine),
		cmocka_unit_test(the_benchmark_asks_the_kernel),
		cmocka_unit_test(the_benchmark_asks_where_the_data_lies),
		cmocka_unit_test(the_benchmark_asks_who_is_trusted),
		cmocka_unit_test(findings_refuse_by_their_class),
		cmocka_unit_test(a_kernel_without_user_namespaces_is_refused),
		cmocka_unit_test(switches_for_users_only_inform),
		cmocka_unit_test(the_file_system_must_keep_owners),
		cmocka_unit_test(mount_options_that_matter_are_told),
		cmocka_unit_test(room_is_needed_where_it_is_needed),
		cmocka_unit_test(images_in_containerd_are_found_behind_a_stopped_engine),
		cmocka_unit_test(a_record_that_is_lost_can_take_the_host_down),
		cmocka_unit_test(the_remedy_against_a_flood_is_a_command),
		cmocka_unit_test(directories_are_counted_for_rules_about_reading),
		cmocka_unit_test(a_log_of_audit_that_fills_up_can_take_the_host_down),
	};
	/* clang-format on */

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
