/* SPDX-License-Identifier: Apache-2.0 */
/* Values of dockerd's options: whether it takes them, and the forms that they have in daemon.json, as flags and from a person. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/json.h"

/* Says why it is not taken. 1; -1. */
#define no(why, err, ...) (uns_buf_printf(why, err, __VA_ARGS__) < 0 ? -1 : 1)

/* ---- rules ---- */

static bool is_address(const char *s)
{
	unsigned char a[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, s, a) == 1 || inet_pton(AF_INET6, s, a) == 1;
}

static bool is_one_of(const char *s, const char *const list[])
{
	for (size_t i = 0; list[i]; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

/* Labels of letters, digits and inner hyphens, joined by dots; at least one letter. A ':' before a label is taken as well: moby's
 * pattern has it for "(?:". */
static bool is_domain(const char *s)
{
	bool letter = false, edge = true;

	if (strcmp(s, ".") == 0)
		return true;
	if (strlen(s) >= 255)
		return false;
	for (; *s; s++) {
		bool word = isalnum((unsigned char)*s);

		letter |= isalpha((unsigned char)*s) != 0;
		if (*s == '.' || *s == '-') {
			if (edge || (*s == '-' && (!s[1] || s[1] == '.')) || (*s == '.' && s[1] == '-'))
				return false;
			edge = *s == '.';
		} else if (word) {
			edge = false;
		} else if (*s != ':' || !edge) {
			return false;
		}
	}
	return letter;
}

static bool is_label(const char *s)
{
	static const char *const reserved[] = {"com.docker.", "io.docker.", "org.dockerproject."};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strncasecmp(s, reserved[i], strlen(reserved[i])) == 0)
			return false;
	return strchr(s, '=') != NULL;
}

static bool is_mirror(const char *s)
{
	size_t scheme = strncmp(s, "http://", 7) == 0 ? 7 : strncmp(s, "https://", 8) == 0 ? 8 : 0;
	const char *rest = s + scheme;

	if (!scheme || strpbrk(rest, "?#@ \t"))
		return false;
	rest += strcspn(rest, "/");
	return !*rest || strcmp(rest, "/") == 0;
}

static bool is_index(const char *s)
{
	size_t len = strlen(s);

	return *s != '-' && (!len || s[len - 1] != '-');
}

static bool is_host(const char *s)
{
	static const char *const schemes[] = {"tcp://", "unix://", "fd://", "npipe://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (uns_str_starts(s, schemes[i]))
			return true;
	return !strstr(s, "://");
}

/* "" stands for the default everywhere but in a flag of an address. */
static int check_rule(const struct uns_dockerd_option *o, const char *s, struct uns_buf *why, struct uns_err *err)
{
	static const char *const levels[] = {"panic", "fatal", "error", "warn", "warning", "info", "debug", "trace", NULL};
	static const char *const ipc[] = {"", "private", "shareable", NULL};
	static const char *const cgroupns[] = {"", "private", "host", NULL};

	switch (o->rule) {
	case UNS_RULE_ADDRESS:
		return is_address(s) ? 0 : no(why, err, "\"%s\" is no IP address", s);
	case UNS_RULE_DOMAIN:
		return is_domain(s) ? 0 : no(why, err, "\"%s\" is no domain", s);
	case UNS_RULE_LABEL:
		return is_label(s) ? 0 : no(why, err, "\"%s\" is no label (KEY=VALUE; com.docker. and the like are reserved)", s);
	case UNS_RULE_MIRROR:
		return is_mirror(s) ? 0 : no(why, err, "\"%s\" is no mirror (http:// or https://, no path or user)", s);
	case UNS_RULE_INDEX:
		return is_index(s) ? 0 : no(why, err, "\"%s\" begins or ends with a hyphen", s);
	case UNS_RULE_HOST:
		return is_host(s) ? 0 : no(why, err, "\"%s\" is no socket (unix://, tcp://, fd://)", s);
	case UNS_RULE_LOG_LEVEL:
		return !*s || is_one_of(s, levels) ? 0
		                                   : no(why, err, "\"%s\" is no log level (debug, info, warn, error, fatal)", s);
	case UNS_RULE_IPC:
		return is_one_of(s, ipc) ? 0 : no(why, err, "\"%s\" is neither private nor shareable", s);
	case UNS_RULE_CGROUPNS:
		return is_one_of(s, cgroupns) ? 0 : no(why, err, "\"%s\" is neither private nor host", s);
	case UNS_RULE_NONE:
	case UNS_RULE_NATURAL:
		break;
	}
	return 0;
}

/* A number, perhaps with a fraction, and a unit: 64m, 1.5GiB (docker/go-units RAMInBytes). */
static bool is_size(const char *s)
{
	size_t whole = strspn(s, "0123456789");
	const char *unit = s + whole;

	if (*unit == '.')
		unit += 1 + strspn(unit + 1, "0123456789");
	if (!whole || unit[-1] == '.')
		return false;
	unit += *unit == ' ';
	if (*unit && strchr("kmgtpKMGTP", *unit))
		unit += unit[1] == 'i' && strchr("bB", unit[2]) && unit[2] ? 2 : 1;
	if (*unit && strchr("bB", *unit))
		unit++;
	return !*unit;
}

/* ---- members of daemon.json ---- */

static int check_list(const struct uns_dockerd_option *o, const json_t *value, struct uns_buf *why, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *one = json_array_get(value, i);
		int r;

		if (!json_is_string(one))
			return no(why, err, "an element is not %s", "a string");
		r = check_rule(o, json_string_value(one), why, err);
		if (r)
			return r;
	}
	return 0;
}

static int check_each(json_t *object, const char *what, bool (*is)(const json_t *), struct uns_buf *why, struct uns_err *err)
{
	const char *key;
	json_t *one;

	json_object_foreach(object, key, one) if (!is(one) && !json_is_null(one)) return uns_buf_printf(
	    why, err, "member \"%s\" is not %s", key, what) < 0
	    ? -1
	    : 1;
	return 0;
}

static bool is_string(const json_t *j)
{
	return json_is_string(j);
}

static bool is_bool(const json_t *j)
{
	return json_is_boolean(j);
}

static bool is_object(const json_t *j)
{
	return json_is_object(j);
}

static bool has_type(enum uns_dockerd_type type, const json_t *value)
{
	switch (type) {
	case UNS_DOCKERD_BOOL:
		return json_is_boolean(value);
	case UNS_DOCKERD_INT:
		return json_is_integer(value);
	case UNS_DOCKERD_STRING:
	case UNS_DOCKERD_SIZE:
	case UNS_DOCKERD_IP:
		return json_is_string(value);
	case UNS_DOCKERD_LIST:
	case UNS_DOCKERD_POOLS:
		return json_is_array(value);
	case UNS_DOCKERD_MAP:
	case UNS_DOCKERD_OBJECTS:
	case UNS_DOCKERD_BOOLS:
	case UNS_DOCKERD_ANY:
		return json_is_object(value);
	}
	return false;
}

static int check_pools(const json_t *value, struct uns_buf *why, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *pool = json_array_get(value, i);

		if (!json_is_object(pool) || !json_is_string(json_object_get(pool, "base")) ||
		    !json_is_integer(json_object_get(pool, "size")))
			return no(why, err, "an element is no pool (%s)", "{\"base\": \"10.0.0.0/8\", \"size\": 24}");
	}
	return 0;
}

int uns_dockerd_check(const struct uns_dockerd_option *o, json_t *value, struct uns_buf *why, struct uns_err *err)
{
	const char *s = json_string_value(value);

	if (json_is_null(value))
		return 0;
	if (!has_type(o->type, value))
		return no(why, err, "it must be %s", uns_dockerd_type_name(o->type));
	switch (o->type) {
	case UNS_DOCKERD_LIST:
		return check_list(o, value, why, err);
	case UNS_DOCKERD_MAP:
		return check_each(value, "a string", is_string, why, err);
	case UNS_DOCKERD_OBJECTS:
		return check_each(value, "an object", is_object, why, err);
	case UNS_DOCKERD_BOOLS:
		return check_each(value, "true or false", is_bool, why, err);
	case UNS_DOCKERD_POOLS:
		return check_pools(value, why, err);
	case UNS_DOCKERD_INT:
		return o->rule == UNS_RULE_NATURAL && json_integer_value(value) < 0 ? no(why, err, "it must not be %s", "negative")
		                                                                    : 0;
	case UNS_DOCKERD_SIZE:
		return is_size(s) ? 0 : no(why, err, "\"%s\" is no size (64m)", s);
	case UNS_DOCKERD_STRING:
		return check_rule(o, s, why, err);
	case UNS_DOCKERD_IP:
		return *s ? check_rule(o, s, why, err) : 0;
	case UNS_DOCKERD_BOOL:
	case UNS_DOCKERD_ANY:
		break;
	}
	return 0;
}

/* ---- flags ---- */

/* strconv.ParseBool: 1 true, 0 false, -1 neither. */
static int parse_bool(const char *s)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", NULL};
	static const char *const not [] = {"0", "f", "F", "false", "FALSE", "False", NULL};

	return is_one_of(s, yes) ? 1 : is_one_of(s, not ) ? 0 : -1;
}

/* strconv.ParseInt with base 0, but for its underscores. */
static bool parse_int(const char *s, long long *ret)
{
	const char *digits = s + (*s == '-' || *s == '+');
	int base = 0, skip = 0;
	char *end;

	if (digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'o')) {
		base = digits[1] == 'b' ? 2 : 8;
		skip = 2;
	}
	if (!isdigit((unsigned char)digits[0]) || (skip && !isdigit((unsigned char)digits[skip])))
		return false;
	errno = 0;
	*ret = strtoll(digits + skip, &end, base);
	if (*s == '-')
		*ret = -*ret;
	return *end == '\0' && errno == 0;
}

int uns_dockerd_check_flag(const struct uns_dockerd_option *o, const char *value, struct uns_buf *why, struct uns_err *err)
{
	long long number;

	switch (o->type) {
	case UNS_DOCKERD_BOOL:
		return parse_bool(value) >= 0 ? 0 : no(why, err, "\"%s\" is neither true nor false", value);
	case UNS_DOCKERD_INT:
		if (!parse_int(value, &number))
			return no(why, err, "\"%s\" is no whole number", value);
		return o->rule == UNS_RULE_NATURAL && number < 0 ? no(why, err, "%s is negative", value) : 0;
	case UNS_DOCKERD_SIZE:
		return is_size(value) ? 0 : no(why, err, "\"%s\" is no size (64m)", value);
	case UNS_DOCKERD_OBJECTS:
		return strchr(value, '=') ? 0 : no(why, err, "\"%s\" is not NAME=VALUE", value);
	case UNS_DOCKERD_POOLS:
		return strstr(value, "base=") && strstr(value, "size=") ? 0 : no(why, err, "\"%s\" is not base=CIDR,size=N", value);
	case UNS_DOCKERD_STRING:
	case UNS_DOCKERD_IP:
	case UNS_DOCKERD_LIST:
		return check_rule(o, value, why, err);
	case UNS_DOCKERD_MAP:
	case UNS_DOCKERD_BOOLS:
	case UNS_DOCKERD_ANY:
		break;
	}
	return 0;
}

static json_t *strings(const struct uns_strs *values, size_t first)
{
	uns_auto_json json_t *array = json_array();

	for (size_t i = first; i < values->n; i++) {
		json_t *one = json_string(values->v[i]);

		/* What is not UTF-8 is shown as it can be. */
		if (json_array_append_new(array, one ? one : json_string("?")) < 0)
			return NULL;
	}
	return uns_take_ptr(array);
}

static json_t *map_of(const struct uns_strs *values)
{
	uns_auto_json json_t *map = json_object();

	for (size_t i = 0; i < values->n; i++) {
		size_t len = strcspn(values->v[i], "=");
		uns_auto_free char *key = strndup(values->v[i], len);
		json_t *one = json_string(values->v[i][len] ? values->v[i] + len + 1 : "");

		if (!key || json_object_set_new(map, key, one ? one : json_string("?")) < 0)
			return NULL;
	}
	return uns_take_ptr(map);
}

json_t *uns_dockerd_from_flags(const struct uns_dockerd_option *o, const struct uns_strs *values, struct uns_err *err)
{
	const char *last = values->n ? values->v[values->n - 1] : "";
	long long number;
	json_t *j;

	switch (o->type) {
	case UNS_DOCKERD_BOOL:
		j = parse_bool(last) >= 0 ? json_boolean(parse_bool(last)) : json_string(last);
		break;
	case UNS_DOCKERD_INT:
		j = parse_int(last, &number) ? json_integer(number) : json_string(last);
		break;
	case UNS_DOCKERD_MAP:
		j = map_of(values);
		break;
	case UNS_DOCKERD_LIST:
	case UNS_DOCKERD_OBJECTS:
	case UNS_DOCKERD_BOOLS:
	case UNS_DOCKERD_POOLS:
	case UNS_DOCKERD_ANY:
		j = strings(values, 0);
		break;
	default:
		j = json_string(last);
		break;
	}
	if (!j)
		uns_err_nomem(err);
	return j;
}

static int add_map(json_t *value, struct uns_strs *ret, struct uns_err *err)
{
	const char *key;
	json_t *one;

	json_object_foreach(value, key, one)
	{
		uns_auto_free char *word = uns_str_printf(err, "%s=%s", key, json_string_value(one) ? json_string_value(one) : "");

		if (!word || uns_strs_add(ret, word, err) < 0)
			return -1;
	}
	return 0;
}

static int add_number(const json_t *value, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto_free char *word = uns_str_printf(err, "%lld", (long long)json_integer_value(value));

	return word ? uns_strs_add(ret, word, err) : -1;
}

int uns_dockerd_to_flags(const struct uns_dockerd_option *o, json_t *value, struct uns_strs *ret, struct uns_err *err)
{
	if (json_is_string(value))
		return uns_strs_add(ret, json_string_value(value), err);
	if (json_is_boolean(value))
		return uns_strs_add(ret, json_is_true(value) ? "true" : "false", err);
	if (json_is_integer(value))
		return add_number(value, ret, err);
	if (o->type == UNS_DOCKERD_MAP && json_is_object(value))
		return add_map(value, ret, err);
	if (!json_is_array(value) || json_array_size(value) == 0)
		return 1;
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *s = json_string_value(json_array_get(value, i));

		if (!s)
			return 1;
		if (uns_strs_add(ret, s, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- from a person ---- */

static int parse_json(const struct uns_dockerd_option *o, const char *text, json_t **ret, struct uns_err *err)
{
	if (uns_json_parse(text, strlen(text), o->key, ret, err) == 0)
		return 0;
	if (err)
		err->code = UNS_E_USAGE;
	return -1;
}

static int split(const char *text, struct uns_strs *ret, struct uns_err *err)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		uns_auto_free char *one = uns_str_printf(err, "%.*s", (int)len, text);

		if (!one || uns_strs_add(ret, one, err) < 0)
			return -1;
		text += len + (text[len] == ',');
	}
	return 0;
}

static int parse_parts(const struct uns_dockerd_option *o, const char *text, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs parts = UNS_STRS_INIT;

	if (*text == '[' || *text == '{')
		return parse_json(o, text, ret, err);
	if (split(text, &parts, err) < 0)
		return -1;
	*ret = o->type == UNS_DOCKERD_MAP ? map_of(&parts) : strings(&parts, 0);
	return *ret ? 0 : uns_err_nomem(err);
}

static int parse_text(const struct uns_dockerd_option *o, const char *text, json_t **ret, struct uns_err *err)
{
	long long number;

	switch (o->type) {
	case UNS_DOCKERD_BOOL:
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			return uns_err_set(err, UNS_E_USAGE, "%s=%s: expected true or false", o->key, text);
		*ret = json_boolean(*text == 't');
		return 0;
	case UNS_DOCKERD_INT:
		if (!parse_int(text, &number))
			return uns_err_set(err, UNS_E_USAGE, "%s=%s: expected a whole number", o->key, text);
		*ret = json_integer(number);
		return *ret ? 0 : uns_err_nomem(err);
	case UNS_DOCKERD_STRING:
	case UNS_DOCKERD_SIZE:
	case UNS_DOCKERD_IP:
		*ret = json_string(text);
		return *ret ? 0 : uns_err_set(err, UNS_E_USAGE, "%s: expected UTF-8 text", o->key);
	case UNS_DOCKERD_LIST:
	case UNS_DOCKERD_MAP:
		return parse_parts(o, text, ret, err);
	default:
		return parse_json(o, text, ret, err);
	}
}

int uns_dockerd_parse(const struct uns_dockerd_option *o, const char *text, json_t **ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf why = UNS_BUF_INIT;
	uns_auto_json json_t *value = NULL;
	int r;

	if (parse_text(o, text, &value, err) < 0)
		return -1;
	if (json_is_null(value))
		return uns_err_set(err, UNS_E_USAGE, "%s=%s: to take it away, unset it", o->key, text);
	r = uns_dockerd_check(o, value, &why, err);
	if (r > 0)
		return uns_err_set(err, UNS_E_USAGE, "%s=%s: %s", o->key, text, why.data);
	if (r == 0)
		*ret = uns_take_ptr(value);
	return r;
}
