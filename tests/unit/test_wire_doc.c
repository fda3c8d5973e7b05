//  PROTOCOL.md's tables are those of the headers: each row, made from the lists, stands there literally.
//
//  With --print the program writes the tables, to be pasted.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire_error.h"
#include "wire_limits.h"
#include "wire_types.h"

#define PROTOCOL "wire/PROTOCOL.md"
#define LIMITS   "wire/wire_limits.h"
#define MOST     (1 << 18)

static const char *yes(bool value)
{
    return value ? "yes" : "";
}

typedef void row_fn(void *arg, const char *row);

static void each_type(row_fn *fn, void *arg)
{
    char row[512];
#define X(name, id, way, is_early, change, does_count, right, fields)                                      \
    snprintf(row, sizeof row, "| %d | %s | %s | %s | %s | %s | %s | %s |", id, #name, #way, yes(is_early), \
             yes(change), yes(does_count), wire_right_word(WIRE_RIGHT_##right), fields);                                                 \
    fn(arg, row);
    WIRE_TYPES(X)
#undef X
}

static void each_error(row_fn *fn, void *arg)
{
    char row[512];
#define X(name, id, word, sure, text)                                                               \
    snprintf(row, sizeof row, "| %d | %s | %s | %s |", id, word, yes(sure), text);                  \
    fn(arg, row);
    WIRE_ERRORS(X)
#undef X
}

//  A limit that is missing here is found by test_no_limit_is_forgotten.
static const struct { const char *name; long value; } limits[] = {
#define LIMIT(name) { #name, WIRE_##name }
    LIMIT(VERSION), LIMIT(MAX_MESSAGE), LIMIT(MAX_BATCH), LIMIT(MAX_FRAME), LIMIT(MAX_DEPTH),
    LIMIT(MAX_OBJECTS), LIMIT(MAX_NAME), LIMIT(MAX_STRIKES), LIMIT(LINK_RING_BYTES), LIMIT(LINK_RING_FRAMES),
    LIMIT(ACK_FRAMES), LIMIT(ACK_BYTES), LIMIT(ACK_DELAY), LIMIT(CREDIT_EVENTS), LIMIT(CREDIT_BYTES),
    LIMIT(HEARTBEAT), LIMIT(HEARTBEAT_TIMEOUT), LIMIT(LEASE), LIMIT(TIMEOUT),
};

static void each_limit(row_fn *fn, void *arg)
{
    char row[512];
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        snprintf(row, sizeof row, "| %s | %ld |", limits[i].name, limits[i].value);
        fn(arg, row);
    }
}

static void each_bit(row_fn *fn, void *arg)
{
    char row[512];
#define BIT(name) snprintf(row, sizeof row, "| %s | %u |", #name, WIRE_##name), fn(arg, row)
    BIT(WANTS_REPLY);
    BIT(WANTS_RESULTS);
    BIT(BACKGROUND);
    BIT(FEATURE_RESUME);
#undef BIT
}

static char *contents(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, MOST);
    if (!file || !text)
        fail_msg("cannot read %s (the tests run in the top folder)", path);
    text[fread(text, 1, MOST - 1, file)] = 0;
    fclose(file);
    return text;
}

//  At the beginning of a line; a row that is whole ends with it, limits and bits go on with their meaning.
static void must_stand(void *arg, const char *row)
{
    char line[520];
    snprintf(line, sizeof line, "\n%s", row);
    if (!strstr(arg, line))
        fail_msg("%s lacks the row\n%s", PROTOCOL, row);
}

static size_t count_rows(const char *text, const char *head)
{
    const char *at = strstr(text, head);
    if (!at)
        fail_msg("%s lacks the table that begins\n%s", PROTOCOL, head);
    size_t rows = 0;
    for (; *at == '|'; at += strcspn(at, "\n") + 1)
        rows++;
    return rows - 2;            //  The head and the line below it
}

static void count(void *arg, const char *row)
{
    (void) row;
    ++*(size_t *) arg;
}

#define TABLES(X)                                                                                   \
    X("| id | type | way | early | changes | counts | right | fields after ttl_ms |", each_type)            \
    X("| id | word | definite | text |", each_error)                                                \
    X("| limit | value | meaning |", each_limit)                                                    \
    X("| bit | value | meaning |", each_bit)

static void test_the_rows_are_there(void **state)
{
    (void) state;
    char *text = contents(PROTOCOL);
#define X(head, each) each(must_stand, text);
    TABLES(X)
#undef X
    free(text);
}

//  Nor is there a row that the lists do not have any more.
static void test_there_are_no_other_rows(void **state)
{
    (void) state;
    char *text = contents(PROTOCOL);
#define X(head, each) {                                     \
        size_t want = 0;                                    \
        each(count, &want);                                 \
        assert_int_equal(count_rows(text, head), want);     \
    }
    TABLES(X)
#undef X
    free(text);
}

static bool is_listed(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (strlen(limits[i].name) == size && memcmp(limits[i].name, name, size) == 0)
            return true;
    return false;
}

static void test_no_limit_is_forgotten(void **state)
{
    (void) state;
    static const char define[] = "\n#define WIRE_";
    char *text = contents(LIMITS);
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, define)); ) {
        at += sizeof define - 1;
        size_t size = strcspn(at, " \n");
        if (memcmp(at, "LIMITS_H", 8) == 0)
            continue;
        if (!is_listed(at, size))
            fail_msg("%s has %.*s, which this test and %s have not", LIMITS, (int) size, at, PROTOCOL);
        found++;
    }
    assert_int_equal(found, sizeof limits / sizeof limits[0]);
    free(text);
}

static void print(void *arg, const char *row)
{
    (void) arg;
    puts(row);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rows_are_there),
        cmocka_unit_test(test_there_are_no_other_rows),
        cmocka_unit_test(test_no_limit_is_forgotten),
    };
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
#define X(head, each) puts("\n" head); each(print, NULL);
        TABLES(X)
#undef X
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
