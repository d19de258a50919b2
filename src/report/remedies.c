/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done about all findings at once: their commands, to copy and paste. */
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "uns/cleanup.h"
#include "uns/report.h"

#define BEGIN "########## BEGIN: commands that mend it; read each before you run it ##########\n"
#define END "########## END ##########\n"

struct command {
	const struct uns_finding *f;
	size_t at;   /* place in the order of showing */
	size_t more; /* of the first with this command: how many that follow have the same */
};

static int by_text(const void *pa, const void *pb)
{
	const struct command *a = pa, *b = pb;
	int r = strcmp(a->f->command, b->f->command);

	return r ? r : a->at < b->at ? -1 : a->at > b->at;
}

static int by_place(const void *pa, const void *pb)
{
	const struct command *const *a = pa, *const *b = pb;

	return (*a)->at < (*b)->at ? -1 : (*a)->at > (*b)->at;
}

/* The worst first: what is mended first may mend the rest. */
static size_t collect(const struct uns_finding *const *v, size_t n, struct command *ret)
{
	size_t found = 0;

	for (int severity = UNS_ERROR; severity >= UNS_INFO; severity--)
		for (size_t i = 0; i < n; i++)
			if (v[i]->command && !v[i]->ignored && (int)v[i]->check->severity == severity) {
				ret[found] = (struct command){.f = v[i], .at = found};
				found++;
			}
	qsort(ret, found, sizeof(*ret), by_text);
	return found;
}

/* Each command once, where it stands first. */
static size_t choose(struct command *v, size_t n, const struct command **ret)
{
	size_t chosen = 0;

	for (size_t i = 0, first = 0; i < n; i++) {
		if (i > 0 && strcmp(v[i].f->command, v[first].f->command) == 0) {
			v[first].more++;
			continue;
		}
		first = i;
		ret[chosen++] = &v[i];
	}
	qsort(ret, chosen, sizeof(const struct command *), by_place);
	return chosen;
}

/* The ids that it is for as a comment; then itself. */
static int put_command(struct uns_buf *b, const struct command *c, struct uns_err *err)
{
	if (uns_buf_printf(b, err, "# %s", c->f->check->id) < 0)
		return -1;
	for (size_t i = 1; i <= c->more; i++)
		if (c[i].f->check != c[i - 1].f->check && uns_buf_printf(b, err, ", %s", c[i].f->check->id) < 0)
			return -1;
	if (uns_buf_puts(b, "\n", err) < 0 || uns_report_safe(c->f->command, b, err) < 0)
		return -1;
	return uns_buf_puts(b, "\n", err);
}

int uns_report_remedies(const struct uns_findings *f, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_free const struct uns_finding **order = uns_report_order(f, err);
	uns_auto_free struct command *all = calloc(f->n + 1, sizeof(*all));
	uns_auto_free const struct command **chosen = calloc(f->n + 1, sizeof(const struct command *));
	size_t n;

	if (!order || !all || !chosen)
		return uns_err_nomem(err);
	n = choose(all, collect(order, f->n, all), chosen);
	if (n == 0)
		return 0;
	if (uns_buf_puts(ret, BEGIN, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put_command(ret, chosen[i], err) < 0)
			return -1;
	return uns_buf_puts(ret, END, err);
}
