//  broker_key - the keys that sessions were proved by: rights, names, who hears of changes
//
//  A key is known while a session has it, a name belongs to it, somebody was told of its rights, or it took the place of another. How many there are is
//  bounded by whom the shell admits. Which certificates are trusted is known by name only: whether a key comes in at all is
//  the shell's to decide, before HELLO.
//
//      policy ---> rights of a key <--- sessions          who may do what: broker_rights
//      trust  ---> its certificate's name                 whose name: broker_name
//      heeders <-- RIGHTS when they change                broker_vouch

#ifndef BROKER_KEY_H
#define BROKER_KEY_H

#include "broker_list.h"
#include "policy.h"

#define BROKER_KEY       40         //  Characters of a key
#define BROKER_CERT_NAME 64         //  Bytes of a certificate's name, its zero among them

typedef struct {
    char text[BROKER_KEY + 1];
    char origin[BROKER_KEY + 1];    //  The first of the row of keys that this one was rotated from; "": none
    bool rotated;                   //  It has a successor, and may do that once
    char name[BROKER_CERT_NAME];    //  Of its certificate; "": not known
    rights_t *rights;
    wire_buf_t packed;              //  The same, as RIGHTS has them
    rights_t *next_rights;          //  While they change
    wire_buf_t next_packed;
    bool changed;
    broker_list_t sessions;         //  broker_session_t *
    broker_list_t heeders;          //  broker_session_t *, who hear RIGHTS of it
    broker_list_t names;            //  broker_name_t *, longest unused first
} broker_key_t;

#endif
