//  broker_app - named groups of processes
//
//  A version per app grows by one at each change, so two views of one version are equal. It goes on
//  growing when an app disappears and begins anew: a follower never sees it fall.

#include "broker_state.h"

#include <stdlib.h>
#include <string.h>

static broker_app_t *find(const broker_core_t *self, wire_str_t name)
{
    return broker_map_get(&self->apps, name.data, name.size);
}

static void destroy(broker_core_t *self, broker_app_t *app)
{
    if (app->version > self->app_version)
        self->app_version = app->version;
    broker_map_remove(&self->apps, app->name, strlen(app->name));
    broker_list_remove(&self->app_order, app);
    broker_list_free(&app->members);
    broker_list_free(&app->followers);
    free(app->name);
    free(app);
}

static void destroy_when_forgotten(broker_core_t *self, broker_app_t *app)
{
    if (app->members.count == 0 && app->followers.count == 0)
        destroy(self, app);
}

static broker_app_t *create(broker_core_t *self, wire_str_t name)
{
    broker_app_t *app = calloc(1, sizeof *app);
    if (!app)
        return NULL;
    app->name = broker_copy(name);
    if (app->name && broker_list_add(&self->app_order, app)) {
        if (broker_map_put(&self->apps, app->name, name.size, app)) {
            app->version = self->app_version;
            return app;
        }
        broker_list_remove(&self->app_order, app);
    }
    free(app->name);
    free(app);
    return NULL;
}

static int no_memory(broker_core_t *self)
{
    return broker_say(self, WIRE_E_NO_MEMORY, "the broker is out of memory");
}

//  The app, made when it is not there.
static broker_app_t *get(broker_core_t *self, wire_str_t name)
{
    broker_app_t *app = find(self, name);
    return app ? app : create(self, name);
}

//  MEMBERS to all who follow, except the one whose own doing it was: it has an answer.
static void tell(broker_core_t *self, const broker_app_t *app, const char *what, const broker_session_t *who)
{
    wire_buf_t *out = &self->message;
    wire_buf_clear(out);
    wire_msg_begin(out, WIRE_MEMBERS, 0, 0, 5);
    wire_put_text(out, app->name, strlen(app->name));
    wire_put_uint(out, app->version);
    wire_put_cstr(out, what);
    wire_put_text(out, who->id, strlen(who->id));
    wire_put_text(out, who->node, strlen(who->node));
    for (size_t i = 0; i < app->followers.count; i++) {
        broker_session_t *follower = app->followers.items[i];
        if (follower == who || broker_session_send(self, follower, out))
            continue;
        follower->sent++;
        self->counters.members_sent++;
    }
}

static int follow(broker_core_t *self, broker_session_t *session, broker_app_t *app)
{
    if (broker_list_has(&session->follows, app))
        return 0;
    if (session->follows.count >= BROKER_MAX_APPS)
        return broker_say(self, WIRE_E_FULL, "%s follows %d apps already", session->id, BROKER_MAX_APPS);
    if (!broker_list_reserve(&session->follows) || !broker_list_add(&app->followers, session))
        return no_memory(self);
    broker_list_add(&session->follows, app);
    return 0;
}

static int enter(broker_core_t *self, broker_session_t *session, broker_app_t *app)
{
    if (session->apps.count >= BROKER_MAX_APPS)
        return broker_say(self, WIRE_E_FULL, "%s is in %d apps already", session->id, BROKER_MAX_APPS);
    if (!broker_list_reserve(&session->apps) || !broker_list_reserve(&app->members))
        return no_memory(self);
    int rc = follow(self, session, app);
    if (rc)
        return rc;
    broker_list_add(&session->apps, app);
    broker_list_add(&app->members, session);
    app->version++;
    tell(self, app, "join", session);
    return 0;
}

int broker_app_join(broker_core_t *self, broker_session_t *session, wire_str_t name, broker_app_t **app_p)
{
    broker_app_t *app = get(self, name);
    if (!app)
        return no_memory(self);
    *app_p = app;
    int rc = broker_list_has(&session->apps, app) ? follow(self, session, app) : enter(self, session, app);
    if (rc)
        destroy_when_forgotten(self, app);
    return rc;
}

static void leave(broker_core_t *self, broker_session_t *session, broker_app_t *app, const char *what)
{
    broker_list_remove(&session->apps, app);
    broker_list_remove(&app->members, session);
    app->version++;
    tell(self, app, what, session);
}

int broker_app_leave(broker_core_t *self, broker_session_t *session, wire_str_t name, uint64_t *version)
{
    broker_app_t *app = find(self, name);
    if (!app || !broker_list_has(&session->apps, app))
        return broker_say(self, WIRE_E_STATE, "%s is not in the app %.*s", session->id, (int) name.size,
                          name.data);
    leave(self, session, app, "leave");
    *version = app->version;
    destroy_when_forgotten(self, app);
    return 0;
}

int broker_app_follow(broker_core_t *self, broker_session_t *session, wire_str_t name, broker_app_t **app_p)
{
    broker_app_t *app = get(self, name);
    if (!app)
        return no_memory(self);
    *app_p = app;
    int rc = follow(self, session, app);
    if (rc)
        destroy_when_forgotten(self, app);
    return rc;
}

static void unfollow(broker_core_t *self, broker_session_t *session, broker_app_t *app)
{
    broker_list_remove(&session->follows, app);
    broker_list_remove(&app->followers, session);
    destroy_when_forgotten(self, app);
}

void broker_app_unfollow(broker_core_t *self, broker_session_t *session, wire_str_t name)
{
    broker_app_t *app = find(self, name);
    if (app && broker_list_has(&session->follows, app))
        unfollow(self, session, app);
}

//  Its apps first, which it may follow without being in them; then what it only followed.
void broker_app_end(broker_core_t *self, broker_session_t *session, const char *what)
{
    broker_app_t *app;
    while ((app = broker_list_last(&session->apps)) != NULL) {
        leave(self, session, app, what);
        destroy_when_forgotten(self, app);
    }
    while ((app = broker_list_last(&session->follows)) != NULL)
        unfollow(self, session, app);
}

void broker_app_put_view(const broker_app_t *app, wire_buf_t *out)
{
    wire_put_uint(out, app->version);
    wire_put_array(out, (uint32_t) app->members.count);
    for (size_t i = 0; i < app->members.count; i++) {
        const broker_session_t *member = app->members.items[i];
        wire_put_text(out, member->id, strlen(member->id));
    }
}

void broker_app_put_names(const broker_core_t *self, wire_buf_t *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < self->app_order.count; i++)
        count += ((const broker_app_t *) self->app_order.items[i])->members.count > 0;
    wire_put_array(out, count);
    for (size_t i = 0; i < self->app_order.count; i++) {
        const broker_app_t *app = self->app_order.items[i];
        if (app->members.count)
            wire_put_text(out, app->name, strlen(app->name));
    }
}

void broker_app_free_all(broker_core_t *self)
{
    broker_app_t *app;
    while ((app = broker_list_last(&self->app_order)) != NULL)
        destroy(self, app);
    broker_list_free(&self->app_order);
    broker_map_free(&self->apps);
}
