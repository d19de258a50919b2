/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the host floor. Each uns_host_read_* fills its part of the facts; 0, or -1 with err. The order in which they
 * must be called is that of uns_facts_read. */
#ifndef UNS_HOST_H
#define UNS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "uns/err.h"
#include "uns/facts.h"
#include "uns/root.h"
#include "uns/str.h"

#define UNS_HOST_MAX_ACCOUNTS (256u << 20)
#define UNS_HOST_MAX_SUBID (1u << 30)
#define UNS_HOST_MAX_CONFIG (1u << 20)
#define UNS_HOST_MAX_CONTAINER (64u << 20)
#define UNS_HOST_MAX_PROC (4u << 20)

/* settings.c */
void uns_settings_done(struct uns_settings *s);
void uns_cmdline_done(struct uns_cmdline *c);
/* Appends words that all come from one place (strings are copied). */
int uns_cmdline_add(struct uns_cmdline *c, const struct uns_strs *words, const struct uns_origin *from, struct uns_err *err);
/* f->options, from daemon.json (text: as it stands in the file), command and the running argv. */
int uns_host_read_settings(struct uns_facts *f, const struct uns_buf *config_text, struct uns_err *err);

/* settings.c: which members of daemon.json the engine has, by its answer to /info (NULL: none). */
void uns_host_compare_info(struct uns_facts *f, const json_t *info);

/* cisfacts.c: mount and above, by the text of mountinfo. */
struct uns_cisfacts;
int uns_host_read_partition(const char *text, size_t len, const char *data_root, struct uns_cisfacts *c, struct uns_err *err);

/* accounts.c: whether the ranges of f->ids can be relied on (UNS_E_INPUT), and the sysctl. */
int uns_host_read_accounts(const struct uns_root *root, struct uns_facts *f, struct uns_err *err);

/* unit.c: unit, socket_unit, env_file, env_variable, exec_*, unit_env, program, drop_in, and the command of the files. */
int uns_host_read_sources(const struct uns_root *root, struct uns_facts *f, struct uns_err *err);
/* unit.c: takes this file as env_file when it is there. 0: it assigns the variable, these are its words; 1: it does not, and is
 * taken only when there is no other. */
int uns_host_try_env(const struct uns_root *root, bool systemd, struct uns_facts *f, const char *file, const char *variable,
                     struct uns_strs *words, unsigned *line, struct uns_err *err);
/* init.c: the same as uns_host_read_sources where an init script starts dockerd. */
int uns_host_read_init(const struct uns_root *root, struct uns_facts *f, struct uns_err *err);

/* engine.c: the running daemon (pidfile NULL: the usual ones, then all processes). Leaves f->running false when there is none. */
int uns_host_read_process(const struct uns_root *root, const char *pidfile, struct uns_facts *f, struct uns_err *err);
/* engine.c: when the process started, at most a hundredth of a second too late, by the clock that files are dated with. 0; 1 when it is gone. */
int uns_host_read_start(pid_t pid, struct timespec *ret, struct uns_err *err);
/* engine.c: what the running engine lists; nothing when it does not answer. */
int uns_host_read_inventory(struct uns_facts *f, struct uns_err *err);
/* engine.c: whether to ask the socket starts nothing, also for who may not see whether the engine of this host runs. */
bool uns_host_may_ask(const struct uns_root *root, const struct uns_facts *f);

/* asked.c: what the running engine says of its containers. silent: it is not asked, does not answer or not so that it is of use; the
 * rest is empty then. */
struct uns_asked {
	const char *socket; /* borrowed */
	json_t *info, *containers; /* the answers to /info and /containers/json?all=1 */
	char *data_root;           /* of the engine, U.G with remapping; resolved where it is on this host */
	size_t alone;              /* requests for one container or image */
	uint64_t until;            /* when asking ends, in milliseconds of the monotonic clock */
	bool late;                 /* that was reached, and something was not asked */
	bool silent, dead;         /* dead: a request had no answer at all; without info: none had */
};
int uns_host_ask(const struct uns_root *root, const struct uns_facts *f, struct uns_asked *ret, struct uns_err *err);
void uns_host_asked_done(struct uns_asked *a);
/* The containers of the store below base, which is the engine's, as it tells them; what it lists and nobody tells of is noted as
 * unseen. base NULL: without its files. With them, only of an engine that is a process of this host; that it is none is noted too. */
int uns_host_settle(const struct uns_root *root, const char *base, struct uns_asked *a, struct uns_facts *f, struct uns_store *s, struct uns_err *err);

/* daemon.c: the process, daemon.json, the manager and all options. */
int uns_host_read_daemon(const struct uns_root *root, struct uns_facts *f, struct uns_err *err);
/* manager.c: who starts and stops the engine; f->running, pid and unit must be known. */
int uns_host_read_manager(const struct uns_root *root, struct uns_facts *f, struct uns_err *err);
/* daemon.c: active_dir, from f->remap, the accounts and (where versions of dockerd disagree) f->remap_dirs. */
int uns_host_read_active_dir(struct uns_facts *f, struct uns_err *err);

/* The containers, volumes and images of the store that the engine works with, all as it tells them: in place of the files, which may
 * not be read, or are not on this host. f->told. */
int uns_host_read_told(struct uns_asked *a, struct uns_facts *f, struct uns_err *err);
/* facts.c: notes why the path cannot be read, when that is a matter of permission and allowed; else -1 with why in *err. */
int uns_host_excuse(struct uns_facts *f, enum uns_unseen_what what, const char *path, const struct uns_err *why, struct uns_err *err);
int uns_host_note_unseen(struct uns_facts *f, enum uns_unseen_what what, const char *path, const char *why, struct uns_err *err);

/* store.c: the data root's names, the flat store; then the nested one, when there is an active_dir. */
int uns_host_read_flat(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err);
int uns_host_read_nested(const struct uns_root *root, struct uns_asked *a, struct uns_facts *f, struct uns_err *err);
void uns_store_done(struct uns_store *s);
/* store.c: how much lies in the store below base, without reading any of it. Counts are added to. */
int uns_host_count_store(const struct uns_root *root, const char *base, struct uns_strs *ret_drivers, size_t *ret_containers, size_t *ret_volumes,
                         struct uns_err *err);
/* images.c: the images of the store below base, whose its layers are, and whom its containers run as. */
int uns_host_read_images(const struct uns_root *root, const char *base, struct uns_store *s, struct uns_err *err);
void uns_images_done(struct uns_images *l);
/* images.c: whom containers run as, as far as that can be known without the files of their layers. */
int uns_host_guess_users(struct uns_store *s, struct uns_err *err);
/* hostpath.c: the paths of the host that the containers of both stores use. */
int uns_host_read_hostpaths(const struct uns_root *root, struct uns_facts *f, struct uns_err *err);
void uns_hostpaths_done(struct uns_hostpaths *l);

/* ---- parts of uns_idfacts; proc is where proc(5) is mounted ---- */

/* idfacts.c: the N.M directories in this data root, in place of those that f has. None when it may not be listed. */
int uns_host_read_trees(const struct uns_root *root, const char *data_root, struct uns_idfacts *f, struct uns_err *err);
/* live.c: the user namespaces that processes live in, but for our own. */
int uns_host_read_live(const char *proc, struct uns_idfacts *f, struct uns_err *err);
/* idlock.c: locks of the account files and leftovers beside them. The names and ages of their
 * processes are only looked up when f is not offline. */
int uns_host_read_locks(const struct uns_root *root, const char *proc, struct uns_idfacts *f, struct uns_err *err);
/* sssd.c: f->sssd. */
int uns_host_read_sssd(const struct uns_root *root, struct uns_idfacts *f, struct uns_err *err);
/* libsubid.c: f->plugin, when shadow has loaded the source that nsswitch.conf names. ask: the same without that question. */
int uns_host_read_plugin(struct uns_idfacts *f, struct uns_err *err);
int uns_host_ask_plugin(struct uns_idfacts *f, struct uns_err *err);

/* The next line at *at in the text, cut there without its newline and the blanks before it; NULL at the end. Changes the text. */
char *uns_host_line(struct uns_buf *text, size_t *at);
/* The name of a process as /proc/PID/comm has it, cut to the size; "" when it is gone. */
int uns_host_read_comm(const char *proc, pid_t pid, char *ret, size_t size, struct uns_err *err);
/* Whether a process has the root directory that we have; false also when we may not see that. */
bool uns_host_has_our_root(pid_t pid);
/* A file of /proc of the running host, appended to *ret. 0; 1 when it or its process is gone, or may not be read. */
int uns_host_read_proc(const char *path, struct uns_buf *ret, struct uns_err *err);
/* Parses a file that must hold a JSON object. 0; 1 when it is absent or blank; UNS_E_INPUT otherwise. */
int uns_host_read_object(const struct uns_root *root, const char *path, size_t max, json_t **ret, struct uns_err *err);
/* Whether the path is a directory (a symlink is none). */
int uns_host_is_dir(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err);
/* Whether the file system of the path, or of the nearest directory above it that is there, is mounted read-only. */
int uns_host_is_readonly(const struct uns_root *root, const char *path, bool *ret, struct uns_err *err);

#endif
