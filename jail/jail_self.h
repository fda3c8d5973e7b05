//  jail_self - the client's insides; for the sources of jail/ and its tests
//
//      jail.c          the public functions, and the clock that watches everything
//      jail_queue.c    jobs and principals: who is next, how a job ends
//      jail_worker.c   one worker: its conversation
//      jail_server.c   the fork server: its start, its orders, its end
//      jail_program.c  where alua-jail is
//      jail_hash.c     what a text is known by
//
//              BORN            READY          a job            DONE, FAIL
//      ASKED -------> BORN ---------> SPARE ---------> BUSY <-----------> IDLE
//        |              |               |      deadline, nonsense, eof |    | another principal needs the place
//        +--------------+---------------+----------- DYING ------------+----+
//                                                      | DEAD, or the server is gone
//                                                     freed, when libuv lets go of its handle

#ifndef JAIL_SELF_H
#define JAIL_SELF_H

#include "jail.h"
#include "jail_frame.h"

#define JAIL_KNOWN      64      //  Texts that we believe a worker has
#define JAIL_PATIENCE   5000    //  ms that the server may take for a birth or a death
#define JAIL_TRIES      3       //  Workers that may die under a job which they have not read
#define JAIL_MAX_BYTES  (32 * 1024 * 1024)  //  Of jobs that wait
#define JAIL_REST       1000    //  ms in which no birth is tried after too many have failed
#define JAIL_FAILURES   3       //  Workers in a row that may end before they worked, until those who wait are told

typedef struct jail_queued jail_queued_t;
typedef struct jail_principal jail_principal_t;
typedef struct jail_worker jail_worker_t;

typedef enum { JAIL_ASKED, JAIL_BORN, JAIL_SPARE, JAIL_IDLE, JAIL_BUSY, JAIL_DYING } jail_state_t;

//  A job that was copied; its bytes stand behind it.
struct jail_queued {
    jail_queued_t *next;
    jail_fn *fn;
    jail_call_fn *call;
    void *arg;
    int64_t due;
    unsigned deadline;              //  ms from its begin; 0: due stands
    wire_str_t name, code;
    wire_reader_t names, args;      //  Packed arrays
    uint8_t hash[JAIL_HASH];
    unsigned calls;                 //  That it made
    size_t size;                    //  Bytes of all of it
    bool code_sent;
    unsigned tries;                 //  Workers that died before they read it
};

//  Lives while it has a worker or jobs.
struct jail_principal {
    jail_principal_t *next, **back;
    jail_queued_t *first, **last;
    size_t waiting, waiting_bytes;
    jail_worker_t *worker;
    size_t size;
    char name[];
};

struct jail_worker {
    jail_t *jail;
    jail_worker_t *next, **back;
    jail_state_t state;
    uint32_t id;
    pid_t pid;                      //  For people and tests only: orders name the id
    int fd;
    uv_poll_t poll;
    int64_t since;                  //  When the state was entered
    int64_t spent;                  //  ms of running so far
    jail_principal_t *principal;
    jail_queued_t *job;
    bool dead;                      //  The server has reaped it, or is gone
    bool closed;                    //  libuv has let go
    wire_buf_t in, out;
    size_t sent;                    //  Of out
    bool writing;                   //  We wait until more can be sent
    bool heard;                     //  It has spoken since the job was given to it
    bool broken;                    //  Nothing of the job could be sent
    uint8_t known[JAIL_KNOWN][JAIL_HASH];
    unsigned known_at;
};

struct jail {
    uv_loop_t *loop;
    jail_config_t config;
    char *program;                  //  As configured
    uint64_t key[2];                //  Of the hash, so that nobody can prepare two texts of one hash
    pid_t server;                   //  0: none
    pid_t orphan;                   //  A server that we could not kill, and that ends by itself
    uv_poll_t *control;
    size_t handles;                 //  Of servers, that libuv has not let go of
    int control_fd;
    uint32_t last_id;
    unsigned failures;
    int64_t resting;                //  Until then nobody is born: too many births have failed
    jail_worker_t *workers;
    jail_principal_t *principals, **last_principal;
    uv_timer_t timer;
    int64_t timer_due;              //  INT64_MAX: not armed
    bool timer_closed;
    bool pause;                     //  A run has ended: a moment to fork one ahead
    bool closing;
    size_t busy, waiting, waiting_bytes;
    jail_stat_t stat;
    char error[256];
};

int64_t jail_now(void);

//  jail.c
void jail_watch(jail_t *self, int64_t due);     //  Look after everything at `due`
void jail_maybe_free(jail_t *self);

//  jail_queue.c
int  jail_enqueue(jail_t *self, const jail_job_t *job);
void jail_put_back(jail_t *self, jail_principal_t *principal, jail_queued_t *job);  //  In front
void jail_schedule(jail_t *self);               //  Start what can start, ask for the workers it takes
void jail_finish(jail_t *self, jail_queued_t *job, const jail_outcome_t *outcome);
void jail_fail(jail_t *self, jail_queued_t *job, int code, const char *text);
void jail_fail_waiting(jail_t *self, bool all, int code, const char *text);   //  all: or those that have no worker
void jail_keep_loop(jail_t *self);              //  A loop stays for jobs, and for nothing else of ours
void jail_expire(jail_t *self, int64_t now);   //  Fail whose deadline passed before they began
int64_t jail_next_due(const jail_t *self);      //  Of those who wait
void jail_cancel_waiting(jail_t *self, const void *arg);
void jail_release(jail_t *self, jail_principal_t *principal);   //  Free it if it has nothing any more

//  jail_worker.c
jail_worker_t *jail_worker_ask(jail_t *self, bool ahead);    //  ahead: nobody waits for it
int  jail_worker_born(jail_worker_t *worker, int fd, pid_t pid);
void jail_worker_start(jail_worker_t *worker, jail_principal_t *principal, jail_queued_t *job);
void jail_worker_read(jail_worker_t *worker);
//  End it; its job, if any, ends with code (0: silently) and text.
void jail_worker_end(jail_worker_t *worker, int code, const char *text);
void jail_worker_dead(jail_worker_t *worker);   //  Reaped: nothing of it is left
jail_worker_t *jail_worker_find(jail_t *self, uint32_t id);

//  jail_server.c
int  jail_server_start(jail_t *self);
void jail_server_order(jail_t *self, jail_order_t order);
void jail_server_end(jail_t *self, const char *text);   //  With all its workers
void jail_server_reap(jail_t *self);

//  jail_program.c: the path in path[size], which may be there or not.
void jail_program_find(const char *configured, char *path, size_t size);

//  jail_hash.c
void jail_hash(const uint64_t key[2], wire_str_t name, wire_str_t code, uint8_t hash[JAIL_HASH]);

#endif
