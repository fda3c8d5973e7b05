//  broker_jail - reactions as jobs of the jail

#include "broker_jail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jail.h"

#define DEADLINE  1000          //  ms for a run, from its begin
#define PATIENCE  30000         //  ms that it may wait for its turn; its space stands still meanwhile
#define WORKERS   16            //  Owners whose reactions run side by side. Where more loop than that, they take turns:
                                //  the others wait (a second for each 16 that loop), and do not fail
#define QUEUE     16384         //  Runs that wait, one for each space; a quarter for one owner
#define CODE      (64 * 1024)   //  Bytes of a reaction's own text, as the core allows
#define MESSAGE   400           //  Bytes of an error's message that an owner is told

//  Stands before each text, on its first line, so that lines keep their numbers. `return false, text` refuses as well.
static const char prelude[] =
    "local t, on, phase, who, space = ... local luats, spaces, refuse, redirect = {} "
    "do local op, term, ceil, go = space_op, term, math.ceil, space_redirect "
    "space_op = nil space_redirect = nil luats.code = code "
    "for _, word in ipairs { 'any', 'rest' } do luats[word] = term(word) end "
    "for _, kind in ipairs { 'boolean', 'number', 'int', 'float', 'string', 'table' } do luats[kind] = term('type', kind) end "
    "for _, word in ipairs { 'range', 'prefix', 'oneof', 'var', 'where' } do "
    "luats[word] = function(...) return term(word, ...) end end "
    "function spaces(name) return { name = name, "
    "out = function(tuple, options) local ttl = options and options.ttl "
    "return (op('out', name, tuple, ttl and { ttl = ceil(ttl * 1000) })) end, "
    "take = function(template) return (op('take', name, template)) end, "
    "read = function(template) return (op('read', name, template)) end, "
    "take_all = function(template, limit) return (op('take', name, template or { luats.rest }, { all = limit or true })) end, "
    "read_all = function(template, limit) return (op('read', name, template or { luats.rest }, { all = limit or true })) end, "
    "count = function(template) return (op('count', name, template)) end } end "
    "space = spaces(space) "
    "function refuse(text) error({ refused = tostring(text) }, 0) end "
    "function redirect(name, tuple) go(tostring(name), tuple) error({ redirected = true }, 0) end end "
    "local any, rest, int, float = luats.any, luats.rest, luats.int, luats.float "
    "local range, prefix, oneof, var, where = luats.range, luats.prefix, luats.oneof, luats.var, luats.where ";

static const char *const calls[] = { "space_op", "space_redirect", NULL };

typedef struct run run_t;

struct run {
    broker_jail_t *jail;
    run_t *next, **back;
    uint64_t number;            //  The core's
    bool after;
    wire_buf_t elsewhere;       //  Of redirect(name, tuple): what it was given, packed
    int code;                   //  It could not be begun: why; told by the timer
    char name[WIRE_MAX_NAME + 1];
};

struct broker_jail {
    broker_jail_config_t config;
    jail_t *jail;
    run_t *runs;
    uv_timer_t timer;           //  For runs that could not be begun: the core is not called from inside its own call
    wire_buf_t fields;          //  Scratch
    bool closing;
};

//  ---- Runs ----------------------------------------------------------------

static run_t *run_new(broker_jail_t *self, const broker_run_t *run)
{
    run_t *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->jail = self;
    made->number = run->run;
    made->after = strcmp(run->phase, "after") == 0;
    snprintf(made->name, sizeof made->name, "%.*s", (int) run->name.size, run->name.size ? run->name.data : "");
    made->next = self->runs;
    made->back = &self->runs;
    if (made->next)
        made->next->back = &made->next;
    self->runs = made;
    return made;
}

static void run_free(run_t *run)
{
    *run->back = run->next;
    if (run->next)
        run->next->back = run->back;
    wire_buf_free(&run->elsewhere);
    free(run);
}

//  ---- What it came to -----------------------------------------------------

static wire_str_t text_of(const char *text)
{
    return (wire_str_t) { text, strlen(text) };
}

//  The run is no more before the core is told, which may begin the next.
static void judge(run_t *run, spaces_judgement_t what, wire_str_t text, wire_reader_t tuple)
{
    broker_jail_t *self = run->jail;
    uint64_t number = run->number;
    run_free(run);
    if (self->closing)
        return;
    broker_core_verdict(self->config.core, number, what, text, tuple, self->config.now(self->config.arg));
    self->config.changed(self->config.arg);
}

static void fail(run_t *run, const char *text)
{
    judge(run, SPACES_FAILED, text_of(text), wire_reader(NULL, 0));
}

static bool find_text(const wire_reader_t *map, const char *key, wire_str_t *text)
{
    wire_reader_t at;
    return wire_map_find(map, key, &at) && wire_read_bytes(&at, text) == 0;
}

//  Whether it ended by throwing a table with that key.
static bool has_thrown(const jail_outcome_t *outcome, const char *key, wire_reader_t *at)
{
    wire_reader_t value;
    return outcome->code == WIRE_E_REMOTE && wire_map_find(&outcome->body, "value", &value) && wire_map_find(&value, key, at);
}

//  Errors carry no large values, so redirect() hands them over before it ends the text.
static void redirect(run_t *run)
{
    wire_buf_t given = run->elsewhere;
    wire_reader_t tuple = wire_reader(given.data, given.size);
    wire_str_t space = { "", 0 };
    run->elsewhere = (wire_buf_t) WIRE_BUF_EMPTY;       //  The run is no more when it is judged
    wire_read_bytes(&tuple, &space);
    judge(run, SPACES_REDIRECT, space, wire_is_nil(tuple) ? wire_reader(NULL, 0) : tuple);
    wire_buf_free(&given);
}

//  "timeout: the text ran ..."; an error of the text's own is its message, which has the line in it.
static void tell_failure(run_t *run, const jail_outcome_t *outcome)
{
    char text[MESSAGE + 64];
    wire_str_t message = { "", 0 };
    find_text(&outcome->body, "message", &message);
    bool own = outcome->code == WIRE_E_REMOTE || outcome->code == WIRE_E_SYNTAX;
    snprintf(text, sizeof text, "%s%s%.*s", own ? "" : wire_error_word(outcome->code), own ? "" : ": ",
             (int) (message.size < MESSAGE ? message.size : MESSAGE), message.data);
    fail(run, text);
}

static void refuse(run_t *run, wire_reader_t in, uint32_t left)
{
    wire_str_t text;
    if (left == 0 || wire_read_bytes(&in, &text))
        text = text_of("a reaction refused it");
    judge(run, SPACES_REFUSE, text, wire_reader(NULL, 0));
}

//  Nil and true let the operation pass, a table takes the tuple's place, false refuses.
static void take_results(run_t *run, wire_reader_t in)
{
    wire_item_t item = { .kind = WIRE_IS_NIL };
    uint32_t count = 0;
    char text[MESSAGE];
    wire_read_array(&in, &count);
    wire_reader_t at = in, tuple = in;
    if (count)
        wire_read(&at, &item);
    bool passes = run->after || item.kind == WIRE_IS_NIL || (item.kind == WIRE_IS_BOOL && item.as.boolean);
    if (passes)
        judge(run, SPACES_ALLOW, text_of(""), wire_reader(NULL, 0));
    else if (item.kind == WIRE_IS_BOOL)
        refuse(run, at, count - 1);
    else if (item.kind == WIRE_IS_ARRAY || item.kind == WIRE_IS_MAP) {
        wire_skip(&in);
        tuple.end = in.at;
        judge(run, SPACES_REWRITE, text_of(""), tuple);
    }
    else {
        snprintf(text, sizeof text, "%s returned no table, and neither nil nor a boolean", run->name);
        fail(run, text);
    }
}

static void on_outcome(void *arg, const jail_outcome_t *outcome)
{
    run_t *run = arg;
    wire_str_t text;
    wire_reader_t at;
    if (outcome->code == 0)
        take_results(run, outcome->body);
    else if (has_thrown(outcome, "refused", &at) && wire_read_bytes(&at, &text) == 0)
        judge(run, SPACES_REFUSE, text, wire_reader(NULL, 0));
    else if (has_thrown(outcome, "redirected", &at) && run->elsewhere.size)
        redirect(run);
    else
        tell_failure(run, outcome);
}

//  ---- What it does --------------------------------------------------------

static wire_type_t type_of(wire_str_t word)
{
    return wire_str_is(word, "out")     ? WIRE_OUT
           : wire_str_is(word, "take")  ? WIRE_TAKE
           : wire_str_is(word, "read")  ? WIRE_READ
           : wire_str_is(word, "count") ? WIRE_COUNT
                                        : (wire_type_t) 0;
}

static int raise_error(wire_buf_t *answer, int code, const char *text)
{
    wire_put_map(answer, 3);
    wire_put_cstr(answer, "code");
    wire_put_cstr(answer, wire_error_word(code));
    wire_put_cstr(answer, "message");
    wire_put_text(answer, text, strlen(text));
    wire_put_cstr(answer, "definite");
    wire_put_bool(answer, true);
    return code;
}

//  space_redirect(space, tuple or nil)
static int keep_elsewhere(run_t *run, wire_reader_t args, wire_buf_t *answer)
{
    uint32_t count = 0;
    wire_buf_clear(&run->elsewhere);
    if (wire_read_array(&args, &count) == 0 && count)
        wire_buf_append(&run->elsewhere, args.at, (size_t) (args.end - args.at));
    if (count == 1)
        wire_put_nil(&run->elsewhere);
    if (run->elsewhere.failed)
        return raise_error(answer, WIRE_E_NO_MEMORY, "the broker is out of memory");
    wire_put_array(answer, 0);
    return 0;
}

//  space_op(word, space, ...): what follows the word are the fields of its message. Nothing there is no error.
static int on_call(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *answer)
{
    if (wire_str_is(name, "space_redirect"))
        return keep_elsewhere(arg, args, answer);
    run_t *run = arg;
    broker_jail_t *self = run->jail;
    uint32_t count, fields = 0;
    wire_str_t word;
    char text[256];
    if (wire_read_array(&args, &count) || count == 0 || wire_read_bytes(&args, &word) || !type_of(word))
        return raise_error(answer, WIRE_E_USAGE, "a reaction does out, take, read and count");
    wire_buf_clear(&self->fields);
    int rc = broker_core_reaction_op(self->config.core, run->number, type_of(word), count - 1, args,
                                     self->config.now(self->config.arg), &self->fields, &fields, text);
    self->config.changed(self->config.arg);
    if (rc && rc != WIRE_E_TIMEOUT)
        return raise_error(answer, rc, text);
    wire_put_array(answer, fields);
    wire_buf_append(answer, self->fields.data, fields ? self->fields.size : 0);
    return 0;
}

//  ---- Beginning -----------------------------------------------------------

static run_t *first_failed(const broker_jail_t *self)
{
    run_t *run = self->runs;
    while (run && !run->code)
        run = run->next;
    return run;
}

static void on_timer(uv_timer_t *timer)
{
    broker_jail_t *self = timer->data;
    char text[MESSAGE];
    for (run_t *run; (run = first_failed(self)) != NULL;) {
        snprintf(text, sizeof text, "%s: %s", wire_error_word(run->code),
                 run->code == WIRE_E_SYSTEM ? jail_error(self->jail) : wire_error_text(run->code));
        fail(run, text);
    }
}

//  [t, on, phase, who, space]
static void put_args(const broker_run_t *run, wire_buf_t *out)
{
    wire_put_array(out, 5);
    wire_buf_append(out, run->tuple.at, (size_t) (run->tuple.end - run->tuple.at));
    wire_put_cstr(out, run->on);
    wire_put_cstr(out, run->phase);
    if (run->who)
        wire_put_cstr(out, run->who);
    else
        wire_put_nil(out);
    wire_put_text(out, run->space.data, run->space.size);
}

//  All runs of one owner share a worker, one after the other: so nobody has more turns by more spaces.
static int start(broker_jail_t *self, run_t *run, const broker_run_t *told)
{
    char principal[24], chunk[WIRE_MAX_NAME + 2];
    wire_buf_t code = WIRE_BUF_EMPTY, args = WIRE_BUF_EMPTY;
    int size = snprintf(principal, sizeof principal, "%llu", (unsigned long long) told->owner);
    snprintf(chunk, sizeof chunk, "=%s", *run->name ? run->name : "reaction");
    wire_buf_append(&code, prelude, sizeof prelude - 1);
    wire_buf_append(&code, told->code.data, told->code.size);
    put_args(told, &args);
    jail_job_t job = { .principal = { principal, (size_t) size },
                       .name = text_of(chunk), .code = { (const char *) code.data, code.size },
                       .args = wire_reader(args.data, args.size), .calls = calls, .deadline = DEADLINE, .patience = PATIENCE,
                       .fn = on_outcome, .call = on_call, .arg = run };
    int rc = code.failed || args.failed ? WIRE_E_NO_MEMORY : jail_run(self->jail, &job);
    wire_buf_free(&code);
    wire_buf_free(&args);
    return rc;
}

//  Without memory for the run itself the core's own deadline is its verdict.
void broker_jail_run(broker_jail_t *self, const broker_run_t *told)
{
    run_t *run = run_new(self, told);
    if (!run)
        return;
    run->code = start(self, run, told);
    if (run->code)
        uv_timer_start(&self->timer, on_timer, 0, 0);
}

int broker_jail_ready(broker_jail_t *self, char *text)
{
    int rc = jail_start(self->jail);
    if (rc)
        snprintf(text, BROKER_TEXT, "reactions cannot run here: %s", jail_error(self->jail));
    return rc;
}

//  ---- Birth and end -------------------------------------------------------

broker_jail_t *broker_jail_new(const broker_jail_config_t *config)
{
    const jail_config_t jail = { .code = CODE + sizeof prelude, .workers = WORKERS, .queue = QUEUE };
    broker_jail_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->config = *config;
    self->jail = jail_new(config->loop, &jail);
    if (!self->jail) {
        free(self);
        return NULL;
    }
    uv_timer_init(config->loop, &self->timer);
    self->timer.data = self;
    return self;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void broker_jail_destroy(broker_jail_t **self_p)
{
    broker_jail_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    self->closing = true;
    jail_destroy(&self->jail);
    while (self->runs)
        run_free(self->runs);
    wire_buf_free(&self->fields);
    uv_close((uv_handle_t *) &self->timer, on_closed);
}

uint32_t broker_jail_stat(const broker_jail_t *self, wire_buf_t *out)
{
    jail_stat_t stat;
    jail_stat(self->jail, &stat);
    const struct {
        const char *name;
        uint64_t value;
    } pairs[] = {
        { "jail.runs", stat.runs },     { "jail.timeouts", stat.timeouts }, { "jail.deaths", stat.deaths },
        { "jail.births", stat.births }, { "jail.starts", stat.starts },     { "jail.workers", stat.workers },
    };
    const uint32_t count = sizeof pairs / sizeof *pairs;
    for (uint32_t i = 0; i < count; i++) {
        wire_put_cstr(out, pairs[i].name);
        wire_put_uint(out, pairs[i].value);
    }
    return count;
}
