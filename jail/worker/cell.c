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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail_frame.h"

//  "nobody", whatever the system calls it.
#define NOBODY 65534
#define FILTER_BYTES 16384
#define STACK_BYTES (8 * 1024 * 1024)

//  ---- The filter ------------------------------------------------------------

//  Memory is anonymous and never executable.
static int allow_mmap(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
}

//  clock_gettime is a real call for processor time; restart_syscall is how a read goes on after a stop.
static int allow(scmp_filter_ctx filter)
{
    static const int plain[] = {
        SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(clock_gettime),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
    };
    int rc = allow_mmap(filter);
    for (size_t i = 0; rc == 0 && i < sizeof plain / sizeof *plain; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, CELL_FD));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, CELL_FD));
    return -rc;
}

//  The library writes the program to a descriptor; a pipe holds it.
static int export_filter(scmp_filter_ctx filter, struct sock_fprog *program)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return errno;
    int rc = -seccomp_export_bpf(filter, ends[1]);
    close(ends[1]);
    program->filter = malloc(FILTER_BYTES);
    ssize_t size = rc == 0 && program->filter ? read(ends[0], program->filter, FILTER_BYTES) : -1;
    close(ends[0]);
    if (size <= 0 || size == FILTER_BYTES || (size_t) size % sizeof *program->filter)
        return rc ? rc : EIO;
    program->len = (unsigned short) ((size_t) size / sizeof *program->filter);
    return 0;
}

int cell_init(cell_t *self, size_t memory, pid_t parent)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return ENOMEM;
    int rc = allow(filter);
    if (rc == 0)
        rc = export_filter(filter, &self->program);
    seccomp_release(filter);
    self->memory = memory;
    self->parent = parent;
    return rc;
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
