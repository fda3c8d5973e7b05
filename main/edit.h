//  edit - line editing for the console: a prompt that a loop can wait beside
//
//  On a terminal libedit edits (when it was there at build time); else lines are read as they come.
//  One console per process.
//
//  | function | what |
//  | --- | --- |
//  | edit.start(history or nil) | prepare; the history file is read. Whether there is a terminal |
//  | edit.prompt(text) | show a prompt: a line is wanted |
//  | edit.wait(fd, seconds or nil) | sleep until there is input, fd is readable, or the time is over: "line", "input", "net", "time", "break" (Ctrl-C), "end" (SIGTERM, SIGHUP) |
//  | edit.line() | the line that is complete: text; nil: the input has ended (only after "line") |
//  | edit.hide(), edit.show() | take the prompt away while others write, and put it back |
//  | edit.drop() | the line that was begun is not wanted |
//  | edit.remember(text) | add to the history, and to its file |
//  | edit.guard(handler, f) | xpcall(f, handler); Ctrl-C meanwhile raises an error in it. Without arguments: no more |
//  | edit.stop() | give the terminal back |

#ifndef EDIT_H
#define EDIT_H

#include <lua.h>

//  First thing in main, before a Lua state remembers stdout: lines of others must not mix with the prompt.
void edit_prepare(void);

int edit_push(lua_State *L);

#endif
