//  space_batch - the operation that is many: all of them, in order, or none
//
//  Each is carried out where those behind it see it, but nobody else does: others are told when all went well. What was
//  put and taken again in the same batch was never there for them.

#include <assert.h>
#include <stdio.h>

#include "space_step.h"

typedef struct {
    space_step_t steps[SPACES_MAX_BATCH];
    size_t count;               //  Parsed
    size_t run;                 //  Carried out
} batch_t;

static bool belongs(uint32_t type)
{
    return type == WIRE_OUT || type == WIRE_TAKE || type == WIRE_READ || type == WIRE_COUNT || type == WIRE_ACK;
}

//  The sentence says which operation it was.
static int blame(spaces_t *self, int rc, size_t which)
{
    char text[SPACE_TEXT];
    snprintf(text, sizeof text, "%s", self->text);
    return spaces_say(self, rc, "operation %zu: %.400s", which + 1, text);
}

//  [type, ...fields]
static int parse_step(spaces_t *self, batch_t *batch, wire_reader_t *in)
{
    uint32_t count, type;
    wire_reader_t at = *in;
    if (wire_read_array(&at, &count) || count == 0 || wire_read_u32(&at, &type) || wire_skip(in))
        return spaces_say(self, WIRE_E_MALFORMED, "no array that begins with a type");
    if (!belongs(type))
        return spaces_say(self, WIRE_E_USAGE, "%s does not go into a batch",
                          wire_type_name(type) ? wire_type_name(type) : "this");
    return space_step_parse(self, (wire_type_t) type, (space_fields_t) { at, count - 1 }, &batch->steps[batch->count++]);
}

static int parse(spaces_t *self, batch_t *batch, const spaces_op_t *op)
{
    wire_reader_t in = op->fields;
    uint32_t count;
    if (op->count != 1 || wire_read_array(&in, &count))
        return spaces_say(self, WIRE_E_MALFORMED, "BATCH: there is no array of operations");
    if (count > SPACES_MAX_BATCH)
        return spaces_say(self, WIRE_E_TOO_BIG, "BATCH: %u operations, more than %d", count, SPACES_MAX_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        int rc = parse_step(self, batch, &in);
        if (rc)
            return blame(self, rc, i);
    }
    return 0;
}

//  The answer of a step is an array of fields, whose number is known when they are written; it is below 16.
static int write_step(spaces_t *self, const space_step_t *step)
{
    wire_buf_t *out = &self->results;
    size_t head = out->size;
    wire_put_array(out, 0);
    uint32_t count = space_step_write(self, step, out);
    if (out->failed)
        return spaces_no_memory(self);
    out->data[head] = (uint8_t) (out->data[head] + count);
    if (out->size > SPACE_ANSWER)
        return spaces_say(self, WIRE_E_TOO_BIG, "the answers together are too big for a message");
    return 0;
}

static int run(spaces_t *self, batch_t *batch, uint64_t session)
{
    wire_buf_clear(&self->results);
    wire_put_array(&self->results, (uint32_t) batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        int rc = space_step_run(self, &batch->steps[i], session, false);
        batch->run += !rc;
        if (!rc)
            rc = write_step(self, &batch->steps[i]);
        if (rc)
            return blame(self, rc, i);
    }
    return self->results.failed ? spaces_no_memory(self) : 0;
}

static void undo(spaces_t *self, batch_t *batch)
{
    while (batch->run)
        space_step_undo(self, &batch->steps[--batch->run]);
}

static void finish(spaces_t *self, batch_t *batch, const spaces_op_t *op)
{
    for (size_t i = 0; i < batch->count; i++)
        space_step_drop_made(self, &batch->steps[i]);
    for (size_t i = 0; i < batch->count; i++)
        space_step_commit(self, &batch->steps[i]);
    self->counters.batches++;
    spaces_answer(self, op->session, op->request, &self->results, 1);
    for (size_t i = 0; i < batch->count; i++)
        space_step_announce(self, &batch->steps[i]);
    space_tuples_settle(self);
}

int space_do_batch(spaces_t *self, const spaces_op_t *op)
{
    batch_t batch;
    batch.count = batch.run = 0;
    uint64_t number = self->last_number, lease = self->last_lease;
    int rc = parse(self, &batch, op);
    if (!rc)
        rc = run(self, &batch, op->session);
    if (rc) {
        undo(self, &batch);
        self->last_number = number;
        self->last_lease = lease;
    }
    else
        finish(self, &batch, op);
    for (size_t i = 0; i < batch.count; i++)
        space_step_free(self, &batch.steps[i]);
    return rc;
}
