/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/str.h"
#include "uns/sys.h"

#define LINE_ROOM 128          /* no line is longer, but for its result */
#define RESULT_ROOM 512
#define LOG_MAX (1u << 30)

static const char *side_name(enum uns_side s)
{
	return s == UNS_AFTER ? "after" : "before";
}

int log_reserve(struct uns_txn *t, struct uns_err *err)
{
	off_t room = (off_t)(4 * t->plan.n + 16) * LINE_ROOM + (off_t)t->plan.n * RESULT_ROOM;

	/* A file system that cannot reserve is no reason to refuse: an append that fails is met by going back. */
	if (uns_sys_fallocate(t->log_fd, (off_t)t->log_used, room) && errno != EOPNOTSUPP)
		return uns_err_sys(err, errno, "cannot reserve space for the log of transaction %u", t->number);
	return 0;
}

static char *done_line(const struct uns_event *e, struct uns_err *err)
{
	uns_auto_free char *result = e->result ? uns_json_dump(e->result, false, err) : NULL;

	if (e->result && !result)
		return NULL;
	return uns_str_printf(err, "{\"t\":%lld,\"ev\":\"done\",\"step\":%zu,\"to\":\"%s\"%s%s%s}\n", (long long)e->time, e->step,
	                      side_name(e->to), e->kept ? ",\"kept\":true" : "", result ? ",\"result\":" : "",
	                      result ? result : "");
}

static char *line_of(const struct uns_event *e, int leg, struct uns_err *err)
{
	if (!strcmp(e->type, "run"))
		return uns_str_printf(err, "{\"t\":%lld,\"ev\":\"run\",\"to\":\"%s\",\"leg\":%d}\n", (long long)e->time,
		                      side_name(e->to), leg);
	if (!strcmp(e->type, "end"))
		return uns_str_printf(err, "{\"t\":%lld,\"ev\":\"end\",\"to\":\"%s\"}\n", (long long)e->time, side_name(e->to));
	if (!strcmp(e->type, "done"))
		return done_line(e, err);
	return uns_str_printf(err, "{\"t\":%lld,\"ev\":\"%s\",\"step\":%zu,\"to\":\"%s\"}\n", (long long)e->time, e->type, e->step,
	                      side_name(e->to));
}

static int cut_torn(struct uns_txn *t, struct uns_err *err)
{
	struct stat st;

	if (fstat(t->log_fd, &st))
		return uns_err_sys(err, errno, "cannot look at the log of transaction %u", t->number);
	if ((uint64_t)st.st_size == t->log_used)
		return 0;
	if (uns_sys_truncate(t->log_fd, (off_t)t->log_used))
		return uns_err_sys(err, errno, "cannot cut the torn line off the log of transaction %u", t->number);
	return log_reserve(t, err);
}

int log_append(struct uns_txn *t, const struct uns_event *e, bool durable, struct uns_err *err)
{
	uns_auto_free char *line = line_of(e, t->leg, err);

	if (!line || cut_torn(t, err))
		return -1;
	if (uns_sys_write(t->log_fd, line, strlen(line)) || (durable && uns_sys_fsync(t->log_fd)))
		return uns_err_sys(err, errno, "cannot write the log of transaction %u", t->number);
	t->log_used += strlen(line);
	return 0;
}

static void turn(struct uns_txn *t, enum uns_side to)
{
	t->state = to == UNS_AFTER ? UNS_TXN_FORWARD : UNS_TXN_BACKWARD;
	t->ended = 0;
}

static int fold_step(struct uns_txn *t, const char *type, const json_t *j, enum uns_side to)
{
	struct uns_err ignored;
	uint32_t step;

	if (uns_json_u32(j, "step", &step, &ignored) || step >= t->plan.n)
		return -1;
	if (!strcmp(type, "begin")) {
		t->step[step].begun = true;
	} else if (!strcmp(type, "done")) {
		t->step[step].begun = false;
		t->step[step].side = to;
		t->step[step].kept = json_is_true(json_object_get(j, "kept"));
	} else if (!strcmp(type, "skip")) {
		t->step[step].given |= to == UNS_AFTER;
	} else {
		return -1;
	}
	return 0;
}

static int fold_event(struct uns_txn *t, const json_t *j)
{
	const char *type = uns_json_str_or(j, "ev", ""), *to_name = uns_json_str_or(j, "to", "");
	enum uns_side to = !strcmp(to_name, "after") ? UNS_AFTER : UNS_BEFORE;
	json_int_t time = json_integer_value(json_object_get(j, "t"));

	if (strcmp(to_name, side_name(to)))
		return -1;
	if (!strcmp(type, "run")) {
		t->leg = (int)json_integer_value(json_object_get(j, "leg"));
		t->started = t->started ? t->started : time;
		turn(t, to);
		return 0;
	}
	if (!strcmp(type, "end")) {
		t->state = to == UNS_AFTER ? UNS_TXN_DONE : UNS_TXN_ROLLED_BACK;
		t->ended = time;
		return 0;
	}
	return fold_step(t, type, j, to);
}

static int fold_line(struct uns_txn *t, const char *line, size_t len)
{
	uns_auto_json json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	return j && json_is_object(j) ? fold_event(t, j) : -1;
}

static int read_log(const struct uns_txn *t, struct uns_buf *b, struct uns_err *err)
{
	char chunk[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(t->log_fd, chunk, sizeof(chunk), at)) > 0) {
		if (b->len + (size_t)n > LOG_MAX)
			return uns_err_set(err, UNS_E_INPUT, "the log of transaction %u is larger than a log can be", t->number);
		if (uns_buf_append(b, chunk, (size_t)n, err))
			return -1;
		at += n;
	}
	return n < 0 ? uns_err_sys(err, errno, "cannot read the log of transaction %u", t->number) : 0;
}

int log_fold(struct uns_txn *t, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t at = 0;

	if (read_log(t, &b, err))
		return -1;
	for (unsigned line = 1; at < b.len; line++) {
		const char *end = memchr(b.data + at, '\n', b.len - at);
		size_t len = end ? (size_t)(end - (b.data + at)) : 0;

		if (!end)
			break; /* the torn last line of a run that was cut off: its event did not happen */
		if (fold_line(t, b.data + at, len)) {
			if (at + len + 1 == b.len)
				break;
			return uns_err_set(err, UNS_E_INPUT, UNS_TXN_DIR "/%04u/log:%u:1: damaged line; expected a JSON event. "
			                   "Restore the log from a backup, or undo what plan.json lists by hand", t->number, line);
		}
		at += len + 1;
	}
	t->log_used = at;
	return 0;
}
