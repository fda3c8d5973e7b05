//  broker_list - a run of pointers that keeps its order

#include "broker_list.h"

#include <stdlib.h>
#include <string.h>

bool broker_list_reserve(broker_list_t *self)
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

bool broker_list_add(broker_list_t *self, void *item)
{
    if (!broker_list_reserve(self))
        return false;
    self->items[self->count++] = item;
    return true;
}

static size_t find(const broker_list_t *self, const void *item)
{
    size_t i = 0;
    while (i < self->count && self->items[i] != item)
        i++;
    return i;
}

bool broker_list_has(const broker_list_t *self, const void *item)
{
    return find(self, item) < self->count;
}

bool broker_list_remove(broker_list_t *self, const void *item)
{
    size_t at = find(self, item);
    if (at == self->count)
        return false;
    self->count--;
    memmove(self->items + at, self->items + at + 1, (self->count - at) * sizeof *self->items);
    return true;
}

void *broker_list_last(const broker_list_t *self)
{
    return self->count ? self->items[self->count - 1] : NULL;
}

void broker_list_free(broker_list_t *self)
{
    free(self->items);
    *self = (broker_list_t) { NULL, 0, 0 };
}
