//  term - values that are no Lua values: parts of templates, and code that travels as text
//
//  A full userdata that keeps the bytes of a msgpack extension. A term of a template (TERM) is an array [word, arguments...],
//  a code (CODE) is Lua text. They travel among other values and come out as what they were.

#ifndef LUA_TERM_H
#define LUA_TERM_H

#include "codec.h"

#define LTERM_TERM  2       //  The extension types
#define LTERM_CODE  3

//  Once per Lua state.
void lterm_register(lua_State *L);

//  The address of their metatable, to compare others with.
const void *lterm_metatable(lua_State *L);

//  Append the one at index.
void lterm_put(lua_State *L, int index, wire_buf_t *out);

//  Push one with these bytes. Raises (malformed) when they are not of this type.
void lterm_push(lua_State *L, int8_t type, wire_str_t bytes);

#endif
