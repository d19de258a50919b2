/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts that are not in passwd or group: asked for one by one (getpwuid_r(3)), never enumerated: a directory may have millions,
 * or refuse to list them. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/vec.h"

#define ANSWER_FIRST 4096u
#define ANSWER_MAX (64u << 20) /* a group with a million members */

int64_t uns_idfacts_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One question and its answer, whose strings lie in buf. */
struct query {
	enum uns_idkind kind;
	const char *by_name; /* NULL: by id */
	uint32_t id;
	char *buf;
	size_t size;
	struct uns_account answer;
};

static void query_done(struct query *q)
{
	free(q->buf);
}

static int ask_user(struct query *q, bool *found)
{
	struct passwd pw, *result = NULL;
	int e = q->by_name ? getpwnam_r(q->by_name, &pw, q->buf, q->size, &result) :
	                     getpwuid_r((uid_t)q->id, &pw, q->buf, q->size, &result);

	*found = e == 0 && result;
	if (*found)
		q->answer = (struct uns_account){ .name = pw.pw_name, .id = pw.pw_uid, .gid = pw.pw_gid, .home = pw.pw_dir };
	return e;
}

static int ask_group(struct query *q, bool *found)
{
	struct group gr, *result = NULL;
	int e = getgrgid_r((gid_t)q->id, &gr, q->buf, q->size, &result);

	*found = e == 0 && result;
	if (*found)
		q->answer = (struct uns_account){ .name = gr.gr_name, .id = gr.gr_gid, .gid = gr.gr_gid };
	return e;
}

static int grow(struct query *q, struct uns_err *err)
{
	size_t size = q->size ? q->size * 2 : ANSWER_FIRST;
	char *buf = realloc(q->buf, size);

	if (!buf)
		return uns_err_nomem(err);
	q->buf = buf;
	q->size = size;
	return 0;
}

enum { FOUND, NOBODY, NO_ANSWER };

/* getpwnam_r(3), ERRORS: how services say that there is nobody. Anything else is a directory that does not answer. */
static int meaning(int errnum)
{
	return errnum == 0 || errnum == ENOENT || errnum == ESRCH || errnum == EBADF || errnum == EPERM ? NOBODY : NO_ANSWER;
}

/* FOUND, NOBODY, NO_ANSWER, or -1. */
static int ask(struct query *q, struct uns_err *err)
{
	if (!q->buf && grow(q, err) < 0)
		return -1;
	for (;;) {
		bool found;
		int e = q->kind == UNS_UID ? ask_user(q, &found) : ask_group(q, &found);

		if (found)
			return FOUND;
		if (e == EINTR)
			continue;
		if (e == ENOMEM)
			return uns_err_nomem(err);
		if (e != ERANGE || q->size >= ANSWER_MAX)
			return meaning(e);
		if (grow(q, err) < 0)
			return -1;
	}
}

static int add_account(struct uns_accounts *a, const char *as, const struct uns_account *found, struct uns_err *err)
{
	uns_auto_free char *name = uns_str_dup(as, err);
	uns_auto_free char *home = found->home ? uns_str_dup(found->home, err) : NULL;
	struct uns_account *v;

	if (!name || (found->home && !home))
		return -1;
	v = uns_vec_room(a->v, a->n, &a->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	a->v = v;
	a->v[a->n++] = (struct uns_account){ .name = uns_take_ptr(name), .id = found->id, .gid = found->gid, .home = uns_take_ptr(home) };
	return 0;
}

/* ---- by ID ---- */

struct ids {
	uint32_t *v;
	size_t n, cap;
};

static void ids_done(struct ids *l)
{
	free(l->v);
}

static int add_ids(struct ids *l, const struct uns_accounts *a, struct uns_range r, struct uns_err *err)
{
	for (size_t i = 0; i < a->n; i++) {
		uint32_t *v;

		if (!uns_range_has(r, a->v[i].id))
			continue;
		v = uns_vec_room(l->v, l->n, &l->cap, sizeof(*v));
		if (!v)
			return uns_err_nomem(err);
		l->v = v;
		l->v[l->n++] = a->v[i].id;
	}
	return 0;
}

static int compare_ids(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

/* IDs in the range that have an account which we know. */
static int known_ids(const struct uns_idfacts *f, enum uns_idkind kind, struct uns_range r, struct ids *ret, struct uns_err *err)
{
	if (add_ids(ret, kind == UNS_UID ? &f->users : &f->groups, r, err) < 0 || add_ids(ret, &f->nss[kind], r, err) < 0)
		return -1;
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_ids);
	return 0;
}

static bool is_known(const struct ids *l, uint32_t id)
{
	return l->n && bsearch(&id, l->v, l->n, sizeof(*l->v), compare_ids);
}

static void note_silence(struct uns_idfacts *f, int answer)
{
	if (answer == NO_ANSWER)
		f->probe_cut = f->probe_silent = true;
}

/* Asks for q->id. 0 nothing new, 1 a new account; -1. */
static int probe_one(struct uns_idfacts *f, struct query *q, const struct ids *known, struct uns_err *err)
{
	int r = ask(q, err);

	if (r < 0)
		return -1;
	f->probed++;
	note_silence(f, r);
	if (r != FOUND || is_known(known, q->id))
		return 0;
	q->answer.id = q->id;
	return add_account(&f->nss[q->kind], q->answer.name, &q->answer, err) < 0 ? -1 : 1;
}

/* The range without IDs that are never an account's; a count of 0 when nothing is left. */
static struct uns_range askable(struct uns_range r)
{
	if (r.start > UNS_ID_LAST)
		r.count = 0;
	else if (r.count > UNS_ID_LAST - r.start + 1)
		r.count = UNS_ID_LAST - r.start + 1;
	return r;
}

int uns_idfacts_probe(struct uns_idfacts *f, enum uns_idkind kind, struct uns_range r, const struct uns_probe *how, size_t *ret_new,
                      struct uns_err *err)
{
	uns_auto(query_done) struct query q = { .kind = kind };
	uns_auto(ids_done) struct ids known = { 0 };
	uint64_t n = (uint64_t)how->samples + 2;
	size_t found = 0;

	r = askable(r);
	if (how->deep || n > r.count)
		n = r.count;
	if (f->offline || !f->has_nss[kind])
		n = 0;
	if (n && known_ids(f, kind, r, &known, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		int one;

		if (how->until && uns_idfacts_clock() >= how->until) {
			f->probe_cut = true;
			break;
		}
		/* First and last, and evenly between; every ID when n is the count. */
		q.id = r.start + (uint32_t)(n > 1 ? (r.count - 1) * i / (n - 1) : 0);
		one = probe_one(f, &q, &known, err);
		if (one < 0)
			return -1;
		found += (size_t)one;
	}
	*ret_new = found;
	return 0;
}

/* ---- by name ---- */

static int compare_names(const void *pa, const void *pb, void *user)
{
	const struct uns_accounts *a = user;
	uint32_t i = *(const uint32_t *)pa, j = *(const uint32_t *)pb;
	int r = strcmp(a->v[i].name, a->v[j].name);

	return r ? r : i < j ? -1 : i > j;
}

/* A batch asks for ten thousand names. */
static int index_names(struct uns_idfacts *f, struct uns_err *err)
{
	uint32_t *v;

	if (f->by_name && f->by_name_n == f->users.n)
		return 0;
	v = reallocarray(f->by_name, f->users.n ? f->users.n : 1, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < f->users.n; i++)
		v[i] = (uint32_t)i;
	qsort_r(v, f->users.n, sizeof(*v), compare_names, &f->users);
	f->by_name = v;
	f->by_name_n = f->users.n;
	return 0;
}

static bool has_user(const struct uns_idfacts *f, const char *name)
{
	size_t low = 0, high = f->by_name_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(f->users.v[f->by_name[middle]].name, name);

		if (r == 0)
			return true;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int uns_idfacts_name(struct uns_idfacts *f, const char *name, bool *ret, struct uns_err *err)
{
	uns_auto(query_done) struct query q = { .kind = UNS_UID, .by_name = name };
	int r;

	if (index_names(f, err) < 0)
		return -1;
	if (has_user(f, name) || uns_accounts_name(&f->nss[UNS_UID], name)) {
		*ret = true;
		return 0;
	}
	r = !f->offline && f->has_nss[UNS_UID] ? ask(&q, err) : NOBODY;
	if (r < 0)
		return -1;
	note_silence(f, r);
	/* A directory may answer to several spellings; this one was asked for, and will be again. */
	if (r == FOUND && add_account(&f->nss[UNS_UID], name, &q.answer, err) < 0)
		return -1;
	*ret = r == FOUND;
	return 0;
}
