//  cert_file - what cert.c and trust.c share

#ifndef CERT_FILE_H
#define CERT_FILE_H

#include <stdarg.h>
#include <sys/stat.h>

#include "cert.h"

//  Say why in error[CERT_ERROR]; false, for `return cert_fail(...)`.
__attribute__((format(printf, 2, 3)))
bool cert_fail(char *error, const char *format, ...);

//  Forty characters of Z85?
bool cert_key_ok(const char *key);

//  Does this file belong to the user who runs this?
bool cert_is_ours(const struct stat *file);

//  Write one half to a path that does not exist yet.
bool cert_write(const cert_t *self, const char *path, bool secret, char *error);

#endif
