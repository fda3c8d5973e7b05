//  space_turns - what a space does next while reactions run
//
//  While a run is under way the space stands still. When it has ended, it is the turn of: runs after what happened; the
//  current operation, whose tuple reactions are asked about one by one; tuples that are offered to those who wait,
//  likewise; the operations that were kept, in the order in which they came.

#include "space_react.h"
#include "space_step.h"

void space_turn_wake(spaces_t *self, space_reactor_t *reactor)
{
    space_link_remove(&reactor->awake);
    space_link_add(&self->awake, &reactor->awake);
}

//  ---- Reactions are asked -------------------------------------------------

static void ask_afresh(space_asking_t *self, uint64_t waiter, uint64_t tuple)
{
    wire_buf_t bytes = self->bytes;
    wire_buf_clear(&bytes);
    *self = (space_asking_t) { .waiter = waiter, .tuple = tuple, .bytes = bytes };
}

//  The next that wants to run does, or has refused. False: all were asked.
static bool ask(spaces_t *self, space_reactor_t *reactor, unsigned on, uint64_t session)
{
    space_asking_t *asking = &reactor->asking;
    wire_reader_t bytes = wire_reader(asking->bytes.data, asking->bytes.size);
    for (;;) {
        const space_reaction_t *next = space_reaction_next(reactor->space, on, false, asking->reaction, bytes);
        if (!next)
            return false;
        asking->reaction = next->number;
        if (space_run_begin(self, reactor, next, session, asking->tuple, bytes))
            return true;
    }
}

//  The tuple that it is about, unless it is known already. False: no memory.
static bool set_tuple(space_asking_t *self, uint64_t waiter, const space_tuple_t *tuple)
{
    if (self->waiter == waiter && self->tuple == tuple->number)
        return true;
    ask_afresh(self, waiter, tuple->number);
    wire_buf_append(&self->bytes, space_tuple_bytes(tuple).at, tuple->size);
    return !self->bytes.failed;
}

//  ---- The current operation -----------------------------------------------

static void finish(spaces_t *self, space_reactor_t *reactor)
{
    space_kept_drop(self, reactor, reactor->current);
}

static void deny_current(spaces_t *self, space_reactor_t *reactor, int code, const char *text)
{
    spaces_deny(self, reactor->current->op.session, reactor->current->op.request, code, text);
    finish(self, reactor);
}

static void carry_out(spaces_t *self, space_reactor_t *reactor)
{
    spaces_op_t *op = &reactor->current->op;
    op->now = self->now;
    op->ttl = reactor->current->deadline ? (uint32_t) (reactor->current->deadline - self->now) : 0;
    bool answers = op->type == WIRE_TAKE || op->type == WIRE_READ;
    self->rewritten = answers && reactor->asking.rewritten ? &reactor->asking.bytes : NULL;
    self->turning = reactor;
    spaces_carry_out(self, op);
    self->turning = NULL;
    self->rewritten = NULL;
    finish(self, reactor);
}

//  The fields of an OUT, whose tuple was read, with another tuple and for another space; NULL: its own.
static void put_out(const spaces_op_t *op, const wire_str_t *space, wire_reader_t tuple, wire_buf_t *out)
{
    wire_reader_t options = op->fields;
    wire_skip(&options);
    if (space)
        wire_put_text(out, space->data, space->size);
    else
        wire_buf_append(out, op->fields.at, (size_t) (options.at - op->fields.at));
    wire_skip(&options);
    wire_buf_append(out, tuple.at, (size_t) (tuple.end - tuple.at));
    wire_buf_append(out, options.at, (size_t) (options.end - options.at));
}

//  The fields with another tuple. False: no memory, nothing changed.
static bool replace_tuple(space_kept_t *kept, const wire_buf_t *tuple)
{
    put_out(&kept->op, NULL, wire_reader(tuple->data, tuple->size), &kept->fields);
    if (!kept->fields.failed)
        kept->op.fields = wire_reader(kept->fields.data, kept->fields.size);
    return !kept->fields.failed;
}

//  The tuple of an OUT in normal form; false: it has none, or there is no memory, and carrying it out will tell.
static bool read_out(spaces_t *self, space_reactor_t *reactor)
{
    wire_reader_t in = reactor->current->op.fields;
    return reactor->current->op.count >= 2 && wire_skip(&in) == 0
        && match_normal(in, &reactor->asking.bytes, self->text) == 0;
}

static void turn_out(spaces_t *self, space_reactor_t *reactor)
{
    space_asking_t *asking = &reactor->asking;
    if (asking->bytes.size == 0 && !read_out(self, reactor))
        carry_out(self, reactor);
    else if (!ask(self, reactor, SPACE_ON_OUT, reactor->current->op.session)) {
        if (asking->rewritten && !replace_tuple(reactor->current, &asking->bytes))
            deny_current(self, reactor, WIRE_E_NO_MEMORY, "the broker is out of memory");
        else
            carry_out(self, reactor);
    }
}

//  The tuple that a TAKE or READ would get by now; NULL: none. *rc: STATE when it may not be asked so.
static space_tuple_t *find_tuple(spaces_t *self, space_reactor_t *reactor, int *rc)
{
    const spaces_op_t *op = &reactor->current->op;
    space_step_t step;
    space_tuple_t *tuple = NULL;
    self->made.count = self->found.count = 0;
    *rc = 0;
    if (space_step_parse(self, op->type, (space_fields_t) { op->fields, op->count }, &step) == 0 && step.space) {
        space_scan_t scan;
        space_scan(&scan, step.space, step.match);
        tuple = space_scan_next(&scan);
    }
    bool puts = step.made < step.made_end && space_reacts_before(reactor->space, SPACE_ON_OUT);
    if (puts || (step.options.all && space_reacts_before(reactor->space, space_on(op->type))))
        *rc = WIRE_E_STATE;
    space_step_free(self, &step);
    return tuple;
}

static void turn_search(spaces_t *self, space_reactor_t *reactor)
{
    int rc;
    const space_tuple_t *tuple = find_tuple(self, reactor, &rc);
    if (rc)
        deny_current(self, reactor, rc, "the space has reactions, which see one tuple at a time: no put and no all there");
    else if (!tuple) {
        ask_afresh(&reactor->asking, 0, 0);
        carry_out(self, reactor);
    }
    else if (!set_tuple(&reactor->asking, 0, tuple))
        deny_current(self, reactor, WIRE_E_NO_MEMORY, "the broker is out of memory");
    else if (!ask(self, reactor, space_on(reactor->current->op.type), reactor->current->op.session))
        carry_out(self, reactor);
}

static void turn_many(spaces_t *self, space_reactor_t *reactor)
{
    self->turning = reactor;
    space_obstacle_t found = space_obstacle(self, &reactor->current->op);
    self->turning = NULL;
    if (found.busy) {                   //  Another space stands still by now
        space_link_add(&found.busy->kept, &reactor->current->link);
        reactor->current = NULL;
        space_turn_wake(self, found.busy);
    }
    else if (found.reacting) {
        space_deny_many(self, &reactor->current->op, found.reacting);
        finish(self, reactor);
    }
    else
        carry_out(self, reactor);
}

static void turn_current(spaces_t *self, space_reactor_t *reactor)
{
    const space_kept_t *kept = reactor->current;
    unsigned on = space_on(kept->op.type);
    if (kept->deadline && kept->deadline <= self->now && (on & (SPACE_ON_TAKE | SPACE_ON_READ)))
        deny_current(self, reactor, WIRE_E_TIMEOUT, "no tuple matches");
    else if (space_is_many(&kept->op))
        turn_many(self, reactor);
    else if (on == SPACE_ON_OUT && space_reacts_before(reactor->space, on))
        turn_out(self, reactor);
    else if ((on & (SPACE_ON_TAKE | SPACE_ON_READ)) && reactor->before)
        turn_search(self, reactor);
    else
        carry_out(self, reactor);
}

//  ---- Tuples that are offered ---------------------------------------------

void space_turn_offer(spaces_t *self, space_tuple_t *tuple)
{
    space_reactor_t *reactor = tuple->space->reactor;
    if (!tuple->offered) {
        tuple->offered = true;
        if (reactor->offered++ == 0 || tuple->number < reactor->lowest)
            reactor->lowest = tuple->number;
    }
    space_turn_wake(self, reactor);
}

static space_tuple_t *first_offered(space_reactor_t *reactor)
{
    const space_order_t *order = &reactor->space->order;
    space_tuple_t *tuple = space_order_find(order, reactor->lowest);
    tuple = tuple ? tuple : order->first;
    while (!tuple->offered)
        tuple = space_tuple_next(tuple);
    reactor->lowest = tuple->number;
    return tuple;
}

static void serve(spaces_t *self, space_reactor_t *reactor, space_waiter_t *waiter, space_tuple_t *tuple)
{
    self->rewritten = reactor->asking.rewritten ? &reactor->asking.bytes : NULL;
    space_waiter_serve(self, waiter, tuple);
    self->rewritten = NULL;
    ask_afresh(&reactor->asking, 0, 0);
    space_tuples_settle(self);
}

static void turn_offered(spaces_t *self, space_reactor_t *reactor)
{
    space_tuple_t *tuple = first_offered(reactor);
    space_waiter_t *waiter = space_waiter_for(tuple);
    if (!waiter) {
        tuple->offered = false;
        reactor->offered--;
        return;
    }
    uint64_t session = waiter->listener.session->number;
    if (!set_tuple(&reactor->asking, waiter->listener.number, tuple)) {
        space_waiter_deny(self, waiter, WIRE_E_NO_MEMORY, "the broker is out of memory");
        return;
    }
    reactor->asking.session = session;
    reactor->asking.request = waiter->request;
    if (!ask(self, reactor, waiter->take ? SPACE_ON_TAKE : SPACE_ON_READ, session))
        serve(self, reactor, waiter, tuple);
}

void space_turn_refused(spaces_t *self, space_reactor_t *reactor, const char *text)
{
    const space_asking_t *asking = &reactor->asking;
    self->counters.refused++;
    if (asking->waiter) {
        space_waiter_t *waiter = space_waiter_find(self, asking->session, asking->request);
        if (waiter && waiter->listener.number == asking->waiter)
            space_waiter_deny(self, waiter, WIRE_E_DENIED, text);
    }
    else if (reactor->current)
        deny_current(self, reactor, WIRE_E_DENIED, text);
}

//  ---- An OUT that goes to another space ------------------------------------

static bool is_about_out(const space_reactor_t *reactor)
{
    return !reactor->asking.waiter && reactor->current && reactor->current->op.type == WIRE_OUT;
}

//  Without reactions, as everything that a reaction does.
int space_turn_redirect(spaces_t *self, space_reactor_t *reactor, wire_str_t space, wire_reader_t tuple)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    if (!is_about_out(reactor))
        return spaces_say(self, WIRE_E_USAGE, "only an out can be redirected");
    if (!tuple.at)
        tuple = wire_reader(reactor->asking.bytes.data, reactor->asking.bytes.size);
    spaces_op_t op = reactor->current->op;
    put_out(&op, &space, tuple, &fields);
    op.now = self->now;
    op.fields = wire_reader(fields.data, fields.size);
    self->reacting = true;
    int rc = fields.failed ? spaces_no_memory(self) : spaces_try(self, &op);
    self->reacting = false;
    wire_buf_free(&fields);
    if (!rc)
        finish(self, reactor);
    return rc;
}

//  ---- Turns ---------------------------------------------------------------

static void turn_later(spaces_t *self, space_reactor_t *reactor)
{
    space_later_t *later = SPACE_OF(reactor->later.next, space_later_t, link);
    space_link_remove(&later->link);
    const space_reaction_t *reaction = space_map_get(&self->reactions, later->reaction, 0);
    if (reaction)
        space_run_begin(self, reactor, reaction, later->session, later->number,
                        wire_reader(later->bytes, later->size));
    space_later_free(self, later);
}

static void next_operation(space_reactor_t *reactor)
{
    reactor->current = SPACE_OF(reactor->kept.next, space_kept_t, link);
    space_link_remove(&reactor->current->link);
    ask_afresh(&reactor->asking, 0, 0);
}

//  False: there is nothing left to do, or the space stands still.
static bool turn(spaces_t *self, space_reactor_t *reactor)
{
    if (reactor->run)
        return false;
    if (!space_link_none(&reactor->later))
        turn_later(self, reactor);
    else if (reactor->current)
        turn_current(self, reactor);
    else if (reactor->offered)
        turn_offered(self, reactor);
    else if (!space_link_none(&reactor->kept))
        next_operation(reactor);
    else
        return false;
    return true;
}

void space_turns(spaces_t *self)
{
    while (!space_link_none(&self->awake)) {
        space_reactor_t *reactor = SPACE_OF(self->awake.next, space_reactor_t, awake);
        space_t *space = reactor->space;
        space_link_remove(&reactor->awake);
        space->pins++;
        while (turn(self, reactor))
            ;
        space->pins--;
        space_reactor_tidy(self, space);
    }
}

//  Without a word: all of it ends.
void space_turns_drop(spaces_t *self, space_reactor_t *reactor)
{
    space_t *space = reactor->space;
    if (reactor->run)
        space_run_end(self, reactor);
    for (space_tuple_t *tuple = space->order.first; tuple; tuple = space_tuple_next(tuple))
        tuple->offered = false;
    reactor->offered = 0;
    if (reactor->current)
        finish(self, reactor);
    while (!space_link_none(&reactor->kept))
        space_kept_drop(self, reactor, SPACE_OF(reactor->kept.next, space_kept_t, link));
    while (!space_link_none(&reactor->later)) {
        space_later_t *later = SPACE_OF(reactor->later.next, space_later_t, link);
        space_link_remove(&later->link);
        space_later_free(self, later);
    }
    while (!space_link_none(&reactor->reactions))
        space_reaction_free(self, SPACE_OF(reactor->reactions.next, space_reaction_t, in_space));
    space_reactor_tidy(self, space);
}
