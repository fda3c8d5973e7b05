//  term - tables with a metatable that no text can set

#include "term.h"

#define METATABLE "jail.term"

void term_open(lua_State *L)
{
    luaL_newmetatable(L, METATABLE);
    lua_pushliteral(L, "term");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_settop(L, -2);
}

int term_new(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_checkstring(L, 1);
    lua_createtable(L, n, 1);
    lua_insert(L, 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushliteral(L, "n");
    lua_pushinteger(L, n);
    lua_rawset(L, 1);
    luaL_setmetatable(L, METATABLE);
    return 1;
}

//  A text may change the table: `n` is what it is by now, and bounded by its user.
bool term_is(lua_State *L, int index, lua_Integer *n)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, METATABLE);
    bool same = lua_rawequal(L, -1, -2);
    lua_settop(L, -3);
    if (same) {
        lua_pushliteral(L, "n");
        lua_rawget(L, index);
        *n = lua_tointeger(L, -1);
        lua_settop(L, -2);
    }
    return same;
}
