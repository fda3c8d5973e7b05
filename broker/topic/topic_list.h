//  topic_list - a ring of links that stand inside the things they join
//
//  A list is a link too, before the first and behind the last. A link that is in no list points to itself, so taking it out
//  twice does no harm. Nothing is allocated.

#ifndef TOPIC_LIST_H
#define TOPIC_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct topic_link {
    struct topic_link *next, *prev;
} topic_link_t;

//  The thing of this type whose member is the link.
#define TOPIC_OF(link, type, member) ((type *) (void *) ((char *) (link) - offsetof(type, member)))

static inline void topic_list_init(topic_link_t *self)
{
    self->next = self->prev = self;
}

//  A list without things; a link without a list.
static inline bool topic_list_empty(const topic_link_t *self)
{
    return self->next == self;
}

static inline void topic_list_remove(topic_link_t *link)
{
    link->next->prev = link->prev;
    link->prev->next = link->next;
    topic_list_init(link);
}

//  To the end, from wherever it was.
static inline void topic_list_append(topic_link_t *self, topic_link_t *link)
{
    topic_list_remove(link);
    link->prev = self->prev;
    link->next = self;
    self->prev->next = link;
    self->prev = link;
}

#endif
