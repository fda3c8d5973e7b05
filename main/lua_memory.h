//  lua_memory - a Lua state whose small blocks come from a pool
//
//  Tuples, messages and arguments are small tables that live for the length of an event: their blocks are most of what a
//  program allocates. Lua tells a block's size when it frees it, so a list of free blocks per size serves them with a few
//  instructions and no header. What the pool has it keeps until the state ends, for blocks of the same size.

#ifndef LUA_MEMORY_H
#define LUA_MEMORY_H

#include <lua.h>

//  As luaL_newstate; NULL: no memory.
lua_State *lua_memory_open(void);

//  As lua_close.
void lua_memory_close(lua_State *L);

#endif
