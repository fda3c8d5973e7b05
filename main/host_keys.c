//  host_keys - key pairs and the trust store for the command line. See host_keys.h

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <lauxlib.h>
#include "cert.h"
#include "host_keys.h"

static int push_failure(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static int push_done(lua_State *L, bool done, const char *why)
{
    if (!done)
        return push_failure(L, why);
    lua_pushboolean(L, 1);
    return 1;
}

//  ---- Key pairs ---------------------------------------------------------------

static int keys_new(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1), *base = luaL_checkstring(L, 2);
    char error[CERT_ERROR] = "the system gives no random numbers";
    cert_t cert;
    if (!cert_new(&cert, name) || !cert_save(&cert, base, error))
        return push_failure(L, error);
    lua_pushstring(L, cert.public_key);
    return 1;
}

static int keys_load(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    char error[CERT_ERROR] = "?";
    cert_t cert;
    if (!cert_load(&cert, path, lua_toboolean(L, 2), error))
        return push_failure(L, error);
    lua_pushstring(L, cert.name);
    lua_pushstring(L, cert.public_key);
    return 2;
}

static int keys_name_ok(lua_State *L)
{
    lua_pushboolean(L, cert_name_ok(luaL_checkstring(L, 1)));
    return 1;
}

//  A link and a rename: at no moment is `path` missing.
static int keys_replace(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1), *fresh = luaL_checkstring(L, 2), *old = luaL_checkstring(L, 3);
    unlink(old);
    bool done = link(path, old) == 0 && rename(fresh, path) == 0;
    return push_done(L, done, strerror(errno));
}

//  ---- The trust store -----------------------------------------------------------

static int keys_directory(lua_State *L)
{
    lua_pushstring(L, trust_directory());       //  NULL becomes nil
    return 1;
}

static void push_cert(lua_State *L, const cert_t *cert, bool revoked)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, cert->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, cert->public_key);
    lua_setfield(L, -2, "key");
    lua_pushboolean(L, revoked);
    lua_setfield(L, -2, "revoked");
}

static int keys_list(lua_State *L)
{
    char error[CERT_ERROR] = "?";
    trust_t *trust = trust_new(luaL_checkstring(L, 1), error);
    cert_t cert;
    bool revoked;
    if (!trust)
        return push_failure(L, error);
    lua_newtable(L);
    for (size_t i = 0; trust_at(trust, i, &cert, &revoked); i++) {
        push_cert(L, &cert, revoked);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
    }
    trust_destroy(&trust);
    return 1;
}

static int keys_add(lua_State *L)
{
    const char *directory = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2), *name = luaL_checkstring(L, 3);
    char error[CERT_ERROR] = "?";
    cert_t cert;
    if (!cert_load(&cert, path, false, error))
        return push_failure(L, error);
    memset(cert.secret_key, 0, sizeof cert.secret_key);     //  Whatever the file held
    snprintf(cert.name, sizeof cert.name, "%s", name);
    return push_done(L, trust_add(directory, &cert, error), error);
}

static int keys_revoke(lua_State *L)
{
    char error[CERT_ERROR] = "?";
    bool done = trust_revoke(luaL_checkstring(L, 1), luaL_checkstring(L, 2), error);
    return push_done(L, done, error);
}

static const luaL_Reg functions[] = {
    { "new", keys_new }, { "load", keys_load }, { "name_ok", keys_name_ok }, { "replace", keys_replace },
    { "directory", keys_directory }, { "list", keys_list }, { "add", keys_add }, { "revoke", keys_revoke }, { NULL, NULL },
};

int host_keys_push(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
