//  broker_state - what the files of the core share
//
//  Private to broker/core. One file, one idea:
//
//      broker_core      the doors: input, and looking in
//      broker_log       records: proposed, and what each does
//      broker_ask       requests of nodes: fields checked, a record proposed or a view answered
//      broker_session   sessions as such: begin, end, sending, answers kept
//      broker_hello     who may come in and under which id
//      broker_registry  whom a text names: ids, nodes, registered names
//      broker_guess     whom a misspelt text may have meant
//      broker_app       apps and their members
//      broker_watch     who wants to hear of whom
//      broker_relay     messages from process to process
//      broker_space     what is asked of tuple spaces (broker/space)
//      broker_topic     what is asked of topics (broker/topic), presence
//      broker_stat      counters
//      broker_key       keys that sessions were proved by: policy, trust, rotation
//      broker_name      which name belongs to which key
//      broker_rights    whether a message may be carried out
//      broker_brought   what was taken and may go back
//      broker_vouch     what a node hears of another's key; draining

#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include "broker_core.h"
#include "broker_key.h"
#include "broker_list.h"
#include "broker_map.h"
#include "broker_record.h"
#include "spaces.h"
#include "topics.h"
#include "wire_rate.h"

#define BROKER_GRAVES 1024
#define BROKER_RECENT 256       //  Sessions that are found at once, for they have spoken; numbers are given in a row
#define BROKER_SHOWN  160         //  Bytes for a peer's text made printable
//  What becomes of a silent session whose node comes again by the same key
#define BROKER_TAKEN_OVER "its node was started again, and has its name by the same key"

typedef struct {
    uint64_t request;           //  0: free
    size_t size, room;          //  Of bytes, which the next answer in its place uses again
    uint8_t *bytes;
} broker_answer_t;

typedef struct {
    broker_answer_t *ring;      //  BROKER_MAX_ANSWERS, made with the first answer; oldest at `next`
    size_t next, room;          //  room: of all
} broker_answers_t;

typedef struct broker_session broker_session_t;

struct broker_session {
    broker_session_t *prev, *next;      //  In the order of their beginning
    uint64_t number;
    uint64_t incarnation;
    uint64_t minted;            //  The N of its id "N@ADDRESS", or 0
    void *link;                 //  NULL: not carried by this broker
    char *id, *node, *host;
    broker_list_t endpoints;    //  char *, owned
    broker_list_t names;        //  char *, owned, keys of core->who
    broker_list_t apps;         //  broker_app_t *, joined
    broker_list_t follows;      //  broker_app_t *
    broker_list_t watches;      //  broker_watch_t *
    broker_list_t attends;      //  broker_session_t *, whose end it hears of
    broker_list_t attendants;   //  broker_session_t *, the other direction
    bool visitor, silent, watches_all;
    int doomed;                 //  Error code with which it ends when the current input is done, or 0
    int64_t lease, opened, silent_since;
    broker_answers_t answers;
    uint64_t sent, received;    //  As in broker_seat_t
    uint64_t told;              //  The last telling of a watch that reached it
    uint64_t asked;             //  The highest request that changed something
    int64_t refused_until;      //  So many of a second that ends then: refusals of what it published without a request
    size_t refused;
    bool starved;               //  Its link had no room for a TOPIC
    bool draining;
    broker_key_t *key;          //  NULL: it showed the token, and may do everything
    broker_list_t heeds;        //  broker_key_t *, of whose rights it was told
    uint64_t *heard;            //  Authors that this link was told of, by number; NULL: none
    void *taken;                //  From where its takes brought, for broker_brought; or NULL
    wire_rate_t audits;         //  Audit lines
};

typedef struct {
    char *name;
    uint64_t version;           //  Grows by one at each change
    broker_list_t members;      //  broker_session_t *, in join order
    broker_list_t followers;
} broker_app_t;

typedef struct broker_name broker_name_t;

typedef struct {
    char *who;
    broker_list_t watchers;     //  broker_session_t *
} broker_watch_t;

typedef struct {
    uint64_t number, incarnation;
} broker_grave_t;

//  What the last OPEN came to, for broker_core_hello.
typedef struct {
    broker_session_t *session;
    void *replaced;             //  Link of the session that it took the name from; or NULL
    int code;
    wire_buf_t lost;            //  Names that were claimed in vain, packed
    uint32_t lost_count;
} broker_outcome_t;

struct broker_core {
    char *address;
    int64_t lease;
    broker_output_t output;
    void *output_arg;
    broker_log_t log;
    void *log_arg;

    broker_session_t *first, *last;
    size_t sessions, members;
    uint64_t last_session;      //  Numbers given so far
    uint64_t number, visitor;   //  Highest N of "N@ADDRESS", K of "vK@ADDRESS"
    broker_grave_t graves[BROKER_GRAVES];   //  Minted ids whose sessions have ended; a ring
    size_t grave;

    broker_map_t by_number;     //  &session->number -> session
    broker_session_t *recent[BROKER_RECENT];    //  Who spoke last, by the number's remainder, and is found first; or NULL
    broker_map_t who;           //  id, node or registered name -> session: one space of names
    broker_map_t apps;          //  name -> broker_app_t
    broker_list_t app_order;    //  As they began
    uint64_t app_version;       //  The highest of an app that disappeared: a new one goes on from there
    broker_map_t watches;       //  text -> broker_watch_t
    broker_list_t watch_all;    //  broker_session_t *
    uint64_t telling;           //  Numbers each WATCHED, so that nobody hears it twice

    spaces_t *spaces;
    topics_t *topics;
    int64_t wall;               //  The time of day, as told last
    int64_t time;               //  Of the record being applied
    size_t starved;             //  Sessions that are
    wire_reader_t publishing;   //  The fields of the PUBLISH being applied
    int space_rc;               //  What the last record of a space or topic came to, for a strike
    wire_buf_t *reacted;        //  Where what a run does is answered, while its record is proposed
    uint32_t reacted_count;     //  Fields of that

    bool keyed;                 //  Sessions may come by key
    policy_t *policy;           //  NULL: none
    wire_buf_t trust;           //  Map from name to key, packed; empty: none
    broker_map_t keys;          //  Text -> broker_key_t
    broker_list_t key_order;    //  As they came
    broker_map_t owned;         //  Name -> broker_name_t
    int key_rc;                 //  What the last POLICY, TRUST or HEED came to

    broker_outcome_t outcome;
    size_t silent;              //  Sessions that are
    size_t doomed;              //  Sessions that end when the current input is done
    wire_buf_t record, message, results;    //  Scratch, each for one purpose
    wire_buf_t topic_head;      //  What each TOPIC begins with
    char text[BROKER_TEXT];     //  The sentence that goes with an error code
    uint64_t changes;
    broker_counters_t counters;
};

//  A sentence into core->text; returns `code`.
int broker_say(broker_core_t *self, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

//  What the input left to do: sessions that do not read end. Their end may doom others.
void broker_settle(broker_core_t *self, int64_t now);
//  Propose a session's end; its link goes with it. 0 or the log's refusal.
int  broker_end_and_drop(broker_core_t *self, broker_session_t *session, int code, const char *text, int64_t now);

//  Hand a record to the log. 0 or an error code, counted.
int broker_propose(broker_core_t *self, const broker_record_t *record);

//  A message's fields, for a record's body.
static inline wire_str_t broker_fields(const wire_msg_t *msg)
{
    return (wire_str_t) { (const char *) msg->fields.at, (size_t) (msg->fields.end - msg->fields.at) };
}

//  Text of peers as our own, zero-terminated; NULL: no memory.
char *broker_copy(wire_str_t text);
static inline wire_str_t broker_str(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    return (wire_str_t) { text, size };
}

//  0, or USAGE with a sentence that begins with `what`: a name has 1..255 bytes and no control characters.
int broker_check_name(broker_core_t *self, const char *what, wire_str_t name);

//  ---- broker_session ------------------------------------------------------

broker_session_t *broker_session_find(const broker_core_t *self, uint64_t number);

//  A new session, listed and numbered, with nothing in it but these; NULL: no memory.
broker_session_t *broker_session_new(broker_core_t *self, char *id, char *node);

//  Take it out of the lists and free it. Apps, names and watches were given up before.
void broker_session_free(broker_core_t *self, broker_session_t *session);

//  It ends with this code when the current input is done.
void broker_session_doom(broker_core_t *self, broker_session_t *session, int code);

//  Send; when its link is full the session is doomed (it does not read). 0 or an error code.
int broker_session_send(broker_core_t *self, broker_session_t *session, const wire_buf_t *message);
//  The same for what may be left out: a full link is no offence.
int broker_session_try(broker_core_t *self, broker_session_t *session, const wire_buf_t *message);

//  ANSWER with `count` fields that stand in core->results, or DENY(code, core->text). With `keep`
//  the bytes are remembered for a repeat. Request 0: nobody waits, nothing is sent.
void broker_session_answer(broker_core_t *self, broker_session_t *session, uint64_t request, uint32_t count,
                           bool keep);
void broker_session_deny(broker_core_t *self, broker_session_t *session, uint64_t request, int code,
                         bool keep);
//  A PUBLISH without a request, of these fields, was refused with core->text: its author is told, but at most ten times a
//  second, and not when its link is full.
void broker_session_refuse(broker_core_t *self, broker_session_t *session, int code, wire_reader_t publish, int64_t now);
//  What spaces and topics answer, or deny; arg is the core.
void broker_session_on_answer(void *arg, uint64_t number, uint64_t request, const void *fields, size_t size,
                              uint32_t count);
void broker_session_on_deny(void *arg, uint64_t number, uint64_t request, int code, const char *text);

//  Whether this request has an answer that is kept.
bool broker_session_answered(const broker_session_t *session, uint64_t request);

//  The answer this request had is sent again: true; false when there is none.
bool broker_session_repeat(broker_core_t *self, broker_session_t *session, uint64_t request);

//  Everything the record ENDED does: apps, names and watches are given up, others told.
void broker_session_end(broker_core_t *self, broker_session_t *session, int code, wire_str_t text);

//  SILENT and BACK.
void broker_session_silence(broker_core_t *self, broker_session_t *session, bool silent, int64_t time);

//  ---- broker_hello --------------------------------------------------------

//  Check HELLO's map without acting on it: 0, or MALFORMED / USAGE / FULL with a sentence.
int broker_hello_check(broker_core_t *self, wire_reader_t body);

//  What the record OPEN does; the result is in core->outcome.
void broker_hello_apply(broker_core_t *self, const broker_record_t *record);

//  WELCOME's map for what core->outcome says.
void broker_hello_welcome(broker_core_t *self, wire_buf_t *body);

//  ---- broker_registry -----------------------------------------------------

//  The session whose id, node or registered name this is, or NULL.
broker_session_t *broker_registry_find(const broker_core_t *self, wire_str_t who);

//  UNKNOWN, with a sentence that names the nearest there is.
int broker_registry_unknown(broker_core_t *self, wire_str_t who);

//  EXISTS, with a sentence about who holds the name. `time` is now.
int broker_registry_taken(broker_core_t *self, wire_str_t name, const broker_session_t *holder, int64_t time);

int  broker_registry_register(broker_core_t *self, broker_session_t *session, wire_str_t name, int64_t time);
int  broker_registry_unregister(broker_core_t *self, broker_session_t *session, wire_str_t name);
//  Its id and node's name are taken (false: no memory), and at the end free again with all it registered.
bool broker_registry_begin(broker_core_t *self, broker_session_t *session);
void broker_registry_end(broker_core_t *self, broker_session_t *session);

void broker_registry_put_lookup(const broker_core_t *self, const broker_session_t *session, wire_buf_t *out);   //  LOOKUP's map
void broker_registry_put_nodes(const broker_core_t *self, wire_buf_t *out);         //  NODES' list

//  ---- broker_guess --------------------------------------------------------

//  The id, node or registered name that is nearest to `who`, when one is near enough to be meant; or NULL.
const char *broker_guess(const broker_core_t *self, wire_str_t who);

//  ---- broker_app ----------------------------------------------------------

//  0 with *app set, or an error code with a sentence. Followers are told.
int  broker_app_join(broker_core_t *self, broker_session_t *session, wire_str_t name, broker_app_t **app);
int  broker_app_leave(broker_core_t *self, broker_session_t *session, wire_str_t name, uint64_t *version);
int  broker_app_follow(broker_core_t *self, broker_session_t *session, wire_str_t name, broker_app_t **app);
void broker_app_unfollow(broker_core_t *self, broker_session_t *session, wire_str_t name);
void broker_app_end(broker_core_t *self, broker_session_t *session, const char *what);
void broker_app_put_view(const broker_app_t *app, wire_buf_t *out);         //  version, [ids]
void broker_app_put_names(const broker_core_t *self, wire_buf_t *out);      //  [names] with members
void broker_app_free_all(broker_core_t *self);

//  ---- broker_watch --------------------------------------------------------

//  who.data NULL: everything. 0 or an error code with a sentence.
int  broker_watch_add(broker_core_t *self, broker_session_t *session, wire_str_t who);
void broker_watch_remove(broker_core_t *self, broker_session_t *session, wire_str_t who);
int  broker_watch_attend(broker_core_t *self, broker_session_t *session, broker_session_t *subject);
void broker_watch_end(broker_core_t *self, broker_session_t *session);

//  WATCHED to all who want to hear of `subject`, each once.
void broker_watch_tell(broker_core_t *self, broker_session_t *subject, const char *what, const char *text);
void broker_watch_free_all(broker_core_t *self);

//  ---- broker_relay, broker_ask, broker_stat -------------------------------

void broker_relay(broker_core_t *self, broker_session_t *author, const wire_msg_t *msg, int64_t now, int64_t waited);
//  It is not to be passed on: FAIL(code, core->text), if it was work.
void broker_relay_refuse(broker_core_t *self, broker_session_t *author, const wire_msg_t *msg, int code);
void broker_relay_lost(broker_core_t *self, const wire_msg_t *msg, const broker_session_t *target);

//  A request; returns the code for a strike, or 0.
int  broker_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now);
//  What a record that an ASK proposed does, and the answer.
void broker_ask_apply(broker_core_t *self, broker_session_t *session, const broker_record_t *record);

void broker_stat_put(const broker_core_t *self, wire_buf_t *out);           //  STAT's map

//  ---- broker_space, broker_topic --------------------------------------------

//  Made with the core; false: no memory.
bool broker_space_begin(broker_core_t *self, uint64_t seed);
bool broker_topic_begin(broker_core_t *self, uint64_t seed);

//  Whether a type is theirs, and one such request. 0, or the code for a strike.
bool broker_space_is(wire_type_t type);
bool broker_topic_is(wire_type_t type);
//  The end of both: deny what was not recorded (rc), and say whether the record was a strike.
int  broker_asked(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int rc);
int  broker_space_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now);
int  broker_topic_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now);
void broker_space_apply(broker_core_t *self, broker_session_t *session, const broker_record_t *record);
void broker_topic_apply(broker_core_t *self, broker_session_t *session, const broker_record_t *record);

//  Of a reaction's run; and what their records do.
int  broker_space_verdict(broker_core_t *self, uint64_t run, spaces_judgement_t what, wire_str_t text,
                          wire_reader_t tuple, int64_t now);
int  broker_space_reacted(broker_core_t *self, uint64_t run, wire_type_t type, uint32_t count, wire_reader_t in,
                          int64_t now, wire_buf_t *out);
void broker_space_run_apply(broker_core_t *self, const broker_record_t *record);

//  ---- broker_key ----------------------------------------------------------

//  Whether this can be a key: 40 printable characters.
bool broker_key_is(wire_str_t text);

broker_key_t *broker_key_find(const broker_core_t *self, wire_str_t text);
//  The same, made when it is not there; NULL: no memory. name: of its certificate, as far as the trust store has no other.
broker_key_t *broker_key_open(broker_core_t *self, wire_str_t text, wire_str_t name);
//  A key that nobody has, heeds or owns a name by is forgotten. key may be NULL.
void broker_key_tidy(broker_core_t *self, broker_key_t *key);
void broker_key_free_all(broker_core_t *self);

//  The session is one by this key (NULL: by none). False: no memory.
bool broker_key_enter(broker_session_t *session, broker_key_t *key);
void broker_key_leave(broker_core_t *self, broker_session_t *session);

//  Who it is for people: its certificate's name, its key, or its id.
const char *broker_key_who(const broker_session_t *session);

//  The key of the trusted certificate of that name. False: none has it.
bool broker_key_of_name(const broker_core_t *self, wire_str_t name, wire_str_t *key);

//  What their records do. 0 or an error code with a sentence.
int  broker_key_apply_policy(broker_core_t *self, const broker_record_t *record);
int  broker_key_apply_trust(broker_core_t *self, const broker_record_t *record);
void broker_key_apply_revoked(broker_core_t *self, const broker_record_t *record);
int  broker_key_apply_rotate(broker_core_t *self, broker_session_t *session, wire_str_t key);
//  Whether ROTATE to this key makes sense: 0 or an error code with a sentence.
int  broker_key_may_rotate(broker_core_t *self, const broker_session_t *session, wire_str_t key);

//  ---- broker_name ---------------------------------------------------------

//  0, or DENIED with a sentence: the name is another key's. key NULL: a session without one.
int  broker_name_check(broker_core_t *self, const broker_key_t *key, wire_str_t name);
//  The same, and the name belongs to the key from now on; also FULL, NO_MEMORY.
int  broker_name_take(broker_core_t *self, broker_key_t *key, wire_str_t name);
void broker_name_pass_on(broker_key_t *from, broker_key_t *to);     //  `to` has none yet
void broker_name_free_of(broker_core_t *self, broker_key_t *key);

//  ---- broker_rights -------------------------------------------------------

//  Text of a peer made printable, to[BROKER_SHOWN]; long ones are cut.
void broker_show(char *to, wire_str_t text);

//  May this session, which has a key, say this? 0, DENIED or MALFORMED with a sentence.
int  broker_rights_check(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now);
//  May the owner of a reaction do what its run wants to do? Likewise.
int  broker_rights_run(broker_core_t *self, uint64_t run, wire_type_t type, uint32_t count, wire_reader_t in, int64_t now);
//  Its rights are others now: what it began and may not have any more ends.
void broker_rights_review(broker_core_t *self, broker_session_t *session);
//  Whether SPACES and TOPICS show it; arg is the core.
bool broker_rights_space(void *arg, uint64_t session, wire_str_t space);
bool broker_rights_topic(void *arg, uint64_t session, wire_str_t name);

//  ---- broker_brought ------------------------------------------------------

//  This TAKE may be carried out, though its session may not put there.
void broker_brought_note(broker_session_t *session, uint64_t request, wire_str_t space);
//  Whether a take from this space brought this tuple under this number; true once.
bool broker_brought_back(broker_session_t *session, wire_str_t space, wire_reader_t tuple, uint64_t number);

//  ---- broker_vouch --------------------------------------------------------

int  broker_vouch_ask(broker_core_t *self, broker_session_t *session, const wire_msg_t *msg, int64_t now);  //  VOUCH
//  What the records HEED and DRAIN do. 0 or an error code with a sentence.
int  broker_vouch_heed(broker_core_t *self, broker_session_t *session, wire_str_t key);
int  broker_vouch_drain(broker_core_t *self, const broker_session_t *by, wire_str_t who);
//  RIGHTS before work of this author is passed on, unless it was told before. 0 or an error code.
int  broker_vouch_tell(broker_core_t *self, broker_session_t *to, const broker_session_t *author, int64_t now);
void broker_vouch_changed(broker_core_t *self, const broker_key_t *key);
void broker_vouch_revoked(broker_core_t *self, broker_key_t *key);
void broker_vouch_forget(broker_session_t *session);        //  Its link is another: nobody was told to it
void broker_vouch_end(broker_core_t *self, broker_session_t *session);
void broker_vouch_put(const broker_key_t *key, wire_buf_t *out);    //  Packed rights; NULL: all

//  Publish "$alua.node.NODE": what becomes of a session.
void broker_topic_presence(broker_core_t *self, const broker_session_t *session, const char *what, int64_t time);

#endif
