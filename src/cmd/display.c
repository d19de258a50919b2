/* SPDX-License-Identifier: Apache-2.0 */
#include "display.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/progress.h"
#include "uns/report.h"

#define SHOW_AFTER_MS 200   /* what is done sooner would only flicker */
#define PLAIN_MS 10000
#define EVENT_MS 1000
#define COLUMNS 80

static struct display {
	const struct uns_run *run;
	const struct uns_txn *txn;
	enum uns_progress_how how; /* never AUTO */
	unsigned shown;            /* columns of the line that is on the terminal; 0: none */
	size_t step, steps;
	char *text;                /* of the step; NULL: none is under way */
	bool named;                /* the step was named in a line that stays */
	int64_t step_ms;           /* when it began */
	int64_t plain_ms, event_ms, file_ms, notify_ms; /* when each was written last */
	unsigned stops_said;
	const char *phase; /* that plain lines were written of, for the one at its end */
	int64_t phase_ms;
	struct uns_under_way last;
} d;

/* ---- what is under way ---- */

static void look(struct uns_under_way *w)
{
	int64_t now = uns_progress_now_ms();

	*w = (struct uns_under_way){ .time = time(NULL), .step = d.step, .steps = d.steps, .text = d.text };
	w->step_ms = now - d.step_ms;
	uns_progress_get(&w->at);
	w->at_ms = now - w->at.began_ms;
}

static bool is_under_way(const struct uns_under_way *w)
{
	return w->text || w->at.what;
}

/* ---- the line of a terminal ---- */

static unsigned width(void)
{
	struct winsize size = { 0 };

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : COLUMNS;
}

/* A terminal that got narrower since has broken the line into several. */
void uns_display_clear(void)
{
	unsigned rows = d.shown ? (d.shown - 1) / width() : 0;

	if (!d.shown)
		return;
	fputs("\r", stderr);
	while (rows-- > 0)
		fputs("\033[A", stderr);
	fputs("\033[J", stderr);
	fflush(stderr);
	d.shown = 0;
}

static unsigned columns_of(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Columns that stay free: with the last one taken, terminals differ in where the cursor is, and they echo "^C". */
#define FREE 3

static void draw(const struct uns_under_way *w)
{
	uns_auto(uns_buf_done) struct uns_buf line = UNS_BUF_INIT;

	if (!is_under_way(w) || (w->text ? w->step_ms : w->at_ms) < SHOW_AFTER_MS) {
		uns_display_clear();
		return;
	}
	if (uns_report_under_way(w, width() > FREE ? width() - FREE : 1, &line, NULL) < 0 || !line.data)
		return;
	if (d.shown >= width())
		uns_display_clear();
	if (!d.shown)
		fflush(stdout);
	fprintf(stderr, "\r%s\033[K", line.data);
	d.shown = columns_of(line.data);
}

/* ---- lines that stay ---- */

/* Names the step once, so that what comes after it is understood. */
static void name_step(void)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_under_way w = { .step = d.step, .steps = d.steps, .text = d.text };

	if (d.named || !d.text)
		return;
	d.named = true;
	if (uns_report_under_way(&w, 0, &text, NULL) == 0 && text.data)
		uns_run_say("%s", text.data);
}

static void put_figures(const struct uns_under_way *w)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (w->at.what && uns_report_figures(w, &text, NULL) == 0 && text.data)
		uns_run_say("%s%s", w->text ? "        " : "", text.data);
}

/* Of a phase that lines were written of, its last figures, too. */
static void end_phase(const struct uns_under_way *w)
{
	if (!d.phase || (w->at.what == d.phase && w->at.began_ms == d.phase_ms))
		return;
	if (w->at.began_ms == d.phase_ms) {
		d.last.at.names = w->at.names; /* ended, and nothing else began to be counted */
		d.last.at.bytes = w->at.bytes;
	}
	put_figures(&d.last);
	d.phase = NULL;
}

static void plain(const struct uns_under_way *w, int64_t now)
{
	int64_t since = d.step_ms > w->at.began_ms ? d.step_ms : w->at.began_ms;

	end_phase(w);
	if (w->at.what)
		d.last = *w;
	if (!w->at.what || now - (d.plain_ms > since ? d.plain_ms : since) < PLAIN_MS)
		return;
	d.plain_ms = now;
	d.phase = w->at.what;
	d.phase_ms = w->at.began_ms;
	put_figures(w);
}

/* ---- what programs read ---- */

static void tell_others(const struct uns_under_way *w, int64_t now)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_json json_t *j = NULL;

	if (!is_under_way(w))
		return;
	if (d.txn && now - d.file_ms >= EVENT_MS) {
		d.file_ms = now;
		j = uns_report_progress_json(w);
		if (j && json_object_set_new(j, "pid", json_integer((json_int_t)getpid())) == 0)
			uns_txn_progress_write(d.txn, j);
	}
	if (now - d.notify_ms < EVENT_MS)
		return;
	d.notify_ms = now;
	if (uns_report_under_way(w, 0, &text, NULL) == 0 && text.data)
		uns_notify("STATUS=%s", text.data);
}

static void put_event(const struct uns_under_way *w, int64_t now)
{
	if (d.how == UNS_PROGRESS_NONE || !w->at.what || now - d.event_ms < EVENT_MS || now - w->at.began_ms < EVENT_MS)
		return;
	d.event_ms = now;
	uns_run_line(d.run, uns_report_progress_json(w));
}

/* ---- signals ---- */

static void say_report(const struct uns_under_way *w)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (!uns_signals_take_report())
		return;
	if (is_under_way(w) && uns_report_under_way(w, 0, &text, NULL) == 0 && text.data)
		uns_run_complain("%s", text.data);
	else
		uns_run_complain("%s", uns_signals_is_changing() ? "between two steps" : "nothing was begun yet");
}

static void say_stop(void)
{
	unsigned stops = uns_signals_stops();

	if (stops == d.stops_said || !uns_signals_is_changing())
		return;
	if (!d.stops_said)
		uns_run_complain("stopping at the next safe point");
	else
		uns_run_complain("still stopping: what is under way must not be cut off");
	d.stops_said = stops;
}

/* ---- the watch ---- */

static void watch(void *user)
{
	int64_t now = uns_progress_now_ms();
	struct uns_under_way w;

	(void)user;
	look(&w);
	say_report(&w);
	say_stop();
	if (d.how == UNS_PROGRESS_TTY)
		draw(&w);
	else if (d.how == UNS_PROGRESS_PLAIN)
		plain(&w, now);
	put_event(&w, now);
	tell_others(&w, now);
}

static enum uns_progress_how choose(const struct uns_run *r)
{
	const char *term = getenv("TERM");

	if (r->o->progress != UNS_PROGRESS_AUTO)
		return r->o->progress;
	if (r->o->quiet)
		return UNS_PROGRESS_NONE;
	if (r->o->json == UNS_JSON_LINES)
		return UNS_PROGRESS_JSON;
	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0 ? UNS_PROGRESS_TTY : UNS_PROGRESS_PLAIN;
}

void uns_display_open(const struct uns_run *r)
{
	d = (struct display){ .run = r, .how = choose(r) };
	uns_progress_set_watch(watch, NULL);
	uns_notify("READY=1\nSTATUS=%s", uns_options_command_name(r->o->cmd));
}

void uns_display_transaction(const struct uns_txn *t)
{
	if (!t && d.txn)
		uns_txn_progress_drop(d.txn);
	d.txn = t;
	d.file_ms = uns_progress_now_ms(); /* what is done sooner needs no file */
	d.step = d.steps = 0;
	free(d.text);
	d.text = NULL;
}

void uns_display_close(void)
{
	struct uns_under_way w;

	look(&w);
	w.at.what = NULL;
	if (d.how == UNS_PROGRESS_PLAIN)
		end_phase(&w);
	uns_progress_set_watch(NULL, NULL);
	uns_display_clear();
	uns_notify("STOPPING=1");
	free(d.text);
	d = (struct display){ .run = NULL };
}

/* ---- sinks ---- */

/* A step begins; or one was not needed, or left as it is, which is said in a line where lines are written. */
static void on_step(const struct uns_event *e, size_t steps)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (strcmp(e->type, "begin") == 0) {
		free(d.text);
		d.text = uns_report_step_text(e, NULL);
		d.step = e->step + 1;
		d.steps = steps;
		d.step_ms = uns_progress_now_ms();
		d.named = false;
		d.notify_ms = 0;
	}
	if (d.how != UNS_PROGRESS_PLAIN && d.how != UNS_PROGRESS_TTY)
		return;
	if (strcmp(e->type, "skip") == 0 && !d.run->o->verbose)
		return;
	if (strcmp(e->type, "begin") == 0 && (d.how == UNS_PROGRESS_PLAIN || d.run->o->verbose))
		name_step();
	else if (strcmp(e->type, "begin") != 0 && uns_report_event(e, steps, &text, NULL) == 0 && text.data)
		uns_run_say("%.*s", (int)strcspn(text.data, "\n"), text.data);
}

void uns_display_event(const struct uns_event *e, size_t steps)
{
	if (d.how == UNS_PROGRESS_JSON || d.run->o->json == UNS_JSON_LINES)
		uns_run_line(d.run, uns_report_event_json(e));
	if (e->what)
		on_step(e, steps);
	if (strcmp(e->type, "done") == 0 || strcmp(e->type, "end") == 0) {
		free(d.text);
		d.text = NULL;
	}
	uns_progress_urge();
	uns_progress_tick();
}

void uns_display_tell(const char *text)
{
	if (d.how == UNS_PROGRESS_JSON || d.run->o->json == UNS_JSON_LINES)
		uns_run_line(d.run, json_pack("{s:s, s:o}", "type", "progress", "text", uns_report_string_json(text)));
	if (d.how != UNS_PROGRESS_PLAIN && d.how != UNS_PROGRESS_TTY)
		return;
	name_step();
	uns_run_say("        %s", text);
}
