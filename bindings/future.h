//  future - an outcome that is not here yet
//
//  A full userdata. Those of calls keep the answer's bytes and decode them for each who gets them;
//  those of new_future keep Lua values. While a call is on its way its future is anchored.

#ifndef LUA_FUTURE_H
#define LUA_FUTURE_H

#include "core.h"

typedef enum { LFUTURE_PENDING, LFUTURE_OUTCOME, LFUTURE_VALUES } lfuture_state_t;

typedef struct {
    lcore_t *core;
    lfuture_state_t state;
    bool failed;
    bool has_callbacks;
    int anchor;                 //  In core->refs; LUA_NOREF
    uint64_t request;           //  Of a call; 0: a future of new_future
    ltask_t *waiters;           //  Oldest first
    int64_t timeout;            //  ms that the call was given; 0: none
    alua_outcome_t outcome;     //  LFUTURE_OUTCOME: its results stand in small
    alua_outcome_t *copy;       //  when they do not fit, or it failed: all of it
    uint8_t small[64];
    char what[48];
} lfuture_t;

//  Once per Lua state.
void lfuture_register(lua_State *L, lcore_t *core);

//  Push a new pending one.
lfuture_t *lfuture_push(lua_State *L, lcore_t *core, const char *what);
//  Keep the one at index alive until lfuture_on_outcome (an alua_outcome_fn) has come.
void lfuture_anchor(lua_State *L, lfuture_t *self, int index);
//  Nothing was sent: it fails with the error object on top, which is popped.
void lfuture_refuse(lua_State *L, lfuture_t *self, int index);
void lfuture_on_outcome(void *arg, const alua_outcome_t *outcome);

#endif
