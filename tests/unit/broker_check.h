//  broker_check - what must be true of a broker's core at any time, seen from inside

#ifndef BROKER_CHECK_H
#define BROKER_CHECK_H

#include "broker_fixture.h"
#include "broker_state.h"

static inline bool alive(const broker_core_t *core, const void *session)
{
    const broker_session_t *s = core->first;
    while (s && s != session)
        s = s->next;
    return s != NULL;
}

static inline void check_session(const broker_core_t *core, const broker_session_t *s)
{
    assert_ptr_equal(broker_session_find(core, s->number), s);
    assert_ptr_equal(broker_registry_find(core, broker_str(s->id)), s);
    assert_ptr_equal(broker_registry_find(core, broker_str(s->node)), s);
    for (size_t i = 0; i < s->names.count; i++)
        assert_ptr_equal(broker_registry_find(core, broker_str(s->names.items[i])), s);
    for (size_t i = 0; i < s->apps.count; i++)
        assert_true(broker_list_has(&((broker_app_t *) s->apps.items[i])->members, s));
    for (size_t i = 0; i < s->follows.count; i++)
        assert_true(broker_list_has(&((broker_app_t *) s->follows.items[i])->followers, s));
    for (size_t i = 0; i < s->watches.count; i++)
        assert_true(broker_list_has(&((broker_watch_t *) s->watches.items[i])->watchers, s));
    for (size_t i = 0; i < s->attends.count; i++)
        assert_true(alive(core, s->attends.items[i]));
    for (size_t i = 0; i < s->attendants.count; i++)
        assert_true(alive(core, s->attendants.items[i]));
}

static inline void check_sessions(const broker_core_t *core)
{
    size_t count = 0, members = 0, names = 0, silent = 0;
    for (const broker_session_t *s = core->first; s; s = s->next) {
        check_session(core, s);
        count++;
        members += !s->visitor;
        silent += s->silent;
        names += s->names.count + (strcmp(s->id, s->node) ? 2 : 1);
    }
    assert_int_equal(count, core->sessions);
    assert_int_equal(count, core->by_number.count);
    assert_int_equal(members, core->members);
    assert_int_equal(silent, core->silent);
    assert_int_equal(names, core->who.count);  //  Nobody's name is left behind
}

static inline void check_app(const broker_core_t *core, const broker_app_t *app)
{
    assert_true(app->members.count + app->followers.count > 0);
    for (size_t i = 0; i < app->members.count; i++) {
        const broker_session_t *member = app->members.items[i];
        assert_true(alive(core, member));
        assert_true(broker_list_has(&member->apps, app));
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(app->members.items[j], member);
    }
    for (size_t i = 0; i < app->followers.count; i++)
        assert_true(alive(core, app->followers.items[i]));
}

static inline void check_apps(const broker_core_t *core)
{
    assert_int_equal(core->apps.count, core->app_order.count);
    for (size_t i = 0; i < core->app_order.count; i++)
        check_app(core, core->app_order.items[i]);
}

static inline void check_watches(const broker_core_t *core)
{
    for (size_t i = 0; i < core->watches.capacity; i++) {
        const broker_watch_t *watch = core->watches.entries[i].key ? core->watches.entries[i].value : NULL;
        for (size_t j = 0; watch && j < watch->watchers.count; j++)
            assert_true(alive(core, watch->watchers.items[j]));
        assert_true(!watch || watch->watchers.count > 0);
    }
    for (size_t i = 0; i < core->watch_all.count; i++)
        assert_true(alive(core, core->watch_all.items[i]));
}

//  Each key has somebody to whom it means something, and both sides know of each other.
static inline void check_key(const broker_core_t *core, const broker_key_t *key)
{
    assert_ptr_equal(broker_key_find(core, broker_str(key->text)), key);
    assert_true(key->sessions.count + key->heeders.count + key->names.count > 0 || *key->origin);
    assert_non_null(key->rights);
    assert_null(key->next_rights);
    for (size_t i = 0; i < key->sessions.count; i++) {
        const broker_session_t *s = key->sessions.items[i];
        assert_true(alive(core, s));
        assert_ptr_equal(s->key, key);
    }
    for (size_t i = 0; i < key->heeders.count; i++) {
        const broker_session_t *s = key->heeders.items[i];
        assert_true(alive(core, s));
        assert_true(broker_list_has(&s->heeds, key));
    }
}

static inline void check_keys(const broker_core_t *core)
{
    size_t names = 0, heeds = 0, heeders = 0;
    assert_int_equal(core->keys.count, core->key_order.count);
    for (size_t i = 0; i < core->key_order.count; i++) {
        const broker_key_t *key = core->key_order.items[i];
        check_key(core, key);
        names += key->names.count;
        heeders += key->heeders.count;
    }
    assert_int_equal(names, core->owned.count);
    for (const broker_session_t *s = core->first; s; s = s->next) {
        heeds += s->heeds.count;
        assert_true(!s->key || broker_list_has(&s->key->sessions, s));
    }
    assert_int_equal(heeds, heeders);
}

static inline void check_core(const broker_core_t *core)
{
    check_sessions(core);
    check_apps(core);
    check_watches(core);
    check_keys(core);
}

#endif
