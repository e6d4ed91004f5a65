#include "warder.h"

#include <stdlib.h>
#include <string.h>

#define HOST(name) __attribute__((import_module("extism:host/env"), import_name(name)))

HOST("alloc") extern uint64_t host_alloc(uint64_t length);
HOST("store_u8") extern void host_store_u8(uint64_t at, uint32_t value);
HOST("store_u64") extern void host_store_u64(uint64_t at, uint64_t value);
HOST("input_length") extern uint64_t host_input_length(void);
HOST("input_load_u8") extern uint32_t host_input_load_u8(uint64_t at);
HOST("input_load_u64") extern uint64_t host_input_load_u64(uint64_t at);
HOST("output_set") extern void host_output_set(uint64_t block, uint64_t length);
HOST("error_set") extern void host_error_set(uint64_t block);
HOST("log_info") extern void host_log_info(uint64_t block);

static void *claim(void *old, size_t length) {
  void *at = realloc(old, length == 0 ? 1 : length);
  if (at == NULL) __builtin_trap();
  return at;
}

static uint64_t block(text_t bytes) {
  uint64_t at = host_alloc(bytes.length);
  size_t i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    uint64_t word;
    memcpy(&word, bytes.at + i, 8);
    host_store_u64(at + i, word);
  }
  for (; i < bytes.length; i++) host_store_u8(at + i, (uint8_t)bytes.at[i]);
  return at;
}

text_t warder_input(void) {
  size_t length = (size_t)host_input_length();
  char *at = claim(NULL, length + 8);
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    uint64_t word = host_input_load_u64(i);
    memcpy(at + i, &word, 8);
  }
  for (; i < length; i++) at[i] = (char)host_input_load_u8(i);
  return (text_t){at, length};
}

void warder_output(text_t bytes) { host_output_set(block(bytes), bytes.length); }

int32_t warder_fail(text_t message) {
  host_error_set(block(message));
  return 1;
}

void warder_log(text_t line) { host_log_info(block(line)); }

bool text_is(text_t text, const char *other) {
  return text.length == strlen(other) && memcmp(text.at, other, text.length) == 0;
}

char *text_copy(text_t text) {
  char *copy = claim(NULL, text.length + 1);
  memcpy(copy, text.at, text.length);
  copy[text.length] = 0;
  return copy;
}

// --- reading JSON where it lies: a value is a span, looked into only as far as asked ---

static const char *space(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

/** Past the string whose quote is at `p`. */
static const char *skip_string(const char *p, const char *end) {
  for (p++; p < end; p++) {
    if (*p == '\\') p++;
    else if (*p == '"') return p + 1;
  }
  return end;
}

/** Past the value at `p`. */
static const char *skip(const char *p, const char *end) {
  int depth = 0;
  while (p < end) {
    char c = *p;
    if (c == '"') p = skip_string(p, end);
    else if (c == '{' || c == '[') depth++, p++;
    else if (c == '}' || c == ']') depth--, p++;
    else if (depth > 0) p++;
    else {
      while (p < end && *p != ',' && *p != '}' && *p != ']') p++;
      return p;
    }
    if (depth <= 0) return p < end ? p : end;
  }
  return end;
}

text_t json_get(text_t object, const char *name) {
  const text_t none = {NULL, 0};
  const char *end = object.at + object.length;
  const char *p = object.at == NULL ? NULL : space(object.at, end);
  if (p == NULL || p >= end || *p != '{') return none;
  p = space(p + 1, end);
  while (p < end && *p == '"') {
    const char *key = p + 1;
    p = skip_string(p, end);
    text_t found = {key, (size_t)(p - key) - (p > key ? 1 : 0)};
    p = space(p, end);
    if (p >= end || *p != ':') return none;
    p = space(p + 1, end);
    const char *after = skip(p, end);
    if (after <= p) return none;
    if (text_is(found, name)) return (text_t){p, (size_t)(after - p)};
    p = space(after, end);
    if (p < end && *p == ',') p = space(p + 1, end);
  }
  return none;
}

static unsigned hex4(const char *p) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++) {
    char c = p[i];
    value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10) % 16;
  }
  return value;
}

static char *encode(char *o, unsigned code) {
  if (code < 0x80) {
    *o++ = (char)code;
    return o;
  }
  if (code < 0x800) *o++ = (char)(0xc0 | code >> 6);
  else {
    if (code < 0x10000) *o++ = (char)(0xe0 | code >> 12);
    else {
      *o++ = (char)(0xf0 | code >> 18);
      *o++ = (char)(0x80 | (code >> 12 & 63));
    }
    *o++ = (char)(0x80 | (code >> 6 & 63));
  }
  *o++ = (char)(0x80 | (code & 63));
  return o;
}

text_t json_text(text_t value) {
  if (value.at == NULL || value.length < 2 || value.at[0] != '"') return (text_t){NULL, 0};
  const char *p = value.at + 1;
  const char *end = value.at + value.length - 1;
  char *text = claim(NULL, value.length + 4);
  char *o = text;
  while (p < end) {
    if (*p != '\\') {
      *o++ = *p++;
      continue;
    }
    if (++p >= end) break;
    char c = *p++;
    if (c == 'u' && end - p >= 4) {
      unsigned code = hex4(p);
      p += 4;
      if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        unsigned low = hex4(p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          p += 6;
        }
      }
      o = encode(o, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    } else {
      *o++ = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
    }
  }
  return (text_t){text, (size_t)(o - text)};
}

int64_t json_integer(text_t value, int64_t other) {
  size_t i = value.at != NULL && value.length > 0 && value.at[0] == '-';
  if (value.at == NULL || i >= value.length || value.at[i] < '0' || value.at[i] > '9') return other;
  int64_t sum = 0;
  for (size_t k = i; k < value.length && value.at[k] >= '0' && value.at[k] <= '9'; k++) {
    if (sum > INT64_MAX / 10 - 10) return other;
    sum = sum * 10 + (value.at[k] - '0');
  }
  return i ? -sum : sum;
}

bool json_true(text_t value) { return value.at != NULL && value.length > 0 && value.at[0] == 't'; }

// --- writing ---

void out_bytes(out_t *out, const void *bytes, size_t length) {
  if (out->length + length > out->room) {
    out->room = (out->room + length) * 2 + 64;
    out->at = claim(out->at, out->room);
  }
  memcpy(out->at + out->length, bytes, length);
  out->length += length;
}

void out_text(out_t *out, const char *text) { out_bytes(out, text, strlen(text)); }

void out_integer(out_t *out, int64_t value) {
  char digits[24];
  size_t at = sizeof digits;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do digits[--at] = (char)('0' + left % 10);
  while (left /= 10);
  if (value < 0) digits[--at] = '-';
  out_bytes(out, digits + at, sizeof digits - at);
}

/** Length of the well-formed UTF-8 sequence at `p`, or 0. */
static size_t sequence(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xc2 || p[0] > 0xf4) return 0;
  size_t width = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  if (left < width) return 0;
  for (size_t k = 1; k < width; k++)
    if ((p[k] & 0xc0) != 0x80) return 0;
  bool odd = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
             (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f);
  return odd ? 0 : width;
}

void out_string(out_t *out, text_t text) {
  static const char hex[] = "0123456789abcdef";
  const unsigned char *p = (const unsigned char *)text.at;
  out_text(out, "\"");
  for (size_t i = 0; i < text.length;) {
    if (p[i] == '"' || p[i] == '\\') {
      char pair[2] = {'\\', (char)p[i++]};
      out_bytes(out, pair, 2);
    } else if (p[i] < 32) {
      char escape[6] = {'\\', 'u', '0', '0', hex[p[i] >> 4], hex[p[i] & 15]};
      i++;
      out_bytes(out, escape, 6);
    } else {
      size_t width = sequence(p + i, text.length - i);
      if (width == 0) out_text(out, "\xef\xbf\xbd");
      else out_bytes(out, p + i, width);
      i += width == 0 ? 1 : width;
    }
  }
  out_text(out, "\"");
}

static int32_t give(text_t people, text_t structured, bool problem) {
  out_t out = {0};
  out_text(&out, "{\"content\":[{\"type\":\"text\",\"text\":");
  out_string(&out, people);
  out_text(&out, "}]");
  if (structured.length > 0) {
    out_text(&out, ",\"structuredContent\":");
    out_bytes(&out, structured.at, structured.length);
  }
  if (problem) out_text(&out, ",\"isError\":true");
  out_text(&out, "}");
  warder_output((text_t){out.at, out.length});
  return 0;
}

int32_t warder_answer(text_t people, text_t structured) { return give(people, structured, false); }

int32_t warder_problem(text_t people) { return give(people, (text_t){NULL, 0}, true); }
