/* SPDX-License-Identifier: Apache-2.0 */
/* Images that run as root because nobody said otherwise: remapping makes that root harmless to the host, USER makes it none. */
#include <string.h>

#include "internal.h"
#include "uns/cleanup.h"

#define NAMED_MAX 5

/* The lines for a Dockerfile, by what the image has to make accounts with. */
static const char *const lines[] = {
    [UNS_USERTOOL_NONE] = "add to its Dockerfile: USER 65532:65532 (the image has no tool that makes accounts, and needs none)",
    [UNS_USERTOOL_SHADOW] = "add to its Dockerfile: RUN groupadd --system app && useradd --system --gid app --no-create-home app, and "
                            "behind all that needs root: USER app",
    [UNS_USERTOOL_BUSYBOX] = "add to its Dockerfile: RUN addgroup -S app && adduser -S -D -H -G app app, and behind all that needs root: "
                             "USER app",
    [UNS_USERTOOL_UNKNOWN] = "add to its Dockerfile: USER 65532:65532, or what its own tools make as an account",
};

static bool is_of(const struct uns_container *c, const struct uns_image *i)
{
	return c->image && strcmp(uns_str_starts(c->image, "sha256:") ? c->image + 7 : c->image, i->id) == 0;
}

/* *ret_all: its containers; *ret_root: those of them that run as root; the first of these by name. */
static int count(const struct uns_store *s, const struct uns_image *image, size_t *ret_all, size_t *ret_root, struct uns_buf *names,
                 struct uns_err *err)
{
	for (size_t i = 0; i < s->containers; i++) {
		const struct uns_container *c = &s->container[i];

		if (!is_of(c, image))
			continue;
		++*ret_all;
		if (!uns_image_is_root(c->user) || ++*ret_root > NAMED_MAX)
			continue;
		if (uns_buf_printf(names, err, "%s%s", names->len ? ", " : "", *c->name ? c->name : c->id) < 0)
			return -1;
	}
	if (*ret_root > NAMED_MAX && uns_buf_printf(names, err, " and %zu more", *ret_root - NAMED_MAX) < 0)
		return -1;
	return 0;
}

/* Without a name and without a container it is a step of a build. One whose containers all have a --user needs no USER. */
static int check_image(const struct uns_intent *w, const struct uns_store *s, const struct uns_image *image, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf names = UNS_BUF_INIT;
	uns_auto_free char *object = image->tags.n ? uns_str_dup(image->tags.v[0], err) : uns_str_printf(err, "%.12s", image->id);
	size_t all = 0, root = 0;

	if (!object || count(s, image, &all, &root, &names, err) < 0)
		return -1;
	if (all ? root == 0 : image->tags.n == 0)
		return 0;
	if (all == 0)
		return uns_intent_add(w, "ImageRunsAsRoot", object, lines[image->tool], err, "its configuration names no USER: what is made of it runs as root");
	return uns_intent_add(w, "ImageRunsAsRoot", object, lines[image->tool], err,
	                      "its configuration names no USER: %zu of its containers run as root (%s)", root, names.data);
}

int uns_plan_check_images(const struct uns_intent *w, const struct uns_store *s, struct uns_err *err)
{
	for (size_t i = 0; i < s->images.n; i++)
		if (uns_image_is_root(s->images.v[i].user) && check_image(w, s, &s->images.v[i], err) < 0)
			return -1;
	return 0;
}
