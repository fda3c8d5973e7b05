//  child - what a process of a run does before Lua. See child.h

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "alua.h"
#include "child.h"
#include "label.h"
#include "rundir.h"

static char directory[PATH_MAX];        //  The launcher's, "" when there is none

void child_leave(bool orphaned)
{
    label_finish();
    if (orphaned && *directory)
        rundir_leave(directory);
}

static void find_directory(const char *control)
{
    const char *slash = control ? strrchr(control, '/') : NULL;
    if (slash && slash - control < PATH_MAX)
        snprintf(directory, sizeof directory, "%.*s", (int) (slash - control), control);
}

//  The launcher hears Ctrl-C too and decides. A handler, not SIG_IGN, which programs we start would inherit.
static void leave_it_to_the_launcher(int number)
{
    (void) number;
}

static void share_output(const alua_boot_t *boot)
{
    char text[32] = "", lock[PATH_MAX + 16];
    if (boot->label)
        snprintf(text, sizeof text, boot->rank > 0 ? "[#%d] " : "[new] ", boot->rank);
    snprintf(lock, sizeof lock, "%s/output", directory);
    if (boot->label || boot->spawned || boot->size > 1)
        label_start(text, *directory ? lock : NULL);
    else
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);  //  It may spawn others later
}

//  Those that compute or read cannot leave in order; their files go all the same.
static void leave_killed(void)
{
    rundir_leave(directory);
}

void child_prepare(void)
{
    const alua_boot_t *boot = alua_boot();
    if (!boot)
        return;
    find_directory(boot->control);
    share_output(boot);
    signal(SIGPIPE, SIG_IGN);
    struct sigaction action = { .sa_handler = leave_it_to_the_launcher, .sa_flags = SA_RESTART };
    if (!boot->control)
        return;
    sigaction(SIGINT, &action, NULL);
    alua_node_before_kill(leave_killed);
}
