//  match_program - what a template is compiled into; for the sources of broker/match only
//
//  Nodes in the order in which a tuple in normal form meets them, each with its children behind it:
//
//      TABLE positions names   the positions' values, then for each name a literal and its value
//      RANGE                   the lower and the upper bound: literals, ANY for an open one
//      SET                     literals, sorted by match_order
//      ONEOF                   choices
//
//  The first place of a variable is BIND and all others are SAME, which is known beforehand: nodes are met in this order, and
//  there are no variables inside a choice.

#ifndef MATCH_PROGRAM_H
#define MATCH_PROGRAM_H

#include "match.h"
#include "predicate.h"

#define MATCH_VARS    32
#define MATCH_WHERES  8
#define MATCH_CHOICES 256       //  That are no scalars, in one template: each may look at the whole tuple

typedef enum {
    MATCH_OP_NIL, MATCH_OP_BOOL, MATCH_OP_INT, MATCH_OP_FLOAT, MATCH_OP_TEXT, MATCH_OP_EXT,     //  Literals
    MATCH_OP_ANY, MATCH_OP_TYPE, MATCH_OP_RANGE, MATCH_OP_PREFIX, MATCH_OP_SET, MATCH_OP_ONEOF,
    MATCH_OP_BIND, MATCH_OP_SAME, MATCH_OP_TABLE
} match_op_t;

typedef enum {
    MATCH_TYPE_NIL, MATCH_TYPE_BOOLEAN, MATCH_TYPE_NUMBER, MATCH_TYPE_INT, MATCH_TYPE_FLOAT, MATCH_TYPE_STRING,
    MATCH_TYPE_TABLE, MATCH_TYPE_CODE
} match_type_t;

typedef struct {
    uint8_t op;
    uint8_t flag;               //  BOOL: its value; EXT: its type; TYPE: which; BIND, SAME: the variable; TABLE: rest
    uint32_t size;              //  Nodes, this one and those below
    union {
        int64_t integer;
        double number;
        struct { uint32_t at, size; } text;             //  TEXT, EXT, PREFIX: in the pool
        struct { uint32_t positions, names; } table;
        uint32_t count;                                 //  SET, ONEOF
    } as;
} match_node_t;

//  One block of memory; the predicates have their own.
struct match {
    const match_node_t *nodes;
    const char *pool;
    const uint32_t *keys;
    predicate_t **wheres;
    size_t size;                //  Of the block
    uint32_t node_count, key_count, where_count;
};

//  The literal that a node is, in the one form of match_value.h.
static inline wire_item_t match_literal(const match_node_t *node, const char *pool)
{
    static const uint8_t kinds[] = { WIRE_IS_NIL, WIRE_IS_BOOL, WIRE_IS_INT, WIRE_IS_DOUBLE, WIRE_IS_STR, WIRE_IS_EXT };
    wire_item_t item = { .kind = (wire_kind_t) kinds[node->op], .ext = (int8_t) node->flag };
    switch (node->op) {
    case MATCH_OP_NIL:   break;
    case MATCH_OP_BOOL:  item.as.boolean = node->flag; break;
    case MATCH_OP_INT:   item.as.integer = node->as.integer; break;
    case MATCH_OP_FLOAT: item.as.number = node->as.number; break;
    default:             item.as.bytes = (wire_str_t) { pool + node->as.text.at, node->as.text.size }; break;
    }
    return item;
}

static inline bool match_is_literal(const match_node_t *node)
{
    return node->op <= MATCH_OP_EXT;
}

#endif
