#include "node_remote.h"
#include "node_rights.h"
#include <stdlib.h>
#include <string.h>

//  And never below this many.
#define SWEEP_ABOVE 1024

//  FNV-1a; ids come from the broker, which bounds their number, so flooding is no concern.
static uint32_t hash_of(wire_str_t id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (uint8_t) id.data[i]) * 16777619u;
    return hash;
}

static void remote_free(alua_remote_t *self)
{
    if (self->target)
        alua_remote_release(self->target);
    if (self->mover)
        alua_remote_release(self->mover);
    node_author_release(self->author);
    wire_buf_free(&self->parked);
    wire_buf_free(&self->again);
    free(self);
}

void node_remotes_free(node_remotes_t *self)
{
    for (size_t i = 0; i < self->size; i++) {
        while (self->buckets[i]) {
            alua_remote_t *remote = self->buckets[i];
            self->buckets[i] = remote->next;
            remote->target = remote->mover = NULL;  //  Freed by their own buckets
            remote_free(remote);
        }
    }
    free(self->buckets);
    *self = (node_remotes_t) { 0 };
}

static alua_remote_t *find(const node_remotes_t *self, wire_str_t id, uint32_t hash)
{
    if (self->size == 0)
        return NULL;
    alua_remote_t *remote = self->buckets[hash & (self->size - 1)];
    while (remote && !(remote->hash == hash && remote->size == id.size && memcmp(remote->id, id.data, id.size) == 0))
        remote = remote->next;
    return remote;
}

alua_remote_t *node_remotes_find(const node_remotes_t *self, wire_str_t id)
{
    return find(self, id, hash_of(id));
}

static bool grow(node_remotes_t *self)
{
    size_t size = self->size ? self->size * 2 : 64;
    alua_remote_t **buckets = calloc(size, sizeof *buckets);
    if (!buckets)
        return false;
    for (size_t i = 0; i < self->size; i++) {
        while (self->buckets[i]) {
            alua_remote_t *remote = self->buckets[i];
            self->buckets[i] = remote->next;
            remote->next = buckets[remote->hash & (size - 1)];
            buckets[remote->hash & (size - 1)] = remote;
        }
    }
    free(self->buckets);
    self->buckets = buckets;
    self->size = size;
    return true;
}

static alua_remote_t *add(node_remotes_t *self, wire_str_t id, uint32_t hash)
{
    if (self->count >= self->size && !grow(self))
        return NULL;
    alua_remote_t *remote = calloc(1, sizeof *remote + id.size + 1);
    if (!remote)
        return NULL;
    remote->hash = hash;
    remote->size = id.size;
    memcpy(remote->id, id.data, id.size);
    remote->next = self->buckets[hash & (self->size - 1)];
    self->buckets[hash & (self->size - 1)] = remote;
    self->count++;
    return remote;
}

alua_remote_t *node_remotes_get(node_remotes_t *self, wire_str_t id)
{
    if (self->last && wire_str_same(node_remote_name(self->last), id))
        return self->last;
    uint32_t hash = hash_of(id);
    alua_remote_t *remote = find(self, id, hash);
    if (!remote)
        remote = add(self, id, hash);
    return self->last = remote;
}

static bool forgettable(const alua_remote_t *self)
{
    return self->refs == 0 && self->route == NODE_COLD && !self->pendings;
}

void node_remotes_sweep(node_remotes_t *self)
{
    if (self->count < SWEEP_ABOVE || self->count < self->sweep_above)
        return;
    self->last = NULL;
    for (size_t i = 0; i < self->size; i++) {
        alua_remote_t **place = &self->buckets[i];
        while (*place) {
            alua_remote_t *remote = *place;
            if (forgettable(remote)) {
                *place = remote->next;
                remote_free(remote);
                self->count--;
            } else
                place = &remote->next;
        }
    }
    self->sweep_above = self->count * 2;
}

void alua_remote_hold(alua_remote_t *self)
{
    self->refs++;
}

void alua_remote_release(alua_remote_t *self)
{
    self->refs--;
}

const char *alua_remote_id(const alua_remote_t *self)
{
    return self->id;
}
