//  space_reactions - what changes the operations of a space: installed, found, removed

#include <assert.h>
#include <stdlib.h>

#include "space_react.h"
#include "space_step.h"

#define CODE_MAX (64 * 1024)    //  Bytes of Lua text

//  ---- The reactor of a space ----------------------------------------------

static space_reactor_t *open_reactor(spaces_t *self, space_t *space)
{
    if (space->reactor)
        return space->reactor;
    space_reactor_t *reactor = calloc(1, sizeof *reactor);
    if (!reactor || !wire_heap_reserve(&self->heap)) {
        free(reactor);
        return NULL;
    }
    reactor->space = space;
    reactor->due.kind = SPACE_DUE_RUN;
    space_link_init(&reactor->awake);
    space_link_init(&reactor->reactions);
    space_link_init(&reactor->later);
    space_link_init(&reactor->kept);
    space_link_add(&self->reactors, &reactor->link);
    space->reactor = reactor;
    return reactor;
}

static bool has_work(const space_reactor_t *self)
{
    return self->run || self->current || self->offered || !space_link_none(&self->later)
        || !space_link_none(&self->kept);
}

void space_reactor_tidy(spaces_t *self, space_t *space)
{
    space_reactor_t *reactor = space->reactor;
    if (reactor && reactor->count == 0 && !has_work(reactor)) {
        wire_heap_unreserve(&self->heap);
        space_link_remove(&reactor->link);
        space_link_remove(&reactor->awake);
        wire_buf_free(&reactor->asking.bytes);
        free(reactor);
        space->reactor = NULL;
    }
    space_tidy(self, space);
}

//  ---- Installing ----------------------------------------------------------

//  What a REACT says.
typedef struct {
    wire_str_t space, name, code;
    unsigned on;
    bool after, strict;
    match_t *match;
} wanted_t;

static int read_text(spaces_t *self, space_fields_t *fields, const char *what, wire_str_t *text)
{
    if (fields->left == 0 || wire_read_bytes(&fields->in, text))
        return spaces_say(self, WIRE_E_MALFORMED, "REACT: %s is not text", what);
    fields->left--;
    return 0;
}

static int read_words(spaces_t *self, space_fields_t *fields, wanted_t *wanted)
{
    wire_str_t on, phase;
    int rc = space_field_name(self, WIRE_REACT, fields, &wanted->space);
    if (!rc)
        rc = read_text(self, fields, "on", &on);
    if (!rc)
        rc = read_text(self, fields, "phase", &phase);
    if (rc)
        return rc;
    wanted->on = wire_str_is(on, "out")      ? SPACE_ON_OUT
                 : wire_str_is(on, "take")   ? SPACE_ON_TAKE
                 : wire_str_is(on, "read")   ? SPACE_ON_READ
                 : wire_str_is(on, "expire") ? SPACE_ON_EXPIRE
                                             : 0;
    wanted->after = wire_str_is(phase, "after");
    if (!wanted->on)
        return spaces_say(self, WIRE_E_USAGE, "a reaction is on out, take, read or expire");
    if (!wanted->after && !wire_str_is(phase, "before"))
        return spaces_say(self, WIRE_E_USAGE, "a reaction's phase is before or after");
    if (!wanted->after && wanted->on == SPACE_ON_EXPIRE)
        return spaces_say(self, WIRE_E_USAGE, "a reaction on expire runs after it");
    return 0;
}

static int read_options(spaces_t *self, space_fields_t *fields, wanted_t *wanted)
{
    space_options_t options = { .ttl = 0 };
    int rc = space_field_options(self, WIRE_REACT, fields, &options);
    wanted->strict = options.strict;
    if (!rc && options.strict && wanted->after)
        rc = spaces_say(self, WIRE_E_USAGE, "strict is for reactions before an operation: afterwards nothing can be refused");
    return rc;
}

static int read_wanted(spaces_t *self, space_fields_t fields, wanted_t *wanted)
{
    int rc = read_words(self, &fields, wanted);
    if (!rc)
        rc = space_field_match(self, WIRE_REACT, &fields, &wanted->match);
    if (!rc)
        rc = read_text(self, &fields, "the name", &wanted->name);
    if (!rc)
        rc = read_text(self, &fields, "the code", &wanted->code);
    if (!rc)
        rc = read_options(self, &fields, wanted);
    if (!rc)
        rc = space_fields_end(self, WIRE_REACT, &fields);
    if (!rc && wanted->name.size > WIRE_MAX_NAME)
        rc = spaces_say(self, WIRE_E_USAGE, "a reaction's name has up to %d bytes", WIRE_MAX_NAME);
    if (!rc && wanted->code.size > CODE_MAX)
        rc = spaces_say(self, WIRE_E_TOO_BIG, "a reaction's code has up to %d bytes", CODE_MAX);
    return rc;
}

static size_t footprint(const space_reaction_t *self)
{
    return sizeof *self + self->name_size + self->code_size + (self->match ? match_size(self->match) : 0);
}

static space_reaction_t *make(spaces_t *self, space_t *space, uint64_t session, const wanted_t *wanted)
{
    space_reaction_t *reaction = malloc(sizeof *reaction + wanted->name.size + wanted->code.size);
    if (!reaction)
        return NULL;
    *reaction = (space_reaction_t) { .number = self->last_reaction + 1, .space = space, .on = wanted->on,
                                     .after = wanted->after, .strict = wanted->strict, .match = wanted->match };
    reaction->name_size = (uint32_t) wanted->name.size;
    reaction->code_size = (uint32_t) wanted->code.size;
    memcpy(reaction->text, wanted->name.data, wanted->name.size);
    memcpy(reaction->text + wanted->name.size, wanted->code.data, wanted->code.size);
    reaction->session = space_session_open(self, session);
    if (reaction->session && space_map_put(&self->reactions, reaction->number, 0, reaction))
        return reaction;
    if (reaction->session)
        space_session_tidy(self, reaction->session);
    free(reaction);
    return NULL;
}

static void enlist(spaces_t *self, space_reactor_t *reactor, space_reaction_t *reaction)
{
    space_link_add(&reactor->reactions, &reaction->in_space);
    space_link_add(&reaction->session->reactions, &reaction->in_session);
    reaction->session->reaction_count++;
    *(reaction->after ? &reactor->after : &reactor->before) |= reaction->on;
    reactor->count++;
    self->last_reaction++;
    self->bytes += footprint(reaction);
}

static int install(spaces_t *self, space_t *space, uint64_t session, wanted_t *wanted)
{
    if (space->reactor && space->reactor->count >= SPACES_REACTIONS)
        return spaces_say(self, WIRE_E_FULL, "the space has %d reactions, which is the limit", SPACES_REACTIONS);
    int rc = spaces_quota(self, sizeof(space_reaction_t) + wanted->code.size + wanted->name.size
                                    + (wanted->match ? match_size(wanted->match) : 0));
    if (rc)
        return rc;
    space_reactor_t *reactor = open_reactor(self, space);
    space_reaction_t *reaction = reactor ? make(self, space, session, wanted) : NULL;
    if (!reaction) {
        space_reactor_tidy(self, space);
        return spaces_no_memory(self);
    }
    wanted->match = NULL;
    enlist(self, reactor, reaction);
    return 0;
}

//  space, on, phase, template, name, code, options
int space_do_react(spaces_t *self, const spaces_op_t *op)
{
    wanted_t wanted = { .on = 0 };
    space_t *space = NULL;
    if (!self->output.run)
        return spaces_say(self, WIRE_E_STATE, "this broker runs no reactions");
    int rc = read_wanted(self, (space_fields_t) { op->fields, op->count }, &wanted);
    if (!rc)
        rc = space_open(self, wanted.space, &space);
    if (!rc)
        rc = install(self, space, op->session, &wanted);
    if (!rc) {
        wire_buf_clear(&self->one);
        wire_put_uint(&self->one, self->last_reaction);
        spaces_answer(self, op->session, op->request, &self->one, 1);
    }
    match_destroy(&wanted.match);
    space_close(self, space);
    return rc;
}

//  ---- Removing ------------------------------------------------------------

//  What there are reactions for, without this one.
static void recount(space_reactor_t *reactor)
{
    reactor->before = reactor->after = 0;
    for (const space_link_t *at = reactor->reactions.next; at != &reactor->reactions; at = at->next) {
        const space_reaction_t *reaction = SPACE_OF(at, space_reaction_t, in_space);
        *(reaction->after ? &reactor->after : &reactor->before) |= reaction->on;
    }
}

void space_reaction_free(spaces_t *self, space_reaction_t *reaction)
{
    self->bytes -= footprint(reaction);
    space_map_remove(&self->reactions, reaction->number, 0);
    space_link_remove(&reaction->in_space);
    space_link_remove(&reaction->in_session);
    reaction->space->reactor->count--;
    recount(reaction->space->reactor);
    space_turn_wake(self, reaction->space->reactor);
    reaction->session->reaction_count--;
    space_session_tidy(self, reaction->session);
    match_destroy(&reaction->match);
    free(reaction);
}

//  reaction
int space_do_unreact(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = { op->fields, op->count };
    uint64_t number = 0;
    int rc = space_field_uint(self, op->type, "the reaction is no number", &fields, &number);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (rc)
        return rc;
    space_reaction_t *found = space_map_get(&self->reactions, number, 0);
    bool own = found && found->session->number == op->session;
    if (own) {
        space_t *space = found->space;
        space_reaction_free(self, found);
        space_reactor_tidy(self, space);
    }
    wire_buf_clear(&self->one);
    wire_put_bool(&self->one, own);
    spaces_answer(self, op->session, op->request, &self->one, 1);
    return 0;
}

//  ---- Listing -------------------------------------------------------------

const char *space_on_word(unsigned on)
{
    return on == SPACE_ON_OUT ? "out" : on == SPACE_ON_TAKE ? "take" : on == SPACE_ON_READ ? "read" : "expire";
}

static void put_reaction(const spaces_t *self, const space_reaction_t *reaction, wire_buf_t *out)
{
    wire_put_map(out, 6);
    wire_put_cstr(out, "number");
    wire_put_uint(out, reaction->number);
    wire_put_cstr(out, "on");
    wire_put_cstr(out, space_on_word(reaction->on));
    wire_put_cstr(out, "phase");
    wire_put_cstr(out, reaction->after ? "after" : "before");
    wire_put_cstr(out, "name");
    wire_put_text(out, reaction->text, reaction->name_size);
    wire_put_cstr(out, "strict");
    wire_put_bool(out, reaction->strict);
    wire_put_cstr(out, "owner");
    if (self->output.put_owner)
        self->output.put_owner(self->arg, reaction->session->number, out);
    else
        wire_put_uint(out, reaction->session->number);
}

//  space
int space_do_reactions(spaces_t *self, const spaces_op_t *op)
{
    space_fields_t fields = { op->fields, op->count };
    wire_str_t name;
    int rc = space_field_name(self, op->type, &fields, &name);
    if (!rc)
        rc = space_fields_end(self, op->type, &fields);
    if (rc)
        return rc;
    const space_t *space = space_find(self, name);
    const space_reactor_t *reactor = space ? space->reactor : NULL;
    wire_buf_clear(&self->results);
    wire_put_array(&self->results, reactor ? (uint32_t) reactor->count : 0);
    for (const space_link_t *at = reactor ? reactor->reactions.next : NULL; at && at != &reactor->reactions; at = at->next)
        put_reaction(self, SPACE_OF(at, space_reaction_t, in_space), &self->results);
    if (self->results.failed)
        return spaces_no_memory(self);
    spaces_answer(self, op->session, op->request, &self->results, 1);
    return 0;
}

//  ---- Finding -------------------------------------------------------------

const space_reaction_t *space_reaction_next(const space_t *space, unsigned on, bool after, uint64_t behind,
                                            wire_reader_t tuple)
{
    const space_link_t *all = &space->reactor->reactions;
    for (const space_link_t *at = all->next; at != all; at = at->next) {
        const space_reaction_t *reaction = SPACE_OF(at, space_reaction_t, in_space);
        if (reaction->number > behind && reaction->on == on && reaction->after == after
            && (!reaction->match || match_test(reaction->match, tuple)))
            return reaction;
    }
    return NULL;
}
