//  where - the user's line

#include "where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LEVELS 64

//  By the file's name: an installed module, one of the source tree, one inside the program.
static bool is_ours(const char *source)
{
    static const char *const modules[] = { "alua.lua", "dalua.lua", "luarpc.lua", "luats.lua", "luaps.lua" };
    static const char *const rooms[] = {
        "lua/alua/", "lua/dalua/", "lua/luats/", "lua/luaps/", "5.4/alua/", "5.4/dalua/", "5.4/luats/", "5.4/luaps/"
    };
    const char *slash = strrchr(source, '/');
    const char *name = slash ? slash + 1 : source + (*source == '@' || *source == '=');
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strcmp(name, modules[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (strstr(source, rooms[i]))
            return true;
    return false;
}

bool where_user(lua_State *L, char text[WHERE_SIZE])
{
    lua_Debug frame;
    for (int level = 0; level < MAX_LEVELS && lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && !is_ours(frame.source)) {
            snprintf(text, WHERE_SIZE, "%s:%d", frame.short_src, frame.currentline);
            return true;
        }
    }
    strcpy(text, "?");
    return false;
}

void where_raise(lua_State *L, const char *message)
{
    char where[WHERE_SIZE];
    if (where_user(L, where))
        lua_pushfstring(L, "%s: %s", where, message);
    else
        lua_pushstring(L, message);
    lua_error(L);
    abort();                    //  lua_error does not return
}
