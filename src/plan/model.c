/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes which IDs, in one structure for all who ask. The claims of one severity lie sorted by start, each with the highest last
 * ID of all up to it. That grows monotonously, so the first claim that reaches a range is found by bisection, and when that one
 * begins behind the range, all do: also claims that contain each other cost nothing. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

#define SEVERITIES (UNS_ERROR + 1)
#define DIGIT_BITS 12
#define DIGITS (1u << DIGIT_BITS)
/* A map of more IDs than can be handed out at all is one of (nearly) everything to itself (systemd, PrivateUsers=full). */
#define LIVE_MAX (1u << 30)

struct side {
	struct uns_claim *v; /* by severity, then start */
	uint32_t *reach;     /* the highest last ID of v[begin[severity]] … v[i] */
	size_t n, cap;
	size_t begin[SEVERITIES + 1];
};

struct uns_model {
	const struct uns_idfacts *f;
	struct side side[UNS_IDKINDS];
};

/* ---- the table of reserved ranges ---- */

enum when {
	ALWAYS,
	WITH_HOMED,
	WITH_KUBELET,
	WITH_INCUS_IMPLICIT, /* Incus or LXD, and root has no line in the file */
	WITH_SNAPD,
	WITHOUT_SNAPD,
	WITH_SSSD_UNKNOWN, /* SSSD, but no domain was read whose slices would be known */
	WITH_IPA_SUBIDS,   /* nsswitch.conf: "subid: sss" */
};

static const struct reserved {
	const char *name;
	uint32_t first, last;
	uint8_t severity; /* enum uns_severity */
	uint8_t when;     /* enum when */
} reserved[] = {
    /* The kernel: who has it in his map is the host's root. */
    {"root (ID 0)", 0, 0, UNS_ERROR, ALWAYS},
#define ROW_SYSTEM 1 /* login.defs(5), SYS_UID_MAX; systemd, UIDS-GIDS.md */
    {"the host's system accounts", 1, 0, UNS_ERROR, ALWAYS},
#define ROW_USERS 2 /* login.defs(5), UID_MIN … UID_MAX */
    {"the host's user accounts", 0, 0, UNS_ERROR, ALWAYS},
    /* systemd, UIDS-GIDS.md; the same for all that are named after systemd */
    {"systemd-homed: homes", 60001, 60513, UNS_ERROR, ALWAYS},
    {"systemd-nspawn: users of the host in containers", 60514, 60577, UNS_ERROR, ALWAYS},
    {"systemd: users of greeters", 60578, 60705, UNS_ERROR, ALWAYS},
    {"systemd: dynamic users", 61184, 65519, UNS_ERROR, ALWAYS},
    /* The kernel's overflow ID: what has no place in a map. */
    {"nobody (ID 65534)", 65534, 65534, UNS_ERROR, ALWAYS},
    {"the 16 bit -1 (ID 65535)", 65535, 65535, UNS_ERROR, ALWAYS},
#define ROW_LOW 9 /* what is left below 65536: later systems fill it. In parts, between the rows above. */
    {"the host's own IDs below 65536", 0, 65535, UNS_ERROR, ALWAYS},
#define ROW_USERS_HIGH 10 /* login.defs(5), where UID_MAX lies above 65535 */
    {"the host's user accounts", 65536, 0, UNS_ERROR, ALWAYS},
    /* systemd, src/home/homework-mount.c: it maps 524288 … 1879048191 into homes, so that these IDs cannot own files in one. */
    {"IDs that systemd-homed cannot store in homes", 65536, 524287, UNS_INFO, WITH_HOMED},
    /* systemd, UIDS-GIDS.md: chosen from dynamically; container managers are asked to use it too. */
    {"systemd-nspawn: containers", 524288, 1879048191, UNS_INFO, ALWAYS},
    /* kubernetes pkg/kubelet/kubelet_pods.go: without a user kubelet with a range. Only said by range check (KubeletRange), for as
     * a claim that counts it would forbid everything. */
    {"kubelet: pods", 65536, 4294967295, UNS_INFO, WITH_KUBELET},
    /* snapd, interfaces/builtin/system-users: snap_daemon and its like */
    {"snapd: snap_daemon and others", 584788, 584792, UNS_ERROR, WITH_SNAPD},
    {"snapd: snap_daemon and others", 584788, 584792, UNS_INFO, WITHOUT_SNAPD},
    /* incus internal/server/sys/os.go: what it takes by itself, recorded nowhere */
    {"Incus or LXD: containers, because root has no line", 1000000, 1000999999, UNS_ERROR, WITH_INCUS_IMPLICIT},
    /* sssd-ldap(5), ldap_idmap_range_min, ldap_idmap_range_max (exclusive): the default */
    {"SSSD: accounts of a domain", 200000, 2000199999, UNS_WARNING, WITH_SSSD_UNKNOWN},
    /* systemd, UIDS-GIDS.md (258): every user may own files there */
    {"systemd: foreign IDs", 2147352576, 2147418111, UNS_ERROR, ALWAYS},
    /* freeipa doc/designs/subordinate-ids.md */
    {"FreeIPA: subordinate IDs", 2147483648, 4294901767, UNS_ERROR, WITH_IPA_SUBIDS},
#define ROW_HIGH 20 /* systemd, UIDS-GIDS.md ("HIC SVNT LEONES"); CVE-2024-40635 */
    {"IDs that are negative as int", 2147483648, 4294967294, UNS_WARNING, ALWAYS},
    /* Debian Policy 9.2.2: anonymous users of NFS servers */
    {"nobody of NFS (ID 4294967294)", 4294967294, 4294967294, UNS_ERROR, ALWAYS},
    /* The kernel: "no ID" in chown(2) and setreuid(2) */
    {"no ID at all (4294967295)", 4294967295, 4294967295, UNS_ERROR, ALWAYS},
};
#define RESERVED (sizeof(reserved) / sizeof(reserved[0]))

_Static_assert(RESERVED == 23, "the numbers of ROW_… are places in the table");

/* As Incus compares, without case; its fallback is the number. */
static bool root_has_line(const struct uns_subid *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcasecmp(s->v[i].owner, "root") == 0 || strcmp(s->v[i].owner, "0") == 0)
			return true;
	return false;
}

static bool applies(const struct uns_idfacts *f, enum uns_idkind kind, enum when when)
{
	switch (when) {
	case WITH_HOMED:
		return f->present & UNS_HAS_HOMED;
	case WITH_KUBELET:
		return f->present & UNS_HAS_KUBELET;
	case WITH_INCUS_IMPLICIT:
		return (f->present & UNS_HAS_INCUS) && !root_has_line(&f->sub[kind].s);
	case WITH_SNAPD:
		return f->present & UNS_HAS_SNAPD;
	case WITHOUT_SNAPD:
		return !(f->present & UNS_HAS_SNAPD);
	case WITH_SSSD_UNKNOWN:
		return (f->present & UNS_HAS_SSSD) && f->sssd.n == 0;
	case WITH_IPA_SUBIDS:
		return f->subid_source && strcmp(f->subid_source, "sss") == 0;
	case ALWAYS:
		break;
	}
	return true;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void bounds(const struct uns_idfacts *f, enum uns_idkind kind, size_t row, uint32_t *ret_first, uint32_t *ret_last)
{
	const struct uns_login_defs *d = &f->defs;

	*ret_first = row == ROW_USERS ? d->id_min[kind] : reserved[row].first;
	*ret_last = reserved[row].last;
	if (row == ROW_SYSTEM)
		*ret_last = least(d->sys_max[kind], UNS_ID_BLOCK - 1);
	else if (row == ROW_USERS)
		*ret_last = least(d->id_max[kind], UNS_ID_BLOCK - 1);
	else if (row == ROW_USERS_HIGH)
		*ret_last = d->id_max[kind];
}

/* A UID_MAX beyond all that can be handed out is no statement about where accounts lie. */
static enum uns_severity severity_of(size_t row, uint32_t last)
{
	return row == ROW_USERS_HIGH && last >= UNS_RANGE_LAST ? UNS_WARNING : (enum uns_severity)reserved[row].severity;
}

bool uns_claim_is_high(const struct uns_claim *c)
{
	return c->source == UNS_CLAIM_RESERVED && c->index == ROW_HIGH;
}

/* ---- accounts and lines ---- */

uint32_t uns_range_last(struct uns_range r)
{
	return r.count - 1 > UINT32_MAX - r.start ? UINT32_MAX : r.start + (r.count - 1);
}

const struct uns_account *uns_user_find(const struct uns_idfacts *f, const char *name)
{
	const struct uns_account *a = uns_accounts_name(&f->users, name);

	return a ? a : uns_accounts_name(&f->nss[UNS_UID], name);
}

static bool is_number(const char *s, uint32_t *ret)
{
	return uns_num_u32(s, strlen(s), ret) == 0;
}

/* Of several accounts of one name only the first counts. */
static void who_named(struct uns_who *w, const struct uns_idfacts *f, const struct uns_accounts *a)
{
	for (size_t i = 0; i < a->n && w->names < sizeof(w->name) / sizeof(w->name[0]); i++)
		if (a->v[i].id == w->id && uns_user_find(f, a->v[i].name) == &a->v[i])
			w->name[w->names++] = a->v[i].name;
}

struct uns_who uns_who_is(const struct uns_idfacts *f, const char *owner)
{
	struct uns_who w = {.owner = owner};
	const struct uns_account *a;

	w.number = is_number(owner, &w.id);
	if (w.number) {
		who_named(&w, f, &f->users);
		who_named(&w, f, &f->nss[UNS_UID]);
		return w;
	}
	a = uns_user_find(f, owner);
	w.known = a != NULL;
	w.id = a ? a->id : 0;
	return w;
}

bool uns_who_owns(const struct uns_who *w, const struct uns_subid_line *l)
{
	uint32_t id;

	if (!*l->owner || (l->flaws & UNS_FLAW_BIT(UNS_FLAW_NIS)))
		return false;
	if (strcmp(l->owner, w->owner) == 0)
		return true;
	if (is_number(l->owner, &id))
		return !w->number && w->known && id == w->id;
	for (size_t i = 0; i < w->names; i++)
		if (strcmp(l->owner, w->name[i]) == 0)
			return true;
	return false;
}

bool uns_line_is_of(const struct uns_idfacts *f, const struct uns_subid_line *l, const char *owner)
{
	struct uns_who w = uns_who_is(f, owner);

	return uns_who_owns(&w, l);
}

bool uns_is_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return len > 0;
}

/* Where the ':' behind the owner was, or the line's end when there was none. */
static size_t owner_end(const struct uns_subid *s, const struct uns_subid_line *l)
{
	size_t end = (size_t)l->at + l->len, at;

	if ((uintptr_t)l->owner < (uintptr_t)s->text + l->at || (uintptr_t)l->owner >= (uintptr_t)s->text + end)
		return end;
	at = (size_t)(l->owner - s->text) + strlen(l->owner);
	return at < end ? at : end;
}

struct uns_line_fields uns_line_fields(const struct uns_subid *s, const struct uns_subid_line *l)
{
	size_t end = (size_t)l->at + l->len, at = owner_end(s, l);
	struct uns_line_fields f = {"", "", 0, 0};
	const char *colon;

	if (at == end)
		return f;
	f.start = s->text + at + 1;
	f.start_len = end - at - 1;
	colon = memchr(f.start, ':', f.start_len);
	if (!colon)
		return f;
	f.count = colon + 1;
	f.count_len = f.start_len - (size_t)(f.count - f.start);
	f.start_len = (size_t)(colon - f.start);
	colon = memchr(f.count, ':', f.count_len);
	if (colon)
		f.count_len = (size_t)(colon - f.count);
	return f;
}

/* What strtoul skips in front, and what some programs skip behind. */
static void trim(const char **s, size_t *len)
{
	while (*len && strchr(" \t\v\f+", **s) && **s) {
		(*s)++;
		(*len)--;
	}
	while (*len && strchr(" \t\r", (*s)[*len - 1]) && (*s)[*len - 1])
		(*len)--;
}

/* What a number means: decimal, and octal where it has a leading zero, as strtoul takes it. Cut at 2^32. */
static bool read_digits(const char *s, size_t len, bool octal, uint64_t *ret)
{
	uint64_t value = 0;
	unsigned base;

	trim(&s, &len);
	base = octal && len > 1 && *s == '0' ? 8 : 10;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)s[i] - '0';

		if (digit >= base)
			return false;
		value = value * base + digit;
		if (value > UINT32_MAX)
			value = (uint64_t)UINT32_MAX + 1;
	}
	*ret = value;
	return len > 0;
}

/* The part of the range that exists; false: none does. */
static bool clip(uint64_t start, uint64_t count, struct uns_range *ret)
{
	if (start > UNS_ID_LAST || count == 0)
		return false;
	if (count > UNS_ID_LAST - start + 1)
		count = UNS_ID_LAST - start + 1;
	*ret = (struct uns_range){(uint32_t)start, (uint32_t)count};
	return true;
}

/* A leading zero makes a number octal to the one and is nothing to the other; both fields may have one. */
static size_t octal_readings(const struct uns_subid *s, const struct uns_subid_line *l, struct uns_range *ret, size_t n)
{
	struct uns_line_fields f = uns_line_fields(s, l);

	for (unsigned i = 0; i < 4 && n < UNS_LINE_READINGS; i++) {
		struct uns_range r;
		uint64_t start, count;
		size_t known = 0;

		if (!read_digits(f.start, f.start_len, i & 1, &start) || !read_digits(f.count, f.count_len, i & 2, &count) ||
		    !clip(start, count, &r))
			continue;
		while (known < n && (ret[known].start != r.start || ret[known].count != r.count))
			known++;
		if (known == n)
			ret[n++] = r;
	}
	return n;
}

size_t uns_line_readings(const struct uns_subid *s, const struct uns_subid_line *l, struct uns_range ret[UNS_LINE_READINGS])
{
	size_t n = 0;

	if (l->flaws & UNS_FLAW_BIT(UNS_FLAW_NIS))
		return 0;
	if (l->range.count)
		ret[n++] = l->range;
	return l->flaws & UNS_FLAW_BIT(UNS_FLAW_OCTAL) ? octal_readings(s, l, ret, n) : n;
}

void uns_text_show(const char *s, size_t len, char ret[UNS_TEXT_SHOWN])
{
	size_t room = UNS_TEXT_SHOWN - 1, n = len < room ? len : room;

	for (size_t i = 0; i < n; i++)
		ret[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	if (len > room)
		memcpy(ret + n - 3, "...", 3);
	ret[n] = '\0';
}

void uns_line_show(const struct uns_subid *s, const struct uns_subid_line *l, char ret[UNS_TEXT_SHOWN])
{
	size_t colon = owner_end(s, l) - l->at;

	uns_text_show(s->text + l->at, l->len, ret);
	if (colon < l->len && colon < (l->len < UNS_TEXT_SHOWN ? l->len : UNS_TEXT_SHOWN - 4))
		ret[colon] = ':';
}

/* ---- the owner who is left out ---- */

/* An owner by all names: a million lines are compared with him. */
struct who {
	const char *owner;
	char number[16];    /* his UID; "": not known */
	const char **alias; /* when the owner is a number: accounts of that UID */
	size_t aliases, cap;
	struct {
		struct uns_range *v; /* his own lines, sorted, joined */
		size_t n, cap;
	} own[UNS_IDKINDS];
};

static void who_done(struct who *w)
{
	free(w->alias);
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		free(w->own[kind].v);
}

static int who_aliases(struct who *w, const struct uns_accounts *a, uint32_t id, struct uns_err *err)
{
	for (size_t i = 0; i < a->n; i++) {
		const char **v;

		if (a->v[i].id != id)
			continue;
		v = uns_vec_room(w->alias, w->aliases, &w->cap, sizeof(*v));
		if (!v)
			return uns_err_nomem(err);
		w->alias = v;
		w->alias[w->aliases++] = a->v[i].name;
	}
	return 0;
}

static bool who_has(const struct who *w, const char *owner)
{
	if (!w->owner || !*owner)
		return false;
	if (strcmp(owner, w->owner) == 0 || strcmp(owner, w->number) == 0)
		return true;
	for (size_t i = 0; i < w->aliases; i++)
		if (strcmp(owner, w->alias[i]) == 0)
			return true;
	return false;
}

static int range_compare(const void *pa, const void *pb)
{
	const struct uns_range *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

static int who_push(struct who *w, enum uns_idkind kind, struct uns_range r, struct uns_err *err)
{
	struct uns_range *v = uns_vec_room(w->own[kind].v, w->own[kind].n, &w->own[kind].cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	w->own[kind].v = v;
	w->own[kind].v[w->own[kind].n++] = r;
	return 0;
}

/* Sorted, those that touch or overlap as one. */
static void who_join(struct who *w, enum uns_idkind kind)
{
	struct uns_range *v = w->own[kind].v;
	size_t n = 0;

	if (w->own[kind].n > 1)
		qsort(v, w->own[kind].n, sizeof(*v), range_compare);
	for (size_t i = 0; i < w->own[kind].n; i++) {
		uint32_t last = uns_range_last(v[i]), before = n ? uns_range_last(v[n - 1]) : 0;

		if (n && (v[i].start <= before || v[i].start - 1 == before)) {
			if (last > before)
				v[n - 1].count = last - v[n - 1].start + 1;
			continue;
		}
		v[n++] = v[i];
	}
	w->own[kind].n = n;
}

static int who_lines(struct who *w, const struct uns_idfacts *f, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_subid *s = &f->sub[kind].s;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].range.count && who_has(w, s->v[i].owner) && who_push(w, kind, s->v[i].range, err) < 0)
			return -1;
	who_join(w, kind);
	return 0;
}

static int who_make(struct who *w, const struct uns_idfacts *f, const char *owner, struct uns_err *err)
{
	const struct uns_account *a;
	uint32_t id;

	if (!owner)
		return 0;
	w->owner = owner;
	if (is_number(owner, &id)) {
		if (who_aliases(w, &f->users, id, err) < 0 || who_aliases(w, &f->nss[UNS_UID], id, err) < 0)
			return -1;
	} else if ((a = uns_user_find(f, owner)) != NULL) {
		snprintf(w->number, sizeof(w->number), "%u", a->id);
	}
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (who_lines(w, f, (enum uns_idkind)kind, err) < 0)
			return -1;
	return 0;
}

/* All of the range lies in his lines. */
static bool who_holds(const struct who *w, enum uns_idkind kind, struct uns_range r)
{
	const struct uns_range *v = w->own[kind].v;
	size_t low = 0, high = w->own[kind].n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v[middle].start <= r.start)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && uns_range_has(v[low - 1], r.start) && uns_range_last(r) <= uns_range_last(v[low - 1]);
}

/* ---- collecting ---- */

struct collect {
	struct uns_model *m;
	struct who who;
	unsigned sources;
};

static void collect_done(struct collect *c)
{
	who_done(&c->who);
	uns_model_free(c->m);
}

static int push(struct collect *c, enum uns_idkind kind, struct uns_range r, enum uns_claim_source source, size_t index,
                enum uns_severity severity, struct uns_err *err)
{
	struct side *side = &c->m->side[kind];
	struct uns_claim *v;

	if (r.count == 0)
		return 0;
	v = uns_vec_room(side->v, side->n, &side->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	side->v = v;
	v[side->n++] = (struct uns_claim){r, (uint32_t)index, (uint8_t)source, (uint8_t)severity};
	return 0;
}

static int collect_lines(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_subid *s = &c->m->f->sub[kind].s;

	for (size_t i = 0; i < s->n; i++) {
		struct uns_range r[UNS_LINE_READINGS];
		size_t n = who_has(&c->who, s->v[i].owner) ? 0 : uns_line_readings(s, &s->v[i], r);

		for (size_t j = 0; j < n; j++)
			if (push(c, kind, r[j], UNS_CLAIM_LINE, i, UNS_ERROR, err) < 0)
				return -1;
	}
	return 0;
}

/* Accounts below 65536 too: they say more than the reserved range that they lie in. Files get a user's primary group even when no
 * line of group names it; those indices lie behind the groups'. */
static int collect_accounts(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_idfacts *f = c->m->f;
	const struct uns_accounts *a = kind == UNS_UID ? &f->users : &f->groups;

	for (size_t i = 0; i < a->n; i++)
		if (push(c, kind, (struct uns_range){a->v[i].id, 1}, UNS_CLAIM_ACCOUNT, i, UNS_ERROR, err) < 0)
			return -1;
	for (size_t i = 0; kind == UNS_GID && i < f->users.n; i++)
		if (push(c, kind, (struct uns_range){f->users.v[i].gid, 1}, UNS_CLAIM_ACCOUNT, a->n + i, UNS_ERROR, err) < 0)
			return -1;
	return 0;
}

static int collect_nss(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_accounts *a = &c->m->f->nss[kind];

	for (size_t i = 0; i < a->n; i++)
		if (push(c, kind, (struct uns_range){a->v[i].id, 1}, UNS_CLAIM_NSS, i, UNS_ERROR, err) < 0)
			return -1;
	return 0;
}

static int collect_plugin(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_rangeset *p = &c->m->f->plugin[kind];

	for (size_t i = 0; i < p->n; i++)
		if (!who_has(&c->who, p->v[i].who) && push(c, kind, p->v[i].range, UNS_CLAIM_PLUGIN, i, UNS_ERROR, err) < 0)
			return -1;
	return 0;
}

static int collect_live(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_idfacts *f = c->m->f;

	for (size_t i = 0; i < f->lives; i++) {
		const struct uns_live *l = &f->live[i];

		if (l->kind != kind || l->range.count == 0 || who_holds(&c->who, kind, l->range))
			continue;
		if (push(c, kind, l->range, UNS_CLAIM_LIVE, i, l->range.count > LIVE_MAX ? UNS_INFO : UNS_ERROR, err) < 0)
			return -1;
	}
	return 0;
}

/* The name of a tree tells only where its range begins; a block is what its engine takes at least. The owner's is one that begins
 * in his lines, for these tell how long it is. */
static int collect_trees(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_idfacts *f = c->m->f;

	for (size_t i = 0; i < f->trees; i++) {
		struct uns_range r = {f->tree[i].start[kind], UNS_ID_BLOCK};

		if (who_holds(&c->who, kind, (struct uns_range){r.start, 1}))
			continue;
		if (push(c, kind, r, UNS_CLAIM_TREE, i, UNS_ERROR, err) < 0)
			return -1;
	}
	return 0;
}

static int collect_sssd(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_rangeset *s = &c->m->f->sssd;

	for (size_t i = 0; i < s->n; i++)
		if (push(c, kind, s->v[i].range, UNS_CLAIM_SSSD, i, UNS_ERROR, err) < 0)
			return -1;
	return 0;
}

static int collect_scan(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	const struct uns_rangeset *s = &c->m->f->scanned[kind];

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].range.count && !who_holds(&c->who, kind, s->v[i].range) &&
		    push(c, kind, s->v[i].range, UNS_CLAIM_SCAN, i, UNS_WARNING, err) < 0)
			return -1;
	return 0;
}

static int push_reserved(struct collect *c, enum uns_idkind kind, uint32_t first, uint32_t last, size_t row, struct uns_err *err)
{
	struct uns_range r = {first, last - first + 1};

	if (first > last)
		return 0;
	return push(c, kind, r, UNS_CLAIM_RESERVED, row, severity_of(row, last), err);
}

/* The rows below 65536, of which the last ends at 65535, and what lies between them: one row for all would hide them, for it begins
 * first. */
static int collect_low(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	uint32_t next = 0, first, last;

	for (size_t row = 0; row < ROW_LOW; row++) {
		bounds(c->m->f, kind, row, &first, &last);
		if (first > last)
			continue;
		if (next < first && push_reserved(c, kind, next, first - 1, ROW_LOW, err) < 0)
			return -1;
		if (push_reserved(c, kind, first, last, row, err) < 0)
			return -1;
		next = last >= next ? last + 1 : next;
	}
	return 0;
}

static int collect_reserved(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	if (collect_low(c, kind, err) < 0)
		return -1;
	for (size_t row = ROW_LOW + 1; row < RESERVED; row++) {
		uint32_t first, last;

		bounds(c->m->f, kind, row, &first, &last);
		/* What Incus takes because root has no line is no collision for root's line. */
		if (reserved[row].when == WITH_INCUS_IMPLICIT && who_has(&c->who, "root"))
			continue;
		if (applies(c->m->f, kind, (enum when)reserved[row].when) && push_reserved(c, kind, first, last, row, err) < 0)
			return -1;
	}
	return 0;
}

static int collect_all(struct collect *c, enum uns_idkind kind, struct uns_err *err)
{
	static int (*const collectors[])(struct collect *, enum uns_idkind, struct uns_err *) = {
	    [UNS_CLAIM_LINE] = collect_lines,    [UNS_CLAIM_ACCOUNT] = collect_accounts, [UNS_CLAIM_NSS] = collect_nss,
	    [UNS_CLAIM_PLUGIN] = collect_plugin, [UNS_CLAIM_LIVE] = collect_live,        [UNS_CLAIM_TREE] = collect_trees,
	    [UNS_CLAIM_SSSD] = collect_sssd,     [UNS_CLAIM_SCAN] = collect_scan,        [UNS_CLAIM_RESERVED] = collect_reserved,
	};

	for (unsigned source = 0; source <= UNS_CLAIM_RESERVED; source++)
		if ((c->sources & UNS_CLAIM_BIT(source)) && collectors[source](c, kind, err) < 0)
			return -1;
	return 0;
}

/* ---- sorting ---- */

static unsigned digit_of(const struct uns_claim *c, unsigned shift)
{
	return (unsigned)(((uint64_t)c->severity << 32 | c->range.start) >> shift) & (DIGITS - 1);
}

/* One digit of a radix sort, which is linear and keeps the order of equals. */
static void sort_digit(const struct uns_claim *from, struct uns_claim *to, size_t n, unsigned shift, size_t place[DIGITS])
{
	size_t at = 0;

	memset(place, 0, DIGITS * sizeof(*place));
	for (size_t i = 0; i < n; i++)
		place[digit_of(&from[i], shift)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t count = place[d];

		place[d] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++)
		to[place[digit_of(&from[i], shift)]++] = from[i];
}

static int sort_side(struct side *side, struct uns_err *err)
{
	uns_auto_free size_t *place = calloc(DIGITS, sizeof(*place));
	struct uns_claim *other = reallocarray(NULL, side->n + 1, sizeof(*other));

	if (!place || !other) {
		free(other);
		return uns_err_nomem(err);
	}
	/* 34 bits: the start, and above it the severity. */
	for (unsigned shift = 0; shift < 34; shift += DIGIT_BITS) {
		struct uns_claim *v = side->v;

		sort_digit(v, other, side->n, shift, place);
		side->v = other;
		other = v;
	}
	free(other);
	side->cap = side->n;
	return 0;
}

static int finish_side(struct side *side, struct uns_err *err)
{
	if (sort_side(side, err) < 0)
		return -1;
	side->reach = reallocarray(NULL, side->n + 1, sizeof(*side->reach));
	if (!side->reach)
		return uns_err_nomem(err);
	for (size_t i = 0; i < side->n; i++) {
		uint32_t last = uns_range_last(side->v[i].range);
		bool first = i == 0 || side->v[i - 1].severity != side->v[i].severity;

		side->reach[i] = first || last > side->reach[i - 1] ? last : side->reach[i - 1];
		for (unsigned s = side->v[i].severity + 1u; s <= SEVERITIES; s++)
			side->begin[s] = i + 1;
	}
	return 0;
}

struct uns_model *uns_model_of(const struct uns_idfacts *f, const char *owner, unsigned sources, struct uns_err *err)
{
	uns_auto(collect_done) struct collect c = {.sources = sources};

	c.m = calloc(1, sizeof(*c.m));
	if (!c.m) {
		uns_err_nomem(err);
		return NULL;
	}
	c.m->f = f;
	if (who_make(&c.who, f, owner, err) < 0)
		return NULL;
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (collect_all(&c, (enum uns_idkind)kind, err) < 0 || finish_side(&c.m->side[kind], err) < 0)
			return NULL;
	return uns_take_ptr(c.m);
}

struct uns_model *uns_model_new(const struct uns_idfacts *f, const char *owner, struct uns_err *err)
{
	return uns_model_of(f, owner, UNS_CLAIMS_ALL, err);
}

void uns_model_free(struct uns_model *m)
{
	if (!m)
		return;
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		free(m->side[kind].v);
		free(m->side[kind].reach);
	}
	free(m);
}

/* ---- asking ---- */

const struct uns_idfacts *uns_model_facts(const struct uns_model *m)
{
	return m->f;
}

const struct uns_claim *uns_model_claims(const struct uns_model *m, enum uns_idkind kind, enum uns_severity severity, size_t *ret_n)
{
	const struct side *side = &m->side[kind];

	*ret_n = side->begin[severity + 1] - side->begin[severity];
	return side->v ? side->v + side->begin[severity] : NULL;
}

const struct uns_claim *uns_model_first(const struct uns_model *m, enum uns_idkind kind, struct uns_range r,
                                        enum uns_severity severity)
{
	const struct side *side = &m->side[kind];
	size_t low = side->begin[severity], end = side->begin[severity + 1], high = end;

	if (r.count == 0)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (side->reach[middle] < r.start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < end && side->v[low].range.start <= uns_range_last(r) ? &side->v[low] : NULL;
}

const struct uns_claim *uns_model_find(const struct uns_model *m, enum uns_idkind kind, struct uns_range r, enum uns_severity least)
{
	for (int severity = UNS_ERROR; severity >= (int)least; severity--) {
		const struct uns_claim *c = uns_model_first(m, kind, r, (enum uns_severity)severity);

		if (c)
			return c;
	}
	return NULL;
}

/* ---- saying ---- */

static int describe_line(const struct uns_idfacts *f, enum uns_idkind kind, const struct uns_claim *c, struct uns_buf *ret,
                         struct uns_err *err)
{
	const struct uns_subid *s = &f->sub[kind].s;
	const struct uns_subid_line *l = &s->v[c->index];
	char shown[UNS_TEXT_SHOWN], owner[UNS_TEXT_SHOWN];

	uns_line_show(s, l, shown);
	uns_text_show(l->owner, strlen(l->owner), owner);
	return uns_buf_printf(ret, err, "%s (%s:%u: %s)", owner, UNS_SUBID_FILE(kind), l->line, shown);
}

static int describe_account(const struct uns_idfacts *f, enum uns_idkind kind, const struct uns_claim *c, struct uns_buf *ret,
                            struct uns_err *err)
{
	if (kind == UNS_UID)
		return uns_buf_printf(ret, err, "user %s (UID %u)", f->users.v[c->index].name, c->range.start);
	if (c->index < f->groups.n)
		return uns_buf_printf(ret, err, "group %s (GID %u)", f->groups.v[c->index].name, c->range.start);
	return uns_buf_printf(ret, err, "the primary group of user %s (GID %u)", f->users.v[c->index - f->groups.n].name,
	                      c->range.start);
}

static int describe_live(const struct uns_live *l, struct uns_buf *ret, struct uns_err *err)
{
	return uns_buf_printf(ret, err, "process %ld (%.31s), whose user namespace has %u:%u", (long)l->pid, l->comm,
	                      l->range.start, l->range.count);
}

int uns_claim_describe(const struct uns_model *m, enum uns_idkind kind, const struct uns_claim *c, struct uns_buf *ret,
                       struct uns_err *err)
{
	const struct uns_idfacts *f = m->f;

	switch ((enum uns_claim_source)c->source) {
	case UNS_CLAIM_LINE:
		return describe_line(f, kind, c, ret, err);
	case UNS_CLAIM_ACCOUNT:
		return describe_account(f, kind, c, ret, err);
	case UNS_CLAIM_NSS:
		return uns_buf_printf(ret, err, "%s %s of the name services (%s %u)", kind == UNS_UID ? "user" : "group",
		                      f->nss[kind].v[c->index].name, kind == UNS_UID ? "UID" : "GID", c->range.start);
	case UNS_CLAIM_PLUGIN:
		return uns_buf_printf(ret, err, "%s (\"subid: %s\": %u:%u)", f->plugin[kind].v[c->index].who,
		                      f->subid_source ? f->subid_source : "?", c->range.start, c->range.count);
	case UNS_CLAIM_LIVE:
		return describe_live(&f->live[c->index], ret, err);
	case UNS_CLAIM_TREE:
		return uns_buf_printf(ret, err, "the tree %s", f->tree[c->index].path);
	case UNS_CLAIM_SSSD:
		return uns_buf_puts(ret, f->sssd.v[c->index].who, err);
	case UNS_CLAIM_SCAN:
		return uns_buf_printf(ret, err, "files that exist (%s)", f->scanned[kind].v[c->index].who);
	case UNS_CLAIM_RESERVED:
		return uns_buf_puts(ret, reserved[c->index].name, err);
	}
	return uns_err_set(err, UNS_E_FAILED, "no such source of a claim: %u", c->source);
}
