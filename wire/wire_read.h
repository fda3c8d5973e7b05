//  wire_read - a cursor over msgpack bytes, and the scan that bounds them first
//
//  Nothing is allocated and nothing is trusted: each read checks what is left.
//  msgpack-c's own unpacker is not used on input, since five bytes can make it ask
//  for gigabytes (msgpack-c issue 1013).

#ifndef WIRE_READ_H
#define WIRE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} wire_reader_t;

typedef struct {
    const char *data;           //  Not zero-terminated; NULL when absent
    size_t size;
} wire_str_t;

typedef enum {
    WIRE_IS_NIL, WIRE_IS_BOOL, WIRE_IS_INT, WIRE_IS_UINT, WIRE_IS_DOUBLE,
    WIRE_IS_STR, WIRE_IS_BIN, WIRE_IS_ARRAY, WIRE_IS_MAP, WIRE_IS_EXT
} wire_kind_t;

typedef struct {
    wire_kind_t kind;           //  UINT only for what does not fit an int64
    int8_t ext;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double number;
        wire_str_t bytes;       //  STR, BIN, EXT
        uint32_t count;         //  ARRAY: items, MAP: pairs; they follow
    } as;
} wire_item_t;

static inline wire_reader_t wire_reader(const void *data, size_t size)
{
    const uint8_t *at = data;       //  NULL when size is 0 (a buffer that was never written)
    wire_reader_t self = { at, size ? at + size : at };
    return self;
}

//  Whether a nil comes next; false at the end.
static inline bool wire_is_nil(wire_reader_t self)
{
    return self.at < self.end && *self.at == 0xc0;
}

static inline bool wire_str_is(wire_str_t self, const char *text)
{
    size_t size = strlen(text);
    return self.size == size && (size == 0 || memcmp(self.data, text, size) == 0);
}

//  Ids are compared for each message that comes and goes, and nearly all have 8 to 16 bytes: two words that overlap.
static inline bool wire_str_same(wire_str_t a, wire_str_t b)
{
    uint64_t words[4];
    size_t size = a.size;
    if (size != b.size)
        return false;
    if (size < sizeof words[0] || size > 2 * sizeof words[0])
        return size == 0 || memcmp(a.data, b.data, size) == 0;
    size_t last = size - sizeof words[0];
    memcpy(&words[0], a.data, sizeof words[0]);
    memcpy(&words[1], b.data, sizeof words[1]);
    memcpy(&words[2], a.data + last, sizeof words[2]);
    memcpy(&words[3], b.data + last, sizeof words[3]);
    return words[0] == words[1] && words[2] == words[3];
}

//  Check that a complete value stands at the cursor, within the limits of
//  wire_limits.h (depth, objects, size), and step over it.
//  0, WIRE_E_MALFORMED, WIRE_E_TOO_DEEP or WIRE_E_TOO_BIG (the cursor stays).
int wire_scan(wire_reader_t *self);

//  Step over one value that was scanned before.
int wire_skip(wire_reader_t *self);

//  Read one token; a container's items follow. 0 or WIRE_E_MALFORMED.
int wire_read(wire_reader_t *self, wire_item_t *item);

//  Read one token of the kind asked for; WIRE_E_MALFORMED when it is another.
//  bytes accepts str and bin alike; a name is bytes too, 1..WIRE_MAX_NAME of them.
int wire_read_bool(wire_reader_t *self, bool *value);
int wire_read_int(wire_reader_t *self, int64_t *value);
int wire_read_map(wire_reader_t *self, uint32_t *pairs);

//  The forms with one byte of head are read in place: each call and each reply has some.
int wire_read_uint_long(wire_reader_t *self, uint64_t *value);
int wire_read_u32_long(wire_reader_t *self, uint32_t *value);
int wire_read_bytes_long(wire_reader_t *self, wire_str_t *value);
int wire_read_name_long(wire_reader_t *self, wire_str_t *value);
int wire_read_array_long(wire_reader_t *self, uint32_t *count);

static inline int wire_read_uint(wire_reader_t *self, uint64_t *value)
{
    if (self->at >= self->end || *self->at > 0x7f)
        return wire_read_uint_long(self, value);
    *value = *self->at++;
    return 0;
}

static inline int wire_read_u32(wire_reader_t *self, uint32_t *value)
{
    if (self->at >= self->end || *self->at > 0x7f)
        return wire_read_u32_long(self, value);
    *value = *self->at++;
    return 0;
}

//  A str of up to 31 bytes.
static inline bool wire_read_short(wire_reader_t *self, wire_str_t *value)
{
    const uint8_t *at = self->at;
    if (at >= self->end || (*at & 0xe0) != 0xa0 || (*at & 0x1f) >= self->end - at)
        return false;
    *value = (wire_str_t) { (const char *) at + 1, *at & 0x1f };
    self->at = at + 1 + value->size;
    return true;
}

static inline int wire_read_bytes(wire_reader_t *self, wire_str_t *value)
{
    return wire_read_short(self, value) ? 0 : wire_read_bytes_long(self, value);
}

static inline int wire_read_name(wire_reader_t *self, wire_str_t *value)
{
    bool usual = self->at < self->end && *self->at != 0xa0 && wire_read_short(self, value);
    return usual ? 0 : wire_read_name_long(self, value);
}

static inline int wire_read_array(wire_reader_t *self, uint32_t *count)
{
    const uint8_t *at = self->at;
    if (at >= self->end || (*at & 0xf0) != 0x90 || (*at & 0x0f) >= self->end - at)
        return wire_read_array_long(self, count);
    *count = *at & 0x0f;
    self->at = at + 1;
    return 0;
}

//  Find `key` in the map that starts at the cursor of a copy: true and the cursor
//  at its value in *value; false when the map has no such key or is no map.
bool wire_map_find(const wire_reader_t *map, const char *key, wire_reader_t *value);

#endif
