/* SPDX-License-Identifier: Apache-2.0 */
/* Podman's --userns=auto for root: parts of the range of one owner, for each container as many IDs as its image needs
 * (containers-storage.conf(5), [storage.options]; containers/storage userns.go). The keys are set to what is built in today, so
 * that they stay so. A storage.conf in /etc replaces the distribution's, and one without driver, runroot and graphroot stops
 * Podman: a file that is made here begins as a copy of the distribution's, or with what Podman would have taken without any. */
#include <string.h>

#include "preset.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/toml.h"

#define TABLE "storage.options"
#define MIN_SIZE 1024u
#define MAX_SIZE 65536u

enum key { KEY_USER, KEY_MIN, KEY_MAX, KEYS };
static const char *const names[KEYS] = {"root-auto-userns-user", "auto-userns-min-size", "auto-userns-max-size"};

/* What the file says; NULL: nothing. */
struct settings {
	json_t *v[KEYS];
	unsigned line[KEYS];
};

static void settings_done(struct settings *s)
{
	for (int i = 0; i < KEYS; i++)
		json_decref(s->v[i]);
}

/* ---- reading ---- */

static bool is_fit(enum key key, const json_t *v)
{
	if (key == KEY_USER)
		return json_is_string(v);
	return json_is_integer(v) && json_integer_value(v) > 0 && json_integer_value(v) <= UNS_ID_LAST;
}

static int read_settings(const struct uns_enginefacts *f, struct settings *ret, struct uns_err *err)
{
	const struct uns_enginefile *file = &f->file[UNS_STORAGE_CONF];
	const struct uns_enginefile *text = file->exists ? file : &f->file[UNS_STORAGE_SHARE];

	for (int i = 0; i < KEYS; i++) {
		if (uns_toml_get(text->text.data, text->text.len, text->path, TABLE, names[i], &ret->v[i], &ret->line[i], err) < 0)
			return -1;
		if (ret->v[i] && !is_fit((enum key)i, ret->v[i]))
			return uns_err_set(err, UNS_E_INPUT, "%s:%u: %s: expected %s", text->path, ret->line[i], names[i],
			                   i == KEY_USER ? "the name of a user in quotes" : "a number above 0");
	}
	return 0;
}

static int owner_of(const struct uns_enginefacts *f, char **ret, struct uns_err *err)
{
	uns_auto(settings_done) struct settings now = {.line = {0}};
	char *owner;

	if (read_settings(f, &now, err) < 0)
		return -1;
	/* An empty name is none, as containers/storage has it. */
	if (!now.v[KEY_USER] || !*json_string_value(now.v[KEY_USER]))
		return 0;
	owner = uns_str_dup(json_string_value(now.v[KEY_USER]), err);
	if (!owner)
		return -1;
	*ret = owner;
	return 0;
}

static uint32_t size_of(const struct settings *s, enum key key)
{
	if (s->v[key])
		return (uint32_t)json_integer_value(s->v[key]);
	return key == KEY_MIN ? MIN_SIZE : MAX_SIZE;
}

static int look(struct uns_presetting *s, struct uns_err *err)
{
	uns_auto(settings_done) struct settings now = {.line = {0}};

	if (read_settings(s->f, &now, err) < 0)
		return -1;
	s->least = size_of(&now, KEY_MIN);
	s->least_why = "the auto-userns-min-size of one container";
	if (size_of(&now, KEY_MIN) <= size_of(&now, KEY_MAX))
		return 0;
	return uns_preset_say(s, "AutoSizeUnfit", s->f->file[UNS_STORAGE_CONF].path, NULL, err,
	                      "auto-userns-min-size %u is above auto-userns-max-size %u: no container could start",
	                      size_of(&now, KEY_MIN), size_of(&now, KEY_MAX));
}

static bool begun(const struct uns_presetting *s)
{
	uns_auto(settings_done) struct settings now = {.line = {0}};
	struct uns_err ignored;

	return s->f->file[UNS_STORAGE_CONF].exists && read_settings(s->f, &now, &ignored) == 0 && now.v[KEY_USER];
}

/* ---- a file of our own ---- */

#define MARK                                                                                                                       \
	"# Made by usernsctl. It goes again with 'usernsctl disable podman' as long as only the keys\n"                            \
	"# of --userns=auto are in it beside what it was made with.\n"

static char *make_base(const struct uns_enginefacts *f, struct uns_err *err)
{
	const struct uns_enginefile *share = &f->file[UNS_STORAGE_SHARE];

	if (share->exists)
		return uns_str_printf(err, MARK "%s", share->text.data);
	return uns_str_printf(err,
	                      MARK "[storage]\ndriver = \"%s\"\nrunroot = \"/run/containers/storage\"\n"
	                           "graphroot = \"/var/lib/containers/storage\"\n",
	                      f->graph_driver ? f->graph_driver : "overlay");
}

/* ---- steps ---- */

static json_t *wanted(const struct uns_presetting *s, enum key key)
{
	return key == KEY_USER ? json_string(s->want->owner) : json_integer(key == KEY_MIN ? MIN_SIZE : MAX_SIZE);
}

/* header, base: of the step that makes them, and takes them back. */
struct making {
	bool header;
	const char *base;
};

static int add_step(const struct uns_presetting *s, enum key key, json_t *before, bool back, const struct making *m,
                    struct uns_err *err)
{
	json_t *args = json_pack("{s:s, s:s, s:s, s:O*, s:o}", "file", s->f->file[UNS_STORAGE_CONF].path, "table", TABLE, "key",
	                         names[key], "before", before, "after", wanted(s, key));

	if (args && m->header && json_object_set_new(args, "header", json_true()) < 0) {
		json_decref(args);
		args = NULL;
	}
	if (args && m->base && json_object_set_new(args, "base", json_string(m->base)) < 0) {
		json_decref(args);
		args = NULL;
	}
	return uns_plan_add(s->q.plan, "toml-member", back, args, err);
}

static int add_dir(const struct uns_presetting *s, bool back, struct uns_err *err)
{
	return uns_plan_add(s->q.plan, "mkdir", back,
	                    json_pack("{s:s, s:s, s:i, s:i}", "path", "/etc/containers", "mode", "0755", "uid", 0, "gid", 0), err);
}

/* Sizes that somebody has chosen stay. */
static bool is_work(const struct uns_presetting *s, const struct settings *now, enum key key)
{
	if (!now->v[key])
		return true;
	return key == KEY_USER && strcmp(json_string_value(now->v[key]), s->want->owner) != 0;
}

static int set_all(const struct uns_presetting *s, const struct settings *now, struct uns_err *err)
{
	const struct uns_enginefile *file = &s->f->file[UNS_STORAGE_CONF];
	uns_auto_free char *base = file->exists ? NULL : make_base(s->f, err);
	const char *text = file->exists ? file->text.data : base;
	struct making m = {.base = base};
	bool table;

	if (!text || uns_toml_has_table(text, strlen(text), file->path, TABLE, &table, err) < 0)
		return -1;
	m.header = !table;
	for (int i = 0; i < KEYS; i++) {
		if (!is_work(s, now, (enum key)i))
			continue;
		if (!file->exists && now->v[i])
			return uns_err_set(err, UNS_E_REFUSED,
			                   "%s:%u sets %s to another user; copy it to %s and set it there first",
			                   s->f->file[UNS_STORAGE_SHARE].path, now->line[i], names[i], file->path);
		if ((m.base && !s->f->containers_dir && add_dir(s, false, err) < 0) ||
		    add_step(s, (enum key)i, now->v[i], false, &m, err) < 0)
			return -1;
		m = (struct making){.base = NULL};
	}
	return 0;
}

/* Whether a removal leaves of the file what it was made with. */
static int is_left(const struct uns_presetting *s, const bool goes[KEYS], const char *base, bool *ret, struct uns_err *err)
{
	const struct uns_enginefile *file = &s->f->file[UNS_STORAGE_CONF];
	uns_auto_free char *text = uns_str_dup(file->text.data, err);

	for (int i = KEYS - 1; text && i >= 0; i--) {
		struct uns_toml_edit e = {.table = TABLE, .key = names[i], .header = true};
		struct uns_buf b = UNS_BUF_INIT;

		if (!goes[i])
			continue;
		if (uns_toml_set(text, strlen(text), file->path, &e, &b, err) < 0) {
			uns_buf_done(&b);
			return -1;
		}
		free(text);
		text = uns_buf_take(&b, err);
	}
	if (!text)
		return -1;
	*ret = strcmp(text, base) == 0;
	return 0;
}

/* The owner, and the sizes as enable writes them: in the lines right below. A size elsewhere was somebody's own. Returns the first.
 */
static int choose_goers(const struct uns_presetting *s, const struct settings *now, bool goes[KEYS])
{
	unsigned line = now->line[KEY_USER];
	int first = KEYS;

	for (int i = KEYS - 1; i >= 0; i--)
		goes[i] = false;
	for (int i = 0; i < KEYS && now->v[KEY_USER]; i++) {
		uns_auto_json json_t *ours = wanted(s, (enum key)i);

		goes[i] = now->v[i] && now->line[i] == line && json_equal(now->v[i], ours);
		line += goes[i];
		first = goes[i] && first == KEYS ? i : first;
	}
	return first;
}

static int unset_all(const struct uns_presetting *s, const struct settings *now, struct uns_err *err)
{
	uns_auto_free char *base = make_base(s->f, err);
	struct making m = {.header = true};
	bool goes[KEYS], left = false;
	int first = choose_goers(s, now, goes);

	if (!base || is_left(s, goes, base, &left, err) < 0)
		return -1;
	m.base = left ? base : NULL;
	for (int i = KEYS - 1; i >= 0; i--)
		if (goes[i] && add_step(s, (enum key)i, NULL, true, i == first ? &m : &(struct making){.base = NULL}, err) < 0)
			return -1;
	return left && s->f->containers_alone ? add_dir(s, true, err) : 0;
}

static int edit(struct uns_presetting *s, bool back, struct uns_err *err)
{
	uns_auto(settings_done) struct settings now = {.line = {0}};

	if (read_settings(s->f, &now, err) < 0)
		return -1;
	if (!back)
		return set_all(s, &now, err);
	return s->f->file[UNS_STORAGE_CONF].exists ? unset_all(s, &now, err) : 0;
}

const struct uns_preset uns_preset_podman = {
    .name = "podman",
    .title = "Podman",
    .owner = "containers",
    .count = 256 * MAX_SIZE, /* for 256 containers of the largest size, 16384 of the least */
    .least = MIN_SIZE,
    .account = true, /* shadow 4.20 finds no range of an owner that is no account; and nobody else can come by the name */
    .may_name = true,
    .present = UNS_HAS_PODMAN,
    .owner_of = owner_of,
    .look = look,
    .edit = edit,
    .begun = begun,
};
