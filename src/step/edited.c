/* SPDX-License-Identifier: Apache-2.0 */
/* What a step makes of a text, to be shown before it is done: by the edits that do it. */
#include <string.h>

#include "text.h"
#include "uns/cleanup.h"
#include "uns/json.h"

static const struct {
	const char *kind;
	int (*edit)(const json_t *args, enum uns_side to, struct text *t, struct uns_err *err);
} edits[] = {
	{ "env-option", text_edit_env_option },       { "final-newline", text_edit_final_newline },
	{ "json-member", text_edit_json_member },     { "own-file", text_edit_own_file },
	{ "subid-lines", text_edit_subid_lines },     { "toml-member", text_edit_toml_member },
};

/* The text goes in as t->old, and what it became comes out of it. */
static int take(struct text *t, int answer, struct uns_buf *text, bool *there)
{
	uns_buf_done(text);
	if (answer == TEXT_NEW) {
		*text = t->new;
		t->new = (struct uns_buf)UNS_BUF_INIT;
		*there = true;
	} else if (answer != TEXT_REMOVE) {
		*text = t->old;
		t->old = (struct uns_buf)UNS_BUF_INIT;
	} else {
		*there = false;
	}
	return 0;
}

int uns_step_edited(const struct uns_step *s, struct uns_buf *text, bool *there, struct uns_err *err)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		uns_auto(text_done) struct text t = { .file = uns_json_str_or(s->args, "file", ""), .existed = *there };
		int answer;

		if (strcmp(edits[i].kind, s->kind) != 0)
			continue;
		if (uns_buf_append(&t.old, text->data ? text->data : "", text->len, err) < 0)
			return -1;
		answer = edits[i].edit(s->args, s->reverse ? UNS_BEFORE : UNS_AFTER, &t, err);
		return answer < 0 ? -1 : take(&t, answer, text, there);
	}
	return 1;
}
