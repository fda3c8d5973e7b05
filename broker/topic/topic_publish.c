//  topic_publish - one message into its topic

#include "topic_publish.h"

#include "topic_deliver.h"
#include "topic_keep.h"
#include "topic_route.h"

//  All are looked at: what has expired meanwhile leaves their queues, whoever of them refuses.
static bool refused(topics_t *self, const topic_message_t *message)
{
    bool full = false;
    for (size_t i = 0; self->refusers && i < self->targets.count; i++) {
        topic_sub_t *sub = self->targets.items[i];
        full |= sub->policy == TOPIC_REFUSE && topic_deliver_full(self, sub, message);
    }
    self->counters.refused += full;
    return full;
}

//  Whether a publisher who can hear it must be told no.
static int check(topics_t *self, const topic_t *topic, const topic_draft_t *draft, const topic_message_t *message,
                 const char **text)
{
    *text = "a subscriber's queue is full";
    if (refused(self, message))
        return WIRE_E_FULL;
    *text = "no room for another retained value";
    int rc = draft->retain ? topic_keep_check(self, topic, message) : 0;
    self->counters.unretained += rc == WIRE_E_FULL;
    return rc;
}

static void retain(topics_t *self, topic_t *topic, const topic_draft_t *draft, topic_message_t *message)
{
    if (draft->heard || topic_keep_check(self, topic, message) == 0) {
        topic_keep_retain(self, topic, message);
        return;
    }
    topic_keep_clear(self, topic);      //  None is better than one that is not true any more
    self->counters.unretained++;
}

static uint64_t deliver(topics_t *self, topic_message_t *message)
{
    uint64_t receivers = 0;
    for (size_t i = 0; i < self->targets.count; i++)
        receivers += topic_deliver(self, self->targets.items[i], message, 0);
    return receivers;
}

static int send_out(topics_t *self, topic_t *topic, const topic_draft_t *draft, topic_message_t *message,
                    uint64_t *receivers, const char **text)
{
    if (!topic_route_targets(self, topic, message))
        return WIRE_E_NO_MEMORY;
    int rc = draft->heard ? check(self, topic, draft, message, text) : 0;
    if (rc)
        return rc;
    self->stamp = message->stamp;
    self->counters.published++;
    if (draft->retain)
        retain(self, topic, draft, message);
    topic_keep_add(self, topic, message);
    uint64_t count = deliver(self, message);
    if (receivers)
        *receivers = count;
    return 0;
}

int topic_publish(topics_t *self, const topic_draft_t *draft, uint64_t *receivers, const char **text)
{
    const char *unused;
    topic_t *topic = topic_keep_open(self, draft->topic);
    topic_message_t *message =
        topic ? topic_message_new(draft, topic->seq + 1, self->stamp + 1, self->now, self->wall) : NULL;
    int rc = WIRE_E_NO_MEMORY;
    if (message) {
        rc = send_out(self, topic, draft, message, receivers, text ? text : &unused);
        topic_message_release(message);
    }
    topic_keep_trim(self);
    return rc;
}
