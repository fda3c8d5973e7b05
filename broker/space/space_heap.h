//  space_heap - deadlines: a list of those that came in order, a heap of the rest
//
//  A space_due_t lives inside whatever falls due (a tuple, a waiter, a lease) and knows its place. Most deadlines are set by
//  the same timeout, so each is later than the one before, but for a few long ones: these form a list, which they join
//  at or near its end and leave in O(1). Whatever is earlier goes to a binary heap. What falls due at the same ms leaves
//  in the order in which it was added. Places are reserved beforehand, so that adding cannot fail.

#ifndef SPACE_HEAP_H
#define SPACE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { SPACE_DUE_TUPLE, SPACE_DUE_WAITER, SPACE_DUE_LEASE, SPACE_DUE_RUN } space_due_kind_t;

typedef struct space_due space_due_t;
struct space_due {
    int64_t at;                 //  ms
    uint64_t order;             //  Of adding
    size_t place;               //  1.. in the heap, SPACE_DUE_LISTED, or 0: in neither
    space_due_t *before, *after;    //  In the list
    space_due_kind_t kind;
};

#define SPACE_DUE_LISTED SIZE_MAX

typedef struct {
    space_due_t *head, *tail;   //  The list
    space_due_t **items;        //  The heap, from 1
    size_t count, capacity;
    size_t reserved;            //  Who may be in it at the same time; never more than capacity
    uint64_t added;
} space_heap_t;

void space_heap_free(space_heap_t *self);

//  A place for one more, until it is given back. False: no memory.
bool space_heap_reserve(space_heap_t *self);
static inline void space_heap_unreserve(space_heap_t *self)
{
    self->reserved--;
}

//  `due` is in neither and has a place reserved.
void space_heap_add(space_heap_t *self, space_due_t *due, int64_t at);

//  Does nothing when it is not in the heap.
void space_heap_remove(space_heap_t *self, space_due_t *due);

//  The earliest, or NULL.
static inline space_due_t *space_heap_first(const space_heap_t *self)
{
    space_due_t *top = self->count ? self->items[1] : NULL;
    space_due_t *head = self->head;
    if (!top || !head)
        return top ? top : head;
    return head->at < top->at || (head->at == top->at && head->order < top->order) ? head : top;
}

#endif
