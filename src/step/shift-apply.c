/* SPDX-License-Identifier: Apache-2.0 */
/* One inode brought to the wanted side. A chown drops setuid, setgid and capabilities even when it changes nothing, so what is
 * right already is never touched, and what a chown drops is put back from the record, as absolute values: after a crash the inode
 * itself may no longer know them. The order that loses nothing: flags off, owner, mode, capability, ACLs, flags on.
 *
 * An inode is held by a descriptor from the look at it to the look back at it after the change, so that renames and links made
 * meanwhile by whoever lives in the tree cannot lead a change to another inode. In directories where only root can do so, what is
 * nothing but a name and an owner is changed by its name. Threads that meet an inode under two of its names take turns. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "shift.h"
#include "uns/cleanup.h"
#include "uns/sys.h"

enum { CHANGE_OWNER = 1, CHANGE_MODE = 2, CHANGE_CAP = 4, CHANGE_ACLS = 8, CHANGE_FLAGS = 16 };

static const char *const acl_names[2] = {UNS_XATTR_ACL_ACCESS, UNS_XATTR_ACL_DEFAULT};

/* What is to be. ACLs are given only where they must be written; len 0 means removed. */
struct want {
	struct uns_shift_state state;
	bool write_acl[2];
	uint8_t *acl[2];
	size_t acl_len[2];
	unsigned changes;
};

static void want_done(struct want *w)
{
	free(w->acl[0]);
	free(w->acl[1]);
}

static int fail(const struct uns_shift_job *job, const struct uns_entry *e, int errnum, const char *what, struct uns_err *err)
{
	uns_auto_free char *plain = uns_entry_path(e, NULL);
	uns_auto_free char *path = plain ? uns_str_escape(plain, NULL) : NULL;

	return uns_err_sys(err, errnum, "cannot %s %s/%s", what, job->args.base, path ? path : "");
}

static int map_cap(const struct uns_shift_job *job, struct uns_shift_state *s)
{
	uint8_t out[UNS_CAP_MAX];
	const struct uns_map *uid = &job->args.maps.uid;
	int len;

	if (!s->cap_len)
		return 0;
	len = job->to == UNS_AFTER ? uns_cap_shifted(s->cap, s->cap_len, uid, out) : uns_cap_home(s->cap, s->cap_len, uid, out);
	if (len < 0)
		return -1;
	memcpy(s->cap, out, (size_t)len);
	s->cap_len = (size_t)len;
	return 0;
}

static void map_state(const struct uns_shift_job *job, struct uns_shift_state *s)
{
	s->uid = uns_shift_id(&job->args.maps.uid, s->uid, job->to);
	s->gid = uns_shift_id(&job->args.maps.gid, s->gid, job->to);
	(void)map_cap(job, s); /* of an unknown version since the scan: it stays as it is */
}

/* The ACL that is there, on the wanted side. */
static int want_mapped_acl(const struct uns_shift_job *job, const struct uns_entry *e, struct want *w, int i, struct uns_err *err)
{
	const uint8_t *acl = i ? e->acl_default : e->acl_access;
	size_t len = i ? e->acl_default_len : e->acl_access_len;
	int r;

	if (!acl)
		return 0;
	w->acl[i] = malloc(len + 1);
	if (!w->acl[i])
		return uns_err_nomem(err);
	memcpy(w->acl[i], acl, len);
	w->acl_len[i] = len;
	/* One that cannot be mapped is somebody's doing since the scan: it stays, and must not keep all else from its way. */
	r = uns_acl_map(w->acl[i], len, &job->args.maps, job->to == UNS_AFTER);
	w->write_acl[i] = r > 0;
	return 0;
}

/* The ACL as it was. */
static int want_recorded_acl(const struct uns_shift_special *s, const struct uns_entry *e, struct want *w, int i,
                             struct uns_err *err)
{
	const uint8_t *acl = i ? e->acl_default : e->acl_access;
	size_t len = i ? e->acl_default_len : e->acl_access_len;

	if (s->acl_len[i] == (acl ? len : 0) && (!acl || !memcmp(acl, s->acl[i], len)))
		return 0;
	w->write_acl[i] = true;
	free(w->acl[i]);
	w->acl[i] = malloc(s->acl_len[i] + 1);
	if (!w->acl[i])
		return uns_err_nomem(err);
	memcpy(w->acl[i], s->acl[i] ? s->acl[i] : (const uint8_t *)"", s->acl_len[i]);
	w->acl_len[i] = s->acl_len[i];
	return 0;
}

static unsigned find_changes(const struct uns_entry *e, const struct want *w)
{
	const struct uns_shift_state *s = &w->state;
	unsigned changes = 0;

	if (e->uid != s->uid || e->gid != s->gid)
		changes |= CHANGE_OWNER;
	if ((e->mode & 07777) != (s->mode & 07777) && !S_ISLNK(e->mode))
		changes |= CHANGE_MODE;
	if (e->cap_len != s->cap_len || memcmp(e->cap, s->cap, e->cap_len) != 0)
		changes |= CHANGE_CAP;
	if (w->write_acl[0] || w->write_acl[1])
		changes |= CHANGE_ACLS;
	if (e->immutable != s->immutable || e->append != s->append)
		changes |= CHANGE_FLAGS;
	/* The chown drops these. */
	if (changes & CHANGE_OWNER && !S_ISDIR(e->mode))
		changes |= (s->mode & (S_ISUID | S_ISGID) && !S_ISLNK(e->mode) ? CHANGE_MODE : 0) | (s->cap_len ? CHANGE_CAP : 0);
	return changes;
}

/* Whether the ACL is what the shift made of the recorded one. */
static bool acl_is_shifted(const struct uns_shift_job *job, const struct uns_shift_special *s, const struct uns_entry *e, int i,
                           struct uns_err *err)
{
	const uint8_t *acl = i ? e->acl_default : e->acl_access;
	size_t len = i ? e->acl_default_len : e->acl_access_len;
	uns_auto_free uint8_t *was = malloc(s->acl_len[i] + 1);

	if (!was)
		return uns_err_nomem(err) == 0;
	if (!acl || !s->acl[i] || len != s->acl_len[i])
		return false;
	memcpy(was, s->acl[i], len);
	return uns_acl_map(was, len, &job->args.maps, true) >= 0 && !memcmp(was, acl, len);
}

static bool one_of(uint32_t id, uint32_t was, uint32_t far, const uint32_t *first)
{
	return id == was || id == far || (first && id == *first);
}

/* What leg 0 found with IDs of both sides, or squashed. NULL: the inode is none such, or belongs to somebody else since. */
static const struct uns_shift_special *find_mixed(const struct uns_shift_job *job, const struct uns_entry *e)
{
	const struct uns_maps *m = &job->args.maps;
	const struct uns_shift_special *s = job->first.n_specials ? uns_shift_find_special(&job->first, e) : NULL;

	return s && s->exact && one_of(e->uid, s->was.uid, uns_map_shifted(&m->uid, s->was.uid), NULL) &&
	               one_of(e->gid, s->was.gid, uns_map_shifted(&m->gid, s->was.gid), NULL)
	           ? s
	           : NULL;
}

/* Only when the capability is still what the map makes of the one that it had. */
static void want_mixed_cap(const struct uns_shift_job *job, const struct uns_shift_special *s, struct want *w)
{
	struct uns_shift_state home = s->was;

	if (!w->state.cap_len || map_cap(job, &home) || home.cap_len != w->state.cap_len ||
	    memcmp(home.cap, w->state.cap, home.cap_len) != 0)
		return;
	memcpy(w->state.cap, s->was.cap, s->was.cap_len);
	w->state.cap_len = s->was.cap_len;
}

/* It gets back the owner that it had, which the map does not know. */
static int want_mixed(const struct uns_shift_job *job, const struct uns_entry *e, struct want *w, struct uns_err *err)
{
	const struct uns_shift_special *s = job->to == UNS_BEFORE ? find_mixed(job, e) : NULL;

	if (!s)
		return 0;
	w->state.uid = s->was.uid;
	w->state.gid = s->was.gid;
	want_mixed_cap(job, s, w);
	for (int i = 0; i < 2; i++)
		if (acl_is_shifted(job, s, e, i, err) && want_recorded_acl(s, e, w, i, err))
			return -1;
	return 0;
}

static bool same_content(const struct uns_shift_special *s, const struct uns_entry *e)
{
	return S_ISDIR(e->mode) || (e->mtime_sec == s->mtime_sec && e->mtime_nsec == s->mtime_nsec && e->size == s->size);
}

/* The states that a shift of what is recorded goes through: bits and capability may be gone, all else is one of two. Anything else is
 * somebody's own doing since, which the record must not undo. */
static bool reachable(const struct uns_shift_job *job, const struct uns_shift_special *s, const struct uns_entry *e)
{
	const struct uns_shift_special *first = find_mixed(job, e);
	const struct uns_maps *m = &job->args.maps;
	const struct uns_shift_state *was = &s->was;
	enum uns_side far = uns_shift_other(job->rec.from);
	uint8_t cap[UNS_CAP_MAX];
	int len = far == UNS_AFTER ? uns_cap_shifted(was->cap, was->cap_len, &m->uid, cap)
	                           : uns_cap_home(was->cap, was->cap_len, &m->uid, cap);

	/* Whoever writes into a file takes these away from it, and what he wrote must not get them. */
	if (((was->mode & ~e->mode & (S_ISUID | S_ISGID)) || (was->cap_len && !e->cap_len)) && !same_content(s, e))
		return false;
	return one_of(e->uid, was->uid, uns_shift_id(&m->uid, was->uid, far), first ? &first->was.uid : NULL) &&
	       one_of(e->gid, was->gid, uns_shift_id(&m->gid, was->gid, far), first ? &first->was.gid : NULL) &&
	       (S_ISLNK(e->mode) || ((e->mode ^ was->mode) & 07777 & ~(unsigned)(S_ISUID | S_ISGID)) == 0) &&
	       (!e->cap_len || (e->cap_len == was->cap_len && !memcmp(e->cap, was->cap, was->cap_len)) ||
	        (len > 0 && e->cap_len == (size_t)len && !memcmp(e->cap, cap, (size_t)len)));
}

static int find_want(const struct uns_shift_job *job, const struct uns_shift_special *s, const struct uns_entry *e, struct want *w,
                     struct uns_err *err)
{
	bool verbatim = s && job->to == job->rec.from;

	if (s)
		w->state = s->was;
	else
		uns_shift_state_of(e, &w->state);
	if (!verbatim)
		map_state(job, &w->state);
	for (int i = 0; i < 2; i++)
		if (verbatim && s->exact ? want_recorded_acl(s, e, w, i, err) : want_mapped_acl(job, e, w, i, err))
			return -1;
	if (!verbatim && want_mixed(job, e, w, err))
		return -1;
	w->changes = find_changes(e, w);
	return 0;
}

/* ---- doing it ---- */

/* Opening through the pinned descriptor, so that nothing but the inode that was checked to be a file or directory is opened. */
static int set_flags(int pinned, bool immutable, bool append)
{
	char path[32];
	uns_auto_close int fd = -1;
	unsigned flags, wanted;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", pinned);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return -1;
	wanted = flags & ~(unsigned)(FS_IMMUTABLE_FL | FS_APPEND_FL);
	wanted |= (immutable ? FS_IMMUTABLE_FL : 0u) | (append ? FS_APPEND_FL : 0u);
	return wanted == flags ? 0 : uns_sys_setflags(fd, wanted);
}

static int set_cap(int fd, const struct uns_shift_state *s)
{
	if (s->cap_len)
		return uns_sys_setxattr(fd, UNS_XATTR_CAP, s->cap, s->cap_len);
	return uns_sys_removexattr(fd, UNS_XATTR_CAP) && errno != ENODATA ? -1 : 0;
}

static int set_acls(int fd, const struct want *w)
{
	for (int i = 0; i < 2; i++) {
		if (!w->write_acl[i])
			continue;
		if (w->acl_len[i] ? uns_sys_setxattr(fd, acl_names[i], w->acl[i], w->acl_len[i])
		                  : uns_sys_removexattr(fd, acl_names[i]) && errno != ENODATA)
			return -1;
	}
	return 0;
}

/* 1: somebody wrote into it since it was read. */
static int was_written(const struct uns_entry *e)
{
	struct stat st;

	if (fstatat(e->fd, "", &st, AT_EMPTY_PATH))
		return -1;
	return st.st_mtim.tv_sec != e->mtime_sec || (uint32_t)st.st_mtim.tv_nsec != e->mtime_nsec || (uint64_t)st.st_size != e->size;
}

/* 1: it was. The kernel takes setuid, setgid and capabilities from what is written to, so what was written since the look gets none; a write that
 * comes in between is seen afterwards. */
static int give_back(const struct uns_entry *e, const struct want *w)
{
	const struct uns_shift_state *s = &w->state;
	uint32_t bare = s->mode & 07777 & ~(uint32_t)(S_ISUID | S_ISGID);
	bool risky = S_ISREG(e->mode) && ((w->changes & CHANGE_MODE && bare != (s->mode & 07777)) || (w->changes & CHANGE_CAP && s->cap_len));
	int written = risky ? was_written(e) : 0;

	if (written < 0)
		return -1;
	if (written)
		return w->changes & CHANGE_MODE && uns_sys_chmod(e->fd, bare) ? -1 : 1;
	if ((w->changes & CHANGE_MODE && uns_sys_chmod(e->fd, s->mode & 07777)) || (w->changes & CHANGE_CAP && set_cap(e->fd, s)))
		return -1;
	written = risky ? was_written(e) : 0;
	if (written <= 0)
		return written;
	return uns_sys_chmod(e->fd, bare) || (uns_sys_removexattr(e->fd, UNS_XATTR_CAP) && errno != ENODATA) ? -1 : 1;
}

/* 1: somebody wrote into it meanwhile, so that it did not get all back. */
static int change(const struct uns_shift_job *job, const struct uns_entry *e, const struct want *w, struct uns_err *err)
{
	const struct uns_shift_state *s = &w->state;
	int fd = e->fd, written;
	bool has_flags = e->immutable || e->append;

	if (has_flags && w->changes & ~(unsigned)CHANGE_FLAGS && set_flags(fd, false, false))
		return fail(job, e, errno, "clear the flags of", err);
	if (w->changes & CHANGE_OWNER && uns_sys_chown(fd, "", s->uid, s->gid))
		return fail(job, e, errno, "change the owner of", err);
	written = give_back(e, w);
	if (written < 0)
		return fail(job, e, errno, "set mode and capability of", err);
	if (w->changes & CHANGE_ACLS && set_acls(fd, w))
		return fail(job, e, errno, "set the ACL of", err);
	if ((has_flags || w->changes & CHANGE_FLAGS) && set_flags(fd, s->immutable, s->append))
		return fail(job, e, errno, "set the flags of", err);
	return written;
}

/* ---- the walk ---- */

#define STRIPES 64
#define BATCH 256 /* entries after which a thread tells the others of them */
#define FLUSH_AT 65536
#define TOLD 64 /* names after which whoever shows the progress is told */

struct whole {
	struct uns_shift_job *job;
	pthread_mutex_t stripe[STRIPES]; /* by inode */
	atomic_uint_fast64_t names;      /* done with, about */
	bool flushes; /* see count */
};
/* What one thread does. */
struct part {
	struct whole *all;
	struct uns_digest *digests; /* by match */
	uint64_t changed, names;
	struct uns_census_list unrecorded, altered, late_links, failed, wrong;
	bool moved; /* see struct uns_shift_job */
	struct uns_shift_met met_lost;
};

static int sync_tree(const struct uns_shift_job *job, struct uns_err *err)
{
	return uns_sys_commit(job->tree.fd) ? uns_err_sys(err, errno, "cannot sync the file system of %s", job->args.base) : 0;
}

/* Now and then one thread syncs while the others go on, so that little is left to wait for at the end. Where it is a journal that is
 * waited for, the kernel does so by itself. */
static int count(struct part *p, struct uns_err *err)
{
	uint64_t names;

	if (++p->names % BATCH)
		return 0;
	names = atomic_fetch_add(&p->all->names, BATCH) + BATCH;
	return names % FLUSH_AT || !p->all->flushes ? 0 : sync_tree(p->all->job, err);
}

/* The scan of this run went through the directory that the entry is in: what hangs there was met by it, or has a later ctime. What
 * hangs in a directory that was moved there since has neither. */
static bool was_scanned(const struct uns_shift_job *job, const struct uns_entry *e)
{
	return uns_inomap_find(&job->names.at, e->parent_dev, e->parent) != NULL;
}

static bool wants(void *user, const struct uns_entry *e)
{
	const struct part *p = user;
	const struct uns_shift_job *job = p->all->job;

	if (!job->know_attributes || !was_scanned(job, e) || uns_inomap_find(&job->attributed, e->dev, e->ino))
		return true;
	return !uns_shift_is_old(job, e->ctime_sec, e->ctime_nsec);
}

/* A link made since the links were counted, or not counted, may lead out of the tree. Where we were at it ourselves, the owner is as it should be. */
static bool got_a_name(const struct uns_shift_job *job, const struct uns_entry *e)
{
	return !S_ISDIR(e->mode) && e->nlink > 1 && !uns_entry_whiteout(e) && !(job->args.allow & UNS_SHIFT_HARD_LINKS) &&
	       ((!job->other_clock && !uns_shift_is_old(job, e->ctime_sec, e->ctime_nsec)) || (job->names.n && e->parent && !was_scanned(job, e)));
}

/* Inode by inode, because after an interruption the sums prove nothing. */
static int check_kept(struct part *p, const struct uns_entry *e, const struct want *w, struct uns_err *err)
{
	uns_auto_free char *plain = NULL;
	uns_auto_free char *path = NULL;
	uns_auto_free char *text = NULL;
	const struct uns_shift_state *s = &w->state;

	if (e->uid == s->uid && e->gid == s->gid && (S_ISLNK(e->mode) || !((e->mode ^ s->mode) & 07777)) && e->cap_len == s->cap_len &&
	    !memcmp(e->cap, s->cap, s->cap_len) && e->immutable == s->immutable && e->append == s->append)
		return 0;
	plain = uns_entry_path(e, err);
	path = plain ? uns_str_escape(plain, err) : NULL;
	text = path ? uns_str_printf(err, "%s/%s did not keep the owner, mode, capability or flags that it was given",
	                             p->all->job->args.base, path)
	            : NULL;
	return text ? uns_census_note_text(&p->failed, text, err) : -1;
}

/* e is up to date, and nobody else of ours is at this inode. */
static int settle(struct part *p, const struct uns_shift_special *recorded, struct uns_entry *e, struct uns_err *err)
{
	const struct uns_shift_job *job = p->all->job;
	const struct uns_shift_special *s = recorded && reachable(job, recorded, e) ? recorded : NULL;
	uns_auto(want_done) struct want w = {0};
	int r, written;

	if (recorded && !s && uns_census_note_entry(&p->altered, e, NULL, err))
		return -1;
	if (find_want(job, s, e, &w, err))
		return -1;
	if (!w.changes)
		return 0;
	if (w.changes & CHANGE_OWNER && got_a_name(job, e))
		return uns_census_note_entry(&p->late_links, e, NULL, err);
	if (!recorded && w.changes & CHANGE_OWNER && (uns_entry_fragile(e) || e->immutable || e->append) &&
	    uns_census_note_entry(&p->unrecorded, e, NULL, err))
		return -1;
	written = change(job, e, &w, err);
	if (written < 0 || (written && uns_census_note_entry(&p->altered, e, NULL, err)))
		return -1;
	p->changed++;
	if (!s && w.changes == CHANGE_OWNER && !e->attributes && e->nlink == 1 && !S_ISDIR(e->mode)) {
		e->uid = w.state.uid; /* nothing else was at risk, and the descriptor leads to this very inode */
		e->gid = w.state.gid;
		return 0;
	}
	r = uns_entry_again(e, err);
	return r || written ? r : check_kept(p, e, &w, err);
}

/* Another name of the inode may be another thread's. 0; 1: it is gone. */
static int take_turn(struct part *p, const struct uns_shift_special *s, struct uns_entry *e, struct uns_err *err)
{
	pthread_mutex_t *turn = &p->all->stripe[e->ino % STRIPES];
	int r;

	pthread_mutex_lock(turn);
	r = uns_entry_again(e, err);
	if (!r)
		r = settle(p, s, e, err);
	pthread_mutex_unlock(turn);
	return r;
}

static int visit(void *user, const struct uns_entry *entry, struct uns_err *err)
{
	struct part *p = user;
	const struct uns_shift_job *job = p->all->job;
	struct uns_entry e = *entry;

	if (count(p, err))
		return -1;
	if (!uns_shift_is_foreign(job, &e)) {
		const struct uns_shift_special *s = uns_shift_find_special(&job->rec, &e);
		bool shared = e.nlink > 1 && !S_ISDIR(e.mode);
		int r = s || shared ? take_turn(p, s, &e, err) : settle(p, s, &e, err);

		uns_shift_lost_meet(job, s, &e, &p->met_lost);
		if (r)
			return r < 0 ? -1 : 0;
	}
	uns_digest_add(&p->digests[e.match_no], &e, &job->args.maps);
	return uns_shift_check_side(job, &e, &p->wrong, err);
}

/* ---- names that the scan met ---- */

/* Where there are inodes that are none of the tree's own, its root must not choose what is changed either: it could link to them. */
static bool has_strangers(const struct uns_shift_job *job)
{
	return job->rec.counts.unmapped || job->rec.n_foreign;
}

static unsigned known(void *user, uint64_t dev, uint64_t ino, int fd)
{
	const struct uns_shift_job *job = ((const struct part *)user)->all->job;
	struct stat st;

	if (fstat(fd, &st) || !uns_shift_trusts(job, fd, &st) || (st.st_uid != 0 && has_strangers(job)))
		return 0;
	return uns_shift_names_of(&job->names, dev, ino, &st);
}

/* What the kernel says of a change is believed, but some file systems say yes and do nothing: one name of each list is looked at. */
static int look_again(struct part *p, struct uns_walk_task *t, const char *name, struct uns_err *err)
{
	struct uns_entry e;
	int r = uns_walk_look(t, name, &e);

	return r ? (r < 0 ? -1 : 0) : uns_shift_check_side(p->all->job, &e, &p->wrong, err);
}

static int fail_plain(struct part *p, struct uns_walk_task *t, const char *name, struct uns_err *err)
{
	int errnum = errno;
	struct uns_err why;
	struct uns_entry e;
	int r = uns_walk_look(t, name, &e);

	if (r)
		return r < 0 ? -1 : 0;
	fail(p->all->job, &e, errnum, "change the owner of", &why);
	if (!uns_shift_forgive(p->all->job, &p->failed, &why))
		return 0;
	*err = why;
	return -1;
}

/* 1: somebody was at it since the scan, so it is to be looked at closely; or it is gone. */
static int look_before(struct part *p, struct uns_walk_task *t, const char *name, const uint32_t *owner)
{
	const struct uns_shift_job *job = p->all->job;
	struct uns_entry e;
	int r;

	if (job->args.exclusive)
		return 0;
	r = uns_walk_look(t, name, &e);
	if (r)
		return r;
	if (!uns_shift_is_old(job, e.ctime_sec, e.ctime_nsec))
		return uns_walk_visit(t, name) ? -1 : 1;
	if (owner) {
		e.uid = owner[0];
		e.gid = owner[1];
	}
	uns_digest_add(&p->digests[e.match_no], &e, &job->args.maps);
	return 0;
}

static int plain(struct part *p, struct uns_walk_task *t, const char *name, const uint32_t owner[2], bool first, struct uns_err *err)
{
	int r = count(p, err) ? -1 : look_before(p, t, name, owner);

	if (r)
		return r < 0 ? -1 : 0;
	if (uns_sys_chown(uns_walk_dirfd(t), name, owner[0], owner[1]))
		return fail_plain(p, t, name, err);
	p->changed++;
	return first ? look_again(p, t, name, err) : 0;
}

/* Nothing is to be done at it. */
static int settled(struct part *p, struct uns_walk_task *t, const char *name, struct uns_err *err)
{
	return count(p, err) || look_before(p, t, name, NULL) < 0 ? -1 : 0;
}

static int go_through(struct part *p, struct uns_walk_task *t, struct uns_shift_reading *r, struct uns_err *err)
{
	uint64_t told = 0;
	bool first = true;
	int tag;

	while ((tag = uns_shift_reading_next(r, err)) > 0) {
		const char *name = r->name.data;

		uns_progress_tick();
		if (uns_stop_check(err))
			return -1;
		if (tag == UNS_SHIFT_NAME_OTHER      ? uns_walk_visit(t, name)
		    : tag == UNS_SHIFT_NAME_PLAIN ? plain(p, t, name, r->owner, first, err)
		                                  : settled(p, t, name, err))
			return -1;
		first = first && tag != UNS_SHIFT_NAME_PLAIN;
		if (++told % TOLD == 0)
			uns_progress_add(TOLD, 0);
	}
	uns_progress_add(told % TOLD, 0);
	return tag;
}

static int names(void *user, struct uns_walk_task *t, unsigned list, struct uns_err *err)
{
	struct part *p = user;
	const struct uns_shift_job *job = p->all->job;
	uns_auto(uns_shift_reading_done) struct uns_shift_reading r = {0};
	struct stat st;

	if (fstat(uns_walk_dirfd(t), &st))
		return uns_err_sys(err, errno, "cannot look at a directory below %s", job->args.base);
	uns_shift_reading_start(&r, &job->names, st.st_dev, st.st_ino, list);
	if (go_through(p, t, &r, err))
		return -1;
	uns_progress_add(0, uns_shift_names_bytes(&job->names, st.st_dev, st.st_ino, list));
	if (fstat(uns_walk_dirfd(t), &st))
		return uns_err_sys(err, errno, "cannot look at a directory below %s", job->args.base);
	p->moved = p->moved || !uns_shift_names_of(&job->names, st.st_dev, st.st_ino, &st);
	return 0;
}

static void parts_done(struct part (*parts)[UNS_WALK_JOBS_MAX])
{
	for (unsigned i = 0; i < UNS_WALK_JOBS_MAX; i++) {
		free((*parts)[i].digests);
		uns_shift_met_done(&(*parts)[i].met_lost);
		uns_strs_done(&(*parts)[i].unrecorded.paths);
		uns_strs_done(&(*parts)[i].altered.paths);
		uns_strs_done(&(*parts)[i].late_links.paths);
		uns_strs_done(&(*parts)[i].failed.paths);
		uns_strs_done(&(*parts)[i].wrong.paths);
	}
}

static int join(struct uns_shift_job *job, const struct part *parts, unsigned n, struct uns_err *err)
{
	job->digests = calloc(job->matches.n + 1, sizeof(*job->digests));
	if (!job->digests)
		return uns_err_nomem(err);
	if (uns_shift_lost_begin(job, &job->met_lost, err))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		job->changed += parts[i].changed;
		job->moved = job->moved || parts[i].moved;
		uns_shift_lost_join(job, &job->met_lost, &parts[i].met_lost);
		if (uns_census_list_join(&job->unrecorded, &parts[i].unrecorded, err) ||
		    uns_census_list_join(&job->altered, &parts[i].altered, err) ||
		    uns_census_list_join(&job->late_links, &parts[i].late_links, err) ||
		    uns_census_list_join(&job->failed, &parts[i].failed, err) ||
		    uns_census_list_join(&job->wrong, &parts[i].wrong, err))
			return -1;
		for (size_t k = 0; k < job->matches.n; k++)
			uns_digest_sum(&job->digests[k], &parts[i].digests[k]);
	}
	return 0;
}

static int failed(void *user, const char *path, const struct uns_err *why)
{
	struct part *p = user;

	(void)path;
	return uns_shift_forgive(p->all->job, &p->failed, why);
}

/* Whether a change may copy an inode to another layer. Two copies into one directory at a time lose its time. */
static bool copies_up(const struct uns_shift_job *job)
{
	struct statfs st;

	return !fstatfs(job->tree.fd, &st) && st.f_type == OVERLAYFS_SUPER_MAGIC;
}

static int walk(struct whole *all, struct uns_err *err)
{
	uns_auto(parts_done) struct part parts[UNS_WALK_JOBS_MAX] = {0};
	struct uns_shift_job *job = all->job;
	void *users[UNS_WALK_JOBS_MAX];
	struct uns_walk w = {.pins = true,
	                     .visit = visit,
	                     .wants = wants,
	                     .failed = failed,
	                     .users = users,
	                     .known = job->names.n ? known : NULL,
	                     .names = names};

	uns_walk_wish(&w, copies_up(job) ? 1 : job->c->jobs);
	for (unsigned i = 0; i < w.jobs; i++) {
		parts[i] = (struct part){.all = all, .digests = calloc(job->matches.n + 1, sizeof(struct uns_digest))};
		users[i] = &parts[i];
		if (!parts[i].digests)
			return uns_err_nomem(err);
		if (uns_shift_lost_begin(job, &parts[i].met_lost, err))
			return -1;
	}
	return uns_tree_walk_with(&job->tree, &job->matches, &w, err) || join(job, parts, w.jobs, err) ? -1 : 0;
}

/* A run that goes on has no scan of its own, but links may have been made since the first one. */
static int count_links(struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(uns_census_done) struct uns_census c = {.inodes = 0};

	uns_shift_note_time(job);
	if (job->args.allow & UNS_SHIFT_HARD_LINKS)
		return 0;
	if (uns_tree_census_matches(&job->tree, &job->matches, &job->symlinks, NULL, job->c->jobs, &c, err))
		return -1;
	uns_progress_get(&job->met);
	if (!c.outside.n)
		return 0;
	return uns_err_set(err, UNS_E_INCOMPLETE, "%" PRIu64 " inodes below %s got names outside of the tree, the first is %s; remove those names",
	                   c.outside.n, job->args.base, c.outside.paths.v[0]);
}

int uns_shift_apply(struct uns_shift_job *job, struct uns_err *err)
{
	struct whole all = {.job = job, .flushes = !uns_sys_has_journal(job->tree.fd)};
	int r;

	if (job->resumed && count_links(job, err))
		return -1;

	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&all.stripe[i], NULL);
	uns_progress_begin("shifting", job->met.names, job->met.bytes);
	r = walk(&all, err);
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&all.stripe[i]);
	r = r ? r : sync_tree(job, err);
	uns_progress_end();
	return r;
}
