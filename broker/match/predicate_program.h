//  predicate_program - what an expression is compiled into; for the sources of broker/match only
//
//  A machine with a stack. Each instruction takes its operands from the top and leaves one value.

#ifndef PREDICATE_PROGRAM_H
#define PREDICATE_PROGRAM_H

#include "predicate.h"
#include "predicate_number.h"

#define PREDICATE_STACK 64      //  Values at most at one time
#define PREDICATE_DEPTH 100     //  Parentheses, operators and brackets inside each other
#define PREDICATE_ARGS  16      //  Of min and max
#define PREDICATE_WORK  (16 * 1024 * 1024)  //  Bytes of values that one test may step over; more is a fault

typedef enum {
    PREDICATE_CONSTANT,         //  b: which
    PREDICATE_ROOT,             //  a: which
    PREDICATE_FIELD,            //  [constant b] of the top
    PREDICATE_ROOT_FIELD,       //  [constant b] of root a
    PREDICATE_INDEX,            //  [top] of the one below
    PREDICATE_IF_AND,           //  Go to b when the top is false or nil, else drop it
    PREDICATE_IF_OR,            //  Go to b when it is neither, else drop it
    PREDICATE_NOT, PREDICATE_MINUS, PREDICATE_LENGTH, PREDICATE_NOT_BITS,
    PREDICATE_ARITH,            //  a: predicate_arith_t
    PREDICATE_EQ, PREDICATE_NE, PREDICATE_LT, PREDICATE_LE, PREDICATE_GT, PREDICATE_GE,
    PREDICATE_CALL              //  a: predicate_function_t, b: how many arguments
} predicate_op_t;

typedef enum {
    PREDICATE_FN_PREFIX, PREDICATE_FN_SUFFIX, PREDICATE_FN_FIND, PREDICATE_FN_TYPE, PREDICATE_FN_MATH_TYPE,
    PREDICATE_FN_ABS, PREDICATE_FN_FLOOR, PREDICATE_FN_CEIL, PREDICATE_FN_MIN, PREDICATE_FN_MAX
} predicate_function_t;

typedef struct {
    uint8_t op, a;
    uint16_t b;
} predicate_step_t;

//  One block of memory. Strings of the constants lie in it, too.
struct predicate {
    const wire_item_t *constants;
    const predicate_step_t *steps;
    size_t size;
    uint32_t step_count;
};

#endif
