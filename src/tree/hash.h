/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing for tables and digests. Not cryptographic: it finds what got lost, not what somebody forged. */
#ifndef UNS_TREE_HASH_H
#define UNS_TREE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The finaliser of splitmix64: each bit of the input changes about half of the output. */
static inline uint64_t hash_mix(uint64_t h, uint64_t v)
{
	h = (h + 0x9e3779b97f4a7c15u) ^ v;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

static inline uint64_t hash_bytes(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t v;

	h = hash_mix(h, len);
	for (; len >= sizeof(v); p += sizeof(v), len -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = hash_mix(h, v);
	}
	v = 0;
	if (len)
		memcpy(&v, p, len);
	return hash_mix(h, v);
}

#endif
