//  Whatever arrives, a node may refuse it, never break: valid messages of every type, bent at random

#include "test_node_fixture.h"

static uint64_t seed = 11;

static uint32_t any(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (seed >> 33) % below;
}

//  Field lists that a type may have: the right one and some that are not.
static const char *const lists[] = { "", "usa", "ussa", "a", "e", "uu", "us", "f", "susss", "sssus", "ss", "ua", "b", "n", "s" };
static const char *const words[] = { "1@b", "b", "ring", "gone", "left", "join", "unknown", "ok", "add", "" };

static void put_field(wire_buf_t *out, int letter, ...)
{
    const char letters[] = { (char) letter, 0 };
    va_list args;
    va_start(args, letter);
    put_fields(out, letters, args);
    va_end(args);
}

static void put_some(wire_buf_t *out, char letter)
{
    const char *word = words[any(sizeof words / sizeof words[0])];
    if (letter == 's')
        put_field(out, letter, word);
    else if (letter == 'e')
        put_field(out, letter, word, (int) any(2));
    else if (letter == 'f')
        put_field(out, letter, word, any(2) ? "b" : word, (int) any(9));
    else
        put_field(out, letter, (int) any(20));
}

//  Values of the right kinds in the right places, whichever list it is.
static void put_any_list(wire_buf_t *out, head_t head)
{
    const char *letters = lists[any(sizeof lists / sizeof lists[0])];
    uint32_t count = (uint32_t) strlen(letters);
    if (head.from)
        wire_msg_begin_proc(out, head.type, head.request, head.ttl, str(head.from), str(head.to), count);
    else
        wire_msg_begin(out, head.type, head.request, head.ttl, count);
    for (; *letters; letters++)
        put_some(out, *letters);
}

static void bend(uint8_t *bytes, size_t size)
{
    static const uint8_t nasty[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xca, 0xcf,
                                     0xd3, 0xd9, 0xdb, 0xdd, 0xdf, 0xff };
    for (uint32_t times = any(4); times; times--)
        bytes[any((uint32_t) size)] = any(2) ? nasty[any(sizeof nasty)] : (uint8_t) any(256);
}

static const wire_type_t types[] = {
    WIRE_CHUNK, WIRE_CALL, WIRE_REPLY, WIRE_FAIL, WIRE_CANCEL, WIRE_CREDIT, WIRE_END, WIRE_ANSWER, WIRE_DENY,
    WIRE_MEMBERS, WIRE_WATCHED, WIRE_LOOKUP, WIRE_HELLO, (wire_type_t) 15, (wire_type_t) 63
};

static void hear_anything(fixture_t *f, node_link_t *link)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_type_t type = types[any(sizeof types / sizeof types[0])];
    bool process = wire_type_way(type) == WIRE_WAY_PROC;
    uint64_t last = f->core.pendings.last_id;
    head_t head = { type, any(4) && last > 8 ? last - any(8) : any(20), any(3) ? 0 : any(50),
                    process ? (link && any(20) ? link->remote->id : "1@b") : NULL, any(4) ? "1@me" : "ring" };
    put_any_list(&out, head);
    bend(out.data, out.size);
    hear_bytes(f, link, out.data, out.size);
    wire_buf_free(&out);
}

static void act(fixture_t *f)
{
    static const char *const names[] = { "1@b", "1@c", "printer", "1@me", "me", "1@x" };
    f->calls = (int) any(60);
    switch (any(8)) {
    case 0: request(f, names[any(6)], any(2) ? 0 : 1 + any(80), 0, any(8) == 0); break;
    case 1: tell(f, names[any(6)]); break;
    case 2: elapse(f, any(40)); break;
    case 3: run(f); break;
    case 4: {
        wire_buf_t field = WIRE_BUF_EMPTY;
        static const wire_type_t asks[] = { WIRE_JOIN, WIRE_FOLLOW, WIRE_LEAVE, WIRE_REGISTER, WIRE_UNREGISTER, WIRE_LOOKUP };
        wire_put_cstr(&field, any(2) ? "ring" : "gone");
        f->slots[0] = (slot_t) { f, 1, 0, 0 };
        node_core_ask(&f->core, &(node_ask_t) { .type = asks[any(6)], .fields = field.data, .size = field.size, .count = 1,
            .timeout = 100, .fn = on_outcome, .arg = f->slots });
        wire_buf_free(&field);
        break;
    }
    default: break;
    }
}

static peer_t *some_link(fixture_t *f)
{
    peer_t *peer = &f->peers[any(8)];
    return peer->link ? peer : NULL;
}

//  A link to each node now and then, so that there is something to break.
static void tend(fixture_t *f, int step)
{
    if (f->dialled == 8) {
        for (size_t i = 0; i < 8; i++)
            if (f->peers[i].link)
                link_gone(f, &f->peers[i], WIRE_E_GONE, "killed");
        f->dialled = 0;
    } else if (step % 64 == 0)
        accept_from(f, any(2) ? "b" : "c", 1 + (int) any(8), any(2) ? "1@b" : "1@c");
    if (step % 1000 == 0) {
        node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
        welcome(f);
    }
}

static void test_bent_messages_break_nothing(void **state)
{
    fixture_t *f = *state;
    f->quiet = true;
    for (int step = 0; step < 60000; step++) {
        tend(f, step);
        act(f);
        peer_t *peer = some_link(f);
        if (peer && any(2))
            hear_anything(f, peer->link);
        else
            hear_anything(f, NULL);
    }
    //  It still does its work
    elapse(f, 60000);
    hush(f);
    f->quiet = false;
    if (f->dialled == 8)
        tend(f, 1);
    peer_t *d = accept_from(f, "d", 1, "1@d");
    hush(f);
    f->calls = 62;
    assert_int_equal(call(f, "1@d"), 0);
    hear_reply(f, d->link, "1@d", (int) f->slots[62].id);
    run(f);
    assert_non_null(strstr(f->trace, "63=ok"));
}

//  The fields of what the broker says, cut short at each place.
static void test_notices_that_are_cut_short_are_refused(void **state)
{
    fixture_t *f = *state;
    head_t members = { WIRE_MEMBERS, 0, 0, NULL, NULL }, gone = { WIRE_WATCHED, 0, 0, NULL, NULL };
    assert_int_equal(hear(f, NULL, members, ""), WIRE_E_MALFORMED);
    assert_int_equal(hear(f, NULL, members, "su", "ring", 1), WIRE_E_MALFORMED);
    assert_int_equal(hear(f, NULL, members, "sss", "ring", "1", "join"), WIRE_E_MALFORMED);
    assert_int_equal(hear(f, NULL, gone, "sss", "gone", "1@b", "b"), WIRE_E_MALFORMED);
    assert_int_equal(hear(f, NULL, gone, "sssu", "gone", "1@b", "b", 7), 0);        //  Without a text
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_NODES, 1, 0, NULL, NULL }, ""), WIRE_E_STATE);
    assert_int_equal(hear(f, NULL, (head_t) { WIRE_BYE, 0, 0, NULL, NULL }, ""), WIRE_E_STATE);
    assert_int_equal(hear(f, NULL, (head_t) { (wire_type_t) 63, 0, 0, NULL, NULL }, ""), WIRE_E_STATE);
    run(f);
    said(f, "WATCHED ");
}

static void test_a_lookup_that_finds_nonsense_is_an_outcome(void **state)
{
    fixture_t *f = *state;
    call(f, "1@b");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 1, 0, NULL, NULL }, "s", "here");
    run(f);
    said(f, "broker<LOOKUP:1 1=malformed! ");
    call(f, "1@b");
    hear(f, NULL, (head_t) { WIRE_ANSWER, 3, 0, NULL, NULL }, "");
    run(f);
    said(f, "broker<LOOKUP:3 2=malformed! ");
}

static void test_requests_that_are_cut_short_are_refused(void **state)
{
    fixture_t *f = *state;
    peer_t *b = befriend(f);
    hear(f, b->link, (head_t) { WIRE_CALL, 1, 0, "1@b", NULL }, "us", 1, "add");
    hear(f, b->link, (head_t) { WIRE_CALL, 2, 0, "1@b", NULL }, "sss", "x", "add", "y");
    hear(f, b->link, (head_t) { WIRE_CHUNK, 3, 0, "1@b", NULL }, "usa", 1, "add");
    hear(f, b->link, (head_t) { WIRE_CHUNK, 4, 0, "1@b", NULL }, "");
    run(f);
    said(f, "b<FAIL:1 b<FAIL:2 b<FAIL:3 b<FAIL:4 ");
    assert_int_equal(f->core.stat.refused, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bent_messages_break_nothing),
        TEST(test_notices_that_are_cut_short_are_refused),
        TEST(test_a_lookup_that_finds_nonsense_is_an_outcome),
        TEST(test_requests_that_are_cut_short_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
