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

#endif
