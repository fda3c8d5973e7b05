//  node_jail - chunks of authors with right `jail`: run in alua-jail, answered from here, unseen by the handler
//
//  The principal is the author's key, so all nodes of a key share a worker and nobody else does. A text finds what JAIL.md
//  says and, besides, `alua.id` (this process), `alua.send(dst, chunk, ...)` and `print`, which writes a line of our audit log. What
//  it sends leaves in this node's name, so it goes only where its author could have run that code in full: a call
//  that is answered at once can bring nothing back, so there is no `call`.
//  An answer that finds no room is kept and tried again: nobody waits for a slow author.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jail.h"
#include "node_shell.h"

#define DEADLINE    10000       //  ms that a chunk may take at most
#define WORKERS     8           //  Keys that run at once
#define CALLS       100         //  alua.send and print of one chunk
#define RETRY       20          //  ms until an answer looks for room again
#define ANSWERS     1024        //  Kept at most
#define SENDS       1000        //  alua.send of all chunks whose outcome is not known yet
#define PRINTED     300         //  Bytes of a line that a text prints

struct node_job {
    node_job_t *next, **back;
    alua_node_t *node;
    alua_remote_t *from;        //  Held
    node_author_t *author;      //  Held
    uint64_t request;
    uint32_t flags;
    int64_t until;              //  Then its answer is given up; 0: it runs
    wire_type_t type;           //  The answer, REPLY or FAIL
    wire_buf_t body;
};

static wire_str_t text_of(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

static void job_free(node_job_t *self)
{
    alua_node_t *node = self->node;
    *self->back = self->next;
    if (self->next)
        self->next->back = self->back;
    node->jobs_count--;
    node->core.holds -= !(self->flags & WIRE_BACKGROUND);
    alua_remote_release(self->from);
    node_author_release(self->author);
    wire_buf_free(&self->body);
    free(self);
}

//  ---- Answers -----------------------------------------------------------------------

//  A core that is dry looks whether it is done after each event: this is one.
static void on_over(void *arg)
{
    (void) arg;
}

static void over(node_job_t *self)
{
    alua_node_t *node = self->node;
    job_free(self);
    if (node->core.dry)
        (void) node_core_post(&node->core, on_over, NULL);
}

static int answer(node_job_t *self)
{
    node_core_t *core = &self->node->core;
    uint64_t request = self->flags & WIRE_WANTS_REPLY || self->type == WIRE_REPLY ? self->request : 0;
    core->no_wait = true;
    int rc = node_core_answer(core, self->type, self->from, request, self->body.data, self->body.size);
    core->no_wait = false;
    return rc;
}

static void on_retry(void *arg);

static void retry_later(alua_node_t *self)
{
    if (!self->jobs_timer)
        self->jobs_timer = node_core_timer(&self->core, RETRY, true, on_retry, self);
}

static void on_retry(void *arg)
{
    alua_node_t *self = arg;
    node_job_t *next;
    int64_t now = alua_now(self);
    bool more = false;
    self->jobs_timer = 0;
    for (node_job_t *job = self->jobs; job; job = next) {
        next = job->next;
        if (!job->until)
            continue;
        if (answer(job) != WIRE_E_FULL || now >= job->until)
            over(job);
        else
            more = true;
    }
    if (more)
        retry_later(self);
}

static void say(node_job_t *self)
{
    if (self->body.failed || answer(self) != WIRE_E_FULL) {
        over(self);
        return;
    }
    self->until = alua_now(self->node) + NODE_ROOM_TIMEOUT;
    retry_later(self->node);
}

//  The worker's map, and in front of it where it was.
static void put_failure(node_job_t *self, wire_reader_t map)
{
    const char *id = self->node->core.id;
    uint32_t pairs = 0;
    (void) wire_read_map(&map, &pairs);
    wire_put_map(&self->body, pairs + 1);
    wire_put_cstr(&self->body, "node");
    wire_put_text(&self->body, id, strlen(id));
    wire_buf_append(&self->body, map.at, (size_t) (map.end - map.at));
}

static void on_outcome(void *arg, const jail_outcome_t *outcome)
{
    node_job_t *self = arg;
    bool reply = outcome->code == 0;
    self->type = reply ? WIRE_REPLY : WIRE_FAIL;
    if (self->node->leaving || (reply && !(self->flags & WIRE_WANTS_REPLY))) {
        over(self);
        return;
    }
    if (!reply)
        put_failure(self, outcome->body);
    else if (self->flags & WIRE_WANTS_RESULTS)
        wire_buf_append(&self->body, outcome->body.at, (size_t) (outcome->body.end - outcome->body.at));
    else
        wire_put_array(&self->body, 0);
    say(self);
}

//  ---- What a text asks for ------------------------------------------------------------

static int raise_error(node_job_t *self, wire_buf_t *out, int code, const char *text)
{
    node_core_put_error(&self->node->core, out, code, text);
    return code;
}

//  print(...): texts and numbers as they are, of all else its kind.
static int do_print(node_job_t *self, wire_reader_t args, uint32_t count, wire_buf_t *out)
{
    char line[PRINTED + 320];
    int at = snprintf(line, sizeof line, "jail: %.*s prints:", 255, self->from->id);
    int most = at + PRINTED;
    wire_item_t item;
    for (uint32_t i = 0; i < count && at < most; i++) {
        wire_reader_t value = args;
        wire_str_t text;
        if (wire_read_bytes(&value, &text) == 0)
            at += snprintf(line + at, (size_t) (most - at), " %.*s", (int) (text.size < PRINTED ? text.size : PRINTED), text.data);
        else if (wire_read(&value, &item) == 0 && item.kind == WIRE_IS_INT)
            at += snprintf(line + at, (size_t) (most - at), " %lld", (long long) item.as.integer);
        else
            at += snprintf(line + at, (size_t) (most - at), " (a value)");
        (void) wire_skip(&args);
    }
    node_audit(self->node, line);
    wire_put_array(out, 0);
    return 0;
}

//  A process id says its node: NAME, or 1@NAME.
static wire_str_t node_of(wire_str_t id)
{
    if (id.size > 2 && memcmp(id.data, "1@", 2) == 0)
        return (wire_str_t) { id.data + 2, id.size - 2 };
    return id;
}

static int may_send(node_job_t *self, wire_str_t to, wire_buf_t *out)
{
    char text[400];
    const node_core_t *core = &self->node->core;
    if (node_core_is_me(core, to))
        return raise_error(self, out, WIRE_E_USAGE, "alua.send: the text runs here already");
    if (self->author->revoked)
        return raise_error(self, out, WIRE_E_DENIED, "alua.send: the key of its author is not trusted any more");
    if (wire_str_same(to, node_remote_name(self->from)) || rights_code(self->author->rights, node_of(to)) == RIGHTS_FULL)
        return 0;
    snprintf(text, sizeof text, "alua.send: %.100s has no right 'code' in full on node %.*s (a name must be a node's or a process id)",
             self->from->id, (int) (to.size < 100 ? to.size : 100), to.data);
    node_audit(self->node, text);
    return raise_error(self, out, WIRE_E_DENIED, text);
}

//  A failure is nobody's but the log's: the node's own program has nothing to do with it.
static void on_sent(void *arg, const alua_outcome_t *outcome)
{
    alua_node_t *self = arg;
    char line[400];
    self->jailed_sends--;
    if (!outcome->code)
        return;
    snprintf(line, sizeof line, "jail: what was sent to %.*s failed: %s", (int) (outcome->from.size < 100 ? outcome->from.size : 100),
             outcome->from.data, wire_error_word(outcome->code));
    node_audit(self, line);
}

//  alua.send(dst, chunk, ...): no callback, and no waiting for room.
static int do_send(node_job_t *self, wire_reader_t args, uint32_t count, wire_buf_t *out)
{
    node_core_t *core = &self->node->core;
    wire_str_t to, code;
    wire_buf_t values = WIRE_BUF_EMPTY;
    if (count < 2 || wire_read_name(&args, &to) || wire_read_bytes(&args, &code))
        return raise_error(self, out, WIRE_E_USAGE, "alua.send(dst, chunk, ...): dst is an id or a node's name, chunk a text");
    int rc = may_send(self, to, out);
    if (rc)
        return rc;
    wire_put_array(&values, count - 2);
    wire_buf_append(&values, args.at, (size_t) (args.end - args.at));
    alua_request_t request = { .kind = ALUA_CHUNK, .to = to, .name = text_of("=jail"), .code = code, .args = values.data,
                               .args_size = values.size, .flags = WIRE_BACKGROUND, .timeout = WIRE_TIMEOUT, .fn = on_sent,
                               .arg = self->node };
    bool room = self->node->jailed_sends < SENDS;
    core->no_wait = true;
    rc = values.failed ? WIRE_E_NO_MEMORY : room ? node_core_request(core, &request, NULL) : WIRE_E_FULL;
    core->no_wait = false;
    self->node->jailed_sends += rc == 0;
    wire_buf_free(&values);
    if (rc)
        return raise_error(self, out, rc, NULL);
    wire_put_array(out, 1);
    wire_put_bool(out, true);
    return 0;
}

static int on_call(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *out)
{
    node_job_t *self = arg;
    uint32_t count;
    if (wire_read_array(&args, &count))
        return WIRE_E_MALFORMED;
    if (wire_str_is(name, "print"))
        return do_print(self, args, count, out);
    if (wire_str_is(name, "alua.send"))
        return do_send(self, args, count, out);
    return raise_error(self, out, WIRE_E_DENIED, "there are no modules in the jail: that takes the right 'code' in full here");
}

//  ---- Beginning -----------------------------------------------------------------------

//  `alua.id` stands before the text, on its first line, so that lines keep their numbers.
static void put_code(const alua_node_t *self, wire_str_t code, wire_buf_t *out)
{
    char byte[5];
    wire_buf_append(out, "alua.id='", 9);
    for (const char *c = self->core.id; *c; c++) {
        snprintf(byte, sizeof byte, "\\%03d", (unsigned char) *c);
        wire_buf_append(out, byte, 4);
    }
    wire_buf_append(out, "'; ", 3);
    wire_buf_append(out, code.data, code.size);
}

static unsigned time_left(const alua_node_t *self, const alua_event_t *event)
{
    int64_t left = event->deadline ? event->deadline - alua_now(self) : DEADLINE;
    return left < 1 ? 1 : left < DEADLINE ? (unsigned) left : DEADLINE;
}

static int begin(node_job_t *self, const alua_event_t *event)
{
    static const char *const calls[] = { "alua.send", "print", "require", NULL };
    alua_node_t *node = self->node;
    wire_buf_t code = WIRE_BUF_EMPTY, args = WIRE_BUF_EMPTY;
    put_code(node, event->code, &code);
    wire_put_array(&args, event->count);
    wire_buf_append(&args, event->args, event->args_size);
    const char *key = self->author->key;
    jail_job_t job = { .principal = *key ? text_of(key) : node_author_name(self->author),
                       .name = event->name, .code = { (const char *) code.data, code.size },
                       .args = wire_reader(args.data, args.size), .calls = calls, .deadline = time_left(node, event),
                       .fn = on_outcome, .call = on_call, .arg = self };
    int rc = code.failed || args.failed ? WIRE_E_NO_MEMORY : jail_run(node->jail, &job);
    wire_buf_free(&code);
    wire_buf_free(&args);
    return rc;
}

static bool open_jail(alua_node_t *self)
{
    const jail_config_t config = { .workers = WORKERS, .calls = CALLS, .deadline = DEADLINE };
    if (!self->jail)
        self->jail = jail_new(&self->loop, &config);
    return self->jail;
}

static node_job_t *job_new(alua_node_t *self, const alua_event_t *event, node_author_t *author)
{
    node_job_t *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    *job = (node_job_t) { .next = self->jobs, .back = &self->jobs, .node = self, .from = event->from,
                          .author = node_author_hold(author), .request = event->request, .flags = event->flags,
                          .body = WIRE_BUF_EMPTY };
    alua_remote_hold(event->from);
    if (job->next)
        job->next->back = &job->next;
    self->jobs = job;
    self->jobs_count++;
    self->core.holds += !(event->flags & WIRE_BACKGROUND);
    return job;
}

int node_jail_run(void *arg, const alua_event_t *event, node_author_t *author, const char **text)
{
    alua_node_t *self = arg;
    if (self->jobs_count >= ANSWERS) {
        *text = "too many chunks run here";
        return WIRE_E_FULL;
    }
    node_job_t *job = open_jail(self) ? job_new(self, event, author) : NULL;
    if (!job)
        return WIRE_E_NO_MEMORY;
    int rc = begin(job, event);
    if (rc == WIRE_E_SYSTEM)
        *text = jail_error(self->jail);
    if (rc)
        job_free(job);
    return rc;
}

bool node_jail_cancel(void *arg, const alua_remote_t *from, uint64_t request)
{
    alua_node_t *self = arg;
    node_job_t *job = self->jobs;
    while (job && !(job->from == from && job->request == request && job->request))
        job = job->next;
    if (!job)
        return false;
    jail_cancel(self->jail, job);
    over(job);
    return true;
}

size_t node_jailed(void *arg)
{
    const alua_node_t *self = arg;
    return self->jobs_count;
}

void node_jail_free(alua_node_t *self)
{
    if (self->jail)
        jail_destroy(&self->jail);
    while (self->jobs)
        job_free(self->jobs);
}
