//  node_watch - whom we watch, what became of them, and who did not come back to a restarted broker
//
//  A broker tells of those it knows. One that was restarted never knew who died while it was away, and nobody would
//  ever say that they are gone; so we remember who was there when our broker went, and ask after them when those
//  who live have had a lease's time to return.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

static wire_str_t text_of(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

static char *copy_of(wire_str_t text)
{
    char *copy = malloc(text.size + 1);
    if (copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = 0;
    }
    return copy;
}

static void forget_who(node_watch_t *watch)
{
    free(watch->id);
    free(watch->node);
    watch->id = watch->node = NULL;
    watch->missed = false;
}

//  Without memory nobody is known to be there, as before.
static void remember_who(node_watch_t *watch, wire_str_t id, wire_str_t node, uint64_t incarnation)
{
    forget_who(watch);
    watch->id = copy_of(id);
    watch->node = copy_of(node);
    watch->incarnation = incarnation;
    if (!watch->id || !watch->node)
        forget_who(watch);
}

static void watch_free(node_watch_t *watch)
{
    forget_who(watch);
    free(watch->text);
    free(watch);
}

void node_core_unwatch_all(node_core_t *self)
{
    while (self->watches) {
        node_watch_t *watch = self->watches;
        self->watches = watch->next;
        watch_free(watch);
    }
    self->watches_all = false;
}

static node_watch_t **place_of(node_core_t *self, wire_str_t who)
{
    node_watch_t **place = &self->watches;
    while (*place && !wire_str_is(who, (*place)->text))
        place = &(*place)->next;
    return place;
}

static void add_watch(node_core_t *self, wire_str_t who)
{
    node_watch_t *watch = calloc(1, sizeof *watch);
    if (watch && !(watch->text = copy_of(who))) {
        free(watch);
        watch = NULL;
    }
    if (!watch)
        return;
    watch->next = self->watches;
    self->watches = watch;
}

void node_core_watches(node_core_t *self, wire_str_t who, bool watches)
{
    if (!who.data) {
        self->watches_all = watches;
        return;
    }
    node_watch_t **place = place_of(self, who), *watch = *place;
    if (watches && !watch)
        add_watch(self, who);
    else if (!watches && watch) {
        *place = watch->next;
        watch_free(watch);
    }
}

//  ---- Who is over -------------------------------------------------------------------

//  Who was reached through the broker is over, and so is what we took its names for.
static void relayed_over(node_core_t *self, wire_str_t id, const char *text)
{
    alua_remote_t *process = node_remotes_find(&self->remotes, id);
    if (!process)
        return;
    process->relayed_sent = process->relayed_received = 0;
    if (process->route == NODE_RELAY || process->doubted)
        node_core_process_over(self, process, WIRE_E_GONE, text);
}

//  The broker's word that a node is over is final for us too.
static void bury(node_core_t *self, wire_str_t node, uint64_t incarnation, wire_str_t id, wire_str_t text)
{
    char why[256];
    size_t size = text.size < sizeof why - 1 ? text.size : sizeof why - 1;
    if (size)
        memcpy(why, text.data, size);
    why[size] = 0;
    node_link_t *link = node_core_link_find(self, node, incarnation);
    if (link && link->peer) {
        link->dead = true;
        self->effects.bury(self->arg, link->peer, why);
    }
    relayed_over(self, id, why);
}

static bool is_about(const node_watch_t *watch, wire_str_t id)
{
    return watch->id && wire_str_is(id, watch->id);
}

typedef struct {
    wire_str_t what, id, node, text;
    uint64_t incarnation;
} notice_t;

static int read_notice(const wire_msg_t *msg, notice_t *notice)
{
    wire_reader_t at = msg->fields;
    if (wire_read_bytes(&at, &notice->what) || wire_read_name(&at, &notice->id) || wire_read_name(&at, &notice->node)
            || wire_read_uint(&at, &notice->incarnation))
        return WIRE_E_MALFORMED;
    if (wire_read_bytes(&at, &notice->text))
        notice->text = (wire_str_t) { "", 0 };
    return 0;
}

static void obey(node_core_t *self, const notice_t *notice)
{
    for (node_watch_t *watch = self->watches; watch; watch = watch->next)
        if (is_about(watch, notice->id) && watch->incarnation == notice->incarnation)
            forget_who(watch);
    if (wire_str_is(notice->what, "gone"))
        bury(self, notice->node, notice->incarnation, notice->id, notice->text);
    else                                //  A link says so itself, behind what was sent over it
        relayed_over(self, notice->id, "the process has ended");
}

void node_core_watched(node_core_t *self, const wire_msg_t *msg)
{
    notice_t notice;
    if (read_notice(msg, &notice) == 0 && (wire_str_is(notice.what, "gone") || wire_str_is(notice.what, "left")))
        obey(self, &notice);
}

//  ---- Who did not come back -----------------------------------------------------------

static void ask_after(node_core_t *self, const char *id)
{
    wire_buf_t field = WIRE_BUF_EMPTY;
    wire_put_text(&field, id, strlen(id));
    node_ask_t ask = { .type = WIRE_LOOKUP, .fields = field.data, .size = field.size, .count = 1,
                       .timeout = WIRE_TIMEOUT, .background = true, .inner = true };
    if (!field.failed)
        (void) node_core_ask(self, &ask);
    wire_buf_free(&field);
}

static void await_missed(node_core_t *self);

static void ask_missed(void *arg)
{
    node_core_t *self = arg;
    bool later = false;
    self->watch_timer = 0;
    for (node_watch_t *watch = self->watches; watch; watch = watch->next) {
        const node_link_t *link = watch->missed
            ? node_core_link_find(self, text_of(watch->node), watch->incarnation) : NULL;
        watch->asked = watch->missed && !(link && link->up);
        if (watch->asked)
            ask_after(self, watch->id);
        else                            //  It lives, whether it has found the broker or not
            later |= watch->missed;
    }
    if (later)
        await_missed(self);
}

static void await_missed(node_core_t *self)
{
    if (self->watch_timer)
        node_core_timer_cancel(self, self->watch_timer);
    self->watch_timer = node_core_timer(self, WIRE_LEASE, true, ask_missed, self);
}

void node_core_watches_returned(node_core_t *self)
{
    bool any = false;
    for (node_watch_t *watch = self->watches; watch; watch = watch->next) {
        watch->missed = watch->id != NULL;
        watch->asked = false;
        any |= watch->missed;
    }
    if (any)
        await_missed(self);
}

static void put_gone(const node_watch_t *watch, wire_buf_t *out)
{
    static const char why[] = "it did not come back to the restarted broker";
    wire_msg_begin(out, WIRE_WATCHED, 0, 0, 5);
    wire_put_cstr(out, "gone");
    wire_put_text(out, watch->id, strlen(watch->id));
    wire_put_text(out, watch->node, strlen(watch->node));
    wire_put_uint(out, watch->incarnation);
    wire_put_text(out, why, sizeof why - 1);
}

//  As if the broker had said it; which ends each watch of that incarnation.
static void tell_gone(node_core_t *self, node_watch_t *watch)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    watch->missed = false;
    put_gone(watch, &out);
    wire_reader_t at = wire_reader(out.data, out.size);
    node_mail_t *mail = out.failed ? NULL : node_mail_new(&self->mailbox, NODE_MAIL_MESSAGE);
    if (!mail) {
        wire_buf_free(&out);
        return;
    }
    (void) wire_msg_next(&at, &mail->msg);
    mail->own = out.data;
    node_mailbox_push(&self->mailbox, mail);
    node_core_watched(self, &mail->msg);
}

static node_watch_t *missed_one(const node_core_t *self, wire_str_t id)
{
    node_watch_t *watch = self->watches;
    while (watch && !(watch->missed && is_about(watch, id)))
        watch = watch->next;
    return watch;
}

//  It is there: as it was, or somebody new in its place.
static void is_there(node_core_t *self, wire_str_t id, uint64_t incarnation)
{
    node_watch_t *watch;
    while ((watch = missed_one(self, id)) != NULL)
        if (watch->incarnation == incarnation)
            watch->missed = false;
        else
            tell_gone(self, watch);
}

static void is_nowhere(node_core_t *self, wire_str_t id)
{
    node_watch_t *watch;
    while ((watch = missed_one(self, id)) != NULL && watch->asked)
        tell_gone(self, watch);
}

//  Whether LOOKUP found somebody, and who.
static bool read_found(const wire_msg_t *msg, wire_str_t *id, wire_str_t *node, uint64_t *incarnation)
{
    wire_reader_t map = msg->fields, at;
    return msg->type == WIRE_ANSWER && wire_map_find(&map, "id", &at) && wire_read_name(&at, id) == 0
        && wire_map_find(&map, "node", &at) && wire_read_name(&at, node) == 0
        && wire_map_find(&map, "incarnation", &at) && wire_read_uint(&at, incarnation) == 0;
}

static bool is_unknown(const wire_msg_t *msg)
{
    wire_reader_t at = msg->fields;
    wire_str_t word;
    return msg->type == WIRE_DENY && wire_read_bytes(&at, &word) == 0 && wire_str_is(word, wire_error_word(WIRE_E_UNKNOWN));
}

void node_core_seen(node_core_t *self, wire_str_t who, const wire_msg_t *msg)
{
    wire_str_t id, node;
    uint64_t incarnation;
    if (is_unknown(msg))
        is_nowhere(self, who);
    if (!read_found(msg, &id, &node, &incarnation))
        return;
    is_there(self, id, incarnation);
    node_watch_t *watch = *place_of(self, who);
    if (watch && !watch->missed)
        remember_who(watch, id, node, incarnation);
}

int node_core_hear_notice(node_core_t *self, const wire_msg_t *msg)
{
    notice_t notice;
    int rc = read_notice(msg, &notice);
    if (rc || !wire_str_is(notice.what, "up"))
        return rc;
    is_there(self, notice.id, notice.incarnation);
    for (node_watch_t *watch = self->watches; watch; watch = watch->next)
        if (wire_str_is(notice.id, watch->text) || wire_str_is(notice.node, watch->text))
            remember_who(watch, notice.id, notice.node, notice.incarnation);
    return 0;
}
