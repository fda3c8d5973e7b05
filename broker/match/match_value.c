//  match_value - equality, order and hashes of packed values

#include "match_value.h"

//  ---- Numbers ---------------------------------------------------------------

int match_compare_mixed(int64_t integer, double number)
{
    if (number != number)
        return 2;
    if (!match_float_fits(number))
        return number > 0 ? -1 : 1;
    int64_t whole = (int64_t) number;           //  Towards zero; exact when large
    if (integer != whole)
        return integer < whole ? -1 : 1;
    double rest = number - (double) whole;
    return rest > 0 ? -1 : rest < 0;
}

static int compare_floats(double a, double b)
{
    return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

int match_compare_numbers(const wire_item_t *a, const wire_item_t *b)
{
    if (a->kind == WIRE_IS_INT && b->kind == WIRE_IS_INT)
        return a->as.integer < b->as.integer ? -1 : a->as.integer > b->as.integer;
    if (a->kind == WIRE_IS_INT)
        return match_compare_mixed(a->as.integer, b->as.number);
    if (b->kind == WIRE_IS_DOUBLE)
        return compare_floats(a->as.number, b->as.number);
    int order = match_compare_mixed(b->as.integer, a->as.number);
    return order == 2 ? 2 : -order;
}

//  ---- Equality and order ------------------------------------------------------

bool match_same_scalar(const wire_item_t *a, const wire_item_t *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case WIRE_IS_NIL:    return true;
    case WIRE_IS_BOOL:   return a->as.boolean == b->as.boolean;
    case WIRE_IS_INT:    return a->as.integer == b->as.integer;
    case WIRE_IS_DOUBLE: return a->as.number == b->as.number;
    case WIRE_IS_EXT:    return a->ext == b->ext && wire_str_same(a->as.bytes, b->as.bytes);
    default:             return wire_str_same(a->as.bytes, b->as.bytes);
    }
}

static int order_naturals(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_bytes(wire_str_t a, wire_str_t b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : order_naturals(a.size, b.size);
}

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

//  Integers, floats, booleans, strings, whatever else.
static unsigned rank_of(wire_kind_t kind)
{
    return kind == WIRE_IS_INT ? 0 : kind == WIRE_IS_DOUBLE ? 1 : 2 + (unsigned) kind;
}

int match_order(const wire_item_t *a, const wire_item_t *b)
{
    if (a->kind != b->kind)
        return rank_of(a->kind) < rank_of(b->kind) ? -1 : 1;
    switch (a->kind) {
    case WIRE_IS_NIL:    return 0;
    case WIRE_IS_BOOL:   return a->as.boolean - b->as.boolean;
    case WIRE_IS_INT:    return order_naturals(a->as.natural - 1, b->as.natural - 1);   //  1 first
    case WIRE_IS_DOUBLE: return order_naturals(bits_of(a->as.number), bits_of(b->as.number));
    case WIRE_IS_EXT:    return a->ext != b->ext ? a->ext - b->ext : order_bytes(a->as.bytes, b->as.bytes);
    default:             return order_bytes(a->as.bytes, b->as.bytes);
    }
}

//  The normal form has one order, so equal tables are equal token by token.
bool match_same(wire_reader_t a, wire_reader_t b)
{
    wire_item_t one, other;
    for (uint64_t left = 1; left; left--) {
        if (!match_read(&a, &one) || !match_read(&b, &other))
            return false;
        if (one.kind != WIRE_IS_ARRAY && one.kind != WIRE_IS_MAP) {
            if (!match_same_scalar(&one, &other))
                return false;
        }
        else if (one.kind != other.kind || one.as.count != other.as.count)
            return false;
        else
            left += one.kind == WIRE_IS_MAP ? 2 * (uint64_t) one.as.count : one.as.count;
    }
    return true;
}

//  ---- Hashes --------------------------------------------------------------------
//
//  Eight bytes at a time, each multiplied to 128 bits whose halves are folded together: every bit of the word
//  and of what came before reaches every bit of the result. The seed is in each step, so whoever does not know it
//  cannot aim at a collision. Odd constants with half their bits set.

__extension__ typedef unsigned __int128 wide_t;

#define FIRST   UINT64_C(0x9e3779b97f4a7c15)
#define WORD    UINT64_C(0xd6e8feb86659fd93)
#define LAST    UINT64_C(0xa0761d6478bd642f)
#define NUMBER  UINT64_C(0xe7037ed1a0b428db)
#define BOOLEAN UINT64_C(0x8ebc6af09c88c6e3)
#define NAME    UINT64_C(0x589965cc75374cc3)

static uint64_t mix(uint64_t a, uint64_t b)
{
    wide_t product = (wide_t) a * b;
    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static uint64_t load(const char *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

//  Up to eight bytes as one word, without a loop; the size is mixed in elsewhere.
static uint64_t load_tail(const char *at, size_t size)
{
    if (size == 8)
        return load(at, 8);
    if (size >= 4)
        return load(at, 4) | load(at + size - 4, 4) << 32;
    if (size == 0)
        return 0;
    return (uint64_t) (uint8_t) at[0] | (uint64_t) (uint8_t) at[size / 2] << 8 | (uint64_t) (uint8_t) at[size - 1] << 16;
}

static uint64_t hash_bytes(uint64_t seed, wire_str_t text)
{
    uint64_t hash = seed ^ FIRST ^ text.size;
    for (; text.size > 8; text.data += 8, text.size -= 8)
        hash = mix(hash ^ load(text.data, 8), WORD ^ seed);
    return mix(hash ^ load_tail(text.data, text.size), LAST ^ seed);
}

static uint64_t hash_scalar(uint64_t seed, const wire_item_t *item)
{
    switch (item->kind) {
    case WIRE_IS_BOOL:   return mix(item->as.boolean ^ seed ^ BOOLEAN, LAST);
    case WIRE_IS_INT:    return mix(item->as.natural ^ seed, NUMBER);
    case WIRE_IS_DOUBLE: return mix(bits_of(item->as.number) ^ seed ^ FIRST, NUMBER);
    default:             return hash_bytes(seed, item->as.bytes);
    }
}

uint64_t match_at_position(uint64_t seed, size_t position)
{
    return seed ^ position * FIRST;
}

uint64_t match_at_name(uint64_t seed, wire_str_t name)
{
    return hash_bytes(seed ^ NAME, name);
}

uint32_t match_key(uint64_t seed, uint64_t selector, const wire_item_t *scalar)
{
    uint64_t hash = mix(hash_scalar(seed, scalar) ^ selector, WORD ^ seed);
    return (uint32_t) (hash ^ hash >> 32);
}
