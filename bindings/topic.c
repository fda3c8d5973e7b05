//  topic - a message of a subscription, on its way to whoever handles it
//
//  C throughout, since all that a subscriber hears comes this way: the table that a program sees is built straight from the
//  bytes, its handler is called, and the broker is told from time to time how many were handled, so that it sends more.

#include "topic.h"

#include "task.h"
#include "wire_error.h"

//  A subscription as one broker knows it: after a restart there is another one.
typedef struct {
    lcore_t *core;
    lua_Integer number;         //  The broker's
    uint64_t handled, told;     //  Messages; of them, those that the broker has heard of
    uint64_t step;              //  It hears of so many at once
    bool by_hand;               //  Counted by add(), not when the handler is over
    bool open;
    bool again;                 //  Nothing has come yet since the broker lost the one before
} lsub_t;

static const char type_name[] = "alua.subscription";

//  Of lsub_t.
enum { HANDLER = 1, ON_MISSED };

//  Upvalues of the function that handles messages, behind the core.
enum { SUBS = 2, MESSAGE, TOPIC, VALUE, PUBLISHER, SEQ, TIME, MISSED };
static const char *const keys[] = { "topic", "value", "publisher", "seq", "time", "missed" };

//  ---- Counting ------------------------------------------------------------------

static void count_one(lsub_t *self)
{
    uint8_t bytes[32];
    wire_buf_t out = { bytes, 0, sizeof bytes, false };
    self->handled++;
    if (self->handled - self->told < self->step || !self->open || !self->core->node)
        return;
    wire_put_int(&out, self->number);
    wire_put_uint(&out, self->handled);
    if (alua_tell(self->core->node, WIRE_CONSUMED, out.data, out.size, 2, 0) == 0)
        self->told = self->handled;
}

//  ---- The message ---------------------------------------------------------------

static void set_next(lua_State *T, wire_reader_t *at, int key)
{
    lua_pushvalue(T, lua_upvalueindex(key));
    lunpack_value(T, at, 0);
    lua_rawset(T, -3);
}

//  Seconds, from ms.
static void set_time(lua_State *T, wire_reader_t *at)
{
    int64_t ms;
    if (wire_read_int(at, &ms))
        lerror_raise(T, WIRE_E_MALFORMED, "a message's time is no integer");
    lua_pushvalue(T, lua_upvalueindex(TIME));
    lua_pushnumber(T, (lua_Number) ms / 1000);
    lua_rawset(T, -3);
}

static void set_true(lua_State *T, const char *key, bool is)
{
    if (!is)
        return;
    lua_pushboolean(T, true);
    lua_setfield(T, -2, key);
}

//  What few of them have.
static void set_rest(lua_State *T, wire_reader_t *at, uint64_t flags)
{
    set_true(T, "retained", flags & WIRE_TOPIC_RETAINED);
    set_true(T, "replayed", flags & WIRE_TOPIC_REPLAYED);
    set_true(T, "will", flags & WIRE_TOPIC_WILL);
    if (wire_is_nil(*at)) {
        at->at++;
        return;
    }
    lunpack_value(T, at, 0);
    lua_setfield(T, -2, "reply_to");
}

//  at: topic, publisher, seq, time, flags, reply, value
static void push_message(lua_State *T, wire_reader_t *at, uint64_t missed)
{
    uint64_t flags;
    lua_createtable(T, 0, 6);
    set_next(T, at, TOPIC);
    set_next(T, at, PUBLISHER);
    set_next(T, at, SEQ);
    set_time(T, at);
    if (wire_read_uint(at, &flags))
        lerror_raise(T, WIRE_E_MALFORMED, "a message's flags are no integer");
    set_rest(T, at, flags);
    set_next(T, at, VALUE);
    lua_pushvalue(T, lua_upvalueindex(MISSED));
    lua_pushinteger(T, (lua_Integer) missed);
    lua_rawset(T, -3);
    lua_pushvalue(T, lua_upvalueindex(MESSAGE));
    lua_setmetatable(T, -2);
}

//  ---- What was left out -----------------------------------------------------------

//  Read from its flags; at: as for push_message.
static const char *cause_of(lua_State *T, wire_reader_t at, const lsub_t *sub)
{
    static const char *const names[] = { NULL, "full", "history", "full, history" };
    uint64_t flags;
    for (int i = 0; i < 4; i++)
        wire_skip(&at);
    if (wire_read_uint(&at, &flags))
        lerror_raise(T, WIRE_E_MALFORMED, "a message's flags are no integer");
    int known = (flags & WIRE_TOPIC_FULL ? 1 : 0) + (flags & WIRE_TOPIC_FORGOTTEN ? 2 : 0);
    return sub->again ? "lost" : names[known];
}

//  on_missed(n, alone, cause)
static void push_missed(lua_State *T, uint64_t missed, bool alone, const char *cause)
{
    lua_getiuservalue(T, 1, ON_MISSED);
    lua_pushinteger(T, (lua_Integer) missed);
    lua_pushboolean(T, alone);
    lua_pushstring(T, cause);
}

//  ---- The event -----------------------------------------------------------------

static int handled(lua_State *T, int status, lua_KContext context)
{
    (void) T, (void) status;
    count_one((lsub_t *) context);      //  The stack keeps it
    return 0;
}

//  A handler that raised has handled its message.
static void failed(lua_State *S, ltask_t *task, int status)
{
    ltask_report(S, task, status);
    lua_rawgeti(S, LUA_REGISTRYINDEX, task->core->topics);
    lua_rawgeti(S, -1, (lua_Integer) task->request);
    lsub_t *sub = lua_touserdata(S, -1);
    if (sub && !sub->by_hand)
        count_one(sub);
}

//  The subscription stands at 1.
static int handle(lua_State *T, wire_reader_t *at, uint64_t missed)
{
    lsub_t *sub = lua_touserdata(T, 1);
    const char *cause = missed || sub->again ? cause_of(T, *at, sub) : NULL;
    sub->again = false;
    if (wire_is_nil(*at)) {             //  A gap, and nothing behind it yet
        push_missed(T, missed, true, cause);
        lua_callk(T, 3, 0, 0, ltask_over);
        return 0;
    }
    if (missed) {
        push_missed(T, missed, false, cause);
        lua_call(T, 3, 0);
    }
    lua_getiuservalue(T, 1, HANDLER);
    push_message(T, at, missed);
    if (cause) {
        lua_pushstring(T, cause);
        lua_setfield(T, -2, "cause");
    }
    if (sub->by_hand) {
        lua_callk(T, 1, 0, 0, ltask_over);
        return 0;
    }
    lua_callk(T, 1, 0, (lua_KContext) sub, handled);
    return handled(T, LUA_OK, (lua_KContext) sub);
}

static int serve(lua_State *T)
{
    ltask_t *task = lua_touserdata(T, 1);
    wire_reader_t at = wire_reader(task->event->args, task->event->args_size);
    uint64_t n, missed;
    if (wire_read_uint(&at, &task->request) || wire_read_uint(&at, &n) || wire_read_uint(&at, &missed))
        lerror_raise(T, WIRE_E_MALFORMED, "a message's numbers are no integers");
    lua_settop(T, 0);
    if (lua_rawgeti(T, lua_upvalueindex(SUBS), (lua_Integer) task->request) != LUA_TUSERDATA)
        return 0;                       //  It was closed meanwhile
    return handle(T, &at, missed);
}

void ltopic_serve(lcore_t *core, const alua_event_t *event)
{
    ltask_t *task = ltask_take_or_tell(core, "topic");
    if (!task)
        return;
    task->event = event;
    task->failed = failed;
    ltask_start_ref(task, core->topic);
}

//  ---- For Lua -------------------------------------------------------------------

//  core.subscription(number, step, by_hand, again, handler, on_missed) -> subscription. handler(message) is called for each
//  message of this number, on_missed(n, alone, cause) for those left out, before the message behind them or alone. again:
//  the broker has lost the one that this one follows, which its first message says
static int subscription(lua_State *L)
{
    lcore_t *core = lcore_of(L);
    lua_Integer number = luaL_checkinteger(L, 1), step = luaL_checkinteger(L, 2);
    lua_settop(L, 6);
    lsub_t *self = lua_newuserdatauv(L, sizeof *self, 2);
    *self = (lsub_t) { .core = core, .number = number, .step = (uint64_t) step, .by_hand = lua_toboolean(L, 3),
                       .open = true, .again = lua_toboolean(L, 4) };
    luaL_setmetatable(L, type_name);
    lua_insert(L, 5);
    lua_setiuservalue(L, 5, ON_MISSED);
    lua_setiuservalue(L, 5, HANDLER);
    lua_rawgeti(L, LUA_REGISTRYINDEX, core->topics);
    lua_pushvalue(L, 5);
    lua_rawseti(L, -2, number);
    lua_settop(L, 5);
    return 1;
}

//  sub:add(): one more was handled
static int add(lua_State *L)
{
    count_one(luaL_checkudata(L, 1, type_name));
    return 0;
}

//  sub:close(): nothing comes any more, nothing is told
static int close_one(lua_State *L)
{
    lsub_t *self = luaL_checkudata(L, 1, type_name);
    self->open = false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->core->topics);
    lua_rawgeti(L, -1, self->number);
    if (lua_touserdata(L, -1) == self) {
        lua_pushnil(L);
        lua_rawseti(L, -3, self->number);
    }
    return 0;
}

const luaL_Reg ltopic_functions[] = {
    { "subscription", subscription },
    { NULL, NULL }
};

static const luaL_Reg methods[] = {
    { "add", add }, { "close", close_one }, { NULL, NULL }
};

static void make_type(lua_State *L)
{
    luaL_newmetatable(L, type_name);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void ltopic_register(lua_State *L, lcore_t *core)
{
    make_type(L);
    lua_pushlightuserdata(L, core);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    core->topics = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -5, "message");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        lua_pushstring(L, keys[i]);
    lua_pushcclosure(L, serve, MISSED);
    core->topic = luaL_ref(L, LUA_REGISTRYINDEX);
}
