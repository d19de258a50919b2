/* SPDX-License-Identifier: Apache-2.0 */
/* The options of dockerd: one table of names, types and versions; the values of daemon.json and of the command line as dockerd itself
 * takes them (moby daemon/config and cmd/dockerd, 20.10 to 29; flags: spf13/pflag; JSON: Go's encoding/json). Pure. */
#ifndef UNS_DOCKERD_H
#define UNS_DOCKERD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"
#include "uns/str.h"

enum uns_dockerd_type {
	UNS_DOCKERD_BOOL,
	UNS_DOCKERD_INT,
	UNS_DOCKERD_STRING,
	UNS_DOCKERD_LIST,    /* of strings; as flag repeated */
	UNS_DOCKERD_MAP,     /* of strings; as flag KEY=VALUE, repeated */
	UNS_DOCKERD_SIZE,    /* "64m": a string also in JSON */
	UNS_DOCKERD_IP,
	UNS_DOCKERD_OBJECTS, /* of objects, or of maps of strings: runtimes, default-ulimits, default-network-opts */
	UNS_DOCKERD_BOOLS,   /* of true or false: features */
	UNS_DOCKERD_POOLS,   /* a list of objects: default-address-pools */
	UNS_DOCKERD_ANY,     /* an object of several types: builder, nri-opts, proxies */
};
/* What values must be beyond their type. */
enum uns_dockerd_rule {
	UNS_RULE_NONE,
	UNS_RULE_NATURAL,   /* not negative */
	UNS_RULE_ADDRESS,   /* each an IP address */
	UNS_RULE_DOMAIN,
	UNS_RULE_LABEL,     /* KEY=VALUE */
	UNS_RULE_MIRROR,    /* http:// or https://, no path */
	UNS_RULE_INDEX,     /* registry: no hyphen at either end */
	UNS_RULE_HOST,      /* tcp://, unix://, fd:// */
	UNS_RULE_LOG_LEVEL,
	UNS_RULE_IPC,       /* private or shareable */
	UNS_RULE_CGROUPNS,  /* private or host */
};
/* Whether SIGHUP is enough: when the key has a value in daemon.json (an engine keeps the value of a key that is gone); also when it has
 * none any more. */
enum uns_dockerd_reload { UNS_RELOAD_NO, UNS_RELOAD_SET, UNS_RELOAD_ALWAYS };

struct uns_dockerd_option {
	const char *key;  /* in daemon.json; NULL: only a flag */
	const char *flag; /* NULL: only in daemon.json */
	char letter;      /* short flag, 0: none */
	enum uns_dockerd_type type;
	enum uns_dockerd_rule rule;
	enum uns_dockerd_reload reload;
	unsigned char since, until; /* first and last major version of the engine (20: 20.10 and before); 0: not bounded */
	const char *initial;        /* JSON: the value of an engine that was given none; known where UNS_RELOAD_SET needs it */
	unsigned char flag_since;   /* of the flag, where it came later than the key */
};
extern const struct uns_dockerd_option uns_dockerd_options[];
extern const size_t uns_dockerd_options_n;

const struct uns_dockerd_option *uns_dockerd_key(const char *key);               /* NULL: none */
const struct uns_dockerd_option *uns_dockerd_flag(const char *flag, size_t len); /* without the dashes */
/* The option by the name that a person gives: its key, or its flag. */
const struct uns_dockerd_option *uns_dockerd_find(const char *name);
/* Whether an engine of that major version has it (the key; what has none, the flag); 0: not known, so true. */
bool uns_dockerd_has(const struct uns_dockerd_option *o, unsigned major);
/* The same for its flag. */
bool uns_dockerd_has_flag(const struct uns_dockerd_option *o, unsigned major);
/* "true or false", "a list of strings", …: what the type is called in messages. */
const char *uns_dockerd_type_name(enum uns_dockerd_type type);

/* ---- values ---- */

/* Whether dockerd takes this member of daemon.json (null is always taken: unset). 0; 1: no, and *why says what is wrong (appended);
 * -1: out of memory. */
int uns_dockerd_check(const struct uns_dockerd_option *o, json_t *value, struct uns_buf *why, struct uns_err *err);
/* The same for one value of the flag. */
int uns_dockerd_check_flag(const struct uns_dockerd_option *o, const char *value, struct uns_buf *why, struct uns_err *err);
/* A value that a person wrote (true, 5, text; lists: a,b or JSON; maps: a=b,c=d or JSON; others: JSON): new reference, checked.
 * UNS_E_USAGE. */
int uns_dockerd_parse(const struct uns_dockerd_option *o, const char *text, json_t **ret, struct uns_err *err);
/* What values of the flag, in their order, come to as a member of daemon.json: new reference; scalars: the last one. Types that have
 * no such form are a list of strings. NULL: out of memory. */
json_t *uns_dockerd_from_flags(const struct uns_dockerd_option *o, const struct uns_strs *values, struct uns_err *err);
/* The values of the flag that say the same as the member. 0; 1 when there is no such form. */
int uns_dockerd_to_flags(const struct uns_dockerd_option *o, json_t *value, struct uns_strs *ret, struct uns_err *err);

/* ---- the command line ---- */

/* One use of a flag. Zero it before the first call. */
struct uns_dockerd_use {
	size_t at, words;                      /* argv[at], and how many words it takes */
	const char *name;                      /* as written, without dashes; not terminated (name_len) */
	size_t name_len;
	const struct uns_dockerd_option *option; /* NULL: not known */
	const char *value;                     /* NULL: it needs one and has none */
	size_t value_word;                     /* the word that the value is in, */
	size_t value_at;                       /* and where it begins there; SIZE_MAX: the flag stands alone and means true */
	enum uns_dockerd_what { UNS_USE_FLAG, UNS_USE_OPERAND } what;
	size_t next_in_word;                   /* of letters in one word */
};
/* The next use of a flag (or an operand, which dockerd refuses) in argv, as pflag reads it: a flag that is not bool takes the next
 * word, whatever that begins with. Of flags that are not known it is taken that they have no value when "-" or the end follows.
 * False at the end. argv does not begin with the program. */
bool uns_dockerd_next(char *const argv[], size_t argc, struct uns_dockerd_use *u);

#endif
