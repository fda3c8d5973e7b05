//  core - what one Lua state has of ALua: its node, its process, its coroutines
//
//  Internal to bindings/. All functions belong to the thread that runs the Lua state. Those with
//  a lua_State may raise Lua errors; those without never do, and are safe to call from the node.

#ifndef LUA_CORE_H
#define LUA_CORE_H

#include <lauxlib.h>
#include <lua.h>

#include "alua.h"
#include "chunks.h"
#include "codec.h"
#include "lerror.h"
#include "where.h"

typedef struct lcore lcore_t;
typedef struct ltask ltask_t;

//  What a task waits for. The strings live as long as the wait: its stack keeps them.
typedef struct {
    const char *verb;           //  "sync call"; NULL: it does not wait
    const char *name, *of;      //  A function, of a process; or NULL
    void (*stop)(ltask_t *task);    //  End the wait with CANCELLED; NULL: cannot be ended
    uint64_t request;           //  For stop
    uint64_t timer;             //  0: none
    void *object;               //  The future
    int ended;                  //  0: what it waited for came; else WIRE_E_TIMEOUT, WIRE_E_CANCELLED ...
    bool holds;                 //  Keeps the program from being over
} lwait_t;

//  A coroutine of the pool and the event that runs in it; or the main thread while it waits.
struct ltask {
    lcore_t *core;
    lua_State *L;
    ltask_t *next_idle;
    ltask_t *next, *prev;       //  Of all tasks

    //  The event. Its handler's function raised: failed is called on the service thread,
    //  protected, with the error value on top.
    void (*failed)(lua_State *S, ltask_t *task, int status);
    const alua_event_t *event;  //  Until the handler first waits
    const alua_outcome_t *outcome;  //  While an entry or continuation that asks for it runs
    struct lpending *pending;   //  Whose callback this is
    const char *what;           //  What reports call it; NULL: nobody has asked ltask_what yet
    alua_remote_t *from;        //  The process we work for, or NULL
    uint64_t request;
    uint32_t flags;             //  WIRE_WANTS_REPLY ...
    int64_t deadline;           //  0: none
    int64_t timeout;            //  ms that outcome was given; 0: none
    bool held;                  //  from is ours to release
    bool cancelled;             //  from waits no longer

    //  Waiting
    lwait_t wait;
    ltask_t *next_waiting, *prev_waiting;   //  In core->waiting
    ltask_t *next_waiter;       //  For the same future
    ltask_t *next_due;          //  To be resumed by an event of its own
    bool due;
    bool woken;                 //  The main thread's loop may end
    alua_outcome_t *kept;       //  The main thread reads its outcome later: a copy
    char text[64];              //  What `what` says, as soon as the event waits
};

//  A callback that waits for an outcome or for its turn. From a free list.
typedef struct lpending {
    struct lpending *next;
    lcore_t *core;
    int place;                  //  Its own in core->callbacks: the function, or a table of function and arguments
    bool keeps;                 //  Something stands there
    int count;                  //  Of arguments in that table; -1: no table
    bool outcome;               //  They are an outcome: results, or nil and an error object
    int64_t timeout;            //  ms; 0: none
    uint32_t most;              //  So many of the results are given
    char what[48];
} lpending_t;

typedef struct lslab {
    struct lslab *next;
    lpending_t items[64];
} lslab_t;

struct lcore {
    lua_State *L;               //  The main thread
    lua_State *service;         //  A thread for protected work that is nobody's event
    int refs;                   //  Registry index: futures by number
    int callbacks;              //  Registry index: what callbacks keep, by place; false where nothing
    int places;                 //  So many there are
    int threads;                //  Registry index: task -> thread, so that none is collected
    int serve;                  //  Registry index: what serves requests, with what they may call (names.h)
    bool closed_globals;        //  They may not call globals
    int handlers;               //  Registry index: kind -> function (core.on)
    int topics;                 //  Registry index: the broker's number -> subscription (topic.c)
    int topic;                  //  Registry index: what handles their messages
    int timers;                 //  Registry index: id -> timer
    lua_Integer timer_ids;
    int views;                  //  Registry index: app -> { list, version }
    alua_node_t *node;          //  NULL until somebody needs it
    alua_process_t *process;
    const alua_boot_t *boot;    //  NULL: not started by alua
    ltask_t *running;           //  Whose Lua code runs now; NULL: the main thread's, or none
    ltask_t *idle;
    size_t idle_count;
    ltask_t tasks;              //  All, a ring
    ltask_t waiting;            //  Those that wait, a ring, oldest first
    ltask_t outer;              //  The main thread of plain Lua
    ltask_t *due, **due_tail;
    bool due_posted;            //  An event that wakes them is on its way
    lpending_t *pendings;       //  Free ones
    lslab_t *slabs;
    wire_buf_t out;             //  Where messages are put together; used as a stack
    lchunks_t chunks;
    int loopers;                //  Tasks that wait in loop
    bool looping;               //  The main thread is in loop
    bool quit;
    bool closed;                //  The Lua state ends
    int status;                 //  Of the main chunk: -1 not over
    char loss[160];             //  The last report of a loss
    unsigned losses;            //  How many more like it there were since
    uint64_t loss_timer;        //  When to tell; 0: not armed
};

//  The core of the state, from the first upvalue that all our functions have.
static inline lcore_t *lcore_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

#define LFINISH_TIME 30000      //  ms that leaving may take, as sending may

//  core.c: the node, made when first needed. Raises when it cannot be had.
void lcore_make_node(lua_State *L, lcore_t *core);
static inline void lcore_need_node(lua_State *L, lcore_t *core)
{
    if (!core->node)
        lcore_make_node(L, core);
}
//  Seconds to ms, rounded up; nil: `otherwise`; infinity: 0, which is none. Raises for others.
int64_t lcore_ms(lua_State *L, int index, int64_t otherwise);
//  Our id, "?" while there is none.
const char *lcore_id(const lcore_t *core);
//  Add functions to the table on top, with the core as first upvalue.
void lcore_register(lua_State *L, const luaL_Reg *functions, lcore_t *core);

//  report.c: print "alua: what: error" on standard error and mark the run as failed. The error
//  is on top of L and popped; traceback of `thread` when that is not NULL. May raise.
void lreport(lua_State *L, lcore_t *core, const char *what, lua_State *thread);
//  Push the traceback of a thread, without our own function at its bottom.
void lreport_traceback(lua_State *L, lua_State *thread);
//  The same as lreport where Lua cannot be asked.
void lreport_text(lcore_t *core, const char *what, const char *text);

//  Whether a loss is to be told now: of those that are alike, as when a peer with a full ring is gone, the first
//  is, and a little later how many there were. told: tell that now.
bool lreport_is_news(lcore_t *core, wire_str_t about, const char *text);
void lreport_told(lcore_t *core);

//  ask.c: the request to the broker whose name ("JOIN") stands at index; raises for others.
wire_type_t lask_check_type(lua_State *L, int index);

//  Each file's functions for alua.core.
extern const luaL_Reg lcall_functions[], lfuture_functions[], lawait_functions[], lcallback_functions[],
    ltimer_functions[], lloop_functions[], lnetwork_functions[], lvalue_functions[], lnames_functions[],
    lsignal_functions[], lask_functions[], lterm_functions[], ltopic_functions[];

#endif
