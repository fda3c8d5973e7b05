//  space_slab - memory for things that refer to each other in 32 bits
//
//  Pages of 64 KiB, each for things of one size. A thing's reference is its page's number, and where it begins there in
//  units of 16 bytes: half of a pointer, and no allocator's head before each thing. What is larger than
//  SPACE_SLAB_LARGE has a page of its own. Things never move. At most 64 GiB, or a million large things.

#ifndef SPACE_SLAB_H
#define SPACE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SPACE_SLAB_UNIT     16          //  Bytes; things begin at multiples of it
#define SPACE_SLAB_BITS     12          //  Of a reference: the unit; the rest is the page
#define SPACE_SLAB_LARGE    4096        //  Bytes

typedef uint32_t space_ref_t;           //  0: none

typedef struct {
    char *base;                 //  NULL: the number is free
    uint32_t prev, next;        //  Pages of the same size with room; next: a spare page's or a free number's, too
    uint16_t units;             //  Of a thing; 0: there is one, which is large
    uint16_t live;              //  Things in it
    uint16_t fresh;             //  From this unit on there never was one
    uint16_t freed;             //  The last thing that went, a row of them; UINT16_MAX: none
} space_page_t;

typedef struct {
    space_page_t *pages;        //  By number; there is no page 0
    uint32_t count, capacity;
    uint32_t numbers;           //  The first free number, 0: none
    uint32_t spares, spare_count;   //  Pages without things that are kept, since they are soon wanted again
    uint32_t room[SPACE_SLAB_LARGE / SPACE_SLAB_UNIT + 1];  //  The first page with room for a thing of so many units
} space_slab_t;

//  All things are gone.
void space_slab_done(space_slab_t *self);

//  A thing of that size, 1 byte or more, not cleared. NULL: no memory.
void *space_slab_new(space_slab_t *self, size_t size, space_ref_t *ref);

//  The reference is that of its beginning.
void space_slab_free(space_slab_t *self, space_ref_t ref);

//  Where it is; also of a unit inside of a thing.
static inline void *space_slab_at(const space_slab_t *self, space_ref_t ref)
{
    const size_t unit = ref & ((1u << SPACE_SLAB_BITS) - 1);
    return ref ? self->pages[ref >> SPACE_SLAB_BITS].base + unit * SPACE_SLAB_UNIT : NULL;
}

#endif
