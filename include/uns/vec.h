/* SPDX-License-Identifier: Apache-2.0 */
/* Growing arrays: the { v, n, cap } of this project's lists. */
#ifndef UNS_VEC_H
#define UNS_VEC_H

#include <stddef.h>
#include <stdlib.h>

/* The array v of *cap elements, moved if need be so that there is room for element n; NULL when out of memory (v stays as it was). */
static inline void *uns_vec_room(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;

	size_t more = *cap < 8 ? 8 : *cap + (*cap < 65536 ? *cap : *cap / 4);
	void *grown = reallocarray(v, more, size);

	if (grown)
		*cap = more;
	return grown;
}

#endif
