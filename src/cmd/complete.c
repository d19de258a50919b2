/* SPDX-License-Identifier: Apache-2.0 */
/* help completions: what a shell may put in the place of the last word. All that is known about commands, options and their values is
 * here; the completions of the three shells ask, and show what they are told. */
#include "cmd.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "uns/account.h"
#include "uns/cleanup.h"
#include "uns/dockerd.h"
#include "uns/report.h"
#include "uns/subid.h"

#define FILE_MAX (64u << 20)
#define OFFERS_MAX 1000 /* more than anybody reads */

struct completion {
	const char *const *word; /* of the command line, without the program; the last is the one to complete */
	size_t n;
	const char *prefix;      /* what stands before the part that is completed: "--ignore=A," */
	size_t prefix_len;
	const char *part;        /* the part that is there */
	const char *root;
	const char *operand[UNS_OPERANDS_MAX];
	size_t operands;
	bool ended;              /* "--" was met: no more options */
	enum uns_cmd cmd;        /* UNS_CMDS: not known yet */
	size_t used;             /* operands that are the command */
	bool left;               /* to the shell */
	struct uns_strs seen;
	struct uns_buf *ret;
};

/* ---- output ---- */

/* What no shell reads as anything else than itself. */
static bool is_plain(const char *word)
{
	return word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-")] == '\0';
}

/* A candidate, if it begins as the word does. Names come from files of the host: bash puts them on the line as they are, and whoever
 * completes them presses Enter next. */
static int offer(struct completion *c, const char *word, const char *end, const char *help, struct uns_err *err)
{
	uns_auto_free char *line = NULL;

	if (strncmp(word, c->part, strlen(c->part)) != 0 || c->seen.n >= OFFERS_MAX || !is_plain(word))
		return 0;
	line = uns_str_printf(err, "%.*s%s%s", (int)c->prefix_len, c->prefix, word, end);
	if (!line)
		return -1;
	if (uns_strs_has(&c->seen, line))
		return 0;
	if (uns_strs_add(&c->seen, line, err) < 0 || uns_buf_printf(c->ret, err, "%s\t", line) < 0 || uns_report_safe(help, c->ret, err) < 0)
		return -1;
	return uns_buf_puts(c->ret, "\n", err);
}

/* The shell knows best: the first line is what to look for, and what stands before it. */
static int leave_to_shell(struct completion *c, const char *what, struct uns_err *err)
{
	c->left = true;
	c->ret->len = 0;
	return uns_buf_printf(c->ret, err, "%s\t%.*s\n", what, (int)c->prefix_len, c->prefix);
}

/* ---- what the host has: what cannot be read is not offered, and nobody is bothered with it ---- */

static int offer_users(struct completion *c, const struct uns_root *root, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_accounts_done) struct uns_accounts users = { .n = 0 };

	if (uns_root_read(root, "/etc/passwd", FILE_MAX, &text, NULL, err) != 0 ||
	    uns_passwd_parse(text.data ? text.data : "", text.len, &users, err) < 0)
		return 0;
	for (size_t i = 0; i < users.n; i++)
		if (offer(c, users.v[i].name, "", "user", err) < 0)
			return -1;
	return 0;
}

static int offer_owners_of(struct completion *c, const struct uns_root *root, const char *file, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto(uns_subid_done) struct uns_subid lines = { .n = 0 };

	if (uns_root_read(root, file, FILE_MAX, &text, NULL, err) != 0 || uns_subid_read(&text, &lines, err) < 0)
		return 0;
	for (size_t i = 0; i < lines.n; i++)
		if (lines.v[i].owner && uns_subid_owner_valid(lines.v[i].owner) && offer(c, lines.v[i].owner, "", "owner", err) < 0)
			return -1;
	return 0;
}

static int offer_owners(struct completion *c, const struct uns_root *root, struct uns_err *err)
{
	return offer_owners_of(c, root, "/etc/subuid", err) < 0 ? -1 : offer_owners_of(c, root, "/etc/subgid", err);
}

static int offer_transactions(struct completion *c, const struct uns_root *root, struct uns_err *err)
{
	uns_auto_free unsigned *numbers = NULL;
	size_t n = 0;

	if (uns_txn_list(root, &numbers, &n, err) < 0)
		return 0;
	for (size_t i = n; i-- > 0;) {
		struct uns_txn t;
		char number[16];

		if (uns_txn_load(root, numbers[i], &t, err) != 0)
			continue;
		snprintf(number, sizeof(number), "%u", t.number);
		if (offer(c, number, "", t.plan.title ? t.plan.title : "", err) < 0)
			n = 0;
		uns_txn_close(&t);
	}
	return 0;
}

static int offer_of_host(struct completion *c, int (*of)(struct completion *, const struct uns_root *, struct uns_err *),
                         struct uns_err *err)
{
	struct uns_root root;
	int rc;

	if (uns_root_open(&root, c->root ? c->root : "/", err) < 0)
		return 0;
	rc = of(c, &root, err);
	uns_root_close(&root);
	return rc;
}

/* ---- what the program has ---- */

static int offer_engines(struct completion *c, struct uns_err *err)
{
	if (offer(c, "docker", "", "Docker", err) < 0)
		return -1;
	for (size_t i = 0; i < uns_presets_n; i++)
		if (offer(c, uns_presets[i]->name, "", uns_presets[i]->title, err) < 0)
			return -1;
	return 0;
}

/* The first word of each command, or the second of those that begin so. */
static int offer_commands(struct completion *c, const char *group, struct uns_err *err)
{
	for (int i = 0; i < UNS_CMDS; i++) {
		const char *name = uns_options_command_name((enum uns_cmd)i), *second = strchr(name, ' ');
		size_t first = second ? (size_t)(second - name) : strlen(name);
		uns_auto_free char *word = NULL;

		if (group && (!second || strlen(group) != first || strncmp(group, name, first) != 0))
			continue;
		word = group ? uns_str_dup(second + 1, err) : uns_str_printf(err, "%.*s", (int)first, name);
		if (!word || offer(c, word, "", second && !group ? "a group of commands" : uns_options_summary((enum uns_cmd)i), err) < 0)
			return -1;
	}
	return 0;
}

static int offer_checks(struct completion *c, bool ignorable, struct uns_err *err)
{
	for (size_t i = 0; i < uns_checks_n; i++)
		if ((uns_checks[i].ignorable || !ignorable) && offer(c, uns_checks[i].id, "", uns_checks[i].summary, err) < 0)
			return -1;
	return 0;
}

/* Keys of dockerd; behind a key with '=' its values, where there are few. */
static int offer_keys(struct completion *c, bool values, struct uns_err *err)
{
	const char *equals = strchr(c->part, '=');

	for (size_t i = 0; i < uns_dockerd_options_n; i++) {
		const struct uns_dockerd_option *o = &uns_dockerd_options[i];
		bool is_bool = o->type == UNS_DOCKERD_BOOL;

		if (!o->key)
			continue;
		if (!values || !equals) {
			if (offer(c, o->key, values ? "=" : "", uns_dockerd_type_name(o->type), err) < 0)
				return -1;
		} else if (is_bool && strlen(o->key) == (size_t)(equals - c->part) && strncmp(o->key, c->part, strlen(o->key)) == 0) {
			uns_auto_free char *yes = uns_str_printf(err, "%s=true", o->key), *no = uns_str_printf(err, "%s=false", o->key);

			if (!yes || !no || offer(c, yes, "", "", err) < 0 || offer(c, no, "", "", err) < 0)
				return -1;
		}
	}
	return 0;
}

static int offer_columns(struct completion *c, struct uns_err *err)
{
	for (int i = 0; i < UNS_RANGE_COLUMNS; i++)
		if (offer(c, uns_range_columns[i], "", "column", err) < 0)
			return -1;
	return 0;
}

/* The words among "auto|hash|START[:COUNT]", "u|g|b:FROM:TO": each up to what stands for something else. The last one's ':' is of all. */
static int offer_words(struct completion *c, const char *words, struct uns_err *err)
{
	const char *last = strrchr(words, '|');
	size_t plain = strspn(last ? last + 1 : words, "abcdefghijklmnopqrstuvwxyz");
	const char *end = (last ? last + 1 : words)[plain] == ':' ? ":" : "";

	for (const char *p = words; *p;) {
		size_t all = strcspn(p, "|"), n = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
		uns_auto_free char *word = uns_str_printf(err, "%.*s%s", (int)n, p, n < all && p[n] == '=' ? "=" : "");

		if (!word || (n > 0 && offer(c, word, end, "", err) < 0))
			return -1;
		p += p[all] ? all + 1 : all;
	}
	return 0;
}

/* ---- values ---- */

/* Of a list only what is behind the last comma is completed. */
static void enter_list(struct completion *c)
{
	const char *comma = strrchr(c->part, ',');

	if (!comma)
		return;
	c->prefix_len += (size_t)(comma + 1 - c->part);
	c->part = comma + 1;
}

static bool is_one_of(const char *what, const char *a, const char *b)
{
	return strcmp(what, a) == 0 || strcmp(what, b) == 0;
}

/* By the name that the help gives to what is to be named. */
static int offer_what(struct completion *c, const char *what, struct uns_err *err)
{
	if (is_one_of(what, "DIR", "PATH"))
		return leave_to_shell(c, "directories", err);
	if (strcmp(what, "FILE") == 0)
		return leave_to_shell(c, "files", err);
	if (is_one_of(what, "NAME", "USER"))
		return offer_of_host(c, offer_users, err);
	if (strcmp(what, "OWNER") == 0)
		return offer_of_host(c, c->cmd == UNS_CMD_RANGE_ADD ? offer_users : offer_owners, err);
	if (strcmp(what, "NUMBER") == 0)
		return offer_of_host(c, offer_transactions, err);
	if (strcmp(what, "ENGINE") == 0)
		return offer_engines(c, err);
	if (strcmp(what, "COMMAND") == 0)
		return offer_commands(c, NULL, err);
	if (is_one_of(what, "KEY", "KEY=VALUE"))
		return offer_keys(c, what[3] == '=', err);
	return offer_words(c, what, err);
}

static int offer_value(struct completion *c, const struct uns_option_view *o, struct uns_err *err)
{
	if (strncmp(o->arg, "ID[", 3) == 0 || strcmp(o->arg, "ID") == 0) {
		enter_list(c);
		return offer_checks(c, strcmp(o->name, "ignore") == 0, err);
	}
	if (c->cmd == UNS_CMD_PLAN && strcmp(o->name, "output") == 0)
		return leave_to_shell(c, "files", err);
	if (strncmp(o->arg, "COLUMNS", 7) == 0) {
		enter_list(c);
		return offer_columns(c, err);
	}
	return offer_what(c, o->arg, err);
}

/* ---- options ---- */

static bool option_named(const char *name, size_t len, struct uns_option_view *ret)
{
	for (size_t i = 0; uns_options_view(i, ret); i++)
		if (strlen(ret->name) == len && strncmp(ret->name, name, len) == 0)
			return true;
	return false;
}

static bool option_lettered(char letter, struct uns_option_view *ret)
{
	for (size_t i = 0; uns_options_view(i, ret); i++)
		if (letter && ret->letter == letter)
			return true;
	return false;
}

/* Of a command; of plan also those of what is planned, as far as it is known. */
static bool is_taken(const struct completion *c, size_t i)
{
	enum uns_cmd planned = UNS_CMDS;

	if (c->cmd == UNS_CMDS)
		return uns_options_takes(i, UNS_CMD_HELP, UNS_CMDS);
	if (c->operands > c->used)
		uns_options_find(c->operand + c->used, 1, &planned);
	return uns_options_takes(i, c->cmd, c->cmd == UNS_CMD_PLAN ? planned : UNS_CMDS);
}

static int offer_options(struct completion *c, struct uns_err *err)
{
	struct uns_option_view o;

	for (size_t i = 0; uns_options_view(i, &o); i++) {
		uns_auto_free char *word = uns_str_printf(err, "--%s", o.name);
		char letter[] = { '-', o.letter, '\0' };

		if (!is_taken(c, i))
			continue;
		if (!word || (o.has_arg != required_argument && offer(c, word, "", o.help, err) < 0) ||
		    (o.has_arg != no_argument && offer(c, word, "=", o.help, err) < 0))
			return -1;
		if (o.letter && strcmp(c->part, "-") == 0 && offer(c, letter, "", o.help, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- operands ---- */

struct spec {
	char *text;       /* of "[enable|disable] [ENGINE [USER]]", cut into tokens */
	char *token[8];
	bool optional[8], repeats[8];
	size_t n;
};

static void spec_done(struct spec *s)
{
	free(s->text);
}

static int spec_read(const char *operands, struct spec *s, struct uns_err *err)
{
	char *save = NULL;

	s->text = uns_str_dup(operands, err);
	if (!s->text)
		return -1;
	for (char *t = strtok_r(s->text, " ", &save); t && s->n < 8; t = strtok_r(NULL, " ", &save)) {
		s->optional[s->n] = *t == '[';
		s->repeats[s->n] = strstr(t, "...") != NULL;
		t += strspn(t, "[");
		t[strcspn(t, "].")] = '\0';
		s->token[s->n++] = t;
	}
	return 0;
}

static bool is_literal(const char *token)
{
	return islower((unsigned char)*token);
}

static bool has_word(const char *token, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = token; (p = strstr(p, word)); p++)
		if ((p == token || p[-1] == '|') && (p[len] == '|' || !p[len]))
			return true;
	return false;
}

/* The token that comes after these operands; n: no more are taken. What may be left out is passed over by what it is not. */
static size_t spec_next(const struct spec *s, const char *const operand[], size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at < s->n; i++) {
		if (s->optional[at] && is_literal(s->token[at]) && !has_word(s->token[at], operand[i]))
			at++;
		if (at < s->n && !s->repeats[at])
			at++;
	}
	return at;
}

/* The operand of a token: one of "COMMAND|findings|options". */
static int offer_token(struct completion *c, const char *token, struct uns_err *err)
{
	uns_auto_free char *words = uns_str_dup(token, err);
	const struct uns_preset *preset = c->operands > 0 ? uns_preset_find(c->operand[c->operands - 1]) : NULL;

	if (!words)
		return -1;
	/* Only engines that work for one user are named with one. */
	if (strcmp(token, "USER") == 0 && !(preset && !preset->owner))
		return 0;
	if (strcmp(token, "PATH") == 0)
		return leave_to_shell(c, "files", err);
	for (char *save = NULL, *one = strtok_r(words, "|", &save); one; one = strtok_r(NULL, "|", &save))
		if (offer_what(c, one, err) < 0)
			return -1;
	return 0;
}

static int offer_operands(struct completion *c, struct uns_err *err)
{
	uns_auto(spec_done) struct spec s = { .n = 0 };
	size_t at;

	if (c->cmd == UNS_CMDS)
		return offer_commands(c, c->operands ? c->operand[0] : NULL, err);
	if (c->cmd == UNS_CMD_PLAN && c->operands > c->used && strcmp(c->operand[c->used], "apply") == 0)
		return leave_to_shell(c, "files", err);
	if (spec_read(uns_options_operands(c->cmd), &s, err) < 0)
		return -1;
	at = spec_next(&s, c->operand + c->used, c->operands - c->used);
	if (at < s.n && offer_token(c, s.token[at], err) < 0)
		return -1;
	if (at + 1 < s.n && s.optional[at] && is_literal(s.token[at]) && offer_token(c, s.token[at + 1], err) < 0)
		return -1;
	/* Of help, also the second word of a command. */
	if (c->cmd == UNS_CMD_HELP && c->operands == c->used + 1)
		return offer_commands(c, c->operand[c->used], err);
	return 0;
}

/* ---- the command line ---- */

/* Takes a word that is complete; whether the next one is the value of this option: *ret. */
static bool take_word(struct completion *c, const char *word, struct uns_option_view *ret)
{
	if (c->ended || word[0] != '-' || !word[1]) {
		if (c->operands < UNS_OPERANDS_MAX)
			c->operand[c->operands++] = word;
		return false;
	}
	if (strcmp(word, "--") == 0) {
		c->ended = true;
		return false;
	}
	if (strncmp(word, "--root=", 7) == 0)
		c->root = word + 7;
	if (word[1] == '-')
		return !strchr(word, '=') && option_named(word + 2, strlen(word + 2), ret) && ret->has_arg == required_argument;
	return option_lettered(word[strlen(word) - 1], ret) && ret->has_arg == required_argument;
}

/* Returns whether the last word is the value of *ret. */
static bool take_words(struct completion *c, struct uns_option_view *ret)
{
	bool value = false;

	for (size_t i = 0; i + 1 < c->n; i++) {
		if (value && strcmp(ret->name, "root") == 0)
			c->root = c->word[i];
		value = !value && take_word(c, c->word[i], ret);
	}
	c->used = uns_options_find(c->operand, c->operands, &c->cmd);
	if (c->used == 0)
		c->cmd = UNS_CMDS;
	return value;
}

static int complete(struct completion *c, struct uns_err *err)
{
	struct uns_option_view option;
	const char *equals;

	c->prefix = c->part = c->word[c->n - 1];
	equals = strchr(c->part, '=');
	if (take_words(c, &option))
		return offer_value(c, &option, err);
	if (c->ended || c->part[0] != '-') {
		if (offer_operands(c, err) < 0)
			return -1;
		/* Where no operand is taken, options are what there is. */
		return c->left || c->ended || c->cmd == UNS_CMDS || c->seen.n > 0 || *c->part ? 0 : offer_options(c, err);
	}
	if (!equals)
		return offer_options(c, err);
	if (!option_named(c->part + 2, equals > c->part + 2 ? (size_t)(equals - c->part - 2) : 0, &option) || option.has_arg == no_argument)
		return 0;
	c->prefix_len = (size_t)(equals + 1 - c->part);
	c->part = equals + 1;
	return offer_value(c, &option, err);
}

int uns_complete(const struct uns_options *o, struct uns_buf *ret, struct uns_err *err)
{
	struct completion c = { .word = o->operand, .n = o->operands, .ret = ret, .cmd = UNS_CMDS };
	int rc;

	if (c.n == 0)
		return uns_err_set(err, UNS_E_USAGE, "help completions: expected the words of a command line, of which the last is completed");
	rc = uns_buf_puts(ret, "words\t\n", err) < 0 ? -1 : complete(&c, err);
	uns_strs_done(&c.seen);
	return rc;
}
