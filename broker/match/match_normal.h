//  match_normal - the normal form of tables; for the sources of broker/match only
//
//  Tables inside are brought into order, too: keys 1..n alone are an array, other keys stand in match_order. So equal tables
//  have the same tokens, and a template walks along each table once.

#ifndef MATCH_NORMAL_H
#define MATCH_NORMAL_H

#include "match_place.h"

typedef struct {
    wire_buf_t *out;
    char *text;
    bool terms;                 //  A template: terms may be inside
} match_normal_t;

//  Append the normal form of the value at the cursor, which moves behind it. depth: containers around it; 0: the tuple
//  or template, whose keys are 1..n and names. Errors as match_normal's and WIRE_E_TOO_DEEP; out may then have a part.
int match_normal_value(const match_normal_t *self, wire_reader_t *at, const match_place_t *place, unsigned depth);

//  Whether the value at the cursor is its own normal form for a simple reason: an array of at most 15 values, none of
//  them nil or a table, and no extension unless `terms`. The cursor moves behind it.
bool match_is_flat(wire_reader_t *at, bool terms);

#endif
