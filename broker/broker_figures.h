//  broker_figures - what STAT has of the broker's links and of itself

#ifndef BROKER_FIGURES_H
#define BROKER_FIGURES_H

#include "hub.h"

//  Append pairs, and return how many. wall: ms since 1970; started: on the hub's clock.
uint32_t broker_figures_put(const hub_t *hub, bool insecure, int64_t wall, int64_t started, wire_buf_t *out);

#endif
