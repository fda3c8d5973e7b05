//  test_node_fixture - one node's core between a broker and peers that are only names
//
//  Time is a number. What the core does is written down in `trace`, one word each:
//
//      b<CALL:2        sent to the peer b: type and request
//      dial(b#7)       a link wanted, to node b, incarnation 7
//      bury(b)         that peer was declared dead
//      CALL:5(add)     an event handed to the handler
//      cancel:5        the handler was told that a caller gave up
//      report(who,gone)    a failure that nobody can take
//      1=ok  1=gone?  1=unknown!   the outcome of our first call; ! definite, ? unknown
//      tick(n)         a timer or posted function with that number ran
//      claims          what HELLO claims has changed
//      cut(b)          that link was ended, its key is not trusted; untrust(k) the key that begins so
//      jail:5(b)       a chunk of node b went to the jail; unjail:5 it was cancelled there
//
//  Every frame is its own allocation of exactly its size, so that the sanitizer sees a read past it.

#ifndef TEST_NODE_FIXTURE_H
#define TEST_NODE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "node_core.h"

typedef struct fixture fixture_t;

//  The core is at work, and not the test around it: test_node_memory refuses allocations then. Volatile, since the
//  compiler believes to know what malloc looks at.
static volatile bool inside;

typedef struct {
    char name[32];
    node_link_t *link;
    bool full;                  //  No room
    int refuses;                //  What send returns, 0: it takes
    uint8_t *last;              //  The last message it was sent
    size_t last_size;
} peer_t;

typedef struct {
    fixture_t *f;
    int number;
    int outcomes;
    uint64_t id;
} slot_t;

struct fixture {
    node_core_t core;
    int64_t now;
    char trace[65536];
    size_t traced;
    bool quiet;                 //  Write nothing down
    peer_t broker, peers[8];
    size_t dialled;
    bool no_way;                //  dial finds none
    int frames;                 //  Alive
    int pumped;
    void (*on_pump)(fixture_t *f);
    slot_t slots[64];
    int calls;
    char text[1024];            //  Of the last outcome or report
    int code;                   //  Of the last outcome
    uint32_t count;
    size_t size;
    char from[256];
    alua_remote_t *author;      //  Of the last event, held when keep
    uint64_t request;
    bool full;                  //  Of the last event: its author may call what is not exported
    bool keep;
    int jail_refuses;           //  What jail returns, 0: it takes
    uint64_t jailed;            //  A request that is there
    bool begun;                 //  Something that others asked for is not over
    int audits;
    char line[1024];            //  The last
};

typedef struct {
    int refs;
    fixture_t *f;
    uint8_t bytes[];
} frame_t;

static inline wire_str_t str(const char *text)
{
    wire_str_t self = { text, strlen(text) };
    return self;
}

static inline void note(fixture_t *f, const char *format, ...)
{
    va_list args;
    if (f->quiet)
        return;
    va_start(args, format);
    int size = vsnprintf(f->trace + f->traced, sizeof f->trace - f->traced, format, args);
    va_end(args);
    f->traced += (size_t) size;
    assert_true(f->traced < sizeof f->trace);
}

//  The story since the last time.
#define said(f, text)                               \
    do {                                            \
        assert_string_equal((f)->trace, (text));    \
        (f)->traced = 0;                            \
        (f)->trace[0] = 0;                          \
    } while (0)

static inline void hush(fixture_t *f)
{
    f->traced = 0;
    f->trace[0] = 0;
}

//  ---- Effects ---------------------------------------------------------------

static inline int fake_send(void *arg, void *peer, const void *message, size_t size)
{
    fixture_t *f = arg;
    peer_t *to = peer;
    wire_reader_t at = wire_reader(message, size);
    wire_msg_t msg;
    assert_non_null(to);
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    assert_true(at.at == at.end);
    if (to->refuses)
        return to->refuses;
    bool was = inside;
    inside = false;
    free(to->last);
    to->last = malloc(size);
    memcpy(to->last, message, size);
    to->last_size = size;
    inside = was;
    note(f, "%s<%s:%d ", to->name, wire_type_name(msg.type), (int) msg.request);
    return 0;
}

static inline bool fake_room(void *arg, void *peer, size_t size)
{
    const peer_t *to = peer;
    (void) arg, (void) size;
    return !to->full;
}

static inline void *fake_dial(void *arg, node_link_t *link, const node_address_t *address)
{
    fixture_t *f = arg;
    note(f, "dial(%.*s#%d) ", (int) address->node.size, address->node.data, (int) address->incarnation);
    if (f->no_way)
        return NULL;
    assert_true(f->dialled < 8);
    peer_t *peer = &f->peers[f->dialled++];
    snprintf(peer->name, sizeof peer->name, "%.*s", (int) address->node.size, address->node.data);
    peer->link = link;
    return peer;
}

static inline void fake_bury(void *arg, void *peer, const char *text)
{
    fixture_t *f = arg;
    peer_t *to = peer;
    note(f, "bury(%s) ", to->name);
    node_link_t *link = to->link;
    to->link = NULL;
    assert_non_null(link);
    node_core_link_gone(&f->core, link, WIRE_E_GONE, text);
}

static inline void fake_pump(void *arg, int ms)
{
    fixture_t *f = arg;
    f->now += ms;
    f->pumped++;
    if (f->on_pump)
        f->on_pump(f);
}

static inline int64_t fake_now(void *arg)
{
    const fixture_t *f = arg;
    return f->now;
}

static inline void fake_hold(void *frame)
{
    ((frame_t *) frame)->refs++;
}

static inline void fake_release(void *frame)
{
    frame_t *self = frame;
    if (--self->refs)
        return;
    self->f->frames--;
    free(self);
}

static inline void fake_claims(void *arg)
{
    note(arg, "claims ");
}

static inline void fake_cut(void *arg, void *peer, const char *text)
{
    fixture_t *f = arg;
    peer_t *to = peer;
    note(f, "cut(%s) ", to->name);
    node_link_t *link = to->link;
    to->link = NULL;
    node_core_link_gone(&f->core, link, WIRE_E_DENIED, text);
}

static inline void fake_untrust(void *arg, wire_str_t key)
{
    note(arg, "untrust(%.*s) ", 1, key.data);
}

static inline int fake_jail(void *arg, const alua_event_t *event, node_author_t *author, const char **text)
{
    fixture_t *f = arg;
    if (f->jail_refuses) {
        *text = "no alua-jail";
        return f->jail_refuses;
    }
    note(f, "jail:%d(%s) ", (int) event->request, author->node);
    f->jailed = event->request;
    return 0;
}

static inline bool fake_jail_cancel(void *arg, const alua_remote_t *from, uint64_t request)
{
    fixture_t *f = arg;
    (void) from;
    if (!request || f->jailed != request)
        return false;
    f->jailed = 0;
    note(f, "unjail:%d ", (int) request);
    return true;
}

static inline size_t fake_jailed(void *arg)
{
    const fixture_t *f = arg;
    return f->jailed ? 1 : 0;
}

static inline void fake_audit(void *arg, const char *line)
{
    fixture_t *f = arg;
    f->audits++;
    snprintf(f->line, sizeof f->line, "%s", line);
}

static const node_effects_t fake_effects = {
    .send = fake_send, .room = fake_room, .dial = fake_dial, .bury = fake_bury, .pump = fake_pump, .now = fake_now,
    .frame_hold = fake_hold, .frame_release = fake_release, .claims = fake_claims, .cut = fake_cut, .untrust = fake_untrust, .jail = fake_jail,
    .jail_cancel = fake_jail_cancel, .jailed = fake_jailed, .audit = fake_audit
};

//  ---- Handler ---------------------------------------------------------------

static inline void copy_text(char *to, size_t room, const void *text, size_t size)
{
    if (size > room - 1)
        size = room - 1;
    if (size)
        memcpy(to, text, size);
    to[size] = 0;
}

static const char *const event_names[] = {
    "CHUNK", "CALL", "MEMBERS", "WATCHED", "TUPLE", "TOPIC", "REACTION", "BROKER", "END", "PARENT", "ORDER"
};

static inline void on_event(void *arg, const alua_event_t *event)
{
    fixture_t *f = arg;
    if (event->kind == ALUA_CALL || event->kind == ALUA_CHUNK)
        note(f, "%s:%d(%.*s) ", event_names[event->kind], (int) event->request, (int) event->name.size, event->name.data);
    else
        note(f, "%s ", event_names[event->kind]);
    f->request = event->request;
    f->full = event->full;
    f->author = event->from;
    if (f->keep && event->from)
        alua_remote_hold(event->from);
    for (size_t i = 0; i < event->args_size; i++)       //  All of it must be readable
        f->count += event->args[i];
}

static inline void on_cancel(void *arg, alua_remote_t *from, uint64_t request)
{
    assert_non_null(from);
    note(arg, "cancel:%d ", (int) request);
}

static inline void on_report(void *arg, wire_str_t about, int code, const char *text, const void *error, size_t size)
{
    fixture_t *f = arg;
    note(f, "report(%.*s,%s) ", (int) about.size, about.data, wire_error_word(code));
    copy_text(f->text, sizeof f->text, text ? text : "", text ? strlen(text) : 0);
    f->size = error ? size : 0;
    for (size_t i = 0; i < f->size; i++)
        f->count += ((const uint8_t *) error)[i];
}

static inline void on_outcome(void *arg, const alua_outcome_t *outcome)
{
    slot_t *slot = arg;
    fixture_t *f = slot->f;
    const char *sure = outcome->code == 0 ? "" : outcome->definite ? "!" : "?";
    slot->outcomes++;
    note(f, "%d=%s%s ", slot->number, wire_error_word(outcome->code), sure);
    f->code = outcome->code;
    f->count = outcome->count;
    f->size = outcome->size;
    copy_text(f->text, sizeof f->text, outcome->text ? outcome->text : "", outcome->text ? strlen(outcome->text) : 0);
    copy_text(f->from, sizeof f->from, outcome->from.data, outcome->from.size);
    for (size_t i = 0; i < outcome->size; i++)
        f->count += outcome->body[i] & 0;
}

static inline bool on_begun(void *arg)
{
    const fixture_t *f = arg;
    return f->begun;
}

static const alua_handler_t fake_handler = { on_event, on_cancel, on_report, NULL, on_begun };

//  ---- Life ------------------------------------------------------------------

static inline fixture_t *offline(void)
{
    fixture_t *f = calloc(1, sizeof *f);
    f->now = 1000;
    snprintf(f->broker.name, sizeof f->broker.name, "broker");
    assert_int_equal(node_core_init(&f->core, &fake_effects, f), 0);
    f->core.handler = fake_handler;
    f->core.handler_arg = f;
    f->core.ready = true;
    return f;
}

static inline void welcome(fixture_t *f)
{
    assert_int_equal(node_core_welcome(&f->core, &f->broker, str("1@me"), str("me"), str("net")), 0);
}

static inline fixture_t *start(void)
{
    fixture_t *f = offline();
    welcome(f);
    return f;
}

//  Nothing is left behind: frames by count, the rest by the leak checker.
static inline void finish(fixture_t *f)
{
    node_core_free(&f->core);
    assert_int_equal(f->frames, 0);
    free(f->broker.last);
    for (size_t i = 0; i < 8; i++)
        free(f->peers[i].last);
    free(f);
}

static inline int setup(void **state)
{
    *state = start();
    return 0;
}

static inline int teardown(void **state)
{
    finish(*state);
    return 0;
}

//  ---- Verbs -----------------------------------------------------------------

static inline void run(fixture_t *f)
{
    inside = true;
    while (node_core_drain(&f->core, 64))
        ;
    inside = false;
}

static inline void elapse(fixture_t *f, int64_t ms)
{
    f->now += ms;
    inside = true;
    node_core_tick(&f->core);
    run(f);
}

//  Fields by letters: s text, u integer, b boolean, a empty array, n nil,
//  e an error map {code, definite}: (const char *, int),
//  f what LOOKUP finds {id, node, incarnation, endpoints}: (const char *, const char *, int).
static inline uint32_t put_fields(wire_buf_t *out, const char *letters, va_list args)
{
    uint32_t count = 0;
    for (const char *p = letters; *p; p++, count++) {
        const char *text = strchr("sef", *p) ? va_arg(args, const char *) : NULL;
        const char *node = *p == 'f' ? va_arg(args, const char *) : NULL;
        int number = strchr("ubef", *p) ? va_arg(args, int) : 0;
        if (*p == 's')
            wire_put_text(out, text, strlen(text));
        else if (*p == 'u')
            wire_put_uint(out, (uint64_t) number);
        else if (*p == 'b')
            wire_put_bool(out, number);
        else if (*p == 'a')
            wire_put_array(out, 0);
        else if (*p == 'n')
            wire_put_nil(out);
        else if (*p == 'e') {
            wire_put_map(out, 2);
            wire_put_cstr(out, "code");
            wire_put_cstr(out, text);
            wire_put_cstr(out, "definite");
            wire_put_bool(out, number);
        } else if (*p == 'f') {
            wire_put_map(out, 4);
            wire_put_cstr(out, "id");
            wire_put_cstr(out, text);
            wire_put_cstr(out, "node");
            wire_put_cstr(out, node);
            wire_put_cstr(out, "incarnation");
            wire_put_uint(out, (uint64_t) number);
            wire_put_cstr(out, "endpoints");
            wire_put_array(out, 1);
            wire_put_cstr(out, "ipc:///tmp/x");
        } else
            fail();
    }
    return count;
}

//  A message of exactly its size arrives; link NULL: from the broker.
static inline int hear_bytes(fixture_t *f, node_link_t *link, const void *bytes, size_t size)
{
    frame_t *frame = malloc(sizeof *frame + size);
    *frame = (frame_t) { 1, f };
    memcpy(frame->bytes, bytes, size);
    f->frames++;
    wire_reader_t at = wire_reader(frame->bytes, size);
    wire_msg_t msg;
    int rc = wire_msg_next(&at, &msg);
    inside = true;
    if (rc == 0)
        rc = node_core_message(&f->core, link, &msg, frame);
    inside = false;
    fake_release(frame);
    return rc;
}

typedef struct {
    wire_type_t type;
    uint64_t request;
    uint32_t ttl;
    const char *from, *to;      //  to NULL: us
} head_t;

static inline void build(wire_buf_t *out, head_t head, const char *letters, va_list args)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint32_t count = put_fields(&fields, letters, args);
    if (head.from)
        wire_msg_begin_proc(out, head.type, head.request, head.ttl, str(head.from), str(head.to ? head.to : "1@me"), count);
    else
        wire_msg_begin(out, head.type, head.request, head.ttl, count);
    wire_buf_append(out, fields.data, fields.size);
    wire_buf_free(&fields);
}

static inline int hear(fixture_t *f, node_link_t *link, head_t head, const char *letters, ...)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    va_list args;
    va_start(args, letters);
    build(&out, head, letters, args);
    va_end(args);
    int rc = hear_bytes(f, link, out.data, out.size);
    wire_buf_free(&out);
    return rc;
}

static inline int hear_call(fixture_t *f, node_link_t *link, const char *from, int request, uint32_t ttl)
{
    return hear(f, link, (head_t) { WIRE_CALL, (uint64_t) request, ttl, from, NULL }, "usa", WIRE_WANTS_REPLY, "add");
}

static inline int hear_reply(fixture_t *f, node_link_t *link, const char *from, int request)
{
    return hear(f, link, (head_t) { WIRE_REPLY, (uint64_t) request, 0, from, NULL }, "a");
}

static inline int hear_fail(fixture_t *f, node_link_t *link, const char *from, int request, const char *code)
{
    return hear(f, link, (head_t) { WIRE_FAIL, (uint64_t) request, 0, from, NULL }, "e", code, 1);
}

static inline void hear_found(fixture_t *f, int request, const char *id, const char *node, int incarnation)
{
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_ANSWER, (uint64_t) request, 0, NULL, NULL }, "f", id, node, incarnation), 0);
}

static inline void hear_deny(fixture_t *f, int request, const char *code, const char *text)
{
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_DENY, (uint64_t) request, 0, NULL, NULL }, "ss", code, text), 0);
}

static inline int request(fixture_t *f, const char *to, int64_t timeout, uint32_t flags, bool wait)
{
    slot_t *slot = &f->slots[f->calls];
    *slot = (slot_t) { f, ++f->calls, 0, 0 };
    alua_request_t call = { .kind = ALUA_CALL, .to = str(to), .flags = flags, .name = { "add", 3 }, .timeout = timeout,
                            .wait_name = wait, .fn = on_outcome, .arg = slot };
    inside = true;
    int rc = node_core_request(&f->core, &call, &slot->id);
    inside = false;
    return rc;
}

static inline int call(fixture_t *f, const char *to)
{
    return request(f, to, 30000, 0, false);
}

//  A chunk without reply.
static inline int tell(fixture_t *f, const char *to)
{
    alua_request_t chunk = { .kind = ALUA_CHUNK, .to = str(to), .name = { "main", 4 }, .code = { "return", 6 } };
    inside = true;
    int rc = node_core_request(&f->core, &chunk, NULL);
    inside = false;
    return rc;
}

//  1@b on node b, incarnation 7, called once and answered: ids 1 and 2 are used up, the trace is empty.
static inline peer_t *befriend(fixture_t *f)
{
    assert_int_equal(call(f, "1@b"), 0);
    hear_found(f, 1, "1@b", "b", 7);
    peer_t *b = &f->peers[f->dialled - 1];
    node_core_link_up(&f->core, b->link, str("1@b"));
    hear_reply(f, b->link, "1@b", 2);
    run(f);
    said(f, "broker<LOOKUP:1 dial(b#7) b<CALL:2 1=ok ");
    return b;
}

//  A node opens a link to us.
static inline peer_t *accept_from(fixture_t *f, const char *node, int incarnation, const char *process)
{
    peer_t *peer = &f->peers[f->dialled++];
    snprintf(peer->name, sizeof peer->name, "%s", node);
    peer->link = node_core_link_accept(&f->core, peer, str(node), (uint64_t) incarnation, str(process));
    assert_non_null(peer->link);
    node_core_link_up(&f->core, peer->link, str(process));
    return peer;
}

static inline void link_gone(fixture_t *f, peer_t *peer, int code, const char *text)
{
    node_link_t *link = peer->link;
    peer->link = NULL;
    node_core_link_gone(&f->core, link, code, text);
}

//  The hub reports the last message to this peer as never acknowledged.
static inline void link_lost(fixture_t *f, peer_t *peer)
{
    wire_reader_t at = wire_reader(peer->last, peer->last_size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    node_core_link_lost(&f->core, peer->link, &msg);
}

static inline wire_msg_t last_sent(const peer_t *peer)
{
    wire_reader_t at = wire_reader(peer->last, peer->last_size);
    wire_msg_t msg;
    assert_int_equal(wire_msg_next(&at, &msg), 0);
    return msg;
}

#endif
