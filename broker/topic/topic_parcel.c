//  topic_parcel - a draft with bytes of its own, for later

#include "topic_parcel.h"

#include <stdlib.h>

static size_t value_size(const topic_draft_t *draft)
{
    return (size_t) (draft->value.end - draft->value.at);
}

size_t topic_parcel_cost(const topic_draft_t *draft)
{
    return sizeof(topic_parcel_t) + draft->topic.size + draft->publisher.size + draft->reply.size + value_size(draft);
}

static void keep_text(wire_str_t *text, uint8_t **at)
{
    if (!text->data)
        return;
    memcpy(*at, text->data, text->size);
    text->data = (const char *) *at;
    *at += text->size;
}

topic_parcel_t *topic_parcel_new(const topic_draft_t *draft, int64_t delay)
{
    size_t cost = topic_parcel_cost(draft);
    topic_parcel_t *self = malloc(cost);
    if (!self)
        return NULL;
    *self = (topic_parcel_t) { .draft = *draft, .delay = delay, .cost = cost };
    uint8_t *at = self->bytes;
    keep_text(&self->draft.topic, &at);
    keep_text(&self->draft.publisher, &at);
    keep_text(&self->draft.reply, &at);
    memcpy(at, draft->value.at, value_size(draft));
    self->draft.value = wire_reader(at, value_size(draft));
    return self;
}
