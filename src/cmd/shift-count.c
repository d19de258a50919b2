/* SPDX-License-Identifier: Apache-2.0 */
/* The dry run of shift: what is there, counted, and what would be refused. */
#include "shift.h"

#include <inttypes.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/report.h"
#include "uns/tree.h"

#define SHOWN 5 /* paths per problem in the text */

static int put_list(struct uns_buf *b, const char *label, const struct uns_census_list *l, struct uns_err *err)
{
	if (!l->n)
		return 0;
	if (uns_buf_printf(b, err, "  %-22s %" PRIu64 ":", label, l->n))
		return -1;
	for (size_t i = 0; i < l->paths.n && i < SHOWN; i++)
		if (uns_buf_printf(b, err, "%s %s", i ? "," : "", l->paths.v[i]))
			return -1;
	return uns_buf_puts(b, l->n > SHOWN ? ", …\n" : "\n", err);
}

static int put_count(struct uns_buf *b, const char *label, uint64_t n, struct uns_err *err)
{
	return n ? uns_buf_printf(b, err, "  %-22s %" PRIu64 "\n", label, n) : 0;
}

static int census_text(const char *path, const struct uns_census *c, struct uns_buf *b, struct uns_err *err)
{
	if (uns_report_safe(path, b, err) ||
	    uns_buf_printf(b, err, ": %" PRIu64 " inodes, %" PRIu64 " bytes\n", c->inodes, c->bytes) ||
	    uns_buf_printf(b, err, "  %-22s %" PRIu64 "\n", "to be shifted", c->home))
		return -1;
	return put_list(b, "there already", &c->in_target, err) || put_list(b, "outside the map", &c->unmapped, err) ||
	               put_count(b, "setuid, flags and such", c->specials, err) ||
	               put_count(b, "with capabilities", c->capabilities, err) || put_count(b, "with ACLs", c->acls, err) ||
	               put_count(b, "with several names", c->hard_links, err) || put_list(b, "names outside", &c->outside, err) ||
	               put_list(b, "immutable or such", &c->flagged, err)
	           ? -1
	           : 0;
}

static json_t *list_json(const struct uns_census_list *l)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < l->paths.n; i++)
		if (json_array_append_new(paths, uns_report_string_json(l->paths.v[i])) < 0) {
			json_decref(paths);
			return NULL;
		}
	return json_pack("{s:I, s:o}", "count", (json_int_t)l->n, "paths", paths);
}

static json_t *census_json(const char *path, const struct uns_census *c)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "path", uns_report_string_json(path),
	                 "inodes", (json_int_t)c->inodes, "bytes", (json_int_t)uns_num_signed(c->bytes), "to_shift", (json_int_t)c->home, "already",
	                 list_json(&c->in_target), "unmapped", list_json(&c->unmapped), "specials", (json_int_t)c->specials,
	                 "capabilities", (json_int_t)c->capabilities, "acls", (json_int_t)c->acls, "hard_links",
	                 (json_int_t)c->hard_links, "links_outside", list_json(&c->outside), "flagged", list_json(&c->flagged));
}

struct refusal {
	struct uns_buf text;
};

static void refusal_done(struct refusal *f)
{
	uns_buf_done(&f->text);
}

static int refuse(const struct uns_shift_cmd *j, struct refusal *f, const struct uns_census *c, struct uns_err *err)
{
	const struct uns_strs *ignore = &j->run->o->request.ignore;
	const struct {
		uint64_t n;
		bool accepted;
		const char *what;
	} all[] = {
	    {c->unmapped.n, j->run->o->shift.unmapped != UNS_UNMAPPED_REFUSE || uns_strs_has(ignore, "UnmappedId"),
	     "with IDs outside of the map (--unmapped=keep or squash=ID)"},
	    /* All there and nothing to move: that is done, not refused. */
	    {c->home ? c->in_target.n : 0, uns_strs_has(ignore, "TargetIdInUse"),
	     "with IDs that are targets (--ignore=TargetIdInUse)"},
	    {c->outside.n, uns_strs_has(ignore, "HardLinkOutside"), "with names outside the tree (--ignore=HardLinkOutside)"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].n && !all[i].accepted &&
		    uns_buf_printf(&f->text, err, "%s%" PRIu64 " inodes %s", f->text.len ? "; " : "", all[i].n, all[i].what))
			return -1;
	return 0;
}

static int one_census(const struct uns_shift_cmd *j, size_t i, struct uns_change *c, json_t *list, struct refusal *f, struct uns_err *err)
{
	uns_auto(uns_census_done) struct uns_census found = {.inodes = 0};
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	uns_auto_free char *path = uns_shift_place_path(&j->place[i], err);

	if (!path || uns_shift_census(j, i, &j->maps[0], &found, err) || census_text(path, &found, &text, err) || refuse(j, f, &found, err))
		return -1;
	uns_run_print(j->run, text.data);
	c->changed = c->changed || found.home;
	return json_array_append_new(list, census_json(path, &found)) < 0 ? uns_err_nomem(err) : 0;
}

int uns_shift_dry_run(struct uns_shift_cmd *j, struct uns_change *c, struct uns_err *err)
{
	uns_auto(refusal_done) struct refusal f = {.text = UNS_BUF_INIT};
	uns_auto_json json_t *list = json_array();

	if (!list)
		return uns_err_nomem(err);
	c->changed = false;
	for (size_t i = 0; i < j->n; i++)
		if (one_census(j, i, c, list, &f, err))
			return -1;
	if (uns_run_set(j->run, "trees", json_incref(list), err))
		return -1;
	c->changed = c->changed && !f.text.len;
	if (f.text.len)
		return uns_err_set(err, UNS_E_REFUSED, "this shift would be refused: %s", f.text.data);
	j->run->status = c->changed && j->run->o->detailed ? UNS_EXIT_CHANGED : 0;
	return 0;
}
