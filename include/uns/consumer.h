/* SPDX-License-Identifier: Apache-2.0 */
/* What each program makes of an unusual line of /etc/subuid or /etc/subgid. One table, data. Sources: shadow 4.13 and 4.20
 * lib/subordinateio.c and lib/commonio.c, moby daemon and moby/sys/user (20.10 … 29), containers/storage, rootlesskit, incus
 * shared/idmap, LXC 5.0 lxc-usernsexec, util-linux 2.38 unshare --map-auto; each cell was run, or else read in these sources. A
 * cell says what the program itself makes of the line: that newuidmap then refuses what it has not read is newuidmap's own cell.
 * Pure. */
#ifndef UNS_CONSUMER_H
#define UNS_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

enum uns_consumer {
	UNS_NEWUIDMAP_413, /* shadow ≤ 4.18: newuidmap, getsubids, useradd, usermod */
	UNS_NEWUIDMAP_420, /* shadow ≥ 4.19 */
	UNS_DOCKERD_20,    /* 20.10 … 27 */
	UNS_DOCKERD_28,
	UNS_PODMAN,        /* containers/storage reading the files; a build with libsubid (Debian's) reads as newuidmap does */
	UNS_ROOTLESSKIT,   /* static subid source */
	UNS_INCUS,         /* root's lines */
	UNS_LXC,           /* lxc-usernsexec */
	UNS_UNSHARE,       /* --map-auto */
	UNS_CONSUMERS
};
extern const char *const uns_consumer_names[UNS_CONSUMERS]; /* "dockerd >= 28" */

/* What is unusual. One bit each in uns_subid_line.flaws, but for the last group, which is about several lines. */
enum uns_flaw {
	UNS_FLAW_NO_NEWLINE,     /* the last line of the file has no newline */
	UNS_FLAW_CR,             /* ends in CR LF */
	UNS_FLAW_LEADING_BLANK,
	UNS_FLAW_TRAILING_BLANK,
	UNS_FLAW_NUMBER_BLANK,   /* a blank in front of a number: "bob: 100000:65536" */
	UNS_FLAW_HEX,            /* 0x186a0 */
	UNS_FLAW_OCTAL,          /* 0100000 */
	UNS_FLAW_PLUS,           /* +100000 */
	UNS_FLAW_NEGATIVE,       /* -1 */
	UNS_FLAW_NO_NUMBER,      /* "abc", or nothing at all */
	UNS_FLAW_FOURTH_FIELD,
	UNS_FLAW_NOTE,           /* something behind the count: "65536 # note" */
	UNS_FLAW_FIELDS,         /* fewer than three fields */
	UNS_FLAW_BLANK_LINE,     /* blanks only, at least one; or blanks in front of a comment */
	UNS_FLAW_NUMERIC_OWNER,
	UNS_FLAW_DISABLED,       /* '!' in front, as Apptainer disables a line */
	UNS_FLAW_NIS,            /* '+' or '-' in front */
	UNS_FLAW_PAST_END,       /* start + count - 1 beyond 4294967294, or a number beyond 32 bit */
	UNS_FLAW_ZERO_COUNT,
	UNS_FLAW_LONG,           /* more than 1023 bytes */
	UNS_FLAW_VERY_LONG,      /* more than 65535 bytes */
	UNS_FLAW_NUL,
	UNS_FLAW_BAD_OWNER,      /* empty, or a blank or control character in it: no account has such a name */
	UNS_FLAW_HASH,           /* '#' inside the owner or the start */
	UNS_FLAW_LINE_FLAWS,     /* how many of the above */
	UNS_FLAW_SEVERAL = UNS_FLAW_LINE_FLAWS, /* two ranges of one owner, the second lower */
	UNS_FLAW_NAME_AND_UID,   /* lines of one owner by name and by UID */
	UNS_FLAW_DUPLICATE,      /* the same line twice */
	UNS_FLAWS
};
#define UNS_FLAW_BIT(flaw) (1u << (flaw))
extern const char *const uns_flaw_names[UNS_FLAWS]; /* "a hexadecimal number" */

enum uns_effect {
	UNS_READS,        /* as meant (of a blank line: skips it) */
	UNS_IGNORES_LINE, /* the line does not exist for it */
	UNS_REFUSES_FILE, /* every line of the file is lost to it */
	UNS_FAILS,        /* ends with an error when it meets this line of the owner it looks for */
	UNS_READS_ZERO,   /* start (or count) 0: a start of 0 makes the container's root the host's root */
	UNS_READS_NO_IDS, /* count 0 */
	UNS_READS_OCTAL,  /* 0100000 is 32768 */
	UNS_READS_DECIMAL,/* 0100000 is 100000 */
	UNS_READS_WRAPPED,/* -1 is 18446744073709551615 */
	UNS_READS_MINUS,  /* a negative start */
	UNS_CUTS_DIGIT,   /* the last digit is lost: 6553 for 65536 */
	UNS_ASKS_WRONG,   /* asks for another range than the line has, and is denied */
	UNS_STOPS_READING,/* silently, the rest of the file is lost to it */
	UNS_LOSES_NEXT,   /* the line and the one below it are lost to it */
	UNS_TAKES_AS_IS,  /* no check, newuidmap or the kernel refuses later, or cuts it to 32 bit */
	UNS_MERGES,       /* several lines: one set of IDs */
	UNS_FILE_ORDER,   /* several lines: joined as they stand in the file */
	UNS_SORTS,        /* several lines: joined by start */
	UNS_EACH_ALONE,   /* several lines: never joined */
	UNS_FIRST_ONLY,   /* several lines: the first */
	UNS_UID_LINES,    /* lines by UID hide those by name */
	UNS_NAME_LINES,   /* lines by name hide those by UID */
	UNS_LISTS_TWICE,  /* harmless duplicate */
	UNS_MAPS_TWICE,   /* the kernel refuses the map (EINVAL) */
	UNS_OTHER_OWNER,  /* an entry of a user that does not exist */
	UNS_EFFECTS
};
/* Ends "dockerd >= 28 …": "reads the start as 0, which makes the container's root the host's root". */
extern const char *const uns_effect_texts[UNS_EFFECTS];

enum uns_effect uns_consumer_effect(enum uns_consumer consumer, enum uns_flaw flaw);
/* A consumer makes ID 0 of it: worst. */
bool uns_flaw_is_root(enum uns_flaw flaw);
/* All consumers read it as meant, or it is meant to be skipped by all. */
bool uns_flaw_is_harmless(enum uns_flaw flaw);

#endif
