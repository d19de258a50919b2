/* SPDX-License-Identifier: Apache-2.0 */
/* The ID space as rows of text, as JSON, and as a picture. */
#include <string.h>

#include "uns/cleanup.h"
#include "uns/report.h"

#define WIDTH 80
#define LABEL_AT 44 /* column of the text behind the numbers */

static const struct look {
	char bar;
	const char *color, *fill; /* an escape sequence; a CSS color that is read on white and on black */
} looks[UNS_BAND_STATES] = {
    [UNS_BAND_FREE] = {'.', "", "#9aa5b1"},
    [UNS_BAND_RESERVED] = {'-', "\033[2m", "#5b6770"},
    [UNS_BAND_ACCOUNTS] = {'@', "\033[36m", "#1d7f9c"},
    [UNS_BAND_RANGE] = {'#', "\033[32m", "#3d8b40"},
    [UNS_BAND_USED] = {'~', "\033[33m", "#b7791f"},
    [UNS_BAND_COLLISION] = {'!', "\033[1;31m", "#d0342c"},
};

static uint64_t count_of(const struct uns_band *b)
{
	return (uint64_t)b->last - b->first + 1;
}

static int bits_of(uint64_t n)
{
	return 64 - __builtin_clzll(n | 1);
}

/* Who has it, in one text: "collision: alice (line 1), bob (line 2) and 3 more". */
static int put_who(const struct uns_band *b, struct uns_buf *ret, struct uns_err *err)
{
	if (b->who.n == 0)
		return uns_buf_puts(ret, uns_band_state_name(b->state), err);
	if (b->state == UNS_BAND_COLLISION && uns_buf_puts(ret, "COLLISION: ", err) < 0)
		return -1;
	for (size_t i = 0; i < b->who.n; i++)
		if (uns_buf_puts(ret, i ? ", " : "", err) < 0 || uns_report_safe(b->who.v[i], ret, err) < 0)
			return -1;
	if (b->who.n > 1 && b->all > b->who.n)
		return uns_buf_printf(ret, err, " and %zu more", b->all - b->who.n);
	return 0;
}

/* ---- text ---- */

/* Of the next word, or of the part of it that has room on a line of its own; characters stay whole. */
static size_t word_length(const char *text)
{
	size_t len = strcspn(text, " ");

	if (len <= WIDTH - LABEL_AT)
		return len;
	for (len = WIDTH - LABEL_AT; len > 1 && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

/* Words; a new line, indented, where the next one would pass the edge. */
static int put_wrapped(const char *text, struct uns_buf *ret, struct uns_err *err)
{
	size_t at = LABEL_AT;

	while (*text) {
		size_t word = word_length(text);
		bool first = at == LABEL_AT;

		if (!first && at + 1 + word > WIDTH) {
			if (uns_buf_printf(ret, err, "\n%*s", LABEL_AT, "") < 0)
				return -1;
			at = LABEL_AT;
			first = true;
		}
		if ((!first && uns_buf_puts(ret, " ", err) < 0) || uns_buf_append(ret, text, word, err) < 0)
			return -1;
		at += word + !first;
		text += word + (text[word] == ' ');
	}
	return uns_buf_puts(ret, "\n", err);
}

static int put_row(const struct uns_band *b, bool color, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	const struct look *look = &looks[b->state];
	char bar[9];
	int len = 1 + (bits_of(count_of(b)) - 1) / 4;

	memset(bar, look->bar, sizeof(bar));
	bar[len < 8 ? len : 8] = '\0';
	color = color && *look->color;
	if (put_who(b, &who, err) < 0 ||
	    uns_buf_printf(ret, err, "%s%-8s%s %10u %10u %10llu  ", color ? look->color : "", bar, color ? "\033[0m" : "", b->first,
	                   b->last, (unsigned long long)count_of(b)) < 0)
		return -1;
	return put_wrapped(who.data, ret, err);
}

int uns_report_idspace(const struct uns_idspace *s, bool color, struct uns_buf *ret, struct uns_err *err)
{
	if (uns_buf_printf(ret, err, "%-8s %10s %10s %10s  %s\n", "", "first", "last", "IDs", "who") < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (put_row(&s->v[i], color, ret, err) < 0)
			return -1;
	return 0;
}

/* ---- JSON ---- */

static json_t *band_json(const struct uns_band *b)
{
	json_t *who = json_array();

	for (size_t i = 0; i < b->who.n; i++)
		json_array_append_new(who, uns_report_string_json(b->who.v[i]));
	return json_pack("{s:I, s:I, s:I, s:s, s:o, s:I}", "first", (json_int_t)b->first, "last", (json_int_t)b->last, "count",
	                 (json_int_t)count_of(b), "state", uns_band_state_name(b->state), "who", who, "owners", (json_int_t)b->all);
}

json_t *uns_report_idspace_json(const struct uns_idspace *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(list, band_json(&s->v[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* ---- SVG ---- */

#define HEAD 56    /* above the bands */
#define FOOT 40    /* the legend */
#define COLUMN 560 /* of one kind */
#define BAR_AT 100
#define BAR_WIDTH 90
#define TEXT_CHARS 48 /* of a label; all of it is in the title */

static int band_height(const struct uns_band *b)
{
	return 14 + bits_of(count_of(b));
}

static int space_height(const struct uns_idspace *s)
{
	int height = 0;

	for (size_t i = 0; i < s->n; i++)
		height += band_height(&s->v[i]);
	return height;
}

/* At most "most" bytes, at a character's end, as XML. */
static int put_xml(const char *s, size_t most, struct uns_buf *ret, struct uns_err *err)
{
	size_t len = strlen(s);
	bool cut = len > most;

	if (cut)
		for (len = most; len && ((unsigned char)s[len] & 0xc0) == 0x80;)
			len--;
	for (size_t i = 0; i < len; i++) {
		const char *as = s[i] == '&'   ? "&amp;"
		                 : s[i] == '<' ? "&lt;"
		                 : s[i] == '>' ? "&gt;"
		                 : s[i] == '"' ? "&quot;"
		                               : NULL;

		if ((as ? uns_buf_puts(ret, as, err) : uns_buf_append(ret, &s[i], 1, err)) < 0)
			return -1;
	}
	return cut ? uns_buf_puts(ret, "…", err) : 0;
}

static int svg_band(const struct uns_band *b, int x, int y, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf who = UNS_BUF_INIT;
	int height = band_height(b), middle = y + height / 2 + 4;

	if (put_who(b, &who, err) < 0 ||
	    uns_buf_printf(ret, err, "<g><title>%u to %u, %llu IDs, ", b->first, b->last, (unsigned long long)count_of(b)) < 0 ||
	    put_xml(who.data, who.len, ret, err) < 0 ||
	    uns_buf_printf(ret, err,
	                   "</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>"
	                   "<text class=\"n\" x=\"%d\" y=\"%d\">%u</text><text class=\"%s\" x=\"%d\" y=\"%d\">",
	                   x + BAR_AT, y, BAR_WIDTH, height - 2, looks[b->state].fill, x + BAR_AT - 8, middle, b->first,
	                   uns_band_state_name(b->state), x + BAR_AT + BAR_WIDTH + 8, middle) < 0 ||
	    put_xml(who.data, TEXT_CHARS, ret, err) < 0)
		return -1;
	return uns_buf_puts(ret, "</text></g>\n", err);
}

static int svg_space(const struct uns_idspace *s, const char *title, int x, struct uns_buf *ret, struct uns_err *err)
{
	int y = HEAD;

	if (uns_buf_printf(ret, err, "<text class=\"h\" x=\"%d\" y=\"%d\">%s</text>\n", x + BAR_AT, HEAD - 20, title) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (svg_band(&s->v[i], x, y, ret, err) < 0)
			return -1;
		y += band_height(&s->v[i]);
	}
	return 0;
}

static int svg_legend(int y, struct uns_buf *ret, struct uns_err *err)
{
	for (int i = 0; i < UNS_BAND_STATES; i++)
		if (uns_buf_printf(
		        ret, err,
		        "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
		        BAR_AT + 130 * i, y, looks[i].fill, BAR_AT + 130 * i + 20, y + 12, uns_band_state_name(i)) < 0)
			return -1;
	return 0;
}

int uns_report_idspace_svg(const struct uns_idspace s[UNS_IDKINDS], struct uns_buf *ret, struct uns_err *err)
{
	int u = space_height(&s[UNS_UID]), g = space_height(&s[UNS_GID]), height = HEAD + (u > g ? u : g) + FOOT;

	if (uns_buf_printf(
	        ret, err,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n"
	        "<title>User and group IDs of this host</title>\n"
	        "<style>svg{background:#fff}text{font:13px sans-serif;fill:#1f2933}.h{font-weight:bold;font-size:16px}"
	        ".n{text-anchor:end;font-family:monospace}.free{fill:#7b8794}.collision{fill:#d0342c;font-weight:bold}"
	        "@media(prefers-color-scheme:dark){svg{background:#14181c}text{fill:#e4e7eb}.collision{fill:#ff8a80}}"
	        "</style>\n",
	        2 * COLUMN, height, 2 * COLUMN, height) < 0)
		return -1;
	if (svg_space(&s[UNS_UID], "UIDs", 0, ret, err) < 0 || svg_space(&s[UNS_GID], "GIDs", COLUMN, ret, err) < 0 ||
	    svg_legend(height - FOOT + 16, ret, err) < 0)
		return -1;
	return uns_buf_puts(ret, "</svg>\n", err);
}
