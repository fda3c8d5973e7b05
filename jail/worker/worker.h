//  worker - one Lua state that runs foreign text, and the conversation with the client
//
//  A worker belongs to one principal for its life. Each run has globals of its own and nothing
//  is kept between runs but compiled text. Endless work is not our business: the client kills us.
//  One thread; worker_serve waits in read and write.

#ifndef JAIL_WORKER_H
#define JAIL_WORKER_H

#include <lauxlib.h>
#include <lua.h>

#include "arena.h"
#include "jail_frame.h"

#define WORKER_GAVE_UP  6       //  Exit status in the middle of a run
#define WORKER_WHERE    160
#define WORKER_TRACE    2048

typedef struct {
    size_t memory;              //  Bytes that the Lua state may have
    size_t code;                //  Bytes of one text
    uint64_t seed[2];           //  For math.random
    arena_t *arena;             //  In which the state is made, and which outlives it; NULL: made like all later blocks
} worker_config_t;

typedef struct {
    int fd;
    worker_config_t config;
    lua_State *L;
    bool opened;                //  The state is in use: blocks are the C library's from now on
    bool spilled;               //  Before, too, since the arena was full
    size_t used;                //  Bytes that the state has
    const void *asked_block;    //  The last request for memory that was refused
    size_t asked;
    unsigned refused;           //  Requests that were refused for good in this run
    wire_buf_t in, out;
    wire_buf_t last_words;      //  The FAIL that needs no memory any more
    bool decoding;              //  What is raised now is the client's fault
    char where[WORKER_WHERE];   //  Of the last error that nobody caught
    char trace[WORKER_TRACE];
} worker_t;

//  Make the state. 0, or WIRE_E_NO_MEMORY.
int worker_open(worker_t *self, int fd, const worker_config_t *config);
void worker_close(worker_t *self);

//  Give math.random a new seed: the state may have been made in another process than the one that serves. 0, or
//  WIRE_E_NO_MEMORY.
int worker_seed(worker_t *self, const uint64_t seed[2]);

//  Say READY and run what comes, until the client is gone or breaks the rules.
void worker_serve(worker_t *self);

//  The worker of any thread of its state.
static inline worker_t *worker_of(lua_State *L)
{
    return *(worker_t **) lua_getextraspace(L);
}

//  A function of the environment: send upvalue 1, a name, and the arguments to the client, wait, and
//  return what it answers, or raise it.
int worker_call_out(lua_State *L);

#endif
