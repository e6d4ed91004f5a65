// SHA-256 (FIPS 180-4) and CRC-32 (IEEE 802.3), fed together.
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t sha256[8];
  uint32_t crc32;
  uint64_t length;
  uint8_t block[64];
} digest_t;

void digest_start(digest_t *digest);
void digest_feed(digest_t *digest, const void *bytes, size_t length);
/** Lower-case hex, NUL-terminated. Ends the digest. */
void digest_end(digest_t *digest, char sha256[65], char crc32[9]);

#endif
