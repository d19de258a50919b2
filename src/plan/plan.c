/* SPDX-License-Identifier: Apache-2.0 */
/* Facts and request → intent; findings (check.c) and steps (steps.c) are made from the intent. */
#include "uns/plan.h"

#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/layout.h"
#include "uns/num.h"

/* ---- the option ---- */

bool uns_plan_is_place(const struct uns_facts *f, const struct uns_setting *s)
{
	const struct uns_setting *other;

	if (!s->value)
		return false; /* null in JSON counts as not set */
	if (s->place != UNS_PLACE_ARGV || s->file)
		return true;
	for (size_t at = 0; (other = uns_settings_next(&f->options, s->key, &at));)
		if (other->place == UNS_PLACE_ENV)
			return false;
	return true;
}

const struct uns_setting *uns_plan_option(const struct uns_facts *f)
{
	const struct uns_setting *s;

	for (size_t at = 0; (s = uns_settings_next(&f->options, UNS_OPTION, &at));)
		if (uns_plan_is_place(f, s) && *s->value)
			return s;
	return NULL;
}

static const char *name_of_uid(const struct uns_facts *f, const char *digits)
{
	const struct uns_account *account;
	uint32_t uid;

	/* dockerd reads "0100" as 100 (strconv.ParseInt, base 10). */
	while (digits[0] == '0' && digits[1])
		digits++;
	if (uns_num_u32(digits, strlen(digits), &uid) || uid > UNS_ID_LAST)
		return NULL;
	account = uns_accounts_id(&f->ids.users, uid);
	if (account)
		return account->name;
	return uid == 0 ? "root" : NULL;
}

char *uns_plan_owner(const struct uns_facts *f, const char *value, struct uns_err *err)
{
	char *user = uns_str_dup(value, err);
	const char *name;

	if (!user)
		return NULL;
	user[strcspn(user, ":")] = '\0';
	name = strcmp(user, "default") == 0 ? "dockremap" : name_of_uid(f, user);
	if (!name || uns_accounts_name(&f->ids.users, user))
		return user;
	free(user);
	return uns_str_dup(name, err);
}

/* ---- stores ---- */

bool uns_plan_has_data(const struct uns_store *s)
{
	return s->containers > 0 || s->volumes > 0 || s->drivers.n > 0;
}

const struct uns_volume *uns_plan_volume(const struct uns_store *s, const char *name)
{
	for (size_t i = 0; i < s->volumes; i++)
		if (strcmp(s->volume[i].name, name) == 0)
			return &s->volume[i];
	return NULL;
}

bool uns_plan_volume_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *c = name;

	if (!*c || !strchr(letters, *c))
		return false;
	while (*c && (strchr(letters, *c) || strchr("_.-", *c)))
		c++;
	return !*c;
}

/* ---- the intent ---- */

static void intent_done(struct uns_intent *w)
{
	free(w->owner);
	free(w->into);
	free(w->inner);
	free(w->adopt);
	uns_plan_options_done(w);
	uns_strs_done(&w->lost_containers);
	uns_strs_done(&w->lost_volumes);
}

static int read_option(struct uns_intent *w, struct uns_err *err)
{
	const struct uns_account *account;

	w->option = uns_plan_option(w->f);
	if (!w->option)
		return 0;
	w->owner = uns_plan_owner(w->f, w->option->value, err);
	if (!w->owner)
		return -1;
	account = uns_accounts_name(&w->f->ids.users, w->owner);
	w->rooted = strcmp(w->owner, "root") == 0 || (account && account->id == 0);
	return 0;
}

static int read_range(struct uns_intent *w, struct uns_err *err)
{
	int rc = w->r->command == UNS_DAEMON ? 1 : uns_plan_range(w->f, w->r, &w->shift, w->findings, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	w->have_shift = true;
	w->into = uns_str_printf(err, "%u.%u", w->shift.uid.start, w->shift.gid.start);
	if (!w->into)
		return -1;
	w->inner = uns_str_printf(err, "%s/%s", w->root, w->into);
	return w->inner ? 0 : -1;
}

/* The tree of the wanted range is the one that the present settings use, and an engine has made itself at home in it. */
static bool lives_there(const struct uns_intent *w)
{
	return w->into && w->f->active_dir && strcmp(w->into, w->f->active_dir) == 0 && w->f->nested.entries.n > 0;
}

static bool wants_data(const struct uns_intent *w)
{
	const struct uns_store *flat = &w->f->flat;

	switch (w->r->migrate) {
	case UNS_MIGRATE_ALL:
		return flat->entries.n > 0;
	case UNS_MIGRATE_VOLUMES:
		return flat->volumes > 0;
	case UNS_MIGRATE_NONE:
		return false;
	}
	return false;
}

static void decide_enable(struct uns_intent *w)
{
	const struct uns_facts *f = w->f;
	const char *user = w->r->user;
	bool lives = lives_there(w);

	w->account = !uns_accounts_name(&f->ids.users, user) || !uns_accounts_name(&f->ids.groups, user);
	w->subuid = uns_plan_own(f, UNS_UID, user).n == 0;
	w->subgid = uns_plan_own(f, UNS_GID, user).n == 0;
	/* Another spelling of the same user (default, user:group) is left alone where it is in use. */
	w->set_option = !w->owner || strcmp(w->owner, user) != 0 || (!lives && strcmp(w->option->value, user) != 0);
	w->all = w->r->migrate == UNS_MIGRATE_ALL;
	w->move = w->have_shift && wants_data(w);
	if (w->move && lives) {
		/* Somebody switched the option on, saw an empty engine and stopped there: that empty tree is in the way, no more.
		 */
		w->aside = uns_plan_has_data(&f->flat) && !uns_plan_has_data(&f->nested);
		w->move = w->aside;
	}
	w->work = w->account || w->subuid || w->subgid || w->set_option || w->move;
}

/* Only an account of the system's own range is ours to remove: the remap user may be a person. */
static bool purges_account(const struct uns_intent *w)
{
	const struct uns_account *account = uns_accounts_name(&w->f->ids.users, w->owner);

	return account && account->id > 0 && account->id < 1000 && uns_accounts_name(&w->f->ids.groups, w->owner);
}

static void decide_disable(struct uns_intent *w)
{
	const struct uns_facts *f = w->f;
	bool flat_data = uns_plan_has_data(&f->flat), data = uns_plan_has_data(&f->nested);

	if (!w->option)
		return;
	w->set_option = true;
	w->all = true;
	w->source = &f->nested;
	/* An old tree with data and a remapped one without: the old one comes back into use by itself. */
	w->move = w->have_shift && f->nested.entries.n > 0 && (data || !flat_data);
	w->aside = w->move && f->flat.entries.n > 0 && !flat_data;
	if (w->r->purge && w->have_shift) {
		w->subuid = w->subgid = true;
		w->account = purges_account(w);
	}
	w->work = w->have_shift || w->rooted;
}

static int decide_migrate(struct uns_intent *w, struct uns_err *err)
{
	const struct uns_store *flat = &w->f->flat;

	if (!w->option || !w->have_shift || flat->volumes == 0)
		return 0;
	w->adopt = calloc(flat->volumes, sizeof(*w->adopt));
	if (!w->adopt)
		return uns_err_nomem(err);
	for (size_t i = 0; i < flat->volumes; i++) {
		const struct uns_volume *v = &flat->volume[i];

		if (!uns_plan_volume_name(v->name) || uns_plan_volume(&w->f->nested, v->name))
			continue;
		w->adopt[w->adopts++] = v;
		/* A mere mount point has nothing to move, when the engine can be told to make it. */
		w->move |= !v->mounted_type || !w->f->running;
	}
	w->work = w->adopts > 0;
	return 0;
}

static bool is_anonymous(const char *volume)
{
	return strlen(volume) == 64 && strspn(volume, "0123456789abcdef") == 64;
}

/* Containers with --rm go when the engine stops, and their anonymous volumes with them: whoever expects them later never sees them.
 */
static int read_lost(struct uns_intent *w, struct uns_err *err)
{
	for (size_t i = 0; w->stop && i < w->present->containers; i++) {
		const struct uns_container *c = &w->present->container[i];

		if (!c->running || !c->auto_remove)
			continue;
		if (uns_strs_add(&w->lost_containers, c->id, err) < 0)
			return -1;
		for (size_t k = 0; k < c->volumes.n; k++)
			if (is_anonymous(c->volumes.v[k]) && uns_strs_add(&w->lost_volumes, c->volumes.v[k], err) < 0)
				return -1;
	}
	return 0;
}

static int decide(struct uns_intent *w, struct uns_err *err)
{
	switch (w->r->command) {
	case UNS_ENABLE:
		decide_enable(w);
		return 0;
	case UNS_DISABLE:
		decide_disable(w);
		return 0;
	case UNS_MIGRATE:
		return decide_migrate(w, err);
	case UNS_DAEMON:
		return 0;
	}
	return 0;
}

/* Takes value; NULL: unset. */
static int add_wish(struct uns_intent *w, const char *key, json_t *value, struct uns_err *err)
{
	struct uns_wish *grown = reallocarray(w->wish.v, w->wish.n + 1, sizeof(*grown));
	uns_auto_json json_t *taken = value;
	char *copy;

	if (!grown)
		return uns_err_nomem(err);
	w->wish.v = grown;
	copy = uns_str_dup(key, err);
	if (!copy)
		return -1;
	w->wish.v[w->wish.n++] = (struct uns_wish){copy, json_incref(taken)};
	return 0;
}

static int make_wishes(struct uns_intent *w, struct uns_err *err)
{
	bool on = w->r->command == UNS_ENABLE;

	if (w->set_option) {
		json_t *user = on ? json_string(w->r->user) : NULL;

		if (on && !user)
			return uns_err_nomem(err);
		if (add_wish(w, UNS_OPTION, user, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < w->r->set.n; i++)
		if (add_wish(w, w->r->set.v[i].key, json_incref(w->r->set.v[i].value), err) < 0)
			return -1;
	return 0;
}

static int intent_make(struct uns_intent *w, struct uns_err *err)
{
	const struct uns_facts *f = w->f;

	w->root = f->data_root ? f->data_root : "/var/lib/docker";
	w->source = &f->flat;
	w->present = f->active_dir && f->nested.entries.n > 0 ? &f->nested : &f->flat;
	if (read_option(w, err) < 0 || read_range(w, err) < 0)
		return -1;
	if (decide(w, err) < 0 || make_wishes(w, err) < 0 || uns_plan_options(w, err) < 0)
		return -1;
	if (w->r->command == UNS_DAEMON || w->r->command == UNS_ENABLE)
		w->work |= w->edits > 0 || w->late;
	w->hush = !f->running && f->listening && f->socket_unit && f->manager == UNS_MANAGER_SYSTEMD && !f->offline && w->move;
	w->stop = (f->running || f->told) && !f->offline && !w->r->no_restart && w->work && !w->reload && (w->r->command != UNS_MIGRATE || w->move);
	return read_lost(w, err);
}

static const char *title(const struct uns_request *r)
{
	static const char *const titles[] = {"enable docker", "disable docker", "migrate", "daemon unset"};

	for (size_t i = 0; r->command == UNS_DAEMON && i < r->set.n; i++)
		if (r->set.v[i].value)
			return "daemon set";
	return titles[r->command];
}

int uns_plan_make(const struct uns_facts *f, const struct uns_request *r, struct uns_plan *ret, struct uns_findings *findings,
                  struct uns_err *err)
{
	uns_auto(intent_done) struct uns_intent w = {.f = f, .r = r, .findings = findings};
	uns_auto(uns_plan_done) struct uns_plan plan = {0};

	if (intent_make(&w, err) < 0 || uns_plan_check(&w, err) < 0)
		return -1;
	if (uns_plan_set_title(&plan, title(r), err) < 0)
		return -1;
	/* Without a range or a user there is nothing to show; the findings say why there is none. */
	if (r->command == UNS_ENABLE && !uns_subid_owner_valid(r->user))
		w.work = false;
	/* What is only told may be judged; nothing can be carried out by it. */
	if (w.work && !f->told && (w.have_shift || w.rooted || r->command == UNS_DAEMON) && uns_plan_steps(&w, &plan, err) < 0)
		return -1;
	*ret = plan;
	plan = (struct uns_plan){0};
	return 0;
}

static bool is_stale(const struct uns_facts *f, const struct uns_setting *s)
{
	bool by_hand = f->manager == UNS_MANAGER_PROCESS && s->place != UNS_PLACE_JSON;

	return s->value && !s->in_effect && !by_hand;
}

bool uns_plan_restart_required(const struct uns_facts *f, const struct uns_plan *p)
{
	bool required = false, reloads = false;

	for (size_t i = 0; i < f->options.n; i++)
		required |= is_stale(f, &f->options.v[i]);
	for (size_t i = 0; i < p->n; i++)
		reloads |= strcmp(p->v[i].kind, "reload") == 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct uns_step *s = &p->v[i];

		if (strcmp(s->kind, "service") == 0)
			return false;
		required |= !reloads && (strcmp(s->kind, "json-member") == 0 || strcmp(s->kind, "env-option") == 0 ||
		                         strcmp(uns_json_str_or(s->args, "file", ""), UNS_DROP_IN) == 0);
	}
	return required && f->running;
}

int uns_plan_daemon_verdict(const struct uns_facts *f, struct uns_findings *findings, struct uns_err *err)
{
	const struct uns_request r = {.command = UNS_DAEMON};
	uns_auto(intent_done) struct uns_intent w = {.f = f, .r = &r, .findings = findings};

	if (intent_make(&w, err) < 0)
		return -1;
	return uns_plan_check(&w, err);
}

/* How many times as long as the look at the same inodes a migration takes at most, where the look found everything in memory and where it
 * read from the disk; and once as long at least. usernsctl-checks(7) has what was measured (tests/bench/estimate). The least is the same
 * for both: a look that read nothing may still have been a slow one, where inodes had to be made anew of blocks in memory. */
static const unsigned most_times[] = {12, 3};

bool uns_plan_estimate(const struct uns_facts *f, const struct uns_plan *p, struct uns_estimate *ret)
{
	bool shifts = false;

	for (size_t i = 0; i < p->n; i++)
		shifts |= strcmp(p->v[i].kind, "shift-tree") == 0;
	if (!shifts || !f->have_census)
		return false;
	*ret = (struct uns_estimate){f->census.inodes, f->census.bytes, f->census_ms / 1000,
	                              f->census_ms * most_times[f->census_cold] / 1000 + 1};
	return true;
}
