/* SPDX-License-Identifier: Apache-2.0 */
/* auditd.conf. See uns/auditdconf.h. */
#include "uns/auditdconf.h"

#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/num.h"

const char *const uns_auditd_action_names[] = {"IGNORE", "SYSLOG",  "ROTATE", "EMAIL",    "EXEC",
                                               "SUSPEND", "SINGLE", "HALT",   "KEEP_LOGS"};
#define BIT(action) (1u << UNS_AUDITD_##action)
#define SPACE_ACTIONS (BIT(IGNORE) | BIT(SYSLOG) | BIT(ROTATE) | BIT(EMAIL) | BIT(EXEC) | BIT(SUSPEND) | BIT(SINGLE) | BIT(HALT))
#define ERROR_ACTIONS (BIT(IGNORE) | BIT(SYSLOG) | BIT(EXEC) | BIT(SUSPEND) | BIT(SINGLE) | BIT(HALT))
#define SIZE_ACTIONS (BIT(IGNORE) | BIT(SYSLOG) | BIT(EXEC) | BIT(SUSPEND) | BIT(ROTATE) | BIT(KEEP_LOGS))

enum type { TEXT, SWITCH, NUMBER, ROOM, ACTION, FORMAT };
static const struct setting {
	const char *name;
	enum type type;
	size_t at;
	unsigned limit; /* NUMBER: the largest; ACTION: the set of those that it may be */
} settings[] = {
	{"log_file", TEXT, offsetof(struct uns_auditdconf, log_file), 0},
	{"flush", TEXT, offsetof(struct uns_auditdconf, flush), 0},
	{"write_logs", SWITCH, offsetof(struct uns_auditdconf, write_logs), 0},
	{"log_format", FORMAT, offsetof(struct uns_auditdconf, enriched), 0},
	{"max_log_file", NUMBER, offsetof(struct uns_auditdconf, max_log_file), UINT32_MAX},
	{"num_logs", NUMBER, offsetof(struct uns_auditdconf, num_logs), 999},
	{"max_log_file_action", ACTION, offsetof(struct uns_auditdconf, max_log_file_action), SIZE_ACTIONS},
	{"space_left", ROOM, offsetof(struct uns_auditdconf, space_left), 0},
	{"space_left_action", ACTION, offsetof(struct uns_auditdconf, space_left.action), SPACE_ACTIONS},
	{"admin_space_left", ROOM, offsetof(struct uns_auditdconf, admin_space_left), 0},
	{"admin_space_left_action", ACTION, offsetof(struct uns_auditdconf, admin_space_left.action), SPACE_ACTIONS},
	{"disk_full_action", ACTION, offsetof(struct uns_auditdconf, disk_full_action), SPACE_ACTIONS},
	{"disk_error_action", ACTION, offsetof(struct uns_auditdconf, disk_error_action), ERROR_ACTIONS},
};

void uns_auditdconf_done(struct uns_auditdconf *c)
{
	free(c->log_file);
	free(c->flush);
	uns_strs_done(&c->problems);
	*c = (struct uns_auditdconf){0};
}

int uns_auditdconf_default(struct uns_auditdconf *ret, struct uns_err *err)
{
	struct uns_auditdconf c = {.write_logs = true, .enriched = true, .disk_error_action = UNS_AUDITD_SYSLOG};

	c.log_file = uns_str_dup("/var/log/audit/audit.log", err);
	if (!c.log_file)
		return -1;
	*ret = c;
	return 0;
}

/* With fewer than two logs auditd does not rotate, but goes on in the one. */
uint64_t uns_auditdconf_capacity(const struct uns_auditdconf *c)
{
	uint64_t one = (uint64_t)c->max_log_file << 20;

	if (!c->write_logs)
		return 0;
	if (!c->max_log_file)
		return UINT64_MAX;
	switch (c->max_log_file_action) {
	case UNS_AUDITD_ROTATE:
		return c->num_logs > 1 ? one * c->num_logs : UINT64_MAX;
	case UNS_AUDITD_SUSPEND:
		return one;
	default:
		return UINT64_MAX;
	}
}

/* ---- values: NULL, or what was expected ---- */

static const char *read_switch(const char *value, bool *ret)
{
	if (strcasecmp(value, "yes") && strcasecmp(value, "no"))
		return "yes or no";
	*ret = strcasecmp(value, "yes") == 0;
	return NULL;
}

static const char *read_format(const char *value, struct uns_auditdconf *c)
{
	if (strcasecmp(value, "nolog") == 0)
		c->write_logs = false;
	else if (strcasecmp(value, "raw") && strcasecmp(value, "enriched"))
		return "RAW or ENRICHED";
	c->enriched = strcasecmp(value, "enriched") == 0;
	return NULL;
}

static const char *read_room(const char *value, struct uns_auditd_room *ret)
{
	size_t len = strlen(value);
	bool percent = len && value[len - 1] == '%';
	uint32_t v;

	if (uns_num_u32(value, len - percent, &v) < 0 || (percent && v > 99))
		return "a number of megabytes, or a percentage below 100%";
	ret->amount = v;
	ret->percent = percent;
	return NULL;
}

static const char *read_action(const char *value, unsigned may, enum uns_auditd_action *ret)
{
	for (unsigned i = 0; i <= UNS_AUDITD_KEEP_LOGS; i++)
		if (may & 1u << i && strcasecmp(value, uns_auditd_action_names[i]) == 0) {
			*ret = (enum uns_auditd_action)i;
			return NULL;
		}
	return "an action of auditd.conf(5)";
}

static const char *read_number(const char *value, uint32_t max, uint32_t *ret)
{
	uint32_t v;

	if (uns_num_u32(value, strlen(value), &v) < 0 || v > max)
		return "a number";
	*ret = v;
	return NULL;
}

static int set_text(const char *value, char **ret, struct uns_err *err)
{
	char *copy = uns_str_dup(value, err);

	if (!copy)
		return -1;
	free(*ret);
	*ret = copy;
	return 0;
}

static int take(struct uns_auditdconf *c, const struct setting *s, const char *value, const char **ret_expected, struct uns_err *err)
{
	void *to = (char *)c + s->at;

	switch (s->type) {
	case TEXT:
		return set_text(value, to, err);
	case SWITCH:
		*ret_expected = read_switch(value, to);
		break;
	case FORMAT:
		*ret_expected = read_format(value, c);
		break;
	case NUMBER:
		*ret_expected = read_number(value, s->limit, to);
		break;
	case ROOM:
		*ret_expected = read_room(value, to);
		break;
	case ACTION:
		*ret_expected = read_action(value, s->limit, to);
		break;
	}
	return 0;
}

static int problem(struct uns_auditdconf *c, const char *file, unsigned line, const char *found, const char *expected,
                   struct uns_err *err)
{
	uns_auto_free char *text = uns_str_printf(err, "%s:%u: found \"%s\"; expected %s", file, line, found, expected);

	return text ? uns_strs_add(&c->problems, text, err) : -1;
}

/* ---- lines: blanks part a name, '=', a value and perhaps an argument ---- */

static int split(const char *s, struct uns_strs *ret, struct uns_err *err)
{
	while (*(s += strspn(s, " "))) {
		size_t len = strcspn(s, " ");
		uns_auto_free char *word = strndup(s, len);

		if (!word)
			return uns_err_nomem(err);
		if (uns_strs_add(ret, word, err) < 0)
			return -1;
		s += len;
	}
	return 0;
}

static int take_words(struct uns_auditdconf *c, const struct uns_strs *w, const char *file, unsigned line, struct uns_err *err)
{
	const char *expected = NULL;

	if (w->n == 0 || w->v[0][0] == '#')
		return 0;
	if (w->n < 3 || w->n > 4 || strcmp(w->v[1], "="))
		return problem(c, file, line, w->v[w->n > 1 ? 1 : 0], "a name, a blank, '=', a blank and a value", err);
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (strcasecmp(w->v[0], settings[i].name) == 0)
			return take(c, &settings[i], w->v[2], &expected, err) < 0 ? -1 :
			       expected ? problem(c, file, line, w->v[2], expected, err) : 0;
	return 0;
}

int uns_auditdconf_parse(const char *text, size_t len, const char *file, struct uns_auditdconf *ret, struct uns_err *err)
{
	uns_auto(uns_auditdconf_done) struct uns_auditdconf c = {0};

	if (uns_auditdconf_default(&c, err) < 0)
		return -1;
	for (struct uns_line l = {0}; uns_line_next(&l, text, len);) {
		uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
		uns_auto_free char *line = strndup(l.s, l.len);

		if (!line)
			return uns_err_nomem(err);
		if (split(line, &words, err) < 0 || take_words(&c, &words, file, l.number, err) < 0)
			return -1;
	}
	*ret = c;
	c = (struct uns_auditdconf){0};
	return 0;
}
