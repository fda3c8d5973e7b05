//  broker_stat - counters and gauges as one map

#include "broker_state.h"

#include <stdio.h>

typedef struct {
    wire_buf_t *out;
    uint32_t pairs;
} stat_t;

static void put(stat_t *stat, const char *name, uint64_t value)
{
    wire_put_cstr(stat->out, name);
    wire_put_uint(stat->out, value);
    stat->pairs++;
}

//  One for each error code that occurred: "denied.exists".
static void put_codes(stat_t *stat, const char *what, const uint64_t *counts)
{
    for (int code = 0; code < 32; code++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s", what, wire_error_word(code));
        if (counts[code])
            put(stat, name, counts[code]);
    }
}

//  The map's head comes first and its size is known last: pairs go aside.
void broker_stat_put(const broker_core_t *self, wire_buf_t *out)
{
    wire_buf_t pairs = WIRE_BUF_EMPTY;
    stat_t stat = { &pairs, 0 };
    put(&stat, "sessions", self->sessions);
    put(&stat, "members", self->members);
    put(&stat, "apps", self->app_order.count);
    put(&stat, "names", self->who.count);
    put(&stat, "watches", self->watches.count + self->watch_all.count);
    put(&stat, "changes", self->changes);
    if (self->keyed) {
        put(&stat, "keys", self->key_order.count);
        put(&stat, "policy", self->policy != NULL);
        put(&stat, "owned", self->owned.count);
    }
#define X(name, text) put(&stat, #name, self->counters.name);
    BROKER_COUNTERS(X)
#undef X
    put_codes(&stat, "refused", self->counters.refused);
    put_codes(&stat, "denied", self->counters.denied);
    stat.pairs += spaces_stat(self->spaces, &pairs);
    stat.pairs += topics_stat(self->topics, &pairs);
    if (self->output.stat)
        stat.pairs += self->output.stat(self->output_arg, &pairs);
    wire_put_map(out, stat.pairs);
    wire_buf_append(out, pairs.data, pairs.size);
    out->failed |= pairs.failed;
    wire_buf_free(&pairs);
}
