#include "node_mailbox.h"
#include <stdlib.h>

void node_mailbox_init(node_mailbox_t *self)
{
    *self = (node_mailbox_t) { 0 };
    self->last = &self->first;
}

node_mail_t *node_mail_new(node_mailbox_t *self, node_mail_kind_t kind)
{
    node_mail_t *mail = self->spare;
    if (mail)
        self->spare = mail->next;
    else if (!(mail = malloc(sizeof *mail)))
        return NULL;
    mail->kind = kind;                  //  What only one kind has is not touched: each message passes here
    mail->msg.whole = (wire_reader_t) { NULL, NULL };
    mail->frame = NULL;
    mail->own = NULL;
    mail->from = NULL;
    mail->author = NULL;
    mail->epoch = 0;
    mail->deadline = 0;
    mail->pending = NULL;
    mail->text = NULL;
    return mail;
}

void node_mailbox_push(node_mailbox_t *self, node_mail_t *mail)
{
    mail->next = NULL;
    *self->last = mail;
    self->last = &mail->next;
    self->events++;
    self->bytes += (size_t) (mail->msg.whole.end - mail->msg.whole.at);
}

node_mail_t *node_mailbox_pop(node_mailbox_t *self)
{
    node_mail_t *mail = self->first;
    if (!mail)
        return NULL;
    self->first = mail->next;
    if (!self->first)
        self->last = &self->first;
    self->events--;
    self->bytes -= (size_t) (mail->msg.whole.end - mail->msg.whole.at);
    return mail;
}

void node_mail_recycle(node_mailbox_t *self, node_mail_t *mail)
{
    free(mail->own);
    free(mail->text);
    mail->next = self->spare;
    self->spare = mail;
}

void node_mailbox_free(node_mailbox_t *self)
{
    while (self->spare) {
        node_mail_t *mail = self->spare;
        self->spare = mail->next;
        free(mail);
    }
}
