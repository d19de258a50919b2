/* SPDX-License-Identifier: Apache-2.0 */
/* Every place that sets an option of dockerd, with its value, file and line. */
#include <stdint.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/jsontext.h"

static void setting_done(struct uns_setting *s)
{
	free(s->value);
	free(s->file);
	free(s->key);
	free(s->variable);
	json_decref(s->json);
	uns_strs_done(&s->flags);
}

void uns_settings_done(struct uns_settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		setting_done(&s->v[i]);
	free(s->v);
	*s = (struct uns_settings){0};
}

void uns_cmdline_done(struct uns_cmdline *c)
{
	free(c->from);
	uns_strs_done(&c->words);
	uns_strs_done(&c->names);
	*c = (struct uns_cmdline){0};
}

static int copy_or_null(char **ret, const char *s, struct uns_err *err)
{
	*ret = s ? uns_str_dup(s, err) : NULL;
	return s && !*ret ? -1 : 0;
}

static int keep_name(struct uns_cmdline *c, const char *s, const char **ret, struct uns_err *err)
{
	*ret = NULL;
	if (!s)
		return 0;
	if (uns_strs_add(&c->names, s, err) < 0)
		return -1;
	*ret = c->names.v[c->names.n - 1];
	return 0;
}

int uns_cmdline_add(struct uns_cmdline *c, const struct uns_strs *words, const struct uns_origin *from, struct uns_err *err)
{
	struct uns_origin kept = *from, *grown = reallocarray(c->from, c->words.n + words->n + 1, sizeof(*grown));

	if (!grown)
		return uns_err_nomem(err);
	c->from = grown;
	if (keep_name(c, from->file, &kept.file, err) < 0 || keep_name(c, from->variable, &kept.variable, err) < 0)
		return -1;
	for (size_t i = 0; i < words->n; i++) {
		c->from[c->words.n] = kept;
		if (uns_strs_add(&c->words, words->v[i], err) < 0)
			return -1;
	}
	return 0;
}

/* A new setting at the end of the list; -1. */
static int grow(struct uns_settings *l, struct uns_setting **ret, struct uns_err *err)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct uns_setting *v = reallocarray(l->v, cap, sizeof(*v));
		if (!v)
			return uns_err_nomem(err);
		l->v = v;
		l->cap = cap;
	}
	*ret = &l->v[l->n++];
	**ret = (struct uns_setting){0};
	return 0;
}

/* ---- daemon.json ---- */

static int add_member(struct uns_facts *f, const char *key, json_t *value, const struct uns_buf *text, struct uns_err *err)
{
	uns_auto_free char *compact =
	    json_is_string(value) || json_is_null(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const struct uns_dockerd_option *o = uns_dockerd_key(key);
	struct uns_setting *s;

	if (grow(&f->options, &s, err) < 0)
		return -1;
	s->place = UNS_PLACE_JSON;
	s->line = text->data ? uns_jsontext_line(text->data, text->len, key) : 0;
	s->json = json_incref(value);
	s->in_effect = f->running && (!f->config_newer || (o && o->reload != UNS_RELOAD_NO));
	if (copy_or_null(&s->value, json_is_string(value) ? json_string_value(value) : compact, err) < 0 ||
	    copy_or_null(&s->key, key, err) < 0)
		return -1;
	return copy_or_null(&s->file, f->config_file, err);
}

static int add_members(struct uns_facts *f, const struct uns_buf *text, struct uns_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(f->config, key, value) if (add_member(f, key, value, text, err) < 0) return -1;
	return 0;
}

/* ---- flags ---- */

static char *key_of(const struct uns_dockerd_use *u, struct uns_err *err)
{
	if (!u->option)
		return uns_str_printf(err, "%.*s", (int)u->name_len, u->name);
	return uns_str_dup(u->option->key ? u->option->key : u->option->flag, err);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The setting of this key and place, made when it is not there. */
static int setting_of(struct uns_settings *l, char *key, const struct uns_origin *from, struct uns_setting **ret,
                      struct uns_err *err)
{
	uns_auto_free char *taken = key;

	if (!key)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		struct uns_setting *s = &l->v[i];

		if (s->place == from->place && strcmp(s->key, key) == 0 && same(s->file, from->file) &&
		    same(s->variable, from->variable)) {
			*ret = s;
			return 0;
		}
	}
	if (grow(l, ret, err) < 0)
		return -1;
	(*ret)->place = from->place;
	(*ret)->line = from->line;
	(*ret)->key = uns_take_ptr(taken);
	return copy_or_null(&(*ret)->file, from->file, err) < 0 ? -1 : copy_or_null(&(*ret)->variable, from->variable, err);
}

static int add_use(struct uns_settings *l, const struct uns_dockerd_use *u, const struct uns_origin *from, struct uns_err *err)
{
	static const struct uns_dockerd_option unknown = {.type = UNS_DOCKERD_LIST};
	struct uns_setting *s;

	if (setting_of(l, key_of(u, err), from, &s, err) < 0)
		return -1;
	if (!u->value)
		return 0;
	if (uns_strs_add(&s->flags, u->value, err) < 0)
		return -1;
	s->alone = u->value_at == SIZE_MAX;
	json_decref(s->json);
	s->json = uns_dockerd_from_flags(u->option ? u->option : &unknown, &s->flags, err);
	free(s->value);
	return s->json ? copy_or_null(&s->value, u->value, err) : -1;
}

static int add_flags(struct uns_settings *l, const struct uns_cmdline *c, struct uns_err *err)
{
	struct uns_dockerd_use u = {.at = 0};

	while (uns_dockerd_next(c->words.v, c->words.n, &u))
		if (u.what == UNS_USE_FLAG && add_use(l, &u, &c->from[u.at], err) < 0)
			return -1;
	return 0;
}

/* All values of the key on the running command line. */
static int running_values(const struct uns_facts *f, const char *key, struct uns_strs *ret, struct uns_err *err)
{
	struct uns_dockerd_use u = {.at = 1};

	for (u.words = 0; uns_dockerd_next(f->argv.v, f->argv.n, &u);) {
		uns_auto_free char *name = u.what == UNS_USE_FLAG ? key_of(&u, err) : NULL;

		if (u.what != UNS_USE_FLAG || !u.value)
			continue;
		if (!name || (strcmp(name, key) == 0 && uns_strs_add(ret, u.value, err) < 0))
			return -1;
	}
	return 0;
}

/* Files explain what the engine runs with, as far as their values are those of its command line. */
static int compare_running(struct uns_facts *f, struct uns_err *err)
{
	for (size_t i = 0; f->running && i < f->options.n; i++) {
		uns_auto(uns_strs_done) struct uns_strs now = UNS_STRS_INIT;
		struct uns_setting *s = &f->options.v[i];

		if (s->place == UNS_PLACE_JSON)
			continue;
		if (running_values(f, s->key, &now, err) < 0)
			return -1;
		s->in_effect = s->flags.n > 0;
		for (size_t k = 0; k < s->flags.n; k++)
			s->in_effect &= uns_strs_has(&now, s->flags.v[k]);
	}
	return 0;
}

static bool is_explained(const struct uns_facts *f, const char *key, const char *value)
{
	const struct uns_setting *s;

	for (size_t at = 0; (s = uns_settings_next(&f->options, key, &at));)
		if (s->place != UNS_PLACE_JSON && s->file && uns_strs_has(&s->flags, value))
			return true;
	return false;
}

/* The running command line is a place of its own only when no file explains it. */
static int add_running(struct uns_facts *f, struct uns_err *err)
{
	static const struct uns_origin here = {.place = UNS_PLACE_ARGV};
	struct uns_dockerd_use u = {.at = 1};

	for (u.words = 0; uns_dockerd_next(f->argv.v, f->argv.n, &u);) {
		uns_auto_free char *key = u.what == UNS_USE_FLAG && u.value ? key_of(&u, err) : NULL;

		if (u.what != UNS_USE_FLAG || !u.value)
			continue;
		if (!key || (!is_explained(f, key, u.value) && add_use(&f->options, &u, &here, err) < 0))
			return -1;
	}
	for (size_t i = 0; i < f->options.n; i++)
		f->options.v[i].in_effect |= f->options.v[i].place == UNS_PLACE_ARGV && !f->options.v[i].file;
	return 0;
}

int uns_host_read_settings(struct uns_facts *f, const struct uns_buf *config_text, struct uns_err *err)
{
	if (add_members(f, config_text, err) < 0 || add_flags(&f->options, &f->command, err) < 0 || compare_running(f, err) < 0)
		return -1;
	return f->running ? add_running(f, err) : 0;
}

/* ---- what the engine says ---- */

/* Members of /info that are values of options, as they are given (moby daemon/info.go). */
static const struct {
	const char *key, *inside, *member;
} told[] = {
	{"debug", NULL, "Debug"},
	{"default-runtime", NULL, "DefaultRuntime"},
	{"experimental", NULL, "ExperimentalBuild"},
	{"labels", NULL, "Labels"},
	{"live-restore", NULL, "LiveRestoreEnabled"},
	{"log-driver", NULL, "LoggingDriver"},
	{"registry-mirrors", "RegistryConfig", "Mirrors"},
	{"storage-driver", NULL, "Driver"},
};

/* Mirrors are shown with a slash at the end. */
static bool is_told_string(const char *wanted, const char *said)
{
	size_t n = strlen(wanted), len = strlen(said);

	while (n && wanted[n - 1] == '/')
		n--;
	while (len && said[len - 1] == '/')
		len--;
	return n == len && strncmp(wanted, said, n) == 0;
}

static bool is_told(const json_t *wanted, const json_t *said)
{
	if (json_is_string(wanted) && json_is_string(said))
		return is_told_string(json_string_value(wanted), json_string_value(said));
	if (!json_is_array(wanted))
		return json_equal(wanted, said);
	if (json_array_size(wanted) != json_array_size(said))
		return false;
	for (size_t i = 0; i < json_array_size(wanted); i++)
		if (!is_told(json_array_get(wanted, i), json_array_get(said, i)))
			return false;
	return true;
}

void uns_host_compare_info(struct uns_facts *f, const json_t *info)
{
	for (size_t i = 0; info && f->config_newer && i < f->options.n; i++)
		for (size_t k = 0; k < sizeof(told) / sizeof(told[0]); k++) {
			struct uns_setting *s = &f->options.v[i];
			const json_t *in = told[k].inside ? json_object_get(info, told[k].inside) : info;
			const json_t *said = json_object_get(in, told[k].member);

			if (s->place == UNS_PLACE_JSON && said && strcmp(s->key, told[k].key) == 0 && !json_is_null(s->json))
				s->in_effect = is_told(s->json, said);
		}
}
