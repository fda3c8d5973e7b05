//  codec - Lua values as msgpack, and back
//
//  What travels: nil, booleans, 64-bit integers and doubles (kept apart), strings of any
//  bytes (valid UTF-8 as str, else bin), tables, error objects (lerror.h). A table whose keys
//  are exactly 1..n (n >= 1) is an array, any other a map; keys are booleans, numbers and
//  strings. Metatables are dropped, unless a __pack hook says otherwise: what it returns
//  travels in the value's place. A table that is reached twice travels twice; one that is
//  inside itself is refused. From afar, an integer of 2^63 or more becomes a float, an
//  extension type that we do not know is refused, as is a key that is nil, NaN or a table.
//  All functions run inside a protected call, since Lua may be out of memory.

#ifndef LUA_CODEC_H
#define LUA_CODEC_H

#include <lauxlib.h>
#include <lua.h>

#include "wire_buf.h"
#include "wire_limits.h"
#include "wire_read.h"

//  The envelope has a share in each limit: message, args and an error's map around a value.
#define LPACK_DEPTH     (WIRE_MAX_DEPTH - 4)
#define LPACK_SIZE      (WIRE_MAX_MESSAGE - 4096)
#define LPACK_OBJECTS   (WIRE_MAX_OBJECTS - 64)

#define LPACK_EXT_ERROR 1       //  The one extension type: an error object, a map as in FAIL

//  One packing. It lives on the C stack; only a failure fills the large parts.
typedef struct {
    lua_State *L;
    wire_buf_t *out;
    size_t limit;               //  out may not grow past it
    size_t objects;             //  Values so far
    const char *hop;            //  Our id: error objects among the values say that they passed here; or NULL
    const void *terms;          //  The metatable of terms, once it was needed
    int code;                   //  Of a failure, WIRE_E_*
    unsigned keep;              //  Keys of tables deeper than this are left out of the path
    const char *reason;
    size_t path;                //  Where it begins in text, which is filled from its end
    char text[400];
    char detail[120];
    const void *open[LPACK_DEPTH];  //  The tables around the current value
} lpack_t;

//  Prepare to append to out.
void lpack_init(lpack_t *self, lua_State *L, wire_buf_t *out);

//  Append `count` values from stack index `first` on, as one array or back to back. 0; or
//  WIRE_E_UNSENDABLE, _TOO_DEEP, _TOO_BIG or _NO_MEMORY, with out cut back to what it was.
//  place: what messages call the values, "args".
int lpack_array(lpack_t *self, int first, int count, const char *place);
int lpack_values(lpack_t *self, int first, int count, const char *place);

//  Append one value that stands `depth` containers down. On failure out is not cut back.
int lpack_value(lpack_t *self, int index, unsigned depth);

//  What failed, and where: "args[2].player.socket: userdata". Valid as long as self.
const char *lpack_text(lpack_t *self);

//  Push `count` values that stand at the cursor and were scanned before; returns count. The caller leaves
//  room for a few on the stack. Raises an error object (malformed) for what Lua cannot hold.
#define LUNPACK_FEW 8
int lunpack_push(lua_State *L, wire_reader_t *in, uint32_t count);

//  The same for one value that stands `depth` containers down.
void lunpack_value(lua_State *L, wire_reader_t *in, unsigned depth);

#endif
