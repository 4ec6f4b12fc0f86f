/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What Redis sees of addresses, users and orders: keyed hashes and sealed texts, by keys that are derived from the cluster's
 * secret. That is configured, or one that the nodes share through Redis (orders.h): then it hides addresses from who
 * sees a part of Redis, a backup or a slow log, but not from who may read all of it.
 *
 *   names   HMAC-SHA256, the first 128 bits in hex: whoever has no key cannot try all addresses
 *   texts   AES-256-GCM, random nonce of 96 bits, in Base64 as nonce, ciphertext, tag; good for 2^32 texts of one secret
 *   keys    HKDF-SHA256 (RFC 5869), salt "weir", info "names" and "orders": neither says anything about the other
 *
 * One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_NAME 33 /* bytes of a name, with its terminating zero */
/* Bytes of a secret. A shared one is made of 64, and what Redis holds is not taken for one outside of these bounds */
#define SEAL_SECRET_LEAST 16
#define SEAL_SECRET_MOST 4096

struct seal;

/*
 * secret: of the configuration, copied; NULL: a random one is made, to be agreed on with the other nodes. NULL without memory, or where the
 * secret is too short or too long, or this system has no such ciphers.
 */
struct seal *seal_new(const char *secret);
void seal_free(struct seal *seal); /* NULL is allowed. No key stays in memory. */

/* The one to offer to the other nodes; NULL: it is configured. Printable, never to be logged. */
const char *seal_offer(const struct seal *seal);
/*
 * What they have agreed on. 0; 1: the keys are others now, and so are all names; -EINVAL: that is no secret, -ENOMEM or -EIO: the keys
 * are as they were.
 */
int seal_agree(struct seal *seal, const char *secret, size_t length);
/* Names and texts are worth something to others: the secret is configured, or agreed on. */
bool seal_is_agreed(const struct seal *seal);
/* Another number whenever the keys have become others, from 1 */
uint32_t seal_epoch(const struct seal *seal);

/*
 * The name in Redis of `data` among things of a kind: "orders", or a limit, "web.anonymous.l0", with a client's address. 0; or -EIO and
 * out is "".
 */
int seal_name(struct seal *seal, const char *kind, const void *data, size_t length,
	      char out[SEAL_NAME]);

/* `with` is not in the text but must be the same to open it. *out: terminated, from malloc. 0, -ENOMEM or -EIO */
int seal_close(struct seal *seal, const char *with, const char *text, char **out);
/* -EBADMSG: not sealed by this secret, or for this `with`, or changed since */
int seal_open(struct seal *seal, const char *with, const char *sealed, size_t length, char **out);
