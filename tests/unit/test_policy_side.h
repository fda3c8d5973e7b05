//  test_policy_side - packed values as a line of text, and files read from text

#ifndef TEST_POLICY_SIDE_H
#define TEST_POLICY_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "policy_text.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "test_draw.h"

static inline wire_str_t str_of(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

static inline wire_reader_t reader_of(const wire_buf_t *bytes)
{
    return wire_reader(bytes->data, bytes->size);
}

typedef struct {
    char text[16384];
    size_t size;
} line_t;

__attribute__((format(printf, 2, 3)))
static inline void say(line_t *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line->size += (size_t) vsnprintf(line->text + line->size, sizeof line->text - line->size, format, args);
    va_end(args);
    assert_true(line->size < sizeof line->text);
}

static inline void say_value(line_t *line, wire_reader_t *at);

static inline void say_values(line_t *line, wire_reader_t *at, const wire_item_t *item)
{
    bool map = item->kind == WIRE_IS_MAP;
    say(line, map ? "{" : "[");
    for (uint32_t i = 0; i < item->as.count; i++) {
        say(line, i ? " " : "");
        say_value(line, at);
        if (map) {
            say(line, "=");
            say_value(line, at);
        }
    }
    say(line, map ? "}" : "]");
}

static inline void say_value(line_t *line, wire_reader_t *at)
{
    wire_item_t item;
    assert_int_equal(wire_read(at, &item), 0);
    switch (item.kind) {
    case WIRE_IS_NIL:    say(line, "nil"); break;
    case WIRE_IS_BOOL:   say(line, item.as.boolean ? "true" : "false"); break;
    case WIRE_IS_INT:    say(line, "%lld", (long long) item.as.integer); break;
    case WIRE_IS_DOUBLE: say(line, "%.17gf", item.as.number); break;
    case WIRE_IS_STR:    say(line, "'%.*s'", (int) item.as.bytes.size, item.as.bytes.data); break;
    case WIRE_IS_BIN:
        say(line, "<");
        for (size_t i = 0; i < item.as.bytes.size; i++)
            say(line, "%02x", (unsigned char) item.as.bytes.data[i]);
        say(line, ">");
        break;
    default:             say_values(line, at, &item);
    }
}

static inline const char *line_of(wire_reader_t at)
{
    static line_t line;
    line.size = 0;
    say_value(&line, &at);
    assert_ptr_equal(at.at, at.end);
    return line.text;
}

//  The bytes in a block of exactly their size, so that a sanitizer sees one byte too far.
static inline int read_text(const char *text, size_t size, wire_buf_t *out, char *error)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    error[0] = 0;
    int rc = policy_text_read(copy, size, out, error);
    free(copy);
    return rc;
}

static inline wire_buf_t packed_of(const char *text)
{
    char error[POLICY_ERROR_TEXT];
    wire_buf_t out = WIRE_BUF_EMPTY;
    if (read_text(text, strlen(text), &out, error))
        fail_msg("%s\n%s", text, error);
    return out;
}

#endif
