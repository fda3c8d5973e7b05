//  chunks - a bounded cache with a clock, and the compiler behind it

#define _GNU_SOURCE             //  memmem
#include "chunks.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

//  Eight bytes a step. Whoever may send chunks may do anything here, so that nobody needs to be
//  kept from making collisions.
static uint64_t hash_bytes(uint64_t hash, const char *at, size_t size)
{
    uint64_t word;
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    word = size;
    for (; size; size--)
        word = word << 8 | (uint8_t) *at++;
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static bool same(const lchunk_t *item, uint64_t hash, wire_str_t name, wire_str_t code)
{
    return item->hash == hash && item->name_size == name.size && item->code_size == code.size
        && memcmp(item->text, name.data, name.size) == 0
        && memcmp(item->text + name.size, code.data, code.size) == 0;
}

static lchunk_t *find(lchunks_t *self, uint64_t hash, wire_str_t name, wire_str_t code)
{
    for (size_t at = self->buckets[hash % LCHUNKS_SLOTS]; at; at = self->items[at - 1].next)
        if (same(&self->items[at - 1], hash, name, code))
            return &self->items[at - 1];
    return NULL;
}

static void drop(lchunks_t *self, size_t place)
{
    lchunk_t *item = &self->items[place];
    uint16_t *link = &self->buckets[item->hash % LCHUNKS_SLOTS];
    while (*link != place + 1)
        link = &self->items[*link - 1].next;
    *link = item->next;
    self->bytes -= item->name_size + item->code_size;
    self->count--;
    free(item->text);
    item->text = NULL;
}

//  A free place, after the hand has made one; what was used gets another turn.
static size_t make_place(lchunks_t *self, size_t size)
{
    for (;; self->hand = (self->hand + 1) % LCHUNKS_MAX) {
        lchunk_t *item = &self->items[self->hand];
        if (item->text && item->used)
            item->used = false;
        else if (item->text && (self->count == LCHUNKS_MAX || self->bytes + size > LCHUNKS_BYTES))
            drop(self, self->hand);
        if (!item->text && self->bytes + size <= LCHUNKS_BYTES)
            return self->hand;
    }
}

static bool ready(lchunks_t *self)
{
    if (self->items)
        return true;
    self->items = calloc(LCHUNKS_MAX, sizeof *self->items);
    self->buckets = calloc(LCHUNKS_SLOTS, sizeof *self->buckets);
    if (self->items && self->buckets)
        return true;
    lchunks_close(self);
    return false;
}

//  Keep the function on top. Lua's memory comes first: it may raise.
static void keep(lua_State *L, lchunks_t *self, uint64_t hash, wire_str_t name, wire_str_t code)
{
    size_t size = name.size + code.size;
    if (size > LCHUNKS_BYTES / 4 || memmem(code.data, code.size, "_ENV", 4))
        return;
    char *text = malloc(size + 1);
    if (!text)
        return;
    size_t place = make_place(self, size);
    lchunk_t *item = &self->items[place];
    *item = (lchunk_t) { hash, text, name.size, code.size, true, self->buckets[hash % LCHUNKS_SLOTS] };
    memcpy(text, name.data, name.size);
    memcpy(text + name.size, code.data, code.size);
    self->buckets[hash % LCHUNKS_SLOTS] = (uint16_t) (place + 1);
    self->bytes += size;
    self->count++;
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->functions);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer) place + 1);
    lua_pop(L, 1);
}

//  Errors shall point to the sender's FILE:LINE. Lua cuts long names at the end, and those of
//  files at their beginning, which here is the better end to lose.
static int load(lua_State *L, wire_str_t name, wire_str_t code)
{
    bool marked = name.size && (*name.data == '=' || *name.data == '@');
    const char *mark = marked ? "" : name.size < LUA_IDSIZE - 2 ? "=" : "@";
    if (name.size == 0)
        lua_pushliteral(L, "=chunk");
    else {
        lua_pushstring(L, mark);
        lua_pushlstring(L, name.data, name.size);
        lua_concat(L, 2);
    }
    int status = luaL_loadbufferx(L, code.data, code.size, lua_tostring(L, -1), "t");
    lua_remove(L, -2);
    return status;
}

int lchunks_push(lua_State *L, lchunks_t *self, wire_str_t name, wire_str_t code)
{
    if (!ready(self))
        return load(L, name, code);
    uint64_t hash = hash_bytes(hash_bytes(0, name.data, name.size), code.data, code.size);
    lchunk_t *item = find(self, hash, name, code);
    if (item) {
        item->used = true;
        self->hits++;
        lua_rawgeti(L, LUA_REGISTRYINDEX, self->functions);
        lua_rawgeti(L, -1, (lua_Integer) (item - self->items) + 1);
        lua_remove(L, -2);
        return LUA_OK;
    }
    self->misses++;
    int status = load(L, name, code);
    if (status == LUA_OK)
        keep(L, self, hash, name, code);
    return status;
}

void lchunks_close(lchunks_t *self)
{
    for (size_t i = 0; self->items && i < LCHUNKS_MAX; i++)
        free(self->items[i].text);
    free(self->items);
    free(self->buckets);
    self->items = NULL;
    self->buckets = NULL;
}
