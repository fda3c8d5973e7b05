//  broker_figures - what STAT has of the broker's links and of itself

#include "broker_figures.h"

uint32_t broker_figures_put(const hub_t *hub, bool insecure, int64_t wall, int64_t started, wire_buf_t *out)
{
    hub_stat_t stat;
    hub_stat(hub, &stat);
    const struct {
        const char *name;
        uint64_t value;
    } pairs[] = {
        { "link.messages_in", stat.messages_in }, { "link.messages_out", stat.messages_out },
        { "link.frames_in", stat.frames_in },     { "link.frames_out", stat.frames_out },
        { "link.bytes_in", stat.bytes_in },       { "link.bytes_out", stat.bytes_out },
        { "link.resent", stat.resent },           { "link.refused", stat.refused },
        { "link.strikes", stat.strikes },         { "link.lost", stat.lost },
        { "link.reconnects", stat.reconnects },   { "link.full", stat.full },
        { "link.peers", stat.peers },             { "link.ring_bytes", stat.ring_bytes },
        { "link.denied", stat.denied },           { "link.unfinished", stat.unfinished },
        { "link.cut", stat.cut },
        { "insecure", insecure },                 { "wall", (uint64_t) wall },
        { "protocol", WIRE_VERSION },             { "uptime", (uint64_t) (hub_now(hub) - started) / 1000 },
    };
    const uint32_t count = sizeof pairs / sizeof *pairs;
    for (uint32_t i = 0; i < count; i++) {
        wire_put_cstr(out, pairs[i].name);
        wire_put_uint(out, pairs[i].value);
    }
    return count;
}
