//  The thread that watches for the launcher's death: whoever is too busy to see it is killed, after the last words.

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "alua.h"

#define TOKEN "00112233445566778899aabbccddeeff"

typedef struct {
    char directory[64], path[96];
    int listener;
    pid_t pids[2];
    int connections[2];
} fixture_t;

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(f->directory, "/tmp/alua-test-XXXXXX");
    if (!mkdtemp(f->directory))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/control", f->directory);
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    f->connections[0] = -1;
    *state = f;
    return bind(f->listener, (struct sockaddr *) &address, sizeof address) || listen(f->listener, 2);
}

static int teardown(void **state)
{
    fixture_t *f = *state;
    char command[128];
    close(f->listener);
    snprintf(command, sizeof command, "rm -r %s", f->directory);
    int rc = system(command);
    free(f);
    return rc;
}

//  Not exit, which would look for leaks of a node that is in use; the thread sanitizer makes 66 of it after a report.
static void last_words(void)
{
    _exit(0);
}

//  A process of a run that never comes back to its loop.
static void compute(const fixture_t *f, void (*before_kill)(void))
{
    alua_config_t config = { .directory = f->directory, .token = TOKEN, .host = "here" };
    const char *error;
    close(f->listener);
    close(f->connections[0]);           //  The other one's, or none yet
    alua_node_t *node = alua_node_new(&config, &error);
    if (!node || alua_node_control(node, f->path))
        _exit(1);
    alua_node_before_kill(before_kill);
    alua_node_step(node, 0);            //  Its hello goes out
    for (;;)
        pause();
}

static void begin(fixture_t *f, int i, void (*before_kill)(void))
{
    char byte;
    f->pids[i] = fork();
    if (f->pids[i] == 0)
        compute(f, before_kill);
    f->connections[i] = accept(f->listener, NULL, NULL);
    assert_int_equal(read(f->connections[i], &byte, 1), 1);
}

static void test_who_does_not_see_the_launchers_death_is_killed(void **state)
{
    fixture_t *f = *state;
    int status;
    begin(f, 0, last_words);
    begin(f, 1, NULL);
    assert_int_equal(waitpid(-1, &status, WNOHANG), 0);
    close(f->connections[0]);           //  Both wait at the same time
    close(f->connections[1]);
    assert_int_equal(waitpid(f->pids[0], &status, 0), f->pids[0]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(waitpid(f->pids[1], &status, 0), f->pids[1]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_does_not_see_the_launchers_death_is_killed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
