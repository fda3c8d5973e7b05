//  Who may do what at a node: what the broker says of keys, what that lets through, the jail, and leaving by DRAINING

#include "policy_text.h"
#include "test_node_fixture.h"

#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccccccccccc"

//  Rights as a policy has them: "{ code = 'jail' }"; "nil".
static void put_rights(wire_buf_t *out, const char *text)
{
    char error[POLICY_ERROR_TEXT], whole[512];
    snprintf(whole, sizeof whole, "return %s", text);
    if (strcmp(text, "{}") == 0)
        wire_put_map(out, 0);
    else
        assert_int_equal(policy_text_read(whole, strlen(whole), out, error), 0);
}

static int hear_rights(fixture_t *f, const char *node, const char *key, const char *rights)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_RIGHTS, 0, 0, 3);
    wire_put_text(&out, node, strlen(node));
    wire_put_text(&out, key, strlen(key));
    put_rights(&out, rights);
    int rc = hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
    return rc;
}

//  VOUCH is answered: rights, nodes.
static void hear_vouched(fixture_t *f, int request, const char *rights, const char *node)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_ANSWER, (uint64_t) request, 0, 2);
    put_rights(&out, rights);
    wire_put_array(&out, *node ? 1 : 0);
    if (*node)
        wire_put_text(&out, node, strlen(node));
    assert_int_equal(hear_bytes(f, NULL, out.data, out.size), 0);
    wire_buf_free(&out);
}

static void hear_chunk(fixture_t *f, node_link_t *link, const char *from, int request)
{
    assert_int_equal(hear(f, link, (head_t) { WIRE_CHUNK, (uint64_t) request, 0, from, NULL }, "ussa", WIRE_WANTS_REPLY, "=c", "return"), 0);
    run(f);
}

static void hear_named(fixture_t *f, node_link_t *link, const char *from, int request, const char *name)
{
    assert_int_equal(hear(f, link, (head_t) { WIRE_CALL, (uint64_t) request, 0, from, NULL }, "usa", WIRE_WANTS_REPLY, name), 0);
    run(f);
}

//  What the last FAIL to that peer says.
static void failed_with(const peer_t *peer, const char *code, const char *part)
{
    wire_msg_t msg = last_sent(peer);
    wire_reader_t at;
    wire_str_t word, text;
    char copy[512];
    assert_int_equal(msg.type, WIRE_FAIL);
    assert_true(wire_map_find(&msg.fields, "code", &at) && wire_read_bytes(&at, &word) == 0);
    assert_true(wire_str_is(word, code));
    assert_true(wire_map_find(&msg.fields, "message", &at) && wire_read_bytes(&at, &text) == 0);
    snprintf(copy, sizeof copy, "%.*s", (int) text.size, text.data);
    if (!strstr(copy, part))
        fail_msg("'%s' is not in: %s", part, copy);
}

static int guarded(void **state)
{
    fixture_t *f = start();
    node_core_keys(&f->core, true);
    *state = f;
    return 0;
}

//  b opens a link, proved by KEY_B; its author is known.
static peer_t *come(fixture_t *f, const char *rights)
{
    hear_rights(f, "b", KEY_B, rights);
    peer_t *b = accept_from(f, "b", 7, "1@b");
    b->link->author = node_author_hold(node_rights_find(&f->core.rights, str("b"), KEY_B));
    assert_non_null(b->link->author);
    return b;
}

//  ---- What rights let through -------------------------------------------------------

static void test_without_keys_nobody_is_asked(void **state)
{
    fixture_t *f = *state;
    peer_t *b = accept_from(f, "b", 7, "1@b");
    hear_named(f, b->link, "1@b", 5, "os.exit");
    assert_true(f->full);
    hear_chunk(f, NULL, "1@x", 6);
    said(f, "CALL:5(os.exit) CHUNK:6(=c) ");
}

static void test_who_came_by_token_may_do_all(void **state)
{
    fixture_t *f = *state;
    peer_t *b = accept_from(f, "b", 7, "1@b");
    hear_chunk(f, b->link, "1@b", 5);
    hear_named(f, b->link, "1@b", 6, "os.exit");
    said(f, "CHUNK:5(=c) CALL:6(os.exit) ");
    assert_true(f->full);
}

//  A broker that is restarted without keys does not make members of everybody.
static void test_who_came_by_key_is_always_asked(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = true }");
    node_core_keys(&f->core, false);
    hear_named(f, b->link, "1@b", 5, "f");
    hear_chunk(f, b->link, "1@b", 6);
    hear_chunk(f, NULL, "1@x", 7);
    said(f, "CALL:5(f) b<FAIL:6 CHUNK:7(=c) ");
}

static void test_a_call_needs_its_name(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = { 'stats.*' } }");
    hear_named(f, b->link, "1@b", 5, "stats.get");
    assert_false(f->full);
    hear_named(f, b->link, "1@b", 6, "reset");
    said(f, "CALL:5(stats.get) b<FAIL:6 ");
    failed_with(b, "denied", "1@b has no right 'call' of reset (node me)");
    assert_int_equal(f->core.stat.denied, 1);
    assert_int_equal(f->audits, 1);
    assert_non_null(strstr(f->line, "denied: call reset for 1@b (key bbbbbbbb): "));
}

static void test_code_is_none_jail_or_full(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = true }");
    hear_chunk(f, b->link, "1@b", 5);
    failed_with(b, "denied", "1@b has no right 'code' on node me");
    hear_rights(f, "", KEY_B, "{ code = 'jail', call = true }");
    hear_chunk(f, b->link, "1@b", 6);
    hear_named(f, b->link, "1@b", 7, "f");
    assert_false(f->full);
    hear_rights(f, "", KEY_B, "{ code = { me = 'full' }, call = true }");
    hear_chunk(f, b->link, "1@b", 8);
    hear_named(f, b->link, "1@b", 9, "f");
    assert_true(f->full);
    hear_rights(f, "", KEY_B, "{ code = { other = 'full' } }");
    hear_chunk(f, b->link, "1@b", 10);
    said(f, "b<FAIL:5 jail:6(b) CALL:7(f) CHUNK:8(=c) CALL:9(f) b<FAIL:10 ");
    assert_int_equal(f->core.stat.jailed, 1);
}

static void test_this_node_may_allow_less(void **state)
{
    fixture_t *f = *state;
    f->core.rights.most = RIGHTS_JAIL;
    peer_t *b = come(f, "{ code = 'full', call = true }");
    hear_chunk(f, b->link, "1@b", 5);
    hear_named(f, b->link, "1@b", 6, "f");
    assert_false(f->full);
    f->core.rights.most = RIGHTS_NONE;
    hear_rights(f, "", KEY_B, "{ code = 'full' }");
    hear_chunk(f, b->link, "1@b", 7);
    said(f, "jail:5(b) CALL:6(f) b<FAIL:7 ");
    failed_with(b, "denied", "node me runs no code of others");
}

static void test_without_a_jail_it_says_so(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ code = 'jail' }");
    f->jail_refuses = WIRE_E_SYSTEM;
    hear_chunk(f, b->link, "1@b", 5);
    said(f, "b<FAIL:5 ");
    failed_with(b, "system", "no alua-jail");
}

static void test_cancel_reaches_the_jail(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ code = 'jail' }");
    hear_chunk(f, b->link, "1@b", 5);
    hear(f, b->link, (head_t) { WIRE_CANCEL, 5, 0, "1@b", NULL }, "");
    hear(f, b->link, (head_t) { WIRE_CANCEL, 6, 0, "1@b", NULL }, "");
    run(f);
    said(f, "jail:5(b) unjail:5 cancel:6 ");
}

//  ---- Who it is ---------------------------------------------------------------------

static void test_behind_the_broker_it_says_who_is_who(void **state)
{
    fixture_t *f = *state;
    hear_named(f, NULL, "1@x", 5, "f");
    said(f, "broker<FAIL:5 ");
    failed_with(&f->broker, "denied", "the broker has not told node me what 1@x may do");
    hear_rights(f, "x", KEY_C, "{ call = true }");
    hear_named(f, NULL, "1@x", 6, "f");
    hear_named(f, NULL, "x", 7, "f");           //  The process of a spawned node
    hear_named(f, NULL, "2@x", 8, "f");
    said(f, "CALL:6(f) CALL:7(f) broker<FAIL:8 ");
    hear_rights(f, "2@x", "", "{ call = true, code = 'full' }");
    f->core.rights.most = RIGHTS_NONE;          //  Which is said of those with keys
    hear_chunk(f, NULL, "2@x", 9);
    said(f, "CHUNK:9(=c) ");
}

//  Names outlive those who bore them.
static void test_a_name_under_another_key_has_that_keys_rights(void **state)
{
    fixture_t *f = *state;
    hear_rights(f, "x", "", "{ call = true, code = 'full' }");
    hear_chunk(f, NULL, "1@x", 5);
    hear_rights(f, "x", KEY_B, "{ call = true }");
    hear_chunk(f, NULL, "1@x", 6);
    hear_named(f, NULL, "1@x", 7, "f");
    assert_false(f->full);
    hear_rights(f, "x", "", "{ call = true, code = 'full' }");
    hear_chunk(f, NULL, "1@x", 8);
    said(f, "CHUNK:5(=c) broker<FAIL:6 CALL:7(f) CHUNK:8(=c) ");
}

static void test_rights_change_for_what_waits(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = true }");
    hear_rights(f, "x", KEY_C, "{}");
    f->core.ready = false;
    hear_named(f, b->link, "1@b", 5, "f");
    hear_named(f, NULL, "1@x", 6, "f");
    hear_rights(f, "", KEY_B, "{}");
    hear_rights(f, "", KEY_C, "{ call = true }");
    f->core.ready = true;
    run(f);
    said(f, "b<FAIL:5 CALL:6(f) ");
}

static void test_a_revoked_key_is_cut_and_its_work_denied(void **state)
{
    fixture_t *f = *state;
    (void) come(f, "{ call = true, code = 'full' }");
    hear_rights(f, "x", KEY_B, "{ call = true }");
    hear_rights(f, "c", KEY_C, "{ call = true }");
    f->core.ready = false;
    hear_named(f, NULL, "1@x", 6, "f");
    hear_chunk(f, NULL, "1@x", 7);
    hear_named(f, NULL, "1@c", 8, "f");
    hear_rights(f, "", KEY_B, "nil");
    said(f, "cut(b) untrust(b) ");
    assert_false(node_rights_knows(&f->core.rights, str(KEY_B)));
    f->core.ready = true;
    run(f);
    said(f, "broker<FAIL:6 broker<FAIL:7 CALL:8(f) ");
    hear_named(f, NULL, "1@x", 9, "f");
    failed_with(&f->broker, "denied", "has not told");
    hear_rights(f, "x", KEY_C, "{ call = true }");
    hear_named(f, NULL, "1@x", 10, "f");
    said(f, "broker<FAIL:9 CALL:10(f) ");
}

static void test_work_of_a_link_that_was_cut_does_not_run(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ code = 'full' }");
    f->core.ready = false;
    hear_chunk(f, b->link, "1@b", 5);
    hear_rights(f, "", KEY_B, "nil");
    f->core.ready = true;
    run(f);
    said(f, "cut(b) untrust(b) ");                 //  And there is nobody to tell
    assert_int_equal(f->core.stat.denied, 1);
}

static void test_rights_that_cannot_be_read_give_none(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = true }");
    assert_int_equal(hear_rights(f, "b", KEY_B, "{ caal = true }"), WIRE_E_MALFORMED);
    hear_named(f, b->link, "1@b", 5, "f");
    said(f, "b<FAIL:5 ");
    assert_int_equal(hear_rights(f, "b", "short", "{ call = true }"), WIRE_E_MALFORMED);
    assert_int_equal(hear_rights(f, "b", KEY_B, "7"), WIRE_E_MALFORMED);
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_RIGHTS, 0, 0, NULL, NULL }, "s", "b"), WIRE_E_MALFORMED);
}

//  Only the broker says so.
static void test_a_node_tells_nobody_rights(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{}");
    assert_int_equal(hear(f, b->link, (head_t) { WIRE_RIGHTS, 0, 0, NULL, NULL }, "ssn", "b", KEY_B), WIRE_E_STATE);
}

//  ---- VOUCH -------------------------------------------------------------------------

static void on_vouched(void *arg, const alua_outcome_t *outcome)
{
    note(arg, "vouched=%s ", wire_error_word(outcome->code));
}

static void test_the_broker_vouches(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(node_core_vouch(&f->core, str(""), str(KEY_B), on_vouched, f), 0);
    hear_vouched(f, 1, "{ call = true }", "b");
    said(f, "broker<VOUCH:1 vouched=ok ");
    assert_true(node_rights_knows(&f->core.rights, str(KEY_B)));
    assert_non_null(node_rights_find(&f->core.rights, str("b"), KEY_B));
    node_core_vouch(&f->core, str("c"), str(KEY_B), on_vouched, f);
    hear_deny(f, 2, "denied", "no");
    said(f, "broker<VOUCH:2 vouched=denied ");
    assert_null(node_rights_find(&f->core.rights, str("c"), KEY_B));
    assert_int_equal(node_core_vouch(&f->core, str(""), str("short"), on_vouched, f), WIRE_E_USAGE);
    f->broker.full = true;
    assert_int_equal(node_core_vouch(&f->core, str(""), str(KEY_C), on_vouched, f), WIRE_E_FULL);
    f->broker.full = false;
    node_core_vouch(&f->core, str(""), str(KEY_C), on_vouched, f);      //  Never answered
}

static void test_a_restarted_broker_is_asked_again(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = true }");
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    hush(f);
    node_core_keys(&f->core, true);
    said(f, "broker<VOUCH:1 ");
    hear_deny(f, 1, "denied", "not back yet");
    hear_named(f, b->link, "1@b", 5, "f");
    said(f, "CALL:5(f) ");              //  What was known of it holds
    elapse(f, WIRE_LEASE);
    said(f, "broker<VOUCH:2 ");
    hear_deny(f, 2, "denied", "still not");
    said(f, "cut(b) untrust(b) ");
    assert_false(node_rights_knows(&f->core.rights, str(KEY_B)));
}

static void test_one_that_came_back_stays(void **state)
{
    fixture_t *f = *state;
    peer_t *b = come(f, "{ call = true }");
    node_core_broker_gone(&f->core, WIRE_E_GONE, "restarted");
    welcome(f);
    node_core_keys(&f->core, true);
    hush(f);
    hear_vouched(f, 1, "{}", "b");
    hear_named(f, b->link, "1@b", 5, "f");
    said(f, "b<FAIL:5 ");               //  And has what it has now
    elapse(f, 2 * WIRE_LEASE);
    said(f, "");
}

//  ---- Draining ----------------------------------------------------------------------

static void hear_draining(fixture_t *f)
{
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_DRAINING, 0, 0, NULL, NULL }, "s", "1@boss"), 0);
}

static void name_us(fixture_t *f, const char *name, int number)
{
    wire_buf_t field = WIRE_BUF_EMPTY;
    wire_put_text(&field, name, strlen(name));
    node_core_ask(&f->core, &(node_ask_t) { .type = WIRE_REGISTER, .fields = field.data, .size = field.size, .count = 1 });
    wire_buf_free(&field);
    hear(f, NULL, (head_t) { WIRE_ANSWER, (uint64_t) number, 0, NULL, NULL }, "b", 1);
    hush(f);
}

static void test_names_go_first_then_new_work_is_refused(void **state)
{
    fixture_t *f = *state;
    peer_t *b = accept_from(f, "b", 7, "1@b");
    name_us(f, "printer", 1);
    hear_draining(f);
    said(f, "broker<UNREGISTER:2 ");
    hear(f, b->link, (head_t) { WIRE_CALL, 5, 0, "1@b", "printer" }, "usa", WIRE_WANTS_REPLY, "f");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 2, 0, NULL, NULL }, "b", 1);
    f->begun = true;
    run(f);
    said(f, "claims b<FAIL:5 ");        //  It is the next holder's
    failed_with(b, "unknown", "no such process here");
    hear_named(f, b->link, "1@b", 6, "f");
    failed_with(b, "draining", "takes no new work");
    assert_string_equal(f->line, "draining, as asked by 1@boss");
    hush(f);
    f->begun = false;
    hear_draining(f);                   //  Twice is once
    f->core.ready = true;
    elapse(f, 300);                     //  Nobody has come for a while
    run(f);
    said(f, "ORDER ");
    elapse(f, 10000);
    said(f, "");
}

static void test_what_is_in_the_mailbox_is_begun(void **state)
{
    fixture_t *f = *state;
    peer_t *b = accept_from(f, "b", 7, "1@b");
    f->core.ready = false;
    hear_named(f, b->link, "1@b", 5, "f");
    hear_draining(f);
    hear_named(f, b->link, "1@b", 6, "f");
    f->core.ready = true;
    run(f);
    said(f, "CALL:5(f) b<FAIL:6 ");
    elapse(f, 200);
    hear_named(f, b->link, "1@b", 7, "f");
    elapse(f, 200);
    said(f, "b<FAIL:7 ");               //  Others may be on their way to us yet
    elapse(f, 100);
    run(f);
    said(f, "ORDER ");
    hear_named(f, b->link, "1@b", 8, "f");
    hear_named(f, NULL, "1@c", 9, "f");
    said(f, "b<FAIL:8 broker<FAIL:9 ");
}

static void test_who_comes_all_the_time_does_not_keep_us(void **state)
{
    fixture_t *f = *state;
    hear_draining(f);
    for (int i = 0; i < 35; i++) {
        hear_named(f, NULL, "1@c", 10 + i, "f");
        hush(f);
        elapse(f, 100);
        run(f);
        if (i < 29)
            said(f, "");
    }
    assert_true(f->core.dried);
}

static void test_who_owes_us_an_answer_may_ask(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    call(f, "1@b");
    f->begun = true;
    hear_draining(f);
    run(f);
    hush(f);
    hear_named(f, b->link, "1@b", 5, "f");
    hear_named(f, NULL, "1@c", 6, "f");
    said(f, "CALL:5(f) broker<FAIL:6 ");
    hear_reply(f, b->link, "1@b", 3);
    run(f);
    hear_named(f, b->link, "1@b", 7, "f");
    said(f, "2=ok b<FAIL:7 ");
    f->begun = false;
    elapse(f, 300);                     //  Nobody has come for a while
    run(f);
    said(f, "ORDER ");
}

static void test_the_jail_is_waited_for_and_our_own_calls_for_a_while(void **state)
{
    fixture_t *f = *state;
    (void) befriend(f);
    f->jailed = 9;
    call(f, "1@b");
    hear_draining(f);
    run(f);
    hush(f);
    elapse(f, 4000);
    said(f, "");
    elapse(f, 1000);
    said(f, "");
    f->jailed = 0;
    elapse(f, 300);                     //  Nobody has come for a while
    run(f);
    said(f, "ORDER ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, guarded, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_without_keys_nobody_is_asked, setup, teardown),
        TEST(test_who_came_by_token_may_do_all),
        TEST(test_who_came_by_key_is_always_asked),
        TEST(test_a_call_needs_its_name),
        TEST(test_code_is_none_jail_or_full),
        TEST(test_this_node_may_allow_less),
        TEST(test_without_a_jail_it_says_so),
        TEST(test_cancel_reaches_the_jail),
        TEST(test_behind_the_broker_it_says_who_is_who),
        TEST(test_a_name_under_another_key_has_that_keys_rights),
        TEST(test_rights_change_for_what_waits),
        TEST(test_a_revoked_key_is_cut_and_its_work_denied),
        TEST(test_work_of_a_link_that_was_cut_does_not_run),
        TEST(test_rights_that_cannot_be_read_give_none),
        TEST(test_a_node_tells_nobody_rights),
        TEST(test_the_broker_vouches),
        TEST(test_a_restarted_broker_is_asked_again),
        TEST(test_one_that_came_back_stays),
        cmocka_unit_test_setup_teardown(test_names_go_first_then_new_work_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_in_the_mailbox_is_begun, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_comes_all_the_time_does_not_keep_us, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_owes_us_an_answer_may_ask, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_jail_is_waited_for_and_our_own_calls_for_a_while, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
