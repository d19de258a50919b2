/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/subuid and /etc/subgid: subuid(5), shadow lib/subordinateio.c, moby/sys/user ParseSubIDFilter. Lossless and lenient: all
 * bytes are kept, and a line that one consumer reads and another does not is an entry with flaws; what each consumer makes of a
 * flaw is uns/consumer.h. An edit adds and removes whole lines, nothing else. Pure. */
#ifndef UNS_SUBID_H
#define UNS_SUBID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uns/consumer.h"
#include "uns/err.h"
#include "uns/idmap.h"
#include "uns/str.h"

/* Both kinds of ID, as the index of arrays of two. */
enum uns_idkind { UNS_UID, UNS_GID, UNS_IDKINDS };

/* A line that is neither empty nor a plain comment ('#' first; with a newline, no NUL byte and at most 65535 bytes, for without
 * these a comment spoils the file for somebody too). 32 bytes, because there may be a million. */
struct uns_subid_line {
	const char *owner;      /* in the text, NUL-terminated; blanks in front are skipped; "" when there is no ':', or a NUL byte
	                         * before it */
	struct uns_range range; /* as strtoul with base 0 means it where that is 32 bit (past the end: the IDs that are left);
	                         * count 0: the line gives nobody a range (always so with NIS, FIELDS and NO_NUMBER) */
	uint32_t line;          /* 1-based */
	uint32_t flaws;         /* UNS_FLAW_BIT of what is unusual about it; 0: canonical */
	uint32_t at, len;       /* the line's bytes in the text, without the newline */
};

struct uns_subid {
	char *text; /* the file, but with the ':' behind each owner replaced by NUL */
	size_t len;
	struct uns_subid_line *v; /* in file order */
	size_t n, cap;
};

/* Flaws that say nothing false about who owns which IDs: what a command that only needs that may go on with. */
#define UNS_SUBID_TOLERATED                                                                                                        \
	(UNS_FLAW_BIT(UNS_FLAW_NO_NEWLINE) | UNS_FLAW_BIT(UNS_FLAW_NUMERIC_OWNER) | UNS_FLAW_BIT(UNS_FLAW_DISABLED) |              \
	 UNS_FLAW_BIT(UNS_FLAW_BLANK_LINE) | UNS_FLAW_BIT(UNS_FLAW_NIS))

/* Flaws that leave no doubt about the numbers: who reads the line at all reads the same, so that it can be written anew. */
#define UNS_SUBID_MENDABLE                                                                                                         \
	(UNS_FLAW_BIT(UNS_FLAW_NO_NEWLINE) | UNS_FLAW_BIT(UNS_FLAW_CR) | UNS_FLAW_BIT(UNS_FLAW_LEADING_BLANK) |                    \
	 UNS_FLAW_BIT(UNS_FLAW_TRAILING_BLANK) | UNS_FLAW_BIT(UNS_FLAW_NUMBER_BLANK) | UNS_FLAW_BIT(UNS_FLAW_HEX) |                \
	 UNS_FLAW_BIT(UNS_FLAW_PLUS) | UNS_FLAW_BIT(UNS_FLAW_FOURTH_FIELD) | UNS_FLAW_BIT(UNS_FLAW_NUMERIC_OWNER))

void uns_subid_done(struct uns_subid *s);
/* Takes the text (emptied also on failure, which is out of memory, or UNS_E_INPUT for 4 GiB and more). Linear; one allocation. */
int uns_subid_read(struct uns_buf *text, struct uns_subid *ret, struct uns_err *err);
/* The same from bytes that stay the caller's, and strict: the first line with a flaw that is not in UNS_SUBID_TOLERATED is
 * UNS_E_INPUT "<file>:<line>:<column>: found …; expected owner:start:count in decimal" (the leftmost of the line). */
int uns_subid_parse(const char *text, size_t len, const char *file, struct uns_subid *ret, struct uns_err *err);
/* That judgement of a file that was read already. */
int uns_subid_strict(const struct uns_subid *s, const char *file, struct uns_err *err);
/* Appends the line's bytes as they stand in the file (no newline). */
int uns_subid_raw(const struct uns_subid *s, const struct uns_subid_line *l, struct uns_buf *ret, struct uns_err *err);
/* The whole text as it was read. */
int uns_subid_print(const struct uns_subid *s, struct uns_buf *ret, struct uns_err *err);

/* Whether we write this name as an owner: no blank, control character, ':', '#' (where Incus cuts the line) or byte above 0x7e, not
 * empty, none of "+-!~" in front, at most 255 bytes. LDAP names (alice@example.org, Alice.B, DOM\alice, alice$) and numbers
 * pass. */
bool uns_subid_owner_valid(const char *owner);
/* "owner:start:count" without a newline, heap; the owner must be valid and the range uns_range_valid, else UNS_E_INPUT. */
char *uns_subid_line_text(const char *owner, struct uns_range range, struct uns_err *err);
/* The owner that a line of bytes belongs to, by the rule of uns_subid_line.owner; *ret_len 0: none. Points into the line. */
const char *uns_subid_owner_of(const char *line, size_t len, size_t *ret_len);

/* Appends the text with each line of "remove" taken out once (its last occurrence; a line listed twice: two of them; one that is
 * not there is UNS_E_CONFLICT) and each line of "add" put in: in the place of one that goes and has the same range, else in ascending place by start among the lines with a range that stay,
 * when these are ascending, else behind the last of them (there are none: at the end); behind the lower neighbour rather than
 * before the higher one, whose comment stands above it; never after a line that starts with '+' or '-'. Added lines of one owner
 * keep their order, because dockerd maps ranges in the order of the file. A line that is in both lists stays where it is. A missing
 * final newline is mended when a line is added behind it. All other bytes stay. A line of "add" with a newline in it is
 * UNS_E_INPUT. O((n + m) log m). */
int uns_subid_edit(const char *text, size_t len, const struct uns_strs *remove, const struct uns_strs *add, struct uns_buf *ret,
                   struct uns_err *err);

#endif
