//  host_doctor - what `alua doctor` looks at. See host_doctor.h

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <lauxlib.h>
#include "address.h"
#include "host_doctor.h"
#include "policy.h"
#include "policy_text.h"

//  As the look before each command (host.c).
#define REACH_TIME 1000

static int push_failure(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static int doctor_file(lua_State *L)
{
    struct stat file;
    char mode[16];
    if (stat(luaL_checkstring(L, 1), &file))
        return push_failure(L, strerror(errno));
    snprintf(mode, sizeof mode, "%04o", (unsigned) file.st_mode & 07777u);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, S_ISREG(file.st_mode) ? "file" : S_ISDIR(file.st_mode) ? "directory" : "other");
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "mode");
    lua_pushboolean(L, file.st_uid == geteuid());
    lua_setfield(L, -2, "mine");
    return 1;
}

static int doctor_reach(lua_State *L)
{
    static const char *const words[] = { [ADDRESS_ACCEPTED] = "accepted", [ADDRESS_REFUSED] = "refused",
        [ADDRESS_SILENT] = "silent", [ADDRESS_UNRESOLVED] = "unresolved", [ADDRESS_BAD] = "bad" };
    const char *why = "";
    lua_pushstring(L, words[address_reach(luaL_checkstring(L, 1), REACH_TIME, &why)]);
    lua_pushstring(L, why);
    return 2;
}

//  The words in front of the values of `keys`, as a list.
static void push_names(lua_State *L, wire_reader_t policy)
{
    wire_reader_t at;
    uint32_t pairs;
    wire_str_t name;
    lua_newtable(L);
    if (!wire_map_find(&policy, "keys", &at) || wire_read_map(&at, &pairs))
        return;
    for (lua_Integer i = 1; pairs-- && wire_read_bytes(&at, &name) == 0 && wire_skip(&at) == 0; i++) {
        lua_pushlstring(L, name.data, name.size);
        lua_rawseti(L, -2, i);
    }
}

static int doctor_policy(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    char error[POLICY_ERROR_TEXT] = "out of memory";
    wire_buf_t packed = WIRE_BUF_EMPTY;
    policy_t *policy = NULL;
    if (policy_text_read(text, size, &packed, error) == 0)
        policy = policy_new(wire_reader(packed.data, packed.size), error);
    if (policy)
        push_names(L, wire_reader(packed.data, packed.size));
    bool right = policy != NULL;
    policy_destroy(&policy);
    wire_buf_free(&packed);
    return right ? 1 : push_failure(L, error);
}

static int doctor_descriptors(lua_State *L)
{
    struct rlimit limit;
    bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < LUA_MAXINTEGER;
    lua_pushinteger(L, known ? (lua_Integer) limit.rlim_cur : LUA_MAXINTEGER);
    return 1;
}

static int doctor_wall(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    lua_pushinteger(L, (lua_Integer) now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return 1;
}

static const luaL_Reg functions[] = {
    { "file", doctor_file }, { "reach", doctor_reach }, { "policy", doctor_policy },
    { "descriptors", doctor_descriptors }, { "wall", doctor_wall }, { NULL, NULL },
};

int host_doctor_push(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
