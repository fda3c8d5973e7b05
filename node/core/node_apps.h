//  node_apps - local views of apps: who is in, in join order, at which version
//
//  A snapshot comes with the broker's answer to JOIN or FOLLOW, changes with MEMBERS; a change older than the
//  snapshot is ignored, so views of equal versions are equal everywhere.

#ifndef NODE_APPS_H
#define NODE_APPS_H

#include "wire_msg.h"

typedef struct node_app node_app_t;
struct node_app {
    node_app_t *next;
    char *name;
    bool joined;                //  We are a member: claimed again after a broker's restart
    bool known;                 //  A snapshot has come
    bool stale;                 //  Of a broker that is no more: kept until its successor knows better
    uint64_t version;           //  As the broker counts
    uint64_t changes;           //  As we count: another number, another list, also for an app that was forgotten meanwhile
    uint64_t *counter;
    char **ids;
    size_t count, capacity;
};

typedef struct {
    node_app_t *first;
    uint64_t changes;           //  Of all apps, for ever
} node_apps_t;

void node_apps_free(node_apps_t *self);

node_app_t *node_apps_find(const node_apps_t *self, wire_str_t name);
//  Made when missing; NULL: no memory.
node_app_t *node_apps_get(node_apps_t *self, wire_str_t name);
void node_apps_remove(node_apps_t *self, node_app_t *app);

//  Take over a snapshot: fields `version, [ids]` at the cursor. 0 or an error code.
int node_app_snapshot(node_app_t *self, wire_reader_t *fields);

//  Take over a change. True when it was news. To a stale view versions mean nothing.
bool node_app_change(node_app_t *self, uint64_t version, bool joins, wire_str_t id);

bool node_app_has(const node_app_t *self, wire_str_t id);
//  Behind the others, whatever the version. True when it was not there.
bool node_app_add(node_app_t *self, wire_str_t id);

//  Hand the list over to `to`, a cleared structure; node_app_clear frees such a list.
void node_app_move(node_app_t *self, node_app_t *to);
void node_app_clear(node_app_t *self);

#endif
