//  The pool beneath a Lua state: blocks keep their bytes, are used again, and go with the state

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "lua_memory.h"

static bool refuse;             //  Memory

static bool refused(void)
{
    return refuse;
}

#include "test_failing_malloc.h"

typedef struct {
    lua_State *L;
    lua_Alloc alloc;
    void *arg;
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = malloc(sizeof *f);
    f->L = lua_memory_open();
    f->alloc = lua_getallocf(f->L, &f->arg);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    refuse = false;
    lua_memory_close(f->L);
    free(f);
    return 0;
}

static void fill(uint8_t *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        block[i] = (uint8_t) (i * 7 + to);
}

static void assert_filled(const uint8_t *block, size_t upto, size_t to)
{
    for (size_t i = 0; i < upto; i++)
        assert_int_equal(block[i], (uint8_t) (i * 7 + to));
}

//  ---- Blocks ----------------------------------------------------------------

//  Every way over the borders of steps, and over that to malloc's.
static void what_moves_keeps_its_bytes(void **state)
{
    const fixture_t *f = *state;
    static const size_t sizes[] = { 1, 15, 16, 17, 32, 33, 100, 240, 255, 256, 257, 272, 1000, 40000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            size_t kept = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
            uint8_t *block = f->alloc(f->arg, NULL, LUA_TTABLE, sizes[i]);
            assert_non_null(block);
            assert_int_equal((uintptr_t) block % 8, 0);
            fill(block, 0, sizes[i]);
            uint8_t *moved = f->alloc(f->arg, block, sizes[i], sizes[j]);
            assert_non_null(moved);
            assert_filled(moved, kept, sizes[i]);
            assert_null(f->alloc(f->arg, moved, sizes[j], 0));
        }
}

static void no_two_blocks_overlap(void **state)
{
    const fixture_t *f = *state;
    static uint8_t *blocks[4000];
    size_t count = sizeof blocks / sizeof *blocks;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = f->alloc(f->arg, NULL, LUA_TSTRING, i % 300 + 1);
        fill(blocks[i], 0, i % 300 + 1);
    }
    for (size_t i = 0; i < count; i++)
        assert_filled(blocks[i], i % 300 + 1, i % 300 + 1);
    for (size_t i = 0; i < count; i++)
        f->alloc(f->arg, blocks[i], i % 300 + 1, 0);
}

//  With the sanitizer all blocks are malloc's, which takes care to give others.
#ifndef __SANITIZE_ADDRESS__
static void a_free_block_is_the_next_of_its_size(void **state)
{
    const fixture_t *f = *state;
    void *first = f->alloc(f->arg, NULL, 0, 40), *second = f->alloc(f->arg, NULL, 0, 48);
    f->alloc(f->arg, first, 40, 0);
    f->alloc(f->arg, second, 48, 0);
    assert_ptr_equal(f->alloc(f->arg, NULL, 0, 33), second);
    assert_ptr_equal(f->alloc(f->arg, NULL, 0, 48), first);
    f->alloc(f->arg, second, 33, 0);
    f->alloc(f->arg, first, 48, 0);
}
#endif

static void of_nothing_comes_nothing(void **state)
{
    const fixture_t *f = *state;
    assert_null(f->alloc(f->arg, NULL, LUA_TTABLE, 0));
    assert_null(f->alloc(f->arg, NULL, 0, 0));
}

//  ---- States ----------------------------------------------------------------

static void a_program_that_makes_and_drops_blocks_of_all_sizes(void **state)
{
    const fixture_t *f = *state;
    luaL_openlibs(f->L);
    assert_int_equal(luaL_dostring(f->L,
        "local kept = {} "
        "for i = 1, 60000 do "
        "  local n = i * 7919 % 500 "
        "  kept[i % 997] = { ('x'):rep(n) .. i, i, n, [n] = { n } } "
        "end "
        "for i = 59900, 60000 do "
        "  local t = kept[i % 997] "
        "  assert(t[1] == ('x'):rep(t[3] or i * 7919 % 500) .. i) "
        "end"), LUA_OK);
}

static int make_many(lua_State *L)
{
    lua_newtable(L);
    for (lua_Integer i = 1; i < 1000000; i++) {
        lua_pushfstring(L, "text %I", (LUAI_UACINT) i);
        lua_rawseti(L, -2, i);
    }
    return 0;
}

static void without_memory_a_program_gets_an_error_and_goes_on(void **state)
{
    const fixture_t *f = *state;
    refuse = true;
    lua_pushcfunction(f->L, make_many);
    assert_int_equal(lua_pcall(f->L, 0, 0, 0), LUA_ERRMEM);
    refuse = false;
    lua_settop(f->L, 0);
    assert_int_equal(luaL_dostring(f->L, "local t = {} for i = 1, 1000 do t[i] = { i } end return #t"), LUA_OK);
    assert_int_equal(lua_tointeger(f->L, -1), 1000);
}

static void no_state_without_memory(void **state)
{
    (void) state;
    refuse = true;
    assert_null(lua_memory_open());
    refuse = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_moves_keeps_its_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(no_two_blocks_overlap, setup, teardown),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test_setup_teardown(a_free_block_is_the_next_of_its_size, setup, teardown),
#endif
        cmocka_unit_test_setup_teardown(of_nothing_comes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_program_that_makes_and_drops_blocks_of_all_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_a_program_gets_an_error_and_goes_on, setup, teardown),
        cmocka_unit_test(no_state_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
