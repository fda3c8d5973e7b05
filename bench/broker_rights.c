//  broker_rights - what a message costs the broker's core, from a session with all rights and from one by key
//
//  OUT and TAKE of one tuple, a PUBLISH that nobody hears, a CALL that is relayed: us per message, without sockets, the best of
//  several rounds. "token" has no key; "key" has rights of so many patterns, of which the last one matches. Nothing is asserted.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker_core.h"

#define PAIRS  200000
#define ROUNDS 7

static const char key_text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec * 1e6 + (double) time.tv_nsec / 1e3;
}

static int on_send(void *arg, void *link, const void *message, size_t size)
{
    (void) arg, (void) link, (void) message, (void) size;
    return 0;
}

static void on_drop(void *arg, void *link, int code, const char *text)
{
    (void) arg, (void) link, (void) code;
    fprintf(stderr, "dropped: %s\n", text);
    exit(1);
}

static uint64_t join(broker_core_t *core, const char *name, const char *key)
{
    static int link;
    wire_buf_t body = WIRE_BUF_EMPTY;
    broker_welcome_t welcome;
    const char *text;
    broker_hello_t hello = { .name = { name, strlen(name) }, .incarnation = 1, .key = { key, strlen(key) }, .key_name = { name, strlen(name) } };
    if (broker_core_hello(core, &hello, &link, 0, &welcome, &body, &text)) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    wire_buf_free(&body);
    return welcome.session;
}

//  Rights of so many patterns for each word, of which the last holds what we do.
static void set_policy(broker_core_t *core, unsigned patterns)
{
    static const char *const words[] = { "call", "out", "take", "pub" };
    wire_buf_t packed = WIRE_BUF_EMPTY;
    char text[64], error[BROKER_TEXT];
    wire_put_map(&packed, 1);
    wire_put_cstr(&packed, "keys");
    wire_put_map(&packed, 1);
    wire_put_cstr(&packed, "key");
    wire_put_map(&packed, 4);
    for (int i = 0; i < 4; i++) {
        wire_put_cstr(&packed, words[i]);
        wire_put_array(&packed, patterns);
        for (unsigned j = 0; j < patterns; j++) {
            snprintf(text, sizeof text, j + 1 < patterns ? "other%u.*" : "work.*", j);
            wire_put_text(&packed, text, strlen(text));
        }
    }
    if (broker_core_policy(core, wire_reader(packed.data, packed.size), 0, error)) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    wire_buf_free(&packed);
}

static void say(broker_core_t *core, uint64_t session, const wire_buf_t *message)
{
    wire_reader_t frame = wire_reader(message->data, message->size);
    wire_msg_t msg;
    if (wire_msg_next(&frame, &msg) || broker_core_message(core, session, &msg, 0, 0))
        exit(1);
}

static void put_space(wire_buf_t *out, wire_type_t type, uint64_t request)
{
    wire_buf_clear(out);
    wire_msg_begin(out, type, request, 0, 2);
    wire_put_cstr(out, "work.jobs");
    wire_put_array(out, 2);
    wire_put_cstr(out, "square");
    wire_put_int(out, 7);
}

static double space_pair(broker_core_t *core, uint64_t session, uint64_t *request)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    double start = now();
    for (int i = 0; i < PAIRS; i++) {
        put_space(&message, WIRE_OUT, ++*request);
        say(core, session, &message);
        put_space(&message, WIRE_TAKE, ++*request);
        say(core, session, &message);
    }
    double us = (now() - start) / PAIRS / 2;
    wire_buf_free(&message);
    return us;
}

static double publish(broker_core_t *core, uint64_t session, uint64_t *request)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    double start = now();
    for (int i = 0; i < PAIRS; i++) {
        wire_buf_clear(&message);
        wire_msg_begin(&message, WIRE_PUBLISH, ++*request, 0, 2);
        wire_put_cstr(&message, "work.news");
        wire_put_int(&message, i);
        say(core, session, &message);
    }
    double us = (now() - start) / PAIRS;
    wire_buf_free(&message);
    return us;
}

static double relay(broker_core_t *core, uint64_t session, uint64_t *request)
{
    static const wire_str_t from = { "1@key", 5 }, to = { "other", 5 };
    wire_buf_t message = WIRE_BUF_EMPTY;
    double start = now();
    for (int i = 0; i < PAIRS; i++) {
        wire_buf_clear(&message);
        wire_msg_begin_proc(&message, WIRE_CALL, ++*request, 0, from, to, 3);
        wire_put_uint(&message, WIRE_WANTS_REPLY);
        wire_put_cstr(&message, "work.add");
        wire_put_array(&message, 2);
        wire_put_int(&message, 1);
        wire_put_int(&message, 2);
        say(core, session, &message);
    }
    double us = (now() - start) / PAIRS;
    wire_buf_free(&message);
    return us;
}

typedef double play_t(broker_core_t *core, uint64_t session, uint64_t *request);

static double best_of(play_t *play, broker_core_t *core, uint64_t session)
{
    static uint64_t request = 1;
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double us = play(core, session, &request);
        best = us < best ? us : best;
    }
    return best;
}

static void measure(const char *who, unsigned patterns)
{
    static const broker_output_t output = { .send = on_send, .drop = on_drop };
    broker_core_config_t config = { .address = "bench", .keys = true };
    broker_core_t *core = broker_core_new(&config, &output, NULL);
    if (patterns)
        set_policy(core, patterns);
    uint64_t session = join(core, "key", patterns ? key_text : "");
    join(core, "other", "");
    printf("%-6s %8u %10.3f", who, patterns, best_of(space_pair, core, session));
    printf(" %10.3f", best_of(publish, core, session));
    printf(" %10.3f\n", best_of(relay, core, session));
    broker_core_destroy(&core);
}

int main(void)
{
    printf("%-6s %8s %10s %10s %10s   us a message\n", "who", "patterns", "out+take", "publish", "relay");
    measure("token", 0);
    measure("key", 1);
    measure("key", 4);
    measure("key", 16);
    return 0;
}
