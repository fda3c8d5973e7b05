//  edit - line editing for the console. See edit.h

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <lauxlib.h>
#ifdef ALUA_LIBEDIT
#include <editline/readline.h>
#endif
#include "edit.h"
#include "wire_buf.h"

#define HISTORY_LINES 1000
#define READ_SIZE     4096

static bool editing;                    //  On a terminal, with libedit
static bool wanted;                     //  A line is
static bool shown;                      //  The prompt stands on the screen
static bool hidden;                     //  It would, but others wrote
static bool ended;                      //  The input has
static bool complete;                   //  `line` is
static char *line;                      //  malloc'ed; NULL: the end
static FILE *terminal;                  //  The real stdout, for the editor
static wire_buf_t unread;               //  Without an editor: bytes behind the last line taken
static char *history_file;

//  ---- Ctrl-C ------------------------------------------------------------------

static volatile sig_atomic_t broken;    //  Ctrl-C
static volatile sig_atomic_t told;      //  SIGTERM, SIGHUP: end
static lua_State *volatile guarded;     //  What runs for the user now

static void stop(lua_State *L, lua_Debug *ar)
{
    (void) ar;
    lua_sethook(L, NULL, 0, 0);
    broken = 0;
    luaL_error(L, "interrupted");
}

//  As in lua.c: setting a hook is all that may be done here.
static void on_interrupt(int number)
{
    (void) number;
    broken = 1;
    if (guarded)
        lua_sethook(guarded, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void on_end(int number)
{
    (void) number;
    told = 1;
}

static void catch_signals(void)
{
    sigaction(SIGINT, &(struct sigaction) { .sa_handler = on_interrupt }, NULL);
    sigaction(SIGTERM, &(struct sigaction) { .sa_handler = on_end }, NULL);
    sigaction(SIGHUP, &(struct sigaction) { .sa_handler = on_end }, NULL);
}

//  It has returned, or failed: a Ctrl-C from now on is not for it. Another may be guarded by now, if it was left to itself.
static int after_guarded(lua_State *L, int status, lua_KContext context)
{
    (void) context;
    lua_sethook(L, NULL, 0, 0);
    if (guarded == L)
        guarded = NULL;
    lua_pushboolean(L, status == LUA_OK || status == LUA_YIELD);
    lua_replace(L, 1);                  //  The message handler
    return lua_gettop(L);
}

//  What is guarded is left to itself.
static void let_go(void)
{
    if (guarded)
        lua_sethook(guarded, NULL, 0, 0);
    guarded = NULL;
}

//  edit.guard(handler, f) -> as xpcall(f, handler), and Ctrl-C stops it; edit.guard(): what was guarded is left to itself
static int edit_guard(lua_State *L)
{
    let_go();
    broken = 0;
    if (lua_isnoneornil(L, 1))
        return 0;
    lua_settop(L, 2);
    guarded = L;
    return after_guarded(L, lua_pcallk(L, 0, LUA_MULTRET, 1, 0, after_guarded), 0);
}

//  ---- Output beside the prompt ------------------------------------------------

#define CLEAR_LINE "\r\033[K"

static void take_away(void)
{
    if (!shown)
        return;
    fputs(CLEAR_LINE, terminal);
    fflush(terminal);
    shown = false;
    hidden = true;
}

#ifdef ALUA_LIBEDIT
static ssize_t write_beside(void *cookie, const char *data, size_t size)
{
    take_away();
    fwrite(data, 1, size, cookie);
    fflush(cookie);
    return (ssize_t) size;
}

static FILE *open_beside(FILE *real)
{
    FILE *stream = fopencookie(real, "w", (cookie_io_functions_t) { .write = write_beside });
    if (stream)
        setvbuf(stream, NULL, _IOLBF, BUFSIZ);
    return stream;
}

static void flush_all(void)
{
    fflush(stdout);
    fflush(stderr);
}

void edit_prepare(void)
{
    terminal = stdout;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return;
    FILE *out = open_beside(stdout), *err = open_beside(stderr);
    if (!out || !err)
        return;
    atexit(flush_all);
    stdout = out;
    stderr = err;
    editing = true;
}

//  ---- On a terminal -----------------------------------------------------------

static void take_line(char *text)
{
    complete = true;
    ended = text == NULL;
    line = text;
    wanted = shown = hidden = false;
    rl_callback_handler_remove();
}

static void ask(const char *text)
{
    rl_callback_handler_install(text, take_line);
    shown = true;
}

static void give_back(void)
{
    if (wanted)
        rl_callback_handler_remove();
    wanted = shown = hidden = false;
}

static void put_back(void)
{
    if (hidden)
        rl_forced_update_display();
    shown = shown || hidden;
    hidden = false;
}

static void read_some(void)
{
    rl_callback_read_char();
}

static void read_history_file(void)
{
    rl_instream = stdin;                //  Before anything that makes libedit look at them
    rl_outstream = terminal;
    using_history();
    stifle_history(HISTORY_LINES);
    if (history_file)
        read_history(history_file);
}

static void remember(const char *text)
{
    add_history(text);
    if (history_file)
        write_history(history_file);
}
#else
void edit_prepare(void) { terminal = stdout; }
static void ask(const char *text) { fputs(text, stdout); fflush(stdout); }
static void give_back(void) { wanted = false; }
static void put_back(void) { hidden = false; }
static void read_some(void) { }
static void read_history_file(void) { }
static void remember(const char *text) { (void) text; }
#endif

//  ---- Without an editor -------------------------------------------------------

//  A line out of what was read; the last one may lack its end.
static bool cut_line(void)
{
    uint8_t *end = unread.size ? memchr(unread.data, '\n', unread.size) : NULL;
    if (!end && !(ended && unread.size))
        return false;
    size_t size = end ? (size_t) (end - unread.data) : unread.size;
    line = malloc(size + 1);
    if (!line)
        return false;
    memcpy(line, unread.data, size);
    line[size] = 0;
    size_t used = end ? size + 1 : size;
    memmove(unread.data, unread.data + used, unread.size - used);
    unread.size -= used;
    return true;
}

static void read_plain(void)
{
    uint8_t *room = wire_buf_reserve(&unread, READ_SIZE);
    ssize_t got = room ? read(STDIN_FILENO, room, READ_SIZE) : 0;
    if (got > 0)
        unread.size += (size_t) got;
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        ended = true;
}

static void look_for_line(void)
{
    if (editing || !wanted || complete)
        return;
    complete = cut_line() || ended;
    wanted = !complete;
}

//  ---- The functions -----------------------------------------------------------

//  edit.start(history or nil) -> whether there is a terminal
static int edit_start(lua_State *L)
{
    const char *path = luaL_optstring(L, 1, NULL);
    free(history_file);
    history_file = path ? strdup(path) : NULL;
    if (editing)
        read_history_file();
    catch_signals();
    lua_pushboolean(L, editing || isatty(STDIN_FILENO));
    return 1;
}

//  edit.prompt(text)
static int edit_prompt(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    wanted = true;
    if (editing || isatty(STDIN_FILENO))
        ask(text);
    return 0;
}

//  Signals that come between the look at their flags and the sleep end the sleep at once.
static void poll_both(int fd, int ms, bool *input, bool *net)
{
    struct pollfd items[] = { { .fd = wanted && !ended ? STDIN_FILENO : -1, .events = POLLIN },
                              { .fd = fd, .events = POLLIN } };
    struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    sigset_t ours, before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, &before);
    int rc = broken || told ? 0 : ppoll(items, 2, ms < 0 ? NULL : &limit, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    *input = rc > 0 && items[0].revents;
    *net = rc > 0 && items[1].revents;
}

static const char *wait_for(int fd, int ms)
{
    bool input, net;
    look_for_line();
    if (complete)
        return "line";
    poll_both(fd, ms, &input, &net);
    if (told)
        return "end";
    if (broken) {
        broken = 0;
        return "break";
    }
    if (input)
        editing ? read_some() : read_plain();
    look_for_line();
    return complete ? "line" : net ? "net" : input ? "input" : "time";
}

//  edit.wait(fd, seconds or nil) -> "line" | "input" | "net" | "time" | "break" | "end"
static int edit_wait(lua_State *L)
{
    int fd = (int) luaL_optinteger(L, 1, -1);
    double seconds = luaL_optnumber(L, 2, -1);
    int ms = seconds < 0 ? -1 : seconds > 1e6 ? 1000000000 : (int) (seconds * 1000 + 0.999);
    lua_pushstring(L, wait_for(fd, ms));
    return 1;
}

//  edit.line() -> text | nil
static int edit_line(lua_State *L)
{
    if (line)
        lua_pushstring(L, line);
    else
        lua_pushnil(L);
    free(line);
    line = NULL;
    complete = false;
    return 1;
}

static int edit_hide(lua_State *L)
{
    (void) L;
    take_away();
    return 0;
}

static int edit_show(lua_State *L)
{
    (void) L;
    fflush(stdout);
    put_back();
    return 0;
}

//  edit.drop(): the line that was begun is not wanted (Ctrl-C)
static int edit_drop(lua_State *L)
{
    (void) L;
    give_back();
    return 0;
}

static int edit_remember(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    if (editing && *text)
        remember(text);
    return 0;
}

static int edit_stop(lua_State *L)
{
    (void) L;
    give_back();
    wire_buf_free(&unread);
    free(history_file);
    history_file = NULL;
    return 0;
}

static const luaL_Reg functions[] = {
    { "start", edit_start }, { "prompt", edit_prompt }, { "wait", edit_wait }, { "line", edit_line },
    { "hide", edit_hide }, { "show", edit_show }, { "drop", edit_drop }, { "remember", edit_remember },
    { "guard", edit_guard }, { "stop", edit_stop }, { NULL, NULL },
};

int edit_push(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
