/* SPDX-License-Identifier: Apache-2.0 */
/* What of the CIS Docker Benchmark (numbers of version 1.6) can be told of a host: user namespaces (2.9, 5.31), watches of the audit
 * system on what belongs to Docker (1.1.3 to 1.1.18), where its data lies (1.1.1), who may use it (1.1.2), owners and modes of its files
 * (3.1 to 3.24). */
#ifndef UNS_CIS_H
#define UNS_CIS_H

#include <sys/types.h>

#include "uns/auditrules.h"
#include "uns/err.h"
#include "uns/facts.h"
#include "uns/root.h"

/* Files that the benchmark names, and those of the settings. */
enum uns_cis_file_id {
	UNS_CIS_SERVICE,
	UNS_CIS_SOCKET_UNIT,
	UNS_CIS_ETC_DOCKER,
	UNS_CIS_CA,
	UNS_CIS_CERT,
	UNS_CIS_KEY,
	UNS_CIS_SOCKET,
	UNS_CIS_DAEMON_JSON,
	UNS_CIS_DEFAULT,
	UNS_CIS_SYSCONFIG,
	UNS_CIS_CONTAINERD_SOCKET,
	UNS_CIS_DOCKERD,
	UNS_CIS_CONTAINERD_RUN,
	UNS_CIS_DATA_ROOT,
	UNS_CIS_CONTAINERD_CONFIG,
	UNS_CIS_CONTAINERD,
	UNS_CIS_SHIM,
	UNS_CIS_SHIM_V1,
	UNS_CIS_SHIM_V2,
	UNS_CIS_RUNC,
	UNS_CIS_FILES,
};
#define UNS_CIS_CERTS "/etc/docker/certs.d" /* a directory of certificates for each registry */
struct uns_cis_file {
	char *path; /* where it is, else where it would be; NULL: the settings name none */
	bool exists;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *real; /* of a certificate that is reached through a symlink: where it is; else NULL */
};
struct uns_cisfacts {
	struct uns_cis_file file[UNS_CIS_FILES];
	struct uns_cis_file *cert; /* files in the registries' directories of /etc/docker/certs.d */
	size_t certs, cert_cap;
	enum uns_cis_mount {
		UNS_CIS_MOUNT_UNKNOWN, /* of an offline root */
		UNS_CIS_MOUNT_ABOVE,   /* nothing is mounted on the data root */
		UNS_CIS_MOUNT_SAME,    /* what is mounted there is of the file system that is mounted above it too */
		UNS_CIS_MOUNT_OWN,
	} mount;
	char *above; /* mount point above the data root; NULL: not known */
	struct uns_auditrules rules; /* of /etc/audit/rules.d, else of /etc/audit/audit.rules: what is loaded when the host starts */
	enum uns_cis_effect { UNS_CIS_UNKNOWN, UNS_CIS_OFF, UNS_CIS_ON } effect; /* what the running engine says; the caller asks it */
};
/* f has been read. Follows links inside the root, as those do who use the files. */
int uns_cisfacts_read(const struct uns_root *root, const struct uns_facts *f, struct uns_cisfacts *ret, struct uns_err *err);
void uns_cisfacts_done(struct uns_cisfacts *c);

enum uns_cis_result { UNS_CIS_PASS, UNS_CIS_WARN, UNS_CIS_FAIL, UNS_CIS_NA };
extern const char *const uns_cis_results[]; /* "PASS", … */
struct uns_cis_row {
	const char *number, *title;
	enum uns_cis_result result;
	char *object, *reason;   /* object may be NULL */
	char *remedy, *command;  /* as those of a finding */
};
struct uns_cis_rows {
	struct uns_cis_row *v;
	size_t n, cap;
};
void uns_cis_rows_done(struct uns_cis_rows *rows);
/* All rows, in the order of their numbers. A watch passes when it is configured and, where the kernel said which rules are loaded
 * (uns_auditfacts.loaded), loaded as well. Pure. */
int uns_cis_judge(const struct uns_facts *f, const struct uns_cisfacts *c, struct uns_cis_rows *ret, struct uns_err *err);

#endif
