//  Random expressions, here and in Lua 5.4: the same value or the same failure

#include "test_match_lua.h"

#include <stdio.h>

#define EXPRESSIONS 150000
#define MUTANTS     100000

static const char *const roots[] = { "t" };

//  What is a function of ours alone, in Lua. Strings have no methods here.
static const char setup[] =
    "getmetatable('').__index = nil\n"
    "local find_text, kind = string.find, type\n"
    "local function texts(a, b) assert(kind(a) == 'string' and kind(b) == 'string') end\n"
    "function prefix(s, p) texts(s, p) return find_text(s, p, 1, true) == 1 end\n"
    "function suffix(s, p) texts(s, p) return #p <= #s and find_text(s, p, #s - #p + 1, true) == #s - #p + 1 end\n"
    "function find(s, p, ...)\n"
    "  texts(s, p)\n"
    "  assert(select('#', ...) == 0 or math.tointeger((...) + 0))\n"
    "  return (find_text(s, p, (...), true))\n"
    "end\n"
    "abs, floor, ceil, min, max = math.abs, math.floor, math.ceil, math.min, math.max\n"
    "t = { 'job', 10, 'hello', 2.5, { 1, 2, { x = 5, y = '7' } }, -3, '12', 9007199254740993, -0.0,\n"
    "  name = 'frame', limit = 7, on = true, off = false, sub = { 'a', 'b', 'c', z = { 4, 5.5 } }, empty = {} }\n"
    "function outcome(text)\n"
    "  local f = load('return ' .. text)\n"
    "  if not f then return 'syntax' end\n"
    "  local good, value = pcall(f)\n"
    "  return good and 'good' or 'fault', value\n"
    "end\n";

//  ---- Expressions ------------------------------------------------------------------------

typedef struct {
    char text[PREDICATE_SOURCE + 1];
    size_t size;
} source_t;

static void add(source_t *s, const char *text)
{
    size_t size = strlen(text);
    assert_true(s->size + size < sizeof s->text);
    memcpy(s->text + s->size, text, size + 1);
    s->size += size;
}

static const char *const leaves[] = {
    "0", "1", "2", "3", "-1", "7", "63", "64", "0x10", "9223372036854775807", "-9223372036854775807", "0x8000000000000000",
    "9007199254740993", "9223372036854775808", "0.5", "2.5", "1.0", "-0.0", "3.0", "1e308", "1e400", "2^53", "2^63", "0x.8p1", "1e-3",
    "(0/0)", "-2.5", "'a'", "'ab'", "''", "'10'", "'0x10'", "' 5 '", "'1e1'", "'-3'", "'2.5'", "'a\\0b'", "'\\u{e4}'", "[[l]]", "'x1'",
    "'9223372036854775808'", "nil", "true", "false", "t", "t[1]", "t[2]", "t[3]", "t[4]", "t[5]", "t[6]", "t[7]", "t[8]", "t[9]", "t[10]",
    "t.name", "t.limit", "t.on", "t.off", "t.sub", "t.none", "t.empty", "t.sub.z", "t[5][3]", "t[5][3].y", "t.sub[2]", "t['name']",
};

static const char *const binary[] = {
    " + ", " - ", " * ", " / ", " // ", " % ", " ^ ", " & ", " | ", " ~ ", " << ", " >> ", " < ", " > ", " <= ", " >= ",
    " == ", " ~= ", " and ", " or ", "+", "*", "<", "==", "//", "^",
};

static const char *const unary[] = { "not ", "- ", "#", "~" };
static const char *const calls1[] = { "abs(", "floor(", "ceil(", "math.abs(", "math.type(", "type(", "min(", "math.floor(", "max(" };
static const char *const calls2[] = { "min(", "max(", "prefix(", "suffix(", "find(", "math.max(" };

#define ONE_OF(list) (list)[draw(sizeof (list) / sizeof (list)[0])]

static void generate(source_t *s, unsigned depth);

static void generate_list(source_t *s, const char *head, unsigned count, unsigned depth)
{
    add(s, head);
    for (unsigned i = 0; i < count; i++) {
        add(s, i ? ", " : "");
        generate(s, depth);
    }
    add(s, ")");
}

//  Half of the operands have no parentheses, so that the operators' precedence decides.
static void generate_operand(source_t *s, unsigned depth)
{
    bool wrap = draw(2);
    add(s, wrap ? "(" : "");
    generate(s, depth);
    add(s, wrap ? ")" : "");
}

static void generate_index(source_t *s, unsigned depth)
{
    add(s, "(");
    generate(s, depth);
    add(s, draw(2) ? ").x" : " or t)");
    if (draw(2))
        return;
    add(s, "[ ");               //  [[[l]]] would be something else
    generate(s, depth);
    add(s, " ]");
}

static void generate(source_t *s, unsigned depth)
{
    unsigned choice = depth ? (unsigned) draw(12) : 0;
    switch (choice) {
    case 0: case 1:
        add(s, ONE_OF(leaves));
        break;
    case 2:
        add(s, ONE_OF(unary));
        generate_operand(s, depth - 1);
        break;
    case 3:
        generate_list(s, ONE_OF(calls1), 1, depth - 1);
        break;
    case 4:
        generate_list(s, ONE_OF(calls2), 2, depth - 1);
        break;
    case 5:
        generate_index(s, depth - 1);
        break;
    case 6:
        generate_list(s, "find(", 3, depth - 1);
        break;
    default:
        generate_operand(s, depth - 1);
        add(s, ONE_OF(binary));
        generate_operand(s, depth - 1);
    }
}

//  ---- Both -----------------------------------------------------------------------------------

typedef enum { SYNTAX, FAULT, FALSE, TRUE } outcome_t;

static outcome_t ours(const source_t *s, const wire_buf_t *tuple)
{
    predicate_t *self;
    char text[MATCH_TEXT];
    bool fault;
    wire_reader_t root = reader_of(tuple);
    int rc = predicate_new(&self, (wire_str_t) { s->text, s->size }, roots, 1, text);
    if (rc) {
        assert_true(rc == WIRE_E_SYNTAX || rc == WIRE_E_TOO_BIG);
        assert_memory_equal(text, "column ", 7);
        assert_true(strlen(text) < MATCH_TEXT);
        return SYNTAX;
    }
    bool is = predicate_test(self, &root, &fault);
    predicate_destroy(&self);
    return fault ? FAULT : is ? TRUE : FALSE;
}

//  The value stays on the stack.
static outcome_t theirs(lua_State *L, const source_t *s)
{
    lua_settop(L, 0);
    lua_getglobal(L, "outcome");
    lua_pushlstring(L, s->text, s->size);
    if (lua_pcall(L, 1, 2, 0))
        fail_msg("%s", lua_tostring(L, -1));
    const char *word = lua_tostring(L, 1);
    return *word == 's' ? SYNTAX : *word == 'f' ? FAULT : lua_toboolean(L, 2) ? TRUE : FALSE;
}

static void add_text(source_t *s, const char *text, size_t size)
{
    char byte[8];
    for (size_t i = 0; i < size; i++) {
        snprintf(byte, sizeof byte, "\\%03u", (unsigned) (uint8_t) text[i]);
        add(s, byte);
    }
}

//  " == LITERAL" for the number at 2; hexadecimal, so that each bit counts.
static void add_number(lua_State *L, const source_t *s, source_t *question)
{
    char number[64];
    double value = lua_tonumber(L, 2);
    bool integer = lua_isinteger(L, 2);
    if (value != value) {
        add(question, "~= (");
        add(question, s->text);
        add(question, ")");
        return;
    }
    if (integer)
        snprintf(number, sizeof number, "== 0x%llx", (unsigned long long) lua_tointeger(L, 2));
    else
        snprintf(number, sizeof number, value - value == 0 ? "== %a" : value > 0 ? "== 1e999" : "== -1e999", value);
    add(question, number);
    add(question, " and math.type(");
    add(question, s->text);
    add(question, integer ? ") == 'integer'" : ") == 'float'");
}

static void add_literal(lua_State *L, const source_t *s, source_t *question)
{
    size_t size;
    const char *text;
    switch (lua_type(L, 2)) {
    case LUA_TNIL:     add(question, "== nil"); break;
    case LUA_TBOOLEAN: add(question, lua_toboolean(L, 2) ? "== true" : "== false"); break;
    case LUA_TNUMBER:  add_number(L, s, question); break;
    default:
        add(question, "== '");
        text = lua_tolstring(L, 2, &size);
        add_text(question, text, size);
        add(question, "'");
    }
}

//  "it is exactly this": the value of Lua's as a literal; of a table we ask only whether it is one.
static bool ask_for_value(lua_State *L, const source_t *s, source_t *question)
{
    bool table = lua_type(L, 2) == LUA_TTABLE;
    question->size = 0;
    if (s->size > PREDICATE_SOURCE / 4)
        return false;
    add(question, table ? "type(" : "(");
    add(question, s->text);
    add(question, ") ");
    if (table)
        add(question, "== 'table'");
    else
        add_literal(L, s, question);
    return true;
}

typedef struct {
    lua_State *L;
    wire_buf_t tuple;
} fixture_t;

static fixture_t begin(void)
{
    fixture_t f = { new_lua(), WIRE_BUF_EMPTY };
    if (luaL_dostring(f.L, setup))
        fail_msg("%s", lua_tostring(f.L, -1));
    f.tuple = tuple_of(f.L, "t");
    return f;
}

static void end(fixture_t *f)
{
    wire_buf_free(&f->tuple);
    lua_close(f->L);
}

static void test_random_expressions(void **state)
{
    fixture_t f = begin();
    source_t s, question;
    size_t seen[4] = { 0 };
    (void) state;
    row = 20240601;
    for (int i = 0; i < EXPRESSIONS; i++) {
        s.size = 0;
        generate(&s, (unsigned) draw(5));
        outcome_t mine = ours(&s, &f.tuple), lua = theirs(f.L, &s);
        if (mine != lua)
            fail_msg("%s: %d, in Lua %d", s.text, mine, lua);
        seen[mine]++;
        if (mine >= FALSE && ask_for_value(f.L, &s, &question) && ours(&question, &f.tuple) != TRUE)
            fail_msg("%s is another value in Lua: %s", s.text, question.text);
    }
    assert_int_equal(seen[SYNTAX], 0);
    assert_true(seen[FAULT] > EXPRESSIONS / 10 && seen[FALSE] > EXPRESSIONS / 20 && seen[TRUE] > EXPRESSIONS / 10);
    end(&f);
}

//  Some bytes are others: what we take Lua takes, too, with the same outcome.
static void test_mutated_expressions(void **state)
{
    static const char bytes[] = "()[].,+-*/%^#<>=~|&'\"\\ \n\r\t0123456789abcdefxuztn_{}:;\0\x80\xff";
    fixture_t f = begin();
    size_t seen[4] = { 0 };
    source_t s;
    (void) state;
    row = 77;
    for (int i = 0; i < MUTANTS; i++) {
        s.size = 0;
        generate(&s, 1 + (unsigned) draw(3));
        for (uint64_t n = 1 + draw(3); n; n--)
            s.text[draw(s.size)] = bytes[draw(sizeof bytes - 1)];
        outcome_t mine = ours(&s, &f.tuple);
        seen[mine]++;
        if (mine != SYNTAX && mine != theirs(f.L, &s))
            fail_msg("%s: %d, in Lua %d", s.text, mine, theirs(f.L, &s));
    }
    assert_true(seen[SYNTAX] > MUTANTS / 10 && seen[FAULT] > MUTANTS / 100 && seen[TRUE] > MUTANTS / 100);
    end(&f);
}

//  Broken values: any answer, but an answer.
static void test_mutated_values(void **state)
{
    fixture_t f = begin();
    predicate_t *self;
    char text[MATCH_TEXT];
    bool fault;
    source_t s;
    (void) state;
    row = 78;
    for (int i = 0; i < MUTANTS; i++) {
        wire_buf_t copy = WIRE_BUF_EMPTY;
        wire_buf_append(&copy, f.tuple.data, f.tuple.size);
        for (uint64_t n = 1 + draw(4); n; n--)
            copy.data[draw(copy.size)] = (uint8_t) draw(256);
        copy.size -= draw(4) ? 0 : draw(copy.size);
        copy = exactly(&copy);
        wire_reader_t root = reader_of(&copy);
        s.size = 0;
        generate(&s, 3);
        if (predicate_new(&self, (wire_str_t) { s.text, s.size }, roots, 1, text) == 0)
            predicate_test(self, &root, &fault);
        predicate_destroy(&self);
        wire_buf_free(&copy);
    }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_expressions),
        cmocka_unit_test(test_mutated_expressions),
        cmocka_unit_test(test_mutated_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
