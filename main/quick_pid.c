//  quick_pid - getpid without a system call
//
//  libzmq asks for the process's id each time it looks into or rings a mailbox, lest it uses one that a fork has
//  copied: some ten system calls at each end of one call, a tenth of its time. The C library has kept no copy of the
//  id since 2.25, since a bare clone() would leave a stale one. This program has one that the kernel itself forgets:
//  the page is wiped in every child that gets a copy of our memory, however it was made. A child that shares our
//  memory (vfork, posix_spawn) reads the parent's id until it executes another program, and has no use for it.
//
//  The program's symbols come before the C library's, so libraries find this one too.

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic pid_t *kept;             //  On a page that a fork wipes; NULL: none, then the kernel is asked

__attribute__((constructor)) static void start(void)
{
    void *page = mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, sizeof *kept, MADV_WIPEONFORK) == 0)
        kept = page;
    (void) getpid();                    //  Before there is a child that shares our memory
}

pid_t getpid(void)
{
    pid_t id = kept ? atomic_load_explicit(kept, memory_order_relaxed) : 0;
    if (id)
        return id;
    id = (pid_t) syscall(SYS_getpid);
    if (kept)
        atomic_store_explicit(kept, id, memory_order_relaxed);
    return id;
}
