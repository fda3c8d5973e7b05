//  Each allocation fails once: an error that says so, nothing left behind

#include "test_policy_side.h"
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

static const char file[] =
    "roles = { a = { call = { 'a.*', 'b', 'c', 'd', 'e.>' }, code = { ana = 'full', bob = 'jail' } }, b = { code = 'jail', take = true } }\n"
    "keys = { ana = { 'a', 'b', pub = { [[news.>]] } }, bob = 'b', carol = { 'a', admin = true } }\n"
    "default = { sub = { '\\x61' } }";

static void test_reading(void **state)
{
    char error[POLICY_ERROR_TEXT];
    int rc = WIRE_E_NO_MEMORY;
    (void) state;
    refusals = 0;
    for (long n = 1; rc; n++) {
        wire_buf_t out = WIRE_BUF_EMPTY;
        countdown = n;
        rc = policy_text_read(file, sizeof file - 1, &out, error);
        countdown = 0;
        assert_true(rc == 0 || (rc == WIRE_E_NO_MEMORY && out.size == 0 && strstr(error, "out of memory")));
        wire_buf_free(&out);
    }
    assert_true(refusals > 10);
}

static void test_policy(void **state)
{
    char error[256];
    wire_buf_t packed = packed_of(file), out = WIRE_BUF_EMPTY;
    policy_t *self = NULL;
    (void) state;
    refusals = 0;
    for (long n = 1; !self; n++) {
        countdown = n;
        self = policy_new(reader_of(&packed), error);
        assert_int_equal(countdown == 0, !self);
        countdown = 0;
        assert_true(self || strstr(error, "out of memory"));
    }
    assert_true(refusals > 10);
    countdown = 1;
    assert_false(policy_put_rights(self, str_of("k"), str_of("ana"), &out));
    countdown = 0;
    wire_buf_free(&out);
    policy_destroy(&self);
    wire_buf_free(&packed);
}

static void test_rights(void **state)
{
    char error[256];
    wire_buf_t packed = packed_of("call = { 'a.*', 'b', 'c', 'd', 'e.>' } code = { ana = 'full', ['b.*'] = 'jail' } sub = { 'x.>' }");
    rights_t *self = NULL;
    (void) state;
    refusals = 0;
    for (long n = 1; !self; n++) {
        countdown = n;
        self = rights_new(reader_of(&packed), error);
        countdown = 0;
        assert_true(self || strstr(error, "out of memory"));
    }
    assert_true(refusals > 4);
    forbidden = true;                           //  Asking asks for none
    bool may = rights_may(self, WIRE_RIGHT_CALL, str_of("e.f.g")) && rights_may(self, WIRE_RIGHT_SUB, str_of("x.*"))
               && rights_code(self, str_of("b.c")) == RIGHTS_JAIL;
    forbidden = false;
    assert_true(may);
    rights_destroy(&self);
    wire_buf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
