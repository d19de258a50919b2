/* SPDX-License-Identifier: Apache-2.0 */
/* Strict numbers: whole string, decimal digits only, no sign, no blank, no leading zero (except "0" itself), no overflow. */
#ifndef UNS_NUM_H
#define UNS_NUM_H

#include <stddef.h>
#include <stdint.h>

/* 0, or -1 when the len bytes at s are not exactly such a number. *ret is untouched on failure. */
int uns_num_u32(const char *s, size_t len, uint32_t *ret);
int uns_num_u64(const char *s, size_t len, uint64_t *ret);
/* Octal digits only, at most 07777. */
int uns_num_mode(const char *s, size_t len, uint32_t *ret);

/* Sizes of sparse files are whatever their owner says: sums end at UINT64_MAX, and what a signed integer (JSON) holds at INT64_MAX. */
uint64_t uns_num_sum(uint64_t a, uint64_t b);
int64_t uns_num_signed(uint64_t n);
/* Rounded; 0 for less than that, UINT64_MAX for more. */
uint64_t uns_num_rounded(double n);

#endif
