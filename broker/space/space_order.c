//  space_order - the tuples of a space by number, the oldest first

#include "space_order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "space_state.h"

#define MARK_EVERY  64          //  Tuples that came in order, and
#define MARK_STEPS  256         //  steps of a search, after which a mark is worth its bytes

void space_order_free(space_order_t *self)
{
    assert(!self->first);
    free(self->marks);
    *self = (space_order_t) { 0 };
}

//  ---- Marks ---------------------------------------------------------------

//  The place of the first mark with a number above this one's.
static size_t mark_above(const space_order_t *self, uint64_t number)
{
    size_t low = self->begin, high = self->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->marks[middle].number > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

//  Room for one more at the end: what was taken off the front is used again before the array grows.
static bool make_room(space_order_t *self)
{
    if (self->end < self->capacity)
        return true;
    size_t count = self->end - self->begin;
    if (self->begin > self->capacity / 2) {
        memmove(self->marks, self->marks + self->begin, count * sizeof *self->marks);
        self->begin = 0;
        self->end = count;
        return true;
    }
    size_t capacity = self->capacity ? 2 * self->capacity : 16;
    space_mark_t *marks = realloc(self->marks, capacity * sizeof *marks);
    if (!marks)
        return false;
    self->marks = marks;
    self->capacity = capacity;
    return true;
}

static void mark(space_order_t *self, space_tuple_t *tuple)
{
    if (!make_room(self))
        return;
    size_t at = mark_above(self, tuple->number);
    memmove(self->marks + at + 1, self->marks + at, (self->end - at) * sizeof *self->marks);
    self->marks[at] = (space_mark_t) { tuple->number, tuple };
    self->end++;
    tuple->marked = true;
}

//  The mark goes to the next tuple, or is given up.
static void unmark(space_order_t *self, space_tuple_t *tuple)
{
    //  When the oldest is taken again and again, it has the first mark each time.
    bool first = self->marks[self->begin].tuple == tuple;
    size_t at = first ? self->begin : mark_above(self, tuple->number) - 1;
    assert(self->marks[at].tuple == tuple);
    tuple->marked = false;
    space_tuple_t *next = space_tuple_next(tuple);
    if (next && !next->marked) {
        self->marks[at] = (space_mark_t) { next->number, next };
        next->marked = true;
    }
    else if (at == self->begin)
        self->begin++;
    else {
        self->end--;
        memmove(self->marks + at, self->marks + at + 1, (self->end - at) * sizeof *self->marks);
    }
}

//  ---- The list ------------------------------------------------------------

static void link_behind(space_order_t *self, space_tuple_t *tuple, space_tuple_t *after)
{
    space_tuple_t *next = after ? space_tuple_next(after) : self->first;
    tuple->prev = after ? after->self : 0;
    tuple->next = next ? next->self : 0;
    if (after)
        after->next = tuple->self;
    else
        self->first = tuple;
    if (next)
        next->prev = tuple->self;
    else
        self->last = tuple;
    self->count++;
}

//  From the mark before it, or from the beginning; *steps: how far it was.
static space_tuple_t *search(const space_order_t *self, uint64_t number, size_t *steps)
{
    size_t above = mark_above(self, number);
    space_tuple_t *at = above > self->begin ? self->marks[above - 1].tuple : self->first;
    if (!at || at->number > number)
        return NULL;
    space_tuple_t *next;
    for (*steps = 0; (next = space_tuple_next(at)) && next->number <= number; (*steps)++)
        at = next;
    return at;
}

space_tuple_t *space_order_find(const space_order_t *self, uint64_t number)
{
    size_t steps;
    if (self->last && self->last->number <= number)
        return self->last;
    return search(self, number, &steps);
}

void space_order_add(space_order_t *self, space_tuple_t *tuple)
{
    size_t steps = 0;
    if (!self->last || self->last->number < tuple->number) {
        link_behind(self, tuple, self->last);
        if (++self->since >= MARK_EVERY) {
            mark(self, tuple);
            self->since = 0;
        }
        return;
    }
    link_behind(self, tuple, search(self, tuple->number, &steps));
    if (steps > MARK_STEPS)
        mark(self, tuple);
}

void space_order_remove(space_order_t *self, space_tuple_t *tuple)
{
    if (tuple->marked)
        unmark(self, tuple);
    space_tuple_t *prev = space_tuple_prev(tuple), *next = space_tuple_next(tuple);
    if (prev)
        prev->next = tuple->next;
    else
        self->first = next;
    if (next)
        next->prev = tuple->prev;
    else
        self->last = prev;
    self->count--;
}
