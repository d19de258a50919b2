/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/sysctlconf.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "uns/cleanup.h"
#include "uns/str.h"

static void line_done(struct uns_sysctl_line *l)
{
	free(l->value);
	free(l->file);
	*l = (struct uns_sysctl_line){NULL, NULL, 0};
}

void uns_sysctlconf_done(struct uns_sysctlconf *c)
{
	line_done(&c->plain);
	line_done(&c->glob);
}

/* Without the blanks at both ends, which are cut off in place. */
static char *strip(char *s)
{
	size_t len;

	s += strspn(s, " \t\r\f\v");
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* With slashes between its parts: where the first separator is a dot, dots and slashes change places. */
static char *normalize(char *key)
{
	char *first = strpbrk(key, "./");

	if (first && *first == '.')
		for (char *p = first; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return key + strspn(key, "/");
}

static int take(struct uns_sysctl_line *l, const char *value, const char *file, unsigned number, struct uns_err *err)
{
	uns_auto(line_done) struct uns_sysctl_line new = {NULL, uns_str_dup(file, err), number};

	if (!new.file)
		return -1;
	if (value) {
		new.value = uns_str_dup(value, err);
		if (!new.value)
			return -1;
	}
	line_done(l);
	*l = new;
	new = (struct uns_sysctl_line){NULL, NULL, 0};
	return 0;
}

/* text is one line, and changed. */
static int add_line(struct uns_sysctlconf *c, const char *file, unsigned number, char *text, struct uns_err *err)
{
	char *key = strip(text), *value = strchr(key, '=');

	if (!*key || strchr("#;", *key) || (!value && *key != '-'))
		return 0;
	if (value)
		*value++ = '\0';
	key = normalize(strip(key + (*key == '-')));
	value = value ? strip(value) : NULL;
	if (strcmp(key, c->key) == 0)
		return take(&c->plain, value, file, number, err);
	if (value && strpbrk(key, "*?[") && fnmatch(key, c->key, FNM_PATHNAME | FNM_PERIOD) == 0)
		return take(&c->glob, value, file, number, err);
	return 0;
}

int uns_sysctlconf_add(struct uns_sysctlconf *c, const char *file, const char *text, size_t len, struct uns_err *err)
{
	struct uns_line l = {0};

	while (uns_line_next(&l, text, len)) {
		uns_auto_free char *line = strndup(l.s, l.len);

		if (!line)
			return uns_err_nomem(err);
		if (add_line(c, file, l.number, line, err) < 0)
			return -1;
	}
	return 0;
}

const struct uns_sysctl_line *uns_sysctlconf_result(const struct uns_sysctlconf *c)
{
	const struct uns_sysctl_line *l = c->plain.file ? &c->plain : &c->glob;

	return l->value ? l : NULL;
}

bool uns_sysctl_is_zero(const char *value)
{
	if (value[0] == '0' && (value[1] == 'x' || value[1] == 'X') && value[2] == '0')
		value += 2;
	return *value == '0' && value[strspn(value, "0")] == '\0';
}
