//  link_ring - the frames that were numbered and not yet acknowledged, oldest first
//
//  Bytes belong to the ring until they are popped. For link.c only.

#ifndef WIRE_LINK_RING_H
#define WIRE_LINK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t size;
    int64_t stamp;              //  When its messages' ttl_ms were true
    bool shared;                //  Was written once: its bytes may still be read elsewhere
} wire_link_slot_t;

typedef struct {
    wire_link_slot_t *slots;    //  A circle of `capacity`, a power of two
    size_t capacity, head, count;
    size_t bytes;
} wire_link_ring_t;

//  False: no memory, nothing changed.
bool wire_link_ring_push(wire_link_ring_t *self, uint8_t *data, size_t size, int64_t stamp);
//  The i-th oldest, i < count.
wire_link_slot_t *wire_link_ring_at(const wire_link_ring_t *self, size_t i);
//  Take the oldest off and return its bytes to the caller.
uint8_t *wire_link_ring_pop(wire_link_ring_t *self);
void wire_link_ring_free(wire_link_ring_t *self);

#endif
