//  Who may say what: every type with each single right, refusals, changes of a policy on live sessions

#include "broker_keys.h"

#define BIT(right) (1u << WIRE_RIGHT_##right)

//  A message of each type that somebody may say to a broker, and all the rights that it needs.
static const struct {
    wire_type_t type;
    const char *fields;
    unsigned needs;
} says[] = {
    { WIRE_CHUNK, "{ 1, '=x', 'return 1', {} }", BIT(CODE) },
    { WIRE_CALL, "{ 1, 'stats.mean', {} }", BIT(CALL) },
    { WIRE_REPLY, "{ {} }", 0 },
    { WIRE_FAIL, "{ { code = 'remote', message = 'x' } }", 0 },
    { WIRE_CANCEL, "{}", 0 },
    { WIRE_CREDIT, "{ 1, 1 }", 0 },
    { WIRE_SWITCH, "{}", 0 },
    { WIRE_SWITCHED, "{}", 0 },
    { WIRE_END, "{ 'closed', '' }", 0 },
    { WIRE_LOOKUP, "{ 'bob' }", 0 },
    { WIRE_REGISTER, "{ 'svc' }", 0 },
    { WIRE_UNREGISTER, "{ 'svc' }", 0 },
    { WIRE_JOIN, "{ 'game' }", 0 },
    { WIRE_LEAVE, "{ 'game' }", 0 },
    { WIRE_FOLLOW, "{ 'game' }", 0 },
    { WIRE_UNFOLLOW, "{ 'game' }", 0 },
    { WIRE_NODES, "{}", 0 },
    { WIRE_APPS, "{}", 0 },
    { WIRE_WATCH, "{ 'bob' }", 0 },
    { WIRE_UNWATCH, "{ 'bob' }", 0 },
    { WIRE_STAT, "{}", 0 },
    { WIRE_VOUCH, "{ 'bob', '" KEY_B "' }", 0 },
    { WIRE_ROTATE, "{ '" KEY_B "' }", 0 },                      //  Denied as it is in use: not for want of a right
    { WIRE_DRAIN, "{ 'bob' }", BIT(ADMIN) },
    { WIRE_OUT, "{ 'jobs', { 'x' } }", BIT(OUT) },
    { WIRE_TAKE, "{ 'jobs', { 'x' }, { try = true } }", BIT(TAKE) },
    { WIRE_TAKE, "{ 'jobs', { 'x' }, { try = true, put = { 'y' } } }", BIT(TAKE) | BIT(OUT) },
    { WIRE_READ, "{ 'jobs', { 'x' }, { try = true } }", BIT(READ) },
    { WIRE_COUNT, "{ 'jobs' }", BIT(READ) },
    { WIRE_ACK, "{ 7 }", 0 },
    { WIRE_ACK, "{ 7, { { 'jobs', { 'x' } } } }", BIT(OUT) },
    { WIRE_RELEASE, "{ 7 }", 0 },
    { WIRE_EXTEND, "{ 7, 100 }", 0 },
    { WIRE_BATCH, "{ {} }", 0 },
    { WIRE_BATCH, "{ { { 64, 'jobs', { 'x' } } } }", BIT(OUT) },
    { WIRE_BATCH, "{ { { 64, 'jobs', { 'x' } }, { 66, 'jobs', { 'x' } }, { 65, 'jobs', { 'x' } } } }",
      BIT(OUT) | BIT(READ) | BIT(TAKE) },
    { WIRE_BATCH, "{ { { 67, 'jobs' }, { 68, 7, { { 'jobs', { 'x' } } } } } }", BIT(OUT) | BIT(READ) },
    { WIRE_FORGET, "{ 1 }", 0 },
    { WIRE_SPACE_WATCH, "{ 'jobs', { 'x' }, {} }", BIT(READ) },
    { WIRE_SPACE_UNWATCH, "{ 1 }", 0 },
    { WIRE_REACT, "{ 'jobs', 'out', 'before', { 'x' }, 'quota', 'return' }", BIT(CODE) | BIT(TAKE) | BIT(READ) },
    { WIRE_UNREACT, "{ 1 }", 0 },
    { WIRE_DESTROY, "{ 'jobs' }", BIT(TAKE) },
    { WIRE_SPACES, "{}", 0 },
    { WIRE_REACTIONS, "{ 'jobs' }", BIT(READ) },
    { WIRE_PUBLISH, "{ 'news.a', 1, { reply = 'any.thing' } }", BIT(PUB) },
    { WIRE_SUBSCRIBE, "{ 'news.*', {} }", BIT(SUB) },
    { WIRE_UNSUBSCRIBE, "{ 1 }", 0 },
    { WIRE_CONSUMED, "{ 1, 0 }", 0 },
    { WIRE_WILL, "{ 'news.a', 1, {} }", BIT(PUB) },
    { WIRE_TOPICS, "{}", 0 },
};
#define SAYS (sizeof says / sizeof *says)

static bool is_proc(wire_type_t type)
{
    return wire_type_way((unsigned) type) == WIRE_WAY_PROC;
}

//  Whether it was refused for want of a right, and if so, that it was answered and did nothing.
static bool refused(fixture_t *f, client_t *c, size_t i)
{
    uint64_t before = counters(f)->rights_refused, changes = broker_core_changes(f->core);
    ignore(f);
    if (is_proc(says[i].type))
        say_to(f, c, says[i].type, "bob", says[i].fields);
    else
        say(f, c, says[i].type, says[i].fields);
    if (counters(f)->rights_refused == before)
        return false;
    assert_non_null(strstr(f->trace, "may not"));
    assert_non_null(strstr(f->trace, is_proc(says[i].type) ? "FAIL#" : "DENY#"));
    assert_non_null(strstr(f->trace, is_proc(says[i].type) ? "code=denied" : " denied "));
    assert_null(strstr(f->trace, "bob<"));
    assert_int_equal(c->strike, 0);
    assert_int_equal(broker_core_changes(f->core), changes);
    return true;
}

static void test_the_table_has_every_type(void **state)
{
    (void) state;
    for (unsigned type = 0; type < WIRE_TYPE_LIMIT; type++) {
        wire_way_t way = wire_type_way(type);
        bool found = way != WIRE_WAY_ASK && way != WIRE_WAY_PROC;
        for (size_t i = 0; i < SAYS; i++)
            if ((unsigned) says[i].type == type) {
                found = true;
                bool needs = wire_type_right(type) != WIRE_RIGHT_NONE;
                assert_true(!needs || says[i].needs & (1u << wire_type_right(type)));
            }
        if (!found)
            fail_msg("%s is not in the table", wire_type_name(type));
    }
}

//  W61. One right alone lets through what needs no other.
static void test_each_type_with_each_single_right(void **state)
{
    fixture_t *f = *state;
    static const char *const rights[WIRE_RIGHT_LIMIT] = {
        [WIRE_RIGHT_NONE] = "{}", [WIRE_RIGHT_CODE] = "{ code = 'jail' }", [WIRE_RIGHT_CALL] = "{ call = true }",
        [WIRE_RIGHT_OUT] = "{ out = true }", [WIRE_RIGHT_TAKE] = "{ take = true }", [WIRE_RIGHT_READ] = "{ read = true }",
        [WIRE_RIGHT_PUB] = "{ pub = true }", [WIRE_RIGHT_SUB] = "{ sub = true }", [WIRE_RIGHT_ADMIN] = "{ admin = true }",
    };
    come_by(f, "bob", KEY_B, "bob");
    for (unsigned right = 0; right < WIRE_RIGHT_LIMIT; right++)
        for (size_t i = 0; i < SAYS; i++) {
            char text[200];
            snprintf(text, sizeof text, "{ keys = { ana = %s } }", rights[right]);
            policy(f, text);
            client_t *ana = come_by(f, "", KEY_A, "ana");
            bool wanted = (says[i].needs & ~(1u << right) & ~1u) != 0;
            if (refused(f, ana, i) != wanted)
                fail_msg("%s %s with %s: %s", wire_type_name((unsigned) says[i].type), says[i].fields,
                         rights[right], f->trace);
            end(f, ana, WIRE_E_CLOSED, "");
            if (f->count > CLIENTS - 8)
                f->count = 1;
        }
}

//  And all but one that it needs is not enough.
static void test_each_right_that_is_missing(void **state)
{
    fixture_t *f = *state;
    come_by(f, "bob", KEY_B, "bob");
    for (size_t i = 0; i < SAYS; i++)
        for (unsigned missing = 1; missing < WIRE_RIGHT_LIMIT; missing++) {
            wire_buf_t packed = WIRE_BUF_EMPTY;
            char text[400] = "{ keys = { ana = {", error[BROKER_TEXT];
            for (unsigned right = 1; right < WIRE_RIGHT_LIMIT; right++)
                if (right != missing)
                    note(text, sizeof text, " %s = %s,", wire_right_word(right), right == WIRE_RIGHT_CODE ? "'full'" : "true");
            note(text, sizeof text, " } } }");
            assert_int_equal(set_policy(f, text, error), 0);
            client_t *ana = come_by(f, "", KEY_A, "ana");
            assert_int_equal(refused(f, ana, i), (says[i].needs >> missing) & 1);
            end(f, ana, WIRE_E_CLOSED, "");
            wire_buf_free(&packed);
            if (f->count > CLIENTS - 8)
                f->count = 1;
        }
}

//  W60. A key that has no rights: what everybody may, and nothing else. No policy is another thing: all but code and admin.
static void test_a_key_without_rights(void **state)
{
    fixture_t *f = *state;
    come_by(f, "bob", KEY_B, "bob");
    policy(f, "{ keys = {} }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    for (size_t i = 0; i < SAYS; i++)
        assert_int_equal(refused(f, ana, i), says[i].needs != 0);
    client_t *eva = come_by(f, "eva", KEY_C, "eva");
    broker_core_policy(f->core, (wire_reader_t) { NULL, NULL }, f->now, f->text);
    for (size_t i = 0; i < SAYS; i++)
        assert_int_equal(refused(f, eva, i), (says[i].needs & (BIT(CODE) | BIT(ADMIN))) != 0);
}

//  W59, the core's part: nobody has a session before HELLO.
static void test_before_hello_nothing_happens(void **state)
{
    fixture_t *f = *state;
    client_t *nobody = by(f, KEY_A, "ana");
    snprintf(nobody->id, sizeof nobody->id, "1@ana");
    uint64_t changes = broker_core_changes(f->core);
    for (size_t i = 0; i < SAYS; i++)
        if (is_proc(says[i].type))
            say_to(f, nobody, says[i].type, "bob", says[i].fields);
        else
            say(f, nobody, says[i].type, says[i].fields);
    expect(f, "");
    assert_int_equal(broker_core_changes(f->core), changes);
}

//  A type that is a broker's own, or the opening's, is nobody's to say, with all rights as with none.
static void test_types_of_a_broker(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = {} }");
    for (unsigned type = 1; type < WIRE_TYPE_LIMIT; type++) {
        wire_way_t way = wire_type_way(type);
        if ((way != WIRE_WAY_OPEN && way != WIRE_WAY_TELL) || type == WIRE_LINK)
            continue;                               //  LINK is no message
        client_t *ana = come_by(f, "", KEY_A, "ana");
        assert_int_equal(say(f, ana, (wire_type_t) type, "{}"), WIRE_E_DENIED);
        assert_non_null(strstr(f->trace, "is not said to a broker"));
        ignore(f);
    }
}

//  ---- What a refusal says -------------------------------------------------

static void test_a_refusal_says_what_would_be_needed(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = { 'jobs' } } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    come_by(f, "bob", KEY_B, "bob");
    shell.audits = true;
    say(f, ana, WIRE_TAKE, "{ 'secrets', { 'x' } }");
    expect(f, "audit ana TAKE take secrets\n"
              "ana< DENY#1 denied ana may not take from the space secrets: its rights would need take = { \"secrets\" }\n");
    say_to(f, ana, WIRE_CALL, "bob", "{ 1, 'os.exit', {} }");
    assert_non_null(strstr(f->trace, "audit ana CALL call os.exit\nana< FAIL#2 bob->1@ana {code=denied message=ana may not call "
                                     "os.exit: its rights would need call = { \"os.exit\" } node=" ADDRESS));
    assert_non_null(strstr(f->trace, "definite=true"));
    ignore(f);
    say_to(f, ana, WIRE_CHUNK, "bob", "{ 1, '=x', 'x', {} }");
    assert_non_null(strstr(f->trace, "may not run code on the node bob: its rights would need code = \"jail\""));
    ignore(f);
    say(f, ana, WIRE_DRAIN, "{ 'bob' }");
    assert_non_null(strstr(f->trace, "ana may not drain the node bob: its rights would need admin = true"));
    ignore(f);
    say(f, ana, WIRE_PUBLISH, "{ 'a\\n\\27[31mb\\255', 1 }");
    assert_non_null(strstr(f->trace, "publish to a\\x0a\\x1b[31mb\\xff:"));
    ignore(f);
    wire_buf_t fields = WIRE_BUF_EMPTY;
    wire_put_cstr(&fields, "other.a");
    wire_put_int(&fields, 1);
    ask_raw(f, ana, WIRE_PUBLISH, 0, 2, &fields);       //  Nobody waits, but it hears of it
    wire_buf_free(&fields);
    assert_non_null(strstr(f->trace, "ana< DENY denied ana may not publish to other.a:"));
    assert_int_equal(counters(f)->denied[WIRE_E_DENIED], 6);
    assert_int_equal(counters(f)->rights_refused, 6);
}

static void test_a_key_that_has_no_name_is_called_by_its_key(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ default = {} }");
    client_t *ana = come_by(f, "ana", KEY_A, "");
    say(f, ana, WIRE_COUNT, "{ 'jobs' }");
    assert_non_null(strstr(f->trace, KEY_A " may not read the space jobs"));
}

static void test_audit_lines_are_limited(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = {} }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    shell.audits = true;
    f->quiet = true;
    for (int i = 0; i < 50; i++)
        say(f, ana, WIRE_COUNT, "{ 'jobs' }");
    size_t lines = 0;
    for (const char *at = f->trace; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 10);
    assert_int_equal(counters(f)->unaudited, 40);
    assert_int_equal(counters(f)->rights_refused, 50);
    ignore(f);
    say(f, bob, WIRE_COUNT, "{ 'jobs' }");          //  Each session has its own
    expect(f, "audit bob COUNT read jobs\n");
    f->now += 10000;
    say(f, ana, WIRE_COUNT, "{ 'jobs' }");
    expect(f, "audit ana COUNT read jobs\n");
}

//  ---- Nothing passes by ---------------------------------------------------

static void test_options_said_twice(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    //  {put = nil, put = {"y"}} and the other way round: whichever is read, it is a put
    for (int i = 0; i < 2; i++) {
        wire_buf_t fields = WIRE_BUF_EMPTY;
        wire_put_cstr(&fields, "jobs");
        put_lua(&fields, "{ 'x' }");
        wire_put_map(&fields, 2);
        for (int j = 0; j < 2; j++) {
            wire_put_cstr(&fields, "put");
            put_lua(&fields, i == j ? "nil" : "{ 'y' }");
        }
        ask_raw(f, ana, WIRE_TAKE, ++ana->request, 3, &fields);
        assert_non_null(strstr(f->trace, "may not put into the space jobs"));
        ignore(f);
        wire_buf_free(&fields);
    }
}

static void test_what_cannot_be_read_is_refused(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { call = true, take = true, read = true, out = true, pub = true, sub = true, code = 'full' } } }");
    come_by(f, "bob", KEY_B, "bob");
    static const struct {
        wire_type_t type;
        const char *fields;
    } bad[] = {
        { WIRE_OUT, "{}" }, { WIRE_OUT, "{ 1, 2 }" }, { WIRE_TAKE, "{ 'jobs' }" }, { WIRE_TAKE, "{ 'jobs', {}, 1 }" },
        { WIRE_TAKE, "{ 'jobs', { 'x' }, { [1] = 2, [3] = 4 } }" }, { WIRE_ACK, "{}" }, { WIRE_ACK, "{ 1, 2 }" },
        { WIRE_ACK, "{ 1, { 2 } }" }, { WIRE_ACK, "{ 1, { {} } }" }, { WIRE_ACK, "{ 1, { { 1 } } }" },
        { WIRE_BATCH, "{}" }, { WIRE_BATCH, "{ 1 }" }, { WIRE_BATCH, "{ { 1 } }" }, { WIRE_BATCH, "{ { { 'x' } } }" },
        { WIRE_BATCH, "{ { { 64 } } }" }, { WIRE_BATCH, "{ {}, {} }" }, { WIRE_REACT, "{}" }, { WIRE_PUBLISH, "{}" },
        { WIRE_SUBSCRIBE, "{ 7 }" }, { WIRE_VOUCH, "{}" }, { WIRE_VOUCH, "{ 'a' }" }, { WIRE_VOUCH, "{ 1, 2 }" },
        { WIRE_VOUCH, "{ 'a', 'b', 'c' }" }, { WIRE_DRAIN, "{}" }, { WIRE_DRAIN, "{ 7 }" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_t *ana = come_by(f, "", KEY_A, "ana");
        ignore(f);
        if (say(f, ana, bad[i].type, bad[i].fields) != WIRE_E_MALFORMED)
            fail_msg("%s %s: %s", wire_type_name((unsigned) bad[i].type), bad[i].fields, f->trace);
        assert_non_null(strstr(f->trace, "DENY#1 malformed"));
    }
    client_t *ana = come_by(f, "", KEY_A, "ana");
    ignore(f);
    assert_int_equal(say_to(f, ana, WIRE_CALL, "bob", "{ 1 }"), WIRE_E_MALFORMED);
    assert_int_equal(say_to(f, ana, WIRE_CALL, "bob", "{ 1, 2 }"), WIRE_E_MALFORMED);
    assert_non_null(strstr(f->trace, "code=malformed"));
    assert_null(strstr(f->trace, "bob<"));
}

//  Which spaces and topics, by pattern.
static void test_rights_are_about_something(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ roles = { w = { take = { 'jobs', 'in.*' }, pub = { 'news.>' }, sub = { 'news.>' }, call = { 'stats.*' },"
              " code = { bob = 'full', eva = 'none' } } }, keys = { ana = 'w' } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    come_by(f, "bob", KEY_B, "bob");
    come_by(f, "eva", KEY_C, "eva");
    static const struct {
        wire_type_t type;
        const char *to, *fields;
        bool may;
    } cases[] = {
        { WIRE_TAKE, NULL, "{ 'jobs', { 'x' }, { try = true } }", true },
        { WIRE_TAKE, NULL, "{ 'in.a', { 'x' }, { try = true } }", true },
        { WIRE_TAKE, NULL, "{ 'in.a.b', { 'x' }, { try = true } }", false },
        { WIRE_TAKE, NULL, "{ 'job', { 'x' }, { try = true } }", false },
        { WIRE_BATCH, NULL, "{ { { 65, 'jobs', { 'x' } }, { 65, 'others', { 'x' } } } }", false },
        { WIRE_PUBLISH, NULL, "{ 'news.a.b', 1 }", true },
        { WIRE_PUBLISH, NULL, "{ 'news', 1 }", false },
        { WIRE_SUBSCRIBE, NULL, "{ 'news.*.b' }", true },
        { WIRE_SUBSCRIBE, NULL, "{ '>' }", false },
        { WIRE_SUBSCRIBE, NULL, "{ '*.a' }", false },
        { WIRE_CALL, "bob", "{ 1, 'stats.mean', {} }", true },
        { WIRE_CALL, "bob", "{ 1, 'os.exit', {} }", false },
        { WIRE_CHUNK, "bob", "{ 1, '=x', 'x', {} }", true },
        { WIRE_CHUNK, "1@bob", "{ 1, '=x', 'x', {} }", true },      //  By its id, and by a name
        { WIRE_CHUNK, "eva", "{ 1, '=x', 'x', {} }", false },
        { WIRE_CHUNK, "ana", "{ 1, '=x', 'x', {} }", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t before = counters(f)->rights_refused;
        if (cases[i].to)
            say_to(f, ana, cases[i].type, cases[i].to, cases[i].fields);
        else
            say(f, ana, cases[i].type, cases[i].fields);
        if ((counters(f)->rights_refused == before) != cases[i].may)
            fail_msg("%s %s", wire_type_name((unsigned) cases[i].type), cases[i].fields);
    }
}

static void test_lists_show_what_one_may(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = { 'jobs' }, pub = { 'a' } }, bob = { admin = true }, eva = { sub = { 'b' } } } }");
    client_t *local = come(f, "local"), *ana = come_by(f, "ana", KEY_A, "ana");
    client_t *bob = come_by(f, "bob", KEY_B, "bob"), *eva = come_by(f, "eva", KEY_C, "eva");
    say(f, local, WIRE_OUT, "{ 'jobs', { 1 } }");
    say(f, local, WIRE_OUT, "{ 'secrets', { 1 } }");
    say(f, local, WIRE_PUBLISH, "{ 'a', 1 }");
    say(f, local, WIRE_PUBLISH, "{ 'b', 1 }");
    say(f, local, WIRE_SUBSCRIBE, "{ 'a' }");
    client_t *all[] = { local, ana, bob, eva };
    static const bool jobs[] = { 1, 1, 1, 0 }, secrets[] = { 1, 0, 1, 0 }, a[] = { 1, 1, 1, 0 }, b[] = { 1, 0, 1, 1 };
    for (size_t i = 0; i < 4; i++) {
        ignore(f);
        say(f, all[i], WIRE_SPACES, "{}");
        say(f, all[i], WIRE_TOPICS, "{}");
        assert_int_equal(strstr(f->trace, "name=jobs") != NULL, jobs[i]);
        assert_int_equal(strstr(f->trace, "name=secrets") != NULL, secrets[i]);
        assert_int_equal(strstr(f->trace, "topic=a ") != NULL, a[i]);
        assert_int_equal(strstr(f->trace, "pattern=a ") != NULL, a[i]);
        assert_int_equal(strstr(f->trace, "topic=b ") != NULL, b[i]);
    }
}

//  ---- Reactions -----------------------------------------------------------

static int act(fixture_t *f, wire_type_t type, const char *fields, char *text)
{
    wire_buf_t packed = WIRE_BUF_EMPTY, out = WIRE_BUF_EMPTY;
    uint32_t count, answered = 0;
    int rc;
    put_lua(&packed, fields);
    wire_reader_t in = wire_reader(packed.data, packed.size);
    assert_int_equal(wire_read_array(&in, &count), 0);
    INSIDE(rc = broker_core_reaction_op(f->core, shell.run, type, count, in, f->now, &out, &answered, text));
    wire_buf_free(&packed);
    wire_buf_free(&out);
    return rc;
}

static void test_a_reaction_has_its_owners_rights(void **state)
{
    fixture_t *f = *state;
    char text[256] = "";
    policy(f, "{ keys = { ana = { code = 'jail', take = { 's' }, read = { 's' }, out = { 'log' } } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *local = come(f, "local");
    say(f, ana, WIRE_REACT, "{ 's', 'out', 'before', { 'x' }, 'quota', 'return' }");
    say(f, local, WIRE_OUT, "{ 's', { 'x' } }");
    assert_true(shell.run);
    assert_int_equal(act(f, WIRE_OUT, "{ 'log', { 'y' } }", text), 0);
    assert_int_equal(act(f, WIRE_OUT, "{ 's', { 'y' } }", text), WIRE_E_DENIED);     //  Whoever's operation it runs for
    assert_non_null(strstr(text, "ana may not put into the space s"));
    assert_int_equal(act(f, WIRE_COUNT, "{ 's' }", text), 0);
    assert_int_equal(act(f, WIRE_TAKE, "{ 'log', { 'y' } }", text), WIRE_E_DENIED);
    assert_int_equal(act(f, WIRE_TAKE, "{ 's', { 'y' }, { put = { 'z' } } }", text), WIRE_E_DENIED);
    end(f, ana, WIRE_E_GONE, "died");
    assert_int_not_equal(act(f, WIRE_OUT, "{ 'log', { 'y' } }", text), 0);           //  Nobody's rights are none
}

static void test_a_reaction_sends_nothing_where_its_owner_may_not(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { code = 'jail', take = { 's' }, read = { 's' }, out = { 'log' } } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *local = come(f, "local");
    say(f, ana, WIRE_REACT, "{ 's', 'out', 'before', { 'x' }, 'mover', 'return' }");
    ignore(f);
    static const struct { const char *to, *heard; } moves[] = {
        { "log", "local< ANSWER#1 1\n" },
        { "secret", "ana< REACTION 1 ana may not put into the space secret" },
    };
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        say(f, local, WIRE_OUT, "{ 's', { 'x' } }");
        INSIDE(broker_core_verdict(f->core, shell.run, SPACES_REDIRECT, broker_str(moves[i].to), wire_reader(NULL, 0), f->now));
        assert_non_null(strstr(f->trace, moves[i].heard));
        assert_non_null(strstr(f->trace, "local< ANSWER#"));
        ignore(f);
    }
    say(f, local, WIRE_COUNT, "{ 's' }");
    say(f, local, WIRE_COUNT, "{ 'log' }");
    say(f, local, WIRE_COUNT, "{ 'secret' }");
    expect(f, "local< ANSWER#3 1\nlocal< ANSWER#4 1\nlocal< ANSWER#5 0\n");
}

//  ---- Changes -------------------------------------------------------------

static void test_a_new_policy_is_in_force_at_once(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { out = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    say(f, ana, WIRE_OUT, "{ 'jobs', { 1 } }");
    expect(f, "ana< ANSWER#1 1\n");
    policy(f, "{ keys = { ana = {} } }");
    expect(f, "ana< RIGHTS  " KEY_A " {}\n");
    say(f, ana, WIRE_OUT, "{ 'jobs', { 1 } }");
    assert_non_null(strstr(f->trace, "DENY#2 denied"));
    ignore(f);
    policy(f, "{ keys = { ana = {} } }");            //  The same again: nobody needs to hear it
    expect(f, "");
    policy(f, "{ keys = { ana = { out = true } } }");
    ignore(f);
    say_again(f, ana, WIRE_OUT, 1, "{ 'jobs', { 1 } }");
    expect(f, "ana< ANSWER#1 1\n");
}

//  What was done when it was allowed has its answer, though it is not allowed any more.
static void test_a_repeat_has_the_first_answer(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { out = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    say(f, ana, WIRE_OUT, "{ 'jobs', { 1 } }");
    policy(f, "{ keys = { ana = {} } }");
    ignore(f);
    say_again(f, ana, WIRE_OUT, 1, "{ 'jobs', { 1 } }");
    expect(f, "ana< ANSWER#1 1\n");
}

static void test_a_broken_policy_keeps_the_old_rights(void **state)
{
    fixture_t *f = *state;
    char error[BROKER_TEXT] = "";
    policy(f, "{ keys = { ana = { out = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    assert_int_equal(set_policy(f, "{ keys = { ana = 'nobody' } }", error), WIRE_E_USAGE);
    assert_non_null(strstr(error, "nobody"));
    assert_int_equal(set_policy(f, "7", error), WIRE_E_USAGE);
    say(f, ana, WIRE_OUT, "{ 'jobs', { 1 } }");
    expect(f, "ana< ANSWER#1 1\n");
    assert_int_equal(counters(f)->policies, 1);
}

//  What stands by a right ends with it.
static void test_what_was_begun_ends_with_the_right(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = true, read = true, out = true, sub = true, pub = true, code = 'jail' } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *local = come(f, "local");
    say(f, ana, WIRE_TAKE, "{ 'jobs', { 'x' } }");
    say(f, ana, WIRE_TAKE, "{ 'mine', { 'x' } }");
    say(f, ana, WIRE_TAKE, "{ 'mine', { 'q' }, { put = { 'p' } } }");
    say(f, ana, WIRE_READ, "{ 'jobs', { 'x' } }");
    say(f, ana, WIRE_SPACE_WATCH, "{ 'jobs', { 'x' }, {} }");
    say(f, ana, WIRE_SPACE_WATCH, "{ 'mine', { 'x' }, {} }");
    say(f, ana, WIRE_SUBSCRIBE, "{ 'news' }");
    say(f, ana, WIRE_SUBSCRIBE, "{ 'mine' }");
    say(f, ana, WIRE_WILL, "{ 'last', 1 }");
    say(f, ana, WIRE_REACT, "{ 'other', 'out', 'before', { 'x' }, 'quota', 'return' }");
    ignore(f);
    policy(f, "{ keys = { ana = { take = { 'mine' }, read = { 'mine' }, sub = { 'mine' } } } }");
    expect(f, "ana< RIGHTS  " KEY_A " {take=[mine] read=[mine] sub=[mine]}\n"
              "ana< DENY#1 denied the right to it was withdrawn\n"
              "ana< DENY#3 denied the right to it was withdrawn\n"
              "ana< DENY#4 denied the right to it was withdrawn\n");
    assert_int_equal(counters(f)->rights_ended, 7);
    f->quiet = true;
    say(f, local, WIRE_OUT, "{ 'other', { 'x' } }");
    assert_int_equal(shell.run, 0);
    f->quiet = false;
    say(f, local, WIRE_OUT, "{ 'jobs', { 'x' } }");
    say(f, local, WIRE_PUBLISH, "{ 'news', 1 }");
    assert_null(strstr(f->trace, "ana<"));
    say(f, local, WIRE_OUT, "{ 'mine', { 'x' } }");
    say(f, local, WIRE_PUBLISH, "{ 'mine', 1 }");
    assert_non_null(strstr(f->trace, "ana< TUPLE 2"));
    assert_non_null(strstr(f->trace, "ana< ANSWER#2"));
    assert_non_null(strstr(f->trace, "ana< TOPIC 2"));
    say(f, local, WIRE_SUBSCRIBE, "{ 'last' }");
    ignore(f);
    end(f, ana, WIRE_E_GONE, "died");
    assert_null(strstr(f->trace, "TOPIC"));
}

//  Operations that are kept while a reaction runs are not carried out with rights that are gone.
static void test_what_is_kept_needs_the_right_when_its_turn_comes(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { out = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *local = come(f, "local");
    say(f, local, WIRE_REACT, "{ 's', 'out', 'before', { 'x' }, 'quota', 'return' }");
    say(f, local, WIRE_OUT, "{ 's', { 'x' } }");
    say(f, ana, WIRE_OUT, "{ 's', { 'y' } }");
    ignore(f);
    policy(f, "{ keys = {} }");
    assert_non_null(strstr(f->trace, "ana< DENY#1 denied the right to it was withdrawn"));
    INSIDE(broker_core_verdict(f->core, shell.run, SPACES_ALLOW, broker_str(""), wire_reader("", 0), f->now));
    ignore(f);
    say(f, local, WIRE_COUNT, "{ 's' }");
    expect(f, "local< ANSWER#3 1\n");
}

//  Time is only a number that the shell passes in: rights hang on no clock, whichever way it jumps.
static void test_clock_jumps_change_no_rights(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { out = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    static const int64_t walls[] = { 0, INT64_C(4102444800000), -1, 1 };
    for (size_t i = 0; i < 4; i++) {
        INSIDE(broker_core_wall(f->core, walls[i]));
        elapse(f, 1);
        say(f, ana, WIRE_OUT, "{ 'jobs', { 1 } }");
        say(f, ana, WIRE_COUNT, "{ 'jobs' }");
    }
    assert_int_equal(counters(f)->rights_refused, 4);
    assert_int_equal(broker_core_members(f->core), 1);
}

//  ---- A session without a key ---------------------------------------------

static void test_the_token_has_all_rights(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = {} }");
    client_t *local = come(f, "local");
    come_by(f, "bob", KEY_B, "bob");
    for (size_t i = 0; i < SAYS; i++)
        assert_false(refused(f, local, i));
}

//  A broker without keys is as it was.
static void test_without_keys_nothing_is_checked_or_told(void **state)
{
    fixture_t *f = *state;
    client_t *ana = by(f, KEY_A, "ana");
    assert_int_equal(hello(f, ana, "ana", ""), WIRE_E_DENIED);
    client_t *bob = come(f, "bob"), *eva = come(f, "eva");
    (void) eva;
    assert_string_equal(f->welcome, "{id=1@eva address=" ADDRESS " lease=10000}");
    say_to(f, bob, WIRE_CALL, "eva", "{ 1, 'f', {} }");
    expect(f, "eva< CALL#1 1@bob->1@eva 1 f {}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_has_every_type),
        KEYS_TEST(test_each_type_with_each_single_right),
        KEYS_TEST(test_each_right_that_is_missing),
        KEYS_TEST(test_a_key_without_rights),
        KEYS_TEST(test_before_hello_nothing_happens),
        KEYS_TEST(test_types_of_a_broker),
        KEYS_TEST(test_a_refusal_says_what_would_be_needed),
        KEYS_TEST(test_a_key_that_has_no_name_is_called_by_its_key),
        KEYS_TEST(test_audit_lines_are_limited),
        KEYS_TEST(test_options_said_twice),
        KEYS_TEST(test_what_cannot_be_read_is_refused),
        KEYS_TEST(test_rights_are_about_something),
        KEYS_TEST(test_lists_show_what_one_may),
        KEYS_TEST(test_a_reaction_has_its_owners_rights),
        KEYS_TEST(test_a_reaction_sends_nothing_where_its_owner_may_not),
        KEYS_TEST(test_a_new_policy_is_in_force_at_once),
        KEYS_TEST(test_a_repeat_has_the_first_answer),
        KEYS_TEST(test_a_broken_policy_keeps_the_old_rights),
        KEYS_TEST(test_what_was_begun_ends_with_the_right),
        KEYS_TEST(test_what_is_kept_needs_the_right_when_its_turn_comes),
        KEYS_TEST(test_clock_jumps_change_no_rights),
        KEYS_TEST(test_the_token_has_all_rights),
        TEST(test_without_keys_nothing_is_checked_or_told),
    };
    return cmocka_run_group_tests_name("broker rights", tests, NULL, NULL);
}
