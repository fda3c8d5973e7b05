//  Rights: what they allow, what they say of a wrong map, and a naive matcher that must agree

#include "test_policy_side.h"

static rights_t *rights_of(const char *text)
{
    char error[POLICY_ERROR_TEXT];
    wire_buf_t packed = packed_of(text);
    rights_t *self = rights_new(reader_of(&packed), error);
    wire_buf_free(&packed);             //  The bytes were copied
    if (!self)
        fail_msg("%s\n%s", text, error);
    return self;
}

static wire_right_t right_of(const char *word)
{
    unsigned right = WIRE_RIGHT_NONE;
    while (strcmp(wire_right_word(right), word) != 0)
        assert_true(++right < WIRE_RIGHT_LIMIT);
    return (wire_right_t) right;
}

static void check(const rights_t *self, bool expected, const char *word, const char *about)
{
    if (rights_may(self, right_of(word), str_of(about)) != expected)
        fail_msg("%s '%s' is %s", word, about, expected ? "denied" : "allowed");
}

#define MAY(word, about)     check(self, true, word, about)
#define MAY_NOT(word, about) check(self, false, word, about)

static void test_words(void **state)
{
    rights_t *self = rights_of("return { call = { 'stats.*', 'log' }, take = { 'jobs' }, out = true, read = 'jobs', pub = { 'news.>' }, sub = false }");
    (void) state;
    MAY("", "");
    MAY("call", "stats.mean");
    MAY("call", "log");
    MAY_NOT("call", "stats");
    MAY_NOT("call", "stats.daily.mean");
    MAY_NOT("call", "stat.mean");
    MAY_NOT("call", "log.x");
    MAY_NOT("call", "logs");
    MAY_NOT("call", "");
    MAY("take", "jobs");
    MAY_NOT("take", "job");
    MAY("out", "anything at all");
    MAY("out", "");
    MAY("read", "jobs");
    MAY_NOT("read", "done");
    MAY("pub", "news.a");
    MAY("pub", "news.a.b");
    MAY_NOT("pub", "news");
    MAY_NOT("pub", "newsy.a");
    MAY_NOT("sub", "news.a");
    MAY_NOT("admin", "");
    MAY_NOT("code", "ana");
    rights_destroy(&self);
    assert_null(self);
    rights_destroy(&self);
}

static void test_subscriptions(void **state)
{
    rights_t *self = rights_of("return { sub = { 'a.*', 'n.>', 'x.y' }, pub = { '*' } }");
    (void) state;
    MAY("sub", "a.b");
    MAY("sub", "a.*");
    MAY_NOT("sub", "a.>");
    MAY_NOT("sub", "*.b");
    MAY_NOT("sub", ">");
    MAY_NOT("sub", "a.*.*");
    MAY("sub", "n.>");
    MAY("sub", "n.*");
    MAY("sub", "n.*.k.>");
    MAY_NOT("sub", "n");
    MAY_NOT("sub", "*.>");
    MAY("sub", "x.y");
    MAY_NOT("sub", "x.*");
    MAY("pub", ">");                    //  A name here, not a pattern
    rights_destroy(&self);
}

static void level(const rights_t *self, const char *node, rights_code_t expected)
{
    if (rights_code(self, str_of(node)) != expected)
        fail_msg("code on %s is %s", node, rights_code_word(rights_code(self, str_of(node))));
    check(self, expected > RIGHTS_NONE, "code", node);
}

static void test_code(void **state)
{
    rights_t *self = rights_of("return { code = 'jail' }");
    (void) state;
    level(self, "ana", RIGHTS_JAIL);
    level(self, "", RIGHTS_JAIL);
    rights_destroy(&self);
    self = rights_of("return { code = { ana = 'full', ['b.*'] = 'jail', ['b.x'] = 'full', ['b.>'] = 'none' } }");
    level(self, "ana", RIGHTS_FULL);
    level(self, "anna", RIGHTS_NONE);
    level(self, "b.y", RIGHTS_JAIL);
    level(self, "b.x", RIGHTS_FULL);
    level(self, "b.x.y", RIGHTS_NONE);
    rights_destroy(&self);
}

static void test_all_and_nothing(void **state)
{
    (void) state;
    for (unsigned right = 1; right < WIRE_RIGHT_LIMIT; right++) {
        assert_true(rights_may(rights_all(), (wire_right_t) right, str_of("a.b")));
        assert_true(rights_may(NULL, (wire_right_t) right, str_of("a.b")));
        assert_false(rights_may(rights_nothing(), (wire_right_t) right, str_of("a.b")));
    }
    assert_false(rights_may(rights_all(), WIRE_RIGHT_LIMIT, str_of("a")));
    assert_int_equal(rights_code(rights_all(), str_of("a")), RIGHTS_FULL);
    assert_int_equal(rights_code(NULL, str_of("a")), RIGHTS_FULL);
    assert_int_equal(rights_code(rights_nothing(), str_of("a")), RIGHTS_NONE);
    rights_t *all = (rights_t *) (uintptr_t) rights_all();
    rights_destroy(&all);
    assert_true(rights_may(rights_all(), WIRE_RIGHT_ADMIN, str_of("")));
}

static void test_code_words(void **state)
{
    rights_code_t code = RIGHTS_NONE;
    (void) state;
    assert_string_equal(rights_code_word(RIGHTS_JAIL), "jail");
    assert_string_equal(rights_code_word((rights_code_t) 77), "none");
    assert_true(rights_code_of(str_of("full"), &code));
    assert_int_equal(code, RIGHTS_FULL);
    assert_false(rights_code_of(str_of("ful"), &code));
}

//  ---- Packed again ------------------------------------------------------------------

static void again(const char *text, const char *expected)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    rights_t *self = rights_of(text);
    rights_put(self, &out);
    assert_string_equal(line_of(reader_of(&out)), expected);
    rights_t *second = rights_new(reader_of(&out), NULL);
    assert_non_null(second);
    rights_destroy(&second);
    rights_destroy(&self);
    wire_buf_free(&out);
}

static void test_put(void **state)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    (void) state;
    again("return {}", "{}");
    again("admin = false code = 'none' call = {} take = false", "{}");
    again("sub = { 'b', 'a', 'b' } code = 'jail' admin = true call = true", "{'code'='jail' 'call'=true 'sub'=['b' 'a'] 'admin'=true}");
    again("code = { ana = 'full' }", "{'code'={'ana'='full'}}");
    again("take = 'jobs'", "{'take'=['jobs']}");
    rights_put(NULL, &out);
    assert_string_equal(line_of(reader_of(&out)), "{'code'='full' 'call'=true 'out'=true 'take'=true 'read'=true 'pub'=true 'sub'=true 'admin'=true}");
    wire_buf_free(&out);
}

//  ---- Wrong maps --------------------------------------------------------------------

static void refused(const char *text, const char *expected)
{
    char error[256];
    wire_buf_t packed = packed_of(text);
    rights_t *self = rights_new(reader_of(&packed), error);
    assert_null(self);
    assert_string_equal(error, expected);
    assert_null(rights_new(reader_of(&packed), NULL));
    wire_buf_free(&packed);
}

static void test_refusals(void **state)
{
    (void) state;
    refused("return 1", "rights are a table of the words code, call, out, take, read, pub, sub and admin");
    refused("return { 'call' }", "rights are a table of the words code, call, out, take, read, pub, sub and admin");
    refused("return { [2] = true }", "rights are a table of the words code, call, out, take, read, pub, sub and admin");
    refused("cal = true", "there is no right 'cal'; did you mean 'call'?");
    refused("pubs = true", "there is no right 'pubs'; did you mean 'pub'?");
    refused("administrator = true", "there is no right 'administrator'");
}

static void test_wrong_values(void **state)
{
    (void) state;
    refused("call = 1", "call: expected true or a list of patterns, such as { \"jobs\", \"stats.*\" }");
    refused("take = { 'a', 2 }", "take: expected true or a list of patterns, such as { \"jobs\", \"stats.*\" }");
    refused("take = { jobs = true }", "take: expected true or a list of patterns, such as { \"jobs\", \"stats.*\" }");
    refused("call = { 'stat*' }", "call: 'stat*' is no pattern: * and > stand for whole words");
    refused("call = { 'a.>.b' }", "call: 'a.>.b' is no pattern: > is the last word");
    refused("call = { 'a..b' }", "call: 'a..b' is no pattern: there is an empty word");
    refused("call = { 'a.' }", "call: 'a.' is no pattern: there is an empty word");
    refused("call = ''", "call: '' is no pattern: it is empty");
    refused("code = 'ful'", "code: 'ful' is none of \"none\", \"jail\" and \"full\"; did you mean 'full'?");
    refused("code = true", "code: a level is \"none\", \"jail\" or \"full\"");
    refused("code = { ana = true }", "code: a level is \"none\", \"jail\" or \"full\"");
    refused("code = { ana = 'x', }", "code: 'x' is none of \"none\", \"jail\" and \"full\"");
    refused("code = { 'ana' }", "code: a level is \"none\", \"jail\" or \"full\"");
    refused("code = { [1] = 'full', x = 'full' }", "code: a table of levels has nodes as keys, such as { ana = \"full\" }");
    refused("admin = 'yes'", "admin: expected true");
}

static void test_cut(void **state)
{
    wire_buf_t packed = packed_of("call = { 'stats.*' } code = { ana = 'full' } admin = true");
    (void) state;
    for (size_t size = 0; size < packed.size; size++) {
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, packed.data, size);
        assert_null(rights_new(wire_reader(exact, size), NULL));
        free(exact);
    }
    wire_put_nil(&packed);              //  Something behind it
    assert_null(rights_new(reader_of(&packed), NULL));
    wire_buf_free(&packed);
}

//  ---- Against a naive one -------------------------------------------------------------
//
//  Patterns of up to three words over a small alphabet, names of up to five. For subscriptions: all names that the asked
//  pattern means are enumerated; the alphabet has a word that stands in no pattern, for all others that there are.

#define MOST 5

typedef struct {
    int count;
    char words[MOST];           //  One letter each
} words_t;

static words_t random_words(const char *letters, int most, bool rest)
{
    words_t self = { .count = 1 + (int) draw((uint64_t) most) };
    for (int i = 0; i < self.count; i++)
        self.words[i] = letters[draw(strlen(letters))];
    if (rest && draw(3) == 0)
        self.words[self.count - 1] = '>';
    return self;
}

static wire_str_t text_of(const words_t *self, char *text)
{
    for (int i = 0; i < self->count; i++) {
        text[2 * i] = self->words[i];
        text[2 * i + 1] = '.';
    }
    return (wire_str_t) { text, (size_t) (2 * self->count - 1) };
}

static bool naive_match(const words_t *pattern, const words_t *name)
{
    for (int i = 0; i < pattern->count; i++) {
        if (i >= name->count)
            return false;
        if (pattern->words[i] == '>')
            return true;
        if (pattern->words[i] != '*' && pattern->words[i] != name->words[i])
            return false;
    }
    return pattern->count == name->count;
}

static bool naive_within(const words_t *inner, const words_t *outer)
{
    static const char letters[] = "abz";
    for (int count = 1; count <= MOST; count++) {
        int names = 1;
        for (int i = 0; i < count; i++)
            names *= 3;
        for (int n = 0; n < names; n++) {
            words_t name = { .count = count };
            for (int i = 0, rest = n; i < count; i++, rest /= 3)
                name.words[i] = letters[rest % 3];
            if (naive_match(inner, &name) && !naive_match(outer, &name))
                return false;
        }
    }
    return true;
}

static rights_t *rights_with(const words_t *patterns, int count, const char *word)
{
    char text[2 * MOST];
    wire_buf_t packed = WIRE_BUF_EMPTY;
    wire_put_map(&packed, 1);
    wire_put_cstr(&packed, word);
    wire_put_array(&packed, (uint32_t) count);
    for (int i = 0; i < count; i++) {
        wire_str_t pattern = text_of(&patterns[i], text);
        wire_put_str(&packed, pattern.data, pattern.size);
    }
    rights_t *self = rights_new(reader_of(&packed), NULL);
    assert_non_null(self);
    wire_buf_free(&packed);
    return self;
}

static void test_naive(void **state)
{
    int yes[2] = { 0, 0 };
    (void) state;
    for (int round = 0; round < 6000; round++) {
        words_t patterns[3];
        char text[2 * MOST], *exact = malloc(2 * MOST);
        int count = 1 + (int) draw(3);
        bool sub = round & 1, expected = false;
        for (int i = 0; i < count; i++)
            patterns[i] = random_words("aab*", 3, true);
        words_t asked = sub ? random_words("aab*", 4, true) : random_words("aabz", 5, false);
        for (int i = 0; i < count; i++)
            expected |= sub ? naive_within(&asked, &patterns[i]) : naive_match(&patterns[i], &asked);
        rights_t *self = rights_with(patterns, count, sub ? "sub" : "call");
        wire_str_t about = text_of(&asked, text);
        assert_non_null(exact);
        exact = realloc(exact, about.size);
        memcpy(exact, about.data, about.size);
        bool is = rights_may(self, sub ? WIRE_RIGHT_SUB : WIRE_RIGHT_CALL, (wire_str_t) { exact, about.size });
        if (is != expected)
            fail_msg("round %d: %.*s in %d patterns, the first %.*s: %d", round, (int) about.size, about.data, count,
                     patterns[0].count, patterns[0].words, is);
        yes[sub] += is;
        rights_destroy(&self);
        free(exact);
    }
    assert_in_range(yes[0], 300, 2700);
    assert_in_range(yes[1], 300, 2700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_all_and_nothing),
        cmocka_unit_test(test_code_words),
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_naive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
