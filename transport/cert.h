//  cert - key pairs and the certificates that show them: czmq's format and files
//
//  A certificate file NAME.key (0600) holds both halves of a CURVE key pair, NAME.pub the public one; both
//  carry the metadata `name`. A **trust store** is a directory (0700) of NAME.pub files: who may come. A file there whose name
//  begins with a dot is ignored; `revoked/` beneath it holds those that were trusted once, so that they are told so.

#ifndef CERT_H
#define CERT_H

#include <stdbool.h>
#include <stddef.h>

#define CERT_KEY   40           //  Characters of a key in Z85
#define CERT_NAME  64           //  Bytes of a name, its zero among them
#define CERT_ERROR 512

typedef struct {
    char name[CERT_NAME];
    char public_key[CERT_KEY + 1];
    char secret_key[CERT_KEY + 1];      //  "": only the public half
} cert_t;

//  A fresh key pair. False: no randomness.
bool cert_new(cert_t *self, const char *name);

//  Read a file. With `secret` the private half must be there, and the file be the user's own and closed to others
//  (0600 or less). False: error[CERT_ERROR] says what is wrong and what to do.
bool cert_load(cert_t *self, const char *path, bool secret, char *error);

//  Write BASE.key (0600) and BASE.pub, neither of which may exist yet.
bool cert_save(const cert_t *self, const char *base, char *error);

//  A name that a certificate may have: 1..63 letters, digits, `.`, `_`, `-`, not beginning with a dot.
bool cert_name_ok(const char *name);

//  ---- Trust store ---------------------------------------------------------

//  $ALUA_TRUST, else $XDG_CONFIG_HOME/alua/trusted (~/.config/alua/trusted). Static string; NULL: no home.
const char *trust_directory(void);

typedef struct trust trust_t;

typedef enum { TRUST_UNKNOWN, TRUST_YES, TRUST_REVOKED } trust_verdict_t;

//  Load a directory; a missing one is empty. NULL: loose rights (others may write), or no memory: error says so.
trust_t *trust_new(const char *directory, char *error);
void trust_destroy(trust_t **self_p);

//  Look whether the directory changed, and load it anew: true when who is trusted did. A directory that cannot be
//  read now leaves all as it was; error[CERT_ERROR] is then not empty.
bool trust_refresh(trust_t *self, char *error);

//  Is this key trusted? *name: of its certificate, lent until the next refresh.
trust_verdict_t trust_find(const trust_t *self, const char *public_key, const char **name);
//  The key of a certificate's name, or NULL.
const char *trust_key_of(const trust_t *self, const char *name);
size_t trust_count(const trust_t *self);
//  The i-th, in the order of names; `revoked` ones behind the others.
bool trust_at(const trust_t *self, size_t i, cert_t *cert, bool *revoked);

//  Change the directory: add a public certificate, or move one to revoked/. False: error says why.
bool trust_add(const char *directory, const cert_t *cert, char *error);
bool trust_revoke(const char *directory, const char *name, char *error);
//  Another key in the place of the one that is trusted under this certificate's name, which is revoked. All is written
//  before one rename decides: false, and the old one is trusted as before; error says why. True with error not empty:
//  the new one is trusted and the old one is not, but it could not be put among the revoked.
bool trust_replace(const char *directory, const cert_t *cert, char *error);

#endif
