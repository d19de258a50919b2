/* SPDX-License-Identifier: Apache-2.0 */
/* What was recorded on a device (a subvolume of btrfs, a layer of overlayfs) whose path leads to something else by now. Its inodes
 * are known by their handles wherever the walk meets them; where it meets none of them, they are gone, and that is said. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shift.h"
#include "uns/cleanup.h"

#define NAMED 5 /* paths */
#define WHAT "inodes with setuid, capability, flags or another owner were recorded"

int uns_shift_lost_begin(const struct uns_shift_job *job, struct uns_shift_met *ret, struct uns_err *err)
{
	ret->again = calloc(job->rec.n_lost + 1, sizeof(*ret->again));
	ret->first = calloc(job->first.n_lost + 1, sizeof(*ret->first));
	return ret->again && ret->first ? 0 : uns_err_nomem(err);
}

void uns_shift_met_done(struct uns_shift_met *m)
{
	free(m->again);
	free(m->first);
	*m = (struct uns_shift_met){0};
}

static void meet(const struct uns_shift_record *r, const struct uns_shift_special *s, bool *met)
{
	ssize_t i = s ? uns_shift_lost_no(r, s->dev) : -1;

	if (i >= 0)
		met[i] = true;
}

void uns_shift_lost_meet(const struct uns_shift_job *job, const struct uns_shift_special *s, const struct uns_entry *e,
                         struct uns_shift_met *met)
{
	meet(&job->rec, s, met->again);
	if (job->first.n_lost)
		meet(&job->first, uns_shift_find_special(&job->first, e), met->first);
}

void uns_shift_lost_join(const struct uns_shift_job *job, struct uns_shift_met *met, const struct uns_shift_met *more)
{
	for (size_t i = 0; i < job->rec.n_lost; i++)
		met->again[i] = met->again[i] || more->again[i];
	for (size_t i = 0; i < job->first.n_lost; i++)
		met->first[i] = met->first[i] || more->first[i];
}

/* The record of this leg tells of it, too. */
static bool is_told(const struct uns_shift_job *job, const struct uns_shift_special *s)
{
	bool told = false;

	for (size_t i = 0; !told && i < job->rec.n_lost; i++) {
		const struct uns_inoslot *slot = uns_inomap_find(&job->rec.special_at, uns_shift_lost_dev(i), s->id.ino);

		told = slot && uns_shift_same_identity(&job->rec.specials[slot->value - 1].id, &s->id);
	}
	return told;
}

/* What is not met and is all that was at the path of its device was deleted, as any file may be. */
static uint64_t count(const struct uns_shift_job *job, const struct uns_shift_record *r, size_t lost)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n_specials; i++)
		n += r->specials[i].dev == uns_shift_lost_dev(lost) && strcmp(r->specials[i].path, r->devs.v[r->lost[lost]]) != 0 &&
		     (r == &job->rec || !is_told(job, &r->specials[i]));
	return n;
}

struct gone {
	uint64_t inodes;
	size_t paths;
	struct uns_buf text;
};

static void gone_done(struct gone *g)
{
	uns_buf_done(&g->text);
}

static int add_gone(struct gone *g, const struct uns_shift_job *job, const struct uns_shift_record *r, const bool *met, struct uns_err *err)
{
	for (size_t i = 0; i < r->n_lost; i++) {
		uint64_t n = met[i] ? 0 : count(job, r, i);

		g->inodes += n;
		if (!n || ++g->paths > NAMED)
			continue;
		if (uns_buf_printf(&g->text, err, "%s%s", g->text.len ? ", " : "", r->devs.v[r->lost[i]]))
			return -1;
	}
	return g->paths > NAMED ? uns_buf_puts(&g->text, ", …", err) : 0;
}

static int say(const struct uns_shift_job *job, const struct gone *g, struct uns_err *err)
{
	uns_auto_free char *line = NULL;

	if (!job->c->tell)
		return 0;
	line = uns_str_printf(err, "%" PRIu64 " " WHAT " below %s in what is gone from there, and are left as they are: %s", g->inodes,
	                      job->args.base, g->text.data);
	if (!line)
		return -1;
	job->c->tell(job->c->tell_user, line);
	return 0;
}

/* On the way back, in the leg or in a later one, it must not keep the transaction pending for ever: what is gone cannot be given
 * anything. */
int uns_shift_report_lost(struct uns_shift_job *job, struct uns_err *err)
{
	uns_auto(gone_done) struct gone g = {.text = UNS_BUF_INIT};
	uint64_t ours;

	if (add_gone(&g, job, &job->rec, job->met_lost.again, err))
		return -1;
	ours = g.inodes;
	if (job->to == UNS_BEFORE && add_gone(&g, job, &job->first, job->met_lost.first, err))
		return -1;
	job->lost = g.inodes;
	if (!g.inodes)
		return 0;
	if (!ours || job->c->leg || job->to == job->rec.from)
		return say(job, &g, err);
	return uns_err_set(err, UNS_E_INCOMPLETE,
	                   "%" PRIu64 " " WHAT " below %s in what is gone from there: %s; put it back and resume, or roll back without it",
	                   g.inodes, job->args.base, g.text.data);
}
