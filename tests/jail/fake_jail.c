//  fake_jail - speaks for alua-jail, badly
//
//      fake_jail MEMORY 1000+MODE      in place of alua-jail, whose second argument is a size
//
//  Modes from 1 on are faults of the fork server, those from 100 on of a worker, which is a child like
//  the real one's; when it is asked to run, it says its frame and ends at once or waits. From 1000 on
//  a worker's frame is chance, and the mode its seed.

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail_frame.h"

static void tell(uint32_t type, uint32_t id, int32_t status, int fd)
{
    jail_order_t order = { type, id, status };
    struct iovec bytes = { &order, sizeof order };
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
    memset(&control, 0, sizeof control);
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head = (struct cmsghdr) { CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS };
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    if (sendmsg(JAIL_SERVER_FD, &message, MSG_NOSIGNAL) < 0)
        exit(0);
}

static void say_bytes(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t done = send(fd, at, size, MSG_NOSIGNAL);
        if (done <= 0)
            _exit(0);
        at += done;
        size -= (size_t) done;
    }
}

static void say(int fd, jail_type_t type, const char *values, size_t size)
{
    wire_buf_t out = WIRE_BUF_EMPTY;
    jail_frame_begin(&out, type);
    wire_buf_append(&out, values, size);
    jail_frame_end(&out);
    say_bytes(fd, out.data, out.size);
    wire_buf_free(&out);
}

#define SAY(fd, type, bytes) say(fd, type, bytes, sizeof(bytes) - 1)

static void wait_for_end(int fd)
{
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
    _exit(0);
}

//  ---- Workers ---------------------------------------------------------------

static unsigned long next_random(unsigned long *seed)
{
    *seed = *seed * 6364136223846793005ul + 1442695040888963407ul;
    return *seed >> 33;
}

//  Bytes that often mean something, in a frame whose size is right.
static void answer_by_chance(int fd, unsigned long seed)
{
    static const jail_type_t types[] = { JAIL_DONE, JAIL_FAIL, JAIL_CALL, JAIL_WANT };
    static const char likely[] = "\x80\x81\x90\x91\xa0\xa1\xc0\xc1\xc4\xc7\xd9\xdc\xdd\xde\xdf\xcb\xff\x01";
    char values[64] = "\x83\xa4" "code\xa6" "remote\xa7" "message\xa1x\xa5" "where\xc0";
    size_t size = next_random(&seed) % sizeof values;
    for (unsigned long n = next_random(&seed) % 20; n; n--)
        values[next_random(&seed) % sizeof values] = next_random(&seed) % 2
            ? likely[next_random(&seed) % (sizeof likely - 1)] : (char) next_random(&seed);
    say(fd, types[next_random(&seed) % 4], values, size);
}

static void answer(int fd, unsigned long mode)
{
    char deep[200];
    memset(deep, 0x91, sizeof deep);
    if (mode >= 1000) {
        answer_by_chance(fd, mode);
        return;
    }
    switch (mode) {
    case 101: say_bytes(fd, "\xff\xff\xff\x7f\7", 5); break;           //  Two gigabytes are announced
    case 102: SAY(fd, JAIL_DONE, "\xdd\xff\xff\xff\xff"); break;       //  Four billion results
    case 103: SAY(fd, JAIL_DONE, "\x90\x90"); break;                   //  And something behind
    case 104: SAY(fd, JAIL_DONE, "\x80"); break;                       //  No array
    case 105: SAY(fd, JAIL_DONE, ""); break;
    case 106: say(fd, JAIL_DONE, deep, sizeof deep); break;
    case 107: SAY(fd, JAIL_FAIL, "\x80"); break;                       //  No code
    case 108: SAY(fd, JAIL_FAIL, "\x81\xa4" "code" "\xa2" "ok"); break;    //  No message
    case 109: SAY(fd, JAIL_FAIL, "\x82\xa4" "code\xc0\xa7" "message\xa1x"); break;
    case 110: SAY(fd, JAIL_WANT, ""); break;                           //  It was given the text
    case 111: SAY(fd, JAIL_CALL, "\xa1x\x90"); break;                  //  The job has no calls
    case 112: SAY(fd, JAIL_RUN, ""); break;
    case 113: say_bytes(fd, "\0\0\0\0", 4); say_bytes(fd, "\0", 1); break;  //  A frame of no type
    case 114: SAY(fd, (jail_type_t) 200, ""); break;
    case 115: say_bytes(fd, "\2\0\0\0\7\x90\2\0\0\0\7\x90", 12); break;     //  Two answers
    case 116: say_bytes(fd, "\2\0\0\0\7", 5); _exit(0);                //  Half of one
    case 117: _exit(0);
    case 118: abort();
    case 119: SAY(fd, JAIL_FAIL, "\x82\xa4" "code\xa2ok\xa7" "message\xa1x"); break;   //  A failure called ok
    case 120: SAY(fd, JAIL_DONE, "\xc1"); break;
    case 121: SAY(fd, JAIL_CALL, "\xa0\x90"); break;                   //  A call without a name
    default:  SAY(fd, JAIL_DONE, "\x91\x01");                          //  What an honest one would say
    }
}

static void live(int fd, unsigned long mode)
{
    char bytes[65536];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(JAIL_SERVER_FD);
    if (mode == 100)
        say_bytes(fd, "garbage instead of a frame", 26);
    else if (mode == 130)
        raise(SIGSTOP);
    else
        say_bytes(fd, "\1\0\0\0\4", 5);
    if (mode == 131)
        SAY(fd, JAIL_DONE, "\x90");                                     //  Nobody asked
    if (read(fd, bytes, sizeof bytes) <= 0)
        _exit(0);
    answer(fd, mode);
    wait_for_end(fd);
}

static void give_birth(uint32_t id, unsigned long mode)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        live(ends[1], mode);
    }
    close(ends[1]);
    tell(JAIL_ORDER_BORN, id, (int32_t) pid, ends[0]);
    close(ends[0]);
}

//  ---- The server ------------------------------------------------------------

static void obey(const jail_order_t *order, unsigned long mode)
{
    if (order->type == JAIL_ORDER_KILL) {
        tell(JAIL_ORDER_DEAD, order->id, 9, -1);        //  A lie, but the socket is closed
        return;
    }
    switch (mode) {
    case 2:  send(JAIL_SERVER_FD, "garbage of another size", 23, MSG_NOSIGNAL); break;
    case 3:  tell(JAIL_ORDER_BORN, order->id, 1, -1); break;           //  Without a socket
    case 4:  tell(JAIL_ORDER_BORN, order->id + 1000, 1, 0); break;     //  Nobody's
    case 5:  tell(77, order->id, 0, -1); break;
    case 6:  tell(JAIL_ORDER_DEAD, order->id, -EAGAIN, -1); break;     //  Cannot fork
    case 7:  give_birth(order->id, 0); give_birth(order->id, 0); break;    //  Twins
    case 8:  exit(0);
    case 9:  for (;;) pause();
    default: give_birth(order->id, mode);
    }
}

int main(int argc, char **argv)
{
    unsigned long mode = argc == 3 ? strtoul(argv[2], NULL, 10) - 1000 : 0;
    jail_order_t order;
    signal(SIGCHLD, SIG_IGN);
    if (mode == 1)
        return 7;
    while (recv(JAIL_SERVER_FD, &order, sizeof order, 0) == sizeof order)
        obey(&order, mode);
    return 0;
}
