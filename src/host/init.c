/* SPDX-License-Identifier: Apache-2.0 */
/* What an init script (sysvinit, OpenRC, older Red Hat) gives to dockerd: the variable of the file of defaults that it sources, and
 * the pidfile that it names itself. */
#include <string.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/option.h"

#define SCRIPT "/etc/init.d/docker"
#define PIDFILE "/var/run/docker.pid"

/* OpenRC sources the file in conf.d that has the name of the service, and no other (openrc-run(8)). */
static const struct {
	bool openrc;
	const char *file, *variable;
} defaults[] = {
	{ true, "/etc/conf.d/docker", "DOCKER_OPTS" },     { false, "/etc/default/docker", "DOCKER_OPTS" },
	{ false, "/etc/sysconfig/docker", "DOCKER_OPTS" }, { false, "/etc/sysconfig/docker", "OPTIONS" },
	{ false, "/etc/sysconfig/docker", "other_args" },
};
#define DEFAULTS (sizeof(defaults) / sizeof(defaults[0]))

/* "#!/sbin/openrc-run", or its name before OpenRC 0.13. */
static bool is_openrc(const struct uns_buf *script)
{
	const char *names[] = { "openrc-run", "runscript" };
	size_t len = strcspn(script->data, "\n");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (memmem(script->data, len, names[i], strlen(names[i])))
			return strncmp(script->data, "#!", 2) == 0;
	return false;
}

/* Words of the first file that assigns its variable; *ret_from names it. */
static int read_words(const struct uns_root *root, struct uns_facts *f, bool openrc, struct uns_strs *ret,
                      struct uns_origin *ret_from, struct uns_err *err)
{
	int r = 1;

	for (size_t i = 0; r > 0 && i < DEFAULTS; i++) {
		if (defaults[i].openrc != openrc)
			continue;
		*ret_from = (struct uns_origin){ UNS_PLACE_ENV, defaults[i].file, defaults[i].variable, 0 };
		r = uns_host_try_env(root, false, f, ret_from->file, ret_from->variable, ret, &ret_from->line, err);
	}
	return r < 0 ? -1 : 0;
}

/* ---- the script ---- */

/* The words of a line of the script that are of interest: those behind the program. */
struct line {
	bool pidfile_next, options;
	char *pidfile;
};

static void line_done(struct line *l)
{
	free(l->pidfile);
	*l = (struct line){ 0 };
}

/* $NAME or ${NAME}. */
static bool is_reference(const char *word, const char *name)
{
	size_t len = strlen(name);

	if (*word++ != '$')
		return false;
	return *word == '{' ? strncmp(word + 1, name, len) == 0 && word[1 + len] == '}' : strcmp(word, name) == 0;
}

/* What comes before is for the program that starts dockerd: start-stop-daemon, daemon, unshare. */
static bool begins_arguments(const char *word)
{
	const char *base = strrchr(word, '/');

	return strcmp(word, "--") == 0 || strcmp(base ? base + 1 : word, "dockerd") == 0 || is_reference(word, "exec") ||
	       is_reference(word, "DOCKERD");
}

static int take_word(struct line *l, const char *word, struct uns_err *err)
{
	bool next = l->pidfile_next;

	l->pidfile_next = strcmp(word, "-p") == 0 || strcmp(word, "--pidfile") == 0;
	for (size_t i = 0; i < DEFAULTS; i++)
		l->options |= is_reference(word, defaults[i].variable);
	if (begins_arguments(word))
		line_done(l);
	if (!next && !uns_str_starts(word, "--pidfile="))
		return 0;
	free(l->pidfile);
	l->pidfile = uns_str_dup(next ? word : word + strlen("--pidfile="), err);
	return l->pidfile ? 0 : -1;
}

/* How long the line at s is, with those that a backslash joins to it. */
static size_t whole_line(const char *s, unsigned *lines)
{
	size_t n = 0;

	for (*lines = 1; s[n] && s[n] != '\n'; n++)
		if (s[n] == '\\' && s[n + 1] == '\n') {
			n++;
			++*lines;
		}
	return n;
}

/* 0 and the pidfile that the line gives to dockerd, as it is written; 1 when it gives none. Quotes do not matter here. */
static int read_line(const char *s, size_t len, char **ret, struct uns_err *err)
{
	static const char between[] = " \t\n\r\"'\\;";
	uns_auto(line_done) struct line l = { .options = false };

	for (size_t at = strspn(s, between), end; at < len; at = end + strspn(s + end, between)) {
		uns_auto_free char *word = NULL;

		end = at + strcspn(s + at, between);
		word = strndup(s + at, end - at);
		if (!word)
			return uns_err_nomem(err);
		if (*word == '#')
			break;
		if (take_word(&l, word, err) < 0)
			return -1;
	}
	if (!l.options || !l.pidfile)
		return 1;
	*ret = uns_take_ptr(l.pidfile);
	return 0;
}

static int find_pidfile(const struct uns_buf *script, char **ret, unsigned *ret_line, struct uns_err *err)
{
	unsigned line = 1, lines;
	int r = 1;

	for (size_t at = 0; r > 0 && at < script->len && script->data[at]; line += lines) {
		size_t len = whole_line(script->data + at, &lines);

		*ret_line = line;
		r = read_line(script->data + at, len, ret, err);
		at += len + (script->data[at + len] == '\n');
	}
	return r;
}

/* ---- both ---- */

/* A path in a variable of the file of defaults. 0; 1 when there is none such. */
static int path_in(const struct uns_root *root, const char *file, const char *variable, char **ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = file ? uns_root_read(root, file, UNS_HOST_MAX_CONFIG, &text, NULL, err) : 1;

	if (r == 0)
		r = uns_option_env_words(text.data ? text.data : "", text.len, file, variable, &words, NULL, err);
	if (r)
		return r;
	if (words.n != 1 || words.v[0][0] != '/' || strchr(words.v[0], '$'))
		return 1;
	*ret = uns_str_dup(words.v[0], err);
	return *ret ? 0 : -1;
}

static int add_pidfile(const struct uns_root *root, const struct uns_buf *script, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	struct uns_origin from = { UNS_PLACE_ARGV, SCRIPT, NULL, 0 };
	uns_auto_free char *written = NULL;
	uns_auto_free char *set = NULL;
	uns_auto_free char *word = NULL;
	int r = find_pidfile(script, &written, &from.line, err);

	if (r)
		return r < 0 ? -1 : 0;
	if ((*written != '/' || strchr(written, '$')) && path_in(root, f->env_file, "DOCKER_PIDFILE", &set, err) < 0)
		return -1;
	word = uns_str_printf(err, "--pidfile=%s", set ? set : *written == '/' && !strchr(written, '$') ? written : PIDFILE);
	if (!word || uns_strs_add(&words, word, err) < 0)
		return -1;
	return uns_cmdline_add(&f->command, &words, &from, err);
}

int uns_host_read_init(const struct uns_root *root, struct uns_facts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf script = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	struct uns_origin from;
	bool openrc;
	int r = uns_root_read(root, SCRIPT, UNS_HOST_MAX_CONFIG, &script, NULL, err);

	if (r == 0)
		r = uns_buf_append(&script, "", 1, err); /* ended by a NUL, also when it is empty */
	if (r)
		return r < 0 ? -1 : 0;
	openrc = is_openrc(&script);
	if (read_words(root, f, openrc, &words, &from, err) < 0 || add_pidfile(root, &script, f, err) < 0 ||
	    uns_cmdline_add(&f->command, &words, &from, err) < 0)
		return -1;
	return path_in(root, f->env_file, openrc ? "DOCKERD_BINARY" : "DOCKERD", &f->program, err) < 0 ? -1 : 0;
}
