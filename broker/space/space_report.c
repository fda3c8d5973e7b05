//  space_report - SPACES, counters

#include "space_react.h"
#include "space_step.h"

static void put(wire_buf_t *out, const char *name, uint64_t value)
{
    wire_put_cstr(out, name);
    wire_put_uint(out, value);
}

static void put_space(wire_buf_t *out, const space_t *space)
{
    wire_put_map(out, 7);
    wire_put_cstr(out, "name");
    wire_put_text(out, space->name, space->size);
    put(out, "tuples", space->order.count);
    put(out, "bytes", space->bytes);
    put(out, "leases", space->lease_count);
    put(out, "waiters", space->waiters.count);
    put(out, "watches", space->watches.count);
    put(out, "reactions", space->reactor ? space->reactor->count : 0);
}

//  As many as fit a message, those that began first. The array's head is written in its long form, and its number when
//  it is known.
int space_do_spaces(spaces_t *self, const spaces_op_t *op)
{
    wire_buf_t *out = &self->results;
    uint32_t count = 0;
    if (op->count)
        return spaces_say(self, WIRE_E_MALFORMED, "SPACES: too many fields");
    wire_buf_clear(out);
    wire_put_array(out, UINT32_MAX);
    for (const space_link_t *at = self->all.next; at != &self->all && out->size < SPACE_ANSWER - 512; at = at->next) {
        const space_t *space = SPACE_OF(at, space_t, link);
        if (self->output.shows && !self->output.shows(self->arg, op->session, (wire_str_t) { space->name, space->size }))
            continue;
        put_space(out, space);
        count++;
    }
    if (out->failed)
        return spaces_no_memory(self);
    for (int i = 0; i < 4; i++)
        out->data[1 + i] = (uint8_t) (count >> (24 - 8 * i));
    spaces_answer(self, op->session, op->request, out, 1);
    return 0;
}

uint32_t spaces_stat(const spaces_t *self, wire_buf_t *out)
{
    uint32_t pairs = 6;
    put(out, "space.spaces", self->count);
    put(out, "space.tuples", self->tuples);
    put(out, "space.bytes", self->bytes);
    put(out, "space.waiters", self->waiter_count);
    put(out, "space.watches", self->watch_count);
    put(out, "space.leases", self->lease_count);
#define X(name) put(out, "space." #name, self->counters.name), pairs++;
    SPACE_COUNTERS(X)
#undef X
    return pairs;
}
