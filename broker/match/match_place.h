//  match_place - where in a tuple or template something is wrong; for the sources of broker/match only

#ifndef MATCH_PLACE_H
#define MATCH_PLACE_H

#include "match.h"

//  Lies on the C stack of who walks there.
typedef struct match_place match_place_t;
struct match_place {
    const match_place_t *outer; //  NULL: the tuple itself
    wire_item_t key;            //  Of the one form: integer: a position, nil: a choice of oneof
    uint32_t choice;
};

//  Write "position 3, field name: " and the sentence into text[MATCH_TEXT]; a path that is too long is cut.
__attribute__((format(printf, 3, 4)))
void match_say(char *text, const match_place_t *place, const char *format, ...);

#endif
