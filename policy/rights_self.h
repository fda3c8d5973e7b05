//  rights_self - what rights are made of; for the sources of policy/ only

#ifndef RIGHTS_SELF_H
#define RIGHTS_SELF_H

#include "rights.h"
#include "rights_pattern.h"

#define RIGHTS_ERROR 256

typedef struct {
    rights_pattern_t pattern;
    rights_code_t level;        //  Of code only
} rights_item_t;

typedef struct {
    bool all;
    rights_item_t *items;
    size_t count, capacity;
} rights_set_t;

struct rights {
    wire_buf_t text;            //  The patterns' bytes; not needed when these are somebody else's
    rights_set_t sets[WIRE_RIGHT_LIMIT];
    rights_code_t code;         //  On all nodes
    bool admin;
};

//  Give more: what the word of a rights map has for its value, at the cursor. Its bytes must stay as long as self.
//  0; or WIRE_E_USAGE, WIRE_E_NO_MEMORY and error[RIGHTS_ERROR].
int rights_add(rights_t *self, wire_str_t word, wire_reader_t *value, char *error);
void rights_clear(rights_t *self);

#endif
