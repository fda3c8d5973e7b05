//  Each allocation of a play fails once: no crash, no leak, and what was promised is still kept

#include "test_node_fixture.h"
#include "test_failing_malloc.h"

static long countdown;          //  Which one fails; 0: none
static bool failed;

static bool refused(void)
{
    bool now = inside && countdown && --countdown == 0;
    failed |= now;
    return now;
}

typedef struct {
    fixture_t *f;
    bool taken[64];             //  Request n was: so one outcome is owed
} play_t;

static void ask_for(play_t *play, const char *to, int64_t timeout, bool wait)
{
    int rc = request(play->f, to, timeout, 0, wait);
    play->taken[play->f->calls - 1] = rc == 0;
}

//  The broker finds whoever was looked up last on node b.
static void find(play_t *play, const char *id)
{
    fixture_t *f = play->f;
    if (!f->broker.last || last_sent(&f->broker).type != WIRE_LOOKUP)
        return;
    hear(f, NULL, (head_t) { WIRE_ANSWER, last_sent(&f->broker).request, 0, NULL, NULL }, "f", id, "b", 7);
}

static bool begin(fixture_t *f)
{
    inside = true;
    int rc = node_core_init(&f->core, &fake_effects, f);
    f->core.handler = fake_handler;
    f->core.handler_arg = f;
    f->core.ready = true;
    if (rc == 0 && node_core_welcome(&f->core, &f->broker, str("1@me"), str("me"), str("net")))
        rc = node_core_welcome(&f->core, &f->broker, str("1@me"), str("me"), str("net"));
    inside = false;
    return rc == 0;
}

static void ask_view(play_t *play, wire_type_t type)
{
    fixture_t *f = play->f;
    wire_buf_t field = WIRE_BUF_EMPTY, out = WIRE_BUF_EMPTY;
    wire_put_cstr(&field, "ring");
    node_ask_t ask = { .type = type, .fields = field.data, .size = field.size, .count = 1, .timeout = 1000 };
    inside = true;
    int rc = node_core_ask(&f->core, &ask);
    inside = false;
    if (rc == 0) {
        wire_msg_begin(&out, WIRE_ANSWER, last_sent(&f->broker).request, 0, 2);
        wire_put_uint(&out, 4);
        wire_put_array(&out, 1);
        wire_put_cstr(&out, "1@me");
        hear_bytes(f, NULL, out.data, out.size);
    }
    wire_buf_free(&field);
    wire_buf_free(&out);
    hear(f, NULL, (head_t) { WIRE_MEMBERS, 0, 0, NULL, NULL }, "susss", "ring", 5, "join", "1@b", "b");
}

static void ticked(void *arg)
{
    note(arg, "tick ");
}

static void serve(play_t *play)
{
    fixture_t *f = play->f;
    const uint8_t none = 0x90;
    peer_t *c = &f->peers[7];
    inside = true;
    c->link = node_core_link_accept(&f->core, c, str("c"), 1, str("1@c"));
    if (c->link)
        node_core_link_up(&f->core, c->link, str("1@other"));   //  It says at last who it is
    inside = false;
    if (!c->link)
        return;
    const char *author = c->link->remote->id;
    hear_call(f, c->link, author, 1, 0);
    hear_call(f, c->link, author, 2, 10);
    hear_call(f, c->link, author, 3, 0);
    hear(f, c->link, (head_t) { WIRE_CANCEL, 3, 0, author, NULL }, "");
    f->now += 20;
    f->author = NULL;
    run(f);
    inside = true;
    if (f->author)
        node_core_answer(&f->core, WIRE_REPLY, f->author, 1, &none, 1);
    node_core_timer(&f->core, 10, false, ticked, f);
    node_core_post(&f->core, ticked, f);
    node_core_event(&f->core, ALUA_PARENT, 0);
    inside = false;
    elapse(f, 10);
}

static void talk(play_t *play)
{
    fixture_t *f = play->f;
    ask_for(play, "1@b", 1000, false);
    tell(f, "1@b");
    ask_for(play, "1@b", 1000, false);
    find(play, "1@b");
    peer_t *b = f->dialled ? &f->peers[0] : NULL;
    inside = true;
    if (b && b->link)
        node_core_link_up(&f->core, b->link, str("1@b"));
    inside = false;
    ask_for(play, "printer", 1000, true);
    find(play, "1@b");
    ask_for(play, "me", 1000, false);
    ask_for(play, "1@x", 1000, true);
    if (last_sent(&f->broker).type == WIRE_LOOKUP)
        hear(f, NULL, (head_t) { WIRE_DENY, last_sent(&f->broker).request, 0, NULL, NULL }, "ss", "unknown", "nobody");
    elapse(f, 100);
    if (f->core.id[0])
        for (int id = 1; b && b->link && id < 12; id++)
            hear_reply(f, b->link, "1@b", id);
    run(f);
    ask_for(play, "1@b", 1000, false);
    ask_for(play, "1@b", 1000, false);
    inside = true;
    node_core_cancel(&f->core, f->slots[f->calls - 1].id);
    if (b && b->link)
        node_core_link_gone(&f->core, b->link, WIRE_E_GONE, "killed");
    inside = false;
}

#define KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static void hear_rights(fixture_t *f, const char *node, const char *rights, size_t size)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_RIGHTS, 0, 0, 3);
    wire_put_text(&out, node, strlen(node));
    wire_put_cstr(&out, KEY);
    wire_buf_append(&out, rights, size);
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
}

static void hear_vouched(fixture_t *f, uint64_t request)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    wire_msg_begin(&out, WIRE_ANSWER, request, 0, 2);
    wire_put_map(&out, 0);
    wire_put_array(&out, 1);
    wire_put_cstr(&out, "s");
    hear_bytes(f, NULL, out.data, out.size);
    wire_buf_free(&out);
}

//  What could not be learnt gives no right: each call of r is carried out or refused, and the last one is refused.
static void guard(play_t *play)
{
    static const char may[] = "\x81\xa4" "call\xc3";
    fixture_t *f = play->f;
    inside = true;
    node_core_keys(&f->core, true);
    node_core_vouch(&f->core, str("s"), str(KEY), NULL, NULL);
    inside = false;
    if (last_sent(&f->broker).type == WIRE_VOUCH)
        hear_vouched(f, last_sent(&f->broker).request);
    hear_rights(f, "r", may, sizeof may - 1);
    hear_call(f, NULL, "1@r", 20, 0);
    run(f);
    hear_rights(f, "", "\xc0", 1);
    uint64_t denied = f->core.stat.denied;
    size_t before = f->core.mailbox.events;
    hear_call(f, NULL, "1@r", 21, 0);
    bool came = f->core.mailbox.events > before;
    run(f);
    assert_int_equal(f->core.stat.denied, denied + came);
    inside = true;
    node_core_keys(&f->core, false);
    inside = false;
    hear(f, NULL, (head_t) { WIRE_DRAINING, 0, 0, NULL, NULL }, "s", "1@boss");
    elapse(f, 6000);
}

static void end(play_t *play)
{
    fixture_t *f = play->f;
    ask_for(play, "1@cold", 1000, false);
    ask_view(play, WIRE_FOLLOW);
    inside = true;
    node_core_broker_gone(&f->core, WIRE_E_GONE, "killed");
    node_core_welcome(&f->core, &f->broker, str("1@me"), str("me"), str("net"));
    node_core_forget(&f->core);
    inside = false;
    run(f);
    elapse(f, 60000);
}

static void kept_its_promises(const play_t *play)
{
    const fixture_t *f = play->f;
    for (int i = 0; i < f->calls; i++)
        assert_int_equal(f->slots[i].outcomes, play->taken[i]);
    assert_int_equal(f->core.pendings.count, 0);
    assert_int_equal(f->core.mailbox.events, 0);
    assert_int_equal(f->core.timer_count, 0);
    assert_null(f->core.lookups);
}

static void perform(void)
{
    play_t play = { .f = calloc(1, sizeof(fixture_t)) };
    fixture_t *f = play.f;
    f->now = 1000;
    snprintf(f->broker.name, sizeof f->broker.name, "broker");
    snprintf(f->peers[7].name, sizeof f->peers[7].name, "c");
    if (begin(f)) {
        talk(&play);
        ask_view(&play, WIRE_JOIN);
        serve(&play);
        guard(&play);
        end(&play);
        kept_its_promises(&play);
    }
    finish(f);
}

static void test_each_allocation_may_fail(void **state)
{
    (void) state;
    long point = 0;
    do {
        failed = false;
        countdown = ++point;
        perform();
    } while (failed);
    assert_true(point > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
