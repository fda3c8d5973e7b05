//  boot - starting one process of a run: its command line, its boot record, its input

#ifndef BOOT_H
#define BOOT_H

#include <uv.h>
#include "launch.h"

typedef struct {
    const launch_options_t *options;
    const char *directory;      //  Of the run: the control socket is in it
    const char *private;        //  Endpoint of the private broker; NULL: options name another
    const char *address;        //  Of the private network, else NULL
    int rank;                   //  1..count; the first gets our standard input
} boot_t;

//  Start it on this loop; `done` is called when it has ended. 0, or libuv's error code: then the
//  process handle is to be closed all the same.
int boot_start(const boot_t *self, uv_loop_t *loop, uv_process_t *process, uv_exit_cb done);

#endif
