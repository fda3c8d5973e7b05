//  space_order - the tuples of a space by number, the oldest first
//
//  A list, since nearly all join it at the end. Of each few dozen one is marked: the marks are an array, by which
//  a tuple that comes back finds its old place among a million in a few steps. They only save time: without memory for
//  a mark there is none.

#ifndef SPACE_ORDER_H
#define SPACE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct space_tuple space_tuple_t;

typedef struct {
    uint64_t number;            //  The tuple's, so that a search touches no tuple
    space_tuple_t *tuple;
} space_mark_t;

typedef struct {
    space_tuple_t *first, *last;
    size_t count;
    space_mark_t *marks;        //  By number; from `begin`
    size_t begin, end, capacity;
    size_t since;               //  Tuples at the end, behind the last mark
} space_order_t;

void space_order_free(space_order_t *self);

//  Put in at the place of its number, which no other has.
void space_order_add(space_order_t *self, space_tuple_t *tuple);

void space_order_remove(space_order_t *self, space_tuple_t *tuple);

//  The last whose number is at most this, or NULL.
space_tuple_t *space_order_find(const space_order_t *self, uint64_t number);

#endif
