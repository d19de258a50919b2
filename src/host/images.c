/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the images of a store. What cannot be made sense of is left out, as dockerd leaves it out: images are only named by this, and
 * nothing is changed by it. */
#include "uns/images.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "uns/cleanup.h"
#include "uns/json.h"
#include "uns/num.h"
#include "uns/tree.h"

#define MAX_TEXT 4096
#define MAX_INNER (1u << 20) /* of a file in a layer */
#define NAMED_MAX 3

/* A layer while the chains are put together. */
struct chain {
	char *id, *diff, *parent, *dir; /* id and parent: "sha256:…"; parent NULL: the lowest */
};
struct chains {
	struct chain *v;
	size_t n;
};

static void chains_done(struct chains *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].id);
		free(l->v[i].diff);
		free(l->v[i].parent);
		free(l->v[i].dir);
	}
	free(l->v);
	*l = (struct chains){0};
}

static void image_done(struct uns_image *i)
{
	free(i->id);
	free(i->user);
	uns_strs_done(&i->tags);
	uns_strs_done(&i->dirs);
}

void uns_images_done(struct uns_images *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_done(&l->v[i]);
	free(l->v);
	for (size_t i = 0; i < l->layers; i++) {
		free(l->layer[i].dir);
		free(l->layer[i].whose);
	}
	free(l->layer);
	*l = (struct uns_images){0};
}

/* ---- layers ---- */

/* The word in a small file; NULL in *ret where there is none. */
static int read_word(const struct uns_root *root, const char *dir, const char *name, char **ret, struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", dir, name);
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;
	struct uns_err why = {0};
	int r = path ? uns_root_read(root, path, MAX_TEXT, &text, NULL, &why) : -1;

	if (!path)
		return -1;
	if (r || !text.len)
		return 0;
	text.data[strcspn(text.data, " \t\r\n")] = '\0';
	*ret = *text.data ? uns_str_dup(text.data, err) : NULL;
	return *text.data && !*ret ? -1 : 0;
}

/* What stands for a name of a directory must be one. */
static bool is_name(const char *s)
{
	return s && *s && *s != '.' && !strchr(s, '/');
}

static int read_chain(const struct uns_root *root, const char *db, const char *name, struct chain *c, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/%s", db, name);

	if (!dir || read_word(root, dir, "diff", &c->diff, err) < 0 || read_word(root, dir, "parent", &c->parent, err) < 0 ||
	    read_word(root, dir, "cache-id", &c->dir, err) < 0)
		return -1;
	c->id = uns_str_printf(err, "sha256:%s", name);
	return c->id ? 0 : -1;
}

static int read_chains(const struct uns_root *root, const char *image, struct chains *ret, struct uns_err *err)
{
	uns_auto_free char *db = uns_str_printf(err, "%s/layerdb/sha256", image);
	uns_auto(uns_strs_done) struct uns_strs names = UNS_STRS_INIT;

	if (!db || uns_root_list(root, db, &names, err) < 0)
		return -1;
	ret->v = calloc(names.n + 1, sizeof(*ret->v));
	if (!ret->v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < names.n; i++, ret->n++)
		if (read_chain(root, db, names.v[i], &ret->v[ret->n], err) < 0) {
			ret->n++;
			return -1;
		}
	return 0;
}

static bool follows(const struct chain *c, const char *parent, const char *diff)
{
	if (!c->diff || strcmp(c->diff, diff) != 0 || !is_name(c->dir))
		return false;
	return parent ? c->parent && strcmp(c->parent, parent) == 0 : !c->parent;
}

/* The layer above parent with this content. An image's configuration names contents, and a layer its parent. */
static const struct chain *find_chain(const struct chains *l, const char *parent, const char *diff)
{
	for (size_t i = 0; diff && i < l->n; i++)
		if (follows(&l->v[i], parent, diff))
			return &l->v[i];
	return NULL;
}

static int add_dirs(const struct chains *l, const json_t *diffs, struct uns_strs *ret, struct uns_err *err)
{
	size_t n = json_array_size(diffs);
	const struct chain *c = NULL;

	for (size_t i = 0; i < n; i++) {
		c = find_chain(l, c ? c->id : NULL, json_string_value(json_array_get(diffs, i)));
		if (!c)
			return 0;
		if (uns_strs_add(ret, c->dir, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < ret->n / 2; i++) {
		char *low = ret->v[i];

		ret->v[i] = ret->v[ret->n - 1 - i];
		ret->v[ret->n - 1 - i] = low;
	}
	return 0;
}

/* ---- files in layers ---- */

struct layered {
	const struct uns_tree *tree;
	const char *driver;
	const struct uns_strs *dirs; /* the topmost first */
};

static char *path_in(const char *driver, const char *dir, const char *path, struct uns_err *err)
{
	if (strcmp(driver, "vfs") == 0)
		return uns_str_printf(err, "vfs/dir/%s/%s", dir, path);
	if (strcmp(driver, "btrfs") == 0)
		return uns_str_printf(err, "btrfs/subvolumes/%s/%s", dir, path);
	return uns_str_printf(err, "%s/%s/diff/%s", driver, dir, path);
}

/* The topmost layer decides: a file, or a whiteout of it or of a directory above, which is no directory. 0: opened; 1: none. */
static int open_layered(const struct layered *l, const char *path, int *ret, struct uns_err *err)
{
	for (size_t i = 0; i < l->dirs->n; i++) {
		uns_auto_free char *inner = path_in(l->driver, l->dirs->v[i], path, err);
		struct uns_err why = {0};
		int fd = inner ? uns_tree_openat(l->tree, inner, O_RDONLY | O_NONBLOCK | O_NOCTTY, &why) : -1;
		struct stat st;

		if (!inner)
			return -1;
		if (fd < 0 && why.errnum == ENOENT)
			continue;
		if (fd < 0)
			return 1;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			*ret = fd;
			return 0;
		}
		close(fd);
		return 1;
	}
	return 1;
}

/* 0, 1: no such file (or too large a one to be what is meant), -1. */
static int read_layered(const struct layered *l, const char *path, struct uns_buf *ret, struct uns_err *err)
{
	uns_auto_close int fd = -1;
	char chunk[4096];
	ssize_t n;
	int r = open_layered(l, path, &fd, err);

	if (r)
		return r;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (ret->len + (size_t)n > MAX_INNER)
			return 1;
		else if (uns_buf_append(ret, chunk, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? 1 : 0;
}

static bool has_layered(const struct layered *l, const char *const paths[], struct uns_err *err)
{
	for (; *paths; paths++) {
		uns_auto_close int fd = -1;

		if (open_layered(l, *paths, &fd, err) == 0)
			return true;
	}
	return false;
}

/* By the programs themselves: what the release is called says less. Of a symlink to a program (busybox) nothing can be opened, so
 * its own file is looked for; Debian has busybox too, but useradd first. */
static enum uns_usertool find_tool(const struct layered *l, struct uns_err *err)
{
	static const char *const shadow[] = {"usr/sbin/useradd", "usr/bin/useradd", "sbin/useradd", NULL};
	static const char *const busybox[] = {"bin/busybox", "usr/bin/busybox", "sbin/busybox", "bin/busybox.static", NULL};

	if (has_layered(l, shadow, err))
		return UNS_USERTOOL_SHADOW;
	return has_layered(l, busybox, err) ? UNS_USERTOOL_BUSYBOX : UNS_USERTOOL_NONE;
}

/* ---- images ---- */

static int add_tags(struct uns_images *l, const json_t *repositories, struct uns_err *err)
{
	json_t *all = json_object_get(repositories, "Repositories"), *repository, *id;
	const char *name, *reference;

	json_object_foreach (all, name, repository) {
		json_object_foreach (repository, reference, id) {
			const char *text = json_string_value(id);
			const struct uns_image *found = text && !strchr(reference, '@') ? uns_images_find(l, text) : NULL;

			if (found && uns_strs_add(&l->v[found - l->v].tags, reference, err) < 0)
				return -1;
		}
	}
	for (size_t i = 0; i < l->n; i++)
		uns_strs_sort(&l->v[i].tags);
	return 0;
}

/* 0; 1: not one that dockerd would show. */
static int read_object(const struct uns_root *root, const char *path, json_t **ret, struct uns_err *err)
{
	struct uns_err why = {0};
	int r = uns_host_read_object(root, path, UNS_HOST_MAX_CONTAINER, ret, &why);

	if (r >= 0 || why.code == UNS_E_INPUT)
		return r != 0;
	*err = why;
	return -1;
}

static int read_image(const struct uns_root *root, const char *dir, const char *id, const struct chains *chains, struct uns_image *ret,
                      struct uns_err *err)
{
	uns_auto_free char *path = uns_str_printf(err, "%s/%s", dir, id);
	uns_auto_json json_t *j = NULL;
	int r = path ? read_object(root, path, &j, err) : -1;

	if (r)
		return r;
	ret->id = uns_str_dup(id, err);
	if (!ret->id || uns_json_copy(json_object_get(j, "config"), "User", &ret->user, err) < 0)
		return -1;
	return add_dirs(chains, json_object_get(json_object_get(j, "rootfs"), "diff_ids"), &ret->dirs, err);
}

static int read_images(const struct uns_root *root, const char *image, const struct chains *chains, struct uns_images *l,
                       struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/imagedb/content/sha256", image);
	uns_auto_free char *names_file = uns_str_printf(err, "%s/repositories.json", image);
	uns_auto(uns_strs_done) struct uns_strs ids = UNS_STRS_INIT;
	uns_auto_json json_t *names = NULL;

	if (!dir || !names_file || uns_root_list(root, dir, &ids, err) < 0)
		return -1;
	l->v = calloc(ids.n + 1, sizeof(*l->v));
	if (!l->v)
		return uns_err_nomem(err);
	for (size_t i = 0; i < ids.n; i++) {
		int r = read_image(root, dir, ids.v[i], chains, &l->v[l->n], err);

		if (r < 0) {
			l->n++;
			return -1;
		}
		l->n += r == 0;
	}
	/* The list was sorted, and so they are. */
	return read_object(root, names_file, &names, err) < 0 ? -1 : add_tags(l, names, err);
}

/* ---- whose a layer is ---- */

static int by_dir(const void *a, const void *b)
{
	const struct uns_layer *x = a, *y = b;

	return strcmp(x->dir, y->dir);
}

static int add_layer(struct uns_images *l, const char *dir, char *whose, struct uns_err *err)
{
	struct uns_layer *v = whose ? reallocarray(l->layer, l->layers + 1, sizeof(*v)) : NULL;

	if (v)
		l->layer = v;
	if (!v || !(v[l->layers].dir = uns_str_dup(dir, err))) {
		free(whose);
		return uns_err_nomem(err);
	}
	v[l->layers++].whose = whose;
	return 0;
}

/* "image a:1, b:1 and 2 more", of all that have this layer. */
static char *name_images(const struct uns_images *l, const char *dir, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf b = UNS_BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct uns_image *one = &l->v[i];

		if (!uns_strs_has(&one->dirs, dir) || n++ >= NAMED_MAX)
			continue;
		if (uns_buf_printf(&b, err, "%s%.*s", n == 1 ? "image " : ", ", one->tags.n ? 255 : 12,
		                   one->tags.n ? one->tags.v[0] : one->id) < 0)
			return NULL;
	}
	if (n > NAMED_MAX && uns_buf_printf(&b, err, " and %zu more", n - NAMED_MAX) < 0)
		return NULL;
	return n ? uns_buf_take(&b, err) : uns_str_dup("an image without configuration", err);
}

static int name_chains(const struct chains *chains, struct uns_images *l, struct uns_err *err)
{
	for (size_t i = 0; i < chains->n; i++)
		if (is_name(chains->v[i].dir) && add_layer(l, chains->v[i].dir, name_images(l, chains->v[i].dir, err), err) < 0)
			return -1;
	return 0;
}

static int name_container(struct uns_store *s, const struct uns_container *c, const char *dir, struct uns_err *err)
{
	return is_name(dir) ? add_layer(&s->images, dir, uns_str_printf(err, "container %s", *c->name ? c->name : c->id), err) : 0;
}

/* ---- the user of a container ---- */

static const struct uns_account *look_up(const struct uns_accounts *l, const char *name, uint32_t id, bool number)
{
	return number ? uns_accounts_id(l, id) : uns_accounts_name(l, name);
}

static int read_accounts(const struct layered *l, const char *path, bool users, struct uns_accounts *ret, struct uns_err *err)
{
	uns_auto(uns_buf_done) struct uns_buf text = UNS_BUF_INIT;

	if (read_layered(l, path, &text, err) < 0)
		return -1;
	if (!text.len)
		return 0;
	return users ? uns_passwd_parse(text.data, text.len, ret, err) : uns_group_parse(text.data, text.len, ret, err);
}

static bool is_number(const char *s, uint32_t *ret)
{
	return uns_num_u32(s, strlen(s), ret) == 0;
}

/* As runc does (libcontainer/user): a number need not be in the files, a name must. */
static int resolve(const struct layered *l, const char *user, const char *group, struct uns_runs_as *as, struct uns_err *err)
{
	uns_auto(uns_accounts_done) struct uns_accounts users = {0}, groups = {0};
	const struct uns_account *found;
	bool number = is_number(user, &as->uid);

	if (read_accounts(l, "etc/passwd", true, &users, err) < 0)
		return -1;
	found = look_up(&users, user, as->uid, number);
	as->known = number || found;
	as->uid = found ? found->id : as->uid;
	as->gid = found ? found->gid : 0;
	if (!group || !*group || is_number(group, &as->gid))
		return 0;
	if (read_accounts(l, "etc/group", false, &groups, err) < 0)
		return -1;
	found = uns_accounts_name(&groups, group);
	as->known = as->known && found;
	as->gid = found ? found->id : as->gid;
	return 0;
}

static int read_user(const struct uns_store *s, struct layered l, const char *own, struct uns_container *c, struct uns_err *err)
{
	const struct uns_image *image = c->image ? uns_images_find(&s->images, c->image) : NULL;
	uns_auto(uns_strs_done) struct uns_strs dirs = UNS_STRS_INIT;
	uns_auto_free char *user = c->user ? uns_str_dup(c->user, err) : NULL;
	char *group = user ? strchr(user, ':') : NULL;

	c->as = (struct uns_runs_as){.known = true};
	if (uns_image_is_root(c->user) && !group)
		return 0;
	if (!user || (is_name(own) && uns_strs_add(&dirs, own, err) < 0))
		return -1;
	for (size_t i = 0; image && i < image->dirs.n; i++)
		if (uns_strs_add(&dirs, image->dirs.v[i], err) < 0)
			return -1;
	if (group)
		*group++ = '\0';
	l.dirs = &dirs;
	return resolve(&l, *user ? user : "0", group, &c->as, err);
}

static int read_container(const struct uns_root *root, const char *image, const struct layered *l, struct uns_store *s,
                          struct uns_container *c, struct uns_err *err)
{
	uns_auto_free char *dir = uns_str_printf(err, "%s/layerdb/mounts/%s", image, c->id);
	uns_auto_free char *own = NULL, *init = NULL;

	if (!dir || read_word(root, dir, "mount-id", &own, err) < 0 || read_word(root, dir, "init-id", &init, err) < 0)
		return -1;
	if (name_container(s, c, own, err) < 0 || name_container(s, c, init, err) < 0)
		return -1;
	return read_user(s, *l, own, c, err);
}

int uns_host_guess_users(struct uns_store *s, struct uns_err *err)
{
	const struct layered none = {.driver = ""};

	for (size_t i = 0; i < s->containers; i++)
		if (read_user(s, none, NULL, &s->container[i], err) < 0)
			return -1;
	return 0;
}

/* ---- all of it ---- */

static int read_driver(const struct uns_root *root, const char *image, const struct layered *l, struct uns_store *s, struct uns_err *err)
{
	uns_auto(chains_done) struct chains chains = {0};

	if (read_chains(root, image, &chains, err) < 0 || read_images(root, image, &chains, &s->images, err) < 0 ||
	    name_chains(&chains, &s->images, err) < 0)
		return -1;
	for (size_t i = 0; i < s->containers; i++)
		if (read_container(root, image, l, s, &s->container[i], err) < 0)
			return -1;
	for (size_t i = 0; i < s->images.n; i++) {
		struct layered own = {l->tree, l->driver, &s->images.v[i].dirs};

		if (uns_image_is_root(s->images.v[i].user))
			s->images.v[i].tool = find_tool(&own, err);
	}
	if (s->images.layers)
		qsort(s->images.layer, s->images.layers, sizeof(*s->images.layer), by_dir);
	return 0;
}

int uns_host_read_images(const struct uns_root *root, const char *base, struct uns_store *s, struct uns_err *err)
{
	const char *driver = s->drivers.n ? s->drivers.v[0] : "overlay2";
	uns_auto_free char *image = uns_str_printf(err, "%s/image/%s", base, driver);
	struct layered l = {.driver = driver};
	struct uns_tree tree;
	bool there = false;
	int r;

	for (size_t i = 0; i < s->containers; i++)
		s->container[i].as = (struct uns_runs_as){.known = uns_image_is_root(s->container[i].user)};
	if (!image || uns_host_is_dir(root, image, &there, err) < 0)
		return -1;
	if (!there)
		return 0;
	if (uns_tree_open(root, base, &tree, err) < 0)
		return -1;
	l.tree = &tree;
	r = read_driver(root, image, &l, s, err);
	uns_tree_close(&tree);
	return r;
}
