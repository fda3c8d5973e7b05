//  node_back - what was taken for somebody who waits no longer goes back
//
//  A tuple goes to its old place, a leased one is released; who waits there sees it as if it had never left. What was put
//  in the same step stands in its place: a swap stays done, and so does a batch that puts, as a whole.

#include "node_core.h"

static bool put_back(node_core_t *self, wire_reader_t space, wire_reader_t tuple, uint64_t number)
{
    wire_buf_t *out = &self->scratch;
    wire_buf_clear(out);
    wire_msg_begin(out, WIRE_OUT, 0, 0, 3);
    wire_buf_append(out, space.at, (size_t) (space.end - space.at));
    wire_buf_append(out, tuple.at, (size_t) (tuple.end - tuple.at));
    wire_put_map(out, 1);
    wire_put_cstr(out, "number");
    wire_put_uint(out, number);
    return node_core_send_now(self);
}

static bool release(node_core_t *self, uint64_t lease)
{
    wire_buf_clear(&self->scratch);
    wire_msg_begin(&self->scratch, WIRE_RELEASE, 0, 0, 1);
    wire_put_uint(&self->scratch, lease);
    return node_core_send_now(self);
}

//  The next value as a reader of its own.
static bool cut(wire_reader_t *at, wire_reader_t *value)
{
    value->at = at->at;
    bool ok = wire_skip(at) == 0;
    value->end = at->at;
    return ok;
}

//  tuple, number, lease or nil
static bool give_one_back(node_core_t *self, wire_reader_t space, wire_reader_t at)
{
    wire_reader_t tuple;
    uint64_t number, lease;
    if (!cut(&at, &tuple) || wire_read_uint(&at, &number))
        return true;
    return wire_read_uint(&at, &lease) == 0 ? release(self, lease) : put_back(self, space, tuple, number);
}

//  [tuples], [numbers]
static bool give_all_back(node_core_t *self, wire_reader_t space, wire_reader_t at)
{
    wire_reader_t tuples, tuple;
    uint64_t number;
    uint32_t count, numbers;
    bool sent = true;
    if (!cut(&at, &tuples) || wire_read_array(&tuples, &count) || wire_read_array(&at, &numbers) || count != numbers)
        return true;
    while (count-- && cut(&tuples, &tuple) && wire_read_uint(&at, &number) == 0)
        sent &= put_back(self, space, tuple, number);
    return sent;
}

static bool has_option(wire_reader_t options, const char *name)
{
    wire_reader_t value;
    return options.at < options.end && wire_map_find(&options, name, &value);
}

//  What one TAKE, whose fields are `asked`, has brought.
static bool give_back(node_core_t *self, wire_reader_t asked, wire_reader_t fields)
{
    wire_reader_t space, pattern;
    if (!cut(&asked, &space) || !cut(&asked, &pattern) || has_option(asked, "put"))
        return true;
    return has_option(asked, "all") ? give_all_back(self, space, fields) : give_one_back(self, space, fields);
}

//  ---- Batches -----------------------------------------------------------------------

//  The next operation, [type, ...fields]: its type, and its fields as a reader of its own. 0: there is none.
static uint32_t next_step(wire_reader_t *batch, wire_reader_t *fields)
{
    uint32_t count, type;
    if (!cut(batch, fields) || wire_read_array(fields, &count) || count == 0 || wire_read_u32(fields, &type))
        return 0;
    return type;
}

static bool has_step(wire_reader_t batch, bool (*wanted)(uint32_t type, wire_reader_t fields))
{
    uint32_t count, type;
    wire_reader_t fields;
    if (wire_read_array(&batch, &count))
        return false;
    while ((type = next_step(&batch, &fields)) != 0)
        if (wanted(type, fields))
            return true;
    return false;
}

static bool is_take(uint32_t type, wire_reader_t fields)
{
    (void) fields;
    return type == WIRE_TAKE;
}

static bool does_put(uint32_t type, wire_reader_t fields)
{
    wire_reader_t space, pattern;
    if (type == WIRE_OUT || type == WIRE_ACK)
        return true;
    return type == WIRE_TAKE && cut(&fields, &space) && cut(&fields, &pattern) && has_option(fields, "put");
}

bool node_core_takes(wire_str_t batch)
{
    return has_step(wire_reader(batch.data, batch.size), is_take);
}

//  The answer is [[fields]...], one for each operation.
static bool give_batch_back(node_core_t *self, wire_reader_t batch, wire_reader_t answers)
{
    uint32_t count, type, fields;
    wire_reader_t asked, answer;
    bool sent = true;
    if (wire_read_array(&batch, &count) || wire_read_array(&answers, &count))
        return true;
    while ((type = next_step(&batch, &asked)) != 0 && cut(&answers, &answer))
        if (type == WIRE_TAKE && wire_read_array(&answer, &fields) == 0)
            sent &= give_back(self, asked, answer);
    return sent;
}

//  ---- The door ----------------------------------------------------------------------

static void report(node_core_t *self, int code, const char *text)
{
    wire_str_t who = { "the broker", 10 };
    self->stat.reports++;
    if (self->handler.report)
        self->handler.report(self->handler_arg, who, code, text, NULL, 0);
}

void node_core_give_back(node_core_t *self, const node_pending_t *pending, wire_reader_t fields)
{
    wire_reader_t asked = wire_reader(pending->about.data, pending->about.size);
    bool sent = true;
    if (pending->type == WIRE_TAKE)
        sent = give_back(self, asked, fields);
    else if (pending->type == WIRE_BATCH && has_step(asked, does_put))
        report(self, WIRE_E_CANCELLED, "a batch that takes and puts was done, and nobody waits for what it took any longer");
    else if (pending->type == WIRE_BATCH)
        sent = give_batch_back(self, asked, fields);
    if (!sent)
        report(self, WIRE_E_FULL, "a tuple that nobody waits for any longer was lost");
}
