//  failure - error objects inside the jail, and what leaves it when something failed
//
//  An error object is a table with the fields of PROTOCOL.md's error map and a metatable that makes
//  it read well. One comes in as an argument or when a call out failed; one that nobody catches
//  leaves with its own code.

#ifndef JAIL_FAILURE_H
#define JAIL_FAILURE_H

#include <lauxlib.h>
#include <lua.h>

#include "worker.h"

//  Prepare the metatable, once per state.
void failure_open(lua_State *L);

//  Whether the value is one of ours, and not a look-alike.
bool failure_is(lua_State *L, int index);

//  Push the error object of a scanned map.
void failure_push(lua_State *L, wire_reader_t *map, unsigned depth);

//  A message handler: notes in the worker where the error arose and the way to it.
int failure_note(lua_State *L);

//  Write the FAIL frame for a code and a text.
void failure_say(worker_t *self, int code, const char *text, size_t size);

//  Write the FAIL frame for the error value on top, as lua_pcall left it with `status`. May run
//  the value's __tostring, protected.
void failure_tell(lua_State *L, int status);

#endif
