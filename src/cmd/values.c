/* SPDX-License-Identifier: Apache-2.0 */
#include "values.h"

#include <string.h>

#include "uns/num.h"

#define SECONDS_MAX 86400u

static int range_malformed(const char *arg, struct uns_err *err)
{
	return uns_err_set(err, UNS_E_USAGE,
			   "--range=%s: expected auto, hash, auto:COUNT, hash:COUNT, START or START:COUNT in plain decimal", arg);
}

int uns_value_range(struct uns_options *o, const char *arg, struct uns_err *err)
{
	size_t first = strcspn(arg, ":");
	struct uns_range range = { 0, 0 };
	enum uns_range_how how = UNS_RANGE_EXACT;

	if (first == 4 && strncmp(arg, "auto", 4) == 0)
		how = UNS_RANGE_AUTO;
	else if (first == 4 && strncmp(arg, "hash", 4) == 0)
		how = UNS_RANGE_HASH;
	else if (uns_num_u32(arg, first, &range.start) < 0)
		return range_malformed(arg, err);
	if (arg[first] == ':' && (uns_num_u32(arg + first + 1, strlen(arg + first + 1), &range.count) < 0 || range.count == 0))
		return range_malformed(arg, err);
	o->request.range_how = how;
	o->request.range = range;
	o->ranges.named = true;
	return 0;
}

int uns_value_count(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (uns_num_u32(arg, strlen(arg), &o->ranges.count) < 0 || o->ranges.count == 0)
		return uns_err_set(err, UNS_E_USAGE, "--count=%s: expected a number of IDs from 1 to 4294967294", arg);
	return 0;
}

int uns_value_batch(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!*arg)
		return uns_err_set(err, UNS_E_USAGE, "--batch= names no file; - is the standard input");
	o->ranges.batch = arg;
	return 0;
}

int uns_value_svg(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (!*arg)
		return uns_err_set(err, UNS_E_USAGE, "--svg= names no file; - is the standard output");
	o->ranges.svg = arg;
	return 0;
}

const char *const uns_range_columns[UNS_RANGE_COLUMNS + 1] = { "owner", "kind", "start", "end", "count", "line", "state", NULL };

static int column_of(const char *name, size_t len)
{
	for (int i = 0; i < UNS_RANGE_COLUMNS; i++)
		if (strlen(uns_range_columns[i]) == len && strncmp(uns_range_columns[i], name, len) == 0)
			return i;
	return -1;
}

static bool has_column(const struct uns_options *o, size_t n, int column)
{
	for (size_t i = 0; i < n; i++)
		if (o->ranges.column[i] == column)
			return true;
	return false;
}

int uns_value_columns(struct uns_options *o, const char *arg, struct uns_err *err)
{
	size_t n = 0;

	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");
		int column = column_of(p, len);

		if (column < 0 || has_column(o, n, column))
			return uns_err_set(err, UNS_E_USAGE,
					   "--output=%s: expected some of owner,kind,start,end,count,line,state, each once", arg);
		o->ranges.column[n++] = column;
		p += len;
		if (!*p)
			break;
	}
	o->ranges.columns = n;
	return 0;
}

int uns_value_scan(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (*arg != '/')
		return uns_err_set(err, UNS_E_USAGE, "--scan=%s: expected an absolute path", arg);
	return uns_strs_add(&o->ranges.scan, arg, err);
}

int uns_value_deep(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->ranges.deep = true;
	return 0;
}

static int seconds(const char *option, const char *arg, int *ret_ms, struct uns_err *err)
{
	uint32_t s;

	if (uns_num_u32(arg, strlen(arg), &s) < 0 || s > SECONDS_MAX)
		return uns_err_set(err, UNS_E_USAGE, "--%s=%s: expected seconds from 0 to %u", option, arg, SECONDS_MAX);
	*ret_ms = (int)s * 1000;
	return 0;
}

int uns_value_timeout(struct uns_options *o, const char *arg, struct uns_err *err)
{
	return seconds("timeout", arg, &o->ranges.timeout_ms, err);
}

int uns_value_fix(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->ranges.fix = true;
	return 0;
}

int uns_value_all(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->ranges.all = true;
	return 0;
}

int uns_value_shift(struct uns_options *o, const char *arg, struct uns_err *err)
{
	if (*arg != '/' || arg[1] == '\0')
		return uns_err_set(err, UNS_E_USAGE, "--shift=%s: expected the absolute path of a tree", arg);
	return uns_strs_add(&o->ranges.trees, arg, err);
}

int uns_value_lock_timeout(struct uns_options *o, const char *arg, struct uns_err *err)
{
	return seconds("lock-timeout", arg, &o->lock.timeout_ms, err);
}

int uns_value_break_locks(struct uns_options *o, const char *arg, struct uns_err *err)
{
	(void)arg, (void)err;
	o->lock.break_stale = true;
	return 0;
}
