//  node_leave - the end: what was sent arrives, everybody is told, then the links close

#include "node_shell.h"

//  ms that leaving may take, as sending may.
#define FINISH_TIME 30000

//  Sends that wait for a look-up come before the end, too.
static bool is_drained(const alua_node_t *self)
{
    return hub_all_drained(self->hub) && !node_core_parked(&self->core);
}

static void pump_until_drained(alua_node_t *self, int64_t limit)
{
    hub_flush(self->hub);
    while (!is_drained(self) && alua_now(self) < limit)
        hub_pump(self->hub, 20);
}

void node_drain_links(alua_node_t *self, int ms)
{
    pump_until_drained(self, alua_now(self) + ms);
}

static bool any_link(const alua_node_t *self)
{
    return self->core.links || self->broker;
}

int alua_node_finish(alua_node_t *self, int code, int ms)
{
    int64_t limit = alua_now(self) + ms;
    node_core_farewell(&self->core, code, "exit");
    self->finishing = true;
    if (self->broker)
        hub_hurry(self->broker);
    pump_until_drained(self, limit);
    int late = !is_drained(self);
    for (node_link_t *link = self->core.links; link; link = link->next)
        hub_close(link->peer, WIRE_E_CLOSED, "exit");
    if (self->broker)
        hub_close(self->broker, WIRE_E_CLOSED, "exit");
    //  BYE is acknowledged in no time where somebody lives; a peer that does not answer loses nothing by it.
    limit = alua_now(self) + 500;
    while (any_link(self) && alua_now(self) < limit)
        hub_pump(self->hub, 20);
    self->leaving = true;
    return late;
}

void alua_node_at_exit(alua_node_t *self, int status)
{
    if (!self->leaving)
        alua_node_finish(self, status, FINISH_TIME);
    alua_node_exit_status(self, status);
    if (self->hub)
        hub_destroy(&self->hub);
}
