/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the options of shift. */
#include "cmd.h"

#include <string.h>

#include "uns/num.h"
#include "uns/tree.h"
#include "uns/vec.h"

int uns_extents_add(struct uns_extents *to, struct uns_extent e, struct uns_err *err)
{
	struct uns_extent *v = uns_vec_room(to->v, to->n, &to->cap, sizeof(*v));

	if (!v)
		return uns_err_nomem(err);
	to->v = v;
	v[to->n++] = e;
	return 0;
}

/* N numbers, separated by colons. */
static int read_numbers(const char *s, uint32_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(s, ":");

		if (uns_num_u32(s, len, &ret[i]) || (s[len] == ':') != (i + 1 < n))
			return -1;
		s += len + 1;
	}
	return 0;
}

int uns_value_map(struct uns_options *o, const char *arg, struct uns_err *err)
{
	uint32_t v[3];
	struct uns_extent e;

	if (!*arg || !strchr("ugb", *arg) || arg[1] != ':' || read_numbers(arg + 2, v, 3))
		return uns_err_set(err, UNS_E_USAGE, "--map=%s: expected u:FROM:TO:COUNT (or g: or b:) in plain decimal", arg);
	e = (struct uns_extent){v[0], v[1], v[2]};
	if (!uns_range_valid((struct uns_range){e.from, e.count}) || !uns_range_valid((struct uns_range){e.to, e.count}))
		return uns_err_set(err, UNS_E_USAGE, "--map=%s: expected at least one ID, and none above %u", arg, UNS_ID_LAST);
	if (*arg != 'g' && uns_extents_add(&o->shift.uid, e, err))
		return -1;
	return *arg != 'u' ? uns_extents_add(&o->shift.gid, e, err) : 0;
}

int uns_value_reverse(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->shift.reverse = true;
	return 0;
}

int uns_value_unmapped(struct uns_options *o, const char *arg, struct uns_err *err)
{
	static const char squash[] = "squash=";
	const char *id = arg + sizeof(squash) - 1;

	o->shift.unmapped = UNS_UNMAPPED_REFUSE;
	if (!strcmp(arg, "refuse"))
		return 0;
	o->shift.unmapped = UNS_UNMAPPED_KEEP;
	if (!strcmp(arg, "keep"))
		return 0;
	o->shift.unmapped = UNS_UNMAPPED_SQUASH;
	if (!strncmp(arg, squash, sizeof(squash) - 1) && !uns_num_u32(id, strlen(id), &o->shift.squash))
		return 0;
	return uns_err_set(err, UNS_E_USAGE, "--unmapped=%s: expected refuse, keep, or squash=ID in plain decimal", arg);
}

int uns_value_no_journal(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->shift.no_journal = true;
	return 0;
}

int uns_value_exclusive(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->shift.exclusive = true;
	return 0;
}

int uns_value_on_error(struct uns_options *o, const char *arg, struct uns_err *err)
{
	o->go_on = !strcmp(arg, "continue");
	if (o->go_on || !strcmp(arg, "stop"))
		return 0;
	return uns_err_set(err, UNS_E_USAGE, "--on-error=%s: expected stop or continue", arg);
}

int uns_value_even(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (*arg != '/')
		return uns_err_set(err, UNS_E_USAGE, "--even=%s: expected an absolute path", arg);
	o->shift.even = arg;
	return 0;
}

int uns_value_jobs(struct uns_options *o, const char *arg, struct uns_err *err)
{
	uint32_t n;

	if (uns_num_u32(arg, strlen(arg), &n) || n < 1 || n > UNS_WALK_JOBS_MAX)
		return uns_err_set(err, UNS_E_USAGE, "--jobs=%s: expected a number from 1 to %d", arg, UNS_WALK_JOBS_MAX);
	o->jobs = n;
	return 0;
}
