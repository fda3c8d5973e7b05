//  Random templates against random tuples: here and in the plainest Lua (test_match_naive.lua); and broken bytes

#include "test_match_lua.h"

#include <stdio.h>

#define PAIRS   120000
#define MUTANTS 200000
#define SEED    UINT64_C(0x1234567890abcdef)

typedef struct {
    lua_State *L;
    wire_buf_t template, tuple, normal;
} fixture_t;

static fixture_t begin(void)
{
    fixture_t f = { .L = new_lua() };
    if (luaL_dofile(f.L, "tests/unit/test_match_naive.lua"))
        fail_msg("%s", lua_tostring(f.L, -1));
    return f;
}

static void forget(fixture_t *f)
{
    wire_buf_free(&f->template);
    wire_buf_free(&f->tuple);
    wire_buf_free(&f->normal);
}

//  The next pair, in any form, and whether they match.
static bool draw_pair(fixture_t *f)
{
    forget(f);
    lua_settop(f->L, 1);
    lua_pushvalue(f->L, 1);
    if (lua_pcall(f->L, 0, 3, 0))
        fail_msg("%s", lua_tostring(f->L, -1));
    pack(f->L, 2, &f->template, true);
    pack(f->L, 3, &f->tuple, true);
    f->template = exactly(&f->template);
    f->tuple = exactly(&f->tuple);
    return lua_toboolean(f->L, 4);
}

static void show(const char *what, const wire_buf_t *bytes)
{
    print_error("%s ", what);
    for (size_t i = 0; i < bytes->size; i++)
        print_error("%02x", bytes->data[i]);
    print_error("\n");
}

//  A matching tuple has every key of the template.
static void check_keys(const match_t *match, wire_reader_t tuple)
{
    const uint32_t *wanted;
    uint32_t have[MATCH_KEYS];
    size_t n = match_keys(match, &wanted), m = match_tuple_keys(tuple, SEED, have);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < m && have[j] != wanted[i])
            j++;
        assert_true(j < m);
    }
}

//  The normal form of the normal form is itself.
static void check_normal(const wire_buf_t *normal)
{
    wire_buf_t again = normal_of(normal);
    assert_int_equal(again.size, normal->size);
    assert_memory_equal(again.data, normal->data, again.size);
    wire_buf_free(&again);
}

static void test_random_pairs(void **state)
{
    fixture_t f = begin();
    size_t matches = 0, keys = 0;
    char text[MATCH_TEXT];
    (void) state;
    row = 5;
    for (int i = 0; i < PAIRS; i++) {
        match_t *match;
        const uint32_t *wanted;
        bool expected = draw_pair(&f);
        if (match_new(&match, reader_of(&f.template), SEED, text))
            fail_msg("pair %d: %s", i, text);
        f.normal = normal_of(&f.tuple);
        if (match_test(match, reader_of(&f.normal)) != expected) {
            show("template", &f.template);
            show("tuple", &f.normal);
            fail_msg("pair %d: it should %smatch", i, expected ? "" : "not ");
        }
        if (expected)
            check_keys(match, reader_of(&f.normal));
        check_normal(&f.normal);
        matches += expected;
        keys += match_keys(match, &wanted);
        match_destroy(&match);
    }
    assert_true(matches > PAIRS / 5 && matches < PAIRS * 4 / 5 && keys > PAIRS / 5);
    forget(&f);
    lua_close(f.L);
}

//  ---- Broken bytes ---------------------------------------------------------------------------

static wire_buf_t mutant_of(const wire_buf_t *bytes)
{
    static const uint8_t tags[] = { 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd8, 0xd9, 0xdc, 0xde, 0x90, 0x80, 0x81, 0x91, 2 };
    wire_buf_t copy = WIRE_BUF_EMPTY;
    wire_buf_append(&copy, bytes->data, bytes->size);
    for (uint64_t n = 1 + draw(4); n; n--)
        copy.data[draw(copy.size)] = draw(2) ? (uint8_t) draw(256) : tags[draw(sizeof tags)];
    return exactly(&copy);
}

static bool is_whole(const wire_buf_t *bytes)
{
    wire_reader_t at = reader_of(bytes);
    return wire_scan(&at) == 0;
}

static void check_refusal(int rc, const char *text)
{
    assert_true(rc == WIRE_E_USAGE || rc == WIRE_E_SYNTAX || rc == WIRE_E_TOO_BIG || rc == WIRE_E_TOO_DEEP);
    assert_non_null(memchr(text, 0, MATCH_TEXT));
    assert_true(*text);
}

static size_t try_template(const wire_buf_t *template, const wire_buf_t *tuple, const wire_buf_t *broken)
{
    match_t *match;
    char text[MATCH_TEXT] = "";
    int rc = match_new(&match, reader_of(template), SEED, text);
    if (rc) {
        assert_null(match);
        check_refusal(rc, text);
        return 0;
    }
    match_test(match, reader_of(tuple));
    match_test(match, reader_of(broken));       //  Not even in normal form
    match_destroy(&match);
    return 1;
}

//  Whole bytes as a scan lets them through, whatever they mean.
static void test_mutants(void **state)
{
    fixture_t f = begin();
    char text[MATCH_TEXT] = "";
    uint32_t keys[MATCH_KEYS];
    size_t templates = 0, tuples = 0;
    (void) state;
    row = 6;
    for (int i = 0; i < MUTANTS; i++) {
        if (i % 8 == 0) {
            draw_pair(&f);
            f.normal = normal_of(&f.tuple);
        }
        wire_buf_t template = mutant_of(&f.template), tuple = mutant_of(&f.tuple), normal = WIRE_BUF_EMPTY;
        wire_buf_append(&normal, "before", 6);
        int rc = is_whole(&tuple) ? match_normal(reader_of(&tuple), &normal, text) : WIRE_E_MALFORMED;
        if (rc == 0) {
            wire_reader_t at = wire_reader(normal.data + 6, normal.size - 6);
            tuples++;
            assert_int_equal(wire_scan(&at), 0);
            assert_ptr_equal(at.at, at.end);
            match_tuple_keys(at, SEED, keys);
        }
        else {
            assert_int_equal(normal.size, 6);
            if (rc != WIRE_E_MALFORMED)
                check_refusal(rc, text);
        }
        match_tuple_keys(reader_of(&tuple), SEED, keys);
        templates += is_whole(&template) ? try_template(&template, &f.normal, &tuple) : 0;
        wire_buf_free(&template);
        wire_buf_free(&tuple);
        wire_buf_free(&normal);
    }
    assert_true(templates > MUTANTS / 20 && tuples > MUTANTS / 20);
    forget(&f);
    lua_close(f.L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_pairs),
        cmocka_unit_test(test_mutants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
