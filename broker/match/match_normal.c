//  match_normal - keys in order, all the way down

#include "match_normal.h"

#include <stdlib.h>

#include "match_value.h"

#define FEW 8                   //  Pairs of a map that are sorted on the C stack

typedef struct {
    wire_item_t key;            //  Of the one form
    wire_reader_t at;           //  The key's bytes
    wire_reader_t value;
} pair_t;

static int refuse(const match_normal_t *self, const match_place_t *place, const char *sentence)
{
    match_say(self->text, place, "%s", sentence);
    return WIRE_E_USAGE;
}

static int no_memory(const match_normal_t *self)
{
    match_say(self->text, NULL, "out of memory");
    return WIRE_E_NO_MEMORY;
}

//  ---- Maps ------------------------------------------------------------------------

static int refuse_key(const match_normal_t *self, const match_place_t *place)
{
    return refuse(self, place, place ? "a key is no integer, float, boolean or string"
                                     : "a key is neither an integer nor a string");
}

static bool good_key(const wire_item_t *key, unsigned depth)
{
    if (depth == 0)
        return key->kind == WIRE_IS_INT || key->kind == WIRE_IS_STR;
    return match_is_scalar(key) && !(key->kind == WIRE_IS_DOUBLE && key->as.number != key->as.number);
}

static int read_pairs(const match_normal_t *self, wire_reader_t *at, pair_t *pairs, uint32_t count,
                      const match_place_t *place, unsigned depth)
{
    for (uint32_t i = 0; i < count; i++) {
        pairs[i].at = *at;
        if (!match_read(at, &pairs[i].key) || !good_key(&pairs[i].key, depth))
            return refuse_key(self, place);
        pairs[i].at.end = at->at;
        pairs[i].value = *at;
        if (!match_skip(at))
            return refuse(self, place, "a value is cut short");
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const pair_t *one = a, *other = b;
    return match_order(&one->key, &other->key);
}

static void sort_pairs(pair_t *pairs, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (by_key(&pairs[i - 1], &pairs[i]) > 0) {
            qsort(pairs, count, sizeof *pairs, by_key);
            return;
        }
}

//  How many of the sorted keys are 1..n.
static uint32_t positions_of(const pair_t *pairs, uint32_t count)
{
    uint32_t n = 0;
    while (n < count && pairs[n].key.kind == WIRE_IS_INT && pairs[n].key.as.integer == (int64_t) n + 1)
        n++;
    return n;
}

static int check_pairs(const match_normal_t *self, const pair_t *pairs, uint32_t count, uint32_t positions,
                       const match_place_t *place, unsigned depth)
{
    for (uint32_t i = 1; i < count; i++) {
        match_place_t here = { place, pairs[i].key, 0 };
        if (match_order(&pairs[i - 1].key, &pairs[i].key) == 0)
            return refuse(self, &here, "it is there twice");
    }
    if (depth == 0 && positions < count && pairs[positions].key.kind == WIRE_IS_INT) {
        match_place_t here = { place, pairs[positions].key, 0 };
        return refuse(self, &here, "positions are 1 to n without a gap");
    }
    return 0;
}

//  Tuples are indexed by each named scalar, and there is room for so many keys only.
static int check_names(const match_normal_t *self, const pair_t *pairs, uint32_t count, uint32_t positions)
{
    uint32_t scalars = 0;
    for (uint32_t i = positions; i < count; i++) {
        wire_reader_t at = pairs[i].value;
        wire_item_t item;
        scalars += match_read(&at, &item) && match_is_scalar(&item);
    }
    if (scalars <= MATCH_KEYS - MATCH_POSITIONS)
        return 0;
    match_say(self->text, NULL, "%u named fields; %d at most", scalars, MATCH_KEYS - MATCH_POSITIONS);
    return WIRE_E_TOO_BIG;
}

static void put_key(wire_buf_t *out, const pair_t *pair)
{
    if (pair->key.kind == WIRE_IS_INT)
        wire_put_int(out, pair->key.as.integer);
    else if (pair->key.kind == WIRE_IS_DOUBLE)
        wire_put_double(out, pair->key.as.number);
    else
        wire_buf_append(out, pair->at.at, (size_t) (pair->at.end - pair->at.at));
}

static int put_member(const match_normal_t *self, wire_reader_t *at, const match_place_t *place, unsigned depth,
                      bool nil)
{
    if (!nil && at->at < at->end && *at->at == 0xc0)
        return refuse(self, place, self->terms ? "nil matches nothing; `any` matches all" : "nil is no value of a tuple");
    return match_normal_value(self, at, place, depth + 1);
}

static int put_pairs(const match_normal_t *self, pair_t *pairs, uint32_t count, const match_place_t *place,
                     unsigned depth)
{
    uint32_t positions = positions_of(pairs, count);
    bool list = positions == count;
    int rc = check_pairs(self, pairs, count, positions, place, depth);
    if (rc == 0 && depth == 0)
        rc = check_names(self, pairs, count, positions);
    if (list)
        wire_put_array(self->out, count);
    else
        wire_put_map(self->out, count);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        match_place_t here = { place, pairs[i].key, 0 };
        if (!list)
            put_key(self->out, &pairs[i]);
        rc = put_member(self, &pairs[i].value, &here, depth, false);
    }
    return rc;
}

static int put_map(const match_normal_t *self, wire_reader_t *at, uint32_t count, const match_place_t *place,
                   unsigned depth)
{
    pair_t few[FEW], *pairs = count <= FEW ? few : malloc(count * sizeof *pairs);
    if (!pairs)
        return no_memory(self);
    int rc = read_pairs(self, at, pairs, count, place, depth);
    if (rc == 0) {
        sort_pairs(pairs, count);
        rc = put_pairs(self, pairs, count, place, depth);
    }
    if (pairs != few)
        free(pairs);
    return rc;
}

//  ---- Values ----------------------------------------------------------------------

static int put_array(const match_normal_t *self, wire_reader_t *at, uint32_t count, const match_place_t *place,
                     unsigned depth)
{
    int rc = 0;
    wire_put_array(self->out, count);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        match_place_t here = { place, { .kind = WIRE_IS_INT, .as.integer = (int64_t) i + 1 }, 0 };
        rc = put_member(self, at, &here, depth, depth > 0);
    }
    return rc;
}

static int refuse_depth(const match_normal_t *self, const match_place_t *place)
{
    match_say(self->text, place, "nested deeper than %d tables", WIRE_MAX_DEPTH);
    return WIRE_E_TOO_DEEP;
}

int match_normal_value(const match_normal_t *self, wire_reader_t *at, const match_place_t *place, unsigned depth)
{
    const uint8_t *start = at->at;
    wire_item_t item;
    if (wire_read(at, &item))
        return refuse(self, place, "a value is cut short");
    if (item.kind == WIRE_IS_ARRAY || item.kind == WIRE_IS_MAP) {
        if (depth >= WIRE_MAX_DEPTH)
            return refuse_depth(self, place);
        return item.kind == WIRE_IS_ARRAY ? put_array(self, at, item.as.count, place, depth)
                                          : put_map(self, at, item.as.count, place, depth);
    }
    if (item.kind == WIRE_IS_EXT && item.ext == MATCH_EXT_TERM && !self->terms)
        return refuse(self, place, "a term is for templates, a tuple has values");
    wire_buf_append(self->out, start, (size_t) (at->at - start));
    return 0;
}

static bool is_flat_item(uint8_t tag, bool terms)
{
    bool table = (tag & 0xe0) == 0x80 || (tag >= 0xdc && tag <= 0xdf);
    return !table && tag != 0xc0 && (terms || !match_is_ext(tag));
}

bool match_is_flat(wire_reader_t *at, bool terms)
{
    if (at->at >= at->end || (*at->at & 0xf0) != 0x90)
        return false;
    for (unsigned left = *at->at++ & 0x0f; left; left--)
        if (at->at >= at->end || !is_flat_item(*at->at, terms) || !match_skip(at))
            return false;
    return true;
}

int match_normal(wire_reader_t tuple, wire_buf_t *out, char *text)
{
    match_normal_t self = { out, text, false };
    size_t before = out->size;
    wire_reader_t at = tuple, end = tuple;
    wire_item_t item;
    int rc = 0;
    if (match_is_flat(&end, false))
        wire_buf_append(out, tuple.at, (size_t) (end.at - tuple.at));
    else if (wire_read(&at, &item) || (item.kind != WIRE_IS_ARRAY && item.kind != WIRE_IS_MAP))
        rc = refuse(&self, NULL, "a tuple is a table");
    else
        rc = match_normal_value(&self, &tuple, NULL, 0);
    if (rc == 0 && out->failed)
        rc = no_memory(&self);
    if (rc)
        wire_buf_truncate(out, before);
    return rc;
}

//  ---- Keys ------------------------------------------------------------------------

static size_t keys_of_positions(wire_reader_t *at, uint32_t count, uint64_t seed, uint32_t *keys)
{
    wire_item_t item;
    size_t n = 0;
    for (uint32_t i = 1; i <= count && i <= MATCH_POSITIONS; i++) {
        wire_reader_t here = *at;
        if (!match_read(at, &item))
            return n;
        if (match_is_scalar(&item))
            keys[n++] = match_key(seed, match_at_position(seed, i), &item);
        else {
            *at = here;
            if (!match_skip(at))
                return n;
        }
    }
    return n;
}

static size_t keys_of_pairs(wire_reader_t *at, uint32_t pairs, uint64_t seed, uint32_t *keys)
{
    wire_item_t key, item;
    size_t n = 0;
    for (; pairs && n < MATCH_KEYS && match_read(at, &key); pairs--) {
        wire_reader_t value = *at;
        bool wanted = key.kind == WIRE_IS_STR || (key.kind == WIRE_IS_INT && key.as.integer <= MATCH_POSITIONS);
        if (!match_skip(at))
            return n;
        if (!wanted || !match_read(&value, &item) || !match_is_scalar(&item))
            continue;
        uint64_t selector = key.kind == WIRE_IS_STR ? match_at_name(seed, key.as.bytes)
                                                    : match_at_position(seed, (size_t) key.as.integer);
        keys[n++] = match_key(seed, selector, &item);
    }
    return n;
}

size_t match_tuple_keys(wire_reader_t tuple, uint64_t seed, uint32_t keys[MATCH_KEYS])
{
    wire_item_t item;
    if (wire_read(&tuple, &item))
        return 0;
    if (item.kind == WIRE_IS_ARRAY)
        return keys_of_positions(&tuple, item.as.count, seed, keys);
    return item.kind == WIRE_IS_MAP ? keys_of_pairs(&tuple, item.as.count, seed, keys) : 0;
}
