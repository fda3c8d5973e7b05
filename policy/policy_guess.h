//  policy_guess - what a misspelt word may have meant; for the sources of policy/ only

#ifndef POLICY_GUESS_H
#define POLICY_GUESS_H

#include "wire_read.h"

typedef struct {
    wire_str_t word;
    wire_str_t best;            //  Size 0: nothing is near
    size_t distance;            //  What the next must stay below
} policy_guess_t;

policy_guess_t policy_guess(wire_str_t word);
void policy_guess_among(policy_guess_t *self, wire_str_t candidate);

//  Append "; did you mean 'take'?" to error[size] when there is a best one.
void policy_guess_say(const policy_guess_t *self, char *error, size_t size);

#endif
