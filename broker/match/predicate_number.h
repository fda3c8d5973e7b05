//  predicate_number - Lua 5.4's arithmetic; for the sources of broker/match only
//
//  Values are items of kinds NIL, BOOL, INT, DOUBLE, STR, and ARRAY, MAP and EXT, of which as.bytes is where they begin (EXT: the
//  contents).

#ifndef PREDICATE_NUMBER_H
#define PREDICATE_NUMBER_H

#include "wire_read.h"

typedef enum {
    PREDICATE_ADD, PREDICATE_SUB, PREDICATE_MUL, PREDICATE_DIV, PREDICATE_IDIV, PREDICATE_MOD, PREDICATE_POW,
    PREDICATE_BAND, PREDICATE_BOR, PREDICATE_BXOR, PREDICATE_SHL, PREDICATE_SHR
} predicate_arith_t;

//  A number, or a string that is one, as Lua's operators take it.
bool predicate_to_number(const wire_item_t *value, wire_item_t *number);

//  a OP b; unary minus and ~. False: Lua would raise an error. out may be a.
bool predicate_arith(predicate_arith_t op, const wire_item_t *a, const wire_item_t *b, wire_item_t *out);
bool predicate_minus(const wire_item_t *a, wire_item_t *out);
bool predicate_not_bits(const wire_item_t *a, wire_item_t *out);

//  The integer below (or above), a float when it is too large for one.
void predicate_floor(double number, wire_item_t *out);

#endif
