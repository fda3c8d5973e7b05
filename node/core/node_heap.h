//  node_heap - deadlines in one binary heap, intrusive
//
//  A node_due_t lives inside whatever falls due (a pending request, a timer) and knows its place,
//  so leaving early costs O(log n) and a later deadline, the usual case, costs one comparison.
//  What falls due at the same ms leaves in the order in which it was added.

#ifndef NODE_HEAP_H
#define NODE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t at;                 //  ms
    uint64_t order;             //  Of adding
    size_t place;               //  1.. in the heap, 0: not in it
    int kind;                   //  Whose it is: NODE_DUE_PENDING or NODE_DUE_TIMER
} node_due_t;

enum { NODE_DUE_PENDING, NODE_DUE_TIMER };

typedef struct {
    node_due_t **items;         //  From 1
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
    return self->count ? self->items[1] : NULL;
}

#endif
