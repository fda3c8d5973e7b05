//  space_step - an operation on its way: its fields, its steps, and who carries out which
//
//  Private to broker/space; see space_state.h.

#ifndef SPACE_STEP_H
#define SPACE_STEP_H

#include "space_state.h"

//  ---- space_fields --------------------------------------------------------

//  The fields that are left of a message.
typedef struct {
    wire_reader_t in;
    uint32_t left;
} space_fields_t;

//  Options as they stand; 0 or false: absent.
typedef struct {
    bool attempt;               //  try
    bool strict;                //  A reaction's: what it cannot judge is refused
    uint32_t lease, all;
    uint64_t number;
    int64_t ttl;
    uint64_t after;             //  The lease that a worker had before, 0: none
    bool replay;                //  A watch is told first of those that are there
    uint64_t since;             //  and were put after that number
    wire_reader_t put;          //  at NULL: none
} space_options_t;

//  One operation on the way. Its tuples stand in self->made and self->found.
typedef struct {
    wire_type_t type;
    space_t *space;             //  Where it looks, or the lease's; pinned; NULL: there is none
    match_t *match;             //  NULL: all (COUNT)
    space_options_t options;
    uint64_t lease_number;      //  ACK
    space_lease_t *lease;       //  ACK: which is consumed; TAKE: which is granted
    size_t made, made_end;      //  What it puts; their spaces are pinned
    size_t found, found_end;    //  What it takes or reads
    size_t matches;             //  COUNT
    wire_str_t name;
} space_step_t;

//  The step of an operation OUT, TAKE, READ, COUNT or ACK. 0, or MALFORMED, USAGE, ... with a sentence.
//  Free it in either case.
int  space_step_parse(spaces_t *self, wire_type_t type, space_fields_t fields, space_step_t *step);
//  What it made and did not use goes.
void space_step_free(spaces_t *self, space_step_t *step);

//  Fields one by one, for the other operations. 0 or MALFORMED with a sentence.
int space_field_name(spaces_t *self, wire_type_t type, space_fields_t *fields, wire_str_t *name);
int space_field_uint(spaces_t *self, wire_type_t type, const char *what, space_fields_t *fields, uint64_t *value);
int space_field_match(spaces_t *self, wire_type_t type, space_fields_t *fields, match_t **match);
int space_field_options(spaces_t *self, wire_type_t type, space_fields_t *fields, space_options_t *options);
int space_fields_end(spaces_t *self, wire_type_t type, const space_fields_t *fields);

//  ---- space_step ----------------------------------------------------------

//  Carry it out so that it can be undone; nobody is told. 0; TIMEOUT: it found nothing; or another code with a sentence.
//  alone: it is the whole operation, so an OUT need not be seen by others before it is offered to those who wait.
int  space_step_run(spaces_t *self, space_step_t *step, uint64_t session, bool alone);
void space_step_undo(spaces_t *self, space_step_t *step);
//  Its answer's fields; how many.
uint32_t space_step_write(spaces_t *self, const space_step_t *step, wire_buf_t *out);
//  Make it final, in this order for all steps of an operation: forget what was put and taken again; let go of what was
//  taken; tell of what was put.
void space_step_drop_made(spaces_t *self, const space_step_t *step);
void space_step_commit(spaces_t *self, space_step_t *step);
void space_step_announce(spaces_t *self, const space_step_t *step);

//  ---- The operations ------------------------------------------------------

//  Each answers, or returns an error code with a sentence.
int space_do_step(spaces_t *self, const spaces_op_t *op);       //  OUT TAKE READ COUNT ACK
int space_do_batch(spaces_t *self, const spaces_op_t *op);
int space_do_release(spaces_t *self, const spaces_op_t *op);
int space_do_extend(spaces_t *self, const spaces_op_t *op);
int space_do_forget(spaces_t *self, const spaces_op_t *op);
int space_do_watch(spaces_t *self, const spaces_op_t *op);
int space_do_unwatch(spaces_t *self, const spaces_op_t *op);
int space_do_destroy(spaces_t *self, const spaces_op_t *op);
int space_do_spaces(spaces_t *self, const spaces_op_t *op);

#endif
