//  cell - the limits and the filter

#include "cell.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail_frame.h"

//  "nobody", whatever the system calls it.
#define NOBODY 65534
#define FILTER_BYTES 16384
#define STACK_BYTES (8 * 1024 * 1024)

//  ---- The filter ------------------------------------------------------------

//  Of a worker, whatever their arguments.
static const int worker_calls[] = {
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(clock_gettime),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

//  Of the fork server besides: to talk to its client, and to fork, end and reap. Of each kind also the call that another
//  C library or machine uses in its place; libseccomp passes over those that a machine does not have.
static const int server_calls[] = {
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(mmap), SCMP_SYS(mprotect),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(socketpair),
    SCMP_SYS(fork), SCMP_SYS(clone), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(futex),
    SCMP_SYS(kill), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(signalfd4), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getrandom),
    SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(prctl), SCMP_SYS(seccomp),
    SCMP_SYS(prlimit64), SCMP_SYS(setrlimit), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
};

//  Memory is anonymous and never executable.
static int allow_mmap(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
}

static int allow_each(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return rc;
}

//  clock_gettime is a real call for processor time; restart_syscall is how a read goes on after a stop.
static int allow_worker(scmp_filter_ctx filter)
{
    int rc = allow_mmap(filter);
    if (rc == 0)
        rc = allow_each(filter, worker_calls, sizeof worker_calls / sizeof *worker_calls);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, CELL_FD));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, CELL_FD));
    return rc;
}

static int allow_server(scmp_filter_ctx filter)
{
    int rc = allow_each(filter, worker_calls, sizeof worker_calls / sizeof *worker_calls);
    return rc ? rc : allow_each(filter, server_calls, sizeof server_calls / sizeof *server_calls);
}

typedef int allow_fn(scmp_filter_ctx filter);

//  Write the filter's program to fd. 0, or an errno.
static int export_filter(allow_fn *allow, int fd)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return ENOMEM;
    int rc = allow(filter);
    if (rc == 0)
        rc = seccomp_export_bpf(filter, fd);
    seccomp_release(filter);
    return -rc;
}

static int take_program(int fd, struct sock_fprog *program)
{
    char bytes[FILTER_BYTES];
    ssize_t size = read(fd, bytes, sizeof bytes);   //  All of it: its writer has ended
    if (size <= 0 || size == FILTER_BYTES || (size_t) size % sizeof *program->filter)
        return EIO;
    program->filter = malloc((size_t) size);
    if (!program->filter)
        return ENOMEM;
    memcpy(program->filter, bytes, (size_t) size);
    program->len = (unsigned short) ((size_t) size / sizeof *program->filter);
    return 0;
}

//  0, or the errno that the child ended with.
static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

//  The library works in a child of its own: the memory that it leaves in many pieces would be copied page by page in
//  every worker, at the C library's first look for a free block. A pipe holds a program.
static int compile(cell_t *self, const int worker[2], const int server[2])
{
    pid_t child = fork();
    if (child == 0) {
        int rc = export_filter(allow_worker, worker[1]);
        _exit(rc ? rc : export_filter(allow_server, server[1]));
    }
    int rc = child < 0 ? errno : wait_for(child);
    if (rc == 0)
        rc = take_program(worker[0], &self->program);
    return rc ? rc : take_program(server[0], &self->guard);
}

static void close_both(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

int cell_init(cell_t *self, size_t memory, pid_t parent)
{
    int worker[2], server[2];
    self->memory = memory;
    self->parent = parent;
    if (pipe2(worker, O_CLOEXEC))
        return errno;
    int rc = pipe2(server, O_CLOEXEC) ? errno : 0;
    if (rc == 0) {
        rc = compile(self, worker, server);
        close_both(server);
    }
    close_both(worker);
    return rc;
}

//  The kernel looks at a filter once for every call there is when it is loaded, but not for those that an earlier filter
//  refuses: so a worker's own, which is loaded at each birth, is there in half the time.
int cell_guard_server(const cell_t *self)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &self->guard, 0, 0) ? errno : 0;
}

//  ---- Who we are ------------------------------------------------------------

static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    return syscall(SYS_capset, &head, none) ? errno : 0;
}

//  In a container without CAP_SETUID root stays root, in name: the rest holds all the same.
int cell_drop_root(void)
{
    if (geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0
        && setresuid(NOBODY, NOBODY, NOBODY) == 0 && setuid(0) == 0)
        return EPERM;                   //  A root that comes back is none that was dropped
    int rc = drop_capabilities();
    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        rc = errno;
    if (rc == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        rc = errno;
    return rc;
}

//  ---- Entering --------------------------------------------------------------

static int limit(int what, rlim_t value)
{
    struct rlimit both = { value, value };
    return setrlimit((__rlimit_resource_t) what, &both) ? errno : 0;
}

static int lower_limits(const cell_t *self)
{
    const struct { int what; rlim_t value; } limits[] = {
        { RLIMIT_AS, self->memory }, { RLIMIT_CPU, JAIL_CPU_LIMIT }, { RLIMIT_STACK, STACK_BYTES },
        { RLIMIT_NOFILE, 0 }, { RLIMIT_FSIZE, 0 }, { RLIMIT_CORE, 0 }, { RLIMIT_NPROC, 0 },
        { RLIMIT_MEMLOCK, 0 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_SIGPENDING, 0 },
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof limits / sizeof *limits; i++)
        rc = limit(limits[i].what, limits[i].value);
    return rc;
}

//  Old kernels, and filters of containers, do not know close_range; the fork server has few to close.
static void close_others(void)
{
    if (syscall(SYS_close_range, CELL_FD + 1, ~0U, 0) == 0)
        return;
    for (int fd = CELL_FD + 1; fd < 256; fd++)
        close(fd);
}

int cell_enter(const cell_t *self, int fd)
{
    if (fd != CELL_FD && dup2(fd, CELL_FD) < 0)
        return errno;
    close_others();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        return errno;
    if (getppid() != self->parent)      //  It died before we asked
        return ESRCH;
    int rc = lower_limits(self);
    if (rc)
        return rc;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &self->program, 0, 0))
        return errno;
    return 0;
}
