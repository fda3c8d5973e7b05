//  predicate_parse - precedence climbing, straight into steps

#include <stdio.h>
#include <stdlib.h>

#include "lex.h"
#include "predicate_program.h"

typedef struct {
    lex_t lex;
    const char *const *roots;
    size_t root_count;
    predicate_step_t *steps;
    size_t count, capacity;
    wire_item_t *constants;     //  Strings: as.count is where in the pool, their size is in sizes
    uint32_t *sizes;
    size_t constant_count, constant_capacity;
    size_t label;               //  Where the last jump goes
    unsigned stack;             //  Values on the stack at this point
    unsigned depth;
} parse_t;

static bool parse_expression(parse_t *self, int limit);

static bool refuse(parse_t *self, const char *sentence)
{
    return lex_fail(&self->lex, WIRE_E_SYNTAX, self->lex.start, "%s", sentence);
}

static bool refuse_size(parse_t *self, const char *sentence)
{
    return lex_fail(&self->lex, WIRE_E_TOO_BIG, self->lex.start, "%s", sentence);
}

static bool refuse_token(parse_t *self, const char *wanted)
{
    wire_str_t word = lex_word(&self->lex);
    if (self->lex.token == TOKEN_END)
        return lex_fail(&self->lex, WIRE_E_SYNTAX, self->lex.start, "%s is missing at the end", wanted);
    return lex_fail(&self->lex, WIRE_E_SYNTAX, self->lex.start, "%s is missing before '%.*s'", wanted,
                              (int) (word.size < 32 ? word.size : 32), word.data);
}

static bool no_memory(parse_t *self)
{
    return lex_fail(&self->lex, WIRE_E_NO_MEMORY, self->lex.start, "out of memory");
}

//  ---- Steps -------------------------------------------------------------------------------

//  Append a step that takes so many values and leaves one.
static bool emit(parse_t *self, predicate_op_t op, unsigned a, size_t b, unsigned takes)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 32;
        predicate_step_t *steps = realloc(self->steps, capacity * sizeof *steps);
        if (!steps)
            return no_memory(self);
        self->steps = steps;
        self->capacity = capacity;
    }
    self->steps[self->count++] = (predicate_step_t) { (uint8_t) op, (uint8_t) a, (uint16_t) b };
    self->stack = self->stack - takes + 1;
    return self->stack <= PREDICATE_STACK || refuse_size(self, "too many values at one time");
}

static bool grow_constants(parse_t *self)
{
    size_t capacity = self->constant_capacity ? self->constant_capacity * 2 : 16;
    wire_item_t *constants = realloc(self->constants, capacity * sizeof *constants);
    if (constants)
        self->constants = constants;
    uint32_t *sizes = realloc(self->sizes, capacity * sizeof *sizes);
    if (sizes)
        self->sizes = sizes;
    if (!constants || !sizes)
        return no_memory(self);
    self->constant_capacity = capacity;
    return true;
}

static bool add_constant(parse_t *self, wire_item_t value, size_t size, size_t *index)
{
    if (self->constant_count == self->constant_capacity && !grow_constants(self))
        return false;
    *index = self->constant_count++;
    self->constants[*index] = value;
    self->sizes[*index] = (uint32_t) size;
    return true;
}

static bool emit_constant(parse_t *self, wire_item_t value, size_t size)
{
    size_t index;
    return add_constant(self, value, size, &index) && emit(self, PREDICATE_CONSTANT, 0, index, 0);
}

//  A constant key directly behind a root is one step with it, unless a jump leads between the two: (a or t).x
static bool emit_field(parse_t *self, size_t constant)
{
    predicate_step_t *last = &self->steps[self->count - 1];
    if (last->op != PREDICATE_ROOT || self->label == self->count)
        return emit(self, PREDICATE_FIELD, 0, constant, 1);
    *last = (predicate_step_t) { PREDICATE_ROOT_FIELD, last->a, (uint16_t) constant };
    return true;
}

//  ---- Simple values --------------------------------------------------------------------------

static bool next(parse_t *self)
{
    return lex_next(&self->lex);
}

static bool expect(parse_t *self, lex_token_t token, const char *what)
{
    return self->lex.token == token ? next(self) : refuse_token(self, what);
}

//  The string at hand, as a constant whose bytes are in the pool.
static wire_item_t string_item(const parse_t *self)
{
    wire_item_t item = { .kind = WIRE_IS_STR, .as.count = (uint32_t) self->lex.string };
    return item;
}

static bool parse_literal(parse_t *self)
{
    wire_item_t item = { .kind = WIRE_IS_NIL };
    size_t size = 0;
    if (self->lex.token == TOKEN_NUMBER)
        item = self->lex.value;
    else if (self->lex.token == TOKEN_STRING) {
        item = string_item(self);
        size = self->lex.string_size;
    }
    else if (self->lex.token != TOKEN_NIL) {
        item.kind = WIRE_IS_BOOL;
        item.as.boolean = self->lex.token == TOKEN_TRUE;
    }
    return emit_constant(self, item, size) && next(self);
}

//  ---- Functions ----------------------------------------------------------------------------------

static const struct {
    const char *name;
    bool math;                  //  Also with "math." before it
    bool plain;                 //  Also without
    predicate_function_t function;
    unsigned least, most;
} functions[] = {
    { "prefix", false, true, PREDICATE_FN_PREFIX, 2, 2 },
    { "suffix", false, true, PREDICATE_FN_SUFFIX, 2, 2 },
    { "find", false, true, PREDICATE_FN_FIND, 2, 3 },
    { "type", false, true, PREDICATE_FN_TYPE, 1, 1 },
    { "type", true, false, PREDICATE_FN_MATH_TYPE, 1, 1 },
    { "abs", true, true, PREDICATE_FN_ABS, 1, 1 },
    { "floor", true, true, PREDICATE_FN_FLOOR, 1, 1 },
    { "ceil", true, true, PREDICATE_FN_CEIL, 1, 1 },
    { "min", true, true, PREDICATE_FN_MIN, 1, PREDICATE_ARGS },
    { "max", true, true, PREDICATE_FN_MAX, 1, PREDICATE_ARGS },
};

#define FUNCTIONS (sizeof functions / sizeof functions[0])

static bool refuse_count(parse_t *self, size_t which, size_t start)
{
    unsigned least = functions[which].least, most = functions[which].most;
    const char *s = most == 1 ? "" : "s";
    if (least == most)
        return lex_fail(&self->lex, WIRE_E_SYNTAX, start, "%s takes %u argument%s", functions[which].name, most, s);
    return lex_fail(&self->lex, WIRE_E_SYNTAX, start, "%s takes %u to %u arguments", functions[which].name, least, most);
}

//  The names that an expression may begin with, for a sentence.
static const char *root_names(const parse_t *self, char *out, size_t size)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < self->root_count && at < size; i++)
        at += (size_t) snprintf(out + at, size - at, "%s'%s'", i ? " " : "", self->roots[i]);
    return out;
}

static bool parse_arguments(parse_t *self, size_t which, size_t start)
{
    unsigned count = 0;
    if (!expect(self, TOKEN_OPEN, "'('"))
        return false;
    while (self->lex.token != TOKEN_CLOSE) {
        if (count && !expect(self, TOKEN_COMMA, "',' or ')'"))
            return false;
        if (++count > functions[which].most)
            break;
        if (!parse_expression(self, 0))
            return false;
    }
    if (count < functions[which].least || count > functions[which].most)
        return refuse_count(self, which, start);
    return next(self) && emit(self, PREDICATE_CALL, functions[which].function, count, count);
}

static bool parse_function(parse_t *self, bool math, size_t start)
{
    char names[64];
    wire_str_t word = lex_word(&self->lex);
    for (size_t i = 0; i < FUNCTIONS; i++)
        if ((math ? functions[i].math : functions[i].plain) && wire_str_is(word, functions[i].name))
            return next(self) && parse_arguments(self, i, start);
    return lex_fail(&self->lex, WIRE_E_SYNTAX, start,
                              "'%s%.*s' is unknown here; there are prefix suffix find type math.type abs floor ceil min max and %s",
                              math ? "math." : "", (int) (word.size < 40 ? word.size : 40), word.data, root_names(self, names, sizeof names));
}

static bool parse_math(parse_t *self, size_t start)
{
    if (!next(self) || !expect(self, TOKEN_DOT, "'.' behind math"))
        return false;
    if (self->lex.token != TOKEN_NAME)
        return refuse_token(self, "the name of a function of math");
    return parse_function(self, true, start);
}

//  ---- Names and indexes ------------------------------------------------------------------------------

static bool parse_name(parse_t *self)
{
    wire_str_t word = lex_word(&self->lex);
    for (size_t i = 0; i < self->root_count; i++)
        if (wire_str_is(word, self->roots[i]))
            return emit(self, PREDICATE_ROOT, (unsigned) i, 0, 0) && next(self);
    return wire_str_is(word, "math") ? parse_math(self, self->lex.start) : parse_function(self, false, self->lex.start);
}

static bool parse_dot(parse_t *self)
{
    size_t constant;
    if (!next(self))
        return false;
    if (self->lex.token != TOKEN_NAME)
        return refuse_token(self, "the name of a field");
    wire_str_t word = lex_word(&self->lex);
    wire_item_t item = { .kind = WIRE_IS_STR, .as.count = (uint32_t) self->lex.pool.size };
    wire_buf_append(&self->lex.pool, word.data, word.size);
    return add_constant(self, item, word.size, &constant) && emit_field(self, constant) && next(self);
}

//  a[expr]; a constant becomes a field.
static bool parse_square(parse_t *self)
{
    size_t before = self->count;
    if (!next(self) || !parse_expression(self, 0))
        return false;
    if (self->lex.token != TOKEN_SQUARE_CLOSE)
        return refuse_token(self, "']'");
    predicate_step_t *last = &self->steps[self->count - 1];
    bool constant = self->count == before + 1 && last->op == PREDICATE_CONSTANT;
    if (constant) {
        size_t index = last->b;
        self->count--;
        self->stack--;
        return emit_field(self, index) && next(self);
    }
    return emit(self, PREDICATE_INDEX, 0, 0, 2) && next(self);
}

static bool parse_suffixes(parse_t *self)
{
    for (;;)
        switch (self->lex.token) {
        case TOKEN_DOT:
            if (!parse_dot(self))
                return false;
            break;
        case TOKEN_SQUARE:
            if (!parse_square(self))
                return false;
            break;
        case TOKEN_OPEN:
        case TOKEN_STRING:
            return refuse(self, "only the functions of this language can be called");
        default:
            return true;
        }
}

static bool parse_parentheses(parse_t *self)
{
    return next(self) && parse_expression(self, 0) && expect(self, TOKEN_CLOSE, "')'");
}

static bool parse_simple(parse_t *self)
{
    switch (self->lex.token) {
    case TOKEN_NUMBER: case TOKEN_STRING: case TOKEN_NIL: case TOKEN_TRUE: case TOKEN_FALSE:
        return parse_literal(self);
    case TOKEN_NAME:
        return parse_name(self) && parse_suffixes(self);
    case TOKEN_OPEN:
        return parse_parentheses(self) && parse_suffixes(self);
    default:
        return refuse_token(self, "a value");
    }
}

//  ---- Operators -----------------------------------------------------------------------------------------

#define UNARY 12

static const struct {
    uint8_t left, right;        //  Priorities, as in Lua; 0: no binary operator
    uint8_t op, a;
} binary[TOKEN_OTHER + 1] = {
    [TOKEN_OR]  = { 1, 1, PREDICATE_IF_OR, 0 },
    [TOKEN_AND] = { 2, 2, PREDICATE_IF_AND, 0 },
    [TOKEN_LT]  = { 3, 3, PREDICATE_LT, 0 },
    [TOKEN_GT]  = { 3, 3, PREDICATE_GT, 0 },
    [TOKEN_LE]  = { 3, 3, PREDICATE_LE, 0 },
    [TOKEN_GE]  = { 3, 3, PREDICATE_GE, 0 },
    [TOKEN_NE]  = { 3, 3, PREDICATE_NE, 0 },
    [TOKEN_EQ]  = { 3, 3, PREDICATE_EQ, 0 },
    [TOKEN_BAR] = { 4, 4, PREDICATE_ARITH, PREDICATE_BOR },
    [TOKEN_TILDE]        = { 5, 5, PREDICATE_ARITH, PREDICATE_BXOR },
    [TOKEN_AMPERSAND]    = { 6, 6, PREDICATE_ARITH, PREDICATE_BAND },
    [TOKEN_SHL]          = { 7, 7, PREDICATE_ARITH, PREDICATE_SHL },
    [TOKEN_SHR]          = { 7, 7, PREDICATE_ARITH, PREDICATE_SHR },
    [TOKEN_PLUS]         = { 10, 10, PREDICATE_ARITH, PREDICATE_ADD },
    [TOKEN_MINUS]        = { 10, 10, PREDICATE_ARITH, PREDICATE_SUB },
    [TOKEN_STAR]         = { 11, 11, PREDICATE_ARITH, PREDICATE_MUL },
    [TOKEN_SLASH]        = { 11, 11, PREDICATE_ARITH, PREDICATE_DIV },
    [TOKEN_DOUBLE_SLASH] = { 11, 11, PREDICATE_ARITH, PREDICATE_IDIV },
    [TOKEN_PERCENT]      = { 11, 11, PREDICATE_ARITH, PREDICATE_MOD },
    [TOKEN_CARET]        = { 14, 13, PREDICATE_ARITH, PREDICATE_POW },
};

//  Minus before a number is a number.
static bool emit_minus(parse_t *self, size_t before)
{
    predicate_step_t *last = &self->steps[self->count - 1];
    wire_item_t *value = last->op == PREDICATE_CONSTANT ? &self->constants[last->b] : NULL;
    if (self->count == before + 1 && value && (value->kind == WIRE_IS_INT || value->kind == WIRE_IS_DOUBLE))
        return predicate_minus(value, value);
    return emit(self, PREDICATE_MINUS, 0, 0, 1);
}

static bool parse_unary(parse_t *self)
{
    lex_token_t token = self->lex.token;
    size_t before = self->count;
    if (token != TOKEN_NOT && token != TOKEN_MINUS && token != TOKEN_HASH && token != TOKEN_TILDE)
        return parse_simple(self);
    if (!next(self) || !parse_expression(self, UNARY))
        return false;
    switch (token) {
    case TOKEN_NOT:   return emit(self, PREDICATE_NOT, 0, 0, 1);
    case TOKEN_MINUS: return emit_minus(self, before);
    case TOKEN_HASH:  return emit(self, PREDICATE_LENGTH, 0, 0, 1);
    default:          return emit(self, PREDICATE_NOT_BITS, 0, 0, 1);
    }
}

//  The right side of `and` and `or` begins with an empty place, since the jump dropped the left value.
static bool parse_branch(parse_t *self, lex_token_t token)
{
    size_t jump = self->count;
    if (!emit(self, binary[token].op, 0, 0, 1))
        return false;
    self->stack--;
    if (!parse_expression(self, binary[token].right))
        return false;
    self->label = self->count;
    self->steps[jump].b = (uint16_t) self->count;
    return true;
}

static bool parse_binary(parse_t *self, lex_token_t token)
{
    if (!next(self))
        return false;
    if (token == TOKEN_AND || token == TOKEN_OR)
        return parse_branch(self, token);
    return parse_expression(self, binary[token].right) && emit(self, binary[token].op, binary[token].a, 0, 2);
}

//  Operators that bind tighter than `limit`.
static bool parse_expression(parse_t *self, int limit)
{
    if (++self->depth > PREDICATE_DEPTH)
        return refuse_size(self, "nested too deeply");
    if (!parse_unary(self))
        return false;
    if (self->lex.token == TOKEN_CONCAT)
        return refuse(self, "'..' would make a string, and nothing is made here; compare the parts, or use prefix and suffix");
    while (binary[self->lex.token].left > limit)
        if (!parse_binary(self, self->lex.token))
            return false;
    self->depth--;
    return true;
}

//  ---- The whole --------------------------------------------------------------------------------------------

//  Constants first, for their alignment; then the steps, then the strings.
static predicate_t *finish(parse_t *self)
{
    size_t constants = self->constant_count * sizeof *self->constants, steps = self->count * sizeof *self->steps;
    size_t size = sizeof (predicate_t) + constants + steps + self->lex.pool.size;
    predicate_t *predicate = malloc(size);
    if (!predicate)
        return NULL;
    char *at = (char *) (predicate + 1), *strings = at + constants + steps;
    wire_item_t *items = (wire_item_t *) (void *) at;
    if (self->lex.pool.size)
        memcpy(strings, self->lex.pool.data, self->lex.pool.size);
    for (size_t i = 0; i < self->constant_count; i++) {
        items[i] = self->constants[i];
        if (items[i].kind == WIRE_IS_STR)
            items[i].as.bytes = (wire_str_t) { strings + self->constants[i].as.count, self->sizes[i] };
    }
    memcpy(at + constants, self->steps, steps);
    *predicate = (predicate_t) { items, (predicate_step_t *) (void *) (at + constants), size, (uint32_t) self->count };
    return predicate;
}

static bool parse_whole(parse_t *self)
{
    if (!next(self) || !parse_expression(self, 0))
        return false;
    if (self->lex.token != TOKEN_END)
        return refuse_token(self, "an operator");
    return !self->lex.pool.failed || no_memory(self);
}

int predicate_new(predicate_t **self_p, wire_str_t source, const char *const *roots, size_t count, char *text)
{
    parse_t self = { .lex = { .source = source, .text = text }, .roots = roots, .root_count = count };
    *self_p = NULL;
    if (source.size > PREDICATE_SOURCE)
        refuse_size(&self, "the expression is longer than 4096 bytes");
    else if (parse_whole(&self) && !(*self_p = finish(&self)))
        no_memory(&self);
    wire_buf_free(&self.lex.pool);
    free(self.steps);
    free(self.constants);
    free(self.sizes);
    return self.lex.rc;
}

void predicate_destroy(predicate_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

size_t predicate_size(const predicate_t *self)
{
    return self->size;
}
