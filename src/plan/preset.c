/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanism of all presets. Enable: account, then the lines of the owner in both files, then the settings that point to them.
 * Disable: the same the other way round. What an engine wants beyond that is in its own file. */
#include "preset.h"

#include <stdio.h>
#include <string.h>

#include "edits.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"

#define SYSTEM_IDS 1000 /* accounts below are no people */

const struct uns_preset *const uns_presets[] = {&uns_preset_podman, &uns_preset_kubelet, &uns_preset_incus, &uns_preset_rootless};
const size_t uns_presets_n = sizeof(uns_presets) / sizeof(uns_presets[0]);

const struct uns_preset *uns_preset_find(const char *name)
{
	for (size_t i = 0; i < uns_presets_n; i++)
		if (strcmp(uns_presets[i]->name, name) == 0 || (uns_presets[i]->alias && strcmp(uns_presets[i]->alias, name) == 0))
			return uns_presets[i];
	return NULL;
}

/* ---- the wish ---- */

/* A line by UID is one that not everybody reads: who is named by the UID is meant by the name. */
static const char *name_of(const struct uns_idfacts *f, const char *user)
{
	const struct uns_account *a;
	uint32_t uid;

	if (uns_num_u32(user, strlen(user), &uid) < 0)
		return user;
	a = uns_accounts_id(&f->users, uid);
	return a ? a->name : user;
}

int uns_preset_want(const struct uns_enginefacts *f, const struct uns_preset_request *r, struct uns_range_want *ret,
                    struct uns_err *err)
{
	uns_auto_free char *owner = NULL;

	if (!r->user && r->preset->owner_of && r->preset->owner_of(f, &owner, err) < 0)
		return -1;
	if (!owner)
		owner = uns_str_dup(r->user ? name_of(&f->ids, r->user) : r->preset->owner, err);
	if (!owner)
		return -1;
	*ret = (struct uns_range_want){.owner = uns_take_ptr(owner), .how = r->how, .range = r->range};
	return 0;
}

/* ---- the owner's lines ---- */

/* The line that will do: of several the first that is large enough, else the only one. NULL: none. */
static const struct uns_subid_line *line_of(const struct uns_presetting *s, enum uns_idkind kind)
{
	const struct uns_subid *file = &s->f->ids.sub[kind].s;
	struct uns_who who = uns_who_is(&s->f->ids, s->want->owner);

	for (size_t i = 0; i < file->n; i++)
		if (uns_who_owns(&who, &file->v[i]) && (!s->r->preset->several || file->v[i].range.count >= s->least) &&
		    !(s->r->preset->several && (file->v[i].flaws & UNS_OWNERS_DIFFERENT)))
			return &file->v[i];
	return NULL;
}

static int say_taken(const struct uns_presetting *s, const struct uns_model *m, enum uns_idkind kind, struct uns_range range,
                     const struct uns_claim *c, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	uns_auto_free char *word = uns_str_shell(s->want->owner, err);
	uns_auto_free char *remedy = word ? uns_str_printf(err, "$ usernsctl range move %s\tgives it another range", word) : NULL;

	if (!remedy || uns_claim_describe(m, kind, c, &who, err) < 0)
		return -1;
	return uns_preset_say(s, "RangeTaken", s->want->owner, remedy, err, "the %s range %u:%u overlaps %s", uns_id_names[kind],
	                      range.start, range.count, who.data);
}

/* What was there may have been given to somebody else since. */
static int check_overlap(const struct uns_presetting *s, struct uns_err *err)
{
	uns_auto(uns_model_freep) struct uns_model *m = uns_model_new(&s->f->ids, s->want->owner, err);

	if (!m)
		return -1;
	for (int kind = 0; kind < UNS_IDKINDS; kind++) {
		const struct uns_subid_line *l = line_of(s, (enum uns_idkind)kind);
		const struct uns_claim *c = l ? uns_model_find(m, (enum uns_idkind)kind, l->range, UNS_ERROR) : NULL;

		if (c && say_taken(s, m, (enum uns_idkind)kind, l->range, c, err) < 0)
			return -1;
	}
	return 0;
}

static uint32_t up(uint32_t n, uint32_t unit)
{
	return (uint32_t)(((uint64_t)n + unit - 1) / unit * unit);
}

static char *larger_command(const struct uns_presetting *s, struct uns_err *err)
{
	uns_auto_free char *word = uns_str_shell(s->want->owner, err);

	return word ? uns_str_printf(err, "$ usernsctl range move %s --count=%u", word, s->count) : NULL;
}

static int check_size(const struct uns_presetting *s, struct uns_range range, struct uns_err *err)
{
	uns_auto_free char *remedy = larger_command(s, err);

	if (!remedy)
		return -1;
	return uns_preset_say(s, "EngineRangeUnfit", s->want->owner, s->want->fixed ? remedy : NULL, err,
	                      "the range %u:%u is too small: %s needs at least %u IDs%s%s", range.start, range.count,
	                      s->r->preset->title, s->least, s->least_why ? ", " : "", s->least_why ? s->least_why : "");
}

static int check_unit(const struct uns_presetting *s, struct uns_range range, struct uns_err *err)
{
	uint32_t start = up(range.start < s->unit ? s->unit : range.start, s->unit);
	uns_auto_free char *remedy =
	    s->want->fixed ? larger_command(s, err)
	                   : uns_str_printf(err, "--range=%u:%u would be such a one", start, up(range.count, s->unit));

	if (!remedy)
		return -1;
	return uns_preset_say(s, "EngineRangeUnfit", s->want->owner, remedy, err,
	                      "%s does not start with the range %u:%u: it takes only multiples of %u for start and count",
	                      s->r->preset->title, range.start, range.count, s->unit);
}

static int check_fit(const struct uns_presetting *s, struct uns_range range, struct uns_err *err)
{
	if (range.count == 0)
		return 0;
	if (range.count < s->least && check_size(s, range, err) < 0)
		return -1;
	if (s->unit > 1 && (range.start < s->unit || range.start % s->unit || range.count % s->unit))
		return check_unit(s, range, err);
	return 0;
}

/* The other file may say something else. */
static int check_lines(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_subid_line *u = line_of(s, UNS_UID), *g = line_of(s, UNS_GID);
	bool same = u && g && u->range.start == g->range.start && u->range.count == g->range.count;

	if (check_fit(s, u ? u->range : s->want->got, err) < 0 || (g && !same && check_fit(s, g->range, err) < 0))
		return -1;
	if (u && g && !same && s->unit > 1)
		return uns_preset_say(s, "EngineRangeUnfit", s->want->owner, NULL, err,
		                      "%s does not start: the UID range %u:%u and the GID range %u:%u differ", s->r->preset->title,
		                      u->range.start, u->range.count, g->range.start, g->range.count);
	return u || g ? check_overlap(s, err) : 0;
}

/* ---- lines of an owner who may have several ---- */

static int push_all(const struct uns_presetting *s, enum uns_idkind kind, struct uns_edit *e, struct uns_err *err)
{
	const struct uns_subid *file = &s->f->ids.sub[kind].s;
	struct uns_who who = uns_who_is(&s->f->ids, s->want->owner);

	for (size_t i = 0; i < file->n; i++)
		if (uns_who_owns(&who, &file->v[i]) && (uns_edits_push_raw(&s->q, kind, &file->v[i], &e->before, err) < 0 ||
		                                        uns_edits_push_raw(&s->q, kind, &file->v[i], &e->after, err) < 0))
			return -1;
	return 0;
}

static int add_beside(const struct uns_presetting *s, struct uns_err *err)
{
	uns_auto(uns_edits_done) struct uns_edits e = {.of = {{.before = UNS_STRS_INIT}}};

	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (!line_of(s, (enum uns_idkind)kind) &&
		    (push_all(s, (enum uns_idkind)kind, &e.of[kind], err) < 0 ||
		     uns_edits_push_range(s->want->owner, s->want->got, &e.of[kind].after, err) < 0))
			return -1;
	return uns_findings_code(s->q.findings) == UNS_OK ? uns_edits_add(&s->q, &e, err) : 0;
}

/* A range that stands in one file only: in the other one somebody else may have it. */
static int check_other_file(const struct uns_presetting *s, enum uns_idkind lacks, struct uns_err *err)
{
	uns_auto(uns_model_freep) struct uns_model *m = uns_model_new(&s->f->ids, s->want->owner, err);
	const struct uns_claim *c;

	if (!m)
		return -1;
	c = uns_model_find(m, lacks, s->want->got, UNS_ERROR);
	return c ? say_taken(s, m, lacks, s->want->got, c, err) : 0;
}

static int lines_beside(struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_subid_line *u = line_of(s, UNS_UID), *g = line_of(s, UNS_GID);
	struct uns_range_want *w = s->want;

	w->fixed = u || g;
	w->had = u && g;
	if (!w->fixed)
		return uns_ranges_choose(&s->q, w, w->owner, err) < 0 ? -1 : add_beside(s, err);
	w->got = u ? u->range : g->range;
	if (uns_ranges_differ(w, w->got))
		return uns_preset_say(s, "RangeDiffers", w->owner, NULL, err,
		                      "it has the range %u:%u already, which is not the wanted one", w->got.start, w->got.count);
	if (w->had)
		return 0;
	return check_other_file(s, u ? UNS_GID : UNS_UID, err) < 0 ? -1 : add_beside(s, err);
}

/* ---- enable ---- */

static bool owner_exists(const struct uns_presetting *s)
{
	return uns_user_find(&s->f->ids, s->want->owner) != NULL;
}

static int add_account(const struct uns_presetting *s, bool reverse, struct uns_err *err)
{
	return uns_plan_add(s->q.plan, "account", reverse, json_pack("{s:s, s:s}", "user", s->want->owner, "group", s->want->owner),
	                    err);
}

/* The account first: account tools must not run while the files are locked. */
static int make_account(const struct uns_presetting *s, struct uns_err *err)
{
	if (!s->r->preset->account || owner_exists(s))
		return 0;
	s->want->made = true;
	if (!uns_accounts_name(&s->f->ids.groups, s->want->owner))
		return add_account(s, false, err);
	return uns_preset_say(s, "UserIncomplete", s->want->owner, "groupdel removes the group; or make the user in it", err,
	                      "there is a group %s, but no user of that name", s->want->owner);
}

static int add_lines(struct uns_presetting *s, struct uns_err *err)
{
	struct uns_range_wants one = {s->want, 1, 1};
	bool has = line_of(s, UNS_UID) || line_of(s, UNS_GID);

	/* A range that is there is taken as it is, unless another was asked for. */
	if (s->want->range.count == 0 && (!has || s->want->how == UNS_RANGE_HASH))
		s->want->range.count = s->count;
	return s->r->preset->several ? lines_beside(s, err) : uns_ranges_add(&s->q, &one, err);
}

static int say_drift(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_preset *p = s->r->preset;
	bool u = line_of(s, UNS_UID), g = line_of(s, UNS_GID);
	uns_auto_free char *remedy = NULL, *word = NULL;

	if ((u && g) || !(u || g || (p->begun && p->begun(s))))
		return 0;
	word = uns_str_shell(s->want->owner, err);
	remedy = word ? uns_str_printf(err, "$ usernsctl enable %s%s%s", p->name, p->owner ? "" : " ", p->owner ? "" : word) : NULL;
	if (!remedy)
		return -1;
	return uns_preset_say(s, "RangeNoLine", s->want->owner, remedy, err, "%s is set up in part: %s has no line in %s%s%s",
	                      p->title, s->want->owner, u ? "" : "/etc/subuid", u || g ? "" : " and ", g ? "" : "/etc/subgid");
}

static int enable(struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_preset *p = s->r->preset;

	if (make_account(s, err) < 0 || add_lines(s, err) < 0 || check_lines(s, err) < 0)
		return -1;
	if (s->r->checking && say_drift(s, err) < 0)
		return -1;
	if (p->judge && s->want->got.count > 0 && p->judge(s, err) < 0)
		return -1;
	return p->edit && uns_findings_code(s->q.findings) == UNS_OK ? p->edit(s, false, err) : 0;
}

/* ---- disable ---- */

static bool is_ours(const struct uns_account *a, const struct uns_presetting *s)
{
	return a->id > 0 && a->id < SYSTEM_IDS && uns_accounts_name(&s->f->ids.groups, a->name);
}

static int drop_account(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_preset *p = s->r->preset;
	const struct uns_account *a = uns_accounts_name(&s->f->ids.users, s->want->owner);

	if (!p->account || !(p->account_goes || s->r->purge) || !a)
		return 0;
	if (is_ours(a, s))
		return add_account(s, true, err);
	return uns_preset_say(s, "PurgeKeepsUser", s->want->owner, NULL, err,
	                      "user %s is no system account with a group of its own, and is kept", s->want->owner);
}

/* Of several lines only the one that enable would have made. */
static int drop_one(struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_subid_line *u = line_of(s, UNS_UID), *g = line_of(s, UNS_GID);
	struct uns_range part;

	if (!u && !g)
		return 0;
	part = u ? u->range : g->range;
	if (u && g && (part.start != g->range.start || part.count != g->range.count))
		return uns_preset_say(s, "EngineRangeUnfit", s->want->owner, "usernsctl range remove, with --range", err,
		                      "its UID range %u:%u and its GID range %u:%u differ, so that it is not known which go",
		                      part.start, part.count, g->range.start, g->range.count);
	return uns_ranges_remove(&s->q, s->want->owner, &part, err);
}

/* The lines of somebody who was named with --user may have been his before; a person's stay in any case. */
static bool lines_go(const struct uns_presetting *s)
{
	const struct uns_account *a = uns_accounts_name(&s->f->ids.users, s->want->owner);

	return !s->r->preset->owner || strcmp(s->want->owner, s->r->preset->owner) == 0 || (s->r->purge && a && is_ours(a, s));
}

static int disable(struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_preset *p = s->r->preset;

	if (p->edit && p->edit(s, true, err) < 0)
		return -1;
	if (!lines_go(s))
		return uns_preset_say(s, "PurgeKeepsUser", s->want->owner, "usernsctl range remove takes the lines away", err,
		                      "%s and the lines that it has are kept, for they may be older", s->want->owner);
	if ((p->several ? drop_one(s, err) : uns_ranges_remove(&s->q, s->want->owner, NULL, err)) < 0)
		return -1;
	return drop_account(s, err);
}

/* ---- what all have in common ---- */

int uns_preset_need_program(const struct uns_presetting *s, enum uns_program_id id, const char *package, const char *why,
                            struct uns_err *err)
{
	const struct uns_program *p = &s->f->program[id];

	return p->path ? 0 : uns_preset_say(s, "ToolMissing", p->name, package, err, "%s is not installed: %s", p->name, why);
}

static int check_owner(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_account *a = uns_user_find(&s->f->ids, s->want->owner);
	bool root = strcmp(s->want->owner, "root") == 0 || strcmp(s->want->owner, "0") == 0 || (a && a->id == 0);

	if (!root || (s->r->preset->owner && strcmp(s->r->preset->owner, "root") == 0))
		return 0;
	return uns_preset_say(s, "UserUnfit", s->want->owner, NULL, err, "root cannot be the user of %s", s->r->preset->title);
}

static int check_host(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_preset *p = s->r->preset;
	const struct uns_sysctl *max = &s->f->sysctl[UNS_MAX_USER_NAMESPACES];

	if (p->present && !(s->f->ids.present & p->present) &&
	    uns_preset_say(s, "NotInstalled", p->title, NULL, err, "%s is not installed; it will find its range when it is",
	                   p->title) < 0)
		return -1;
	if (max->known && max->value == 0 &&
	    uns_preset_say(s, "UserNamespacesOff", max->name, "$ sysctl -w user.max_user_namespaces=15000", err,
	                   "the kernel setting %s is 0: no container could start", max->name) < 0)
		return -1;
	if (!p->source || !s->f->ids.subid_source)
		return 0;
	return uns_preset_say(s, "SubidSource", "/etc/nsswitch.conf", NULL, err,
	                      "\"subid: %s\" makes %s ask that source, and not the files that are written here",
	                      s->f->ids.subid_source, p->source);
}

static int set_title(const struct uns_presetting *s, struct uns_err *err)
{
	const struct uns_preset *p = s->r->preset;
	uns_auto_free char *title = uns_str_printf(err, "%s %s%s%s", s->r->command == UNS_DISABLE ? "disable" : "enable", p->name,
	                                           p->owner ? "" : " ", p->owner ? "" : s->want->owner);

	return title ? uns_plan_set_title(s->q.plan, title, err) : -1;
}

int uns_preset_plan(const struct uns_enginefacts *f, const struct uns_preset_request *r, struct uns_range_want *want,
                    struct uns_plan *ret, struct uns_findings *findings, struct uns_err *err)
{
	uns_auto(uns_plan_done) struct uns_plan plan = {.n = 0};
	struct uns_presetting s = {
	    .f = f,
	    .r = r,
	    .want = want,
	    .q = {&f->ids, r->ignore, &plan, findings},
	    .count = r->preset->count,
	    .least = r->preset->least,
	    .unit = 1,
	};

	want->range = r->range;
	want->got = (struct uns_range){0, 0};
	want->had = want->fixed = want->made = false;
	if (!uns_subid_owner_valid(want->owner))
		return uns_err_set(err, UNS_E_INPUT, "\"%s\" cannot be an owner; expected the name of a user", want->owner);
	if (set_title(&s, err) < 0 || check_owner(&s, err) < 0)
		return -1;
	if (r->command == UNS_ENABLE && (check_host(&s, err) < 0 || r->preset->look(&s, err) < 0))
		return -1;
	if ((r->command == UNS_ENABLE ? enable(&s, err) : disable(&s, err)) < 0)
		return -1;
	*ret = plan;
	plan = (struct uns_plan){.n = 0};
	return 0;
}
