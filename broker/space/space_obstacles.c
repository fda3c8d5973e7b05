//  space_obstacles - what keeps an operation from being carried out at once: spaces that it names and that have reactions

#include "space_react.h"

static void look_at(const spaces_t *self, wire_str_t name, unsigned on, space_obstacle_t *found)
{
    space_t *space = space_find(self, name);
    space_reactor_t *reactor = space ? space->reactor : NULL;
    if (!reactor)
        return;
    bool own = reactor == self->turning;
    if (!found->busy && (reactor->run || (!own && (reactor->current || !space_link_none(&reactor->kept)))))
        found->busy = reactor;
    if (!found->reacting && (reactor->before & on))
        found->reacting = space;
}

unsigned space_on(unsigned type)
{
    return type == WIRE_OUT ? SPACE_ON_OUT : type == WIRE_TAKE ? SPACE_ON_TAKE : type == WIRE_READ ? SPACE_ON_READ : 0;
}

//  A malformed operation has no obstacles: it is denied when it is carried out.
static void look_at_outs(const spaces_t *self, wire_reader_t in, space_obstacle_t *found)
{
    uint32_t outs, fields;
    wire_str_t name;
    if (wire_read_array(&in, &outs))
        return;
    for (; outs; outs--) {
        wire_reader_t at = in;
        if (wire_read_array(&at, &fields) || wire_read_bytes(&at, &name) || wire_skip(&in))
            return;
        look_at(self, name, SPACE_ON_OUT, found);
    }
}

//  A TAKE may put, too.
static void look_at_fields(const spaces_t *self, unsigned type, wire_reader_t in, uint32_t count, space_obstacle_t *found)
{
    wire_str_t name;
    if (type == WIRE_ACK && count > 1 && wire_skip(&in) == 0)
        look_at_outs(self, in, found);
    else if (type != WIRE_ACK && count && wire_read_bytes(&in, &name) == 0)
        look_at(self, name, space_on(type) | (type == WIRE_TAKE ? SPACE_ON_OUT : 0u), found);
}

static void look_at_batch(const spaces_t *self, wire_reader_t in, space_obstacle_t *found)
{
    uint32_t steps, fields, type;
    if (wire_read_array(&in, &steps))
        return;
    for (; steps; steps--) {
        wire_reader_t at = in;
        if (wire_read_array(&at, &fields) || fields == 0 || wire_read_u32(&at, &type) || wire_skip(&in))
            return;
        look_at_fields(self, type, at, fields - 1, found);
    }
}

space_obstacle_t space_obstacle(const spaces_t *self, const spaces_op_t *op)
{
    space_obstacle_t found = { NULL, NULL };
    if (op->type == WIRE_BATCH)
        look_at_batch(self, op->fields, &found);
    else if (op->type == WIRE_ACK || op->type == WIRE_COUNT || op->type == WIRE_SPACE_WATCH || op->type == WIRE_DESTROY
             || op->type == WIRE_REACT || space_on(op->type))
        look_at_fields(self, op->type, op->fields, op->count, &found);
    return found;
}

bool space_is_many(const spaces_op_t *op)
{
    return op->type == WIRE_BATCH || op->type == WIRE_ACK;
}

void space_deny_many(spaces_t *self, const spaces_op_t *op, const space_t *space)
{
    spaces_say(self, WIRE_E_STATE, "space %.*s has reactions, which see one tuple at a time: no %s there",
               (int) space->size, space->name, wire_type_name((unsigned) op->type));
    spaces_deny(self, op->session, op->request, WIRE_E_STATE, self->text);
}
