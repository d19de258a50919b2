/* SPDX-License-Identifier: Apache-2.0 */
/* One lock for all queues: an item is a directory or a thousand names, so it is taken rarely. */
#include "uns/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "uns/cleanup.h"
#include "uns/progress.h"

/* A ring: the owner adds and takes at the end, others take at the front. */
struct deque {
	void **v;
	size_t first, n, cap;
};
struct worker {
	struct uns_pool *pool;
	unsigned no;
	pthread_t thread;
};
struct uns_pool {
	pthread_mutex_t lock;
	pthread_cond_t more; /* an item came, or the last one is done */
	unsigned jobs, running /* threads, this one too */, sleeping;
	size_t busy, waiting; /* items */
	bool failed;
	struct uns_err why;
	uns_pool_work work;
	uns_pool_drop drop;
	void *user;
	struct deque *queue;
	struct worker *worker;
};

static int deque_grow(struct deque *q)
{
	size_t cap = q->cap ? 2 * q->cap : 64;
	void **v = malloc(cap * sizeof(*v));

	if (!v)
		return -1;
	for (size_t i = 0; i < q->n; i++)
		v[i] = q->v[(q->first + i) & (q->cap - 1)];
	free(q->v);
	*q = (struct deque){v, 0, q->n, cap};
	return 0;
}

static int deque_push(struct deque *q, void *item)
{
	if (q->n == q->cap && deque_grow(q))
		return -1;
	q->v[(q->first + q->n++) & (q->cap - 1)] = item;
	return 0;
}

static void *deque_newest(struct deque *q)
{
	return q->v[(q->first + --q->n) & (q->cap - 1)];
}

static void *deque_oldest(struct deque *q)
{
	void *item = q->v[q->first];

	q->first = (q->first + 1) & (q->cap - 1);
	q->n--;
	return item;
}

/* The lock is held; NULL: nothing waits. */
static void *take(struct uns_pool *p, unsigned worker)
{
	struct deque *longest = &p->queue[worker];

	if (!p->waiting)
		return NULL;
	p->waiting--;
	p->busy++;
	if (longest->n)
		return deque_newest(longest);
	for (unsigned i = 0; i < p->jobs; i++)
		if (p->queue[i].n > longest->n)
			longest = &p->queue[i];
	return deque_oldest(longest);
}

static void fail(struct uns_pool *p, const struct uns_err *why)
{
	if (!p->failed)
		p->why = *why;
	p->failed = true;
}

/* The thread that the pool was called in may have somebody to show the progress to. */
static void wait_for_more(struct uns_pool *p, unsigned worker)
{
	struct timespec until;

	if (worker) {
		pthread_cond_wait(&p->more, &p->lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += UNS_PROGRESS_TICK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!pthread_cond_timedwait(&p->more, &p->lock, &until))
		return;
	pthread_mutex_unlock(&p->lock);
	uns_progress_tick();
	pthread_mutex_lock(&p->lock);
}

/* Until nothing waits and nobody is at work that could make more. */
static void serve(struct uns_pool *p, unsigned worker)
{
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct uns_err why = {.code = UNS_E_FAILED};
		void *item;
		int r;

		while (!p->waiting && p->busy) {
			p->sleeping++;
			wait_for_more(p, worker);
			p->sleeping--;
		}
		item = take(p, worker);
		if (!item)
			break;
		if (p->failed) {
			pthread_mutex_unlock(&p->lock);
			p->drop(p->user, item);
			r = 0;
		} else {
			pthread_mutex_unlock(&p->lock);
			r = p->work(p->user, p, worker, item, &why);
		}
		pthread_mutex_lock(&p->lock);
		if (r)
			fail(p, &why);
		if (!--p->busy && !p->waiting)
			pthread_cond_broadcast(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
}

static void *thread_main(void *user)
{
	struct worker *w = user;

	serve(w->pool, w->no);
	return NULL;
}

int uns_pool_add(struct uns_pool *p, unsigned worker, void *item, struct uns_err *err)
{
	int r;

	pthread_mutex_lock(&p->lock);
	r = deque_push(&p->queue[worker], item);
	p->waiting += !r;
	if (!r && p->sleeping)
		pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	if (!r)
		return 0;
	p->drop(p->user, item);
	return uns_err_nomem(err);
}

/* Signals are for the thread that the program began with. */
static void start_threads(struct uns_pool *p)
{
	sigset_t all, saved;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	while (p->running < p->jobs) {
		struct worker *w = &p->worker[p->running];

		*w = (struct worker){.pool = p, .no = p->running};
		if (pthread_create(&w->thread, NULL, thread_main, w)) {
			p->jobs = p->running;
			break;
		}
		p->running++;
	}
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

void uns_pool_grow(struct uns_pool *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->running < p->jobs)
		start_threads(p);
	pthread_mutex_unlock(&p->lock);
}

static int fill(struct uns_pool *p, void *const items[], size_t n, struct uns_err *err)
{
	for (size_t i = n; i-- > 0;)
		if (uns_pool_add(p, 0, items[i], err)) {
			while (i-- > 0)
				p->drop(p->user, items[i]);
			return -1;
		}
	return 0;
}

static void pool_done(struct uns_pool *p)
{
	for (unsigned i = 0; p->queue && i < p->jobs; i++) {
		while (p->queue[i].n)
			p->drop(p->user, deque_newest(&p->queue[i]));
		free(p->queue[i].v);
	}
	free(p->queue);
	free(p->worker);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
}

static int run(struct uns_pool *p, void *const items[], size_t n, struct uns_err *err)
{
	p->queue = calloc(p->jobs, sizeof(*p->queue));
	p->worker = calloc(p->jobs, sizeof(*p->worker));
	if (!p->queue || !p->worker) {
		for (size_t i = 0; i < n; i++)
			p->drop(p->user, items[i]);
		return uns_err_nomem(err);
	}
	if (fill(p, items, n, err))
		return -1;
	serve(p, 0);
	for (unsigned i = 1; i < p->running; i++)
		pthread_join(p->worker[i].thread, NULL);
	if (p->failed && err)
		*err = p->why;
	return p->failed ? -1 : 0;
}

int uns_pool_run(unsigned jobs, void *const items[], size_t n, uns_pool_work work, uns_pool_drop drop, void *user,
                 struct uns_err *err)
{
	struct uns_pool p = {.lock = PTHREAD_MUTEX_INITIALIZER,
	                     .more = PTHREAD_COND_INITIALIZER,
	                     .running = 1,
	                     .work = work,
	                     .drop = drop,
	                     .user = user};
	int r;

	p.jobs = jobs < 1 ? 1 : jobs > UNS_POOL_JOBS_MAX ? UNS_POOL_JOBS_MAX : jobs;
	r = run(&p, items, n, err);
	pool_done(&p);
	return r;
}
