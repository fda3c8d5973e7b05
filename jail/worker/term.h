//  term - what stands in a template where no value does, made by foreign text
//
//  A text calls `term("range", 1, 9)` and gets a table that leaves as extension 2 (PROTOCOL.md section 13): the words are
//  whoever matches' to judge. A table that merely looks so is a table.

//
//  Code that a tuple had is a value of its own kind, so that it is code again where it leaves: `tostring(v)` is its text,
//  and code(text) makes one.

#ifndef JAIL_TERM_H
#define JAIL_TERM_H

#include <lauxlib.h>
#include <lua.h>

#include <stdbool.h>

//  Prepare the metatables, once per state.
void term_open(lua_State *L);

//  term(word, ...) -> table: [1..n] as given, n
int term_new(lua_State *L);

//  Whether the value is one of ours, and how many it was made of.
bool term_is(lua_State *L, int index, lua_Integer *n);

//  code(text) -> table: [1] the text
int term_code_new(lua_State *L);

//  index: from the bottom. NULL: it is no code, or a text has taken its text away.
bool term_is_code(lua_State *L, int index);
const char *term_code(lua_State *L, int index, size_t *size);

#endif
