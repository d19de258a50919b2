/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for work that makes more work (a directory has subdirectories). Each worker keeps what it makes and takes the newest of
 * it, so that little is waiting at a time; one that has nothing takes the oldest of another. */
#ifndef UNS_POOL_H
#define UNS_POOL_H

#include <stddef.h>

#include "uns/err.h"

#define UNS_POOL_JOBS_MAX 256

struct uns_pool;

/* Does one item and owns it from then on. Workers are numbered from 0; 0 is the thread that called uns_pool_run. */
typedef int (*uns_pool_work)(void *user, struct uns_pool *pool, unsigned worker, void *item, struct uns_err *err);
typedef void (*uns_pool_drop)(void *user, void *item);

/* Does the given items, in this order when there is one thread, and what they make. Starts as one thread; see uns_pool_grow. After
 * the first failure (which is the one reported) no item is begun; those that wait are dropped. Returns when all threads ended. */
int uns_pool_run(unsigned jobs, void *const items[], size_t n, uns_pool_work work, uns_pool_drop drop, void *user,
                 struct uns_err *err);
/* From inside work: more of it, for this worker first. On failure the item is dropped. Of several items that one call of work adds,
 * the last one is done first. */
int uns_pool_add(struct uns_pool *pool, unsigned worker, void *item, struct uns_err *err);
/* From inside work: there is enough of it for all the jobs. Cheap when they run already; threads that cannot be had are done without. */
void uns_pool_grow(struct uns_pool *pool);

#endif
