//  broker_list - a run of pointers that keeps its order
//
//  Owns its memory, never what it points to. Finding is a walk: lists are bounded by the
//  quotas of broker_core.h, or are walked anyway.

#ifndef BROKER_LIST_H
#define BROKER_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    void **items;
    size_t count, capacity;
} broker_list_t;

//  Room for one more, so that a following add cannot fail. False: no memory.
bool broker_list_reserve(broker_list_t *self);

//  Put behind the others. False: no memory.
bool broker_list_add(broker_list_t *self, void *item);

bool broker_list_has(const broker_list_t *self, const void *item);

//  Take out, the others keep their order. False when it was not there.
bool broker_list_remove(broker_list_t *self, const void *item);

void *broker_list_last(const broker_list_t *self);      //  NULL when empty
void broker_list_free(broker_list_t *self);

#endif
