/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "user/cluster/seal.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, RANDOM_BYTES = 32 };

struct keys {
	gnutls_hmac_hd_t names;
	gnutls_aead_cipher_hd_t texts;
};

struct seal {
	char *secret;
	size_t length;
	bool shared, agreed;
	uint32_t epoch;
	struct keys keys;
};

/* ------------------------------------------------------------------------------------------- keys */

static void free_secret(char *secret, size_t length)
{
	if (secret)
		gnutls_memset(secret, 0, length);
	free(secret);
}

static void free_keys(struct keys *keys)
{
	if (keys->names)
		gnutls_hmac_deinit(keys->names, NULL);
	if (keys->texts)
		gnutls_aead_cipher_deinit(keys->texts);
	*keys = (struct keys){};
}

static int derive(const gnutls_datum_t *root, const char *label, uint8_t key[KEY_BYTES])
{
	gnutls_datum_t info = {(unsigned char *)label, (unsigned int)strlen(label)};

	return gnutls_hkdf_expand(GNUTLS_MAC_SHA256, root, &info, key, KEY_BYTES);
}

static int make_keys(const char *secret, size_t length, struct keys *out)
{
	uint8_t root[KEY_BYTES], names[KEY_BYTES], texts[KEY_BYTES];
	gnutls_datum_t salt = {(unsigned char *)"weir", 4};
	gnutls_datum_t from = {(unsigned char *)secret, (unsigned int)length};
	gnutls_datum_t to = {root, sizeof(root)}, key = {texts, sizeof(texts)};
	struct keys keys = {};
	bool made = !gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &from, &salt, root) &&
		    !derive(&to, "names", names) && !derive(&to, "orders", texts) &&
		    !gnutls_hmac_init(&keys.names, GNUTLS_MAC_SHA256, names, sizeof(names)) &&
		    !gnutls_aead_cipher_init(&keys.texts, GNUTLS_CIPHER_AES_256_GCM, &key);

	gnutls_memset(root, 0, sizeof(root));
	gnutls_memset(names, 0, sizeof(names));
	gnutls_memset(texts, 0, sizeof(texts));
	if (!made) {
		free_keys(&keys);
		return -EIO;
	}
	*out = keys;
	return 0;
}

/* Takes over the secret where it succeeds. */
static int use_secret(struct seal *seal, char *secret, size_t length)
{
	struct keys keys;
	int result = make_keys(secret, length, &keys);

	if (result)
		return result;
	free_keys(&seal->keys);
	free_secret(seal->secret, seal->length);
	seal->keys = keys;
	seal->secret = secret;
	seal->length = length;
	seal->epoch++;
	return 0;
}

/* In hex, terminated, from malloc; NULL without memory or randomness */
static char *random_secret(void)
{
	uint8_t bytes[RANDOM_BYTES];
	gnutls_datum_t from = {bytes, sizeof(bytes)};
	size_t size = 2 * sizeof(bytes) + 1;
	char *text = malloc(size);

	if (!text || gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof(bytes)) ||
	    gnutls_hex_encode(&from, text, &size)) {
		free(text);
		text = NULL;
	}
	gnutls_memset(bytes, 0, sizeof(bytes));
	return text;
}

static bool is_secret(size_t length)
{
	return length >= SEAL_SECRET_LEAST && length <= SEAL_SECRET_MOST;
}

struct seal *seal_new(const char *secret)
{
	struct seal *seal = calloc(1, sizeof(*seal));
	char *own = secret ? strdup(secret) : random_secret();
	size_t length = own ? strlen(own) : 0;

	if (!seal || !own || !is_secret(length) || use_secret(seal, own, length)) {
		free_secret(own, length);
		free(seal);
		return NULL;
	}
	seal->shared = !secret;
	seal->agreed = secret;
	return seal;
}

void seal_free(struct seal *seal)
{
	if (!seal)
		return;
	free_keys(&seal->keys);
	free_secret(seal->secret, seal->length);
	free(seal);
}

const char *seal_offer(const struct seal *seal)
{
	return seal->shared ? seal->secret : NULL;
}

int seal_agree(struct seal *seal, const char *secret, size_t length)
{
	char *own;
	int result;

	if (!is_secret(length) || memchr(secret, 0, length))
		return -EINVAL;
	if (length == seal->length && !memcmp(secret, seal->secret, length)) {
		seal->agreed = true;
		return 0;
	}
	own = strndup(secret, length);
	if (!own)
		return -ENOMEM;
	result = use_secret(seal, own, length);
	if (result) {
		free_secret(own, length);
		return result;
	}
	seal->agreed = true;
	return 1;
}

bool seal_is_agreed(const struct seal *seal)
{
	return seal->agreed;
}

uint32_t seal_epoch(const struct seal *seal)
{
	return seal->epoch;
}

/* ------------------------------------------------------------------------------------ names, texts */

int seal_name(struct seal *seal, const char *kind, const void *data, size_t length,
	      char out[SEAL_NAME])
{
	uint8_t digest[32];
	gnutls_datum_t first = {digest, (SEAL_NAME - 1) / 2};
	size_t size = SEAL_NAME;
	/* The zero divides: no kind ends where the data of another begins */
	bool wrong = gnutls_hmac(seal->keys.names, kind, strlen(kind) + 1) ||
		     (length && gnutls_hmac(seal->keys.names, data, length));

	gnutls_hmac_output(seal->keys.names, digest); /* and begins anew */
	if (wrong || gnutls_hex_encode(&first, out, &size)) {
		out[0] = 0;
		return -EIO;
	}
	return 0;
}

int seal_close(struct seal *seal, const char *with, const char *text, char **out)
{
	size_t length = strlen(text), sealed_length = length + TAG_BYTES;
	uint8_t *whole = malloc(NONCE_BYTES + sealed_length);
	gnutls_datum_t from = {whole, (unsigned int)(NONCE_BYTES + sealed_length)}, to = {};
	int result = whole ? 0 : -ENOMEM;

	if (!result && (gnutls_rnd(GNUTLS_RND_NONCE, whole, NONCE_BYTES) ||
			gnutls_aead_cipher_encrypt(seal->keys.texts, whole, NONCE_BYTES, with,
						   strlen(with), TAG_BYTES, text, length,
						   whole + NONCE_BYTES, &sealed_length)))
		result = -EIO;
	if (!result && gnutls_base64_encode2(&from, &to))
		result = -ENOMEM;
	if (!result) {
		*out = strndup((char *)to.data, to.size);
		result = *out ? 0 : -ENOMEM;
		gnutls_free(to.data);
	}
	free(whole);
	return result;
}

int seal_open(struct seal *seal, const char *with, const char *sealed, size_t length, char **out)
{
	gnutls_datum_t from = {(unsigned char *)sealed, (unsigned int)length}, whole = {};
	size_t text_length;
	char *text = NULL;
	int result = -EBADMSG;

	if (length > UINT32_MAX || gnutls_base64_decode2(&from, &whole))
		return -EBADMSG;
	text_length = whole.size;
	if (whole.size >= NONCE_BYTES + TAG_BYTES) {
		text = malloc(text_length + 1);
		result = text ? 0 : -ENOMEM;
	}
	if (!result && gnutls_aead_cipher_decrypt(seal->keys.texts, whole.data, NONCE_BYTES, with,
						  strlen(with), TAG_BYTES, whole.data + NONCE_BYTES,
						  whole.size - NONCE_BYTES, text, &text_length))
		result = -EBADMSG;
	gnutls_free(whole.data);
	if (result) {
		free(text);
		return result;
	}
	text[text_length] = 0;
	*out = text;
	return 0;
}
