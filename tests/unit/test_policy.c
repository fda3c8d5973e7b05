//  Policies: whose rights are what, and what a wrong file says

#include "test_policy_side.h"

static const char ana_key[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";

static policy_t *policy_of(const char *text)
{
    char error[256];
    wire_buf_t packed = packed_of(text);
    policy_t *self = policy_new(reader_of(&packed), error);
    wire_buf_free(&packed);
    if (!self)
        fail_msg("%s\n%s", text, error);
    return self;
}

static void check(const policy_t *self, const char *key, const char *name, const char *expected)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    assert_true(policy_put_rights(self, str_of(key), str_of(name), &out));
    if (strcmp(line_of(reader_of(&out)), expected) != 0)
        fail_msg("%s %s\nhas      %s\nexpected %s", key, name, line_of(reader_of(&out)), expected);
    wire_buf_free(&out);
}

static void test_who(void **state)
{
    policy_t *self = policy_of("roles = { w = { take = { 'jobs' } }, r = { read = true } }\n"
                               "keys = { ana = 'w', ['Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'] = 'r', bob = {}, carl = { out = true } }");
    (void) state;
    check(self, "k", "ana", "{'take'=['jobs']}");
    check(self, ana_key, "ana", "{'read'=true}");       //  The key goes before the name
    check(self, ana_key, "", "{'read'=true}");
    check(self, "k", "bob", "{}");
    check(self, "k", "carl", "{'out'=true}");
    check(self, "k", "dora", "{}");                     //  No default: nothing
    check(self, "", "", "{}");
    policy_destroy(&self);
    policy_destroy(&self);
}

static void test_default(void **state)
{
    policy_t *self = policy_of("roles = { w = { take = 'jobs' } } keys = { ana = {} } default = { 'w', pub = { 'x' } }");
    (void) state;
    check(self, "k", "who", "{'take'=['jobs'] 'pub'=['x']}");
    check(self, "k", "ana", "{}");
    policy_destroy(&self);
    self = policy_of("");
    check(self, "k", "who", "{}");
    policy_destroy(&self);
}

static void test_merge(void **state)
{
    policy_t *self = policy_of(
        "roles = { a = { call = { 'x', 'y' }, take = true, code = 'jail' }, b = { call = { 'y', 'z' }, take = { 't' }, code = { n = 'full', m = 'none' } },\n"
        "          c = { code = { n = 'jail', ['>'] = 'none' }, admin = true } }\n"
        "keys = { ab = { 'a', 'b' }, bc = { 'b', 'c' }, own = { 'a', call = { 'own' }, code = 'full' }, all = { 'c', 'b', 'a' }, twice = { 'a', 'a' } }");
    (void) state;
    check(self, "k", "ab", "{'code'={'>'='jail' 'm'='none' 'n'='full'} 'call'=['x' 'y' 'z'] 'take'=true}");
    check(self, "k", "bc", "{'code'={'m'='none' 'n'='full' '>'='none'} 'call'=['y' 'z'] 'take'=['t'] 'admin'=true}");
    check(self, "k", "own", "{'code'='full' 'call'=['x' 'y' 'own'] 'take'=true}");
    check(self, "k", "all", "{'code'={'>'='jail' 'n'='full' 'm'='none'} 'call'=['y' 'z' 'x'] 'take'=true 'admin'=true}");
    check(self, "k", "twice", "{'code'='jail' 'call'=['x' 'y'] 'take'=true}");
    policy_destroy(&self);
}

static void test_without(void **state)
{
    (void) state;
    check(NULL, "k", "ana", "{'call'=true 'out'=true 'take'=true 'read'=true 'pub'=true 'sub'=true}");
}

static void refused(const char *text, const char *expected)
{
    char error[256];
    wire_buf_t packed = packed_of(text);
    assert_null(policy_new(reader_of(&packed), error));
    assert_string_equal(error, expected);
    wire_buf_free(&packed);
}

static void test_refusals(void **state)
{
    (void) state;
    refused("return 1", "a policy is a table of roles, keys and default");
    refused("return { { 'ana' } }", "a policy is a table of roles, keys and default");
    refused("role = {}", "a policy has no 'role'; did you mean 'roles'?");
    refused("users = {}", "a policy has no 'users'");
    refused("roles = { 'a' }", "roles: expected a table of names");
    refused("roles = 'a'", "roles: expected a table of names");
    refused("keys = { [1] = 'a', ana = 'b' }", "keys: expected names as keys, such as { ana = ... }");
    refused("roles = { w = { tak = true } }", "roles.w: there is no right 'tak'; did you mean 'take'?");
    refused("roles = { w = 'x' }", "roles.w: expected a table of rights, such as { take = { \"jobs\" } }; roles have no roles inside");
    refused("roles = { w = { 'x', call = true } }", "roles.w: expected rights by name, such as take = { \"jobs\" }; roles have no roles inside");
    refused("roles = { worker = {} } keys = { bob = { 'wroker' } }", "keys.bob: there is no role 'wroker'; did you mean 'worker'?");
    refused("keys = { bob = 'worker' }", "keys.bob: there is no role 'worker'");
    refused("keys = { bob = true }", "keys.bob: expected roles, as strings, and rights, such as { \"worker\", pub = { \"news.>\" } }");
    refused("keys = { bob = { true } }", "keys.bob: expected roles, as strings, and rights, such as { \"worker\", pub = { \"news.>\" } }");
    refused("keys = { bob = { [true] = 1 } }", "keys.bob: expected roles by position and rights by name");
    refused("keys = { bob = { call = { 'a*' } } }", "keys.bob: call: 'a*' is no pattern: * and > stand for whole words");
    refused("default = { code = 'ful' }", "default: code: 'ful' is none of \"none\", \"jail\" and \"full\"; did you mean 'full'?");
}

static void test_cut(void **state)
{
    char error[256];
    wire_buf_t packed = packed_of("roles = { a = { call = { 'x' } } } keys = { b = { 'a', pub = true } } default = 'a'");
    (void) state;
    for (size_t size = 0; size < packed.size; size++)
        assert_null(policy_new(wire_reader(packed.data, size), error));
    wire_buf_free(&packed);
}

//  ---- The example that is delivered -----------------------------------------------------

static char *file_text(const char *path)
{
    static char text[16384];
    FILE *file = fopen(path, "rb");     //  Tests run in the project's folder
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static rights_t *rights_of(const policy_t *policy, const char *name)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    assert_true(policy_put_rights(policy, str_of("k"), str_of(name), &out));
    rights_t *self = rights_new(reader_of(&out), NULL);
    assert_non_null(self);
    wire_buf_free(&out);
    return self;
}

static void may(const policy_t *policy, const char *name, wire_right_t right, const char *about, bool expected)
{
    rights_t *rights = rights_of(policy, name);
    if (rights_may(rights, right, str_of(about)) != expected)
        fail_msg("%s: %s %s", name, wire_right_word(right), about);
    rights_destroy(&rights);
}

static void level(const policy_t *policy, const char *name, const char *node, rights_code_t expected)
{
    rights_t *rights = rights_of(policy, name);
    assert_int_equal(rights_code(rights, str_of(node)), expected);
    rights_destroy(&rights);
}

static void test_example(void **state)
{
    policy_t *self = policy_of(file_text("deploy/policy.example.lua"));
    (void) state;
    for (unsigned right = 1; right < WIRE_RIGHT_LIMIT; right++)
        may(self, "ana", (wire_right_t) right, "any.thing", true);
    level(self, "ana", "bench", RIGHTS_FULL);
    level(self, "bob", "bench", RIGHTS_FULL);
    level(self, "bob", "ana", RIGHTS_JAIL);
    level(self, "carol", "bench", RIGHTS_JAIL);
    level(self, "stranger", "bench", RIGHTS_NONE);
    may(self, "bob", WIRE_RIGHT_TAKE, "jobs", true);
    may(self, "bob", WIRE_RIGHT_OUT, "jobs", true);
    may(self, "bob", WIRE_RIGHT_CALL, "plan.next.week", true);
    may(self, "bob", WIRE_RIGHT_ADMIN, "", false);
    may(self, "carol", WIRE_RIGHT_OUT, "jobs", false);
    may(self, "carol", WIRE_RIGHT_OUT, "results", true);
    may(self, "carol", WIRE_RIGHT_CALL, "stats.mean", true);
    may(self, "carol", WIRE_RIGHT_CALL, "stats.daily.mean", false);
    may(self, "carol", WIRE_RIGHT_SUB, "progress.>", true);
    may(self, "carol", WIRE_RIGHT_SUB, ">", false);
    may(self, "stranger", WIRE_RIGHT_READ, "results", true);
    may(self, "stranger", WIRE_RIGHT_SUB, "news.berlin.traffic", true);
    may(self, "stranger", WIRE_RIGHT_SUB, "news", false);
    may(self, "stranger", WIRE_RIGHT_TAKE, "results", false);
    may(self, "stranger", WIRE_RIGHT_PUB, "news.a", false);
    policy_destroy(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
