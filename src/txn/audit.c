/* SPDX-License-Identifier: Apache-2.0 */
/* The records go to the kernel; all that knows libaudit. See uns/audit.h. */
#include "uns/audit.h"

#ifdef HAVE_LIBAUDIT

#include <libaudit.h>
#include <stdlib.h>
#include <unistd.h>

#include "uns/cleanup.h"
#include "uns/str.h"

void uns_audit_open(struct uns_audit *ret, const struct uns_root *root, const struct uns_plan *plan, unsigned number)
{
	*ret = (struct uns_audit){.fd = root->is_host ? audit_open() : -1, .plan = plan, .number = number};
}

void uns_audit_close(struct uns_audit *a)
{
	if (a->fd >= 0)
		audit_close(a->fd);
	a->fd = -1;
}

/* libaudit writes a value as it is between quotes, or in hexadecimal digits where one could take it for something else. */
static int put_pair(struct uns_buf *b, const char *name, const char *value, bool safe)
{
	uns_auto_free char *encoded = safe ? NULL : audit_encode_nv_string(name, value, 0);

	if (!safe)
		return encoded ? uns_buf_printf(b, NULL, "%s%s", b->len ? " " : "", encoded) : -1;
	return uns_buf_printf(b, NULL, "%s%s=%s", b->len ? " " : "", name, value);
}

static void send_record(void *user, const struct uns_audit_record *r)
{
	static const int types[] = {AUDIT_ADD_USER, AUDIT_DEL_USER, AUDIT_ADD_GROUP, AUDIT_DEL_GROUP, AUDIT_USER_MGMT, AUDIT_USYS_CONFIG};
	const struct uns_audit *a = user;
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	for (size_t i = 0; i < r->n; i++)
		if (put_pair(&text, r->pair[i].name, r->pair[i].value, r->pair[i].safe) < 0)
			return;
	/* Refused (EPERM), or no audit in this namespace (ECONNREFUSED): nobody here is to be told. */
	(void)audit_log_user_message(a->fd, types[r->type], text.data, NULL, NULL, NULL, r->ok);
}

void uns_audit_event(struct uns_audit *a, const struct uns_event *e)
{
	if (a->fd >= 0)
		uns_audit_records(a, e, send_record, a);
}

#else

void uns_audit_open(struct uns_audit *ret, const struct uns_root *root, const struct uns_plan *plan, unsigned number)
{
	(void)root;
	*ret = (struct uns_audit){.fd = -1, .plan = plan, .number = number};
}

void uns_audit_close(struct uns_audit *a)
{
	a->fd = -1;
}

void uns_audit_event(struct uns_audit *a, const struct uns_event *e)
{
	(void)a;
	(void)e;
}

#endif
