//  Hostile texts: every chunk of tests/jail/*.lua, each with the end it must have; after each, the same
//  principal and a neighbour must be served as if nothing had been.
//
//  A file is a list of chunks. A line "--## NAME -> END" begins one; END is what must come: ok (the
//  chunk returned something true), timeout, or another code; with | between several.
//
//      test_jail_hostile [PART OF A NAME]

#include <dirent.h>

#include "test_jail_side.h"

#define MARK "--## "
#define DEADLINE 250            //  ms; more where the chunk's work must be done in it
#define SHORT 60                //  ms, for two at once
#define PAIRS 40
#define MUTANTS 200
#define MEMORY ((size_t) 32 * 1024 * 1024)

typedef struct {
    char name[128];
    char expected[64];
    const char *code;
    size_t size;
} chunk_t;

typedef struct {
    const char *file;
    char *text;
    const char *only;
    size_t count, wrong;
    fixture_t *f;
} suite_t;

static const char *only;

//  ---- One chunk -------------------------------------------------------------

static bool is_expected(const end_t *end, const char *expected)
{
    const char *word = end->code ? wire_error_word(end->code) : strcmp(end->shown, "[true]") == 0 ? "ok" : "ok?";
    size_t size = strlen(word);
    for (const char *at = expected; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, word, size) == 0 && (at[size] == 0 || at[size] == '|'))
            return true;
    return false;
}

static int answer(void *arg, wire_str_t name, wire_reader_t args, wire_buf_t *results)
{
    (void) arg;
    if (wire_str_is(name, "fail"))
        return WIRE_E_DENIED;
    wire_buf_append(results, args.at, (size_t) (args.end - args.at));
    return 0;
}

static void run_chunk(suite_t *suite, const chunk_t *chunk)
{
    static const char *const calls[] = { "echo", "fail", NULL };
    end_t end = { 0 }, *after;
    jail_job_t job = job_of("eve", "", &end);
    char name[160];
    snprintf(name, sizeof name, "=%s", chunk->name);
    job.name = str(name);
    job.code = (wire_str_t) { chunk->code, chunk->size };
    job.calls = calls;
    job.call = answer;
    job.deadline = !chunk->expected[0] ? SHORT : strstr(chunk->expected, "timeout") ? DEADLINE : 10000;
    int64_t start = jail_now();
    assert_int_equal(jail_run(suite->f->jail, &job), 0);
    wait_for(suite->f, &end);
    int64_t took = jail_now() - start;
    bool good = !chunk->expected[0] || is_expected(&end, chunk->expected);
    if (!good)
        print_error("%s: %s -> %s, not %s: %s\n", suite->file, chunk->name, wire_error_word(end.code), chunk->expected,
                    end.shown);
    //  The machine may be busy, but an end that comes seconds late is not the jail's idea of a deadline.
    if (end.code == WIRE_E_TIMEOUT && took > DEADLINE + 2000) {
        print_error("%s: ended after %lld ms\n", chunk->name, (long long) took);
        good = false;
    }
    after = run_as(suite->f, "eve", "return 1");
    good = good && after->code == 0;
    after = run_as(suite->f, "ana", "local t = {} for i = 1, 100 do t[i] = i end return #t, string.rep('x', 3), x, print");
    if (after->code || strcmp(after->shown, "[100,\"xxx\",nil,nil]") != 0) {
        print_error("%s: the neighbour found %s\n", chunk->name, after->shown);
        good = false;
    }
    suite->count++;
    suite->wrong += !good;
}

//  ---- Files -----------------------------------------------------------------

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t) size + 1);
    assert_int_equal(fread(text, 1, (size_t) size, file), size);
    fclose(file);
    return text;
}

//  The chunk whose head is at `at`; the next one's, or NULL.
static char *parse_chunk(const suite_t *suite, char *at, chunk_t *chunk)
{
    char *line_end = strchr(at, '\n');
    assert_non_null(line_end);
    char *next = strstr(line_end, "\n" MARK);
    *line_end = 0;
    if (sscanf(at + strlen(MARK), "%127[^>]> %63s", chunk->name, chunk->expected) != 2)
        fail_msg("%s: no chunk's head: %s", suite->file, at);
    char *arrow = strstr(chunk->name, " -");
    assert_non_null(arrow);
    *arrow = 0;
    chunk->code = line_end + 1;
    chunk->size = next ? (size_t) (next - chunk->code) : strlen(chunk->code);
    return next ? next + 1 : NULL;
}

static void run_file(suite_t *suite)
{
    for (char *at = strstr(suite->text, MARK); at;) {
        chunk_t chunk;
        at = parse_chunk(suite, at, &chunk);
        if (!only || strstr(chunk.name, only))
            run_chunk(suite, &chunk);
    }
}

static char *read_chunks(const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", JAIL_CHUNKS, file);
    return read_file(path);
}

static void test_file(void **state, const char *file)
{
    suite_t suite = { .file = file, .f = *state };
    suite.text = read_chunks(file);
    run_file(&suite);
    free(suite.text);
    if (suite.wrong)
        fail_msg("%s: %zu of %zu chunks ended otherwise", file, suite.wrong, suite.count);
    assert_true(suite.count > 0 || only);
}

static int setup_hostile(void **state)
{
    setup_loop(state);
    open_jail(*state, &(jail_config_t) { .memory = MEMORY, .code = JAIL_MAX_CODE, .deadline = 5000 });
    return 0;
}

#define FILES(X) X(access) X(calls) X(compile) X(control) X(coroutines) X(errors) X(memory) X(numbers) X(results) \
    X(strings) X(tables) X(past)
#define X(name) static void test_##name(void **state) { test_file(state, #name ".lua"); }
FILES(X)
#undef X

//  ---- Two at once, and others than we thought of ------------------------------

typedef struct {
    char *texts[16];
    chunk_t chunks[400];
    size_t count;
} heap_t;

static void collect_chunks(heap_t *heap, suite_t *suite)
{
#define X(name) #name ".lua",
    static const char *const files[] = { FILES(X) };
#undef X
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        suite->file = files[i];
        heap->texts[i] = read_chunks(files[i]);
        for (char *at = strstr(heap->texts[i], MARK); at && heap->count < 400;)
            at = parse_chunk(suite, at, &heap->chunks[heap->count++]);
    }
}

//  The first runs in a coroutine under pcall, then the second as it is. However that ends is right, if
//  only the others are served.
static void run_pair(suite_t *suite, const chunk_t *first, const chunk_t *second)
{
    static char code[65536];
    chunk_t both = { .code = code };
    snprintf(both.name, sizeof both.name, "%.50s + %.50s", first->name, second->name);
    int size = snprintf(code, sizeof code, "coroutine.resume(coroutine.create(function(...) %.*s\nend))\ndo %.*s\nend",
                        (int) first->size, first->code, (int) second->size, second->code);
    both.size = (size_t) size;
    if (both.size < sizeof code)
        run_chunk(suite, &both);
}

static size_t chance(uint32_t *seed, size_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

typedef void draw_fn(suite_t *suite, heap_t *heap, uint32_t *seed);

static void draw_pair(suite_t *suite, heap_t *heap, uint32_t *seed)
{
    size_t first = chance(seed, heap->count);
    run_pair(suite, &heap->chunks[first], &heap->chunks[chance(seed, heap->count)]);
}

static bool is_keyword(const char *word, size_t size)
{
    static const char keywords[] = " and break do else elseif end false for function goto if in local nil not or repeat"
        " return then true until while = ";
    char padded[16];
    return size > 12 || (snprintf(padded, sizeof padded, " %.*s ", (int) size, word), strstr(keywords, padded) != NULL);
}

//  A chunk of which some words are others, so that it is mostly still Lua.
static void draw_mutant(suite_t *suite, heap_t *heap, uint32_t *seed)
{
    static const char *const words[] = { "1", "-1", "1e15", "math.huge", "nil", "t", "s", "{}", "error", "''", "pcall", "0",
                                         "string.rep", "load", "math.mininteger", "x", "coroutine.wrap", "echo", "_G" };
    static char code[32768];
    const chunk_t *origin = &heap->chunks[chance(seed, heap->count)];
    chunk_t mutant = { .code = code };
    size_t every = chance(seed, 40) + 10;
    for (const char *at = origin->code, *end = at + origin->size; at < end && mutant.size < sizeof code - 64;) {
        size_t word = strcspn(at, " (),\n");
        if (word > 0 && at + word < end && !is_keyword(at, word) && chance(seed, every) == 0)
            mutant.size += (size_t) snprintf(code + mutant.size, 32, "%s",
                                             words[chance(seed, sizeof words / sizeof *words)]), at += word;
        code[mutant.size++] = *at++;
    }
    snprintf(mutant.name, sizeof mutant.name, "mutant of %.60s", origin->name);
    run_chunk(suite, &mutant);
}

//  By chance, but always by the same.
static void draw(void **state, const char *what, draw_fn *fn, size_t count)
{
    heap_t *heap = calloc(1, sizeof *heap);
    suite_t suite = { .f = *state };
    uint32_t seed = 76;
    collect_chunks(heap, &suite);
    assert_in_range(heap->count, 150, 399);
    suite.file = what;
    for (size_t i = 0; i < count; i++)
        fn(&suite, heap, &seed);
    for (size_t i = 0; heap->texts[i]; i++)
        free(heap->texts[i]);
    free(heap);
    assert_int_equal(suite.count, count);
    assert_int_equal(suite.wrong, 0);
}

static void test_pairs(void **state)
{
    draw(state, "pairs", draw_pair, PAIRS);
}

static void test_mutants(void **state)
{
    draw(state, "mutants", draw_mutant, MUTANTS);
}

//  A file that nobody runs tests nothing.
static void test_no_file_is_left_out(void **state)
{
#define X(name) #name ".lua",
    static const char *const files[] = { FILES(X) };
#undef X
    size_t found = 0;
    (void) state;
    DIR *folder = opendir(JAIL_CHUNKS);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        found += strstr(entry->d_name, ".lua") != NULL;
    closedir(folder);
    assert_int_equal(found, sizeof files / sizeof *files);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define X(name) cmocka_unit_test_setup_teardown(test_##name, setup_hostile, teardown),
        FILES(X)
#undef X
        cmocka_unit_test_setup_teardown(test_pairs, setup_hostile, teardown),
        cmocka_unit_test_setup_teardown(test_mutants, setup_hostile, teardown),
        cmocka_unit_test(test_no_file_is_left_out),
    };
    only = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("jail_hostile", tests, NULL, NULL);
}
