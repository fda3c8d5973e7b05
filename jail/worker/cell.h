//  cell - take every power from this process that it can do without
//
//  What is left: to read and write one descriptor, to ask for memory (never executable), to read
//  the clock, and to end. All else is refused with EPERM and not answered by a signal, since the C
//  library probes. Linux only.

#ifndef JAIL_CELL_H
#define JAIL_CELL_H

#include <linux/filter.h>
#include <stddef.h>
#include <sys/types.h>

#define CELL_FD 0               //  The descriptor that is kept

typedef struct {
    struct sock_fprog program;  //  The filter of a worker, compiled once by the fork server
    struct sock_fprog guard;    //  The fork server's own
    size_t memory;              //  Bytes of address space
    pid_t parent;               //  With whom the process ends
} cell_t;

//  Compile the filters, in a child that is waited for. 0, or an errno.
int cell_init(cell_t *self, size_t memory, pid_t parent);

//  Stop being root, for this process and its children, where the system lets us; give every
//  capability away; be no more dumpable. 0, or an errno (when capabilities could not be dropped).
int cell_drop_root(void);

//  Refuse this process and its children, from now on, what neither a fork server nor a worker calls. It holds a server
//  that was broken; a worker is held by cell_enter, with or without it. 0, or an errno.
int cell_guard_server(const cell_t *self);

//  Move `fd` to CELL_FD, close all others, lower the limits, and apply the filter. Does not return
//  half done: 0, or an errno after which the process must end.
int cell_enter(const cell_t *self, int fd);

#endif
