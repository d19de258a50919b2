/* SPDX-License-Identifier: Apache-2.0 */
/* The databases are built here byte by byte, in this machine's byte order, as bbolt does it. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "uns/bolt.h"
#include "uns/str.h"

enum { SIZE = 512, PAGES = 12, BRANCH = 1, LEAF = 2, META = 4 };

struct db {
	uint8_t data[SIZE * PAGES];
};

struct item {
	unsigned flags;
	const char *key;
	const void *value;
	size_t value_len;
};

static void put(uint8_t *p, uint64_t v, size_t bytes)
{
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	memcpy(p, bytes == 2 ? (void *)&v16 : bytes == 4 ? (void *)&v32 : (void *)&v, bytes);
}

static uint8_t *page_of(struct db *db, size_t id)
{
	assert_true(id < PAGES);
	return db->data + id * SIZE;
}

static void put_header(uint8_t *p, uint64_t id, unsigned flags, unsigned count, unsigned overflow)
{
	put(p, id, 8);
	put(p + 8, flags, 2);
	put(p + 10, count, 2);
	put(p + 12, overflow, 4);
}

static void sum_meta(uint8_t *page)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < 56; i++)
		h = (h ^ page[16 + i]) * 1099511628211u;
	put(page + 16 + 56, h, 8);
}

static void put_meta(struct db *db, size_t id, uint64_t root, uint64_t txid)
{
	uint8_t *p = page_of(db, id);

	put_header(p, id, META, 0, 0);
	put(p + 16, 0xed0cdaedu, 4);
	put(p + 20, 2, 4);
	put(p + 24, SIZE, 4);
	put(p + 32, root, 8);
	put(p + 48, 2, 8); /* free list */
	put(p + 56, PAGES, 8);
	put(p + 64, txid, 8);
	sum_meta(p);
}

/* Returns how many bytes the page takes. */
static size_t put_leaf(uint8_t *p, uint64_t id, const struct item *items, size_t n)
{
	size_t at = 16 + 16 * n;

	put_header(p, id, LEAF, (unsigned)n, 0);
	for (size_t i = 0; i < n; i++) {
		uint8_t *e = p + 16 + 16 * i;
		size_t key_len = strlen(items[i].key);

		put(e, items[i].flags, 4);
		put(e + 4, at - (16 + 16 * i), 4);
		put(e + 8, key_len, 4);
		put(e + 12, items[i].value_len, 4);
		memcpy(p + at, items[i].key, key_len);
		memcpy(p + at + key_len, items[i].value, items[i].value_len);
		at += key_len + items[i].value_len;
	}
	put(p + 12, (at - 1) / SIZE, 4);
	return at;
}

static void put_branch(struct db *db, size_t id, const uint64_t *children, size_t n)
{
	uint8_t *p = page_of(db, id);

	put_header(p, id, BRANCH, (unsigned)n, 0);
	for (size_t i = 0; i < n; i++) {
		put(p + 16 + 16 * i, 16 * (n - i), 4);
		put(p + 16 + 16 * i + 4, 1, 4);
		put(p + 16 + 16 * i + 8, children[i], 8);
	}
	memset(p + 16 + 16 * n, 'k', 1);
}

/* The header of a bucket whose pages start at root, with a sequence number that must not matter. */
static const uint8_t *bucket_at(uint8_t header[16], uint64_t root)
{
	put(header, root, 8);
	put(header + 8, 3, 8);
	return header;
}

#define TEXT_ITEM(key, value) { 0, key, value, sizeof(value) - 1 }

/* Root bucket in page 3; "volumes" inline in it. */
static void build_inline(struct db *db)
{
	static const struct item volumes[] = { TEXT_ITEM("db", "{\"Name\":\"db\"}"), TEXT_ITEM("web", "{}") };
	uint8_t value[256] = { 0 }, other[16];

	*db = (struct db){ 0 };
	put_meta(db, 0, 3, 4);
	put_meta(db, 1, 9, 3); /* the older one points elsewhere */

	size_t len = 16 + put_leaf(value + 16, 0, volumes, 2);
	const struct item root[] = { { 1, "a", bucket_at(other, 4), 16 }, TEXT_ITEM("plain", "no bucket"), { 1, "volumes", value, len } };

	put_leaf(page_of(db, 3), 3, root, 3);
}

/* Root is a branch 3 → leaves 4, 5; "volumes" in 5 is a branch 6 → leaf 7 with overflow page 8, leaf 9 with a bucket in it. */
static void build_tree(struct db *db)
{
	static char big[700];
	static const uint64_t root[] = { 4, 5 }, volumes[] = { 7, 9 };
	static const struct item second[] = { TEXT_ITEM("c", "3"), TEXT_ITEM("d", "4") };
	uint8_t a[16], v[16], nested[16];

	*db = (struct db){ 0 };
	put_meta(db, 0, 3, 6);
	put_meta(db, 1, 3, 7);
	memset(big, 'x', sizeof(big));

	const struct item left[] = { { 1, "a", bucket_at(a, 11), 16 } }, right[] = { { 1, "volumes", bucket_at(v, 6), 16 } };
	const struct item first[] = { { 0, "a", big, sizeof(big) }, { 1, "b", bucket_at(nested, 10), 16 } };

	put_branch(db, 3, root, 2);
	put_leaf(page_of(db, 4), 4, left, 1);
	put_leaf(page_of(db, 5), 5, right, 1);
	put_branch(db, 6, volumes, 2);
	put_leaf(page_of(db, 7), 7, first, 2);
	put_leaf(page_of(db, 9), 9, second, 2);
}

/* "key=value " or "key=<length> " for long values. */
static int collect(void *user, const void *key, size_t key_len, const void *value, size_t value_len, struct uns_err *err)
{
	struct uns_buf *b = user;

	if (uns_buf_append(b, key, key_len, err) < 0 || uns_buf_puts(b, "=", err) < 0)
		return -1;
	if (value_len > 64)
		return uns_buf_printf(b, err, "<%zu> ", value_len);
	return uns_buf_append(b, value, value_len, err) < 0 ? -1 : uns_buf_puts(b, " ", err);
}

/* The data in a buffer of exactly its length, so that a read past it is seen. */
static int read_exactly(const void *data, size_t len, const char *bucket, struct uns_buf *b, struct uns_err *err)
{
	uint8_t *copy = malloc(len ? len : 1);
	int answer;

	assert_non_null(copy);
	memcpy(copy, data, len);
	answer = uns_bolt_bucket(copy, len, "metadata.db", bucket, collect, b, err);
	free(copy);
	return answer;
}

static void check_db(const struct db *db, const char *bucket, int answer, const char *expected)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(read_exactly(db->data, sizeof(db->data), bucket, &b, &err), answer);
	assert_string_equal(b.data ? b.data : "", expected);
	uns_buf_done(&b);
}

static void check_damaged(const struct db *db, const char *expected)
{
	struct uns_buf b = UNS_BUF_INIT;
	struct uns_err err = { 0 };

	assert_int_equal(read_exactly(db->data, sizeof(db->data), "volumes", &b, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
	assert_true(uns_str_starts(err.text, "metadata.db: "));
	if (!strstr(err.text, expected))
		assert_string_equal(err.text, expected);
	uns_buf_done(&b);
}

static void inline_bucket_is_read(void **state)
{
	struct db db;

	(void)state;
	build_inline(&db);
	check_db(&db, "volumes", 0, "db={\"Name\":\"db\"} web={} ");
	check_db(&db, "volume", 1, "");
	check_db(&db, "volumes2", 1, "");
	check_db(&db, "plain", 1, ""); /* a key, but no bucket */
}

static void branches_and_overflow_pages_are_read(void **state)
{
	struct db db;

	(void)state;
	build_tree(&db);
	check_db(&db, "volumes", 0, "a=<700> c=3 d=4 ");
}

static void empty_buckets_are_no_error(void **state)
{
	uint8_t value[32] = { 0 };
	const struct item root[] = { { 1, "volumes", value, sizeof(value) } };
	struct uns_err err = { 0 };
	struct db db;

	(void)state;
	build_inline(&db);
	put_header(value + 16, 0, LEAF, 0, 0);
	put_leaf(page_of(&db, 3), 3, root, 1);
	check_db(&db, "volumes", 0, "");
	put_header(page_of(&db, 3), 3, LEAF, 0, 0);
	check_db(&db, "volumes", 1, "");
	assert_int_equal(read_exactly("", 0, "volumes", NULL, &err), 1);
}

static void newer_whole_meta_counts(void **state)
{
	static const struct item empty[] = { TEXT_ITEM("x", "y") };
	struct db db;

	(void)state;
	build_inline(&db);
	put_leaf(page_of(&db, 9), 9, empty, 1);
	put_meta(&db, 1, 9, 5);
	check_db(&db, "volumes", 1, "");
	page_of(&db, 1)[16 + 48]++; /* torn while being written */
	check_db(&db, "volumes", 0, "db={\"Name\":\"db\"} web={} ");
	put_meta(&db, 1, 3, 5);
	page_of(&db, 0)[16]++; /* page 1 is found without page 0 */
	check_db(&db, "volumes", 0, "db={\"Name\":\"db\"} web={} ");
	put_meta(&db, 2, 9, 8); /* what looks like one in a place where its page size does not put it */
	check_db(&db, "volumes", 0, "db={\"Name\":\"db\"} web={} ");
	memset(page_of(&db, 2), 0, SIZE);
	page_of(&db, 1)[16 + 57]++;
	check_damaged(&db, "neither page 0 nor page 1 is a meta page");
}

static void meta_pages_of_other_kinds_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
	} bad[] = { { 16, 0xedda0cedu }, { 20, 1 }, { 20, 3 }, { 24, 0 }, { 24, 1 }, { 24, 500 }, { 24, 256 }, { 24, 0x80000000u } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct db db;

		build_inline(&db);
		for (size_t id = 0; id < 2; id++) {
			put(page_of(&db, id) + bad[i].at, bad[i].value, 4);
			sum_meta(page_of(&db, id));
		}
		check_damaged(&db, "neither page 0 nor page 1");
	}
}

static void cycles_are_refused(void **state)
{
	static const uint64_t self[] = { 4, 3 }, up[] = { 7, 6 }, into_root[] = { 7, 3 }, twice[] = { 7, 7 };
	struct db db;

	(void)state;
	build_tree(&db);
	put_branch(&db, 3, self, 2);
	check_damaged(&db, "page 3: is reached twice");
	build_tree(&db);
	put_branch(&db, 6, up, 2);
	check_damaged(&db, "page 6: is reached twice");
	build_tree(&db);
	put_branch(&db, 6, into_root, 2);
	check_damaged(&db, "page 3: is reached twice");
	build_tree(&db);
	put_branch(&db, 6, twice, 2);
	check_damaged(&db, "page 7: is reached twice");
}

static void pages_out_of_place_are_refused(void **state)
{
	static const uint64_t past[] = { 4, PAGES }, far_off[] = { UINT64_MAX, 5 }, meta[] = { 1, 5 };
	static const uint64_t wraps[] = { (UINT64_MAX / SIZE) + 2, 5 };
	struct db db;

	(void)state;
	build_tree(&db);
	put_branch(&db, 3, past, 2);
	check_damaged(&db, "page 12: lies past the end of the file");
	put_branch(&db, 3, far_off, 2);
	check_damaged(&db, "page 18446744073709551615: lies past the end");
	put_branch(&db, 3, wraps, 2);
	check_damaged(&db, "lies past the end of the file");
	put_branch(&db, 3, meta, 2);
	check_damaged(&db, "page 1: is neither a branch nor a leaf");
	build_tree(&db);
	put(page_of(&db, 5), 6, 8);
	check_damaged(&db, "page 5: carries another page's number");
	build_tree(&db);
	put(page_of(&db, 9) + 12, 3, 4);
	check_damaged(&db, "page 9: has overflow pages past the end of the file");
	put(page_of(&db, 9) + 12, UINT32_MAX, 4);
	check_damaged(&db, "page 9: has overflow pages past the end of the file");
	build_tree(&db);
	put(page_of(&db, 1) + 56, 6, 8); /* high water mark */
	sum_meta(page_of(&db, 1));
	check_damaged(&db, "page 6: lies past the end of the file");
}

static void elements_out_of_place_are_refused(void **state)
{
	struct db db;

	(void)state;
	for (size_t field = 4; field <= 12; field += 4) {
		build_tree(&db);
		put(page_of(&db, 9) + 16 + field, 512, 4);
		check_damaged(&db, "page 9: has an element that reaches past the page");
		put(page_of(&db, 9) + 16 + field, UINT32_MAX, 4);
		check_damaged(&db, "page 9: has an element that reaches past the page");
	}
	build_tree(&db);
	put(page_of(&db, 9) + 10, 65535, 2);
	check_damaged(&db, "page 9: has more elements than it has room for");
	build_tree(&db);
	put(page_of(&db, 6) + 10, 32, 2);
	check_damaged(&db, "page 6: has more elements than it has room for");
	build_tree(&db);
	put(page_of(&db, 6) + 8, 3, 2);
	check_damaged(&db, "page 6: is neither a branch nor a leaf");
}

static void inline_buckets_keep_to_their_value(void **state)
{
	uint8_t value[128] = { 0 };
	struct db db;

	(void)state;
	build_inline(&db);
	for (size_t len = 0; len < 50; len++) {
		static const struct item one[] = { TEXT_ITEM("k", "v") };
		const struct item root[] = { { 1, "volumes", value, len }, TEXT_ITEM("z", "it must not be read into this") };

		assert_int_equal(put_leaf(value + 16, 0, one, 1), 34);
		put_leaf(page_of(&db, 3), 3, root, 2);
		if (len < 16)
			check_damaged(&db, "a bucket has no header");
		else if (len < 32)
			check_damaged(&db, "an inline bucket is cut off");
		else
			check_damaged(&db, len < 48 ? "has more elements than it has room for" : "has an element that reaches past the page");
	}

	const struct item branch[] = { { 1, "volumes", value, 50 } };

	put_header(value + 16, 0, BRANCH, 1, 0);
	put_leaf(page_of(&db, 3), 3, branch, 1);
	check_damaged(&db, "an inline bucket is no leaf");
}

static void deep_chains_are_refused(void **state)
{
	size_t pages = 100, len = pages * SIZE;
	uint8_t *data = calloc(pages, SIZE);
	struct uns_err err = { 0 };
	struct db db;

	(void)state;
	assert_non_null(data);
	build_tree(&db);
	put(page_of(&db, 1) + 56, pages, 8);
	sum_meta(page_of(&db, 1));
	memcpy(data, db.data, 2 * SIZE);
	for (size_t id = 3; id < pages; id++) {
		put_header(data + id * SIZE, id, BRANCH, 1, 0);
		put(data + id * SIZE + 16 + 8, id + 1, 8);
	}
	assert_int_equal(read_exactly(data, len, "volumes", NULL, &err), -1);
	assert_non_null(strstr(err.text, "lies too deep in the tree"));
	free(data);
}

static int stop_at_once(void *user, const void *key, size_t key_len, const void *value, size_t value_len, struct uns_err *err)
{
	(void)key;
	(void)key_len;
	(void)value;
	(void)value_len;
	++*(int *)user;
	return uns_err_set(err, UNS_E_REFUSED, "enough");
}

static void the_visitor_can_stop(void **state)
{
	struct uns_err err = { 0 };
	struct db db;
	int calls = 0;

	(void)state;
	build_tree(&db);
	assert_int_equal(uns_bolt_bucket(db.data, sizeof(db.data), "f", "volumes", stop_at_once, &calls, &err), -1);
	assert_int_equal(calls, 1);
	assert_int_equal(err.code, UNS_E_REFUSED);
	assert_string_equal(err.text, "enough");
}

static void every_prefix_gives_an_answer(void **state)
{
	struct db db[2];

	(void)state;
	build_inline(&db[0]);
	build_tree(&db[1]);
	for (size_t i = 0; i < 2; i++) {
		for (size_t len = 0; len <= sizeof(db[i].data); len++) {
			struct uns_buf b = UNS_BUF_INIT;
			struct uns_err err = { 0 };
			int answer = read_exactly(db[i].data, len, "volumes", &b, &err);

			assert_int_equal(answer < 0, err.code == UNS_E_INPUT);
			assert_true(len == 0 || answer != 1);
			/* Whole as soon as the last page that it needs is there. */
			assert_int_equal(answer == 0, len >= (size_t)(i == 0 ? 4 : 10) * SIZE);
			uns_buf_done(&b);
		}
	}
}

static void every_changed_byte_gives_an_answer(void **state)
{
	static const uint8_t with[] = { 0x01, 0x80, 0xff, 0x10 };
	struct db db[2];

	(void)state;
	build_inline(&db[0]);
	build_tree(&db[1]);
	for (size_t n = 0; n < 2 * sizeof(db->data) * sizeof(with); n++) {
		struct db *d = &db[n % 2];
		size_t at = n / 2 / sizeof(with);
		uint8_t change = with[n / 2 % sizeof(with)];
		struct uns_buf b = UNS_BUF_INIT;
		struct uns_err err = { 0 };

		d->data[at] ^= change;
		/* A checksum would hide what the change does to a meta page. */
		if (at < 2 * SIZE && at % SIZE < 72) {
			sum_meta(page_of(d, 0));
			sum_meta(page_of(d, 1));
		}
		int answer = read_exactly(d->data, sizeof(d->data), "volumes", &b, &err);

		assert_int_equal(answer < 0, err.code == UNS_E_INPUT);
		d->data[at] ^= change;
		sum_meta(page_of(d, 0));
		sum_meta(page_of(d, 1));
		uns_buf_done(&b);
	}
}

static bool is_filled(const struct db *db, const char *a, const char *b, const char *c)
{
	const char *const path[] = {a, b, c};
	struct uns_err err = {0};
	bool filled = false;

	if (uns_bolt_filled(db->data, sizeof(db->data), "f", path, c ? 3 : b ? 2 : a ? 1 : 0, &filled, &err) < 0)
		fail_msg("%s", err.text);
	return filled;
}

/* Page 10 is the bucket "b" in "volumes": it holds the bucket "in" (inline, with one key) and "empty" (inline, with none). */
static void buckets_inside_buckets_are_looked_into(void **state)
{
	static const struct item one[] = {TEXT_ITEM("k", "v")};
	uint8_t in[64] = {0}, empty[64] = {0};
	struct uns_err err = {0};
	struct db db;
	bool filled = true;

	(void)state;
	build_tree(&db);
	put_leaf(empty + 16, 0, one, 0);

	const struct item inner[] = {{1, "empty", empty, 32}, {1, "in", in, 16 + put_leaf(in + 16, 0, one, 1)}};

	put_leaf(page_of(&db, 10), 10, inner, 2);
	assert_true(is_filled(&db, NULL, NULL, NULL));
	assert_true(is_filled(&db, "volumes", NULL, NULL));
	assert_true(is_filled(&db, "volumes", "b", NULL));
	assert_true(is_filled(&db, "volumes", "b", "in"));
	assert_false(is_filled(&db, "volumes", "b", "empty"));
	assert_false(is_filled(&db, "volumes", "b", "none"));
	assert_false(is_filled(&db, "volumes", "a", NULL)); /* a key, no bucket */
	assert_false(is_filled(&db, "none", NULL, NULL));
	assert_int_equal(uns_bolt_filled("", 0, "f", NULL, 0, &filled, &err), 0);
	assert_false(filled);
	put(page_of(&db, 10), 99, 8);
	assert_int_equal(uns_bolt_filled(db.data, sizeof(db.data), "f", (const char *const[]){"volumes", "b"}, 2, &filled, &err), -1);
	assert_int_equal(err.code, UNS_E_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inline_bucket_is_read),
		cmocka_unit_test(branches_and_overflow_pages_are_read),
		cmocka_unit_test(empty_buckets_are_no_error),
		cmocka_unit_test(newer_whole_meta_counts),
		cmocka_unit_test(meta_pages_of_other_kinds_are_refused),
		cmocka_unit_test(cycles_are_refused),
		cmocka_unit_test(pages_out_of_place_are_refused),
		cmocka_unit_test(elements_out_of_place_are_refused),
		cmocka_unit_test(inline_buckets_keep_to_their_value),
		cmocka_unit_test(deep_chains_are_refused),
		cmocka_unit_test(the_visitor_can_stop),
		cmocka_unit_test(every_prefix_gives_an_answer),
		cmocka_unit_test(every_changed_byte_gives_an_answer),
		cmocka_unit_test(buckets_inside_buckets_are_looked_into),
	};

	return cmocka_run_group_tests_name("bolt", tests, NULL, NULL);
}
