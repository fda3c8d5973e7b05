//  names - from the dotted name of a call to a function
//
//  Exports come first (the exact name, then a path through exported tables), then a path from
//  the globals, if these may be called. Nothing is remembered: a function that is defined
//  anew is the one the next call gets.

#ifndef LUA_NAMES_H
#define LUA_NAMES_H

#include "core.h"

//  The upvalues of the C function that calls lnames_push: two tables.
#define LNAMES_EXPORTS  1
#define LNAMES_GLOBALS  2

//  Push the function and answer 0, or push an error object (no_function, not_exported). full: the caller may run code here; else only
//  what is exported is looked at, and nothing said about what is not.
int lnames_push(lua_State *L, const lcore_t *core, wire_str_t name, bool full);

#endif
