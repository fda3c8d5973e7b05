//  values - packing for Lua programs, and the constants

#include "core.h"
#include "values.h"
#include "wire_error.h"

//  core.pack(...) -> bytes | nil, err
static int pack_values(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    wire_buf_t *out = &core->out;
    size_t start = out->size;
    lpack_t pack;
    lpack_init(&pack, L, out);
    int rc = lpack_array(&pack, 1, lua_gettop(L), "args");
    if (rc)
        return lerror_return(L, rc, "%s", lpack_text(&pack));
    lua_pushlstring(L, (const char *) out->data + start, out->size - start);
    wire_buf_truncate(out, start);
    return 1;
}

static int unpack_inner(lua_State *L)
{
    wire_reader_t *in = lua_touserdata(L, 1);
    uint32_t count;
    wire_reader_t scanned = *in;
    int rc = wire_scan(&scanned);
    if (rc == 0 && scanned.at != scanned.end)
        rc = WIRE_E_MALFORMED;
    if (rc == 0)
        rc = wire_read_array(in, &count);
    if (rc)
        lerror_raise(L, rc, NULL);
    return lunpack_push(L, in, count);
}

//  core.unpack(bytes) -> values... | nil, err
static int unpack_values(lua_State *L)
{
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    wire_reader_t in = wire_reader(bytes, size);
    lua_settop(L, 1);
    lua_pushcfunction(L, unpack_inner);
    lua_pushlightuserdata(L, &in);
    int status = lua_pcall(L, 1, LUA_MULTRET, 0);
    if (status == LUA_OK)
        return lua_gettop(L) - 1;
    lerror_from_caught(L, status);
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

//  Fields types (name -> number) and errors (NAME -> word) of the table on top.
void lvalue_constants(lua_State *L)
{
    lua_newtable(L);
#define X(name, id, way, early, change, counts, right, fields) \
    lua_pushinteger(L, id); lua_setfield(L, -2, #name);
    WIRE_TYPES(X)
#undef X
    lua_setfield(L, -2, "types");
    lua_newtable(L);
#define X(name, id, word, definite, text) \
    lua_pushliteral(L, word); lua_setfield(L, -2, #name);
    WIRE_ERRORS(X)
#undef X
    lua_setfield(L, -2, "errors");
}

const luaL_Reg lvalue_functions[] = {
    { "pack",   pack_values },
    { "unpack", unpack_values },
    { NULL, NULL }
};
