//  hub_table - a chained hash that doubles

#include "hub_table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 16

struct hub_entry {
    hub_entry_t *next;
    void *value;
    size_t hash, size;
    uint8_t key[];
};

//  FNV-1a. Sessions and routing ids are not chosen by peers with bad intent who could
//  not do worse: they know the token.
static size_t hash_of(const uint8_t *key, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ key[i]) * 1099511628211u;
    return (size_t) (hash ^ hash >> 32);
}

//  The pointer that points, or would point, to the entry.
static hub_entry_t **place(const hub_table_t *self, const void *key, size_t size, size_t hash)
{
    hub_entry_t **at = &self->buckets[hash & self->mask];
    while (*at && !((*at)->hash == hash && (*at)->size == size && memcmp((*at)->key, key, size) == 0))
        at = &(*at)->next;
    return at;
}

void *hub_table_find(const hub_table_t *self, const void *key, size_t size)
{
    if (!self->buckets)
        return NULL;
    hub_entry_t *entry = *place(self, key, size, hash_of(key, size));
    return entry ? entry->value : NULL;
}

static bool grow(hub_table_t *self)
{
    size_t old = self->buckets ? self->mask + 1 : 0;
    size_t count = old ? old * 2 : FIRST_BUCKETS;
    hub_entry_t **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return false;
    for (size_t i = 0; i < old; i++)
        while (self->buckets[i]) {
            hub_entry_t *entry = self->buckets[i];
            self->buckets[i] = entry->next;
            entry->next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
        }
    free(self->buckets);
    self->buckets = buckets;
    self->mask = count - 1;
    return true;
}

static void take_out(hub_table_t *self, hub_entry_t **at)
{
    hub_entry_t *entry = *at;
    if (!entry)
        return;
    *at = entry->next;
    self->count--;
    free(entry);
}

bool hub_table_put(hub_table_t *self, const void *key, size_t size, void *value)
{
    if (!self->buckets || self->count > self->mask)
        if (!grow(self) && !self->buckets)
            return value == NULL;
    size_t hash = hash_of(key, size);
    hub_entry_t **at = place(self, key, size, hash);
    if (!value)
        take_out(self, at);
    else if (*at)
        (*at)->value = value;
    else {
        hub_entry_t *entry = malloc(sizeof *entry + size);
        if (!entry)
            return false;
        *entry = (hub_entry_t) { NULL, value, hash, size };
        memcpy(entry->key, key, size);
        *at = entry;
        self->count++;
    }
    return true;
}

void hub_table_clear(hub_table_t *self)
{
    for (size_t i = 0; self->buckets && i <= self->mask; i++)
        while (self->buckets[i])
            take_out(self, &self->buckets[i]);
    free(self->buckets);
    *self = (hub_table_t) { NULL, 0, 0 };
}
