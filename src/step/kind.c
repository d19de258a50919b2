/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/step.h"

static const struct uns_kind *const kinds[] = {
	&uns_kind_account,     &uns_kind_containers, &uns_kind_engine_sets, &uns_kind_env_option, &uns_kind_final_newline, &uns_kind_interlock,
	&uns_kind_json_member, &uns_kind_json_paths,  &uns_kind_mkdir,      &uns_kind_nest,          &uns_kind_own_file,
	&uns_kind_owner_mode,  &uns_kind_reload,      &uns_kind_rename,     &uns_kind_service,       &uns_kind_shift_tree,
	&uns_kind_subid_lines, &uns_kind_validate,    &uns_kind_toml_member, &uns_kind_volume,
};

const struct uns_kind *uns_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

int uns_steps_check(const struct uns_plan *plan, const char *file, struct uns_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct uns_kind *k = uns_kind_find(plan->v[i].kind);

		if (!k)
			return uns_err_set(err, UNS_E_INPUT, "%s: step %zu: unknown kind \"%s\"", file, i + 1, plan->v[i].kind);
		if (k->check(plan->v[i].args, err))
			return uns_err_prefix(err, "%s: step %zu (%s)", file, i + 1, k->name);
	}
	return 0;
}

static enum uns_side flip(enum uns_side side, bool reverse)
{
	if (!reverse || side == UNS_EITHER || side == UNS_FOREIGN)
		return side;
	return side == UNS_BEFORE ? UNS_AFTER : UNS_BEFORE;
}

int uns_step_observe(struct uns_step_ctx *c, enum uns_side *ret, struct uns_err *err)
{
	enum uns_side side;

	c->why[0] = '\0';
	if (uns_kind_find(c->step->kind)->observe(c, &side, err))
		return -1;
	*ret = flip(side, c->step->reverse);
	return 0;
}

int uns_step_drive(struct uns_step_ctx *c, enum uns_side to, struct uns_err *err)
{
	return uns_kind_find(c->step->kind)->drive(c, flip(to, c->step->reverse), err);
}

int uns_step_describe(const struct uns_step *s, struct uns_buf *ret, struct uns_err *err)
{
	return uns_kind_find(s->kind)->describe(s->args, s->reverse, ret, err);
}

void uns_held_done(struct uns_held *h)
{
	for (size_t i = 0; i < h->n; i++)
		close(h->fd[i]);
	free(h->fd);
	*h = (struct uns_held){ NULL, 0 };
}
