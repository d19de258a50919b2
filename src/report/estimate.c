/* SPDX-License-Identifier: Apache-2.0 */
/* How long the change of owners may take. */
#include "uns/num.h"
#include "uns/plan.h"
#include "uns/report.h"

/* What takes less is no reason to plan for it. */
#define WORTH_SECONDS 10u

static int put_time(struct uns_buf *b, uint64_t seconds, struct uns_err *err)
{
	if (seconds < 120)
		return uns_buf_printf(b, err, "%llu s", (unsigned long long)seconds);
	return uns_buf_printf(b, err, "%llu min", (unsigned long long)(seconds + 30) / 60);
}

int uns_report_estimate(const struct uns_estimate *e, struct uns_buf *ret, struct uns_err *err)
{
	if (e->seconds_max < WORTH_SECONDS)
		return 0;
	if (uns_buf_printf(ret, err, "The owners of %llu files (%llu MB) change, which takes from ", (unsigned long long)e->inodes,
	                   (unsigned long long)(e->bytes / 1000000)) < 0 ||
	    put_time(ret, e->seconds_min, err) < 0 || uns_buf_puts(ret, " to ", err) < 0 || put_time(ret, e->seconds_max, err) < 0)
		return -1;
	return uns_buf_puts(ret, " with the engine stopped.\n", err);
}

json_t *uns_report_estimate_json(const struct uns_estimate *e)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "inodes", (json_int_t)uns_num_signed(e->inodes), "bytes", (json_int_t)uns_num_signed(e->bytes), "seconds_min",
	                 (json_int_t)e->seconds_min, "seconds_max", (json_int_t)e->seconds_max);
}
