//  wire_rate - at most so many in a span of time: of lines, of reports
//
//  The span begins with the first of it; what comes beyond is the caller's to count. Pure: the time comes in.

#ifndef WIRE_RATE_H
#define WIRE_RATE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t since;              //  When the span began; 0 at first
    uint32_t had;               //  In it
} wire_rate_t;

//  Whether one more may be now.
static inline bool wire_rate_take(wire_rate_t *self, int64_t now, uint32_t most, int64_t span)
{
    if (now - self->since >= span)
        *self = (wire_rate_t) { .since = now };
    if (self->had >= most)
        return false;
    self->had++;
    return true;
}

#endif
