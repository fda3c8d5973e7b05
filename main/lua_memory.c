//  lua_memory - see lua_memory.h

#include "lua_memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Bytes. Sizes are rounded up to steps, as malloc aligns; blocks of more than MOST are malloc's, and all of them where
//  the sanitizer has to see each.
#define STEP    16u
#define CHUNK   (32u << 10)
#ifdef __SANITIZE_ADDRESS__
#define MOST    0u
#else
#define MOST    256u
#endif

typedef struct spare {
    struct spare *next;
} spare_t;

typedef struct {
    spare_t *spare[MOST / STEP + 1];    //  Free blocks, by steps
    char *fresh;                        //  What is left of the last chunk
    size_t left;
    spare_t *chunks;
    bool warns, continues;              //  The state's warnings: wanted; the last one has another piece
} lua_memory_t;

static size_t steps(size_t size)
{
    return (size + STEP - 1) / STEP;
}

static bool new_chunk(lua_memory_t *self)
{
    spare_t *chunk = malloc(CHUNK);
    if (!chunk)
        return false;
    chunk->next = self->chunks;
    self->chunks = chunk;
    self->fresh = (char *) chunk + STEP;
    self->left = CHUNK - STEP;
    return true;
}

//  The rest of a chunk that is too short for a block is given up.
static void *carve(lua_memory_t *self, size_t size)
{
    if (self->left < size && !new_chunk(self))
        return NULL;
    void *block = self->fresh;
    self->fresh += size;
    self->left -= size;
    return block;
}

static inline void *take(lua_memory_t *self, size_t size)
{
    if (size > MOST)
        return malloc(size);
    spare_t *block = self->spare[steps(size)];
    if (!block)
        return carve(self, steps(size) * STEP);
    self->spare[steps(size)] = block->next;
    return block;
}

static inline void give(lua_memory_t *self, void *block, size_t size)
{
    if (size > MOST) {
        free(block);
        return;
    }
    ((spare_t *) block)->next = self->spare[steps(size)];
    self->spare[steps(size)] = block;
}

static void *resize(lua_memory_t *self, void *block, size_t old, size_t size)
{
    if (old > MOST && size > MOST)
        return realloc(block, size);
    if (old <= MOST && steps(old) == steps(size))
        return block;
    void *at = take(self, size);
    if (!at)
        return NULL;
    memcpy(at, block, old < size ? old : size);
    give(self, block, old);
    return at;
}

//  A lua_Alloc. Of no block, `old` says what it will be.
static void *allocate(void *arg, void *block, size_t old, size_t size)
{
    lua_memory_t *self = arg;
    if (block && size)
        return resize(self, block, old, size);
    if (size)
        return take(self, size);
    if (block)
        give(self, block, old);
    return NULL;
}

static int panic(lua_State *L)
{
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "alua: an error outside of all protection: %s\n", text ? text : "(no text)");
    return 0;                           //  Lua aborts
}

//  A lua_WarnFunction, for `warn` of programs: off until warn "@on", as in luaL_newstate's.
static void on_warn(void *arg, const char *text, int more)
{
    lua_memory_t *self = arg;
    bool begins = !self->continues;
    self->continues = more;
    if (begins && !more && *text == '@') {
        bool on = strcmp(text, "@on") == 0;
        if (on || strcmp(text, "@off") == 0)
            self->warns = on;
        return;
    }
    if (self->warns)
        fprintf(stderr, "%s%s%s", begins ? "Lua warning: " : "", text, more ? "" : "\n");
}

lua_State *lua_memory_open(void)
{
    lua_memory_t *self = calloc(1, sizeof *self);
    lua_State *L = self ? lua_newstate(allocate, self) : NULL;
    if (!L) {
        free(self);
        return NULL;
    }
    lua_atpanic(L, panic);
    lua_setwarnf(L, on_warn, self);
    return L;
}

void lua_memory_close(lua_State *L)
{
    void *arg;
    lua_getallocf(L, &arg);
    lua_close(L);
    lua_memory_t *self = arg;
    while (self->chunks) {
        spare_t *chunk = self->chunks;
        self->chunks = chunk->next;
        free(chunk);
    }
    free(self);
}
