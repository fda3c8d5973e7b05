//  environment - what foreign text finds: an allow-list, made anew for each run
//
//  Every run has globals of its own that fill themselves on first use; a library in them is a
//  copy, so what a run does to `string` ends with it. The tables behind are out of reach.

#ifndef JAIL_ENVIRONMENT_H
#define JAIL_ENVIRONMENT_H

#include <lauxlib.h>
#include <lua.h>

//  Prepare the state, once. Raises when memory is out.
void environment_open(lua_State *L);

//  Seed math.random from the worker's configuration, as environment_open does.
void environment_reseed(lua_State *L);

//  Push a fresh table of globals, which is also what `load` gives to its texts from now on.
void environment_push(lua_State *L);

//  Put the function that calls out as `name` into the table on top: "space.take" goes into a table
//  of its own.
void environment_add_call(lua_State *L, const char *name, size_t size);

//  Push the value at index as text: as tostring does, but without addresses.
void environment_text(lua_State *L, int index);

#endif
