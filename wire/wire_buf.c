//  wire_buf - growing, and the writers of what takes more than a byte

#include "wire_buf.h"

#include <stdlib.h>

#include "wire_bytes.h"

//  A call fits four times over, so that most buffers grow once.
#define FIRST_CAPACITY 256

void wire_buf_free(wire_buf_t *self)
{
    free(self->data);
    *self = (wire_buf_t) WIRE_BUF_EMPTY;
}

void wire_buf_clear(wire_buf_t *self)
{
    self->size = 0;
    self->failed = false;
}

void wire_buf_truncate(wire_buf_t *self, size_t size)
{
    if (size < self->size)
        self->size = size;
    self->failed = false;
}

//  Capacity shrinks to size so that reserve's fast path refuses as well. The
//  block is larger than we then know, which realloc does not mind.
static uint8_t *fail(wire_buf_t *self)
{
    self->failed = true;
    self->capacity = self->size;
    return NULL;
}

uint8_t *wire_buf_grow(wire_buf_t *self, size_t more)
{
    if (self->failed || more > SIZE_MAX / 2 - self->size)
        return fail(self);
    size_t capacity = self->capacity * 2;
    if (capacity < self->size + more)
        capacity = self->size + more;
    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    uint8_t *data = realloc(self->data, capacity);
    if (!data)
        return fail(self);
    self->data = data;
    self->capacity = capacity;
    return data + self->size;
}

//  One tag byte and a big-endian number behind it.
static void put8(wire_buf_t *self, uint8_t tag, uint8_t value)
{
    uint8_t *at = wire_buf_reserve(self, 2);
    if (!at)
        return;
    at[0] = tag;
    at[1] = value;
    self->size += 2;
}

static void put16(wire_buf_t *self, uint8_t tag, uint16_t value)
{
    uint8_t *at = wire_buf_reserve(self, 3);
    if (!at)
        return;
    at[0] = tag;
    wire_store16(at + 1, value);
    self->size += 3;
}

static void put32(wire_buf_t *self, uint8_t tag, uint32_t value)
{
    uint8_t *at = wire_buf_reserve(self, 5);
    if (!at)
        return;
    at[0] = tag;
    wire_store32(at + 1, value);
    self->size += 5;
}

static void put64(wire_buf_t *self, uint8_t tag, uint64_t value)
{
    uint8_t *at = wire_buf_reserve(self, 9);
    if (!at)
        return;
    at[0] = tag;
    wire_store64(at + 1, value);
    self->size += 9;
}

void wire_put_uint_long(wire_buf_t *self, uint64_t value)
{
    uint8_t *at = wire_buf_reserve(self, 9);
    if (at)
        self->size = (size_t) (wire_store_uint(at, value) - self->data);
}

void wire_put_int_long(wire_buf_t *self, int64_t value)
{
    if (value >= INT8_MIN)
        put8(self, 0xd0, (uint8_t) value);
    else if (value >= INT16_MIN)
        put16(self, 0xd1, (uint16_t) value);
    else if (value >= INT32_MIN)
        put32(self, 0xd2, (uint32_t) value);
    else
        put64(self, 0xd3, (uint64_t) value);
}

void wire_put_double(wire_buf_t *self, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    //  One NaN: indexes compare bytes, and its sign depends on the processor.
    if (value != value)
        bits = UINT64_C(0x7ff8000000000000);
    put64(self, 0xcb, bits);
}

void wire_put_array_long(wire_buf_t *self, uint32_t count)
{
    if (count <= 15)
        wire_put_byte(self, (uint8_t) (0x90u | count));
    else if (count <= UINT16_MAX)
        put16(self, 0xdc, (uint16_t) count);
    else
        put32(self, 0xdd, count);
}

void wire_put_map_long(wire_buf_t *self, uint32_t pairs)
{
    if (pairs <= 15)
        wire_put_byte(self, (uint8_t) (0x80u | pairs));
    else if (pairs <= UINT16_MAX)
        put16(self, 0xde, (uint16_t) pairs);
    else
        put32(self, 0xdf, pairs);
}

//  Tag and length of a str (0xd9..), a bin (0xc4..) or an ext (0xc7..).
//  More than 4 GiB has no form at all: the buffer fails.
static void put_length(wire_buf_t *self, uint8_t tag, size_t size)
{
    if (size > UINT32_MAX)
        fail(self);
    else if (size <= UINT8_MAX)
        put8(self, tag, (uint8_t) size);
    else if (size <= UINT16_MAX)
        put16(self, (uint8_t) (tag + 1), (uint16_t) size);
    else
        put32(self, (uint8_t) (tag + 2), (uint32_t) size);
}

void wire_put_str_long(wire_buf_t *self, const char *text, size_t size)
{
    if (size <= 31)
        wire_put_byte(self, (uint8_t) (0xa0u | size));
    else
        put_length(self, 0xd9, size);
    wire_buf_append(self, text, size);
}

void wire_put_text(wire_buf_t *self, const char *text, size_t size)
{
    if (wire_utf8(text, size))
        wire_put_str(self, text, size);
    else
        wire_put_bin(self, text, size);
}

void wire_put_bin(wire_buf_t *self, const void *data, size_t size)
{
    put_length(self, 0xc4, size);
    wire_buf_append(self, data, size);
}

void wire_put_ext(wire_buf_t *self, int8_t type, const void *data, size_t size)
{
    //  1, 2, 4, 8 and 16 bytes have tags of their own: 0xd4..0xd8
    if (size && size <= 16 && (size & (size - 1)) == 0)
        wire_put_byte(self, (uint8_t) (0xd4 + __builtin_ctz((unsigned) size)));
    else
        put_length(self, 0xc7, size);
    wire_put_byte(self, (uint8_t) type);
    wire_buf_append(self, data, size);
}

void wire_put_u32(wire_buf_t *self, uint32_t value)
{
    put32(self, 0xce, value);
}

//  Eight bytes at a time while they are ASCII, as nearly all text is.
static size_t ascii_run(const uint8_t *at, size_t size)
{
    size_t i = 0;
    for (uint64_t word; size - i >= sizeof word; i += sizeof word) {
        memcpy(&word, at + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < size && at[i] < 0x80)
        i++;
    return i;
}

//  Bytes of the sequence of two to four that starts at `at`, 0 when it is none.
//  The second byte's range shuts out what is overlong, a surrogate or past U+10FFFF.
static size_t sequence(const uint8_t *at, size_t size)
{
    uint8_t first = at[0];
    size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool wire_utf8(const void *text, size_t size)
{
    const uint8_t *at = text;
    while (size) {
        size_t step = *at < 0x80 ? ascii_run(at, size) : sequence(at, size);
        if (step == 0)
            return false;
        at += step;
        size -= step;
    }
    return true;
}
