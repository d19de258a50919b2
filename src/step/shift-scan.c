/* SPDX-License-Identifier: Apache-2.0 */
/* The look before the first change: what a chown would destroy, what is there on the far side already, what cannot be done at all.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "shift.h"
#include "uns/cleanup.h"
#include "uns/vec.h"

#define SMB2_MAGIC 0xfe534d42u /* linux/magic.h has it since 5.19 */
#define CEPH_MAGIC 0x00c36400u
#define FUSE_MAGIC 0x65735546u

#define NAMED 3 /* paths per reason in the refusal */

/* What one thread finds. */
struct part {
	struct scan *scan;
	struct uns_census_run *run;
	struct uns_shift_record rec; /* without trees */
	struct uns_digest *digests, *unread; /* by match; see struct uns_shift_job */
	struct uns_census_list impossible, failed;
	struct inode *attributed;
	size_t n_attributed, cap_attributed;
	struct uns_shift_names names;
	uint64_t dev; /* of the last entry; all have the same, as a rule */
};
struct inode {
	uint64_t dev, ino;
};
struct scan {
	struct uns_shift_job *job;
	struct part part[UNS_WALK_JOBS_MAX]; /* the first one gets what the others found */
	unsigned n;
	enum uns_side from, far;
	bool overlay, fuse;
};

static void list_done(struct uns_census_list *l)
{
	uns_strs_done(&l->paths);
}

static void scan_done(struct scan **scan)
{
	struct scan *s = *scan;

	for (unsigned i = s ? s->n : 0; i-- > 0;) {
		uns_census_run_free(s->part[i].run);
		uns_shift_record_done(&s->part[i].rec);
		list_done(&s->part[i].impossible);
		list_done(&s->part[i].failed);
		free(s->part[i].digests);
		free(s->part[i].unread);
		free(s->part[i].attributed);
		uns_shift_names_done(&s->part[i].names);
	}
	free(s);
}

static int copy_bytes(const uint8_t *bytes, size_t len, uint8_t **ret, size_t *ret_len, struct uns_err *err)
{
	if (!bytes)
		return 0;
	*ret = malloc(len + 1);
	if (!*ret)
		return uns_err_nomem(err);
	memcpy(*ret, bytes, len);
	*ret_len = len;
	return 0;
}

/* A change on an overlay copies the inode, which is born anew by that. FUSE makes handles of numbers that a program gives its inodes while
 * it runs, or as long as it remembers them. */
static int copy_identity(const struct scan *s, struct uns_shift_identity *id, const struct uns_entry *e, struct uns_err *err)
{
	uint8_t handle[UNS_HANDLE_MAX];

	id->ino = e->ino;
	if (s->fuse && uns_entry_path_hash(e, &id->ino, err))
		return -1;
	id->born_sec = s->overlay ? 0 : e->born_sec;
	id->born_nsec = s->overlay ? 0 : e->born_nsec;
	if (s->fuse)
		return 0;
	if (uns_entry_handle(e, handle, &id->handle_len, err) < 0)
		return -1;
	return id->handle_len ? copy_bytes(handle, id->handle_len, &id->handle, &id->handle_len, err) : 0;
}

static int fill_special(const struct scan *s, struct uns_shift_special *sp, const struct uns_entry *e, struct uns_err *err)
{
	uns_auto_free char *path = uns_entry_path(e, err);

	uns_shift_state_of(e, &sp->was);
	sp->mtime_sec = e->mtime_sec;
	sp->mtime_nsec = e->mtime_nsec;
	sp->size = e->size;
	sp->path = path ? uns_str_escape(path, err) : NULL;
	if (!sp->path || copy_identity(s, &sp->id, e, err))
		return -1;
	if (!sp->exact)
		return 0;
	return copy_bytes(e->acl_access, e->acl_access_len, &sp->acl[0], &sp->acl_len[0], err) ||
	               copy_bytes(e->acl_default, e->acl_default_len, &sp->acl[1], &sp->acl_len[1], err)
	           ? -1
	           : 0;
}

static int add_special(struct part *s, const struct uns_entry *e, bool exact, struct uns_err *err)
{
	struct uns_shift_special sp = {.dev = e->dev, .exact = exact};

	if (!s->scan->fuse && uns_inomap_find(&s->rec.special_at, e->dev, e->ino))
		return 0;
	if (fill_special(s->scan, &sp, e, err)) {
		uns_shift_special_done(&sp);
		return -1;
	}
	return uns_shift_record_add_special(&s->rec, &sp, err);
}

/* 1 when the ACL could be mapped. */
static int acl_maps(const struct scan *s, const uint8_t *acl, size_t len, struct uns_err *err)
{
	uns_auto_free uint8_t *copy = NULL;
	size_t copied;

	if (!acl)
		return 1;
	if (copy_bytes(acl, len, &copy, &copied, err))
		return -1;
	return uns_acl_map(copy, len, &s->job->args.maps, s->far == UNS_AFTER) >= 0;
}

static int check_possible(struct part *s, const struct uns_entry *e, struct uns_err *err)
{
	uint32_t rootid;
	int access = acl_maps(s->scan, e->acl_access, e->acl_access_len, err);
	int def = access < 0 ? -1 : acl_maps(s->scan, e->acl_default, e->acl_default_len, err);

	if (access < 0 || def < 0)
		return -1;
	if (!access || !def)
		return uns_census_note_entry(&s->impossible, e, "its ACL names both an ID and what that ID is mapped to", err);
	if (e->cap_len && uns_cap_rootid(e->cap, e->cap_len, &rootid) < 0)
		return uns_census_note_entry(&s->impossible, e, "its capability is of an unknown version", err);
	return 0;
}

/* IDs outside of the maps are changed too, and only the record knows them afterwards. */
static bool squashes(const struct scan *s)
{
	return s->job->args.squash && s->far == UNS_AFTER;
}

/* Nothing but its owner is known of it, and there may be many: when it was born is for what has no handle. */
static int add_foreign(struct part *s, const struct uns_entry *e, struct uns_err *err)
{
	struct uns_shift_foreign f = {.dev = e->dev, .uid = e->uid, .gid = e->gid};

	if (!s->scan->fuse && uns_inomap_find(&s->rec.foreign_at, e->dev, e->ino))
		return 0;
	if (copy_identity(s->scan, &f.id, e, err)) {
		uns_shift_foreign_done(&f);
		return -1;
	}
	if (f.id.handle)
		f.id.born_sec = 0;
	return uns_shift_record_add_foreign(&s->rec, &f, err);
}

static int classify(struct part *s, const struct uns_entry *e, struct uns_err *err)
{
	struct uns_shift_sides sides;
	unsigned near, far, squashed;

	uns_shift_sides(&s->scan->job->args.maps, e, &sides);
	near = sides.n[uns_shift_idside(s->scan->from)];
	far = sides.n[uns_shift_idside(s->scan->far)];
	squashed = squashes(s->scan) ? sides.n[UNS_ID_OUTSIDE] : 0;
	if (!near && !squashed)
		return far ? add_foreign(s, e, err) : 0;
	if ((e->cap_len || e->acl_access || e->acl_default) && check_possible(s, e, err))
		return -1;
	if (far || squashed || uns_entry_fragile(e) || e->cap_len || e->immutable || e->append)
		return add_special(s, e, far || squashed, err);
	return 0;
}

static int note_dev(struct part *s, const struct uns_entry *e, struct uns_err *err)
{
	uns_auto_free char *path = NULL;

	if (s->dev == e->dev)
		return 0;
	path = uns_entry_dev_path(e, err);
	if (!path || uns_shift_record_note_dev(&s->rec, e->dev, path, err))
		return -1;
	s->dev = e->dev;
	return 0;
}

static bool has_attributes(const struct uns_entry *e)
{
	return e->cap_len || e->acl_access || e->acl_default || e->xattr_hash;
}

static int note_attributes(struct part *s, const struct uns_entry *e, struct uns_err *err)
{
	struct inode *v;

	if (!has_attributes(e))
		return 0;
	v = uns_vec_room(s->attributed, s->n_attributed, &s->cap_attributed, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	s->attributed = v;
	v[s->n_attributed++] = (struct inode){e->dev, e->ino};
	return 0;
}

static enum uns_shift_tag tag_of(const struct scan *s, const struct uns_entry *e, const uint32_t owner[2])
{
	const struct uns_maps *maps = &s->job->args.maps;
	bool outside = (maps->uid.n && uns_map_side(&maps->uid, e->uid) == UNS_ID_OUTSIDE) ||
	               (maps->gid.n && uns_map_side(&maps->gid, e->gid) == UNS_ID_OUTSIDE);
	/* On the way back, what was squashed is to be told from what has that owner by right. */
	bool squashed = s->job->args.squash && (outside || s->far == UNS_BEFORE) &&
	                (outside || e->uid == maps->uid.squash_to || e->gid == maps->gid.squash_to);
	bool far = (maps->uid.n && uns_map_side(&maps->uid, e->uid) == uns_shift_idside(s->far)) ||
	           (maps->gid.n && uns_map_side(&maps->gid, e->gid) == uns_shift_idside(s->far));

	if (S_ISDIR(e->mode) || e->nlink != 1 || far || squashed || uns_entry_fragile(e) || e->immutable || e->append || has_attributes(e) ||
	    uns_shift_is_foreign(s->job, e) || uns_shift_was_mixed(s->job, e))
		return UNS_SHIFT_NAME_OTHER;
	return owner[0] == e->uid && owner[1] == e->gid ? UNS_SHIFT_NAME_SETTLED : UNS_SHIFT_NAME_PLAIN;
}

/* Only what is nothing but a name and an owner may be changed without another look. */
static int note_name(struct part *s, const struct uns_entry *e, bool *ret_unread, struct uns_err *err)
{
	const struct uns_maps *maps = &s->scan->job->args.maps;
	const uint32_t owner[2] = {uns_shift_id(&maps->uid, e->uid, s->scan->far), uns_shift_id(&maps->gid, e->gid, s->scan->far)};
	enum uns_shift_tag tag = tag_of(s->scan, e, owner);

	if (uns_shift_names_add(&s->names, s->scan->job, e, tag, owner, ret_unread, err))
		return -1;
	*ret_unread = *ret_unread && tag != UNS_SHIFT_NAME_OTHER;
	return 0;
}

/* The record is made of it: what it says must be of one inode, whatever its name leads to meanwhile. */
static bool must_be_pinned(const struct part *s, const struct uns_entry *e)
{
	struct uns_shift_sides sides;

	if (uns_entry_fragile(e) || e->cap_len || e->acl_access || e->acl_default || e->immutable || e->append)
		return true;
	uns_shift_sides(&s->scan->job->args.maps, e, &sides);
	return sides.n[uns_shift_idside(s->scan->far)] || (squashes(s->scan) && sides.n[UNS_ID_OUTSIDE]);
}

static int take(struct part *s, const struct uns_entry *e, struct uns_err *err)
{
	bool unread;

	if (uns_census_run_add(s->run, e, err) || note_dev(s, e, err) || note_attributes(s, e, err) ||
	    note_name(s, e, &unread, err))
		return -1;
	unread = unread && s->scan->job->args.exclusive;
	uns_digest_add(&(unread ? s->unread : s->digests)[e->match_no], e, &s->scan->job->args.maps);
	return classify(s, e, err);
}

static int visit(void *user, const struct uns_entry *e, struct uns_err *err)
{
	struct part *s = user;
	struct uns_entry pinned;
	int r;

	if (!must_be_pinned(s, e))
		return take(s, e, err);
	r = uns_entry_pin(e, &pinned, err);
	if (r)
		return r < 0 ? -1 : 0;
	r = take(s, &pinned, err);
	close(pinned.fd);
	return r;
}

static int failed(void *user, const char *path, const struct uns_err *why)
{
	struct part *s = user;

	(void)path;
	return uns_shift_forgive(s->scan->job, &s->failed, why);
}

static int start_part(struct scan *s, struct uns_err *err)
{
	struct part *p = &s->part[s->n];

	p->scan = s;
	p->rec.from = s->from;
	p->digests = calloc(s->job->matches.n + 1, sizeof(*p->digests));
	p->unread = calloc(s->job->matches.n + 1, sizeof(*p->unread));
	p->run = s->n++ ? uns_census_run_fork(s->part[0].run, err) : uns_census_run_new(&s->job->args.maps, err);
	if (!p->digests || !p->unread)
		return uns_err_nomem(err);
	return p->run ? 0 : -1;
}

static int walk(struct scan *s, struct uns_err *err)
{
	void *users[UNS_WALK_JOBS_MAX];
	struct uns_walk w = {.visit = visit, .failed = failed, .users = users};
	int r;

	uns_walk_wish(&w, s->job->c->jobs);
	while (s->n < w.jobs) {
		users[s->n] = &s->part[s->n];
		if (start_part(s, err))
			return -1;
	}
	uns_progress_begin("looking before the shift", 0, 0);
	r = uns_tree_walk_with(&s->job->tree, &s->job->matches, &w, err);
	uns_progress_get(&s->job->met);
	uns_progress_end();
	return r;
}

/* ---- what the threads found, together ---- */

static int join(struct scan *s, struct uns_err *err)
{
	struct part *all = &s->part[0];

	for (unsigned i = 1; i < s->n; i++) {
		struct part *p = &s->part[i];

		if (uns_census_run_join(all->run, p->run, err) || uns_shift_record_join(&all->rec, &p->rec, err) ||
		    uns_census_list_join(&all->impossible, &p->impossible, err) ||
		    uns_census_list_join(&all->failed, &p->failed, err))
			return -1;
		for (size_t k = 0; k < s->job->matches.n; k++) {
			uns_digest_sum(&all->digests[k], &p->digests[k]);
			uns_digest_sum(&all->unread[k], &p->unread[k]);
		}
	}
	for (size_t k = 0; k < s->job->matches.n; k++)
		uns_digest_sum(&all->digests[k], &all->unread[k]);
	free(s->job->unread);
	s->job->unread = uns_take_ptr(all->unread);
	return 0;
}

static int fill_trees(struct scan *s, struct uns_err *err)
{
	const struct uns_strs *m = &s->job->matches;
	struct uns_shift_record *rec = &s->part[0].rec;

	rec->trees = calloc(m->n + 1, sizeof(*rec->trees));
	if (!rec->trees)
		return uns_err_nomem(err);
	s->job->total = 0;
	for (; rec->n_trees < m->n; rec->n_trees++) {
		struct uns_shift_tree *t = &rec->trees[rec->n_trees];

		t->digest = s->part[0].digests[rec->n_trees];
		t->path = uns_str_escape(m->v[rec->n_trees], err);
		if (!t->path)
			return -1;
		s->job->total += t->digest.inodes;
	}
	return 0;
}

/* Of a server or another program, whose clock may be behind ours. */
static bool has_other_clock(const struct uns_shift_job *job)
{
	static const uint32_t others[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, SMB2_MAGIC, CEPH_MAGIC, V9FS_MAGIC, FUSE_MAGIC};
	struct statfs st;

	if (fstatfs(job->tree.fd, &st))
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if ((uint32_t)st.f_type == others[i])
			return true;
	return false;
}

/* Where all inodes have attributes (labels), it is no use to know which. */
static int fill_attributed(struct scan *s, struct uns_err *err)
{
	struct uns_shift_job *job = s->job;
	uint64_t n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->part[i].n_attributed;
	uns_inomap_done(&job->attributed);
	job->know_attributes = !job->other_clock && (n <= 1000 || n <= job->total / 4);
	for (unsigned i = 0; job->know_attributes && i < s->n; i++)
		for (size_t k = 0; k < s->part[i].n_attributed; k++)
			if (!uns_inomap_add(&job->attributed, s->part[i].attributed[k].dev, s->part[i].attributed[k].ino, NULL,
			                    err))
				return -1;
	return 0;
}

/* ---- refusals ---- */

struct reason {
	const struct uns_census_list *list;
	unsigned allow; /* 0: never */
	const char *what;
};

static int add_reason(struct uns_buf *text, const struct reason *r, struct uns_err *err)
{
	if (uns_buf_printf(text, err, "%s%" PRIu64 " %s: ", text->len ? "; " : "", r->list->n, r->what))
		return -1;
	for (size_t i = 0; i < r->list->paths.n && i < NAMED; i++)
		if (uns_buf_printf(text, err, "%s%s", i ? ", " : "", r->list->paths.v[i]))
			return -1;
	return r->list->n > NAMED ? uns_buf_puts(text, ", …", err) : 0;
}

static int refuse(const struct scan *s, const struct uns_census *c, struct uns_err *err)
{
	const struct uns_shift_args *a = &s->job->args;
	/* Coming home, a home ID is nothing strange: containers without the remapping and the kernel make such files. */
	unsigned allow = a->allow | (s->from == UNS_AFTER ? UNS_SHIFT_IN_TARGET | UNS_SHIFT_UNMAPPED : 0);
	const struct reason reasons[] = {
	    {&c->unmapped, UNS_SHIFT_UNMAPPED, "with IDs that the range does not cover"},
	    {&c->in_target, UNS_SHIFT_IN_TARGET, "with IDs that lie in the range already"},
	    {&c->outside, UNS_SHIFT_HARD_LINKS, "with hard links outside the trees to shift"},
	    {&c->symlinks, UNS_SHIFT_SYMLINKS, "symlinks where the data should be"},
	    {&c->flagged, UNS_SHIFT_FLAGGED, "immutable or append-only"},
	    {&s->part[0].impossible, 0, "cannot be mapped"},
	    {&s->part[0].failed, 0, "cannot be read"},
	};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].list->n && !(reasons[i].allow & allow) && add_reason(&text, &reasons[i], err))
			return -1;
	if (!text.len)
		return 0;
	return uns_err_set(err, UNS_E_REFUSED, "shift of %s refused, nothing changed: %s", a->base, text.data);
}

static int join_names(struct scan *s, struct uns_err *err)
{
	struct uns_shift_names *parts[UNS_WALK_JOBS_MAX];

	for (unsigned i = 0; i < s->n; i++)
		parts[i] = &s->part[i].names;
	return uns_shift_names_join(&s->job->names, parts, s->n, err);
}

#define GRAIN 1000000 /* nanoseconds: no local file system with owners has coarser stamps, but for those of whole seconds */

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Stamps are taken from the coarse clock, which goes on with each tick of the kernel. */
void uns_shift_note_time(struct uns_shift_job *job)
{
	const struct timespec wait = {.tv_nsec = GRAIN};
	int64_t now = nanoseconds(CLOCK_REALTIME);

	job->scanned = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
	for (int i = 0; i < 100 && nanoseconds(CLOCK_REALTIME_COARSE) <= now + GRAIN; i++)
		nanosleep(&wait, NULL);
}

bool uns_shift_is_old(const struct uns_shift_job *job, int64_t sec, uint32_t nsec)
{
	if (!nsec)
		return sec + 1 < job->scanned.tv_sec;
	return sec < job->scanned.tv_sec || (sec == job->scanned.tv_sec && nsec < (uint32_t)job->scanned.tv_nsec);
}

/* The census speaks of the map, the counts of the way. */
static void count(const struct scan *s, struct uns_shift_counts *n, const struct uns_census *c)
{
	bool there = s->far == UNS_AFTER;

	*n = (struct uns_shift_counts){.inodes = c->inodes,
	                               .home = there ? c->home : c->in_target.n,
	                               .already = there ? c->in_target.n : c->home,
	                               .unmapped = c->unmapped.n,
	                               .special_bits = c->specials,
	                               .capabilities = c->capabilities,
	                               .acls = c->acls,
	                               .links = c->hard_links};
}

bool uns_shift_on_fuse(const struct uns_tree *tree)
{
	struct statfs fs;

	return !fstatfs(tree->fd, &fs) && (uint32_t)fs.f_type == FUSE_MAGIC;
}

static int note_base(struct scan *s, const struct stat *st, struct uns_err *err)
{
	struct uns_shift_identity *id = &s->part[0].rec.base;
	uint8_t handle[UNS_HANDLE_MAX];

	s->part[0].rec.by_path = s->fuse;
	if (s->fuse)
		return 0;
	id->ino = st->st_ino;
	if (uns_tree_handle(&s->job->tree, handle, &id->handle_len, err) < 0)
		return -1;
	return id->handle_len ? copy_bytes(handle, id->handle_len, &id->handle, &id->handle_len, err) : 0;
}

static int scan(struct scan *s, struct uns_err *err)
{
	struct uns_shift_job *job = s->job;
	uns_auto(uns_census_done) struct uns_census c = {0};
	struct statfs fs;
	struct stat st;

	job->other_clock = has_other_clock(job);
	s->overlay = !fstatfs(job->tree.fd, &fs) && fs.f_type == OVERLAYFS_SUPER_MAGIC;
	s->fuse = uns_shift_on_fuse(&job->tree);
	uns_shift_note_time(job);
	/* The base can always be found again, the first inode of a tree not. */
	if (fstat(job->tree.fd, &st))
		return uns_err_sys(err, errno, "cannot look at %s", job->args.base);
	if (note_base(s, &st, err) || uns_shift_record_note_dev(&s->part[0].rec, st.st_dev, ".", err) || walk(s, err) || join(s, err) ||
	    uns_shift_record_identify_devs(&s->part[0].rec, &job->tree, err) || fill_trees(s, err) || fill_attributed(s, err) ||
	    join_names(s, err))
		return -1;
	if (uns_census_run_end(s->part[0].run, &job->tree, &job->matches, &job->symlinks, &c, err))
		return -1;
	count(s, &s->part[0].rec.counts, &c);
	return refuse(s, &c, err);
}

int uns_shift_scan(struct uns_shift_job *job, struct uns_shift_record *ret, struct uns_err *err)
{
	uns_auto(scan_done) struct scan *s = NULL;

	if (job->tree.readonly)
		return uns_err_set(err, UNS_E_REFUSED, "%s is mounted read-only; mount it writable first", job->args.base);
	s = calloc(1, sizeof(*s));
	if (!s)
		return uns_err_nomem(err);
	s->job = job;
	s->far = job->to;
	s->from = uns_shift_other(job->to);
	if (scan(s, err))
		return -1;
	uns_shift_record_sort(&s->part[0].rec);
	*ret = s->part[0].rec;
	s->part[0].rec = (struct uns_shift_record){0};
	return 0;
}
