/* SPDX-License-Identifier: Apache-2.0 */
/* SELinux: whether it is in use, and what its policy knows of the data root (selinux_config(5), file_contexts(5), and the files beside
 * it that semanage-fcontext(8) writes). */
#include "hostfacts.h"

#include <string.h>

#include "uns/cleanup.h"

#define CONFIG "/etc/selinux/config"
#define MAX_CONTEXTS (32u << 20)

struct words {
	char *first, *second;
};

/* The first two words of a line; both NULL: a comment, or fewer. */
static struct words split(char *line)
{
	struct words w = {NULL, NULL};
	char *rest = NULL, *first;

	if (line[strspn(line, " \t")] == '#')
		return w;
	first = strtok_r(line, " \t", &rest);
	w.second = first ? strtok_r(NULL, " \t", &rest) : NULL;
	w.first = w.second ? first : NULL;
	return w;
}

/* 0; 1 when there is no such file, or it cannot be read. */
static int read_file(const struct uns_root *root, const char *type, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "/etc/selinux/%s/contexts/files/%s", type, name);
	struct uns_err why = {.errnum = 0};
	int r = path ? uns_root_read(root, path, MAX_CONTEXTS, ret, NULL, &why) : -1;

	if (!path || (r < 0 && why.errnum == ENOMEM))
		return uns_err_nomem(err);
	return r != 0;
}

static char *dup_without_slash(const char *path, struct uns_err *err)
{
	char *s = uns_str_dup(path, err);

	if (s && strlen(s) > 1 && s[strlen(s) - 1] == '/')
		s[strlen(s) - 1] = '\0';
	return s;
}

/* "PATH ORIGINAL": what is below PATH is labelled as if it were below ORIGINAL. */
static int take_subs(const struct uns_root *root, const char *type, const char *name, const char *data_root, struct uns_hostfacts *h,
                     struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t at = 0;
	char *line;

	if (read_file(root, type, name, &text, err) < 0)
		return -1;
	while ((line = uns_host_line(&text, &at))) {
		struct words w = split(line);
		uns_auto_free char *path = w.first ? dup_without_slash(w.first, err) : NULL;

		if (w.first && !path)
			return -1;
		if (path && uns_path_below(path, data_root) && strcmp(path, data_root) != 0 && uns_strs_add(&h->selinux_subs, path, err) < 0)
			return -1;
		if (!path || h->selinux_alias || !uns_path_below(data_root, path))
			continue;
		h->selinux_alias = uns_str_printf(err, "%s%s", w.second, data_root + strlen(path));
		if (!h->selinux_alias)
			return -1;
	}
	return 0;
}

static int take_locals(const struct uns_root *root, const char *type, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t at = 0;
	char *line;

	if (read_file(root, type, "file_contexts.local", &text, err) < 0)
		return -1;
	while ((line = uns_host_line(&text, &at))) {
		struct words w = split(line);

		if (w.first && uns_strs_add(&h->selinux_locals, w.first, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether the policy has patterns of its own below the path; without them a relabelling gives the tree what it gives it today. */
static int has_patterns(const struct uns_root *root, const char *type, const char *path, bool *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_free char *below = uns_str_printf(err, "%s/", path);
	size_t at = 0;
	char *line;

	if (!below || read_file(root, type, "file_contexts", &text, err) < 0)
		return -1;
	*ret = false;
	while (!*ret && (line = uns_host_line(&text, &at)))
		*ret = uns_str_starts(line, below);
	return 0;
}

struct config {
	char *mode, *type;
};

static void config_done(struct config *c)
{
	free(c->mode);
	free(c->type);
}

static int take_value(char *line, const char *name, char **ret, struct uns_err *err)
{
	char *value = line + strlen(name);

	if (!uns_str_starts(line, name))
		return 0;
	value += strspn(value, " \t");
	value[strcspn(value, " \t")] = '\0';
	free(*ret);
	*ret = uns_str_dup(value, err);
	return *ret ? 0 : -1;
}

static int read_config(const struct uns_root *root, struct config *c, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	size_t at = 0;
	char *line;
	int r = uns_root_read(root, CONFIG, UNS_HOST_MAX_CONFIG, &text, NULL, err);

	while (r == 0 && (line = uns_host_line(&text, &at))) {
		line += strspn(line, " \t");
		if (take_value(line, "SELINUX=", &c->mode, err) < 0 || take_value(line, "SELINUXTYPE=", &c->type, err) < 0)
			return -1;
	}
	return r < 0 ? -1 : 0;
}

/* The kernel that runs has the last word on whether it is in use now; the file on whether it is at the next start. */
static int read_mode(const char *sys, const struct config *c, struct uns_hostfacts *h, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_free char *enforce = sys ? uns_str_printf(err, "%s/fs/selinux/enforce", sys) : NULL;
	int r = enforce ? uns_host_read_proc(enforce, &text, err) : 1;

	if ((sys && !enforce) || r < 0)
		return -1;
	h->selinux_enforcing = r == 0 ? text.len && *text.data == '1' : c->mode && strcasecmp(c->mode, "enforcing") == 0;
	h->selinux = r == 0 || (c->mode && strcasecmp(c->mode, "disabled") != 0);
	return 0;
}

/* The type becomes part of a path. */
static bool is_name(const char *type)
{
	return type && *type && *type != '.' && !strchr(type, '/');
}

int uns_host_read_selinux(const struct uns_root *root, const char *sys, const char *data_root, struct uns_hostfacts *h,
                          struct uns_err *err)
{
	uns_auto(config_done) struct config c = {NULL, NULL};
	bool patterns = false;

	if (read_config(root, &c, err) < 0 || read_mode(sys, &c, h, err) < 0)
		return -1;
	if (!h->selinux || !is_name(c.type)) {
		h->selinux = false;
		return 0;
	}
	if (take_subs(root, c.type, "file_contexts.subs", data_root, h, err) < 0 ||
	    take_subs(root, c.type, "file_contexts.subs_dist", data_root, h, err) < 0 || take_locals(root, c.type, h, err) < 0 ||
	    has_patterns(root, c.type, h->selinux_alias ? h->selinux_alias : data_root, &patterns, err) < 0)
		return -1;
	h->selinux = patterns;
	return 0;
}
