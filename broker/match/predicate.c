//  predicate - the machine that runs an expression

#define _GNU_SOURCE             //  memmem: linear whatever it is given

#include "predicate.h"

#include "match_value.h"
#include "predicate_program.h"

typedef struct {
    const predicate_t *self;
    const wire_reader_t *roots;
    wire_item_t *top;           //  The value that was pushed last
    size_t work;                //  Bytes that may still be stepped over
} run_t;

//  ---- Values -------------------------------------------------------------------------

static bool truth(const wire_item_t *value)
{
    return value->kind != WIRE_IS_NIL && (value->kind != WIRE_IS_BOOL || value->as.boolean);
}

static void set_bool(wire_item_t *out, bool value)
{
    out->kind = WIRE_IS_BOOL;
    out->as.boolean = value;
}

static void set_integer(wire_item_t *out, int64_t value)
{
    out->kind = WIRE_IS_INT;
    out->as.integer = value;
}

static void set_text(wire_item_t *out, const char *text)
{
    out->kind = WIRE_IS_STR;
    out->as.bytes = (wire_str_t) { text, strlen(text) };
}

//  The value at the cursor. A table is where it begins.
static bool load(wire_reader_t at, wire_item_t *out)
{
    const uint8_t *start = at.at;
    if (wire_read_short(&at, &out->as.bytes)) {
        out->kind = WIRE_IS_STR;
        return true;
    }
    if (wire_read(&at, out))
        return false;
    if (out->kind == WIRE_IS_BIN)
        out->kind = WIRE_IS_STR;
    else if (out->kind == WIRE_IS_UINT) {
        out->kind = WIRE_IS_DOUBLE;
        out->as.number = (double) out->as.natural;
    }
    else if (out->kind == WIRE_IS_ARRAY || out->kind == WIRE_IS_MAP)
        out->as.bytes = (wire_str_t) { (const char *) start, (size_t) (at.end - start) };
    return true;
}

static bool spend(run_t *run, size_t bytes)
{
    bool enough = bytes <= run->work;
    run->work -= enough ? bytes : run->work;
    return enough;
}

static bool step_over(run_t *run, wire_reader_t *at)
{
    const uint8_t *start = at->at;
    return match_skip(at) && spend(run, (size_t) (at->at - start));
}

//  ---- Tables --------------------------------------------------------------------------

static bool index_list(run_t *run, wire_reader_t at, uint32_t count, const wire_item_t *key, wire_item_t *out)
{
    out->kind = WIRE_IS_NIL;
    if (key->kind != WIRE_IS_INT || key->as.integer < 1 || key->as.integer > (int64_t) count)
        return true;
    for (int64_t i = key->as.integer; i > 1; i--)
        if (!step_over(run, &at))
            return false;
    return load(at, out);
}

static bool index_pairs(run_t *run, wire_reader_t at, uint32_t pairs, const wire_item_t *key, wire_item_t *out)
{
    wire_item_t item;
    for (; pairs; pairs--) {
        const uint8_t *start = at.at;
        if (!match_read(&at, &item) || !spend(run, (size_t) (at.at - start)))
            return false;
        if (match_same_scalar(&item, key))
            return load(at, out);
        if (!step_over(run, &at))
            return false;
    }
    out->kind = WIRE_IS_NIL;
    return true;
}

//  As rawget: floats with an integral value are integers, tables and nil are no keys that could be there.
static bool index_at(run_t *run, wire_reader_t at, const wire_item_t *key, wire_item_t *out)
{
    wire_item_t head, settled = *key;
    uint32_t count;
    match_settle(&settled);
    if (at.at < at.end && *at.at >= 0x90 && wire_read_array(&at, &count) == 0)
        return index_list(run, at, count, &settled, out);
    if (wire_read(&at, &head) || head.kind != WIRE_IS_MAP)
        return false;
    if (match_is_scalar(&settled))
        return index_pairs(run, at, head.as.count, &settled, out);
    out->kind = WIRE_IS_NIL;
    return true;
}

static bool index_value(run_t *run, const wire_item_t *table, const wire_item_t *key, wire_item_t *out)
{
    wire_item_t from = *table;
    if (from.kind != WIRE_IS_ARRAY && from.kind != WIRE_IS_MAP)
        return false;
    return index_at(run, wire_reader(from.as.bytes.data, from.as.bytes.size), key, out);
}

//  Which of the integers first..first+63 are keys of the map.
static bool keys_there(run_t *run, wire_reader_t at, uint32_t pairs, uint64_t first, uint64_t *there)
{
    wire_item_t key;
    for (*there = 0; pairs; pairs--) {
        const uint8_t *start = at.at;
        if (!match_read(&at, &key) || !spend(run, (size_t) (at.at - start)) || !step_over(run, &at))
            return false;
        if (key.kind == WIRE_IS_INT && key.as.natural - first < 64)
            *there |= UINT64_C(1) << (key.as.natural - first);
    }
    return true;
}

//  The least n with n+1 absent: 64 keys at a time, so that the order of the pairs does not matter.
static bool count_pairs(run_t *run, wire_reader_t at, uint32_t pairs, wire_item_t *out)
{
    uint64_t there, n = 0;
    do {
        if (!keys_there(run, at, pairs, n + 1, &there))
            return false;
        n += ~there ? (unsigned) __builtin_ctzll(~there) : 64;
    } while (there == UINT64_MAX);
    set_integer(out, (int64_t) n);
    return true;
}

static bool length_of(run_t *run, const wire_item_t *value, wire_item_t *out)
{
    wire_item_t head, from = *value;
    if (from.kind == WIRE_IS_STR)
        set_integer(out, (int64_t) from.as.bytes.size);
    if (from.kind != WIRE_IS_ARRAY && from.kind != WIRE_IS_MAP)
        return from.kind == WIRE_IS_STR;
    wire_reader_t at = wire_reader(from.as.bytes.data, from.as.bytes.size);
    if (wire_read(&at, &head))
        return false;
    if (head.kind == WIRE_IS_MAP)
        return count_pairs(run, at, head.as.count, out);
    set_integer(out, head.as.count);
    return true;
}

//  ---- Comparisons ---------------------------------------------------------------------------

static bool is_number(const wire_item_t *value)
{
    return value->kind == WIRE_IS_INT || value->kind == WIRE_IS_DOUBLE;
}

//  Tables are equal when they are the same one, as in Lua.
static bool equal(const wire_item_t *a, const wire_item_t *b)
{
    if (is_number(a) && is_number(b))
        return match_compare_numbers(a, b) == 0;
    if (a->kind == WIRE_IS_ARRAY || a->kind == WIRE_IS_MAP)
        return a->kind == b->kind && a->as.bytes.data == b->as.bytes.data;
    return match_same_scalar(a, b);
}

static bool do_equal(run_t *run, wire_item_t *a, bool wanted)
{
    size_t bytes = a[0].kind == WIRE_IS_STR && a[1].kind == WIRE_IS_STR ? a[0].as.bytes.size : 0;
    set_bool(a, equal(a, a + 1) == wanted);
    return spend(run, bytes);
}

static int order_bytes(wire_str_t a, wire_str_t b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? (order < 0 ? -1 : 1) : a.size < b.size ? -1 : a.size > b.size;
}

//  *order: -1, 0, 1, or 2 for NaN. Only numbers and strings have one, each among themselves.
static bool compare(run_t *run, const wire_item_t *a, const wire_item_t *b, int *order)
{
    if (is_number(a) && is_number(b)) {
        *order = match_compare_numbers(a, b);
        return true;
    }
    if (a->kind != WIRE_IS_STR || b->kind != WIRE_IS_STR)
        return false;
    *order = order_bytes(a->as.bytes, b->as.bytes);
    return spend(run, a->as.bytes.size < b->as.bytes.size ? a->as.bytes.size : b->as.bytes.size);
}

static bool holds(predicate_op_t op, int order)
{
    switch (op) {
    case PREDICATE_LT: return order == -1;
    case PREDICATE_LE: return order == -1 || order == 0;
    case PREDICATE_GT: return order == 1;
    default:           return order == 1 || order == 0;
    }
}

//  ---- Functions ---------------------------------------------------------------------------------

static bool two_texts(const wire_item_t *args)
{
    return args[0].kind == WIRE_IS_STR && args[1].kind == WIRE_IS_STR;
}

//  Whether `part` stands at `from` of the text, or at its end.
static bool call_affix(run_t *run, wire_item_t *args, bool at_end)
{
    if (!two_texts(args))
        return false;
    wire_str_t text = args[0].as.bytes, part = args[1].as.bytes;
    bool fits = part.size <= text.size;
    size_t from = fits && at_end ? text.size - part.size : 0;
    set_bool(args, fits && (part.size == 0 || memcmp(text.data + from, part.data, part.size) == 0));
    return spend(run, part.size);
}

//  Where to begin, from 0, as string.find takes it; false: behind the end.
static bool find_start(int64_t init, size_t size, size_t *start)
{
    if (init < 0)
        *start = init < -(int64_t) size ? 0 : size - (size_t) -init;
    else
        *start = init > 0 ? (size_t) init - 1 : 0;
    return *start <= size;
}

static bool call_find(run_t *run, wire_item_t *args, unsigned count)
{
    wire_item_t init = { .kind = WIRE_IS_INT, .as.integer = 1 };
    size_t start;
    if (count == 3 && !predicate_to_number(&args[2], &init))
        return false;
    match_settle(&init);
    if (!two_texts(args) || init.kind != WIRE_IS_INT)
        return false;
    wire_str_t text = args[0].as.bytes, part = args[1].as.bytes;
    args->kind = WIRE_IS_NIL;
    if (!find_start(init.as.integer, text.size, &start))
        return true;
    const char *found = part.size ? memmem(text.data + start, text.size - start, part.data, part.size) : text.data + start;
    if (found)
        set_integer(args, found - text.data + 1);
    return spend(run, text.size - start + part.size);
}

static const char *type_of(const wire_item_t *value)
{
    switch (value->kind) {
    case WIRE_IS_NIL:    return "nil";
    case WIRE_IS_BOOL:   return "boolean";
    case WIRE_IS_INT:
    case WIRE_IS_DOUBLE: return "number";
    case WIRE_IS_STR:    return "string";
    case WIRE_IS_EXT:    return value->ext == MATCH_EXT_CODE ? "code" : "userdata";
    default:             return "table";
    }
}

static bool call_math_type(wire_item_t *args)
{
    if (is_number(args))
        set_text(args, args->kind == WIRE_IS_INT ? "integer" : "float");
    else
        args->kind = WIRE_IS_NIL;
    return true;
}

//  A float: an integer stays one by itself, and a string is read as a float.
static bool to_float(const wire_item_t *value, double *number)
{
    wire_item_t item;
    if (!predicate_to_number(value, &item))
        return false;
    *number = item.kind == WIRE_IS_INT ? (double) item.as.integer : item.as.number;
    return true;
}

static bool call_round(wire_item_t *args, predicate_function_t function)
{
    double number;
    if (args->kind == WIRE_IS_INT) {
        if (function == PREDICATE_FN_ABS && args->as.integer < 0)
            args->as.natural = 0 - args->as.natural;
        return true;
    }
    if (!to_float(args, &number))
        return false;
    if (function == PREDICATE_FN_ABS) {
        args->kind = WIRE_IS_DOUBLE;
        args->as.number = fabs(number);
    }
    else
        predicate_floor(function == PREDICATE_FN_CEIL ? ceil(number) : number, args);
    return true;
}

//  As math.min and math.max: by the operator <, so strings have a least one, too, and a single value may be anything.
static bool call_extreme(run_t *run, wire_item_t *args, unsigned count, int wanted)
{
    int order;
    for (unsigned i = 1; i < count; i++) {
        if (!compare(run, &args[i], &args[0], &order))
            return false;
        if (order == wanted)
            args[0] = args[i];
    }
    return true;
}

//  The result takes the first argument's place.
static bool call(run_t *run, predicate_function_t function, wire_item_t *args, unsigned count)
{
    switch (function) {
    case PREDICATE_FN_PREFIX:    return call_affix(run, args, false);
    case PREDICATE_FN_SUFFIX:    return call_affix(run, args, true);
    case PREDICATE_FN_FIND:      return call_find(run, args, count);
    case PREDICATE_FN_TYPE:      set_text(args, type_of(args)); return true;
    case PREDICATE_FN_MATH_TYPE: return call_math_type(args);
    case PREDICATE_FN_MIN:       return call_extreme(run, args, count, -1);
    case PREDICATE_FN_MAX:       return call_extreme(run, args, count, 1);
    default:                     return call_round(args, function);
    }
}

//  ---- Steps ---------------------------------------------------------------------------------------

static bool do_compare(run_t *run, predicate_op_t op, wire_item_t *a)
{
    int order;
    if (!compare(run, a, a + 1, &order))
        return false;
    set_bool(a, holds(op, order));
    return true;
}

//  What takes one value or more from the stack. `top` is the last of them.
static bool do_step(run_t *run, const predicate_step_t *step, wire_item_t *top)
{
    switch ((predicate_op_t) step->op) {
    case PREDICATE_FIELD:    return index_value(run, top, &run->self->constants[step->b], top);
    case PREDICATE_NOT:      set_bool(top, !truth(top)); return true;
    case PREDICATE_MINUS:    return predicate_minus(top, top);
    case PREDICATE_LENGTH:   return length_of(run, top, top);
    case PREDICATE_NOT_BITS: return predicate_not_bits(top, top);
    case PREDICATE_CALL:
        run->top = top - step->b + 1;
        return call(run, (predicate_function_t) step->a, run->top, step->b);
    default:
        break;
    }
    run->top = --top;
    switch ((predicate_op_t) step->op) {
    case PREDICATE_INDEX:    return index_value(run, top, top + 1, top);
    case PREDICATE_ARITH:    return predicate_arith((predicate_arith_t) step->a, top, top + 1, top);
    case PREDICATE_EQ:       return do_equal(run, top, true);
    case PREDICATE_NE:       return do_equal(run, top, false);
    default:                 return do_compare(run, (predicate_op_t) step->op, top);
    }
}

//  A root that is no table is a fault to index.
static bool root_field(run_t *run, const predicate_step_t *step, wire_item_t *out)
{
    return index_at(run, run->roots[step->a], &run->self->constants[step->b], out);
}

//  Run to the end: the one value that is left is at the stack's bottom. False: a fault.
static bool run_steps(run_t *run)
{
    const predicate_step_t *step = run->self->steps, *end = step + run->self->step_count;
    bool good = true;
    while (good && step < end) {
        switch ((predicate_op_t) step->op) {
        case PREDICATE_CONSTANT:   *++run->top = run->self->constants[step->b]; break;
        case PREDICATE_ROOT:       good = load(run->roots[step->a], ++run->top); break;
        case PREDICATE_ROOT_FIELD: good = root_field(run, step, ++run->top); break;
        case PREDICATE_IF_AND:
        case PREDICATE_IF_OR:
            if (truth(run->top) == (step->op == PREDICATE_IF_OR)) {
                step = run->self->steps + step->b;
                continue;
            }
            run->top--;
            break;
        default:                   good = do_step(run, step, run->top); break;
        }
        step++;
    }
    return good;
}

bool predicate_test(const predicate_t *self, const wire_reader_t *roots, bool *fault)
{
    wire_item_t stack[PREDICATE_STACK + 1];         //  The first is never used: the stack is empty below it
    run_t run = { self, roots, stack, PREDICATE_WORK };
    bool good = run_steps(&run);
    if (fault)
        *fault = !good;
    return good && truth(run.top);
}
