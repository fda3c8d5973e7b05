//  child - what a process of a run does before Lua: its output, its signals, its launcher's directory
//
//  For a process that was started with a boot record (alua_boot); otherwise nothing happens.

#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>

//  First thing in main, before there is a Lua state.
void child_prepare(void);

//  The last things, before an end that passes over atexit. Output is still possible afterwards.
//  orphaned: the launcher was killed; whoever is left cleans up.
void child_leave(bool orphaned);

#endif
