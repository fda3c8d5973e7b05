//  wire_scan - stepping over msgpack tokens; for the sources of wire/ only
//
//  Inline, because every byte that arrives passes here once.

#ifndef WIRE_SCAN_H
#define WIRE_SCAN_H

#include "wire_bytes.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_read.h"

//  What wire_token answers for a token that is no container.
#define WIRE_LEAF UINT64_MAX

//  Bytes of a leaf whose tag alone tells how many, which nearly all are; 0: a container, a leaf
//  whose length follows its tag, or 0xc1, which is never used.
static const uint8_t wire_leaf[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,     //  00  integers 0..127
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,     //  80  maps
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,     //  90  arrays
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,      //  a0  strings
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    1, 0, 1, 1,                                         //  c0  nil, -, false, true
    0, 0, 0, 0, 0, 0,                                   //  c4  bin, ext
    5, 9, 2, 3, 5, 9, 2, 3, 5, 9,                       //  ca  float, uint, int
    3, 4, 6, 10, 18,                                    //  d4  fixext
    0, 0, 0, 0, 0, 0, 0,                                //  d9  str, array, map
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,     //  e0  integers -32..-1
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
};

//  Tags 0xc4..0xc9 and 0xd9..0xdf, by their low five bits: bytes of the head, and how many of
//  them, behind the tag, are a length.
typedef struct {
    uint8_t head;
    uint8_t length;
} wire_tag_t;

static const wire_tag_t wire_tags[32] = {
    [0x04] = { 2, 1 }, { 3, 2 }, { 5, 4 },      //  bin
    [0x07] = { 3, 1 }, { 4, 2 }, { 6, 4 },      //  ext: its type is in the head
    [0x19] = { 2, 1 }, { 3, 2 }, { 5, 4 },      //  str
    [0x1c] = { 3, 2 }, { 5, 4 }, { 3, 2 }, { 5, 4 }     //  array, map
};

static inline uint32_t wire_length(const uint8_t *at, unsigned width)
{
    return width == 1 ? at[0] : width == 2 ? wire_load16(at) : wire_load32(at);
}

//  What wire_leaf does not know.
static inline const uint8_t *wire_token_long(const uint8_t *at, size_t left, uint64_t *items)
{
    uint8_t byte = *at;
    if (byte < 0xc0) {
        *items = byte < 0x90 ? (byte & 0x0fu) * 2u : byte & 0x0fu;
        return at + 1;
    }
    wire_tag_t tag = wire_tags[byte & 0x1f];
    if (tag.head == 0 || tag.head > left)
        return NULL;
    uint32_t length = wire_length(at + 1, tag.length);
    if (byte >= 0xdc) {
        *items = byte >= 0xde ? (uint64_t) length * 2 : length;
        return at + tag.head;
    }
    return length <= left - tag.head ? at + tag.head + length : NULL;
}

//  The place behind the token at `at`, or NULL when it is cut or no token at all.
//  *items: how many values follow that belong to it (two for each pair of a map).
static inline const uint8_t *wire_token(const uint8_t *at, const uint8_t *end, uint64_t *items)
{
    if (at >= end)
        return NULL;
    size_t size = wire_leaf[*at], left = (size_t) (end - at);
    *items = WIRE_LEAF;
    if (size)
        return size <= left ? at + size : NULL;
    return wire_token_long(at, left, items);
}

//  Step over leaves of known size, at most `count`, up to another value or the end; *count: how many are left.
static inline const uint8_t *wire_leaves(const uint8_t *at, const uint8_t *end, uint32_t *count)
{
    uint32_t left = *count;
    for (; left && at < end; left--) {
        size_t size = wire_leaf[*at];
        if (size == 0 || size > (size_t) (end - at))
            break;
        at += size;
    }
    *count = left;
    return at;
}

//  The fields of a usual call or reply: at most 15, leaves, then perhaps one array of up to 15 leaves.
//  False: they are something else, or not all there; nothing was stepped over.
static inline bool wire_scan_usual(wire_reader_t *self, uint32_t count)
{
    if (count > 15)
        return false;
    const uint8_t *at = wire_leaves(self->at, self->end, &count);
    if (count) {
        if (count > 1 || at >= self->end || (*at & 0xf0) != 0x90)
            return false;
        count = *at & 0x0f;
        at = wire_leaves(at + 1, self->end, &count);
    }
    if (count)
        return false;
    self->at = at;
    return true;
}

//  Step over `count` values, themselves at `depth` containers down, and check
//  them against the limits; `objects` values, these included, are known so far.
//  Malformed goes before too big, so that what is merely cut short is called so
//  whatever it announced.
static inline int wire_scan_values(wire_reader_t *self, uint64_t count, unsigned depth, uint64_t objects)
{
    uint64_t open[WIRE_MAX_DEPTH];      //  Values still to come in the outer containers
    unsigned base = depth;
    const uint8_t *at = self->at;

    if (objects > WIRE_MAX_OBJECTS)
        return WIRE_E_TOO_BIG;
    while (count) {
        uint64_t items = 0;
        at = wire_token(at, self->end, &items);
        if (!at)
            return WIRE_E_MALFORMED;
        count--;
        if (items != WIRE_LEAF) {
            if (items > (uint64_t) (self->end - at))
                return WIRE_E_MALFORMED;
            if (depth == WIRE_MAX_DEPTH)
                return WIRE_E_TOO_DEEP;
            objects += items;
            if (objects > WIRE_MAX_OBJECTS)
                return WIRE_E_TOO_BIG;
            open[depth++] = count;
            count = items;
        }
        while (count == 0 && depth > base)
            count = open[--depth];
    }
    if (at - self->at > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    self->at = at;
    return 0;
}

#endif
