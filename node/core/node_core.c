#include "node_core.h"
#include <stdlib.h>
#include <string.h>

static char *copy_of(wire_str_t text)
{
    char *copy = malloc(text.size + 1);
    if (copy) {
        if (text.size)
            memcpy(copy, text.data, text.size);
        copy[text.size] = 0;
    }
    return copy;
}

static bool replace(char **place, wire_str_t text)
{
    char *copy = copy_of(text);
    if (!copy)
        return false;
    free(*place);
    *place = copy;
    return true;
}

static int set_identity(node_core_t *self, wire_str_t id, wire_str_t node, wire_str_t address)
{
    if (!replace(&self->id, id))
        return WIRE_E_NO_MEMORY;
    self->me = (wire_str_t) { self->id, id.size };
    if (!replace(&self->node, node))
        return WIRE_E_NO_MEMORY;
    self->here = (wire_str_t) { self->node, node.size };
    return replace(&self->address, address) ? 0 : WIRE_E_NO_MEMORY;
}

int node_core_init(node_core_t *self, const node_effects_t *effects, void *arg)
{
    *self = (node_core_t) { .effects = *effects, .arg = arg, .rights.most = RIGHTS_FULL };
    self->nobody = calloc(1, sizeof *self->nobody + 1);
    if (!self->nobody)
        return WIRE_E_NO_MEMORY;
    self->nobody->refs = 1;
    node_mailbox_init(&self->mailbox);
    wire_str_t none = { "", 0 };
    return set_identity(self, none, none, none);
}

void node_core_drop(node_core_t *self, node_mail_t *mail)
{
    if (mail->frame)
        self->effects.frame_release(mail->frame);
    if (mail->from)
        alua_remote_release(mail->from);
    node_author_release(mail->author);
    if (mail->pending)
        node_pendings_recycle(&self->pendings, mail->pending);
    node_mail_recycle(&self->mailbox, mail);
}

static void free_links(node_core_t *self)
{
    while (self->links) {
        node_link_t *link = self->links;
        self->links = link->next;
        node_author_release(link->author);
        free(link->node);
        free(link);
    }
}

static void free_names(node_name_t **list)
{
    while (*list) {
        node_name_t *name = *list;
        *list = name->next;
        free(name);
    }
}

void node_core_free(node_core_t *self)
{
    node_mail_t *mail;
    while ((mail = node_mailbox_pop(&self->mailbox)))
        node_core_drop(self, mail);
    node_mailbox_free(&self->mailbox);
    node_core_lookups_free(self);
    node_pendings_free(&self->pendings);
    for (uint32_t i = 0; i < self->timer_capacity; i++)
        free(self->timers[i]);
    free(self->timers);
    free(self->timer_places);
    wire_heap_free(&self->heap);
    node_apps_free(&self->apps);
    free_names(&self->names);
    node_core_unwatch_all(self);
    free_links(self);
    node_remotes_free(&self->remotes);
    node_core_vouches_free(self);
    node_rights_free(&self->rights);
    node_author_release(self->nobody);
    wire_buf_free(&self->scratch);
    free(self->dry_by);
    free(self->id);
    free(self->node);
    free(self->address);
}

//  Names and apps of another network mean nothing in this one.
static void forget_standing(node_core_t *self)
{
    node_apps_free(&self->apps);
    free_names(&self->names);
    node_core_unwatch_all(self);
}

//  Whoever we were, we are no more; what we asked of ourselves may have been done.
static void forget_me(node_core_t *self, const char *text)
{
    alua_remote_t *old = node_remotes_find(&self->remotes, self->me);
    if (old)
        node_core_remote_over(self, old, WIRE_E_CLOSED, false, text);
    forget_standing(self);
}

int node_core_welcome(node_core_t *self, void *broker, wire_str_t id, wire_str_t node, wire_str_t address)
{
    if (*self->id && !wire_str_is(id, self->id))
        forget_me(self, "this process has another id now");
    int rc = set_identity(self, id, node, address);
    if (rc)
        return rc;
    alua_remote_t *me = node_remotes_get(&self->remotes, id);
    if (!me)
        return WIRE_E_NO_MEMORY;
    me->route = NODE_SELF;
    self->broker = broker;
    self->broker_up = true;
    node_core_returned(self);
    return 0;
}

//  Asks in flight when a broker dies: whether it acted on them is unknown. What waits there goes on waiting, for another
//  broker, unless the network was left.
static void fail_asks(node_core_t *self, int code, const char *text)
{
    bool left = code == WIRE_E_CLOSED;
    for (size_t i = 0; i < self->pendings.size; i++) {
        node_pending_t *pending = self->pendings.buckets[i];
        while (pending) {
            node_pending_t *next = pending->next;
            if (!pending->to && (left || !pending->waits))
                node_core_settle(self, pending, code, false, text);
            pending = next;
        }
    }
}

//  Whoever is reached through the broker cannot be reached now. What waited for a lookup never left.
static void fail_relayed(node_core_t *self, int code, const char *text)
{
    for (size_t i = 0; i < self->remotes.size; i++)
        for (alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next)
            if (remote->route == NODE_RELAY || remote->route == NODE_ASKING)
                node_core_remote_over(self, remote, code, remote->route == NODE_ASKING && !remote->doubted, text);
            else if (remote->route == NODE_SWITCH || remote->route == NODE_DIRECT)
                node_core_relay_broke(self, remote, code, text);
}

//  What the broker had is lost, and the other ends learn of that as well: all count anew.
static void forget_relayed(node_core_t *self)
{
    for (size_t i = 0; i < self->remotes.size; i++)
        for (alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next)
            remote->relayed_sent = remote->relayed_received = remote->undrained = 0;
}

void node_core_broker_gone(node_core_t *self, int code, const char *text)
{
    self->broker_up = self->broker_silent = false;
    self->broker_epoch++;
    self->broker_sent = self->broker_received = 0;
    forget_relayed(self);
    fail_relayed(self, code, text);
    fail_asks(self, code, text);
}

//  Their links close behind what was sent; answers are not waited for, and an id may be another's elsewhere.
static void forget_direct(node_core_t *self, const char *text)
{
    for (size_t i = 0; i < self->remotes.size; i++)
        for (alua_remote_t *remote = self->remotes.buckets[i]; remote; remote = remote->next)
            if (remote->route == NODE_DIRECT)
                node_core_remote_over(self, remote, WIRE_E_CLOSED, false, text);
}

void node_core_forget(node_core_t *self)
{
    self->broker = NULL;
    node_core_broker_gone(self, WIRE_E_CLOSED, "the network was left");
    forget_direct(self, "the network was left");
    forget_me(self, "the network was left");
    node_rights_free(&self->rights);
    if (self->vouch_timer)
        node_core_timer_cancel(self, self->vouch_timer);
    self->vouch_timer = 0;
    self->drying = self->dry = self->dried = false;     //  Another network may want us
    wire_str_t none = { "", 0 };
    set_identity(self, none, none, none);
}

bool node_core_is_me(const node_core_t *self, wire_str_t name)
{
    if (wire_str_same(name, self->me) || wire_str_same(name, self->here))
        return true;
    for (const node_name_t *own = self->names; own; own = own->next)
        if (own->size == name.size && memcmp(own->text, name.data, name.size) == 0)
            return true;
    return false;
}

bool node_core_active(const node_core_t *self)
{
    return !self->ready || self->running || self->mailbox.events || self->holds > 0
        || self->pendings.holding || self->timers_holding || self->starting || self->opening || node_core_parked(self);
}

//  A coroutine that waits for a take does not count: the take does.
bool node_core_only_takes(const node_core_t *self)
{
    return self->pendings.takes && self->pendings.holding == self->pendings.takes && self->ready && !self->running
        && !self->mailbox.events && self->holds <= 0 && !self->timers_holding && !self->starting && !self->opening
        && !node_core_parked(self);
}
