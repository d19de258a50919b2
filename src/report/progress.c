/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/report.h"

#define RATE_FROM_MS 500 /* earlier a rate says nothing */
#define TEXT_MIN 8       /* fewer columns of a text are not worth it */
#define TEXT_GOOD 24

/* What a line has; the less there is room, the less it has. */
enum {
	WITH_WHAT = 1,
	WITH_RATE = 2,
	WITH_BYTES = 4,
	WITH_LEFT = 8,
	WITH_NAMES = 16,
};
static const unsigned levels[] = {
	WITH_WHAT | WITH_NAMES | WITH_BYTES | WITH_RATE | WITH_LEFT,
	WITH_NAMES | WITH_BYTES | WITH_RATE | WITH_LEFT,
	WITH_NAMES | WITH_BYTES | WITH_LEFT,
	WITH_NAMES | WITH_LEFT,
	WITH_NAMES,
	0,
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* Bytes that begin a character; nothing wide is written here. */
static unsigned columns_of(const struct uns_buf *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += ((unsigned char)b->data[i] & 0xc0) != 0x80;
	return n;
}

static uint64_t rate_of(const struct uns_under_way *w)
{
	return w->at_ms < RATE_FROM_MS ? 0 : (uint64_t)((double)w->at.names * 1000 / (double)w->at_ms);
}

/* -1: not known. */
static int64_t seconds_left(const struct uns_under_way *w)
{
	double s;

	if (!w->at.total_names || !rate_of(w))
		return -1;
	if (w->at.names >= w->at.total_names)
		return 0;
	s = (double)(w->at.total_names - w->at.names) * (double)w->at_ms / ((double)w->at.names * 1000);
	return (int64_t)s + (s > (double)(int64_t)s);
}

/* 100 only when all is done. */
static unsigned percent(const struct uns_under_way *w)
{
	const struct uns_progress *p = &w->at;

	return p->names >= p->total_names ? 100 : (unsigned)((double)p->names * 100 / (double)p->total_names);
}

static int put_names(const struct uns_under_way *w, struct uns_buf *b, struct uns_err *err)
{
	const struct uns_progress *p = &w->at;
	uint64_t done = p->total_names && p->names > p->total_names ? p->total_names : p->names;

	if (!p->total_names)
		return uns_buf_printf(b, err, "%" PRIu64 " files", done);
	return uns_buf_printf(b, err, "%u%% %" PRIu64 "/%" PRIu64 " files", percent(w), done, p->total_names);
}

static int put_bytes(const struct uns_under_way *w, struct uns_buf *b, struct uns_err *err)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	const struct uns_progress *p = &w->at;
	uint64_t most = p->total_bytes > p->bytes ? p->total_bytes : p->bytes, done = p->bytes;
	double unit = 1;
	size_t i = 0;

	for (; (double)most / unit >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		unit *= 1024;
	if (p->total_bytes && done > p->total_bytes)
		done = p->total_bytes;
	if (uns_buf_printf(b, err, ", %.*f", i > 0, (double)done / unit) < 0)
		return -1;
	if (p->total_bytes && uns_buf_printf(b, err, "/%.*f", i > 0, (double)p->total_bytes / unit) < 0)
		return -1;
	return uns_buf_printf(b, err, " %s", units[i]);
}

static int put_left(int64_t s, struct uns_buf *b, struct uns_err *err)
{
	if (s >= 360000)
		return uns_buf_puts(b, ", days left", err);
	if (s >= 3600)
		return uns_buf_printf(b, err, ", %d:%02d:%02d left", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	return uns_buf_printf(b, err, ", %d:%02d left", (int)(s / 60), (int)(s % 60));
}

static int put_figures(const struct uns_under_way *w, unsigned with, struct uns_buf *b, struct uns_err *err)
{
	uint64_t rate = rate_of(w);
	int64_t left = seconds_left(w);

	if (!w->at.what)
		return 0;
	if ((with & WITH_WHAT && uns_buf_printf(b, err, "%s: ", w->at.what) < 0) ||
	    (with & WITH_NAMES && put_names(w, b, err) < 0) || (with & WITH_BYTES && put_bytes(w, b, err) < 0))
		return -1;
	if (with & WITH_RATE && rate && uns_buf_printf(b, err, ", %" PRIu64 "/s", rate) < 0)
		return -1;
	return with & WITH_LEFT && left >= 0 ? put_left(left, b, err) : 0;
}

int uns_report_figures(const struct uns_under_way *w, struct uns_buf *ret, struct uns_err *err)
{
	return put_figures(w, levels[0], ret, err);
}

/* Whole characters, and a sign that there was more. */
static int put_cut(const char *text, unsigned columns, struct uns_buf *b, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf safe = UNS_BUF_INIT;
	size_t end = 0;

	if (uns_report_safe(text, &safe, err) < 0)
		return -1;
	if (!columns || columns_of(&safe) <= columns)
		return uns_buf_puts(b, safe.data ? safe.data : "", err);
	for (unsigned n = 0; n < columns - 1; n++)
		do
			end++;
		while (((unsigned char)safe.data[end] & 0xc0) == 0x80);
	return uns_buf_append(b, safe.data, end, err) < 0 ? -1 : uns_buf_puts(b, "…", err);
}

static int put_head(const struct uns_under_way *w, struct uns_buf *b, struct uns_err *err)
{
	int digits = 1;

	for (size_t n = w->steps; n >= 10; n /= 10)
		digits++;
	return w->steps ? uns_buf_printf(b, err, "[%*zu/%zu] ", digits, w->step, w->steps) : 0;
}

/* How long a step takes of which nothing is counted. */
static int put_waited(const struct uns_under_way *w, struct uns_buf *b, struct uns_err *err)
{
	return !w->text || w->step_ms < 1000 ? 0 : uns_buf_printf(b, err, "(%d s)", (int)(w->step_ms / 1000));
}

/* The figures in as much detail as there is room for. */
static int choose_figures(const struct uns_under_way *w, unsigned room, struct uns_buf *ret, struct uns_err *err)
{
	if (!w->at.what)
		return put_waited(w, ret, err);
	for (size_t i = 0; i < LEVELS; i++) {
		ret->len = 0;
		if (put_figures(w, levels[i], ret, err) < 0)
			return -1;
		if (!room || columns_of(ret) + (i == 0 && w->text ? TEXT_GOOD : 0) <= room)
			return 0;
	}
	ret->len = 0;
	return 0;
}

int uns_report_under_way(const struct uns_under_way *w, unsigned columns, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf head = UNS_BUF_INIT;
	uns_auto(uns_buf_done) struct uns_buf figures = UNS_BUF_INIT;
	const char *between = w->at.what && !columns ? ": " : " ";
	unsigned room = columns, taken;

	if (put_head(w, &head, err) < 0)
		return -1;
	if (columns && columns_of(&head) >= columns)
		return 0;
	room -= columns ? columns_of(&head) : 0;
	if (choose_figures(w, room, &figures, err) < 0 || uns_buf_append(ret, head.data ? head.data : "", head.len, err) < 0)
		return -1;
	taken = figures.len ? columns_of(&figures) + 1 : 0;
	if (w->text && (!columns || room >= taken + TEXT_MIN)) {
		if (put_cut(w->text, columns ? room - taken : 0, ret, err) < 0 ||
		    (figures.len && uns_buf_puts(ret, between, err) < 0))
			return -1;
	}
	return uns_buf_append(ret, figures.data ? figures.data : "", figures.len, err);
}

static json_t *known(uint64_t n)
{
	return n ? json_integer(uns_num_signed(n)) : json_null();
}

json_t *uns_report_progress_json(const struct uns_under_way *w)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	const struct uns_progress *p = &w->at;
	uns_auto_json json_t *j = NULL;
	int64_t left = seconds_left(w);

	if (uns_report_under_way(w, 0, &text, NULL) < 0)
		return NULL;
	j = json_pack("{s:s, s:I, s:o, s:o, s:o}", "type", "progress", "time", (json_int_t)w->time, "step",
	              w->steps ? json_integer((json_int_t)w->step - 1) : json_null(), "steps", known(w->steps), "text",
	              uns_report_string_json(text.data ? text.data : ""));
	if (!j || !p->what)
		return uns_take_ptr(j);
	if (json_object_set_new(j, "phase", json_string(p->what)) < 0 ||
	    json_object_set_new(j, "names", json_integer((json_int_t)p->names)) < 0 ||
	    json_object_set_new(j, "bytes", json_integer(uns_num_signed(p->bytes))) < 0 ||
	    json_object_set_new(j, "total_names", known(p->total_names)) < 0 ||
	    json_object_set_new(j, "total_bytes", known(p->total_bytes)) < 0 ||
	    json_object_set_new(j, "rate", known(rate_of(w))) < 0 ||
	    json_object_set_new(j, "seconds_left", left < 0 ? json_null() : json_integer(left)) < 0)
		return NULL;
	return uns_take_ptr(j);
}
