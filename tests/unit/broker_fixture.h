//  broker_fixture - a broker's core in virtual time, its clients, and a trace of all it says
//
//  The verbs are: come (HELLO), ask, tell (PROC), elapse, fall_silent, leave. What the broker says is
//  written to f->trace, one line per message:
//
//      ana< MEMBERS myapp 2 join 1@bob bob
//      ana! full: does not read ...            a link that was dropped

#ifndef BROKER_FIXTURE_H
#define BROKER_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "broker_core.h"

#define ADDRESS "127.0.0.1:4321"
#define CLIENTS 512

//  Depth of calls of the core, for test_broker_memory.
static int inside;
#define INSIDE(call) (inside++, (call), inside--)

typedef struct fixture fixture_t;

typedef struct {
    fixture_t *f;
    char name[300];  //  In the trace
    char id[300];    //  As the broker gave it
    uint64_t session, incarnation, request;
    int refuses;  //  What send returns: WIRE_E_FULL, ...
    bool dropped;
    size_t heard;  //  Messages, also when the trace is off
    int strike;    //  What the last message came to
    char key[48], cert[80];  //  Shown in HELLO; empty: the token
} client_t;

struct fixture {
    broker_core_t *core;
    int64_t now;
    client_t clients[CLIENTS];
    size_t count;
    int refused;  //  Code and text of the last HELLO that was not welcome
    char text[BROKER_TEXT];
    char welcome[2000];  //  WELCOME's map of the last that was
    bool quiet;          //  No trace
    char trace[64 * 1024];
};

//  ---- Writing down --------------------------------------------------------

static inline void note(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline void note(char *to, size_t room, const char *format, ...)
{
    size_t size = strlen(to);
    va_list args;
    va_start(args, format);
    vsnprintf(to + size, room - size, format, args);
    va_end(args);
}

static inline void note_value(char *to, size_t room, wire_reader_t *in);

static inline void note_items(char *to, size_t room, wire_reader_t *in, uint32_t count, bool map)
{
    for (uint32_t i = 0; i < count; i++) {
        note(to, room, i ? " " : "");
        note_value(to, room, in);
        if (map) {
            note(to, room, "=");
            note_value(to, room, in);
        }
    }
}

static inline void note_value(char *to, size_t room, wire_reader_t *in)
{
    wire_item_t item;
    assert_int_equal(wire_read(in, &item), 0);
    switch (item.kind) {
    case WIRE_IS_NIL: note(to, room, "nil"); break;
    case WIRE_IS_BOOL: note(to, room, item.as.boolean ? "true" : "false"); break;
    case WIRE_IS_INT: note(to, room, "%lld", (long long) item.as.integer); break;
    case WIRE_IS_UINT: note(to, room, "%llu", (unsigned long long) item.as.natural); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN: note(to, room, "%.*s", (int) item.as.bytes.size, item.as.bytes.data); break;
    case WIRE_IS_ARRAY:
        note(to, room, "[");
        note_items(to, room, in, item.as.count, false);
        note(to, room, "]");
        break;
    case WIRE_IS_MAP:
        note(to, room, "{");
        note_items(to, room, in, item.as.count, true);
        note(to, room, "}");
        break;
    default: note(to, room, "?"); break;
    }
}

static inline void note_message(fixture_t *f, const client_t *c, const wire_msg_t *msg)
{
    char *to = f->trace;
    size_t room = sizeof f->trace;
    note(to, room, "%s< %s", c->name, wire_type_name((unsigned) msg->type));
    if (msg->request)
        note(to, room, "#%llu", (unsigned long long) msg->request);
    if (msg->ttl)
        note(to, room, " ttl=%u", msg->ttl);
    if (msg->from.data)
        note(to, room, " %.*s->%.*s", (int) msg->from.size, msg->from.data, (int) msg->to.size, msg->to.data);
    wire_reader_t in = msg->fields;
    for (uint32_t i = 0; i < msg->count; i++) {
        note(to, room, " ");
        note_value(to, room, &in);
    }
    assert_ptr_equal(in.at, in.end);
    note(to, room, "\n");
}

//  ---- The broker's output -------------------------------------------------

static inline int fixture_send(void *arg, void *link, const void *message, size_t size)
{
    (void) arg;
    client_t *c = link;
    assert_false(c->dropped);
    if (c->refuses)
        return c->refuses;
    wire_reader_t frame = wire_reader(message, size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&frame, &msg), 0);
    assert_ptr_equal(frame.at, frame.end);  //  Exactly one message
    c->heard++;
    if (!c->f->quiet)
        note_message(c->f, c, &msg);
    return 0;
}

static inline void fixture_drop(void *arg, void *link, int code, const char *text)
{
    fixture_t *f = arg;
    client_t *c = link;
    note(f->trace, sizeof f->trace, "%s! %s: %s\n", c->name, wire_error_word(code), text);
    c->dropped = true;
    broker_core_gone(f->core, c->session, c, WIRE_E_CLOSED, "we closed", f->now);  //  As hubs do
}

static const broker_output_t fixture_output = { .send = fixture_send, .drop = fixture_drop };

//  ---- Life ----------------------------------------------------------------

static inline broker_core_t *new_core(fixture_t *f)
{
    broker_core_config_t config = { .address = ADDRESS };
    broker_core_t *core;
    INSIDE(core = broker_core_new(&config, &fixture_output, f));
    return core;
}

static inline int fixture_setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    f->core = new_core(f);
    f->now = 1000;
    *state = f;
    return f->core ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
    fixture_t *f = *state;
    broker_core_destroy(&f->core);
    free(f);
    return 0;
}

static inline void expect(fixture_t *f, const char *trace)
{
    assert_string_equal(f->trace, trace);
    f->trace[0] = 0;
}

static inline void ignore(fixture_t *f)
{
    f->trace[0] = 0;
}

static inline void elapse(fixture_t *f, int64_t ms)
{
    f->now += ms;
    INSIDE(broker_core_tick(f->core, f->now));
}

//  The broker dies and another comes up that knows nothing.
static inline void restart(fixture_t *f)
{
    broker_core_destroy(&f->core);
    f->core = new_core(f);
}

//  ---- HELLO ---------------------------------------------------------------

static inline void put_list(wire_buf_t *out, char *items)
{
    uint32_t count = 0;
    wire_buf_t list = WIRE_BUF_EMPTY;
    char *save = NULL;
    for (char *item = strtok_r(items, ",", &save); item; item = strtok_r(NULL, ",", &save), count++)
        wire_put_text(&list, item, strlen(item));
    wire_put_array(out, count);
    wire_buf_append(out, list.data, list.size);
    wire_buf_free(&list);
}

static inline void put_claim(wire_buf_t *out, char *claim)
{
    char *value = strchr(claim, '=');
    if (value)
        *value++ = 0;
    wire_put_cstr(out, claim);
    if (!value)
        wire_put_bool(out, true);
    else if (strcmp(claim, "id") == 0 || strcmp(claim, "host") == 0)
        wire_put_text(out, value, strlen(value));
    else if (strcmp(claim, "lease") == 0)
        wire_put_int(out, atoll(value));
    else
        put_list(out, value);
}

//  "spawn;names=x,y;lease=3000" as HELLO's map
static inline void put_claims(wire_buf_t *out, const char *claims)
{
    char text[4096];
    snprintf(text, sizeof text, "%s", claims);
    uint32_t count = 0;
    wire_buf_t pairs = WIRE_BUF_EMPTY;
    char *save = NULL;
    for (char *claim = strtok_r(text, ";", &save); claim; claim = strtok_r(NULL, ";", &save), count++)
        put_claim(&pairs, claim);
    wire_put_map(out, count);
    wire_buf_append(out, pairs.data, pairs.size);
    wire_buf_free(&pairs);
}

//  HELLO of client c with raw bytes as its map; 0 or the code it was refused with.
static inline int hello_raw(fixture_t *f, client_t *c, wire_str_t name, const void *body, size_t size)
{
    broker_hello_t hello = { .name = name, .incarnation = c->incarnation, .body = wire_reader(body, size),
                             .key = { c->key, strlen(c->key) }, .key_name = { c->cert, strlen(c->cert) } };
    broker_welcome_t welcome = { 0, NULL, NULL };
    wire_buf_t out = WIRE_BUF_EMPTY;
    const char *text = NULL;
    INSIDE(f->refused = broker_core_hello(f->core, &hello, c, f->now, &welcome, &out, &text));
    snprintf(f->text, sizeof f->text, "%s", f->refused ? text : "");
    f->welcome[0] = 0;
    if (f->refused == 0) {
        wire_reader_t in = wire_reader(out.data, out.size);
        note_value(f->welcome, sizeof f->welcome, &in);
        assert_ptr_equal(in.at, in.end);
        c->session = welcome.session;
        c->dropped = false;
        snprintf(c->name, sizeof c->name, "%s", welcome.node);
        snprintf(c->id, sizeof c->id, "%s", welcome.id);
    }
    wire_buf_free(&out);
    return f->refused;
}

static inline int hello(fixture_t *f, client_t *c, const char *name, const char *claims)
{
    wire_buf_t body = WIRE_BUF_EMPTY;
    put_claims(&body, claims);
    int rc = hello_raw(f, c, (wire_str_t){ name, strlen(name) }, body.data, body.size);
    wire_buf_free(&body);
    return rc;
}

static inline client_t *somebody(fixture_t *f)
{
    assert_true(f->count < CLIENTS);
    client_t *c = &f->clients[f->count++];
    *c = (client_t){ .f = f, .incarnation = 1000 + f->count };
    return c;
}

//  A new client that is welcome.
static inline client_t *come_with(fixture_t *f, const char *name, const char *claims)
{
    client_t *c = somebody(f);
    if (hello(f, c, name, claims))
        fail_msg("%s: %s", name, f->text);
    return c;
}

static inline client_t *come(fixture_t *f, const char *name)
{
    return come_with(f, name, "");
}

//  ---- Talking -------------------------------------------------------------

static inline int hear(fixture_t *f, client_t *c, const wire_buf_t *message, int64_t arrived)
{
    wire_reader_t frame = wire_reader(message->data, message->size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&frame, &msg), 0);
    INSIDE(c->strike = broker_core_message(f->core, c->session, &msg, arrived, f->now));
    return c->strike;
}

//  A request with the fields in `fields`.
static inline int ask_raw(fixture_t *f, client_t *c, unsigned type, uint64_t request, uint32_t count,
                          const wire_buf_t *fields)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_msg_begin(&message, (wire_type_t) type, request, 0, count);
    wire_buf_append(&message, fields->data, fields->size);
    int rc = hear(f, c, &message, f->now);
    wire_buf_free(&message);
    return rc;
}

static inline void ask_again(fixture_t *f, client_t *c, unsigned type, uint64_t request, const char *name)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    if (name)
        wire_put_text(&fields, name, strlen(name));
    ask_raw(f, c, type, request, name ? 1 : 0, &fields);
    wire_buf_free(&fields);
}

//  A request of one name, or of no field (NULL); its number is the next of this client.
static inline void ask(fixture_t *f, client_t *c, unsigned type, const char *name)
{
    ask_again(f, c, type, ++c->request, name);
}

static inline void tell_late(fixture_t *f, client_t *c, wire_type_t type, uint64_t request, uint32_t ttl,
                             const char *from, const char *to, int64_t waited)
{
    wire_buf_t message = WIRE_BUF_EMPTY;
    wire_str_t author = { from, strlen(from) }, receiver = { to, strlen(to) };
    wire_msg_begin_proc(&message, type, request, ttl, author, receiver, 3);
    wire_put_uint(&message, WIRE_WANTS_REPLY);
    wire_put_cstr(&message, "add");
    wire_put_array(&message, 2);
    wire_put_int(&message, 1);
    wire_put_nil(&message);
    assert_int_equal(hear(f, c, &message, f->now - waited), 0);
    wire_buf_free(&message);
}

//  A CALL (or another PROC type) of add(1, nil).
static inline void tell(fixture_t *f, client_t *c, wire_type_t type, uint64_t request, const char *from,
                        const char *to)
{
    tell_late(f, c, type, request, 0, from, to, 0);
}

static inline void fall_silent(fixture_t *f, client_t *c, bool silent)
{
    INSIDE(broker_core_silent(f->core, c->session, silent, f->now));
}

static inline void end(fixture_t *f, client_t *c, int code, const char *text)
{
    INSIDE(broker_core_gone(f->core, c->session, c, code, text, f->now));
}

static inline const broker_counters_t *counters(const fixture_t *f)
{
    return broker_core_counters(f->core);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
