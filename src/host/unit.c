/* SPDX-License-Identifier: Apache-2.0 */
/* Where the service manager gets dockerd's command line from: docker.service with its drop-ins (systemd.unit(5),
 * systemd.service(5), "Command lines"; systemd.exec(5), Environment= and EnvironmentFile=), the snap, or an init script. */
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/option.h"
#include "uns/unit.h"

/* In order of precedence. Of a drop-in that has one name in several of them the first counts. */
static const char *const unit_dirs[] = {
	"/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};
#define UNIT_DIRS (sizeof(unit_dirs) / sizeof(unit_dirs[0]))

/* Variables that packages made for the options of dockerd. Others (DOCKER_NETWORK_OPTIONS, …) are written by programs. */
static const char *const variables[] = { "DOCKER_OPTS", "OPTIONS" };
#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* NAME=value of Environment=, and where it stands. */
struct assignment {
	char *text, *file;
	unsigned line;
};

struct unit {
	struct uns_strs exec; /* words of ExecStart, variables as they stand */
	char *exec_text, *exec_file;
	unsigned exec_line;
	struct uns_strs env_files; /* later ones count more */
	struct assignment *env;    /* later ones count more */
	size_t envs;
	const char *file; /* that is being read */
	struct uns_facts *f; /* where is noted what may not be read */
};

static void forget_environment(struct unit *u)
{
	for (size_t i = 0; i < u->envs; i++) {
		free(u->env[i].text);
		free(u->env[i].file);
	}
	free(u->env);
	u->env = NULL;
	u->envs = 0;
}

static void unit_done(struct unit *u)
{
	uns_strs_done(&u->exec);
	free(u->exec_text);
	free(u->exec_file);
	uns_strs_done(&u->env_files);
	forget_environment(u);
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

static int set_exec(struct unit *u, const char *value, unsigned line, struct uns_err *err)
{
	uns_auto_free char *file = uns_str_dup(u->file, err);
	uns_auto_free char *text = uns_str_dup(value, err);

	if (!file || !text)
		return -1;
	uns_strs_done(&u->exec);
	free(u->exec_text);
	free(u->exec_file);
	u->exec_text = uns_take_ptr(text);
	u->exec_file = uns_take_ptr(file);
	u->exec_line = line;
	return uns_unit_words(value + strspn(value, "@-:+!"), &u->exec, err);
}

/* One path, blanks and quotes included. An empty assignment empties the list, as everywhere in unit files. */
static int add_env_file(struct unit *u, const char *value, struct uns_err *err)
{
	if (*value)
		return uns_strs_add(&u->env_files, value, err);
	uns_strs_done(&u->env_files);
	return 0;
}

static int add_assignment(struct unit *u, const char *text, unsigned line, struct uns_err *err)
{
	struct assignment *grown = reallocarray(u->env, u->envs + 1, sizeof(*grown));
	uns_auto_free char *copy = uns_str_dup(text, err);
	uns_auto_free char *file = uns_str_dup(u->file, err);

	if (!grown)
		return uns_err_nomem(err);
	u->env = grown;
	if (!copy || !file)
		return -1;
	u->env[u->envs++] = (struct assignment){ uns_take_ptr(copy), uns_take_ptr(file), line };
	return 0;
}

static int add_environment(struct unit *u, const char *value, unsigned line, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;

	if (!*value) {
		forget_environment(u);
		return 0;
	}
	if (uns_unit_words(value, &words, err) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if (add_assignment(u, words.v[i], line, err) < 0)
			return -1;
	return 0;
}

/* Only three settings matter here. */
static int take_line(void *user, const char *section, const char *key, const char *value, unsigned line, struct uns_err *err)
{
	struct unit *u = user;

	if (strcmp(section, "Service") != 0)
		return 0;
	if (strcmp(key, "ExecStart") == 0)
		return set_exec(u, value, line, err);
	if (strcmp(key, "EnvironmentFile") == 0)
		return add_env_file(u, value, err);
	return strcmp(key, "Environment") == 0 ? add_environment(u, value, line, err) : 0;
}

static int read_unit(const struct uns_root *root, const char *path, struct unit *u, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err why = { 0 };
	int r = uns_root_read(root, path, UNS_HOST_MAX_CONFIG, &text, NULL, &why);

	if (r)
		return r < 0 ? uns_host_excuse(u->f, UNS_UNSEEN_OPTIONS, path, &why, err) : 0;
	u->file = path;
	return uns_unit_parse(text.data ? text.data : "", take_line, u, err);
}

/* Names of the drop-ins in these directories. */
static int list_drop_ins(const struct uns_root *root, const char *subdir, struct uns_facts *f, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < UNIT_DIRS; i++) {
		uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;
		uns_auto_free char *dir = uns_str_printf(err, "%s/%s", unit_dirs[i], subdir);
		struct uns_err why = { 0 };

		if (!dir || (uns_root_list(root, dir, &found, &why) < 0 && uns_host_excuse(f, UNS_UNSEEN_OPTIONS, dir, &why, err) < 0))
			return -1;
		for (size_t k = 0; k < found.n; k++) {
			size_t len = strlen(found.v[k]);
			if (len < 5 || strcmp(found.v[k] + len - 5, ".conf") != 0 || uns_strs_has(ret, found.v[k]))
				continue;
			if (uns_strs_add(ret, found.v[k], err) < 0)
				return -1;
		}
	}
	return 0;
}

/* In the order of their names, wherever they are. Those for services of all kinds are hidden by one of the unit's own that has
 * the same name, or by its mask. */
static int read_drop_ins(const struct uns_root *root, struct unit *u, struct uns_err *err)
{
	static const char own[] = "docker.service.d", all[] = "service.d";
	uns_auto(uns_strs_done) struct uns_strs specific = UNS_STRS_INIT;
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (list_drop_ins(root, own, u->f, &specific, err) < 0 || list_drop_ins(root, own, u->f, &names, err) < 0 ||
	    list_drop_ins(root, all, u->f, &names, err) < 0)
		return -1;
	uns_strs_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *name =
		    uns_str_printf(err, "%s/%s", uns_strs_has(&specific, names.v[i]) ? own : all, names.v[i]);
		uns_auto_free char *file = NULL;
		struct uns_err why = { 0 };
		int r = name ? find_unit(root, name, false, &file, &why) : -1;

		if (!name || (r < 0 && uns_host_excuse(u->f, UNS_UNSEEN_OPTIONS, name, &why, err) < 0))
			return -1;
		if (r == 0 && read_unit(root, file, u, err) < 0)
			return -1;
	}
	return 0;
}

/* Each path of found, one component deeper: those of its entries that match, in their order. */
static int descend(const struct uns_root *root, struct uns_strs *found, const char *component, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs deeper = UNS_STRS_INIT;

	for (size_t i = 0; i < found->n; i++) {
		uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
		bool pattern = strpbrk(component, "*?[") != NULL;
		int r = pattern ? uns_root_list(root, *found->v[i] ? found->v[i] : "/", &names, err)
		                : uns_strs_add(&names, component, err);

		if (r < 0)
			return -1;
		for (size_t k = 0; k < names.n; k++) {
			uns_auto_free char *path = NULL;

			if (pattern && fnmatch(component, names.v[k], FNM_PERIOD) != 0)
				continue;
			path = uns_str_printf(err, "%s/%s", found->v[i], names.v[k]);
			if (!path || uns_strs_add(&deeper, path, err) < 0)
				return -1;
		}
	}
	uns_strs_done(found);
	*found = deeper;
	deeper = (struct uns_strs)UNS_STRS_INIT;
	return 0;
}

/* The files that a pattern (glob(7)) stands for. */
static int expand_pattern(const struct uns_root *root, const char *pattern, struct uns_strs *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs found = UNS_STRS_INIT;
	int r = uns_strs_add(&found, "", err);

	for (size_t len; r == 0 && *(pattern += strspn(pattern, "/")); pattern += len) {
		uns_auto_free char *component = strndup(pattern, len = strcspn(pattern, "/"));

		r = component ? descend(root, &found, component, err) : uns_err_nomem(err);
	}
	for (size_t i = 0; r == 0 && i < found.n; i++) {
		struct stat st;

		r = uns_root_stat(root, found.v[i], &st, err);
		r = r ? (r > 0 ? 0 : -1) : uns_strs_add(ret, found.v[i], err);
	}
	return r;
}

/* The files that systemd reads, in its order: without the '-' (the file may be absent) and what is no path. */
static int expand_env_files(const struct uns_root *root, struct unit *u, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs files = UNS_STRS_INIT;

	for (size_t i = 0; i < u->env_files.n; i++) {
		const char *path = u->env_files.v[i] + (u->env_files.v[i][0] == '-');

		if (*path != '/' || strchr(path, '%'))
			continue;
		if ((strpbrk(path, "*?[") ? expand_pattern(root, path, &files, err) : uns_strs_add(&files, path, err)) < 0)
			return -1;
	}
	uns_strs_done(&u->env_files);
	u->env_files = files;
	files = (struct uns_strs)UNS_STRS_INIT;
	return 0;
}

static int read_unit_whole(const struct uns_root *root, const char *path, struct unit *u, struct uns_err *err)
{
	if (read_unit(root, path, u, err) < 0 || read_drop_ins(root, u, err) < 0)
		return -1;
	return expand_env_files(root, u, err);
}

/* 0; 1 when there is no such file, as far as may be seen. */
static int read_env(const struct uns_root *root, struct uns_facts *f, const char *file, struct uns_buf *ret, struct uns_err *err)
{
	struct uns_err why = { 0 };
	int r = uns_root_read(root, file, UNS_HOST_MAX_CONFIG, ret, NULL, &why);

	if (r < 0)
		return uns_host_excuse(f, UNS_UNSEEN_OPTIONS, file, &why, err) < 0 ? -1 : 1;
	return r;
}

/* 0; 1 when the file is absent or does not assign the variable. */
static int env_words(const struct uns_root *root, bool systemd, struct uns_facts *f, const char *file, const char *variable, struct uns_strs *ret,
                     unsigned *ret_line, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = read_env(root, f, file, &text, err);

	if (r)
		return r;
	return (systemd ? uns_option_unit_env_words : uns_option_env_words)(text.data ? text.data : "", text.len, file, variable, ret,
	                                                                    ret_line, err);
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

int uns_host_try_env(const struct uns_root *root, bool systemd, struct uns_facts *f, const char *file, const char *variable,
                     struct uns_strs *words, unsigned *line, struct uns_err *err)
{
	struct uns_err why = { 0 };
	struct stat st;
	int r = uns_root_stat(root, file, &st, &why);

	if (r)
		return r < 0 && uns_host_excuse(f, UNS_UNSEEN_OPTIONS, file, &why, err) < 0 ? -1 : 1;
	r = env_words(root, systemd, f, file, variable, words, line, err);
	if (r < 0 || (r > 0 && f->env_file))
		return r;
	return set_env(f, file, variable, err) < 0 ? -1 : r;
}

/* ExecStart=:… hands the words over as they are. */
static bool is_verbatim(const struct unit *u)
{
	size_t flags = u->exec_text ? strspn(u->exec_text, "@-:+!") : 0;

	return flags && memchr(u->exec_text, ':', flags);
}

static bool uses_variable(const struct unit *u, const char *variable)
{
	for (size_t i = 0; !is_verbatim(u) && i < u->exec.n; i++)
		if (u->exec.v[i][0] == '$' && strcmp(u->exec.v[i] + 1, variable) == 0)
			return true;
	return false;
}

/* The file that assigns the variable last; if none does, one that could. */
static int choose_env(const struct uns_root *root, struct uns_facts *f, const struct unit *u, struct uns_err *err)
{
	for (size_t v = 0; v < VARIABLES; v++) {
		if (!uses_variable(u, variables[v]))
			continue;
		for (size_t i = u->env_files.n; i-- > 0;) {
			uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
			unsigned line;
			int r = uns_host_try_env(root, true, f, u->env_files.v[i], variables[v], &words, &line, err);
			if (r <= 0)
				return r;
		}
	}
	return 0;
}

/* The assignment of Environment= that counts, or NULL. */
static const struct assignment *assigned(const struct unit *u, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = u->envs; i-- > 0;)
		if (strncmp(u->env[i].text, name, len) == 0 && u->env[i].text[len] == '=')
			return &u->env[i];
	return NULL;
}

/* Words of a variable as systemd sees it: files count more than Environment=, later ones more than earlier ones. The origin's strings
 * are borrowed. */
static int variable_words(const struct uns_root *root, const struct unit *u, const char *name, struct uns_strs *ret,
                          struct uns_origin *ret_from, struct uns_err *err)
{
	const struct assignment *a;

	for (size_t i = u->env_files.n; i-- > 0;) {
		const char *file = u->env_files.v[i];
		unsigned line = 0;
		int r = env_words(root, true, u->f, file, name, ret, &line, err);
		*ret_from = (struct uns_origin){ UNS_PLACE_ENV, file, name, line };
		if (r <= 0)
			return r;
	}
	a = assigned(u, name);
	if (!a)
		return 0;
	*ret_from = (struct uns_origin){ UNS_PLACE_UNIT_ENV, a->file, name, a->line };
	return uns_unit_variable_words(a->text + strlen(name) + 1, ret, err);
}

static int append_variable(const struct uns_root *root, const struct unit *u, const char *name, struct uns_buf *ret, struct uns_err *err)
{
	const struct assignment *a;

	for (size_t i = u->env_files.n; i-- > 0;) {
		uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
		int r = read_env(root, u->f, u->env_files.v[i], &text, err);

		if (r == 0)
			r = uns_option_unit_env_value(text.data ? text.data : "", text.len, u->env_files.v[i], name, ret, err);
		if (r <= 0)
			return r;
	}
	a = assigned(u, name);
	return a ? uns_buf_puts(ret, a->text + strlen(name) + 1, err) : 0;
}

/* ${NAME} anywhere in a word is replaced by the value as it is; $$ is a dollar, %% a percent sign. */
static int expand_braces(const struct uns_root *root, const struct unit *u, const char *s, struct uns_strs *ret,
                         struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf word = UNS_BUF_INIT;
	bool verbatim = is_verbatim(u);

	while (*s) {
		const char *end = !verbatim && s[0] == '$' && s[1] == '{' ? s + strcspn(s, ":}") : NULL;
		if (end && *end == '}') { /* ${NAME:-…} is nothing to systemd here */
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
		s += ((s[0] == '$' && !verbatim) || s[0] == '%') && s[1] == s[0] ? 2 : 1;
	}
	return uns_strs_add(ret, word.data ? word.data : "", err);
}

/* Where the program stands in the words: behind its flags it may have a name of its own ("@"). */
static size_t behind_program(const struct unit *u)
{
	size_t flags = u->exec_text ? strspn(u->exec_text, "@-:+!") : 0;

	return flags && memchr(u->exec_text, '@', flags) ? 2 : 1;
}

static bool is_name(const char *s)
{
	bool digit = isdigit((unsigned char)*s);

	for (; isalnum((unsigned char)*s) || *s == '_'; s++)
		;
	return !*s && !digit;
}

static int expand_exec(const struct uns_root *root, const struct unit *u, struct uns_cmdline *ret, struct uns_err *err)
{
	for (size_t i = behind_program(u); i < u->exec.n; i++) {
		uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
		struct uns_origin from = { UNS_PLACE_ARGV, u->exec_file, NULL, u->exec_line };
		const char *w = u->exec.v[i];
		/* A word that begins so is a variable as a whole, one of a name that there cannot be none. */
		bool whole = !is_verbatim(u) && w[0] == '$' && w[1] != '{' && w[1] != '$';

		if (whole ? is_name(w + 1) && variable_words(root, u, w + 1, &words, &from, err) : expand_braces(root, u, w, &words, err))
			return -1;
		if (uns_cmdline_add(ret, &words, &from, err) < 0)
			return -1;
	}
	return 0;
}

static int keep_environment(const struct unit *u, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < u->envs; i++) {
		uns_auto_free char *name = strndup(u->env[i].text, strcspn(u->env[i].text, "="));

		if (!name)
			return uns_err_nomem(err);
		if (assigned(u, name) == &u->env[i] && uns_strs_add(ret, u->env[i].text, err) < 0)
			return -1;
	}
	return 0;
}

static int read_systemd(const struct uns_root *root, const char *path, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(unit_done) struct unit u = { .f = f };

	if (read_unit_whole(root, path, &u, err) < 0 || choose_env(root, f, &u, err) < 0)
		return -1;
	if (expand_exec(root, &u, &f->command, err) < 0 || keep_environment(&u, &f->unit_env, err) < 0)
		return -1;
	if (u.exec.n && !(f->program = uns_str_dup(u.exec.v[0], err)))
		return -1;
	f->exec_text = uns_take_ptr(u.exec_text);
	f->exec_file = uns_take_ptr(u.exec_file);
	return 0;
}

/* Ours, which an earlier change of options has left. */
static int read_drop_in(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err why = { 0 };
	int r = uns_root_read(root, UNS_DROP_IN, UNS_HOST_MAX_CONFIG, &text, NULL, &why);

	if (r < 0 && uns_host_excuse(f, UNS_UNSEEN_OPTIONS, UNS_DROP_IN_DIR, &why, err) < 0)
		return -1;
	if (uns_host_is_dir(root, UNS_DROP_IN_DIR, &f->have_drop_in_dir, err) < 0)
		return -1;
	if (r == 0 && !(f->drop_in = uns_str_dup(text.data ? text.data : "", err)))
		return -1;
	return 0;
}

/* What the snap's own wrapper gives to dockerd (docker-snap, bin/dockerd-wrapper). */
static int read_snap(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	static const char *const wrapper[] = { "--exec-root=/run/snap.docker", "--data-root=/var/snap/docker/common/var-lib-docker",
		                   "--config-file=/var/snap/docker/current/config/daemon.json" };
	static const struct uns_origin from = { UNS_PLACE_ARGV, "/snap/docker/current/bin/dockerd-wrapper", NULL, 0 };
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	struct stat st;
	int r = uns_root_stat(root, "/var/snap/docker/current", &st, err);

	if (r)
		return r < 0 ? -1 : 1;
	for (size_t i = 0; i < sizeof(wrapper) / sizeof(wrapper[0]); i++)
		if (uns_strs_add(&words, wrapper[i], err) < 0)
			return -1;
	return uns_cmdline_add(&f->command, &words, &from, err);
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

int uns_host_read_sources(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto_free char *service = NULL;
	uns_auto_free char *socket = NULL;
	bool booted = true; /* an offline tree with units is taken to be booted with systemd */
	int r;

	if (find_unit(root, "docker.service", true, &service, err) < 0 || find_unit(root, "docker.socket", false, &socket, err) < 0)
		return -1; /* a masked socket starts nothing, and cannot be started */
	f->unit = service != NULL;
	f->socket_unit = socket != NULL;
	if (root->is_host && (uns_host_is_dir(root, "/run/systemd/system", &booted, err) < 0 || read_listening(root, f, err) < 0))
		return -1;
	if (read_drop_in(root, f, err) < 0)
		return -1;
	if (service && booted)
		return read_systemd(root, service, f, err);
	r = service ? 1 : read_snap(root, f, err);
	return r > 0 ? uns_host_read_init(root, f, err) : r;
}
