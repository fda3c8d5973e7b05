//  lex_number - what number a text is, in Lua 5.4

#ifndef LEX_NUMBER_H
#define LEX_NUMBER_H

#include "wire_read.h"

//  The number that the text is in Lua (spaces around, sign, hexadecimal, exponent), of 200 bytes at most; false: none.
bool lex_number(wire_str_t text, wire_item_t *number);

#endif
