/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says of its containers: real answers beside real files, answers that are none, and what comes of both together. */
#include "test.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "../../src/host/host.h"
#include "scratch.h"
#include "uns/cleanup.h"
#include "uns/json.h"

/* ---- an engine ---- */

struct answer {
	const char *path, *text;
	int status;
	size_t longer; /* that the body is said to be, and is not */
	size_t blanks; /* before the text */
};

struct fixture {
	struct scratch s;
	struct uns_root root;
	struct uns_facts f;
	struct uns_asked a;
	struct uns_err err;
	char sock[600];
	pid_t engine;
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	scratch_make(&x->s);
	snprintf(x->sock, sizeof(x->sock), "%s/sock", x->s.path);
	assert_int_equal(uns_root_open(&x->root, x->s.path, &x->err), 0);
	x->a = (struct uns_asked){.silent = true};
	*state = x;
	return 0;
}

static void end_engine(struct fixture *x)
{
	if (!x->engine)
		return;
	assert_int_equal(kill(x->engine, SIGKILL), 0);
	assert_int_equal(waitpid(x->engine, NULL, 0), x->engine);
	x->engine = 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	end_engine(x);
	uns_host_asked_done(&x->a);
	free(x->f.socket);
	x->f.socket = NULL;
	uns_facts_done(&x->f);
	uns_root_close(&x->root);
	scratch_remove(&x->s);
	free(x);
	return 0;
}

static void put_blanks(int fd, size_t n)
{
	static char blanks[1 << 16];

	memset(blanks, ' ', sizeof(blanks));
	for (size_t left = n; left > 0;) {
		ssize_t put = send(fd, blanks, left < sizeof(blanks) ? left : sizeof(blanks), MSG_NOSIGNAL);

		if (put <= 0)
			return;
		left -= (size_t)put;
	}
}

/* Of a status below 0 there is no answer, until who asks gives up. */
static void answer_to(int fd, const char *path, const struct answer *a)
{
	char rest;

	while (a->path && strcmp(a->path, path) != 0)
		a++;
	if (a->status < 0) {
		while (read(fd, &rest, 1) > 0)
			;
		return;
	}
	if (!a->path) {
		dprintf(fd, "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}");
		return;
	}
	dprintf(fd, "HTTP/1.1 %d So\r\nContent-Length: %zu\r\n\r\n", a->status ? a->status : 200, strlen(a->text) + a->longer + a->blanks);
	put_blanks(fd, a->blanks);
	dprintf(fd, "%s", a->text);
}

/* Each path that is asked for becomes a line of the file "asked". */
static void serve(int listener, int log, const struct answer *answers)
{
	for (;;) {
		char request[4096], path[2048];
		int fd = accept(listener, NULL, NULL);
		ssize_t n = fd < 0 ? -1 : read(fd, request, sizeof(request) - 1);

		if (n <= 0)
			_exit(1);
		request[n] = '\0';
		if (sscanf(request, "GET %2047s HTTP/1.1", path) != 1)
			_exit(1);
		dprintf(log, "%s\n", path);
		answer_to(fd, path, answers);
		close(fd);
	}
}

static void start_engine(struct fixture *x, const struct answer *answers)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(strlen(x->sock) < sizeof(a.sun_path));
	snprintf(a.sun_path, sizeof(a.sun_path), "%.100s", x->sock);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 8), 0);
	x->engine = fork();
	assert_true(x->engine >= 0);
	if (x->engine == 0) {
		signal(SIGPIPE, SIG_IGN);
		serve(listener, openat(x->s.fd, "asked", O_WRONLY | O_CREAT | O_APPEND, 0600), answers);
	}
	close(listener);
	x->f.socket = strdup(x->sock);
}

static const char *asked(struct fixture *x)
{
	static char text[65536];
	int fd = openat(x->s.fd, "asked", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void ask(struct fixture *x, const struct answer *answers)
{
	start_engine(x, answers);
	x->f.running = true;
	assert_int_equal(uns_host_ask(&x->root, &x->f, &x->a, &x->err), 0);
}

/* ---- real answers ---- */

static json_t *real_answers(void)
{
	const char *dir = getenv("srcdir");
	json_t *all = NULL;
	json_error_t why;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/unit/answers.json", dir ? dir : ".");
	all = json_load_file(path, 0, &why);
	if (!all)
		fail_msg("%s: %s", path, why.text);
	return all;
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_lists(const struct uns_strs *a, const struct uns_strs *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_string_equal(a->v[i], b->v[i]);
}

static void assert_same_mounts(json_t *a, json_t *b)
{
	static const char *const keys[] = {"Type", "Name", "Source", "Driver"};
	const char *inside;
	json_t *mount;

	assert_int_equal(json_object_size(a), json_object_size(b));
	json_object_foreach (a, inside, mount) {
		const json_t *other = json_object_get(b, inside);

		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			assert_string_equal(uns_json_str_or(mount, keys[i], ""), uns_json_str_or(other, keys[i], ""));
		assert_int_equal(uns_json_bool_or(mount, "RW", true), uns_json_bool_or(other, "RW", true));
	}
}

static void assert_same(const struct uns_container *a, const struct uns_container *b)
{
	assert_same_text(a->id, b->id);
	assert_same_text(a->name, b->name);
	assert_same_text(a->network_mode, b->network_mode);
	assert_same_text(a->pid_mode, b->pid_mode);
	assert_same_text(a->ipc_mode, b->ipc_mode);
	assert_same_text(a->userns_mode, b->userns_mode);
	assert_same_text(a->driver, b->driver);
	assert_same_text(a->user, b->user);
	assert_same_text(a->image, b->image);
	assert_int_equal(a->running, b->running);
	assert_int_equal(a->privileged, b->privileged);
	assert_int_equal(a->auto_remove, b->auto_remove);
	assert_same_lists(&a->volumes, &b->volumes);
	assert_same_lists(&a->binds, &b->binds);
	assert_same_mounts(a->mounts, b->mounts);
	assert_true(json_object_size(a->host) > 50);
	/* The engine looks these up when it is asked. */
	json_object_set_new(a->host, "Links", json_null());
	json_object_set_new(b->host, "Links", json_null());
	assert_true(json_equal(a->host, b->host));
}

/* Of dockerd 20.10: one that is paused, a volume, a bind mount, a device, a tmpfs. */
static void answers_and_files_say_the_same(void **state)
{
	uns_auto_json json_t *all = real_answers();
	struct uns_err err;

	(void)state;
	assert_int_equal(json_array_size(all), 5);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *one = json_array_get(all, i), *config = json_object_get(one, "config");
		uns_auto(uns_container_done) struct uns_container by_files = {0}, by_answer = {0};
		const char *id = uns_json_str_or(config, "ID", "");

		assert_true(uns_container_is_id(id));
		assert_int_equal(uns_container_parse(config, json_object_get(one, "host"), id, &by_files, &err), 0);
		assert_int_equal(uns_container_parse_answer(json_object_get(one, "inspect"), id, &by_answer, &err), 0);
		assert_same(&by_files, &by_answer);
	}
}

/* ---- answers that are none ---- */

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ID_D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define ID_E "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define ID_F "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ABOUT(id) "/containers/" id "/json"
#define TELLS(id, name, running, more) \
	"{\"Id\":\"" id "\",\"Name\":\"/" name "\",\"Config\":{\"User\":\"\"},\"State\":{\"Running\":" running "},\"HostConfig\":{" more "}}"

static int parse(const char *text, struct uns_container *c)
{
	uns_auto_json json_t *j = json_loads(text, 0, NULL);
	struct uns_err err;
	int r = uns_container_parse_answer(j, ID_A, c, &err);

	assert_non_null(j);
	if (r < 0)
		assert_int_equal(err.code, UNS_E_INPUT);
	return r;
}

static void answers_about_something_else_are_refused(void **state)
{
	static const char *const texts[] = {
	    "[]",
	    "{}",
	    TELLS(ID_B, "x", "true", ""),
	    "{\"Id\":5,\"Config\":{},\"State\":{},\"HostConfig\":{}}",
	    "{\"Id\":\"" ID_A "\",\"Config\":{},\"State\":{}}",
	    "{\"Id\":\"" ID_A "\",\"Config\":{},\"State\":{},\"HostConfig\":null}",
	    "{\"Id\":\"" ID_A "\",\"Config\":[],\"State\":{},\"HostConfig\":{}}",
	    "{\"Id\":\"" ID_A "\",\"Config\":{},\"State\":\"running\",\"HostConfig\":{}}",
	};
	struct uns_container c = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(parse(texts[i], &c), -1);
	assert_null(c.id);
}

/* However many there are, and in whatever order. */
static void all_mounts_come_by_their_place(void **state)
{
	enum { MANY = 60000 };
	uns_auto_json json_t *answer = json_loads(TELLS(ID_A, "x", "true", ""), 0, NULL);
	uns_auto(uns_container_done) struct uns_container c = {0};
	json_t *list = json_array();
	const char *place;
	json_t *mount;
	struct uns_err err;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < MANY + 1; i++) {
		char to[16];

		(void)snprintf(to, sizeof(to), "/%05u", i * 7 % MANY);
		assert_int_equal(json_array_append_new(list, json_pack("{ss ss si}", "Destination", to, "Type", "tmpfs", "At", (int)i)), 0);
	}
	assert_int_equal(json_object_set_new(answer, "Mounts", list), 0);
	assert_int_equal(uns_container_parse_answer(answer, ID_A, &c, &err), 0);
	json_object_foreach (c.mounts, place, mount) {
		char want[16];

		(void)snprintf(want, sizeof(want), "/%05u", n++);
		assert_string_equal(place, want);
	}
	assert_int_equal(n, MANY);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(c.mounts, "/00000"), "At")), MANY);
}

static void members_of_other_types_count_as_absent(void **state)
{
	uns_auto(uns_container_done) struct uns_container c = {0};

	(void)state;
	assert_int_equal(parse("{\"Id\":\"" ID_A "\",\"Name\":7,\"Image\":{},\"Driver\":[],\"Config\":{\"User\":1000},"
	                       "\"State\":{\"Running\":\"yes\"},\"HostConfig\":{\"Privileged\":1,\"NetworkMode\":null,\"CapAdd\":\"ALL\"},"
	                       "\"Mounts\":[5,null,{},{\"Destination\":7},{\"Destination\":\"/z\",\"Type\":\"bind\",\"Source\":\"/srv\"},"
	                       "{\"Destination\":\"/a\",\"Type\":8,\"Name\":\"v\"}]}",
	                       &c),
	                 0);
	assert_string_equal(c.name, "");
	assert_null(c.image);
	assert_null(c.driver);
	assert_null(c.user);
	assert_null(c.network_mode);
	assert_false(c.running);
	assert_false(c.privileged);
	assert_int_equal(json_object_size(c.mounts), 2);
	assert_string_equal(json_object_iter_key(json_object_iter(c.mounts)), "/a"); /* as files have them: sorted */
	assert_string_equal(c.volumes.v[0], "v");
	assert_string_equal(c.binds.v[0], "/srv");
}

static void an_answer_is_about_whom_it_was_asked_for(void **state)
{
	uns_auto(uns_container_done) struct uns_container c = {0};

	(void)state;
	assert_int_equal(parse("{\"Id\":\"" ID_A "\",\"ID\":\"" ID_B "\",\"Config\":{},\"State\":{},\"HostConfig\":{}}", &c), 0);
	assert_string_equal(c.id, ID_A);
}

/* ---- beside files ---- */

static void put_container(struct fixture *x, const char *id, const char *name, bool running)
{
	char path[256], text[512];

	snprintf(path, sizeof(path), "d/containers/%s", id);
	put_dir(&x->s, path);
	snprintf(path, sizeof(path), "d/containers/%s/config.v2.json", id);
	snprintf(text, sizeof(text), "{\"ID\":\"%s\",\"Name\":\"/%s\",\"State\":{\"Running\":%s},\"Image\":\"sha256:1\",\"Driver\":\"vfs\"}", id, name,
	         running ? "true" : "false");
	put_file(&x->s, path, text);
	snprintf(path, sizeof(path), "d/containers/%s/hostconfig.json", id);
	put_file(&x->s, path, "{\"AutoRemove\":false}");
}

static void put_root(struct fixture *x)
{
	put_dir(&x->s, "d");
	put_dir(&x->s, "d/containers");
	x->f.data_root = strdup("/d");
	x->f.have_data_root = true;
}

#define INFO {"/info", "{\"DockerRootDir\":\"/d\",\"Driver\":\"vfs\"}", 0, 0, 0}
#define LISTED(id, name, state) "{\"Id\":\"" id "\",\"Names\":[\"/other/alias\",\"/" name "\"],\"State\":\"" state "\",\"ImageID\":\"sha256:1\"}"

static const struct uns_container *container(const struct uns_store *s, const char *id)
{
	for (size_t i = 0; i < s->containers; i++)
		if (strcmp(s->container[i].id, id) == 0)
			return &s->container[i];
	return NULL;
}

static void the_word_of_the_engine_wins(void **state)
{
	static const struct answer answers[] = {
	    INFO,
	    {"/containers/json?all=1",
	     "[" LISTED(ID_C, "started", "paused") "," LISTED(ID_A, "same", "exited") "," LISTED(ID_B, "renamed", "created") "," LISTED(
	         ID_D, "unfiled", "exited") "," LISTED(ID_D, "unfiled", "exited") "," LISTED(ID_E, "removed", "running") "]",
	     0, 0, 0},
	    {ABOUT(ID_B), TELLS(ID_B, "renamed", "false", "\"Privileged\":true"), 0, 0, 0},
	    {ABOUT(ID_C), TELLS(ID_C, "started", "true", "\"AutoRemove\":true"), 0, 0, 0},
	    {ABOUT(ID_D), TELLS(ID_D, "unfiled", "false", ""), 0, 0, 0},
	    {0},
	};
	struct fixture *x = *state;
	const struct uns_store *s = &x->f.flat;

	put_root(x);
	put_container(x, ID_A, "same", false);
	put_container(x, ID_B, "named", false);
	put_container(x, ID_C, "started", false);
	put_container(x, ID_E, "removed", true);
	put_container(x, ID_F, "ignored", true);
	ask(x, answers);
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_int_equal(s->containers, 6);
	assert_true(container(s, ID_C)->running && container(s, ID_C)->auto_remove);
	assert_string_equal(container(s, ID_B)->name, "renamed");
	assert_true(container(s, ID_B)->privileged);
	assert_true(container(s, ID_D)->no_files);
	assert_true(container(s, ID_E)->running && !container(s, ID_E)->ignored); /* its files are still there */
	assert_true(container(s, ID_F)->ignored);
	assert_false(container(s, ID_F)->running);
	assert_false(container(s, ID_A)->ignored || container(s, ID_A)->no_files || container(s, ID_B)->no_files);
	/* What is stopped, and the same in list and files, costs no request of its own. */
	assert_null(strstr(asked(x), ID_A));
	assert_non_null(strstr(asked(x), ID_F));
}

/* Removed while it was asked for: neither an error nor a container. */
static void what_is_made_and_removed_meanwhile_is_settled(void **state)
{
	static const struct answer answers[] = {
	    INFO,
	    {"/containers/json?all=1", "[]", 0, 0, 0},
	    {ABOUT(ID_A), TELLS(ID_A, "made", "true", ""), 0, 0, 0},
	    {0},
	};
	struct fixture *x = *state;
	struct uns_store *s = &x->f.flat;

	put_root(x);
	put_container(x, ID_A, "made", false);
	ask(x, answers);
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_int_equal(s->containers, 1);
	assert_true(s->container[0].running && !s->container[0].ignored && !s->container[0].no_files);
	/* Its files were read, and are gone by now. */
	free(s->container[0].id);
	s->container[0].id = strdup(ID_B);
	assert_int_equal(uns_host_settle(&x->root, "/d", &x->a, &x->f, s, &x->err), 0);
	assert_int_equal(s->containers, 0);
}

static void another_data_root_is_not_mixed_in(void **state)
{
	static const struct answer answers[] = {
	    {"/info", "{\"DockerRootDir\":\"/elsewhere\"}", 0, 0, 0},
	    {"/containers/json?all=1", "[" LISTED(ID_B, "b", "running") "]", 0, 0, 0},
	    {0},
	};
	struct fixture *x = *state;

	put_root(x);
	put_container(x, ID_A, "a", true);
	ask(x, answers);
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_int_equal(x->f.flat.containers, 1);
	assert_true(x->f.flat.container[0].running && !x->f.flat.container[0].ignored);
	assert_string_equal(asked(x), "/info\n/containers/json?all=1\n");
}

/* That these, and no others, are noted as not told. */
static void assert_untold(struct fixture *x, ...)
{
	size_t n = 0;
	va_list all;

	va_start(all, x);
	for (const char *one; (one = va_arg(all, const char *)); n++) {
		bool found = false;

		for (size_t i = 0; i < x->f.unseens; i++)
			found |= x->f.unseen[i].what == UNS_UNSEEN_ANSWER && strcmp(x->f.unseen[i].path, one) == 0;
		if (!found)
			fail_msg("%s is not noted", one);
	}
	va_end(all);
	assert_int_equal(x->f.unseens, n);
}

/* The files count; what cannot be an ID is not asked for; an answer that breaks off is that one alone. */
static void hostile_answers_leave_the_files(void **state)
{
	static const struct answer answers[] = {
	    INFO,
	    {"/containers/json?all=1",
	     "[7,null,{},{\"Id\":\"../images/json?\"},{\"Id\":\"" ID_A "\\n\"},{\"Id\":\"AAAA\"}," LISTED(ID_A, "a", "running") "," LISTED(
	         ID_B, "b", "running") "," LISTED(ID_C, "c", "running") "]",
	     0, 0, 0},
	    {ABOUT(ID_A), TELLS(ID_F, "other", "true", ""), 0, 0, 0},
	    {ABOUT(ID_B), "{\"Id\":\"" ID_B, 0, 0, 0},
	    {ABOUT(ID_C), TELLS(ID_C, "cut", "true", ""), 0, 100, 0},
	    {0},
	};
	struct fixture *x = *state;
	const struct uns_store *s = &x->f.flat;

	put_root(x);
	put_container(x, ID_A, "a", true);
	put_container(x, ID_B, "b", false);
	put_container(x, ID_C, "c", false);
	put_container(x, ID_F, "f", true);
	ask(x, answers);
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_int_equal(s->containers, 4);
	assert_string_equal(container(s, ID_A)->name, "a");
	assert_string_equal(container(s, ID_C)->name, "c");
	assert_false(container(s, ID_C)->running);
	assert_true(container(s, ID_F)->ignored);
	assert_false(container(s, ID_F)->running);
	assert_string_equal(asked(x), "/info\n/containers/json?all=1\n" ABOUT(ID_A) "\n" ABOUT(ID_B) "\n" ABOUT(ID_C) "\n" ABOUT(ID_F) "\n");
	/* Nobody knows what those are that have no ID. */
	assert_untold(x, x->sock, "../images/json?", ID_A "\n", "AAAA", NULL);
}

#define REFUSED(id) {ABOUT(id), "{\"message\":\"no\"}", 500, 0, 0}
#define FOUR_LISTED                                                                                                                  \
	"[" LISTED(ID_A, "a", "running") "," LISTED(ID_B, "b", "running") "," LISTED(ID_C, "c", "running") "," LISTED(ID_D, "d", "running") "]"

/* With files it is what these say; without, it is said that it is there. Only one that the engine does not know is gone. */
static void what_the_engine_does_not_tell_is_noted(void **state)
{
	static const struct answer answers[] = {
	    INFO, {"/containers/json?all=1", FOUR_LISTED, 0, 0, 0}, REFUSED(ID_A), REFUSED(ID_B), {ABOUT(ID_C), TELLS(ID_F, "c", "true", ""), 0, 0, 0}, {0},
	};
	struct fixture *x = *state;

	put_root(x);
	put_container(x, ID_A, "a", true);
	ask(x, answers);
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_int_equal(x->f.flat.containers, 1);
	assert_untold(x, "b", "c", NULL);
}

/* All that is not asked in time is not told. */
static void an_engine_that_hangs_is_waited_for_in_all(void **state)
{
	static const struct answer answers[] = {
	    INFO, {"/containers/json?all=1", FOUR_LISTED, 0, 0, 0}, {ABOUT(ID_A), "", -1, 0, 0}, {ABOUT(ID_B), TELLS(ID_B, "b", "true", ""), 0, 0, 0}, {0},
	};
	struct fixture *x = *state;
	time_t begun = time(NULL);

	put_root(x);
	put_container(x, ID_D, "d", false);
	ask(x, answers);
	assert_true(x->a.until > 0);
	x->a.until -= 59000;
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_true(time(NULL) - begun < 10);
	assert_true(x->a.late);
	assert_int_equal(x->f.flat.containers, 1);
	assert_untold(x, "a", "b", "c", NULL);
	assert_string_equal(asked(x), "/info\n/containers/json?all=1\n" ABOUT(ID_A) "\n");
}

/* Its data root may be of this name elsewhere. */
static void an_engine_of_elsewhere_is_not_mixed_in(void **state)
{
	static const struct answer answers[] = {INFO, {"/containers/json?all=1", FOUR_LISTED, 0, 0, 0}, {ABOUT(ID_B), TELLS(ID_B, "b", "true", ""), 0, 0, 0}, {0}};
	struct fixture *x = *state;

	put_root(x);
	put_container(x, ID_A, "a", false);
	ask(x, answers);
	x->f.running = false;
	assert_int_equal(uns_host_read_flat(&x->root, &x->a, &x->f, &x->err), 0);
	assert_int_equal(x->f.flat.containers, 1);
	assert_false(x->f.flat.container[0].running);
	assert_int_equal(x->f.unseens, 1);
	assert_int_equal(x->f.unseen[0].what, UNS_UNSEEN_ENGINE);
	assert_string_equal(x->f.unseen[0].path, x->sock);
}

static void answers_have_a_largest_size(void **state)
{
	static const struct answer answers[] = {INFO, {"/containers/json?all=1", "[]", 0, 0, (64u << 20) + 1}, {0}};
	struct fixture *x = *state;

	ask(x, answers);
	assert_true(x->a.silent);
	assert_null(x->a.containers);
}

static void an_engine_of_another_kind_is_not_asked_on(void **state)
{
	static const struct answer answers[] = {
	    {"/info", "{\"DockerRootDir\":\"/d\",\"BuildahVersion\":\"1.28\"}", 0, 0, 0}, {"/containers/json?all=1", "[]", 0, 0, 0}, {0}};
	struct fixture *x = *state;

	ask(x, answers);
	assert_true(x->a.silent);
}

/* ---- in place of files ---- */

#define IMAGE "1111111111111111111111111111111111111111111111111111111111111111"

static const struct answer told[] = {
    {"/info",
     "{\"DockerRootDir\":\"/gone/100000.200000\",\"Driver\":\"overlay2\",\"Swarm\":{\"LocalNodeState\":\"active\",\"ControlAvailable\":true}}", 0, 0, 0},
    {"/containers/json?all=1", "[" LISTED(ID_A, "a", "running") "," LISTED(ID_B, "b", "exited") ",{\"Id\":\"no ID\"}]", 0, 0, 0},
    {ABOUT(ID_A),
     "{\"Id\":\"" ID_A "\",\"Name\":\"/a\\u001b[31m\",\"Image\":\"sha256:" IMAGE "\",\"Config\":{\"User\":\"1000:7\"},\"State\":{\"Running\":true},"
     "\"HostConfig\":{}}",
     0, 0, 0},
    {"/volumes",
     "{\"Volumes\":[{\"Name\":\"v\",\"Driver\":\"local\",\"Labels\":null,\"Options\":{\"type\":\"nfs\",\"o\":\"ro\",\"device\":\":/x\"}},"
     "{\"Name\":\"w\",\"Driver\":\"ssh\"},{\"Name\":\"plain\",\"Driver\":\"local\",\"Labels\":{\"a\":\"b\"}},7]}",
     0, 0, 0},
    {"/images/json?all=1", "[{\"Id\":\"sha256:" IMAGE "\",\"RepoTags\":[\"web:1\",\"<none>:<none>\"]},{\"Id\":\"sha256:../x\"}]", 0, 0, 0},
    {"/images/sha256:" IMAGE "/json", "{\"Config\":{\"User\":\"app\"}}", 0, 0, 0},
    {0},
};

static void a_store_is_told(void **state)
{
	struct fixture *x = *state;
	const struct uns_store *s = &x->f.nested;

	ask(x, told);
	assert_int_equal(uns_host_read_told(&x->a, &x->f, &x->err), 0);
	assert_true(x->f.told);
	assert_string_equal(x->f.active_dir, "100000.200000");
	assert_true(uns_strs_has(&x->f.remap_dirs, "100000.200000"));
	assert_int_equal(s->containers, 1); /* the other one was removed meanwhile */
	assert_string_equal(s->container[0].name, "a\033[31m");
	assert_true(s->container[0].as.known && s->container[0].as.uid == 1000 && s->container[0].as.gid == 7);
	assert_int_equal(s->volumes, 2);
	assert_string_equal(s->volume[0].device, ":/x");
	assert_true(s->volume[0].mounted_type && !s->volume[1].mounted_type);
	assert_string_equal(uns_json_str_or(s->volume[1].labels, "a", ""), "b");
	assert_int_equal(s->images.n, 1);
	assert_string_equal(s->images.v[0].user, "app");
	assert_int_equal(s->images.v[0].tags.n, 1);
	assert_true(uns_strs_has(&s->drivers, "overlay2") && uns_strs_has(&s->entries, "containers"));
	/* What the engine lists by no ID is named as not judged. */
	assert_untold(x, "no ID", "sha256:../x", NULL);
	assert_true(x->f.told_swarm && x->f.told_manager);
}

static void what_is_not_told_is_noted(void **state)
{
	static const struct answer answers[] = {
	    INFO,
	    {"/containers/json?all=1", "[{\"Id\":\"\"}," LISTED(ID_A, "a", "running") "," LISTED(ID_B, "b", "running") "]", 0, 0, 0},
	    REFUSED(ID_A),
	    {"/volumes", "{}", 500, 0, 0},
	    {"/images/json?all=1",
	     "[{\"Id\":\"sha256:" ID_C "\",\"RepoTags\":[\"<none>:<none>\",\"c:1\"]},{\"Id\":\"sha256:" ID_D "\"},{\"Id\":\"sha256:" ID_E "\"}]", 0, 0, 0},
	    {"/images/sha256:" ID_C "/json", "{}", 500, 0, 0},
	    {"/images/sha256:" ID_D "/json", "{", 0, 0, 0},
	    {0},
	};
	struct fixture *x = *state;

	ask(x, answers);
	assert_int_equal(uns_host_read_told(&x->a, &x->f, &x->err), 0);
	assert_int_equal(x->f.flat.containers + x->f.flat.images.n, 0);
	assert_untold(x, x->sock, "a", "volumes", "c:1", "sha256:" ID_D, NULL);
	assert_false(x->f.told_swarm);
}

static void lists_that_are_none_are_noted(void **state)
{
	static const struct answer answers[] = {
	    INFO, {"/containers/json?all=1", "[]", 0, 0, 0}, {"/volumes", "{\"Volumes\":null}", 0, 0, 0}, {"/images/json?all=1", "{}", 0, 0, 0}, {0},
	};
	struct fixture *x = *state;

	ask(x, answers);
	assert_int_equal(uns_host_read_told(&x->a, &x->f, &x->err), 0);
	assert_untold(x, "images", NULL);
}

static void only_permission_is_excused(void **state)
{
	struct fixture *x = *state;
	struct uns_err why = {.code = UNS_E_FAILED, .errnum = EACCES, .text = "no"};

	assert_int_equal(uns_host_excuse(&x->f, UNS_UNSEEN_DATA, "/d", &why, &x->err), -1);
	assert_string_equal(x->err.text, "no");
	x->f.partial = true;
	assert_int_equal(uns_host_excuse(&x->f, UNS_UNSEEN_DATA, "/d", &why, &x->err), 0);
	assert_int_equal(uns_host_excuse(&x->f, UNS_UNSEEN_DATA, "/d", &why, &x->err), 0);
	assert_int_equal(x->f.unseens, 1);
	why.errnum = EIO;
	assert_int_equal(uns_host_excuse(&x->f, UNS_UNSEEN_OPTIONS, "/e", &why, &x->err), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_and_files_say_the_same),
	    cmocka_unit_test(answers_about_something_else_are_refused),
	    cmocka_unit_test(all_mounts_come_by_their_place),
	    cmocka_unit_test(members_of_other_types_count_as_absent),
	    cmocka_unit_test(an_answer_is_about_whom_it_was_asked_for),
	    T(the_word_of_the_engine_wins),
	    T(what_is_made_and_removed_meanwhile_is_settled),
	    T(another_data_root_is_not_mixed_in),
	    T(hostile_answers_leave_the_files),
	    T(what_the_engine_does_not_tell_is_noted),
	    T(an_engine_that_hangs_is_waited_for_in_all),
	    T(an_engine_of_elsewhere_is_not_mixed_in),
	    T(answers_have_a_largest_size),
	    T(an_engine_of_another_kind_is_not_asked_on),
	    T(a_store_is_told),
	    T(what_is_not_told_is_noted),
	    T(lists_that_are_none_are_noted),
	    T(only_permission_is_excused),
	};

	return cmocka_run_group_tests_name("asked", tests, NULL, NULL);
}
