//  broker_keys - the trust store and the policy file of a broker, looked at as long as it runs
//
//  What is in them goes into the core as records; who comes in is decided here, at the hub's gate and once more when HELLO
//  comes. Both are looked at four times a second: a key that was revoked, or whose certificate is there no more, is cut within
//  half a second. A policy is read when it has looked the same twice, so that one that is just being written is not taken
//  for a broken one. A file that cannot be read or is wrong keeps the rights as they are, and is reported.

#ifndef BROKER_KEYS_H
#define BROKER_KEYS_H

#include <uv.h>
#include "broker_core.h"
#include "hub.h"

typedef struct broker_keys broker_keys_t;

#define BROKER_KEYS_LOOK  250           //  ms
#define BROKER_KEYS_ERROR 256

typedef struct {
    uv_loop_t *loop;
    hub_t *hub;
    broker_core_t *core;
    const char *trust;                  //  Directory; NULL: trust_directory(). Copied, as all strings
    const char *policy;                 //  File; NULL: none
    void (*say)(void *arg, const char *text);   //  A line for people
    void (*changed)(void *arg);         //  The core may want its timer set
    void *arg;
} broker_keys_config_t;

//  NULL: error[BROKER_KEYS_ERROR] says what is wrong with the directory or the file, with LINE:COLUMN where it has one.
broker_keys_t *broker_keys_new(const broker_keys_config_t *config, char *error);
void broker_keys_destroy(broker_keys_t **self_p);

//  May a connection of this key come in? As `admit` of hub_handler_t. Nobody is turned away before the store was looked at
//  anew; when that was just now, the next look decides. Who may not is said, a few times.
hub_verdict_t broker_keys_admit(broker_keys_t *self, const char *key);

//  The key that a link has proved, "": none, into its HELLO, with its certificate's name. It is looked for again: it may
//  have been revoked since it was admitted. False: it is not trusted.
bool broker_keys_show(broker_keys_t *self, const char *key, broker_hello_t *hello);

//  A line for the audit:  audit 2026-11-28T19:23:45Z ana denied TAKE take jobs (1@ana KEY)
void broker_keys_audit(const broker_keys_t *self, const broker_refusal_t *refusal);

//  As `rotate` of broker_output_t: revoke the old certificate, trust the new one under its name.
int broker_keys_rotate(broker_keys_t *self, const char *name, const char *old_key, const char *new_key, char *text);

//  Counters for STAT: how many pairs.
uint32_t broker_keys_stat(const broker_keys_t *self, wire_buf_t *out);

#endif
