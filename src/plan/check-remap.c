/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the settings still lead to the tree that the data is in: somebody may have edited the option, or the lines of its user. */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"

bool uns_plan_is_needed(const struct uns_intent *w, const struct uns_old_tree *t)
{
	const struct uns_store *used = w->option ? &w->f->nested : &w->f->flat;

	return !w->rooted && (t->containers > 0 || t->volumes > 0 || t->layers) && !uns_plan_has_data(used);
}

/* enable does not lead there either. The tree 0.0 is that of the value root, which is a matter of its own. */
bool uns_plan_is_lost(const struct uns_intent *w, const struct uns_old_tree *t)
{
	if (strcmp(t->name, "0.0") == 0 || !uns_plan_is_needed(w, t))
		return false;
	return !w->into || strcmp(t->name, w->into) != 0;
}

/* "dockremap:524288:65536 in /etc/subuid and dockremap:524288:65536 in /etc/subgid" */
static char *lines_of(const struct uns_intent *w, const struct uns_old_tree *t, struct uns_err *err)
{
	const char *user = w->owner && !w->rooted ? w->owner : w->r->user, *dot = strchr(t->name, '.');
	uint32_t count = w->have_shift && w->shift.uid.count > UNS_ID_BLOCK ? w->shift.uid.count : UNS_ID_BLOCK;
	int uid = dot ? (int)(dot - t->name) : 0;

	return uns_str_printf(err, "%s:%.*s:%u in " UNS_SUBUID " and %s:%s:%u in " UNS_SUBGID, user, uid, t->name, count, user,
	                      dot ? dot + 1 : "", count);
}

static int add_lost(const struct uns_intent *w, const struct uns_old_tree *t, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", w->root, t->name);
	uns_auto_free char *word = path ? uns_str_shell(path, err) : NULL, *lines = word ? lines_of(w, t, err) : NULL;
	uns_auto_free char *remedy = NULL;

	if (!lines)
		return -1;
	remedy = uns_str_printf(err,
	                        "with the engine stopped, make the lines of the remap user as they were (%s: that count, or what it was), "
	                        "and the option " UNS_OPTION " name that user; if nothing of the tree is needed, move it away: mv %s %s/.%s.old",
	                        lines, word, w->root, t->name);
	if (!remedy)
		return -1;
	return uns_intent_add(w, "RemapTreeLost", path, remedy, err,
	                      "%zu containers, %zu volumes%s are in this tree, and the engine does not find them: " UNS_OPTION
	                      " and the lines in " UNS_SUBUID " and " UNS_SUBGID " %s%s%s",
	                      t->containers, t->volumes, t->layers ? " and the layers of images" : "",
	                      w->option && w->f->active_dir ? "lead to the tree " : "lead to no tree with data",
	                      w->option && w->f->active_dir ? w->f->active_dir : "",
	                      w->option && w->f->active_dir ? ", which has no data" : "");
}

/* enable makes its own user and lines; those of another one that the option names it does not. Where no tree has data nothing can be
 * lost: there it sets the option anew. */
static int check_owner_range(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;
	bool needed = false;

	for (size_t i = 0; i < h->olds; i++)
		needed |= uns_plan_is_needed(w, &h->old[i]);
	if (!needed || w->r->command != UNS_ENABLE || !w->option || w->rooted || strcmp(w->owner, w->r->user) == 0 ||
	    (uns_plan_own(w->f, UNS_UID, w->owner).n > 0 && uns_plan_own(w->f, UNS_GID, w->owner).n > 0))
		return 0;
	return uns_intent_add(w, "RemapBroken", w->owner,
	                      "let the option name the user that has the range, or take it out when remapping was never on", err,
	                      "the option " UNS_OPTION " names %s, who has no range in " UNS_SUBUID " or " UNS_SUBGID
	                      ": the engine does not start, and nothing tells which tree is in use",
	                      w->owner);
}

static int check_cut(const struct uns_intent *w, struct uns_err *err)
{
	uint32_t count = w->shift.uid.count < w->shift.gid.count ? w->shift.uid.count : w->shift.gid.count;

	if (w->r->command != UNS_ENABLE || !w->have_shift || !w->option || count >= UNS_ID_BLOCK || !uns_plan_has_data(&w->f->nested) ||
	    !w->f->active_dir || strcmp(w->f->active_dir, w->into) != 0)
		return 0;
	return uns_intent_add(w, "RangeCut", w->owner,
	                      "let its lines in " UNS_SUBUID " and " UNS_SUBGID " have 65536 IDs, and restart the engine", err,
	                      "the range that is in use has %u IDs: users and groups of containers from %u up, such as nobody (65534), are "
	                      "in no map, and their files belong to nobody who is in one",
	                      count, count);
}

int uns_plan_check_remap(const struct uns_intent *w, struct uns_err *err)
{
	const struct uns_hostfacts *h = &w->f->host;

	if (w->r->command == UNS_DAEMON)
		return 0;
	if (check_owner_range(w, err) < 0 || check_cut(w, err) < 0)
		return -1;
	/* Without the option there is nothing to take away; and the way back to data that lies in the root itself is open. */
	if (w->r->command != UNS_ENABLE && (!w->option || (w->r->command == UNS_DISABLE && uns_plan_has_data(&w->f->flat))))
		return 0;
	for (size_t i = 0; i < h->olds; i++)
		if (uns_plan_is_lost(w, &h->old[i]) && add_lost(w, &h->old[i], err) < 0)
			return -1;
	return 0;
}
