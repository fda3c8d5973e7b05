//  test_draw - a fixed row of numbers: a failure can be had again

#ifndef TEST_DRAW_H
#define TEST_DRAW_H

#include <stdint.h>

static uint64_t row = 1;

static inline uint64_t draw(uint64_t below)
{
    row ^= row << 13;
    row ^= row >> 7;
    row ^= row << 17;
    return (row * UINT64_C(0x2545f4914f6cdd1d) >> 20) % below;
}

#endif
