//  waits - what keeps this process from being over, for the list of who waits for what
//
//  Coroutines that wait tell their line. Calls with a callback and futures that nobody gets have no coroutine, and
//  timers none either; they are told by what they are of.

#include <stdio.h>

#include "callback.h"
#include "future.h"
#include "task.h"
#include "wire_error.h"

typedef struct {
    wire_buf_t *out;
    uint32_t count;
} lwaits_t;

static void put(lwaits_t *self, const char *format, const char *what, const char *to)
{
    char text[512];
    int n = snprintf(text, sizeof text, format, what, to);
    wire_put_text(self->out, text, (size_t) n < sizeof text ? (size_t) n : sizeof text - 1);
    self->count++;
}

static void put_request(void *arg, const char *to, alua_outcome_fn *fn, const void *fn_arg)
{
    if (fn == lcallback_on_outcome)
        put(arg, "callback of %.160s at %.255s", ((const lpending_t *) fn_arg)->what, to);
    else if (fn == lfuture_on_outcome && !((const lfuture_t *) fn_arg)->waiters)
        put(arg, "future %.160s at %.255s, which nobody gets", ((const lfuture_t *) fn_arg)->what, to);
}

static void put_timers(lwaits_t *self, size_t count)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", count);
    if (count)
        put(self, "%s timer%s", digits, count > 1 ? "s" : "");
}

uint32_t lwaits_list(lcore_t *core, wire_buf_t *out)
{
    lwaits_t self = { out, ltask_list(core, out) };
    alua_each_request(core->process, put_request, &self);
    put_timers(&self, alua_timers(core->process));
    return self.count;
}
