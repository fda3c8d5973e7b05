//  node_send - requests, answers and asks on their way out; room and credit

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  Messages that may wait while their receiver is looked up.
#define PARKED_BYTES (2 * 1024 * 1024)

static const uint8_t EMPTY_ARRAY = 0x90;

static bool has_credit(const alua_remote_t *remote, size_t size)
{
    if (remote->sent_events - remote->granted_events >= WIRE_CREDIT_EVENTS)
        return false;
    uint64_t out = remote->sent_bytes - remote->granted_bytes;
    return out == 0 || out + size <= WIRE_CREDIT_BYTES;
}

static bool has_room_elsewhere(const node_core_t *self, const alua_remote_t *to, size_t size)
{
    const alua_remote_t *process = to->target ? to->target : to;
    switch (to->route) {
    case NODE_ASKING:
    case NODE_SWITCH:
        return process->parked.size == 0
            || (process->parked.size + size <= PARKED_BYTES && process->parked_count < WIRE_CREDIT_EVENTS);
    case NODE_RELAY:
        return self->broker && self->effects.room(self->arg, self->broker, size);
    case NODE_SELF:
        return self->mailbox.events < WIRE_CREDIT_EVENTS && self->mailbox.bytes <= WIRE_CREDIT_BYTES;
    default:
        return true;
    }
}

//  Whether one more message finds room now. costs: it takes credit (a request, not an answer).
static inline bool has_room(const node_core_t *self, alua_remote_t *to, size_t size, bool costs)
{
    if (to->route != NODE_DIRECT)
        return has_room_elsewhere(self, to, size);
    alua_remote_t *process = node_remote_target(to);
    return (!costs || has_credit(process, size)) && self->effects.room(self->arg, process->link->peer, size);
}

static wire_buf_t set_aside(node_core_t *self)
{
    wire_buf_t built = self->scratch;
    self->scratch = (wire_buf_t) WIRE_BUF_EMPTY;
    return built;
}

static void take_up(node_core_t *self, wire_buf_t built)
{
    wire_buf_free(&self->scratch);
    self->scratch = built;
}

void node_core_pump(node_core_t *self, int ms)
{
    wire_buf_t built = set_aside(self);
    self->effects.pump(self->arg, ms);
    take_up(self, built);
}

//  The way was lost while we pumped: a name that has moved is looked up, else its process is gone.
static int find_anew(node_core_t *self, alua_remote_t *to)
{
    if (!to->mover)
        return WIRE_E_GONE;
    wire_buf_t built = set_aside(self);
    int rc = node_core_resolve(self, to);
    take_up(self, built);
    return rc;
}

//  Pump input and output until there is room. A send to oneself cannot gain by it: only handlers make room. Where the last
//  message has waited in vain the next ones only look: two that flood each other out of one event each would else wait
//  half a minute for every message.
static int wait_for_room(node_core_t *self, alua_remote_t *to, size_t size, bool costs)
{
    bool starved = node_remote_target(to)->starved;
    self->stat.full++;
    if (self->no_wait)
        return WIRE_E_FULL;
    if (starved)
        node_core_pump(self, 0);
    int64_t limit = node_core_now(self) + (starved ? 0 : NODE_ROOM_TIMEOUT);
    while (!has_room(self, to, size, costs)) {
        if (to->route == NODE_SELF || node_core_now(self) >= limit) {
            node_remote_target(to)->starved = to->route != NODE_SELF;
            return WIRE_E_FULL;
        }
        node_core_pump(self, NODE_PUMP_TURN);
        if (to->route == NODE_SWITCH)
            node_core_switch_look(self, node_remote_target(to));
    }
    return to->route == NODE_COLD ? find_anew(self, to) : 0;
}

static int deliver_to_self(node_core_t *self, const void *message, size_t size)
{
    uint8_t *copy = malloc(size);
    node_mail_t *mail = copy ? node_mail_new(&self->mailbox, NODE_MAIL_MESSAGE) : NULL;
    if (!mail) {
        free(copy);
        return WIRE_E_NO_MEMORY;
    }
    memcpy(copy, message, size);
    mail->own = copy;
    wire_reader_t at = wire_reader(copy, size);
    int rc = wire_msg_next(&at, &mail->msg);
    if (rc == 0 && !(mail->from = node_remotes_get(&self->remotes, self->me)))
        rc = WIRE_E_NO_MEMORY;
    if (rc) {
        node_mail_recycle(&self->mailbox, mail);
        return rc;
    }
    alua_remote_hold(mail->from);
    mail->deadline = mail->msg.ttl ? node_core_coarse(self) + mail->msg.ttl : 0;
    node_core_admit(self, mail);
    return 0;
}

int node_core_park(node_core_t *self, alua_remote_t *to, const void *message, size_t size)
{
    wire_buf_append(&to->parked, message, size);
    if (to->parked.failed) {
        wire_buf_truncate(&to->parked, to->parked.size);
        return WIRE_E_NO_MEMORY;
    }
    wire_reader_t at = wire_reader(message, size);
    wire_msg_t msg;
    bool asks = wire_msg_next(&at, &msg) == 0 && (msg.type == WIRE_CALL || msg.type == WIRE_CHUNK) && msg.request;
    node_pending_t *pending = asks ? node_pendings_find(&self->pendings, msg.request) : NULL;
    if (pending)
        pending->parked = true;
    to->parked_count++;
    to->parked_alone += !asks;
    self->parked_alone += !asks;
    return 0;
}

static int relay(node_core_t *self, alua_remote_t *process, const void *message, size_t size)
{
    self->stat.relayed++;
    int rc = self->broker ? self->effects.send(self->arg, self->broker, message, size) : WIRE_E_OFFLINE;
    process->undrained += rc == 0;
    return rc;
}

int node_core_forward(node_core_t *self, alua_remote_t *to, const void *message, size_t size)
{
    alua_remote_t *process = node_remote_target(to);
    switch (to->route) {
    case NODE_ASKING:
    case NODE_SWITCH:
        return node_core_park(self, process, message, size);
    case NODE_SELF:
        return deliver_to_self(self, message, size);
    case NODE_DIRECT:
        return self->effects.send(self->arg, process->link->peer, message, size);
    case NODE_RELAY:
        return relay(self, process, message, size);
    default:
        return WIRE_E_GONE;
    }
}

void node_core_sent(node_core_t *self, alua_remote_t *to, wire_type_t type, size_t size)
{
    alua_remote_t *process = node_remote_target(to);
    process->starved = false;
    if (to->route == NODE_RELAY) {
        process->relayed_sent += wire_type_counts(type);
        node_core_relaying(self, process);
        return;
    }
    if (to->route != NODE_DIRECT)
        return;
    process->link->sent += wire_type_counts(type);
    if (type == WIRE_CALL || type == WIRE_CHUNK) {
        process->sent_events++;
        process->sent_bytes += size;
    }
}

static int route_of(node_core_t *self, wire_str_t name, alua_remote_t **remote)
{
    if (name.size == 0 || name.size > WIRE_MAX_NAME)
        return WIRE_E_UNKNOWN;
    if (!*self->id)
        return WIRE_E_OFFLINE;
    *remote = self->remotes.last;       //  As often again, and no name of ours that could mean us instead
    if (*remote && (*remote)->route == NODE_DIRECT && !self->names && wire_str_same(node_remote_name(*remote), name))
        return 0;
    if (node_core_is_me(self, name))
        name = self->me;
    *remote = node_remotes_get(&self->remotes, name);
    if (!*remote)
        return WIRE_E_NO_MEMORY;
    if ((*remote)->route == NODE_SELF && (*remote)->target)
        node_core_doubt(self, (*remote)->target);   //  A name that was ours, and is not now
    return (*remote)->route == NODE_COLD ? node_core_resolve(self, *remote) : 0;
}

static void build_request(node_core_t *self, const alua_request_t *request, uint64_t id, wire_str_t to)
{
    wire_buf_t *out = &self->scratch;
    bool chunk = request->kind == ALUA_CHUNK;
    uint32_t ttl = node_core_ttl(request->timeout);
    uint32_t flags = request->flags | (request->fn ? WIRE_WANTS_REPLY : 0);
    wire_buf_clear(out);
    wire_msg_begin_proc(out, chunk ? WIRE_CHUNK : WIRE_CALL, id, ttl, self->me, to, chunk ? 4 : 3);
    wire_put_uint(out, flags);
    wire_put_text(out, request->name.data, request->name.size);
    if (chunk)
        wire_put_text(out, request->code.data, request->code.size);
    if (request->args)
        wire_buf_append(out, request->args, request->args_size);
    else
        wire_buf_append(out, &EMPTY_ARRAY, 1);
}

//  While we pumped the request may have been settled, or its name have moved, when who was meant before owes it no more.
static int still_wanted(const node_core_t *self, alua_remote_t *to, uint64_t id)
{
    node_pending_t *pending = node_pendings_find(&self->pendings, id);
    if (pending && pending->to != to)
        node_pendings_move(pending, to);
    return pending ? 0 : WIRE_E_GONE;
}

//  Wait for room, send, book what stands in scratch.
static int send_built(node_core_t *self, alua_remote_t *to, wire_type_t type, uint64_t id)
{
    const wire_buf_t *out = &self->scratch;
    bool work = type == WIRE_CALL || type == WIRE_CHUNK;
    int rc = 0;
    if (out->failed)
        return WIRE_E_NO_MEMORY;
    if (out->size > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    //  An answer never waits for the mailbox it goes to: its receiver asked for it, so it is bounded there. A reply to
    //  oneself must not be FULL either.
    if ((work || to->route != NODE_SELF) && !has_room(self, to, out->size, work)) {
        rc = wait_for_room(self, to, out->size, work);
        if (rc == 0 && work && id)
            rc = still_wanted(self, to, id);
    }
    if (rc == 0)
        rc = node_core_forward(self, to, out->data, out->size);
    if (rc == 0)
        node_core_sent(self, to, type, out->size);
    if (rc == 0 && work && id && to->moves)
        node_core_keep(self, id, to, out->data, out->size);
    return rc;
}

static int send_request(node_core_t *self, const alua_request_t *request, uint64_t id, alua_remote_t *to)
{
    build_request(self, request, id, node_remote_name(to));
    return send_built(self, to, request->kind == ALUA_CHUNK ? WIRE_CHUNK : WIRE_CALL, id);
}

//  The record of a request is made before the message leaves, and undone when it cannot.
static node_pending_t *expect(node_core_t *self, const alua_request_t *request, alua_remote_t *to)
{
    node_pending_t *pending = node_pendings_add(&self->pendings, to, request->flags & WIRE_BACKGROUND);
    if (!pending)
        return NULL;
    pending->fn = request->fn;
    pending->arg = request->arg;
    pending->type = request->kind == ALUA_CHUNK ? WIRE_CHUNK : WIRE_CALL;
    pending->timeout = request->timeout;
    pending->wait_name = request->wait_name;
    if (request->timeout > 0 && wire_heap_try(&self->heap, &pending->due, node_core_coarse(self) + request->timeout)) {
        node_pendings_take(&self->pendings, pending);
        node_pendings_recycle(&self->pendings, pending);
        return NULL;
    }
    return pending;
}

static void forget_pending(node_core_t *self, node_pending_t *pending)
{
    wire_heap_remove(&self->heap, &pending->due);
    node_pendings_take(&self->pendings, pending);
    node_pendings_recycle(&self->pendings, pending);
}

int node_core_request(node_core_t *self, const alua_request_t *request, uint64_t *id)
{
    alua_remote_t *to;
    int rc = route_of(self, request->to, &to);
    if (rc)
        return rc;
    alua_remote_hold(to);
    self->stat.requests++;
    node_pending_t *pending = request->fn ? expect(self, request, to) : NULL;
    uint64_t number = pending ? pending->id : 0;
    if (request->fn && !pending)
        rc = WIRE_E_NO_MEMORY;
    else
        rc = send_request(self, request, number, to);
    //  While we pumped for room its outcome (gone, timeout) may have been settled already.
    if (rc && pending && (pending = node_pendings_find(&self->pendings, number)))
        forget_pending(self, pending);
    else if (rc && request->fn && number)
        rc = 0;
    alua_remote_release(to);
    if (id)
        *id = number;
    return rc;
}

int node_core_answer(node_core_t *self, wire_type_t type, alua_remote_t *to, uint64_t request,
                     const void *body, size_t size)
{
    if (to->route == NODE_COLD && !node_core_take_link(self, to))
        return WIRE_E_GONE;
    wire_buf_t *out = &self->scratch;
    wire_buf_clear(out);
    wire_msg_begin_proc(out, type, request, 0, self->me, node_remote_name(to), 1);
    wire_buf_append(out, body, size);
    int rc = send_built(self, to, type, request);
    self->stat.replies += type == WIRE_REPLY;
    self->stat.fails += type == WIRE_FAIL;
    return rc;
}

static void put_pair(wire_buf_t *out, const char *key, const char *value)
{
    wire_put_cstr(out, key);
    wire_put_text(out, value, strlen(value));
}

static void put_error_pairs(const node_core_t *self, wire_buf_t *out, int code, const char *text)
{
    put_pair(out, "code", wire_error_word(code));
    put_pair(out, "message", text ? text : wire_error_text(code));
    put_pair(out, "node", self->id);
    wire_put_cstr(out, "definite");
    wire_put_bool(out, wire_error_definite(code));
}

void node_core_put_error(const node_core_t *self, wire_buf_t *out, int code, const char *text)
{
    wire_put_map(out, 4);
    put_error_pairs(self, out, code, text);
}

void node_core_put_not_here(const node_core_t *self, wire_buf_t *out, wire_str_t name)
{
    wire_put_map(out, 5);
    put_error_pairs(self, out, WIRE_E_UNKNOWN, "no such process here");
    wire_put_cstr(out, "not_here");
    wire_put_text(out, name.data, name.size);
}

void node_core_not_here(node_core_t *self, alua_remote_t *to, uint64_t request, wire_str_t name)
{
    wire_buf_t error = WIRE_BUF_EMPTY;
    node_core_put_not_here(self, &error, name);
    if (!error.failed)
        (void) node_core_answer(self, WIRE_FAIL, to, request, error.data, error.size);
    wire_buf_free(&error);
}

void node_core_refuse(node_core_t *self, alua_remote_t *to, uint64_t request, int code, const char *text)
{
    wire_buf_t error = WIRE_BUF_EMPTY;
    node_core_put_error(self, &error, code, text);
    if (!error.failed)
        (void) node_core_answer(self, WIRE_FAIL, to, request, error.data, error.size);
    wire_buf_free(&error);
}

//  Credit goes back along the link that the messages came by, also when our own route to their sender is another.
const node_link_t *node_core_link_from(const node_core_t *self, const alua_remote_t *from)
{
    const node_link_t *link = self->links;
    if (from->link)
        return from->link;
    while (link && (link->remote != from || !link->up))
        link = link->next;
    return link;
}

static int send_credit(node_core_t *self, const alua_remote_t *from)
{
    const node_link_t *link = node_core_link_from(self, from);
    wire_buf_t *out = &self->scratch;
    if (!link)
        return WIRE_E_GONE;
    wire_buf_clear(out);
    wire_msg_begin_proc(out, WIRE_CREDIT, 0, 0, self->me, node_remote_name(from), 2);
    wire_put_uint(out, from->used_events);
    wire_put_uint(out, from->used_bytes);
    return out->failed ? WIRE_E_NO_MEMORY : self->effects.send(self->arg, link->peer, out->data, out->size);
}

//  Credit that the sender has not been told of is worth a message when a quarter of it is used up.

void node_core_used(node_core_t *self, alua_remote_t *from, size_t size)
{
    from->used_events++;
    from->used_bytes += size;
    if (from->used_events - from->told_events < WIRE_CREDIT_EVENTS / 4
            && from->used_bytes - from->told_bytes < WIRE_CREDIT_BYTES / 4)
        return;
    uint64_t events = from->used_events, bytes = from->used_bytes;
    if (send_credit(self, from))
        return;                         //  The next message tries again
    from->told_events = events;
    from->told_bytes = bytes;
}

void node_core_give_up(node_core_t *self, node_pending_t *pending, int code, const char *text)
{
    if (node_core_lingers(pending)) {
        node_core_abandon(self, pending, code, text);
        return;
    }
    bool never_sent = pending->parked;
    node_core_tell_cancel(self, pending);
    node_core_settle(self, pending, code, never_sent, text);
}

bool node_core_cancel(node_core_t *self, uint64_t id)
{
    node_pending_t *pending = node_pendings_find(&self->pendings, id);
    if (!pending)
        return false;
    self->stat.cancels++;
    node_core_give_up(self, pending, WIRE_E_CANCELLED, NULL);
    return true;
}

static node_pending_t *one_of(node_pending_t *pending, uint32_t group)
{
    while (pending && pending->group != group)
        pending = pending->next;
    return pending;
}

//  Each gives way to a record of no group, for which the table may have to grow: then from the beginning.
void node_core_close_group(node_core_t *self, uint32_t group, const char *text)
{
    node_pendings_t *pendings = &self->pendings;
    for (size_t i = 0; i < pendings->size;) {
        size_t size = pendings->size;
        node_pending_t *pending = one_of(pendings->buckets[i], group);
        if (pending) {
            self->stat.cancels++;
            node_core_give_up(self, pending, WIRE_E_CLOSED, text);
        }
        else
            i++;
        if (pendings->size != size)
            i = 0;
    }
}

void node_core_tell_cancel(node_core_t *self, const node_pending_t *pending)
{
    alua_remote_t *to = pending->to;
    if (!to || to->route == NODE_COLD || pending->parked)
        return;                         //  Parked work without its request is not sent
    wire_buf_t *out = &self->scratch;
    wire_buf_clear(out);
    wire_msg_begin_proc(out, WIRE_CANCEL, pending->id, 0, self->me, node_remote_name(to), 0);
    if (!out->failed)
        (void) node_core_forward(self, to, out->data, out->size);
}

void node_core_farewell(node_core_t *self, int code, const char *text)
{
    for (node_link_t *link = self->links; link; link = link->next) {
        wire_buf_t *out = &self->scratch;
        wire_buf_clear(out);
        wire_msg_begin_proc(out, WIRE_END, 0, 0, self->me, node_remote_name(link->remote), 2);
        wire_put_int(out, code);
        wire_put_text(out, text, strlen(text));
        if (!out->failed && self->effects.send(self->arg, link->peer, out->data, out->size) == 0)
            link->sent++;
    }
}
