/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file into the options: usernsctl.conf(5). What a key means is what the option of the command line means, so one set of
 * functions reads both; here is only which keys there are, and where in the file a value stands. */
#include <stdlib.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/vec.h"
#include "values.h"

#define RANGE_PREFIX "range:"

struct reader {
	struct uns_options *o;
	const struct uns_ini *ini;
	size_t wishes;    /* of the command line */
	bool range_given; /* on the command line: the file's range and count do not count */
};

/* ---- errors ---- */

static int bad_at(const struct reader *r, unsigned line, unsigned column, struct uns_err *err)
{
	char text[sizeof(err->text)];

	if (!err || err->code == UNS_E_FAILED) /* out of memory */
		return -1;
	/* "--range=x: expected …" of the command line. */
	snprintf(text, sizeof(text), "%s", uns_str_starts(err->text, "--") ? err->text + 2 : err->text);
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%u: %s", r->o->policy.name, line, column, text);
}

static int bad_value(const struct reader *r, const struct uns_ini_entry *e, struct uns_err *err)
{
	return bad_at(r, e->line, e->value_column, err);
}

static int unknown_key(const struct reader *r, const struct uns_ini_entry *e, const char *expected, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%u: found the key %s in [%s]; expected one of %s", r->o->policy.name, e->line, e->column,
			   e->key, r->ini->section[e->section].name, expected);
}

static int bad_section(const struct reader *r, const struct uns_ini_section *s, const char *expected, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_INPUT, "%s:%u:%u: found [%s]; expected %s", r->o->policy.name, s->line, s->column, s->name, expected);
}

/* ---- [remap] ---- */

static int read_bool(const struct uns_ini_entry *e, bool *ret, struct uns_err *err)
{
	if (strcmp(e->value, "yes") != 0 && strcmp(e->value, "no") != 0)
		return uns_err_set(err, UNS_E_INPUT, "%s=%s: expected yes or no", e->key, e->value);
	*ret = *e->value == 'y';
	return 0;
}

/* A flag of the command line that is set when the key is "when". */
static int read_flag(struct reader *r, const struct uns_ini_entry *e, const char *option, bool when, struct uns_err *err)
{
	bool value = false;

	if (read_bool(e, &value, err) < 0)
		return -1;
	if (value != when)
		return 0;
	if (uns_options_default(r->o, option, NULL, err) < 0)
		return -1;
	uns_options_note(r->o, option);
	return 0;
}

/* ENGINE, or rootless USER. The words become part of the section's own memory: the value is cut. */
static int read_engine(struct reader *r, const struct uns_ini_entry *e, struct uns_err *err)
{
	const char *words[3];
	size_t n = 0;

	for (char *save = NULL, *word = strtok_r(e->value, " \t", &save); word && n < 3; word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	if (n == 0)
		return uns_err_set(err, UNS_E_INPUT, "engine: expected docker, podman, kubelet, incus, or rootless USER");
	if (n == 1 && strcmp(words[0], "rootless") == 0)
		return uns_err_set(err, UNS_E_INPUT, "engine=rootless: for which user? expected rootless USER");
	return uns_options_engine(r->o, words, n, err);
}

static int read_ignore(struct reader *r, const struct uns_ini_entry *e, struct uns_err *err)
{
	uns_auto_free char *ids = calloc(1, strlen(e->value) + 1);
	size_t n = 0;

	if (!ids)
		return uns_err_nomem(err);
	for (const char *c = e->value; *c; c++)
		if (*c != ' ' && *c != '\t')
			ids[n++] = *c;
	/* Besides those of the command line. */
	return *ids ? uns_value_ignore(r->o, ids, err) : 0;
}

static int read_range(struct uns_options *o, const struct uns_ini_entry *e, struct uns_err *err)
{
	return strcmp(e->key, "range") == 0 ? uns_value_range(o, e->value, err) : uns_value_count(o, e->value, err);
}

static int read_remap_key(struct reader *r, const struct uns_ini_entry *e, struct uns_err *err)
{
	static const char *const same[] = {"user", "migrate", "max-pods"};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (strcmp(e->key, same[i]) == 0) {
			int rc = uns_options_default(r->o, same[i], e->value, err);

			uns_options_note(r->o, same[i]);
			return rc;
		}
	if (strcmp(e->key, "engine") == 0)
		return read_engine(r, e, err);
	if (strcmp(e->key, "restart") == 0)
		return read_flag(r, e, "no-restart", false, err);
	if (strcmp(e->key, "stop-containers") == 0)
		return read_flag(r, e, "stop-containers", true, err);
	if (strcmp(e->key, "ignore") == 0)
		return read_ignore(r, e, err);
	if (strcmp(e->key, "range") == 0 || strcmp(e->key, "count") == 0)
		return r->range_given ? 0 : read_range(r->o, e, err);
	return 1;
}

/* ---- [range:OWNER] ---- */

static int add_owner(struct reader *r, const struct uns_ini_section *s, struct uns_err *err)
{
	const char *owner = s->name + strlen(RANGE_PREFIX);
	struct uns_range_wants *w = &r->o->policy.owners;
	struct uns_range_want *v;

	if (!uns_subid_owner_valid(owner))
		return bad_section(r, s, "[" RANGE_PREFIX "OWNER], the name or the UID of a user, without blanks and ':'", err);
	v = uns_vec_room(w->v, w->n, &w->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	w->v = v;
	v[w->n] = (struct uns_range_want){.how = UNS_RANGE_AUTO, .line = s->line};
	v[w->n].owner = uns_str_dup(owner, err);
	if (!v[w->n].owner)
		return -1;
	w->n++;
	return 0;
}

/* The range and the count of a section agree, or one of them is left out. */
static int join_count(const struct reader *r, const struct uns_ini_section *s, struct uns_range *range, uint32_t count, struct uns_err *err)
{
	if (count && range->count && count != range->count)
		return uns_err_set(err, UNS_E_INPUT, "%s:%u:%u: count=%u and the count of range=, %u, disagree in [%s]; expected one of them",
				   r->o->policy.name, s->line, s->column, count, range->count, s->name);
	if (count)
		range->count = count;
	return 0;
}

static int read_owner(struct reader *r, size_t section, struct uns_err *err)
{
	const struct uns_ini_section *s = &r->ini->section[section];
	struct uns_options scratch = {.request.range_how = UNS_RANGE_AUTO};
	struct uns_range_want *w;

	if (add_owner(r, s, err) < 0)
		return -1;
	for (size_t i = 0; i < r->ini->n; i++) {
		const struct uns_ini_entry *e = &r->ini->v[i];

		if (e->section != section)
			continue;
		if (strcmp(e->key, "range") != 0 && strcmp(e->key, "count") != 0)
			return unknown_key(r, e, "range, count", err);
		if (read_range(&scratch, e, err) < 0)
			return bad_value(r, e, err);
	}
	w = &r->o->policy.owners.v[r->o->policy.owners.n - 1];
	w->how = scratch.request.range_how;
	w->range = scratch.request.range;
	return join_count(r, s, &w->range, scratch.ranges.count, err);
}

/* ---- the file ---- */

static int read_remap(struct reader *r, size_t section, struct uns_err *err)
{
	r->o->policy.engine = true;
	for (size_t i = 0; i < r->ini->n; i++) {
		const struct uns_ini_entry *e = &r->ini->v[i];
		int rc;

		if (e->section != section)
			continue;
		rc = read_remap_key(r, e, err);
		if (rc > 0)
			return unknown_key(r, e, "engine, user, range, count, migrate, restart, stop-containers, max-pods, ignore", err);
		if (rc < 0)
			return bad_value(r, e, err);
	}
	return r->range_given ? 0 : join_count(r, &r->ini->section[section], &r->o->request.range, r->o->ranges.count, err);
}

static int read_daemon(struct reader *r, size_t section, struct uns_err *err)
{
	for (size_t i = 0; i < r->ini->n; i++) {
		const struct uns_ini_entry *e = &r->ini->v[i];

		if (e->section != section)
			continue;
		if (strcmp(e->key, "userns-remap") == 0)
			return uns_err_set(err, UNS_E_INPUT, "%s:%u:%u: found userns-remap, which [remap] stands for; its key user names the user",
					   r->o->policy.name, e->line, e->column);
		if (uns_value_default(r->o, e->key, e->value, r->wishes, err) < 0)
			return bad_value(r, e, err);
	}
	return 0;
}

static int read_section(struct reader *r, size_t section, struct uns_err *err)
{
	const struct uns_ini_section *s = &r->ini->section[section];

	if (strcmp(s->name, "remap") == 0)
		return read_remap(r, section, err);
	if (strcmp(s->name, "daemon") == 0)
		return read_daemon(r, section, err);
	if (uns_str_starts(s->name, RANGE_PREFIX))
		return read_owner(r, section, err);
	return bad_section(r, s, "[remap], [daemon] or [" RANGE_PREFIX "OWNER], such as [" RANGE_PREFIX "alice]", err);
}

/* What one section says must fit what another says. */
static int check_sections(struct reader *r, struct uns_err *err)
{
	const struct uns_options *o = r->o;
	const char *user = o->preset ? NULL : o->request.user;

	for (size_t i = 0; i < r->ini->sections; i++) {
		const struct uns_ini_section *s = &r->ini->section[i];

		if (strcmp(s->name, "daemon") == 0 && !o->policy.engine)
			return bad_section(r, s, "[remap] too: without it nothing is wanted of an engine", err);
		if (strcmp(s->name, "daemon") == 0 && o->preset)
			return bad_section(r, s, "it only with engine = docker, whose options these are", err);
		if (o->policy.engine && user && uns_str_starts(s->name, RANGE_PREFIX) && strcmp(s->name + strlen(RANGE_PREFIX), user) == 0)
			return bad_section(r, s, "the range of the remap user in [remap]", err);
	}
	if (uns_options_check_engine(o, err) == 0)
		return 0;
	if (err)
		err->code = UNS_E_INPUT;
	return uns_err_prefix(err, "%s", o->policy.name);
}

static int read_policy(struct uns_options *o, struct uns_err *err)
{
	struct reader r = {.o = o, .ini = &o->policy.ini, .wishes = o->request.set.n, .range_given = o->ranges.named};
	const struct uns_buf *text = &o->policy.text;

	if (uns_ini_parse(text->data ? text->data : "", text->len, o->policy.name, &o->policy.ini, err) < 0)
		return -1;
	for (size_t i = 0; i < o->policy.ini.sections; i++)
		if (read_section(&r, i, err) < 0)
			return -1;
	/* Who was no preset's when the command line was read. */
	if (!uns_options_given(o, "user"))
		o->request.user = o->preset ? NULL : "dockremap";
	if (check_sections(&r, err) < 0)
		return -1;
	o->policy.loaded = true;
	return 0;
}

/* ---- reading it ---- */

static int no_policy(struct uns_err *err)
{
	return uns_err_set(err, UNS_E_USAGE, "there is no " UNS_POLICY_FILE "; write one (usernsctl.conf(5)), or name a file: a policy, or a plan "
			   "that 'usernsctl plan -o FILE' made");
}

static int read_text(const struct uns_run *r, struct uns_options *o, struct uns_err *err)
{
	bool standard_input = o->file && strcmp(o->file, "-") == 0;
	int rc;

	o->policy.name = standard_input ? uns_str_dup("the standard input", err) : uns_str_escape(o->file ? o->file : UNS_POLICY_FILE, err);
	if (!o->policy.name)
		return -1;
	if (o->file)
		return uns_run_read_file(standard_input ? NULL : o->file, o->policy.name, &o->policy.text, err);
	rc = uns_root_read(&r->root, UNS_POLICY_FILE, UNS_INI_MAX + 1, &o->policy.text, NULL, err);
	return rc > 0 ? no_policy(err) : rc < 0 ? uns_change_explain(err) : 0;
}

static bool is_plan(const struct uns_buf *text)
{
	return text->data && text->data[strspn(text->data, " \t\r\n")] == '{';
}

/* A plan is carried out as it is. */
static int check_plan(const struct uns_options *o, struct uns_err *err)
{
	static const char *const names[] = {"user", "range", "migrate", "set", "max-pods", "no-restart", "stop-containers", "ignore"};

	if (o->cmd != UNS_CMD_APPLY)
		return uns_err_set(err, UNS_E_USAGE, "%s is a saved plan; only apply takes one", o->policy.name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (uns_options_given(o, names[i]))
			return uns_err_set(err, UNS_E_USAGE, "apply: %s is a saved plan, of which --%s can change nothing any more", o->policy.name,
					   names[i]);
	return 0;
}

int uns_policy_load(const struct uns_run *r, struct uns_options *o, struct uns_err *err)
{
	if (!o->policy.wanted)
		return 0;
	if (read_text(r, o, err) < 0)
		return -1;
	return is_plan(&o->policy.text) ? check_plan(o, err) : read_policy(o, err);
}
