/* SPDX-License-Identifier: Apache-2.0 */
/* range check: the texts about all that is no line: the files as such, locks, other software, and IDs in use that no line has. */
#include <stdio.h>
#include <string.h>

#include "lint.h"
#include "uns/cleanup.h"

#define PODS 110 /* of a kubelet that is not told otherwise (maxPods) */

static const char *const id_names[UNS_IDKINDS] = {"UID", "GID"};

/* Findings of one id and kind, of which so many are listed as the caller wants. */
struct tally {
	size_t all, shown;
};

static bool is_listed(const struct uns_lint *t, struct tally *n)
{
	n->all++;
	if (t->limit && n->shown >= t->limit)
		return false;
	n->shown++;
	return true;
}

static int say_rest(const struct uns_lint *t, const char *id, const char *object, const struct tally *n, struct uns_err *err)
{
	if (n->all == n->shown)
		return 0;
	return uns_findings_add(t->ret, NULL, id, object, UNS_LINT_LIST_ALL, err, "… and %zu more", n->all - n->shown);
}

/* ---- what no line has ---- */

/* All of the range lies in lines of somebody. */
static bool is_covered(const struct uns_lint *t, enum uns_idkind kind, struct uns_range r)
{
	uint32_t last = uns_range_last(r);

	for (;;) {
		const struct uns_claim *c = uns_model_first(t->lines, kind, (struct uns_range){r.start, 1}, UNS_ERROR);

		if (!c)
			return false;
		if (uns_range_last(c->range) >= last)
			return true;
		r.start = uns_range_last(c->range) + 1;
	}
}

/* A map of the host's own IDs, or of the ID of the user who made it, is nobody's subordinate range. */
static bool is_plain_map(const struct uns_lint *t, const struct uns_live *l)
{
	if (l->range.count == 0 || l->range.start < UNS_ID_BLOCK)
		return true;
	return l->range.count == 1 && uns_model_first(t->accounts, l->kind, l->range, UNS_ERROR);
}

int uns_lint_live(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	struct tally n = {0};

	for (size_t i = 0; i < t->f->lives; i++) {
		const struct uns_live *l = &t->f->live[i];
		char object[64];

		if (is_plain_map(t, l) || is_covered(t, l->kind, l->range) || !is_listed(t, &n))
			continue;
		snprintf(object, sizeof(object), "process %ld (%.31s)", (long)l->pid, l->comm);
		if (uns_findings_add(
		        t->ret, NULL, id, object, NULL, err,
		        "its user namespace has the %ss %u:%u, which %s gives to nobody, so that other programs may give "
		        "them away (systemd-nspawn and others choose such ranges while they run)",
		        id_names[l->kind], l->range.start, l->range.count, UNS_SUBID_FILE(l->kind)) < 0)
			return -1;
	}
	return say_rest(t, id, "user namespaces", &n, err);
}

/* Some line begins exactly there. */
static bool begins_at(const struct uns_lint *t, enum uns_idkind kind, uint32_t start)
{
	size_t n, low = 0, high;
	const struct uns_claim *v = uns_model_claims(t->lines, kind, UNS_ERROR, &n);

	for (high = n; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (v[middle].range.start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && v[low].range.start == start;
}

static int say_tree(const struct uns_lint *t, const char *id, const struct uns_idtree *tree, bool uid, struct uns_err *err)
{
	enum uns_idkind kind = uid ? UNS_GID : UNS_UID;
	uns_auto_free char *remedy = NULL;

	if (tree->start[UNS_UID] == 0)
		return uns_findings_add(
		    t->ret, NULL, id, tree->path, NULL, err,
		    "an engine made this tree with the host's root as the root of its containers: it read a line "
		    "as ID 0, or was told to remap to root");
	remedy = uns_str_printf(err, "usernsctl range add OWNER --range=%u keeps the range; or remove the tree", tree->start[kind]);
	if (!remedy)
		return -1;
	return uns_findings_add(
	    t->ret, NULL, id, tree->path, remedy, err,
	    "the files of this tree belong to nobody: no line of %s begins at %u, and the IDs may be given away",
	    UNS_SUBID_FILE(kind), tree->start[kind]);
}

int uns_lint_trees(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	struct tally n = {0};

	for (size_t i = 0; i < t->f->trees; i++) {
		const struct uns_idtree *tree = &t->f->tree[i];
		bool uid = begins_at(t, UNS_UID, tree->start[UNS_UID]), gid = begins_at(t, UNS_GID, tree->start[UNS_GID]);

		if (uid && gid && tree->start[UNS_UID] != 0)
			continue;
		if (is_listed(t, &n) && say_tree(t, id, tree, uid, err) < 0)
			return -1;
	}
	return say_rest(t, id, "data roots", &n, err);
}

/* The block's first line, when that has an owner who is gone. *ret_owned: there is a line. */
static const struct uns_subid_line *orphan_of(const struct uns_lint *t, enum uns_idkind kind, struct uns_range r, bool *ret_owned)
{
	const struct uns_claim *c = uns_model_first(t->lines, kind, r, UNS_ERROR);

	*ret_owned = c != NULL;
	if (!c || c->source != UNS_CLAIM_LINE)
		return NULL;
	if (!uns_lint_has(t, kind, c->index, UNS_LINT_ORPHAN) && !uns_lint_has(t, kind, c->index, UNS_LINT_STALE_NUMERIC))
		return NULL;
	return &t->f->sub[kind].s.v[c->index];
}

static int say_files(const struct uns_lint *t, const char *id, enum uns_idkind kind, const struct uns_taken *block, struct tally *n,
                     struct uns_err *err)
{
	bool owned = false;
	const struct uns_subid_line *orphan = block->range.count ? orphan_of(t, kind, block->range, &owned) : NULL;
	char owner[UNS_TEXT_SHOWN];

	if (block->range.count == 0 || (owned && !orphan) || uns_model_first(t->accounts, kind, block->range, UNS_ERROR))
		return 0;
	if (!is_listed(t, n))
		return 0;
	if (!orphan)
		return uns_findings_add(t->ret, NULL, id, block->who,
		                        "usernsctl range add OWNER --range=START keeps the IDs for them", err,
		                        "files have %ss of %u-%u, which %s gives to nobody: who is given them owns the files",
		                        id_names[kind], block->range.start, uns_range_last(block->range), UNS_SUBID_FILE(kind));
	uns_text_show(orphan->owner, strlen(orphan->owner), owner);
	return uns_findings_add(t->ret, NULL, id, block->who, "keep that line until the files are removed or changed", err,
	                        "files have %ss of %u-%u, where line %u of %s is of %s, who is no user (any more)", id_names[kind],
	                        block->range.start, uns_range_last(block->range), orphan->line, UNS_SUBID_FILE(kind), owner);
}

int uns_lint_files_left(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_rangeset *s = &t->f->scanned[kind];
		struct tally n = {0};

		for (size_t i = 0; i < s->n; i++)
			if (say_files(t, id, (enum uns_idkind)kind, &s->v[i], &n, err) < 0)
				return -1;
		if (say_rest(t, id, kind == UNS_UID ? "UIDs of files" : "GIDs of files", &n, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the other source ---- */

static int say_plugin(const struct uns_lint *t, const char *id, enum uns_idkind kind, struct uns_lint_pair p, struct uns_err *err)
{
	size_t n;
	const struct uns_claim *v = uns_model_claims(t->lines, kind, UNS_ERROR, &n), *c = &v[p.later], *other = &v[p.earlier];
	uns_auto(uns_buf_done) struct uns_buf object = UNS_BUF_INIT, who = UNS_BUF_INIT;
	uns_auto_free char *remedy = NULL;

	if (uns_claim_describe(t->lines, kind, c, &object, err) < 0 || uns_claim_describe(t->lines, kind, other, &who, err) < 0)
		return -1;
	if (other->source == UNS_CLAIM_LINE)
		remedy = uns_lint_command("move", t->owner[uns_lint_owner_of(t, kind, other)].name, err);
	if (other->source == UNS_CLAIM_LINE && !remedy)
		return -1;
	return uns_findings_add(
	    t->ret, NULL, id, object.data, remedy, err,
	    "the %s range %u:%u overlaps %s: each of the two can be the other's users, and read and change their files",
	    id_names[kind], c->range.start, c->range.count, who.data);
}

int uns_lint_plugin(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_lint_side *s = &t->side[kind];
		struct tally n = {0};

		for (size_t i = 0; i < s->pairs; i++)
			if (is_listed(t, &n) && say_plugin(t, id, (enum uns_idkind)kind, s->pair[i], err) < 0)
				return -1;
		if (say_rest(t, id, "/etc/nsswitch.conf", &n, err) < 0)
			return -1;
	}
	return 0;
}

int uns_lint_source(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	const struct uns_idfacts *f = t->f;

	if (!f->subid_source)
		return 0;
	return uns_findings_add(t->ret, NULL, id, "/etc/nsswitch.conf",
	                        "give users of rootless engines their ranges there, and dockerd's user in the files", err,
	                        "\"subid: %s\": newuidmap, newgidmap, getsubids and useradd ask %s and ignore /etc/subuid and "
	                        "/etc/subgid; dockerd, podman without libsubid, crun, LXC, Incus and rootlesskit read only these files%s",
	                        f->subid_source, f->subid_source,
	                        f->subid_source_read ? ""
	                                             : "; its ranges were not read, so that collisions with them are not seen");
}

/* ---- other software ---- */

static int say_kubelet(const struct uns_lint *t, const char *id, const char *remedy, const char *what, struct uns_err *err)
{
	return uns_findings_add(t->ret, NULL, id, "kubelet", remedy, err, "%s", what);
}

/* Why kubelet does not accept its range, or NULL (kubernetes pkg/kubelet/kubelet_pods.go, userns/userns_manager.go). */
static const char *kubelet_bad(const struct uns_lint *t, const struct uns_lint_owner *o)
{
	struct uns_range r;
	uint32_t line[UNS_IDKINDS];

	if (o->lines[UNS_UID] != 1 || o->lines[UNS_GID] != 1)
		return "kubelet expects exactly one line of its user in each of /etc/subuid and /etc/subgid, and does not start "
		       "otherwise";
	if (uns_lint_differ(t, o, line))
		return "kubelet expects the same range in /etc/subuid and /etc/subgid, and does not start otherwise";
	r = t->f->sub[UNS_UID].s.v[o->first[UNS_UID]].range;
	if (r.start % UNS_ID_BLOCK || r.count % UNS_ID_BLOCK || r.start < UNS_ID_BLOCK)
		return "kubelet expects start and count of its range to be multiples of 65536, from 65536 on, and does not start "
		       "otherwise";
	if (r.count < PODS * UNS_ID_BLOCK)
		return "kubelet expects 65536 IDs for each pod, of which there are 110 when maxPods says nothing else, and does "
		       "not "
		       "start otherwise";
	return NULL;
}

int uns_lint_kubelet(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	const struct uns_lint_owner *o = uns_lint_owner_find(t, "kubelet");
	const char *bad;

	if (!(t->f->present & UNS_HAS_KUBELET))
		return 0;
	if (!o || !o->known)
		return say_kubelet(
		    t, id, "$ useradd --system kubelet && usernsctl range add kubelet --count=7208960",
		    "there is no user kubelet: pods with user namespaces get IDs from 65536 up, over everybody's ranges", err);
	if (!o->lines[UNS_UID] && !o->lines[UNS_GID])
		return say_kubelet(t, id, "$ usernsctl range add kubelet --count=7208960\t(65536 for each of 110 pods)",
		                   "the user kubelet has no line: pods with user namespaces get no IDs of their own", err);
	bad = kubelet_bad(t, o);
	return bad ? say_kubelet(t, id, "$ usernsctl range remove kubelet && usernsctl range add kubelet --count=7208960", bad, err)
	           : 0;
}

int uns_lint_incus(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	const struct uns_lint_owner *root = uns_lint_owner_find(t, "root");

	if (!(t->f->present & UNS_HAS_INCUS) || (root && root->lines[UNS_UID] && root->lines[UNS_GID]))
		return 0;
	return uns_findings_add(
	    t->ret, NULL, id, "root", "$ usernsctl range add root --count=1000000000", err,
	    "Incus or LXD is installed, but root has no line in both files: it may take 1000000-1000999999 for its "
	    "containers, which is written down nowhere");
}

/* ---- the files ---- */

/* What is wrong with owner or mode, or NULL. */
static const char *mode_bad(const struct uns_subid_file *s)
{
	if (s->uid != 0)
		return "the owner of the file, who is not root, can give himself anybody's IDs, the host's root among them";
	if (s->mode & 02)
		return "anyone can write it, and give himself anybody's IDs, the host's root among them";
	if (s->mode & 020)
		return "its group can write it: who is in it can give himself anybody's IDs, the host's root among them";
	if ((s->mode & 0444) != 0444)
		return "not everybody can read it: podman and other rootless tools do not find their users' ranges";
	return s->mode != 0644 || s->gid != 0 ? "it does not belong to root:root with the mode 0644, as tools leave it" : NULL;
}

int uns_lint_mode(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_subid_file *s = &t->f->sub[kind];
		const char *file = UNS_SUBID_FILE(kind), *bad = s->exists ? mode_bad(s) : NULL;
		uns_auto_free char *remedy = NULL;

		if (!bad)
			continue;
		remedy = uns_str_printf(err, "$ chown root:root %s && chmod 0644 %s", file, file);
		if (!remedy || uns_findings_add(t->ret, NULL, id, file, remedy, err, "mode %04o, owner %u:%u: %s", s->mode, s->uid,
		                                s->gid, bad) < 0)
			return -1;
	}
	return 0;
}

int uns_lint_symlink(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		if (!t->f->sub[kind].symlink)
			continue;
		if (uns_findings_add(
		        t->ret, NULL, id, UNS_SUBID_FILE(kind), "put a regular file in its place", err,
		        "newuidmap, newgidmap, getsubids and useradd refuse a symbolic link (ELOOP), so that no rootless "
		        "engine gets a range; others follow it") < 0)
			return -1;
	}
	return 0;
}

int uns_lint_missing(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	const struct uns_idfacts *f = t->f;

	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		bool wanted =
		    f->sub[kind == UNS_UID ? UNS_GID : UNS_UID].exists || (f->present & (UNS_HAS_DOCKER | UNS_HAS_PODMAN));

		if (f->sub[kind].exists || !wanted)
			continue;
		if (uns_findings_add(
		        t->ret, NULL, id, UNS_SUBID_FILE(kind), "usernsctl range add OWNER makes it", err,
		        "there is no such file: useradd gives new users no range, and dockerd does not start with remapping") < 0)
			return -1;
	}
	return 0;
}

/* ---- locks ---- */

static void age_text(int64_t age, char *buf, size_t size)
{
	if (age < 120)
		snprintf(buf, size, "%lld s", (long long)(age > 0 ? age : 0));
	else if (age < 2 * 3600)
		snprintf(buf, size, "%lld min", (long long)age / 60);
	else if (age < 2 * 86400)
		snprintf(buf, size, "%lld h", (long long)age / 3600);
	else
		snprintf(buf, size, "%lld days", (long long)age / 86400);
}

static int say_lock(const struct uns_lint *t, const char *id, const struct uns_idlock *l, struct uns_err *err)
{
	const char *remedy = "any change by usernsctl with --break-stale-locks takes it away";
	char age[32];

	age_text(l->age, age, sizeof(age));
	if (l->pid == 0)
		return uns_findings_add(t->ret, NULL, id, l->path, remedy, err,
		                        "made %s ago, it names no process that can be read: account tools give up on it for ever",
		                        age);
	if (!l->alive)
		return uns_findings_add(t->ret, NULL, id, l->path,
		                        "the next account tool takes it over; --break-stale-locks does too", err,
		                        "made %s ago by process %ld, which runs no more", age, (long)l->pid);
	return uns_findings_add(
	    t->ret, NULL, id, l->path, remedy, err,
	    "made %s ago by a process %ld that is gone: the one of that number now (%.31s) started later, but account "
	    "tools take it for the holder",
	    age, (long)l->pid, l->comm);
}

int uns_lint_stale_lock(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	struct tally n = {0};

	for (size_t i = 0; i < t->f->locks; i++) {
		const struct uns_idlock *l = &t->f->lock[i];

		if (!l->is_lock || (l->pid != 0 && l->alive && !l->younger))
			continue;
		if (is_listed(t, &n) && say_lock(t, id, l, err) < 0)
			return -1;
	}
	return say_rest(t, id, "/etc", &n, err);
}

int uns_lint_leftover(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	struct tally n = {0};

	for (size_t i = 0; i < t->f->locks; i++) {
		const struct uns_idlock *l = &t->f->lock[i];
		uns_auto_free char *remedy = NULL;
		char age[32];

		if (l->is_lock || !is_listed(t, &n))
			continue;
		remedy = uns_str_printf(err, "when no account tool runs: rm %s", l->path);
		age_text(l->age, age, sizeof(age));
		if (!remedy ||
		    uns_findings_add(t->ret, NULL, id, l->path, remedy, err,
		                     "made %s ago by an account tool that was killed or is at work; nobody reads it", age) < 0)
			return -1;
	}
	return say_rest(t, id, "/etc", &n, err);
}

int uns_lint_probe(const struct uns_lint *t, const char *id, struct uns_err *err)
{
	if (!t->f->probe_cut)
		return 0;
	if (t->f->probe_silent)
		return uns_findings_add(t->ret, NULL, id, "name services",
		                        "mend the service that /etc/nsswitch.conf names, and run this again", err,
		                        "a name service does not answer (%llu IDs were asked for): accounts that it has are not seen",
		                        (unsigned long long)t->f->probed);
	return uns_findings_add(t->ret, NULL, id, "name services", "--timeout=SECONDS gives them longer", err,
	                        "the time ran out after %llu IDs: accounts of the name services that nobody asked for are not seen",
	                        (unsigned long long)t->f->probed);
}
