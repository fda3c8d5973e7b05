//  match_compile - tables and literals; terms are in match_term.c

#include "match_compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "match_normal.h"
#include "match_value.h"

int match_refuse(match_compile_t *self, const match_place_t *place, const char *format, ...)
{
    char sentence[MATCH_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    match_say(self->text, place, "%s", sentence);
    return WIRE_E_USAGE;
}

//  ---- Nodes -----------------------------------------------------------------------

static int grow(match_compile_t *self)
{
    size_t capacity = self->capacity * 2;
    bool first = self->nodes == self->few;
    match_node_t *nodes = realloc(first ? NULL : self->nodes, capacity * sizeof *nodes);
    if (!nodes)
        return WIRE_E_NO_MEMORY;
    if (first)
        memcpy(nodes, self->few, sizeof self->few);
    self->nodes = nodes;
    self->capacity = capacity;
    return 0;
}

int match_compile_node(match_compile_t *self, match_node_t node, size_t *index)
{
    if (self->count == WIRE_MAX_OBJECTS) {
        match_say(self->text, NULL, "a template of more than %d values", WIRE_MAX_OBJECTS);
        return WIRE_E_TOO_BIG;
    }
    int rc = self->count == self->capacity ? grow(self) : 0;
    if (rc)
        return rc;
    if (index)
        *index = self->count;
    node.size = 1;
    self->nodes[self->count++] = node;
    return 0;
}

static int literal_text(match_compile_t *self, const wire_item_t *item)
{
    match_node_t node = { .op = item->kind == WIRE_IS_EXT ? MATCH_OP_EXT : MATCH_OP_TEXT };
    node.flag = item->kind == WIRE_IS_EXT ? (uint8_t) item->ext : 0;
    node.as.text.at = (uint32_t) self->pool.size;
    node.as.text.size = (uint32_t) item->as.bytes.size;
    wire_buf_append(&self->pool, item->as.bytes.data, item->as.bytes.size);
    return self->pool.failed ? WIRE_E_NO_MEMORY : match_compile_node(self, node, NULL);
}

int match_compile_literal(match_compile_t *self, const wire_item_t *item)
{
    match_node_t node = { .op = MATCH_OP_NIL };
    switch (item->kind) {
    case WIRE_IS_NIL:
        break;
    case WIRE_IS_BOOL:
        node.op = MATCH_OP_BOOL;
        node.flag = item->as.boolean;
        break;
    case WIRE_IS_INT:
        node.op = MATCH_OP_INT;
        node.as.integer = item->as.integer;
        break;
    case WIRE_IS_DOUBLE:
        node.op = MATCH_OP_FLOAT;
        node.as.number = item->as.number;
        break;
    default:
        return literal_text(self, item);
    }
    return match_compile_node(self, node, NULL);
}

//  ---- Tables ----------------------------------------------------------------------

//  A table that is being compiled.
typedef struct {
    size_t node;
    uint32_t positions, names;
    bool rest;
    unsigned depth;             //  0: the template itself
    const match_place_t *place;
} table_t;

static bool term_at(wire_reader_t at, wire_item_t *item)
{
    return at.at < at.end && match_is_ext(*at.at) && wire_read(&at, item) == 0 && item->ext == MATCH_EXT_TERM;
}

//  As everybody packs it; the most frequent term by far, so it is not read as one.
static const uint8_t any_packed[] = { 0xc7, 5, MATCH_EXT_TERM, 0x91, 0xa3, 'a', 'n', 'y' };

static bool any_at(wire_reader_t at)
{
    return (size_t) (at.end - at.at) >= sizeof any_packed && memcmp(at.at, any_packed, sizeof any_packed) == 0;
}

//  A literal scalar of the template itself is a key that tuples are looked up by.
static void add_key(match_compile_t *self, const table_t *table, size_t index, uint64_t selector)
{
    const match_node_t *node = &self->nodes[index];
    if (table->depth || node->op < MATCH_OP_BOOL || node->op > MATCH_OP_TEXT || self->key_count == MATCH_KEYS)
        return;
    wire_item_t item = match_literal(node, (const char *) self->pool.data);
    self->keys[self->key_count++] = match_key(self->seed, selector, &item);
}

static int compile_position(match_compile_t *self, table_t *table, wire_reader_t *at, const match_place_t *place)
{
    size_t index = self->count;
    if (table->rest)
        return match_refuse(self, place, "`rest` comes last");
    int rc = match_compile_value(self, at, place, table->depth + 1);
    table->positions++;
    if (rc == 0 && table->positions <= MATCH_POSITIONS)
        add_key(self, table, index, match_at_position(self->seed, table->positions));
    return rc;
}

//  `rest` and `where` stand among the positions but are none.
static int compile_item(match_compile_t *self, table_t *table, wire_reader_t *at, const match_place_t *place)
{
    wire_item_t item;
    match_term_t term = { { NULL, 0 }, { NULL, NULL }, 0 };
    int rc = !any_at(*at) && term_at(*at, &item) ? match_term_read(self, &item, &term, place) : 0;
    bool rest = wire_str_is(term.word, "rest"), where = wire_str_is(term.word, "where");
    if (rc || !(rest || where))
        return rc ? rc : compile_position(self, table, at, place);
    wire_skip(at);
    if (where)
        return table->depth ? match_refuse(self, place, "`where` is about the whole tuple and stands outside inner tables")
                            : match_term_where(self, &term, place);
    if (table->rest || term.count)
        return match_refuse(self, place, table->rest ? "`rest` a second time" : "`rest` takes no argument");
    table->rest = true;
    return 0;
}

static int compile_list(match_compile_t *self, table_t *table, wire_reader_t *at, uint32_t count)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        match_place_t here = { table->place, { .kind = WIRE_IS_INT, .as.integer = (int64_t) i + 1 }, 0 };
        rc = compile_item(self, table, at, &here);
    }
    return rc;
}

static int compile_name(match_compile_t *self, table_t *table, wire_reader_t *at, const match_place_t *place)
{
    if (table->rest && place->key.kind == WIRE_IS_INT)
        return match_refuse(self, place, "`rest` leaves no place for it");
    int rc = match_compile_literal(self, &place->key);
    size_t index = self->count;
    if (rc == 0)
        rc = match_compile_value(self, at, place, table->depth + 1);
    table->names++;
    if (rc == 0 && place->key.kind == WIRE_IS_STR)
        add_key(self, table, index, match_at_name(self->seed, place->key.as.bytes));
    return rc;
}

//  In normal form: positions, then whatever other keys in order.
static int compile_pairs(match_compile_t *self, table_t *table, wire_reader_t *at, uint32_t pairs)
{
    int rc = 0;
    bool listed = true;
    for (uint32_t i = 0; rc == 0 && i < pairs; i++) {
        match_place_t here = { .outer = table->place };
        if (!match_read(at, &here.key))
            return match_refuse(self, table->place, "a key is cut short");
        listed = listed && here.key.kind == WIRE_IS_INT && here.key.as.integer == (int64_t) i + 1;
        rc = listed ? compile_item(self, table, at, &here) : compile_name(self, table, at, &here);
    }
    return rc;
}

static int compile_table(match_compile_t *self, const wire_item_t *head, wire_reader_t *at, const match_place_t *place,
                         unsigned depth)
{
    table_t table = { .depth = depth, .place = place };
    int rc = match_compile_node(self, (match_node_t) { .op = MATCH_OP_TABLE }, &table.node);
    if (rc == 0)
        rc = head->kind == WIRE_IS_ARRAY ? compile_list(self, &table, at, head->as.count)
                                         : compile_pairs(self, &table, at, head->as.count);
    if (rc)
        return rc;
    match_node_t *node = &self->nodes[table.node];
    node->flag = table.rest;
    node->as.table.positions = table.positions;
    node->as.table.names = table.names;
    match_compile_end(self, table.node);
    return 0;
}

static int compile_term(match_compile_t *self, const wire_item_t *item, const match_place_t *place, unsigned depth)
{
    match_term_t term;
    int rc = match_term_read(self, item, &term, place);
    return rc ? rc : match_term_compile(self, &term, place, depth);
}

int match_compile_value(match_compile_t *self, wire_reader_t *at, const match_place_t *place, unsigned depth)
{
    wire_item_t item;
    if (any_at(*at)) {
        at->at += sizeof any_packed;
        return match_compile_node(self, (match_node_t) { .op = MATCH_OP_ANY }, NULL);
    }
    if (!match_read(at, &item))
        return match_refuse(self, place, "a value is cut short");
    if (depth > WIRE_MAX_DEPTH) {
        match_say(self->text, place, "nested deeper than %d tables and terms", WIRE_MAX_DEPTH);
        return WIRE_E_TOO_DEEP;
    }
    if (item.kind == WIRE_IS_ARRAY || item.kind == WIRE_IS_MAP)
        return compile_table(self, &item, at, place, depth);
    if (item.kind == WIRE_IS_EXT && item.ext == MATCH_EXT_TERM)
        return compile_term(self, &item, place, depth);
    return match_compile_literal(self, &item);
}

//  ---- The whole ---------------------------------------------------------------------

//  Eight-byte parts first, so that each is aligned.
static match_t *finish(match_compile_t *self)
{
    size_t nodes = self->count * sizeof *self->nodes, wheres = self->where_count * sizeof *self->wheres;
    size_t keys = self->key_count * sizeof *self->keys, size = sizeof (match_t) + nodes + wheres + keys + self->pool.size;
    match_t *match = malloc(size);
    if (!match)
        return NULL;
    char *at = (char *) (match + 1);
    *match = (match_t) { (match_node_t *) (void *) at, at + nodes + wheres + keys,
                         (uint32_t *) (void *) (at + nodes + wheres), (predicate_t **) (void *) (at + nodes), size,
                         (uint32_t) self->count, self->key_count, self->where_count };
    memcpy(at, self->nodes, nodes);
    memcpy(at + nodes, self->wheres, wheres);
    memcpy(at + nodes + wheres, self->keys, keys);
    if (self->pool.size)
        memcpy(at + nodes + wheres + keys, self->pool.data, self->pool.size);
    self->where_count = 0;                      //  They are the program's now
    return match;
}

static void free_compile(match_compile_t *self)
{
    for (uint32_t i = 0; i < self->where_count; i++)
        predicate_destroy(&self->wheres[i]);
    wire_buf_free(&self->pool);
    if (self->nodes != self->few)
        free(self->nodes);
}

//  The cursor moves to the normal form, in `normal` unless it is there already.
static int normalize(const match_compile_t *self, wire_reader_t *at, wire_buf_t *normal)
{
    match_normal_t settings = { normal, self->text, true };
    wire_reader_t end = *at;
    if (match_is_flat(&end, true))
        return 0;
    int rc = match_normal_value(&settings, at, NULL, 0);
    *at = wire_reader(normal->data, normal->size);
    return rc == 0 && normal->failed ? WIRE_E_NO_MEMORY : rc;
}

static int compile(match_compile_t *self, match_t **match, wire_reader_t at)
{
    wire_buf_t normal = WIRE_BUF_EMPTY;
    int rc = normalize(self, &at, &normal);
    if (rc == 0)
        rc = match_compile_value(self, &at, NULL, 0);
    if (rc == 0 && !(*match = finish(self)))
        rc = WIRE_E_NO_MEMORY;
    if (rc == WIRE_E_NO_MEMORY)
        match_say(self->text, NULL, "out of memory");
    wire_buf_free(&normal);
    free_compile(self);
    return rc;
}

int match_new(match_t **self_p, wire_reader_t packed, uint64_t seed, char *text)
{
    match_compile_t self;
    wire_reader_t at = packed;
    wire_item_t item;
    memset(&self, 0, offsetof(match_compile_t, vars));
    self.seed = seed;
    self.text = text;
    self.nodes = self.few;
    self.capacity = MATCH_FEW;
    *self_p = NULL;
    if (wire_read(&at, &item) || (item.kind != WIRE_IS_ARRAY && item.kind != WIRE_IS_MAP))
        return match_refuse(&self, NULL, "a template is a table");
    return compile(&self, self_p, packed);
}
