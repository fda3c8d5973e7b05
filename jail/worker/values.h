//  values - Lua values as msgpack and back, inside the jail
//
//  The mapping is that of bindings/codec.h (PROTOCOL.md section 8), but nothing foreign is
//  called: access is raw, there are no hooks. Code text (extension 3) is a table
//  of its own kind (term.h); terms (extension 2) only leave. What
//  comes was scanned before. All functions run inside a protected call.

#ifndef JAIL_VALUES_H
#define JAIL_VALUES_H

#include <lauxlib.h>
#include <lua.h>

#include "jail_frame.h"

typedef struct {
    lua_State *L;
    wire_buf_t *out;
    size_t limit;               //  out may not grow past it
    size_t objects;
    const char *reason;
    size_t path;                //  Where it begins in text, which is filled from its end
    char text[240];
} values_t;

//  Append the values from `first` on as one array. 0; or WIRE_E_UNSENDABLE, _TOO_DEEP, _TOO_BIG,
//  _NO_MEMORY: then out is cut back.
int values_array(values_t *self, lua_State *L, wire_buf_t *out, int first, int count, const char *place);

//  Append one value; on failure out is cut back.
int values_one(values_t *self, lua_State *L, wire_buf_t *out, int index, const char *place);

//  "results[2].socket: function"
const char *values_text(values_t *self);

//  Push what stands at the cursor. Raises text for what Lua cannot hold.
void values_push(lua_State *L, wire_reader_t *in, unsigned depth);

#endif
