#include "node_pending.h"
#include <stdlib.h>
#include <string.h>

static node_pending_t **bucket_of(const node_pendings_t *self, uint64_t id)
{
    return &self->buckets[id & (self->size - 1)];
}

static void free_list(node_pending_t *pending)
{
    while (pending) {
        node_pending_t *next = pending->next;
        free((char *) pending->about.data);
        free(pending->room);
        free(pending->copy);
        free(pending);
        pending = next;
    }
}

void node_pendings_free(node_pendings_t *self)
{
    for (size_t i = 0; i < self->size; i++)
        free_list(self->buckets[i]);
    free_list(self->spare);
    free(self->buckets);
    *self = (node_pendings_t) { 0 };
}

static bool grow(node_pendings_t *self)
{
    node_pendings_t wider = *self;
    wider.size = self->size ? self->size * 2 : 256;
    wider.buckets = calloc(wider.size, sizeof *wider.buckets);
    if (!wider.buckets)
        return false;
    for (size_t i = 0; i < self->size; i++) {
        while (self->buckets[i]) {
            node_pending_t *pending = self->buckets[i];
            self->buckets[i] = pending->next;
            pending->next = *bucket_of(&wider, pending->id);
            *bucket_of(&wider, pending->id) = pending;
        }
    }
    free(self->buckets);
    *self = wider;
    return true;
}

static node_pending_t *new_record(node_pendings_t *self)
{
    node_pending_t *pending = self->spare;
    if (pending)
        self->spare = pending->next;
    else if ((pending = malloc(sizeof *pending)) != NULL)
        pending->room = NULL;
    return pending;
}

static void join_remote(node_pending_t *self, alua_remote_t *to)
{
    self->to = to;
    self->before = NULL;
    self->after = NULL;
    if (!to)
        return;
    alua_remote_hold(to);
    self->after = to->pendings;
    if (self->after)
        self->after->before = self;
    to->pendings = self;
}

static void join_bucket(node_pendings_t *self, node_pending_t *pending)
{
    pending->next = *bucket_of(self, pending->id);
    *bucket_of(self, pending->id) = pending;
}

static void leave_bucket(node_pendings_t *self, node_pending_t *pending)
{
    node_pending_t **place = bucket_of(self, pending->id);
    while (*place != pending)
        place = &(*place)->next;
    *place = pending->next;
}

node_pending_t *node_pendings_add(node_pendings_t *self, alua_remote_t *to, bool background)
{
    if (self->count >= self->size && !grow(self))
        return NULL;
    node_pending_t *pending = new_record(self);
    if (!pending)
        return NULL;
    pending->id = ++self->last_id;      //  Field by field: to clear all of it costs more than the rest
    pending->due.kind = NODE_DUE_PENDING;
    pending->due.place = 0;
    pending->fn = NULL;
    pending->arg = NULL;
    pending->type = (wire_type_t) 0;
    pending->timeout = pending->until = 0;
    pending->background = background;
    pending->wait_name = pending->inner = pending->waits = pending->late = pending->again = false;
    pending->parked = pending->lost = false;
    pending->copy = NULL;
    pending->copy_size = 0;
    pending->about = (wire_str_t) { NULL, 0 };
    pending->count = 0;
    pending->group = 0;
    join_bucket(self, pending);
    self->count++;
    self->holding += !background;
    join_remote(pending, to);
    return pending;
}

node_pending_t *node_pendings_find(const node_pendings_t *self, uint64_t id)
{
    if (self->size == 0)
        return NULL;
    node_pending_t *pending = *bucket_of(self, id);
    while (pending && pending->id != id)
        pending = pending->next;
    return pending;
}

static void leave_remote(node_pending_t *self)
{
    if (self->before)
        self->before->after = self->after;
    else if (self->to && self->to->pendings == self)
        self->to->pendings = self->after;
    if (self->after)
        self->after->before = self->before;
    self->before = NULL;
    self->after = NULL;
}

void node_pendings_take(node_pendings_t *self, node_pending_t *pending)
{
    leave_bucket(self, pending);
    self->count--;
    self->holding -= !pending->background;
    self->takes -= pending->waits && !pending->background && !pending->until;
    leave_remote(pending);
}

void node_pending_keep(node_pending_t *pending, wire_str_t text)
{
    bool fits = text.size < NODE_ABOUT_ROOM;
    char *copy = fits && pending->room ? pending->room : malloc(fits ? NODE_ABOUT_ROOM : text.size);
    if (!copy)
        return;
    if (copy == pending->room)
        pending->room = NULL;
    memcpy(copy, text.data, text.size);
    pending->about = (wire_str_t) { copy, text.size };
}

static void drop_about(node_pending_t *pending)
{
    char *data = (char *) pending->about.data;
    if (data && !pending->room && pending->about.size < NODE_ABOUT_ROOM)
        pending->room = data;
    else
        free(data);
    pending->about.data = NULL;
}

void node_pendings_swap(node_pendings_t *self, node_pending_t *a, node_pending_t *b)
{
    uint64_t id = a->id;
    leave_bucket(self, a);
    leave_bucket(self, b);
    a->id = b->id;
    b->id = id;
    join_bucket(self, a);
    join_bucket(self, b);
}

void node_pendings_move(node_pending_t *pending, alua_remote_t *to)
{
    alua_remote_t *old = pending->to;
    leave_remote(pending);
    join_remote(pending, to);
    alua_remote_release(old);
}

void node_pendings_recycle(node_pendings_t *self, node_pending_t *pending)
{
    if (pending->to)
        alua_remote_release(pending->to);
    drop_about(pending);
    free(pending->copy);
    pending->copy = NULL;
    pending->next = self->spare;
    self->spare = pending;
}
