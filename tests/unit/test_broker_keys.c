//  Names and keys, ROTATE, who vouches for whom, revoked keys, draining; the same state from the same records

#include "broker_keys.h"

static void assert_denied(fixture_t *f, client_t *c, const char *name, const char *text)
{
    assert_int_equal(hello(f, c, name, ""), WIRE_E_DENIED);
    if (!strstr(f->text, text))
        fail_msg("%s: %s", name, f->text);
}

//  The text of the last answer or denial in the trace.
static void assert_said(fixture_t *f, const char *text)
{
    if (!strstr(f->trace, text))
        fail_msg("no \"%s\" in %s", text, f->trace);
    ignore(f);
}

//  ---- WELCOME, LOOKUP -----------------------------------------------------

static void test_welcome_brings_ones_rights(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = { 'jobs' } } } }");
    come_by(f, "ana", KEY_A, "ana");
    assert_string_equal(f->welcome, "{id=1@ana address=" ADDRESS " lease=10000 keys=true rights={take=[jobs]}}");
    client_t *local = come(f, "local");
    assert_non_null(strstr(f->welcome, "rights={code=full call=true out=true take=true read=true pub=true sub=true admin=true}"));
    ask(f, local, WIRE_LOOKUP, "ana");
    assert_said(f, "host= key=" KEY_A "}");
    ask(f, local, WIRE_NODES, NULL);
    assert_said(f, "node=local incarnation=1002 endpoints=[] host= key= state=up");
}

static void test_no_policy_is_all_but_code_and_admin(void **state)
{
    fixture_t *f = *state;
    come_by(f, "ana", KEY_A, "ana");
    assert_non_null(strstr(f->welcome, "rights={call=true out=true take=true read=true pub=true sub=true}"));
}

static void test_a_key_itself_goes_before_its_name(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = true }, ['" KEY_A "'] = { out = true } }, default = { pub = true } }");
    come_by(f, "ana", KEY_A, "ana");
    assert_non_null(strstr(f->welcome, "rights={out=true}"));
    come_by(f, "", KEY_B, "ana");
    assert_non_null(strstr(f->welcome, "rights={take=true}"));
    come_by(f, "", KEY_C, "eva");
    assert_non_null(strstr(f->welcome, "rights={pub=true}"));
}

static void test_what_is_no_key(void **state)
{
    fixture_t *f = *state;
    assert_denied(f, by(f, "short", ""), "ana", "that is no public key");
    assert_denied(f, by(f, KEY_A "x", ""), "ana", "that is no public key");
    assert_int_equal(f->core->keys.count, 0);
}

//  ---- Names ---------------------------------------------------------------

static void test_a_name_belongs_to_the_key_that_took_it(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "db", KEY_A, "ana");
    assert_denied(f, by(f, KEY_B, "bob"), "db", "the name db belongs to another key");
    assert_denied(f, somebody(f), "db", "belongs to a key, and this session came without one");
    end(f, ana, WIRE_E_CLOSED, "");
    assert_denied(f, by(f, KEY_B, "bob"), "db", "belongs to another key");      //  Though nobody has it now
    assert_denied(f, by(f, KEY_B, "bob"), "1@db", "belongs to another key");    //  Nor its id
    client_t *bob = come_by(f, "bob", KEY_B, "bob");
    ask(f, bob, WIRE_REGISTER, "db");
    assert_said(f, "denied the name db belongs to another key");
    ask(f, bob, WIRE_REGISTER, "1@db");
    assert_said(f, "denied the name 1@db belongs to another key");
    come_by(f, "db", KEY_A, "ana");
    assert_int_equal(counters(f)->names_refused, 6);
}

static void test_a_registered_name_belongs_to_its_key(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    ask(f, ana, WIRE_REGISTER, "printer");
    ask(f, ana, WIRE_UNREGISTER, "printer");
    ask(f, bob, WIRE_REGISTER, "printer");
    assert_said(f, "bob< DENY#1 denied the name printer belongs to another key");
    client_t *second = come_by(f, "ana2", KEY_A, "ana");     //  A team's key: several nodes
    ask(f, second, WIRE_REGISTER, "printer");
    assert_said(f, "ana2< ANSWER#1 true");
    ask(f, ana, WIRE_REGISTER, "printer");
    assert_said(f, "exists");
}

//  A node that was started again need not wait for the lease of the one before; one that lives keeps its name.
static void test_a_silent_session_gives_way_to_its_own_key(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob"), *again = by(f, KEY_A, "ana");
    ask(f, ana, WIRE_REGISTER, "svc");
    ask(f, bob, WIRE_WATCH, "ana");
    ignore(f);
    assert_int_equal(hello(f, again, "ana", ""), WIRE_E_EXISTS);
    fall_silent(f, ana, true);
    ignore(f);
    assert_denied(f, by(f, KEY_B, "bob"), "ana", "belongs to another key");
    assert_int_equal(hello(f, again, "ana", "names=svc"), 0);
    assert_string_equal(again->id, "1@ana");
    expect(f, "bob< WATCHED gone 1@ana ana 1001 its node was started again, and has its name by the same key\n"
              "bob< WATCHED up 1@ana ana 1003 \n"
              "ana! exists: its node was started again, and has its name by the same key\n");
    assert_true(ana->dropped);
    assert_int_equal(counters(f)->taken_over, 1);
    assert_int_equal(broker_core_members(f->core), 2);
    assert_int_equal(hello(f, ana, "ana", ""), WIRE_E_EXISTS);         //  It wakes up, and is told
    fall_silent(f, again, true);                                        //  As a process of that id: the name is its node's
    assert_int_equal(hello(f, by(f, KEY_A, "ana"), "1@ana", "spawn"), WIRE_E_EXISTS);
    assert_int_equal(hello(f, by(f, KEY_A, "ana"), "svc", ""), WIRE_E_EXISTS);
}

//  Without a key nobody can tell who it is that comes.
static void test_a_silent_session_without_a_key_keeps_its_name(void **state)
{
    fixture_t *f = *state;
    fall_silent(f, come(f, "db"), true);
    assert_int_equal(hello(f, somebody(f), "db", ""), WIRE_E_EXISTS);
    assert_int_equal(hello(f, by(f, KEY_A, "ana"), "db", ""), WIRE_E_EXISTS);
}

//  Without a key a name is nobody's when it is free.
static void test_names_that_were_taken_without_a_key(void **state)
{
    fixture_t *f = *state;
    client_t *local = come(f, "db");
    assert_int_equal(hello(f, by(f, KEY_A, "ana"), "db", ""), WIRE_E_EXISTS);
    end(f, local, WIRE_E_CLOSED, "");
    come_by(f, "db", KEY_A, "ana");
}

static void test_the_names_of_trusted_certificates(void **state)
{
    fixture_t *f = *state;
    trust(f, "{ ana = '" KEY_A "', bob = '" KEY_B "' }");
    assert_denied(f, by(f, KEY_B, "bob"), "ana", "belongs to another key");
    assert_denied(f, somebody(f), "bob", "came without one");
    assert_denied(f, somebody(f), "1@bob", "came without one");
    client_t *ana = come_by(f, "ana", KEY_A, "");
    assert_string_equal(broker_key_who(broker_session_find(f->core, ana->session)), "ana");
    ask(f, ana, WIRE_REGISTER, "bob");
    assert_said(f, "denied");
    //  A certificate that is trusted later has its name from then on, whoever took it first
    ask(f, ana, WIRE_REGISTER, "eva");
    trust(f, "{ ana = '" KEY_A "', bob = '" KEY_B "', eva = '" KEY_C "' }");
    ask(f, ana, WIRE_UNREGISTER, "eva");
    ask(f, ana, WIRE_REGISTER, "eva");
    assert_said(f, "denied the name eva belongs to another key");
    come_by(f, "eva", KEY_C, "eva");
}

static void test_the_same_incarnation_with_another_key(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *thief = by(f, KEY_B, "bob"), *blank = somebody(f);
    thief->incarnation = blank->incarnation = ana->incarnation;
    assert_denied(f, thief, "ana", "belongs to another key");
    assert_denied(f, blank, "ana", "came without one");
    assert_int_equal(hello(f, ana, "ana", ""), 0);
    assert_int_equal(counters(f)->resumed, 1);
    client_t *local = come(f, "local"), *key = by(f, KEY_A, "ana");     //  And the other way round
    key->incarnation = local->incarnation;
    assert_int_equal(hello(f, key, "local", ""), WIRE_E_EXISTS);
    client_t *minted = come_by(f, "", KEY_A, "ana"), *other = by(f, KEY_B, "bob");
    other->incarnation = minted->incarnation;
    assert_int_not_equal(hello(f, other, minted->name, ""), 0);
}

static void test_claims_in_a_hello_are_checked(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = by(f, KEY_B, "bob");
    ask(f, ana, WIRE_REGISTER, "db");
    end(f, ana, WIRE_E_GONE, "died");
    assert_int_equal(hello(f, bob, "bob", "names=db,own"), 0);
    assert_non_null(strstr(f->welcome, "lost=[db]"));
}

static void test_names_of_a_key_are_bounded(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    char name[32];
    for (int i = 0; i < BROKER_MAX_OWNED + 10; i++) {
        snprintf(name, sizeof name, "n%d", i);
        ask(f, ana, WIRE_REGISTER, name);
        ask(f, ana, WIRE_UNREGISTER, name);
    }
    assert_int_equal(f->core->owned.count, BROKER_MAX_OWNED + 1);   //  And bob's own
    f->quiet = false;
    ask(f, bob, WIRE_REGISTER, "n5");                   //  Longest unused: forgotten
    assert_said(f, "ANSWER#1 true");
    ask(f, bob, WIRE_REGISTER, "n2000");
    assert_said(f, "denied");
    ask(f, bob, WIRE_REGISTER, "ana");                  //  In use: never
    assert_said(f, "denied");
}

//  ---- VOUCH, RIGHTS -------------------------------------------------------

static void test_vouching(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { call = { 'f' } } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    come_by(f, "ana2", KEY_A, "ana");
    say(f, bob, WIRE_VOUCH, "{ '', '" KEY_A "' }");
    expect(f, "bob< ANSWER#1 {call=[f]} [ana ana2]\n");
    say(f, bob, WIRE_VOUCH, "{ 'ana', '" KEY_A "' }");
    expect(f, "bob< ANSWER#2 {call=[f]} [ana]\n");
    say(f, bob, WIRE_VOUCH, "{ '1@ana2', '" KEY_A "' }");
    expect(f, "bob< ANSWER#3 {call=[f]} [ana2]\n");
    say(f, bob, WIRE_VOUCH, "{ '', '" KEY_C "' }");
    expect(f, "bob< DENY#4 denied no node has a session here that the key " KEY_C " proved\n");
    say(f, bob, WIRE_VOUCH, "{ 'bob', '" KEY_A "' }");
    expect(f, "bob< DENY#5 denied the node bob has no session here that the key " KEY_A " proved\n");
    end(f, ana, WIRE_E_CLOSED, "");
    say(f, bob, WIRE_VOUCH, "{ 'ana', '" KEY_A "' }");
    assert_said(f, "denied");
    //  It hears of changes, once for the key; the key's own nodes as well
    policy(f, "{ keys = { ana = { call = true } } }");
    expect(f, "bob< RIGHTS  " KEY_A " {call=true}\nana2< RIGHTS  " KEY_A " {call=true}\n");
}

static void test_who_was_told_hears_of_a_revocation(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob"), *eva = come_by(f, "eva", KEY_C, "eva");
    say(f, bob, WIRE_VOUCH, "{ '', '" KEY_A "' }");
    ask(f, eva, WIRE_WATCH, "ana");
    ignore(f);
    revoke(f, KEY_A);
    expect(f, "bob< RIGHTS  " KEY_A " nil\n"
              "eva< WATCHED gone 1@ana ana 1001 the broker does not trust the key of ana any more: whoever runs it can trust "
              "that again, or another one for this node (alua keys trust)\n"
              "ana! denied: the broker does not trust the key of ana any more: whoever runs it can trust that again, or another one for "
              "this node (alua keys trust)\n");
    assert_true(ana->dropped);
    assert_int_equal(f->core->keys.count, 2);
    say(f, bob, WIRE_VOUCH, "{ '', '" KEY_A "' }");
    assert_said(f, "denied");
    revoke(f, KEY_A);                                   //  Again, and one that nobody knows
    revoke(f, KEY_D);
    expect(f, "");
    come_by(f, "ana", KEY_D, "ana2");                   //  Its names are free
}

//  Its session may have ended: a direct link may be open all the same.
static void test_a_key_is_heeded_beyond_its_sessions(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    say(f, bob, WIRE_VOUCH, "{ '', '" KEY_A "' }");
    end(f, ana, WIRE_E_GONE, "its lease is over");
    ignore(f);
    revoke(f, KEY_A);
    expect(f, "bob< RIGHTS  " KEY_A " nil\n");
    assert_int_equal(f->core->keys.count, 1);
    end(f, bob, WIRE_E_CLOSED, "");
    assert_int_equal(f->core->keys.count, 1);           //  It owns a name
}

static void test_all_sessions_of_a_key_end(void **state)
{
    fixture_t *f = *state;
    client_t *nodes[20];
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        nodes[i] = come_by(f, name, KEY_A, "ana");
    }
    revoke(f, KEY_A);
    for (int i = 0; i < 20; i++)
        assert_true(nodes[i]->dropped);
    assert_int_equal(broker_core_members(f->core), 0);
    assert_int_equal(f->core->keys.count + f->core->owned.count, 0);
}

//  Before the first work of an author; not before answers.
static void test_a_receiver_is_told_of_an_author(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { call = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob"), *local = come(f, "local");
    say_to(f, ana, WIRE_REPLY, "bob", "{ {} }");
    expect(f, "bob< REPLY#1 1@ana->1@bob {}\n");
    say_to(f, ana, WIRE_CALL, "bob", "{ 1, 'f', { 1 } }");
    expect(f, "bob< RIGHTS ana " KEY_A " {call=true}\nbob< CALL#2 1@ana->1@bob 1 f [1]\n");
    say_to(f, ana, WIRE_CALL, "bob", "{ 1, 'f', { 1 } }");
    expect(f, "bob< CALL#3 1@ana->1@bob 1 f [1]\n");
    say_to(f, local, WIRE_CALL, "bob", "{ 1, 'f', { 1 } }");    //  Without a key: all rights
    expect(f, "bob< RIGHTS local  {code=full call=true out=true take=true read=true pub=true sub=true admin=true}\n"
              "bob< CALL#1 1@local->1@bob 1 f [1]\n");
    say_to(f, ana, WIRE_CALL, "local", "{ 1, 'f', { 1 } }");    //  Who came by token is told as well
    assert_said(f, "local< RIGHTS ana " KEY_A " {call=true}");
    policy(f, "{ keys = {} }");
    expect(f, "bob< RIGHTS  " KEY_A " {}\nlocal< RIGHTS  " KEY_A " {}\nana< RIGHTS  " KEY_A " {}\n");
    policy(f, "{ keys = { ana = { call = true } } }");
    ignore(f);
    assert_int_equal(hello(f, bob, "bob", ""), 0);              //  The same link: nothing was lost
    say_to(f, ana, WIRE_CALL, "bob", "{ 1, 'f', { 1 } }");
    expect(f, "bob< CALL#5 1@ana->1@bob 1 f [1]\n");
    client_t again = *bob;                                      //  Another link
    again.f = f;
    assert_int_equal(hello(f, &again, "bob", ""), 0);
    say_to(f, ana, WIRE_CALL, "bob", "{ 1, 'f', { 1 } }");
    expect(f, "bob< RIGHTS ana " KEY_A " {call=true}\nbob< CALL#6 1@ana->1@bob 1 f [1]\n");
    end(f, &again, WIRE_E_CLOSED, "");
}

//  A receiver that does not read is not left with work of an author that it knows nothing of.
static void test_no_work_without_rights(void **state)
{
    fixture_t *f = *state;
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    bob->refuses = WIRE_E_FULL;
    say_to(f, ana, WIRE_CALL, "bob", "{ 1, 'f', {} }");
    assert_non_null(strstr(f->trace, "code=full"));
    assert_int_equal(counters(f)->relayed, 0);
}

static void test_many_authors(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    client_t *bob = come_by(f, "bob", KEY_B, "bob"), *authors[300];
    for (int i = 0; i < 300; i++) {
        char key[48];
        snprintf(key, sizeof key, "%040d", i);
        authors[i] = come_by(f, "", key, "");
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++)
            say_to(f, authors[i], WIRE_CALL, "bob", "{ 1, 'f', {} }");
    assert_int_equal(bob->heard, 600 + counters(f)->rights_sent);
    assert_true(counters(f)->rights_sent >= 300 && counters(f)->rights_sent <= 600);
    policy(f, "{ keys = {} }");                         //  All changes reach it, also of those that were forgotten
    assert_true(bob->heard >= 600 + 600);
    assert_int_equal(f->core->key_order.count, 301);
}

//  ---- ROTATE --------------------------------------------------------------

static void test_rotation_moves_names_and_rights(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = true } } }");
    trust(f, "{ ana = '" KEY_A "' }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *local = come(f, "local");
    ask(f, ana, WIRE_REGISTER, "db");
    ignore(f);
    ask(f, ana, WIRE_ROTATE, KEY_B);
    expect(f, "ana< ANSWER#2 true\n");
    assert_string_equal(shell.rotated, "ana " KEY_A " " KEY_B);
    ask_again(f, ana, WIRE_ROTATE, 2, KEY_B);           //  A repeat has the first answer
    expect(f, "ana< ANSWER#2 true\n");
    ask(f, ana, WIRE_ROTATE, KEY_C);                    //  It has passed all on, and has nothing left
    assert_said(f, "state ROTATE: this key has a successor already");
    revoke(f, KEY_A);                                   //  As the shell does when it sees the trust store
    ignore(f);
    client_t *anew = come_by(f, "ana", KEY_B, "ana");
    assert_non_null(strstr(f->welcome, "rights={take=true}"));
    assert_denied(f, by(f, KEY_C, "eva"), "db", "another key");
    assert_denied(f, by(f, KEY_A, "old"), "ana", "another key");
    ask(f, anew, WIRE_REGISTER, "db");
    assert_said(f, "ANSWER#1 true");
    ask(f, local, WIRE_ROTATE, KEY_C);
    assert_said(f, "usage ROTATE: 1@local came without a key");
}

//  A policy that names the key itself goes on to mean its successor, until it names that.
static void test_rotation_of_a_key_that_the_policy_names(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ['" KEY_A "'] = { take = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    ask(f, ana, WIRE_ROTATE, KEY_B);
    client_t *second = come_by(f, "a2", KEY_B, "ana");
    assert_non_null(strstr(f->welcome, "rights={take=true}"));
    ask(f, second, WIRE_ROTATE, KEY_C);
    come_by(f, "a3", KEY_C, "ana");
    assert_non_null(strstr(f->welcome, "rights={take=true}"));
    policy(f, "{ keys = { ['" KEY_A "'] = { take = true }, ['" KEY_C "'] = { out = true } } }");
    come_by(f, "a4", KEY_C, "ana");
    assert_non_null(strstr(f->welcome, "rights={out=true}"));
}

static void test_rotations_that_cannot_be(void **state)
{
    fixture_t *f = *state;
    trust(f, "{ ana = '" KEY_A "', eva = '" KEY_C "' }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana");
    come_by(f, "bob", KEY_B, "bob");
    ask(f, ana, WIRE_ROTATE, "short");
    assert_said(f, "usage ROTATE: not a public key");
    ask(f, ana, WIRE_ROTATE, KEY_B);
    assert_said(f, "exists");
    ask(f, ana, WIRE_ROTATE, KEY_C);
    assert_said(f, "exists");
    ask(f, ana, WIRE_ROTATE, KEY_A);
    assert_said(f, "exists");
    shell.rotate = WIRE_E_SYSTEM;
    ask(f, ana, WIRE_ROTATE, KEY_D);
    assert_said(f, "system the disk is full");
    assert_int_equal(counters(f)->rotated, 0);
    assert_null(broker_key_find(f->core, broker_str(KEY_D)));
}

//  ---- DRAIN ---------------------------------------------------------------

static void test_draining(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { bob = { admin = true } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    come_by(f, "eva", KEY_C, "eva");
    ask(f, bob, WIRE_DRAIN, "ana");
    expect(f, "ana< DRAINING 1@bob\nbob< ANSWER#1 true\n");
    ask(f, bob, WIRE_NODES, NULL);
    assert_said(f, "host= key=" KEY_A " state=draining");
    ask(f, ana, WIRE_DRAIN, "eva");
    assert_said(f, "denied ana may not drain the node eva");
    ask(f, ana, WIRE_DRAIN, "1@ana");                   //  Oneself
    expect(f, "ana< DRAINING 1@ana\nana< ANSWER#2 true\n");
    client_t *other = come_by(f, "ana2", KEY_A, "ana");     //  And one's own other node
    ask(f, other, WIRE_DRAIN, "ana");
    assert_said(f, "ana2< ANSWER#1 true");
    ask(f, bob, WIRE_DRAIN, "nobody");
    assert_said(f, "unknown");
    ask(f, come(f, "local"), WIRE_DRAIN, "eva");        //  Without a key: everything
    assert_said(f, "eva< DRAINING 1@local");
}

//  ---- Giving back ---------------------------------------------------------

static void test_a_tuple_that_was_taken_may_go_back(void **state)
{
    fixture_t *f = *state;
    policy(f, "{ keys = { ana = { take = { 'jobs', 'other' } } } }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *local = come(f, "local");
    say(f, local, WIRE_OUT, "{ 'jobs', { 'x' } }");
    say(f, local, WIRE_OUT, "{ 'jobs', { 'y' } }");
    ignore(f);
    say(f, ana, WIRE_TAKE, "{ 'jobs', { 'x' } }");
    expect(f, "ana< ANSWER#1 [x] 1 nil\n");
    static const char *const forged[] = { "{ 'jobs', { 'z' }, { number = 1 } }", "{ 'jobs', { 'x' }, { number = 2 } }",
        "{ 'other', { 'x' }, { number = 1 } }", "{ 'jobs', { 'x' } }", "{ 'jobs', { 'x' }, { number = 0 } }",
        "{ 'elsewhere', { 'x' }, { number = 1 } }" };
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        say(f, ana, WIRE_OUT, forged[i]);
        assert_said(f, "may not put");
    }
    say(f, ana, WIRE_BATCH, "{ { { 64, 'jobs', { 'x' }, { number = 1 } } } }");
    assert_said(f, "may not put");
    say(f, ana, WIRE_OUT, "{ 'jobs', { 'x' }, { number = 1 } }");
    assert_said(f, "ANSWER#9 1");
    say(f, ana, WIRE_OUT, "{ 'jobs', { 'x' }, { number = 1 } }");       //  Once
    assert_said(f, "may not put");
    say(f, ana, WIRE_TAKE, "{ 'jobs', { { 'no' } }, { all = true } }");
    ignore(f);
    wire_buf_t fields = WIRE_BUF_EMPTY;                 //  Several at once
    wire_put_cstr(&fields, "jobs");
    put_lua(&fields, "{ 'y' }");
    put_lua(&fields, "{ all = 5 }");
    ask_raw(f, ana, WIRE_TAKE, ++ana->request, 3, &fields);
    assert_said(f, "[[y]] [2]");
    wire_buf_free(&fields);
    say(f, ana, WIRE_OUT, "{ 'jobs', { 'y' }, { number = 2 } }");
    assert_said(f, "ANSWER#13 2");
    say(f, ana, WIRE_OUT, "{ 'jobs', { 'y' }, { number = 2 } }");
    assert_said(f, "may not put");
}

//  ---- Records -------------------------------------------------------------

#define RECORDS 256

typedef struct {
    broker_core_t *core;
    wire_buf_t records[RECORDS];
    size_t count;
} script_t;

static int script_propose(void *arg, const void *record, size_t size)
{
    script_t *log = arg;
    assert_true(log->count < RECORDS);
    wire_buf_append(&log->records[log->count++], record, size);
    return broker_core_apply(log->core, record, size);
}

static const broker_log_t script = { script_propose };

static void assert_same_key(const broker_key_t *a, const broker_key_t *b)
{
    assert_non_null(b);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->origin, b->origin);
    assert_int_equal(a->packed.size, b->packed.size);
    assert_memory_equal(a->packed.data, b->packed.data, a->packed.size);
    assert_int_equal(a->sessions.count, b->sessions.count);
    assert_int_equal(a->heeders.count, b->heeders.count);
    assert_int_equal(a->names.count, b->names.count);
}

static void assert_same(const broker_core_t *a, const broker_core_t *b)
{
    assert_int_equal(a->sessions, b->sessions);
    assert_int_equal(a->owned.count, b->owned.count);
    assert_int_equal(a->key_order.count, b->key_order.count);
    assert_int_equal(a->trust.size, b->trust.size);
    assert_memory_equal(a->trust.data, b->trust.data, a->trust.size);
    for (size_t i = 0; i < a->key_order.count; i++) {
        const broker_key_t *key = a->key_order.items[i];
        assert_same_key(key, broker_key_find(b, broker_str(key->text)));
    }
    for (const broker_session_t *s = a->first; s; s = s->next) {
        const broker_session_t *t = broker_session_find(b, s->number);
        assert_non_null(t);
        assert_string_equal(s->key ? s->key->text : "", t->key ? t->key->text : "");
        assert_int_equal(s->draining, t->draining);
    }
}

static void play(fixture_t *f)
{
    policy(f, "{ keys = { ana = { call = true, take = true, code = 'jail' }, bob = { admin = true } } }");
    trust(f, "{ ana = '" KEY_A "', bob = '" KEY_B "' }");
    client_t *ana = come_by(f, "ana", KEY_A, "ana"), *bob = come_by(f, "bob", KEY_B, "bob");
    come_by(f, "", KEY_C, "eva");
    come(f, "local");
    ask(f, ana, WIRE_REGISTER, "db");
    say(f, bob, WIRE_VOUCH, "{ '', '" KEY_A "' }");
    say_to(f, ana, WIRE_CALL, "local", "{ 1, 'f', {} }");
    ask(f, bob, WIRE_DRAIN, "ana");
    ask(f, ana, WIRE_ROTATE, KEY_D);
    policy(f, "{ keys = { ana = { call = { 'f' } } } }");
    revoke(f, KEY_C);
}

//  OPEN with a key, POLICY, TRUST, REVOKED, ROTATE, HEED and DRAIN: another core that applies them is the same.
static void test_the_records_alone_make_the_same_state(void **state)
{
    fixture_t *f = *state;
    static script_t log;
    memset(&log, 0, sizeof log);
    broker_core_destroy(&f->core);
    f->core = log.core = new_keys_core(f, &script, &log);
    play(f);
    broker_core_t *replica = new_keys_core(f, NULL, NULL);
    for (size_t i = 0; i < log.count; i++) {
        assert_int_equal(broker_core_apply(replica, log.records[i].data, log.records[i].size), 0);
        wire_buf_free(&log.records[i]);
    }
    assert_same(f->core, replica);
    check_core(replica);
    broker_core_destroy(&replica);
}

//  Revoking is said in a record; the sessions' ends are others: a replica that has only the first has cut nobody yet.
static void test_broken_trust_is_no_record(void **state)
{
    fixture_t *f = *state;
    wire_buf_t packed = WIRE_BUF_EMPTY;
    uint64_t before = broker_core_changes(f->core);
    put_lua(&packed, "{ ana = 'short' }");
    assert_int_equal(broker_core_trust(f->core, wire_reader(packed.data, packed.size), f->now), WIRE_E_MALFORMED);
    assert_int_equal(broker_core_trust(f->core, wire_reader(packed.data, 3), f->now), WIRE_E_MALFORMED);
    assert_int_equal(broker_core_trust(f->core, wire_reader("\x07", 1), f->now), WIRE_E_MALFORMED);
    assert_int_equal(broker_core_changes(f->core), before);
    wire_buf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEYS_TEST(test_welcome_brings_ones_rights),
        KEYS_TEST(test_no_policy_is_all_but_code_and_admin),
        KEYS_TEST(test_a_key_itself_goes_before_its_name),
        KEYS_TEST(test_what_is_no_key),
        KEYS_TEST(test_a_name_belongs_to_the_key_that_took_it),
        KEYS_TEST(test_a_registered_name_belongs_to_its_key),
        KEYS_TEST(test_a_silent_session_gives_way_to_its_own_key),
        KEYS_TEST(test_a_silent_session_without_a_key_keeps_its_name),
        KEYS_TEST(test_names_that_were_taken_without_a_key),
        KEYS_TEST(test_the_names_of_trusted_certificates),
        KEYS_TEST(test_the_same_incarnation_with_another_key),
        KEYS_TEST(test_claims_in_a_hello_are_checked),
        KEYS_TEST(test_names_of_a_key_are_bounded),
        KEYS_TEST(test_vouching),
        KEYS_TEST(test_who_was_told_hears_of_a_revocation),
        KEYS_TEST(test_a_key_is_heeded_beyond_its_sessions),
        KEYS_TEST(test_all_sessions_of_a_key_end),
        KEYS_TEST(test_a_receiver_is_told_of_an_author),
        KEYS_TEST(test_no_work_without_rights),
        KEYS_TEST(test_many_authors),
        KEYS_TEST(test_rotation_moves_names_and_rights),
        KEYS_TEST(test_rotation_of_a_key_that_the_policy_names),
        KEYS_TEST(test_rotations_that_cannot_be),
        KEYS_TEST(test_draining),
        KEYS_TEST(test_a_tuple_that_was_taken_may_go_back),
        KEYS_TEST(test_the_records_alone_make_the_same_state),
        KEYS_TEST(test_broken_trust_is_no_record),
    };
    return cmocka_run_group_tests_name("broker keys", tests, NULL, NULL);
}
