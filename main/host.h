//  host - what the command line's Lua half (lua/alua/cli) asks of C, as one table
//
//  | function | what |
//  | --- | --- |
//  | launch{count=, app=, name=, broker=, file=, args={}, timeout=, keep=, end_=, label=} | `alua run`; the exit status |
//  | serve{listen={}, until_empty=, ready=fd} | `alua broker`; the exit status, and a sentence when it could not |
//  | detach{listen={}, until_empty=} | start such a broker as a process of its own: the line it said, or nil, why |
//  | probe(endpoint) | "somebody", "nobody" or "bad"; waits up to a second |
//  | knock{broker=, key=, broker_key=, timeout=} | would that broker let us in: "ok", or an error's word, text; waits |
//  | is_local(endpoint) | whether only this machine can reach it |
//  | directory(), default_broker() | the user's runtime directory and the broker's endpoint in it |
//  | setenv(name, value or nil) | for the boot record of this very process |
//  | label(text) | another label for the lines of this process |
//  | leave(orphaned) | before core.exit: complete the last line; remove what a killed launcher left |
//  | isatty(fd) | whether that is a terminal |
//  | edit | table: line editing for the console (edit.h) |
//  | keys | table: key pairs and the trust store (host_keys.h) |
//  | version | "0.1.0" |

#ifndef HOST_H
#define HOST_H

#include <lua.h>

//  Pushes the table.
int host_push(lua_State *L);

#endif
