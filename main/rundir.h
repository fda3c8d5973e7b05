//  rundir - the private directory of one run: $XDG_RUNTIME_DIR/alua/p-PID
//
//  Mode 0700; the broker's socket, the control socket and a lock file lie in it. The lock is held as long
//  as the launcher lives, however it ends, so whoever comes later knows which directories are left over.
//  Waits only for other launchers that are making theirs.

#ifndef RUNDIR_H
#define RUNDIR_H

#include <limits.h>
#include <stdbool.h>

typedef struct {
    char path[PATH_MAX];        //  "" when there is none
    int lock;                   //  Our lock file, close-on-exec
} rundir_t;

//  Remove what is left of launchers that are dead, then make ours. False: errno says why.
bool rundir_make(rundir_t *self);
//  Remove it and all that lies in it.
void rundir_remove(rundir_t *self);

//  For a process whose launcher was killed: remove the launcher's directory and our own sockets.
//  Waits up to a second for the dead launcher's lock, which the kernel lets go of last.
void rundir_leave(const char *path);
//  Remove the sockets of a process that is dead.
void rundir_remove_sockets(int pid);

#endif
