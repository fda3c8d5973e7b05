//  host_data - files of data in Lua's syntax, for the command line (lua/alua/cli/config): read, never run
//
//  | function | what |
//  | --- | --- |
//  | data(text, name) | the value, and a table from the keys of its outermost table to the lines where they stand; or nil and "NAME:LINE:COLUMN: why" |

#ifndef HOST_DATA_H
#define HOST_DATA_H

#include <lua.h>

int host_data(lua_State *L);

#endif
