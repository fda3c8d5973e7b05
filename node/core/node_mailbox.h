//  node_mailbox - what a process has still to handle, in order
//
//  Messages keep the frame they came in (a counted reference); what this node itself adds (an
//  outcome, a timer that fell due, a posted function) is an entry too, so that there is one order.

#ifndef NODE_MAILBOX_H
#define NODE_MAILBOX_H

#include "node_pending.h"
#include "wire_msg.h"

typedef enum { NODE_MAIL_MESSAGE, NODE_MAIL_OUTCOME, NODE_MAIL_POST, NODE_MAIL_TIMER,
               NODE_MAIL_EVENT } node_mail_kind_t;

typedef struct node_mail node_mail_t;
struct node_mail {
    node_mail_t *next;
    node_mail_kind_t kind;
    wire_msg_t msg;             //  MESSAGE
    void *frame;                //  MESSAGE: keeps msg's bytes; NULL: they are `own`
    uint8_t *own;               //  A message to oneself: our copy
    alua_remote_t *from;        //  MESSAGE: held; NULL: the broker
    uint64_t epoch;             //  MESSAGE: over a link, of its remote's credit; 0: not over a link
    struct node_author *author; //  MESSAGE: CHUNK or CALL whose author's rights count: held; else NULL
    int64_t deadline;           //  MESSAGE: 0, absolute ms, or -1: cancelled while it waited
    node_pending_t *pending;    //  OUTCOME, or the request that this MESSAGE answers: out of the table already
    int code;                   //  OUTCOME
    bool definite;
    char *text;                 //  OUTCOME: malloc'ed, or NULL
    alua_timer_fn *fn;          //  POST
    void *arg;                  //  POST; TIMER: the node_timer_t
    alua_kind_t event;          //  EVENT: ALUA_PARENT or ALUA_ORDER
    uint32_t flags;
};

typedef struct {
    node_mail_t *first, **last;
    node_mail_t *spare;
    size_t events, bytes;
} node_mailbox_t;

void node_mailbox_init(node_mailbox_t *self);

//  An entry from the free list, not yet in the box; NULL: no memory. What is anybody's to free, and what a message
//  has besides its bytes, is cleared; the rest is for whoever makes an entry of that kind.
node_mail_t *node_mail_new(node_mailbox_t *self, node_mail_kind_t kind);

void node_mailbox_push(node_mailbox_t *self, node_mail_t *mail);
node_mail_t *node_mailbox_pop(node_mailbox_t *self);

//  Back to the free list; the caller has given frame, from and pending back.
void node_mail_recycle(node_mailbox_t *self, node_mail_t *mail);

//  Free the free list (the box must be empty).
void node_mailbox_free(node_mailbox_t *self);

#endif
