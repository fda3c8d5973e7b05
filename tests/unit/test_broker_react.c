//  Reactions in the broker's core, in virtual time, with a runner that is played by hand

#include "broker_fixture.h"

#include "broker_record.h"

//  What the runner was told, and whether it can run at all.
static struct {
    int ready;
    uint64_t run, owner;
    char told[256];
} runner;

static int on_ready(void *arg, char *text)
{
    (void) arg;
    snprintf(text, BROKER_TEXT, "no jail here");
    return runner.ready;
}

static void on_react(void *arg, const broker_run_t *run)
{
    wire_reader_t tuple = run->tuple;
    (void) arg;
    runner.run = run->run;
    runner.owner = run->owner;
    snprintf(runner.told, sizeof runner.told, "%s %s %.*s/%.*s by %s: %.*s ", run->phase, run->on,
             (int) run->space.size, run->space.data, (int) run->name.size, run->name.data,
             run->who ? run->who : "nobody", (int) run->code.size, run->code.data);
    note_value(runner.told, sizeof runner.told, &tuple);
    assert_ptr_equal(tuple.at, tuple.end);
}

static const broker_output_t output = { .send = fixture_send, .drop = fixture_drop, .ready = on_ready,
                                        .react = on_react };

static int setup(void **state)
{
    broker_core_config_t config = { .address = ADDRESS };
    fixture_t *f = calloc(1, sizeof *f);
    memset(&runner, 0, sizeof runner);
    f->core = broker_core_new(&config, &output, f);
    f->now = 1000;
    *state = f;
    return f->core ? 0 : -1;
}

//  ---- Verbs ---------------------------------------------------------------

static void put_word(wire_buf_t *out, const char *word)
{
    wire_put_array(out, 1);
    wire_put_cstr(out, word);
}

static void react(fixture_t *f, client_t *c, const char *on, const char *phase, const char *name)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_cstr(&fields, "s");
    wire_put_cstr(&fields, on);
    wire_put_cstr(&fields, phase);
    wire_put_nil(&fields);
    wire_put_cstr(&fields, name);
    wire_put_cstr(&fields, "CODE");
    ask_raw(f, c, WIRE_REACT, ++c->request, 6, &fields);
    wire_buf_free(&fields);
}

//  OUT s [word], TAKE s [word] ...
static void operate(fixture_t *f, client_t *c, wire_type_t type, const char *word)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_cstr(&fields, "s");
    put_word(&fields, word);
    ask_raw(f, c, type, ++c->request, 2, &fields);
    wire_buf_free(&fields);
}

static int verdict(fixture_t *f, spaces_judgement_t what, const char *text, const char *tuple)
{
    wire_buf_t bytes = WIRE_BUF_EMPTY;
    int rc;
    if (tuple)
        put_word(&bytes, tuple);
    INSIDE(rc = broker_core_verdict(f->core, runner.run, what, (wire_str_t) { text, strlen(text) },
                                    wire_reader(bytes.data, bytes.size), f->now));
    wire_buf_free(&bytes);
    return rc;
}

//  The code does an operation on s; its answer, or "CODE: TEXT".
static const char *does(fixture_t *f, wire_type_t type, const char *word)
{
    static char answer[300];
    wire_buf_t fields = WIRE_BUF_EMPTY, out = WIRE_BUF_EMPTY;
    uint32_t count = 0;
    char text[256];
    int rc;
    wire_put_cstr(&fields, "s");
    put_word(&fields, word);
    INSIDE(rc = broker_core_reaction_op(f->core, runner.run, type, 2, wire_reader(fields.data, fields.size), f->now,
                                        &out, &count, text));
    wire_reader_t in = wire_reader(out.data, out.size);
    answer[0] = 0;
    for (; rc == 0 && count; count--) {
        note_value(answer, sizeof answer, &in);
        note(answer, sizeof answer, count > 1 ? " " : "");
    }
    if (rc)
        snprintf(answer, sizeof answer, "%s: %s", wire_error_word(rc), text);
    assert_ptr_equal(in.at, in.end);
    wire_buf_free(&fields);
    wire_buf_free(&out);
    return answer;
}

//  ---- Tests ---------------------------------------------------------------

static void test_refused_rewritten_allowed(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    react(f, ana, "out", "before", "r");
    expect(f, "ana< ANSWER#1 1\n");
    operate(f, bob, WIRE_OUT, "a");
    expect(f, "");                      //  Until the verdict
    assert_string_equal(runner.told, "before out s/r by 1@bob: CODE [a]");
    assert_int_equal(runner.owner, ana->session);
    assert_int_equal(broker_core_parked(f->core), 1);
    assert_int_equal(verdict(f, SPACES_REFUSE, "no a", NULL), 0);
    expect(f, "bob< DENY#1 denied no a\n");
    assert_int_equal(broker_core_parked(f->core), 0);
    assert_int_equal(verdict(f, SPACES_ALLOW, "", NULL), WIRE_E_UNKNOWN);
    operate(f, bob, WIRE_OUT, "b");
    operate(f, bob, WIRE_READ, "c");    //  Kept
    assert_int_equal(verdict(f, SPACES_REWRITE, "", "c"), 0);
    expect(f, "bob< ANSWER#2 1\nbob< ANSWER#3 [c] 1\n");
    operate(f, bob, WIRE_OUT, "d");
    verdict(f, SPACES_ALLOW, "", NULL);
    expect(f, "bob< ANSWER#4 2\n");
}

static void test_what_the_code_does_is_done_at_once(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    react(f, ana, "out", "before", "r");
    operate(f, bob, WIRE_OUT, "a");
    ignore(f);
    assert_string_equal(does(f, WIRE_COUNT, "x"), "0");
    assert_string_equal(does(f, WIRE_OUT, "x"), "1");
    assert_string_equal(does(f, WIRE_READ, "x"), "[x] 1");
    assert_string_equal(does(f, WIRE_TAKE, "x"), "[x] 1 nil");
    assert_string_equal(does(f, WIRE_TAKE, "x"), "timeout: no tuple matches");
    assert_string_equal(does(f, WIRE_BATCH, "x"), "usage: a reaction does OUT, TAKE, READ and COUNT");
    expect(f, "");                      //  Nobody but the code hears of it
    verdict(f, SPACES_ALLOW, "", NULL);
    expect(f, "bob< ANSWER#1 2\n");
    assert_string_equal(does(f, WIRE_COUNT, "x"), "unknown: the run is over");
}

static void test_the_owner_hears_of_failures(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    react(f, ana, "out", "before", "r");
    ignore(f);
    uint64_t sent = broker_core_sent(f->core, ana->session);
    operate(f, bob, WIRE_OUT, "a");
    verdict(f, SPACES_FAILED, "r:1: oh", NULL);
    expect(f, "ana< REACTION 1 r:1: oh\nbob< ANSWER#1 1\n");
    assert_int_equal(broker_core_sent(f->core, ana->session), sent + 1);
    operate(f, bob, WIRE_OUT, "b");     //  Nobody judges it
    elapse(f, 34999);
    expect(f, "");
    elapse(f, 1);
    expect(f, "ana< REACTION 1 no verdict in time\nbob< ANSWER#2 2\n");
    ana->refuses = WIRE_E_FULL;         //  It does not read, and is not ended for that
    operate(f, bob, WIRE_OUT, "c");
    verdict(f, SPACES_FAILED, "r:1: oh", NULL);
    expect(f, "bob< ANSWER#3 3\n");
    assert_int_equal(broker_core_counters(f->core)->reactions_sent, 2);
}

static void test_where_none_can_run(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    runner.ready = WIRE_E_SYSTEM;
    react(f, ana, "out", "before", "r");
    expect(f, "ana< DENY#1 system no jail here\n");
    operate(f, ana, WIRE_OUT, "a");
    expect(f, "ana< ANSWER#2 1\n");
    assert_string_equal(runner.told, "");
    broker_core_destroy(&f->core);
    f->core = new_core(f);              //  Of the fixture: it knows of no runner
    ana = come(f, "ana");
    react(f, ana, "out", "before", "r");
    expect(f, "ana< DENY#1 state this broker runs no reactions\n");
}

static void test_they_are_listed_with_their_owners(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    react(f, ana, "out", "before", "one");
    react(f, bob, "expire", "after", "two");
    ignore(f);
    ask_again(f, ana, WIRE_REACTIONS, 7, "s");
    expect(f, "ana< ANSWER#7 [{number=1 on=out phase=before name=one strict=false owner=1@ana} "
              "{number=2 on=expire phase=after name=two strict=false owner=1@bob}]\n");
    end(f, bob, WIRE_E_GONE, "");
    ask_again(f, ana, WIRE_REACTIONS, 7, "s");
    expect(f, "ana< ANSWER#7 [{number=1 on=out phase=before name=one strict=false owner=1@ana}]\n");
}

static void test_the_owner_or_the_asker_ends_meanwhile(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana"), *bob = come(f, "bob"), *cleo = come(f, "cleo");
    react(f, ana, "take", "after", "log");
    operate(f, bob, WIRE_OUT, "a");
    operate(f, bob, WIRE_TAKE, "a");
    assert_string_equal(runner.told, "after take s/log by 1@bob: CODE [a]");
    operate(f, cleo, WIRE_OUT, "b");
    ignore(f);
    end(f, bob, WIRE_E_GONE, "");
    end(f, ana, WIRE_E_GONE, "");
    assert_string_equal(does(f, WIRE_COUNT, "b"), "0");     //  The run is not over
    verdict(f, SPACES_FAILED, "nobody hears it", NULL);
    expect(f, "cleo< ANSWER#1 2\n");
    runner.told[0] = 0;
    operate(f, cleo, WIRE_TAKE, "b");
    assert_string_equal(runner.told, "");
}

//  A log that keeps what was proposed, so that another core can apply it.
static wire_buf_t kept[64];
static size_t kept_count;

static int keep(void *arg, const void *record, size_t size)
{
    broker_core_t *const *core = arg;
    wire_buf_append(&kept[kept_count++], record, size);
    return broker_core_apply(*core, record, size);
}

static void test_a_replica_comes_to_the_same(void **state)
{
    static const broker_log_t log = { keep };
    fixture_t *f = *state;
    broker_core_destroy(&f->core);
    broker_core_config_t config = { .address = ADDRESS, .log = &log, .log_arg = &f->core };
    f->core = broker_core_new(&config, &output, f);
    client_t *ana = come(f, "ana");
    react(f, ana, "out", "before", "r");
    operate(f, ana, WIRE_OUT, "a");
    does(f, WIRE_OUT, "further");
    verdict(f, SPACES_REWRITE, "", "b");
    operate(f, ana, WIRE_OUT, "c");
    verdict(f, SPACES_REFUSE, "no", NULL);
    broker_core_destroy(&f->core);
    f->core = new_core(f);
    broker_core_destroy(&f->core);
    broker_core_config_t plain = { .address = ADDRESS };
    f->core = broker_core_new(&plain, &output, f);
    for (size_t i = 0; i < kept_count; i++) {
        assert_int_equal(broker_core_apply(f->core, kept[i].data, kept[i].size), 0);
        wire_buf_free(&kept[i]);
    }
    ignore(f);
    assert_int_equal(hello(f, ana, "ana", ""), 0);
    assert_int_equal(broker_core_parked(f->core), 0);
    operate(f, ana, WIRE_READ, "b");
    operate(f, ana, WIRE_READ, "further");
    expect(f, "ana< ANSWER#4 [b] 2\nana< ANSWER#5 [further] 1\n");
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refused_rewritten_allowed),
        TEST(test_what_the_code_does_is_done_at_once),
        TEST(test_the_owner_hears_of_failures),
        TEST(test_where_none_can_run),
        TEST(test_they_are_listed_with_their_owners),
        TEST(test_the_owner_or_the_asker_ends_meanwhile),
        TEST(test_a_replica_comes_to_the_same),
    };
    return cmocka_run_group_tests_name("broker reactions", tests, NULL, NULL);
}
