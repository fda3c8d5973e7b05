//  broker_guess - whom a misspelt text may have meant

#include "broker_state.h"

#include <string.h>

//  A lookup that fails must not cost more than one that does not succeed should: so many
//  candidates are looked at, and only texts of this length.
#define MOST_CANDIDATES 2000
#define LONGEST 64

typedef struct {
    wire_str_t who;
    const char *best;
    size_t distance;            //  Of the best; what a candidate must stay below
    size_t looked_at;
} guess_t;

static size_t least(size_t a, size_t b, size_t c)
{
    size_t least_of_two = a < b ? a : b;
    return c < least_of_two ? c : least_of_two;
}

//  Levenshtein's distance, one row at a time.
static size_t distance(wire_str_t a, const char *b, size_t size)
{
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= size; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < size; j++) {
            size_t above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a.data[i] != b[j]));
            diagonal = above;
        }
    }
    return row[size];
}

static size_t digits(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

//  Of those that we number, 3@ADDRESS is just another one than 2@ADDRESS: nobody misspells these.
static bool is_numbered(const char *address, const char *text, size_t size)
{
    size_t n = digits(text, size);
    return n && size - n == strlen(address) + 1 && text[n] == '@' && memcmp(text + n + 1, address, size - n - 1) == 0;
}

static void consider(guess_t *guess, const char *candidate)
{
    size_t size = strlen(candidate);
    size_t gap = size > guess->who.size ? size - guess->who.size : guess->who.size - size;
    if (size > LONGEST || gap >= guess->distance || guess->looked_at++ > MOST_CANDIDATES)
        return;
    size_t d = distance(guess->who, candidate, size);
    if (d < guess->distance) {
        guess->distance = d;
        guess->best = candidate;
    }
}

const char *broker_guess(const broker_core_t *self, wire_str_t who)
{
    if (who.size > LONGEST || is_numbered(self->address, who.data, who.size))
        return NULL;
    //  One letter in three may be wrong, and at least one
    guess_t guess = { who, NULL, (who.size < 3 ? 1 : who.size / 3) + 1, 0 };
    for (const broker_session_t *s = self->first; s; s = s->next) {
        consider(&guess, s->node);
        consider(&guess, s->id);
        for (size_t i = 0; i < s->names.count; i++)
            consider(&guess, s->names.items[i]);
    }
    return guess.best;
}
