//  topic - a message of a subscription, on its way to whoever handles it

#ifndef LUA_TOPIC_H
#define LUA_TOPIC_H

#include "core.h"

//  Once, with the module's table on top: make the function that handles messages, and `message`, their metatable.
void ltopic_register(lua_State *L, lcore_t *core);

//  Run an ALUA_TOPIC event.
void ltopic_serve(lcore_t *core, const alua_event_t *event);

#endif
