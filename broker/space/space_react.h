//  space_react - reactions: what is installed, runs, and what a space does next while one is under way
//
//  Private to broker/space; see space_state.h.

#ifndef SPACE_REACT_H
#define SPACE_REACT_H

#include "space_state.h"

//  ---- space_reactions -----------------------------------------------------

enum { SPACE_ON_OUT = 1, SPACE_ON_TAKE = 2, SPACE_ON_READ = 4, SPACE_ON_EXPIRE = 8 };
const char *space_on_word(unsigned on);

typedef struct {
    uint64_t number;
    space_link_t in_space, in_session;
    space_t *space;
    space_session_t *session;
    unsigned on;
    bool after, strict;
    match_t *match;             //  NULL: any tuple
    uint32_t name_size, code_size;
    char text[];                //  Name and code
} space_reaction_t;

//  A run that is to begin after an operation.
typedef struct {
    space_link_t link;
    uint64_t reaction, session, number;
    uint32_t size;
    unsigned on;
    uint8_t bytes[];
} space_later_t;

//  An operation that is kept until it is its turn.
typedef struct {
    space_link_t link;
    spaces_op_t op;             //  Its fields: the bytes below, or `fields` when they were changed
    int64_t deadline;           //  0: none
    size_t size;                //  Of the bytes
    wire_buf_t fields;
    uint8_t bytes[];
} space_kept_t;

//  For whom reactions are asked one by one: an operation or a waiter, and a tuple.
typedef struct {
    uint64_t waiter, tuple;     //  Numbers; waiter 0: the current operation
    uint64_t session, request;  //  The waiter's
    uint64_t reaction;          //  The last that was asked
    wire_buf_t bytes;           //  The tuple, as it is by now
    bool rewritten;
} space_asking_t;

struct space_reactor {
    space_t *space;
    space_link_t link, awake;   //  In self->reactors, self->awake
    space_link_t reactions;     //  As they were installed
    unsigned before, after;     //  For what there are some
    size_t count;
    space_link_t later, kept;
    space_kept_t *current;      //  The operation whose turn it is
    space_asking_t asking;
    size_t offered;             //  Tuples that are, and the lowest number
    uint64_t lowest;

    uint64_t run;               //  Under way: the space stands still. 0: none
    uint64_t run_reaction, run_owner;
    bool run_after, run_strict;
    wire_due_t due;
};

int  space_do_react(spaces_t *self, const spaces_op_t *op);
int  space_do_unreact(spaces_t *self, const spaces_op_t *op);
int  space_do_reactions(spaces_t *self, const spaces_op_t *op);
void space_reaction_free(spaces_t *self, space_reaction_t *reaction);
//  The first behind number `behind` that wants to run for the tuple, or NULL.
const space_reaction_t *space_reaction_next(const space_t *space, unsigned on, bool after, uint64_t behind,
                                            wire_reader_t tuple);
//  Without reactions, runs and operations it is given up. The space may be empty then.
void space_reactor_tidy(spaces_t *self, space_t *space);

static inline bool space_reacts_before(const space_t *space, unsigned on)
{
    return space->reactor && (space->reactor->before & on);
}

//  ---- space_runs ----------------------------------------------------------

//  False: it could not begin, and is passed over. A strict one has refused what it was to judge: true.
bool space_run_begin(spaces_t *self, space_reactor_t *reactor, const space_reaction_t *reaction, uint64_t session,
                     uint64_t number, wire_reader_t tuple);
void space_run_end(spaces_t *self, space_reactor_t *reactor);
void space_run_late(spaces_t *self, wire_due_t *due);
//  Reactions after what happened to the tuple will run.
void space_run_later(spaces_t *self, space_t *space, unsigned on, uint64_t session, const space_tuple_t *tuple);

void space_later_free(spaces_t *self, space_later_t *later);

//  ---- space_obstacles -----------------------------------------------------

typedef struct {
    space_reactor_t *busy;      //  It has to wait for its turn there
    const space_t *reacting;    //  Reactions would have to be asked before it
} space_obstacle_t;
space_obstacle_t space_obstacle(const spaces_t *self, const spaces_op_t *op);

//  SPACE_ON_... of an operation, or 0.
unsigned space_on(unsigned type);

//  An operation on more than one tuple, which reactions cannot judge; and its denial.
bool space_is_many(const spaces_op_t *op);
void space_deny_many(spaces_t *self, const spaces_op_t *op, const space_t *space);

//  ---- space_kept ----------------------------------------------------------

//  True: the operation was kept until its turn, or denied. False: it is to be carried out now.
bool space_turn_keep(spaces_t *self, const spaces_op_t *op);
//  A kept TAKE or READ is forgotten, without a word; false: there is none. request 0: all of a session that has ended.
bool space_turn_forget(spaces_t *self, uint64_t session, uint64_t request);
//  Those of a session that it may not do any more are denied; returns how many.
size_t space_turns_review(spaces_t *self, uint64_t session, const spaces_review_t *review);
//  The current operation, or one that is kept, is no more.
void space_kept_drop(spaces_t *self, space_reactor_t *reactor, space_kept_t *kept);

//  ---- space_turns ---------------------------------------------------------

//  Do what can be done in spaces that do not stand still.
void space_turns(spaces_t *self);
void space_turn_wake(spaces_t *self, space_reactor_t *reactor);
//  The tuple, which is linked, will be offered to those who wait.
void space_turn_offer(spaces_t *self, space_tuple_t *tuple);
//  What the run that ended came to.
void space_turn_refused(spaces_t *self, space_reactor_t *reactor, const char *text);
//  The OUT that it was about is done in another space, with that tuple (at NULL: its own). Else a code, and it goes on.
int  space_turn_redirect(spaces_t *self, space_reactor_t *reactor, wire_str_t space, wire_reader_t tuple);
void space_turns_drop(spaces_t *self, space_reactor_t *reactor);

#endif
