//  test_jail_side - a jail on a loop, and verbs to run texts in it and read what became of them

#ifndef TEST_JAIL_SIDE_H
#define TEST_JAIL_SIDE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "jail.h"
#include "jail_self.h"

#define SHOWN 4096

//  What became of one job. It may be reused when it is over.
typedef struct {
    int ends;                   //  Times that fn was called
    unsigned order;             //  The how-manieth end it was, of all
    int code;
    bool claimed;
    char shown[SHOWN];          //  The body, readable: [1,"a",{"x":nil}]
} end_t;

typedef struct {
    uv_loop_t loop;
    jail_t *jail;
    char calls[SHOWN];          //  What was asked: "out[1,2] "
    size_t call_count;
    int call_code;              //  What the calls answer
} fixture_t;

//  ---- Reading msgpack -------------------------------------------------------

static inline void add(char *out, const char *text, size_t size)
{
    size_t used = strlen(out);
    snprintf(out + used, SHOWN - used, "%.*s", (int) size, text);
}

static inline void show(wire_reader_t *in, char *out);

static inline void show_members(wire_reader_t *in, uint32_t count, bool map, char *out)
{
    add(out, map ? "{" : "[", 1);
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            add(out, ",", 1);
        show(in, out);
        if (map) {
            add(out, ":", 1);
            show(in, out);
        }
    }
    add(out, map ? "}" : "]", 1);
}

static inline void show(wire_reader_t *in, char *out)
{
    char text[64] = "?";
    wire_item_t item;
    if (wire_read(in, &item)) {
        add(out, "!", 1);
        in->at = in->end;
        return;
    }
    switch (item.kind) {
    case WIRE_IS_NIL:    strcpy(text, "nil"); break;
    case WIRE_IS_BOOL:   strcpy(text, item.as.boolean ? "true" : "false"); break;
    case WIRE_IS_INT:    snprintf(text, sizeof text, "%lld", (long long) item.as.integer); break;
    case WIRE_IS_DOUBLE: snprintf(text, sizeof text, "%.14gf", item.as.number); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN:
        add(out, "\"", 1);
        add(out, item.as.bytes.data, item.as.bytes.size);
        add(out, "\"", 1);
        return;
    case WIRE_IS_ARRAY:
    case WIRE_IS_MAP:
        show_members(in, item.as.count, item.kind == WIRE_IS_MAP, out);
        return;
    default:             snprintf(text, sizeof text, "ext%d", item.ext);
    }
    add(out, text, strlen(text));
}

//  ---- The fixture -----------------------------------------------------------

static inline void on_end(void *arg, const jail_outcome_t *outcome)
{
    end_t *end = arg;
    wire_reader_t body = outcome->body, scanned = outcome->body;
    assert_int_equal(wire_scan(&scanned), 0);
    assert_ptr_equal(scanned.at, scanned.end);
    static unsigned order;
    end->ends++;
    end->order = ++order;
    end->code = outcome->code;
    end->claimed = outcome->claimed;
    end->shown[0] = 0;
    show(&body, end->shown);
}

static inline void open_jail(fixture_t *f, const jail_config_t *config)
{
    jail_config_t copy = *config;
    if (!copy.program)
        copy.program = JAIL_PROGRAM;
    f->jail = jail_new(&f->loop, &copy);
    assert_non_null(f->jail);
}

static inline int setup_loop(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    *state = f;
    return 0;
}

static inline int setup(void **state)
{
    setup_loop(state);
    open_jail(*state, &(jail_config_t) { .deadline = 5000 });
    return 0;
}

static inline void close_jail(fixture_t *f)
{
    jail_destroy(&f->jail);
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

static inline int teardown(void **state)
{
    fixture_t *f = *state;
    close_jail(f);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

//  Run the loop until something is so. A job's deadline ends the wait if nothing else does.
#define RUN_UNTIL(f, condition)                                             \
    do {                                                                    \
        int64_t start_ = jail_now();                                        \
        while (!(condition)) {                                              \
            uv_timer_t alarm_;                                              \
            uv_timer_init(&(f)->loop, &alarm_);                             \
            uv_timer_start(&alarm_, wake_up, 20, 0);                        \
            uv_run(&(f)->loop, UV_RUN_ONCE);                                \
            uv_close((uv_handle_t *) &alarm_, NULL);                        \
            uv_run(&(f)->loop, UV_RUN_NOWAIT);                              \
            if (jail_now() - start_ > 30000)                                \
                fail_msg("waited in vain for %s", #condition);              \
        }                                                                   \
    } while (0)

static inline void wake_up(uv_timer_t *timer)
{
    (void) timer;
}

static inline wire_str_t str(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

static inline jail_job_t job_of(const char *principal, const char *code, end_t *end)
{
    return (jail_job_t) { .principal = str(principal), .name = str("=text"), .code = str(code),
                          .fn = on_end, .arg = end };
}

static inline void wait_for(fixture_t *f, end_t *end)
{
    RUN_UNTIL(f, end->ends);
    assert_int_equal(end->ends, 1);
}

//  Run it to its end.
static inline end_t *run_as(fixture_t *f, const char *principal, const char *code)
{
    static end_t end;
    jail_job_t job = job_of(principal, code, &end);
    memset(&end, 0, sizeof end);
    assert_int_equal(jail_run(f->jail, &job), 0);
    wait_for(f, &end);
    return &end;
}

static inline end_t *run(fixture_t *f, const char *code)
{
    return run_as(f, "ana", code);
}

#define assert_results(end, text)                                           \
    do {                                                                    \
        end_t *end_ = (end);                                                \
        if (end_->code)                                                     \
            fail_msg("%s: %s", wire_error_word(end_->code), end_->shown);   \
        assert_string_equal(end_->shown, text);                             \
    } while (0)

#define assert_fails(end, code_, text)                                      \
    do {                                                                    \
        end_t *end_ = (end);                                                \
        if (end_->code != (code_) || !strstr(end_->shown, text))            \
            fail_msg("%s: %s", wire_error_word(end_->code), end_->shown);   \
    } while (0)

//  The one worker of a principal that has one.
static inline jail_worker_t *worker_of_principal(fixture_t *f, const char *name)
{
    for (jail_worker_t *worker = f->jail->workers; worker; worker = worker->next)
        if (worker->principal && worker->principal->size == strlen(name)
            && memcmp(worker->principal->name, name, worker->principal->size) == 0)
            return worker;
    return NULL;
}

#endif
