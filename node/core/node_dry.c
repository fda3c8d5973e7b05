//  node_dry - draining: names and apps are given up, what was begun is finished, new work is refused, then we leave
//
//  Names first: until the broker has answered that they are free, all is served, so that whoever is refused finds the next
//  holder, or nobody, and never us again. What was in the mailbox by then was begun; so is what comes from somebody who owes us an answer,
//  since what we wait for may need it.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  ms for the broker to take our names back, and for answers to calls that no work of others waits for.
#define NAMES_TIME  2000
#define OWN_TIME    5000
//  ms without anybody to refuse, after which nobody is on the way to us any more; but so long at most. Between two looks.
#define QUIET_TIME  250
#define QUIET_MOST  3000
#define LOOK_TIME   50

static void refuse_from_now(void *arg);

static void given_up(void *arg, const alua_outcome_t *outcome)
{
    node_core_t *self = arg;
    (void) outcome;                     //  Whatever it says, or nothing: we go
    if (--self->dry_asks == 0 && node_core_post(self, refuse_from_now, self))
        refuse_from_now(self);
}

static void give_up(node_core_t *self, wire_type_t type, const char *text, size_t size)
{
    wire_buf_t field = WIRE_BUF_EMPTY;
    wire_put_text(&field, text, size);
    node_ask_t ask = { .type = type, .fields = field.data, .size = field.size, .count = 1, .timeout = NAMES_TIME,
                       .background = true, .inner = true, .fn = given_up, .arg = self };
    bool room = !field.failed && self->broker && self->effects.room(self->arg, self->broker, field.size + 64);
    if (room && node_core_ask(self, &ask) == 0)
        self->dry_asks++;
    wire_buf_free(&field);
}

int node_core_draining(node_core_t *self, const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields;
    wire_str_t by;
    if (wire_read_bytes(&at, &by))
        return WIRE_E_MALFORMED;
    if (self->drying)
        return 0;
    self->drying = true;
    free(self->dry_by);
    self->dry_by = calloc(1, by.size + 1);
    if (self->dry_by && by.size)
        memcpy(self->dry_by, by.data, by.size);
    self->dry_asks = 1;                 //  Ours, until all are asked
    for (const node_name_t *name = self->names; name; name = name->next)
        give_up(self, WIRE_UNREGISTER, name->text, name->size);
    for (const node_app_t *app = self->apps.first; app; app = app->next)
        if (app->joined)
            give_up(self, WIRE_LEAVE, app->name, strlen(app->name));
    given_up(self, NULL);
    return 0;
}

//  The drain that this is part of looks.
static void look_later(void *arg)
{
    node_core_t *self = arg;
    if (self->dry && !self->dried)
        (void) node_core_timer(self, LOOK_TIME, true, look_later, self);
}

static void refuse_from_now(void *arg)
{
    node_core_t *self = arg;
    char line[320];
    self->dry = true;
    self->dry_since = self->dry_refused = node_core_now(self);
    look_later(self);
    if (!self->effects.audit)
        return;
    size_t size = strlen(self->dry_by ? self->dry_by : "");
    memcpy(line, "draining, as asked by ", 22);
    if (size > sizeof line - 23)
        size = sizeof line - 23;
    memcpy(line + 22, self->dry_by ? self->dry_by : "", size);
    line[22 + size] = 0;
    self->effects.audit(self->arg, line);
}

//  Who answers us may have to ask us first.
bool node_core_refuses(node_core_t *self, const alua_remote_t *from)
{
    if (from->pendings)
        return false;
    for (size_t i = 0; i < self->remotes.size; i++)
        for (const alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next)
            if (remote->target == from && remote->pendings)
                return false;
    self->dry_refused = node_core_now(self);
    return true;
}

void node_core_turn_away(node_core_t *self, const node_link_t *link, const wire_msg_t *msg)
{
    void *peer = link ? link->peer : self->broker;
    wire_buf_t out = WIRE_BUF_EMPTY;
    self->stat.refused++;
    wire_msg_begin_proc(&out, WIRE_FAIL, msg->request, 0, self->me, msg->from, 1);
    if (node_core_is_me(self, msg->to))
        node_core_put_error(self, &out, WIRE_E_DRAINING, NULL);
    else
        node_core_put_not_here(self, &out, msg->to);
    if (!out.failed && peer)
        (void) self->effects.send(self->arg, peer, out.data, out.size);
    wire_buf_free(&out);
}

//  Calls of our own; what waits at the broker is given back by our end.
static bool owed(const node_core_t *self)
{
    for (size_t i = 0; i < self->pendings.size; i++)
        for (const node_pending_t *pending = self->pendings.buckets[i]; pending; pending = pending->next)
            if (!pending->background && !pending->waits)
                return true;
    return false;
}

static bool busy(const node_core_t *self)
{
    int64_t now = node_core_now(self);
    return (now < self->dry_refused + QUIET_TIME && now < self->dry_since + QUIET_MOST)
        || self->running || self->mailbox.events || node_core_parked(self)
        || (self->handler.begun && self->handler.begun(self->handler_arg))
        || (self->effects.jailed && self->effects.jailed(self->arg))
        || (owed(self) && now < self->dry_since + OWN_TIME);
}

void node_core_dry_look(node_core_t *self)
{
    if (self->dried || busy(self))
        return;
    self->dried = true;
    node_core_event(self, ALUA_ORDER, 0);
}
