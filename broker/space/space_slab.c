//  space_slab - memory for things that refer to each other in 32 bits

#include "space_slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_UNITS  (1u << SPACE_SLAB_BITS)
#define MAX_PAGES   (1u << (32 - SPACE_SLAB_BITS))
#define SPARES      16          //  1 MiB
#define NONE        UINT16_MAX

//  A sanitizer is told what nobody has, as it cannot see inside of pages.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define HIDE(at, size)  __asan_poison_memory_region(at, size)
#define SHOW(at, size)  __asan_unpoison_memory_region(at, size)
#else
#define HIDE(at, size)  ((void) (at), (void) (size))
#define SHOW(at, size)  ((void) (at), (void) (size))
#endif

//  ---- Pages ---------------------------------------------------------------

static bool make_room(space_slab_t *self)
{
    uint32_t capacity = self->capacity ? 2 * self->capacity : 16;
    if (self->count < self->capacity)
        return true;
    space_page_t *pages = capacity <= MAX_PAGES ? realloc(self->pages, capacity * sizeof *pages) : NULL;
    if (!pages)
        return false;
    self->pages = pages;
    self->capacity = capacity;
    return true;
}

//  A page's number with so much memory. 0: no memory.
static uint32_t open_page(space_slab_t *self, size_t size)
{
    if (!self->numbers && !make_room(self))
        return 0;
    char *base = malloc(size);
    if (!base)
        return 0;
    self->count += self->count == 0;            //  0 is none
    uint32_t page = self->numbers ? self->numbers : self->count++;
    if (page == self->numbers)
        self->numbers = self->pages[page].next;
    self->pages[page] = (space_page_t) { .base = base };
    return page;
}

static void close_page(space_slab_t *self, uint32_t page)
{
    free(self->pages[page].base);
    self->pages[page] = (space_page_t) { .next = self->numbers };
    self->numbers = page;
}

static void link_page(space_slab_t *self, uint32_t page)
{
    space_page_t *at = &self->pages[page];
    uint32_t *first = &self->room[at->units];
    at->prev = 0;
    at->next = *first;
    if (at->next)
        self->pages[at->next].prev = page;
    *first = page;
}

static void unlink_page(space_slab_t *self, uint32_t page)
{
    const space_page_t *at = &self->pages[page];
    if (at->prev)
        self->pages[at->prev].next = at->next;
    else
        self->room[at->units] = at->next;
    if (at->next)
        self->pages[at->next].prev = at->prev;
}

//  An empty page for things of so many units, with room. 0: no memory.
static uint32_t begin_page(space_slab_t *self, size_t units)
{
    uint32_t page = self->spares;
    if (page) {
        self->spares = self->pages[page].next;
        self->spare_count--;
    }
    else if (!(page = open_page(self, PAGE_UNITS * SPACE_SLAB_UNIT)))
        return 0;
    self->pages[page] = (space_page_t) { .base = self->pages[page].base, .units = (uint16_t) units, .freed = NONE };
    HIDE(self->pages[page].base, PAGE_UNITS * SPACE_SLAB_UNIT);
    link_page(self, page);
    return page;
}

//  Nothing is in it.
static void end_page(space_slab_t *self, uint32_t page)
{
    unlink_page(self, page);
    if (self->spare_count == SPARES) {
        close_page(self, page);
        return;
    }
    self->pages[page].next = self->spares;
    self->spares = page;
    self->spare_count++;
}

void space_slab_done(space_slab_t *self)
{
    while (self->spares) {
        uint32_t page = self->spares;
        self->spares = self->pages[page].next;
        close_page(self, page);
    }
    for (uint32_t page = 1; page < self->count; page++)
        assert(!self->pages[page].base);
    free(self->pages);
    *self = (space_slab_t) { .count = 0 };
}

//  ---- Things --------------------------------------------------------------

static bool is_full(const space_page_t *page)
{
    return page->freed == NONE && page->fresh + page->units > PAGE_UNITS;
}

static void *new_large(space_slab_t *self, size_t size, space_ref_t *ref)
{
    uint32_t page = open_page(self, size);
    *ref = page << SPACE_SLAB_BITS;
    return page ? self->pages[page].base : NULL;
}

//  The row of those that went is inside of them.
static void *take_freed(space_page_t *page, size_t unit)
{
    char *thing = page->base + unit * SPACE_SLAB_UNIT;
    SHOW(thing, page->units * SPACE_SLAB_UNIT);
    memcpy(&page->freed, thing, sizeof page->freed);
    return thing;
}

static void *take_fresh(space_page_t *page, size_t unit)
{
    char *thing = page->base + unit * SPACE_SLAB_UNIT;
    SHOW(thing, page->units * SPACE_SLAB_UNIT);
    page->fresh = (uint16_t) (page->fresh + page->units);
    return thing;
}

void *space_slab_new(space_slab_t *self, size_t size, space_ref_t *ref)
{
    if (size > SPACE_SLAB_LARGE)
        return new_large(self, size, ref);
    size_t units = (size + SPACE_SLAB_UNIT - 1) / SPACE_SLAB_UNIT;
    uint32_t number = self->room[units] ? self->room[units] : begin_page(self, units);
    if (!number)
        return NULL;
    space_page_t *page = &self->pages[number];
    size_t unit = page->freed != NONE ? page->freed : page->fresh;
    void *thing = page->freed != NONE ? take_freed(page, unit) : take_fresh(page, unit);
    page->live++;
    if (is_full(page))
        unlink_page(self, number);
    *ref = number << SPACE_SLAB_BITS | (space_ref_t) unit;
    return thing;
}

void space_slab_free(space_slab_t *self, space_ref_t ref)
{
    uint32_t number = ref >> SPACE_SLAB_BITS;
    space_page_t *page = &self->pages[number];
    if (page->units == 0) {
        close_page(self, number);
        return;
    }
    bool was_full = is_full(page);
    char *thing = space_slab_at(self, ref);
    memcpy(thing, &page->freed, sizeof page->freed);
    HIDE(thing, page->units * SPACE_SLAB_UNIT);
    page->freed = (uint16_t) (ref & (PAGE_UNITS - 1));
    if (was_full)
        link_page(self, number);
    if (--page->live == 0)
        end_page(self, number);
}
