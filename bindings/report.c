//  report - what nobody took goes to standard error, in one piece

#include <stdio.h>
#include <string.h>

#include "core.h"

static void write_out(lcore_t *core, const char *text, size_t size)
{
    fflush(stdout);             //  What the program printed before stays before
    fwrite(text, 1, size, stderr);
    fflush(stderr);
    if (core->node)
        alua_node_failed(core->node);
    else
        core->status = 1;
}

void lreport_text(lcore_t *core, const char *what, const char *text)
{
    char line[512];
    int n = snprintf(line, sizeof line, "alua: %s%s%.400s\n", what ? what : "", what ? ": " : "", text);
    write_out(core, line, n < (int) sizeof line ? (size_t) n : sizeof line - 1);
}

//  Push the traceback of a thread, without the C function at its bottom that is ours.
void lreport_traceback(lua_State *L, lua_State *thread)
{
    static const char tail[] = "\n\t[C]: in ?";
    size_t size;
    luaL_traceback(L, thread, NULL, 0);
    const char *text = lua_tolstring(L, -1, &size);
    if (size >= sizeof tail - 1 && strcmp(text + size - (sizeof tail - 1), tail) == 0) {
        lua_pushlstring(L, text, size - (sizeof tail - 1));
        lua_remove(L, -2);
    }
}

//  "alua: what: error", the segments of an error object, the traceback of the thread.
void lreport(lua_State *L, lcore_t *core, const char *what, lua_State *thread)
{
    int value = lua_gettop(L);
    size_t size;
    luaL_checkstack(L, 10, "report");
    lua_pushfstring(L, what ? "alua: %s: " : "alua: ", what);
    lerror_push_text(L, value);
    lua_pushliteral(L, "\n");
    if (lerror_is(L, value) && lua_getfield(L, value, "traceback") == LUA_TSTRING)
        lua_pushliteral(L, "\n");
    if (thread) {
        lreport_traceback(L, thread);
        lua_pushliteral(L, "\n");
    }
    for (int i = value + 1; i <= lua_gettop(L); i++)
        if (lua_isnil(L, i)) {
            lua_pushliteral(L, "");
            lua_replace(L, i);
        }
    lua_concat(L, lua_gettop(L) - value);
    const char *text = lua_tolstring(L, -1, &size);
    write_out(core, text, size);
    lua_settop(L, value - 1);
}

//  ---- Losses ------------------------------------------------------------------------

#define LOSS_TIME 50            //  ms: those of one peer come in one go

void lreport_told(lcore_t *core)
{
    char text[sizeof core->loss + 32];
    if (core->losses == 0)
        return;
    snprintf(text, sizeof text, "%s (%u more of these)", core->loss, core->losses);
    core->losses = 0;
    lreport_text(core, NULL, text);
}

static void on_loss_timer(void *arg)
{
    lcore_t *core = arg;
    core->loss_timer = 0;
    lreport_told(core);
    *core->loss = 0;
}

bool lreport_is_news(lcore_t *core, wire_str_t about, const char *text)
{
    char loss[sizeof core->loss];
    snprintf(loss, sizeof loss, "%.*s: %s", (int) about.size, about.data ? about.data : "", text);
    if (core->loss_timer && strcmp(loss, core->loss) == 0) {
        core->losses++;
        return false;
    }
    lreport_told(core);
    memcpy(core->loss, loss, sizeof loss);
    if (!core->loss_timer)
        core->loss_timer = alua_timer(core->process, LOSS_TIME, true, on_loss_timer, core);
    return true;
}
