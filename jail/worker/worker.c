//  worker - frames in, runs, frames out

#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "failure.h"
#include "values.h"
#include "wire_error.h"

#define CACHE       "jail.cache"    //  Compiled texts by hash, in the registry
#define MAX_CACHED  64
#define READ_BYTES  4096
#define KEEP_BYTES  (64 * 1024)     //  A larger buffer is given back after use

//  Each costs a full collection, and a text that catches it may ask again for ever.
#define MAX_REFUSED 8

typedef struct {
    wire_reader_t hash, name, code, names, args;
    bool has_code;
} job_t;

//  ---- Memory ----------------------------------------------------------------

static bool send_all(worker_t *self, const wire_buf_t *out)
{
    size_t done = 0;
    while (done < out->size) {
        ssize_t size = write(self->fd, out->data + done, out->size - done);
        if (size < 0 && errno != EINTR)
            return false;
        done += size > 0 ? (size_t) size : 0;
    }
    return true;
}

//  Lua collects and asks once more before it gives up: only the second time counts.
static void *refuse_memory(worker_t *self, const void *block, size_t size)
{
    bool again = self->asked == size && self->asked_block == block;
    self->asked = again ? 0 : size;
    self->asked_block = block;
    if (!again || ++self->refused < MAX_REFUSED)
        return NULL;
    send_all(self, &self->last_words);
    _exit(WORKER_GAVE_UP);
}

//  A new block: while the state is made from the arena, if it has one.
static void *take(worker_t *self, size_t size)
{
    void *block = NULL;
    if (!self->opened && self->config.arena) {
        block = arena_take(self->config.arena, size);
        self->spilled |= !block;
    }
    return block ? block : malloc(size);
}

//  A block of the arena that grows moves away and is forgotten.
static void *resize(worker_t *self, void *block, size_t old, size_t size)
{
    if (!block)
        return take(self, size);
    if (!self->config.arena || !arena_owns(self->config.arena, block))
        return realloc(block, size);
    if (size <= old)
        return block;
    void *at = take(self, size);
    return at ? memcpy(at, block, old) : NULL;
}

static void release(const worker_t *self, void *block)
{
    if (!self->config.arena || !arena_owns(self->config.arena, block))
        free(block);
}

//  When there is no block yet, `old` is a type and no size. A block that shrinks must not fail.
static void *allocate(void *arg, void *block, size_t old, size_t size)
{
    worker_t *self = arg;
    old = block ? old : 0;
    if (size == 0) {
        release(self, block);
        self->used -= old;
        return NULL;
    }
    if (size > old && size - old > self->config.memory - self->used)
        return refuse_memory(self, block, size);
    void *at = resize(self, block, old, size);
    if (!at)
        return size <= old ? block : refuse_memory(self, block, size);
    self->used = self->used - old + size;
    return at;
}

//  ---- Frames ----------------------------------------------------------------

//  Wait for the next frame. 0; anything else is the end.
static int hear(worker_t *self, jail_frame_t *frame)
{
    int rc;
    if (self->in.capacity > KEEP_BYTES)
        wire_buf_free(&self->in);
    wire_buf_clear(&self->in);
    while ((rc = jail_frame_look(&self->in, JAIL_MAX_DOWN, frame)) == WIRE_E_STATE) {
        uint8_t *at = wire_buf_reserve(&self->in, READ_BYTES);
        if (!at)
            return WIRE_E_NO_MEMORY;
        ssize_t size = read(self->fd, at, self->in.capacity - self->in.size);
        if (size == 0 || (size < 0 && errno != EINTR))
            return WIRE_E_CLOSED;
        self->in.size += size > 0 ? (size_t) size : 0;
    }
    return rc;
}

//  Send what stands in `out`, or why it could not be built.
static bool speak(worker_t *self)
{
    bool good = send_all(self, self->out.failed ? &self->last_words : &self->out);
    if (self->out.capacity > KEEP_BYTES || self->out.failed)
        wire_buf_free(&self->out);
    wire_buf_clear(&self->out);
    return good;
}

static bool speak_plainly(worker_t *self, jail_type_t type)
{
    jail_frame_begin(&self->out, type);
    jail_frame_end(&self->out);
    return speak(self);
}

static int read_job(wire_reader_t body, job_t *job)
{
    wire_reader_t code = body;
    wire_item_t item;
    int rc = jail_frame_value(&body, WIRE_IS_STR, &job->hash);
    if (rc == 0)
        rc = jail_frame_value(&body, WIRE_IS_STR, &job->name);
    code = body;
    job->has_code = rc == 0 && wire_read(&code, &item) == 0 && item.kind != WIRE_IS_NIL;
    if (rc == 0)
        rc = jail_frame_value(&body, job->has_code ? WIRE_IS_STR : WIRE_IS_NIL, &job->code);
    if (rc == 0)
        rc = jail_frame_value(&body, WIRE_IS_ARRAY, &job->names);
    if (rc == 0)
        rc = jail_frame_value(&body, WIRE_IS_ARRAY, &job->args);
    return rc == 0 && body.at != body.end ? WIRE_E_MALFORMED : rc;
}

//  ---- Compiled texts --------------------------------------------------------

static void clear_cache(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, CACHE);
}

//  The function on top stays, and is kept under the hash.
static void keep(lua_State *L, wire_str_t hash)
{
    lua_getfield(L, LUA_REGISTRYINDEX, CACHE);
    lua_Integer count = (lua_rawgeti(L, -1, 0), lua_tointeger(L, -1));
    lua_settop(L, -2);
    if (count >= MAX_CACHED) {
        lua_settop(L, -2);
        clear_cache(L);
        lua_getfield(L, LUA_REGISTRYINDEX, CACHE);
        count = 0;
    }
    lua_pushinteger(L, count + 1);
    lua_rawseti(L, -2, 0);
    lua_pushlstring(L, hash.data, hash.size);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_settop(L, -2);
}

//  Push the text's function, or its syntax error: LUA_OK or another status.
static int compile(lua_State *L, const job_t *job, wire_str_t hash)
{
    wire_reader_t at = job->code, name = job->name;
    wire_str_t code, called;
    char chunk[WIRE_MAX_NAME + 1];
    wire_read_bytes(&at, &code);
    wire_read_bytes(&name, &called);
    size_t size = called.size < WIRE_MAX_NAME ? called.size : WIRE_MAX_NAME;
    memcpy(chunk, called.data, size);
    chunk[size] = 0;
    int status = luaL_loadbufferx(L, code.data, code.size, chunk, "t");
    if (status == LUA_OK)
        keep(L, hash);
    return status;
}

static int push_function(lua_State *L, const job_t *job)
{
    wire_reader_t at = job->hash;
    wire_str_t hash;
    wire_read_bytes(&at, &hash);
    lua_getfield(L, LUA_REGISTRYINDEX, CACHE);
    lua_pushlstring(L, hash.data, hash.size);
    int type = lua_rawget(L, -2);
    lua_remove(L, -2);
    if (type == LUA_TFUNCTION)
        return LUA_OK;
    lua_settop(L, -2);
    return job->has_code ? compile(L, job, hash) : LUA_YIELD;
}

//  ---- One run ---------------------------------------------------------------

static void push_globals(lua_State *L, wire_reader_t names)
{
    uint32_t count;
    environment_push(L);
    if (wire_read_array(&names, &count) || count > JAIL_MAX_NAMES)
        luaL_error(L, "too many calls are named");
    for (; count; count--) {
        wire_str_t name;
        if (wire_read_name(&names, &name))
            luaL_error(L, "a call's name is none");
        environment_add_call(L, name.data, name.size);
    }
}

static int push_args(lua_State *L, wire_reader_t args)
{
    uint32_t count;
    if (wire_read_array(&args, &count))
        luaL_error(L, "the arguments are no array");
    luaL_checkstack(L, (int) count + 8, "too many arguments");
    for (uint32_t i = 0; i < count; i++)
        values_push(L, &args, 1);
    return (int) count;
}

static void say_results(worker_t *self, lua_State *L, int first)
{
    values_t packing;
    jail_frame_begin(&self->out, JAIL_DONE);
    int rc = values_array(&packing, L, &self->out, first, lua_gettop(L) - first + 1, "results");
    if (rc) {
        const char *text = values_text(&packing);
        failure_say(self, rc, text, strlen(text));
    }
    else
        jail_frame_end(&self->out);
}

//  The text is on top, or why it is not.
static void say_not_loaded(worker_t *self, lua_State *L, int status)
{
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (status == LUA_YIELD) {
        jail_frame_begin(&self->out, JAIL_WANT);
        jail_frame_end(&self->out);
    }
    else
        failure_say(self, status == LUA_ERRMEM ? WIRE_E_NO_MEMORY : WIRE_E_SYNTAX, text, size);
}

//  Stack: the job, the message handler, the text's function, then its arguments, then its results.
//  Whatever comes of it, the answer's frame stands in self->out at the end.
static int run(lua_State *L)
{
    worker_t *self = worker_of(L);
    const job_t *job = lua_touserdata(L, 1);
    lua_pushcfunction(L, failure_note);
    int status = push_function(L, job);
    if (status != LUA_OK) {
        say_not_loaded(self, L, status);
        return 0;
    }
    push_globals(L, job->names);
    lua_setupvalue(L, 3, 1);
    int count = push_args(L, job->args);
    self->decoding = false;
    status = lua_pcall(L, count, LUA_MULTRET, 2);
    if (status == LUA_OK)
        say_results(self, L, 3);
    else
        failure_tell(L, status);
    return 0;
}

//  What a run leaves is collected by the next one's allocations; only a lot of it is our business now,
//  while the client has its answer already. Compiled texts go last.
static int collect(lua_State *L)
{
    worker_t *self = worker_of(L);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "jail.current");
    lua_gc(L, LUA_GCCOLLECT);
    if (self->used >= self->config.memory / 4) {
        clear_cache(L);
        lua_gc(L, LUA_GCCOLLECT);
    }
    return 0;
}

//  False: no memory even now, so that the worker had better end.
static bool tidy(worker_t *self)
{
    if (self->used < self->config.memory / 4)
        return true;
    lua_pushcfunction(self->L, collect);
    return lua_pcall(self->L, 0, 0, 0) == LUA_OK;
}

static void say_raised(worker_t *self, int status)
{
    size_t size;
    const char *text = lua_tolstring(self->L, -1, &size);
    self->where[0] = self->trace[0] = 0;
    if (status == LUA_ERRMEM || !text)
        failure_say(self, WIRE_E_NO_MEMORY, "not enough memory", 17);
    else
        failure_say(self, self->decoding ? WIRE_E_MALFORMED : WIRE_E_TOO_BIG, text, size);
}

static bool serve_run(worker_t *self, const job_t *job)
{
    lua_State *L = self->L;
    self->refused = 0;
    self->asked = 0;
    self->where[0] = self->trace[0] = 0;
    self->decoding = true;
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, (void *) job);
    int status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK)
        say_raised(self, status);
    lua_settop(L, 0);
    return speak(self) && tidy(self);
}

void worker_serve(worker_t *self)
{
    jail_frame_t frame;
    self->opened = true;
    bool good = speak_plainly(self, JAIL_READY);
    while (good && hear(self, &frame) == 0) {
        job_t job;
        good = frame.type == JAIL_RUN && read_job(frame.body, &job) == 0 && serve_run(self, &job);
    }
}

//  ---- Calls out -------------------------------------------------------------

//  Our client is no client any more, or has died: nothing is left to do.
static void give_up(void)
{
    _exit(WORKER_GAVE_UP);
}

static int push_answer(lua_State *L, wire_reader_t body)
{
    wire_reader_t values;
    if (jail_frame_value(&body, WIRE_IS_ARRAY, &values))
        give_up();
    return push_args(L, values);
}

int worker_call_out(lua_State *L)
{
    worker_t *self = worker_of(L);
    values_t packing;
    jail_frame_t frame;
    wire_reader_t map;
    size_t size;
    const char *name = lua_tolstring(L, lua_upvalueindex(1), &size);
    jail_frame_begin(&self->out, JAIL_CALL);
    wire_put_text(&self->out, name, size);
    int rc = values_array(&packing, L, &self->out, 1, lua_gettop(L), "args");
    if (rc)
        return luaL_error(L, "%s", values_text(&packing));
    jail_frame_end(&self->out);
    if (!speak(self) || hear(self, &frame))
        give_up();
    if (frame.type == JAIL_ANSWER)
        return push_answer(L, frame.body);
    if (frame.type != JAIL_REFUSE || jail_frame_value(&frame.body, WIRE_IS_MAP, &map))
        give_up();
    failure_push(L, &map, 1);
    return lua_error(L);
}

//  ---- Birth -----------------------------------------------------------------

//  An error outside of every protected call: memory, while the state was made.
static int panic(lua_State *L)
{
    (void) L;
    _exit(5);
}

static int prepare(lua_State *L)
{
    environment_open(L);
    clear_cache(L);
    return 0;
}

static bool prepare_last_words(worker_t *self)
{
    failure_say(self, WIRE_E_NO_MEMORY, "not enough memory", 17);
    self->last_words = self->out;
    self->out = (wire_buf_t) WIRE_BUF_EMPTY;
    return !self->last_words.failed;
}

int worker_open(worker_t *self, int fd, const worker_config_t *config)
{
    memset(self, 0, sizeof *self);
    self->fd = fd;
    self->config = *config;
    if (!prepare_last_words(self))
        return WIRE_E_NO_MEMORY;
    self->L = lua_newstate(allocate, self);
    if (!self->L)
        return WIRE_E_NO_MEMORY;
    lua_atpanic(self->L, panic);
    *(worker_t **) lua_getextraspace(self->L) = self;
    lua_pushcfunction(self->L, prepare);
    return lua_pcall(self->L, 0, 0, 0) == LUA_OK ? 0 : WIRE_E_NO_MEMORY;
}

static int reseed(lua_State *L)
{
    environment_reseed(L);
    return 0;
}

int worker_seed(worker_t *self, const uint64_t seed[2])
{
    self->opened = true;
    memcpy(self->config.seed, seed, sizeof self->config.seed);
    lua_pushcfunction(self->L, reseed);
    return lua_pcall(self->L, 0, 0, 0) == LUA_OK ? 0 : WIRE_E_NO_MEMORY;
}

void worker_close(worker_t *self)
{
    if (self->L && (self->opened || self->spilled || !self->config.arena))
        lua_close(self->L);             //  Of one that is in the arena alone nothing has to be freed
    self->L = NULL;
    wire_buf_free(&self->in);
    wire_buf_free(&self->out);
    wire_buf_free(&self->last_words);
}
