//  The small parts of node/core: heap, pending requests, mailbox, remotes, views of apps

#include "test_node_fixture.h"

//  Always the same numbers, so that a failure can be had again.
static uint64_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (seed >> 33) % below;
}

//  ---- Heap ------------------------------------------------------------------

#define DUES 500

//  What must come first: the earliest, of equals the one added first.
static wire_due_t *earliest(wire_due_t *dues, const uint64_t *added)
{
    wire_due_t *first = NULL;
    for (size_t i = 0; i < DUES; i++)
        if (dues[i].place && (!first || dues[i].at < first->at
                || (dues[i].at == first->at && added[i] < added[first - dues])))
            first = &dues[i];
    return first;
}

static void test_heap_agrees_with_a_list(void **state)
{
    static wire_due_t dues[DUES];
    static uint64_t added[DUES];
    wire_heap_t heap = { 0 };
    (void) state;
    seed = 1;
    for (uint64_t step = 1; step < 20000; step++) {
        size_t i = any(DUES);
        if (!dues[i].place) {
            added[i] = step;
            int64_t at = (int64_t) step / 10 + (any(3) ? 50 : any(100));   //  Most in order, as with one timeout
            assert_int_equal(wire_heap_try(&heap, &dues[i], at), 0);
        } else
            wire_heap_remove(&heap, any(2) ? &dues[i] : wire_heap_first(&heap));
        assert_ptr_equal(wire_heap_first(&heap), earliest(dues, added));
    }
    while (wire_heap_first(&heap)) {
        assert_ptr_equal(wire_heap_first(&heap), earliest(dues, added));
        wire_heap_remove(&heap, wire_heap_first(&heap));
    }
    assert_int_equal(heap.count, 0);
    wire_heap_free(&heap);
}

//  A few long timers do not make the usual deadlines, each later than the last, go through the heap.
static void test_heap_lists_deadlines_before_long_timers(void **state)
{
    (void) state;
    wire_heap_t heap = { 0 };
    wire_due_t timers[8] = { 0 }, calls[100] = { 0 };
    for (size_t i = 0; i < 8; i++)
        wire_heap_try(&heap, &timers[i], 60000);
    for (size_t i = 0; i < 100; i++)
        wire_heap_try(&heap, &calls[i], 30000 + (int64_t) (i / 2));
    assert_int_equal(heap.count, 0);
    for (size_t i = 0; i < 100; i++) {
        assert_ptr_equal(wire_heap_first(&heap), &calls[i]);
        wire_heap_remove(&heap, &calls[i]);
    }
    assert_ptr_equal(wire_heap_first(&heap), &timers[0]);
}

static void test_heap_removes_twice(void **state)
{
    wire_heap_t heap = { 0 };
    wire_due_t a = { 0 }, b = { 0 };
    (void) state;
    wire_heap_remove(&heap, &a);
    wire_heap_try(&heap, &a, 5);
    wire_heap_try(&heap, &b, 6);
    wire_heap_remove(&heap, &a);
    wire_heap_remove(&heap, &a);
    assert_ptr_equal(wire_heap_first(&heap), &b);
    wire_heap_remove(&heap, &b);
    assert_null(wire_heap_first(&heap));
    wire_heap_try(&heap, &a, 7);
    wire_heap_free(&heap);
    assert_null(wire_heap_first(&heap));
}

//  ---- Pendings --------------------------------------------------------------

#define MANY 100000

static void test_pendings_many_and_ids_once(void **state)
{
    node_pendings_t table = { 0 };
    uint64_t *ids = calloc(MANY, sizeof *ids);
    size_t alive = 0;
    uint64_t last = 0;
    (void) state;
    seed = 2;
    for (size_t added = 0; added < MANY;) {
        if (alive == 0 || any(3)) {
            node_pending_t *pending = node_pendings_add(&table, NULL, added % 4 == 0);
            assert_true(pending->id > last);        //  Never used twice
            last = pending->id;
            ids[alive++] = pending->id;
            added++;
        } else {
            size_t i = any((uint32_t) alive);
            node_pending_t *pending = node_pendings_find(&table, ids[i]);
            assert_non_null(pending);
            node_pendings_take(&table, pending);
            node_pendings_recycle(&table, pending);
            assert_null(node_pendings_find(&table, ids[i]));
            ids[i] = ids[--alive];
        }
    }
    assert_int_equal(table.count, alive);
    size_t holding = 0;
    for (size_t i = 0; i < alive; i++) {
        const node_pending_t *pending = node_pendings_find(&table, ids[i]);
        assert_int_equal(pending->id, ids[i]);
        holding += !pending->background;
    }
    assert_int_equal(table.holding, holding);
    node_pendings_free(&table);
    free(ids);
}

static void test_pendings_hold_their_remote(void **state)
{
    node_pendings_t table = { 0 };
    node_remotes_t remotes = { 0 };
    (void) state;
    alua_remote_t *a = node_remotes_get(&remotes, str("a")), *b = node_remotes_get(&remotes, str("b"));
    node_pending_t *one = node_pendings_add(&table, a, false);
    node_pending_t *two = node_pendings_add(&table, a, false);
    node_pending_t *three = node_pendings_add(&table, a, false);
    assert_int_equal(a->refs, 3);
    node_pendings_take(&table, two);                //  From the middle
    assert_int_equal(a->refs, 3);
    node_pendings_recycle(&table, two);
    assert_int_equal(a->refs, 2);
    node_pendings_move(three, b);
    assert_int_equal(a->refs, 1);
    assert_int_equal(b->refs, 1);
    assert_ptr_equal(a->pendings, one);
    assert_ptr_equal(b->pendings, three);
    assert_null(one->after);
    node_pendings_take(&table, one);
    node_pendings_recycle(&table, one);
    assert_null(a->pendings);
    assert_int_equal(table.count, 1);
    node_pendings_free(&table);
    node_remotes_free(&remotes);
}

//  ---- Mailbox ---------------------------------------------------------------

static void test_mailbox_keeps_order_and_counts(void **state)
{
    node_mailbox_t box;
    uint8_t bytes[64];
    uint64_t in = 0, out = 0;
    size_t size = 0;
    (void) state;
    seed = 3;
    node_mailbox_init(&box);
    assert_null(node_mailbox_pop(&box));
    for (int i = 0; i < 10000; i++) {
        if (any(2)) {
            node_mail_t *mail = node_mail_new(&box, NODE_MAIL_MESSAGE);
            mail->msg.request = ++in;
            mail->msg.whole = (wire_reader_t) { bytes, bytes + in % 64 };
            size += in % 64;
            node_mailbox_push(&box, mail);
        } else if (in > out) {
            node_mail_t *mail = node_mailbox_pop(&box);
            assert_int_equal(mail->msg.request, ++out);
            size -= out % 64;
            node_mail_recycle(&box, mail);
        }
        assert_int_equal(box.events, in - out);
        assert_int_equal(box.bytes, size);
    }
    while (in > out) {
        node_mail_t *mail = node_mailbox_pop(&box);
        assert_int_equal(mail->msg.request, ++out);
        mail->deadline = -1;
        mail->frame = bytes;                        //  Given back by whoever popped it
        mail->own = malloc(1);
        node_mail_recycle(&box, mail);
    }
    assert_int_equal(box.bytes, 0);
    node_mail_t *fresh = node_mail_new(&box, NODE_MAIL_POST);
    assert_null(fresh->frame);                      //  A used entry comes back cleared
    assert_null(fresh->own);
    assert_int_equal(fresh->deadline, 0);
    assert_ptr_equal(fresh->msg.whole.at, fresh->msg.whole.end);
    node_mail_recycle(&box, fresh);
    node_mailbox_free(&box);
}

//  ---- Remotes ---------------------------------------------------------------

static wire_str_t numbered(char *room, int i)
{
    snprintf(room, 32, "%d@net", i);
    return str(room);
}

static void test_remotes_are_found_again(void **state)
{
    node_remotes_t table = { 0 };
    char name[32];
    (void) state;
    assert_null(node_remotes_find(&table, str("1@net")));
    for (int i = 0; i < 5000; i++)
        node_remotes_get(&table, numbered(name, i))->sent_events = (uint64_t) i;
    assert_int_equal(table.count, 5000);
    for (int i = 0; i < 5000; i++) {
        alua_remote_t *remote = node_remotes_find(&table, numbered(name, i));
        assert_int_equal(remote->sent_events, i);
        assert_string_equal(alua_remote_id(remote), name);
        assert_ptr_equal(node_remotes_get(&table, str(name)), remote);
    }
    assert_null(node_remotes_find(&table, str("5000@net")));
    node_remotes_free(&table);
}

static void test_sweep_forgets_whom_nobody_needs(void **state)
{
    node_remotes_t table = { 0 };
    char name[32];
    (void) state;
    for (int i = 0; i < 1000; i++)
        node_remotes_get(&table, numbered(name, i));
    node_remotes_sweep(&table);
    assert_int_equal(table.count, 1000);            //  Not worth it yet
    for (int i = 1000; i < 2000; i++)
        node_remotes_get(&table, numbered(name, i));
    alua_remote_hold(node_remotes_find(&table, str("7@net")));
    node_remotes_find(&table, str("8@net"))->route = NODE_RELAY;
    node_remotes_sweep(&table);
    assert_int_equal(table.count, 2);
    assert_non_null(node_remotes_find(&table, str("7@net")));
    assert_non_null(node_remotes_find(&table, str("8@net")));
    assert_null(node_remotes_find(&table, str("9@net")));
    node_remotes_free(&table);
}

//  When few can be forgotten, the walk is not repeated for each newcomer.
static void test_sweep_waits_until_it_pays(void **state)
{
    node_remotes_t table = { 0 };
    char name[32];
    (void) state;
    for (int i = 0; i < 2000; i++)
        alua_remote_hold(node_remotes_get(&table, numbered(name, i)));
    node_remotes_sweep(&table);
    assert_int_equal(table.count, 2000);
    node_remotes_get(&table, str("newcomer"));
    node_remotes_sweep(&table);
    assert_int_equal(table.count, 2001);
    for (int i = 2000; i < 4000; i++)
        node_remotes_get(&table, numbered(name, i));
    node_remotes_sweep(&table);
    assert_int_equal(table.count, 2000);
    node_remotes_free(&table);
}

//  ---- Apps ------------------------------------------------------------------

static int snapshot(node_app_t *app, const char *letters, ...)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    va_list args;
    va_start(args, letters);
    uint32_t version = va_arg(args, uint32_t);
    wire_put_uint(&out, version);
    wire_put_array(&out, (uint32_t) strlen(letters));
    put_fields(&out, letters, args);
    va_end(args);
    uint8_t *exact = malloc(out.size);
    memcpy(exact, out.data, out.size);
    wire_reader_t at = wire_reader(exact, out.size);
    int rc = node_app_snapshot(app, &at);
    free(exact);
    wire_buf_free(&out);
    return rc;
}

static void members_are(const node_app_t *app, const char *expected)
{
    char all[256] = "";
    for (size_t i = 0; i < app->count; i++) {
        strcat(all, app->ids[i]);
        strcat(all, " ");
    }
    assert_string_equal(all, expected);
}

static void test_app_follows_changes_from_its_snapshot_on(void **state)
{
    node_apps_t apps = { .first = NULL };
    (void) state;
    node_app_t *app = node_apps_get(&apps, str("ring"));
    assert_false(node_app_change(app, 1, true, str("x")));      //  No snapshot yet
    assert_int_equal(snapshot(app, "sss", 5, "a", "b", "c"), 0);
    members_are(app, "a b c ");
    assert_false(node_app_change(app, 5, true, str("stale")));
    assert_false(node_app_change(app, 4, false, str("a")));
    assert_true(node_app_change(app, 6, true, str("d")));
    assert_true(node_app_change(app, 7, false, str("a")));
    assert_true(node_app_change(app, 8, true, str("a")));       //  Back, but last in order
    members_are(app, "b c d a ");
    assert_true(node_app_change(app, 9, false, str("nobody")));
    assert_int_equal(app->version, 9);
    members_are(app, "b c d a ");
    assert_int_equal(snapshot(app, "s", 2, "z"), 0);            //  Of a new broker: it counts from anew
    members_are(app, "z ");
    assert_int_equal(app->version, 2);
    node_apps_free(&apps);
}

static void test_app_forgotten_and_followed_anew_is_another_list(void **state)
{
    node_apps_t apps = { .first = NULL };
    (void) state;
    node_app_t *app = node_apps_get(&apps, str("ring"));
    assert_int_equal(snapshot(app, "s", 1, "a"), 0);
    uint64_t changes = app->changes;
    node_apps_free(&apps);              //  As when a network is left
    app = node_apps_get(&apps, str("ring"));
    assert_int_equal(snapshot(app, "s", 1, "b"), 0);
    assert_true(app->changes > changes);
    node_apps_free(&apps);
}

static void test_app_malformed_snapshot_changes_nothing(void **state)
{
    node_apps_t apps = { .first = NULL };
    (void) state;
    node_app_t *app = node_apps_get(&apps, str("ring"));
    assert_int_equal(snapshot(app, "ss", 5, "a", "b"), 0);
    uint8_t no_list[] = { 9, 9 };
    wire_reader_t at = wire_reader(no_list, sizeof no_list);
    assert_int_equal(node_app_snapshot(app, &at), WIRE_E_MALFORMED);
    assert_int_equal(app->version, 5);
    members_are(app, "a b ");
    node_apps_free(&apps);
}

static void test_apps_by_name(void **state)
{
    node_apps_t apps = { .first = NULL };
    (void) state;
    node_app_t *a = node_apps_get(&apps, str("a")), *b = node_apps_get(&apps, str("b"));
    assert_ptr_equal(node_apps_get(&apps, str("a")), a);
    assert_ptr_equal(node_apps_find(&apps, str("b")), b);
    assert_null(node_apps_find(&apps, str("ab")));
    node_apps_remove(&apps, a);
    assert_null(node_apps_find(&apps, str("a")));
    assert_ptr_equal(node_apps_find(&apps, str("b")), b);
    node_apps_free(&apps);
    assert_null(node_apps_find(&apps, str("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_agrees_with_a_list),
        cmocka_unit_test(test_heap_lists_deadlines_before_long_timers),
        cmocka_unit_test(test_heap_removes_twice),
        cmocka_unit_test(test_pendings_many_and_ids_once),
        cmocka_unit_test(test_pendings_hold_their_remote),
        cmocka_unit_test(test_mailbox_keeps_order_and_counts),
        cmocka_unit_test(test_remotes_are_found_again),
        cmocka_unit_test(test_sweep_forgets_whom_nobody_needs),
        cmocka_unit_test(test_sweep_waits_until_it_pays),
        cmocka_unit_test(test_app_follows_changes_from_its_snapshot_on),
        cmocka_unit_test(test_app_forgotten_and_followed_anew_is_another_list),
        cmocka_unit_test(test_app_malformed_snapshot_changes_nothing),
        cmocka_unit_test(test_apps_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
