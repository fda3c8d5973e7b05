//  host - what the command line's Lua half (lua/alua/cli) asks of C, as one table
//
//  | function | what |
//  | --- | --- |
//  | launch{count=, app=, name=, broker=, key=, broker_key=, code=, file=, args={}, timeout=, keep=, end_=, label=} | `alua run`; the exit status |
//  | serve{listen={}, key=, trust=, policy=, insecure=, until_empty=, ready=fd} | `alua broker`; the exit status, and a sentence when it could not |
//  | detach{listen={}, key= ...} | start such a broker as a process of its own: the line it said, or nil, why |
//  | probe(endpoint) | "somebody", "nobody" or "bad"; waits up to a second |
//  | knock{broker=, key=, broker_key=, timeout=} | would that broker let us in: "ok", or an error's word, text; waits |
//  | listenable(endpoint) | the same with a number for a host's name; or nil, why |
//  | own_address(endpoint) | by which address of ours it would be reached; nil when that is not known |
//  | absolute(path) | the path of a file from the root; what is no file stays as it is |
//  | is_local(endpoint) | whether only this machine can reach it |
//  | directory(), default_broker() | the user's runtime directory and the broker's endpoint in it |
//  | setenv(name, value or nil) | for the boot record of this very process |
//  | label(text) | another label for the lines of this process |
//  | leave(orphaned) | before core.exit: complete the last line; remove what a killed launcher left |
//  | isatty(fd) | whether that is a terminal |
//  | now() | monotonic seconds, to the nanosecond |
//  | data(text, name) | data in Lua's syntax, read without running it (host_data.h) |
//  | edit | table: line editing for the console (edit.h) |
//  | doctor | table: what `alua doctor` looks at (host_doctor.h) |
//  | keys | table: key pairs and the trust store (host_keys.h) |
//  | version | "0.1.0" |

#ifndef HOST_H
#define HOST_H

#include <lua.h>

//  Pushes the table.
int host_push(lua_State *L);

#endif
