/* SPDX-License-Identifier: Apache-2.0 */
/* Read-only look into a bbolt file (go.etcd.io/bbolt, page.go, bucket.go): enough for Docker's volumes/metadata.db. Pure; every
 * offset is checked against the length, cycles are refused. */
#ifndef UNS_BOLT_H
#define UNS_BOLT_H

#include <stdbool.h>
#include <stddef.h>

#include "uns/err.h"

/* Calls f for each key/value of the named top-level bucket (buckets inside it are left out), in the order of the keys. f returns
 * 0, or -1 with err to stop. 0; 1 when the bucket is absent (an empty file has none); UNS_E_INPUT "<file>: …" when malformed. The
 * bytes given to f lie in data. */
typedef int (*uns_bolt_visit)(void *user, const void *key, size_t key_len, const void *value, size_t value_len,
                              struct uns_err *err);
int uns_bolt_bucket(const void *data, size_t len, const char *file, const char *bucket, uns_bolt_visit f, void *user,
                    struct uns_err *err);

/* Whether the bucket at the end of the path of buckets, each in the one before, is there and holds anything. 0; UNS_E_INPUT as above. */
int uns_bolt_filled(const void *data, size_t len, const char *file, const char *const path[], size_t n, bool *ret, struct uns_err *err);

#endif
