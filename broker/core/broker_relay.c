//  broker_relay - what two processes cannot say to each other directly
//
//  The envelope is written anew: `from` as the session proved it, `to` as the receiver is called, the
//  deadline shortened by what the message waited here. What stands behind is copied.

#include "broker_state.h"

#include <string.h>

static bool is_work(wire_type_t type)
{
    return type == WIRE_CHUNK || type == WIRE_CALL;
}

static void put_key(wire_buf_t *out, const char *key, const char *value)
{
    wire_put_cstr(out, key);
    wire_put_text(out, value, strlen(value));
}

//  {code, message, node, where, traceback[], definite, value}
static void put_error(wire_buf_t *out, int code, const char *text, const char *node, bool definite)
{
    wire_put_map(out, 7);
    put_key(out, "code", wire_error_word(code));
    put_key(out, "message", text);
    put_key(out, "node", node);
    put_key(out, "where", "");
    wire_put_cstr(out, "traceback");
    wire_put_array(out, 0);
    wire_put_cstr(out, "definite");
    wire_put_bool(out, definite);
    wire_put_cstr(out, "value");
    wire_put_nil(out);
}

//  FAIL in the name of whom the author asked; with request 0, when nobody waits, it is there to be shown.
//  core->text is the sentence.
static void fail(broker_core_t *self, broker_session_t *author, const wire_msg_t *msg, int code,
                 bool definite)
{
    if (!is_work(msg->type))
        return;
    wire_buf_clear(&self->message);
    wire_msg_begin_proc(&self->message, WIRE_FAIL, msg->request, 0, msg->to, broker_str(author->id), 1);
    put_error(&self->message, code, self->text, self->address, definite);
    if (broker_session_send(self, author, &self->message) == 0)
        self->counters.fails_sent++;
}

//  The message ends here.
static void refuse(broker_core_t *self, broker_session_t *author, const wire_msg_t *msg, int code,
                   uint64_t *counter)
{
    ++*counter;
    fail(self, author, msg, code, true);
}

void broker_relay_refuse(broker_core_t *self, broker_session_t *author, const wire_msg_t *msg, int code)
{
    refuse(self, author, msg, code, &self->counters.denied[code]);
}

static int pass_on(broker_core_t *self, const broker_session_t *author, const broker_session_t *target,
                   const wire_msg_t *msg, uint32_t ttl)
{
    wire_buf_t *out = &self->message;
    wire_buf_clear(out);
    wire_msg_begin_proc(out, msg->type, msg->request, ttl, broker_str(author->id), broker_str(target->id),
                        msg->count);
    wire_buf_append(out, msg->fields.at, (size_t) (msg->fields.end - msg->fields.at));
    if (out->failed)
        return WIRE_E_NO_MEMORY;
    if (out->size > WIRE_MAX_MESSAGE)
        return WIRE_E_TOO_BIG;
    if (!target->link || target->doomed)
        return WIRE_E_GONE;
    return self->output.send(self->output_arg, target->link, out->data, out->size);
}

static void not_passed(broker_core_t *self, broker_session_t *author, const broker_session_t *target,
                       const wire_msg_t *msg, int code)
{
    bool full = code == WIRE_E_FULL;
    broker_say(self, code,
               full ? "%s does not read what it is sent: no room in the broker" : "cannot pass it on to %s",
               target->id);
    refuse(self, author, msg, code, full ? &self->counters.relay_full : &self->counters.relay_failed);
}

//  Where there are keys the receiver must know what the author of work may do, before it has it.
static int introduce(broker_core_t *self, const broker_session_t *author, broker_session_t *target, const wire_msg_t *msg,
                     int64_t now)
{
    return self->keyed && is_work(msg->type) ? broker_vouch_tell(self, target, author, now) : 0;
}

void broker_relay(broker_core_t *self, broker_session_t *author, const wire_msg_t *msg, int64_t now, int64_t waited)
{
    broker_session_t *target = broker_registry_find(self, msg->to);
    if (!target) {
        int code = broker_registry_unknown(self, msg->to);
        refuse(self, author, msg, code, &self->counters.relay_unknown);
        return;
    }
    if (msg->ttl && waited >= (int64_t) msg->ttl) {
        int code = broker_say(self, WIRE_E_EXPIRED, "the deadline passed in the broker");
        refuse(self, author, msg, code, &self->counters.relay_expired);
        return;
    }
    uint32_t ttl = msg->ttl && waited > 0 ? msg->ttl - (uint32_t) waited : msg->ttl;
    int rc = introduce(self, author, target, msg, now);
    if (rc == 0)
        rc = pass_on(self, author, target, msg, ttl);
    if (rc) {
        not_passed(self, author, target, msg, rc);
        return;
    }
    self->counters.relayed++;
    self->counters.relayed_bytes += self->message.size;
}

//  It was on its way to somebody who is gone: whether it was handled, nobody knows.
void broker_relay_lost(broker_core_t *self, const wire_msg_t *msg, const broker_session_t *target)
{
    self->counters.relay_lost++;
    broker_session_t *author = broker_registry_find(self, msg->from);
    if (!author)
        return;
    broker_say(self, WIRE_E_GONE, "%s did not acknowledge this before its link ended", target->id);
    fail(self, author, msg, WIRE_E_GONE, false);
}
