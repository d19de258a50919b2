/* SPDX-License-Identifier: Apache-2.0 */
/* Where the service manager gets dockerd's command line from: docker.service with its drop-ins (systemd.unit(5),
 * systemd.service(5), "Command lines"; systemd.exec(5), Environment= and EnvironmentFile=), or the init script with its file of
 * defaults. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/option.h"

/* In order of precedence. Of a drop-in that has one name in several of them the first counts. */
static const char *const unit_dirs[] = {
	"/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};
#define UNIT_DIRS (sizeof(unit_dirs) / sizeof(unit_dirs[0]))

/* Variables that packages made for the options of dockerd. Others (DOCKER_NETWORK_OPTIONS, …) are written by programs. */
static const char *const variables[] = { "DOCKER_OPTS", "OPTIONS" };
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* What init scripts (sysvinit, OpenRC, older Red Hat) source. */
static const struct {
	const char *file, *variable;
} init_defaults[] = {
	{ "/etc/default/docker", "DOCKER_OPTS" },
	{ "/etc/conf.d/docker", "DOCKER_OPTS" },
	{ "/etc/sysconfig/docker", "OPTIONS" },
};

struct unit {
	struct uns_strs exec; /* words of ExecStart, variables as they stand */
	char *exec_file;
	unsigned exec_line;
	struct uns_strs env_files; /* later ones count more */
	struct uns_strs env;       /* NAME=value of Environment=; later ones count more */
};

static void unit_done(struct unit *u)
{
	uns_strs_done(&u->exec);
	free(u->exec_file);
	uns_strs_done(&u->env_files);
	uns_strs_done(&u->env);
}

void uns_sources_done(struct uns_sources *s)
{
	uns_strs_done(&s->exec);
	free(s->exec_file);
	uns_strs_done(&s->env);
}

/* A unit that is a link to /dev/null is masked: this place says nothing. */
static int is_masked(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err)
{
	char target[PATH_MAX];
	const char *name;
	ssize_t n;
	int fd;

	if (uns_root_parent(root, path, &fd, &name, err) < 0)
		return -1;
	n = readlinkat(fd, name, target, sizeof(target));
	close(fd);
	*ret = n == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)n) == 0;
	return 0;
}

/* 0 and a heap path; 1 when there is no such file. A masked drop-in hides those of its name; of a masked unit the file below is
 * wanted all the same, for masks are taken away again. */
static int find_unit(const struct uns_root *root, const char *name, bool past_mask, char **ret, struct uns_err *err)
{
	for (size_t i = 0; i < UNIT_DIRS; i++) {
		uns_auto_free char *path = uns_str_printf(err, "%s/%s", unit_dirs[i], name);
		bool masked = false;
		struct stat st;
		int r = path ? uns_root_stat(root, path, &st, err) : -1;

		if (r < 0)
			return -1;
		if (r > 0)
			continue;
		if (is_masked(root, path, &masked, err) < 0)
			return -1;
		if (masked && past_mask)
			continue;
		if (masked)
			return 1;
		*ret = uns_take_ptr(path);
		return 0;
	}
	return 1;
}

/* Words as systemd splits them: blanks part them, quotes and a backslash keep blanks. */
static int split_words(const char *s, struct uns_strs *ret, struct uns_err *err)
{
	while (*(s += strspn(s, " \t"))) {
		uns_auto(uns_buf_done) struct uns_buf word = UNS_BUF_INIT;
		char quote = 0;

		for (; *s && (quote || !strchr(" \t", *s)); s++) {
			if (quote ? *s == quote : *s == '"' || *s == '\'') {
				quote = quote ? 0 : *s;
				continue;
			}
			if (*s == '\\' && s[1])
				s++;
			if (uns_buf_append(&word, s, 1, err) < 0)
				return -1;
		}
		if (uns_strs_add(ret, word.data ? word.data : "", err) < 0)
			return -1;
	}
	return 0;
}

static int set_exec(struct unit *u, const char *value, const char *file, unsigned line, struct uns_err *err)
{
	char *copy;

	uns_strs_done(&u->exec);
	value += strspn(value, "@-:+!");
	copy = uns_str_dup(file, err);
	if (!copy)
		return -1;
	free(u->exec_file);
	u->exec_file = copy;
	u->exec_line = line;
	return split_words(value, &u->exec, err);
}

/* An empty assignment empties the list, as everywhere in unit files. */
static int add_words(struct uns_strs *list, const char *value, struct uns_err *err)
{
	if (*value)
		return split_words(value, list, err);
	uns_strs_done(list);
	return 0;
}

static int take_service_line(struct unit *u, char *s, const char *file, unsigned line, struct uns_err *err)
{
	char *value = strchr(s, '=');
	size_t key;

	if (!value)
		return 0;
	for (key = (size_t)(value - s); key && isblank((unsigned char)s[key - 1]);)
		key--;
	value++;
	value += strspn(value, " \t");
	if (key == strlen("ExecStart") && strncmp(s, "ExecStart", key) == 0)
		return set_exec(u, value, file, line, err);
	if (key == strlen("EnvironmentFile") && strncmp(s, "EnvironmentFile", key) == 0)
		return add_words(&u->env_files, value, err);
	if (key == strlen("Environment") && strncmp(s, "Environment", key) == 0)
		return add_words(&u->env, value, err);
	return 0;
}

static void trim_end(char *s, size_t len)
{
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
}

/* Appends the next line, continued ones joined by a blank (a comment among them is skipped). 1 at the end of the text. */
static int next_line(const char **text, struct uns_buf *line, unsigned *number, struct uns_err *err)
{
	const char *p = *text;
	bool more = *p != '\0';

	if (!more)
		return 1;
	while (more && *p) {
		size_t len = strcspn(p, "\n");
		size_t used = len && p[len - 1] == '\r' ? len - 1 : len;
		char first = p[strspn(p, " \t")];

		if (first == '#' || first == ';') {
			more = line->len > 0;
		} else {
			more = used && p[used - 1] == '\\';
			if (uns_buf_append(line, p, more ? used - 1 : used, err) < 0 || (more && uns_buf_puts(line, " ", err) < 0))
				return -1;
		}
		p += len + (p[len] == '\n');
		++*number;
	}
	*text = p;
	return 0;
}

/* systemd skips what it does not understand, and so do we: only three settings matter here. */
static int parse_unit(const char *text, const char *file, struct unit *u, struct uns_err *err)
{
	unsigned number = 0;
	bool service = false;

	for (;;) {
		uns_auto(uns_buf_done) struct uns_buf line = UNS_BUF_INIT;
		unsigned first = number + 1;
		int r = next_line(&text, &line, &number, err);
		char *s;

		if (r)
			return r < 0 ? -1 : 0;
		if (!line.len)
			continue;
		trim_end(line.data, line.len);
		s = line.data + strspn(line.data, " \t");
		if (*s == '[')
			service = strcmp(s, "[Service]") == 0;
		else if (service && !strchr("#;", *s) && take_service_line(u, s, file, first, err) < 0)
			return -1;
	}
}

static int read_unit(const struct uns_root *root, const char *path, struct unit *u, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_root_read(root, path, UNS_HOST_MAX_CONFIG, &text, NULL, err);

	if (r)
		return r < 0 ? -1 : 0;
	return parse_unit(text.data ? text.data : "", path, u, err);
}

static int find_drop_ins(const struct uns_root *root, const char *name, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < UNIT_DIRS; i++) {
		uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;
		uns_auto_free char *dir = uns_str_printf(err, "%s/%s.d", unit_dirs[i], name);

		if (!dir || uns_root_list(root, dir, &found, err) < 0)
			return -1;
		for (size_t k = 0; k < found.n; k++) {
			size_t len = strlen(found.v[k]);
			if (len < 5 || strcmp(found.v[k] + len - 5, ".conf") != 0 || uns_strs_has(ret, found.v[k]))
				continue;
			if (uns_strs_add(ret, found.v[k], err) < 0)
				return -1;
		}
	}
	uns_strs_sort(ret);
	return 0;
}

static int read_unit_whole(const struct uns_root *root, const char *path, struct unit *u, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs drop_ins = UNS_STRS_INIT;

	if (read_unit(root, path, u, err) < 0 || find_drop_ins(root, "docker.service", &drop_ins, err) < 0)
		return -1;
	for (size_t i = 0; i < drop_ins.n; i++) {
		uns_auto_free char *name = uns_str_printf(err, "docker.service.d/%s", drop_ins.v[i]);
		uns_auto_free char *file = NULL;
		int r = name ? find_unit(root, name, false, &file, err) : -1;
		if (r < 0 || (r == 0 && read_unit(root, file, u, err) < 0))
			return -1;
	}
	return 0;
}

/* 0; 1 when the file is absent or does not assign the variable. */
static int env_words(const struct uns_root *root, const char *file, const char *variable, struct uns_strs *ret, unsigned *ret_line,
                     struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_root_read(root, file, UNS_HOST_MAX_CONFIG, &text, NULL, err);

	if (r)
		return r;
	return uns_option_env_words(text.data ? text.data : "", text.len, file, variable, ret, ret_line, err);
}

/* The path of an EnvironmentFile= that is one plain file ('-': it may be absent), else NULL. */
static const char *env_path(const char *word)
{
	if (*word == '-')
		word++;
	return *word == '/' && !strpbrk(word, "*?[%") ? word : NULL;
}

static int set_env(struct uns_facts *f, const char *file, const char *variable, struct uns_err *err)
{
	uns_auto_free char *file_copy = uns_str_dup(file, err);
	uns_auto_free char *variable_copy = uns_str_dup(variable, err);

	if (!file_copy || !variable_copy)
		return -1;
	free(f->env_file);
	free(f->env_variable);
	f->env_file = uns_take_ptr(file_copy);
	f->env_variable = uns_take_ptr(variable_copy);
	return 0;
}

/* Takes the file when it is there. 0: it assigns the variable, *s has the words; 1: it does not. */
static int try_env(const struct uns_root *root, struct uns_facts *f, const char *file, const char *variable, struct uns_sources *s,
                   struct uns_err *err)
{
	struct stat st;
	int r = uns_root_stat(root, file, &st, err);

	if (r)
		return r;
	r = env_words(root, file, variable, &s->env, &s->env_line, err);
	if (r < 0 || (r > 0 && f->env_file))
		return r;
	return set_env(f, file, variable, err) < 0 ? -1 : r;
}

static bool uses_variable(const struct unit *u, const char *variable)
{
	for (size_t i = 0; i < u->exec.n; i++)
		if (u->exec.v[i][0] == '$' && strcmp(u->exec.v[i] + 1, variable) == 0)
			return true;
	return false;
}

/* The file that assigns the variable last; if none does, one that could. */
static int choose_env(const struct uns_root *root, struct uns_facts *f, const struct unit *u, struct uns_sources *s,
                      struct uns_err *err)
{
	for (size_t v = 0; v < VARIABLES; v++) {
		if (!uses_variable(u, variables[v]))
			continue;
		for (size_t i = u->env_files.n; i-- > 0;) {
			const char *file = env_path(u->env_files.v[i]);
			int r = file ? try_env(root, f, file, variables[v], s, err) : 1;
			if (r <= 0)
				return r;
		}
	}
	return 0;
}

/* Words of a variable as systemd sees it: files count more than Environment=, later ones more than earlier ones. */
static int variable_words(const struct uns_root *root, const struct unit *u, const char *name, struct uns_strs *ret,
                          struct uns_err *err)
{
	size_t len = strlen(name);

	for (size_t i = u->env_files.n; i-- > 0;) {
		const char *file = env_path(u->env_files.v[i]);
		unsigned line;
		int r = file ? env_words(root, file, name, ret, &line, err) : 1;
		if (r <= 0)
			return r;
	}
	for (size_t i = u->env.n; i-- > 0;)
		if (strncmp(u->env.v[i], name, len) == 0 && u->env.v[i][len] == '=')
			return split_words(u->env.v[i] + len + 1, ret, err);
	return 0;
}

static int append_variable(const struct uns_root *root, const struct unit *u, const char *name, struct uns_buf *ret,
                           struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;

	if (variable_words(root, u, name, &words, err) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if ((i && uns_buf_puts(ret, " ", err) < 0) || uns_buf_puts(ret, words.v[i], err) < 0)
			return -1;
	return 0;
}

/* ${NAME} anywhere in a word is replaced without splitting; $$ is a dollar. */
static int expand_braces(const struct uns_root *root, const struct unit *u, const char *s, struct uns_strs *ret,
                         struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf word = UNS_BUF_INIT;

	while (*s) {
		const char *end = s[0] == '$' && s[1] == '{' ? strchr(s, '}') : NULL;
		if (end) {
			uns_auto_free char *name = strndup(s + 2, (size_t)(end - s - 2));
			if (!name)
				return uns_err_nomem(err);
			if (append_variable(root, u, name, &word, err) < 0)
				return -1;
			s = end + 1;
			continue;
		}
		if (uns_buf_append(&word, s, 1, err) < 0)
			return -1;
		s += s[0] == '$' && s[1] == '$' ? 2 : 1;
	}
	return uns_strs_add(ret, word.data ? word.data : "", err);
}

static int expand_exec(const struct uns_root *root, const struct uns_facts *f, const struct unit *u, struct uns_strs *ret,
                       struct uns_err *err)
{
	for (size_t i = 0; i < u->exec.n; i++) {
		const char *w = u->exec.v[i];
		bool whole = w[0] == '$' && (isalpha((unsigned char)w[1]) || w[1] == '_');

		if (whole && f->env_variable && strcmp(w + 1, f->env_variable) == 0)
			continue;
		if ((whole ? variable_words(root, u, w + 1, ret, err) : expand_braces(root, u, w, ret, err)) < 0)
			return -1;
	}
	return 0;
}

static int read_systemd(const struct uns_root *root, const char *path, struct uns_facts *f, struct uns_sources *s,
                        struct uns_err *err)
{
	uns_auto(unit_done) struct unit u = { 0 };

	if (read_unit_whole(root, path, &u, err) < 0 || choose_env(root, f, &u, s, err) < 0)
		return -1;
	if (expand_exec(root, f, &u, &s->exec, err) < 0)
		return -1;
	s->exec_file = uns_take_ptr(u.exec_file);
	s->exec_line = u.exec_line;
	return 0;
}

static int read_init(const struct uns_root *root, struct uns_facts *f, struct uns_sources *s, struct uns_err *err)
{
	struct stat st;
	int r = uns_root_stat(root, "/etc/init.d/docker", &st, err);

	for (size_t i = 0; r == 0 && i < sizeof(init_defaults) / sizeof(init_defaults[0]); i++) {
		r = try_env(root, f, init_defaults[i].file, init_defaults[i].variable, s, err);
		if (r <= 0)
			return r;
		r = 0;
	}
	return r < 0 ? -1 : 0;
}

/* A line of /proc/net/unix ("Num RefCount Protocol Flags Type St Inode Path", proc(5)) of a listening docker.sock. */
static bool is_listening_line(const char *line, size_t len)
{
	static const char name[] = "/docker.sock";
	char flags[16] = "";
	size_t n = sizeof(name) - 1;

	if (len < n || memcmp(line + len - n, name, n) != 0 || sscanf(line, "%*s %*s %*s %15s", flags) != 1)
		return false;
	return strcmp(flags, "00010000") == 0; /* SO_ACCEPTCON */
}

static int read_listening(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = uns_root_read(root, "/proc/net/unix", 16u << 20, &text, NULL, err);

	for (size_t at = 0; r == 0 && at < text.len;) {
		size_t len = strcspn(text.data + at, "\n");

		f->listening |= is_listening_line(text.data + at, len);
		at += len + 1;
	}
	return r < 0 ? -1 : 0;
}

int uns_host_read_sources(const struct uns_root *root, struct uns_facts *f, struct uns_sources *s, struct uns_err *err)
{
	uns_auto_free char *service = NULL;
	uns_auto_free char *socket = NULL;
	bool booted = true; /* an offline tree with units is taken to be booted with systemd */

	if (find_unit(root, "docker.service", true, &service, err) < 0 || find_unit(root, "docker.socket", false, &socket, err) < 0)
		return -1; /* a masked socket starts nothing, and cannot be started */
	f->unit = service != NULL;
	f->socket_unit = socket != NULL;
	if (root->is_host && (uns_host_is_dir(root, "/run/systemd/system", &booted, err) < 0 || read_listening(root, f, err) < 0))
		return -1;
	return service && booted ? read_systemd(root, service, f, s, err) : read_init(root, f, s, err);
}
