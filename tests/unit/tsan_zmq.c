//  tsan_zmq - what libzmq promises about our buffers, said to the thread sanitizer
//
//  libzmq is not built for it, so its queues between threads look like no order at all. This stands between us and
//  libzmq in the programs that run under the thread sanitizer: what we did before we sent a message is done before
//  libzmq's I/O thread calls the message's free function, and until then that thread may read the bytes. So a write of
//  ours into a frame that is still on its way is reported, and the hand-over itself is not.

#include <stdlib.h>
#include <zmq.h>

//  Of the sanitizer's runtime, which has no header for C
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void __tsan_read_range(void *address, long size);

typedef struct {
    void *hint;
    size_t size;
    zmq_free_fn *freed;
} lent_t;

static void given_back(void *data, void *hint)
{
    __tsan_acquire(data);
    lent_t lent = *(lent_t *) hint;
    __tsan_read_range(data, (long) lent.size);
    free(hint);
    lent.freed(data, lent.hint);
}

int __real_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *freed, void *hint);
int __wrap_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *freed, void *hint);
int __real_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);
int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);

int __wrap_zmq_msg_init_data(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn *freed, void *hint)
{
    lent_t *lent = malloc(sizeof *lent);
    if (!lent)
        return -1;
    *lent = (lent_t) { hint, size, freed };
    int rc = __real_zmq_msg_init_data(msg, data, size, given_back, lent);
    if (rc)
        free(lent);
    return rc;
}

int __wrap_zmq_msg_send(zmq_msg_t *msg, void *socket, int flags)
{
    __tsan_release(zmq_msg_data(msg));
    return __real_zmq_msg_send(msg, socket, flags);
}
