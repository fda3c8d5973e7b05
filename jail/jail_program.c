//  jail_program - where alua-jail is
//
//  Beside the running program, as installed; in jail/ of the build's folder; in libexec; else where
//  the installation would have put it (a program that is Lua's own interpreter).

#include "jail_self.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool beside(const char *folder, const char *relative, char *path, size_t size)
{
    int n = snprintf(path, size, "%s/%s", folder, relative);
    return n > 0 && (size_t) n < size && access(path, X_OK) == 0;
}

static bool near_program(char *path, size_t size)
{
    static const char *const places[] = { "alua-jail", "../jail/alua-jail", "../libexec/alua-jail" };
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0)
        return false;
    folder[length] = 0;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (beside(folder, places[i], path, size))
            return true;
    return false;
}

void jail_program_find(const char *configured, char *path, size_t size)
{
    const char *chosen = configured ? configured : secure_getenv("ALUA_JAIL");
    if (chosen || !near_program(path, size))
        snprintf(path, size, "%s", chosen ? chosen : JAIL_INSTALLED);
}
