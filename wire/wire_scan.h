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

//  Tags 0xc0..0xdf: bytes of the head, and how many of them, behind the tag, are
//  a length. Nothing but 0xc1 has no head: it is never used.
typedef struct {
    uint8_t head;
    uint8_t length;
} wire_tag_t;

static const wire_tag_t wire_tags[32] = {
    { 1, 0 }, { 0, 0 }, { 1, 0 }, { 1, 0 },     //  nil, -, false, true
    { 2, 1 }, { 3, 2 }, { 5, 4 },               //  bin
    { 3, 1 }, { 4, 2 }, { 6, 4 },               //  ext: its type is in the head
    { 5, 0 }, { 9, 0 },                         //  float32, float64
    { 2, 0 }, { 3, 0 }, { 5, 0 }, { 9, 0 },     //  uint
    { 2, 0 }, { 3, 0 }, { 5, 0 }, { 9, 0 },     //  int
    { 3, 0 }, { 4, 0 }, { 6, 0 }, { 10, 0 }, { 18, 0 },     //  fixext
    { 2, 1 }, { 3, 2 }, { 5, 4 },               //  str
    { 3, 2 }, { 5, 4 }, { 3, 2 }, { 5, 4 }      //  array, map
};

static inline uint32_t wire_length(const uint8_t *at, unsigned width)
{
    return width == 1 ? at[0] : width == 2 ? wire_load16(at) : wire_load32(at);
}

//  Tags 0xc0..0xdf of wire_token.
static inline const uint8_t *wire_token_tagged(const uint8_t *at, size_t left, uint64_t *items)
{
    uint8_t byte = *at;
    wire_tag_t tag = wire_tags[byte & 0x1f];
    if (tag.head == 0 || tag.head > left)
        return NULL;
    if (tag.length == 0)
        return at + tag.head;
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
    uint8_t byte = *at;
    *items = WIRE_LEAF;
    if (byte < 0x80 || byte >= 0xe0)
        return at + 1;
    if (byte >= 0xc0)
        return wire_token_tagged(at, (size_t) (end - at), items);
    if (byte >= 0xa0)
        return (byte & 0x1f) < end - at ? at + 1 + (byte & 0x1f) : NULL;
    *items = byte < 0x90 ? (byte & 0x0fu) * 2u : byte & 0x0fu;
    return at + 1;
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
