//  names - looking up, and guessing what was meant

#include "names.h"

#include <stdio.h>

#include "wire_error.h"

#define MAX_GUESS 48            //  Longer names are not guessed at
#define EXPORTS     lua_upvalueindex(LNAMES_EXPORTS)
#define GLOBALS     lua_upvalueindex(LNAMES_GLOBALS)

//  ---- Looking up ------------------------------------------------------------

static bool is_callable(lua_State *L, int index)
{
    if (lua_isfunction(L, index))
        return true;
    if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
        return false;
    lua_pop(L, 1);
    return true;
}

static int index_of(lua_State *L)
{
    lua_gettable(L, 1);
    return 1;
}

//  Replace the value on top by its member; nil when it has none. A table's own member costs
//  nothing; what its metatable makes of the name may raise (strict globals), which is none.
static bool step(lua_State *L, const char *name, size_t size)
{
    if (lua_istable(L, -1)) {
        lua_pushlstring(L, name, size);
        if (lua_rawget(L, -2) != LUA_TNIL) {
            lua_remove(L, -2);
            return true;
        }
        lua_pop(L, 1);
    }
    if (luaL_getmetafield(L, -1, "__index") == LUA_TNIL)
        return false;
    lua_pop(L, 1);
    lua_pushcfunction(L, index_of);
    lua_insert(L, -2);
    lua_pushlstring(L, name, size);
    return lua_pcall(L, 2, 1, 0) == LUA_OK && !lua_isnil(L, -1);
}

//  Replace the table on top by what the path leads to; false, and something on top, if nowhere.
static bool reach(lua_State *L, wire_str_t path)
{
    const char *at = path.data, *end = path.data + path.size;
    for (;;) {
        const char *dot = memchr(at, '.', (size_t) (end - at));
        if (!step(L, at, (size_t) ((dot ? dot : end) - at)))
            return false;
        if (!dot)
            return true;
        at = dot + 1;
    }
}

static bool walk(lua_State *L, wire_str_t path)
{
    return reach(L, path) && is_callable(L, -1);
}

//  The exact name among the exports may have dots in it.
static bool exported(lua_State *L, wire_str_t name)
{
    int top = lua_gettop(L);
    lua_pushvalue(L, EXPORTS);
    lua_pushlstring(L, name.data, name.size);
    if (lua_rawget(L, -2) != LUA_TNIL && is_callable(L, -1))
        return true;
    lua_pop(L, 1);
    if (memchr(name.data, '.', name.size) && walk(L, name))
        return true;
    lua_settop(L, top);
    return false;
}

//  The function is on top, or nothing more on the stack.
static bool global(lua_State *L, wire_str_t name)
{
    int top = lua_gettop(L);
    lua_pushvalue(L, GLOBALS);
    if (walk(L, name))
        return true;
    lua_settop(L, top);
    return false;
}

//  ---- Guessing --------------------------------------------------------------

typedef struct {
    wire_str_t name;
    char best[MAX_GUESS + 1];
    size_t distance;
} lguess_t;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

//  Letters to insert, drop, change or swap with their neighbour.
static size_t edit_distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][MAX_GUESS + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

static void consider(lguess_t *guess, const char *name, size_t size)
{
    if (size > MAX_GUESS)
        return;
    size_t distance = edit_distance(guess->name.data, guess->name.size, name, size);
    if (distance < guess->distance) {
        guess->distance = distance;
        memcpy(guess->best, name, size);
        guess->best[size] = 0;
    }
}

//  All functions of the table on top and of the tables in it.
static void consider_table(lua_State *L, lguess_t *guess, const char *prefix)
{
    int table = lua_gettop(L);
    luaL_checkstack(L, 6, "names");
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        char name[2 * MAX_GUESS + 4];
        if (lua_type(L, -2) != LUA_TSTRING || lua_rawlen(L, -2) > MAX_GUESS)
            continue;
        int n = snprintf(name, sizeof name, "%s%s", prefix, lua_tostring(L, -2));
        if (is_callable(L, -1))
            consider(guess, name, (size_t) n);
        else if (lua_istable(L, -1) && !*prefix) {
            snprintf(name + n, sizeof name - (size_t) n, ".");
            consider_table(L, guess, name);
        }
    }
}

//  The table that the name's last word was looked for in, however deep.
static void consider_parent(lua_State *L, lguess_t *guess)
{
    char prefix[MAX_GUESS + 1];
    size_t size = guess->name.size;
    while (size && guess->name.data[size - 1] != '.')
        size--;
    if (size < 2)
        return;
    memcpy(prefix, guess->name.data, size);
    prefix[size] = 0;
    if (reach(L, (wire_str_t) { prefix, size - 1 }) && lua_istable(L, -1))
        consider_table(L, guess, prefix);
}

//  The roots are those two.
static void consider_root(lua_State *L, lguess_t *guess, int table)
{
    int top = lua_gettop(L);
    lua_pushvalue(L, table);
    consider_table(L, guess, "");
    consider_parent(L, guess);
    lua_settop(L, top);
}

//  What stands there instead of a function; NULL: nothing. The name's type is a static string.
static const char *other_type(lua_State *L, wire_str_t name, int table)
{
    int top = lua_gettop(L);
    lua_pushvalue(L, table);
    const char *type = reach(L, name) ? luaL_typename(L, -1) : NULL;
    lua_settop(L, top);
    return type;
}

static int refuse(lua_State *L, wire_str_t name)
{
    //  A third of the letters may be wrong, or one of a short name, but never all.
    lguess_t guess = { .name = name, .distance = least(name.size / 3 + (name.size < 3), name.size - 1) + 1 };
    int size = (int) least(name.size, WIRE_MAX_NAME);
    const char *type = other_type(L, name, EXPORTS);
    if (!type)
        type = other_type(L, name, GLOBALS);
    if (type) {
        lerror_push(L, WIRE_E_NO_FUNCTION, "'%.*s' is no function here, but a %s", size, name.data, type);
        return WIRE_E_NO_FUNCTION;
    }
    if (name.size <= MAX_GUESS) {
        consider_root(L, &guess, EXPORTS);
        consider_root(L, &guess, GLOBALS);
    }
    if (*guess.best)
        lerror_push(L, WIRE_E_NO_FUNCTION, "no function '%.*s' here (did you mean '%s'?)", size, name.data, guess.best);
    else
        lerror_push(L, WIRE_E_NO_FUNCTION, "no function '%.*s' here", size, name.data);
    return WIRE_E_NO_FUNCTION;
}

//  There, but out of reach?
static bool forbidden(lua_State *L, const lcore_t *core, wire_str_t name)
{
    int top = lua_gettop(L);
    lua_pushglobaltable(L);
    bool is = core->closed_globals && walk(L, name);
    lua_settop(L, top);
    return is;
}

//  ---- The whole way -------------------------------------------------------------

//  The usual case, a function under a name without dots, is done for each call that arrives: by raw access only.
static bool plain(lua_State *L, wire_str_t name, bool full)
{
    if (memchr(name.data, '.', name.size))
        return false;
    lua_pushlstring(L, name.data, name.size);
    lua_pushvalue(L, -1);
    int type = lua_rawget(L, EXPORTS);
    if (type == LUA_TNIL && full) {
        lua_pop(L, 1);
        type = lua_rawget(L, GLOBALS);
    }
    else
        lua_remove(L, -2);
    if (type == LUA_TFUNCTION)
        return true;
    lua_pop(L, 1);
    return false;
}

int lnames_push(lua_State *L, const lcore_t *core, wire_str_t name, bool full)
{
    if (plain(L, name, full))
        return 0;
    int rc = 0, top = lua_gettop(L);
    luaL_checkstack(L, 20, "names");
    if (exported(L, name) || (full && global(L, name)))
        ;
    else if (!full) {
        rc = WIRE_E_NOT_EXPORTED;
        lerror_push(L, rc, "'%.*s' is not exported here, and to call what is not takes the right 'code' in full",
                    (int) least(name.size, 100), name.data);
    }
    else if (forbidden(L, core, name)) {
        rc = WIRE_E_NOT_EXPORTED;
        lerror_push(L, rc, "'%.*s' is defined but not exported here: luarpc.export(\"%.*s\", ...) would do that",
                    (int) least(name.size, 100), name.data, (int) least(name.size, 100), name.data);
    }
    else
        rc = refuse(L, name);
    lua_copy(L, -1, top + 1);
    lua_settop(L, top + 1);
    return rc;
}

//  core.globals(table): where a name that is not exported is looked up; false: nowhere
static int set_globals(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    bool closed = lua_isboolean(L, 1) && !lua_toboolean(L, 1);
    if (!closed && !lua_istable(L, 1))
        where_raise(L, "a table or false must be given");
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->serve);
    if (closed)
        lua_newtable(L);
    else
        lua_pushvalue(L, 1);
    lua_setupvalue(L, -2, LNAMES_GLOBALS);
    core->closed_globals = closed;
    return 0;
}

const luaL_Reg lnames_functions[] = {
    { "globals", set_globals },
    { NULL, NULL }
};
