//  host_keys - key pairs and the trust store for the command line (lua/alua/cli/keys, doctor), as one table
//
//  | function | what |
//  | --- | --- |
//  | keys.new(name, base) | a fresh pair in BASE.key and BASE.pub: its public key |
//  | keys.load(path, secret) | name and public key of a certificate file; with `secret` the private half must be there and well kept |
//  | keys.name_ok(text) | may a certificate have this name |
//  | keys.directory() | the user's trust store; nil: no home |
//  | keys.list(directory) | { { name =, key =, revoked = }, ... } |
//  | keys.add(directory, path, name) | trust the certificate of a file under this name: true |
//  | keys.revoke(directory, name) | true |
//  | keys.replace(path, fresh, old) | `fresh` takes the place of `path` in one step, whose file becomes `old`: true |
//
//  Each returns nil and a sentence where it failed.

#ifndef HOST_KEYS_H
#define HOST_KEYS_H

#include <lua.h>

//  Pushes the table.
int host_keys_push(lua_State *L);

#endif
