/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet: the user kubelet with exactly one line, the same in both files, in multiples of idsPerPod, for maxPods pods (kubernetes
 * pkg/kubelet/kubelet_pods.go and userns/userns_manager.go). What does not meet this stops kubelet; without the user, or without
 * getsubids, it takes all IDs from 65536 up. */
#include <stdlib.h>
#include <string.h>

#include "preset.h"
#include "uns/cleanup.h"
#include "uns/kubeletconf.h"
#include "uns/num.h"
#include "uns/option.h"

static int max_pods(const struct uns_strs *words, const char *where, unsigned line, uint32_t *ret, struct uns_err *err)
{
	uns_auto_free char *value = NULL;
	int r = uns_option_argv(words->v, words->n, "max-pods", &value, err);

	if (r <= 0 || !value)
		return r < 0 ? -1 : 0;
	if (uns_num_u32(value, strlen(value), ret) == 0 && *ret != 0)
		return 0;
	if (line)
		return uns_err_set(err, UNS_E_INPUT, "%s:%u: --max-pods=%s: expected a number above 0", where, line, value);
	return uns_err_set(err, UNS_E_INPUT, "%s: --max-pods=%s: expected a number above 0", where, value);
}

/* A flag wins over the file. *ret stays as it is when there is none. */
static int read_flag(const struct uns_enginefile *file, uint32_t *ret, struct uns_err *err)
{
	uns_auto(uns_strs_done) struct uns_strs words = UNS_STRS_INIT;
	unsigned line;
	int r = uns_option_env_words(file->text.data, file->text.len, file->path, file->variable, &words, &line, err);

	return r != 0 ? (r < 0 ? -1 : 0) : max_pods(&words, file->path, line, ret, err);
}

static int read_config(const struct uns_buf *text, const char *path, struct uns_kubeletconf *c, struct uns_err *err)
{
	struct uns_kubeletconf one = {0, 0};

	if (uns_kubeletconf_parse(text->data, text->len, path, &one, err) < 0)
		return -1;
	if (one.ids_per_pod % UNS_ID_BLOCK)
		return uns_err_set(err, UNS_E_INPUT, "%s: idsPerPod: found %u; expected a multiple of 65536", path, one.ids_per_pod);
	c->max_pods = one.max_pods ? one.max_pods : c->max_pods;
	c->ids_per_pod = one.ids_per_pod ? one.ids_per_pod : c->ids_per_pod;
	return 0;
}

/* The configuration, its drop-ins, the flags of the kubelet that runs, and those that the next one gets. */
static int read_settings(const struct uns_enginefacts *f, struct uns_kubeletconf *ret, struct uns_err *err)
{
	const struct uns_enginefile *config = &f->file[UNS_KUBELET_CONFIG];
	struct uns_kubeletconf c = {0, 0};

	if (read_config(&config->text, config->path, &c, err) < 0)
		return -1;
	for (size_t i = 0; i < f->dropins; i++)
		if (read_config(&f->dropin[i].text, f->dropin[i].path, &c, err) < 0)
			return -1;
	if (max_pods(&f->kubelet_argv, "the command line of the running kubelet", 0, &c.max_pods, err) < 0)
		return -1;
	for (int i = UNS_KUBEADM_FLAGS; i <= UNS_KUBELET_SYSCONFIG; i++)
		if (read_flag(&f->file[i], &c.max_pods, err) < 0)
			return -1;
	*ret = c;
	return 0;
}

static int look(struct uns_presetting *s, struct uns_err *err)
{
	struct uns_kubeletconf c = {0, 0};
	uint32_t pods, least;

	if (read_settings(s->f, &c, err) < 0)
		return -1;
	s->unit = c.ids_per_pod ? c.ids_per_pod : UNS_ID_BLOCK;
	pods = s->r->max_pods ? s->r->max_pods : c.max_pods ? c.max_pods : UNS_KUBELET_PODS;
	least = c.max_pods ? c.max_pods : pods;
	if ((uint64_t)pods * s->unit > UNS_RANGE_LAST || (uint64_t)least * s->unit > UNS_RANGE_LAST)
		return uns_err_set(err, UNS_E_USAGE, "%u pods of %u IDs each are more than there are; the most is %u",
		                   pods > least ? pods : least, s->unit, UNS_RANGE_LAST / s->unit);
	s->count = pods * s->unit;
	s->least = least * s->unit;
	s->least_why = c.max_pods ? "for the maxPods of its settings" : s->r->max_pods ? "for as many pods" : "for 110 pods";
	return uns_preset_need_program(s, UNS_GETSUBIDS, "install uidmap (shadow-utils 4.9 or later, package uidmap or shadow)",
	                               "without it kubelet does not look at the line, and takes all IDs from 65536 up", err);
}

/* kubelet reads what it has given to pods, and does not start when that is not of its range (record, in userns_manager.go). */
static int judge(struct uns_presetting *s, struct uns_err *err)
{
	struct uns_range range = s->want->got;
	const struct uns_pod *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->f->pods; i++) {
		const struct uns_pod *p = &s->f->pod[i];

		if (p->range.start >= range.start &&
		    (uint64_t)p->range.start + p->range.count <= (uint64_t)range.start + range.count)
			continue;
		first = n++ == 0 ? p : first;
	}
	if (n == 0)
		return 0;
	return uns_preset_say(
	    s, "PodsOutside", "/var/lib/kubelet/pods", "kubectl drain this node first", err,
	    "pods have IDs outside of the range %u:%u (%zu of %zu, the first has %u:%u): kubelet does not start then", range.start,
	    range.count, n, s->f->pods, first->range.start, first->range.count);
}

static bool begun(const struct uns_presetting *s)
{
	return uns_accounts_name(&s->f->ids.users, s->want->owner) != NULL;
}

const struct uns_preset uns_preset_kubelet = {
    .name = "kubelet",
    .title = "kubelet",
    .owner = "kubelet",
    .count = UNS_KUBELET_PODS * UNS_ID_BLOCK,
    .least = UNS_ID_BLOCK,
    .account = true,
    .account_goes = true,
    .has_pods = true,
    .no_purge = "the user kubelet goes with its line anyhow, for kubelet does not start with one without the other",
    .present = UNS_HAS_KUBELET,
    .restart = "systemctl restart kubelet",
    .source = "getsubids, and so kubelet,",
    .look = look,
    .judge = judge,
    .begun = begun,
};
