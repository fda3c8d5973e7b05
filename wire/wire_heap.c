//  wire_heap - deadlines: a list of those that came in order, a heap of the rest

#include "wire_heap.h"

#include <assert.h>
#include <stdlib.h>

#include "wire_error.h"

//  Of the list's last deadlines so many may be later than a new one that joins it: those of a few long ones.
#define NEAR 8

static void put(wire_heap_t *self, size_t place, wire_due_t *due)
{
    self->items[place] = due;
    due->place = place;
}

static bool before(const wire_due_t *a, const wire_due_t *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void rise(wire_heap_t *self, size_t place, wire_due_t *due)
{
    while (place > 1 && before(due, self->items[place / 2])) {
        put(self, place, self->items[place / 2]);
        place /= 2;
    }
    put(self, place, due);
}

static void sink(wire_heap_t *self, size_t place, wire_due_t *due)
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

void wire_heap_free(wire_heap_t *self)
{
    free(self->items);
    *self = (wire_heap_t) { 0 };
}

static bool grow(wire_heap_t *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : 64;
    wire_due_t **items = realloc(self->items, (capacity + 1) * sizeof *items);
    if (!items)
        return false;
    self->items = items;
    self->capacity = capacity;
    return true;
}

bool wire_heap_reserve(wire_heap_t *self)
{
    if (self->reserved == self->capacity && !grow(self))
        return false;
    self->reserved++;
    return true;
}

//  Whether the list has a place for `at` near its end; *last: whom it follows, NULL: none.
static bool find_place(const wire_heap_t *self, int64_t at, wire_due_t **last)
{
    wire_due_t *due = self->tail;
    for (int i = 0; i < NEAR && due && due->at > at; i++)
        due = due->before;
    *last = due;
    return !due || due->at <= at;
}

static void insert(wire_heap_t *self, wire_due_t *due, wire_due_t *last)
{
    due->place = WIRE_DUE_LISTED;
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

static void unlist(wire_heap_t *self, wire_due_t *due)
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

int wire_heap_try(wire_heap_t *self, wire_due_t *due, int64_t at)
{
    wire_due_t *last;
    bool in_order = find_place(self, at, &last);
    if (!in_order && self->count == self->capacity && !grow(self))
        return WIRE_E_NO_MEMORY;
    due->at = at;
    due->order = ++self->added;
    if (in_order)
        insert(self, due, last);
    else
        rise(self, ++self->count, due);
    return 0;
}

void wire_heap_add(wire_heap_t *self, wire_due_t *due, int64_t at)
{
    int rc = wire_heap_try(self, due, at);
    assert(rc == 0);                    //  Its place is reserved
    (void) rc;
}

static void take_out(wire_heap_t *self, size_t place)
{
    wire_due_t *last = self->items[self->count--];
    if (place > self->count)
        return;                         //  It was the last itself
    if (place > 1 && before(last, self->items[place / 2]))
        rise(self, place, last);
    else
        sink(self, place, last);
}

void wire_heap_remove(wire_heap_t *self, wire_due_t *due)
{
    size_t place = due->place;
    due->place = 0;
    if (place == WIRE_DUE_LISTED)
        unlist(self, due);
    else if (place)
        take_out(self, place);
}
