//  broker_guests - whose visits were told to people already

#include "broker_guests.h"

#include <stdio.h>
#include <string.h>

bool broker_guests_are_news(broker_guests_t *self, const char *key)
{
    size_t known = self->count < BROKER_GUESTS ? self->count : BROKER_GUESTS;
    for (size_t i = 0; i < known; i++)
        if (strcmp(self->keys[i], key) == 0)
            return false;
    snprintf(self->keys[self->count++ % BROKER_GUESTS], sizeof self->keys[0], "%s", key);
    return true;
}
