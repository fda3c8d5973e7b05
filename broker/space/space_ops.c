//  space_ops - the operations that are one step, and those of leases, watches and whole spaces

#include <assert.h>

#include "space_react.h"
#include "space_step.h"

static space_fields_t fields_of(const spaces_op_t *op)
{
    return (space_fields_t) { op->fields, op->count };
}

static int answer_bool(spaces_t *self, const spaces_op_t *op, bool value)
{
    wire_buf_clear(&self->one);
    wire_put_bool(&self->one, value);
    spaces_answer(self, op->session, op->request, &self->one, 1);
    return 0;
}

//  ---- One step ------------------------------------------------------------

//  The step has run: answer, and make it final. NO_MEMORY: it could not be answered, and is undone.
static int finish(spaces_t *self, const spaces_op_t *op, space_step_t *step)
{
    wire_buf_clear(&self->results);
    uint32_t count = space_step_write(self, step, &self->results);
    if (self->results.failed) {
        space_step_undo(self, step);
        return spaces_no_memory(self);
    }
    space_step_commit(self, step);
    spaces_answer(self, op->session, op->request, &self->results, count);
    space_step_announce(self, step);
    space_tuples_settle(self);
    return 0;
}

static bool may_wait(const spaces_t *self, const spaces_op_t *op, const space_step_t *step)
{
    return (op->type == WIRE_TAKE || op->type == WIRE_READ) && op->request && !step->options.attempt
        && !self->reacting;
}

//  It found nothing: wait.
static int park(spaces_t *self, const spaces_op_t *op, space_step_t *step)
{
    space_item_t *put = step->made < step->made_end ? &self->made.items[step->made] : NULL;
    space_wish_t wish = { op->session, op->request, op->ttl, op->type == WIRE_TAKE, step->match,
                          put ? put->tuple : NULL, step->options.lease };
    int rc = step->space ? 0 : space_open(self, step->name, &step->space);
    if (!rc)
        rc = space_waiter_new(self, step->space, &wish);
    if (rc)
        return rc;
    step->match = NULL;
    if (put)
        put->tuple = NULL;
    return 0;
}

int space_do_step(spaces_t *self, const spaces_op_t *op)
{
    space_step_t step;
    bool waits = op->type == WIRE_TAKE || op->type == WIRE_READ;
    if (waits && op->request && space_waiter_find(self, op->session, op->request))
        return 0;                       //  It was said twice, and will be answered once
    uint64_t number = self->last_number, lease = self->last_lease;
    wire_buf_clear(&self->results);
    int rc = space_step_parse(self, op->type, fields_of(op), &step);
    if (!rc && step.options.after && space_ended_since(self, step.name, step.options.after))
        rc = spaces_say(self, WIRE_E_CLOSED, "the space was destroyed");
    if (!rc)
        rc = space_step_run(self, &step, op->session, true);
    if (rc == WIRE_E_TIMEOUT && may_wait(self, op, &step))
        rc = park(self, op, &step);
    else if (!rc)
        rc = finish(self, op, &step);
    if (rc) {
        self->last_number = number;
        self->last_lease = lease;
    }
    space_step_free(self, &step);
    return rc;
}

//  ---- Leases --------------------------------------------------------------

//  lease
int space_do_release(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = fields_of(op);
    uint64_t number = 0;
    space_lease_t *lease = NULL;
    int rc = space_field_uint(self, op->type, "the lease is no number", &fields, &number);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (!rc)
        rc = space_lease_find(self, op->session, number, &lease);
    if (rc)
        return rc;
    self->counters.releases++;
    answer_bool(self, op, true);
    space_tuple_return(self, space_lease_end(self, lease));
    return 0;
}

//  lease, ms
int space_do_extend(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = fields_of(op);
    uint64_t number = 0, ms = 0;
    space_lease_t *lease = NULL;
    int rc = space_field_uint(self, op->type, "the lease is no number", &fields, &number);
    if (!rc)
        rc = space_field_uint(self, op->type, "ms is no number", &fields, &ms);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (!rc && (ms < SPACES_LEASE_MIN || ms > SPACES_LEASE_MAX))
        rc = spaces_say(self, WIRE_E_USAGE, "a lease lasts %d..%d ms", SPACES_LEASE_MIN, SPACES_LEASE_MAX);
    if (!rc)
        rc = space_lease_find(self, op->session, number, &lease);
    if (rc)
        return rc;
    self->counters.extends++;
    space_lease_extend(self, lease, (uint32_t) ms);
    return answer_bool(self, op, true);
}

//  ---- Waiting and watching ------------------------------------------------

//  request
int space_do_forget(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = fields_of(op);
    uint64_t request = 0;
    int rc = space_field_uint(self, op->type, "the request is no number", &fields, &request);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (rc)
        return rc;
    space_waiter_t *waiter = space_waiter_find(self, op->session, request);
    if (waiter) {
        space_t *space = waiter->listener.space;
        space_waiter_deny(self, waiter, WIRE_E_CANCELLED, "it waits no longer");
        space_tidy(self, space);
    }
    bool kept = !waiter && request && space_turn_forget(self, op->session, request);
    if (kept)
        spaces_deny(self, op->session, request, WIRE_E_CANCELLED, "it waits no longer");
    return answer_bool(self, op, waiter || kept);
}

static int watch(spaces_t *self, const spaces_op_t *op, wire_str_t name, match_t **match, const space_options_t *options)
{
    uint64_t number = 0;
    space_t *space = NULL;
    int rc = space_open(self, name, &space);
    if (!rc)
        rc = space_watch_new(self, space, op->session, *match, &number);
    if (!rc) {
        *match = NULL;
        wire_buf_clear(&self->one);
        wire_put_uint(&self->one, number);
        wire_put_uint(&self->one, self->last_number);
        spaces_answer(self, op->session, op->request, &self->one, 2);
        if (options->replay)
            space_watch_replay(self, space, number, options->since);
    }
    space_close(self, space);
    return rc;
}

//  space, template, options
int space_do_watch(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = fields_of(op);
    space_options_t options = { .ttl = 0 };
    wire_str_t name = { NULL, 0 };
    match_t *match = NULL;
    int rc = space_field_name(self, op->type, &fields, &name);
    if (!rc)
        rc = space_field_match(self, op->type, &fields, &match);
    if (!rc)
        rc = space_field_options(self, op->type, &fields, &options);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (!rc)
        rc = watch(self, op, name, &match, &options);
    match_destroy(&match);
    return rc;
}

//  watch
int space_do_unwatch(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = fields_of(op);
    uint64_t number = 0;
    int rc = space_field_uint(self, op->type, "the watch is no number", &fields, &number);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (rc)
        return rc;
    space_watch_t *found = space_map_get(&self->watches, number, 0);
    bool own = found && found->listener.session->number == op->session;
    if (own) {
        space_t *space = found->listener.space;
        space_watch_free(self, found);
        space_tidy(self, space);
    }
    return answer_bool(self, op, own);
}

//  ---- Whole spaces --------------------------------------------------------

//  space
int space_do_destroy(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = fields_of(op);
    wire_str_t name;
    int rc = space_field_name(self, op->type, &fields, &name);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (rc)
        return rc;
    space_t *space = space_find(self, name);
    space_ended_note(self, name);       //  One that was just dropped, since its last tuple was consumed, has ended, too
    if (space) {
        space->pins++;
        space_empty(self, space);
        space_close(self, space);
        self->counters.destroys++;
    }
    return answer_bool(self, op, space != NULL);
}
