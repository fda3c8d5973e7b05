//  chunks - compiled chunks, kept by their text
//
//  A chunk that is sent often is compiled once. Key is the whole text and its name; what is
//  kept is bounded in number and bytes, and what was not used since the hand last came by goes
//  first (clock). A text that names _ENV is not kept: running it could change its upvalue.

#ifndef LUA_CHUNKS_H
#define LUA_CHUNKS_H

#include <lua.h>

#include "wire_read.h"

#define LCHUNKS_MAX     256
#define LCHUNKS_BYTES   (1024 * 1024)
#define LCHUNKS_SLOTS   512         //  A power of two, twice MAX

typedef struct {
    uint64_t hash;
    char *text;                 //  Name and code back to back; NULL: free
    size_t name_size, code_size;
    bool used;                  //  Since the hand came by
    uint16_t next;              //  In the same bucket, +1; 0: the last
} lchunk_t;

typedef struct {
    lchunk_t *items;            //  LCHUNKS_MAX of them, made with the first chunk
    uint16_t *buckets;          //  LCHUNKS_SLOTS heads, +1
    size_t count, bytes;
    size_t hand;
    int functions;              //  Registry index: item's place -> function
    uint64_t hits, misses;
} lchunks_t;

//  Push the chunk's function: 0. Or push a message and answer a status of lua_load.
int  lchunks_push(lua_State *L, lchunks_t *self, wire_str_t name, wire_str_t code);
void lchunks_close(lchunks_t *self);

#endif
