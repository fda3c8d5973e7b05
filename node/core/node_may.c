//  node_may - does its author's right suffice for this chunk or call?
//
//  Asked when the event's turn comes, and not when it arrived: so rights that were taken away meanwhile count.

#include <stdio.h>
#include "node_core.h"

#define KEY_SHOWN 8             //  Characters of a key in a line

static int shown(wire_str_t text)
{
    return (int) (text.size < 100 ? text.size : 100);
}

//  "denied: call stats.reset for 1@bob (key Yne@$w-v...): ..."
static void audit(node_core_t *self, const node_author_t *author, const alua_event_t *event, const char *text)
{
    char line[768];
    if (!self->effects.audit)
        return;
    snprintf(line, sizeof line, "denied: %s %.*s for %.*s (%s%.*s): %s", event->kind == ALUA_CHUNK ? "chunk" : "call",
             shown(event->name), event->name.data, shown(event->from_id), event->from_id.data,
             *author->key ? "key " : "no key", KEY_SHOWN, author->key, text);
    self->effects.audit(self->arg, line);
}

void node_core_deny(node_core_t *self, const node_author_t *author, const alua_event_t *event, const char *text)
{
    self->stat.refused++;
    self->stat.denied++;
    audit(self, author, event, text);
    node_core_refuse(self, event->from, event->request, WIRE_E_DENIED, text);
}

//  What is missing, of whom, on what.
static void deny_right(node_core_t *self, const node_author_t *author, const alua_event_t *event)
{
    char text[512];
    wire_str_t who = event->from_id;
    if (author->revoked)
        snprintf(text, sizeof text, "the key of %.*s is not trusted any more", shown(who), who.data);
    else if (author == self->nobody)
        snprintf(text, sizeof text, "the broker has not told node %s what %.*s may do", self->node, shown(who), who.data);
    else if (event->kind == ALUA_CALL)
        snprintf(text, sizeof text, "%.*s has no right 'call' of %.*s (node %s)", shown(who), who.data, shown(event->name),
                 event->name.data, self->node);
    else if (rights_code(author->rights, self->here) == RIGHTS_NONE)
        snprintf(text, sizeof text, "%.*s has no right 'code' on node %s", shown(who), who.data, self->node);
    else
        snprintf(text, sizeof text, "node %s runs no code of others (--code none)", self->node);
    node_core_deny(self, author, event, text);
}

static void to_jail(node_core_t *self, node_author_t *author, const alua_event_t *event)
{
    const char *text = NULL;
    int rc = self->effects.jail ? self->effects.jail(self->arg, event, author, &text) : WIRE_E_SYSTEM;
    if (rc == 0) {
        self->stat.jailed++;
        return;
    }
    self->stat.refused++;
    node_core_refuse(self, event->from, event->request, rc, text ? text : self->effects.jail ? NULL : "there is no jail here");
}

bool node_core_may(node_core_t *self, node_author_t *author, alua_event_t *event)
{
    event->full = author->code == RIGHTS_FULL;
    bool may = !author->revoked && author != self->nobody;
    if (may && event->kind == ALUA_CALL)
        may = rights_may(author->rights, WIRE_RIGHT_CALL, event->name);
    else if (may)
        may = author->code != RIGHTS_NONE;
    if (!may)
        deny_right(self, author, event);
    else if (event->kind == ALUA_CHUNK && !event->full) {
        to_jail(self, author, event);
        return false;
    }
    return may;
}
