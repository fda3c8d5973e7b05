//  serve_log - what a broker with keys says. See serve_log.h

#include <stdio.h>
#include "serve_log.h"

#define MOST 200

void serve_log(serve_log_t *self, uint64_t now, const char *text)
{
    if (now / 1000 != self->second) {
        self->second = now / 1000;
        self->said = 0;
    }
    if (++self->said > MOST) {
        self->left_out++;
        return;
    }
    if (self->left_out)
        fprintf(stderr, "alua broker: %u lines left out\n", self->left_out);
    self->left_out = 0;
    fprintf(stderr, "alua broker: %s\n", text);
}
