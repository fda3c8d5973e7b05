//  match - a template's program against a tuple

#include "match.h"

#include <stdlib.h>

#include "match_program.h"
#include "match_value.h"

//  Where the variables were bound: the value begins at each.
typedef struct {
    const match_t *self;
    wire_reader_t vars[MATCH_VARS];
} run_t;

static bool test_value(run_t *run, const match_node_t *node, wire_reader_t *at);

//  ---- Scalars -----------------------------------------------------------------------

static bool test_literal(const run_t *run, const match_node_t *node, wire_reader_t *at)
{
    wire_item_t item, literal = match_literal(node, run->self->pool);
    return match_read(at, &item) && match_same_scalar(&item, &literal);
}

static inline bool test_text(const run_t *run, const match_node_t *node, wire_reader_t *at)
{
    wire_str_t text;
    if (!wire_read_short(at, &text))
        return test_literal(run, node, at);
    return text.size == node->as.text.size && memcmp(text.data, run->self->pool + node->as.text.at, text.size) == 0;
}

static bool test_type(const match_node_t *node, wire_reader_t *at)
{
    wire_reader_t here = *at;
    wire_item_t item;
    if (wire_read(&here, &item) || !match_skip(at))
        return false;
    switch (node->flag) {
    case MATCH_TYPE_NIL:     return item.kind == WIRE_IS_NIL;
    case MATCH_TYPE_BOOLEAN: return item.kind == WIRE_IS_BOOL;
    case MATCH_TYPE_NUMBER:  return item.kind >= WIRE_IS_INT && item.kind <= WIRE_IS_DOUBLE;
    case MATCH_TYPE_INT:     return item.kind == WIRE_IS_INT;
    case MATCH_TYPE_FLOAT:   return item.kind == WIRE_IS_UINT || item.kind == WIRE_IS_DOUBLE;
    case MATCH_TYPE_STRING:  return item.kind == WIRE_IS_STR || item.kind == WIRE_IS_BIN;
    case MATCH_TYPE_TABLE:   return item.kind == WIRE_IS_ARRAY || item.kind == WIRE_IS_MAP;
    default:                 return item.kind == WIRE_IS_EXT && item.ext == MATCH_EXT_CODE;
    }
}

//  The item, which is no NaN, is not on the wrong side of a bound.
static bool bound_holds(const run_t *run, const match_node_t *bound, const wire_item_t *item, int wrong)
{
    if (bound->op == MATCH_OP_ANY)
        return true;
    wire_item_t literal = match_literal(bound, run->self->pool);
    return match_compare_numbers(item, &literal) != wrong;
}

static bool test_range(const run_t *run, const match_node_t *node, wire_reader_t *at)
{
    wire_item_t item;
    if (!match_read(at, &item) || (item.kind != WIRE_IS_INT && item.kind != WIRE_IS_DOUBLE))
        return false;
    if (item.kind == WIRE_IS_DOUBLE && item.as.number != item.as.number)
        return false;
    return bound_holds(run, node + 1, &item, -1) && bound_holds(run, node + 2, &item, 1);
}

static bool test_prefix(const run_t *run, const match_node_t *node, wire_reader_t *at)
{
    wire_item_t item;
    if (!match_read(at, &item) || item.kind != WIRE_IS_STR || item.as.bytes.size < node->as.text.size)
        return false;
    return memcmp(item.as.bytes.data, run->self->pool + node->as.text.at, node->as.text.size) == 0;
}

//  ---- oneof, var ----------------------------------------------------------------------

static bool test_set(const run_t *run, const match_node_t *node, wire_reader_t *at)
{
    size_t low = 0, high = node->as.count;
    wire_item_t item;
    if (!match_read(at, &item) || item.kind == WIRE_IS_ARRAY || item.kind == WIRE_IS_MAP)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        wire_item_t literal = match_literal(node + 1 + middle, run->self->pool);
        int order = match_order(&item, &literal);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static bool test_oneof(run_t *run, const match_node_t *node, wire_reader_t *at)
{
    const match_node_t *choice = node + 1;
    for (uint32_t i = 0; i < node->as.count; i++, choice += choice->size) {
        wire_reader_t here = *at;
        if (test_value(run, choice, &here)) {
            *at = here;
            return true;
        }
    }
    return false;
}

static bool test_same(const run_t *run, const match_node_t *node, wire_reader_t *at)
{
    wire_reader_t here = *at;
    return match_skip(at) && match_same(here, run->vars[node->flag]);
}

//  ---- Tables --------------------------------------------------------------------------

static bool skip_values(wire_reader_t *at, uint64_t count)
{
    for (; count; count--)
        if (!match_skip(at))
            return false;
    return true;
}

static bool test_list(run_t *run, const match_node_t *node, wire_reader_t *at, uint32_t count)
{
    const match_node_t *child = node + 1;
    uint32_t positions = node->as.table.positions;
    if (count < positions || (count > positions && !node->flag) || node->as.table.names)
        return false;
    for (uint32_t i = 0; i < positions; i++, child += child->size)
        if (!test_value(run, child, at))
            return false;
    return skip_values(at, count - positions);
}

//  Both have their other keys in order. Those of the tuple that the template does not name are stepped over.
static bool test_names(run_t *run, const match_node_t *child, uint32_t names, wire_reader_t *at, uint32_t pairs)
{
    wire_item_t key;
    for (; names; names--, child += child->size) {
        wire_item_t name = match_literal(child++, run->self->pool);
        int order = 1;
        while (order > 0) {
            if (pairs-- == 0 || !match_read(at, &key))
                return false;
            order = match_order(&name, &key);
            if (order > 0 && !match_skip(at))
                return false;
        }
        if (order < 0 || !test_value(run, child, at))
            return false;
    }
    return skip_values(at, 2 * (uint64_t) pairs);
}

static bool is_position(wire_reader_t at, uint32_t position)
{
    wire_item_t key;
    return match_read(&at, &key) && key.kind == WIRE_IS_INT && key.as.integer == (int64_t) position;
}

static bool test_pairs(run_t *run, const match_node_t *node, wire_reader_t *at, uint32_t pairs)
{
    const match_node_t *child = node + 1;
    uint32_t positions = node->as.table.positions;
    if (pairs < positions)
        return false;
    for (uint32_t i = 0; i < positions; i++, child += child->size)
        if (!is_position(*at, i + 1) || !match_skip(at) || !test_value(run, child, at))
            return false;
    if (pairs > positions && !node->flag && is_position(*at, positions + 1))
        return false;
    return test_names(run, child, node->as.table.names, at, pairs - positions);
}

static bool test_table(run_t *run, const match_node_t *node, wire_reader_t *at)
{
    uint32_t count;
    wire_item_t item;
    if (at->at < at->end && *at->at >= 0x90 && wire_read_array(at, &count) == 0)
        return test_list(run, node, at, count);
    return match_read(at, &item) && item.kind == WIRE_IS_MAP && test_pairs(run, node, at, item.as.count);
}

//  If it matches, the cursor stands behind the value.
static bool test_value(run_t *run, const match_node_t *node, wire_reader_t *at)
{
    switch ((match_op_t) node->op) {
    case MATCH_OP_TEXT:   return test_text(run, node, at);
    case MATCH_OP_ANY:    return match_skip(at);
    case MATCH_OP_TYPE:   return test_type(node, at);
    case MATCH_OP_RANGE:  return test_range(run, node, at);
    case MATCH_OP_PREFIX: return test_prefix(run, node, at);
    case MATCH_OP_SET:    return test_set(run, node, at);
    case MATCH_OP_ONEOF:  return test_oneof(run, node, at);
    case MATCH_OP_BIND:   run->vars[node->flag] = *at; return match_skip(at);
    case MATCH_OP_SAME:   return test_same(run, node, at);
    case MATCH_OP_TABLE:  return test_table(run, node, at);
    default:              return test_literal(run, node, at);
    }
}

//  ---- The whole -------------------------------------------------------------------------

bool match_test(const match_t *self, wire_reader_t tuple)
{
    run_t run;
    wire_reader_t at = tuple;
    run.self = self;
    if (!test_table(&run, self->nodes, &at))
        return false;
    for (uint32_t i = 0; i < self->where_count; i++)
        if (!predicate_test(self->wheres[i], &tuple, NULL))
            return false;
    return true;
}

size_t match_keys(const match_t *self, const uint32_t **keys)
{
    *keys = self->keys;
    return self->key_count;
}

size_t match_size(const match_t *self)
{
    size_t size = self->size;
    for (uint32_t i = 0; i < self->where_count; i++)
        size += predicate_size(self->wheres[i]);
    return size;
}

void match_destroy(match_t **self_p)
{
    match_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t i = 0; i < self->where_count; i++)
        predicate_destroy(&self->wheres[i]);
    free(self);
    *self_p = NULL;
}
