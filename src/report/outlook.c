/* SPDX-License-Identifier: Apache-2.0 */
/* What a person wants to know before the answer: how much, what is down, what cannot be taken back, and the edits of text files. */
#include <inttypes.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/linediff.h"
#include "uns/report.h"

#define DIFF_LINES 120 /* of one file */

struct style {
	const char *bold, *red, *green, *cyan, *off;
};
static const struct style plain = { "", "", "", "", "" };
static const struct style colored = { "\033[1m", "\033[31m", "\033[32m", "\033[36m", "\033[0m" };

static const struct uns_step *find(const struct uns_plan *p, const char *kind, bool reverse)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].reverse == reverse && strcmp(p->v[i].kind, kind) == 0)
			return &p->v[i];
	return NULL;
}

static bool has(const struct uns_plan *p, const char *kind)
{
	return find(p, kind, false) || find(p, kind, true);
}

static int put_size(uint64_t bytes, struct uns_buf *b, struct uns_err *err)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	size_t i = 0;

	for (; n >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	return uns_buf_printf(b, err, "%s%.*f %s", bytes == UINT64_MAX ? "at least " : "", i > 0, n, units[i]);
}

static int put_data(const struct uns_plan *p, const struct uns_outlook *o, const struct style *st, struct uns_buf *b, struct uns_err *err)
{
	if (!has(p, "shift-tree"))
		return 0;
	if (uns_buf_printf(b, err, "%sSize%s      ", st->bold, st->off) < 0)
		return -1;
	if (!o->counted)
		return uns_buf_puts(b, "not counted yet; owners change where the files are, nothing is copied\n", err);
	if (uns_buf_printf(b, err, "%" PRIu64 " file%s of ", o->files, o->files == 1 ? "" : "s") < 0 || put_size(o->bytes, b, err) < 0)
		return -1;
	return uns_buf_puts(b, "; owners change where the files are, nothing is copied\n", err);
}

static int put_time(int64_t s, struct uns_buf *b, struct uns_err *err)
{
	if (s <= 0)
		return uns_buf_puts(b, "; how long is not known", err);
	if (s < 60)
		return uns_buf_printf(b, err, "; about %d s or less", (int)s);
	if (s < 7200)
		return uns_buf_printf(b, err, "; about %d min or less", (int)((s + 30) / 60));
	return uns_buf_printf(b, err, "; about %d h or less", (int)((s + 1800) / 3600));
}

/* Where one step stops the service and a later one starts it. */
static int put_down(const struct uns_plan *p, const struct uns_outlook *o, const struct style *st, struct uns_buf *b, struct uns_err *err)
{
	const struct uns_step *stop = find(p, "service", false), *start = find(p, "service", true);

	if (uns_buf_printf(b, err, "%sDown%s      ", st->bold, st->off) < 0)
		return -1;
	if (!stop)
		return uns_buf_puts(b, has(p, "reload") ? "nothing; the engine reads its configuration again\n" : "nothing\n", err);
	if (uns_buf_printf(b, err, "the engine and its containers, from step %zu", (size_t)(stop - p->v) + 1) < 0)
		return -1;
	if (start && uns_buf_printf(b, err, " to step %zu", (size_t)(start - p->v) + 1) < 0)
		return -1;
	if (put_time(o->seconds, b, err) < 0)
		return -1;
	return uns_buf_puts(b, find(p, "containers", false) ? "; containers that run are started again\n" : "\n", err);
}

/* What driving back does not give back. */
static const struct {
	const char *kind;
	bool reverse;
	const char *what;
} lost[] = {
	{ "account", true, "the user that is removed (one that is made again may have other IDs)" },
	{ "containers", false, "what runs in the containers that are stopped (they begin anew)" },
	{ "service", false, "connections to the engine" },
};

static int put_back(const struct uns_plan *p, const struct uns_outlook *o, const struct style *st, struct uns_buf *b, struct uns_err *err)
{
	bool any = false;

	if (uns_buf_printf(b, err, "%sWay back%s  ", st->bold, st->off) < 0)
		return -1;
	if (o->no_record)
		return uns_buf_puts(b, "none: no record is kept\n", err);
	if (uns_buf_puts(b, "every step can be taken back: usernsctl rollback\n", err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		if (!find(p, lost[i].kind, lost[i].reverse))
			continue;
		if (uns_buf_printf(b, err, "%s%s\n", any ? "                   " : "          but not: ", lost[i].what) < 0)
			return -1;
		any = true;
	}
	return 0;
}

int uns_report_outlook(const struct uns_plan *p, const struct uns_outlook *o, bool color, struct uns_buf *ret, struct uns_err *err)
{
	const struct style *st = color ? &colored : &plain;

	if (p->n == 0)
		return 0;
	return put_data(p, o, st, ret, err) < 0 || put_down(p, o, st, ret, err) < 0 ? -1 : put_back(p, o, st, ret, err);
}

/* ---- the diff of a file ---- */

static const char *paint_of(char first, const struct style *st)
{
	return first == '-' ? st->red : first == '+' ? st->green : first == '@' ? st->cyan : "";
}

/* Files of people may have anything in them; a tab is what it looks like. */
static int put_text(const char *s, size_t len, struct uns_buf *b, struct uns_err *err)
{
	const char *tab = memchr(s, '\t', len);
	size_t n = tab ? (size_t)(tab - s) : len;
	uns_auto_free char *part = uns_str_printf(err, "%.*s", (int)n, s);

	if (!part || uns_report_safe(part, b, err) < 0)
		return -1;
	if (strlen(part) < n) /* a NUL: what is behind it cannot be shown */
		return uns_buf_puts(b, "\\x00…", err);
	if (!tab)
		return 0;
	return uns_buf_puts(b, "\t", err) < 0 ? -1 : put_text(tab + 1, len - n - 1, b, err);
}

static int put_diff_line(const char *s, size_t len, const struct style *st, struct uns_buf *b, struct uns_err *err)
{
	const char *paint = paint_of(*s, st);

	if (uns_buf_puts(b, paint, err) < 0 || put_text(s, len, b, err) < 0)
		return -1;
	return uns_buf_printf(b, err, "%s\n", *paint ? st->off : "");
}

static int put_name(const char *sign, const char *file, bool there, const struct style *st, struct uns_buf *b, struct uns_err *err)
{
	if (uns_buf_printf(b, err, "%s%s ", st->bold, sign) < 0 || uns_report_safe(there ? file : "/dev/null", b, err) < 0)
		return -1;
	return uns_buf_printf(b, err, "%s\n", st->off);
}

int uns_report_diff(const char *file, const struct uns_buf *old, const struct uns_buf *now, bool color, struct uns_buf *ret,
                    struct uns_err *err)
{
	const struct style *st = color ? &colored : &plain;
	uns_auto(uns_buf_done) struct uns_buf hunks = UNS_BUF_INIT;
	size_t lines = 0, shown = 0;

	if (uns_linediff(old && old->data ? old->data : "", old ? old->len : 0, now && now->data ? now->data : "", now ? now->len : 0,
			 &hunks, err) < 0)
		return -1;
	if (!hunks.len && !old == !now)
		return 0;
	if (put_name("---", file, old, st, ret, err) < 0 || put_name("+++", file, now, st, ret, err) < 0)
		return -1;
	for (const char *s = hunks.data, *end = s + hunks.len; s < end; lines++) {
		size_t len = (size_t)((const char *)memchr(s, '\n', (size_t)(end - s)) - s);

		if (lines < DIFF_LINES && put_diff_line(s, len, st, ret, err) < 0)
			return -1;
		shown += lines < DIFF_LINES;
		s += len + 1;
	}
	return lines > shown ? uns_buf_printf(ret, err, "… and %zu lines more\n", lines - shown) : 0;
}
