//  wire_heap - deadlines: a list of those that came in order, a heap of the rest
//
//  A wire_due_t lives inside whatever falls due (a pending request, a timer, a tuple, a lease) and knows its place. Most
//  deadlines are set by the same timeout, so each is later than the one before, but for a few long ones: these form a list,
//  which they join at or near its end and leave in O(1). Whatever is earlier goes to a binary heap. What falls due at the
//  same ms leaves in the order in which it was added. Pure; for the cores of node and broker.

#ifndef WIRE_HEAP_H
#define WIRE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wire_due wire_due_t;
struct wire_due {
    int64_t at;                 //  ms
    uint64_t order;             //  Of adding
    size_t place;               //  1.. in the heap, WIRE_DUE_LISTED, or 0: in neither
    wire_due_t *before, *after;    //  In the list
    int kind;                   //  Whose it is: the user's own numbers
};

#define WIRE_DUE_LISTED SIZE_MAX

typedef struct {
    wire_due_t *head, *tail;   //  The list
    wire_due_t **items;        //  The heap, from 1
    size_t count, capacity;
    size_t reserved;            //  Who may be in it at the same time; never more than capacity
    uint64_t added;
} wire_heap_t;

void wire_heap_free(wire_heap_t *self);

//  A place for one more, until it is given back. False: no memory.
bool wire_heap_reserve(wire_heap_t *self);
static inline void wire_heap_unreserve(wire_heap_t *self)
{
    self->reserved--;
}

//  `due` is in neither and has a place reserved.
void wire_heap_add(wire_heap_t *self, wire_due_t *due, int64_t at);
//  The same without one: 0 or WIRE_E_NO_MEMORY.
int wire_heap_try(wire_heap_t *self, wire_due_t *due, int64_t at);

//  Does nothing when it is not in the heap.
void wire_heap_remove(wire_heap_t *self, wire_due_t *due);

//  The earliest, or NULL.
static inline wire_due_t *wire_heap_first(const wire_heap_t *self)
{
    wire_due_t *top = self->count ? self->items[1] : NULL;
    wire_due_t *head = self->head;
    if (!top || !head)
        return top ? top : head;
    return head->at < top->at || (head->at == top->at && head->order < top->order) ? head : top;
}

#endif
