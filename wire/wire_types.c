//  wire_types - the table behind the list in wire_types.h

#include "wire_types.h"

#include <stddef.h>

typedef struct {
    const char *name;
    const char *fields;
    wire_way_t way;
    bool early, changes, counts;
    wire_right_t right;
} entry_t;

static const entry_t types[WIRE_TYPE_LIMIT] = {
#define X(name, id, way, early, change, counts, right, fields) \
    [id] = { #name, fields, WIRE_WAY_##way, early, change, counts, WIRE_RIGHT_##right },
    WIRE_TYPES(X)
#undef X
};

//  What is not in the list is an entry of zeros, whose answers are the right ones.
static const entry_t *entry(unsigned type)
{
    static const entry_t none = { NULL, NULL, WIRE_WAY_NONE, false, false, false, WIRE_RIGHT_NONE };
    return type < WIRE_TYPE_LIMIT ? &types[type] : &none;
}

const char *wire_type_name(unsigned type)
{
    return entry(type)->name;
}

const char *wire_type_fields(unsigned type)
{
    return entry(type)->fields;
}

wire_way_t wire_type_way(unsigned type)
{
    return entry(type)->way;
}

bool wire_type_early(unsigned type)
{
    return entry(type)->early;
}

bool wire_type_changes(unsigned type)
{
    return entry(type)->changes;
}

bool wire_type_counts(unsigned type)
{
    return entry(type)->counts;
}

wire_right_t wire_type_right(unsigned type)
{
    return entry(type)->right;
}

const char *wire_right_word(unsigned right)
{
    static const char *const words[] = {
#define X(name, word, text) word,
        WIRE_RIGHTS(X)
#undef X
    };
    return right < WIRE_RIGHT_LIMIT ? words[right] : "";
}
