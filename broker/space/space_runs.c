//  space_runs - runs of reactions: begun, judged, failed

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "space_react.h"

#define REPORTS 10              //  A second, to one owner

//  ---- Told to the owner ---------------------------------------------------

//  Whether its owner is told of one more failure now.
static bool may_report(spaces_t *self, space_session_t *session)
{
    if (wire_rate_take(&session->reports, self->now, REPORTS, 1000))
        return true;
    session->unreported++;
    self->counters.unreported++;
    return false;
}

static void report(spaces_t *self, uint64_t owner, uint64_t reaction, const char *text)
{
    char more[SPACE_TEXT + 64];
    space_session_t *session = space_session_find(self, owner);
    self->counters.failed++;
    if (!self->output.failed || (session && !may_report(self, session)))
        return;
    if (session && session->unreported) {
        snprintf(more, sizeof more, "%s (%llu failures before it were not reported)", text,
                 (unsigned long long) session->unreported);
        session->unreported = 0;
        text = more;
    }
    self->output.failed(self->arg, owner, reaction, text);
}

//  The run that is under way came to nothing: what it was asked about goes on, or is refused if it is strict.
static void fail(spaces_t *self, space_reactor_t *reactor, const char *why)
{
    char text[SPACE_TEXT];
    report(self, reactor->run_owner, reactor->run_reaction, why);
    if (!reactor->run_strict || reactor->run_after)
        return;
    snprintf(text, sizeof text, "a strict reaction failed: %.400s", why);
    space_turn_refused(self, reactor, text);
}

//  ---- Begun ---------------------------------------------------------------

static void hand_out(spaces_t *self, const space_reactor_t *reactor, const space_reaction_t *reaction,
                     uint64_t session, uint64_t number, wire_reader_t tuple)
{
    spaces_run_t run = {
        .run = reactor->run, .reaction = reaction->number, .owner = reaction->session->number, .session = session,
        .space = { reactor->space->name, reactor->space->size },
        .name = { reaction->text, reaction->name_size },
        .code = { reaction->text + reaction->name_size, reaction->code_size },
        .on = space_on_word(reaction->on), .phase = reaction->after ? "after" : "before",
        .number = number, .tuple = tuple
    };
    self->output.run(self->arg, &run);
}

static void mark(space_reactor_t *reactor, const space_reaction_t *reaction)
{
    reactor->run_reaction = reaction->number;
    reactor->run_owner = reaction->session->number;
    reactor->run_after = reaction->after;
    reactor->run_strict = reaction->strict;
}

bool space_run_begin(spaces_t *self, space_reactor_t *reactor, const space_reaction_t *reaction, uint64_t session,
                     uint64_t number, wire_reader_t tuple)
{
    assert(!reactor->run);
    mark(reactor, reaction);
    if (!space_map_put(&self->runs, self->last_run + 1, 0, reactor)) {
        fail(self, reactor, "the broker is out of memory");
        return reactor->run_strict && !reactor->run_after;
    }
    reactor->run = ++self->last_run;
    wire_heap_add(&self->heap, &reactor->due, self->now + self->config.run_ms);
    self->counters.runs++;
    hand_out(self, reactor, reaction, session, number, tuple);
    return true;
}

void space_run_end(spaces_t *self, space_reactor_t *reactor)
{
    space_map_remove(&self->runs, reactor->run, 0);
    wire_heap_remove(&self->heap, &reactor->due);
    reactor->run = 0;
    space_turn_wake(self, reactor);
}

void space_run_late(spaces_t *self, wire_due_t *due)
{
    space_reactor_t *reactor = SPACE_OF(due, space_reactor_t, due);
    space_run_end(self, reactor);
    fail(self, reactor, "no verdict in time");
}

//  ---- Later ---------------------------------------------------------------

static size_t footprint(const space_tuple_t *tuple)
{
    return sizeof(space_later_t) + tuple->size;
}

static int add_later(spaces_t *self, space_reactor_t *reactor, const space_reaction_t *reaction, uint64_t session,
                     const space_tuple_t *tuple)
{
    int rc = spaces_quota(self, footprint(tuple));
    space_later_t *later = rc ? NULL : malloc(footprint(tuple));
    if (!later)
        return rc ? rc : spaces_no_memory(self);
    *later = (space_later_t) { .reaction = reaction->number, .session = session, .number = tuple->number,
                               .size = tuple->size, .on = reaction->on };
    memcpy(later->bytes, space_tuple_bytes(tuple).at, tuple->size);
    space_link_add(&reactor->later, &later->link);
    self->bytes += footprint(tuple);
    return 0;
}

void space_later_free(spaces_t *self, space_later_t *later)
{
    self->bytes -= sizeof *later + later->size;
    free(later);
}

void space_run_later(spaces_t *self, space_t *space, unsigned on, uint64_t session, const space_tuple_t *tuple)
{
    if (!space->reactor || !(space->reactor->after & on))
        return;
    const space_reaction_t *at = NULL;
    while ((at = space_reaction_next(space, on, true, at ? at->number : 0, space_tuple_bytes(tuple))))
        if (add_later(self, space->reactor, at, session, tuple))
            report(self, at->session->number, at->number, self->text);
    space_turn_wake(self, space->reactor);
}

//  ---- What a reaction does ------------------------------------------------

static bool may_do(wire_type_t type)
{
    return type == WIRE_OUT || type == WIRE_TAKE || type == WIRE_READ || type == WIRE_COUNT;
}

//  At once, and without reactions. The code, with a sentence in self->text.
static int act(spaces_t *self, const spaces_op_t *op, wire_buf_t *out)
{
    spaces_op_t own = *op;
    own.session = 0;
    own.request = 0;
    if (!may_do(op->type))
        return spaces_say(self, WIRE_E_USAGE, "a reaction does OUT, TAKE, READ and COUNT");
    self->reacting = true;
    self->captured = out;
    int rc = spaces_carry_out(self, &own);
    self->captured = NULL;
    self->reacting = false;
    return rc;
}

int spaces_reaction_op(spaces_t *self, uint64_t run, const spaces_op_t *op, wire_buf_t *out, uint32_t *count,
                       char *text)
{
    spaces_tick(self, op->now);
    self->captured_count = 0;
    int rc = space_map_get(&self->runs, run, 0) ? act(self, op, out)
                                                : spaces_say(self, WIRE_E_UNKNOWN, "the run is over");
    if (!rc && out->failed)
        rc = spaces_no_memory(self);
    *count = rc ? 0 : self->captured_count;
    if (rc)
        snprintf(text, 256, "%.255s", self->text);
    space_turns(self);
    return rc;
}

static int act_next(spaces_t *self, wire_reader_t *in)
{
    uint32_t count, type;
    wire_reader_t at = *in;
    if (wire_read_array(&at, &count) || count == 0 || wire_read_u32(&at, &type) || wire_skip(in))
        return spaces_say(self, WIRE_E_MALFORMED, "no array that begins with a type");
    spaces_op_t op = { .type = (wire_type_t) type, .now = self->now, .count = count - 1, .fields = at };
    return act(self, &op, NULL);
}

uint64_t spaces_run_owner(const spaces_t *self, uint64_t run)
{
    const space_reactor_t *reactor = space_map_get(&self->runs, run, 0);
    return reactor ? reactor->run_owner : 0;
}

//  ---- Judged --------------------------------------------------------------

static void act_all(spaces_t *self, const space_reactor_t *reactor, const spaces_verdict_t *verdict)
{
    wire_reader_t in = verdict->operations;
    int rc = 0;
    for (uint32_t i = 0; i < verdict->count && rc != WIRE_E_MALFORMED; i++) {
        rc = act_next(self, &in);
        if (rc && rc != WIRE_E_TIMEOUT) {       //  Nothing to take is no fault
            char text[SPACE_TEXT];
            snprintf(text, sizeof text, "operation %u: %.400s", i + 1, self->text);
            report(self, reactor->run_owner, reactor->run_reaction, text);
        }
    }
}

static void rewrite(spaces_t *self, space_reactor_t *reactor, wire_reader_t tuple)
{
    char text[SPACE_TEXT];
    wire_buf_clear(&self->normal);
    int rc = match_normal(tuple, &self->normal, self->text);
    if (!rc && self->normal.size > SPACE_ANSWER - 64)
        rc = spaces_say(self, WIRE_E_TOO_BIG, "the tuple is too big");
    if (!rc && !space_tuple_room(self, self->normal.size))
        rc = spaces_no_memory(self);
    if (rc) {
        snprintf(text, sizeof text, "%s", self->text);
        fail(self, reactor, text);
        return;
    }
    wire_buf_t other = self->normal;
    self->normal = reactor->asking.bytes;
    reactor->asking.bytes = other;
    reactor->asking.rewritten = true;
    self->counters.rewritten++;
}

static void redirect(spaces_t *self, space_reactor_t *reactor, const spaces_verdict_t *verdict)
{
    char text[SPACE_TEXT];
    int rc = space_turn_redirect(self, reactor, verdict->text, verdict->tuple);
    self->counters.redirected += !rc;
    if (!rc)
        return;
    snprintf(text, sizeof text, "redirect: %.400s", self->text);
    fail(self, reactor, text);
}

static void judge(spaces_t *self, space_reactor_t *reactor, const spaces_verdict_t *verdict)
{
    char text[SPACE_TEXT];
    snprintf(text, sizeof text, "%.*s", (int) (verdict->text.size < 500 ? verdict->text.size : 500),
             verdict->text.data ? verdict->text.data : "");
    if (verdict->what == SPACES_FAILED)
        fail(self, reactor, text);
    else if (verdict->what == SPACES_REFUSE && !reactor->run_after)
        space_turn_refused(self, reactor, text);
    else if (verdict->what == SPACES_REWRITE && !reactor->run_after)
        rewrite(self, reactor, verdict->tuple);
    else if (verdict->what == SPACES_REDIRECT && !reactor->run_after)
        redirect(self, reactor, verdict);
}

int spaces_verdict(spaces_t *self, uint64_t run, const spaces_verdict_t *verdict, int64_t now)
{
    spaces_tick(self, now);
    space_reactor_t *reactor = space_map_get(&self->runs, run, 0);
    if (!reactor)
        return WIRE_E_UNKNOWN;
    act_all(self, reactor, verdict);
    judge(self, reactor, verdict);
    space_run_end(self, reactor);
    space_turns(self);
    return 0;
}
