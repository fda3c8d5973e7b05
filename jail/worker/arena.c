//  arena - pages, and a mark in them

#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  //  Since Linux 5.14; an older one refuses it, and the page faults come one by one
#endif

#define ALIGN   alignof(max_align_t)

static size_t round_up(const arena_t *self, size_t size)
{
    return size < self->size ? (size + ALIGN - 1) / ALIGN * ALIGN : self->size;
}

void arena_open(arena_t *self, size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *self = (arena_t) { base == MAP_FAILED ? NULL : base, base == MAP_FAILED ? 0 : size, 0, 0 };
}

void arena_close(arena_t *self)
{
    if (self->base)
        munmap(self->base, self->size);
    *self = (arena_t) { NULL, 0, 0, 0 };
}

void *arena_take(arena_t *self, size_t size)
{
    if (size > self->size - self->used)
        return NULL;
    void *block = self->base + self->used;
    self->used = round_up(self, self->used + size);
    return block;
}

bool arena_owns(const arena_t *self, const void *block)
{
    return (uintptr_t) block - (uintptr_t) self->base < self->size;
}

//  madvise over the pages in use.
static int advise(const arena_t *self, int advice)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE), from = self->from / page * page;
    return self->used > from ? madvise(self->base + from, self->used - from, advice) : 0;
}

void arena_warm(const arena_t *self)
{
    (void) advise(self, MADV_POPULATE_WRITE);
}

void arena_forget(arena_t *self, size_t gap)
{
    if (advise(self, MADV_DONTNEED))
        memset(self->base + self->from, 0, self->used - self->from);
    self->from = self->used = round_up(self, gap);
}
