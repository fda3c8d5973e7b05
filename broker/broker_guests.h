//  broker_guests - whose visits were told to people already
//
//  A health check comes every few seconds, each time as another visitor. It is told once for each key, so that the log
//  says who visits, and is not filled with it.

#ifndef BROKER_GUESTS_H
#define BROKER_GUESTS_H

#include <stdbool.h>
#include <stddef.h>

//  So many keys are remembered; beyond, the one that was told first is forgotten, and is told again.
#define BROKER_GUESTS 64

typedef struct {
    char keys[BROKER_GUESTS][48];
    size_t count;               //  Told so far
} broker_guests_t;              //  All zero: nobody was told

//  Whether a visit by this key ("": by none) is to be told: true once.
bool broker_guests_are_news(broker_guests_t *self, const char *key);

#endif
