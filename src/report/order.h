/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which findings are shown. */
#ifndef UNS_REPORT_ORDER_H
#define UNS_REPORT_ORDER_H

#include "uns/err.h"
#include "uns/finding.h"

/* By severity, the worst last, as that is what stays on the screen; then by id, numbers in it as numbers; then as they were found. The
 * caller frees the list; NULL when out of memory. */
const struct uns_finding **uns_report_order(const struct uns_findings *f, struct uns_err *err);

#endif
