//  term - what stands in a template where no value does, made by foreign text
//
//  A text calls `term("range", 1, 9)` and gets a table that leaves as extension 2 (PROTOCOL.md section 13): the words are
//  whoever matches' to judge. A table that merely looks so is a table.

#ifndef JAIL_TERM_H
#define JAIL_TERM_H

#include <lauxlib.h>
#include <lua.h>

#include <stdbool.h>

//  Prepare the metatable, once per state.
void term_open(lua_State *L);

//  term(word, ...) -> table: [1..n] as given, n
int term_new(lua_State *L);

//  Whether the value is one of ours, and how many it was made of.
bool term_is(lua_State *L, int index, lua_Integer *n);

#endif
