//  term - see term.h

#include "term.h"

#include "core.h"
#include "lerror.h"

typedef struct {
    int8_t type;
    size_t size;
    uint8_t bytes[];
} lterm_t;

static char meta_key;           //  Its address is the registry's key of the metatable

static lterm_t *new_term(lua_State *L, int8_t type, const void *bytes, size_t size)
{
    lterm_t *self = lua_newuserdatauv(L, sizeof *self + size, 0);
    self->type = type;
    self->size = size;
    if (size)
        memcpy(self->bytes, bytes, size);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    lua_setmetatable(L, -2);
    return self;
}

const void *lterm_metatable(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);
    const void *table = lua_topointer(L, -1);
    lua_pop(L, 1);
    return table;
}

//  Whether the metatable on top is that.
static bool is_metatable(lua_State *L)
{
    return lua_topointer(L, -1) == lterm_metatable(L);
}

void lterm_put(lua_State *L, int index, wire_buf_t *out)
{
    const lterm_t *self = lua_touserdata(L, index);
    wire_put_ext(out, self->type, self->bytes, self->size);
}

static bool is_term(wire_str_t bytes)
{
    wire_reader_t at = wire_reader(bytes.data, bytes.size), scanned = at;
    uint32_t count;
    wire_str_t word;
    return wire_scan(&scanned) == 0 && scanned.at == scanned.end && wire_read_array(&at, &count) == 0 && count
        && wire_read_bytes(&at, &word) == 0;
}

void lterm_push(lua_State *L, int8_t type, wire_str_t bytes)
{
    if (type == LTERM_TERM && !is_term(bytes))
        lerror_raise(L, WIRE_E_MALFORMED, "a template's term is no array that begins with a word");
    new_term(L, type, bytes.data, bytes.size);
}

//  ---- For Lua ---------------------------------------------------------------

static lterm_t *check_term(lua_State *L, int index)
{
    if (!lua_isuserdata(L, index) || !lua_getmetatable(L, index) || !is_metatable(L))
        luaL_typeerror(L, index, "alua.term");
    lua_pop(L, 1);
    return lua_touserdata(L, index);
}

//  core.term(word, ...) -> a term of templates
static int term(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    wire_buf_t *out = &core->out;
    size_t start = out->size;
    lpack_t pack;
    luaL_checkstring(L, 1);
    lpack_init(&pack, L, out);
    int rc = lpack_array(&pack, 1, lua_gettop(L), "term");
    if (rc)
        lerror_raise(L, rc, "%s", lpack_text(&pack));
    new_term(L, LTERM_TERM, out->data + start, out->size - start);
    wire_buf_truncate(out, start);
    return 1;
}

//  core.code(text) -> Lua text as a value
static int code(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    new_term(L, LTERM_CODE, text, size);
    return 1;
}

//  core.term_parts(term) -> "code", text | "term", word, arguments...; nil for what is none
static int term_parts(lua_State *L)
{
    uint32_t count = 0;
    if (!lua_isuserdata(L, 1) || !lua_getmetatable(L, 1) || !is_metatable(L))
        return 0;
    const lterm_t *self = lua_touserdata(L, 1);
    lua_pushstring(L, self->type == LTERM_CODE ? "code" : "term");
    if (self->type == LTERM_CODE) {
        lua_pushlstring(L, (const char *) self->bytes, self->size);
        return 2;
    }
    wire_reader_t at = wire_reader(self->bytes, self->size);
    (void) wire_read_array(&at, &count);
    return 1 + lunpack_push(L, &at, count);
}

static int called(lua_State *L, int status, lua_KContext context)
{
    (void) status, (void) context;
    return lua_gettop(L);
}

//  A code is called as the function that its text is; it may wait.
static int call(lua_State *L)
{
    const lterm_t *self = check_term(L, 1);
    int count = lua_gettop(L) - 1;
    if (self->type != LTERM_CODE)
        return luaL_error(L, "a template's term cannot be called");
    if (luaL_loadbufferx(L, (const char *) self->bytes, self->size, "=code", "t") != LUA_OK)
        return lua_error(L);
    lua_replace(L, 1);
    lua_callk(L, count, LUA_MULTRET, 0, called);
    return called(L, LUA_OK, 0);
}

static int to_string(lua_State *L)
{
    const lterm_t *self = check_term(L, 1);
    wire_reader_t at = wire_reader(self->bytes, self->size);
    uint32_t count;
    wire_str_t word = { "?", 1 };
    if (self->type == LTERM_CODE) {
        lua_pushlstring(L, (const char *) self->bytes, self->size);
        return 1;
    }
    (void) (wire_read_array(&at, &count) || wire_read_bytes(&at, &word));
    lua_pushliteral(L, "luats.");
    lua_pushlstring(L, word.data, word.size);
    lua_concat(L, 2);
    return 1;
}

static const lterm_t *to_term(lua_State *L, int index)
{
    bool is = lua_isuserdata(L, index) && lua_getmetatable(L, index) && is_metatable(L);
    lua_settop(L, 2);
    return is ? lua_touserdata(L, index) : NULL;
}

//  Equal by what they say. The other one may be any userdata.
static int equal(lua_State *L)
{
    const lterm_t *a = to_term(L, 1), *b = to_term(L, 2);
    lua_pushboolean(L, a && b && a->type == b->type && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0);
    return 1;
}

void lterm_register(lua_State *L)
{
    static const luaL_Reg meta[] = {
        { "__call", call }, { "__tostring", to_string }, { "__eq", equal }, { NULL, NULL }
    };
    lua_newtable(L);
    luaL_setfuncs(L, meta, 0);
    lua_pushliteral(L, "alua.term");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
}

const luaL_Reg lterm_functions[] = {
    { "term", term }, { "code", code }, { "term_parts", term_parts }, { NULL, NULL }
};
