//  A process that was copied has an id of its own, however it was copied.

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t told_by_the_kernel(void)
{
    return (pid_t) syscall(SYS_getpid);
}

//  In the child: twice, since the first call may fill what the second reads.
static void leave_child(void)
{
    _exit(getpid() == told_by_the_kernel() && getpid() == told_by_the_kernel() ? 0 : 1);
}

static void assert_child_is_right(pid_t child)
{
    int status = -1;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(getpid(), told_by_the_kernel());
}

static void own(void **state)
{
    (void) state;
    assert_int_equal(getpid(), told_by_the_kernel());
    assert_int_equal(getpid(), told_by_the_kernel());
}

static void forked(void **state)
{
    (void) state;
    pid_t child = fork();
    if (child == 0)
        leave_child();
    assert_child_is_right(child);
}

//  Behind the C library's back
static void cloned(void **state)
{
    (void) state;
    pid_t child = (pid_t) syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        leave_child();
    assert_child_is_right(child);
}

static void grandchild(void **state)
{
    (void) state;
    pid_t child = fork();
    if (child == 0) {
        pid_t grand = getpid() == told_by_the_kernel() ? fork() : -1;
        int status = -1;
        if (grand == 0)
            leave_child();
        _exit(grand > 0 && waitpid(grand, &status, 0) == grand && status == 0 ? 0 : 1);
    }
    assert_child_is_right(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own), cmocka_unit_test(forked), cmocka_unit_test(cloned), cmocka_unit_test(grandchild)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
