//  wire_bytes - big-endian numbers in raw bytes; for the sources of wire/ only
//
//  The caller has checked that the bytes are there.

#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIRE_BIG16(v) __builtin_bswap16(v)
#define WIRE_BIG32(v) __builtin_bswap32(v)
#define WIRE_BIG64(v) __builtin_bswap64(v)
#else
#define WIRE_BIG16(v) (v)
#define WIRE_BIG32(v) (v)
#define WIRE_BIG64(v) (v)
#endif

static inline uint16_t wire_load16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return WIRE_BIG16(v);
}

static inline uint32_t wire_load32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return WIRE_BIG32(v);
}

static inline uint64_t wire_load64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return WIRE_BIG64(v);
}

static inline void wire_store16(uint8_t *at, uint16_t v)
{
    v = WIRE_BIG16(v);
    memcpy(at, &v, sizeof v);
}

static inline void wire_store32(uint8_t *at, uint32_t v)
{
    v = WIRE_BIG32(v);
    memcpy(at, &v, sizeof v);
}

static inline void wire_store64(uint8_t *at, uint64_t v)
{
    v = WIRE_BIG64(v);
    memcpy(at, &v, sizeof v);
}

//  The shortest form of a number, for which nine bytes are there; the place behind it.
static inline uint8_t *wire_store_uint(uint8_t *at, uint64_t value)
{
    if (value <= 0x7f) {
        *at = (uint8_t) value;
        return at + 1;
    }
    if (value <= UINT8_MAX) {
        at[0] = 0xcc;
        at[1] = (uint8_t) value;
        return at + 2;
    }
    if (value <= UINT16_MAX) {
        at[0] = 0xcd;
        wire_store16(at + 1, (uint16_t) value);
        return at + 3;
    }
    if (value <= UINT32_MAX) {
        at[0] = 0xce;
        wire_store32(at + 1, (uint32_t) value);
        return at + 5;
    }
    at[0] = 0xcf;
    wire_store64(at + 1, value);
    return at + 9;
}

#endif
