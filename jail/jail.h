//  jail - run foreign Lua text in a process that can do nothing but compute
//
//  The jail starts the program alua-jail on first use; that forks workers, each of which belongs to
//  one **principal** (whoever the text's rights are those of) for its life. No two principals ever share
//  a process. A run has globals of its own: nothing is kept from one run to the next but
//  compiled text, so a worker may be ended at any time. What the text finds is in JAIL.md.
//
//  Each job has one outcome, told from the loop. At its deadline a job's worker is killed, whatever
//  it does. Jobs of one principal run one after the other, in order; principals take turns.
//  Nothing here waits, except that jail_destroy waits for the fork server's death, which it has
//  caused. Everything belongs to the loop's thread. An idle jail does not keep the loop alive, a job does.

#ifndef JAIL_H
#define JAIL_H

#include <stdbool.h>
#include <uv.h>

#include "wire_buf.h"
#include "wire_error.h"
#include "wire_read.h"

typedef struct jail jail_t;

typedef struct {
    const char *program;        //  Path of alua-jail. NULL: $ALUA_JAIL, or beside the running program, or where
                                //  it was installed
    size_t memory;              //  Bytes that a Lua state may have; 0: 32 MiB
    size_t code;                //  Bytes that one text may have, at most 1 MiB; 0: 64 KiB
    unsigned deadline;          //  ms, for jobs that name none; 0: 1000
    unsigned workers;           //  Principals that have a worker, hence jobs that run, at once; 0: 4, at most 256
    unsigned queue;             //  Jobs that may wait; one principal has at most a quarter. 0: 1000
    unsigned calls;             //  Calls out that one job may make; 0: 10000
} jail_config_t;

typedef struct {
    int code;                   //  0 or WIRE_E_*
    wire_reader_t body;         //  0: packed array of results. Else: packed map, as in FAIL (PROTOCOL.md section 6),
                                //  with code, message, definite; of an error in the text where and traceback too
    bool claimed;               //  The code is the worker's word, which foreign text can forge. False: ours
} jail_outcome_t;

//  The end of a job. The outcome is scanned, and lent until fn returns. May run further jobs,
//  cancel some, or destroy the jail.
typedef void jail_fn(void *arg, const jail_outcome_t *outcome);

//  The running text asks: one of the job's names, and a packed array of arguments that was scanned.
//  Answer at once. 0: append a packed array of results to *answer. Else WIRE_E_*, which is raised
//  in the text; append nothing, or a packed error map that says more.
typedef int jail_call_fn(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *answer);

//  Copied by jail_run, all but what arg points to.
typedef struct {
    wire_str_t principal;       //  1..255 bytes
    wire_str_t name;            //  Of the chunk, as load takes it: "=reaction 7", "@file"
    wire_str_t code;            //  Lua text; what it returns are the results
    wire_reader_t args;         //  Packed array, given to the chunk as "..."; scanned here. Empty: no arguments
    const char *const *calls;   //  Functions in the text's globals that ask `call`: { "space.out", "log", NULL },
                                //  at most 64; NULL: none
    unsigned deadline;          //  ms from now, waiting included; 0: the configuration's. At most 10 minutes
    unsigned patience;          //  ms that it may wait for its turn: the deadline counts from its begin then. 0: from now
    jail_fn *fn;
    jail_call_fn *call;         //  NULL when calls is
    void *arg;
} jail_job_t;

//  Copies config, NULL is all zeros. NULL: no memory. Starts nothing yet.
jail_t *jail_new(uv_loop_t *loop, const jail_config_t *config);

//  Kill everything. Each job that has no outcome yet gets WIRE_E_CLOSED from inside this call. Run
//  the loop once more before closing it. *self_p becomes NULL; NULL is fine.
void jail_destroy(jail_t **self_p);

//  Run a text. 0: fn will be called, once, not from inside this call. Else it will not:
//  WIRE_E_TOO_BIG (text), _MALFORMED (args), _USAGE (principal, calls), _FULL (too many wait), _SYSTEM (the
//  program cannot be started: jail_error says why), _NO_MEMORY.
//
//  Outcomes: the text's own (0; WIRE_E_SYNTAX, _REMOTE, _UNSENDABLE, _TOO_DEEP, _TOO_BIG, the code of an error
//  object that was raised); and ours: _TIMEOUT (killed at its deadline), _EXPIRED (never begun by then),
//  _NO_MEMORY, _FULL (made too many calls), _GONE (its process died), _MALFORMED (its process spoke
//  nonsense), _SYSTEM (no worker can be started), _CLOSED.
int jail_run(jail_t *self, const jail_job_t *job);

//  Start the program now, if it does not run, so that it is known whether it can. 0, WIRE_E_SYSTEM (jail_error says why).
int jail_start(jail_t *self);

//  Forget the jobs of this arg: what runs is killed, fn and call are not called any more.
void jail_cancel(jail_t *self, const void *arg);

//  Why the fork server could not be started, for people. Lent.
const char *jail_error(const jail_t *self);

//  What it has done and does.
typedef struct {
    uint64_t runs, timeouts, deaths, births, starts;    //  deaths: workers that died by themselves
    size_t waiting, running, workers;
} jail_stat_t;
void jail_stat(const jail_t *self, jail_stat_t *stat);

#endif
