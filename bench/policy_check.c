//  policy_check - what a message costs to check against the rights of its author
//
//  ns per check, for typical sets of 1, 4 and 16 patterns: the best of several rounds, so that other work on the machine
//  does not count. "floor" is a comparison of two names of the same length in the same loop. Nothing is asserted.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rights.h"

#define CHECKS 1000000
#define ROUNDS 9

typedef bool check_fn(const rights_t *rights, wire_str_t about);

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec * 1e9 + (double) time.tv_nsec;
}

static bool check_call(const rights_t *rights, wire_str_t about)
{
    return rights_may(rights, WIRE_RIGHT_CALL, about);
}

static bool check_sub(const rights_t *rights, wire_str_t about)
{
    return rights_may(rights, WIRE_RIGHT_SUB, about);
}

static bool check_code(const rights_t *rights, wire_str_t about)
{
    return rights_code(rights, about) > RIGHTS_NONE;
}

static bool check_floor(const rights_t *rights, wire_str_t about)
{
    (void) rights;
    return wire_str_is(about, "service.function");
}

//  Called by pointer, and the name's place hidden, so that nothing is known beforehand.
static void measure(const char *what, size_t patterns, const char *how, check_fn *check, const rights_t *rights, const char *about)
{
    wire_str_t name = { about, strlen(about) };
    double best = 1e9;
    size_t yes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < CHECKS; i++) {
            __asm__ volatile ("" : "+r" (name.data), "+r" (rights), "+r" (check));
            yes += check(rights, name);
        }
        double ns = (now() - start) / CHECKS;
        best = ns < best ? ns : best;
    }
    printf("%-8s %8zu  %-24s %-8s %8.1f\n", what, patterns, how, yes ? "yes" : "no", best);
}

static void put_patterns(wire_buf_t *out, size_t count, bool values)
{
    static const char *const forms[] = { "service%zu.*", "service%zu.function", "news.part%zu.>", "*.function%zu" };
    char text[64];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, forms[i % 4], i);
        wire_put_cstr(out, text);
        if (values)
            wire_put_cstr(out, "jail");
    }
}

static rights_t *make(size_t count)
{
    wire_buf_t packed = WIRE_BUF_EMPTY;
    wire_put_map(&packed, 3);
    wire_put_cstr(&packed, "call");
    wire_put_array(&packed, (uint32_t) count);
    put_patterns(&packed, count, false);
    wire_put_cstr(&packed, "sub");
    wire_put_array(&packed, (uint32_t) count);
    put_patterns(&packed, count, false);
    wire_put_cstr(&packed, "code");
    wire_put_map(&packed, (uint32_t) count);
    put_patterns(&packed, count, true);
    rights_t *self = rights_new(wire_reader(packed.data, packed.size), NULL);
    wire_buf_free(&packed);
    if (!self)
        abort();
    return self;
}

static void measure_set(size_t count)
{
    char last[64];
    rights_t *self = make(count);
    snprintf(last, sizeof last, "news.part%zu.berlin.traffic", count - 2);
    measure("call", count, "first pattern", check_call, self, "service0.function");
    if (count > 2)
        measure("call", count, "last but one", check_call, self, last);
    measure("call", count, "none", check_call, self, "service99.function");
    measure("sub", count, "none, a pattern", check_sub, self, "news.*.>");
    measure("code", count, "none", check_code, self, "node.of.nobody");
    rights_destroy(&self);
}

int main(void)
{
    printf("%-8s %8s  %-24s %-8s %8s\n", "right", "patterns", "found", "allowed", "ns");
    measure("floor", 0, "memcmp of names", check_floor, NULL, "service.function");
    measure("call", 0, "all allowed", check_call, rights_all(), "service.function");
    measure("call", 0, "no keys (NULL)", check_call, NULL, "service.function");
    measure_set(1);
    measure_set(4);
    measure_set(16);
    return 0;
}
