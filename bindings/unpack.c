//  unpack - the decoder of codec.h
//
//  The bytes were scanned for their form and bounds when they arrived; what is left to
//  refuse here is what Lua cannot hold.

#include "codec.h"
#include "lerror.h"
#include "term.h"
#include "wire_error.h"

static void push_value(lua_State *L, wire_reader_t *in, unsigned depth);

static void read_item(lua_State *L, wire_reader_t *in, wire_item_t *item)
{
    if (wire_read(in, item))
        lerror_raise(L, WIRE_E_MALFORMED, "a value is cut short");
}

static void push_array(lua_State *L, wire_reader_t *in, uint32_t count, unsigned depth)
{
    lua_createtable(L, (int) count, 0);
    for (uint32_t i = 1; i <= count; i++) {
        push_value(L, in, depth + 1);
        lua_rawseti(L, -2, i);
    }
}

//  A key that Lua's tables take: its token is looked at before it is decoded.
static void push_key(lua_State *L, wire_reader_t *in)
{
    wire_reader_t ahead = *in;
    wire_item_t item;
    read_item(L, &ahead, &item);
    bool good = item.kind != WIRE_IS_NIL && item.kind < WIRE_IS_ARRAY
        && !(item.kind == WIRE_IS_DOUBLE && item.as.number != item.as.number);
    if (!good)
        lerror_raise(L, WIRE_E_MALFORMED, "a table's key is nil, NaN or no simple value");
    push_value(L, in, 0);
}

static void push_map(lua_State *L, wire_reader_t *in, uint32_t pairs, unsigned depth)
{
    lua_createtable(L, 0, (int) pairs);
    for (; pairs; pairs--) {
        push_key(L, in);
        push_value(L, in, depth + 1);
        lua_rawset(L, -3);
    }
}

//  Its bytes are nobody's until now: they are scanned here. The depth goes on counting, so
//  that errors inside errors cannot exhaust the C stack.
static void push_extension(lua_State *L, const wire_item_t *item, unsigned depth)
{
    wire_reader_t in = wire_reader(item->as.bytes.data, item->as.bytes.size);
    wire_reader_t scanned = in;
    if (item->ext == LTERM_TERM || item->ext == LTERM_CODE) {
        lterm_push(L, item->ext, item->as.bytes);
        return;
    }
    if (item->ext != LPACK_EXT_ERROR)
        lerror_raise(L, WIRE_E_MALFORMED, "extension type %d is unknown here", item->ext);
    if (wire_scan(&scanned) || scanned.at != scanned.end || depth + 8 > WIRE_MAX_DEPTH)
        lerror_raise(L, WIRE_E_MALFORMED, "an error object's bytes are no map");
    lerror_push_map(L, &in, depth + 8);
}

static void push_container(lua_State *L, wire_reader_t *in, const wire_item_t *item, unsigned depth)
{
    if (depth >= WIRE_MAX_DEPTH)
        lerror_raise(L, WIRE_E_TOO_DEEP, "nested too deeply");
    luaL_checkstack(L, 8, "nested too deeply");
    if (item->kind == WIRE_IS_ARRAY)
        push_array(L, in, item->as.count, depth);
    else if (item->kind == WIRE_IS_MAP)
        push_map(L, in, item->as.count, depth);
    else
        push_extension(L, item, depth);
}

static void push_value(lua_State *L, wire_reader_t *in, unsigned depth)
{
    wire_item_t item;
    if (in->at < in->end && *in->at <= 0x7f) {
        lua_pushinteger(L, *in->at++);
        return;
    }
    read_item(L, in, &item);
    switch (item.kind) {
    case WIRE_IS_NIL:    lua_pushnil(L); break;
    case WIRE_IS_BOOL:   lua_pushboolean(L, item.as.boolean); break;
    case WIRE_IS_INT:    lua_pushinteger(L, item.as.integer); break;
    case WIRE_IS_UINT:   lua_pushnumber(L, (lua_Number) item.as.natural); break;
    case WIRE_IS_DOUBLE: lua_pushnumber(L, item.as.number); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN:    lua_pushlstring(L, item.as.bytes.data, item.as.bytes.size); break;
    default:             push_container(L, in, &item, depth); break;
    }
}

int lunpack_push(lua_State *L, wire_reader_t *in, uint32_t count)
{
    if (count > LUNPACK_FEW)
        luaL_checkstack(L, (int) count + 8, "too many values");
    for (uint32_t i = 0; i < count; i++)
        push_value(L, in, 0);
    return (int) count;
}

void lunpack_value(lua_State *L, wire_reader_t *in, unsigned depth)
{
    push_value(L, in, depth);
}
