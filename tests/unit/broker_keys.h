//  broker_keys - the fixture of a broker that has keys, and values written as Lua data
//
//      policy(f, "keys = { ana = { take = { 'jobs' } } }");
//      client_t *ana = come_by(f, "ana", KEY_A, "ana");            a node, its key, its certificate's name
//      say(f, ana, WIRE_TAKE, "{ 'jobs', { 'x' } }");              fields
//
//  Refusals that are written down stand in the trace: "audit ana TAKE take jobs".

#ifndef BROKER_KEYS_H
#define BROKER_KEYS_H

#include "broker_check.h"
#include "policy_text.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbB"
#define KEY_C "cccccccccccccccccccccccccccccccccccccccC"
#define KEY_D "dddddddddddddddddddddddddddddddddddddddD"

//  What the shell's part is played with.
static struct {
    int rotate;                 //  What it comes to
    char rotated[200];
    uint64_t run;
    bool audits;                //  In the trace
} shell;

static inline void on_audit(void *arg, const broker_refusal_t *r)
{
    fixture_t *f = arg;
    if (shell.audits)
        note(f->trace, sizeof f->trace, "audit %s %s %s %s\n", r->who, r->type, r->right, r->about);
}

static inline int on_rotate(void *arg, const char *name, const char *old_key, const char *new_key, char *text)
{
    (void) arg;
    snprintf(shell.rotated, sizeof shell.rotated, "%s %s %s", name, old_key, new_key);
    snprintf(text, BROKER_TEXT, "the disk is full");
    return shell.rotate;
}

static inline int on_ready(void *arg, char *text)
{
    (void) arg, (void) text;
    return 0;
}

static inline void on_react(void *arg, const broker_run_t *run)
{
    (void) arg;
    shell.run = run->run;
}

static const broker_output_t keys_output = { .send = fixture_send, .drop = fixture_drop, .audit = on_audit,
                                             .rotate = on_rotate, .ready = on_ready, .react = on_react };

static inline broker_core_t *new_keys_core(fixture_t *f, const broker_log_t *log, void *log_arg)
{
    broker_core_config_t config = { .address = ADDRESS, .keys = true, .log = log, .log_arg = log_arg };
    broker_core_t *core;
    INSIDE(core = broker_core_new(&config, &keys_output, f));
    return core;
}

static inline int keys_setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    memset(&shell, 0, sizeof shell);
    f->core = new_keys_core(f, NULL, NULL);
    f->now = 100000;
    *state = f;
    return f->core ? 0 : -1;
}

static inline int keys_teardown(void **state)
{
    fixture_t *f = *state;
    check_core(f->core);
    return fixture_teardown(state);
}

#define KEYS_TEST(function) cmocka_unit_test_setup_teardown(function, keys_setup, keys_teardown)

//  ---- Values as Lua data --------------------------------------------------

static inline void put_lua(wire_buf_t *out, const char *text)
{
    char whole[4096], error[POLICY_ERROR_TEXT] = "";
    int size = snprintf(whole, sizeof whole, "return %s", text);
    if (policy_text_read(whole, (size_t) size, out, error))
        fail_msg("%s: %s", text, error);
}

//  A request whose fields are the items of a table.
static inline int say_again(fixture_t *f, client_t *c, wire_type_t type, uint64_t request, const char *fields)
{
    wire_buf_t packed = WIRE_BUF_EMPTY, message = WIRE_BUF_EMPTY;
    uint32_t count = 0;
    put_lua(&packed, fields);
    wire_reader_t in = wire_reader(packed.data, packed.size);
    if (packed.data[0] != 0x80)                 //  {} may be a map
        assert_int_equal(wire_read_array(&in, &count), 0);
    wire_msg_begin(&message, type, request, 0, count);
    if (count)
        wire_buf_append(&message, in.at, (size_t) (in.end - in.at));
    int rc = hear(f, c, &message, f->now);
    wire_buf_free(&packed);
    wire_buf_free(&message);
    return rc;
}

static inline int say(fixture_t *f, client_t *c, wire_type_t type, const char *fields)
{
    return say_again(f, c, type, ++c->request, fields);
}

//  From process to process.
static inline int say_to(fixture_t *f, client_t *c, wire_type_t type, const char *to, const char *fields)
{
    wire_buf_t packed = WIRE_BUF_EMPTY, message = WIRE_BUF_EMPTY;
    uint32_t count = 0;
    put_lua(&packed, fields);
    wire_reader_t in = wire_reader(packed.data, packed.size);
    if (packed.data[0] != 0x80)
        assert_int_equal(wire_read_array(&in, &count), 0);
    wire_msg_begin_proc(&message, type, ++c->request, 0, broker_str(*c->id ? c->id : "nobody"), broker_str(to), count);
    if (count)
        wire_buf_append(&message, in.at, (size_t) (in.end - in.at));
    int rc = hear(f, c, &message, f->now);
    wire_buf_free(&packed);
    wire_buf_free(&message);
    return rc;
}

//  ---- Keys ----------------------------------------------------------------

static inline int set_policy(fixture_t *f, const char *text, char *error)
{
    wire_buf_t packed = WIRE_BUF_EMPTY;
    int rc;
    put_lua(&packed, text);
    INSIDE(rc = broker_core_policy(f->core, wire_reader(packed.data, packed.size), f->now, error));
    wire_buf_free(&packed);
    return rc;
}

static inline void policy(fixture_t *f, const char *text)
{
    char error[BROKER_TEXT] = "";
    if (set_policy(f, text, error))
        fail_msg("%s", error);
}

static inline void trust(fixture_t *f, const char *map)
{
    wire_buf_t packed = WIRE_BUF_EMPTY;
    int rc;
    put_lua(&packed, map);
    INSIDE(rc = broker_core_trust(f->core, wire_reader(packed.data, packed.size), f->now));
    assert_int_equal(rc, 0);
    wire_buf_free(&packed);
}

static inline void revoke(fixture_t *f, const char *key)
{
    int rc;
    INSIDE(rc = broker_core_revoke(f->core, broker_str(key), f->now));
    assert_int_equal(rc, 0);
}

static inline client_t *by(fixture_t *f, const char *key, const char *cert)
{
    client_t *c = somebody(f);
    snprintf(c->key, sizeof c->key, "%s", key);
    snprintf(c->cert, sizeof c->cert, "%s", cert);
    return c;
}

static inline client_t *come_by(fixture_t *f, const char *name, const char *key, const char *cert)
{
    client_t *c = by(f, key, cert);
    if (hello(f, c, name, ""))
        fail_msg("%s: %s", name, f->text);
    return c;
}

#endif
