/* SPDX-License-Identifier: Apache-2.0 */
#include "uns/progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static struct uns_progress now; /* of the thread that works for the caller; names and bytes are below */
static atomic_uint_fast64_t names, bytes;

static void (*watcher)(void *user);
static void *watcher_user;
static pthread_t watcher_thread;
static int64_t watched_ms;
static atomic_bool urged;
static atomic_int asked;

int64_t uns_progress_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void uns_progress_begin(const char *what, uint64_t total_names, uint64_t total_bytes)
{
	atomic_store(&names, 0);
	atomic_store(&bytes, 0);
	now = (struct uns_progress){
		.what = what, .total_names = total_names, .total_bytes = total_bytes, .began_ms = uns_progress_now_ms()
	};
	uns_progress_urge();
}

void uns_progress_end(void)
{
	now.what = NULL;
}

void uns_progress_add(uint64_t more_names, uint64_t more_bytes)
{
	atomic_fetch_add_explicit(&names, more_names, memory_order_relaxed);
	atomic_fetch_add_explicit(&bytes, more_bytes, memory_order_relaxed);
}

void uns_progress_get(struct uns_progress *ret)
{
	*ret = now;
	ret->names = atomic_load(&names);
	ret->bytes = atomic_load(&bytes);
}

void uns_progress_set_watch(void (*watch)(void *user), void *user)
{
	watcher = watch;
	watcher_user = user;
	watcher_thread = pthread_self();
	watched_ms = 0;
}

void uns_progress_urge(void)
{
	atomic_store(&urged, true);
}

void uns_progress_tick(void)
{
	int64_t ms;

	if (!watcher || !pthread_equal(watcher_thread, pthread_self()))
		return;
	ms = uns_progress_now_ms();
	if (ms - watched_ms < UNS_PROGRESS_TICK_MS && !atomic_load(&urged))
		return;
	atomic_store(&urged, false);
	watched_ms = ms;
	watcher(watcher_user);
}

void uns_progress_sleep_ms(int ms)
{
	struct timespec until, t;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	for (;;) {
		int64_t left;

		uns_progress_tick();
		clock_gettime(CLOCK_MONOTONIC, &t);
		left = (int64_t)(until.tv_sec - t.tv_sec) * 1000000000 + until.tv_nsec - t.tv_nsec;
		if (left <= 0)
			return;
		if (left > UNS_PROGRESS_TICK_MS * 1000000L)
			left = UNS_PROGRESS_TICK_MS * 1000000L;
		t = (struct timespec){ .tv_nsec = (long)left };
		nanosleep(&t, NULL);
	}
}

void uns_stop_ask(int sig)
{
	atomic_store(&asked, sig);
	uns_progress_urge();
}

int uns_stop_asked(void)
{
	return atomic_load_explicit(&asked, memory_order_relaxed);
}

int uns_stop_check(struct uns_err *err)
{
	int sig = uns_stop_asked();

	if (!sig)
		return 0;
	return uns_err_set(err, UNS_E_INCOMPLETE, "stopped by %s", sig == SIGINT ? "SIGINT" : sig == SIGTERM ? "SIGTERM" : "a signal");
}
