//  spaces - the doors: operations, sessions that end, time

#include "spaces.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "space_react.h"
#include "space_step.h"

//  ---- Beginning and end ---------------------------------------------------

static void set(size_t *value, size_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void configure(spaces_t *self, const spaces_config_t *config)
{
    if (config)
        self->config = *config;
    set(&self->config.bytes, (size_t) 1 << 30);
    set(&self->config.session_waiters, 1048576);
    set(&self->config.session_watches, 1024);
    set(&self->config.session_leases, 65536);
    set(&self->config.spaces, 65536);
    if (self->config.run_ms == 0)
        self->config.run_ms = 1000;
    self->reactions.seed = self->runs.seed = self->config.seed;
    self->sessions.seed = self->leases.seed = self->watches.seed = self->waiters.seed = self->config.seed;
}

spaces_t *spaces_new(const spaces_config_t *config, const spaces_output_t *output, void *arg)
{
    spaces_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    configure(self, config);
    self->output = *output;
    self->arg = arg;
    space_link_init(&self->all);
    space_link_init(&self->idle);
    space_link_init(&self->reactors);
    space_link_init(&self->awake);
    space_link_init(&self->ended_watches);
    wire_buf_reserve(&self->one, 64);   //  For what is no tuple
    if (self->one.failed)
        spaces_destroy(&self);
    return self;
}

static void free_tables(spaces_t *self)
{
    space_table_free(self);
    space_map_free(&self->sessions);
    space_map_free(&self->leases);
    space_map_free(&self->watches);
    space_map_free(&self->waiters);
    space_map_free(&self->reactions);
    space_map_free(&self->runs);
    wire_heap_free(&self->heap);
    space_slab_done(&self->slab);
    free(self->made.items);
    free(self->found.items);
    wire_buf_free(&self->normal);
    wire_buf_free(&self->one);
    wire_buf_free(&self->results);
}

void spaces_destroy(spaces_t **self_p)
{
    spaces_t *self = *self_p;
    if (!self)
        return;
    self->output = (spaces_output_t) { .answer = NULL };      //  Nobody hears of it
    while (!space_link_none(&self->reactors))
        space_turns_drop(self, SPACE_OF(self->reactors.next, space_reactor_t, link));
    for (space_link_t *link = self->all.next; link != &self->all; link = link->next)
        space_empty(self, SPACE_OF(link, space_t, link));
    while (!space_link_none(&self->ended_watches))
        space_watch_free(self, SPACE_OF(self->ended_watches.next, space_watch_t, listener.in_space));
    free_tables(self);
    free(self);
    *self_p = NULL;
}

//  ---- Saying --------------------------------------------------------------

int spaces_say(spaces_t *self, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(self->text, sizeof self->text, format, args);
    va_end(args);
    return code;
}

int spaces_no_memory(spaces_t *self)
{
    return spaces_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

void spaces_answer(spaces_t *self, uint64_t session, uint64_t request, const wire_buf_t *fields, uint32_t count)
{
    if (self->captured && session == 0) {
        wire_buf_append(self->captured, fields->data, fields->size);
        self->captured_count = count;
    }
    else if (request && self->output.answer)
        self->output.answer(self->arg, session, request, fields->data, fields->size, count);
}

void spaces_deny(spaces_t *self, uint64_t session, uint64_t request, int code, const char *text)
{
    self->counters.denied++;
    self->counters.full += code == WIRE_E_FULL;
    self->counters.timeouts += code == WIRE_E_TIMEOUT;
    if (request && self->output.deny)
        self->output.deny(self->arg, session, request, code, text);
}

int spaces_quota(spaces_t *self, size_t more)
{
    if (more <= self->config.bytes && self->bytes <= self->config.bytes - more)
        return 0;
    return spaces_say(self, WIRE_E_FULL, "the spaces hold %zu bytes, and %zu is the limit", self->bytes,
                      self->config.bytes);
}

//  ---- Operations ----------------------------------------------------------

static int choose(spaces_t *self, const spaces_op_t *op)
{
    switch (op->type) {
    case WIRE_OUT:
    case WIRE_TAKE:
    case WIRE_READ:
    case WIRE_COUNT:
    case WIRE_ACK:     return space_do_step(self, op);
    case WIRE_BATCH:   return space_do_batch(self, op);
    case WIRE_RELEASE: return space_do_release(self, op);
    case WIRE_EXTEND:  return space_do_extend(self, op);
    case WIRE_FORGET:  return space_do_forget(self, op);
    case WIRE_SPACE_WATCH:   return space_do_watch(self, op);
    case WIRE_SPACE_UNWATCH: return space_do_unwatch(self, op);
    case WIRE_DESTROY: return space_do_destroy(self, op);
    case WIRE_SPACES:  return space_do_spaces(self, op);
    case WIRE_REACT:   return space_do_react(self, op);
    case WIRE_REACTIONS: return space_do_reactions(self, op);
    case WIRE_UNREACT: return space_do_unreact(self, op);
    default:           return spaces_say(self, WIRE_E_MALFORMED, "no operation of tuple spaces");
    }
}

int spaces_try(spaces_t *self, const spaces_op_t *op)
{
    self->made.count = self->found.count = 0;
    self->actor = op->session;
    int rc = choose(self, op);
    self->actor = 0;
    return rc;
}

int spaces_carry_out(spaces_t *self, const spaces_op_t *op)
{
    int rc = spaces_try(self, op);
    if (rc)
        spaces_deny(self, op->session, op->request, rc, self->text);
    return rc;
}

int spaces_apply(spaces_t *self, const spaces_op_t *op)
{
    spaces_tick(self, op->now);
    int rc = space_turn_keep(self, op) ? 0 : spaces_carry_out(self, op);
    space_turns(self);
    return rc == WIRE_E_MALFORMED ? rc : 0;
}

//  ---- Sessions that end ---------------------------------------------------

static void forget_waiters(spaces_t *self, uint64_t number)
{
    space_session_t *session;
    while ((session = space_session_find(self, number)) && !space_link_none(&session->waiters)) {
        space_waiter_t *waiter = SPACE_OF(session->waiters.next, space_waiter_t, listener.in_session);
        space_t *space = waiter->listener.space;
        space_waiter_free(self, waiter);
        space_tidy(self, space);
    }
}

static void forget_watches(spaces_t *self, uint64_t number)
{
    space_session_t *session;
    while ((session = space_session_find(self, number)) && !space_link_none(&session->watches)) {
        space_watch_t *watch = SPACE_OF(session->watches.next, space_watch_t, listener.in_session);
        space_t *space = watch->listener.space;
        space_watch_free(self, watch);
        if (space)
            space_tidy(self, space);
    }
}

static void forget_reactions(spaces_t *self, uint64_t number)
{
    space_session_t *session;
    while ((session = space_session_find(self, number)) && !space_link_none(&session->reactions)) {
        space_reaction_t *reaction = SPACE_OF(session->reactions.next, space_reaction_t, in_session);
        space_t *space = reaction->space;
        space_reaction_free(self, reaction);
        space_reactor_tidy(self, space);
    }
}

void spaces_session_end(spaces_t *self, uint64_t number, int64_t now)
{
    space_session_t *session;
    spaces_tick(self, now);
    forget_waiters(self, number);
    forget_watches(self, number);
    forget_reactions(self, number);
    space_turn_forget(self, number, 0);
    while ((session = space_session_find(self, number)) && !space_link_none(&session->leases)) {
        space_lease_t *lease = SPACE_OF(session->leases.next, space_lease_t, in_session);
        space_tuple_return(self, space_lease_end(self, lease));
    }
    space_turns(self);
}

//  ---- Time ----------------------------------------------------------------

static void time_out(spaces_t *self, wire_due_t *due)
{
    space_waiter_t *waiter = SPACE_OF(due, space_waiter_t, due);
    space_t *space = waiter->listener.space;
    space_waiter_deny(self, waiter, WIRE_E_TIMEOUT, "no tuple matches");
    space_tidy(self, space);
}

static void lease_over(spaces_t *self, wire_due_t *due)
{
    self->counters.leases_over++;
    space_tuple_return(self, space_lease_end(self, SPACE_OF(due, space_lease_t, due)));
}

static void fall_due(spaces_t *self, wire_due_t *due)
{
    if (due->kind == SPACE_DUE_TUPLE)
        space_tuple_expire(self, due);
    else if (due->kind == SPACE_DUE_WAITER)
        time_out(self, due);
    else if (due->kind == SPACE_DUE_LEASE)
        lease_over(self, due);
    else if (due->kind == SPACE_DUE_WATCH)
        space_watch_late(self, due);
    else
        space_run_late(self, due);
}

void spaces_tick(spaces_t *self, int64_t now)
{
    wire_due_t *due;
    if (now > self->now)
        self->now = now;
    while ((due = wire_heap_first(&self->heap)) && due->at <= self->now)
        fall_due(self, due);
    space_turns(self);
}

size_t spaces_awaited(const spaces_t *self)
{
    size_t count = self->lease_count;
    for (const space_link_t *at = self->reactors.next; at != &self->reactors; at = at->next) {
        const space_reactor_t *reactor = SPACE_OF(at, space_reactor_t, link);
        count += reactor->after & SPACE_ON_EXPIRE ? reactor->space->mortals : 0;
    }
    return self->waiter_count ? count : 0;
}

size_t spaces_running(const spaces_t *self)
{
    return self->runs.count;
}

int64_t spaces_due(const spaces_t *self)
{
    const wire_due_t *due = wire_heap_first(&self->heap);
    return due ? due->at : -1;
}
