/* SPDX-License-Identifier: Apache-2.0 */
/* What of a kubelet's configuration (KubeletConfiguration, kubelet.config.k8s.io/v1beta1) bears on its range. Pure. */
#ifndef UNS_KUBELETCONF_H
#define UNS_KUBELETCONF_H

#include <stddef.h>
#include <stdint.h>

#include "uns/err.h"

#define UNS_KUBELET_PODS 110u /* maxPods where it is not set */

/* 0: not set. */
struct uns_kubeletconf {
	uint32_t max_pods;
	uint32_t ids_per_pod; /* userNamespaces.idsPerPod (1.33) */
};
/* JSON, when it begins with '{', or YAML in block style, of which only these two keys are read. UNS_E_INPUT
 * "<file>:<line>:<column>: …" when one of them is there twice, or its value is no number above 0. */
int uns_kubeletconf_parse(const char *text, size_t len, const char *file, struct uns_kubeletconf *ret, struct uns_err *err);

#endif
