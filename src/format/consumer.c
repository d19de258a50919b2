/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/consumer.h"

const char *const uns_consumer_names[UNS_CONSUMERS] = {
	[UNS_NEWUIDMAP_413] = "newuidmap <= 4.18",
	[UNS_NEWUIDMAP_420] = "newuidmap >= 4.19",
	[UNS_DOCKERD_20] = "dockerd <= 27",
	[UNS_DOCKERD_28] = "dockerd >= 28",
	[UNS_PODMAN] = "podman without libsubid",
	[UNS_ROOTLESSKIT] = "rootlesskit",
	[UNS_INCUS] = "incus",
	[UNS_LXC] = "lxc-usernsexec",
	[UNS_UNSHARE] = "unshare --map-auto",
};

const char *const uns_flaw_names[UNS_FLAWS] = {
	[UNS_FLAW_NO_NEWLINE] = "no newline at the end of the file",
	[UNS_FLAW_CR] = "a carriage return at the end",
	[UNS_FLAW_LEADING_BLANK] = "a blank in front",
	[UNS_FLAW_TRAILING_BLANK] = "a blank at the end",
	[UNS_FLAW_NUMBER_BLANK] = "a blank in front of a number",
	[UNS_FLAW_HEX] = "a hexadecimal number",
	[UNS_FLAW_OCTAL] = "a number with a leading zero",
	[UNS_FLAW_PLUS] = "a number with a plus sign",
	[UNS_FLAW_NEGATIVE] = "a negative number",
	[UNS_FLAW_NO_NUMBER] = "a field that is no number",
	[UNS_FLAW_FOURTH_FIELD] = "a fourth field",
	[UNS_FLAW_NOTE] = "something behind the count",
	[UNS_FLAW_FIELDS] = "fewer than three fields",
	[UNS_FLAW_BLANK_LINE] = "a line of blanks",
	[UNS_FLAW_NUMERIC_OWNER] = "a UID as the owner",
	[UNS_FLAW_DISABLED] = "a '!' in front",
	[UNS_FLAW_NIS] = "a '+' or '-' in front",
	[UNS_FLAW_PAST_END] = "a range that reaches past ID 4294967294, the last that can be mapped,",
	[UNS_FLAW_ZERO_COUNT] = "a count of 0",
	[UNS_FLAW_LONG] = "more than 1023 bytes",
	[UNS_FLAW_VERY_LONG] = "more than 65535 bytes",
	[UNS_FLAW_NUL] = "a NUL byte",
	[UNS_FLAW_BAD_OWNER] = "an owner that is empty or has a blank or control character",
	[UNS_FLAW_HASH] = "a '#' inside",
	[UNS_FLAW_SEVERAL] = "several ranges of one owner, not ascending",
	[UNS_FLAW_NAME_AND_UID] = "lines of one owner by name and by UID",
	[UNS_FLAW_DUPLICATE] = "the same line twice",
};

const char *const uns_effect_texts[UNS_EFFECTS] = {
	[UNS_READS] = "reads it as meant",
	[UNS_IGNORES_LINE] = "ignores the line",
	[UNS_REFUSES_FILE] = "refuses the whole file",
	[UNS_FAILS] = "ends with an error when it looks for this owner",
	[UNS_READS_ZERO] = "reads the number as 0, and a start of 0 makes the container's root the host's root",
	[UNS_READS_NO_IDS] = "reads a count of 0, which is no IDs",
	[UNS_READS_OCTAL] = "reads the number as octal",
	[UNS_READS_DECIMAL] = "reads the number as decimal",
	[UNS_READS_WRAPPED] = "reads -1 as 18446744073709551615",
	[UNS_READS_MINUS] = "reads a number below 0",
	[UNS_CUTS_DIGIT] = "loses the last digit of the count",
	[UNS_ASKS_WRONG] = "asks for other IDs than newuidmap grants, and is denied",
	[UNS_STOPS_READING] = "silently reads no further",
	[UNS_LOSES_NEXT] = "loses the line and the one below it",
	[UNS_TAKES_AS_IS] = "takes it unchecked, for newuidmap or the kernel to refuse or to cut to 32 bit",
	[UNS_MERGES] = "merges them into one set of IDs",
	[UNS_FILE_ORDER] = "joins them in the order of the file",
	[UNS_SORTS] = "joins them in the order of their starts",
	[UNS_EACH_ALONE] = "takes each by itself and joins none",
	[UNS_FIRST_ONLY] = "takes only the first",
	[UNS_UID_LINES] = "takes only the lines by UID",
	[UNS_NAME_LINES] = "takes only the lines by name",
	[UNS_LISTS_TWICE] = "lists the range twice, which does no harm",
	[UNS_MAPS_TWICE] = "maps the range twice, which the kernel refuses",
	[UNS_OTHER_OWNER] = "takes it as the line of a user that does not exist",
};

/* So that a row fits on a line. */
enum {
	READS = UNS_READS,
	IGNORES = UNS_IGNORES_LINE,
	REFUSES = UNS_REFUSES_FILE,
	FAILS = UNS_FAILS,
	ZERO = UNS_READS_ZERO,
	NO_IDS = UNS_READS_NO_IDS,
	OCTAL = UNS_READS_OCTAL,
	DECIMAL = UNS_READS_DECIMAL,
	MINUS = UNS_READS_MINUS,
	STOPS = UNS_STOPS_READING,
	AS_IS = UNS_TAKES_AS_IS,
	MERGES = UNS_MERGES,
	ORDER = UNS_FILE_ORDER,
	SORTS = UNS_SORTS,
	ALONE = UNS_EACH_ALONE,
	NAMES = UNS_NAME_LINES,
	FIRST = UNS_FIRST_ONLY,
	TWICE = UNS_MAPS_TWICE,
	LISTED = UNS_LISTS_TWICE,
	OTHER = UNS_OTHER_OWNER,
};

/* clang-format off */
static const unsigned char effects[UNS_FLAWS][UNS_CONSUMERS] = {
	/*                            newuidmap              dockerd
	 *                            <= 4.18    >= 4.19     <= 27    >= 28    podman   rootlesskit incus   lxc      unshare */
	[UNS_FLAW_NO_NEWLINE]     = { READS,     REFUSES,    READS,   READS,   READS,   READS,   READS,   UNS_CUTS_DIGIT, READS },
	[UNS_FLAW_CR]             = { IGNORES,   IGNORES,    READS,   READS,   READS,   READS,   READS,   FAILS,   FAILS },
	[UNS_FLAW_LEADING_BLANK]  = { IGNORES,   IGNORES,    READS,   READS,   READS,   READS,   IGNORES, IGNORES, IGNORES },
	[UNS_FLAW_TRAILING_BLANK] = { IGNORES,   IGNORES,    READS,   READS,   READS,   READS,   IGNORES, FAILS,   FAILS },
	[UNS_FLAW_NUMBER_BLANK]   = { READS,     READS,      FAILS,   ZERO,    FAILS,   FAILS,   IGNORES, READS,   READS },
	[UNS_FLAW_HEX]            = { READS,     READS,      FAILS,   ZERO,    FAILS,   FAILS,   IGNORES, READS,   FAILS },
	[UNS_FLAW_OCTAL]          = { OCTAL,     OCTAL,      DECIMAL, DECIMAL, DECIMAL, DECIMAL, DECIMAL, OCTAL,   UNS_ASKS_WRONG },
	[UNS_FLAW_PLUS]           = { READS,     READS,      READS,   READS,   READS,   READS,   IGNORES, READS,   READS },
	[UNS_FLAW_NEGATIVE]       = { UNS_READS_WRAPPED, IGNORES, MINUS, MINUS, MINUS,  MINUS,   IGNORES, FAILS,   AS_IS },
	[UNS_FLAW_NO_NUMBER]      = { IGNORES,   IGNORES,    FAILS,   ZERO,    FAILS,   FAILS,   IGNORES, FAILS,   FAILS },
	[UNS_FLAW_FOURTH_FIELD]   = { READS,     IGNORES,    REFUSES, READS,   REFUSES, REFUSES, READS,   FAILS,   FAILS },
	[UNS_FLAW_NOTE]           = { IGNORES,   IGNORES,    FAILS,   NO_IDS,  FAILS,   FAILS,   IGNORES, FAILS,   FAILS },
	[UNS_FLAW_FIELDS]         = { IGNORES,   IGNORES,    REFUSES, IGNORES, REFUSES, REFUSES, REFUSES, IGNORES, IGNORES },
	[UNS_FLAW_BLANK_LINE]     = { READS,     READS,      READS,   READS,   READS,   READS,   REFUSES, READS,   READS },
	[UNS_FLAW_NUMERIC_OWNER]  = { READS,     READS,      READS,   READS,   READS,   READS,   READS,   IGNORES, READS },
	[UNS_FLAW_DISABLED]       = { OTHER,     OTHER,      OTHER,   OTHER,   OTHER,   OTHER,   OTHER,   OTHER,   OTHER },
	[UNS_FLAW_NIS]            = { IGNORES,   IGNORES,    OTHER,   OTHER,   OTHER,   OTHER,   OTHER,   OTHER,   OTHER },
	[UNS_FLAW_PAST_END]       = { READS,     IGNORES,    AS_IS,   AS_IS,   AS_IS,   AS_IS,   AS_IS,   AS_IS,   AS_IS },
	[UNS_FLAW_ZERO_COUNT]     = { NO_IDS,    NO_IDS,     AS_IS,   AS_IS,   AS_IS,   AS_IS,   NO_IDS,  AS_IS,   AS_IS },
	[UNS_FLAW_LONG]           = { IGNORES,   IGNORES,    READS,   READS,   READS,   READS,   READS,   READS,   READS },
	[UNS_FLAW_VERY_LONG]      = { IGNORES,   IGNORES,    REFUSES, REFUSES, STOPS,   REFUSES, STOPS,   READS,   READS },
	[UNS_FLAW_NUL]            = { UNS_LOSES_NEXT, REFUSES, READS, READS,   READS,   READS,   READS,   AS_IS,   AS_IS },
	[UNS_FLAW_BAD_OWNER]      = { OTHER,     OTHER,      OTHER,   OTHER,   OTHER,   OTHER,   OTHER,   OTHER,   OTHER },
	[UNS_FLAW_HASH]           = { READS,     READS,      READS,   READS,   READS,   READS,   REFUSES, READS,   READS },
	[UNS_FLAW_SEVERAL]        = { MERGES,    MERGES,     ORDER,   ORDER,   SORTS,   ORDER,   ALONE,   FIRST,   FIRST },
	[UNS_FLAW_NAME_AND_UID]   = { MERGES,    MERGES,     UNS_UID_LINES, ORDER, SORTS, ORDER, NAMES,   NAMES,   FIRST },
	[UNS_FLAW_DUPLICATE]      = { LISTED,    LISTED,     TWICE,   TWICE,   TWICE,   TWICE,   LISTED,  FIRST,   FIRST },
};
/* clang-format on */

enum uns_effect uns_consumer_effect(enum uns_consumer consumer, enum uns_flaw flaw)
{
	return (enum uns_effect)effects[flaw][consumer];
}

bool uns_flaw_is_root(enum uns_flaw flaw)
{
	for (int c = 0; c < UNS_CONSUMERS; c++)
		if (effects[flaw][c] == UNS_READS_ZERO)
			return true;
	return false;
}

bool uns_flaw_is_harmless(enum uns_flaw flaw)
{
	int read = 0, skipped = 0;

	for (int c = 0; c < UNS_CONSUMERS; c++) {
		unsigned char e = effects[flaw][c];

		read += e == UNS_READS;
		skipped += e == UNS_IGNORES_LINE || e == UNS_OTHER_OWNER;
	}
	return read == UNS_CONSUMERS || skipped == UNS_CONSUMERS;
}
