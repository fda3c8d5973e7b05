//  label - lines of several processes that share one output come out whole, and say whose they are
//
//  Replaces stdout and stderr by streams that gather lines and write whole ones, each with the label in
//  front, in one write(2). Several processes that write to one pipe then never mix within a line; for
//  what is longer than PIPE_BUF they take turns by a lock file.
//  Before the first Lua state, which remembers the streams. One thread, like the rest of a node.

#ifndef LABEL_H
#define LABEL_H

#include <stdbool.h>

//  text: what stands in front of each line, "" for nothing; copied. lock: path of the lock file, or NULL.
//  False: the streams are as they were.
bool label_start(const char *text, const char *lock);

//  Another label, for the lines that begin from now on. Nothing happens when label_start was not called.
void label_set(const char *text);

//  A last line without an end is completed and written. Happens by itself when the process ends by exit.
void label_finish(void);

#endif
