//  node_heap - deadlines: a list of those that came in order, a heap of the rest
//
//  A node_due_t lives inside whatever falls due (a pending request, a timer) and knows its place. Most deadlines are
//  set by the same timeout, so each is later than the one before, but for a few long timers: these form a list, which
//  they join at or near its end and leave in O(1). Whatever is earlier goes to a binary heap. What falls due at the same
//  ms leaves in the order in which it was added.

#ifndef NODE_HEAP_H
#define NODE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct node_due node_due_t;
struct node_due {
    int64_t at;                 //  ms
    uint64_t order;             //  Of adding
    size_t place;               //  1.. in the heap, NODE_DUE_LISTED, or 0: in neither
    node_due_t *before, *after; //  In the list
    int kind;                   //  Whose it is: NODE_DUE_PENDING or NODE_DUE_TIMER
};

#define NODE_DUE_LISTED SIZE_MAX

enum { NODE_DUE_PENDING, NODE_DUE_TIMER };

typedef struct {
    node_due_t *head, *tail;    //  The list
    node_due_t **items;         //  The heap, from 1
    size_t count, capacity;
    uint64_t added;
} node_heap_t;

void node_heap_free(node_heap_t *self);

//  0 or WIRE_E_NO_MEMORY.
int node_heap_add(node_heap_t *self, node_due_t *due, int64_t at);

//  Does nothing when it is not in the heap.
void node_heap_remove(node_heap_t *self, node_due_t *due);

//  The earliest, or NULL.
static inline node_due_t *node_heap_first(const node_heap_t *self)
{
    node_due_t *top = self->count ? self->items[1] : NULL;
    node_due_t *head = self->head;
    if (!top || !head)
        return top ? top : head;
    return head->at < top->at || (head->at == top->at && head->order < top->order) ? head : top;
}

#endif
