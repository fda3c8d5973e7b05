//  broker_brought - a tuple that a take has brought may go back to its place, though the taker may not put
//
//  A node whose take was given up gives its tuple back: OUT with `number`. Who may take there may do that with the very
//  tuple that it got there, once. The answers that are kept for repeats say which that is; beside them stands which space each
//  was taken from, for takers that may not put there.

#include "broker_state.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t request, space;    //  space: its hash
} taken_t;

static uint64_t hash_of(wire_str_t space)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < space.size; i++)
        hash = (hash ^ (uint8_t) space.data[i]) * UINT64_C(1099511628211);
    return hash;
}

//  Without memory the tuple cannot go back, and is lost to its taker, who is denied; nothing else happens.
void broker_brought_note(broker_session_t *session, uint64_t request, wire_str_t space)
{
    taken_t *taken = session->taken ? session->taken : calloc(BROKER_MAX_ANSWERS, sizeof *taken);
    session->taken = taken;
    if (taken && request)
        taken[request % BROKER_MAX_ANSWERS] = (taken_t) { request, hash_of(space) };
}

static bool is_from(const broker_session_t *session, uint64_t request, uint64_t space)
{
    const taken_t *taken = session->taken;
    const taken_t *place = taken ? &taken[request % BROKER_MAX_ANSWERS] : NULL;
    return place && place->request == request && place->space == space;
}

//  The number at the cursor is this one: it is made 0, so that it is nobody's any more.
static bool use_up(wire_reader_t *at, uint64_t number)
{
    uint8_t *from = (uint8_t *) (uintptr_t) at->at;
    uint64_t found = 0;
    if (wire_read_uint(at, &found) || found != number)
        return false;
    if (at->at - from == 1)
        *from = 0;
    else
        memset(from + 1, 0, (size_t) (at->at - from) - 1);
    return true;
}

static bool same(wire_reader_t a, wire_reader_t b)
{
    return a.end - a.at == b.end - b.at && memcmp(a.at, b.at, (size_t) (a.end - a.at)) == 0;
}

//  The value at the cursor, stepped over.
static wire_reader_t next(wire_reader_t *at)
{
    wire_reader_t value = *at;
    wire_skip(at);
    value.end = at->at;
    return value;
}

//  [tuples], [numbers]; or tuple, number: `count` 1.
static bool find(wire_reader_t tuples, wire_reader_t numbers, uint32_t count, wire_reader_t tuple, uint64_t number)
{
    while (count--) {
        if (same(next(&tuples), tuple)) {
            wire_reader_t at = numbers;
            if (use_up(&at, number))
                return true;
        }
        next(&numbers);
    }
    return false;
}

static bool is_in(broker_answer_t *answer, wire_reader_t tuple, uint64_t number)
{
    wire_reader_t frame = wire_reader(answer->bytes, answer->size);
    uint32_t count = 0, numbers;
    wire_msg_t msg;
    if (wire_msg_next(&frame, &msg) || msg.type != WIRE_ANSWER || msg.count < 2)
        return false;
    wire_reader_t at = msg.fields, first = next(&at);
    if (msg.count == 3)                 //  With `all` there are two
        return find(first, at, 1, tuple, number);
    return !wire_read_array(&first, &count) && !wire_read_array(&at, &numbers) && count == numbers
        && find(first, at, count, tuple, number);
}

bool broker_brought_back(broker_session_t *session, wire_str_t space, wire_reader_t tuple, uint64_t number)
{
    uint64_t hash = hash_of(space);
    for (size_t i = 0; session->taken && session->answers.ring && number && i < BROKER_MAX_ANSWERS; i++) {
        broker_answer_t *answer = &session->answers.ring[i];
        if (answer->request && is_from(session, answer->request, hash) && is_in(answer, tuple, number))
            return true;
    }
    return false;
}
