//  broker_jail - runs the text of reactions, in the jail, for the core
//
//  What the text finds is PROTOCOL.md's business, section 13: its terms and its operations on spaces. Each run is one job of
//  the jail, whose principal is the owner and the space; its verdict goes into the core from the loop, as does each
//  operation that it does. Everything belongs to the loop's thread; nothing waits.

#ifndef BROKER_JAIL_H
#define BROKER_JAIL_H

#include <uv.h>
#include "broker_core.h"

typedef struct broker_jail broker_jail_t;

typedef struct {
    uv_loop_t *loop;
    broker_core_t *core;        //  Lives longer than we do
    int64_t (*now)(void *arg);      //  The core's clock
    void (*changed)(void *arg);     //  The core was told something
    void *arg;
} broker_jail_config_t;

//  NULL: no memory. Starts nothing yet.
broker_jail_t *broker_jail_new(const broker_jail_config_t *config);

//  Kill what runs, without a verdict. Run the loop once more before closing it. *self_p becomes NULL; NULL is fine.
void broker_jail_destroy(broker_jail_t **self_p);

//  As broker_output_t says: `ready` starts the program, if it does not run.
int  broker_jail_ready(broker_jail_t *self, char *text);
void broker_jail_run(broker_jail_t *self, const broker_run_t *run);

//  Append counters to STAT's map: returns how many pairs.
uint32_t broker_jail_stat(const broker_jail_t *self, wire_buf_t *out);

#endif
