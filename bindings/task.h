//  task - events in pooled coroutines, and waiting in them
//
//      idle --take, start--> running --its function returns or raises--> idle
//                             ^   |
//                       wake  |   | wait
//                             +- waiting
//
//  Whatever may need memory runs inside the coroutine, so that running out of it ends only
//  that event. A task is one event's at a time; it waits for at most one thing.

#ifndef LUA_TASK_H
#define LUA_TASK_H

#include "core.h"

//  A task for an event, with `failed` and what set; NULL when there is no memory. It is given
//  back by start, or by give_back if that does not come to pass. what: lives until the event's end or first
//  wait; NULL: it follows from the request that will be task->event.
ltask_t *ltask_take(lcore_t *core, const char *what);
void ltask_give_back(ltask_t *task);
//  As ltask_take; that there is no memory is reported.
ltask_t *ltask_take_or_tell(lcore_t *core, const char *what);

//  What reports call the event: "call add", "chunk FILE:LINE".
const char *ltask_what(ltask_t *task);

//  Run entry(task as a light userdata), which returns nothing, in it, to its end or first wait.
void ltask_start(ltask_t *task, lua_CFunction entry);
//  The same with the function at a registry index.
void ltask_start_ref(ltask_t *task, int ref);
//  The same with `count` further arguments, which are popped from L.
void ltask_start_with(ltask_t *task, lua_CFunction entry, lua_State *L, int count);
//  For lua_callk, where an entry has nothing to do behind the call.
int ltask_over(lua_State *T, int status, lua_KContext context);

//  The task that may wait here; raises for misuse when none may: in a coroutine that is not
//  ours, or inside a C function. The main thread of plain Lua is one, too.
ltask_t *ltask_here(lua_State *L, lcore_t *core);

//  Let the interpreter's debug hook run, by which it answers Ctrl-C: true, and its error on
//  the stack, when it raised.
bool ltask_interrupted(lua_State *L);
#define LTASK_POKE 1000         //  ms between two such looks

//  Wait: yields (or runs the loop) until somebody wakes the task, then calls `then`, with the
//  task as its context. task->wait is filled in before.
int ltask_wait(lua_State *L, ltask_t *task, lua_KFunction then);

//  Go on now, which only an event of the node's may do; or as an event of its own, from anywhere.
void ltask_wake(ltask_t *task);
void ltask_wake_later(ltask_t *task, int ended);

//  Go on with this outcome, which the continuation finds in task->outcome.
void ltask_wake_with(ltask_t *task, const alua_outcome_t *outcome);
//  An alua_outcome_fn whose arg is a task that waits for a request.
void ltask_on_outcome(void *arg, const alua_outcome_t *outcome);
//  Push what task->outcome says: results, the first `most`, or nil and an error. How many.
int ltask_push_outcome(lua_State *L, ltask_t *task, uint32_t most);

//  For the node's handler.
void ltask_cancel(lcore_t *core, const alua_remote_t *from, uint64_t request);
uint32_t ltask_list(lcore_t *core, wire_buf_t *out);
//  Whether a task waits in the middle of what another process has asked for.
bool ltask_serves(const lcore_t *core);
//  The same with all else that holds the program. In waits.c.
uint32_t lwaits_list(lcore_t *core, wire_buf_t *out);

//  Protected work on the service thread; false when it raised (the error is dropped).
bool ltask_protected(lcore_t *core, lua_CFunction work, void *arg);

//  A failed event that answers nobody: report it.
void ltask_report(lua_State *S, ltask_t *task, int status);

void ltask_close(lcore_t *core);

#endif
