//  term - terms and code: tables with a metatable that no text can set

#include "term.h"

#define METATABLE "jail.term"
#define CODE      "jail.code"

static void new_metatable(lua_State *L, const char *key, const char *name)
{
    luaL_newmetatable(L, key);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
}

static int code_tostring(lua_State *L)
{
    size_t size;
    if (term_code(L, 1, &size))
        lua_rawgeti(L, 1, 1);
    else
        lua_pushliteral(L, "code that is none any more");
    return 1;
}

void term_open(lua_State *L)
{
    new_metatable(L, METATABLE, "term");
    new_metatable(L, CODE, "code");
    lua_pushcfunction(L, code_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_settop(L, -3);
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

static bool has_metatable(lua_State *L, int index, const char *key)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, key);
    bool same = lua_rawequal(L, -1, -2);
    lua_settop(L, -3);
    return same;
}

//  A text may change the table: `n` is what it is by now, and bounded by its user.
bool term_is(lua_State *L, int index, lua_Integer *n)
{
    if (!has_metatable(L, index, METATABLE))
        return false;
    lua_pushliteral(L, "n");
    lua_rawget(L, index < 0 ? index - 1 : index);
    *n = lua_tointeger(L, -1);
    lua_settop(L, -2);
    return true;
}

//  ---- Code ------------------------------------------------------------------

int term_code_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    lua_settop(L, 1);
    lua_createtable(L, 1, 0);
    lua_insert(L, 1);
    lua_rawseti(L, 1, 1);
    luaL_setmetatable(L, CODE);
    return 1;
}

bool term_is_code(lua_State *L, int index)
{
    return has_metatable(L, index, CODE);
}

//  The text stays the table's.
const char *term_code(lua_State *L, int index, size_t *size)
{
    if (!term_is_code(L, index))
        return NULL;
    const char *text = lua_rawgeti(L, index, 1) == LUA_TSTRING ? lua_tolstring(L, -1, size) : NULL;
    lua_settop(L, -2);
    return text;
}
