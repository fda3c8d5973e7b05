//  topic_options - the maps of options in PUBLISH, WILL and SUBSCRIBE
//
//  Nil, no options at all, or an empty table of either kind are no options; an option that is nil is not given; keys that
//  nobody knows are passed over (a later version may have more). Numbers may come as doubles, of which the whole part counts.

#ifndef TOPIC_OPTIONS_H
#define TOPIC_OPTIONS_H

#include "topic_keep.h"

typedef struct {
    bool retain;
    uint64_t ttl, delay;        //  ms
    wire_str_t reply;
} topic_publish_options_t;

typedef struct {
    wire_str_t group, filter, policy;
    uint64_t last, since, seq, window, count, bytes;
    bool has_last, has_since, has_seq, has_window, has_count, has_bytes;
} topic_subscribe_options_t;

//  0; WIRE_E_MALFORMED: no map; WIRE_E_USAGE: an option of a wrong kind, text[TOPIC_TEXT] says which.
int topic_options_publish(wire_reader_t in, topic_publish_options_t *out, char *text);
int topic_options_subscribe(wire_reader_t in, topic_subscribe_options_t *out, char *text);

#endif
