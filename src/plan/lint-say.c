/* SPDX-License-Identifier: Apache-2.0 */
/* range check: the texts about lines. Each quotes the line, says who makes what of it, and what to do. */
#include <stdlib.h>
#include <string.h>

#include "lint.h"
#include "uns/cleanup.h"

#define FLAW(flaw) UNS_FLAW_BIT(UNS_FLAW_##flaw)
#define LINES_NAMED 4 /* of an owner who has more */

/* A line that is spoken of. */
struct spot {
	const struct uns_lint *t;
	const char *id;
	enum uns_idkind kind;
	uint32_t index;
	const struct uns_subid_line *l;
	const struct uns_lint_owner *o;
	char object[32];
	char line[UNS_TEXT_SHOWN];
	char owner[UNS_TEXT_SHOWN]; /* as it is spelled there */
};

#define say(s, remedy, err, fmt, ...)                                                                                              \
	uns_findings_add((s)->t->ret, NULL, (s)->id, (s)->object, remedy, err, "\"%s\" " fmt, (s)->line, __VA_ARGS__)

static const char *kind_name(const struct spot *s)
{
	return s->kind == UNS_UID ? "UID" : "GID";
}

static const struct uns_subid *file_of(const struct spot *s)
{
	return &s->t->f->sub[s->kind].s;
}

char *uns_lint_command(const char *verb, const char *owner, struct uns_err *err)
{
	char shown[UNS_TEXT_SHOWN];
	uns_auto_free char *word = uns_str_shell(owner, err);

	if (!word)
		return NULL;
	if (uns_subid_owner_valid(owner) && *owner != '-')
		return uns_str_printf(err, "$ usernsctl range %s %s", verb, word);
	/* Nobody can be named so on the command line: words, as the line shows him. */
	uns_text_show(owner, strlen(owner), shown);
	return uns_str_printf(err, "usernsctl range %s %s", verb, shown);
}

static char *command(const struct spot *s, const char *verb, struct uns_err *err)
{
	return uns_lint_command(verb, s->l->owner, err);
}

/* "usernsctl range check --fix OWNER"; about: what it does, in words. */
static char *fix_command(const char *owner, const char *about, struct uns_err *err)
{
	uns_auto_free char *text = uns_lint_command("check --fix", owner, err);

	return text ? uns_str_printf(err, "%s%s%s", text, uns_str_starts(text, UNS_COMMAND) ? UNS_COMMAND_ENDS : " ", about) : NULL;
}

/* ---- who reads what ---- */

/* Worst first; what is not here is no news. */
static const enum uns_effect effects[] = {
    UNS_READS_ZERO, UNS_REFUSES_FILE, UNS_STOPS_READING, UNS_LOSES_NEXT,    UNS_FAILS,        UNS_MAPS_TWICE,
    UNS_CUTS_DIGIT, UNS_READS_OCTAL,  UNS_READS_DECIMAL, UNS_READS_WRAPPED, UNS_READS_MINUS,  UNS_READS_NO_IDS,
    UNS_ASKS_WRONG, UNS_TAKES_AS_IS,  UNS_UID_LINES,     UNS_NAME_LINES,    UNS_FIRST_ONLY,   UNS_FILE_ORDER,
    UNS_SORTS,      UNS_EACH_ALONE,   UNS_MERGES,        UNS_OTHER_OWNER,   UNS_IGNORES_LINE, UNS_LISTS_TWICE,
};
#define EFFECTS (sizeof(effects) / sizeof(effects[0]))

_Static_assert(EFFECTS == UNS_EFFECTS - 1, "all but UNS_READS");

static size_t place_of(enum uns_effect e)
{
	size_t i = 0;

	while (effects[i] != e)
		i++;
	return i;
}

/* Place in that list of the worst that a program makes of these flaws; EFFECTS: all as meant. */
static size_t worst_effect(enum uns_consumer consumer, uint32_t flaws, bool plain_start)
{
	size_t worst = EFFECTS;

	for (int flaw = 0; flaw < UNS_FLAWS; flaw++) {
		enum uns_effect e;

		if (!(flaws & UNS_FLAW_BIT(flaw)))
			continue;
		e = uns_lint_effect(consumer, (enum uns_flaw)flaw, plain_start);
		for (size_t i = 0; i < worst; i++)
			if (effects[i] == e)
				worst = i;
		/* Who refuses the file never reads the line, whatever else is wrong with it. */
		if (e == UNS_REFUSES_FILE || e == UNS_STOPS_READING)
			return place_of(e);
	}
	return worst;
}

/* "dockerd >= 28: reads …; podman, LXC: …", programs that do the same together. */
static int put_effects(struct uns_buf *b, uint32_t flaws, bool plain_start, struct uns_err *err)
{
	size_t worst[UNS_CONSUMERS], groups = 0;

	for (int c = 0; c < UNS_CONSUMERS; c++)
		worst[c] = worst_effect((enum uns_consumer)c, flaws, plain_start);
	for (size_t i = 0; i < EFFECTS; i++) {
		size_t n = 0;

		for (int c = 0; c < UNS_CONSUMERS; c++) {
			if (worst[c] != i)
				continue;
			if (uns_buf_printf(b, err, "%s%s", n ? ", " : groups ? "; " : "", uns_consumer_names[c]) < 0)
				return -1;
			n++;
		}
		if (n && uns_buf_printf(b, err, ": %s", uns_effect_texts[effects[i]]) < 0)
			return -1;
		groups += n > 0;
	}
	return groups ? 0 : uns_buf_puts(b, "no program reads it otherwise", err);
}

static int put_flaws(struct uns_buf *b, uint32_t flaws, struct uns_err *err)
{
	size_t n = 0;

	for (int flaw = 0; flaw < UNS_FLAW_LINE_FLAWS; flaw++)
		if ((flaws & UNS_FLAW_BIT(flaw)) && uns_buf_printf(b, err, "%s%s", n++ ? ", " : "", uns_flaw_names[flaw]) < 0)
			return -1;
	return 0;
}

static bool has_plain_start(const struct spot *s)
{
	struct uns_line_fields f = uns_line_fields(file_of(s), s->l);

	return uns_is_digits(f.start, f.start_len);
}

/* What is to stand there instead; NULL with err only when out of memory. */
static char *canonical(const struct spot *s, struct uns_err *err)
{
	const struct uns_subid_line *l = s->l;
	uns_auto_free char *text = NULL, *about = NULL;

	if (l->flaws & FLAW(NIS))
		return uns_str_printf(err, "take it out: no program asks NIS for ranges");
	if (!uns_range_valid(l->range) || !uns_subid_owner_valid(l->owner) || (l->flaws & (FLAW(OCTAL) | FLAW(PAST_END))))
		return uns_str_printf(err, "write it as OWNER:START:COUNT, in decimal and without blanks, or take it out");
	text = uns_subid_line_text(l->owner, l->range, err);
	if (!text)
		return NULL;
	if (l->flaws & ~UNS_SUBID_MENDABLE)
		return uns_str_printf(err, "if that is what is meant, write %s in its place", text);
	if ((l->flaws & UNS_SUBID_MENDABLE) == FLAW(NO_NEWLINE))
		return uns_str_printf(err, "$ usernsctl range check --fix\tends it with a newline");
	about = uns_str_printf(err, "writes %s in its place", text);
	return about ? fix_command(l->owner, about, err) : NULL;
}

/* Both readings of a number with leading zeros, to choose from. */
static char *remedy_octal(const struct spot *s, struct uns_err *err)
{
	struct uns_range r[UNS_LINE_READINGS];
	size_t n = uns_line_readings(file_of(s), s->l, r);
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (n == 0)
		return canonical(s, err);
	for (size_t i = 0; i < n; i++)
		if (uns_buf_printf(&b, err, "%s%s:%u:%u", i ? " or " : "write ", s->owner, r[i].start, r[i].count) < 0)
			return NULL;
	if (uns_buf_puts(&b, ", whichever is meant, in its place", err) < 0)
		return NULL;
	return uns_buf_take(&b, err);
}

static int say_flaws(const struct spot *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf names = UNS_BUF_INIT, readers = UNS_BUF_INIT;
	uns_auto_free char *remedy = s->l->flaws & FLAW(OCTAL) ? remedy_octal(s, err) : canonical(s, err);

	if (!remedy || put_flaws(&names, s->l->flaws, err) < 0 || put_effects(&readers, s->l->flaws, has_plain_start(s), err) < 0)
		return -1;
	return say(s, remedy, err, "(%s): %s", names.data ? names.data : "", readers.data);
}

static int say_root(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *remedy = NULL;

	if (s->l->range.count == 0 || s->l->range.start != 0)
		return say_flaws(s, err);
	remedy = command(s, "move", err);
	if (!remedy)
		return -1;
	return say(s, remedy, err, "gives %s the ID 0: the root of his containers is the host's root", s->owner);
}

static int say_past_end(const struct spot *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf readers = UNS_BUF_INIT;
	uns_auto_free char *remove = command(s, "remove", err), *add = command(s, "add", err), *remedy = NULL;

	if (!remove || !add)
		return -1;
	remedy = uns_str_printf(err, "%s && %s", remove, add + (uns_str_starts(add, UNS_COMMAND) ? strlen(UNS_COMMAND) : 0));
	if (!remedy || put_effects(&readers, s->l->flaws, true, err) < 0)
		return -1;
	return say(s, remedy, err, "ends beyond 4294967294, the last ID; %s", readers.data);
}

/* ---- whose IDs these are ---- */

static int say_overlap(const struct spot *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	uns_auto_free char *remedy = command(s, "move", err);
	size_t n;
	const struct uns_claim *v = uns_model_claims(s->t->lines, s->kind, UNS_ERROR, &n);

	if (!remedy || uns_claim_describe(s->t->lines, s->kind, &v[s->t->side[s->kind].other[s->index]], &who, err) < 0)
		return -1;
	return say(s, remedy, err, "overlaps %s: each of the two can be the other's users, and read and change their files",
	           who.data);
}

/* The first account of the range that is not the owner's own. */
static const struct uns_claim *account_in(const struct spot *s)
{
	struct uns_range r = s->l->range;
	uint32_t last = uns_range_last(r);
	const struct uns_claim *c;

	if (r.start == 0)
		r = (struct uns_range){1, last};
	while ((c = uns_model_first(s->t->accounts, s->kind, r, UNS_ERROR)) != NULL && s->o->known &&
	       c->range.start == s->o->id[s->kind])
		r = (struct uns_range){c->range.start + 1, last - c->range.start};
	return c;
}

static int say_account(const struct spot *s, struct uns_err *err)
{
	const struct uns_claim *c = account_in(s);
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	uns_auto_free char *remedy = command(s, "move", err);

	if (!remedy || !c || uns_claim_describe(s->t->accounts, s->kind, c, &who, err) < 0)
		return remedy && !c ? uns_err_set(err, UNS_E_FAILED, "%s: no account in this range", s->object) : -1;
	return say(s, remedy, err, "holds %s: %s can read and change what belongs to it, and end its processes", who.data,
	           s->owner);
}

static int say_claim(const struct spot *s, enum uns_severity severity, struct uns_err *err)
{
	const struct uns_claim *c = uns_model_first(s->t->reserved, s->kind, s->l->range, severity);
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	uns_auto_free char *remedy = command(s, "move", err);

	if (!remedy || !c || uns_claim_describe(s->t->reserved, s->kind, c, &who, err) < 0)
		return remedy && !c ? uns_err_set(err, UNS_E_FAILED, "%s: nothing reserved in this range", s->object) : -1;
	return say(s, remedy, err, "overlaps %u-%u, %s%s", c->range.start, uns_range_last(c->range),
	           severity == UNS_ERROR ? "which is reserved: " : "which may be taken: ", who.data);
}

static int say_reserved(const struct spot *s, struct uns_err *err)
{
	return say_claim(s, UNS_ERROR, err);
}

static int say_discouraged(const struct spot *s, struct uns_err *err)
{
	return say_claim(s, UNS_WARNING, err);
}

static int say_high(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *remedy = command(s, "move", err);

	if (!remedy)
		return -1;
	return say(s, remedy, err, "reaches %u: programs that keep IDs as int take those beyond 2147483647 for negative",
	           uns_range_last(s->l->range));
}

static int say_own_id(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *remedy = command(s, "move", err);

	if (!remedy)
		return -1;
	return say(s, remedy, err, "holds %s %u, %s's own: podman refuses such a range", kind_name(s), s->o->id[s->kind],
	           s->o->name);
}

/* ---- the owner ---- */

static const char *where_asked(const struct spot *s)
{
	const struct uns_idfacts *f = s->t->f;

	if (f->offline)
		return "in this root's /etc/passwd (name services are not asked offline)";
	return f->has_nss[UNS_UID] ? "in /etc/passwd, nor do the name services that were asked know one" : "in /etc/passwd";
}

static int say_orphan(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *remedy = uns_str_printf(
	    err, "usernsctl range check --scan=PATH looks for files that have these IDs; usernsctl range remove %s", s->owner);

	if (!remedy)
		return -1;
	return say(s, remedy, err, "is of nobody: there is no user %s %s; the next user of that name inherits it", s->owner,
	           where_asked(s));
}

static int say_stale_numeric(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *remedy = command(s, "remove", err);

	if (!remedy)
		return -1;
	return say(s, remedy, err, "is of nobody: there is no user with the UID %s %s; the next user who gets that UID inherits it",
	           s->owner, where_asked(s));
}

static int say_numeric(const struct spot *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf readers = UNS_BUF_INIT;
	uns_auto_free char *about = uns_str_printf(err, "writes %s in place of the number", s->o->name);
	uns_auto_free char *remedy = about ? fix_command(s->l->owner, about, err) : NULL;

	if (!remedy || put_effects(&readers, FLAW(NUMERIC_OWNER), true, err) < 0)
		return -1;
	return say(s, remedy, err, "names %s by UID: %s", s->o->name, readers.data);
}

static int say_nis(const struct spot *s, struct uns_err *err)
{
	return say(s, "put it at the end, or take it out", err, "%s",
	           "gives nobody a range; useradd neither sorts nor sees the lines behind it, and may give their IDs away again");
}

static int say_duplicate(const struct spot *s, struct uns_err *err)
{
	const struct uns_subid_line *twin = &file_of(s)->v[s->t->side[s->kind].twin[s->index]];
	uns_auto(uns_buf_done) struct uns_buf readers = UNS_BUF_INIT;
	/* Of lines that are not read alike, the flaws come first. */
	bool alike = !((s->l->flaws | twin->flaws) & ~(FLAW(NO_NEWLINE) | FLAW(NUMERIC_OWNER)));

	if (put_effects(&readers, UNS_FLAW_BIT(UNS_FLAW_DUPLICATE), true, err) < 0)
		return -1;
	return say(s, alike ? "$ usernsctl range check --fix\ttakes it out" : "take one of the two out", err,
	           "says the same as line %u: %s", twin->line, readers.data);
}

static int say_name_and_uid(const struct spot *s, struct uns_err *err)
{
	const struct uns_subid_line *first = &file_of(s)->v[s->o->first[s->kind]];
	uns_auto(uns_buf_done) struct uns_buf readers = UNS_BUF_INIT;
	uns_auto_free char *about = uns_str_printf(err, "spells the owner as %s", s->o->name);
	uns_auto_free char *remedy = about ? fix_command(s->o->name, about, err) : NULL;

	if (!remedy || put_effects(&readers, UNS_FLAW_BIT(UNS_FLAW_NAME_AND_UID), true, err) < 0)
		return -1;
	return say(s, remedy, err, "and line %u are both of %s, once by name and once by UID (%u): %s", first->line, s->o->name,
	           s->o->id[UNS_UID], readers.data);
}

/* ---- several lines ---- */

struct own_line {
	struct uns_range range;
	uint32_t line;
};

static int own_compare(const void *pa, const void *pb)
{
	const struct own_line *a = pa, *b = pb;

	if (a->range.start != b->range.start)
		return a->range.start < b->range.start ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* The owner's lines in file order, without those that say the same again. */
static struct own_line *own_lines(const struct spot *s, size_t *ret_n, struct uns_err *err)
{
	struct own_line *v = reallocarray(NULL, s->o->lines[s->kind], sizeof(*v));
	size_t n = 0;

	if (!v) {
		uns_err_nomem(err);
		return NULL;
	}
	for (uint32_t i = s->o->first[s->kind]; i != UNS_LINT_NONE; i = s->t->side[s->kind].next[i])
		if (!uns_lint_has(s->t, s->kind, i, UNS_LINT_DUPLICATE))
			v[n++] = (struct own_line){file_of(s)->v[i].range, file_of(s)->v[i].line};
	*ret_n = n;
	return v;
}

static int put_numbers(struct uns_buf *b, const struct own_line *v, size_t n, struct uns_err *err)
{
	for (size_t i = 0; i < n && i < LINES_NAMED; i++)
		if (uns_buf_printf(b, err, "%s%u", i ? ", " : "", v[i].line) < 0)
			return -1;
	return n > LINES_NAMED ? uns_buf_puts(b, ", …", err) : 0;
}

static int put_lower(struct uns_buf *b, const struct own_line *v, size_t n, struct uns_err *err)
{
	for (size_t i = 1; i < n; i++)
		if (v[i].range.start < v[i - 1].range.start)
			return uns_buf_printf(b, err,
			                      "; line %u begins lower than line %u, so the next useradd, which sorts the "
			                      "file, changes which files are whose and which data root Docker uses",
			                      v[i].line, v[i - 1].line);
	return 0;
}

/* The first two that touch, and the first two that overlap. Sorts v. */
static int put_neighbours(struct uns_buf *b, struct own_line *v, size_t n, struct uns_err *err)
{
	bool touch = false, overlap = false;

	qsort(v, n, sizeof(*v), own_compare);
	for (size_t i = 1; i < n; i++) {
		uint32_t last = uns_range_last(v[i - 1].range);

		if (!overlap && v[i].range.start <= last) {
			overlap = true;
			if (uns_buf_printf(b, err, "; lines %u and %u overlap, and no map can hold both", v[i - 1].line,
			                   v[i].line) < 0)
				return -1;
		}
		if (!touch && last != UINT32_MAX && v[i].range.start == last + 1) {
			touch = true;
			if (uns_buf_printf(b, err, "; lines %u and %u touch: one line %u:%llu would do", v[i - 1].line, v[i].line,
			                   v[i - 1].range.start, (unsigned long long)v[i - 1].range.count + v[i].range.count) < 0)
				return -1;
		}
	}
	return 0;
}

static int say_several(const struct spot *s, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf numbers = UNS_BUF_INIT, rest = UNS_BUF_INIT;
	size_t n = 0;
	uns_auto_free struct own_line *v = own_lines(s, &n, err);

	if (!v || put_numbers(&numbers, v, n, err) < 0 || put_lower(&rest, v, n, err) < 0 || put_neighbours(&rest, v, n, err) < 0 ||
	    uns_buf_puts(&rest, "; ", err) < 0 || put_effects(&rest, UNS_FLAW_BIT(UNS_FLAW_SEVERAL), true, err) < 0)
		return -1;
	return say(s, "leave one line of each owner in each file", err, "is one of %zu lines of %s (lines %s)%s", n, s->o->name,
	           numbers.data, rest.data);
}

/* ---- both files ---- */

static int say_one_file(const struct spot *s, struct uns_err *err)
{
	enum uns_idkind lacks = s->kind == UNS_UID ? UNS_GID : UNS_UID;
	uns_auto_free char *remedy = command(s, "add", err);

	if (!remedy)
		return -1;
	if (s->o->lines[lacks])
		return say(s, "leave one line of each owner in each file", err, "has no like in %s", UNS_SUBID_FILE(lacks));
	return say(s, remedy, err, "has no like in %s: engines need a range of %s in both files", UNS_SUBID_FILE(lacks), s->owner);
}

static int say_asymmetric(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *remedy = NULL;
	uint32_t line[UNS_IDKINDS];
	struct uns_range u, g;

	if (!uns_lint_differ(s->t, s->o, line) || line[UNS_UID] == UNS_LINT_NONE || line[UNS_GID] == UNS_LINT_NONE)
		return say_one_file(s, err);
	remedy = command(s, "move", err);
	if (!remedy)
		return -1;
	u = s->t->f->sub[UNS_UID].s.v[line[UNS_UID]].range;
	g = s->t->f->sub[UNS_GID].s.v[line[UNS_GID]].range;
	return say(s, remedy, err,
	           "and line %u of %s differ: the UIDs of %s are %u:%u, the GIDs %u:%u, and Docker's data root is %u.%u",
	           s->t->f->sub[UNS_GID].s.v[line[UNS_GID]].line, UNS_SUBID_FILE(UNS_GID), s->o->name, u.start, u.count, g.start,
	           g.count, u.start, g.start);
}

/* ---- size and place ---- */

static int say_small(const struct spot *s, struct uns_err *err)
{
	uns_auto_free char *move = NULL, *remedy = NULL;

	if (s->l->range.count == 0)
		return say(s, "take it out", err, "%s", "gives no IDs at all");
	move = command(s, "move", err);
	remedy = move ? uns_str_printf(err, "%s --count=65536", move) : NULL;
	if (!remedy)
		return -1;
	return say(s, remedy, err, "has %u IDs: images that use others, such as nobody (65534), cannot be unpacked",
	           s->l->range.count);
}

static int say_unaligned(const struct spot *s, struct uns_err *err)
{
	return say(s, NULL, err, "%s", "begins at no multiple of 65536, as kubelet demands and systemd expects it");
}

/* ---- all ---- */

static int (*const sayers[UNS_LINT_BITS])(const struct spot *, struct uns_err *) = {
    [UNS_LINT_READS_ROOT] = say_root,
    [UNS_LINT_PAST_END] = say_past_end,
    [UNS_LINT_OVERLAP] = say_overlap,
    [UNS_LINT_ON_ACCOUNT] = say_account,
    [UNS_LINT_RESERVED] = say_reserved,
    [UNS_LINT_FILE_REFUSED] = say_flaws,
    [UNS_LINT_DIFFERENTLY] = say_flaws,
    [UNS_LINT_SEVERAL] = say_several,
    [UNS_LINT_NAME_AND_UID] = say_name_and_uid,
    [UNS_LINT_DUPLICATE] = say_duplicate,
    [UNS_LINT_OWN_ID] = say_own_id,
    [UNS_LINT_DISCOURAGED] = say_discouraged,
    [UNS_LINT_HIGH] = say_high,
    [UNS_LINT_ASYMMETRIC] = say_asymmetric,
    [UNS_LINT_ORPHAN] = say_orphan,
    [UNS_LINT_STALE_NUMERIC] = say_stale_numeric,
    [UNS_LINT_NUMERIC] = say_numeric,
    [UNS_LINT_NIS] = say_nis,
    [UNS_LINT_SMALL] = say_small,
    [UNS_LINT_UNALIGNED] = say_unaligned,
};

int uns_lint_say(const struct uns_lint *t, const char *id, enum uns_lint_bit bit, enum uns_idkind kind, uint32_t line,
                 struct uns_err *err)
{
	struct spot s = {.t = t, .id = id, .kind = kind, .index = line, .l = &t->f->sub[kind].s.v[line]};

	s.o = &t->owner[t->side[kind].owner[line]];
	snprintf(s.object, sizeof(s.object), "%s:%u", UNS_SUBID_FILE(kind), s.l->line);
	uns_line_show(file_of(&s), s.l, s.line);
	uns_text_show(s.l->owner, strlen(s.l->owner), s.owner);
	return sayers[bit](&s, err);
}
