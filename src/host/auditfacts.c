/* SPDX-License-Identifier: Apache-2.0 */
/* What is audited, as files say and, on a running host, as the kernel says. See uns/auditfacts.h. */
#include "uns/auditfacts.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/time.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/num.h"

#define RULES_DIR "/etc/audit/rules.d"
#define RULES_FILE "/etc/audit/audit.rules"
#define CONF_FILE "/etc/audit/auditd.conf"
#define FILE_MAX (4u << 20)
#define ANSWER_SECONDS 2
#define SOME_USER 1000
#define INSTALLED "/usr/sbin/usernsctl"

void uns_auditfacts_done(struct uns_auditfacts *f)
{
	uns_auditrules_done(&f->rules);
	uns_auditdconf_done(&f->conf);
	uns_strs_done(&f->scanners);
	free(f->exe);
	*f = (struct uns_auditfacts){0};
}

/* ---- files ---- */

/* What is there but cannot be read, or is too large, says nothing about audit, which is to be known: 1. */
static int note_unread(const char *path, const struct uns_err *why, struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto_free char *note = NULL;

	if (why->code != UNS_E_INPUT && !why->errnum)
		return uns_err_set(err, why->code, "%s", why->text);
	note = uns_str_printf(err, "%s: %s; so it is not known what audit is told there", path, why->text);
	return !note || uns_strs_add(&f->rules.notes, note, err) < 0 ? -1 : 1;
}

static int read_file(const struct uns_root *root, const char *path, struct uns_auditfacts *f, struct uns_buf *ret, struct uns_err *err)
{
	struct uns_err why = {0};
	int r = uns_root_read(root, path, FILE_MAX, ret, NULL, &why);

	return r < 0 ? note_unread(path, &why, f, err) : r;
}

static int parse_file(const struct uns_root *root, const char *path, bool from_dir, struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = read_file(root, path, f, &text, err);

	if (r)
		return r < 0 ? -1 : 0;
	return uns_auditrules_parse(text.data ? text.data : "", text.len, path, from_dir, &f->rules, err);
}

/* As "ls -v" orders names: 9-x comes before 10-x. */
static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static bool is_rules(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > 6 && strcmp(name + len - 6, ".rules") == 0;
}

static int read_dir(const struct uns_root *root, struct uns_auditfacts *f, bool *ret_any, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	struct uns_err why = {0};
	int r = uns_root_list(root, RULES_DIR, &names, &why);

	if (r)
		return r < 0 && note_unread(RULES_DIR, &why, f, err) < 0 ? -1 : 0;
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_version);
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *path = NULL;

		if (!is_rules(names.v[i]))
			continue;
		path = uns_str_printf(err, RULES_DIR "/%s", names.v[i]);
		if (!path || parse_file(root, path, true, f, err) < 0)
			return -1;
		*ret_any = true;
	}
	return 0;
}

static int read_rules(const struct uns_root *root, struct uns_auditfacts *f, struct uns_err *err)
{
	bool any = false;

	if (read_dir(root, f, &any, err) < 0 || (!any && parse_file(root, RULES_FILE, false, f, err) < 0))
		return -1;
	f->enabled = !f->rules.has_enabled || f->rules.enabled > 0;
	f->locked = f->rules.has_enabled && f->rules.enabled == 2;
	f->failure = f->rules.has_failure ? f->rules.failure : 1;
	f->backlog = f->rules.has_backlog ? f->rules.backlog : UNS_AUDIT_BACKLOG;
	f->rate = f->rules.has_rate ? f->rules.rate : 0;
	return 0;
}

static int read_conf(const struct uns_root *root, struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	int r = read_file(root, CONF_FILE, f, &text, err);

	if (r < 0)
		return -1;
	f->have_conf = r == 0;
	return r ? uns_auditdconf_default(&f->conf, err) :
	           uns_auditdconf_parse(text.data ? text.data : "", text.len, CONF_FILE, &f->conf, err);
}

/* ---- room ---- */

static char *log_dir(const struct uns_auditfacts *f, struct uns_err *err)
{
	char *dir = uns_str_dup(f->conf.log_file, err), *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash)
		*(slash == dir ? slash + 1 : slash) = '\0';
	return dir;
}

/* The log and those that were rotated: audit.log, audit.log.1, … */
static int read_used(const struct uns_root *root, const char *dir, struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;
	const char *slash = strrchr(f->conf.log_file, '/'), *base = slash ? slash + 1 : f->conf.log_file;

	if (uns_root_list(root, dir, &names, NULL))
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		uns_auto_free char *path = NULL;
		struct stat st;

		if (!uns_str_starts(names.v[i], base))
			continue;
		path = uns_str_printf(err, "%s/%s", dir, names.v[i]);
		if (!path)
			return -1;
		if (uns_root_stat(root, path, &st, NULL) == 0 && S_ISREG(st.st_mode))
			f->log_used += (uint64_t)st.st_size;
	}
	return 0;
}

static int read_space(const struct uns_root *root, struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto_free char *dir = log_dir(f, err);
	uns_auto_close int fd = -1;
	struct statvfs v;

	if (!dir)
		return -1;
	if (!root->is_host || *dir != '/')
		return 0;
	fd = uns_root_openat(root, dir, O_RDONLY | O_DIRECTORY, NULL);
	if (fd < 0 || fstatvfs(fd, &v) < 0)
		return 0;
	f->have_space = true;
	f->space_free = (uint64_t)v.f_bavail * v.f_frsize;
	f->space_size = (uint64_t)v.f_blocks * v.f_frsize;
	return read_used(root, dir, f, err);
}

/* ---- the kernel ---- */

struct answer {
	union {
		struct nlmsghdr head; /* aligned */
		char bytes[16384];
	};
	size_t len;
};

static int ask(int fd, uint16_t type)
{
	struct nlmsghdr h = {.nlmsg_len = NLMSG_LENGTH(0), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = type};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	return sendto(fd, &h, h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -1 : 0;
}

/* One message of the kernel: audit puts each in a packet of its own, with a length that its header may say otherwise. */
static bool receive(int fd, struct answer *ret)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	ssize_t n;

	do {
		n = recvfrom(fd, ret->bytes, sizeof(ret->bytes), 0, (struct sockaddr *)&from, &size);
	} while (n < 0 && errno == EINTR);
	if (n < (ssize_t)NLMSG_HDRLEN || from.nl_pid != 0)
		return false;
	ret->len = (size_t)n - NLMSG_HDRLEN;
	return ret->head.nlmsg_type != NLMSG_ERROR;
}

static bool ask_status(int fd, struct uns_auditfacts *f)
{
	struct answer a;
	struct audit_status s = {0};

	if (ask(fd, AUDIT_GET) < 0 || !receive(fd, &a) || a.head.nlmsg_type != AUDIT_GET)
		return false;
	memcpy(&s, a.bytes + NLMSG_HDRLEN, a.len < sizeof(s) ? a.len : sizeof(s));
	f->enabled = s.enabled > 0;
	f->locked = s.enabled == 2;
	f->failure = s.failure;
	f->backlog = s.backlog_limit;
	f->rate = s.rate_limit;
	return true;
}

/* 0; 1: the kernel did not say all. A rule that is not known is left out: it cannot be judged. */
static int ask_rules(int fd, struct uns_auditrules *ret, struct uns_err *err)
{
	struct answer a;

	if (ask(fd, AUDIT_LIST_RULES) < 0)
		return 1;
	for (;;) {
		struct uns_err why = {0};

		if (!receive(fd, &a))
			return 1;
		if (a.head.nlmsg_type == NLMSG_DONE)
			return 0;
		if (a.head.nlmsg_type != AUDIT_LIST_RULES)
			return 1;
		if (uns_auditrules_decode(a.bytes + NLMSG_HDRLEN, a.len, "loaded", ret, &why) < 0 && why.code != UNS_E_INPUT)
			return uns_err_set(err, why.code, "%s", why.text);
	}
}

/* Only root in the first namespaces is told; everybody else has the files alone. */
static int read_kernel(struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	uns_auto(uns_auditrules_done) struct uns_auditrules loaded = {0};
	const struct timeval wait = {.tv_sec = ANSWER_SECONDS};
	struct uns_auditfacts status = {0};
	int r;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 || !ask_status(fd, &status))
		return 0;
	r = ask_rules(fd, &loaded, err);
	if (r)
		return r < 0 ? -1 : 0;
	f->loaded = true;
	f->enabled = status.enabled;
	f->locked = status.locked;
	f->failure = status.failure;
	f->backlog = status.backlog;
	f->rate = status.rate;
	/* What is wrong in the files stays told. */
	loaded.problems = f->rules.problems;
	f->rules.problems = (struct uns_strs)UNS_STRS_INIT;
	loaded.notes = f->rules.notes;
	f->rules.notes = (struct uns_strs)UNS_STRS_INIT;
	loaded.go_on = f->rules.go_on;
	uns_auditrules_done(&f->rules);
	f->rules = loaded;
	loaded = (struct uns_auditrules){0};
	return 0;
}

/* ---- ourselves ---- */

static int read_self(const struct uns_root *root, struct uns_auditfacts *f, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	char exe[4096];
	ssize_t n = root->is_host ? readlink("/proc/self/exe", exe, sizeof(exe) - 1) : -1;

	f->auid = root->is_host ? UNS_AUID_UNSET : SOME_USER;
	if (root->is_host && uns_host_read_proc("/proc/self/loginuid", &text, err) < 0)
		return -1;
	if (text.len)
		(void)uns_num_u32(text.data, strcspn(text.data, "\n"), &f->auid);
	exe[n > 0 ? n : 0] = '\0';
	f->exe = uns_str_dup(n > 0 ? exe : INSTALLED, err);
	return f->exe ? 0 : -1;
}

static int read_scanners(const struct uns_root *root, struct uns_auditfacts *f, struct uns_err *err)
{
	static const char *const paths[] = {
		"/usr/bin/oscap", "/usr/sbin/lynis", "/usr/bin/lynis", "/etc/cron.daily/checksecurity", "/etc/aide.conf", "/etc/aide/aide.conf",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct stat st;

		if (uns_root_stat(root, paths[i], &st, NULL) == 0 && uns_strs_add(&f->scanners, paths[i], err) < 0)
			return -1;
	}
	return 0;
}

int uns_auditfacts_read(const struct uns_root *root, struct uns_auditfacts *ret, struct uns_err *err)
{
	uns_auto(uns_auditfacts_done) struct uns_auditfacts f = {0};

	if (read_rules(root, &f, err) < 0 || read_conf(root, &f, err) < 0 || read_space(root, &f, err) < 0 || read_self(root, &f, err) < 0 ||
	    read_scanners(root, &f, err) < 0)
		return -1;
	if (root->is_host && read_kernel(&f, err) < 0)
		return -1;
	*ret = f;
	f = (struct uns_auditfacts){0};
	return 0;
}
