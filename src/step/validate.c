/* SPDX-License-Identifier: Apache-2.0 */
/* validate: the installed dockerd is asked about a configuration before it is published (a bracket: – → it takes it).
 * Disjoint: no fact of the host is meant; BEFORE asks nothing, AFTER asks, and whoever looks is told UNS_EITHER.
 *
 * dockerd has --validate from 23 on. An older one gets no question, but the options that are younger than it are known from the
 * table. With "default" it would create accounts, so then it is not asked either. The question is put about a copy of daemon.json
 * with the new members in the transaction's own directory, which is removed again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "process.h"
#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/json.h"
#include "uns/jsontext.h"
#include "uns/num.h"
#include "uns/step.h"
#include "uns/sys.h"

#define CONFIG_MAX (1u << 20)
#define COPY "daemon.json"
#define FIRST_VERSION 23

struct args {
	const char *program, *file;
	json_t *argv, *members;
};

static int parse(const json_t *j, struct args *ret, struct uns_err *err)
{
	if (uns_json_str(j, "program", &ret->program, err) || uns_json_str(j, "file", &ret->file, err) ||
	    uns_json_array(j, "argv", &ret->argv, err))
		return -1;
	for (size_t i = 0; i < json_array_size(ret->argv); i++)
		if (!json_is_string(json_array_get(ret->argv, i)))
			return uns_err_set(err, UNS_E_INPUT, "argv: element %zu: expected a string", i + 1);
	ret->members = json_object_get(j, "members");
	if (!json_is_object(ret->members))
		return uns_err_set(err, UNS_E_INPUT, "members: expected an object");
	return *ret->file == '/' ? 0 : uns_err_set(err, UNS_E_INPUT, "file: expected an absolute path");
}

static int check(const json_t *j, struct uns_err *err)
{
	struct args a;

	return parse(j, &a, err);
}

static int observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	(void)c, (void)err;
	*ret = UNS_EITHER;
	return 0;
}

static void tell(const struct uns_step_ctx *c, const char *text)
{
	if (c->tell)
		c->tell(c->tell_user, text);
}

/* ---- the new configuration ---- */

/* The text of the file with the new members; *ret_exists: there will be such a file. */
static int new_text(const struct uns_step_ctx *c, const struct args *a, struct uns_buf *ret, bool *ret_exists, struct uns_err *err)
{
	const char *key;
	json_t *value;
	int r = uns_root_read(c->root, a->file, CONFIG_MAX, ret, NULL, err);

	if (r < 0)
		return -1;
	*ret_exists = r == 0;
	json_object_foreach(a->members, key, value)
	{
		uns_auto(uns_buf_done) struct uns_buf next = UNS_BUF_INIT;

		if (json_is_null(value) && !*ret_exists)
			continue;
		if (uns_jsontext_member(ret->data ? ret->data : "", ret->len, a->file, key, json_is_null(value) ? NULL : value,
		                        &next, err))
			return -1;
		uns_buf_done(ret);
		*ret = next;
		next = (struct uns_buf)UNS_BUF_INIT;
		*ret_exists = true;
	}
	return 0;
}

/* Its flags as they will be, without --config-file, which is ours. */
static int flags(const struct args *a, struct uns_strs *ret, struct uns_err *err)
{
	for (size_t i = 0; i < json_array_size(a->argv); i++) {
		const char *word = json_string_value(json_array_get(a->argv, i));

		if (strcmp(word, "--config-file") == 0) {
			i++;
			continue;
		}
		if (!uns_str_starts(word, "--config-file=") && uns_strs_add(ret, word, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_default(const char *value)
{
	return value && strncmp(value, "default", 7) == 0 && (value[7] == '\0' || value[7] == ':');
}

/* Whether the engine would choose a user by itself. */
static bool wants_default(const struct uns_strs *words, const json_t *config)
{
	struct uns_dockerd_use u = {.at = 0};
	bool found = is_default(json_string_value(json_object_get(config, "userns-remap")));

	while (uns_dockerd_next(words->v, words->n, &u))
		found |= u.option && u.option->flag && strcmp(u.option->flag, "userns-remap") == 0 && is_default(u.value);
	return found;
}

/* ---- the version ---- */

static int too_new(const struct args *a, const struct uns_dockerd_option *o, unsigned major, struct uns_err *err)
{
	const char *name = o->key ? o->key : o->flag;

	if (o->until && major > o->until)
		return uns_err_set(err, UNS_E_REFUSED, "%s: Docker %u does not know the option %s any more (it was there until %u)",
		                   a->program, major, name, o->until);
	return uns_err_set(err, UNS_E_REFUSED, "%s: Docker %u does not know the option %s (it came with %u)", a->program, major,
	                   name, o->since);
}

/* Only what we change: the rest is there already, and the engine has its say about it. */
static int check_version(const struct args *a, unsigned major, struct uns_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(a->members, key, value)
	{
		const struct uns_dockerd_option *o = uns_dockerd_key(key);

		if (o && !json_is_null(value) && !uns_dockerd_has(o, major))
			return too_new(a, o, major, err);
	}
	return 0;
}

/* "Docker version 20.10.24+dfsg1, build …". 0: not to be told. */
static int ask_version(const char *program, unsigned *ret, struct uns_err *err)
{
	const char *const argv[] = {program, "--version", NULL};
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	const char *at;
	uint32_t major;
	int status;

	*ret = 0;
	if (uns_sys_spawn(argv, &status, &said, err))
		return -1;
	at = said.data ? strstr(said.data, "version ") : NULL;
	if (status == 0 && at && uns_num_u32(at + 8, strspn(at + 8, "0123456789"), &major) == 0 && major < 1000)
		*ret = major;
	return 0;
}

/* ---- the question ---- */

/* What it said, as one line without the time and level in front. */
static const char *reason(struct uns_buf *said)
{
	char *at;

	if (!said->data)
		return "";
	while (said->len && strchr("\n\r ", said->data[said->len - 1]))
		said->data[--said->len] = '\0';
	for (char *p = said->data; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	at = strstr(said->data, "unable to configure");
	return at ? at : said->data;
}

static int ask(const char *program, const char *copy, struct uns_strs *words, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf said = UNS_BUF_INIT;
	uns_auto_free const char **argv = calloc(words->n + 4, sizeof(*argv));
	uns_auto_free char *file = uns_str_printf(err, "--config-file=%s", copy ? copy : "");
	size_t n = 0;
	int status;

	if (!argv)
		return uns_err_nomem(err);
	if (!file)
		return -1;
	argv[n++] = program;
	argv[n++] = "--validate";
	if (copy)
		argv[n++] = file;
	for (size_t i = 0; i < words->n; i++)
		argv[n++] = words->v[i];
	if (uns_sys_spawn(argv, &status, &said, err))
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return uns_err_set(err, UNS_E_REFUSED, "%s does not take the new configuration, so it was not published: %.800s", program,
	                   reason(&said));
}

/* The copy's path, for a child. */
static int copy_path(const struct uns_step_ctx *c, char ret[PATH_MAX], struct uns_err *err)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", c->record_dir);
	n = readlink(link, ret, PATH_MAX - sizeof(COPY) - 1);
	if (n < 0)
		return uns_err_sys(err, errno, "cannot tell the path of the transaction");
	snprintf(ret + n, PATH_MAX - (size_t)n, "/" COPY);
	return 0;
}

static int ask_about_copy(const struct uns_step_ctx *c, const char *program, const struct uns_buf *text, struct uns_strs *words,
                          struct uns_err *err)
{
	char path[PATH_MAX];
	int r;

	if (copy_path(c, path, err) || uns_root_write_at(c->record_dir, COPY, text->data ? text->data : "", text->len, 0600, err))
		return -1;
	r = ask(program, path, words, err);
	if (uns_sys_unlink(c->record_dir, COPY, 0) && r == 0)
		return uns_err_sys(err, errno, "cannot remove %s", path);
	return r;
}

static int question(struct uns_step_ctx *c, const struct args *a, const char *program, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	uns_auto_json json_t *config = NULL;
	bool exists;

	if (new_text(c, a, &text, &exists, err) || flags(a, &words, err))
		return -1;
	if (text.len && strspn(text.data, " \t\r\n") < text.len && uns_json_parse(text.data, text.len, a->file, &config, err))
		return -1;
	if (wants_default(&words, config)) {
		tell(c, "not asking dockerd: with userns-remap \"default\" it would create accounts");
		return 0;
	}
	return exists && c->record_dir >= 0 ? ask_about_copy(c, program, &text, &words, err) : ask(program, NULL, &words, err);
}

static int drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	uns_auto_free char *program = NULL;
	unsigned major = 0;
	struct args a;
	int r;

	if (parse(c->step->args, &a, err))
		return -1;
	if (to != UNS_AFTER || !c->root->is_host)
		return 0;
	r = uns_program_find(a.program, NULL, &program, err);
	if (r < 0 || (r == 0 && ask_version(program, &major, err)) || (major && check_version(&a, major, err)))
		return -1;
	if (r == 0 && major >= FIRST_VERSION)
		return question(c, &a, program, err);
	tell(c, r || !major ? "no dockerd to ask about the new configuration"
	                    : "this dockerd has no --validate: it says so when it starts");
	return 0;
}

static int describe(const json_t *j, bool reverse, struct uns_buf *ret, struct uns_err *err)
{
	struct args a;

	(void)reverse;
	if (parse(j, &a, err))
		return -1;
	return uns_buf_printf(ret, err, "ask %s whether it takes the new configuration", a.program);
}

const struct uns_kind uns_kind_validate = {"validate", true, check, observe, drive, describe};
