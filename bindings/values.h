//  values - packing for Lua programs, and the constants of the wire

#ifndef LUA_VALUES_H
#define LUA_VALUES_H

#include <lua.h>

//  Set fields types and errors of the table on top of the stack.
void lvalue_constants(lua_State *L);

#endif
