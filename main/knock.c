//  knock - would this broker let us in? See knock.h

#include <stdbool.h>
#include <stdio.h>
#include "alua.h"
#include "knock.h"

#define LEAVE_TIME 1000

typedef struct {
    bool heard;
    int code;
    char *text;
    size_t size;
} answer_t;

static void on_outcome(void *arg, const alua_outcome_t *outcome)
{
    answer_t *self = arg;
    self->heard = true;
    self->code = outcome->code;
    if (outcome->code)
        snprintf(self->text, self->size, "%s", outcome->text ? outcome->text : wire_error_text(outcome->code));
}

//  Nobody knows us, so nothing comes; but without a handler the mailbox is not looked at.
static void on_event(void *arg, const alua_event_t *event)
{
    (void) arg, (void) event;
}

static int ask(alua_node_t *node, const knock_t *self, char *text, size_t size)
{
    answer_t answer = { .text = text, .size = size };
    static const alua_handler_t handler = { .event = on_event };
    alua_process_handle(alua_node_process(node), &handler, NULL);
    alua_process_ready(alua_node_process(node), true);
    int rc = alua_node_open(node, self->broker, self->timeout, on_outcome, &answer);
    if (rc) {
        snprintf(text, size, "%s", wire_error_text(rc));
        return rc;
    }
    while (!answer.heard)
        alua_node_step(node, -1);
    return answer.code;
}

int knock(const knock_t *self, char *text, size_t size)
{
    const char *error = "?";
    alua_config_t config = { .visitor = true, .key = self->key, .broker_key = self->broker_key };
    alua_node_t *node = alua_node_new(&config, &error);
    if (!node) {
        snprintf(text, size, "%s", error);
        return WIRE_E_SYSTEM;
    }
    int rc = ask(node, self, text, size);
    alua_node_finish(node, 0, LEAVE_TIME);
    alua_node_destroy(&node);
    return rc;
}
