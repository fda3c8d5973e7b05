//  match_value - packed scalars as Lua sees them; for the sources of broker/match only
//
//  msgpack has several forms for what is one value in Lua. Here a scalar has one: a float with an integral value is an
//  integer, a natural number beyond int64 is a float (as the bindings decode it), bin is str. Two scalars are equal when
//  kind and contents are.

#ifndef MATCH_VALUE_H
#define MATCH_VALUE_H

#include <math.h>

#include "match.h"

//  Not below -2^63 and below 2^63: both are exact.
static inline bool match_float_fits(double number)
{
    return number >= -0x1p63 && number < 0x1p63;
}

static inline void match_settle(wire_item_t *item)
{
    if (item->kind == WIRE_IS_BIN)
        item->kind = WIRE_IS_STR;
    if (item->kind == WIRE_IS_UINT) {
        item->kind = WIRE_IS_DOUBLE;
        item->as.number = (double) item->as.natural;
    }
    if (item->kind == WIRE_IS_DOUBLE && match_float_fits(item->as.number)) {
        int64_t integer = (int64_t) item->as.number;
        if ((double) integer == item->as.number) {
            item->kind = WIRE_IS_INT;
            item->as.integer = integer;
        }
    }
}

//  wire_read, and the one form. What nearly all tokens are is read in place.
static inline bool match_read(wire_reader_t *at, wire_item_t *item)
{
    if (at->at < at->end && (*at->at <= 0x7f || *at->at >= 0xe0)) {
        item->kind = WIRE_IS_INT;
        item->as.integer = (int8_t) *at->at++;
        return true;
    }
    if (wire_read_short(at, &item->as.bytes)) {
        item->kind = WIRE_IS_STR;
        return true;
    }
    if (wire_read(at, item))
        return false;
    match_settle(item);
    return true;
}

//  Whether the token that begins with that byte is an extension.
static inline bool match_is_ext(uint8_t tag)
{
    return (tag >= 0xc7 && tag <= 0xc9) || (tag >= 0xd4 && tag <= 0xd8);
}

static inline bool match_skip(wire_reader_t *at)
{
    const uint8_t *here = at->at;
    if (here < at->end && (*here <= 0x7f || *here >= 0xe0)) {
        at->at = here + 1;
        return true;
    }
    wire_str_t text;
    return wire_read_short(at, &text) || wire_skip(at) == 0;
}

static inline bool match_is_scalar(const wire_item_t *item)
{
    return item->kind >= WIRE_IS_BOOL && item->kind <= WIRE_IS_BIN;
}

//  Whether two items of the one form, which are no containers, are equal. NaN equals nothing.
bool match_same_scalar(const wire_item_t *a, const wire_item_t *b);

//  The order of keys in a normal form: 1, 2, 3... and then the other integers, floats, booleans, strings by bytes. Zero for
//  equal ones (and for NaN and NaN).
int match_order(const wire_item_t *a, const wire_item_t *b);

//  Whether two values in normal form are equal, tables by what is in them.
bool match_same(wire_reader_t a, wire_reader_t b);

//  Integer and float compared without loss: -1, 0, 1; 2 when number is NaN.
int match_compare_mixed(int64_t integer, double number);

//  Any two numbers, of kinds INT and DOUBLE.
int match_compare_numbers(const wire_item_t *a, const wire_item_t *b);

//  Which field a key is about, and the key of the scalar that stands there: one function for tuples and templates.
uint64_t match_at_position(uint64_t seed, size_t position);
uint64_t match_at_name(uint64_t seed, wire_str_t name);
uint32_t match_key(uint64_t seed, uint64_t selector, const wire_item_t *scalar);

#endif
