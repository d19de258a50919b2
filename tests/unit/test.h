/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that includes cmocka (its headers must come in this order). */
#ifndef UNS_TEST_H
#define UNS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
