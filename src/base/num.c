/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/num.h"

static int parse(const char *s, size_t len, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(unsigned char)s[i] - '0';

		if (digit >= base || value > (max - digit) / base)
			return -1;
		value = value * base + digit;
	}
	*ret = value;
	return 0;
}

int uns_num_u64(const char *s, size_t len, uint64_t *ret)
{
	if (len > 1 && s[0] == '0')
		return -1;
	return parse(s, len, 10, UINT64_MAX, ret);
}

int uns_num_u32(const char *s, size_t len, uint32_t *ret)
{
	uint64_t value;

	if ((len > 1 && s[0] == '0') || parse(s, len, 10, UINT32_MAX, &value))
		return -1;
	*ret = (uint32_t)value;
	return 0;
}

int uns_num_mode(const char *s, size_t len, uint32_t *ret)
{
	uint64_t value;

	if (parse(s, len, 8, 07777, &value))
		return -1;
	*ret = (uint32_t)value;
	return 0;
}

uint64_t uns_num_sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

int64_t uns_num_signed(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

uint64_t uns_num_rounded(double n)
{
	if (!(n > 0))
		return 0;
	return n >= 0x1p64 - 2048 ? UINT64_MAX : (uint64_t)(n + 0.5);
}
