//  node_receive - what links and the broker say; all but the core's own business goes to the mailbox

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  Where the mailbox takes no more work from the broker.
#define RELAYED_EVENTS (4 * WIRE_CREDIT_EVENTS)
#define RELAYED_BYTES  (8 * (size_t) WIRE_CREDIT_BYTES)

static int64_t arrival(const node_core_t *self, void *frame)
{
    return self->effects.frame_time ? self->effects.frame_time(frame) : node_core_coarse(self);
}

static node_mail_t *mail_of(node_core_t *self, alua_remote_t *from, const wire_msg_t *msg, void *frame)
{
    node_mail_t *mail = node_mail_new(&self->mailbox, NODE_MAIL_MESSAGE);
    if (!mail)
        return NULL;
    mail->msg = *msg;
    mail->frame = frame;
    mail->from = from;
    self->effects.frame_hold(frame);
    if (from)
        alua_remote_hold(from);
    mail->deadline = msg->ttl ? arrival(self, frame) + msg->ttl : 0;
    return mail;
}

static int push_message(node_core_t *self, const wire_msg_t *msg, void *frame)
{
    node_mail_t *mail = mail_of(self, NULL, msg, frame);
    if (!mail)
        return WIRE_E_NO_MEMORY;
    node_mailbox_push(&self->mailbox, mail);
    return 0;
}

//  Work not begun is dropped where it waits; what runs or waits is the handler's business.
static bool cancel_queued(node_core_t *self, const node_mail_t *cancel)
{
    for (node_mail_t *mail = self->mailbox.first; mail; mail = mail->next) {
        if (mail->kind == NODE_MAIL_MESSAGE && mail->from == cancel->from && mail->msg.request == cancel->msg.request
                && (mail->msg.type == WIRE_CALL || mail->msg.type == WIRE_CHUNK)) {
            mail->deadline = -1;
            return true;
        }
    }
    return false;
}

//  Only whom we asked may answer: itself, or who stands behind the name. Where the broker carries the messages, it finds
//  the holder of a name for each anew.
static bool owes_answer(const node_pending_t *pending, const node_mail_t *mail)
{
    if (!pending || !pending->to)
        return false;
    bool relayed = mail->epoch == 0 && !mail->own;
    return mail->from == pending->to || mail->from == node_remote_target(pending->to)
        || (relayed && pending->to->target
            && (pending->to->route == NODE_RELAY || pending->id <= pending->to->target->relay_until));
}

//  A name that has moved: not whom we took for its holder had the request, but who answers.
static void recount_relayed(const node_pending_t *pending, alua_remote_t *from)
{
    alua_remote_t *meant = node_remote_target(pending->to);
    if (from == meant || from == pending->to || !meant->relayed_sent)
        return;
    meant->relayed_sent--;
    from->relayed_sent++;
}

//  The request leaves the table with the answer's arrival: a deadline or the link's end that comes before the answer is
//  handled does not make a second outcome.
static bool claim(node_core_t *self, node_mail_t *mail)
{
    uint64_t request = mail->msg.request;
    node_pending_t *pending = node_pendings_find(&self->pendings, request);
    if (owes_answer(pending, mail)) {
        recount_relayed(pending, mail->from);
        if (node_core_again(self, pending, mail->from, &mail->msg))
            return false;
        node_core_overtaken(self, pending);
        wire_heap_remove(&self->heap, &pending->due);
        node_pendings_take(&self->pendings, pending);
        mail->pending = pending;
        return true;
    }
    if (mail->msg.type == WIRE_FAIL && request == 0) {
        (void) node_core_again(self, NULL, mail->from, &mail->msg);
        return true;                    //  Of a send that nobody waits for: reported
    }
    self->stat.orphans++;
    return false;
}

void node_core_admit(node_core_t *self, node_mail_t *mail)
{
    bool wanted = true;
    if (mail->msg.type == WIRE_CANCEL)
        wanted = !cancel_queued(self, mail);
    else if (mail->msg.type == WIRE_REPLY || mail->msg.type == WIRE_FAIL)
        wanted = claim(self, mail);
    if (wanted)
        node_mailbox_push(&self->mailbox, mail);
    else
        node_core_drop(self, mail);
}

static int credit(alua_remote_t *from, const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields;
    uint64_t events, bytes;
    if (wire_read_uint(&at, &events) || wire_read_uint(&at, &bytes))
        return WIRE_E_MALFORMED;
    if (events > from->sent_events || bytes > from->sent_bytes
            || events < from->granted_events || bytes < from->granted_bytes)
        return WIRE_E_STATE;
    from->granted_events = events;
    from->granted_bytes = bytes;
    return 0;
}

//  The author of a message: on a direct link only the process there may speak; the broker stamps others.
static int author_of(node_core_t *self, node_link_t *link, const wire_msg_t *msg, alua_remote_t **from)
{
    if (link) {
        *from = link->remote;
        return wire_str_same(node_remote_name(link->remote), msg->from) ? 0 : WIRE_E_DENIED;
    }
    *from = node_remotes_get(&self->remotes, msg->from);
    if (!*from)
        return WIRE_E_NO_MEMORY;
    //  Whoever reached us through the broker is answered through it. (An answer may come from the broker itself.)
    if ((*from)->route == NODE_COLD && (msg->type == WIRE_CALL || msg->type == WIRE_CHUNK))
        node_core_set_route(self, *from, NODE_RELAY, NULL);
    return 0;
}

//  An honest sender keeps to its credit; what is granted but not told yet makes up the difference.
static bool over_credit(alua_remote_t *from, size_t size)
{
    from->had_events++;
    from->had_bytes += size;
    return from->had_events - from->told_events > 2 * WIRE_CREDIT_EVENTS
        || from->had_bytes - from->told_bytes > 2 * (uint64_t) WIRE_CREDIT_BYTES;
}

//  Work that came through the broker is bought by no credit: the whole mailbox is its bound.
static bool over_bound(const node_core_t *self)
{
    return self->mailbox.events >= RELAYED_EVENTS || self->mailbox.bytes >= RELAYED_BYTES;
}

//  Said at once and without waiting for room: this may be inside a pump.
static void refuse_relayed(node_core_t *self, alua_remote_t *from, const wire_msg_t *msg)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    self->stat.refused++;
    wire_msg_begin_proc(&out, WIRE_FAIL, msg->request, 0, self->me, msg->from, 1);
    node_core_put_error(self, &out, WIRE_E_FULL, "the mailbox is full");
    if (!out.failed && self->broker && self->effects.send(self->arg, self->broker, out.data, out.size) == 0) {
        from->relayed_sent++;
        from->undrained++;
    }
    wire_buf_free(&out);
}

//  What the broker refuses it says in the name of whom we wrote to, but as itself.
static bool is_brokers_own(const node_core_t *self, const wire_msg_t *msg)
{
    wire_reader_t error = msg->fields, at;
    wire_str_t node;
    return msg->type == WIRE_FAIL && wire_map_find(&error, "node", &at) && wire_read_bytes(&at, &node) == 0
        && wire_str_is(node, self->address);
}

//  For the detection of a program's end, where the two ends compare what went between them. What the broker refused is
//  not on its way any more, and its word about it came from nobody.
static void count_relayed(const node_core_t *self, alua_remote_t *from, const wire_msg_t *msg)
{
    alua_remote_t *process = node_remote_target(from);
    if (!wire_type_counts(msg->type))
        return;
    process->comes_relayed = true;
    if (!is_brokers_own(self, msg))
        process->relayed_received++;
    else if (process->relayed_sent)
        process->relayed_sent--;
}

//  SWITCH says what went through the broker, so it means nothing on a link.
static int hear_switch(node_core_t *self, const node_link_t *link, alua_remote_t *from, const wire_msg_t *msg)
{
    if (msg->type == WIRE_SWITCH)
        return link ? WIRE_E_STATE : node_core_switch(self, from, msg);
    return node_core_switched(self, from, msg);
}

static int from_process(node_core_t *self, node_link_t *link, const wire_msg_t *msg, void *frame)
{
    alua_remote_t *from;
    int rc = author_of(self, link, msg, &from);
    if (rc)
        return rc;
    bool work = msg->type == WIRE_CALL || msg->type == WIRE_CHUNK;
    if (link && work && over_credit(from, (size_t) (msg->whole.end - msg->whole.at)))
        return WIRE_E_FULL;
    if (!link)
        count_relayed(self, from, msg);
    if (msg->type == WIRE_SWITCH || msg->type == WIRE_SWITCHED)
        return hear_switch(self, link, from, msg);
    if (work && self->dried) {
        node_core_turn_away(self, link, msg);
        return 0;
    }
    if (!link && work && over_bound(self)) {
        refuse_relayed(self, from, msg);
        return 0;
    }
    if (link && wire_type_counts(msg->type)) {
        link->received++;
        link->broker_epoch = self->broker_epoch;
        from->comes_relayed = false;
    }
    if (msg->type == WIRE_CREDIT)
        return link ? credit(from, msg) : 0;    //  A link's own business, and no fault of the broker's
    node_mail_t *mail = mail_of(self, from, msg, frame);
    if (!mail)
        return WIRE_E_NO_MEMORY;
    mail->epoch = link ? from->epoch : 0;
    if (work && (self->rights.on || (link && link->author)))    //  Who came by key does so whatever the broker is now
        mail->author = node_author_hold(node_core_author(self, link, from));
    node_core_admit(self, mail);
    if (!link)
        node_core_relaying(self, from);
    return 0;
}

//  The view goes on without us: who has left still follows.
static void leave_app(node_core_t *self, wire_str_t name, wire_reader_t at)
{
    node_app_t *app = node_apps_find(&self->apps, name);
    uint64_t version;
    if (!app)
        return;
    app->joined = false;
    if (wire_read_uint(&at, &version) == 0)
        (void) node_app_change(app, version, false, self->me);
}

static void add_name(node_name_t **list, wire_str_t text)
{
    node_name_t *name = malloc(sizeof *name + text.size + 1);
    if (!name)
        return;
    name->size = text.size;
    memcpy(name->text, text.data, text.size);
    name->text[text.size] = 0;
    name->next = *list;
    *list = name;
}

static void remove_name(node_name_t **list, wire_str_t text)
{
    node_name_t **place = list;
    while (*place && !wire_str_is(text, (*place)->text))
        place = &(*place)->next;
    node_name_t *name = *place;
    if (name) {
        *place = name->next;
        free(name);
    }
}

void node_core_unname(node_core_t *self, wire_str_t text)
{
    remove_name(&self->names, text);
}

static void learn_view(node_core_t *self, const node_pending_t *pending, wire_reader_t at)
{
    node_app_t *app = node_apps_get(&self->apps, pending->about);
    bool early = app && app->stale && (self->return_timer || pending->fn);
    if (app && (early ? node_core_view_early : node_core_view)(self, app, &at) == 0)
        app->joined |= pending->type == WIRE_JOIN;
}

//  What an answer means to our own books, whoever asked.
static void learn(node_core_t *self, const node_pending_t *pending, const wire_msg_t *msg)
{
    node_app_t *app;
    if (pending->late) {
        node_core_give_back(self, pending, msg->fields);
        return;
    }
    if (pending->type == WIRE_WATCH || pending->type == WIRE_UNWATCH) {
        node_core_watches(self, pending->about, pending->type == WIRE_WATCH);
        return;
    }
    if (!pending->about.data)
        return;
    switch (pending->type) {
    case WIRE_JOIN:
    case WIRE_FOLLOW:
        learn_view(self, pending, msg->fields);
        break;
    case WIRE_LEAVE:
        leave_app(self, pending->about, msg->fields);
        break;
    case WIRE_UNFOLLOW:
        app = node_apps_find(&self->apps, pending->about);
        if (app)
            node_apps_remove(&self->apps, app);
        break;
    case WIRE_REGISTER:
        node_core_unname(self, pending->about);
        add_name(&self->names, pending->about);
        break;
    case WIRE_UNREGISTER:
        node_core_unname(self, pending->about);
        break;
    default:
        return;
    }
    self->effects.claims(self->arg);
}

static void call_inner(node_core_t *self, node_pending_t *pending, const wire_msg_t *msg)
{
    alua_outcome_t outcome = { .count = msg->count, .body = msg->fields.at,
                               .size = (size_t) (msg->fields.end - msg->fields.at) };
    char text[512] = "";
    if (msg->type == WIRE_DENY) {
        wire_reader_t at = msg->fields;
        wire_str_t word = { "", 0 }, said = { "", 0 };
        (void) (wire_read_bytes(&at, &word) || wire_read_bytes(&at, &said));
        outcome = (alua_outcome_t) { .code = wire_error_of(word.data, word.size), .definite = true, .text = text };
        if (outcome.code == 0)
            outcome.code = WIRE_E_MALFORMED;
        size_t size = said.size < sizeof text - 1 ? said.size : sizeof text - 1;
        memcpy(text, said.data, size);
        text[size] = 0;
    }
    wire_heap_remove(&self->heap, &pending->due);
    node_pendings_take(&self->pendings, pending);
    alua_outcome_fn *fn = pending->fn;
    void *arg = pending->arg;
    node_pendings_recycle(&self->pendings, pending);
    if (fn)
        fn(arg, &outcome);
}

static int from_broker(node_core_t *self, const wire_msg_t *msg, void *frame)
{
    node_pending_t *pending = node_pendings_find(&self->pendings, msg->request);
    if (msg->type == WIRE_DENY && !msg->request)
        return push_message(self, msg, frame);
    if (!pending || pending->to) {
        self->stat.orphans++;
        return 0;
    }
    if (msg->type == WIRE_ANSWER)
        learn(self, pending, msg);
    if (pending->type == WIRE_LOOKUP && pending->about.data)
        node_core_seen(self, pending->about, msg);
    if (pending->inner || !pending->fn) {   //  Late ones have no fn either
        call_inner(self, pending, msg);
        return 0;
    }
    node_mail_t *mail = mail_of(self, NULL, msg, frame);
    if (!mail)
        return WIRE_E_NO_MEMORY;
    wire_heap_remove(&self->heap, &pending->due);
    node_pendings_take(&self->pendings, pending);
    mail->pending = pending;
    node_mailbox_push(&self->mailbox, mail);
    return 0;
}

static int members(node_core_t *self, const wire_msg_t *msg, void *frame)
{
    wire_reader_t at = msg->fields;
    wire_str_t name, what, id;
    uint64_t version;
    if (wire_read_name(&at, &name) || wire_read_uint(&at, &version) || wire_read_bytes(&at, &what)
            || wire_read_name(&at, &id))
        return WIRE_E_MALFORMED;
    node_app_t *app = node_apps_find(&self->apps, name);
    if (!app || !node_app_change(app, version, wire_str_is(what, "join"), id))
        return 0;
    return push_message(self, msg, frame);
}

static int watched(node_core_t *self, const wire_msg_t *msg, void *frame)
{
    int rc = node_core_hear_notice(self, msg);
    if (rc == 0)
        rc = push_message(self, msg, frame);
    if (rc != WIRE_E_MALFORMED)
        node_core_watched(self, msg);
    return rc;
}

int node_core_message(node_core_t *self, node_link_t *link, const wire_msg_t *msg, void *frame)
{
    wire_way_t way = wire_type_way(msg->type);
    if (way == WIRE_WAY_PROC)
        return from_process(self, link, msg, frame);
    if (link || way != WIRE_WAY_TELL)
        return WIRE_E_STATE;
    if (wire_type_counts(msg->type))
        self->broker_received++;
    switch (msg->type) {
    case WIRE_MEMBERS:
        return members(self, msg, frame);
    case WIRE_WATCHED:
        return watched(self, msg, frame);
    case WIRE_RIGHTS:
        return node_core_rights(self, msg);
    case WIRE_DRAINING:
        return node_core_draining(self, msg);
    case WIRE_TUPLE:
    case WIRE_TOPIC:
    case WIRE_REACTION:
        return push_message(self, msg, frame);
    default:
        return from_broker(self, msg, frame);
    }
}
