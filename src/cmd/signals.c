/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers only note; what is to be said or done about it is said or done at the next tick or safe point. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "display.h"
#include "uns/progress.h"

static atomic_bool changing, report;
static atomic_uint stops;

/* While nothing is changed yet, the second one ends the program as usual: there is nothing to keep safe. */
static void on_stop(int sig)
{
	int saved = errno;

	if (!atomic_load(&changing) && atomic_load(&stops) > 0) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	atomic_fetch_add(&stops, 1);
	uns_stop_ask(sig);
	errno = saved;
}

static void on_report(int sig)
{
	(void)sig;
	atomic_store(&report, true);
	uns_progress_urge();
}

static void on_resize(int sig)
{
	(void)sig;
	uns_progress_urge();
}

/* What the caller had ignored (nohup, a job in the background) stays so. */
static void handle(int sig, void (*handler)(int))
{
	struct sigaction a = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	sigemptyset(&a.sa_mask);
	if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(sig, &a, NULL);
}

void uns_signals_open(bool stop)
{
	struct sigaction usr1 = { .sa_handler = on_report, .sa_flags = SA_RESTART };

	sigemptyset(&usr1.sa_mask);
	sigaction(SIGUSR1, &usr1, NULL);
	handle(SIGWINCH, on_resize);
	if (!stop)
		return;
	handle(SIGINT, on_stop);
	handle(SIGTERM, on_stop);
}

void uns_signals_changing(void)
{
	atomic_store(&changing, true);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN); /* in the background of a terminal with "tostop" */
}

bool uns_signals_is_changing(void)
{
	return atomic_load(&changing);
}

bool uns_signals_take_report(void)
{
	return atomic_exchange(&report, false);
}

unsigned uns_signals_stops(void)
{
	return atomic_load(&stops);
}

/* Until there is something to read. The signals are blocked but while it waits, so that none comes between the look and the wait.
 * 1: asked to stop. */
static int wait_for_input(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t block, old;
	int r = -1;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &old);
	while (!uns_stop_asked()) {
		uns_progress_tick();
		r = ppoll(&p, 1, NULL, &old);
		if (r >= 0 || errno != EINTR)
			break;
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return uns_stop_asked() != 0 || r < 0;
}

int uns_signals_read_line(char *line, size_t size)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;
		char c;

		if (wait_for_input())
			return 1;
		n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 1;
		if (c == '\n')
			break;
		if (len + 1 < size)
			line[len] = c;
		len++;
	}
	/* A line that is too long is no answer to a short question. */
	line[len < size ? len : 0] = '\0';
	return 0;
}
