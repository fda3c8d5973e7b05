//  topic_node - a publisher and subscribers in C, on the node's own interface
//
//      topic_node subscribe SUBSCRIPTIONS [answer]     counts what comes under "bench.>", until each has seen "bench.end"
//      topic_node publish BYTES SECONDS AHEAD          to "bench.topic"
//
//  Each 100th message asks for an answer, which the first subscription of the subscriber with `answer` gives, so that AHEAD
//  are on their way at most.
//
//  The broker is the user's own. Prints a line:  from=... to=... delivered=... missed=...  or  published=...; from and to
//  are seconds by the monotonic clock, which all processes share.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alua.h"

#define BATCH   100
#define WINDOW  16384

typedef struct {
    alua_node_t *node;
    wire_buf_t fields;          //  Of the PUBLISH
    double began, seconds, ended;
    uint64_t published, delivered, missed;
    uint64_t told[4096];        //  CONSUMED, by the subscription's number
    int wanted, subscribed;     //  Subscriptions that have not seen the end; that have begun
    int batches, ahead;         //  On their way; at most
    uint64_t answering;         //  The subscription that answers, or 0
    bool answers, publishes;
    size_t bytes;
} bench_t;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void must(int code, const char *what)
{
    if (code) {
        fprintf(stderr, "topic_node: %s: %s\n", what, wire_error_text(code));
        exit(1);
    }
}

static void ask(bench_t *self, wire_type_t type, const wire_buf_t *fields, uint32_t count, alua_outcome_fn *fn)
{
    alua_ask_t asked = { .type = type, .fields = fields->data, .size = fields->size, .count = count, .timeout = 30000,
                         .fn = fn, .arg = self };
    must(alua_ask(self->node, &asked, NULL), "ask");
}

//  ---- A subscriber ----------------------------------------------------------------

static void consumed(bench_t *self, uint64_t sub, uint64_t n)
{
    uint8_t bytes[32];
    wire_buf_t out = { bytes, 0, sizeof bytes, false };
    uint64_t *told = &self->told[sub % 4096];
    if (n - *told < WINDOW / 4)
        return;
    *told = n;
    wire_put_uint(&out, sub);
    wire_put_uint(&out, n);
    must(alua_tell(self->node, WIRE_CONSUMED, out.data, out.size, 2, 0), "consumed");
}

static void on_end(bench_t *self)
{
    if (--self->wanted)
        return;
    printf("from=%.6f to=%.6f delivered=%" PRIu64 " missed=%" PRIu64 "\n", self->began, self->ended, self->delivered, self->missed);
    alua_node_quit(self->node);
}

static void answer(bench_t *self, wire_str_t topic)
{
    uint8_t bytes[64];
    wire_buf_t out = { bytes, 0, sizeof bytes, false };
    wire_put_text(&out, topic.data, topic.size);
    wire_put_nil(&out);
    must(alua_tell(self->node, WIRE_PUBLISH, out.data, out.size, 2, 0), "answer");
}

static void on_answer(bench_t *self);

//  sub, n, missed, topic, publisher, seq, time, flags, reply, value
static void on_topic(bench_t *self, const alua_event_t *event)
{
    wire_reader_t at = wire_reader(event->args, event->args_size);
    uint64_t sub = 0, n = 0, missed = 0;
    wire_str_t topic = { NULL, 0 };
    if (wire_read_uint(&at, &sub) || wire_read_uint(&at, &n) || wire_read_uint(&at, &missed))
        return;
    self->missed += missed;
    if (wire_read_bytes(&at, &topic))   //  A gap
        return;
    consumed(self, sub, n);
    if (self->publishes) {
        on_answer(self);
        return;
    }
    if (sub == self->answering) {
        wire_str_t reply;
        for (int i = 0; i < 4; i++)
            (void) wire_skip(&at);
        if (*at.at != 0xc0 && wire_read_bytes(&at, &reply) == 0)
            answer(self, reply);
    }
    if (wire_str_is(topic, "bench.end")) {
        self->ended = seconds_now();
        on_end(self);
        return;
    }
    if (self->delivered++ == 0)
        self->began = seconds_now();
}

static void on_subscribed(void *arg, const alua_outcome_t *outcome)
{
    bench_t *self = arg;
    wire_reader_t at = wire_reader(outcome->body, outcome->size);
    must(outcome->code, "subscribe");
    if (self->answers && self->subscribed == 0)
        must(wire_read_uint(&at, &self->answering), "subscribe");
    if (++self->subscribed < self->wanted)
        return;
    puts("subscribed");
    fflush(stdout);
}

static void subscribe(bench_t *self, const char *pattern, alua_outcome_fn *fn)
{
    wire_buf_clear(&self->fields);
    wire_put_cstr(&self->fields, pattern);
    wire_put_map(&self->fields, 1);
    wire_put_cstr(&self->fields, "window");
    wire_put_uint(&self->fields, WINDOW);
    ask(self, WIRE_SUBSCRIBE, &self->fields, 2, fn);
}

//  ---- A publisher -----------------------------------------------------------------

//  The last asks for an answer.
static void publish_batch(bench_t *self)
{
    for (int i = 1; i < BATCH; i++)
        must(alua_tell(self->node, WIRE_PUBLISH, self->fields.data, self->fields.size, 2, 0), "publish");
    size_t size = self->fields.size;
    wire_put_map(&self->fields, 1);
    wire_put_cstr(&self->fields, "reply");
    wire_put_cstr(&self->fields, "answer.bench");
    must(alua_tell(self->node, WIRE_PUBLISH, self->fields.data, self->fields.size, 3, 0), "publish");
    wire_buf_truncate(&self->fields, size);
    self->published += BATCH;
    self->batches++;
}

static void finish(bench_t *self)
{
    wire_buf_clear(&self->fields);
    wire_put_cstr(&self->fields, "bench.end");
    wire_put_nil(&self->fields);
    must(alua_tell(self->node, WIRE_PUBLISH, self->fields.data, self->fields.size, 2, 0), "end");
    printf("published=%" PRIu64 "\n", self->published);
    alua_node_quit(self->node);
}

static void on_answer(bench_t *self)
{
    self->batches--;
    if (seconds_now() - self->began < self->seconds)
        publish_batch(self);
    else if (self->batches == 0)
        finish(self);
}

static void publish(void *arg, const alua_outcome_t *outcome)
{
    static const char text[4096] = "";
    bench_t *self = arg;
    must(outcome->code, "subscribe");
    wire_buf_clear(&self->fields);
    wire_put_cstr(&self->fields, "bench.topic");
    wire_put_bin(&self->fields, text, self->bytes < sizeof text ? self->bytes : sizeof text);
    self->began = seconds_now();
    for (int i = 0; i < self->ahead; i++)
        publish_batch(self);
}

//  ---- Both ------------------------------------------------------------------------

static void on_event(void *arg, const alua_event_t *event)
{
    if (event->kind == ALUA_TOPIC)
        on_topic(arg, event);
}

static void on_open(void *arg, const alua_outcome_t *outcome)
{
    bench_t *self = arg;
    must(outcome->code, "open");
    if (self->publishes)
        subscribe(self, "answer.bench", publish);
    for (int i = 0; i < self->wanted; i++)
        subscribe(self, "bench.>", on_subscribed);
}

int main(int argc, char **argv)
{
    static bench_t self;
    if (argc < 3)
        return 2;
    self.publishes = argc == 5 && strcmp(argv[1], "publish") == 0;
    self.answers = argc == 4;
    self.wanted = self.publishes ? 0 : atoi(argv[2]);
    self.seconds = self.publishes ? atof(argv[3]) : 0;
    self.ahead = self.publishes ? atoi(argv[4]) / BATCH : 0;
    self.bytes = self.publishes ? strtoul(argv[2], NULL, 10) : 0;
    const char *why = NULL;
    alua_handler_t handler = { .event = on_event };
    self.node = alua_node_new(NULL, &why);
    if (!self.node) {
        fprintf(stderr, "topic_node: %s\n", why);
        return 1;
    }
    alua_process_handle(alua_node_process(self.node), &handler, &self);
    alua_process_ready(alua_node_process(self.node), true);
    must(alua_node_open(self.node, alua_default_broker(), 5000, on_open, &self), "open");
    alua_node_run(self.node);
    alua_node_finish(self.node, 0, 1000);
    alua_node_destroy(&self.node);
    wire_buf_free(&self.fields);
    return 0;
}
