//  hub_table - from a run of bytes (routing id, session, name) to a pointer
//
//  Keys are copied, values are the caller's. One thread.

#ifndef HUB_TABLE_H
#define HUB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hub_entry hub_entry_t;

typedef struct {
    hub_entry_t **buckets;
    size_t mask;                //  Buckets - 1; 0 while there are none
    size_t count;
} hub_table_t;

//  The value, or NULL.
void *hub_table_find(const hub_table_t *self, const void *key, size_t size);

//  Enter or replace; a NULL value removes. False: no memory, nothing changed.
bool hub_table_put(hub_table_t *self, const void *key, size_t size, void *value);

void hub_table_clear(hub_table_t *self);

#endif
