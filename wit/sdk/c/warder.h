// The Extism kernel for C plugins, by hand, and what a tool needs on top: reading the call's
// arguments and writing its answer. Implementation in warder.c. Memory is the call's: nothing
// is freed.
#ifndef WARDER_H
#define WARDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARDER_EXPORT(name) __attribute__((export_name(name), visibility("default")))

/** Bytes of a text; not NUL-terminated. */
typedef struct {
  const char *at;
  size_t length;
} text_t;

/** A growing buffer. Start from {0}. */
typedef struct {
  char *at;
  size_t length;
  size_t room;
} out_t;

#define TEXT(literal) ((text_t){literal, sizeof(literal) - 1})

/** The call's whole input. */
text_t warder_input(void);
/** Makes the bytes the output. */
void warder_output(text_t bytes);
/** Makes the text the call's error; an export returns this value. */
int32_t warder_fail(text_t message);
/** A line for the operator's log. */
void warder_log(text_t line);

/** The raw JSON value of an object's member; `at` is NULL when there is none. */
text_t json_get(text_t object, const char *name);
/** A JSON string's content, unescaped; `at` is NULL when it is no string. */
text_t json_text(text_t value);
/** A JSON number's integer part, or `other`. */
int64_t json_integer(text_t value, int64_t other);
/** Whether it is `true`. */
bool json_true(text_t value);

void out_bytes(out_t *out, const void *bytes, size_t length);
void out_text(out_t *out, const char *text);
void out_integer(out_t *out, int64_t value);
/** The bytes as a JSON string; what is not UTF-8 becomes U+FFFD. */
void out_string(out_t *out, text_t text);

bool text_is(text_t text, const char *other);
/** A NUL-terminated copy. */
char *text_copy(text_t text);

/** Answers a text for people, and `structured` (a JSON object, or no bytes) for programs. */
int32_t warder_answer(text_t people, text_t structured);
/** Answers that the tool could not do it, in words the caller can act on. */
int32_t warder_problem(text_t people);

#endif
