/* SPDX-License-Identifier: Apache-2.0 */
/* What dockerd would say to a configuration before it starts (moby daemon/config, findConfigurationConflicts and Validate):
 * findings for what it refuses, and for what it silently passes over. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"
#include "uns/json.h"

static const char *config_file(const struct uns_intent *w)
{
	return w->f->config_file ? w->f->config_file : "/etc/docker/daemon.json";
}

/* Where the key stands now, for a message: "file:line". */
static char *place_of(const struct uns_intent *w, const char *key, bool json, struct uns_err *err)
{
	const struct uns_setting *s;

	for (size_t at = 0; (s = uns_settings_next(&w->f->options, key, &at));) {
		if ((s->place == UNS_PLACE_JSON) != json)
			continue;
		if (!s->file)
			return uns_str_dup("the running engine's command line", err);
		return s->line ? uns_str_printf(err, "%s:%u", s->file, s->line) : uns_str_dup(s->file, err);
	}
	return uns_str_dup(json ? config_file(w) : "the engine's command line", err);
}

/* ---- flags ---- */

static int unknown_flag(const struct uns_intent *w, const struct uns_dockerd_use *u, struct uns_err *err)
{
	uns_auto_free char *name = uns_str_printf(err, "%.*s", (int)u->name_len, u->name);
	uns_auto_free char *place = name ? place_of(w, name, false, err) : NULL;

	if (!place)
		return -1;
	if (u->option)
		return uns_intent_add(w, "OptionUnknown", place, NULL, err, "--%s is not an option of Docker %u", u->option->flag,
		                      w->f->major);
	return uns_intent_add(w, "OptionUnknown", place, "take it out, or accept it for a newer engine with --ignore=OptionUnknown",
	                      err, "%s%s is no known option of dockerd, which does not start with one that it does not know",
	                      u->name_len > 1 ? "--" : "-", name);
}

/* Of plain strings only the last one is looked at. */
static bool is_overruled(const struct uns_intent *w, const struct uns_dockerd_use *u)
{
	struct uns_dockerd_use later = *u;

	if (u->option->type != UNS_DOCKERD_STRING)
		return false;
	while (uns_dockerd_next(w->words.v, w->words.n, &later))
		if (later.option == u->option)
			return true;
	return false;
}

/* What a shell replaces as it starts the engine: what it comes to is not known. */
static bool is_unexpanded(const struct uns_intent *w, const char *text)
{
	return !w->f->exec_text && w->f->env_file && strpbrk(text, "$`");
}

static int check_use(const struct uns_intent *w, const struct uns_dockerd_use *u, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf why = UNS_BUF_INIT;
	uns_auto_free char *place = NULL;
	int r;

	if (u->what == UNS_USE_OPERAND && is_unexpanded(w, u->name))
		return uns_intent_add(w, "OptionNotEditable", w->f->env_file, "write the options themselves in its place", err,
		                      "a shell puts the options of dockerd together there: what %s stands for is not known",
		                      u->name);
	if (u->what == UNS_USE_OPERAND)
		return uns_intent_add(w, "OptionInvalid", u->name, "options begin with dashes; values with blanks need quotes", err,
		                      "the word \"%s\" on dockerd's command line belongs to no option", u->name);
	if (!u->option || !uns_dockerd_has_flag(u->option, w->f->major))
		return unknown_flag(w, u, err);
	if (u->value && (is_overruled(w, u) || is_unexpanded(w, u->value)))
		return 0;
	r = u->value                                          ? uns_dockerd_check_flag(u->option, u->value, &why, err)
	    : uns_buf_puts(&why, "it needs a value", err) < 0 ? -1
	                                                      : 1;
	if (r <= 0)
		return r;
	place = place_of(w, u->option->key ? u->option->key : u->option->flag, false, err);
	return place ? uns_intent_add(w, "OptionInvalid", place, NULL, err, "--%s: %s", u->option->flag, why.data) : -1;
}

static int check_flags(const struct uns_intent *w, struct uns_err *err)
{
	struct uns_dockerd_use u = {.at = 0};

	while (uns_dockerd_next(w->words.v, w->words.n, &u))
		if (check_use(w, &u, err) < 0)
			return -1;
	return 0;
}

static bool has_flag(const struct uns_intent *w, const struct uns_dockerd_option *o)
{
	struct uns_dockerd_use u = {.at = 0};

	while (o->flag && uns_dockerd_next(w->words.v, w->words.n, &u))
		if (u.option && u.option->flag && strcmp(u.option->flag, o->flag) == 0)
			return true;
	return false;
}

/* ---- members ---- */

/* Keys whose objects are values; of any other object dockerd takes the inner names for options. */
static bool is_flat(const char *key)
{
	const struct uns_dockerd_option *o = uns_dockerd_key(key);

	return o && (o->type == UNS_DOCKERD_MAP || o->type == UNS_DOCKERD_OBJECTS || o->type == UNS_DOCKERD_BOOLS ||
	             (o->type == UNS_DOCKERD_ANY && strcmp(key, "proxies") != 0));
}

/* What dockerd looks a name up in: keys, and flags whatever their key is. */
static const struct uns_dockerd_option *find_name(const struct uns_intent *w, const char *key)
{
	const struct uns_dockerd_option *o = uns_dockerd_key(key);

	if (o && uns_dockerd_has(o, w->f->major))
		return o;
	/* What a newer engine passes over in silence. */
	if (o && o->until && (strcmp(key, "allow-nondistributable-artifacts") == 0))
		return o;
	o = uns_dockerd_flag(key, strlen(key));
	return o && uns_dockerd_has_flag(o, w->f->major) ? o : NULL;
}

static int unknown_key(const struct uns_intent *w, const char *key, const char *place, struct uns_err *err)
{
	const struct uns_dockerd_option *o = uns_dockerd_key(key);

	if (o)
		return uns_intent_add(w, "OptionUnknown", place, NULL, err, "\"%s\" is not an option of Docker %u%s", key,
		                      w->f->major, o->until && w->f->major > o->until ? " any more" : "");
	return uns_intent_add(w, "OptionUnknown", place, "take it out, or accept it for a newer engine with --ignore=OptionUnknown",
	                      err, "\"%s\" is no known option of dockerd, which does not start with one that it does not know",
	                      key);
}

/* A name that dockerd accepts and does nothing with: that of a flag whose key is another one. */
static int check_effect(const struct uns_intent *w, const struct uns_dockerd_option *o, const char *key, const char *place,
                        struct uns_err *err)
{
	uns_auto_free char *remedy = NULL;

	if (o->key && strcmp(o->key, key) == 0)
		return 0;
	remedy = o->key ? uns_str_printf(err, "write \"%s\"", o->key)
	         : uns_str_starts(key, "http") || strcmp(key, "no-proxy") == 0
	             ? uns_str_printf(err, "write \"proxies\": {\"%s\": …}", key)
	             : uns_str_dup("take it out", err);
	if (!remedy)
		return -1;
	return uns_intent_add(w, "OptionNoEffect", place, remedy, err,
	                      "\"%s\" is the name of a flag: in this file dockerd passes over it in silence", key);
}

static int check_twice(const struct uns_intent *w, const struct uns_dockerd_option *o, const char *key, const char *place,
                       struct uns_err *err)
{
	uns_auto_free char *flag = NULL;

	/* A flag with another key than its own name is compared by that key alone; runtimes are merged. */
	if (strcmp(o->key ? o->key : o->flag, key) != 0 || strcmp(key, "runtimes") == 0 || !has_flag(w, o))
		return 0;
	if (strcmp(key, UNS_OPTION) == 0)
		return 0; /* said with its values */
	flag = place_of(w, key, false, err);
	if (!flag)
		return -1;
	return uns_intent_add(w, "OptionTwice", key,
	                      strcmp(key, "hosts") == 0 ? "leave \"hosts\" out and add -H to the command line of the unit"
	                                                : "leave the option in one of these places",
	                      err, "the option is set in daemon.json and as a flag, with which the engine does not start: %s, %s",
	                      place, flag);
}

static int check_name(const struct uns_intent *w, const char *key, const char *place, struct uns_err *err)
{
	const struct uns_dockerd_option *o = find_name(w, key);

	if (!o)
		return unknown_key(w, key, place, err);
	return check_effect(w, o, key, place, err) < 0 ? -1 : check_twice(w, o, key, place, err);
}

static int check_type(const struct uns_intent *w, const char *key, json_t *value, const char *place, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf why = UNS_BUF_INIT;
	const struct uns_dockerd_option *o = uns_dockerd_key(key);
	int r = o ? uns_dockerd_check(o, value, &why, err) : 0;

	if (r <= 0)
		return r;
	return uns_intent_add(w, "OptionInvalid", place, NULL, err, "\"%s\": %s", key, why.data);
}

static int check_inner(const struct uns_intent *w, json_t *object, const char *place, struct uns_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const struct uns_dockerd_option *o = find_name(w, key);

		if (o ? check_twice(w, o, key, place, err) < 0 : unknown_key(w, key, place, err) < 0)
			return -1;
	}
	return 0;
}

static int check_member(const struct uns_intent *w, const char *key, json_t *value, struct uns_err *err)
{
	uns_auto_free char *place = place_of(w, key, true, err);
	bool inner = json_is_object(value) && !is_flat(key);

	if (!place)
		return -1;
	if (inner ? check_inner(w, value, place, err) < 0 : check_name(w, key, place, err) < 0)
		return -1;
	return check_type(w, key, value, place, err);
}

static int check_members(const struct uns_intent *w, struct uns_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(w->config, key, value) if (check_member(w, key, value, err) < 0) return -1;
	return 0;
}

/* ---- what does not go together ---- */

int uns_plan_value(const struct uns_strs *words, const json_t *config, const char *key, json_t **ret, struct uns_err *err)
{
	const struct uns_dockerd_option *o = uns_dockerd_key(key);
	uns_auto(uns_strs_done) struct uns_strs values = UNS_STRS_INIT;
	struct uns_dockerd_use u = {.at = 0};

	while (o->flag && uns_dockerd_next(words->v, words->n, &u))
		if (u.option == o && u.value && uns_strs_add(&values, u.value, err) < 0)
			return -1;
	*ret = values.n ? uns_dockerd_from_flags(o, &values, err) : json_incref(json_object_get(config, key));
	return values.n && !*ret ? -1 : 0;
}

/* The value after the change. */
static int effective(const struct uns_intent *w, const char *key, json_t **ret, struct uns_err *err)
{
	return uns_plan_value(&w->words, w->config, key, ret, err);
}

/* Go's strconv.ParseBool, which the flag is read with. */
static enum uns_tristate parse_bool(const char *s)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0)
			return strcmp(s, yes[i]) == 0 ? UNS_TRUE : UNS_FALSE;
	return UNS_UNSET;
}

enum uns_tristate uns_plan_feature(const json_t *features, const char *name)
{
	const json_t *member = json_object_get(features, name);
	enum uns_tristate found = UNS_UNSET;
	size_t len = strlen(name);

	if (json_is_boolean(member))
		return json_is_true(member) ? UNS_TRUE : UNS_FALSE;
	for (size_t i = 0; i < json_array_size(features); i++) {
		const char *s = json_string_value(json_array_get(features, i));

		if (s && strncmp(s, name, len) == 0 && (s[len] == '=' || !s[len]))
			found = s[len] ? parse_bool(s + len + 1) : UNS_TRUE;
	}
	return found;
}

/* A bool that is set to this. */
static int is_set_to(const struct uns_intent *w, const char *key, bool value, bool *ret, struct uns_err *err)
{
	uns_auto_json json_t *now = NULL;

	if (effective(w, key, &now, err) < 0)
		return -1;
	*ret = value ? json_is_true(now) : json_is_false(now);
	return 0;
}

static int has_text(const struct uns_intent *w, const char *key, bool *ret, struct uns_err *err)
{
	uns_auto_json json_t *now = NULL;

	if (effective(w, key, &now, err) < 0)
		return -1;
	*ret = json_string_length(now) > 0;
	return 0;
}

static int check_network(const struct uns_intent *w, struct uns_err *err)
{
	bool no_iptables, no_icc, bridge, bip, ip6tables, experimental;

	if (is_set_to(w, "iptables", false, &no_iptables, err) < 0 || is_set_to(w, "icc", false, &no_icc, err) < 0 ||
	    is_set_to(w, "ip6tables", true, &ip6tables, err) < 0 || is_set_to(w, "experimental", true, &experimental, err) < 0 ||
	    has_text(w, "bridge", &bridge, err) < 0 || has_text(w, "bip", &bip, err) < 0)
		return -1;
	if (no_iptables && no_icc &&
	    uns_intent_add(w, "OptionConflict", "icc", "leave one of the two at true", err,
	                   "icc=false works by means of iptables: with iptables=false dockerd does not start") < 0)
		return -1;
	if (bridge && bip &&
	    uns_intent_add(w, "OptionConflict", "bip", "leave one of the two out", err,
	                   "bip is for the bridge that dockerd makes: together with bridge it does not start") < 0)
		return -1;
	if (ip6tables && !experimental && w->f->major && w->f->major < 27 &&
	    uns_intent_add(w, "OptionConflict", "ip6tables", "set experimental=true too", err,
	                   "before Docker 27 ip6tables is only there with experimental") < 0)
		return -1;
	return 0;
}

static int check_runtime(const struct uns_intent *w, struct uns_err *err)
{
	static const char *const builtin[] = {"runc", "io.containerd.runc.v2", "io.containerd.runtime.v1.linux"};
	uns_auto_json json_t *name = NULL, *runtimes = NULL;
	const char *s;

	if (effective(w, "default-runtime", &name, err) < 0 || effective(w, "runtimes", &runtimes, err) < 0)
		return -1;
	if (json_object_get(runtimes, "runc") && uns_intent_add(w, "OptionConflict", "runtimes", NULL, err,
	                                                        "the name runc is reserved for the engine's own runtime") < 0)
		return -1;
	s = json_string_value(name);
	for (size_t i = 0; s && i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (strcmp(s, builtin[i]) == 0)
			return 0;
	/* From 23 on a shim's name may stand here; what is registered by flags is no object to look into. */
	if (!s || !*s || json_object_get(runtimes, s) || json_is_array(runtimes) || strchr(s, '.'))
		return 0;
	return uns_intent_add(w, "OptionConflict", "default-runtime", "name it in \"runtimes\" too", err,
	                      "the runtime %s is not among the runtimes", s);
}

static int check_root_dirs(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_json json_t *graph = NULL, *root = NULL;

	if (effective(w, "graph", &graph, err) < 0 || effective(w, "data-root", &root, err) < 0)
		return -1;
	if (json_string_length(graph) == 0 || json_string_length(root) == 0)
		return 0;
	return uns_intent_add(w, "OptionConflict", "graph", "take graph out: it is the old name of data-root", err,
	                      "graph and data-root are both set, with which dockerd does not start");
}

/* The same label with two values. */
static int check_labels(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_json json_t *labels = NULL;

	if (effective(w, "labels", &labels, err) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(labels); i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = json_string_value(json_array_get(labels, i)),
			           *b = json_string_value(json_array_get(labels, k));
			size_t len = a ? strcspn(a, "=") + 1 : 0;

			if (a && b && strncmp(a, b, len) == 0 && strcmp(a, b) != 0)
				return uns_intent_add(w, "OptionConflict", "labels", NULL, err,
				                      "the same label has two values: %s, %s", b, a);
		}
	return 0;
}

/* From 29 on dockerd refuses the two together; before, images would lie in a store that it does not shift. */
static int check_image_store(const struct uns_intent *w, struct uns_err *err)
{
	uns_auto_json json_t *remap = NULL, *features = NULL;
	uns_auto_free char *place = NULL;
	bool json;

	if (effective(w, UNS_OPTION, &remap, err) < 0 || effective(w, "features", &features, err) < 0)
		return -1;
	if (json_string_length(remap) == 0 || uns_plan_feature(features, "containerd-snapshotter") != UNS_TRUE)
		return 0;
	json = json_is_object(features);
	place = json ? uns_str_dup(config_file(w), err) : place_of(w, "features", false, err);
	if (!place)
		return -1;
	return uns_intent_add(w, "ContainerdImageStore", place,
	                      json ? "take features.containerd-snapshotter out of the file"
	                           : "take --feature=containerd-snapshotter off the command line",
	                      err, "features.containerd-snapshotter is true: remapped, Docker 29 does not start then, and earlier ones show none of "
	                      "the images");
}

/* Its user must be there with ranges in both files; enable makes them, and "default" has dockerd make them. */
static int check_remap_user(const struct uns_intent *w, struct uns_err *err)
{
	if (w->r->command != UNS_DAEMON || !w->option || w->rooted || uns_str_starts(w->option->value, "default"))
		return 0;
	if (uns_plan_own(w->f, UNS_UID, w->owner).n > 0 && uns_plan_own(w->f, UNS_GID, w->owner).n > 0)
		return 0;
	return uns_intent_add(w, "RemapBroken", w->owner, "usernsctl range add gives the user a range", err,
	                      "userns-remap names %s, who has no range in /etc/subuid or /etc/subgid: dockerd does not start",
	                      w->owner);
}

int uns_plan_verdict(const struct uns_intent *w, struct uns_err *err)
{
	if (check_remap_user(w, err) < 0)
		return -1;
	if (check_flags(w, err) < 0 || check_members(w, err) < 0 || check_network(w, err) < 0 || check_runtime(w, err) < 0)
		return -1;
	return check_root_dirs(w, err) < 0 || check_labels(w, err) < 0 ? -1 : check_image_store(w, err);
}
