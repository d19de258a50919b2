/* SPDX-License-Identifier: Apache-2.0 */
/* Options of dockerd: a wish (key, value) → the one place where it is changed → a step. A key that is set somewhere is changed
 * there, else it goes to daemon.json, so that it never stands in two places. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/jsontext.h"
#include "uns/option.h"
#include "uns/unit.h"

/* ---- the place ---- */

static bool is_list(const struct uns_dockerd_option *o)
{
	return o->type != UNS_DOCKERD_BOOL && o->type != UNS_DOCKERD_INT && o->type != UNS_DOCKERD_STRING &&
	       o->type != UNS_DOCKERD_SIZE && o->type != UNS_DOCKERD_IP;
}

/* A process that is started again with its own arguments knows no files. */
static bool is_by_hand(const struct uns_facts *f)
{
	return f->running && f->manager == UNS_MANAGER_PROCESS;
}

/* Whether the engine that is started the next time reads this place. */
static bool is_read(const struct uns_facts *f, const struct uns_setting *s)
{
	return !is_by_hand(f) || s->place == UNS_PLACE_JSON || !s->file || s->in_effect;
}

static bool is_flag_in_file(const struct uns_facts *f, const struct uns_setting *s)
{
	return s->place != UNS_PLACE_JSON && s->file && is_read(f, s);
}

/* rest: another place of a list, from which it goes; the command line as a whole is changed by the edit of the last place. */
static int add_edit(struct uns_intent *w, const struct uns_wish *wish, const struct uns_setting *now, bool rest, struct uns_err *err)
{
	struct uns_edit *grown = reallocarray(w->edit, w->edits + 1, sizeof(*grown));

	if (!grown)
		return uns_err_nomem(err);
	w->edit = grown;
	w->edit[w->edits++] =
	    (struct uns_edit){wish, uns_dockerd_find(wish->key), now ? now->place : UNS_PLACE_JSON, now, false, rest};
	return 0;
}

/* The setting that counts: of flags the last one, else the member of daemon.json. Words of the running engine that no file explains
 * count as long as no file has the key. */
static const struct uns_setting *setting_of(const struct uns_facts *f, const char *key)
{
	const struct uns_setting *s, *found = NULL;

	for (size_t at = 0; (s = uns_settings_next(&f->options, key, &at));)
		if (is_read(f, s) && (!found || is_flag_in_file(f, s)))
			found = s;
	return found;
}

static int unset_everywhere(struct uns_intent *w, const struct uns_wish *wish, struct uns_err *err)
{
	const struct uns_setting *s;

	for (size_t at = 0; (s = uns_settings_next(&w->f->options, wish->key, &at));)
		if (is_read(w->f, s) && add_edit(w, wish, s, false, err) < 0)
			return -1;
	return 0;
}

/* A list that is a flag comes from all places together: *ret_value, a new reference. Else that of the one place. */
static int value_now(const struct uns_intent *w, const char *key, const struct uns_setting *now, json_t **ret_value, bool *ret_several,
                     struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs all = UNS_STRS_INIT;
	const struct uns_dockerd_option *o = uns_dockerd_find(key);
	const struct uns_setting *s;
	size_t places = 0;

	for (size_t at = 0; o && is_list(o) && (s = uns_settings_next(&w->f->options, key, &at));) {
		if (!is_flag_in_file(w->f, s))
			continue;
		places++;
		for (size_t i = 0; i < s->flags.n; i++)
			if (uns_strs_add(&all, s->flags.v[i], err) < 0)
				return -1;
	}
	*ret_several = places > 1;
	*ret_value = places > 1 ? uns_dockerd_from_flags(o, &all, err) : json_incref(now ? now->json : NULL);
	return places > 1 && !*ret_value ? -1 : 0;
}

/* In one place it is as wished, from the others it goes. */
static int add_list_edits(struct uns_intent *w, size_t wish, const struct uns_setting *now, struct uns_err *err)
{
	const struct uns_setting *s;

	w->gone[wish] = (struct uns_wish){w->wish.v[wish].key, NULL};
	for (size_t at = 0; (s = uns_settings_next(&w->f->options, w->wish.v[wish].key, &at));)
		if (s != now && is_flag_in_file(w->f, s) && add_edit(w, &w->gone[wish], s, true, err) < 0)
			return -1;
	return add_edit(w, &w->wish.v[wish], now, false, err);
}

/* Whether every place of the key is in effect in the engine that runs. */
static bool is_in_effect(const struct uns_intent *w, const char *key)
{
	const struct uns_setting *s;

	for (size_t at = 0; w->f->running && (s = uns_settings_next(&w->f->options, key, &at));)
		if (is_read(w->f, s) && !s->in_effect)
			return false;
	return true;
}

static int find_value_edits(struct uns_intent *w, size_t wish, struct uns_err *err)
{
	const char *key = w->wish.v[wish].key;
	const struct uns_setting *now = setting_of(w->f, key);
	uns_auto_json json_t *value = NULL;
	bool several;

	if (value_now(w, key, now, &value, &several, err) < 0)
		return -1;
	if (!value || !json_equal(value, w->wish.v[wish].value))
		return several ? add_list_edits(w, wish, now, err) : add_edit(w, &w->wish.v[wish], now, false, err);
	w->late |= w->r->command == UNS_DAEMON && !is_in_effect(w, key);
	return 0;
}

static int find_edits(struct uns_intent *w, struct uns_err *err)
{
	w->gone = calloc(w->wish.n + 1, sizeof(*w->gone));
	if (!w->gone)
		return uns_err_nomem(err);
	for (size_t i = 0; i < w->wish.n; i++)
		if (w->wish.v[i].value ? find_value_edits(w, i, err) < 0 : unset_everywhere(w, &w->wish.v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- the configuration after the edits ---- */

static int add_values(const struct uns_edit *e, struct uns_strs *words, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;

	if (e->wish->value && uns_dockerd_to_flags(e->option, e->wish->value, &values, err) < 0)
		return -1;
	for (size_t i = 0; i < values.n; i++) {
		uns_auto_free char *word = uns_str_printf(err, "--%s=%s", e->option->flag, values.v[i]);

		if (!word || uns_strs_add(words, word, err) < 0)
			return -1;
	}
	return 0;
}

/* The flag has the values of the wish, where it stood first. */
static int change_words(struct uns_strs *words, const struct uns_edit *e, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs next = UNS_STRS_INIT;
	struct uns_dockerd_use u = {.at = 0};
	size_t from = 0;
	bool done = false;

	while (uns_dockerd_next(words->v, words->n, &u)) {
		bool is = u.what == UNS_USE_FLAG && u.option == e->option;

		for (; from < (is ? u.at : u.at + u.words); from++)
			if (uns_strs_add(&next, words->v[from], err) < 0)
				return -1;
		if (is && !done && add_values(e, &next, err) < 0)
			return -1;
		done |= is;
		from = u.at + u.words;
	}
	uns_strs_done(words);
	*words = next;
	next = (struct uns_strs)UNS_STRS_INIT;
	return 0;
}

int uns_plan_words(const struct uns_facts *f, struct uns_strs *ret, struct uns_err *err)
{
	const struct uns_strs *words = is_by_hand(f) ? &f->argv : &f->command.words;

	for (size_t i = is_by_hand(f) ? 1 : 0; i < words->n; i++)
		if (uns_strs_add(ret, words->v[i], err) < 0)
			return -1;
	return 0;
}

static int change_config(struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	if (!e->wish->value) {
		json_object_del(w->config, e->wish->key);
		return 0;
	}
	if (!w->config)
		w->config = json_object();
	return json_object_set(w->config, e->wish->key, e->wish->value) < 0 ? uns_err_nomem(err) : 0;
}

static int configuration_after(struct uns_intent *w, struct uns_err *err)
{
	if (uns_plan_words(w->f, &w->words, err) < 0)
		return -1;
	w->config = w->f->config ? json_deep_copy(w->f->config) : NULL;
	if (w->f->config && !w->config)
		return uns_err_nomem(err);
	for (size_t i = 0; i < w->edits; i++) {
		const struct uns_edit *e = &w->edit[i];
		int r = e->rest                        ? 0
		        : e->place == UNS_PLACE_JSON   ? change_config(w, e, err)
		        : e->option && e->option->flag ? change_words(&w->words, e, err)
		                                       : 0;

		if (r < 0)
			return -1;
	}
	return 0;
}

/* SIGHUP makes the engine read daemon.json again, and nothing else. A key that is not there before or after must have a value in
 * between, in both directions. */
static bool reload_is_enough(const struct uns_intent *w)
{
	for (size_t i = 0; i < w->edits; i++) {
		const struct uns_edit *e = &w->edit[i];
		bool always = e->now && e->wish->value;

		if (e->place != UNS_PLACE_JSON || !e->option || e->option->reload == UNS_RELOAD_NO)
			return false;
		if (e->option->reload == UNS_RELOAD_SET && !always && !e->option->initial)
			return false;
	}
	return w->edits > 0 && !w->late;
}

int uns_plan_options(struct uns_intent *w, struct uns_err *err)
{
	if (find_edits(w, err) < 0 || configuration_after(w, err) < 0 || uns_plan_moves(w, err) < 0)
		return -1;
	w->reload = w->r->command == UNS_DAEMON && w->f->running && !w->f->offline && !w->r->no_restart && reload_is_enough(w);
	return 0;
}

void uns_plan_options_done(struct uns_intent *w)
{
	for (size_t i = 0; i < w->wish.n; i++) {
		free(w->wish.v[i].key);
		json_decref(w->wish.v[i].value);
	}
	free(w->wish.v);
	free(w->edit);
	free(w->gone);
	uns_plan_moves_done(w);
	uns_strs_done(&w->words);
	json_decref(w->config);
}

/* ---- what stands against it ---- */

static char *place_name(const struct uns_edit *e, bool by_hand, struct uns_err *err)
{
	const struct uns_setting *s = e->now;

	if (!s || !s->file || by_hand)
		return uns_str_dup("the running engine's command line", err);
	return s->line ? uns_str_printf(err, "%s:%u", s->file, s->line) : uns_str_dup(s->file, err);
}

/* Whether the words of this place can be written: they are in a file of ours to edit, in a form that has no quotes. */
static bool is_plain(const struct uns_edit *e)
{
	bool line = e->place != UNS_PLACE_ENV;
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;

	for (size_t i = 0; i < e->now->flags.n; i++)
		if (!uns_option_plain(e->now->flags.v[i], line))
			return line; /* our drop-in goes as a whole: what was there needs no writing */
	if (!e->wish->value)
		return true;
	if (uns_dockerd_to_flags(e->option, e->wish->value, &values, NULL) != 0)
		return false;
	for (size_t i = 0; i < values.n; i++)
		if (!uns_option_plain(values.v[i], line))
			return false;
	return true;
}

/* No flag says "none". */
static int add_empty(const struct uns_intent *w, const struct uns_edit *e, const char *place, struct uns_err *err)
{
	uns_auto_free char *remedy = uns_str_printf(err, "$ usernsctl daemon unset %s", e->wish->key);

	return remedy ? uns_intent_add(w, "OptionNotEditable", place, remedy, err,
	                               "--%s stands on a command line (%s), where it has a value or is not there", e->option->flag, place)
	              : -1;
}

static int check_editable(const struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	uns_auto_free char *place = NULL;

	if (e->place == UNS_PLACE_JSON)
		return 0;
	place = place_name(e, is_by_hand(w->f), err);
	if (!place)
		return -1;
	if (!e->option || !e->option->flag || !e->now->file || is_by_hand(w->f) || (e->place == UNS_PLACE_ARGV && !w->f->exec_text))
		return uns_intent_add(w, "OptionOnCommandLine", e->now->file && !is_by_hand(w->f) ? e->now->file : "dockerd",
		                      "take the option off the command line and run this again", err,
		                      "--%s is on the engine's command line (%s), which is not edited",
		                      e->option && e->option->flag ? e->option->flag : e->wish->key, place);
	if (e->place != UNS_PLACE_ENV && strcmp(w->f->exec_file ? w->f->exec_file : "", UNS_DROP_IN) != 0 &&
	    strcmp(strrchr(e->now->file, '/') + 1, UNS_DROP_IN_NAME) > 0)
		return uns_intent_add(w, "OptionNotEditable", place, "give that drop-in an earlier name", err,
		                      "a drop-in of ours (%s) would come before the one that sets --%s", UNS_DROP_IN_NAME,
		                      e->option->flag);
	if (is_list(e->option) && (json_is_array(e->wish->value) || json_is_object(e->wish->value)) &&
	    json_array_size(e->wish->value) + json_object_size(e->wish->value) == 0)
		return add_empty(w, e, place, err);
	if (is_plain(e))
		return 0;
	return uns_intent_add(w, "OptionNotEditable", place, "edit that place by hand, or move the option to daemon.json", err,
	                      "--%s stands in %s with a value that cannot be rewritten there", e->option->flag, place);
}

/* NixOS makes its users too, and no tool may add them beside it. */
static char *remap_snippet(const struct uns_intent *w, struct uns_err *err)
{
	const char *user = w->r->user;

	return uns_str_printf(err,
	                      "virtualisation.docker.daemon.settings.\"userns-remap\" = \"%s\"; users.groups.%s = { }; users.users.%s = "
	                      "{ isSystemUser = true; group = \"%s\"; subUidRanges = [ { startUid = %u; count = %u; } ]; "
	                      "subGidRanges = [ { startGid = %u; count = %u; } ]; }; nixos-rebuild switch",
	                      user, user, user, user, w->shift.uid.start, w->shift.uid.count, w->shift.gid.start,
	                      w->shift.gid.count);
}

static bool makes_user(const struct uns_intent *w, const struct uns_edit *e)
{
	return w->f->nixos && w->r->command == UNS_ENABLE && w->have_shift && strcmp(e->wish->key, UNS_OPTION) == 0 &&
	       (w->account || w->subuid || w->subgid);
}

static char *snippet(const struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	uns_auto_free char *value = e->wish->value ? json_dumps(e->wish->value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	if (e->wish->value && !value) {
		uns_err_nomem(err);
		return NULL;
	}
	if (!w->f->nixos)
		return uns_str_printf(err, value ? "\"%s\": %s" : "take \"%s\" out%s", e->wish->key, value ? value : "");
	/* Strings, numbers, true and false look the same in JSON and in Nix; the rest is handed over as JSON. */
	if (!value)
		return uns_str_printf(err, "take virtualisation.docker.daemon.settings.\"%s\" out, nixos-rebuild switch",
		                      e->wish->key);
	if (!json_is_object(e->wish->value) && !json_is_array(e->wish->value))
		return uns_str_printf(err, "virtualisation.docker.daemon.settings.\"%s\" = %s; nixos-rebuild switch", e->wish->key,
		                      value);
	return uns_str_printf(err, "virtualisation.docker.daemon.settings.\"%s\" = builtins.fromJSON ''%s''; nixos-rebuild switch",
	                      e->wish->key, value);
}

static int check_readonly(const struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	uns_auto_free char *text = NULL;
	const char *file = w->f->config_file ? w->f->config_file : "/etc/docker/daemon.json";

	if (!w->f->nixos && !w->f->config_readonly)
		return 0;
	text = makes_user(w, e) ? remap_snippet(w, err) : snippet(w, e, err);
	if (!text)
		return -1;
	if (w->f->nixos && strcmp(e->wish->key, UNS_OPTION) == 0 && uns_plan_has_data(w->source))
		return uns_intent_add(w, "OptionsReadOnly", file, text, err,
		                      "this host's files are made from its NixOS configuration, so %s is set there; the data in %s is not "
		                      "taken along by that and is out of sight afterwards: save first what is needed of it",
		                      e->wish->key, w->root);
	return uns_intent_add(w, "OptionsReadOnly", file, text, err,
	                      w->f->nixos ? "this host's files are made from its NixOS configuration, so %s is set there"
	                                  : "the file system is read-only, so %s is set where its image is made",
	                      e->wish->key);
}

/* Without the data it would look as if everything were gone. */
static int check_remap_alone(const struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	const char *value = json_string_value(e->wish->value);

	if (w->r->command != UNS_DAEMON || strcmp(e->wish->key, UNS_OPTION) != 0)
		return 0;
	if (value && strncmp(value, "default", strcspn(value, ":")) == 0 && *value && *value != ':')
		return uns_intent_add(w, "OptionDefault", UNS_OPTION, "$ usernsctl enable docker", err,
		                      "with \"default\" dockerd chooses ranges by itself, which collide with those of others");
	return uns_intent_add(w, "OptionNeedsEnable", UNS_OPTION,
	                      e->wish->value ? "$ usernsctl enable docker\ttakes the data along"
	                                     : "$ usernsctl disable docker\ttakes the data along",
	                      err, "switched alone, the option hides all images, containers and volumes");
}

static int check_iptables(const struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	if (strcmp(e->wish->key, "iptables") != 0 || !json_is_false(e->wish->value))
		return 0;
	return uns_intent_add(w, "IptablesOff", "iptables", NULL, err,
	                      "without its rules containers reach nothing outside by NAT, and published ports only work through "
	                      "docker-proxy on this host or rules of your own");
}

/* Its own data, sockets and files: what is compared after a restart cannot be told beforehand. */
static int check_moved(const struct uns_intent *w, const struct uns_edit *e, struct uns_err *err)
{
	static const char *const keys[] = {"hosts", "pidfile", "exec-root"};

	for (size_t i = 0; w->stop && w->f->manager == UNS_MANAGER_PROCESS && i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(e->wish->key, keys[i]) == 0)
			return uns_intent_add(w, "EngineUnmanaged", "dockerd", "give --no-restart and restart the engine yourself",
			                      err, "with another %s nothing tells when the engine has started", e->wish->key);
	return 0;
}

int uns_plan_check_options(const struct uns_intent *w, struct uns_err *err)
{
	for (size_t i = 0; i < w->edits; i++) {
		const struct uns_edit *e = &w->edit[i];

		if (check_editable(w, e, err) < 0 || check_readonly(w, e, err) < 0 || check_remap_alone(w, e, err) < 0 ||
		    check_iptables(w, e, err) < 0 || check_moved(w, e, err) < 0)
			return -1;
	}
	return uns_plan_check_moves(w, err) < 0 ? -1 : uns_plan_verdict(w, err);
}

/* ---- steps ---- */

/* The two sides as the step has them: disable is made of what enable makes, turned round. */
static int put_sides(const struct uns_intent *w, json_t *args, json_t *before, json_t *after, struct uns_err *err)
{
	bool turned = w->r->command == UNS_DISABLE;
	int r = 0;

	if (before)
		r |= json_object_set(args, turned ? "after" : "before", before);
	if (after)
		r |= json_object_set(args, turned ? "before" : "after", after);
	return r < 0 ? uns_err_nomem(err) : 0;
}

static int add_step(struct uns_plan *p, const char *kind, bool reverse, json_t **args, struct uns_err *err)
{
	return uns_plan_add(p, kind, reverse, uns_take_ptr(*args), err);
}

/* How the member is spelled now, where that is not our way to write it: a way back gives each byte back. */
static int put_spelling(const struct uns_intent *w, json_t *args, const char *key, struct uns_err *err)
{
	const char *text = w->f->config_text ? w->f->config_text : "";
	uns_auto(uns_buf_done) struct uns_buf raw = UNS_BUF_INIT, same = UNS_BUF_INIT;
	int r = uns_jsontext_value(text, strlen(text), key, &raw, err);

	if (r < 0 || (r == 0 && uns_jsontext_encode(json_object_get(w->f->config, key), &same, err) < 0))
		return -1;
	if (r > 0 || strcmp(raw.data, same.data) == 0)
		return 0;
	if (json_object_set_new(args, w->r->command == UNS_DISABLE ? "after_text" : "before_text", json_string(raw.data)) < 0)
		return uns_err_nomem(err);
	return 0;
}

/* The file is what we make of this one member: without it, it goes. Where dockerd is told to read it, it must stay. */
static int is_our_file(const struct uns_intent *w, const char *key, bool *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf ours = UNS_BUF_INIT;
	size_t at = 0;

	*ret = false;
	if (!w->f->config_text || json_object_size(w->f->config) != 1 || uns_settings_next(&w->f->options, "config-file", &at))
		return 0;
	if (uns_jsontext_member("", 0, w->f->config_file, key, json_object_get(w->f->config, key), &ours, err) < 0)
		return -1;
	*ret = strcmp(ours.data, w->f->config_text) == 0;
	return 0;
}

static int add_member_step(const struct uns_intent *w, struct uns_plan *p, const char *key, json_t *before, json_t *after,
                           bool created, struct uns_err *err)
{
	const char *file = w->f->config_file ? w->f->config_file : "/etc/docker/daemon.json";
	uns_auto_json json_t *args = json_pack("{s:s, s:s}", "file", file, "key", key);

	if (!args)
		return uns_err_nomem(err);
	if (put_sides(w, args, before, after, err) < 0)
		return -1;
	if (json_object_set_new(args, "created", json_boolean(created)) < 0)
		return uns_err_nomem(err);
	if (before && before == json_object_get(w->f->config, key) && put_spelling(w, args, key, err) < 0)
		return -1;
	return add_step(p, "json-member", false, &args, err);
}

static json_t *member_now(const struct uns_intent *w, const struct uns_edit *e)
{
	return json_object_get(w->f->config, e->wish->key);
}

static int is_created(const struct uns_intent *w, const struct uns_edit *e, bool *ret, struct uns_err *err)
{
	*ret = e->wish->value && !w->f->have_config;
	return e->wish->value ? 0 : is_our_file(w, e->wish->key, ret, err);
}

static int add_member(const struct uns_intent *w, struct uns_plan *p, const struct uns_edit *e, struct uns_err *err)
{
	bool created;

	if (is_created(w, e, &created, err) < 0)
		return -1;
	return add_member_step(w, p, e->wish->key, member_now(w, e), e->wish->value, created, err);
}

static json_t *array_of(const struct uns_strs *l)
{
	uns_auto_json json_t *array = json_array();

	for (size_t i = 0; i < l->n; i++)
		if (json_array_append_new(array, json_string(l->v[i])) < 0)
			return NULL;
	return uns_take_ptr(array);
}

/* Values of a flag as a side: all of them, or of a scalar the last, which counts. */
static json_t *side_of(const struct uns_strs *values, bool all, bool alone)
{
	if (alone && !all)
		return json_true();
	return all ? array_of(values) : json_string(values->v[values->n - 1]);
}

static int add_env_option(const struct uns_intent *w, struct uns_plan *p, const struct uns_edit *e, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	bool all = is_list(e->option) || (!e->wish->value && e->now->flags.n > 1);
	uns_auto_json json_t *args =
	    json_pack("{s:s, s:s, s:s}", "file", e->now->file, "variable", e->now->variable, "option", e->option->flag);
	uns_auto_json json_t *before = side_of(&e->now->flags, all, e->now->alone), *after = NULL;

	if (e->wish->value && uns_dockerd_to_flags(e->option, e->wish->value, &values, err) < 0)
		return -1;
	if (e->wish->value)
		after = side_of(&values, all, false);
	if (!args || !before || (e->wish->value && !after))
		return uns_err_nomem(err);
	if (w->f->exec_text && json_object_set_new(args, "systemd", json_true()) < 0) /* a unit's EnvironmentFile= */
		return uns_err_nomem(err);
	if (put_sides(w, args, before, after, err) < 0)
		return -1;
	return add_step(p, "env-option", false, &args, err);
}

/* ---- our drop-in ---- */

struct drop_in {
	char *exec;               /* ExecStart=; NULL: left to others */
	struct uns_strs assigned; /* NAME=value of Environment= */
};

static void drop_in_done(struct drop_in *d)
{
	free(d->exec);
	uns_strs_done(&d->assigned);
}

/* What an earlier change of ours says stays. */
static int take_line(void *user, const char *section, const char *key, const char *value, unsigned line, struct uns_err *err)
{
	struct drop_in *d = user;

	(void)line;
	if (strcmp(section, "Service") != 0 || !*value)
		return 0;
	if (strcmp(key, "Environment") == 0)
		return uns_unit_words(value, &d->assigned, err);
	if (strcmp(key, "ExecStart") != 0)
		return 0;
	free(d->exec);
	d->exec = uns_str_dup(value, err);
	return d->exec ? 0 : -1;
}

/* The wish in a command line that begins at *text; replaces it. */
static int change_line(char **text, const struct uns_edit *e, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf out = UNS_BUF_INIT;
	size_t prefix = e->place == UNS_PLACE_ARGV ? strspn(*text, "@-:+!") : 0;

	if (e->wish->value && uns_dockerd_to_flags(e->option, e->wish->value, &values, err) < 0)
		return -1;
	if (uns_buf_append(&out, *text, prefix, err) < 0 ||
	    uns_option_line_set(*text + prefix, e->now->file, e->option->flag, &values, is_list(e->option), &out, err) < 0)
		return -1;
	free(*text);
	*text = uns_buf_take(&out, err);
	return *text ? 0 : -1;
}

static int change_exec(const struct uns_intent *w, struct drop_in *d, const struct uns_edit *e, struct uns_err *err)
{
	if (!d->exec || strcmp(w->f->exec_file, UNS_DROP_IN) != 0) {
		free(d->exec);
		d->exec = uns_str_dup(w->f->exec_text, err);
	}
	return d->exec ? change_line(&d->exec, e, err) : -1;
}

static char **find_assigned(const struct uns_strs *l, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = l->n; i-- > 0;)
		if (strncmp(l->v[i], name, len) == 0 && l->v[i][len] == '=')
			return &l->v[i];
	return NULL;
}

static int change_assigned(const struct uns_intent *w, struct drop_in *d, const struct uns_edit *e, struct uns_err *err)
{
	char **ours = find_assigned(&d->assigned, e->now->variable), **now = find_assigned(&w->f->unit_env, e->now->variable);
	size_t name = strlen(e->now->variable) + 1;
	uns_auto_free char *value = NULL;
	char *whole;

	if (!now)
		return uns_err_set(err, UNS_E_FAILED, "%s is not assigned any more", e->now->variable);
	if (!ours && uns_strs_add(&d->assigned, *now, err) < 0)
		return -1;
	ours = find_assigned(&d->assigned, e->now->variable);
	value = uns_str_dup(*ours + name, err);
	if (!value || change_line(&value, e, err) < 0)
		return -1;
	whole = uns_str_printf(err, "%s=%s", e->now->variable, value);
	if (!whole)
		return -1;
	free(*ours);
	*ours = whole;
	return 0;
}

static int put_assigned(struct uns_buf *b, const char *s, struct uns_err *err)
{
	if (uns_buf_puts(b, "Environment=\"", err) < 0)
		return -1;
	for (; *s; s++) {
		const char *escape = *s == '"' || *s == '\\' ? "\\" : "";

		if (*s == '\n' ? uns_buf_puts(b, "\\n", err) < 0 : uns_buf_printf(b, err, "%s%c", escape, *s) < 0)
			return -1;
	}
	return uns_buf_puts(b, "\"\n", err);
}

static char *drop_in_text(const struct drop_in *d, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;

	if (uns_buf_puts(&b, "# usernsctl: options of dockerd that a unit gives it, changed; see usernsctl(8).\n[Service]\n", err) <
	    0)
		return NULL;
	for (size_t i = 0; i < d->assigned.n; i++)
		if (put_assigned(&b, d->assigned.v[i], err) < 0)
			return NULL;
	if (d->exec && uns_buf_printf(&b, err, "ExecStart=\nExecStart=%s\n", d->exec) < 0)
		return NULL;
	return uns_buf_take(&b, err);
}

static int add_own_file(const struct uns_intent *w, struct uns_plan *p, const char *content, struct uns_err *err)
{
	bool turned = w->r->command == UNS_DISABLE;
	uns_auto_json json_t *args = json_pack("{s:s, s:s, s:s}", "file", UNS_DROP_IN, "content", content, "mode", "0644");

	if (!args || (w->f->drop_in && json_object_set_new(args, "before", json_string(w->f->drop_in)) < 0))
		return uns_err_set(err, UNS_E_INPUT, "%s: expected UTF-8 text, which a plan is made of", UNS_DROP_IN);
	return add_step(p, "own-file", turned, &args, err);
}

static int add_drop_in_dir(const struct uns_intent *w, struct uns_plan *p, bool reverse, struct uns_err *err)
{
	uns_auto_json json_t *args = NULL;

	if (w->f->have_drop_in_dir)
		return 0;
	args = json_pack("{s:s, s:s, s:i, s:i}", "path", UNS_DROP_IN_DIR, "mode", "0755", "uid", 0, "gid", 0);
	return args ? add_step(p, "mkdir", reverse, &args, err) : uns_err_nomem(err);
}

/* For disable the whole is turned round. */
static int add_drop_in(const struct uns_intent *w, struct uns_plan *p, const char *content, struct uns_err *err)
{
	bool turned = w->r->command == UNS_DISABLE;

	if (!turned && add_drop_in_dir(w, p, false, err) < 0)
		return -1;
	if (add_own_file(w, p, content, err) < 0)
		return -1;
	return turned ? add_drop_in_dir(w, p, true, err) : 0;
}

static int add_unit_edits(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto(drop_in_done) struct drop_in d = {.exec = NULL};
	uns_auto_free char *content = NULL;
	size_t edits = 0;

	if (w->f->drop_in && uns_unit_parse(w->f->drop_in, take_line, &d, err) < 0)
		return -1;
	for (size_t i = 0; i < w->edits; i++) {
		const struct uns_edit *e = &w->edit[i];
		int r = 0;

		if (!e->now || !e->option || !e->option->flag)
			continue;
		if (e->place == UNS_PLACE_ARGV && e->now->file && w->f->exec_text)
			r = change_exec(w, &d, e, err);
		else if (e->place == UNS_PLACE_UNIT_ENV)
			r = change_assigned(w, &d, e, err);
		else
			continue;
		if (r < 0)
			return -1;
		edits++;
	}
	if (edits == 0)
		return 0;
	content = drop_in_text(&d, err);
	if (!content)
		return -1;
	return w->f->drop_in && strcmp(content, w->f->drop_in) == 0 ? 0 : add_drop_in(w, p, content, err);
}

/* ---- without a restart ---- */

/* NULL where the engine needs none: it then takes the absence of the key for its default. *ret_missing: out of memory. */
static int initial_of(const struct uns_edit *e, json_t **ret, struct uns_err *err)
{
	*ret = NULL;
	if (e->option->reload != UNS_RELOAD_SET || !e->option->initial)
		return 0;
	*ret = json_loads(e->option->initial, JSON_DECODE_ANY, NULL);
	return *ret ? 0 : uns_err_nomem(err);
}

/* To the last step of the plan: a value, or NULL for none, that another step takes the member to, or from. */
static int put_other(struct uns_plan *p, const char *key, json_t *value, struct uns_err *err)
{
	uns_auto_json json_t *one = json_array();

	if (!one || (value && json_array_append(one, value) < 0) || json_object_set(p->v[p->n - 1].args, key, one) < 0)
		return uns_err_nomem(err);
	return 0;
}

enum stage { STAGE_FIRST, STAGE_CHANGE, STAGE_LAST };

/* absent → initial; then what the engine is told of; then initial → absent. */
static int add_stage(const struct uns_intent *w, struct uns_plan *p, const struct uns_edit *e, enum stage stage,
                     struct uns_err *err)
{
	uns_auto_json json_t *initial = NULL;
	json_t *before = member_now(w, e), *after = e->wish->value, *from, *to;
	bool created;

	if (initial_of(e, &initial, err) < 0 || is_created(w, e, &created, err) < 0)
		return -1;
	if (!initial)
		return stage == STAGE_CHANGE ? add_member_step(w, p, e->wish->key, before, after, created, err) : 0;
	from = before ? before : initial;
	to = after ? after : initial;
	if (stage == STAGE_FIRST) {
		if (before || add_member_step(w, p, e->wish->key, NULL, initial, created, err) < 0)
			return before ? 0 : -1;
		return json_equal(from, to) ? 0 : put_other(p, "beyond", to, err);
	}
	if (stage == STAGE_LAST) {
		if (after || add_member_step(w, p, e->wish->key, initial, NULL, created, err) < 0)
			return after ? 0 : -1;
		return json_equal(from, to) ? 0 : put_other(p, "behind", from, err);
	}
	if (json_equal(from, to))
		return 0;
	if (add_member_step(w, p, e->wish->key, from, to, false, err) < 0 || (!before && put_other(p, "behind", NULL, err) < 0))
		return -1;
	return after ? 0 : put_other(p, "beyond", NULL, err);
}

static int add_stages(const struct uns_intent *w, struct uns_plan *p, enum stage stage, struct uns_err *err)
{
	for (size_t i = 0; i < w->edits; i++)
		if (add_stage(w, p, &w->edit[i], stage, err) < 0)
			return -1;
	return 0;
}

static int add_reload(const struct uns_intent *w, struct uns_plan *p, bool back, struct uns_err *err)
{
	uns_auto_json json_t *args = json_pack("{s:s, s:s}", "pidfile", w->f->pidfile ? w->f->pidfile : "/var/run/docker.pid",
	                                       "socket", w->f->socket ? w->f->socket : "/var/run/docker.sock");

	if (!args || (back && json_object_set_new(args, "back", json_true()) < 0))
		return uns_err_nomem(err);
	return add_step(p, "reload", false, &args, err);
}

/* The engine is told in both directions: on the way back by the first of the two. */
static int add_live(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	if (uns_intent_config_dir(w, p, false, err) < 0 || add_stages(w, p, STAGE_FIRST, err) < 0 || add_reload(w, p, true, err) < 0)
		return -1;
	if (add_stages(w, p, STAGE_CHANGE, err) < 0 || add_reload(w, p, false, err) < 0)
		return -1;
	return add_stages(w, p, STAGE_LAST, err);
}

/* ---- together ---- */

int uns_plan_option_steps(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	bool dir = false;

	if (w->reload)
		return add_live(w, p, err);
	for (size_t i = 0; i < w->edits; i++) {
		const struct uns_edit *e = &w->edit[i];
		int r = 0;

		/* A hold in daemon.json has made the directory already, and leaves it when it is not empty. */
		if (e->place == UNS_PLACE_JSON && e->wish->value && !dir && (!w->move || uns_plan_has_units(w))) {
			r = uns_intent_config_dir(w, p, false, err);
			dir = true;
		}
		if (r == 0 && e->place == UNS_PLACE_JSON)
			r = add_member(w, p, e, err);
		else if (r == 0 && e->place == UNS_PLACE_ENV && e->option && e->option->flag && e->now->flags.n)
			r = add_env_option(w, p, e, err);
		if (r < 0)
			return -1;
	}
	return add_unit_edits(w, p, err);
}

int uns_plan_validate_step(const struct uns_intent *w, struct uns_plan *p, struct uns_err *err)
{
	uns_auto_json json_t *members = json_object(), *argv = array_of(&w->words);
	uns_auto_json json_t *args = NULL;

	if ((w->edits == 0 && !(w->late && w->stop)) || w->f->offline || !w->f->installed)
		return 0;
	for (size_t i = 0; i < w->edits; i++) {
		json_t *value = w->edit[i].wish->value;

		if (w->edit[i].place == UNS_PLACE_JSON &&
		    json_object_set_new(members, w->edit[i].wish->key, value ? json_incref(value) : json_null()) < 0)
			return uns_err_nomem(err);
	}
	/* What keeps an engine without units down is there while dockerd is asked, and gone when it starts. */
	if (w->move && !uns_plan_has_units(w) && json_object_set_new(members, UNS_HOLD_KEY, json_null()) < 0)
		return uns_err_nomem(err);
	args = json_pack("{s:s, s:O, s:s, s:O}", "program", w->f->program ? w->f->program : "dockerd", "argv", argv, "file",
	                 w->f->config_file ? w->f->config_file : "/etc/docker/daemon.json", "members", members);
	return args ? add_step(p, "validate", false, &args, err) : uns_err_nomem(err);
}
