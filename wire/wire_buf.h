//  wire_buf - a growing run of bytes, and the msgpack writers that append to it
//
//  Writers do not return errors: a buffer that could not grow remembers it in
//  `failed`, and whoever hands the bytes on checks once. A failed buffer ignores
//  further writes. Integers take their shortest form (canonical, PROTOCOL.md).
//  Owned by one thread.

#ifndef WIRE_BUF_H
#define WIRE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;                //  An allocation was refused: contents are cut
} wire_buf_t;

#define WIRE_BUF_EMPTY { NULL, 0, 0, false }

//  Give the memory back and make the buffer empty again.
void wire_buf_free(wire_buf_t *self);

//  Forget the contents and a failure, keep the memory.
void wire_buf_clear(wire_buf_t *self);

//  Cut back to `size` bytes (an encoder that gave up); clears `failed`.
void wire_buf_truncate(wire_buf_t *self, size_t size);

//  The slow half of wire_buf_reserve: grow, or fail.
uint8_t *wire_buf_grow(wire_buf_t *self, size_t more);

//  Room for `more` bytes behind `size`: the place, or NULL (and failed).
//  The caller then adds what it wrote to self->size.
//  A failed buffer has capacity == size, so that this one test covers it too;
//  only for more == 0 it then returns a place, in which nothing can be written.
static inline uint8_t *wire_buf_reserve(wire_buf_t *self, size_t more)
{
    if (self->capacity - self->size >= more)
        return self->data + self->size;
    return wire_buf_grow(self, more);
}

static inline void wire_buf_append(wire_buf_t *self, const void *data, size_t size)
{
    uint8_t *at = size ? wire_buf_reserve(self, size) : NULL;
    if (at) {
        memcpy(at, data, size);
        self->size += size;
    }
}

static inline void wire_put_byte(wire_buf_t *self, uint8_t byte)
{
    uint8_t *at = wire_buf_reserve(self, 1);
    if (at) {
        *at = byte;
        self->size++;
    }
}

//  What does not fit one byte: the functions behind the writers below.
void wire_put_int_long(wire_buf_t *self, int64_t value);
void wire_put_uint_long(wire_buf_t *self, uint64_t value);
void wire_put_array_long(wire_buf_t *self, uint32_t count);
void wire_put_map_long(wire_buf_t *self, uint32_t pairs);
void wire_put_str_long(wire_buf_t *self, const char *text, size_t size);

static inline void wire_put_nil(wire_buf_t *self)
{
    wire_put_byte(self, 0xc0);
}

static inline void wire_put_bool(wire_buf_t *self, bool value)
{
    wire_put_byte(self, value ? 0xc3 : 0xc2);
}

static inline void wire_put_int(wire_buf_t *self, int64_t value)
{
    if (value > 127)
        wire_put_uint_long(self, (uint64_t) value);
    else if (value >= -32)
        wire_put_byte(self, (uint8_t) value);
    else
        wire_put_int_long(self, value);
}

static inline void wire_put_uint(wire_buf_t *self, uint64_t value)
{
    if (value <= 127)
        wire_put_byte(self, (uint8_t) value);
    else
        wire_put_uint_long(self, value);
}

//  Always nine bytes: what is a double in Lua stays one (1.0 is not 1).
void wire_put_double(wire_buf_t *self, double value);

static inline void wire_put_array(wire_buf_t *self, uint32_t count)
{
    if (count <= 15)
        wire_put_byte(self, (uint8_t) (0x90u | count));
    else
        wire_put_array_long(self, count);
}

static inline void wire_put_map(wire_buf_t *self, uint32_t pairs)
{
    if (pairs <= 15)
        wire_put_byte(self, (uint8_t) (0x80u | pairs));
    else
        wire_put_map_long(self, pairs);
}

//  Copy `size` bytes, at least one; ids and names by two words that overlap.
static inline void wire_copy_short(uint8_t *to, const char *from, size_t size)
{
    uint64_t words[2];
    if (size < sizeof words[0] || size > sizeof words) {
        memcpy(to, from, size);
        return;
    }
    memcpy(&words[0], from, sizeof words[0]);
    memcpy(&words[1], from + size - sizeof words[1], sizeof words[1]);
    memcpy(to, &words[0], sizeof words[0]);
    memcpy(to + size - sizeof words[1], &words[1], sizeof words[1]);
}

//  A str without looking: for names that are known to be ASCII.
static inline void wire_put_str(wire_buf_t *self, const char *text, size_t size)
{
    uint8_t *at = size <= 31 ? wire_buf_reserve(self, size + 1) : NULL;
    if (at) {
        *at = (uint8_t) (0xa0u | size);
        if (size)
            wire_copy_short(at + 1, text, size);
        self->size += size + 1;
    }
    else
        wire_put_str_long(self, text, size);
}

static inline void wire_put_cstr(wire_buf_t *self, const char *text)
{
    wire_put_str(self, text, strlen(text));
}

//  Text: a str when it is valid UTF-8, else a bin (one canonical form).
void wire_put_text(wire_buf_t *self, const char *text, size_t size);
void wire_put_bin(wire_buf_t *self, const void *data, size_t size);
void wire_put_ext(wire_buf_t *self, int8_t type, const void *data, size_t size);

//  Always five bytes, so that a hop can patch it in place (ttl_ms).
void wire_put_u32(wire_buf_t *self, uint32_t value);

//  Whether the bytes are valid UTF-8 (no surrogates, nothing overlong).
bool wire_utf8(const void *text, size_t size);

#endif
