//  serve_log - what a broker with keys says: who came, who was refused what; on standard error

#ifndef SERVE_LOG_H
#define SERVE_LOG_H

#include <stdint.h>

//  Zeroed at first.
typedef struct {
    uint64_t second;            //  Which one it is
    unsigned said, left_out;    //  Lines in it
} serve_log_t;

//  One line. Somebody who knocks a thousand times a second fills no disk: beyond 200 lines a second they are counted, and the
//  number is told with the next line that is written. now: ms.
void serve_log(serve_log_t *self, uint64_t now, const char *text);

#endif
