//  serve - `alua broker`: a broker as a process of its own

#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *const *listen;  //  Endpoints, NULL-terminated
    bool until_empty;           //  End when the last member has left
    const char *key;            //  File of its certificate; NULL: no keys
    const char *trust;          //  Directory of those who may come; NULL: the user's
    const char *policy;         //  File; NULL: none
    bool insecure;              //  Let in whoever comes
    int ready;                  //  A descriptor that hears "ok ENDPOINT..." or "error WHY", one line; 0: none
} serve_options_t;

//  Listen, say so on standard output, serve until a signal. The exit status.
int serve(const serve_options_t *options);

//  Start such a broker in a session of its own, without our input and output, and wait until it listens.
//  True: `line` has where. False: `line` says why not.
bool serve_detached(const serve_options_t *options, char *line, size_t size);

#endif
