//  topic_run - a growing run of pointers
//
//  Owns its memory, never what it points to. It keeps its memory when it is cleared, for the next use.

#ifndef TOPIC_RUN_H
#define TOPIC_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct {
    void **items;
    size_t count, capacity;
} topic_run_t;

//  Room for one more, so that a following add cannot fail. False: no memory.
static inline bool topic_run_reserve(topic_run_t *self)
{
    if (self->count < self->capacity)
        return true;
    size_t capacity = self->capacity ? 2 * self->capacity : 4;
    void **items = realloc(self->items, capacity * sizeof *items);
    if (!items)
        return false;
    self->items = items;
    self->capacity = capacity;
    return true;
}

static inline bool topic_run_add(topic_run_t *self, void *item)
{
    if (!topic_run_reserve(self))
        return false;
    self->items[self->count++] = item;
    return true;
}

static inline void topic_run_free(topic_run_t *self)
{
    free(self->items);
    *self = (topic_run_t) { NULL, 0, 0 };
}

#endif
