/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a shift in memory: names by directory, so that the change need neither list nor look before it acts. A name costs
 * two bytes, and those in which it differs from the one before: a byte with its tag and how many bytes it shares with that, the rest, a
 * NUL. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "shift.h"
#include "uns/num.h"
#include "uns/vec.h"

#define LIST_MAX 1024 /* names in one list */
#define NO_TIME UINT32_MAX /* that no directory has */
#define TAG_BITS 2
#define SHARED_MAX (UINT8_MAX >> TAG_BITS)

void uns_shift_names_done(struct uns_shift_names *names)
{
	for (size_t i = 0; i < UNS_WALK_JOBS_MAX; i++)
		uns_buf_done(&names->text[i]);
	free(names->v);
	free(names->text_no);
	uns_buf_done(&names->last);
	uns_inomap_done(&names->at);
	*names = (struct uns_shift_names){0};
}

bool uns_shift_trusts(const struct uns_shift_job *job, int dirfd, const struct stat *st)
{
	const struct uns_map *m = &job->args.maps.uid;
	ssize_t n;

	if (st->st_mode & 022 || (st->st_uid != 0 && st->st_uid != uns_map_shifted(m, 0) && st->st_uid != uns_map_home(m, 0)))
		return false;
	if (job->other_clock || !uns_shift_is_old(job, st->st_mtim.tv_sec, (uint32_t)st->st_mtim.tv_nsec))
		return false;
	n = flistxattr(dirfd, NULL, 0); /* an ACL may let others write */
	return n == 0 || (n < 0 && errno == EOPNOTSUPP);
}

static int start_list(struct uns_shift_names *names, const struct uns_entry *e, const struct stat *st, struct uns_err *err)
{
	struct uns_shift_list *v = uns_vec_room(names->v, names->n, &names->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	names->v = v;
	v[names->n++] = (struct uns_shift_list){.dev = e->parent_dev,
	                                        .ino = e->parent,
	                                        .mtime_sec = st->st_mtim.tv_sec,
	                                        .mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
	                                        .from = names->text[0].len,
	                                        .to = names->text[0].len};
	names->in_list = 0;
	names->last.len = 0;
	names->owned = false;
	return 0;
}

/* The next directory, or the next piece of a large one. */
static int enter_dir(struct uns_shift_names *names, const struct uns_shift_job *job, const struct uns_entry *e, struct uns_err *err)
{
	struct stat st;

	if (fstat(e->dirfd, &st))
		return uns_err_sys(err, errno, "cannot look at a directory");
	names->dev = e->parent_dev;
	names->ino = e->parent;
	names->trusted = uns_shift_trusts(job, e->dirfd, &st);
	if (start_list(names, e, &st, err))
		return -1;
	if (!names->trusted) /* other pieces of it may have been trusted, before, after or by another thread: they are not all of it */
		names->v[names->n - 1].mtime_nsec = NO_TIME;
	return 0;
}

static int add_owner(struct uns_shift_names *names, uint32_t uid, uint32_t gid, struct uns_err *err)
{
	const char tag = UNS_SHIFT_NAME_OWNER;

	if (names->owned && names->uid == uid && names->gid == gid)
		return 0;
	names->owned = true;
	names->uid = uid;
	names->gid = gid;
	return uns_buf_append(&names->text[0], &tag, 1, err) || uns_buf_append(&names->text[0], &uid, sizeof(uid), err) ||
	               uns_buf_append(&names->text[0], &gid, sizeof(gid), err)
	           ? -1
	           : 0;
}

static int add_name(struct uns_shift_names *names, enum uns_shift_tag tag, const char *name, struct uns_err *err)
{
	uint8_t byte = tag & ((1u << TAG_BITS) - 1);
	size_t shared = 0;

	while (shared < SHARED_MAX && shared < names->last.len && name[shared] == names->last.data[shared])
		shared++;
	byte |= (uint8_t)(shared << TAG_BITS);
	if (uns_buf_append(&names->text[0], &byte, 1, err) ||
	    uns_buf_append(&names->text[0], name + shared, strlen(name + shared) + 1, err))
		return -1;
	names->last.len = shared;
	return uns_buf_puts(&names->last, name + shared, err);
}

int uns_shift_names_add(struct uns_shift_names *names, const struct uns_shift_job *job, const struct uns_entry *e,
                        enum uns_shift_tag tag, const uint32_t owner[2], bool *ret_remembered, struct uns_err *err)
{
	bool entered = names->ino == e->parent && names->dev == e->parent_dev && names->in_list < LIST_MAX;

	*ret_remembered = false;
	if (!e->parent)
		return 0; /* a match is in no directory of the walk */
	if (!entered && enter_dir(names, job, e, err))
		return -1;
	if (!names->trusted)
		return 0;
	if (tag == UNS_SHIFT_NAME_PLAIN && add_owner(names, owner[0], owner[1], err))
		return -1;
	names->in_list++;
	if (add_name(names, tag, e->name, err))
		return -1;
	names->v[names->n - 1].to = names->text[0].len;
	names->v[names->n - 1].bytes = uns_num_sum(names->v[names->n - 1].bytes, S_ISREG(e->mode) ? e->size : 0);
	*ret_remembered = true;
	return 0;
}

static int take_lists(struct uns_shift_names *all, const struct uns_shift_names *part, uint32_t text_no, struct uns_err *err)
{
	for (size_t i = 0; i < part->n; i++) {
		struct uns_inoslot *slot = uns_inomap_add(&all->at, part->v[i].dev, part->v[i].ino, NULL, err);

		if (!slot)
			return -1;
		all->v[all->n] = part->v[i];
		all->v[all->n].next = (uint32_t)slot->value;
		all->text_no[all->n++] = text_no;
		slot->value = all->n;
	}
	return 0;
}

int uns_shift_names_join(struct uns_shift_names *all, struct uns_shift_names *const parts[], unsigned n, struct uns_err *err)
{
	size_t lists = 0;

	uns_shift_names_done(all);
	for (unsigned i = 0; i < n; i++)
		lists += parts[i]->n;
	if (lists >= UINT32_MAX)
		return 0; /* then every directory is read again */
	all->v = calloc(lists + 1, sizeof(*all->v));
	all->text_no = calloc(lists + 1, sizeof(*all->text_no));
	if (!all->v || !all->text_no)
		return uns_err_nomem(err);
	for (unsigned i = 0; i < n; i++) {
		all->text[i] = parts[i]->text[0];
		parts[i]->text[0] = (struct uns_buf)UNS_BUF_INIT;
		if (take_lists(all, parts[i], i, err))
			return -1;
	}
	return 0;
}

static const struct uns_shift_list *first_list(const struct uns_shift_names *names, uint64_t dev, uint64_t ino)
{
	const struct uns_inoslot *slot = uns_inomap_find(&names->at, dev, ino);

	return slot ? &names->v[slot->value - 1] : NULL;
}

unsigned uns_shift_names_of(const struct uns_shift_names *names, uint64_t dev, uint64_t ino, const struct stat *st)
{
	unsigned n = 0;

	for (const struct uns_shift_list *l = first_list(names, dev, ino); l; l = l->next ? &names->v[l->next - 1] : NULL) {
		if (l->mtime_sec != st->st_mtim.tv_sec || l->mtime_nsec != (uint32_t)st->st_mtim.tv_nsec)
			return 0;
		n++;
	}
	return n;
}

static const struct uns_shift_list *list_of(const struct uns_shift_names *names, uint64_t dev, uint64_t ino, unsigned i)
{
	const struct uns_shift_list *l = first_list(names, dev, ino);

	while (i-- > 0)
		l = &names->v[l->next - 1];
	return l;
}

uint64_t uns_shift_names_bytes(const struct uns_shift_names *names, uint64_t dev, uint64_t ino, unsigned i)
{
	return list_of(names, dev, ino, i)->bytes;
}

void uns_shift_reading_start(struct uns_shift_reading *r, const struct uns_shift_names *names, uint64_t dev, uint64_t ino, unsigned i)
{
	const struct uns_shift_list *l = list_of(names, dev, ino, i);
	const char *text = names->text[names->text_no[l - names->v]].data;

	*r = (struct uns_shift_reading){.at = text + l->from, .end = text + l->to};
}

void uns_shift_reading_done(struct uns_shift_reading *r)
{
	uns_buf_done(&r->name);
}

int uns_shift_reading_next(struct uns_shift_reading *r, struct uns_err *err)
{
	const unsigned tags = (1u << TAG_BITS) - 1;
	uint8_t byte;

	if (r->at == r->end)
		return 0;
	byte = (uint8_t)*r->at++;
	if (byte == UNS_SHIFT_NAME_OWNER) {
		memcpy(r->owner, r->at, sizeof(r->owner));
		r->at += sizeof(r->owner);
		byte = (uint8_t)*r->at++;
	}
	r->name.len = byte >> TAG_BITS;
	if (uns_buf_puts(&r->name, r->at, err))
		return -1;
	r->at += strlen(r->at) + 1;
	return byte & tags ? (int)(byte & tags) : UNS_SHIFT_NAME_OTHER;
}
