//  host_data - policy_text's bytes as Lua values. See host_data.h

#include "host_data.h"

#include <lauxlib.h>
#include "codec.h"
#include "policy_text.h"

//  By way of a string, which is Lua's to free when unpacking raises an error.
static void push_packed(lua_State *L, wire_buf_t *packed)
{
    size_t size;
    lua_pushlstring(L, (const char *) packed->data, packed->size);
    wire_buf_free(packed);
    const char *bytes = lua_tolstring(L, -1, &size);
    wire_reader_t at = wire_reader(bytes, size);
    lunpack_value(L, &at, 0);
    lua_remove(L, -2);
}

int host_data(lua_State *L)
{
    size_t size;
    char error[POLICY_ERROR_TEXT];
    const char *text = luaL_checklstring(L, 1, &size), *name = luaL_checkstring(L, 2);
    wire_buf_t packed = WIRE_BUF_EMPTY, lines = WIRE_BUF_EMPTY;
    bool good = policy_text_read_lines(text, size, &packed, &lines, error) == 0;
    if (good) {
        push_packed(L, &packed);
        push_packed(L, &lines);
    }
    else {
        lua_pushnil(L);
        lua_pushfstring(L, "%s:%s", name, error);
    }
    wire_buf_free(&packed);
    wire_buf_free(&lines);
    return 2;
}
