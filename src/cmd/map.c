/* SPDX-License-Identifier: Apache-2.0 */
/* map: the ID space of this host, drawn. It judges nothing; range check does. */
#include "cmd.h"

#include <string.h>

#include "uns/cleanup.h"
#include "uns/ranges.h"
#include "uns/report.h"

#define ROWS 60 /* beyond, neighbouring ranges are counted; -v: all */

struct map {
	struct uns_idfacts facts;
	struct uns_idspace space[UNS_IDKINDS];
};

static void map_done(struct map *m)
{
	uns_idspace_done(&m->space[UNS_UID]);
	uns_idspace_done(&m->space[UNS_GID]);
	uns_idfacts_done(&m->facts);
}

static void free_allocator(struct uns_allocator **a)
{
	uns_allocator_free(*a);
}

static void free_model(struct uns_model **m)
{
	uns_model_free(*m);
}

static int show_next(struct uns_run *r, const struct map *m, struct uns_err *err)
{
	uns_auto(free_model) struct uns_model *model = uns_model_new(&m->facts, NULL, err);
	uns_auto(free_allocator) struct uns_allocator *a = model ? uns_allocator_new(model, err) : NULL;
	uns_auto_free char *text = NULL;
	uint32_t start = 0;
	int rc = a ? uns_allocator_next(a, UNS_ID_BLOCK, &start, err) : -1;

	if (rc < 0)
		return -1;
	text = rc ? uns_str_dup("no range of 65536 IDs is free\n", err)
	          : uns_str_printf(err, "the next free range of 65536 IDs begins at %u\n", start);
	if (!text)
		return -1;
	uns_run_print(r, text);
	return uns_run_set(r, "next", rc ? json_null() : json_integer(start), err);
}

static int show_kind(struct uns_run *r, const struct uns_idspace *s, const char *title, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (uns_buf_printf(&text, err, "%s\n", title) < 0 || uns_report_idspace(s, r->color_out, &text, err) < 0)
		return -1;
	if (s->collisions && uns_buf_printf(&text, err, "%zu collision%s: see usernsctl range check\n", s->collisions,
	                                    s->collisions == 1 ? "" : "s") < 0)
		return -1;
	if (uns_buf_puts(&text, "\n", err) < 0)
		return -1;
	uns_run_print(r, text.data);
	return 0;
}

static int show(struct uns_run *r, const struct map *m, struct uns_err *err)
{
	if (show_kind(r, &m->space[UNS_UID], "UIDs", err) < 0 || show_kind(r, &m->space[UNS_GID], "GIDs", err) < 0)
		return -1;
	uns_run_print(r, "# range  @ accounts  ~ in use without a range  - reserved  . free  ! collision\n");
	if (uns_run_set(r, "uid", uns_report_idspace_json(&m->space[UNS_UID]), err) < 0 ||
	    uns_run_set(r, "gid", uns_report_idspace_json(&m->space[UNS_GID]), err) < 0)
		return -1;
	return show_next(r, m, err);
}

static int draw(struct uns_run *r, const struct map *m, const char *file, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (uns_report_idspace_svg(m->space, &text, err) < 0 || uns_run_write_file(file, text.data, 0644, err) < 0)
		return -1;
	if (strcmp(file, "-") == 0)
		return 0;
	uns_run_note(r, "usernsctl: the picture is in %s", file);
	return uns_run_set(r, "svg", uns_report_string_json(file), err);
}

int uns_cmd_map(struct uns_run *r, struct uns_err *err)
{
	uns_auto(map_done) struct map m = {.facts.offline = false};
	const char *file = r->o->ranges.svg;
	bool alone = file && strcmp(file, "-") == 0;
	size_t most = r->o->verbose || r->o->json != UNS_JSON_NONE ? 0 : ROWS;

	if (alone && r->o->json != UNS_JSON_NONE)
		return uns_err_set(err, UNS_E_USAGE, "--svg=- and --json both write to the standard output; name a file");
	if (uns_idfacts_read(&r->root, &m.facts, err) < 0)
		return uns_change_explain(err);
	for (int kind = 0; kind < UNS_IDKINDS; kind++)
		if (uns_idspace_make(&m.facts, (enum uns_idkind)kind, most, &m.space[kind], err) < 0)
			return -1;
	if (file && draw(r, &m, file, err) < 0)
		return -1;
	return alone ? 0 : show(r, &m, err);
}
