//  where - the line of the user's program that we work for
//
//  Frames of C functions and of our own Lua modules are passed over.

#ifndef LUA_WHERE_H
#define LUA_WHERE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#define WHERE_SIZE 96

//  "FILE:LINE" of the innermost such frame of L, running or suspended; false, and "?", when
//  there is none. Allocates nothing.
bool where_user(lua_State *L, char text[WHERE_SIZE]);

//  Raise "FILE:LINE: message" for misuse, with the user's line.
_Noreturn void where_raise(lua_State *L, const char *message);

#endif
