//  space_step - a step is carried out, undone or made final; its answer

#include <assert.h>

#include "space_react.h"
#include "space_step.h"

//  ---- Carried out ---------------------------------------------------------

//  Number what is put and, unless it is to be offered first, put it.
static void put_made(spaces_t *self, const space_step_t *step, bool link)
{
    for (size_t i = step->made; i < step->made_end; i++) {
        const space_item_t *item = &self->made.items[i];
        space_tuple_number(self, item->tuple, item->wish);
        if (link)
            space_tuple_link(self, item->tuple);
    }
}

//  Find up to so many tuples that together fit the answer.
static int look(spaces_t *self, space_step_t *step, size_t limit)
{
    size_t room = SPACE_ANSWER - self->results.size;
    space_scan_t scan;
    space_scan(&scan, step->space, step->match);
    for (space_tuple_t *tuple; limit && (tuple = space_scan_next(&scan)); limit--) {
        size_t size = tuple->size + 24u;        //  Its number, a lease, heads
        if (step->options.all && size > room)
            break;
        if (!space_list_add(&self->found, (space_item_t) { .tuple = tuple }))
            return spaces_no_memory(self);
        step->found_end++;
        room -= size < room ? size : room;
    }
    return 0;
}

static int search(spaces_t *self, space_step_t *step)
{
    step->found = step->found_end = self->found.count;
    int rc = step->space ? look(self, step, step->options.all ? step->options.all : 1) : 0;
    if (!rc && step->found_end == step->found && !step->options.all)
        rc = spaces_say(self, WIRE_E_TIMEOUT, "no tuple matches");
    return rc;
}

static int run_take(spaces_t *self, space_step_t *step, uint64_t session)
{
    int rc = search(self, step);
    if (!rc && step->options.lease)
        rc = space_lease_new(self, session, step->options.lease, &step->lease);
    if (rc) {
        step->found_end = step->found;
        return rc;
    }
    for (size_t i = step->found; i < step->found_end; i++)
        space_tuple_unlink(self, self->found.items[i].tuple);
    put_made(self, step, true);
    return 0;
}

static int run_count(space_step_t *step)
{
    space_scan_t scan;
    if (!step->space)
        return 0;
    if (!step->match) {
        step->matches = step->space->order.count;
        return 0;
    }
    space_scan(&scan, step->space, step->match);
    while (space_scan_next(&scan))
        step->matches++;
    return 0;
}

static int run_ack(spaces_t *self, space_step_t *step, uint64_t session)
{
    int rc = space_lease_find(self, session, step->lease_number, &step->lease);
    if (rc)
        return rc;
    step->lease->acked = true;
    step->space = step->lease->tuple->space;    //  It may be empty when the tuple is gone
    step->space->pins++;
    put_made(self, step, true);
    return 0;
}

int space_step_run(spaces_t *self, space_step_t *step, uint64_t session, bool alone)
{
    switch (step->type) {
    case WIRE_OUT:   put_made(self, step, !alone); return 0;
    case WIRE_TAKE:  return run_take(self, step, session);
    case WIRE_READ:  return search(self, step);
    case WIRE_COUNT: return run_count(step);
    default:         return run_ack(self, step, session);
    }
}

void space_step_undo(spaces_t *self, space_step_t *step)
{
    for (size_t i = step->made_end; i > step->made; i--)
        if (self->made.items[i - 1].tuple->linked)
            space_tuple_unlink(self, self->made.items[i - 1].tuple);
    if (step->type == WIRE_TAKE)
        for (size_t i = step->found_end; i > step->found; i--)
            space_tuple_link(self, self->found.items[i - 1].tuple);
    if (step->lease && step->type == WIRE_ACK)
        step->lease->acked = false;
    else if (step->lease)
        space_lease_free(self, step->lease);
}

//  ---- Answered ------------------------------------------------------------

static void put_tuple(wire_buf_t *out, const space_tuple_t *tuple)
{
    wire_buf_append(out, space_tuple_bytes(tuple).at, tuple->size);
}

static uint32_t write_numbers(spaces_t *self, const space_step_t *step, wire_buf_t *out)
{
    wire_put_array(out, (uint32_t) (step->made_end - step->made));
    for (size_t i = step->made; i < step->made_end; i++)
        wire_put_uint(out, self->made.items[i].tuple->number);
    return 1;
}

static uint32_t write_all(spaces_t *self, const space_step_t *step, wire_buf_t *out)
{
    wire_put_array(out, (uint32_t) (step->found_end - step->found));
    for (size_t i = step->found; i < step->found_end; i++)
        put_tuple(out, self->found.items[i].tuple);
    wire_put_array(out, (uint32_t) (step->found_end - step->found));
    for (size_t i = step->found; i < step->found_end; i++)
        wire_put_uint(out, self->found.items[i].tuple->number);
    return 2;
}

static uint32_t write_one(spaces_t *self, const space_step_t *step, wire_buf_t *out)
{
    const space_tuple_t *tuple = self->found.items[step->found].tuple;
    space_tuple_write(self, tuple, out);
    wire_put_uint(out, tuple->number);
    if (step->type == WIRE_READ)
        return 2;
    if (step->lease)
        wire_put_uint(out, step->lease->number);
    else
        wire_put_nil(out);
    return 3;
}

uint32_t space_step_write(spaces_t *self, const space_step_t *step, wire_buf_t *out)
{
    if (step->type == WIRE_ACK)
        return write_numbers(self, step, out);
    if (step->type == WIRE_TAKE || step->type == WIRE_READ)
        return step->options.all ? write_all(self, step, out) : write_one(self, step, out);
    bool is_out = step->type == WIRE_OUT;
    wire_put_uint(out, is_out ? self->made.items[step->made].tuple->number : step->matches);
    return 1;
}

//  ---- Made final ----------------------------------------------------------

void space_step_drop_made(spaces_t *self, const space_step_t *step)
{
    for (size_t i = step->made; i < step->made_end; i++)
        if (!self->made.items[i].tuple->linked)
            self->made.items[i].tuple = NULL;
}

static void count(spaces_t *self, const space_step_t *step)
{
    self->counters.outs += step->made_end - step->made;
    self->counters.takes += step->type == WIRE_TAKE ? step->found_end - step->found : 0;
    self->counters.reads += step->type == WIRE_READ ? step->found_end - step->found : 0;
    self->counters.counts += step->type == WIRE_COUNT;
    self->counters.acks += step->type == WIRE_ACK;
}

void space_step_commit(spaces_t *self, space_step_t *step)
{
    count(self, step);
    if (step->type == WIRE_ACK)
        space_tuple_free(self, space_lease_end(self, step->lease));
    for (size_t i = step->found; i < step->found_end; i++) {
        space_tuple_t *tuple = self->found.items[i].tuple;
        if (!self->reacting)
            space_run_later(self, tuple->space, step->type == WIRE_TAKE ? SPACE_ON_TAKE : SPACE_ON_READ, self->actor,
                            tuple);
        if (step->type == WIRE_READ)
            continue;
        if (step->lease)
            space_lease_begin(self, step->lease, tuple);
        else
            space_tuple_free(self, tuple);
    }
}

void space_step_announce(spaces_t *self, const space_step_t *step)
{
    for (size_t i = step->made; i < step->made_end; i++) {
        space_tuple_t *tuple = self->made.items[i].tuple;
        self->made.items[i].tuple = NULL;
        if (tuple)
            space_tuple_arrive(self, tuple);
    }
}
