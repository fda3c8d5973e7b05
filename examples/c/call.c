//  call - a node written in C: joins a network and calls a Lua function there
//
//      cc call.c $(pkg-config --cflags --libs alua) -o call
//
//      alua broker &
//      alua node --name ana &
//      ./call ana math.max 3 14 15
//
//  The broker is $ALUA_BROKER or the user's own. Everything that comes, comes as an event of the node's loop, which
//  this thread runs; nothing waits.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <alua.h>

typedef struct {
    alua_node_t *node;
    char **words;               //  NODE FUNCTION ARGS...
    int count;
    int status;
} caller_t;

static void fail(caller_t *self, const char *what, int code, const char *text)
{
    fprintf(stderr, "call: %s: %s (%s)\n", what, text, wire_error_word(code));
    self->status = EXIT_FAILURE;
    alua_node_quit(self->node);
}

static void print_item(const wire_item_t *item)
{
    switch (item->kind) {
    case WIRE_IS_NIL:       puts("nil"); break;
    case WIRE_IS_BOOL:      puts(item->as.boolean ? "true" : "false"); break;
    case WIRE_IS_INT:       printf("%" PRId64 "\n", item->as.integer); break;
    case WIRE_IS_DOUBLE:    printf("%.14g\n", item->as.number); break;
    case WIRE_IS_STR:
    case WIRE_IS_BIN:       printf("%.*s\n", (int) item->as.bytes.size, item->as.bytes.data); break;
    default:                puts("(a table)"); break;
    }
}

//  A failure from the other side is a map; its sentence is the value of "message".
static void print_error(caller_t *self, const alua_outcome_t *outcome)
{
    char text[256] = "";
    wire_reader_t map = wire_reader(outcome->body, outcome->size), value;
    wire_str_t message = { outcome->text, outcome->text ? strlen(outcome->text) : 0 };
    if (!outcome->text && wire_map_find(&map, "message", &value))
        (void) wire_read_bytes(&value, &message);
    snprintf(text, sizeof text, "%.*s", (int) message.size, message.size ? message.data : "");
    fail(self, self->words[1], outcome->code, text);
}

static void on_result(void *arg, const alua_outcome_t *outcome)
{
    caller_t *self = arg;
    wire_reader_t at = wire_reader(outcome->body, outcome->size);
    if (outcome->code) {
        print_error(self, outcome);
        return;
    }
    for (uint32_t i = 0; i < outcome->count; i++) {
        wire_reader_t start = at;
        wire_item_t item;
        if (wire_read(&start, &item) || wire_skip(&at))
            break;
        print_item(&item);
    }
    alua_node_quit(self->node);
}

//  What looks like an integer travels as one, everything else as text.
static void put_argument(wire_buf_t *out, const char *word)
{
    char *end;
    long long number = strtoll(word, &end, 10);
    if (*word && !*end)
        wire_put_int(out, number);
    else
        wire_put_text(out, word, strlen(word));
}

static void on_open(void *arg, const alua_outcome_t *outcome)
{
    caller_t *self = arg;
    if (outcome->code) {
        print_error(self, outcome);
        return;
    }
    wire_buf_t args = WIRE_BUF_EMPTY;
    wire_put_array(&args, (uint32_t) (self->count - 2));
    for (int i = 2; i < self->count; i++)
        put_argument(&args, self->words[i]);
    alua_request_t request = {
        .kind = ALUA_CALL, .flags = WIRE_WANTS_RESULTS, .timeout = 5000,
        .to = { self->words[0], strlen(self->words[0]) }, .name = { self->words[1], strlen(self->words[1]) },
        .args = args.data, .args_size = args.size, .fn = on_result, .arg = self,
    };
    int code = args.failed ? WIRE_E_NO_MEMORY : alua_request(alua_node_process(self->node), &request, NULL);
    wire_buf_free(&args);
    if (code)
        fail(self, "cannot call", code, wire_error_text(code));
}

//  What others ask of this process: it has no functions.
static void on_event(void *arg, const alua_event_t *event)
{
    caller_t *self = arg;
    if (!(event->flags & WIRE_WANTS_REPLY) || (event->kind != ALUA_CALL && event->kind != ALUA_CHUNK))
        return;
    wire_buf_t error = WIRE_BUF_EMPTY;
    wire_put_map(&error, 2);
    wire_put_cstr(&error, "code");
    wire_put_cstr(&error, wire_error_word(WIRE_E_NO_FUNCTION));
    wire_put_cstr(&error, "message");
    wire_put_cstr(&error, "this process only calls");
    if (!error.failed)
        alua_fail(alua_node_process(self->node), event->from, event->request, error.data, error.size);
    wire_buf_free(&error);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: call NODE FUNCTION [ARGS...]\n");
        return 2;
    }
    const char *why = NULL, *broker = getenv("ALUA_BROKER");
    alua_config_t config = { .visitor = true };         //  `alua nodes` does not list it
    alua_handler_t handler = { .event = on_event };
    caller_t self = { .node = alua_node_new(&config, &why), .words = argv + 1, .count = argc - 1 };
    if (!self.node) {
        fprintf(stderr, "call: %s\n", why);
        return EXIT_FAILURE;
    }
    alua_process_handle(alua_node_process(self.node), &handler, &self);
    alua_process_ready(alua_node_process(self.node), true);

    int code = alua_node_open(self.node, broker ? broker : alua_default_broker(), 5000, on_open, &self);
    if (code)
        fail(&self, "cannot join", code, wire_error_text(code));
    else
        alua_node_run(self.node);
    alua_node_finish(self.node, self.status, 1000);     //  What was sent is there before we leave
    alua_node_destroy(&self.node);
    return self.status;
}
