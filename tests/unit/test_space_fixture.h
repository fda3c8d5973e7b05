//  test_space_fixture - tuple spaces in virtual time, sessions that are numbers, and a trace of all that is said
//
//  An operation is written as text:  say(f, 1, "TAKE jobs ['job', ?] {lease=100}").  Bare words and '..' are strings, [..]
//  arrays, {k=v} maps, ? any value, ?rest ?range(1,5) ?prefix('a') ?where('t[1] > 2') the other terms. What the spaces
//  say is appended to f->trace:
//
//      1:3 ['job', 7] 12 nil; 1:4! timeout no tuple matches; 2~ 1 1 0 12 ['job', 7];
//
//  that is an answer to request 3 of session 1, a denial, an event for session 2. A reaction's run, and what failed:
//
//      run 1 before out of 2 (log) [job, 7] 0; 1? 3 no verdict in time;

#ifndef TEST_SPACE_FIXTURE_H
#define TEST_SPACE_FIXTURE_H

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "match.h"
#include "spaces.h"

//  Depth of calls of the core, for test_space_memory.
static int inside;
#define INSIDE(call) (inside++, (call), inside--)

typedef struct {
    spaces_t *spaces;
    int64_t now;
    uint64_t request;           //  The last one
    uint32_t ttl;               //  Of the operations that follow
    bool deaf;                  //  tell refuses
    size_t answers, denials, events;
    uint64_t run;               //  The last that began
    int code;                   //  Of the last denial, 0 after an answer
    int outcome;                //  What spaces_apply came to
    uint8_t *outcomes;          //  Of each request, how many; or NULL
    bool quiet;                 //  No trace
    char trace[64 * 1024];
} fixture_t;

//  ---- Writing down --------------------------------------------------------

static inline void note(fixture_t *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void note(fixture_t *f, const char *format, ...)
{
    size_t size = strlen(f->trace);
    va_list args;
    if (f->quiet)
        return;
    va_start(args, format);
    vsnprintf(f->trace + size, sizeof f->trace - size, format, args);
    va_end(args);
}

static inline void note_value(fixture_t *f, wire_reader_t *in);

static inline void note_items(fixture_t *f, wire_reader_t *in, uint32_t count, bool map)
{
    note(f, map ? "{" : "[");
    for (uint32_t i = 0; i < count; i++) {
        note(f, i ? ", " : "");
        if (map) {
            note_value(f, in);
            note(f, "=");
        }
        note_value(f, in);
    }
    note(f, map ? "}" : "]");
}

static inline void note_value(fixture_t *f, wire_reader_t *in)
{
    wire_item_t item;
    assert_int_equal(wire_read(in, &item), 0);
    switch (item.kind) {
    case WIRE_IS_NIL:    note(f, "nil"); break;
    case WIRE_IS_BOOL:   note(f, item.as.boolean ? "true" : "false"); break;
    case WIRE_IS_INT:
    case WIRE_IS_UINT:   note(f, "%lld", (long long) item.as.integer); break;
    case WIRE_IS_DOUBLE: note(f, "%g", item.as.number); break;
    case WIRE_IS_ARRAY:  note_items(f, in, item.as.count, false); break;
    case WIRE_IS_MAP:    note_items(f, in, item.as.count, true); break;
    default:             note(f, "%.*s", (int) item.as.bytes.size, item.as.bytes.data); break;
    }
}

static inline void note_fields(fixture_t *f, const void *fields, size_t size, uint32_t count)
{
    wire_reader_t in = wire_reader(fields, size);
    for (uint32_t i = 0; i < count; i++) {
        note(f, " ");
        if (f->quiet)
            wire_skip(&in);
        else
            note_value(f, &in);
    }
    assert_ptr_equal(in.at, in.end);
    note(f, "; ");
}

static inline void on_answer(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size,
                             uint32_t count)
{
    fixture_t *f = arg;
    f->answers++;
    f->code = 0;
    if (f->outcomes)
        f->outcomes[request]++;
    note(f, "%d:%d", (int) session, (int) request);
    note_fields(f, fields, size, count);
}

static inline void on_deny(void *arg, uint64_t session, uint64_t request, int code, const char *text)
{
    fixture_t *f = arg;
    f->denials++;
    f->code = code;
    if (f->outcomes)
        f->outcomes[request]++;
    note(f, "%d:%d! %s %s; ", (int) session, (int) request, wire_error_word(code), text);
}

static inline bool on_tell(void *arg, uint64_t session, const void *fields, size_t size, uint32_t count)
{
    fixture_t *f = arg;
    if (f->deaf)
        return false;
    f->events++;
    note(f, "%d~", (int) session);
    note_fields(f, fields, size, count);
    return true;
}

static inline void on_run(void *arg, const spaces_run_t *run)
{
    fixture_t *f = arg;
    wire_reader_t tuple = run->tuple;
    f->run = run->run;
    note(f, "run %d %s %s of %d (%.*s) ", (int) run->run, run->phase, run->on, (int) run->session,
         (int) run->name.size, run->name.data);
    note_value(f, &tuple);
    note(f, " %d; ", (int) run->number);
    assert_ptr_equal(tuple.at, tuple.end);
}

static inline void on_failed(void *arg, uint64_t owner, uint64_t reaction, const char *text)
{
    note(arg, "%d? %d %s; ", (int) owner, (int) reaction, text);
}

//  ---- Packing what is written ---------------------------------------------

static inline void pack_value(const char **at, wire_buf_t *out);

static inline void skip_blanks(const char **at)
{
    while (**at == ' ' || **at == ',')
        ++*at;
}

static inline wire_str_t pack_word(const char **at)
{
    const char *from = *at;
    while (isalnum((unsigned char) **at) || **at == '_' || **at == '.')
        ++*at;
    return (wire_str_t) { from, (size_t) (*at - from) };
}

//  Values up to `end`: how many.
static inline uint32_t pack_list(const char **at, char end, wire_buf_t *out)
{
    uint32_t count = 0;
    for (skip_blanks(at); **at && **at != end; skip_blanks(at), count++) {
        pack_value(at, out);
        if (**at == '=') {
            ++*at;
            pack_value(at, out);
        }
    }
    *at += **at != 0;
    return count;
}

//  ?, or ?name, or ?name(args)
static inline void pack_term(const char **at, wire_buf_t *out)
{
    wire_buf_t term = WIRE_BUF_EMPTY, args = WIRE_BUF_EMPTY;
    ++*at;
    wire_str_t word = pack_word(at);
    uint32_t count = 0;
    if (**at == '(') {
        ++*at;
        count = pack_list(at, ')', &args);
    }
    wire_put_array(&term, 1 + count);
    wire_put_text(&term, word.size ? word.data : "any", word.size ? word.size : 3);
    wire_buf_append(&term, args.data, args.size);
    wire_put_ext(out, MATCH_EXT_TERM, term.data, term.size);
    wire_buf_free(&term);
    wire_buf_free(&args);
}

static inline void pack_container(const char **at, wire_buf_t *out)
{
    wire_buf_t items = WIRE_BUF_EMPTY;
    bool map = **at == '{';
    ++*at;
    uint32_t count = pack_list(at, map ? '}' : ']', &items);
    if (map)
        wire_put_map(out, count);
    else
        wire_put_array(out, count);
    wire_buf_append(out, items.data, items.size);
    wire_buf_free(&items);
}

static inline void pack_number(const char **at, wire_buf_t *out)
{
    char *end, *end_double;
    long long integer = strtoll(*at, &end, 10);
    double number = strtod(*at, &end_double);
    if (end_double > end)
        wire_put_double(out, number);
    else
        wire_put_int(out, integer);
    *at = end_double;
}

static inline void pack_string(const char **at, wire_buf_t *out)
{
    const char *from = ++*at;
    while (**at != '\'')
        ++*at;
    wire_put_text(out, from, (size_t) (*at - from));
    ++*at;
}

//  The type of that name, or 0.
static inline unsigned find_type(wire_str_t word)
{
    for (unsigned type = 1; type < WIRE_TYPE_LIMIT; type++)
        if (wire_type_name(type) && wire_str_is(word, wire_type_name(type)))
            return type;
    return 0;
}

static inline void pack_value(const char **at, wire_buf_t *out)
{
    skip_blanks(at);
    if (**at == '?')
        pack_term(at, out);
    else if (**at == '[' || **at == '{')
        pack_container(at, out);
    else if (**at == '\'')
        pack_string(at, out);
    else if (isdigit((unsigned char) **at) || **at == '-')
        pack_number(at, out);
    else {
        wire_str_t word = pack_word(at);
        if (wire_str_is(word, "nil"))
            wire_put_nil(out);
        else if (wire_str_is(word, "true") || wire_str_is(word, "false"))
            wire_put_bool(out, word.size == 4);
        else if (find_type(word))       //  In a BATCH
            wire_put_uint(out, find_type(word));
        else
            wire_put_text(out, word.data, word.size);
    }
}

//  ---- The verbs -----------------------------------------------------------

static inline void apply(fixture_t *f, uint64_t session, uint64_t request, wire_type_t type, const wire_buf_t *fields,
                         uint32_t count)
{
    spaces_op_t op = { .session = session, .request = request, .type = type, .ttl = f->ttl, .now = f->now,
                       .count = count, .fields = wire_reader(fields->data, fields->size) };
    INSIDE(f->outcome = spaces_apply(f->spaces, &op));
}

//  As another request than the next one.
static inline void say_as(fixture_t *f, uint64_t session, uint64_t request, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_str_t word = pack_word(&text);
    uint32_t count = pack_list(&text, 0, &fields);
    apply(f, session, request, (wire_type_t) find_type(word), &fields, count);
    wire_buf_free(&fields);
}

//  The request's number.
static inline uint64_t say(fixture_t *f, uint64_t session, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline uint64_t say(fixture_t *f, uint64_t session, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say_as(f, session, ++f->request, text);
    return f->request;
}

//  The last run came to this; text of a REDIRECT: the space and perhaps a tuple. Its operations as in a BATCH, without the
//  outer brackets, or NULL.
static inline int verdict(fixture_t *f, spaces_judgement_t what, const char *text, const char *operations)
{
    wire_buf_t tuple = WIRE_BUF_EMPTY, list = WIRE_BUF_EMPTY;
    spaces_verdict_t v = { .what = what };
    int rc = 0;
    if (what != SPACES_REWRITE)
        v.text = (wire_str_t) { text, what == SPACES_REDIRECT ? strcspn(text, " ") : strlen(text) };
    text += v.text.size;
    if (*text)
        pack_value(&text, &tuple);
    v.tuple = wire_reader(tuple.data, tuple.size);
    v.count = operations ? pack_list(&operations, 0, &list) : 0;
    v.operations = wire_reader(list.data, list.size);
    INSIDE(rc = spaces_verdict(f->spaces, f->run, &v, f->now));
    wire_buf_free(&tuple);
    wire_buf_free(&list);
    return rc;
}

//  What the last run does while it runs; its answer is noted behind ">".
static inline int act(fixture_t *f, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY, out = WIRE_BUF_EMPTY;
    char why[256];
    uint32_t count = 0;
    int rc = 0;
    spaces_op_t op = { .type = (wire_type_t) find_type(pack_word(&text)), .now = f->now };
    op.count = pack_list(&text, 0, &fields);
    op.fields = wire_reader(fields.data, fields.size);
    INSIDE(rc = spaces_reaction_op(f->spaces, f->run, &op, &out, &count, why));
    note(f, ">");
    if (rc)
        note(f, " %s %s; ", wire_error_word(rc), why);
    else
        note_fields(f, out.data, out.size, count);
    wire_buf_free(&fields);
    wire_buf_free(&out);
    return rc;
}

static inline void elapse(fixture_t *f, int64_t ms)
{
    f->now += ms;
    INSIDE(spaces_tick(f->spaces, f->now));
}

static inline void end(fixture_t *f, uint64_t session)
{
    INSIDE(spaces_session_end(f->spaces, session, f->now));
}

//  The trace since the last time.
#define EXPECT(f, text)                        \
    do {                                       \
        assert_string_equal((f)->trace, text); \
        (f)->trace[0] = 0;                     \
    } while (0)

//  ---- Beginning and end ---------------------------------------------------

static inline void start(fixture_t *f, const spaces_config_t *config)
{
    static const spaces_output_t output = { .answer = on_answer, .deny = on_deny, .tell = on_tell, .run = on_run,
                                            .failed = on_failed };
    f->now = 1000;
    INSIDE(f->spaces = spaces_new(config, &output, f));
}

static inline int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    *state = f;
    start(f, NULL);
    return f->spaces ? 0 : -1;
}

static inline int teardown(void **state)
{
    fixture_t *f = *state;
    spaces_destroy(&f->spaces);
    free(f);
    return 0;
}

#endif
