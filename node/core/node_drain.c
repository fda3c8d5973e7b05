//  node_drain - one event at a time to the handler; outcomes to whoever waits; deadlines and timers

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  How long a timer waits that finds no memory for its event, ms.
#define MEMORY_PAUSE 10

static void finish(node_core_t *self, node_pending_t *pending, const alua_outcome_t *outcome)
{
    if (pending->fn)
        pending->fn(pending->arg, outcome);
    node_pendings_recycle(&self->pendings, pending);    //  Now: it holds the name in outcome->from
}

static alua_outcome_t outcome_of(const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields;
    alua_outcome_t outcome = { .count = msg->count, .from = msg->from };
    if (msg->type == WIRE_REPLY && wire_read_array(&at, &outcome.count))
        return (alua_outcome_t) { .code = WIRE_E_MALFORMED, .from = msg->from, .text = "a reply without results" };
    outcome.body = at.at;
    outcome.size = (size_t) (at.end - at.at);
    return outcome;
}

//  FAIL's error map alone; NULL when there is none.
static wire_reader_t error_in(const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields, behind = at;
    uint32_t pairs;
    if (wire_read_map(&at, &pairs) || wire_skip(&behind))
        return (wire_reader_t) { NULL, NULL };
    return (wire_reader_t) { msg->fields.at, behind.at };
}

static alua_outcome_t failure_of(const wire_msg_t *msg)
{
    wire_reader_t at, map = error_in(msg);
    wire_str_t word = { "", 0 };
    alua_outcome_t outcome = { .code = WIRE_E_REMOTE, .from = msg->from, .body = map.at,
                               .size = (size_t) (map.end - map.at), .count = 1 };
    if (!map.at)
        return (alua_outcome_t) { .code = WIRE_E_REMOTE, .from = msg->from, .text = "a failure without an error" };
    if (wire_map_find(&map, "code", &at) && wire_read_bytes(&at, &word) == 0)
        outcome.code = wire_error_of(word.data, word.size);
    if (outcome.code == 0)
        outcome.code = WIRE_E_REMOTE;   //  A failure that says "ok" is one all the same
    if (wire_map_find(&map, "definite", &at))
        (void) wire_read_bool(&at, &outcome.definite);
    return outcome;
}

//  It was published without asking what becomes of it.
static void refused(node_core_t *self, wire_str_t topic, const alua_outcome_t *outcome)
{
    char about[WIRE_MAX_NAME + 16];
    int size = snprintf(about, sizeof about, "publish to %.*s", (int) topic.size, topic.data);
    if (!self->handler.report || topic.size > WIRE_MAX_NAME)
        return;
    self->stat.reports++;
    self->handler.report(self->handler_arg, (wire_str_t) { about, (size_t) size }, outcome->code, outcome->text, NULL, 0);
}

static void denied(node_core_t *self, node_pending_t *pending, const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields;
    wire_str_t word = { "", 0 }, said = { "", 0 }, topic = { "", 0 };
    (void) (wire_read_bytes(&at, &word) || wire_read_bytes(&at, &said));
    char text[512];
    size_t size = said.size < sizeof text - 1 ? said.size : sizeof text - 1;
    memcpy(text, said.data, size);
    text[size] = 0;
    alua_outcome_t outcome = { .code = wire_error_of(word.data, word.size), .definite = true, .text = text };
    if (outcome.code == 0)
        outcome.code = WIRE_E_MALFORMED;
    if (pending)
        finish(self, pending, &outcome);
    else if (wire_read_bytes(&at, &topic) == 0)
        refused(self, topic, &outcome);
}

static void failed(node_core_t *self, node_pending_t *pending, const node_mail_t *mail)
{
    const wire_msg_t *msg = &mail->msg;
    alua_outcome_t outcome = failure_of(msg);
    wire_reader_t map = msg->fields, at;
    if (outcome.code == WIRE_E_UNKNOWN && !wire_map_find(&map, "not_here", &at))
        node_core_doubt(self, mail->from);      //  Else that was done when it came
    if (pending)
        finish(self, pending, &outcome);
    else if (self->handler.report) {
        self->stat.reports++;
        self->handler.report(self->handler_arg, msg->from, outcome.code, outcome.text, outcome.body, outcome.size);
    }
}

//  A request's answer, which node_receive has put together with it.
static void answered(node_core_t *self, node_mail_t *mail)
{
    const wire_msg_t *msg = &mail->msg;
    node_pending_t *pending = mail->pending;
    mail->pending = NULL;
    if (msg->type == WIRE_FAIL)
        failed(self, pending, mail);
    else if (msg->type == WIRE_DENY)
        denied(self, pending, msg);
    else {
        alua_outcome_t outcome = outcome_of(msg);
        finish(self, pending, &outcome);
    }
}

static int read_event(const wire_msg_t *msg, alua_event_t *event)
{
    wire_reader_t at = msg->fields;
    event->kind = msg->type == WIRE_CHUNK ? ALUA_CHUNK : ALUA_CALL;
    event->code = (wire_str_t) { NULL, 0 };
    if (wire_read_u32(&at, &event->flags) || wire_read_bytes(&at, &event->name))
        return WIRE_E_MALFORMED;
    if (msg->type == WIRE_CHUNK && wire_read_bytes(&at, &event->code))
        return WIRE_E_MALFORMED;
    if (wire_read_array(&at, &event->count))
        return WIRE_E_MALFORMED;
    event->args = at.at;
    event->args_size = (size_t) (at.end - at.at);
    return 0;
}

static void asked(node_core_t *self, const node_mail_t *mail)
{
    const wire_msg_t *msg = &mail->msg;
    alua_event_t event;                 //  Filled here and by read_event, not cleared first
    event.from = mail->from;
    event.from_id = msg->from;
    event.request = msg->request;
    event.deadline = mail->deadline;
    event.full = true;
    if (mail->epoch && mail->epoch == mail->from->epoch)
        node_core_used(self, mail->from, (size_t) (msg->whole.end - msg->whole.at));
    if (mail->deadline < 0)
        return;                         //  Cancelled while it waited
    if (!mail->own && !node_core_is_me(self, msg->to)) {
        self->stat.refused++;
        self->dry_refused = self->begun;
        node_core_not_here(self, mail->from, msg->request, msg->to);
    } else if (mail->deadline && mail->deadline < self->begun) {
        self->stat.expired++;
        node_core_refuse(self, mail->from, msg->request, WIRE_E_EXPIRED, NULL);
    } else if (read_event(msg, &event)) {
        self->stat.refused++;
        node_core_refuse(self, mail->from, msg->request, WIRE_E_MALFORMED, NULL);
    } else if (self->dry && !mail->own && node_core_refuses(self, mail->from)) {
        self->stat.refused++;
        node_core_refuse(self, mail->from, msg->request, WIRE_E_DRAINING, NULL);
    } else if (!mail->author || node_core_may(self, mail->author, &event))
        self->handler.event(self->handler_arg, &event);
}

static void told(node_core_t *self, const node_mail_t *mail, alua_kind_t kind)
{
    const wire_msg_t *msg = &mail->msg;
    alua_event_t event = { .kind = kind, .from = mail->from, .from_id = msg->from, .count = msg->count,
                           .args = msg->fields.at, .args_size = (size_t) (msg->fields.end - msg->fields.at) };
    self->handler.event(self->handler_arg, &event);
}

static void handle_message(node_core_t *self, node_mail_t *mail)
{
    switch (mail->msg.type) {
    case WIRE_CHUNK:
    case WIRE_CALL:
        asked(self, mail);
        break;
    case WIRE_MEMBERS:
        told(self, mail, ALUA_MEMBERS);
        break;
    case WIRE_WATCHED:
        told(self, mail, ALUA_WATCHED);
        break;
    case WIRE_TUPLE:
        told(self, mail, ALUA_TUPLE);
        break;
    case WIRE_TOPIC:
        told(self, mail, ALUA_TOPIC);
        break;
    case WIRE_REACTION:
        told(self, mail, ALUA_REACTION);
        break;
    case WIRE_END:
        told(self, mail, ALUA_END);
        break;
    case WIRE_CANCEL:
        if (self->effects.jail_cancel && self->effects.jail_cancel(self->arg, mail->from, mail->msg.request))
            break;
        if (self->handler.cancel)
            self->handler.cancel(self->handler_arg, mail->from, mail->msg.request);
        break;
    default:
        answered(self, mail);
    }
}

static void timer_forget(node_core_t *self, node_timer_t *timer)
{
    uint32_t place = (uint32_t) timer->id;
    self->timers[place] = NULL;
    self->timer_places[self->timer_spare++] = place;
    self->timer_count--;
    self->timers_holding -= !timer->background;
    free(timer);
}

static void run_timer(node_core_t *self, node_timer_t *timer)
{
    alua_timer_fn *fn = timer->fn;
    void *arg = timer->arg;
    timer_forget(self, timer);
    if (!fn)
        return;                         //  Cancelled after it fell due
    self->stat.timers++;
    fn(arg);
}

//  An outcome of this node's own making.
static void settled(node_core_t *self, node_mail_t *mail)
{
    node_pending_t *pending = mail->pending;
    alua_outcome_t outcome = { .code = mail->code, .definite = mail->definite, .text = mail->text };
    if (pending->to)
        outcome.from = node_remote_name(pending->to);
    mail->pending = NULL;
    finish(self, pending, &outcome);
}

static void happened(node_core_t *self, const node_mail_t *mail)
{
    alua_event_t event = { .kind = mail->event, .flags = mail->flags };
    self->handler.event(self->handler_arg, &event);
}

static void handle(node_core_t *self, node_mail_t *mail)
{
    switch (mail->kind) {
    case NODE_MAIL_MESSAGE:
        handle_message(self, mail);
        break;
    case NODE_MAIL_OUTCOME:
        settled(self, mail);
        break;
    case NODE_MAIL_POST:
        mail->fn(mail->arg);
        break;
    case NODE_MAIL_TIMER:
        run_timer(self, mail->arg);
        break;
    case NODE_MAIL_EVENT:
        happened(self, mail);
        break;
    }
}

size_t node_core_drain(node_core_t *self, size_t most)
{
    size_t done = 0;
    self->begun = node_core_coarse(self);
    self->took_long = false;
    while (done < most && self->ready && !self->running && self->handler.event && !self->took_long) {
        node_mail_t *mail = node_mailbox_pop(&self->mailbox);
        if (!mail)
            break;
        self->running = true;
        handle(self, mail);
        self->running = false;
        node_core_drop(self, mail);
        done++;
        self->took_long = node_core_coarse(self) != self->begun;
    }
    if (self->dry)
        node_core_dry_look(self);
    return done;
}

static char *text_copy(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void node_core_settle(node_core_t *self, node_pending_t *pending, int code, bool definite, const char *text)
{
    node_core_overtaken(self, pending);
    wire_heap_remove(&self->heap, &pending->due);
    node_pendings_take(&self->pendings, pending);
    alua_outcome_t outcome = { .code = code, .definite = definite, .text = text };
    node_mail_t *mail = pending->inner ? NULL : node_mail_new(&self->mailbox, NODE_MAIL_OUTCOME);
    if (!mail) {                        //  The core's own, or no memory: better now than never
        finish(self, pending, &outcome);
        return;
    }
    mail->pending = pending;
    mail->code = code;
    mail->definite = definite;
    mail->text = text_copy(text);
    node_mailbox_push(&self->mailbox, mail);
}

static void expire(node_core_t *self, node_pending_t *pending)
{
    self->stat.timeouts++;
    node_core_give_up(self, pending, WIRE_E_TIMEOUT,
                      node_core_lingers(pending) ? "the broker did not say so in time" : NULL);
}

//  Its event joins the mailbox; until that is handled the timer can be cancelled.
static void ring(node_core_t *self, node_timer_t *timer)
{
    node_mail_t *mail = node_mail_new(&self->mailbox, NODE_MAIL_TIMER);
    wire_heap_remove(&self->heap, &timer->due);
    if (!mail) {
        if (wire_heap_try(&self->heap, &timer->due, node_core_now(self) + MEMORY_PAUSE))
            timer_forget(self, timer);
        return;
    }
    timer->rung = true;
    mail->arg = timer;
    node_mailbox_push(&self->mailbox, mail);
}

void node_core_tick(node_core_t *self)
{
    int64_t now = node_core_now(self);
    wire_due_t *due;
    while ((due = wire_heap_first(&self->heap)) && due->at <= now) {
        if (due->kind == NODE_DUE_PENDING)
            expire(self, (node_pending_t *) due);
        else
            ring(self, (node_timer_t *) due);
    }
}

int64_t node_core_wait(const node_core_t *self)
{
    const wire_due_t *due = wire_heap_first(&self->heap);
    if (!due)
        return -1;
    int64_t wait = due->at - node_core_now(self);
    return wait > 0 ? wait : 0;
}

static bool timer_room(node_core_t *self)
{
    if (self->timer_spare)
        return true;
    uint32_t capacity = self->timer_capacity ? self->timer_capacity * 2 : 16;
    node_timer_t **timers = realloc(self->timers, capacity * sizeof *timers);
    if (timers)
        self->timers = timers;
    uint32_t *places = timers ? realloc(self->timer_places, capacity * sizeof *places) : NULL;
    if (!places)
        return false;
    self->timer_places = places;
    for (uint32_t place = capacity; place-- > self->timer_capacity;) {
        timers[place] = NULL;
        places[self->timer_spare++] = place;
    }
    self->timer_capacity = capacity;
    return true;
}

uint64_t node_core_timer(node_core_t *self, int64_t ms, bool background, alua_timer_fn *fn, void *arg)
{
    node_timer_t *timer = timer_room(self) ? calloc(1, sizeof *timer) : NULL;
    if (!timer)
        return 0;
    timer->due.kind = NODE_DUE_TIMER;
    if (wire_heap_try(&self->heap, &timer->due, node_core_now(self) + ms)) {
        free(timer);
        return 0;
    }
    uint32_t place = self->timer_places[--self->timer_spare];
    if (++self->last_timer == 0)        //  An id is never 0
        self->last_timer = 1;
    timer->id = (uint64_t) self->last_timer << 32 | place;
    timer->fn = fn;
    timer->arg = arg;
    timer->background = background;
    self->timers[place] = timer;
    self->timer_count++;
    self->timers_holding += !background;
    return timer->id;
}

bool node_core_timer_cancel(node_core_t *self, uint64_t id)
{
    uint32_t place = (uint32_t) id;
    node_timer_t *timer = place < self->timer_capacity ? self->timers[place] : NULL;
    if (!timer || timer->id != id)
        return false;
    bool waits = timer->fn != NULL;
    timer->fn = NULL;
    if (!timer->rung) {
        wire_heap_remove(&self->heap, &timer->due);
        timer_forget(self, timer);
    }
    return waits;
}

int node_core_post(node_core_t *self, alua_timer_fn *fn, void *arg)
{
    node_mail_t *mail = node_mail_new(&self->mailbox, NODE_MAIL_POST);
    if (!mail)
        return WIRE_E_NO_MEMORY;
    mail->fn = fn;
    mail->arg = arg;
    node_mailbox_push(&self->mailbox, mail);
    return 0;
}

void node_core_event(node_core_t *self, alua_kind_t kind, uint32_t flags)
{
    node_mail_t *mail = node_mail_new(&self->mailbox, NODE_MAIL_EVENT);
    if (!mail)
        return;
    mail->event = kind;
    mail->flags = flags;
    node_mailbox_push(&self->mailbox, mail);
}
