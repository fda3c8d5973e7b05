//  numbers - what a broker remembers over its own death: the highest number that it minted
//
//  Processes that were told an id keep it when their broker is restarted, and come back one by one; a number that
//  is minted meanwhile must be above theirs. So it stands in a file of the user's runtime directory, one for each
//  endpoint, as long as the network has members: one that all have left begins with 1 again.

#ifndef NUMBERS_H
#define NUMBERS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char path[PATH_MAX];        //  "" when there is no place for a file
    uint64_t written;           //  What stands there; 0: no file
} numbers_t;

//  Where the broker of an endpoint notes its number.
void numbers_init(numbers_t *self, const char *endpoint);

//  What an earlier broker noted there; 0: nothing.
uint64_t numbers_read(numbers_t *self);

//  The network has members, the highest number is this. A file that cannot be written is done without.
void numbers_note(numbers_t *self, uint64_t highest);

//  The network has no members: nobody will come back.
void numbers_forget(numbers_t *self);

#endif
