//  serve - what arrives: chunks and calls from other processes, and notices
//
//  Each event gets a task. What a request's function returns is packed inside its coroutine and
//  answered from there; what it raises becomes a FAIL, which without a waiting caller is still
//  sent, so that the sender's standard error shows it.

#ifndef LUA_SERVE_H
#define LUA_SERVE_H

#include "core.h"

//  Register our handler with the process.
void lserve_attach(lcore_t *core);

//  Once: make the function that serves requests, and push the table of exports that it looks names up in.
void lserve_push_exports(lua_State *L, lcore_t *core);

#endif
