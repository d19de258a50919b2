/* SPDX-License-Identifier: Apache-2.0 */
/* Plans, findings and events as text for people and as JSON for scripts. Pure: fills a buffer, prints nothing. Text is UTF-8, at
 * most 100 columns where words allow it; control characters of names that containers chose are written as \xNN. */
#ifndef UNS_REPORT_H
#define UNS_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "uns/container.h"
#include "uns/err.h"
#include "uns/finding.h"
#include "uns/idspace.h"
#include "uns/plandoc.h"
#include "uns/progress.h"
#include "uns/str.h"
#include "uns/txn.h"

/* Appends s; control characters (also those of UTF-8's C1 block), characters that are not seen but turn the order of others around, and
 * bytes that are no UTF-8 become \xNN. */
int uns_report_safe(const char *s, struct uns_buf *ret, struct uns_err *err);
/* color: with escape sequences for a terminal. numbers: those of the steps (a part of a transaction); NULL: 1, 2, … */
int uns_report_plan(const struct uns_plan *p, const size_t *numbers, bool color, struct uns_buf *ret, struct uns_err *err);
/* By severity, the worst last, then by id; also in JSON. */
int uns_report_findings(const struct uns_findings *f, bool color, struct uns_buf *ret, struct uns_err *err);
/* The commands among the remedies of findings that are not ignored, each once and on one line, between two marker lines to copy and
 * paste: the worst first. Nothing when there are none. */
int uns_report_remedies(const struct uns_findings *f, struct uns_buf *ret, struct uns_err *err);
/* One line per event ("[3/15] shift /var/lib/docker …"). Nothing for events that people need not see. */
int uns_report_event(const struct uns_event *e, size_t steps, struct uns_buf *ret, struct uns_err *err);

/* A row per band, at most 80 columns wide; the length of its bar is the logarithm of its number of IDs. */
int uns_report_idspace(const struct uns_idspace *s, bool color, struct uns_buf *ret, struct uns_err *err);
/* The same of both kinds side by side, as a picture (SVG 1.1, no scripts and nothing to load). */
int uns_report_idspace_svg(const struct uns_idspace s[UNS_IDKINDS], struct uns_buf *ret, struct uns_err *err);

/* ---- what a person wants to know before the answer ---- */

struct uns_outlook {
	bool counted;           /* files and bytes are known: those whose owners change */
	uint64_t files, bytes;
	int64_t seconds;        /* for which what the plan stops is down, an estimate; 0: not known */
	bool no_record;         /* it cannot be taken back */
};
/* How much is changed, what is down and for how long, what can be taken back and what cannot. Nothing for a plan without steps. */
int uns_report_outlook(const struct uns_plan *p, const struct uns_outlook *o, bool color, struct uns_buf *ret, struct uns_err *err);
/* A unified diff of one file; NULL: it is absent. Nothing when it stays as it is. Long ones are cut. */
int uns_report_diff(const char *file, const struct uns_buf *old, const struct uns_buf *now, bool color, struct uns_buf *ret,
                    struct uns_err *err);

/* ---- while it is done ---- */

/* What the step of a begin does, as one line without its end. Heap string. */
char *uns_report_step_text(const struct uns_event *e, struct uns_err *err);

/* What is under way. */
struct uns_under_way {
	int64_t time;           /* seconds since the epoch */
	size_t step, steps;     /* step from 1; steps 0: no transaction yet */
	const char *text;       /* what the step does; NULL: none */
	int64_t step_ms;        /* how long it takes so far */
	struct uns_progress at; /* what NULL: nothing is counted */
	int64_t at_ms;          /* how long that takes so far */
};
/* One line without its end, of at most so many columns (0: as long as it gets): "[9/16] shift owners … 45% 123/270 files, 1.2/3.4
 * GiB, 45/s, 0:03 left". What has no room is left out, the least important first. */
int uns_report_under_way(const struct uns_under_way *w, unsigned columns, struct uns_buf *ret, struct uns_err *err);
/* The figures alone; nothing when nothing is counted. */
int uns_report_figures(const struct uns_under_way *w, struct uns_buf *ret, struct uns_err *err);

/* New references; NULL when out of memory. A text that is no UTF-8 is given in the form of uns_str_escape. */
json_t *uns_report_string_json(const char *s);                     /* null for NULL */
json_t *uns_report_findings_json(const struct uns_findings *f);    /* array of {id,severity,ignored,exit,object,reason,remedy,command,reference} */
json_t *uns_report_warnings_json(const struct uns_findings *f);    /* array of strings: warnings, and errors that were ignored */
json_t *uns_report_event_json(const struct uns_event *e);          /* {type,time,step,to,kind,text,kept}; step counts from 0 */
json_t *uns_report_progress_json(const struct uns_under_way *w);   /* {type,time,step,steps,phase,text,names,bytes,total_names,…} */
json_t *uns_report_actions_json(const struct uns_plan *p);         /* array of strings, one per step */
json_t *uns_report_diff_json(const struct uns_plan *p);            /* array of {file,before,after}: steps that edit text files */
json_t *uns_report_idspace_json(const struct uns_idspace *s);      /* array of {first,last,count,state,who,owners} */
/* How long the change of owners may take: a line for people, nothing where it is a matter of seconds; {inodes,bytes,seconds_min,seconds_max}. */
struct uns_estimate;
int uns_report_estimate(const struct uns_estimate *e, struct uns_buf *ret, struct uns_err *err);
json_t *uns_report_estimate_json(const struct uns_estimate *e);
/* The verdicts on all containers, grouped, at most 80 columns; and as an array of {name,id,verdict,reasons:[{finding,what,reason,remedy}]}. */
int uns_report_containers(const struct uns_verdicts *l, bool color, struct uns_buf *ret, struct uns_err *err);
json_t *uns_report_containers_json(const struct uns_verdicts *l);

#endif
