//  policy_guess - Levenshtein's distance, one row at a time

#include "policy_guess.h"

#include <stdio.h>

#define LONGEST 64

static size_t least(size_t a, size_t b, size_t c)
{
    size_t least_of_two = a < b ? a : b;
    return c < least_of_two ? c : least_of_two;
}

static size_t distance(wire_str_t a, wire_str_t b)
{
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size; j++) {
            size_t above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a.data[i] != b.data[j]));
            diagonal = above;
        }
    }
    return row[b.size];
}

//  One letter in three may be wrong, and at least one.
policy_guess_t policy_guess(wire_str_t word)
{
    return (policy_guess_t) { .word = word, .distance = (word.size < 3 ? 1 : word.size / 3) + 1 };
}

void policy_guess_among(policy_guess_t *self, wire_str_t candidate)
{
    if (candidate.size == 0 || candidate.size > LONGEST || self->word.size > LONGEST)
        return;
    size_t d = distance(self->word, candidate);
    if (d < self->distance) {
        self->distance = d;
        self->best = candidate;
    }
}

void policy_guess_say(const policy_guess_t *self, char *error, size_t size)
{
    size_t used = strlen(error);
    if (self->best.size && used < size)
        snprintf(error + used, size - used, "; did you mean '%.*s'?", (int) self->best.size, self->best.data);
}
