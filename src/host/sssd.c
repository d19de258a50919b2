/* SPDX-License-Identifier: Apache-2.0 */
/* IDs that SSSD computes from the SIDs of a Windows domain (sssd-ldap(5), "ID MAPPING"; sssd-ad(5)): a slice of 200000 for each
 * domain, somewhere in its range, and only SSSD knows where. So the whole range counts. A domain that is configured and not enabled
 * counts too: enabling it must not give its users the IDs of somebody's containers. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"
#include "uns/vec.h"

#define CONF "/etc/sssd/sssd.conf"
#define CONF_D "/etc/sssd/conf.d"

struct domain {
	char *name, *file; /* file: where it stands first */
	bool ad;
	bool mapping_set, mapping;
	uint32_t min, max; /* max is not of the range any more */
};

struct domains {
	struct domain *v;
	size_t n, cap;
};

static void domains_done(struct domains *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].file);
	}
	free(l->v);
}

/* The place of the domain, made when it is new: sections of one name in several files are one. */
static int find_domain(struct domains *l, const char *name, const char *file, size_t *ret, struct uns_err *err)
{
	struct domain d = { .min = 200000, .max = 2000200000 }, *v;

	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(l->v[i].name, name) == 0) {
			*ret = i;
			return 0;
		}
	v = uns_vec_room(l->v, l->n, &l->cap, sizeof(*v));
	if (!v)
		return uns_err_nomem(err);
	l->v = v;
	d.name = uns_str_dup(name, err);
	d.file = uns_str_dup(file, err);
	l->v[l->n] = d;
	*ret = l->n++; /* also half made: it is freed with the rest */
	return d.name && d.file ? 0 : -1;
}

/* Cuts the blanks at the end of s[0 … len). */
static char *cut(char *s, size_t len)
{
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* "[domain/NAME]": NAME, else NULL. */
static char *domain_of(char *line)
{
	char *s = line + 1, *end = strchr(line, ']');

	if (!end)
		return NULL;
	s += strspn(s, " \t");
	cut(s, (size_t)(end - s));
	if (strncasecmp(s, "domain/", strlen("domain/")) != 0)
		return NULL;
	return s[strlen("domain/")] ? s + strlen("domain/") : NULL;
}

static void take_option(struct domain *d, const char *key, const char *value)
{
	uint32_t n;

	if (strcasecmp(key, "id_provider") == 0) {
		d->ad = strcasecmp(value, "ad") == 0;
	} else if (strcasecmp(key, "ldap_id_mapping") == 0) {
		d->mapping_set = strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0;
		d->mapping = strcasecmp(value, "true") == 0;
	} else if (strcasecmp(key, "ldap_idmap_range_min") == 0 && uns_num_u32(value, strlen(value), &n) == 0) {
		d->min = n;
	} else if (strcasecmp(key, "ldap_idmap_range_max") == 0 && uns_num_u32(value, strlen(value), &n) == 0) {
		d->max = n;
	}
}

static int parse(struct uns_buf *text, const char *file, struct domains *l, struct uns_err *err)
{
	bool inside = false;
	size_t at = 0, domain = 0;
	char *line;

	while ((line = uns_host_line(text, &at))) {
		char *equals;

		line += strspn(line, " \t");
		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[') {
			char *name = domain_of(line);
			inside = name != NULL;
			if (inside && find_domain(l, name, file, &domain, err) < 0)
				return -1;
			continue;
		}
		equals = strchr(line, '=');
		if (inside && equals)
			take_option(&l->v[domain], cut(line, (size_t)(equals - line)), equals + 1 + strspn(equals + 1, " \t"));
	}
	return 0;
}

/* These files are root's alone (0600): who may not read them goes on without. What is no file SSSD does not read either. */
static int read_one(const struct uns_root *root, const char *path, struct domains *l, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err e = { 0 };
	int r = uns_root_read(root, path, UNS_HOST_MAX_CONFIG, &text, NULL, &e);

	if (r == 0)
		return parse(&text, path, l, err);
	if (r > 0 || e.errnum == EACCES || e.errnum == EPERM || e.code == UNS_E_INPUT)
		return 0;
	if (err)
		*err = e;
	return -1;
}

static int read_all(const struct uns_root *root, struct domains *l, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_err ignored;

	if (read_one(root, CONF, l, err) < 0)
		return -1;
	if (uns_root_list(root, CONF_D, &names, &ignored) != 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", CONF_D, names.v[i]);
		size_t len = strlen(names.v[i]);

		if (!path)
			return -1;
		if (names.v[i][0] == '.' || len < strlen(".conf") || strcmp(names.v[i] + len - strlen(".conf"), ".conf") != 0)
			continue;
		if (read_one(root, path, l, err) < 0)
			return -1;
	}
	return 0;
}

int uns_host_read_sssd(const struct uns_root *root, struct uns_idfacts *f, struct uns_err *err)
{
	uns_auto(domains_done) struct domains l = { 0 };

	if (read_all(root, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct domain *d = &l.v[i];
		uns_auto_free char *who = NULL;

		/* Of the providers only ad maps when nothing is said; SSSD does not start a domain whose range is empty. */
		if (!(d->mapping_set ? d->mapping : d->ad) || d->min >= d->max)
			continue;
		who = uns_str_printf(err, "[domain/%s] of %s", d->name, d->file);
		if (!who || uns_rangeset_add(&f->sssd, (struct uns_range){ d->min, d->max - d->min }, who, err) < 0)
			return -1;
	}
	return 0;
}
