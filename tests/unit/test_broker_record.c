//  Records and logs, and the containers beneath the core

#include "broker_fixture.h"
#include "broker_state.h"

//  ---- A log that is a script ----------------------------------------------

#define RECORDS 64

typedef struct {
    broker_core_t *core;
    wire_buf_t records[RECORDS];
    size_t count, committed;
    bool late;  //  Commit when told, not at once
    int refuses;
} script_t;

static void commit(script_t *log)
{
    while (log->committed < log->count) {
        const wire_buf_t *record = &log->records[log->committed++];
        assert_int_equal(broker_core_apply(log->core, record->data, record->size), 0);
    }
}

static int script_propose(void *arg, const void *record, size_t size)
{
    script_t *log = arg;
    if (log->refuses)
        return log->refuses;
    assert_true(log->count < RECORDS);
    wire_buf_append(&log->records[log->count++], record, size);
    if (!log->late)
        commit(log);
    return 0;
}

static const broker_log_t script = { script_propose };

static void use_script(fixture_t *f, script_t *log)
{
    broker_core_destroy(&f->core);
    broker_core_config_t config = { .address = ADDRESS, .log = &script, .log_arg = log };
    f->core = log->core = broker_core_new(&config, &fixture_output, f);
}

static void free_script(script_t *log)
{
    for (size_t i = 0; i < log->count; i++)
        wire_buf_free(&log->records[i]);
}

static void test_the_answer_waits_for_the_commit(void **state)
{
    fixture_t *f = *state;
    script_t log = { .late = false };
    use_script(f, &log);
    client_t *ana = come(f, "ana");
    log.late = true;
    ask(f, ana, WIRE_JOIN, "game");
    ask(f, ana, WIRE_REGISTER, "svc");
    ask(f, ana, WIRE_APPS, NULL);
    expect(f, "ana< ANSWER#3 []\n");  //  Not committed, so not true yet
    commit(&log);
    expect(f, "ana< ANSWER#1 1 [1@ana]\nana< ANSWER#2 true\n");
    free_script(&log);
}

//  The same request twice in a log that is late: the second is answered from memory.
static void test_a_repeat_before_the_commit(void **state)
{
    fixture_t *f = *state;
    script_t log = { .late = false };
    use_script(f, &log);
    client_t *ana = come(f, "ana");
    log.late = true;
    ask_again(f, ana, WIRE_JOIN, 1, "game");
    ask_again(f, ana, WIRE_JOIN, 1, "game");
    commit(&log);
    expect(f, "ana< ANSWER#1 1 [1@ana]\nana< ANSWER#1 1 [1@ana]\n");
    assert_int_equal(counters(f)->repeated, 1);
    free_script(&log);
}

static void test_who_asked_may_have_left_before_the_commit(void **state)
{
    fixture_t *f = *state;
    script_t log = { .late = false };
    use_script(f, &log);
    client_t *ana = come(f, "ana"), *bob = come(f, "bob");
    log.late = true;
    end(f, ana, WIRE_E_GONE, "");
    ask(f, ana, WIRE_JOIN, "game");
    ask(f, bob, WIRE_LOOKUP, "ana");
    ignore(f);
    commit(&log);
    expect(f, "");
    assert_int_equal(broker_core_members(f->core), 1);
    free_script(&log);
}

static void test_a_log_that_refuses(void **state)
{
    fixture_t *f = *state;
    script_t log = { .late = false };
    use_script(f, &log);
    client_t *ana = come(f, "ana");
    fall_silent(f, ana, true);
    log.refuses = WIRE_E_SYSTEM;
    ask(f, ana, WIRE_JOIN, "game");
    expect(f, "ana< DENY#1 system the broker's log refused it: the operating system refused\n");
    assert_int_equal(hello(f, somebody(f), "bob", ""), WIRE_E_SYSTEM);
    elapse(f, 60000);  //  Its lease is over, but nothing can change
    expect(f, "");
    assert_int_equal(broker_core_members(f->core), 1);
    assert_int_equal(counters(f)->log_refused, 3);
    free_script(&log);
}

static void same_views(const broker_core_t *a, const broker_core_t *b)
{
    wire_buf_t one = WIRE_BUF_EMPTY, two = WIRE_BUF_EMPTY;
    broker_registry_put_nodes(a, &one);
    broker_registry_put_nodes(b, &two);
    broker_app_put_names(a, &one);
    broker_app_put_names(b, &two);
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.data, two.data, one.size);
    wire_buf_free(&one);
    wire_buf_free(&two);
}

static void test_the_records_alone_make_the_same_state(void **state)
{
    fixture_t *f = *state;
    script_t log = { .late = false };
    use_script(f, &log);
    client_t *ana = come_with(f, "ana", "names=svc;apps=game"), *bob = come(f, ""), *eva = come(f, "eva");
    hello(f, somebody(f), "eva", "");  //  Refused, and the other one will refuse it too
    ask(f, bob, WIRE_JOIN, "game");
    ask(f, eva, WIRE_JOIN, "chess");
    ask(f, eva, WIRE_REGISTER, "svc");
    ask(f, eva, WIRE_REGISTER, "other");
    ask(f, bob, WIRE_WATCH, NULL);
    ask(f, bob, WIRE_LOOKUP, "ana");
    fall_silent(f, eva, true);
    end(f, ana, WIRE_E_GONE, "died");
    come(f, "");

    broker_core_config_t config = { .address = ADDRESS };
    broker_core_t *replica = broker_core_new(&config, &fixture_output, f);
    ignore(f);
    for (size_t i = 0; i < log.count; i++)
        assert_int_equal(broker_core_apply(replica, log.records[i].data, log.records[i].size), 0);
    expect(f, "");  //  It carries nobody, so it says nothing
    same_views(f->core, replica);
    assert_int_equal(broker_core_number(replica), 2);
    broker_core_destroy(&replica);
    free_script(&log);
}

static void put_tuple(wire_buf_t *fields, const char *space, int key)
{
    wire_buf_clear(fields);
    wire_put_cstr(fields, space);
    wire_put_array(fields, 2);
    wire_put_cstr(fields, "job");
    wire_put_int(fields, key);
}

static void work(fixture_t *f, client_t *ana)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    put_tuple(&fields, "jobs", 7);
    ask_raw(f, ana, WIRE_OUT, 1, 2, &fields);
    ask_raw(f, ana, WIRE_TAKE, 2, 2, &fields);
    ask_raw(f, ana, WIRE_TAKE, 3, 2, &fields);      //  Waits
    ask_raw(f, ana, WIRE_OUT, 4, 2, &fields);
    ask_raw(f, ana, WIRE_TAKE, 2, 2, &fields);      //  Repeated
    ask_raw(f, ana, WIRE_OUT, 5, 1, &fields);
    wire_buf_clear(&fields);
    wire_put_cstr(&fields, "news.*");
    ask_raw(f, ana, WIRE_SUBSCRIBE, 6, 1, &fields);
    wire_buf_clear(&fields);
    wire_put_cstr(&fields, "news.today");
    wire_put_int(&fields, 42);
    ask_raw(f, ana, WIRE_PUBLISH, 7, 2, &fields);
    wire_buf_free(&fields);
}

//  A log that keeps nothing is given the same as one that does.
static void test_spaces_and_topics_are_the_same_in_every_log(void **state)
{
    fixture_t *f = *state;
    char kept_nowhere[sizeof f->trace];
    work(f, come(f, "ana"));
    memcpy(kept_nowhere, f->trace, sizeof kept_nowhere);
    assert_non_null(strstr(kept_nowhere, "ana< ANSWER#2 [job 7] 1 nil\n"));
    assert_non_null(strstr(kept_nowhere, "ana< ANSWER#3 [job 7] 2 nil\n"));
    assert_int_equal(counters(f)->repeated, 1);
    ignore(f);
    script_t log = { .late = false };
    use_script(f, &log);
    work(f, come(f, "ana"));
    assert_int_equal(log.count, 9);
    assert_string_equal(f->trace, kept_nowhere);
    ignore(f);
    free_script(&log);
}

//  Answers of all sizes follow each other in the same places.
static void test_long_and_short_answers_are_repeated(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come(f, "ana");
    wire_buf_t fields = WIRE_BUF_EMPTY;
    static char text[500];
    f->quiet = true;
    for (uint64_t request = 1; request <= 3 * BROKER_MAX_ANSWERS; request += 2) {
        wire_buf_clear(&fields);
        wire_put_cstr(&fields, "jobs");
        wire_put_array(&fields, 1);
        wire_put_text(&fields, memset(text, 'x', sizeof text), (size_t) (request * 37 % sizeof text));
        ask_raw(f, ana, WIRE_OUT, request, 2, &fields);
        ask_raw(f, ana, WIRE_TAKE, request + 1, 2, &fields);
    }
    uint64_t last = 3 * BROKER_MAX_ANSWERS;
    for (uint64_t request = last - BROKER_MAX_ANSWERS + 1; request <= last; request++)
        ask_raw(f, ana, WIRE_TAKE, request, 2, &fields);
    assert_int_equal(counters(f)->repeated, BROKER_MAX_ANSWERS);
    ignore(f);
    wire_buf_free(&fields);
}

//  ---- The form ------------------------------------------------------------

static void test_a_record_comes_back_as_it_was(void **state)
{
    (void) state;
    broker_record_t record = { BROKER_RECORD_ENDED, -5, 7, UINT64_MAX, 12, { "ana", 3 }, { "", 0 }, 4, { "k", 1 } }, back;
    wire_buf_t out = WIRE_BUF_EMPTY;
    broker_record_put(&out, &record);
    assert_int_equal(broker_record_read(out.data, out.size, &back), 0);
    assert_int_equal(back.kind, BROKER_RECORD_ENDED);
    assert_int_equal(back.time, -5);
    assert_int_equal(back.session, 7);
    assert_true(back.request == UINT64_MAX);
    assert_int_equal(back.number, 12);
    assert_int_equal(back.name.size, 3);
    assert_memory_equal(back.name.data, "ana", 3);
    assert_non_null(back.body.data);  //  Empty is not nil
    assert_int_equal(back.body.size, 0);
    assert_int_equal(back.count, 4);
    assert_int_equal(back.key.size, 1);
    wire_buf_free(&out);
}

static void test_no_piece_of_a_record_is_a_record(void **state)
{
    fixture_t *f = *state;
    broker_record_t record = { .kind = BROKER_RECORD_WATCH, .time = 1, .session = 1, .name = { "ana", 3 } };
    wire_buf_t out = WIRE_BUF_EMPTY;
    broker_record_put(&out, &record);
    for (size_t size = 0; size < out.size; size++)
        assert_int_equal(broker_core_apply(f->core, out.data, size), WIRE_E_MALFORMED);
    wire_put_nil(&out);
    assert_int_equal(broker_core_apply(f->core, out.data, out.size), WIRE_E_MALFORMED);
    out.data[1] = 31;  //  No such kind
    assert_int_equal(broker_core_apply(f->core, out.data, out.size - 1), WIRE_E_MALFORMED);
    assert_int_equal(broker_core_changes(f->core), 0);
    wire_buf_free(&out);
}

static void test_every_kind_has_a_name(void **state)
{
    (void) state;
    assert_string_equal(broker_record_name(BROKER_RECORD_OPEN), "OPEN");
    assert_string_equal(broker_record_name(BROKER_RECORD_CLOCK), "CLOCK");
    assert_string_equal(broker_record_name(BROKER_RECORD_REACTED), "REACTED");
    assert_null(broker_record_name(0));
    assert_string_equal(broker_record_name(BROKER_RECORD_DRAIN), "DRAIN");
    assert_null(broker_record_name(25));
}

//  ---- The containers ------------------------------------------------------

static void test_a_list_keeps_its_order(void **state)
{
    (void) state;
    broker_list_t list = { NULL, 0, 0 };
    int things[10];
    assert_null(broker_list_last(&list));
    for (size_t i = 0; i < 10; i++)
        assert_true(broker_list_add(&list, &things[i]));
    assert_true(broker_list_remove(&list, &things[3]));
    assert_false(broker_list_remove(&list, &things[3]));
    assert_false(broker_list_has(&list, &things[3]));
    assert_int_equal(list.count, 9);
    assert_ptr_equal(list.items[3], &things[4]);
    assert_ptr_equal(broker_list_last(&list), &things[9]);
    broker_list_free(&list);
}

//  Each key is found, with holes made by removals everywhere.
static void test_a_map_finds_what_is_there(void **state)
{
    (void) state;
    static char keys[2000][8];
    broker_map_t map = { NULL, 0, 0 };
    assert_null(broker_map_get(&map, "x", 1));
    broker_map_remove(&map, "x", 1);
    for (size_t i = 0; i < 2000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        assert_true(broker_map_put(&map, keys[i], strlen(keys[i]), keys[i]));
    }
    for (size_t i = 0; i < 2000; i += 3)
        broker_map_remove(&map, keys[i], strlen(keys[i]));
    for (size_t i = 0; i < 2000; i++) {
        const void *found = broker_map_get(&map, keys[i], strlen(keys[i]));
        assert_ptr_equal(found, i % 3 ? keys[i] : NULL);
    }
    assert_int_equal(map.count, 2000 - 667);
    broker_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_answer_waits_for_the_commit),
        TEST(test_a_repeat_before_the_commit),
        TEST(test_who_asked_may_have_left_before_the_commit),
        TEST(test_a_log_that_refuses),
        TEST(test_the_records_alone_make_the_same_state),
        TEST(test_spaces_and_topics_are_the_same_in_every_log),
        TEST(test_long_and_short_answers_are_repeated),
        cmocka_unit_test(test_a_record_comes_back_as_it_was),
        TEST(test_no_piece_of_a_record_is_a_record),
        cmocka_unit_test(test_every_kind_has_a_name),
        cmocka_unit_test(test_a_list_keeps_its_order),
        cmocka_unit_test(test_a_map_finds_what_is_there),
    };
    return cmocka_run_group_tests_name("broker record", tests, NULL, NULL);
}
