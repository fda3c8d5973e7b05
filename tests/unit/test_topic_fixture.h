//  test_topic_fixture - topics in virtual time, spoken to in short words
//
//  Fields are written as text: 'a.b' 5 nil true {retain=true ttl=50} [1 2]. What comes back is written down, a line each:
//
//      1 = 7                   an answer to session 1
//      1 ! full                a denial (the sentence is in f->text)
//      1> 3.2+4 a.b@9RP 5      TOPIC: the 2nd of subscription 3, 4 missed before it, topic, seq, flags, value
//      1> 3.2+4 gap            a TOPIC that tells of a gap alone
//      1 slow

#ifndef TEST_TOPIC_FIXTURE_H
#define TEST_TOPIC_FIXTURE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "topics.h"

#define SESSIONS 10

//  Allocations of the code under test, not of the test (test_topic_memory).
static bool inside;
#define INSIDE(statement) do { inside = true; statement; inside = false; } while (0)

typedef struct {
    topics_t *topics;
    int64_t now;                //  The wall is 1000000 ms ahead
    uint64_t request;
    uint64_t answered;          //  The first field of the last answer, if it is a number
    int rc;                     //  Of the last operation
    int tells[SESSIONS];        //  What tell returns, 0 at first
    bool all;                   //  Write publisher, time and reply down, too
    char text[512];             //  Of the last denial
    char trace[64 * 1024];
} fixture_t;

//  ---- Text to fields ------------------------------------------------------

static inline const char *skip_blanks(const char *at)
{
    return at + strspn(at, " ");
}

static inline const char *pack_value(wire_buf_t *out, const char *at);

static inline const char *pack_items(wire_buf_t *out, const char *at, char end, uint32_t *count)
{
    for (at = skip_blanks(at); *at != end; at = skip_blanks(at), ++*count) {
        size_t key = end == '}' ? strcspn(at, "=") : 0;
        if (end == '}') {
            wire_put_str(out, at, key);
            at += key + 1;
        }
        at = pack_value(out, at);
    }
    return at + 1;
}

static inline const char *pack_table(wire_buf_t *out, const char *at)
{
    uint32_t count = 0;
    wire_buf_t items = WIRE_BUF_EMPTY;
    const char *end = pack_items(&items, at + 1, *at == '{' ? '}' : ']', &count);
    if (*at == '{')
        wire_put_map(out, count);
    else
        wire_put_array(out, count);
    wire_buf_append(out, items.data, items.size);
    wire_buf_free(&items);
    return end;
}

static inline const char *pack_number(wire_buf_t *out, const char *at)
{
    char *end, *dot;
    long long whole = strtoll(at, &end, 10);
    double number = strtod(at, &dot);
    if (dot == end)
        wire_put_int(out, whole);
    else
        wire_put_double(out, number);
    return dot;
}

static inline const char *pack_value(wire_buf_t *out, const char *at)
{
    if (*at == '\'') {
        size_t size = strcspn(at + 1, "'");
        wire_put_text(out, at + 1, size);
        return at + size + 2;
    }
    if (*at == '{' || *at == '[')
        return pack_table(out, at);
    if (strncmp(at, "nil", 3) == 0)
        return wire_put_nil(out), at + 3;
    if (*at == 't' || *at == 'f')
        return wire_put_bool(out, *at == 't'), at + (*at == 't' ? 4 : 5);
    return pack_number(out, at);
}

static inline uint32_t pack(wire_buf_t *out, const char *text)
{
    uint32_t count = 0;
    for (text = skip_blanks(text); *text; text = skip_blanks(text), count++)
        text = pack_value(out, text);
    return count;
}

//  ---- Fields to text ------------------------------------------------------

static inline void note(fixture_t *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void note(fixture_t *f, const char *format, ...)
{
    size_t size = strlen(f->trace);
    va_list args;
    va_start(args, format);
    vsnprintf(f->trace + size, sizeof f->trace - size, format, args);
    va_end(args);
}

static inline void note_value(fixture_t *f, wire_reader_t *in)
{
    wire_item_t item;
    assert_int_equal(wire_read(in, &item), 0);
    bool map = item.kind == WIRE_IS_MAP;
    switch (item.kind) {
    case WIRE_IS_NIL: note(f, "nil"); break;
    case WIRE_IS_BOOL: note(f, item.as.boolean ? "true" : "false"); break;
    case WIRE_IS_INT: note(f, "%lld", (long long) item.as.integer); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN: note(f, "%.*s", (int) item.as.bytes.size, item.as.bytes.data); break;
    case WIRE_IS_ARRAY:
    case WIRE_IS_MAP:
        note(f, map ? "{" : "[");
        for (uint32_t i = 0; i < item.as.count * (map ? 2 : 1); i++) {
            note(f, i == 0 ? "" : map && i % 2 ? "=" : " ");
            note_value(f, in);
        }
        note(f, map ? "}" : "]");
        break;
    default: note(f, "?"); break;
    }
}

//  ---- The output ----------------------------------------------------------

static inline void fixture_answer(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size,
                                  uint32_t count)
{
    fixture_t *f = arg;
    wire_reader_t in = wire_reader(fields, size), first = in;
    assert_int_equal(request, f->request);
    note(f, "%d =", (int) session);
    while (count--) {
        note(f, " ");
        note_value(f, &in);
    }
    note(f, "\n");
    assert_ptr_equal(in.at, in.end);
    wire_read_uint(&first, &f->answered);
}

static inline void fixture_deny(void *arg, uint64_t session, uint64_t request, int code, const char *text)
{
    fixture_t *f = arg;
    assert_true(request == 0 || request == f->request);
    note(f, "%d !%s %s\n", (int) session, request ? "" : " unasked", wire_error_word(code));
    snprintf(f->text, sizeof f->text, "%s", text);
}

static inline void note_flags(fixture_t *f, uint64_t flags)
{
    for (int i = 0; i < 6; i++)
        if (flags >> i & 1)
            note(f, "%c", "RPWGFH"[i]);
    assert_true(flags < 64);
}

static inline void note_topic(fixture_t *f, wire_reader_t *in)
{
    wire_str_t topic, publisher;
    uint64_t seq, flags;
    int64_t time;
    assert_int_equal(wire_read_bytes(in, &topic), 0);
    assert_int_equal(wire_read_bytes(in, &publisher), 0);
    assert_int_equal(wire_read_uint(in, &seq), 0);
    assert_int_equal(wire_read_int(in, &time), 0);
    assert_int_equal(wire_read_uint(in, &flags), 0);
    note(f, " %.*s@%llu", (int) topic.size, topic.data, (unsigned long long) seq);
    note_flags(f, flags);
    if (f->all)
        note(f, " by %.*s at %lld to ", (int) publisher.size, publisher.data, (long long) time);
    if (f->all)
        note_value(f, in);
    else
        assert_int_equal(wire_skip(in), 0);
    note(f, " ");
    note_value(f, in);
}

static inline void note_gap(fixture_t *f, wire_reader_t *in)
{
    static const uint8_t end[] = { 0xc0, 0xc0 };
    uint64_t flags;
    int64_t time;
    assert_int_equal(in->at[0], 0xc0);
    assert_int_equal(in->at[1], 0xc0);
    assert_int_equal(in->at[2], 0);
    in->at += 3;
    assert_int_equal(wire_read_int(in, &time), 0);
    assert_int_equal(wire_read_uint(in, &flags), 0);
    assert_true(flags & WIRE_TOPIC_GAP);
    assert_int_equal(in->end - in->at, sizeof end);
    assert_memory_equal(in->at, end, sizeof end);
    in->at = in->end;
    note(f, " gap");
    note_flags(f, flags & ~WIRE_TOPIC_GAP);
}

static inline int fixture_tell(void *arg, uint64_t session, uint8_t *fields, size_t size)
{
    fixture_t *f = arg;
    wire_reader_t in = wire_reader(fields, size);
    uint64_t sub, n, missed;
    if (f->tells[session])
        return f->tells[session];
    assert_int_equal(wire_read_uint(&in, &sub), 0);
    assert_int_equal(wire_read_uint(&in, &n), 0);
    assert_int_equal(wire_read_uint(&in, &missed), 0);
    assert_int_equal(in.at - (const uint8_t *) fields, 27);     //  Of fixed width
    note(f, "%d> %d.%d", (int) session, (int) sub, (int) n);
    if (missed)
        note(f, "+%llu", (unsigned long long) missed);
    if (*in.at == 0xc0)
        note_gap(f, &in);
    else
        note_topic(f, &in);
    note(f, "\n");
    assert_ptr_equal(in.at, in.end);
    return 0;
}

static inline void fixture_slow(void *arg, uint64_t session)
{
    note(arg, "%d slow\n", (int) session);
}

static const topics_output_t fixture_output = { .answer = fixture_answer, .deny = fixture_deny, .tell = fixture_tell,
                                                .slow = fixture_slow };

//  ---- Life ----------------------------------------------------------------

static inline void begin(fixture_t *f, const topics_config_t *config)
{
    topics_destroy(&f->topics);
    INSIDE(f->topics = topics_new(config, &fixture_output, f));
}

static inline int fixture_setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    f->now = 1000;
    begin(f, NULL);
    *state = f;
    return f->topics ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
    fixture_t *f = *state;
    topics_destroy(&f->topics);
    free(f);
    return 0;
}

static inline void expect_at(fixture_t *f, const char *trace, const char *file, int line)
{
    if (strcmp(f->trace, trace) != 0)
        print_error("%s:%d: expected\n%sbut there was\n%s", file, line, trace, f->trace);
    assert_string_equal(f->trace, trace);
    f->trace[0] = 0;
}

#define expect(f, trace) expect_at(f, trace, __FILE__, __LINE__)

static inline void ignore(fixture_t *f)
{
    f->trace[0] = 0;
}

static inline int64_t wall_of(const fixture_t *f)
{
    return f->now + 1000000;
}

static inline void elapse(fixture_t *f, int64_t ms)
{
    f->now += ms;
    INSIDE(topics_tick(f->topics, f->now, wall_of(f)));
}

//  ---- Talking -------------------------------------------------------------

static inline void ask_raw(fixture_t *f, uint64_t session, unsigned type, uint64_t request, uint32_t count,
                           const void *fields, size_t size)
{
    char id[32];
    snprintf(id, sizeof id, "p%d", (int) session);
    topics_op_t op = { .session = session, .request = request, .publisher = { id, strlen(id) },
                       .type = (wire_type_t) type, .now = f->now, .wall = wall_of(f), .count = count,
                       .fields = wire_reader(fields, size) };
    INSIDE(f->rc = topics_apply(f->topics, &op));
}

static inline void ask(fixture_t *f, uint64_t session, unsigned type, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint32_t count = pack(&fields, text);
    ask_raw(f, session, type, ++f->request, count, fields.data, fields.size);
    wire_buf_free(&fields);
}

//  With request 0.
static inline void tell(fixture_t *f, uint64_t session, unsigned type, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    uint32_t count = pack(&fields, text);
    ask_raw(f, session, type, 0, count, fields.data, fields.size);
    wire_buf_free(&fields);
}

//  Subscribe, and leave the answer out of the trace.
static inline int subscribe(fixture_t *f, uint64_t session, const char *text)
{
    ignore(f);
    f->answered = 0;
    ask(f, session, WIRE_SUBSCRIBE, text);
    char *rest = strchr(f->trace, '\n');
    assert_non_null(rest);
    if (!strstr(f->trace, " = "))
        fail_msg("%s: %s", text, f->text);
    memmove(f->trace, rest + 1, strlen(rest));
    return (int) f->answered;
}

static inline void publish(fixture_t *f, const char *text)
{
    tell(f, 9, WIRE_PUBLISH, text);
}

static inline void consumed(fixture_t *f, uint64_t session, int sub, int n)
{
    char text[64];
    snprintf(text, sizeof text, "%d %d", sub, n);
    tell(f, session, WIRE_CONSUMED, text);
    assert_int_equal(f->rc, 0);
}

static inline void end(fixture_t *f, uint64_t session, bool orderly)
{
    INSIDE(topics_session_end(f->topics, session, orderly, f->now, wall_of(f)));
}

static inline void room(fixture_t *f, uint64_t session)
{
    f->tells[session] = 0;
    INSIDE(topics_room(f->topics, session));
}

//  A counter or gauge of STAT.
static inline uint64_t stat_of(fixture_t *f, const char *name)
{
    wire_buf_t out = WIRE_BUF_EMPTY, map = WIRE_BUF_EMPTY;
    uint32_t pairs = topics_stat(f->topics, &out);
    wire_put_map(&map, pairs);
    wire_buf_append(&map, out.data, out.size);
    wire_reader_t in = wire_reader(map.data, map.size), value;
    uint64_t number = 0;
    assert_true(wire_map_find(&in, name, &value));
    assert_int_equal(wire_read_uint(&value, &number), 0);
    assert_int_equal(wire_skip(&in), 0);
    assert_ptr_equal(in.at, in.end);
    wire_buf_free(&out);
    wire_buf_free(&map);
    return number;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
