//  One message of each type, byte for byte: tests/golden/wire.hex, which PROTOCOL.md shows too.
//  Whoever changes a byte here changes the protocol.
//
//  With --print the program writes the file.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_open.h"

#define GOLDEN   "tests/golden/wire.hex"
#define PROTOCOL "wire/PROTOCOL.md"
#define LINE     512

#define STR(text) ((wire_str_t) { text, sizeof text - 1 })

//  A public key as it stands in certificates: 40 characters of Z85.
#define KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

typedef void build_t(wire_buf_t *out);

static const wire_str_t ana = { "1@ana", 5 };
static const wire_str_t guest = { "v1@here", 7 };

static void proc(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t ttl, uint32_t count)
{
    wire_msg_begin_proc(out, type, request, ttl, guest, ana, count);
}

static void answer(wire_buf_t *out, wire_type_t type, uint64_t request, uint32_t count)
{
    wire_msg_begin_proc(out, type, request, 0, ana, guest, count);
}

static void ask(wire_buf_t *out, wire_type_t type, const char *field)
{
    wire_msg_begin(out, type, 7, 30000, field ? 1 : 0);
    if (field)
        wire_put_cstr(out, field);
}

static void put_LINK(wire_buf_t *out)
{
    wire_link_put(out, 1, 0);
}

static void put_HELLO(wire_buf_t *out)
{
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_put_map(&body, 1);
    wire_put_cstr(&body, "visitor");
    wire_put_bool(&body, true);
    wire_hello_t hello = { 1, 1, 0, 11, STR("client"), STR(""), 12345, STR("0123456789abcdef0123456789abcdef"), 0,
                           wire_reader(body.data, body.size) };
    wire_put_hello(out, &hello);
    wire_buf_free(&body);
}

static void put_WELCOME(wire_buf_t *out)
{
    wire_buf_t body = WIRE_BUF_EMPTY;
    wire_put_map(&body, 3);
    wire_put_cstr(&body, "id");
    wire_put_cstr(&body, "v1@here");
    wire_put_cstr(&body, "address");
    wire_put_cstr(&body, "here");
    wire_put_cstr(&body, "lease");
    wire_put_int(&body, 10000);
    wire_welcome_t welcome = { 1, 0, 11, STR("broker"), STR(""), 67890, 5, 0,
                               wire_reader(body.data, body.size) };
    wire_put_welcome(out, &welcome);
    wire_buf_free(&body);
}

static void put_REFUSED(wire_buf_t *out)
{
    wire_put_refused(out, 11, WIRE_E_DENIED, "wrong token");
}

static void put_RESUME(wire_buf_t *out)
{
    wire_put_resume(out, WIRE_RESUME, &(wire_resume_t) { 12, 5, 300 });
}

static void put_RESUMED(wire_buf_t *out)
{
    wire_put_resume(out, WIRE_RESUMED, &(wire_resume_t) { 12, 5, 200 });
}

static void put_BYE(wire_buf_t *out)
{
    wire_put_bye(out, WIRE_E_CLOSED, "done");
}

static void put_WHO(wire_buf_t *out)
{
    wire_put_who(out);
}

static void put_CHUNK(wire_buf_t *out)
{
    proc(out, WIRE_CHUNK, 2, 30000, 4);
    wire_put_uint(out, WIRE_WANTS_REPLY | WIRE_WANTS_RESULTS);
    wire_put_cstr(out, "=hello");
    wire_put_cstr(out, "return 1 + ...");
    wire_put_array(out, 1);
    wire_put_int(out, 2);
}

static void put_CALL(wire_buf_t *out)
{
    proc(out, WIRE_CALL, 1, 30000, 3);
    wire_put_uint(out, WIRE_WANTS_REPLY | WIRE_WANTS_RESULTS);
    wire_put_cstr(out, "account.add");
    wire_put_array(out, 3);
    wire_put_int(out, 42);
    wire_put_nil(out);
    wire_put_double(out, 1.5);
}

static void put_REPLY(wire_buf_t *out)
{
    answer(out, WIRE_REPLY, 1, 1);
    wire_put_array(out, 2);
    wire_put_bool(out, true);
    wire_put_text(out, "\xff", 1);
}

static void put_FAIL(wire_buf_t *out)
{
    answer(out, WIRE_FAIL, 1, 1);
    wire_put_map(out, 4);
    wire_put_cstr(out, "code");
    wire_put_cstr(out, "no_function");
    wire_put_cstr(out, "message");
    wire_put_cstr(out, "no such function");
    wire_put_cstr(out, "node");
    wire_put_cstr(out, "1@ana");
    wire_put_cstr(out, "definite");
    wire_put_bool(out, true);
}

static void put_CANCEL(wire_buf_t *out)
{
    proc(out, WIRE_CANCEL, 1, 0, 0);
}

static void put_SWITCH(wire_buf_t *out)
{
    proc(out, WIRE_SWITCH, 9, 0, 0);
}

static void put_SWITCHED(wire_buf_t *out)
{
    answer(out, WIRE_SWITCHED, 9, 0);
}

static void put_CREDIT(wire_buf_t *out)
{
    answer(out, WIRE_CREDIT, 0, 2);
    wire_put_uint(out, 4096);
    wire_put_uint(out, 1048576);
}

static void put_END(wire_buf_t *out)
{
    answer(out, WIRE_END, 0, 2);
    wire_put_cstr(out, "closed");
    wire_put_cstr(out, "exit 0");
}

static void put_ANSWER(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_ANSWER, 7, 0, 2);
    wire_put_uint(out, 3);
    wire_put_array(out, 2);
    wire_put_cstr(out, "1@ana");
    wire_put_cstr(out, "v1@here");
}

static void put_DENY(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_DENY, 7, 0, 2);
    wire_put_cstr(out, "unknown");
    wire_put_cstr(out, "nobody is called bob");
}

static void put_MEMBERS(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_MEMBERS, 0, 0, 5);
    wire_put_cstr(out, "ring");
    wire_put_uint(out, 4);
    wire_put_cstr(out, "gone");
    wire_put_cstr(out, "1@ana");
    wire_put_cstr(out, "ana");
}

static void put_WATCHED(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_WATCHED, 0, 0, 5);
    wire_put_cstr(out, "silent");
    wire_put_cstr(out, "1@ana");
    wire_put_cstr(out, "ana");
    wire_put_uint(out, 54321);
    wire_put_cstr(out, "no sign of life");
}

static void put_LOOKUP(wire_buf_t *out) { ask(out, WIRE_LOOKUP, "ana"); }
static void put_REGISTER(wire_buf_t *out) { ask(out, WIRE_REGISTER, "printer"); }
static void put_UNREGISTER(wire_buf_t *out) { ask(out, WIRE_UNREGISTER, "printer"); }
static void put_JOIN(wire_buf_t *out) { ask(out, WIRE_JOIN, "ring"); }
static void put_LEAVE(wire_buf_t *out) { ask(out, WIRE_LEAVE, "ring"); }
static void put_FOLLOW(wire_buf_t *out) { ask(out, WIRE_FOLLOW, "ring"); }
static void put_UNFOLLOW(wire_buf_t *out) { ask(out, WIRE_UNFOLLOW, "ring"); }
static void put_NODES(wire_buf_t *out) { ask(out, WIRE_NODES, NULL); }
static void put_APPS(wire_buf_t *out) { ask(out, WIRE_APPS, NULL); }
static void put_WATCH(wire_buf_t *out) { ask(out, WIRE_WATCH, "ana"); }
static void put_UNWATCH(wire_buf_t *out) { ask(out, WIRE_UNWATCH, "ana"); }
static void put_STAT(wire_buf_t *out) { ask(out, WIRE_STAT, NULL); }
static void put_ROTATE(wire_buf_t *out) { ask(out, WIRE_ROTATE, KEY); }
static void put_DRAIN(wire_buf_t *out) { ask(out, WIRE_DRAIN, "ana"); }

static void put_VOUCH(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_VOUCH, 7, 30000, 2);
    wire_put_cstr(out, "ana");
    wire_put_cstr(out, KEY);
}

static void put_RIGHTS(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_RIGHTS, 0, 0, 3);
    wire_put_cstr(out, "ana");
    wire_put_cstr(out, KEY);
    wire_put_map(out, 2);
    wire_put_cstr(out, "code");
    wire_put_cstr(out, "jail");
    wire_put_cstr(out, "call");
    wire_put_array(out, 1);
    wire_put_cstr(out, "stats.*");
}

static void put_DRAINING(wire_buf_t *out)
{
    wire_msg_begin(out, WIRE_DRAINING, 0, 0, 1);
    wire_put_cstr(out, "v1@here");
}

#include "test_wire_golden_space.h"

//  A type without a builder does not compile.
static const struct { const char *name; build_t *build; } golden[] = {
#define X(name, id, way, early, change, counts, right, fields) { #name, put_##name },
    WIRE_TYPES(X)
#undef X
};

#define COUNT (sizeof golden / sizeof golden[0])

static void line_of(size_t i, char *line)
{
    wire_buf_t buf = WIRE_BUF_EMPTY;
    golden[i].build(&buf);
    assert_false(buf.failed);
    assert_true(buf.size * 2 + 16 < LINE);
    int n = snprintf(line, LINE, "%-13s ", golden[i].name);
    for (size_t b = 0; b < buf.size; b++)
        n += snprintf(line + n, LINE - (size_t) n, "%02x", buf.data[b]);
    snprintf(line + n, LINE - (size_t) n, "\n");
    wire_buf_free(&buf);
}

static char *contents(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 18);
    if (!file || !text)
        fail_msg("cannot read %s (the tests run in the top folder)", path);
    text[fread(text, 1, (1 << 18) - 1, file)] = 0;
    fclose(file);
    return text;
}

static void test_the_bytes_are_the_golden_ones(void **state)
{
    (void) state;
    char *text = contents(GOLDEN);
    const char *at = text;
    char line[LINE];
    for (size_t i = 0; i < COUNT; i++) {
        line_of(i, line);
        if (strncmp(at, line, strlen(line)) != 0)
            fail_msg("%s differs: we write\n%snot\n%.*s", GOLDEN, line, (int) strcspn(at, "\n"), at);
        at += strlen(line);
    }
    assert_string_equal(at, "");
    free(text);
}

static void test_the_protocol_shows_them(void **state)
{
    (void) state;
    char *text = contents(PROTOCOL);
    char line[LINE];
    for (size_t i = 0; i < COUNT; i++) {
        line_of(i, line);
        if (!strstr(text, line))
            fail_msg("%s lacks the line\n%s", PROTOCOL, line);
    }
    free(text);
}

static void test_they_are_read(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT; i++) {
        wire_buf_t buf = WIRE_BUF_EMPTY;
        wire_msg_t msg;
        golden[i].build(&buf);
        wire_reader_t at = wire_reader(buf.data, buf.size);
        if (strcmp(golden[i].name, "LINK") == 0) {
            wire_link_header_t header;
            assert_int_equal(wire_link_read(&at, &header), 0);
        }
        else {
            assert_int_equal(wire_msg_next(&at, &msg), 0);
            assert_string_equal(wire_type_name((unsigned) msg.type), golden[i].name);
        }
        assert_ptr_equal(at.at, at.end);
        wire_buf_free(&buf);
    }
}

static void print(void)
{
    char line[LINE];
    for (size_t i = 0; i < COUNT; i++) {
        line_of(i, line);
        fputs(line, stdout);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bytes_are_the_golden_ones),
        cmocka_unit_test(test_the_protocol_shows_them),
        cmocka_unit_test(test_they_are_read),
    };
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        print();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
