//  over - is the program over? Decided from what its processes report
//
//  Mattern's two waves, per pair of incarnations: the program is over when in two successive
//  waves nobody is active, every counted message that one of ours sent to another of ours (or to
//  the embedded broker, and back) was received and handled, and nothing was sent in between.
//  What was exchanged with a process that is gone, or that never was ours, does not count.
//
//  Pure: reports and the time (ms) come in, verdicts leave. Owned by one thread.
//
//      all idle ---> wave 1 ---> wave 2 ---> over, or deadlock
//        ^             | somebody active: until it says idle
//        +-------------+ a message on its way: again after OVER_RETRY

#ifndef OVER_H
#define OVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct over over_t;

typedef struct {
    size_t first;               //  Processes that the launcher starts: nothing is over before all have come
    bool keep;                  //  --keep: never over
    bool end;                   //  --end: alua.loop holds nothing
    bool shared;                //  The broker is not ours: others can wake a take, so no deadlock
} over_rules_t;

//  Counted events between the embedded broker and the session of a node ("NAME#INCARNATION"):
//  what it sent there, what it received from there, and what it keeps for it.
typedef struct {
    uint64_t sent, received, parked;
} over_broker_t;

//  False when the broker knows no such session: then its column does not count.
typedef bool over_broker_fn(void *arg, const char *peer, over_broker_t *counts);

typedef struct {
    const char *peer;           //  "NAME#INCARNATION", "relay:ID" (what a broker carried), or "broker"
    uint64_t sent, received;
} over_row_t;

typedef struct {
    uint64_t wave;
    uint64_t active;            //  What holds the process, takes included
    bool serving;               //  alua.loop
    uint64_t children;          //  Spawned, and not yet connected to us
    uint64_t waits, takes;      //  Things that wait; of these, takes and reads without a timeout
    const over_row_t *rows;
    size_t count;
} over_report_t;

typedef enum {
    OVER_NOT_YET,
    OVER_WAVE,                  //  Ask everybody to report, with over_wave's number
    OVER_DONE,                  //  Final
    OVER_DEADLOCK               //  Final: only takes are left, nobody can put
} over_verdict_t;

//  broker may be NULL. NULL: no memory.
over_t *over_new(const over_rules_t *rules, over_broker_fn *broker, void *arg);
void over_destroy(over_t **self_p);

//  A process of ours has come; `member` is the caller's number for it, not used by another one now.
//  0 or WIRE_E_NO_MEMORY.
int over_join(over_t *self, uint64_t member);
//  It is known to others under this name, and its process under this id (again after re-homing); copied.
//  0 or WIRE_E_NO_MEMORY.
int over_opened(over_t *self, uint64_t member, const char *peer, const char *id);
//  It says that nothing holds it any more.
void over_idle(over_t *self, uint64_t member);
//  Its report; rows are copied. Stale ones (another wave) are ignored. 0 or WIRE_E_NO_MEMORY.
int over_report(over_t *self, uint64_t member, const over_report_t *report);
//  It is gone: its row and column are dropped.
void over_leave(over_t *self, uint64_t member);

//  What is to be done now. Call it after each of the above, and when over_timeout has passed.
over_verdict_t over_step(over_t *self, int64_t now);
uint64_t over_wave(const over_t *self);
//  ms until over_step has something to do although nothing was reported; -1: nothing.
int64_t over_timeout(const over_t *self, int64_t now);

#endif
