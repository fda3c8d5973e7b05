//  link_ring - a circle of slots that grows

#include "link_ring.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

static bool grow(wire_link_ring_t *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : FIRST_CAPACITY;
    wire_link_slot_t *slots = malloc(capacity * sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < self->count; i++)
        slots[i] = *wire_link_ring_at(self, i);
    free(self->slots);
    self->slots = slots;
    self->capacity = capacity;
    self->head = 0;
    return true;
}

bool wire_link_ring_push(wire_link_ring_t *self, uint8_t *data, size_t size, int64_t stamp)
{
    if (self->count == self->capacity && !grow(self))
        return false;
    self->count++;
    self->bytes += size;
    *wire_link_ring_at(self, self->count - 1) = (wire_link_slot_t) { data, size, stamp, false };
    return true;
}

wire_link_slot_t *wire_link_ring_at(const wire_link_ring_t *self, size_t i)
{
    return &self->slots[(self->head + i) & (self->capacity - 1)];
}

uint8_t *wire_link_ring_pop(wire_link_ring_t *self)
{
    assert(self->count);
    wire_link_slot_t *slot = &self->slots[self->head];
    self->head = (self->head + 1) & (self->capacity - 1);
    self->count--;
    self->bytes -= slot->size;
    return slot->data;
}

void wire_link_ring_free(wire_link_ring_t *self)
{
    free(self->slots);
    *self = (wire_link_ring_t) { NULL, 0, 0, 0, 0 };
}
