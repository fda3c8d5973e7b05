//  match_compile - from a packed template to nodes; for the sources of broker/match only

#ifndef MATCH_COMPILE_H
#define MATCH_COMPILE_H

#include "match_place.h"
#include "match_program.h"

#define MATCH_FEW 16                         //  Nodes for which no memory is asked: most templates have fewer

typedef struct {
    uint64_t seed;
    char *text;
    match_node_t *nodes;
    size_t count, capacity;
    wire_buf_t pool;
    uint32_t var_count, where_count, key_count;
    uint32_t choices;                       //  So far, in the whole template
    unsigned inside;                        //  Choices around us
    //  Not cleared: as much of each has contents as its count says
    wire_str_t vars[MATCH_VARS];            //  Names, in the template's bytes
    predicate_t *wheres[MATCH_WHERES];
    uint32_t keys[MATCH_KEYS];
    match_node_t few[MATCH_FEW];
} match_compile_t;

//  What stands in a term: the word, and the arguments behind it.
typedef struct {
    wire_str_t word;
    wire_reader_t at;
    uint32_t count;
} match_term_t;

//  Read the bytes of a term, which nobody has scanned yet.
int match_term_read(match_compile_t *self, const wire_item_t *item, match_term_t *term, const match_place_t *place);

//  Compile a term that takes a place.
int match_term_compile(match_compile_t *self, const match_term_t *term, const match_place_t *place, unsigned depth);

//  Compile `where`.
int match_term_where(match_compile_t *self, const match_term_t *term, const match_place_t *place);

//  Compile the value at the cursor, which is in normal form, and step over it. depth: containers and terms around it.
int match_compile_value(match_compile_t *self, wire_reader_t *at, const match_place_t *place, unsigned depth);

//  Append a node of size 1; its index in *index. Nodes may move.
int match_compile_node(match_compile_t *self, match_node_t node, size_t *index);

//  Append the literal of an item of the one form.
int match_compile_literal(match_compile_t *self, const wire_item_t *item);

//  The node's children end here.
static inline void match_compile_end(match_compile_t *self, size_t index)
{
    self->nodes[index].size = (uint32_t) (self->count - index);
}

//  WIRE_E_USAGE with a sentence.
__attribute__((format(printf, 3, 4)))
int match_refuse(match_compile_t *self, const match_place_t *place, const char *format, ...);

#endif
