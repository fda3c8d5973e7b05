//  Endpoints: what their texts say, and what is none.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "endpoint.h"

static void expect_split(const char *endpoint, const char *host, const char *port)
{
    char its[ENDPOINT_HOST];
    const char *behind;
    if (!host) {
        assert_false(endpoint_split(endpoint, its, &behind));
        return;
    }
    assert_true(endpoint_split(endpoint, its, &behind));
    assert_string_equal(its, host);
    assert_string_equal(behind, port);
}

static void test_split(void **state)
{
    (void) state;
    expect_split("tcp://hub:4321", "hub", "4321");
    expect_split("tcp://*:*", "*", "*");
    expect_split("tcp://[::1]:1", "::1", "1");
    expect_split("tcp://[fe80::1%eth0]:1", "fe80::1%eth0", "1");
    expect_split("tcp://127.0.0.1:123456789012345", "127.0.0.1", "123456789012345");
    static const char *const none[] = { "", "tcp://", "tcp://:1", "tcp://hub", "tcp://hub:", "tcp://[]:1", "ipc:///tmp/a:1",
                                        "hub:1", "TCP://hub:1", "tcp://hub:1234567890123456" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        expect_split(none[i], NULL, NULL);
}

static void test_a_host_as_long_as_it_may_be(void **state)
{
    (void) state;
    char host[ENDPOINT_HOST + 1] = "", text[ENDPOINT_HOST + 16] = "tcp://";
    memset(host, 'h', ENDPOINT_HOST - 1);
    expect_split(strcat(strcat(text, host), ":1"), host, "1");
    host[ENDPOINT_HOST - 1] = 'h';
    text[6] = 0;
    expect_split(strcat(strcat(text, host), ":1"), NULL, NULL);
}

static void test_ports(void **state)
{
    (void) state;
    assert_int_equal(endpoint_port("1"), 1);
    assert_int_equal(endpoint_port("65535"), 65535);
    static const char *const none[] = { "", "*", "0", "65536", "99999", "4294967297", "-1", "+1", " 1", "1 ", "http", "1x" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(endpoint_port(none[i]), 0);
}

static void test_numbers(void **state)
{
    (void) state;
    endpoint_number_t number;
    assert_true(endpoint_number("10.0.0.1", &number));
    assert_int_equal(number.any.sa_family, AF_INET);
    assert_true(endpoint_number("fd00::1", &number));
    assert_int_equal(number.any.sa_family, AF_INET6);
    static const char *const none[] = { "", "*", "hub", "127.1", "127.0.0.1.test", "[::1]", "::1%lo" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(endpoint_number(none[i], &number));
}

static void test_what_is_local(void **state)
{
    (void) state;
    static const char *const local[] = { "ipc:///run/alua/broker", "ipc://@abstract", "tcp://127.0.0.1:4321", "tcp://127.8.9.10:*",
                                         "tcp://[::1]:1", "tcp://localhost:1" };
    static const char *const others[] = { "", "tcp://*:1", "tcp://0.0.0.0:1", "tcp://10.0.0.1:1", "tcp://[::]:1", "tcp://128.0.0.1:1",
                                          "tcp://127.hub.test:1", "tcp://127.0.0.1.test:1", "tcp://localhost.test:1", "tcp://hub:1",
                                          "tcp://[::2]:1", "udp://127.0.0.1:1" };
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        assert_true(endpoint_is_local(local[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(endpoint_is_local(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_a_host_as_long_as_it_may_be),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_is_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
