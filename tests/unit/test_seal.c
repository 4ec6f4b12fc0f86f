/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/cluster/ledger.h"
#include "user/cluster/seal.h"

#define SECRET "correct horse battery staple"

static const uint8_t address[16] = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 7};

static int open_text(struct seal *seal, const char *with, const char *sealed, char **out)
{
	return seal_open(seal, with, sealed, strlen(sealed), out);
}

/* By another implementation: Python's hmac, and AESGCM of its cryptography 38, from the definitions in seal.h */
static void names_and_texts_are_those_of_another_implementation(void **state)
{
	static const char sealed[] = "AAECAwQFBgcICQoL4t7qkBptUdhYrBfm47roeeDzfY+oZxnv7sW+cg==";
	struct seal *seal = seal_new(SECRET);
	char name[SEAL_NAME], *text = NULL;

	(void)state;
	assert_non_null(seal);
	assert_int_equal(seal_name(seal, "web.anonymous.l0", address, sizeof(address), name), 0);
	assert_string_equal(name, "fd6551c4faf0c88f47750dc91f0ba09d");
	assert_int_equal(open_text(seal, "name 1 2", sealed, &text), 0);
	assert_string_equal(text, "{\"do\":\"ban\"}");
	free(text);
	seal_free(seal);
}

static void a_name_depends_on_secret_kind_and_data_and_fits_a_ledger(void **state)
{
	struct seal *seal = seal_new(SECRET), *other = seal_new(SECRET "!");
	char name[SEAL_NAME], same[SEAL_NAME], different[SEAL_NAME];

	(void)state;
	assert_true(SEAL_NAME <= LEDGER_ID);
	seal_name(seal, "web", "ab", 2, name);
	seal_name(seal, "web", "ab", 2, same);
	assert_string_equal(name, same);
	seal_name(other, "web", "ab", 2, different);
	assert_string_not_equal(name, different);
	seal_name(seal, "weba", "b", 1, different);
	assert_string_not_equal(name, different);
	seal_name(seal, "web", "abc", 3, different);
	assert_string_not_equal(name, different);
	seal_name(seal, "web", NULL, 0, different);
	assert_string_not_equal(name, different);
	seal_free(seal);
	seal_free(other);
}

static void what_is_sealed_opens_and_shows_nothing(void **state)
{
	struct seal *seal = seal_new(SECRET);
	char *sealed = NULL, *again = NULL, *text = NULL;

	(void)state;
	assert_int_equal(seal_close(seal, "with", "203.0.113.7", &sealed), 0);
	assert_int_equal(seal_close(seal, "with", "203.0.113.7", &again), 0);
	assert_string_not_equal(sealed, again);
	assert_null(strstr(sealed, "203"));
	assert_int_equal(open_text(seal, "with", sealed, &text), 0);
	assert_string_equal(text, "203.0.113.7");
	free(text);
	free(sealed);
	free(again);
	assert_int_equal(seal_close(seal, "", "", &sealed), 0);
	assert_int_equal(open_text(seal, "", sealed, &text), 0);
	assert_string_equal(text, "");
	free(text);
	free(sealed);
	seal_free(seal);
}

static void nothing_that_was_changed_opens(void **state)
{
	struct seal *seal = seal_new(SECRET), *other = seal_new("another secret of 16");
	char *sealed = NULL, *text = NULL;
	size_t length;

	(void)state;
	/* Of a length that leaves no bit of Base64 without a meaning */
	seal_close(seal, "name 1 2", "{\"do\":\"reset\"}", &sealed);
	length = strlen(sealed);
	assert_int_equal(open_text(seal, "name 1 3", sealed, &text), -EBADMSG);
	assert_int_equal(open_text(other, "name 1 2", sealed, &text), -EBADMSG);
	/* Each byte of it, and each length */
	for (size_t i = 0; i < length; i++) {
		char before = sealed[i];

		sealed[i] = before == 'A' ? 'B' : 'A';
		assert_int_equal(open_text(seal, "name 1 2", sealed, &text), -EBADMSG);
		sealed[i] = before;
		assert_int_equal(seal_open(seal, "name 1 2", sealed, i, &text), -EBADMSG);
	}
	assert_int_equal(open_text(seal, "name 1 2", "not Base64", &text), -EBADMSG);
	assert_int_equal(open_text(seal, "name 1 2", "", &text), -EBADMSG);
	assert_null(text);
	assert_int_equal(open_text(seal, "name 1 2", sealed, &text), 0);
	free(text);
	free(sealed);
	seal_free(seal);
	seal_free(other);
}

static void nodes_without_a_secret_agree_on_one(void **state)
{
	struct seal *a = seal_new(NULL), *b = seal_new(NULL);
	char name[SEAL_NAME], same[SEAL_NAME];
	const char *offer = seal_offer(a);
	uint32_t epoch = seal_epoch(b);

	(void)state;
	assert_non_null(offer);
	assert_string_not_equal(offer, seal_offer(b));
	assert_false(seal_is_agreed(a));
	assert_int_equal(seal_agree(a, offer, strlen(offer)), 0);
	assert_true(seal_is_agreed(a));
	assert_int_equal(seal_agree(b, offer, strlen(offer)), 1);
	assert_true(seal_is_agreed(b));
	assert_int_not_equal(seal_epoch(b), epoch);
	assert_string_equal(seal_offer(b), offer);
	seal_name(a, "web", address, sizeof(address), name);
	seal_name(b, "web", address, sizeof(address), same);
	assert_string_equal(name, same);
	seal_free(a);
	seal_free(b);
}

static void what_is_no_secret_is_not_taken(void **state)
{
	struct seal *seal = seal_new(SECRET);
	char *long_one = calloc(1, SEAL_SECRET_MOST + 2);
	char name[SEAL_NAME], same[SEAL_NAME];

	(void)state;
	memset(long_one, 'x', SEAL_SECRET_MOST + 1);
	assert_null(seal_new("fifteen bytes !"));
	assert_null(seal_new(long_one));
	assert_true(seal_is_agreed(seal));
	assert_null(seal_offer(seal));
	seal_name(seal, "web", "x", 1, name);
	assert_int_equal(seal_agree(seal, "short", 5), -EINVAL);
	assert_int_equal(seal_agree(seal, long_one, SEAL_SECRET_MOST + 1), -EINVAL);
	assert_int_equal(seal_agree(seal, "sixteen\0 and more", 17), -EINVAL);
	seal_name(seal, "web", "x", 1, same);
	assert_string_equal(name, same);
	assert_int_equal(seal_epoch(seal), 1);
	seal_free(seal);
	free(long_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_texts_are_those_of_another_implementation),
		cmocka_unit_test(a_name_depends_on_secret_kind_and_data_and_fits_a_ledger),
		cmocka_unit_test(what_is_sealed_opens_and_shows_nothing),
		cmocka_unit_test(nothing_that_was_changed_opens),
		cmocka_unit_test(nodes_without_a_secret_agree_on_one),
		cmocka_unit_test(what_is_no_secret_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
