/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the plan floor: between the mechanism of the presets and their files. */
#ifndef UNS_PLAN_PRESET_H
#define UNS_PLAN_PRESET_H

#include "uns/preset.h"

struct uns_presetting {
	const struct uns_enginefacts *f;
	const struct uns_preset_request *r;
	struct uns_range_want *want;
	struct uns_range_request q; /* takes steps and findings */
	uint32_t count, least;      /* of the preset, until look says otherwise */
	uint32_t unit;              /* start and count must be multiples of it; 1: any */
	const char *least_why;      /* behind "at least N IDs"; NULL: nothing more to say */
};

#define uns_preset_say(s, id, object, remedy, err, ...)                                                                            \
	uns_findings_add((s)->q.findings, (s)->q.ignore, id, object, remedy, err, __VA_ARGS__)

/* Findings that several presets share. */
int uns_preset_need_program(const struct uns_presetting *s, enum uns_program_id id, const char *package, const char *why,
                            struct uns_err *err);

#endif
