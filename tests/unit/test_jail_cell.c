//  The walls, from inside: what a process can still do in which the foreign text has won.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cell.h"

//  Under a sanitizer the process has terabytes of address space already.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#define MEMORY RLIM_INFINITY
#else
#define SANITIZED 0
#define MEMORY ((size_t) 128 * 1024 * 1024)
#endif

//  Runs inside, and writes what it found to the descriptor that is left.
typedef void probe_fn(void);

static void say(long value)
{
    if (write(CELL_FD, &value, sizeof value) != sizeof value)
        syscall(SYS_exit_group, 9);
}

//  The error of a raw call, 0 when it worked.
static long error_of(long result)
{
    return result < 0 ? errno : 0;
}

//  Fork a cell in which probe runs. What it said goes to values; the count of that.
static size_t inside(probe_fn *probe, long *values, size_t room, int *status)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid_t parent = getpid(), child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        cell_t cell;
        signal(SIGABRT, SIG_DFL);       //  cmocka has handlers of its own
        signal(SIGSEGV, SIG_DFL);
        if (cell_drop_root() || cell_init(&cell, MEMORY, parent) || cell_enter(&cell, ends[1]))
            _exit(8);
        probe();
        syscall(SYS_exit_group, 0);
    }
    close(ends[1]);
    size_t count = 0;
    while (count < room && read(ends[0], &values[count], sizeof *values) == sizeof *values)
        count++;
    close(ends[0]);
    assert_int_equal(waitpid(child, status, 0), child);
    return count;
}

//  ---- What is refused -------------------------------------------------------

static int shared_fd = -1;

static void try_everything(void)
{
    struct timespec moment = { 0, 0 };
    char byte = 0;
    say(error_of(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0)));
    say(error_of(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY, 0)));
    say(error_of(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0)));
    say(error_of(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, &moment)));
    say(error_of(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)));
    say(error_of(syscall(SYS_execve, "/bin/true", NULL, NULL)));
    say(error_of(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
    say(error_of(syscall(SYS_kill, getppid(), SIGTERM)));
    say(error_of(syscall(SYS_mprotect, &byte, 1, PROT_READ | PROT_EXEC)));
    say(error_of(syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    say(error_of(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, CELL_FD, 0)));
    say(error_of(syscall(SYS_getpid)));
    say(error_of(syscall(SYS_setuid, 0)));
    say(error_of(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)));
    say(error_of(syscall(SYS_prlimit64, 0, RLIMIT_AS, &(struct rlimit) { 0, 0 }, NULL)));
    say(error_of(syscall(SYS_ioctl, CELL_FD, 0x5401, &byte)));
    say(error_of(syscall(SYS_dup, CELL_FD)));
    say(error_of(syscall(SYS_sendto, CELL_FD, &byte, 1, 0, NULL, 0)));
    say(error_of(syscall(SYS_recvmsg, CELL_FD, &moment, 0)));
    say(error_of(syscall(SYS_close, CELL_FD)));
    say(error_of(syscall(SYS_nanosleep, &moment, NULL)));
    say(error_of(syscall(SYS_read, shared_fd, &byte, 1)));
    say(error_of(syscall(SYS_write, 2, &byte, 1)));
    say(error_of(syscall(SYS_bpf, 0, NULL, 0)));
    say(error_of(syscall(SYS_io_uring_setup, 1, NULL)));
    say(error_of(syscall(SYS_memfd_create, "x", 0)));
    say(error_of(syscall(SYS_shmget, 1, 4096, 0600)));
    say(error_of(syscall(SYS_unshare, 0x10000000)));
    say(-1);
}

static void test_everything_but_a_dozen_calls_is_refused(void **state)
{
    long values[64];
    int status;
    (void) state;
    shared_fd = open("/dev/zero", O_RDONLY);
    size_t count = inside(try_everything, values, 64, &status);
    close(shared_fd);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(count, 29);
    assert_int_equal(values[count - 1], -1);
    for (size_t i = 0; i + 1 < count; i++)
        if (values[i] != EPERM)
            fail_msg("call %zu of try_everything: %s", i, values[i] ? strerror((int) values[i]) : "it works");
}

//  ---- What is left ----------------------------------------------------------

static void compute(void)
{
    struct timespec now;
    size_t size = 8 * 1024 * 1024;
    char *block = malloc(size);
    for (size_t i = 0; block && i < size; i += 4096)
        block[i] = 1;
    say(block != NULL);
    block = realloc(block, 2 * size);
    say(block != NULL);
    free(block);
    say(error_of(syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now)));
}

static void test_memory_and_time_are_left(void **state)
{
    long values[8];
    int status;
    (void) state;
    assert_int_equal(inside(compute, values, 8, &status), 3);
    assert_true(values[0] == 1 && values[1] == 1 && values[2] == 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#if !SANITIZED
static void eat(void)
{
    size_t blocks = 0;
    while (blocks < 1000 && mmap(NULL, 1024 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
           != MAP_FAILED)
        blocks++;
    say((long) blocks);
}

static void test_address_space_is_bounded(void **state)
{
    long values[1];
    int status;
    (void) state;
    assert_int_equal(inside(eat, values, 1, &status), 1);
    assert_in_range(values[0], 8, 128);
}

//  ---- The fork server -------------------------------------------------------

//  What it is not for is refused to it; that it can do its work every other test of the jail shows.
static void test_the_fork_server_is_held_too(void **state)
{
    int status;
    (void) state;
    pid_t server = fork();
    if (server == 0) {
        cell_t cell;
        if (cell_drop_root() || cell_init(&cell, MEMORY, getpid()) || cell_guard_server(&cell))
            _exit(8);
        int file = open("/dev/null", O_RDONLY), error = errno;
        if (file >= 0 || error != EPERM || socket(AF_INET, SOCK_STREAM, 0) >= 0 || execl("/bin/true", "true", NULL) == 0
            || syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) == 0 || fork() < 0)
            _exit(9);
        _exit(0);
    }
    assert_int_equal(waitpid(server, &status, 0), server);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

//  ---- How it ends -----------------------------------------------------------

static void die_badly(void)
{
    abort();
}

static void test_a_crash_leaves_no_core(void **state)
{
    long values[1];
    int status;
    (void) state;
    inside(die_badly, values, 1, &status);
    assert_true(WIFSIGNALED(status));
    assert_false(WCOREDUMP(status));
}
#endif

//  The cell's parent is killed; the cell, which would spin for ever, must be gone: its end of the
//  pipe is closed.
static void test_it_dies_with_its_parent(void **state)
{
    int ends[2];
    char byte;
    (void) state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        close(ends[0]);
        if (cell_drop_root())
            _exit(8);
        pid_t self = getpid();
        if (fork() == 0) {
            cell_t cell;
            if (cell_init(&cell, MEMORY, self) || cell_enter(&cell, ends[1]))
                _exit(8);
            if (write(CELL_FD, "r", 1) == 1)
                for (;;)
                    ;
        }
        close(ends[1]);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    waitpid(parent, NULL, 0);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_but_a_dozen_calls_is_refused),
        cmocka_unit_test(test_memory_and_time_are_left),
#if !SANITIZED
        cmocka_unit_test(test_address_space_is_bounded),
        cmocka_unit_test(test_the_fork_server_is_held_too),
        cmocka_unit_test(test_a_crash_leaves_no_core),
#endif
        cmocka_unit_test(test_it_dies_with_its_parent),
    };
    return cmocka_run_group_tests_name("jail_cell", tests, NULL, NULL);
}
