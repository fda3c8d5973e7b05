//  launch - `alua run`: start the processes of a program, know when it is over, leave nothing behind
//
//  The launcher holds the private directory, the control socket and, unless a broker was named, the
//  broker of the private network. It runs one libuv loop and no Lua while processes live.
//
//      WORKING --over--------------------------> ENDING --3 s--> KILLING
//         | --timeout, a signal, a deadlock         ^
//         +-----> ASKING who waits for what --------+

#ifndef LAUNCH_H
#define LAUNCH_H

#include <stdbool.h>

typedef struct {
    int count;                  //  Processes
    const char *app;            //  That they join
    const char *name;           //  Of the node, or NULL; with several processes NAME1, NAME2 ...
    const char *broker;         //  Endpoint; NULL: a private one
    const char *key, *broker_key, *code;    //  For the boot records of all; or NULL
    const char *file;           //  The program
    const char *const *args;    //  Its arguments, NULL-terminated
    double timeout;             //  Seconds; 0: none
    bool keep, end, label;
} launch_options_t;

//  Run the program to its end. The exit status for ours: the highest of theirs, 124 after --timeout,
//  128 + N after signal N, 1 when they could not be started. Waits as long as the program runs.
int launch(const launch_options_t *options);

#endif
