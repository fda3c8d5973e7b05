//  What runs inside the walls, without them, so that the sanitizers see it: frames in, frames out.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "values.h"
#include "wire_error.h"
#include "worker.h"

static const worker_config_t config = { .memory = 4 * 1024 * 1024, .code = 65536, .seed = { 1, 2 } };

static int setup(void **state)
{
    worker_t *worker = malloc(sizeof *worker);
    assert_int_equal(worker_open(worker, -1, &config), 0);
    *state = worker;
    return 0;
}

static int teardown(void **state)
{
    worker_close(*state);
    free(*state);
    return 0;
}

//  ---- A conversation --------------------------------------------------------

static void build_run(wire_buf_t *out, const char *hash, const char *code)
{
    jail_frame_begin(out, JAIL_RUN);
    wire_put_bin(out, hash, JAIL_HASH);
    wire_put_cstr(out, "=text");
    if (code)
        wire_put_cstr(out, code);
    else
        wire_put_nil(out);
    wire_put_array(out, 1);
    wire_put_cstr(out, "echo");
    wire_put_array(out, 2);
    wire_put_int(out, 1);
    wire_put_cstr(out, "two");
    jail_frame_end(out);
}

static void read_all(int fd, wire_buf_t *in)
{
    ssize_t size;
    do {
        uint8_t *at = wire_buf_reserve(in, 65536);
        assert_non_null(at);
        size = read(fd, at, 65536);
        in->size += size > 0 ? (size_t) size : 0;
    } while (size > 0);
}

//  Say these bytes to the worker and nothing after them; what it said then, behind READY.
static void converse(worker_t *worker, const wire_buf_t *said, wire_buf_t *heard)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[0], said->data, said->size), said->size);
    shutdown(ends[0], SHUT_WR);
    worker->fd = ends[1];
    worker_serve(worker);
    close(ends[1]);
    wire_buf_clear(heard);
    read_all(ends[0], heard);
    close(ends[0]);
    assert_true(heard->size >= JAIL_HEAD && heard->data[JAIL_HEAD - 1] == JAIL_READY);
    heard->size -= JAIL_HEAD;
    memmove(heard->data, heard->data + JAIL_HEAD, heard->size);
}

static jail_frame_t run_hash(worker_t *worker, const char *hash, const char *code)
{
    static wire_buf_t said, heard;
    jail_frame_t frame = { 0, { NULL, NULL } };
    build_run(&said, hash, code);
    converse(worker, &said, &heard);
    assert_int_equal(jail_frame_look(&heard, JAIL_MAX_UP, &frame), 0);
    wire_buf_free(&said);
    return frame;               //  Whose bytes live until the next run
}

static jail_frame_t run(worker_t *worker, const char *code)
{
    char hash[JAIL_HASH + 1];
    snprintf(hash, sizeof hash, "%08x", (unsigned) strlen(code));
    return run_hash(worker, hash, code);
}

static wire_str_t field(jail_frame_t frame, const char *key)
{
    wire_reader_t at;
    wire_str_t text = { "", 0 };
    if (frame.type == JAIL_FAIL && wire_map_find(&frame.body, key, &at))
        wire_read_bytes(&at, &text);
    return text;
}

static bool is_done(jail_frame_t frame, const char *bytes)
{
    return frame.type == JAIL_DONE && (size_t) (frame.body.end - frame.body.at) == strlen(bytes)
        && memcmp(frame.body.at, bytes, strlen(bytes)) == 0;
}

//  ---- Tests -----------------------------------------------------------------

//  Bytes with a zero in them, of which the last is of the literal.
#define IS_DONE(frame, bytes) is_bytes(frame, bytes, sizeof bytes - 1)
static bool is_bytes(jail_frame_t frame, const char *bytes, size_t size)
{
    return frame.type == JAIL_DONE && (size_t) (frame.body.end - frame.body.at) == size
        && memcmp(frame.body.at, bytes, size) == 0;
}

static void test_terms_leave_as_terms(void **state)
{
    assert_true(IS_DONE(run(*state, "return term 'any'"), "\x91\xc9\0\0\0\5\2\x91\xa3" "any"));
    assert_true(IS_DONE(run(*state, "return { term('range', nil, 5), 7 }"),
                        "\x91\x92\xc9\0\0\0\x09\2\x93\xa5range\xc0\5\7"));
    assert_true(IS_DONE(run(*state, "return term('oneof', term 'any')"),
                        "\x91\xc9\0\0\0\x12\2\x92\xa5oneof\xc9\0\0\0\5\2\x91\xa3" "any"));
    assert_true(is_done(run(*state, "local t = term 'any' return pcall(setmetatable, t, nil), getmetatable(t)"),
                        "\x92\xc2\xc2"));
    assert_true(is_done(run(*state, "return { 'any', n = 1 }"), "\x91\x82\1\xa3" "any\xa1n\1"));      //  A look-alike
    assert_true(wire_str_is(field(run(*state, "local t = term 'any' t.n = 1e9 // 1 return t"), "code"), "unsendable"));
    assert_true(wire_str_is(field(run(*state, "local t = term 'any' t.n = nil return { t }"), "code"), "unsendable"));
    assert_true(wire_str_is(field(run(*state, "return term 'any' , term {}"), "code"), "remote"));
    assert_true(wire_str_is(field(run(*state, "local t = term('x', 1) t[2] = t return t"), "code"), "too_deep"));
    assert_true(wire_str_is(field(run(*state, "local t = term('x', 1) t.n = 200000 return { t, t }"), "code"), "too_big"));
}

static void test_runs(void **state)
{
    assert_true(is_done(run(*state, "return ..."), "\x92\1\xa3two"));
    assert_true(is_done(run(*state, "return {1, 2, {x = true}}"), "\x91\x93\1\2\x81\xa1x\xc3"));
    assert_true(wire_str_is(field(run(*state, "error('no')"), "message"), "text:1: no"));
    assert_true(wire_str_is(field(run(*state, "error({ 1 })"), "code"), "remote"));
    assert_true(wire_str_is(field(run(*state, "x ="), "code"), "syntax"));
    assert_true(wire_str_is(field(run(*state, "while true do x = { x } end"), "code"), "no_memory"));
    assert_true(is_done(run(*state, "return x == nil"), "\x91\xc3"));
}

static void test_a_text_is_kept_by_its_hash(void **state)
{
    assert_int_equal(run_hash(*state, "12345678", NULL).type, JAIL_WANT);
    assert_true(is_done(run_hash(*state, "12345678", "return 5"), "\x91\5"));
    assert_true(is_done(run_hash(*state, "12345678", NULL), "\x91\5"));
    assert_int_equal(run_hash(*state, "x2345678", "syntax error").type, JAIL_FAIL);
    assert_int_equal(run_hash(*state, "x2345678", NULL).type, JAIL_WANT);
    for (int i = 0; i < 100; i++) {             //  Older ones are forgotten, not mixed up
        char hash[16], code[32];
        snprintf(hash, sizeof hash, "%08d", i);
        snprintf(code, sizeof code, "return %d", i);
        assert_int_equal(run_hash(*state, hash, code).type, JAIL_DONE);
    }
    assert_int_equal(run_hash(*state, "12345678", NULL).type, JAIL_WANT);
    assert_true(is_done(run_hash(*state, "00000099", NULL), "\x91\x63"));
}

static void test_texts_are_forgotten_before_memory_runs_out(void **state)
{
    worker_t *worker = *state;
    char code[70];
    size_t size = 60000;
    char *large = malloc(size + 64);
    for (int i = 0; i < 60; i++) {
        char hash[16];
        snprintf(hash, sizeof hash, "%08d", i);
        int n = snprintf(large, size, "local t = {%d", i);
        while ((size_t) n < size - 8)
            n += snprintf(large + n, 8, ",x%03d", n % 1000);
        strcpy(large + n, "} return #t >= 0");
        assert_true(is_done(run_hash(worker, hash, large), "\x91\xc3"));
        assert_true(worker->used < config.memory);
    }
    snprintf(code, sizeof code, "return #('x'):rep(%d)", 1024 * 1024);
    assert_int_equal(run(worker, code).type, JAIL_DONE);
    free(large);
}

//  ---- Memory that is refused at every place ---------------------------------

static struct {
    lua_Alloc real;
    void *arg;
    long left;                  //  Requests until one is refused
    bool for_good;              //  And all that follow
} refusal;

static void *refusing(void *arg, void *block, size_t old, size_t size)
{
    (void) arg;
    bool grows = size > (block ? old : 0);
    if (grows && --refusal.left <= 0 && (refusal.for_good || refusal.left == 0))
        return NULL;
    return refusal.real(refusal.arg, block, old, size);
}

static const char reference[] =
    "local t = {} for i = 1, 20 do t[i] = ('x'):rep(i) .. i t['k' .. i] = { i } end\n"
    "local co = coroutine.wrap(function(...) for i = 1, 5 do coroutine.yield(i, ...) end end)\n"
    "t.co = select('#', co(1, 2, 3)) t.s = table.concat(t, ',', 1, 20) t.f = string.format('%5.1f %s', 1.5, {})\n"
    "t.p = { pcall(error, { 'x' }) } t.g = t.s:gsub('%d+', function(d) return '<' .. d .. '>' end)\n"
    "table.sort(t, function(a, b) return #a < #b end) t.l = load('return ...')(7) t.d = os.date('!%F', 0)\n"
    "t.u = utf8.char(8364, 0x10ffff) t.m = setmetatable({}, { __index = t }).l\n"
    "if ... == 1 then local ok, e = pcall(echo, next) error(t) end return t\n";

//  Each request in turn is refused, once or for good: an answer comes, and the state is sound after.
static void refuse_each(worker_t *worker, bool for_good)
{
    size_t refused = 0;
    for (long n = 1; n < 3000; n++) {
        refusal.real = lua_getallocf(worker->L, &refusal.arg);
        refusal.left = n;
        refusal.for_good = for_good;
        lua_setallocf(worker->L, refusing, NULL);
        jail_frame_t frame = run(worker, reference);
        lua_setallocf(worker->L, refusal.real, refusal.arg);
        bool over = refusal.left > 0;
        assert_int_equal(frame.type, JAIL_FAIL);            //  The text raises an error at its end
        if (wire_str_is(field(frame, "code"), "no_memory"))
            refused++;
        else
            assert_true(wire_str_is(field(frame, "code"), "remote"));
        assert_true(is_done(run(worker, "return #string.rep('ab', 10)"), "\x91\x14"));
        lua_gc(worker->L, LUA_GCCOLLECT);
        if (over)
            break;
    }
    assert_true(refusal.left > 0);                          //  We came to the end of the text
    assert_true(for_good ? refused > 50 : refused == 0);    //  Lua collects, and asks again
}

static void test_each_request_refused_once(void **state)
{
    refuse_each(*state, false);
}

static void test_each_request_refused_for_good(void **state)
{
    refuse_each(*state, true);
}

//  ---- Nonsense --------------------------------------------------------------

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

//  Whatever the client says, the worker ends or answers; its state is sound.
static void test_broken_frames_end_the_conversation(void **state)
{
    wire_buf_t said = WIRE_BUF_EMPTY, heard = WIRE_BUF_EMPTY, good = WIRE_BUF_EMPTY;
    uint32_t seed = 7;
    build_run(&good, "abcdefgh", "return {1, {2}, 'x'}, ...");
    for (int i = 0; i < 3000; i++) {
        wire_buf_clear(&said);
        wire_buf_append(&said, good.data, good.size);
        for (uint32_t n = next_random(&seed) % 3 + 1; n; n--)
            said.data[4 + next_random(&seed) % (said.size - 4)] = (uint8_t) next_random(&seed);
        if (i % 5 == 0)
            said.size = next_random(&seed) % said.size + 1;
        if (memmem(said.data, said.size, "eturn", 5))       //  Not another program
            converse(*state, &said, &heard);
    }
    assert_true(is_done(run(*state, "return 1"), "\x91\1"));
    wire_buf_free(&said);
    wire_buf_free(&heard);
    wire_buf_free(&good);
}

//  ---- Calls out -------------------------------------------------------------

//  The worker is a child here, since the conversation has turns.
static void test_a_call_out(void **state)
{
    worker_t *worker = *state;
    wire_buf_t out = WIRE_BUF_EMPTY, in = WIRE_BUF_EMPTY;
    jail_frame_t frame;
    int ends[2], status;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        worker->fd = ends[1];
        worker_serve(worker);
        _exit(0);
    }
    close(ends[1]);
    build_run(&out, "abcdefgh", "local a, b = echo({ x = 1 }, 'y') local ok, e = pcall(echo) return a, b, e.code, tostring(e)");
    const struct { jail_type_t expected; } turns[] = { { JAIL_READY }, { JAIL_CALL }, { JAIL_CALL }, { JAIL_DONE } };
    for (size_t turn = 0; turn < 4; turn++) {
        wire_buf_clear(&in);
        while (jail_frame_look(&in, JAIL_MAX_UP, &frame) == WIRE_E_STATE) {
            uint8_t *at = wire_buf_reserve(&in, 4096);
            ssize_t size = read(ends[0], at, 4096);
            assert_true(size > 0);
            in.size += (size_t) size;
        }
        assert_int_equal(frame.type, turns[turn].expected);
        if (turn == 1) {
            jail_frame_begin(&out, JAIL_ANSWER);
            wire_buf_append(&out, "\x92\x91\7\xc0", 4);
            jail_frame_end(&out);
        }
        else if (turn == 2) {
            jail_frame_begin(&out, JAIL_REFUSE);
            wire_buf_append(&out, "\x82\xa4" "code\xa6" "denied\xa7" "message\xa1m", 23);
            jail_frame_end(&out);
        }
        if (turn < 3)
            assert_int_equal(write(ends[0], out.data, out.size), out.size);
    }
    assert_true(is_done(frame, "\x94\x91\7\xc0\xa6" "denied\xa9" "denied: m"));
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wire_buf_free(&out);
    wire_buf_free(&in);
}

//  ---- Values there and back -------------------------------------------------

static void put_random(wire_buf_t *out, uint32_t *seed, unsigned depth)
{
    char text[300];
    uint32_t kind = next_random(seed) % (depth < 6 ? 9 : 7), size = next_random(seed) % 5;
    switch (kind) {
    case 0: wire_put_nil(out); break;
    case 1: wire_put_bool(out, size & 1); break;
    case 2: wire_put_int(out, (int64_t) next_random(seed) << (next_random(seed) % 40)); break;
    case 3: wire_put_int(out, -(int64_t) next_random(seed)); break;
    case 4: wire_put_double(out, next_random(seed) / 3.0); break;
    case 5: memset(text, 'a', sizeof text); wire_put_text(out, text, next_random(seed) % sizeof text); break;
    case 6: wire_put_text(out, "\xff\xfe", 2); break;
    case 7:
        wire_put_array(out, size + 1);
        for (uint32_t i = 0; i < size; i++)
            put_random(out, seed, depth + 1);
        wire_put_int(out, 1);           //  A nil at the end would not be an array's in Lua
        break;
    default:
        wire_put_map(out, 1);           //  Of one pair, whose order is certain
        wire_put_cstr(out, "key");
        wire_put_array(out, 1);
        wire_put_int(out, size);
    }
}

static int go_round(lua_State *L)
{
    const wire_buf_t *in = lua_touserdata(L, 1);
    wire_buf_t *out = lua_touserdata(L, 2);
    values_t packing;
    wire_reader_t at = wire_reader(in->data, in->size);
    values_push(L, &at, 1);
    int rc = values_one(&packing, L, out, -1, "value");
    lua_pushboolean(L, rc == 0 && at.at == at.end);
    return 1;
}

static bool has_nil_inside(const wire_buf_t *buf)
{
    return memchr(buf->data, 0xc0, buf->size) != NULL;
}

static void test_values_go_round(void **state)
{
    worker_t *worker = *state;
    wire_buf_t in = WIRE_BUF_EMPTY, out = WIRE_BUF_EMPTY;
    uint32_t seed = 42, same = 0;
    for (int i = 0; i < 5000; i++) {
        wire_buf_clear(&in);
        wire_buf_clear(&out);
        put_random(&in, &seed, 0);
        lua_pushcfunction(worker->L, go_round);
        lua_pushlightuserdata(worker->L, &in);
        lua_pushlightuserdata(worker->L, &out);
        assert_int_equal(lua_pcall(worker->L, 2, 1, 0), LUA_OK);
        assert_true(lua_toboolean(worker->L, -1));
        lua_settop(worker->L, 0);
        if (!has_nil_inside(&in)) {     //  A list with holes becomes a map
            assert_int_equal(out.size, in.size);
            assert_memory_equal(out.data, in.data, in.size);
            same++;
        }
    }
    assert_true(same > 2000);
    wire_buf_free(&in);
    wire_buf_free(&out);
}

//  ---- States that are made ahead --------------------------------------------

static void assert_lives(worker_t *worker)
{
    assert_int_equal(worker_seed(worker, (const uint64_t[2]) { 3, 4 }), 0);
    assert_true(IS_DONE(run(worker, "local t = {} for i = 1, 1000 do t[i] = i .. 'x' end return #t"), "\x91\xcd\x03\xe8"));
    assert_true(is_done(run(worker, "string, math.x = nil, collectgarbage() return ('x'):upper()"), "\x91\xa1X"));
}

static void test_a_state_is_made_in_an_arena(void **state)
{
    arena_t arena;
    worker_t worker;
    worker_config_t with = config;
    (void) state;
    arena_open(&arena, 256 * 1024);
    with.arena = &arena;
    for (size_t gap = 0; gap < 20000; gap += 9999) {
        arena_forget(&arena, gap);
        assert_int_equal(worker_open(&worker, -1, &with), 0);
        assert_true(arena_owns(&arena, worker.L) && arena.used > gap + worker.used / 2 && !worker.spilled);
        arena_warm(&arena);
        assert_lives(&worker);
        worker_close(&worker);
    }
    arena_forget(&arena, 0);
    for (size_t i = 0; i < arena.size; i++)
        assert_int_equal(arena.base[i], 0);
    assert_int_equal(worker_open(&worker, -1, &with), 0);
    worker_close(&worker);              //  Nobody's: it has nothing but the arena, or the sanitizer tells
    arena_close(&arena);
}

static void test_an_arena_may_be_too_small(void **state)
{
    arena_t arena;
    worker_t worker;
    worker_config_t with = config;
    (void) state;
    arena_open(&arena, 8192);
    with.arena = &arena;
    assert_int_equal(worker_open(&worker, -1, &with), 0);
    assert_true(worker.spilled);
    worker_close(&worker);
    arena_forget(&arena, 0);
    assert_int_equal(worker_open(&worker, -1, &with), 0);
    assert_lives(&worker);
    worker_close(&worker);
    arena_forget(&arena, 1000000);
    assert_null(arena_take(&arena, 1));
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
        TEST(runs), TEST(terms_leave_as_terms), TEST(a_text_is_kept_by_its_hash), TEST(texts_are_forgotten_before_memory_runs_out),
        TEST(each_request_refused_once), TEST(each_request_refused_for_good),
        TEST(broken_frames_end_the_conversation), TEST(a_call_out), TEST(values_go_round),
        cmocka_unit_test(test_a_state_is_made_in_an_arena), cmocka_unit_test(test_an_arena_may_be_too_small),
    };
    return cmocka_run_group_tests_name("jail_worker", tests, NULL, NULL);
}
