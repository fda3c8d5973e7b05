//  lerror - the error objects that Lua programs see
//
//  A table with fields code (a word of wire_error.h), message, definite and, when known, node,
//  where ("FILE:LINE"), value (the original error value, when it was no string) and segments, a list
//  with one text per hop; field traceback is these joined. tostring and .. give one line. On
//  the wire it is a map; among values it travels as an extension (codec.h).

#ifndef LUA_LERROR_H
#define LUA_LERROR_H

#include <lauxlib.h>
#include <lua.h>

#include "alua.h"
#include "codec.h"

//  Make the metatable of error objects; once per Lua state.
void lerror_register(lua_State *L);

//  Whether the metatable at index is theirs; whether the value at index is one.
bool lerror_is_metatable(lua_State *L, int index);
bool lerror_is(lua_State *L, int index);

//  Push a new error object. format NULL: the code's own text. Raises when Lua is out of memory.
void lerror_push(lua_State *L, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
//  The same, as the `nil, err` that a function returns: 2.
int  lerror_return(lua_State *L, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
//  Raise one.
_Noreturn void lerror_raise(lua_State *L, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

//  Push what an outcome with a code says. timeout: the ms it was given, for the text; 0: not known.
void lerror_push_outcome(lua_State *L, const alua_outcome_t *outcome, int64_t timeout);
//  A copy of an outcome, with all it points to, in one block for free(); NULL when memory is out.
alua_outcome_t *lerror_copy_outcome(const alua_outcome_t *outcome);
//  Push the error object of a packed map that was scanned.
void lerror_push_map(lua_State *L, wire_reader_t *map, unsigned depth);
//  Push what tostring says of the value at `index`, or, where its __tostring fails, that it does. Owned by the stack.
const char *lerror_push_text(lua_State *L, int index);
//  Replace the value on top, caught from a call, by an error object (itself, if it is one).
void lerror_from_caught(lua_State *L, int status);

//  Append the error object at index as a map. hop: the id of the process where it arose, unless it
//  knows better, which adds `segment` (NULL: that it was passed on) to the traceback; NULL: neither.
int  lerror_put(lpack_t *pack, int index, unsigned depth, const char *hop, const char *segment);

//  core.error(code, message, fields), core.iserror(value)
extern const luaL_Reg lerror_functions[];

#endif
