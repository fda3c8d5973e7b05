//  callback - functions that are called later, each as an event of its own
//
//  cb(results...) or cb(nil, err). A failure that the function could not tell from a nil (it
//  has fewer than two parameters and no ...) is reported instead.

#ifndef LUA_CALLBACK_H
#define LUA_CALLBACK_H

#include "core.h"

//  Remember the function at index (nil or none: NULL is the answer). what: for reports. Raises when
//  memory is out. Ends in lcallback_drop, or as the arg of lcallback_on_outcome.
lpending_t *lcallback_new(lua_State *L, lcore_t *core, int index, const char *what);
void lcallback_drop(lpending_t *self);

//  An alua_outcome_fn.
void lcallback_on_outcome(void *arg, const alua_outcome_t *outcome);

//  Call the function that stands `count` arguments below the top as an event of its own; pops
//  them. 0, or the node's error.
int lcallback_post(lua_State *L, lcore_t *core, int count, const char *what);
//  The same with what a callback gets: a failure that it cannot take is reported.
int lcallback_post_outcome(lua_State *L, lcore_t *core, int count, const char *what);
//  What it waited for was never started: it hears nil and the error object that is on top, which stays. Ends
//  in the same way as lcallback_drop. self may be NULL.
void lcallback_refuse(lua_State *L, lpending_t *self);

//  Free all, in use or not; the Lua state is closing.
void lcallback_close(lcore_t *core);

#endif
