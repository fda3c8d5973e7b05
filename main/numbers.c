//  numbers - the highest number that a broker minted. See numbers.h

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "alua.h"
#include "numbers.h"

//  Digits and a line end, always as many, so that one write replaces them.
#define WIDTH 21

//  FNV-1a: an endpoint may be longer than a file's name.
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t) *text) * 1099511628211u;
    return hash;
}

void numbers_init(numbers_t *self, const char *endpoint)
{
    const char *directory = alua_directory();
    self->path[0] = 0;
    self->written = 0;
    if (directory)
        snprintf(self->path, sizeof self->path, "%s/numbers-%016" PRIx64, directory, hash_of(endpoint));
}

uint64_t numbers_read(numbers_t *self)
{
    char text[WIDTH + 1] = "";
    int fd = open(self->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, WIDTH);
    close(fd);
    self->written = size == WIDTH ? strtoull(text, NULL, 10) : 0;
    return self->written;
}

void numbers_note(numbers_t *self, uint64_t highest)
{
    char text[WIDTH + 1];
    if (highest == self->written)
        return;
    int fd = open(self->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    snprintf(text, sizeof text, "%020" PRIu64 "\n", highest);
    if (write(fd, text, WIDTH) == WIDTH)
        self->written = highest;
    close(fd);
}

void numbers_forget(numbers_t *self)
{
    if (self->written)
        unlink(self->path);
    self->written = 0;
}
