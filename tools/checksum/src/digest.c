#include "digest.h"

#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t right(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(uint32_t state[8], const uint8_t block[64]) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++) {
    const uint8_t *b = block + 4 * i;
    w[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
  }
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t t1 = h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
    uint32_t t2 = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/** CRC of every byte, made at first use. */
static const uint32_t *crc_table(void) {
  static uint32_t table[256];
  if (table[1] == 0) {
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
      table[i] = crc;
    }
  }
  return table;
}

void digest_start(digest_t *digest) {
  static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(digest->sha256, first, sizeof first);
  digest->crc32 = 0xffffffff;
  digest->length = 0;
}

void digest_feed(digest_t *digest, const void *bytes, size_t length) {
  const uint8_t *p = bytes;
  const uint32_t *table = crc_table();
  uint32_t crc = digest->crc32;
  for (size_t i = 0; i < length; i++) crc = crc >> 8 ^ table[(crc ^ p[i]) & 255];
  digest->crc32 = crc;

  size_t held = digest->length % 64;
  digest->length += length;
  if (held > 0) {
    size_t more = 64 - held < length ? 64 - held : length;
    memcpy(digest->block + held, p, more);
    p += more, length -= more;
    if (held + more < 64) return;
    compress(digest->sha256, digest->block);
  }
  for (; length >= 64; p += 64, length -= 64) compress(digest->sha256, p);
  memcpy(digest->block, p, length);
}

static void hex(char *to, uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[value >> shift & 15];
  *to = 0;
}

void digest_end(digest_t *digest, char sha256[65], char crc32[9]) {
  size_t held = digest->length % 64;
  uint64_t bits = digest->length * 8;
  digest->block[held++] = 0x80;
  if (held > 56) {
    memset(digest->block + held, 0, 64 - held);
    compress(digest->sha256, digest->block);
    held = 0;
  }
  memset(digest->block + held, 0, 56 - held);
  for (int i = 0; i < 8; i++) digest->block[56 + i] = (uint8_t)(bits >> (56 - 8 * i));
  compress(digest->sha256, digest->block);
  for (int i = 0; i < 8; i++) hex(sha256 + 8 * i, digest->sha256[i]);
  hex(crc32, digest->crc32 ^ 0xffffffff);
}
