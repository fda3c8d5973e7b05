//  topic_core - what publish and subscribe cost in the broker's core alone: no socket, no link
//
//  Prints the time to find who a topic meets, for several numbers of subscriptions with wildcards, and deliveries a second
//  for several numbers of subscribers of one topic. A delivery is copied into a buffer, as a link would. Asserts nothing.

#include "topic_match.h"
#include "topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOPICS      4096
#define CONSUME     1024        //  CONSUMED after so many messages

static uint8_t ring[1 << 20];   //  A link's buffer
static size_t at;
static uint64_t told, last_sub;

//  Of the processor: other work on the machine does not count.
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static void on_answer(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size, uint32_t count)
{
    (void) arg, (void) session, (void) request, (void) count;
    wire_reader_t in = wire_reader(fields, size);
    wire_read_uint(&in, &last_sub);
}

static void on_deny(void *arg, uint64_t session, uint64_t request, int code, const char *text)
{
    (void) arg, (void) session, (void) request, (void) code;
    fprintf(stderr, "%s\n", text);
    exit(1);
}

static int on_tell(void *arg, uint64_t session, uint8_t *fields, size_t size)
{
    (void) arg, (void) session;
    if (at + size > sizeof ring)
        at = 0;
    memcpy(ring + at, fields, size);
    at += size;
    told++;
    return 0;
}

static void on_slow(void *arg, uint64_t session)
{
    (void) arg, (void) session;
}

static topics_t *new_topics(void)
{
    static const topics_output_t output = { .answer = on_answer, .deny = on_deny, .tell = on_tell, .slow = on_slow };
    return topics_new(&(topics_config_t) { .session_subs = 1u << 20 }, &output, NULL);
}

static void apply(topics_t *topics, wire_type_t type, uint64_t session, uint64_t request, uint32_t count,
                  const wire_buf_t *fields)
{
    topics_op_t op = { .session = session, .request = request, .publisher = { "1@bench", 7 }, .type = type,
                       .now = 1000, .wall = 1000000, .count = count, .fields = wire_reader(fields->data, fields->size) };
    topics_apply(topics, &op);
}

static void subscribe(topics_t *topics, uint64_t session, const char *pattern)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_cstr(&fields, pattern);
    apply(topics, WIRE_SUBSCRIBE, session, 1, 1, &fields);
    wire_buf_free(&fields);
}

//  ---- Matching ------------------------------------------------------------

//  A third each: one device's readings, one kind of all devices in a building, all of a room.
static void pattern_of(unsigned i, char *text, size_t room)
{
    unsigned n = i / 3;
    switch (i % 3) {
    case 0: snprintf(text, room, "house.%u.room.*.%u", n % 500, n / 500); break;
    case 1: snprintf(text, room, "house.*.room.%u.%u", n % 500, n / 500); break;
    default: snprintf(text, room, "*.%u.room.%u.>", n % 500, n / 500); break;
    }
}

static void topic_of(unsigned i, char *text, size_t room)
{
    unsigned n = i * 2654435761u >> 7;
    snprintf(text, room, "house.%u.room.%u.%u", n % 500, n / 500 % 500, n / 250000 % 67);
}

static void bench_match(unsigned subscriptions)
{
    static char topics[TOPICS][64];
    topic_match_t trie;
    topic_run_t out = { NULL, 0, 0 };
    char text[64];
    size_t met = 0;
    topic_match_init(&trie, 1);
    for (unsigned i = 0; i < subscriptions; i++) {
        pattern_of(i, text, sizeof text);
        topic_match_put(&trie, (wire_str_t) { text, strlen(text) })->value = &trie;
    }
    for (unsigned i = 0; i < TOPICS; i++)
        topic_of(i, topics[i], sizeof topics[i]);
    unsigned rounds = 200;
    double start = seconds();
    for (unsigned i = 0; i < rounds * TOPICS; i++) {
        out.count = 0;
        topic_match_patterns(&trie, (wire_str_t) { topics[i % TOPICS], strlen(topics[i % TOPICS]) }, &out);
        met += out.count;
    }
    double took = seconds() - start;
    printf("match    %7u subscriptions: %6.0f ns a topic (%.1f met)\n", subscriptions, 1e9 * took / (rounds * TOPICS),
           (double) met / (rounds * TOPICS));
    topic_match_free(&trie);
    topic_run_free(&out);
}

static void put_publish(wire_buf_t *fields, const char *topic)
{
    wire_buf_clear(fields);
    wire_put_cstr(fields, topic);
    wire_put_cstr(fields, "sixteen bytes ..");
    wire_put_nil(fields);
}

//  `fresh`: each message opens a topic of its own; else those met before.
static void bench_publish(unsigned subscriptions, bool fresh)
{
    topics_t *topics = new_topics();
    wire_buf_t fields = WIRE_BUF_EMPTY;
    char text[64];
    for (unsigned i = 0; i < subscriptions; i++) {
        pattern_of(i, text, sizeof text);
        subscribe(topics, i % 100, text);
    }
    unsigned count = 400000;
    double start = 0;
    for (unsigned i = 0; i < count + TOPICS; i++) {
        topic_of(fresh ? i : i % TOPICS, text, sizeof text);
        put_publish(&fields, text);
        if (i == TOPICS)
            start = seconds();
        apply(topics, WIRE_PUBLISH, 200, 0, 3, &fields);
    }
    double took = seconds() - start;
    printf("publish  %7u subscriptions: %6.0f ns a message, topics %s\n", subscriptions, 1e9 * took / count,
           fresh ? "new" : "known");
    wire_buf_free(&fields);
    topics_destroy(&topics);
}

//  ---- Delivering ----------------------------------------------------------

static void consume(topics_t *topics, unsigned subscribers, uint64_t n)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    for (unsigned i = 1; i <= subscribers; i++) {
        wire_buf_clear(&fields);
        wire_put_uint(&fields, i);
        wire_put_uint(&fields, n);
        apply(topics, WIRE_CONSUMED, i, 0, 2, &fields);
    }
    wire_buf_free(&fields);
}

static void bench_deliver(unsigned subscribers, bool stalled)
{
    topics_t *topics = new_topics();
    wire_buf_t fields = WIRE_BUF_EMPTY;
    for (unsigned i = 1; i <= subscribers; i++)
        subscribe(topics, i, "prices.gold");
    put_publish(&fields, "prices.gold");
    uint64_t messages = 8000000 / subscribers + 500000;
    told = 0;
    double start = seconds();
    for (uint64_t n = 1; n <= messages; n++) {
        apply(topics, WIRE_PUBLISH, 200, 0, 3, &fields);
        if (n % CONSUME == 0 && !stalled)
            consume(topics, subscribers, n);
    }
    double took = seconds() - start;
    printf("%s 1 -> %2u: %6.2f M publishes/s, %6.2f M %s/s\n", stalled ? "stalled " : "deliver ", subscribers,
           1e-6 * (double) messages / took, 1e-6 * (double) (messages * subscribers) / took,
           stalled ? "queued or dropped" : "deliveries");
    wire_buf_free(&fields);
    topics_destroy(&topics);
}

int main(void)
{
    static const unsigned subscriptions[] = { 100, 10000, 100000 }, subscribers[] = { 1, 8, 64 };
    for (int i = 0; i < 3; i++)
        bench_match(subscriptions[i]);
    for (int i = 0; i < 3; i++) {
        bench_publish(subscriptions[i], false);
        bench_publish(subscriptions[i], true);
    }
    for (int i = 0; i < 3; i++)
        bench_deliver(subscribers[i], false);
    for (int i = 0; i < 3; i++)
        bench_deliver(subscribers[i], true);
    return 0;
}
