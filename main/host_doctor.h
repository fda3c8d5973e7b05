//  host_doctor - what `alua doctor` looks at, as one table
//
//  | function | what |
//  | --- | --- |
//  | doctor.file(path) | { kind = "file", "directory" or "other", mode = "0600", mine = true }; nil, why |
//  | doctor.reach(endpoint) | "accepted", "refused", "silent" (no answer in a second), "unresolved" or "bad", and a word of the system's |
//  | doctor.policy(text) | the names and keys that a policy's `keys` has; nil, what is wrong and where |
//  | doctor.descriptors() | how many files this process may open |
//  | doctor.wall() | the clock, in ms since 1970 |

#ifndef HOST_DOCTOR_H
#define HOST_DOCTOR_H

#include <lua.h>

//  Pushes the table.
int host_doctor_push(lua_State *L);

#endif
