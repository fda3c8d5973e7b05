//  wire_read - the scan and the cursor

#include "wire_read.h"

#include "wire_bytes.h"
#include "wire_error.h"
#include "wire_limits.h"
#include "wire_scan.h"

int wire_scan(wire_reader_t *self)
{
    return wire_scan_values(self, 1, 0, 1);
}

int wire_skip(wire_reader_t *self)
{
    const uint8_t *at = self->at;
    //  Each item takes a byte, so `left` cannot grow past the bytes there are.
    for (uint64_t left = 1; left; left--) {
        uint64_t items = 0;
        at = wire_token(at, self->end, &items);
        if (!at)
            return WIRE_E_MALFORMED;
        if (items != WIRE_LEAF)
            left += items;
        if (left - 1 > (uint64_t) (self->end - at))
            return WIRE_E_MALFORMED;
    }
    self->at = at;
    return 0;
}

static void set_uint(wire_item_t *item, uint64_t value)
{
    item->kind = value > INT64_MAX ? WIRE_IS_UINT : WIRE_IS_INT;
    item->as.natural = value;
}

static void set_int(wire_item_t *item, int64_t value)
{
    item->kind = WIRE_IS_INT;
    item->as.integer = value;
}

static void set_bits(wire_item_t *item, const uint8_t *at, bool wide)
{
    item->kind = WIRE_IS_DOUBLE;
    if (wide) {
        uint64_t bits = wire_load64(at);
        memcpy(&item->as.number, &bits, sizeof bits);
    }
    else {
        uint32_t bits = wire_load32(at);
        float narrow;
        memcpy(&narrow, &bits, sizeof bits);
        item->as.number = (double) narrow;
    }
}

//  The token's `size` last bytes are its contents.
static void set_bytes(wire_item_t *item, wire_kind_t kind, const uint8_t *next, size_t size)
{
    item->kind = kind;
    item->as.bytes.data = (const char *) next - size;
    item->as.bytes.size = size;
}

static void set_ext(wire_item_t *item, const uint8_t *next, size_t size)
{
    set_bytes(item, WIRE_IS_EXT, next, size);
    item->ext = (int8_t) *(next - size - 1);
}

//  Tags 0xc0..0xdf, whose bytes are known to be there, up to `next`.
static void set_tagged(wire_item_t *item, const uint8_t *at, const uint8_t *next, uint64_t items)
{
    switch (*at) {
    case 0xc0: item->kind = WIRE_IS_NIL; break;
    case 0xc2:
    case 0xc3: item->kind = WIRE_IS_BOOL; item->as.boolean = *at == 0xc3; break;
    case 0xc4: set_bytes(item, WIRE_IS_BIN, next, (size_t) (next - at) - 2); break;
    case 0xc5: set_bytes(item, WIRE_IS_BIN, next, (size_t) (next - at) - 3); break;
    case 0xc6: set_bytes(item, WIRE_IS_BIN, next, (size_t) (next - at) - 5); break;
    case 0xc7: set_ext(item, next, (size_t) (next - at) - 3); break;
    case 0xc8: set_ext(item, next, (size_t) (next - at) - 4); break;
    case 0xc9: set_ext(item, next, (size_t) (next - at) - 6); break;
    case 0xca: set_bits(item, at + 1, false); break;
    case 0xcb: set_bits(item, at + 1, true); break;
    case 0xcc: set_uint(item, at[1]); break;
    case 0xcd: set_uint(item, wire_load16(at + 1)); break;
    case 0xce: set_uint(item, wire_load32(at + 1)); break;
    case 0xcf: set_uint(item, wire_load64(at + 1)); break;
    case 0xd0: set_int(item, (int8_t) at[1]); break;
    case 0xd1: set_int(item, (int16_t) wire_load16(at + 1)); break;
    case 0xd2: set_int(item, (int32_t) wire_load32(at + 1)); break;
    case 0xd3: set_int(item, (int64_t) wire_load64(at + 1)); break;
    case 0xd4: case 0xd5: case 0xd6: case 0xd7:
    case 0xd8: set_ext(item, next, (size_t) (next - at) - 2); break;
    case 0xd9: set_bytes(item, WIRE_IS_STR, next, (size_t) (next - at) - 2); break;
    case 0xda: set_bytes(item, WIRE_IS_STR, next, (size_t) (next - at) - 3); break;
    case 0xdb: set_bytes(item, WIRE_IS_STR, next, (size_t) (next - at) - 5); break;
    case 0xdc:
    case 0xdd: item->kind = WIRE_IS_ARRAY; item->as.count = (uint32_t) items; break;
    default:   item->kind = WIRE_IS_MAP; item->as.count = (uint32_t) (items / 2); break;
    }
}

int wire_read(wire_reader_t *self, wire_item_t *item)
{
    uint64_t items = 0;
    const uint8_t *at = self->at;
    const uint8_t *next = wire_token(at, self->end, &items);
    if (!next || (items != WIRE_LEAF && items > (uint64_t) (self->end - next)))
        return WIRE_E_MALFORMED;
    if (*at < 0x80 || *at >= 0xe0)
        set_int(item, (int8_t) *at);
    else if (*at >= 0xc0)
        set_tagged(item, at, next, items);
    else if (*at >= 0xa0)
        set_bytes(item, WIRE_IS_STR, next, *at & 0x1f);
    else {
        item->kind = *at >= 0x90 ? WIRE_IS_ARRAY : WIRE_IS_MAP;
        item->as.count = *at & 0x0f;
    }
    self->at = next;
    return 0;
}

//  One token, but the cursor stays when it is of another kind.
static int read_kind(wire_reader_t *self, wire_item_t *item, wire_kind_t kind)
{
    wire_reader_t ahead = *self;
    int rc = wire_read(&ahead, item);
    if (rc == 0 && item->kind != kind)
        rc = WIRE_E_MALFORMED;
    if (rc == 0)
        *self = ahead;
    return rc;
}

int wire_read_bool(wire_reader_t *self, bool *value)
{
    wire_item_t item;
    int rc = read_kind(self, &item, WIRE_IS_BOOL);
    if (rc == 0)
        *value = item.as.boolean;
    return rc;
}

int wire_read_uint_long(wire_reader_t *self, uint64_t *value)
{
    wire_reader_t ahead = *self;
    wire_item_t item;
    int rc = wire_read(&ahead, &item);
    if (rc || (item.kind != WIRE_IS_UINT && (item.kind != WIRE_IS_INT || item.as.integer < 0)))
        return WIRE_E_MALFORMED;
    *value = item.as.natural;
    *self = ahead;
    return 0;
}

int wire_read_u32_long(wire_reader_t *self, uint32_t *value)
{
    wire_reader_t ahead = *self;
    uint64_t wide;
    if (wire_read_uint(&ahead, &wide) || wide > UINT32_MAX)
        return WIRE_E_MALFORMED;
    *value = (uint32_t) wide;
    *self = ahead;
    return 0;
}

int wire_read_int(wire_reader_t *self, int64_t *value)
{
    wire_item_t item;
    int rc = read_kind(self, &item, WIRE_IS_INT);
    if (rc == 0)
        *value = item.as.integer;
    return rc;
}

int wire_read_bytes_long(wire_reader_t *self, wire_str_t *value)
{
    wire_reader_t ahead = *self;
    wire_item_t item;
    int rc = wire_read(&ahead, &item);
    if (rc || (item.kind != WIRE_IS_STR && item.kind != WIRE_IS_BIN))
        return WIRE_E_MALFORMED;
    *value = item.as.bytes;
    *self = ahead;
    return 0;
}

int wire_read_name_long(wire_reader_t *self, wire_str_t *value)
{
    wire_reader_t ahead = *self;
    wire_str_t name;
    if (wire_read_bytes(&ahead, &name) || name.size < 1 || name.size > WIRE_MAX_NAME)
        return WIRE_E_MALFORMED;
    *value = name;
    *self = ahead;
    return 0;
}

int wire_read_array_long(wire_reader_t *self, uint32_t *count)
{
    wire_item_t item;
    int rc = read_kind(self, &item, WIRE_IS_ARRAY);
    if (rc == 0)
        *count = item.as.count;
    return rc;
}

int wire_read_map(wire_reader_t *self, uint32_t *pairs)
{
    wire_item_t item;
    int rc = read_kind(self, &item, WIRE_IS_MAP);
    if (rc == 0)
        *pairs = item.as.count;
    return rc;
}

static bool key_is(wire_reader_t at, const char *key)
{
    wire_str_t found;
    return wire_read_bytes(&at, &found) == 0 && wire_str_is(found, key);
}

bool wire_map_find(const wire_reader_t *map, const char *key, wire_reader_t *value)
{
    wire_reader_t at = *map;
    uint32_t pairs;
    if (wire_read_map(&at, &pairs))
        return false;
    for (; pairs; pairs--) {
        bool here = key_is(at, key);
        if (wire_skip(&at))
            return false;
        if (here) {
            *value = at;
            return true;
        }
        if (wire_skip(&at))
            return false;
    }
    return false;
}
