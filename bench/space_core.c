//  space_core - what a tuple costs in the core of the tuple spaces alone: no sockets, no clock
//
//  ns for a pair (a tuple put, and taken by one of its fields) with nothing, 10^4 and 10^6 tuples resident, with 10^4
//  parked takers, with a taker that waits; and bytes of a resident tuple. Nothing is asserted.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match.h"
#include "spaces.h"

#define PAIRS 200000
#define TEXT  80                //  Bytes of the third field: about 100 for the tuple

static size_t answers, denials;

static void on_answer(void *arg, uint64_t session, uint64_t request, const void *fields, size_t size, uint32_t count)
{
    (void) arg, (void) session, (void) request, (void) fields, (void) size, (void) count;
    answers++;
}

static void on_deny(void *arg, uint64_t session, uint64_t request, int code, const char *text)
{
    (void) arg, (void) session, (void) request, (void) code;
    fprintf(stderr, "denied: %s\n", text);
    denials++;
}

static bool on_tell(void *arg, uint64_t session, const void *fields, size_t size, uint32_t count)
{
    (void) arg, (void) session, (void) fields, (void) size, (void) count;
    return true;
}

//  Of the processor: other work on the machine does not count.
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

//  ---- Messages, made beforehand -------------------------------------------

typedef struct {
    wire_buf_t bytes;
    size_t *starts;
    size_t count;
} messages_t;

static void begin(messages_t *self, size_t count)
{
    *self = (messages_t) { WIRE_BUF_EMPTY, calloc(count + 1, sizeof *self->starts), 0 };
}

static void end_message(messages_t *self)
{
    self->starts[++self->count] = self->bytes.size;
}

static void done(messages_t *self)
{
    wire_buf_free(&self->bytes);
    free(self->starts);
}

static void put_any(wire_buf_t *out)
{
    static const uint8_t term[] = { 0x91, 0xa3, 'a', 'n', 'y' };
    wire_put_ext(out, MATCH_EXT_TERM, term, sizeof term);
}

typedef enum { TAG, GROUP, ID } field_t;        //  ["job", n % 1000, n, text], as [tag, id, text] for memory

//  OUT jobs ["job", group, id .. text]
static void add_out(messages_t *self, uint64_t id)
{
    char text[TEXT + 1];
    snprintf(text, sizeof text, "%0*llu", TEXT, (unsigned long long) id);
    wire_put_cstr(&self->bytes, "jobs");
    wire_put_array(&self->bytes, 3);
    wire_put_cstr(&self->bytes, "job");
    wire_put_uint(&self->bytes, id % 1000);
    wire_put_cstr(&self->bytes, text);
    end_message(self);
}

//  TAKE jobs by one field; the others are any.
static void add_take(messages_t *self, uint64_t id, field_t by)
{
    char text[TEXT + 1];
    snprintf(text, sizeof text, "%0*llu", TEXT, (unsigned long long) id);
    wire_put_cstr(&self->bytes, "jobs");
    wire_put_array(&self->bytes, 3);
    by == TAG ? wire_put_cstr(&self->bytes, "job") : put_any(&self->bytes);
    by == GROUP ? wire_put_uint(&self->bytes, id % 1000) : put_any(&self->bytes);
    by == ID ? wire_put_cstr(&self->bytes, text) : put_any(&self->bytes);
    end_message(self);
}

static void say(spaces_t *spaces, const messages_t *messages, size_t i, wire_type_t type, uint64_t request)
{
    spaces_op_t op = { .session = 1, .request = request, .type = type, .now = 1, .count = 2 };
    op.fields = wire_reader(messages->bytes.data + messages->starts[i], messages->starts[i + 1] - messages->starts[i]);
    spaces_apply(spaces, &op);
}

//  ---- The table -----------------------------------------------------------

static spaces_t *new_spaces(void)
{
    static const spaces_output_t output = { .answer = on_answer, .deny = on_deny, .tell = on_tell };
    return spaces_new(&(spaces_config_t) { .bytes = (size_t) 8 << 30, .session_waiters = 4u << 20, .seed = 42 },
                      &output, NULL);
}

static void fill(spaces_t *spaces, size_t count)
{
    messages_t outs;
    begin(&outs, count);
    for (size_t i = 0; i < count; i++)
        add_out(&outs, i);
    for (size_t i = 0; i < count; i++)
        say(spaces, &outs, i, WIRE_OUT, 1);
    done(&outs);
}

//  Takers of other tags, each of one that never comes.
static void park(spaces_t *spaces, size_t count)
{
    messages_t takes;
    begin(&takes, count);
    for (size_t i = 0; i < count; i++)
        add_take(&takes, 1000000000 + i, ID);
    for (size_t i = 0; i < count; i++)
        say(spaces, &takes, i, WIRE_TAKE, 1000000 + i);
    done(&takes);
}

//  take_first: the taker waits already when the tuple comes.
static double pairs(spaces_t *spaces, field_t by, bool take_first)
{
    messages_t outs, takes;
    begin(&outs, PAIRS);
    begin(&takes, PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        add_out(&outs, 500000000 + i);
        add_take(&takes, 500000000 + i, by);
    }
    double best = 1e9;
    for (int round = 0; round < 3; round++) {
        double from = seconds();
        for (size_t i = 0; i < PAIRS; i++) {
            if (take_first)
                say(spaces, &takes, i, WIRE_TAKE, 7);
            say(spaces, &outs, i, WIRE_OUT, 8);
            if (!take_first)
                say(spaces, &takes, i, WIRE_TAKE, 7);
        }
        double ns = (seconds() - from) / PAIRS * 1e9;
        best = ns < best ? ns : best;
    }
    done(&outs);
    done(&takes);
    return best;
}

static void row(const char *what, spaces_t *spaces)
{
    printf("%-34s %8.0f %8.0f %8.0f\n", what, pairs(spaces, TAG, false), pairs(spaces, GROUP, false),
           pairs(spaces, ID, false));
}

static void table(void)
{
    static const size_t residents[] = { 0, 10000, 1000000 };
    printf("%-34s %8s %8s %8s\n", "ns for out + take, by", "tag", "number", "text");
    for (size_t i = 0; i < sizeof residents / sizeof *residents; i++) {
        char what[64];
        spaces_t *spaces = new_spaces();
        fill(spaces, residents[i]);
        snprintf(what, sizeof what, "  %zu tuples resident", residents[i]);
        row(what, spaces);
        spaces_destroy(&spaces);
    }
    spaces_t *spaces = new_spaces();
    park(spaces, 10000);
    row("  10000 takers parked", spaces);
    printf("%-34s %8s %8s %8.0f\n", "  the same, take before out", "", "", pairs(spaces, ID, true));
    spaces_destroy(&spaces);
}

//  ---- Memory --------------------------------------------------------------

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void memory(void)
{
    const size_t count = 1000000;
    spaces_t *spaces = new_spaces();
    size_t before = in_use();
    double from = seconds();
    fill(spaces, count);
    printf("%zu tuples of about 100 bytes: %.0f bytes each, put in %.2f s\n", count,
           (double) (in_use() - before) / (double) count, seconds() - from);
    spaces_destroy(&spaces);
    spaces = new_spaces();
    before = in_use();
    from = seconds();
    park(spaces, count);
    printf("%zu takers parked: %.0f bytes each, in %.2f s\n", count, (double) (in_use() - before) / (double) count,
           seconds() - from);
    from = seconds();
    spaces_session_end(spaces, 1, 1);
    printf("    forgotten in %.2f s\n", seconds() - from);
    spaces_destroy(&spaces);
}

int main(void)
{
    table();
    memory();
    printf("%zu answers, %zu denials\n", answers, denials);
    return 0;
}
