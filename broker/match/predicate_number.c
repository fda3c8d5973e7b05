//  predicate_number - integers that wrap, and floats

#include "predicate_number.h"

#include "lex_number.h"
#include "match_value.h"

static bool set_integer(wire_item_t *out, uint64_t value)
{
    out->kind = WIRE_IS_INT;
    out->as.natural = value;
    return true;
}

static bool set_float(wire_item_t *out, double value)
{
    out->kind = WIRE_IS_DOUBLE;
    out->as.number = value;
    return true;
}

bool predicate_to_number(const wire_item_t *value, wire_item_t *number)
{
    if (value->kind == WIRE_IS_STR)
        return lex_number(value->as.bytes, number);
    if (value->kind != WIRE_IS_INT && value->kind != WIRE_IS_DOUBLE)
        return false;
    *number = *value;
    return true;
}

//  ---- Integers -----------------------------------------------------------------------------

static uint64_t shift_left(uint64_t value, int64_t by)
{
    if (by <= -64 || by >= 64)
        return 0;
    return by >= 0 ? value << by : value >> -by;
}

static uint64_t divide(int64_t a, int64_t b)
{
    if (b == -1)
        return 0 - (uint64_t) a;            //  The least integer has no opposite
    int64_t quotient = a / b;
    return (uint64_t) (quotient - ((a % b) != 0 && (a ^ b) < 0));
}

static uint64_t modulo(int64_t a, int64_t b)
{
    if (b == -1)
        return 0;
    int64_t rest = a % b;
    return (uint64_t) (rest != 0 && (rest ^ b) < 0 ? rest + b : rest);
}

static bool integers(predicate_arith_t op, int64_t a, int64_t b, wire_item_t *out)
{
    uint64_t x = (uint64_t) a, y = (uint64_t) b;
    switch (op) {
    case PREDICATE_ADD:  return set_integer(out, x + y);
    case PREDICATE_SUB:  return set_integer(out, x - y);
    case PREDICATE_MUL:  return set_integer(out, x * y);
    case PREDICATE_IDIV: return b != 0 && set_integer(out, divide(a, b));
    case PREDICATE_MOD:  return b != 0 && set_integer(out, modulo(a, b));
    case PREDICATE_BAND: return set_integer(out, x & y);
    case PREDICATE_BOR:  return set_integer(out, x | y);
    case PREDICATE_BXOR: return set_integer(out, x ^ y);
    case PREDICATE_SHL:  return set_integer(out, shift_left(x, b));
    default:             return set_integer(out, shift_left(x, b == INT64_MIN ? 64 : -b));
    }
}

//  ---- Floats ---------------------------------------------------------------------------------

static double modulo_float(double a, double b)
{
    double rest = fmod(a, b);
    return (rest > 0 && b < 0) || (rest < 0 && b > 0) ? rest + b : rest;
}

static bool floats(predicate_arith_t op, double a, double b, wire_item_t *out)
{
    switch (op) {
    case PREDICATE_ADD:  return set_float(out, a + b);
    case PREDICATE_SUB:  return set_float(out, a - b);
    case PREDICATE_MUL:  return set_float(out, a * b);
    case PREDICATE_DIV:  return set_float(out, a / b);
    case PREDICATE_IDIV: return set_float(out, floor(a / b));
    case PREDICATE_MOD:  return set_float(out, modulo_float(a, b));
    default:             return set_float(out, b == 2 ? a * a : pow(a, b));
    }
}

//  ---- Operators ---------------------------------------------------------------------------------

static double float_of(const wire_item_t *number)
{
    return number->kind == WIRE_IS_INT ? (double) number->as.integer : number->as.number;
}

//  What bits are taken of: an integer, or a float that is exactly one. Not a string: Lua's are numbers in arithmetic only.
static bool to_integer(const wire_item_t *value, int64_t *integer)
{
    wire_item_t number = *value;
    match_settle(&number);
    *integer = number.as.integer;
    return number.kind == WIRE_IS_INT;
}

static bool bits(predicate_arith_t op, const wire_item_t *a, const wire_item_t *b, wire_item_t *out)
{
    int64_t x, y;
    return to_integer(a, &x) && to_integer(b, &y) && integers(op, x, y, out);
}

bool predicate_arith(predicate_arith_t op, const wire_item_t *a, const wire_item_t *b, wire_item_t *out)
{
    wire_item_t x, y;
    if (op >= PREDICATE_BAND)
        return bits(op, a, b, out);
    if (!predicate_to_number(a, &x) || !predicate_to_number(b, &y))
        return false;
    if (x.kind == WIRE_IS_INT && y.kind == WIRE_IS_INT && op != PREDICATE_DIV && op != PREDICATE_POW)
        return integers(op, x.as.integer, y.as.integer, out);
    return floats(op, float_of(&x), float_of(&y), out);
}

bool predicate_minus(const wire_item_t *a, wire_item_t *out)
{
    wire_item_t number;
    if (!predicate_to_number(a, &number))
        return false;
    return number.kind == WIRE_IS_INT ? set_integer(out, 0 - number.as.natural) : set_float(out, -number.as.number);
}

bool predicate_not_bits(const wire_item_t *a, wire_item_t *out)
{
    int64_t integer;
    return to_integer(a, &integer) && set_integer(out, ~(uint64_t) integer);
}

void predicate_floor(double number, wire_item_t *out)
{
    set_float(out, floor(number));
    match_settle(out);
}
