//  Each allocation fails once: an error that says so, nothing left behind

#include "test_match_lua.h"
#include "test_failing_malloc.h"

static long countdown;  //  Which one fails; 0: none
static bool forbidden;  //  None may be asked for
static size_t refusals;

static bool refused(void)
{
    assert_false(forbidden);
    bool now = countdown && --countdown == 0;
    refusals += now;
    return now;
}

static const char template[] =
    "{ 'job', any, oneof(1, 2, 3, { 'a', x = 1 }, prefix('long text')), range(1, 2.5), var 'a', { var 'a', name = 'x', rest },"
    "  where 't.x == \"abc\" and t[1] ~= [[some more text]] or #t > 3 and min(1, 2, 3) == 1', where 't[2]',"
    "  n1 = 1, n2 = 'two', n3 = { 3 }, n4 = any, n5 = 5, n6 = 6, n7 = 7, n8 = 8, n9 = 9 }";

static const char tuple[] =
    "{ 'job', 0, { 'a', x = 1 }, 2, 'v', { 'v', 1, 2, name = 'x' }, x = 'abc', n1 = 1, n2 = 'two', n3 = { 3 }, n4 = true,"
    "  n5 = 5, n6 = 6, n7 = 7, n8 = 8, n9 = 9 }";

static void test_templates(void **state)
{
    lua_State *L = new_lua();
    wire_buf_t packed = pack_value(L, template), normal = tuple_of(L, tuple);
    char text[MATCH_TEXT];
    match_t *match;
    int rc = WIRE_E_NO_MEMORY;
    (void) state;
    refusals = 0;
    for (long n = 1; rc; n++) {
        countdown = n;
        rc = match_new(&match, reader_of(&packed), 1, text);
        assert_int_equal(countdown == 0, rc != 0);
        if (rc) {
            assert_int_equal(rc, WIRE_E_NO_MEMORY);
            assert_non_null(strstr(text, "out of memory"));
            assert_null(match);
        }
    }
    countdown = 0;
    assert_true(refusals > 10);
    forbidden = true;                           //  Matching asks for none
    bool is = match_test(match, reader_of(&normal));
    forbidden = false;
    assert_true(is);
    match_destroy(&match);
    wire_buf_free(&packed);
    wire_buf_free(&normal);
    lua_close(L);
}

static void test_normal(void **state)
{
    lua_State *L = new_lua();
    wire_buf_t packed = pack_value(L, tuple);
    char text[MATCH_TEXT];
    int rc = WIRE_E_NO_MEMORY;
    (void) state;
    refusals = 0;
    for (long n = 1; rc; n++) {
        wire_buf_t out = WIRE_BUF_EMPTY;
        countdown = n;
        rc = match_normal(reader_of(&packed), &out, text);
        countdown = 0;
        assert_true(rc == 0 || (rc == WIRE_E_NO_MEMORY && out.size == 0));
        wire_buf_free(&out);
    }
    assert_true(refusals >= 2);
    wire_buf_free(&packed);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
