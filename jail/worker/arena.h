//  arena - the pages in which a Lua state is made, to be handed to a forked process or forgotten as one
//
//  Blocks lie side by side and are never given back alone; whoever frees one forgets it.

#ifndef JAIL_ARENA_H
#define JAIL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *base;                 //  Page-aligned; NULL: there is none
    size_t size, from, used;    //  Bytes: of all, before the first block, before the first that is free
} arena_t;

//  Map `size` bytes, whole pages. Where the system refuses, base is NULL and every block is refused.
void arena_open(arena_t *self, size_t size);
void arena_close(arena_t *self);

//  A block aligned for anything, or NULL when it does not fit.
void *arena_take(arena_t *self, size_t size);

//  Whether the block is one of the arena's.
bool arena_owns(const arena_t *self, const void *block);

//  Make the pages that are in use this process's own, all in one system call and not in a page fault each.
void arena_warm(const arena_t *self);

//  Forget all blocks; the next ones begin behind `gap` bytes. What stood in them is gone, for this process and those that
//  it forks from now on.
void arena_forget(arena_t *self, size_t gap);

#endif
