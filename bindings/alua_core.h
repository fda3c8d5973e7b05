//  alua_core - the Lua module "alua.core", for programs that have it inside
//
//  The module's functions are described in CORE.md.

#ifndef ALUA_CORE_H
#define ALUA_CORE_H

#include <lua.h>

//  A lua_CFunction for package.preload["alua.core"]. The node that the state has ends with it.
int luaopen_alua_core(lua_State *L);

#endif
