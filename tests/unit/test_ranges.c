/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/model.h"
#include "uns/cleanup.h"
#include "uns/idspace.h"
#include "uns/ranges.h"

/* ---- a host, built by hand ---- */

struct world {
	struct uns_idfacts f;
	struct uns_findings findings;
	struct uns_err err;
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

static void world_done(struct world *w)
{
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
	for (size_t i = 0; i < w->f.locks; i++)
		free(w->f.lock[i].path);
	free(w->f.tree);
	free(w->f.live);
	free(w->f.lock);
	free(w->f.subid_source);
	uns_findings_done(&w->findings);
}

static void file(struct world *w, enum uns_idkind kind, const char *text)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	uns_subid_done(&w->f.sub[kind].s);
	assert_int_equal(uns_buf_puts(&b, text, &w->err), 0);
	assert_int_equal(uns_subid_read(&b, &w->f.sub[kind].s, &w->err), 0);
}

static void files(struct world *w, const char *text)
{
	file(w, UNS_UID, text);
	file(w, UNS_GID, text);
}

static void account(struct uns_accounts *a, const char *name, uint32_t id, uint32_t gid)
{
	a->v = reallocarray(a->v, a->n + 1, sizeof(*a->v));
	assert_non_null(a->v);
	a->v[a->n++] = (struct uns_account){.name = copy(name), .id = id, .gid = gid};
}

/* A user with the group of its name. */
static void user(struct world *w, const char *name, uint32_t id)
{
	account(&w->f.users, name, id, id);
	account(&w->f.groups, name, id, id);
}

static void live(struct world *w, enum uns_idkind kind, uint32_t start, uint32_t count)
{
	w->f.live = reallocarray(w->f.live, w->f.lives + 1, sizeof(*w->f.live));
	assert_non_null(w->f.live);
	w->f.live[w->f.lives++] = (struct uns_live){{start, count}, kind, 4711, "sleep"};
}

static void tree(struct world *w, uint32_t uid, uint32_t gid)
{
	char path[64];

	snprintf(path, sizeof(path), "/var/lib/docker/%u.%u", uid, gid);
	w->f.tree = reallocarray(w->f.tree, w->f.trees + 1, sizeof(*w->f.tree));
	assert_non_null(w->f.tree);
	w->f.tree[w->f.trees++] = (struct uns_idtree){copy(path), {uid, gid}};
}

static struct uns_idlock *lock(struct world *w, const char *path, bool is_lock)
{
	w->f.lock = reallocarray(w->f.lock, w->f.locks + 1, sizeof(*w->f.lock));
	assert_non_null(w->f.lock);
	w->f.lock[w->f.locks] = (struct uns_idlock){.path = copy(path), .is_lock = is_lock, .age = 7300, .comm = "useradd"};
	return &w->f.lock[w->f.locks++];
}

static void taken(struct world *w, struct uns_rangeset *s, uint32_t start, uint32_t count, const char *who)
{
	assert_int_equal(uns_rangeset_add(s, (struct uns_range){start, count}, who, &w->err), 0);
}

static struct uns_model *model(struct world *w, const char *owner)
{
	struct uns_model *m = uns_model_new(&w->f, owner, &w->err);

	assert_non_null(m);
	return m;
}

static struct uns_allocator *allocator(struct world *w)
{
	struct uns_model *m = model(w, NULL);
	struct uns_allocator *a = uns_allocator_new(m, &w->err);

	assert_non_null(a);
	uns_model_free(m);
	return a;
}

static uint64_t random_state;

static uint32_t chance(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16) % below;
}

/* ---- the model ---- */

/* What the model says of a range: severity and name; "" when it is free of everything. */
static void assert_claim(struct world *w, const char *owner, enum uns_idkind kind, uint32_t start, uint32_t count,
                         enum uns_severity severity, const char *name)
{
	struct uns_model *m = model(w, owner);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	const struct uns_claim *c = uns_model_find(m, kind, (struct uns_range){start, count}, UNS_INFO);

	if (c)
		assert_int_equal(uns_claim_describe(m, kind, c, &text, &w->err), 0);
	if (strcmp(text.data ? text.data : "", name) != 0 || (c && c->severity != severity))
		fail_msg("%u:%u of kind %d: \"%s\" (%d), not \"%s\" (%d)", start, count, (int)kind, text.data ? text.data : "",
		         c ? c->severity : -1, name, (int)severity);
	uns_model_free(m);
}

static void every_source_says_who(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	file(&w, UNS_UID, "# mine\n\nalice:100000:65536\n");
	file(&w, UNS_GID, "bob:200000:65536\n");
	account(&w.f.users, "carol", 300007, 300099);
	account(&w.f.groups, "wheel", 300008, 300008);
	account(&w.f.nss[UNS_UID], "dave", 300009, 300009);
	account(&w.f.nss[UNS_GID], "staff", 300010, 300010);
	taken(&w, &w.f.plugin[UNS_UID], 400000, 65536, "erin");
	w.f.subid_source = copy("sss");
	live(&w, UNS_GID, 500000, 7);
	tree(&w, 600000, 700000);
	taken(&w, &w.f.sssd, 800000, 100, "[domain/x] of /etc/sssd/sssd.conf");
	taken(&w, &w.f.scanned[UNS_UID], 917504, 65536, "/srv");

	assert_claim(&w, NULL, UNS_UID, 165535, 1, UNS_ERROR, "alice (/etc/subuid:3: alice:100000:65536)");
	assert_claim(&w, NULL, UNS_GID, 165535, 1, UNS_ERROR, "");
	assert_claim(&w, NULL, UNS_GID, 190000, 10001, UNS_ERROR, "bob (/etc/subgid:1: bob:200000:65536)");
	assert_claim(&w, NULL, UNS_UID, 300000, 65536, UNS_ERROR, "user carol (UID 300007)");
	assert_claim(&w, NULL, UNS_GID, 300000, 65536, UNS_ERROR, "group wheel (GID 300008)");
	assert_claim(&w, NULL, UNS_UID, 300008, 65536, UNS_ERROR, "user dave of the name services (UID 300009)");
	assert_claim(&w, NULL, UNS_GID, 300009, 65536, UNS_ERROR, "group staff of the name services (GID 300010)");
	assert_claim(&w, NULL, UNS_GID, 300011, 65536, UNS_ERROR, "the primary group of user carol (GID 300099)");
	assert_claim(&w, NULL, UNS_UID, 400000, 1, UNS_ERROR, "erin (\"subid: sss\": 400000:65536)");
	assert_claim(&w, NULL, UNS_GID, 500006, 1, UNS_ERROR, "process 4711 (sleep), whose user namespace has 500000:7");
	assert_claim(&w, NULL, UNS_GID, 500007, 1, UNS_INFO, "");
	assert_claim(&w, NULL, UNS_UID, 665535, 1, UNS_ERROR, "the tree /var/lib/docker/600000.700000");
	assert_claim(&w, NULL, UNS_UID, 700000, 1, UNS_INFO, "systemd-nspawn: containers");
	assert_claim(&w, NULL, UNS_GID, 700000, 1, UNS_ERROR, "the tree /var/lib/docker/600000.700000");
	assert_claim(&w, NULL, UNS_UID, 800000, 1, UNS_ERROR, "[domain/x] of /etc/sssd/sssd.conf");
	assert_claim(&w, NULL, UNS_UID, 917504, 65536, UNS_WARNING, "files that exist (/srv)");
	/* The severest first, then the lowest. */
	assert_claim(&w, NULL, UNS_UID, 917000, 1, UNS_INFO, "systemd-nspawn: containers");
	assert_claim(&w, NULL, UNS_UID, 500000, 500000, UNS_ERROR, "the tree /var/lib/docker/600000.700000");
	world_done(&w);
}

static void the_owners_own_is_left_out(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	user(&w, "alice", 1001);
	account(&w.f.nss[UNS_UID], "ldap", 70000, 70000);
	files(&w, "alice:100000:65536\n1001:165536:65536\n70000:231072:100\n!alice:400000:10\nbob:300000:65536\n");
	tree(&w, 100000, 300000);
	live(&w, UNS_UID, 150000, 40000); /* in both lines of hers, which touch */
	live(&w, UNS_UID, 230000, 2000);  /* reaches out of them */
	live(&w, UNS_GID, 231072, 100);
	taken(&w, &w.f.plugin[UNS_UID], 500000, 5, "alice");
	taken(&w, &w.f.plugin[UNS_UID], 500000, 5, "1001");
	taken(&w, &w.f.scanned[UNS_UID], 131072, 65536, "/srv");

	for (int i = 0; i < 2; i++) {
		const char *owner = i ? "1001" : "alice";

		assert_claim(&w, owner, UNS_UID, 100000, 130000, UNS_INFO, "");
		assert_claim(&w, owner, UNS_UID, 500000, 5, UNS_INFO, "");
		assert_claim(&w, owner, UNS_UID, 231071, 1, UNS_ERROR,
		             "process 4711 (sleep), whose user namespace has 230000:2000");
		assert_claim(&w, owner, UNS_GID, 231072, 1, UNS_ERROR, "70000 (/etc/subgid:3: 70000:231072:100)");
		/* The tree's GIDs are not in her lines. */
		assert_claim(&w, owner, UNS_GID, 300000, 65536, UNS_ERROR, "bob (/etc/subgid:5: bob:300000:65536)");
	}
	assert_claim(&w, "ldap", UNS_GID, 231072, 1, UNS_INFO, "");
	assert_claim(&w, "70000", UNS_GID, 231072, 1, UNS_INFO, "");
	assert_claim(&w, "70000", UNS_GID, 100000, 1, UNS_ERROR, "alice (/etc/subgid:1: alice:100000:65536)");
	assert_claim(&w, "bob", UNS_UID, 150000, 1, UNS_ERROR, "alice (/etc/subuid:1: alice:100000:65536)");
	assert_claim(&w, "bob", UNS_GID, 300000, 65536, UNS_INFO, "");
	assert_claim(&w, "bob", UNS_UID, 400000, 1, UNS_ERROR, "!alice (/etc/subuid:4: !alice:400000:10)");
	w.f.sub[UNS_GID].s.n--; /* without bob's line the tree is somebody else's */
	assert_claim(&w, "bob", UNS_GID, 365535, 1, UNS_ERROR, "the tree /var/lib/docker/100000.300000");
	w.f.sub[UNS_GID].s.n++;
	/* Her own UID is no range of hers: a range that holds it collides with her account. */
	w.f.users.v[0].id = 100000;
	assert_claim(&w, "alice", UNS_UID, 100000, 65536, UNS_ERROR, "user alice (UID 100000)");
	world_done(&w);
}

static void lines_are_of_their_owner_by_any_name(void **state)
{
	struct world w;
	static const struct {
		const char *line, *owner;
		bool is;
	} cases[] = {
	    {"alice:100000:65536\n", "alice", true},
	    {"alice:100000:65536\n", "1001", true},
	    {"1001:100000:65536\n", "alice", true},
	    {"1001:100000:65536\n", "1001", true},
	    {"1001:1:1\n", "bob", false},
	    {"alice:1:1\n", "ali", false},
	    {"alice:1:1\n", "1002", false},
	    {"1002:1:1\n", "alice", false},
	    {"9999:1:1\n", "9999", true},
	    {"9999:1:1\n", "nobodyelse", false},
	    {"ghost:1:1\n", "ghost", true},
	    {"ghost:1:1\n", "1001", false},
	    {"+alice:1:1\n", "alice", false},
	    {"!alice:1:1\n", "alice", false},
	    {"junk\n", "junk", false},
	    {"junk\n", "", false},
	    {"70000:1:1\n", "ldap", true},
	    {"ldap:1:1\n", "70000", true},
	    {"01001:1:1\n", "alice", false},
	    {"ALICE:1:1\n", "alice", false},
	};

	(void)state;
	world_make(&w);
	user(&w, "alice", 1001);
	user(&w, "bob", 1002);
	account(&w.f.nss[UNS_UID], "ldap", 70000, 70000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		file(&w, UNS_UID, cases[i].line);
		assert_int_equal(w.f.sub[UNS_UID].s.n, 1);
		if (uns_line_is_of(&w.f, &w.f.sub[UNS_UID].s.v[0], cases[i].owner) != cases[i].is)
			fail_msg("%s of \"%s\": not %d", cases[i].line, cases[i].owner, cases[i].is);
	}
	world_done(&w);
}

/* A number with a leading zero is octal to some and decimal to others: all that it may mean is taken. */
static void ambiguous_lines_claim_all_readings(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	file(&w, UNS_UID, "bob:0400000:0200000\n"); /* 131072:65536, 131072:200000, 400000:65536, 400000:200000 */
	file(&w, UNS_GID, "bob:0900000:1\nbob: 0700000 :0010\n");
	assert_claim(&w, NULL, UNS_UID, 131071, 1, UNS_INFO, "");
	assert_claim(&w, NULL, UNS_UID, 131072, 1, UNS_ERROR, "bob (/etc/subuid:1: bob:0400000:0200000)");
	assert_claim(&w, NULL, UNS_UID, 331071, 1, UNS_ERROR, "bob (/etc/subuid:1: bob:0400000:0200000)");
	assert_claim(&w, NULL, UNS_UID, 331072, 1, UNS_INFO, "");
	assert_claim(&w, NULL, UNS_UID, 400000, 1, UNS_ERROR, "bob (/etc/subuid:1: bob:0400000:0200000)");
	assert_claim(&w, NULL, UNS_UID, 599999, 1, UNS_ERROR, "bob (/etc/subuid:1: bob:0400000:0200000)");
	assert_claim(&w, NULL, UNS_UID, 600000, 1, UNS_INFO, "systemd-nspawn: containers");
	assert_claim(&w, NULL, UNS_GID, 900000, 1, UNS_ERROR, "bob (/etc/subgid:1: bob:0900000:1)"); /* no octal number */
	assert_claim(&w, NULL, UNS_GID, 700009, 1, UNS_ERROR, "bob (/etc/subgid:2: bob: 0700000 :0010)");
	assert_claim(&w, NULL, UNS_GID, 700010, 1, UNS_INFO, "systemd-nspawn: containers");
	assert_claim(&w, NULL, UNS_GID, 229376, 8, UNS_ERROR, "bob (/etc/subgid:2: bob: 0700000 :0010)");
	world_done(&w);
}

static void lines_past_the_end_claim_what_exists(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	file(&w, UNS_UID, "eve:4294967000:65536\n");
	assert_claim(&w, NULL, UNS_UID, 4294967293u, 1, UNS_ERROR, "eve (/etc/subuid:1: eve:4294967000:65536)");
	assert_claim(&w, NULL, UNS_UID, 4294966999u, 1, UNS_WARNING, "IDs that are negative as int");
	world_done(&w);
}

static void the_table_of_reserved_ranges(void **state)
{
	static const struct {
		uint32_t start, count;
		enum uns_severity severity;
		const char *name;
	} always[] = {
	    {0, 1, UNS_ERROR, "root (ID 0)"},
	    {0, 4294967295u, UNS_ERROR, "root (ID 0)"},
	    {1, 1, UNS_ERROR, "the host's system accounts"},
	    {999, 1, UNS_ERROR, "the host's system accounts"},
	    {1000, 1, UNS_ERROR, "the host's user accounts"},
	    {60000, 1, UNS_ERROR, "the host's user accounts"},
	    {60001, 1, UNS_ERROR, "systemd-homed: homes"},
	    {60513, 1, UNS_ERROR, "systemd-homed: homes"},
	    {60514, 1, UNS_ERROR, "systemd-nspawn: users of the host in containers"},
	    {60577, 1, UNS_ERROR, "systemd-nspawn: users of the host in containers"},
	    {60578, 1, UNS_ERROR, "systemd: users of greeters"},
	    {60705, 1, UNS_ERROR, "systemd: users of greeters"},
	    {60706, 1, UNS_ERROR, "the host's own IDs below 65536"},
	    {61183, 1, UNS_ERROR, "the host's own IDs below 65536"},
	    {61184, 1, UNS_ERROR, "systemd: dynamic users"},
	    {65519, 1, UNS_ERROR, "systemd: dynamic users"},
	    {65520, 1, UNS_ERROR, "the host's own IDs below 65536"},
	    {65534, 1, UNS_ERROR, "nobody (ID 65534)"},
	    {65535, 1, UNS_ERROR, "the 16 bit -1 (ID 65535)"},
	    {65536, 458752, UNS_INFO, ""},
	    {524288, 1, UNS_INFO, "systemd-nspawn: containers"},
	    {1879048191, 1, UNS_INFO, "systemd-nspawn: containers"},
	    {1879048192, 268304384, UNS_INFO, ""},
	    {2147352576, 1, UNS_ERROR, "systemd: foreign IDs"},
	    {2147418111, 1, UNS_ERROR, "systemd: foreign IDs"},
	    {2147418112, 65536, UNS_INFO, ""},
	    {2147483647, 1, UNS_INFO, ""},
	    {2147483648u, 1, UNS_WARNING, "IDs that are negative as int"},
	    {4294967293u, 1, UNS_WARNING, "IDs that are negative as int"},
	    {4294967294u, 1, UNS_ERROR, "nobody of NFS (ID 4294967294)"},
	    {4294967295u, 1, UNS_ERROR, "no ID at all (4294967295)"},
	    {4294967295u, 4294967295u, UNS_ERROR, "no ID at all (4294967295)"}, /* runs around the end */
	    {2147483648u, 2147483648u, UNS_ERROR, "nobody of NFS (ID 4294967294)"},
	};
	struct world w;

	(void)state;
	world_make(&w);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		for (int kind = 0; kind < UNS_IDKINDS; kind++)
			assert_claim(&w, NULL, (enum uns_idkind)kind, always[i].start, always[i].count, always[i].severity,
			             always[i].name);
	world_done(&w);
}

static void reserved_ranges_depend_on_software(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	assert_claim(&w, NULL, UNS_UID, 584788, 5, UNS_INFO, "systemd-nspawn: containers");
	w.f.present = UNS_HAS_SNAPD;
	assert_claim(&w, NULL, UNS_UID, 584788, 1, UNS_ERROR, "snapd: snap_daemon and others");
	assert_claim(&w, NULL, UNS_UID, 584793, 1, UNS_INFO, "systemd-nspawn: containers");
	w.f.present = UNS_HAS_HOMED;
	assert_claim(&w, NULL, UNS_UID, 65536, 1, UNS_INFO, "IDs that systemd-homed cannot store in homes");
	w.f.present = UNS_HAS_KUBELET;
	assert_claim(&w, NULL, UNS_UID, 65536, 1, UNS_INFO, "kubelet: pods");
	w.f.present = UNS_HAS_INCUS;
	file(&w, UNS_UID, "roots:5000000:1\n");
	file(&w, UNS_GID, "ROOT:5000000:1\n");
	assert_claim(&w, NULL, UNS_UID, 1000999999, 1, UNS_ERROR, "Incus or LXD: containers, because root has no line");
	assert_claim(&w, "root", UNS_UID, 1000999999, 1, UNS_INFO, "systemd-nspawn: containers");
	assert_claim(&w, NULL, UNS_GID, 1000999999, 1, UNS_INFO, "systemd-nspawn: containers");
	w.f.present = UNS_HAS_SSSD;
	assert_claim(&w, NULL, UNS_UID, 2000199999, 1, UNS_WARNING, "SSSD: accounts of a domain");
	assert_claim(&w, NULL, UNS_UID, 199999, 1, UNS_INFO, "");
	taken(&w, &w.f.sssd, 3000000, 200000, "x");
	assert_claim(&w, NULL, UNS_UID, 2000199999, 1, UNS_INFO, "");
	w.f.present = 0;
	w.f.subid_source = copy("sss");
	assert_claim(&w, NULL, UNS_UID, 2147483648u, 1, UNS_ERROR, "FreeIPA: subordinate IDs");
	assert_claim(&w, NULL, UNS_UID, 4294901768u, 1, UNS_WARNING, "IDs that are negative as int");
	world_done(&w);
}

static void login_defs_move_the_accounts(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	w.f.defs.sys_max[UNS_UID] = 499;
	w.f.defs.id_min[UNS_UID] = 500;
	w.f.defs.id_max[UNS_UID] = 200000;
	w.f.defs.id_max[UNS_GID] = 4294967294u;
	assert_claim(&w, NULL, UNS_UID, 500, 1, UNS_ERROR, "the host's user accounts");
	assert_claim(&w, NULL, UNS_GID, 999, 1, UNS_ERROR, "the host's system accounts");
	assert_claim(&w, NULL, UNS_UID, 200000, 1, UNS_ERROR, "the host's user accounts");
	assert_claim(&w, NULL, UNS_UID, 200001, 1, UNS_INFO, "");
	/* A limit beyond everything says nothing about where accounts lie, and must not forbid everything. */
	assert_claim(&w, NULL, UNS_GID, 200000, 1, UNS_WARNING, "the host's user accounts");
	/* Whatever the file says, nothing below 65536 is free. */
	w.f.defs.id_min[UNS_UID] = 4000000000u;
	w.f.defs.id_max[UNS_UID] = 10;
	w.f.defs.sys_max[UNS_UID] = 0;
	for (uint32_t id = 0; id < 65536; id += 13) {
		struct uns_model *m;

		if (id % 4096 > 13)
			continue;
		m = model(&w, NULL);
		for (uint32_t i = id; i < id + 13 && i < 65536; i++)
			assert_non_null(uns_model_find(m, UNS_UID, (struct uns_range){i, 1}, UNS_ERROR));
		uns_model_free(m);
	}
	world_done(&w);
}

/* Of the claims that a test made, the severest, of these the one with the lowest start; by looking at all. */
struct known {
	struct uns_range range;
	enum uns_severity severity;
};

static const struct known *search(const struct known *v, size_t n, struct uns_range r, enum uns_severity least)
{
	const struct known *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (v[i].severity < least || !uns_range_overlaps(v[i].range, r))
			continue;
		if (!best || v[i].severity > best->severity ||
		    (v[i].severity == best->severity && v[i].range.start < best->range.start))
			best = &v[i];
	}
	return best;
}

/* IDs at which things go wrong, and counts. */
static uint32_t edge_id(void)
{
	static const uint32_t ids[] = {0,          1,           65535,       65536,       65537,       131071,      131072,
	                               524287,     524288,      2147352575,  2147352576,  2147418111,  2147418112,  2147483646,
	                               2147483647, 2147483648u, 2147483649u, 4294901760u, 4294967293u, 4294967294u, 4294967295u};

	return chance(3) ? ids[chance(sizeof(ids) / sizeof(ids[0]))] : chance(200) * 1000;
}

static uint32_t edge_count(void)
{
	static const uint32_t counts[] = {0, 1, 2, 65535, 65536, 65537, 131072, 1u << 30, 2147483647, 2147483648u, 4294967295u};

	return chance(2) ? counts[chance(sizeof(counts) / sizeof(counts[0]))] : chance(5000);
}

static void random_claim(struct world *w, struct known *k)
{
	k->range = (struct uns_range){edge_id(), edge_count()};
	switch (chance(3)) {
	case 0:
		k->severity = k->range.count > 1u << 30 ? UNS_INFO : UNS_ERROR;
		live(w, UNS_UID, k->range.start, k->range.count);
		break;
	case 1:
		k->severity = UNS_ERROR;
		taken(w, &w->f.sssd, k->range.start, k->range.count, "x");
		break;
	default:
		k->severity = UNS_WARNING;
		taken(w, &w->f.scanned[UNS_UID], k->range.start, k->range.count, "x");
	}
}

static void the_model_finds_what_looking_at_all_finds(void **state)
{
	const unsigned sources = UNS_CLAIM_BIT(UNS_CLAIM_LIVE) | UNS_CLAIM_BIT(UNS_CLAIM_SSSD) | UNS_CLAIM_BIT(UNS_CLAIM_SCAN);
	size_t found = 0, asked = 0;

	(void)state;
	random_state = 88172645463325252u;
	for (int round = 0; round < 400; round++) {
		struct known known[24];
		size_t n = chance(24);
		struct uns_model *m;
		struct world w;

		world_make(&w);
		for (size_t i = 0; i < n; i++)
			random_claim(&w, &known[i]);
		m = uns_model_of(&w.f, NULL, sources, &w.err);
		assert_non_null(m);
		for (int i = 0; i < 100; i++) {
			struct uns_range r = {edge_id(), edge_count()};
			enum uns_severity least = (enum uns_severity)chance(3);
			const struct uns_claim *c = uns_model_find(m, UNS_UID, r, least);
			const struct known *k = search(known, n, r, least);

			asked++;
			found += k != NULL;
			if (!c != !k || (k && (c->severity != k->severity || c->range.start != k->range.start)))
				fail_msg("round %d: %u:%u least %d", round, r.start, r.count, (int)least);
		}
		uns_model_free(m);
		world_done(&w);
	}
	assert_true(found > 5000 && found < asked - 5000);
}

/* ---- allocation ---- */

#define FOREIGN                                                                                                                    \
	{                                                                                                                          \
		{2147352576, 65536}, UNS_ERROR                                                                                     \
	}

struct universe {
	struct world w;
	struct known known[64]; /* the first one is large: most places fail at it */
	size_t n;
};

static void universe_claim(struct universe *u, enum uns_idkind kind, struct known k)
{
	struct world *w = &u->w;

	if (k.severity == UNS_WARNING)
		taken(w, &w->f.scanned[kind], k.range.start, k.range.count, "x");
	else
		live(w, kind, k.range.start, k.range.count);
	u->known[u->n++] = k;
}

static bool is_free(const struct universe *u, struct uns_range r, enum uns_severity least)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->known[i].severity >= least && uns_range_overlaps(u->known[i].range, r))
			return false;
	return true;
}

/* Place by place. */
static bool search_window(const struct universe *u, uint64_t from, uint64_t last, uint32_t count, enum uns_severity least,
                          uint32_t *ret)
{
	for (uint64_t start = 65536; start < 2147483648u; start += 65536) {
		if (start < from || start < count || start + count - 1 > last || start + count - 1 > UNS_RANGE_LAST)
			continue;
		if (!is_free(u, (struct uns_range){(uint32_t)start, count}, least))
			continue;
		*ret = (uint32_t)start;
		return true;
	}
	return false;
}

static bool search_all(const struct universe *u, uint32_t count, uint32_t *ret)
{
	const struct uns_login_defs *d = &u->w.f.defs;
	uint64_t min = d->sub_min[0] > d->sub_min[1] ? d->sub_min[0] : d->sub_min[1];
	uint64_t max = d->sub_max[0] < d->sub_max[1] ? d->sub_max[0] : d->sub_max[1];
	uint64_t low = 65536;

	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (d->sub_set[kind] && d->sub_min[kind] > low)
			low = d->sub_min[kind];
	if (count == 0)
		return false;
	for (int least = UNS_WARNING; least <= UNS_ERROR; least++)
		if (search_window(u, min > 524288 ? min : 524288, max, count, (enum uns_severity)least, ret) ||
		    search_window(u, low, UNS_RANGE_LAST, count, (enum uns_severity)least, ret))
			return true;
	return false;
}

/* Hands out until nothing is left, a few times beyond, each time with the same answer. Returns how many there were. */
static size_t drain(struct universe *u, const uint32_t *counts, size_t kinds, size_t most)
{
	struct uns_allocator *a = allocator(&u->w);
	size_t given = 0;

	for (size_t i = 0; i < most && u->n < 64; i++) {
		uint32_t count = counts[chance((uint32_t)kinds)], start = 7, want = 7;
		int rc = uns_allocator_next(a, count, &start, &u->w.err);
		bool free = search_all(u, count, &want);

		if (rc != (free ? 0 : 1) || start != want)
			fail_msg("count %u: %d %u, not %d %u", count, rc, start, !free, want);
		if (!free)
			continue;
		given++;
		assert_true(start % 65536 == 0 && start >= count);
		u->known[u->n++] = (struct known){{start, count}, UNS_ERROR};
	}
	uns_allocator_free(a);
	return given;
}

/* Everything from here up is taken, so that few blocks remain. */
static void universe_make(struct universe *u, uint32_t end)
{
	memset(u, 0, sizeof(*u));
	world_make(&u->w);
	universe_claim(u, (enum uns_idkind)chance(2), (struct known){{end, 1u << 30}, UNS_ERROR});
	universe_claim(u, (enum uns_idkind)chance(2), (struct known){{1u << 30, 1u << 30}, UNS_ERROR});
	u->known[u->n++] = (struct known)FOREIGN;
}

static void small_universes_are_used_up(void **state)
{
	static const uint32_t counts[] = {1, 2, 1000, 65535, 65536, 65537, 131072, 131073, 200000, 655360, 0};
	size_t given = 0;

	(void)state;
	random_state = 1181783497276652981u;
	for (int round = 0; round < 150; round++) {
		struct universe u;
		uint32_t blocks = 8 + chance(16), claims = chance(12);

		universe_make(&u, blocks * 65536 + chance(3) - 1);
		for (uint32_t i = 0; i < claims; i++) {
			uint32_t start =
			    chance(2) ? chance(blocks) * 65536 + chance(3) - (chance(2) ? 1 : 0) : chance(blocks * 65536);

			universe_claim(&u, (enum uns_idkind)chance(2),
			               (struct known){{start, chance(4) ? 1 + chance(3) : 1 + chance(150000)},
			                              chance(3) ? UNS_ERROR : UNS_WARNING});
		}
		for (int kind = 0; kind < UNS_IDKINDS; kind++) {
			u.w.f.defs.sub_min[kind] = chance(20) * 32768;
			u.w.f.defs.sub_max[kind] = chance(3) ? 524288 + chance(20) * 65535 : 600100000;
			u.w.f.defs.sub_set[kind] = chance(3) == 0;
		}
		given += drain(&u, counts, chance(4) ? sizeof(counts) / sizeof(counts[0]) : 1 + chance(6), 30);
		world_done(&u.w);
	}
	assert_true(given > 900);
}

static void the_edges_of_the_ids(void **state)
{
	static const uint32_t counts[] = {1,        65535,      65536,      65537,       (1u << 30) - 131072, (1u << 30) - 131071,
	                                  1u << 30, 1073741825, 2147483647, 2147483648u, 2147483649u,         4294967295u,
	                                  0,        1u << 29,   805306368};
	size_t given = 0;

	(void)state;
	random_state = 5573589319906701683u;
	for (int round = 0; round < 40; round++) {
		struct universe u;
		uint32_t claims = chance(8);

		memset(&u, 0, sizeof(u));
		world_make(&u.w);
		u.known[u.n++] = (struct known)FOREIGN;
		for (uint32_t i = 0; i < claims; i++) {
			struct known k = {{edge_id(), edge_count()}, chance(3) ? UNS_ERROR : UNS_WARNING};

			k.range.count = k.range.count > 1u << 30 && k.severity == UNS_ERROR ? 1u << 30 : k.range.count;
			universe_claim(&u, (enum uns_idkind)chance(2), k);
		}
		given += drain(&u, counts, sizeof(counts) / sizeof(counts[0]), 30);
		world_done(&u.w);
	}
	assert_true(given > 130);
}

static void what_is_taken_is_not_handed_out(void **state)
{
	struct uns_allocator *a;
	struct world w;
	uint32_t start;

	(void)state;
	world_make(&w);
	a = allocator(&w);
	assert_int_equal(uns_allocator_take(a, (struct uns_range){524288, 65536}, &w.err), 0);
	assert_int_equal(uns_allocator_take(a, (struct uns_range){655359, 1}, &w.err), 0);
	assert_int_equal(uns_allocator_take(a, (struct uns_range){700000, 0}, &w.err), 0);
	assert_int_equal(uns_allocator_take(a, (struct uns_range){4294967295u, 4294967295u}, &w.err), 0);
	assert_int_equal(uns_allocator_next(a, 65535, &start, &w.err), 0);
	assert_int_equal(start, 589824);
	assert_int_equal(uns_allocator_next(a, 65536, &start, &w.err), 0);
	assert_int_equal(start, 655360);
	/* Of a block only what lies before the first that is taken. */
	assert_int_equal(uns_allocator_take(a, (struct uns_range){720996, 1}, &w.err), 0);
	assert_int_equal(uns_allocator_take(a, (struct uns_range){721096, 1}, &w.err), 0);
	assert_int_equal(uns_allocator_next(a, 101, &start, &w.err), 0);
	assert_int_equal(start, 786432);
	assert_int_equal(uns_allocator_next(a, 100, &start, &w.err), 0);
	assert_int_equal(start, 720896);
	assert_int_equal(uns_allocator_take(a, (struct uns_range){0, 2147483648u}, &w.err), 0);
	assert_int_equal(uns_allocator_next(a, 1, &start, &w.err), 1);
	assert_int_equal(start, 720896);
	uns_allocator_free(a);
	world_done(&w);
}

/* What only might be taken is used when all else is. */
static void discouraged_ranges_come_last(void **state)
{
	struct uns_allocator *a;
	struct world w;
	uint32_t start;

	(void)state;
	world_make(&w);
	w.f.present = UNS_HAS_SSSD; /* 200000 … 2000199999 */
	a = allocator(&w);
	for (uint32_t i = 0; i < 2248; i++) {
		/* Two below, then what is above up to systemd's foreign IDs, then one behind these. */
		uint32_t want = i < 2 ? (i + 1) * 65536 : i < 2247 ? 2000224256 + (i - 2) * 65536 : 2147418112;

		assert_int_equal(uns_allocator_next(a, 65536, &start, &w.err), 0);
		assert_int_equal(start, want);
	}
	assert_int_equal(uns_allocator_next(a, 65536, &start, &w.err), 0);
	assert_int_equal(start, 524288);
	assert_int_equal(uns_allocator_next(a, 100000, &start, &w.err), 0);
	assert_int_equal(start, 589824);
	uns_allocator_free(a);
	world_done(&w);
}

static void a_name_has_one_range_forever(void **state)
{
	/* Made with another program. They may never change: hosts were set up with them. */
	static const struct {
		const char *owner;
		uint32_t count, start;
	} cases[] = {
	    {"", 65536, 1788280832},       {"alice", 65536, 805896192},     {"alice", 1, 805896192},
	    {"alice", 0, 805896192},       {"bob", 65536, 1654128640},      {"bob", 65537, 1160904704},
	    {"bob", 1000000, 1013972992},  {"dockremap", 65536, 121307136}, {"alice@example.org", 65536, 1543438336},
	    {"1001", 65536, 470482944},    {"dockremap", 1u << 30, 0}, /* no place */
	    {"dockremap", 4294967295u, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t start = uns_range_hash(cases[i].owner, cases[i].count);

		assert_int_equal(start, cases[i].start);
		if (start)
			assert_null(uns_range_unsafe((struct uns_range){start, cases[i].count ? cases[i].count : 65536}));
	}
	for (uint32_t i = 0; i < 20000; i++) {
		char owner[32];
		struct uns_range r = {0, 1 + i * 9973};

		snprintf(owner, sizeof(owner), "user%u", i);
		r.start = uns_range_hash(owner, r.count);
		assert_null(uns_range_unsafe(r));
		assert_true(r.start >= 524288 && r.count <= 2147352576 - r.start);
	}
}

static void ranges_that_nobody_may_have(void **state)
{
	static const struct {
		struct uns_range range;
		const char *why; /* NULL: it may */
	} cases[] = {
	    {{65536, 65536}, NULL},
	    {{524288, 65536}, NULL},
	    {{65536, 1}, NULL},
	    {{2147418112, 65536}, NULL},
	    {{1073741824, 1073741824}, NULL},
	    {{131072, 0}, "no IDs"},
	    {{4294901760u, 65536}, "beyond the last"},
	    {{4294967295u, 1}, "beyond the last"},
	    {{2147483648u, 2147483648u}, "beyond the last"},
	    {{0, 65536}, "below 65536"},
	    {{65535, 1}, "below 65536"},
	    {{65536, 65537}, "below its own count"},
	    {{2147418112, 65537}, "beyond 2147483647"},
	    {{2147483648u, 65536}, "beyond 2147483647"},
	    {{4294836224u, 65536}, "beyond 2147483647"},
	    {{65537, 1}, NULL},
	    {{100000, 65536}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = uns_range_unsafe(cases[i].range);

		if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
			fail_msg("%u:%u: %s", cases[i].range.start, cases[i].range.count, why ? why : "fit");
	}
}

/* ---- lint ---- */

static void lint(struct world *w, size_t limit)
{
	uns_findings_done(&w->findings);
	if (uns_ranges_check(&w->f, limit, &w->findings, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

/* All findings as "ID object" lines, in order. */
static char *found(const struct world *w)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < w->findings.n; i++)
		assert_int_equal(uns_buf_printf(&b, NULL, "%s %s\n", w->findings.v[i].check->id, w->findings.v[i].object), 0);
	return uns_buf_take(&b, NULL);
}

static void expect(struct world *w, const char *want)
{
	uns_auto_free char *have = NULL;

	lint(w, 0);
	have = found(w);
	assert_string_equal(have, want);
}

static const struct uns_finding *finding(const struct world *w, const char *id, const char *object)
{
	for (size_t i = 0; i < w->findings.n; i++)
		if (strcmp(w->findings.v[i].check->id, id) == 0 && strcmp(w->findings.v[i].object, object) == 0)
			return &w->findings.v[i];
	fail_msg("no %s %s", id, object);
	return NULL;
}

static size_t count_of(const struct world *w, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < w->findings.n; i++)
		n += strcmp(w->findings.v[i].check->id, id) == 0;
	return n;
}

static void assert_says(const struct world *w, const char *id, const char *object, const char *part)
{
	const struct uns_finding *f = finding(w, id, object);

	if (!strstr(f->reason, part))
		fail_msg("%s %s: \"%s\" does not say \"%s\"", id, object, f->reason, part);
}

static void assert_remedy(const struct world *w, const char *id, const char *object, const char *part)
{
	const struct uns_finding *f = finding(w, id, object);

	if (!f->remedy || !strstr(f->remedy, part))
		fail_msg("%s %s: the remedy is \"%s\", without \"%s\"", id, object, f->remedy ? f->remedy : "", part);
}

static void world_with_users(struct world *w)
{
	world_make(w);
	w->f.present = UNS_HAS_SYSTEMD | UNS_HAS_DOCKER | UNS_HAS_PODMAN;
	user(w, "root", 0);
	user(w, "alice", 1001);
	user(w, "bob", 1002);
	user(w, "dockremap", 996);
}

static void a_clean_host_has_no_findings(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	files(&w, "# who has what\nalice:524288:65536\n\nbob:589824:65536\ndockremap:655360:131072\ncontainers:1048576:655360\n"
	          "!carol:2097152:65536\n");
	tree(&w, 655360, 655360);
	live(&w, UNS_UID, 655360, 65536);
	live(&w, UNS_GID, 524288, 131072); /* over two lines that touch */
	live(&w, UNS_UID, 1001, 1);
	live(&w, UNS_UID, 0, 4294967295u);
	taken(&w, &w.f.scanned[UNS_UID], 655360, 65536, "/var/lib/docker");
	lock(&w, "/etc/subuid.lock", true)->pid = 17;
	w.f.lock[0].alive = true;
	expect(&w, "");
	world_done(&w);
}

static void a_start_that_is_read_as_zero_is_roots(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	files(&w, "alice:0x80000:65536\n");
	expect(&w, "SubidReadsRoot /etc/subuid:1\nSubidReadsRoot /etc/subgid:1\n");
	assert_says(&w, "SubidReadsRoot", "/etc/subuid:1", "\"alice:0x80000:65536\" (a hexadecimal number): dockerd >= 28: reads");
	assert_says(&w, "SubidReadsRoot", "/etc/subuid:1", "incus: ignores the line");
	assert_remedy(&w, "SubidReadsRoot", "/etc/subuid:1", "usernsctl range check --fix alice writes alice:524288:65536");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	files(&w, "alice:abc:65536\n");
	expect(&w, "SubidReadsRoot /etc/subuid:1\nSubidReadsRoot /etc/subgid:1\n");
	assert_remedy(&w, "SubidReadsRoot", "/etc/subuid:1", "OWNER:START:COUNT");
	/* The count alone: no IDs, no root. */
	files(&w, "alice:524288:0x10000\n");
	expect(&w, "SubidReadDifferently /etc/subuid:1\nSubidReadDifferently /etc/subgid:1\n");
	assert_says(&w, "SubidReadDifferently", "/etc/subgid:1", "dockerd >= 28: reads a count of 0");
	/* A real 0, with what else is in it: user alice and the group daemon, but not the owner's own. */
	account(&w.f.groups, "daemon", 7, 7);
	file(&w, UNS_UID, "bob:0:65536\n");
	file(&w, UNS_GID, "dockremap:0:997\n");
	expect(&w, "SubidReadsRoot /etc/subuid:1\nSubidReadsRoot /etc/subgid:1\nRangeOnAccount /etc/subuid:1\n"
	           "RangeOnAccount /etc/subgid:1\nRangeOwnUid /etc/subuid:1\nRangeOwnUid /etc/subgid:1\n"
	           "RangeAsymmetric /etc/subuid:1\nRangeAsymmetric /etc/subgid:1\nRangeSmall /etc/subgid:1\n");
	assert_says(&w, "SubidReadsRoot", "/etc/subuid:1", "gives bob the ID 0");
	assert_says(&w, "RangeOnAccount", "/etc/subuid:1", "dockremap (UID 996)");
	assert_says(&w, "RangeOnAccount", "/etc/subgid:1", "daemon (GID 7)");
	/* Nobody is "!alice". */
	files(&w, "!alice:abc:65536\n");
	expect(&w, "");
	world_done(&w);
}

static void lines_that_cost_the_whole_file(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	file(&w, UNS_UID, "junk\n \nalice:524288:65536:x\n");
	file(&w, UNS_GID, "alice:524288:65536");
	expect(&w, "SubidFileRefused /etc/subuid:1\nSubidFileRefused /etc/subuid:2\nSubidFileRefused /etc/subuid:3\n"
	           "SubidFileRefused /etc/subgid:1\n");
	assert_says(&w, "SubidFileRefused", "/etc/subuid:1", "dockerd <= 27");
	assert_says(&w, "SubidFileRefused", "/etc/subuid:2", "incus: refuses the whole file");
	assert_says(&w, "SubidFileRefused", "/etc/subgid:1", "newuidmap >= 4.19: refuses the whole file");
	assert_says(&w, "SubidFileRefused", "/etc/subgid:1", "lxc-usernsexec: loses the last digit");
	assert_remedy(&w, "SubidFileRefused", "/etc/subgid:1", "usernsctl range check --fix ends it with a newline");
	assert_remedy(&w, "SubidFileRefused", "/etc/subuid:3", "--fix alice writes alice:524288:65536");
	world_done(&w);
}

static void lines_that_programs_read_differently(void **state)
{
	static const char *const lines[] = {"alice:524288:65536\r\n", "alice:524288:65536 \n",       " alice:524288:65536\n",
	                                    "alice:+524288:65536\n",  "alice:524288:65536 # mine\n", "alice:-1:65536\n"};
	struct world w;

	(void)state;
	world_with_users(&w);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		files(&w, lines[i]);
		lint(&w, 0);
		assert_int_equal(count_of(&w, "SubidReadDifferently"), 2);
		assert_int_equal(w.findings.n, 2);
	}
	/* Who is given nothing is not missed. */
	files(&w, "ghost:524288:x\n");
	expect(&w, "SubidReadDifferently /etc/subuid:1\nSubidReadDifferently /etc/subgid:1\n");
	/* Both readings are named, and both collide. */
	file(&w, UNS_UID, "alice:02000000:65536\n");
	file(&w, UNS_GID, "alice:524288:65536\n");
	lint(&w, 0);
	assert_says(&w, "SubidReadDifferently", "/etc/subuid:1", "octal");
	assert_says(&w, "SubidReadDifferently", "/etc/subuid:1", "decimal");
	assert_remedy(&w, "SubidReadDifferently", "/etc/subuid:1", "write alice:524288:65536 or alice:2000000:65536, whichever");
	files(&w, "alice:02000000:65536\nbob:1966080:65536\n");
	lint(&w, 0);
	assert_says(&w, "RangeOverlap", "/etc/subuid:1", "bob (/etc/subuid:2: bob:1966080:65536)");
	world_done(&w);
}

/* What a line quotes goes to terminals. */
static void quotes_are_printable_and_short(void **state)
{
	struct world w;
	char line[2000];

	(void)state;
	world_with_users(&w);
	memset(line, 'a', sizeof(line));
	memcpy(line, "\033[31m\xff", 6);
	snprintf(line + sizeof(line) - 40, 40, ":524288:65536:x\n");
	files(&w, line);
	lint(&w, 0);
	assert_true(w.findings.n >= 2);
	for (size_t i = 0; i < w.findings.n; i++) {
		assert_true(strlen(w.findings.v[i].reason) < 1000);
		for (const char *p = w.findings.v[i].reason; *p; p++)
			assert_true(*p >= ' ' && *p <= '~');
		for (const char *p = w.findings.v[i].remedy ? w.findings.v[i].remedy : ""; *p; p++)
			assert_true(*p >= ' ' && *p <= '~');
	}
	world_done(&w);
}

static void ranges_of_two_owners(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	files(&w, "bob:589824:65536\nalice:524288:131072\n");
	expect(&w, "RangeOverlap /etc/subuid:1\nRangeOverlap /etc/subgid:1\n");
	assert_says(&w, "RangeOverlap", "/etc/subuid:1",
	            "\"bob:589824:65536\" overlaps alice (/etc/subuid:2: alice:524288:131072)");
	assert_remedy(&w, "RangeOverlap", "/etc/subuid:1", "usernsctl range move bob");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_CONFLICT);
	/* By one ID only, the last; a UID against a GID is none. */
	file(&w, UNS_UID, "alice:524288:65537\nbob:589824:65536\n");
	file(&w, UNS_GID, "bob:524288:65537\nalice:589825:65536\n");
	expect(&w, "RangeOverlap /etc/subuid:2\nRangeAsymmetric /etc/subuid:1\nRangeAsymmetric /etc/subuid:2\n"
	           "RangeUnaligned /etc/subgid:2\n");
	/* By name and by UID they are one owner; disabled lines still are of theirs. */
	files(&w, "alice:524288:65536\n!alice:524288:65536\n!bob:524288:65536\n");
	expect(&w, "RangeOverlap /etc/subuid:3\nRangeOverlap /etc/subgid:3\n");
	world_done(&w);
}

static void ranges_over_accounts(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	account(&w.f.users, "twin", 1001, 1001);
	account(&w.f.users, "carol", 530000, 530001);
	files(&w, "alice:524288:65536\n");
	expect(&w, "RangeOnAccount /etc/subuid:1\nRangeOnAccount /etc/subgid:1\n");
	assert_says(&w, "RangeOnAccount", "/etc/subuid:1", "holds user carol (UID 530000)");
	assert_says(&w, "RangeOnAccount", "/etc/subgid:1", "the primary group of user carol (GID 530001)");
	account(&w.f.nss[UNS_UID], "ldap", 589823, 7);
	files(&w, "carol:524288:65536\n");
	expect(&w, "RangeOnAccount /etc/subuid:1\nRangeOwnUid /etc/subuid:1\nRangeOwnUid /etc/subgid:1\n");
	assert_says(&w, "RangeOnAccount", "/etc/subuid:1", "user ldap of the name services (UID 589823)");
	assert_says(&w, "RangeOwnUid", "/etc/subgid:1", "holds GID 530001, carol's own");
	/* Her own UID first, as Docker once wanted it, and that of a twin, which is the same. */
	files(&w, "alice:1001:1\n");
	expect(&w, "RangeOwnUid /etc/subuid:1\nRangeOwnUid /etc/subgid:1\nRangeSmall /etc/subuid:1\nRangeSmall /etc/subgid:1\n"
	           "RangeUnaligned /etc/subuid:1\nRangeUnaligned /etc/subgid:1\n");
	files(&w, "alice:1001:2\n");
	lint(&w, 0);
	assert_says(&w, "RangeOnAccount", "/etc/subuid:1", "user bob (UID 1002)");
	assert_says(&w, "RangeReserved", "/etc/subuid:1", "overlaps 1000-60000, which is reserved: the host's user accounts");
	world_done(&w);
}

static void ranges_over_reserved_ids(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	files(&w, "alice:2147352576:131072\n");
	expect(&w, "RangeReserved /etc/subuid:1\nRangeReserved /etc/subgid:1\n");
	assert_says(&w, "RangeReserved", "/etc/subuid:1", "2147352576-2147418111, which is reserved: systemd: foreign IDs");
	files(&w, "alice:2147418112:131072\n");
	expect(&w, "RangeHigh /etc/subuid:1\nRangeHigh /etc/subgid:1\n");
	assert_says(&w, "RangeHigh", "/etc/subuid:1", "reaches 2147549183");
	file(&w, UNS_UID, "alice:2147418112:65537\n");
	file(&w, UNS_GID, "alice:2147418112:65536\n");
	expect(&w, "RangeAsymmetric /etc/subuid:1\nRangeHigh /etc/subuid:1\n");
	files(&w, "alice:4294901760:65536\n");
	lint(&w, 0);
	assert_int_equal(count_of(&w, "RangePastEnd"), 2);
	assert_says(&w, "RangePastEnd", "/etc/subuid:1", "ends beyond 4294967294, the last ID; ");
	assert_remedy(&w, "RangePastEnd", "/etc/subgid:1", "usernsctl range remove alice && usernsctl range add alice");
	assert_int_equal(uns_findings_code(&w.findings), UNS_E_REFUSED);
	w.f.present |= UNS_HAS_SSSD;
	files(&w, "alice:524288:65536\n");
	expect(&w, "RangeDiscouraged /etc/subuid:1\nRangeDiscouraged /etc/subgid:1\n");
	assert_says(&w, "RangeDiscouraged", "/etc/subuid:1", "overlaps 200000-2000199999, which may be taken: SSSD");
	taken(&w, &w.f.sssd, 400000, 200000, "[domain/ad] of /etc/sssd/sssd.conf");
	expect(&w, "RangeReserved /etc/subuid:1\nRangeReserved /etc/subgid:1\n");
	assert_says(&w, "RangeReserved", "/etc/subuid:1", "[domain/ad] of /etc/sssd/sssd.conf");
	world_done(&w);
}

static void several_lines_of_one_owner(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	files(&w, "alice:589824:65536\nbob:1048576:65536\nalice:524288:65536\nalice:720896:65536\nalice:786431:65536\n");
	expect(&w, "RangeSeveralLines /etc/subuid:3\nRangeSeveralLines /etc/subgid:3\nRangeUnaligned /etc/subuid:5\n"
	           "RangeUnaligned /etc/subgid:5\n");
	assert_says(&w, "RangeSeveralLines", "/etc/subuid:3", "is one of 4 lines of alice (lines 1, 3, 4, 5)");
	assert_says(&w, "RangeSeveralLines", "/etc/subuid:3", "line 3 begins lower than line 1");
	assert_says(&w, "RangeSeveralLines", "/etc/subuid:3", "lines 3 and 1 touch: one line 524288:131072 would do");
	assert_says(&w, "RangeSeveralLines", "/etc/subuid:3", "lines 4 and 5 overlap");
	assert_says(&w, "RangeSeveralLines", "/etc/subuid:3", "lxc-usernsexec, unshare --map-auto: takes only the first");
	/* The same twice is a duplicate, not a second range. */
	files(&w, "alice:524288:65536\nalice:524288:65536\nalice:524288:65536\n");
	expect(&w, "SubidDuplicate /etc/subuid:2\nSubidDuplicate /etc/subuid:3\nSubidDuplicate /etc/subgid:2\n"
	           "SubidDuplicate /etc/subgid:3\n");
	assert_says(&w, "SubidDuplicate", "/etc/subuid:3", "says the same as line 1");
	assert_remedy(&w, "SubidDuplicate", "/etc/subuid:3", "usernsctl range check --fix takes it out");
	files(&w, "alice:524288:65536\nalice:0x80000:65536\n");
	lint(&w, 0);
	assert_remedy(&w, "SubidDuplicate", "/etc/subuid:2", "take one of the two out");
	files(&w, "alice:524288:65536\n1001:524288:65536\n");
	expect(&w, "SubidNameAndUid /etc/subuid:2\nSubidNameAndUid /etc/subgid:2\nRangeSeveralLines /etc/subuid:2\n"
	           "RangeSeveralLines /etc/subgid:2\nSubidNumericOwner /etc/subuid:2\nSubidNumericOwner /etc/subgid:2\n");
	assert_says(&w, "SubidNameAndUid", "/etc/subuid:2", "and line 1 are both of alice, once by name and once by UID (1001)");
	assert_remedy(&w, "SubidNumericOwner", "/etc/subuid:2", "--fix 1001 writes alice");
	world_done(&w);
}

static void both_files_should_say_the_same(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	file(&w, UNS_UID, "alice:524288:65536\nbob:589824:65536\n");
	file(&w, UNS_GID, "alice:524288:65537\ndockremap:655360:65536\n");
	expect(&w, "RangeAsymmetric /etc/subuid:1\nRangeAsymmetric /etc/subuid:2\nRangeAsymmetric /etc/subgid:2\n");
	assert_says(&w, "RangeAsymmetric", "/etc/subuid:1", "the UIDs of alice are 524288:65536, the GIDs 524288:65537");
	assert_says(&w, "RangeAsymmetric", "/etc/subuid:2", "has no like in /etc/subgid: engines need a range of bob");
	assert_remedy(&w, "RangeAsymmetric", "/etc/subgid:2", "usernsctl range add dockremap");
	/* Duplicates do not count, by name or UID does not matter, the order does. */
	file(&w, UNS_UID, "alice:524288:65536\nalice:524288:65536\nbob:589824:65536\nbob:655360:65536\n");
	file(&w, UNS_GID, "1001:524288:65536\nbob:655360:65536\nbob:589824:65536\n");
	lint(&w, 0);
	assert_int_equal(count_of(&w, "RangeAsymmetric"), 1);
	assert_says(&w, "RangeAsymmetric", "/etc/subuid:3", "and line 2 of /etc/subgid differ");
	world_done(&w);
}

static void lines_of_nobody(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	account(&w.f.nss[UNS_UID], "ldap", 70000, 70000);
	files(&w, "ghost:524288:65536\n4242:589824:65536\nldap:655360:65536\ncontainers:720896:65536\n!gone:786432:65536\n");
	expect(&w, "RangeStaleNumeric /etc/subuid:2\nRangeStaleNumeric /etc/subgid:2\nRangeOrphan /etc/subuid:1\n"
	           "RangeOrphan /etc/subgid:1\n");
	assert_says(&w, "RangeOrphan", "/etc/subuid:1", "there is no user ghost in /etc/passwd; ");
	assert_remedy(&w, "RangeOrphan", "/etc/subuid:1", "usernsctl range remove ghost");
	assert_says(&w, "RangeStaleNumeric", "/etc/subgid:2", "the next user who gets that UID inherits it");
	w.f.has_nss[UNS_UID] = true;
	lint(&w, 0);
	assert_says(&w, "RangeOrphan", "/etc/subuid:1", "nor do the name services");
	w.f.offline = true;
	lint(&w, 0);
	assert_says(&w, "RangeOrphan", "/etc/subuid:1", "not asked offline");
	world_done(&w);
}

static void small_odd_and_nis(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	files(&w, "alice:524288:65535\nbob:700000:65536\ndockremap:1048576:0\n-x\n+alice:1:1\n");
	/* A program that knows no such lines misses fields. */
	expect(&w, "SubidFileRefused /etc/subuid:4\nSubidFileRefused /etc/subgid:4\nSubidNisLine /etc/subuid:4\nSubidNisLine "
	           "/etc/subuid:5\nSubidNisLine /etc/subgid:4\nSubidNisLine /etc/subgid:5\n"
	           "RangeSmall /etc/subuid:1\nRangeSmall /etc/subuid:3\nRangeSmall /etc/subgid:1\nRangeSmall /etc/subgid:3\n"
	           "RangeUnaligned /etc/subuid:2\nRangeUnaligned /etc/subgid:2\n");
	assert_says(&w, "RangeSmall", "/etc/subuid:1", "has 65535 IDs");
	assert_says(&w, "RangeSmall", "/etc/subuid:3", "no IDs at all");
	world_done(&w);
}

static void the_files_themselves(void **state)
{
	static const struct {
		uint32_t mode, uid, gid;
		const char *says;
	} modes[] = {
	    {0644, 1001, 0, "is not root"}, {0666, 0, 0, "anyone can write"}, {0664, 0, 0, "its group can write"},
	    {0640, 0, 0, "not everybody"},  {0600, 0, 0, "not everybody"},    {0444, 0, 0, "root:root with the mode 0644"},
	    {0644, 0, 7, "root:root"},
	};
	struct world w;

	(void)state;
	world_with_users(&w);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		w.f.sub[UNS_GID].mode = modes[i].mode;
		w.f.sub[UNS_GID].uid = modes[i].uid;
		w.f.sub[UNS_GID].gid = modes[i].gid;
		expect(&w, "SubidFileMode /etc/subgid\n");
		if (!strstr(w.findings.v[0].reason, modes[i].says))
			fail_msg("%04o: %s", modes[i].mode, w.findings.v[0].reason);
	}
	w.f.sub[UNS_GID] = (struct uns_subid_file){.exists = false};
	w.f.sub[UNS_UID].symlink = true;
	expect(&w, "SubidSymlink /etc/subuid\nSubidMissing /etc/subgid\n");
	w.f.sub[UNS_UID] = (struct uns_subid_file){.exists = false};
	expect(&w, "SubidMissing /etc/subuid\nSubidMissing /etc/subgid\n");
	w.f.present = 0;
	expect(&w, "");
	world_done(&w);
}

static void locks_that_nobody_holds(void **state)
{
	struct world w;
	struct uns_idlock *l;

	(void)state;
	world_with_users(&w);
	lock(&w, "/etc/subuid.lock", true); /* unreadable */
	lock(&w, "/etc/subgid.lock", true)->pid = 99;
	l = lock(&w, "/etc/passwd.lock", true);
	l->pid = 1;
	l->alive = l->younger = true;
	l = lock(&w, "/etc/group.lock", true);
	l->pid = 1;
	l->alive = true;
	lock(&w, "/etc/subuid+", false);
	expect(&w,
	       "StaleLock /etc/subuid.lock\nStaleLock /etc/subgid.lock\nStaleLock /etc/passwd.lock\nSubidLeftover /etc/subuid+\n");
	assert_says(&w, "StaleLock", "/etc/subuid.lock", "made 2 h ago, it names no process");
	assert_says(&w, "StaleLock", "/etc/subgid.lock", "by process 99, which runs no more");
	assert_says(&w, "StaleLock", "/etc/passwd.lock", "process 1 that is gone: the one of that number now (useradd)");
	for (size_t i = 0; i < 3; i++)
		assert_non_null(strstr(w.findings.v[i].remedy, "--break-stale-locks"));
	world_done(&w);
}

static void another_source_of_ranges(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	w.f.subid_source = copy("sss");
	files(&w, "alice:524288:65536\ndockremap:2147483648:65536\n");
	taken(&w, &w.f.plugin[UNS_UID], 589823, 65536, "bob");   /* in alice's last */
	taken(&w, &w.f.plugin[UNS_UID], 524288, 65536, "alice"); /* the same owner */
	taken(&w, &w.f.plugin[UNS_GID], 524287, 2, "1002");      /* alice begins in it */
	taken(&w, &w.f.plugin[UNS_GID], 900000, 65536, "unknown");
	expect(&w,
	       "RangeOverlap /etc/subgid:1\nRangeOverlap bob (\"subid: sss\": 589823:65536)\nRangeReserved /etc/subuid:2\n"
	       "RangeReserved /etc/subgid:2\nSubidSource /etc/nsswitch.conf\nRangeHigh /etc/subuid:2\nRangeHigh /etc/subgid:2\n");
	assert_says(&w, "RangeOverlap", "bob (\"subid: sss\": 589823:65536)", "overlaps alice (/etc/subuid:1");
	assert_remedy(&w, "RangeOverlap", "bob (\"subid: sss\": 589823:65536)", "usernsctl range move alice");
	assert_says(&w, "RangeReserved", "/etc/subuid:2", "FreeIPA");
	assert_says(&w, "SubidSource", "/etc/nsswitch.conf", "not read");
	w.f.subid_source_read = true;
	lint(&w, 0);
	assert_null(strstr(finding(&w, "SubidSource", "/etc/nsswitch.conf")->reason, "not read"));
	world_done(&w);
}

static void ids_that_are_in_use_and_in_no_line(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	account(&w.f.users, "carol", 800000, 800000);
	files(&w, "alice:524288:65536\nghost:1048576:65536\n");
	live(&w, UNS_UID, 524288, 65537);
	live(&w, UNS_GID, 70000, 1);
	live(&w, UNS_UID, 800000, 1); /* who made the map */
	live(&w, UNS_UID, 0, 1);
	tree(&w, 524288, 524289);
	tree(&w, 589824, 524288);
	tree(&w, 0, 0);
	tree(&w, 1048576, 1048576);
	taken(&w, &w.f.scanned[UNS_UID], 524288, 65536, "/srv/a");
	taken(&w, &w.f.scanned[UNS_UID], 1048576, 65536, "/srv/b");
	taken(&w, &w.f.scanned[UNS_GID], 1114112, 65536, "/srv/c");
	taken(&w, &w.f.scanned[UNS_UID], 786432, 65536, "/srv/d"); /* carol's */
	expect(&w, "RangeTreeUnowned /var/lib/docker/524288.524289\nRangeTreeUnowned /var/lib/docker/589824.524288\n"
	           "RangeTreeUnowned /var/lib/docker/0.0\nRangeFilesLeft /srv/b\nRangeFilesLeft /srv/c\n"
	           "RangeOrphan /etc/subuid:2\nRangeOrphan /etc/subgid:2\nRangeLiveUnrecorded process 4711 (sleep)\n"
	           "RangeLiveUnrecorded process 4711 (sleep)\n");
	assert_says(&w, "RangeTreeUnowned", "/var/lib/docker/524288.524289", "no line of /etc/subgid begins at 524289");
	assert_says(&w, "RangeTreeUnowned", "/var/lib/docker/589824.524288", "no line of /etc/subuid begins at 589824");
	assert_says(&w, "RangeTreeUnowned", "/var/lib/docker/0.0", "host's root");
	assert_says(&w, "RangeFilesLeft", "/srv/b", "line 2 of /etc/subuid is of ghost");
	assert_says(&w, "RangeFilesLeft", "/srv/c", "files have GIDs of 1114112-1179647, which /etc/subgid gives to nobody");
	assert_says(&w, "RangeLiveUnrecorded", "process 4711 (sleep)", "UIDs 524288:65537");
	lint(&w, 1);
	assert_int_equal(count_of(&w, "RangeTreeUnowned"), 2);
	assert_says(&w, "RangeTreeUnowned", "data roots", "and 2 more");
	assert_says(&w, "RangeLiveUnrecorded", "user namespaces", "and 1 more");
	world_done(&w);
}

static void other_software(void **state)
{
	struct world w;

	(void)state;
	world_with_users(&w);
	w.f.present = UNS_HAS_INCUS | UNS_HAS_KUBELET;
	expect(&w, "KubeletRange kubelet\nIncusImplicit root\n");
	assert_says(&w, "KubeletRange", "kubelet", "no user kubelet");
	files(&w, "root:1048576:1000013824\n");
	user(&w, "kubelet", 990);
	expect(&w, "KubeletRange kubelet\n");
	assert_says(&w, "KubeletRange", "kubelet", "has no line");
	files(&w, "root:1048576:65536\nkubelet:2097152:7208960\n");
	expect(&w, "");
	files(&w, "root:1048576:65536\nkubelet:2097152:7208960\nkubelet:20971520:65536\n");
	lint(&w, 0);
	assert_says(&w, "KubeletRange", "kubelet", "exactly one line");
	files(&w, "root:1048576:65536\nkubelet:2097152:7143424\n");
	expect(&w, "KubeletRange kubelet\n");
	assert_says(&w, "KubeletRange", "kubelet", "110");
	files(&w, "root:1048576:65536\nkubelet:2097153:7208960\n");
	lint(&w, 0);
	assert_says(&w, "KubeletRange", "kubelet", "multiples of 65536");
	file(&w, UNS_UID, "root:1048576:65536\nkubelet:2162688:7208960\n");
	lint(&w, 0);
	assert_says(&w, "KubeletRange", "kubelet", "the same range");
	w.f.present = 0;
	w.f.probe_cut = true;
	w.f.probed = 12345;
	files(&w, "");
	expect(&w, "ProbeIncomplete name services\n");
	assert_says(&w, "ProbeIncomplete", "name services", "12345");
	assert_remedy(&w, "ProbeIncomplete", "name services", "--timeout");
	w.f.probe_silent = true;
	lint(&w, 0);
	assert_says(&w, "ProbeIncomplete", "name services", "does not answer");
	world_done(&w);
}

static void much_is_counted_and_not_listed(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	struct world w;

	(void)state;
	world_with_users(&w);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(uns_buf_printf(&b, NULL, "user%04u:%u:65536\n", i, 524288 + i * 65536), 0);
	files(&w, b.data);
	lint(&w, 3);
	assert_int_equal(w.findings.n, 8);
	assert_string_equal(w.findings.v[2].object, "/etc/subuid:3");
	assert_string_equal(w.findings.v[3].object, "/etc/subuid");
	assert_string_equal(w.findings.v[3].reason, "… and 997 more lines of this file");
	assert_string_equal(w.findings.v[4].object, "/etc/subgid:1");
	lint(&w, 999);
	assert_string_equal(w.findings.v[999].reason, "… and 1 more line of this file");
	lint(&w, 1000);
	assert_int_equal(w.findings.n, 2000);
	lint(&w, 0);
	assert_int_equal(w.findings.n, 2000);
	world_done(&w);
}

static void worst_comes_first(void **state)
{
	struct world w;
	int last = UNS_ERROR;

	(void)state;
	world_with_users(&w);
	w.f.present |= UNS_HAS_INCUS | UNS_HAS_KUBELET | UNS_HAS_SSSD;
	w.f.sub[UNS_GID].mode = 0666;
	file(&w, UNS_UID, "ghost:1:7\nalice:0x1:5\nbob:3:9\nbob:1:2\n1002:5:5\n99:4294967290:99\n+x\nalice:524288:65536");
	file(&w, UNS_GID, "x:y\ndockremap:0:5\n");
	tree(&w, 7, 7);
	live(&w, UNS_UID, 900000, 7);
	lock(&w, "/etc/subuid.lock", true);
	lint(&w, 0);
	assert_true(w.findings.n > 30);
	for (size_t i = 0; i < w.findings.n; i++) {
		assert_true((int)w.findings.v[i].check->severity <= last);
		last = (int)w.findings.v[i].check->severity;
	}
	assert_int_equal(last, UNS_INFO);
	world_done(&w);
}

/* ---- against a slow judge ---- */

/* One entry of a made-up file, which the test keeps for itself. */
struct entry {
	uint32_t start, count;
	unsigned owner;
};

static void random_file(struct world *w, struct entry *v, size_t n, uint32_t space)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct entry){524288 + chance(space), 1 + chance(chance(4) ? 10 : space), chance(5)};
		/* Owner 0 is alice, in both spellings. */
		if (v[i].owner == 0)
			uns_buf_printf(&b, NULL, "%s:%u:%u\n", chance(2) ? "alice" : "1001", v[i].start, v[i].count);
		else
			uns_buf_printf(&b, NULL, "%so%u:%u:%u\n", chance(9) ? "" : "!", v[i].owner, v[i].start, v[i].count);
	}
	file(w, UNS_UID, n ? b.data : "");
}

static bool overlap(const struct entry *a, const struct entry *b)
{
	return a->owner != b->owner && a->start < b->start + b->count && b->start < a->start + a->count;
}

static void overlaps_are_those_that_comparing_all_finds(void **state)
{
	size_t overlaps = 0, states = 0;

	(void)state;
	random_state = 362436069362436069u;
	for (int round = 0; round < 400; round++) {
		struct entry v[40];
		size_t n = chance(40);
		struct uns_line_states all = {0};
		const uint8_t *state_of;
		struct world w;

		world_with_users(&w);
		w.f.sub[UNS_GID].exists = false;
		random_file(&w, v, n, 1 + chance(chance(3) ? 60 : 3000));
		lint(&w, 0);
		assert_int_equal(uns_ranges_states(&w.f, &all, &w.err), 0);
		state_of = all.of[UNS_UID];
		for (size_t i = 0; i < n; i++) {
			bool inside = false, any = false, said = false;
			char object[48];

			for (size_t j = 0; j < n; j++) {
				bool earlier = v[j].start < v[i].start || (v[j].start == v[i].start && j < i);

				any = any || overlap(&v[i], &v[j]);
				inside = inside || (earlier && overlap(&v[i], &v[j]));
			}
			snprintf(object, sizeof(object), "/etc/subuid:%zu", i + 1);
			for (size_t j = 0; j < w.findings.n; j++)
				said = said || (strcmp(w.findings.v[j].check->id, "RangeOverlap") == 0 &&
				                strcmp(w.findings.v[j].object, object) == 0);
			assert_int_equal(said, inside);
			assert_int_equal(state_of[i] == UNS_LINE_OVERLAP, any);
			overlaps += inside;
			states += any;
		}
		uns_line_states_done(&all);
		world_done(&w);
	}
	assert_true(overlaps > 1500 && states > overlaps + 200);
}

static void each_line_has_a_state(void **state)
{
	static const char *const want[] = {"ok",      "orphan",    "duplicate", "reserved", "overlap", "overlap",
	                                   "account", "malformed", "past-end",  "root",     "nis",     "ok",
	                                   "ok",      "malformed", "malformed", "orphan"};
	struct uns_line_states states = {0};
	const uint8_t *v;
	struct world w;

	(void)state;
	for (int i = 0; i < UNS_LINE_STATES; i++)
		assert_non_null(uns_line_state_names[i]);
	world_with_users(&w);
	account(&w.f.users, "carol", 2000000, 2000000);
	file(&w, UNS_UID,
	     "alice:524288:65536\nghost:589824:65536\nalice:524288:65536\nbob:2147352576:1\nbob:1000000:9\n"
	     "dockremap:1000008:1\nbob:2000000:1\nalice:0700000:1\nbob:4294967290:99\nbob:0x9:1\n+x:1:1\n!x:3000000:1\n"
	     "containers:3100000:1\njunk\ndockremap:3300000:x\n4242:3200000:65536");
	assert_int_equal(uns_ranges_states(&w.f, &states, &w.err), 0);
	v = states.of[UNS_UID];
	assert_int_equal(w.f.sub[UNS_UID].s.n, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < w.f.sub[UNS_UID].s.n; i++)
		if (strcmp(uns_line_state_names[v[i]], want[i]) != 0)
			fail_msg("line %zu: %s, not %s", i + 1, uns_line_state_names[v[i]], want[i]);
	assert_non_null(states.of[UNS_GID]); /* no file, no lines */
	uns_line_states_done(&states);
	world_done(&w);
}

/* Bytes that mean something in such a file, in any order. */
static void random_bytes(struct world *w, enum uns_idkind kind)
{
	static const char *const parts[] = {"alice",  "bob",   "1001", ":",  ":", ":", ":",     "\n", "\n",
	                                    "524288", "65536", "0",    "1",  "7", "8", "0x",    "+",  "-",
	                                    "!",      "\t",    " ",    "\r", "#", "x", "99999", "\v", "\x85"};
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (uint32_t i = 0, n = chance(60); i < n; i++)
		assert_int_equal(chance(50) ? uns_buf_puts(&b, parts[chance(sizeof(parts) / sizeof(parts[0]))], NULL)
		                            : uns_buf_append(&b, "\0", 1, NULL),
		                 0);
	uns_subid_done(&w->f.sub[kind].s);
	assert_int_equal(uns_subid_read(&b, &w->f.sub[kind].s, &w->err), 0);
}

static bool is_said(const struct world *w, const char *object, enum uns_severity least)
{
	for (size_t i = 0; i < w->findings.n; i++)
		if (w->findings.v[i].check->severity >= least && strcmp(w->findings.v[i].object, object) == 0)
			return true;
	return false;
}

/* What a list calls bad, a check explains, and the other way round. */
static void states_and_findings_agree_about_anything(void **state)
{
	size_t bad = 0, good = 0;

	(void)state;
	random_state = 123456789987654321u;
	for (int round = 0; round < 3000; round++) {
		struct uns_line_states states = {0};
		struct world w;

		world_with_users(&w);
		random_bytes(&w, UNS_UID);
		random_bytes(&w, UNS_GID);
		uns_model_free(model(&w, chance(2) ? "alice" : "1001"));
		lint(&w, 0);
		assert_int_equal(uns_ranges_states(&w.f, &states, &w.err), 0);
		for (int kind = 0; kind < UNS_IDKINDS; kind++) {
			const struct uns_subid *s = &w.f.sub[kind].s;
			const uint8_t *v = states.of[kind];

			for (size_t i = 0; i < s->n; i++) {
				char object[48];

				snprintf(object, sizeof(object), "%s:%u", UNS_SUBID_FILE(kind), s->v[i].line);
				if (v[i] != UNS_LINE_OK && v[i] != UNS_LINE_OVERLAP && !is_said(&w, object, UNS_INFO))
					fail_msg("round %d: %s is %s without a finding", round, object, uns_line_state_names[v[i]]);
				if (v[i] == UNS_LINE_OK && is_said(&w, object, UNS_ERROR))
					fail_msg("round %d: %s is ok with a finding", round, object);
				bad += v[i] != UNS_LINE_OK;
				good += v[i] == UNS_LINE_OK;
			}
		}
		uns_line_states_done(&states);
		world_done(&w);
	}
	assert_true(bad > 5000 && good > 100);
}

/* ---- much ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of the processor, not of the wall clock. Anything quadratic takes longer even without sanitizers, all that is here far less with
 * them. */
#define MANY 200000
#define LONG_ENOUGH 40.0

static void many(struct world *w, void (*line)(struct uns_buf *b, unsigned i, unsigned n), unsigned n)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	for (unsigned i = 0; i < n; i++)
		line(&b, i, n);
	files(w, b.data);
}

static void line_each_his_own(struct uns_buf *b, unsigned i, unsigned n)
{
	(void)n;
	uns_buf_printf(b, NULL, "user%06u:%u:2048\n", i, 524288 + i * 2048);
}

static void line_all_one_owner(struct uns_buf *b, unsigned i, unsigned n)
{
	uns_buf_printf(b, NULL, "alice:%u:2048\n", 524288 + (i * 7919u % n) * 2048);
}

static void line_all_the_same(struct uns_buf *b, unsigned i, unsigned n)
{
	(void)n;
	uns_buf_printf(b, NULL, "%s:524288:65536\n", i % 2 ? "alice" : "1001");
}

static void line_all_overlap(struct uns_buf *b, unsigned i, unsigned n)
{
	uns_buf_printf(b, NULL, "user%06u:%u:%u\n", i, 524288 + i, 2 * (n - i) + 1);
}

static void many_lines_cost_no_more_than_their_number(void **state)
{
	static void (*const shapes[])(struct uns_buf *, unsigned, unsigned) = {line_each_his_own, line_all_one_owner,
	                                                                       line_all_the_same, line_all_overlap};
	static const char *const most[] = {"RangeOrphan", "RangeSmall", "SubidDuplicate", "RangeOverlap"};
	double begin = seconds();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world w;

		world_with_users(&w);
		many(&w, shapes[i], MANY);
		lint(&w, 5);
		assert_int_equal(count_of(&w, most[i]), 12);
		many(&w, shapes[i], MANY / 20);
		lint(&w, 0);
		assert_in_range(count_of(&w, most[i]), 2 * (MANY / 20 - 2), 2 * (MANY / 20));
		world_done(&w);
	}
	assert_true(seconds() - begin < LONG_ENOUGH);
}

static void many_ranges_are_handed_out_at_once(void **state)
{
	struct uns_allocator *a;
	double begin = seconds();
	uint32_t start, given = 0;
	struct world w;

	(void)state;
	world_with_users(&w);
	many(&w, line_all_overlap, MANY);
	a = allocator(&w);
	while (uns_allocator_next(a, 1 + given % 3 * 65536, &start, &w.err) == 0)
		given++;
	assert_in_range(given, 16000, 32768);
	uns_allocator_free(a);
	assert_true(seconds() - begin < LONG_ENOUGH);
	world_done(&w);
}

static void what_was_found_twice_is_said_once(void **state)
{
	struct uns_findings f = {0};
	double begin = seconds();

	(void)state;
	for (unsigned i = 0; i < 3 * MANY; i++) {
		char object[32];

		snprintf(object, sizeof(object), "/etc/subuid:%u", i % MANY);
		assert_int_equal(
		    uns_findings_add(&f, NULL, i % 2 ? "RangeSmall" : "RangeOrphan", object, NULL, NULL, "%u", i % MANY / 2), 0);
	}
	assert_int_equal(f.n, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_string_equal(f.v[i].check->id, i % 2 ? "RangeSmall" : "RangeOrphan");
	/* Each of the three parts counts. */
	assert_int_equal(uns_findings_add(&f, NULL, "RangeSmall", "/etc/subuid:0", NULL, NULL, "0"), 0);
	assert_int_equal(uns_findings_add(&f, NULL, "RangeOrphan", "/etc/subuid:1", NULL, NULL, "0"), 0);
	assert_int_equal(uns_findings_add(&f, NULL, "RangeOrphan", "/etc/subuid:0", NULL, NULL, "1"), 0);
	assert_int_equal(f.n, MANY + 3);
	uns_findings_done(&f);
	assert_true(seconds() - begin < LONG_ENOUGH);
}

/* ---- the ID space ---- */

static void space_of(struct world *w, size_t most, struct uns_idspace *ret)
{
	*ret = (struct uns_idspace){0};
	assert_int_equal(uns_idspace_make(&w->f, UNS_UID, most, ret, &w->err), 0);
}

static const struct uns_band *band_at(const struct uns_idspace *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (id >= s->v[i].first && id <= s->v[i].last)
			return &s->v[i];
	fail_msg("%u is in no band", id);
	return NULL;
}

static void assert_band(const struct uns_idspace *s, uint32_t first, uint32_t last, enum uns_band_state state, const char *who)
{
	const struct uns_band *b = band_at(s, first);

	assert_int_equal(b->first, first);
	assert_int_equal(b->last, last);
	assert_string_equal(uns_band_state_name(b->state), uns_band_state_name(state));
	if (who)
		assert_string_equal(b->who.n ? b->who.v[0] : "", who);
}

/* From 0 to the last ID, without gap or overlap, neighbours differ. */
static void assert_whole(const struct uns_idspace *s)
{
	uint64_t next = 0;
	size_t collisions = 0;

	for (size_t i = 0; i < s->n; i++) {
		assert_true(s->v[i].first == next && s->v[i].last >= s->v[i].first);
		assert_true(s->v[i].state != UNS_BAND_FREE || s->v[i].all == 0);
		next = (uint64_t)s->v[i].last + 1;
		collisions += s->v[i].state == UNS_BAND_COLLISION;
	}
	assert_true(next == (uint64_t)UINT32_MAX + 1);
	assert_int_equal(collisions, s->collisions);
}

static void the_space_of_a_host(void **state)
{
	struct uns_idspace s;
	struct world w;

	(void)state;
	world_make(&w);
	user(&w, "root", 0);
	user(&w, "alice", 1000);
	user(&w, "bob", 1500);
	user(&w, "far", 4000);
	files(&w, "dockremap:524288:65536\nalice:589824:65536\nalice:600000:10\n");
	tree(&w, 524288, 524288);
	tree(&w, 917504, 917504);
	live(&w, UNS_UID, 1048576, 65536);
	space_of(&w, 0, &s);
	assert_whole(&s);
	assert_int_equal(s.collisions, 0); /* an owner's lines do not collide with each other */
	assert_band(&s, 0, 1500, UNS_BAND_ACCOUNTS, "3 users, root … bob");
	assert_band(&s, 1501, 3999, UNS_BAND_RESERVED, "the host's user accounts");
	assert_band(&s, 4000, 4000, UNS_BAND_ACCOUNTS, "user far");
	assert_band(&s, 65536, 524287, UNS_BAND_FREE, "");
	assert_band(&s, 524288, 589823, UNS_BAND_RANGE, "dockremap (line 1)");
	assert_string_equal(band_at(&s, 524288)->who.v[1], "the tree /var/lib/docker/524288.524288");
	assert_band(&s, 589824, 599999, UNS_BAND_RANGE, "alice (line 2)");
	assert_band(&s, 600000, 600009, UNS_BAND_RANGE, "alice (line 2)");
	assert_int_equal(band_at(&s, 600000)->all, 2);
	assert_band(&s, 917504, 983039, UNS_BAND_USED, "the tree /var/lib/docker/917504.917504");
	assert_band(&s, 1048576, 1114111, UNS_BAND_USED, NULL);
	uns_idspace_done(&s);
	world_done(&w);
}

static void collisions_are_exactly_where_they_are(void **state)
{
	struct uns_idspace s;
	struct world w;

	(void)state;
	world_make(&w);
	user(&w, "near", 599990); /* stands before alice's range: not in one band with those in it */
	user(&w, "in", 600007);
	user(&w, "too", 600100);
	user(&w, "alice", 1000);
	files(&w, "alice:600000:65536\nbob:650000:65536\n1000:610000:10\ncarol:2147352000:1000\n");
	space_of(&w, 0, &s);
	assert_whole(&s);
	assert_int_equal(s.collisions, 3);
	assert_band(&s, 599990, 599990, UNS_BAND_ACCOUNTS, "user near");
	assert_band(&s, 600000, 600006, UNS_BAND_RANGE, "alice (line 1)");
	assert_band(&s, 600007, 600100, UNS_BAND_COLLISION, "alice (line 1)");
	assert_string_equal(band_at(&s, 600007)->who.v[1], "2 users, in … too");
	assert_band(&s, 610000, 610009, UNS_BAND_RANGE, "alice (line 1)"); /* 1000 is alice */
	assert_band(&s, 650000, 665535, UNS_BAND_COLLISION, "alice (line 1)");
	assert_band(&s, 2147352000, 2147352575, UNS_BAND_RANGE, "carol (line 4)");
	assert_band(&s, 2147352576, 2147352999, UNS_BAND_COLLISION, "carol (line 4)");
	uns_idspace_done(&s);
	world_done(&w);
}

static void many_ranges_are_counted(void **state)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_idspace s;
	struct world w;

	(void)state;
	world_make(&w);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(uns_buf_printf(&text, &w.err, "u%u:%u:60000\n", i, 1048576 + i * 65536), 0);
	assert_int_equal(uns_buf_puts(&text, "x:4194304:10\n", &w.err), 0);
	files(&w, text.data);
	space_of(&w, 0, &s);
	assert_whole(&s);
	assert_true(s.n > 200);
	uns_idspace_done(&s);
	space_of(&w, 50, &s);
	assert_whole(&s);
	assert_true(s.n < 30);
	assert_band(&s, 1048576, 48 * 65536 + 1048576 - 5537, UNS_BAND_RANGE, NULL);
	assert_band(&s, 4194304, 4194313, UNS_BAND_COLLISION, "u48 (line 49)");
	assert_int_equal(band_at(&s, 1048576)->all, 48);
	uns_idspace_done(&s);
	world_done(&w);
}

/* Each ID of a few is in a band of the state that looking at all claims gives it. */
static void the_space_agrees_with_the_model(void **state)
{
	(void)state;
	random_state = 6364136223846793005u;
	for (int round = 0; round < 300; round++) {
		struct uns_model *m;
		struct uns_idspace s;
		struct world w;

		world_make(&w);
		for (uint32_t i = chance(20); i > 0; i--) {
			struct known k;

			random_claim(&w, &k);
		}
		m = model(&w, NULL);
		space_of(&w, 0, &s);
		assert_whole(&s);
		for (int i = 0; i < 60; i++) {
			uint32_t id = edge_id();
			bool is_free = !uns_model_find(m, UNS_UID, (struct uns_range){id, 1}, UNS_WARNING);

			assert_int_equal(band_at(&s, id)->state == UNS_BAND_FREE, is_free);
		}
		uns_idspace_done(&s);
		uns_model_free(m);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_source_says_who),
	    cmocka_unit_test(the_owners_own_is_left_out),
	    cmocka_unit_test(lines_are_of_their_owner_by_any_name),
	    cmocka_unit_test(ambiguous_lines_claim_all_readings),
	    cmocka_unit_test(lines_past_the_end_claim_what_exists),
	    cmocka_unit_test(the_table_of_reserved_ranges),
	    cmocka_unit_test(reserved_ranges_depend_on_software),
	    cmocka_unit_test(login_defs_move_the_accounts),
	    cmocka_unit_test(the_model_finds_what_looking_at_all_finds),
	    cmocka_unit_test(small_universes_are_used_up),
	    cmocka_unit_test(the_edges_of_the_ids),
	    cmocka_unit_test(what_is_taken_is_not_handed_out),
	    cmocka_unit_test(discouraged_ranges_come_last),
	    cmocka_unit_test(a_name_has_one_range_forever),
	    cmocka_unit_test(ranges_that_nobody_may_have),
	    cmocka_unit_test(a_clean_host_has_no_findings),
	    cmocka_unit_test(a_start_that_is_read_as_zero_is_roots),
	    cmocka_unit_test(lines_that_cost_the_whole_file),
	    cmocka_unit_test(lines_that_programs_read_differently),
	    cmocka_unit_test(quotes_are_printable_and_short),
	    cmocka_unit_test(ranges_of_two_owners),
	    cmocka_unit_test(ranges_over_accounts),
	    cmocka_unit_test(ranges_over_reserved_ids),
	    cmocka_unit_test(several_lines_of_one_owner),
	    cmocka_unit_test(both_files_should_say_the_same),
	    cmocka_unit_test(lines_of_nobody),
	    cmocka_unit_test(small_odd_and_nis),
	    cmocka_unit_test(the_files_themselves),
	    cmocka_unit_test(locks_that_nobody_holds),
	    cmocka_unit_test(another_source_of_ranges),
	    cmocka_unit_test(ids_that_are_in_use_and_in_no_line),
	    cmocka_unit_test(other_software),
	    cmocka_unit_test(much_is_counted_and_not_listed),
	    cmocka_unit_test(worst_comes_first),
	    cmocka_unit_test(overlaps_are_those_that_comparing_all_finds),
	    cmocka_unit_test(each_line_has_a_state),
	    cmocka_unit_test(states_and_findings_agree_about_anything),
	    cmocka_unit_test(many_lines_cost_no_more_than_their_number),
	    cmocka_unit_test(many_ranges_are_handed_out_at_once),
	    cmocka_unit_test(what_was_found_twice_is_said_once),
	    cmocka_unit_test(the_space_of_a_host),
	    cmocka_unit_test(collisions_are_exactly_where_they_are),
	    cmocka_unit_test(many_ranges_are_counted),
	    cmocka_unit_test(the_space_agrees_with_the_model),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
