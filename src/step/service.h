/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the step floor: the kind "service", in parts: the args and the kind (service.c), units of systemd and snapd
 * (service-units.c), a daemon with a pidfile, which an init script or nobody starts (service-daemon.c). */
#ifndef UNS_STEP_SERVICE_H
#define UNS_STEP_SERVICE_H

#include <jansson.h>

#include "uns/step.h"

#define UNS_SERVICE_UNITS 16

enum uns_service_manager { UNS_SERVICE_SYSTEMD, UNS_SERVICE_SNAP, UNS_SERVICE_OPENRC, UNS_SERVICE_SYSVINIT, UNS_SERVICE_PROCESS };

/* Borrowed from the args; what a manager does not need is NULL. */
struct uns_service {
	enum uns_service_manager manager;
	const json_t *units;      /* systemd, snap */
	const char *name;         /* openrc, sysvinit: of the init script */
	const json_t *argv, *env; /* process */
	const char *cwd;          /* process */
	const char *pidfile;      /* all but systemd, snap */
	const char *socket;       /* all but systemd */
	const char *log;          /* the file that its messages go to, where that is known */
};

/* Whether anything of it is up, or not yet down. */
int uns_service_units_up(const struct uns_service *s, bool *ret, struct uns_err *err);
int uns_service_daemon_up(struct uns_step_ctx *c, const struct uns_service *s, bool *ret, struct uns_err *err);
/* Stops (AFTER) or starts it (BEFORE), and waits until it is so. */
int uns_service_units_drive(struct uns_step_ctx *c, const struct uns_service *s, enum uns_side to, struct uns_err *err);
int uns_service_daemon_drive(struct uns_step_ctx *c, const struct uns_service *s, enum uns_side to, struct uns_err *err);

/* Hands the engine's last lines on (c->quote), and appends as many of the last ones as a message can hold to the error: "; FROM
 * ends: …". Returns -1. */
int uns_service_quote(struct uns_step_ctx *c, const char *from, const struct uns_strs *lines, struct uns_err *err);

#endif
