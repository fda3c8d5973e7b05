//  embed - the broker of a private network. See embed.h

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "alua.h"
#include "broker.h"
#include "embed.h"
#include "wire_limits.h"

struct embed {
    broker_t *broker;
};

embed_t *embed_new(uv_loop_t *loop, const char *endpoint)
{
    char error[BROKER_ERROR_TEXT] = "out of memory";
    embed_t *self = calloc(1, sizeof *self);
    const char *token = alua_token();
    broker_config_t config = { .endpoints = &endpoint, .endpoint_count = 1, .token = token, .host = alua_host() };
    if (!token)
        snprintf(error, sizeof error, "the user's token cannot be read or made");
    else if (self)
        self->broker = broker_new(loop, &config, error);
    if (self && self->broker)
        return self;
    fprintf(stderr, "alua: no private broker: %s\n", error);
    free(self);
    return NULL;
}

void embed_destroy(embed_t **self_p)
{
    if (!*self_p)
        return;
    broker_destroy(&(*self_p)->broker);
    free(*self_p);
    *self_p = NULL;
}

const char *embed_endpoint(const embed_t *self)
{
    return broker_endpoint(self->broker, 0);
}

const char *embed_address(const embed_t *self)
{
    return broker_address(self->broker);
}

//  "NAME#INCARNATION" in two; a name may hold a # too, so the last one counts.
static bool split(const char *peer, char *name, size_t size, uint64_t *incarnation)
{
    const char *mark = peer ? strrchr(peer, '#') : NULL;
    if (!mark || (size_t) (mark - peer) >= size)
        return false;
    snprintf(name, size, "%.*s", (int) (mark - peer), peer);
    *incarnation = strtoull(mark + 1, NULL, 10);
    return true;
}

bool embed_counts(const embed_t *self, const char *peer, over_broker_t *counts)
{
    char name[WIRE_MAX_NAME + 1];
    uint64_t incarnation;
    broker_seat_t seat;
    if (!split(peer, name, sizeof name, &incarnation) || !broker_seat(self->broker, name, incarnation, &seat))
        return false;
    *counts = (over_broker_t) { .sent = seat.sent, .received = seat.received,
                                .parked = broker_core_parked(broker_core(self->broker)) };
    return true;
}

void embed_child_died(embed_t *self, const char *peer)
{
    char name[WIRE_MAX_NAME + 1];
    uint64_t incarnation;
    if (split(peer, name, sizeof name, &incarnation))
        broker_child_died(self->broker, name, incarnation, "its process has ended");
}
