//  alua - the one program: makes a Lua state that knows our modules, and hands over to lua/alua/cli

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include "child.h"
#include "edit.h"
#include "host.h"
#include "lua_memory.h"

int luaopen_alua_core(lua_State *L);

//  Where the Lua modules are: beside an installed program, else in the clone that it was built from.
static const char *modules(void)
{
    static char path[PATH_MAX + 64];
    char program[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    snprintf(path, sizeof path, "%s/../share/lua/5.4/alua/cli.lua", program);
    bool installed = access(path, R_OK) == 0;
    snprintf(path, sizeof path, "%s/../share/lua/5.4", program);
    return installed ? path : ALUA_SOURCE_DIR "/lua";
}

//  Ours come first: a module of another version elsewhere would not fit this program.
static void set_path(lua_State *L)
{
    const char *place = modules();
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", place, place, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

static void preload_core(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_alua_core);
    lua_setfield(L, -2, "alua.core");
    lua_pop(L, 1);
}

//  require "alua.cli"(host, args...) -> status
static int enter(lua_State *L)
{
    int argc = (int) lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    luaL_checkstack(L, argc + 16, "too many arguments");
    luaL_openlibs(L);
    set_path(L);
    preload_core(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "alua.cli");
    lua_call(L, 1, 1);
    host_push(L);
    for (int i = 1; i < argc; i++)
        lua_pushstring(L, argv[i]);
    lua_call(L, argc, 1);
    return 1;
}

static int traceback(lua_State *L)
{
    const char *text = luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, L, text, 1);
    return 1;
}

static int run(lua_State *L, int argc, char **argv)
{
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, enter);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    if (lua_pcall(L, 2, 1, 1) == LUA_OK)
        return (int) lua_tointeger(L, -1);
    fprintf(stderr, "alua: %s\n", lua_tostring(L, -1));
    return 1;
}

//  Who started us may have closed some of the three: a socket of ours must not take their places, where a program
//  would read or print into it.
static void fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    signal(SIGXFSZ, SIG_IGN);           //  A file at its limit is an error of that write, as a full disk is
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        child_prepare();
    else if (argc > 1 && strcmp(argv[1], "console") == 0)
        edit_prepare();
    lua_State *L = lua_memory_open();
    if (!L) {
        fprintf(stderr, "alua: out of memory\n");
        return 1;
    }
    int status = run(L, argc, argv);
    lua_memory_close(L);
    return status;
}
