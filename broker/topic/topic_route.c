//  topic_route - which subscriptions get this message?

#include "topic_route.h"

#include "topic_deliver.h"
#include "topic_keep.h"

//  A topic that meets more patterns than these looks them up each time: what it remembers of them is small.
#define MET_MAX 64

//  ---- Patterns and groups -------------------------------------------------

static topic_pattern_t *open_pattern(topics_t *self, wire_str_t text)
{
    topic_node_t *node = topic_match_put(&self->patterns, text);
    if (!node || node->value)
        return node ? node->value : NULL;
    topic_pattern_t *pattern = malloc(sizeof *pattern + text.size);
    if (!pattern) {
        topic_match_remove(&self->patterns, node);
        return NULL;
    }
    *pattern = (topic_pattern_t) { .node = node, .size = text.size };
    memcpy(pattern->text, text.data, text.size);
    topic_list_init(&pattern->groups);
    node->value = pattern;
    self->version++;
    self->pattern_count++;
    return pattern;
}

static void close_pattern(topics_t *self, topic_pattern_t *pattern)
{
    if (pattern->subs.count || !topic_list_empty(&pattern->groups))
        return;
    topic_match_remove(&self->patterns, pattern->node);
    topic_run_free(&pattern->subs);
    free(pattern);
    self->version++;
    self->pattern_count--;
}

static topic_group_t *find_group(const topic_pattern_t *pattern, wire_str_t name)
{
    for (topic_link_t *link = pattern->groups.next; link != &pattern->groups; link = link->next) {
        topic_group_t *group = TOPIC_OF(link, topic_group_t, of_pattern);
        if (group->size == name.size && memcmp(group->name, name.data, name.size) == 0)
            return group;
    }
    return NULL;
}

static topic_group_t *open_group(topic_pattern_t *pattern, wire_str_t name)
{
    topic_group_t *group = find_group(pattern, name);
    if (group)
        return group;
    group = malloc(sizeof *group + name.size);
    if (!group)
        return NULL;
    *group = (topic_group_t) { .size = name.size };
    memcpy(group->name, name.data, name.size);
    topic_list_init(&group->of_pattern);
    topic_list_append(&pattern->groups, &group->of_pattern);
    return group;
}

static void close_group(topic_group_t *group)
{
    if (group->members.count)
        return;
    topic_list_remove(&group->of_pattern);
    topic_run_free(&group->members);
    free(group);
}

static topic_run_t *peers(const topic_sub_t *sub)
{
    return sub->group ? &sub->group->members : &sub->pattern->subs;
}

bool topic_route_enter(topics_t *self, topic_sub_t *sub, wire_str_t pattern, wire_str_t group)
{
    sub->pattern = open_pattern(self, pattern);
    if (!sub->pattern)
        return false;
    sub->group = group.size ? open_group(sub->pattern, group) : NULL;
    bool entered = (sub->group || !group.size) && topic_run_add(peers(sub), sub);
    if (!entered && sub->group)
        close_group(sub->group);
    if (!entered) {
        close_pattern(self, sub->pattern);
        return false;
    }
    sub->place = peers(sub)->count - 1;
    sub->pattern->historians += sub->historian;
    self->refusers += sub->policy == TOPIC_REFUSE;
    return true;
}

//  ---- Choosing ------------------------------------------------------------

bool topic_route_passes(topics_t *self, const topic_sub_t *sub, const topic_message_t *message)
{
    if (!sub->filter)
        return true;
    wire_reader_t roots[] = { topic_message_value(message), topic_message_topic(message),
                              topic_message_publisher(message) };
    bool fault = false, passes = predicate_test(sub->filter, roots, &fault);
    self->counters.faults += fault;
    return passes;
}

//  Whoever would have to drop something comes after all others.
static int64_t rank(topics_t *self, topic_sub_t *sub, const topic_message_t *message)
{
    return topic_deliver_free(sub) - (topic_deliver_full(self, sub, message) ? INT64_MAX / 2 : 0);
}

//  NULL: nobody.
static topic_sub_t *choose(topics_t *self, topic_group_t *group, const topic_message_t *message)
{
    size_t count = group->members.count, chosen = 0;
    topic_sub_t *best = NULL;
    int64_t best_rank = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = (group->turn + i) % count;
        topic_sub_t *sub = group->members.items[at];
        int64_t own = sub->session->dead ? 0 : rank(self, sub, message);
        if (sub->session->dead || (best && own <= best_rank) || !topic_route_passes(self, sub, message))
            continue;
        best = sub;
        best_rank = own;
        chosen = at;
    }
    if (best)
        group->turn = chosen + 1;
    return best;
}

static bool add_group(topics_t *self, topic_group_t *group, const topic_message_t *message)
{
    topic_sub_t *sub = choose(self, group, message);
    return !sub || topic_run_add(&self->targets, sub);
}

static bool add_sub(topics_t *self, topic_sub_t *sub, const topic_message_t *message)
{
    if (sub->session->dead || !topic_route_passes(self, sub, message))
        return true;
    return topic_run_add(&self->targets, sub);
}

static bool add_pattern(topics_t *self, const topic_pattern_t *pattern, const topic_message_t *message)
{
    for (size_t i = 0; i < pattern->subs.count; i++)
        if (!add_sub(self, pattern->subs.items[i], message))
            return false;
    for (topic_link_t *link = pattern->groups.next; link != &pattern->groups; link = link->next)
        if (!add_group(self, TOPIC_OF(link, topic_group_t, of_pattern), message))
            return false;
    return true;
}

//  ---- The patterns of a topic ---------------------------------------------

static void remember(topics_t *self, topic_t *topic, const topic_run_t *met)
{
    size_t before = topic->met.capacity;
    bool all = true;
    topic->met.count = 0;
    for (size_t i = 0; all && i < met->count; i++)
        all = topic_run_add(&topic->met, met->items[i]);
    topic_keep_charge(self, topic, (topic->met.capacity - before) * sizeof *met->items);
    topic->met_version = all ? self->version : 0;
}

static const topic_run_t *patterns_of(topics_t *self, topic_t *topic)
{
    if (topic->met_version == self->version)
        return &topic->met;
    self->matched.count = 0;
    if (!topic_match_patterns(&self->patterns, (wire_str_t) { topic->name, topic->size }, &self->matched))
        return NULL;
    if (self->matched.count <= MET_MAX)
        remember(self, topic, &self->matched);
    return &self->matched;
}

bool topic_route_targets(topics_t *self, topic_t *topic, topic_message_t *message)
{
    const topic_run_t *met = patterns_of(self, topic);
    bool ok = met;
    self->targets.count = 0;
    for (size_t i = 0; ok && i < met->count; i++) {
        const topic_pattern_t *pattern = met->items[i];
        topic->wanted |= pattern->historians > 0;
        ok = add_pattern(self, pattern, message);
    }
    return ok;
}

//  ---- Leaving -------------------------------------------------------------

//  Moved behind what the others have, and then put in order: nobody sees two messages of a topic turned round.
static void move(topics_t *self, topic_sub_t *from, topic_group_t *group)
{
    for (size_t i = 0; i < from->queue.count; i++) {
        topic_message_t *message = topic_queue_at(&from->queue, i)->message;
        bool over = topic_message_expired(message, self->now);
        topic_sub_t *to = over ? NULL : choose(self, group, message);
        self->counters.expired += over;
        self->counters.moved += to != NULL;
        self->counters.abandoned += !over && !to;
        if (to)
            topic_deliver(self, to, message, topic_queue_at(&from->queue, i)->flags & ~WIRE_TOPIC_CAUSES);
    }
    for (size_t i = 0; i < group->members.count; i++)
        topic_queue_sort(&((topic_sub_t *) group->members.items[i])->queue);
}

static void take_out(topic_run_t *run, size_t place)
{
    topic_sub_t *last = run->items[--run->count];
    run->items[place] = last;
    last->place = place;
}

void topic_route_leave(topics_t *self, topic_sub_t *sub)
{
    take_out(peers(sub), sub->place);
    sub->pattern->historians -= sub->historian;
    self->refusers -= sub->policy == TOPIC_REFUSE;
    if (sub->group && sub->queue.count && sub->group->members.count)
        move(self, sub, sub->group);
    else
        self->counters.abandoned += sub->queue.count;
    topic_queue_free(&sub->queue, &self->queue_bytes);
    if (sub->group)
        close_group(sub->group);
    close_pattern(self, sub->pattern);
}
