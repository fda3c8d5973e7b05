#include "node_apps.h"
#include <stdlib.h>
#include <string.h>

static char *copy_of(wire_str_t text)
{
    char *copy = malloc(text.size + 1);
    if (copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = 0;
    }
    return copy;
}

static void clear(node_app_t *self)
{
    while (self->count)
        free(self->ids[--self->count]);
}

void node_app_clear(node_app_t *self)
{
    clear(self);
    free(self->ids);
    self->ids = NULL;
    self->capacity = 0;
}

void node_app_move(node_app_t *self, node_app_t *to)
{
    to->ids = self->ids;
    to->count = self->count;
    to->capacity = self->capacity;
    self->ids = NULL;
    self->count = self->capacity = 0;
}

static void app_free(node_app_t *self)
{
    node_app_clear(self);
    free(self->name);
    free(self);
}

void node_apps_free(node_apps_t *self)
{
    while (self->first) {
        node_app_t *app = self->first;
        self->first = app->next;
        app_free(app);
    }
}

node_app_t *node_apps_find(const node_apps_t *self, wire_str_t name)
{
    node_app_t *app = self->first;
    while (app && !wire_str_is(name, app->name))
        app = app->next;
    return app;
}

node_app_t *node_apps_get(node_apps_t *self, wire_str_t name)
{
    node_app_t *app = node_apps_find(self, name);
    if (app || !(app = calloc(1, sizeof *app)))
        return app;
    app->name = copy_of(name);
    if (!app->name) {
        free(app);
        return NULL;
    }
    app->counter = &self->changes;
    app->next = self->first;
    self->first = app;
    return app;
}

void node_apps_remove(node_apps_t *self, node_app_t *app)
{
    node_app_t **place = &self->first;
    while (*place != app)
        place = &(*place)->next;
    *place = app->next;
    app_free(app);
}

static int append(node_app_t *self, wire_str_t id)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 8;
        char **ids = realloc(self->ids, capacity * sizeof *ids);
        if (!ids)
            return WIRE_E_NO_MEMORY;
        self->ids = ids;
        self->capacity = capacity;
    }
    self->ids[self->count] = copy_of(id);
    if (!self->ids[self->count])
        return WIRE_E_NO_MEMORY;
    self->count++;
    return 0;
}

int node_app_snapshot(node_app_t *self, wire_reader_t *fields)
{
    uint32_t count;
    uint64_t version;
    if (wire_read_uint(fields, &version) || wire_read_array(fields, &count))
        return WIRE_E_MALFORMED;
    clear(self);
    self->version = version;
    self->changes = ++*self->counter;
    self->known = true;
    self->stale = false;
    for (uint32_t i = 0; i < count; i++) {
        wire_str_t id;
        int rc = wire_read_name(fields, &id);
        if (rc || (rc = append(self, id)))
            return rc;
    }
    return 0;
}

static bool strike_out(node_app_t *self, wire_str_t id)
{
    for (size_t i = 0; i < self->count; i++) {
        if (wire_str_is(id, self->ids[i])) {
            free(self->ids[i]);
            memmove(&self->ids[i], &self->ids[i + 1], (self->count - i - 1) * sizeof *self->ids);
            self->count--;
            self->changes = ++*self->counter;
            return true;
        }
    }
    return false;
}

bool node_app_has(const node_app_t *self, wire_str_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (wire_str_is(id, self->ids[i]))
            return true;
    return false;
}

bool node_app_add(node_app_t *self, wire_str_t id)
{
    if (node_app_has(self, id) || append(self, id))
        return false;
    self->changes++;
    return true;
}

bool node_app_change(node_app_t *self, uint64_t version, bool joins, wire_str_t id)
{
    if (self->stale)
        return joins ? node_app_add(self, id) : strike_out(self, id);
    if (!self->known || version <= self->version)
        return false;
    if (joins && append(self, id))
        return false;
    if (!joins)
        strike_out(self, id);
    self->version = version;
    self->changes = ++*self->counter;
    return true;
}
