//  node_send - requests, answers and asks on their way out; room and credit

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  How long a send may look for room, ms (API.md 1), and for how long it pumps in one go.
#define ROOM_TIMEOUT 30000
#define PUMP_TURN    50
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

//  Whether one more message finds room now. costs: it takes credit (a request, not an answer).
static bool has_room(const node_core_t *self, alua_remote_t *to, size_t size, bool costs)
{
    alua_remote_t *process = node_remote_target(to);
    switch (to->route) {
    case NODE_ASKING:
        return to->parked.size == 0 || to->parked.size + size <= PARKED_BYTES;
    case NODE_DIRECT:
        return (!costs || has_credit(process, size)) && self->effects.room(self->arg, process->link->peer, size);
    case NODE_RELAY:
        return self->broker && self->effects.room(self->arg, self->broker, size);
    case NODE_SELF:
        return self->mailbox.events < WIRE_CREDIT_EVENTS && self->mailbox.bytes <= WIRE_CREDIT_BYTES;
    default:
        return true;
    }
}

//  Pump input and output until there is room. A send to oneself cannot gain by it: only handlers make room.
static int wait_for_room(node_core_t *self, alua_remote_t *to, size_t size, bool costs)
{
    if (has_room(self, to, size, costs))
        return 0;
    self->stat.full++;
    int64_t limit = node_core_now(self) + ROOM_TIMEOUT;
    while (!has_room(self, to, size, costs)) {
        if (to->route == NODE_SELF || node_core_now(self) >= limit)
            return WIRE_E_FULL;
        self->effects.pump(self->arg, PUMP_TURN);
    }
    return to->route == NODE_COLD ? WIRE_E_GONE : 0;
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
    wire_str_t me = { self->id, strlen(self->id) };
    if (rc == 0 && !(mail->from = node_remotes_get(&self->remotes, me)))
        rc = WIRE_E_NO_MEMORY;
    if (rc) {
        node_mail_recycle(&self->mailbox, mail);
        return rc;
    }
    alua_remote_hold(mail->from);
    mail->deadline = mail->msg.ttl ? node_core_now(self) + mail->msg.ttl : 0;
    node_mailbox_push(&self->mailbox, mail);
    return 0;
}

static int park(alua_remote_t *to, const void *message, size_t size)
{
    wire_buf_append(&to->parked, message, size);
    return to->parked.failed ? WIRE_E_NO_MEMORY : 0;
}

int node_core_forward(node_core_t *self, alua_remote_t *to, const void *message, size_t size)
{
    alua_remote_t *process = node_remote_target(to);
    switch (to->route) {
    case NODE_ASKING:
        return park(to, message, size);
    case NODE_SELF:
        return deliver_to_self(self, message, size);
    case NODE_DIRECT:
        return self->effects.send(self->arg, process->link->peer, message, size);
    case NODE_RELAY:
        self->stat.relayed++;
        return self->broker ? self->effects.send(self->arg, self->broker, message, size) : WIRE_E_OFFLINE;
    default:
        return WIRE_E_GONE;
    }
}

static void spend_credit(node_core_t *self, alua_remote_t *to, size_t size)
{
    alua_remote_t *process = node_remote_target(to);
    if (to->route != NODE_DIRECT)
        return;
    process->sent_events++;
    process->sent_bytes += size;
    process->link->sent++;
    (void) self;
}

static int route_of(node_core_t *self, wire_str_t name, alua_remote_t **remote)
{
    if (name.size == 0 || name.size > WIRE_MAX_NAME)
        return WIRE_E_UNKNOWN;
    if (*self->id && node_core_is_me(self, name))
        name = (wire_str_t) { self->id, strlen(self->id) };
    *remote = node_remotes_get(&self->remotes, name);
    if (!*remote)
        return WIRE_E_NO_MEMORY;
    if (!*self->id)
        return WIRE_E_OFFLINE;
    return (*remote)->route == NODE_COLD ? node_core_resolve(self, *remote) : 0;
}

static void build_request(node_core_t *self, const alua_request_t *request, uint64_t id, wire_str_t to)
{
    wire_buf_t *out = &self->scratch;
    bool chunk = request->kind == ALUA_CHUNK;
    uint32_t ttl = request->timeout > 0 ? (uint32_t) (request->timeout < UINT32_MAX ? request->timeout : UINT32_MAX) : 0;
    uint32_t flags = request->flags | (request->fn ? WIRE_WANTS_REPLY : 0);
    wire_str_t me = { self->id, strlen(self->id) };
    wire_buf_clear(out);
    wire_msg_begin_proc(out, chunk ? WIRE_CHUNK : WIRE_CALL, id, ttl, me, to, chunk ? 4 : 3);
    wire_put_uint(out, flags);
    wire_put_text(out, request->name.data, request->name.size);
    if (chunk)
        wire_put_text(out, request->code.data, request->code.size);
    if (request->args)
        wire_buf_append(out, request->args, request->args_size);
    else
        wire_buf_append(out, &EMPTY_ARRAY, 1);
}

static int send_request(node_core_t *self, const alua_request_t *request, uint64_t id, alua_remote_t *to)
{
    build_request(self, request, id, node_remote_name(to));
    wire_buf_t *out = &self->scratch;
    if (out->failed)
        return WIRE_E_NO_MEMORY;
    if (out->size > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    int rc = wait_for_room(self, to, out->size, true);
    if (rc == 0)
        rc = node_core_forward(self, to, out->data, out->size);
    if (rc == 0)
        spend_credit(self, to, out->size);
    return rc;
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
    if (request->timeout > 0 && node_heap_add(&self->heap, &pending->due, node_core_now(self) + request->timeout)) {
        node_pendings_take(&self->pendings, pending);
        node_pendings_recycle(&self->pendings, pending);
        return NULL;
    }
    return pending;
}

static void forget_pending(node_core_t *self, node_pending_t *pending)
{
    node_heap_remove(&self->heap, &pending->due);
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
    wire_buf_t *out = &self->scratch;
    wire_str_t me = { self->id, strlen(self->id) };
    wire_buf_clear(out);
    wire_msg_begin_proc(out, type, request, 0, me, node_remote_name(to), 1);
    wire_buf_append(out, body, size);
    if (out->failed)
        return WIRE_E_NO_MEMORY;
    if (out->size > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    if (to->route == NODE_COLD)
        return WIRE_E_GONE;
    //  An answer never waits for the mailbox it goes to: its receiver asked for it, so it is bounded there. A reply to
    //  oneself must not be FULL either.
    int rc = to->route == NODE_SELF ? 0 : wait_for_room(self, to, out->size, false);
    if (rc == 0)
        rc = node_core_forward(self, to, out->data, out->size);
    if (rc == 0 && to->route == NODE_DIRECT)
        to->link->sent++;
    self->stat.replies += type == WIRE_REPLY;
    self->stat.fails += type == WIRE_FAIL;
    return rc;
}

static void put_pair(wire_buf_t *out, const char *key, const char *value)
{
    wire_put_cstr(out, key);
    wire_put_text(out, value, strlen(value));
}

void node_core_refuse(node_core_t *self, alua_remote_t *to, uint64_t request, int code, const char *text)
{
    wire_buf_t error = WIRE_BUF_EMPTY;
    wire_put_map(&error, 4);
    put_pair(&error, "code", wire_error_word(code));
    put_pair(&error, "message", text ? text : wire_error_text(code));
    put_pair(&error, "node", self->id);
    wire_put_cstr(&error, "definite");
    wire_put_bool(&error, wire_error_definite(code));
    if (!error.failed)
        (void) node_core_answer(self, WIRE_FAIL, to, request, error.data, error.size);
    wire_buf_free(&error);
}

//  Credit that the sender has not been told of is worth a message when a quarter of it is used up.
static void send_small(node_core_t *self, alua_remote_t *to, wire_type_t type, uint64_t request, uint32_t count,
                       uint64_t first, uint64_t second)
{
    wire_buf_t *out = &self->scratch;
    wire_str_t me = { self->id, strlen(self->id) };
    wire_buf_clear(out);
    wire_msg_begin_proc(out, type, request, 0, me, node_remote_name(to), count);
    if (count) {
        wire_put_uint(out, first);
        wire_put_uint(out, second);
    }
    if (!out->failed)
        (void) node_core_forward(self, to, out->data, out->size);
}

void node_core_used(node_core_t *self, alua_remote_t *from, size_t size)
{
    from->used_events++;
    from->used_bytes += size;
    if (from->used_events - from->told_events < WIRE_CREDIT_EVENTS / 4
            && from->used_bytes - from->told_bytes < WIRE_CREDIT_BYTES / 4)
        return;
    if (from->route != NODE_DIRECT)
        return;
    from->told_events = from->used_events;
    from->told_bytes = from->used_bytes;
    send_small(self, from, WIRE_CREDIT, 0, 2, from->used_events, from->used_bytes);
}

bool node_core_cancel(node_core_t *self, uint64_t id)
{
    node_pending_t *pending = node_pendings_find(&self->pendings, id);
    if (!pending)
        return false;
    self->stat.cancels++;
    node_core_tell_cancel(self, pending);
    node_core_settle(self, pending, WIRE_E_CANCELLED, false, NULL);
    return true;
}

void node_core_tell_cancel(node_core_t *self, const node_pending_t *pending)
{
    if (pending->to && pending->to->route != NODE_COLD)
        send_small(self, pending->to, WIRE_CANCEL, pending->id, 0, 0, 0);
}

static wire_str_t name_in(const node_ask_t *ask)
{
    wire_str_t none = { NULL, 0 }, name;
    wire_reader_t at = wire_reader(ask->fields, ask->size);
    if (ask->count == 0 || wire_read_bytes(&at, &name))
        return none;
    char *copy = malloc(name.size + 1);
    if (!copy)
        return none;
    memcpy(copy, name.data, name.size);
    return (wire_str_t) { copy, name.size };
}

int node_core_ask(node_core_t *self, const node_ask_t *ask)
{
    if (!self->broker || !self->broker_up)
        return WIRE_E_OFFLINE;
    node_pending_t *pending = node_pendings_add(&self->pendings, NULL, ask->background);
    if (!pending)
        return WIRE_E_NO_MEMORY;
    pending->fn = ask->fn;
    pending->arg = ask->arg;
    pending->type = ask->type;
    pending->inner = ask->inner;
    pending->about = name_in(ask);
    wire_buf_t *out = &self->scratch;
    wire_buf_clear(out);
    wire_msg_begin(out, ask->type, pending->id, (uint32_t) ask->timeout, ask->count);
    wire_buf_append(out, ask->fields, ask->size);
    int rc = out->failed ? WIRE_E_NO_MEMORY : self->effects.send(self->arg, self->broker, out->data, out->size);
    if (rc == 0 && ask->timeout > 0)
        rc = node_heap_add(&self->heap, &pending->due, node_core_now(self) + ask->timeout);
    if (rc)
        forget_pending(self, pending);
    return rc;
}

void node_core_farewell(node_core_t *self, int code, const char *text)
{
    for (node_link_t *link = self->links; link; link = link->next) {
        wire_buf_t *out = &self->scratch;
        wire_str_t me = { self->id, strlen(self->id) };
        wire_buf_clear(out);
        wire_msg_begin_proc(out, WIRE_END, 0, 0, me, node_remote_name(link->remote), 2);
        wire_put_int(out, code);
        wire_put_text(out, text, strlen(text));
        if (!out->failed && self->effects.send(self->arg, link->peer, out->data, out->size) == 0)
            link->sent++;
    }
}
