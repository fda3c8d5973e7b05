//  topic_will - what a session wants to be said should it die

#include "topic_will.h"

#include "topic_later.h"

int topic_will_set(topics_t *self, topic_session_t *session, const topic_draft_t *draft, int64_t delay)
{
    if (!topic_later_fits(self, draft))
        return WIRE_E_FULL;
    topic_parcel_t *will = topic_parcel_new(draft, delay);
    if (!will)
        return WIRE_E_NO_MEMORY;
    topic_will_drop(self, session);
    will->draft.flags |= WIRE_TOPIC_WILL;
    self->queue_bytes += will->cost;
    session->will = will;
    return 0;
}

void topic_will_drop(topics_t *self, topic_session_t *session)
{
    if (session->will)
        self->queue_bytes -= session->will->cost;
    free(session->will);
    session->will = NULL;
}

void topic_will_publish(topics_t *self, topic_session_t *session)
{
    topic_parcel_t *will = session->will;
    session->will = NULL;
    if (!will)
        return;
    self->counters.wills++;
    topic_later_parcel(self, will);
}
