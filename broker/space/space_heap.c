//  space_heap - deadlines: a list of those that came in order, a heap of the rest

#include "space_heap.h"

#include <assert.h>
#include <stdlib.h>

//  Of the list's last deadlines so many may be later than a new one that joins it: those of a few long ones.
#define NEAR 8

static void put(space_heap_t *self, size_t place, space_due_t *due)
{
    self->items[place] = due;
    due->place = place;
}

static bool before(const space_due_t *a, const space_due_t *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void rise(space_heap_t *self, size_t place, space_due_t *due)
{
    while (place > 1 && before(due, self->items[place / 2])) {
        put(self, place, self->items[place / 2]);
        place /= 2;
    }
    put(self, place, due);
}

static void sink(space_heap_t *self, size_t place, space_due_t *due)
{
    for (;;) {
        size_t child = place * 2;
        if (child > self->count)
            break;
        if (child < self->count && before(self->items[child + 1], self->items[child]))
            child++;
        if (before(due, self->items[child]))
            break;
        put(self, place, self->items[child]);
        place = child;
    }
    put(self, place, due);
}

void space_heap_free(space_heap_t *self)
{
    free(self->items);
    *self = (space_heap_t) { 0 };
}

bool space_heap_reserve(space_heap_t *self)
{
    if (self->reserved == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 64;
        space_due_t **items = realloc(self->items, (capacity + 1) * sizeof *items);
        if (!items)
            return false;
        self->items = items;
        self->capacity = capacity;
    }
    self->reserved++;
    return true;
}

//  Whether the list has a place for `at` near its end; *last: whom it follows, NULL: none.
static bool find_place(const space_heap_t *self, int64_t at, space_due_t **last)
{
    space_due_t *due = self->tail;
    for (int i = 0; i < NEAR && due && due->at > at; i++)
        due = due->before;
    *last = due;
    return !due || due->at <= at;
}

static void insert(space_heap_t *self, space_due_t *due, space_due_t *last)
{
    due->place = SPACE_DUE_LISTED;
    due->before = last;
    due->after = last ? last->after : self->head;
    if (last)
        last->after = due;
    else
        self->head = due;
    if (due->after)
        due->after->before = due;
    else
        self->tail = due;
}

static void unlist(space_heap_t *self, space_due_t *due)
{
    if (due->before)
        due->before->after = due->after;
    else
        self->head = due->after;
    if (due->after)
        due->after->before = due->before;
    else
        self->tail = due->before;
}

void space_heap_add(space_heap_t *self, space_due_t *due, int64_t at)
{
    space_due_t *last;
    due->at = at;
    due->order = ++self->added;
    if (find_place(self, at, &last)) {
        insert(self, due, last);
        return;
    }
    assert(self->count < self->capacity);
    rise(self, ++self->count, due);
}

static void take_out(space_heap_t *self, size_t place)
{
    space_due_t *last = self->items[self->count--];
    if (place > self->count)
        return;                         //  It was the last itself
    if (place > 1 && before(last, self->items[place / 2]))
        rise(self, place, last);
    else
        sink(self, place, last);
}

void space_heap_remove(space_heap_t *self, space_due_t *due)
{
    size_t place = due->place;
    due->place = 0;
    if (place == SPACE_DUE_LISTED)
        unlist(self, due);
    else if (place)
        take_out(self, place);
}
