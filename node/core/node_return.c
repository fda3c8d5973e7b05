//  node_return - what a node asks of a broker that was restarted
//
//  HELLO claims id, names and apps; watches are asked for again here. The new broker learns of its nodes as they
//  come back, each in its own time, so for a while its views of apps are short, and whoever asks all members must
//  not miss one. Until that while is over ours only take in who is new, and lose whom the new broker has seen
//  leave or die; then whoever has not come back goes, and the difference is told as MEMBERS.

#include <stdlib.h>
#include <string.h>
#include "node_core.h"

//  Nodes redial every half second; one that computes is late, and comes as a join. Until then nobody's death is
//  noticed here, so it must not be long either.
#define RETURN_TIME 3000

static void ask_text(node_core_t *self, wire_type_t type, const char *text)
{
    wire_buf_t fields = WIRE_BUF_EMPTY;
    if (text)
        wire_put_text(&fields, text, strlen(text));
    else
        wire_put_nil(&fields);
    node_ask_t ask = { .type = type, .fields = fields.data, .size = fields.size, .count = 1,
                       .timeout = WIRE_TIMEOUT, .background = true };
    if (!fields.failed)
        node_core_ask(self, &ask);
    wire_buf_free(&fields);
}

static void ask_views(void *arg)
{
    node_core_t *self = arg;
    self->return_timer = 0;
    for (const node_app_t *app = self->apps.first; app; app = app->next)
        ask_text(self, app->joined ? WIRE_JOIN : WIRE_FOLLOW, app->name);
}

void node_core_returned(node_core_t *self)
{
    node_core_ask_anew(self);
    for (const node_watch_t *watch = self->watches; watch; watch = watch->next)
        ask_text(self, WIRE_WATCH, watch->text);
    if (self->watches_all)
        ask_text(self, WIRE_WATCH, NULL);
    node_core_watches_returned(self);
    if (!self->apps.first)
        return;
    for (node_app_t *app = self->apps.first; app; app = app->next) {
        app->stale = app->known;
        ask_text(self, WIRE_FOLLOW, app->name);
    }
    if (self->return_timer)
        node_core_timer_cancel(self, self->return_timer);
    self->return_timer = node_core_timer(self, RETURN_TIME, true, ask_views, self);
    if (!self->return_timer)
        ask_views(self);
}

//  ---- The difference --------------------------------------------------------------

static void put_change(wire_buf_t *out, const node_app_t *app, const char *what, wire_str_t id)
{
    wire_msg_begin(out, WIRE_MEMBERS, 0, 0, 5);
    wire_put_text(out, app->name, strlen(app->name));
    wire_put_uint(out, app->version);
    wire_put_cstr(out, what);
    wire_put_text(out, id.data, id.size);
    wire_put_text(out, id.data, id.size);     //  The node's name is not known here; the id finds it as well
}

//  As if the broker had said it.
static void tell(node_core_t *self, const node_app_t *app, const char *what, wire_str_t id)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    put_change(&out, app, what, id);
    wire_reader_t at = wire_reader(out.data, out.size);
    node_mail_t *mail = out.failed ? NULL : node_mail_new(&self->mailbox, NODE_MAIL_MESSAGE);
    if (!mail) {
        wire_buf_free(&out);
        return;
    }
    (void) wire_msg_next(&at, &mail->msg);
    mail->own = out.data;
    node_mailbox_push(&self->mailbox, mail);
}

static wire_str_t text_of(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

int node_core_view(node_core_t *self, node_app_t *app, wire_reader_t *fields)
{
    bool stale = app->stale;
    node_app_t before = { .ids = NULL };
    if (stale)
        node_app_move(app, &before);
    int rc = node_app_snapshot(app, fields);
    for (size_t i = 0; stale && rc == 0 && i < before.count; i++)
        if (!node_app_has(app, text_of(before.ids[i])))
            tell(self, app, "gone", text_of(before.ids[i]));
    for (size_t i = 0; stale && rc == 0 && i < app->count; i++)
        if (!node_app_has(&before, text_of(app->ids[i])))
            tell(self, app, "join", text_of(app->ids[i]));
    node_app_clear(&before);
    return rc;
}

int node_core_view_early(node_core_t *self, node_app_t *app, wire_reader_t *fields)
{
    uint64_t version;
    uint32_t count;
    if (wire_read_uint(fields, &version) || wire_read_array(fields, &count))
        return WIRE_E_MALFORMED;
    while (count--) {
        wire_str_t id;
        if (wire_read_name(fields, &id))
            return WIRE_E_MALFORMED;
        if (node_app_add(app, id))
            tell(self, app, "join", id);
    }
    return 0;
}
