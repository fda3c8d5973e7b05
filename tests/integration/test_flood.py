"""More than the other can take: memory stays bounded, nobody waits for ever, nothing is lost without a word"""
import re
import resource
import signal
import time
import unittest

import zmq

import harness
import wire_client
from wire_hostile import resident

FLOOD = str(harness.pathlib.Path(__file__).parent / "programs" / "flood.lua")
MB = 1024                       # KiB
LIMIT = 100


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.token = wire_client.token_of(self.runtime / "alua")
        self.client = self.new_client()
        self.ana, self.bob = (self.start_node(name, FLOOD) for name in ("ana", "bob"))
        #  They are acquainted, so that what follows goes over a direct link.
        self.client.chunk("1@ana", "luarpc.sync('1@bob', 'state')()")

    def new_client(self):
        client = wire_client.Link(self.broker.endpoint, self.token, timeout=LIMIT)
        self.addCleanup(client.leave)
        client.open(visitor=True)
        return client

    def begin(self, who, name, *args):
        """Ask and do not wait for the answer."""
        client = self.new_client()
        number = client.request()
        client.say("CALL", number, 0, client.id, "1@" + who, 3, name, list(args))
        return lambda timeout=LIMIT: client.outcome(number, ["REPLY"], timeout)[6]

    def had(self, who, count):
        state = lambda: self.client.call("1@" + who, "state")
        harness.eventually(lambda: state()[0] == count, f"{who} had {count}", LIMIT)
        self.assertIsNone(state()[1])


class TestSlowReader(Case):
    def test_one_that_stops_for_a_while(self):
        """Less than a lease: the sender waits for room, and all arrives."""
        before = resident(self.ana.pid)
        self.bob.kill(signal.SIGSTOP)
        sent = self.begin("ana", "flood", "1@bob", 50000, 1000)
        time.sleep(4)
        self.assertLess(resident(self.ana.pid) - before, 40 * MB)
        self.assertRaises(wire_client.Silence, sent, 0.1)       # It waits
        self.bob.kill(signal.SIGCONT)
        self.assertEqual(sent(), [50000, None])
        self.had("bob", 50000)
        self.assertLess(resident(self.bob.pid), 80 * MB)

    def test_one_that_stops_for_ever(self):
        """Longer than its lease: it is gone, and the sender goes on."""
        self.bob.kill(signal.SIGSTOP)
        sent = self.begin("ana", "flood", "1@bob", 50000, 1000)
        count, code = sent(30)
        self.assertEqual(code, "gone")
        self.assertLess(count, 50000)
        self.ana.expect("1@bob: .*never acknowledged")
        self.bob.kill(signal.SIGCONT)
        self.assertEqual(self.client.call("1@ana", "math.max", 1, 2), [2])

    def test_one_that_computes(self):
        """It lives, so it is not gone; its mailbox fills, and the sender waits for its handlers."""
        before = resident(self.bob.pid)
        busy = self.begin("bob", "busy", 6)
        sent = self.begin("ana", "flood", "1@bob", 50000, 1000)
        time.sleep(3)
        self.assertRaises(wire_client.Silence, sent, 0.1)
        self.assertLess(resident(self.bob.pid) - before, 60 * MB)
        busy()
        self.assertEqual(sent(), [50000, None])
        self.had("bob", 50000)

    def test_both_stop_in_turn(self):
        busy = self.begin("ana", "busy", 3)
        sent = self.begin("bob", "flood", "1@ana", 40000, 1000)
        self.bob.kill(signal.SIGSTOP)
        time.sleep(1)
        self.bob.kill(signal.SIGCONT)
        busy()
        self.assertEqual(sent(), [40000, None])
        self.had("ana", 40000)


class TestBoth(Case):
    def test_two_that_flood_each_other(self):
        """Each within its mailbox: none has to wait."""
        both = [self.begin("ana", "flood", "1@bob", 15000, 100), self.begin("bob", "flood", "1@ana", 15000, 100)]
        for sent in both:
            self.assertEqual(sent(), [15000, None])
        self.had("ana", 15000)
        self.had("bob", 15000)

    def test_many_that_dial_each_other_at_once(self):
        program = self.program("""
            local n = 0
            local all = dalua.processes("myapp")
            for _, id in ipairs(all) do
              if id ~= alua.id then
                for i = 1, 3 do
                  luarpc.async(id, "math.max", function(r, err)
                    assert(r == i, err)
                    n = n + 1
                    if n == 3 * (#all - 1) then print("met all") end
                  end, { timeout = 20 })(i, 0)
                end
              end
            end""")
        for _ in range(5):
            done = self.run_alua("run", "-n", "20", "--timeout", "50", program)
            self.assertEqual((done.status, done.err), (0, ""))
            self.assertEqual(sum("met all" in line for line in done.lines), 20)


class TestThirtySeconds(Case):
    """As long as a send looks for room. Slow, therefore all at once."""

    def one_that_computes(self):
        """dan computes for longer: cid's send says full, the next ones do so at once, until there is room."""
        cid, dan = (self.start_node(name, FLOOD) for name in ("cid", "dan"))
        self.client.chunk("1@cid", "luarpc.sync('1@dan', 'state')()")
        busy = self.begin("dan", "busy", 36)
        sent = self.begin("cid", "flood", "1@dan", 30000, 0)
        yield
        count, code = sent()
        took = time.monotonic() - self.begun
        self.assertEqual(code, "full")
        self.assertGreater(took, 28)
        self.assertLess(took, 35)
        self.assertLess(count, 30000)
        self.reported(cid, "full", 30000 - count)
        busy()
        self.had("dan", count)
        self.assertEqual(self.client.call("1@cid", "flood", "1@dan", 1000, 0, count), [1000, None])
        self.had("dan", count + 1000)

    def both_flood(self, one, other):
        """Each has begun before one message was sent. What comes of the two, once they are done."""
        files = {name: str(self.runtime / f"begun.{name}") for name in (one, other)}
        both = [self.begin(a, "together", files[a], files[b], "1@" + b, 40000, 100) for a, b in ((one, other), (other, one))]
        yield
        counts, codes = zip(*(sent() for sent in both))
        #  The first to give up looks up, and so may make room for the other.
        self.assertIn("full", codes)
        self.assertLessEqual(set(codes), {"full", None})
        return counts

    def two_that_never_look_up(self):
        """Each waits for the other's handlers inside its own: full is the way out. What was accepted runs, all of it and
        in order; what was not is told of, each."""
        counts = yield from self.both_flood("ana", "bob")
        self.assertLess(time.monotonic() - self.begun, 45)
        for node, to, count in zip((self.ana, self.bob), ("bob", "ana"), counts):
            self.assertGreaterEqual(count, 16000)
            self.had(to, count)
            self.reported(node, "full", 40000 - count)

    def two_whose_sends_expire(self):
        """The same, but what waits longer than `dalua.timeout` is dropped: each of these is told of too, and what still
        runs does so in order."""
        eva, fay = (self.start_node(name, FLOOD) for name in ("eva", "fay"))
        for name in ("eva", "fay"):
            self.client.call("1@" + name, "patience", 5)
        counts = yield from self.both_flood("eva", "fay")
        for node, to, count in zip((eva, fay), ("fay", "eva"), counts):
            self.reported(node, "full", 40000 - count)
            harness.eventually(lambda: self.handled(to) + self.losses(node, "expired") == count,
                               f"what {to} was sent has run or was told of", LIMIT)
            self.assertGreater(self.losses(node, "expired"), 1000)

    def handled(self, who):
        had, _, _, back = self.client.call("1@" + who, "state")
        self.assertIsNone(back)
        return had

    def losses(self, node, what):
        """How often a node has said this on standard error, be it in words or by a number."""
        lines = [line for line in list(node.err) if what in line]
        return sum(int(more[1]) if (more := re.search(r"\((\d+) more of these", line)) else 1 for line in lines)

    def reported(self, node, what, count):
        harness.eventually(lambda: self.losses(node, what) == count, f"{count} losses told of")

    def test_full_is_the_way_out(self):
        self.begun = time.monotonic()
        stories = [self.one_that_computes(), self.two_that_never_look_up(), self.two_whose_sends_expire()]
        for story in stories:
            next(story)
        for story in stories:
            self.assertIsNone(next(story, None))


class TestMany(harness.Case):
    COUNT = 1000

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        if hard < 5 * self.COUNT:
            self.skipTest(f"only {hard} descriptors")
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 2 * self.COUNT)
        self.addCleanup(self.context.destroy, 0)
        self.broker = self.start_broker()
        self.token = wire_client.token_of(self.runtime / "alua")
        self.ana = self.start_node("ana", FLOOD)

    def link(self, endpoint, name):
        link = wire_client.Link(endpoint, self.token, name=name, timeout=LIMIT, context=self.context)
        link.id = "1@" + name
        link.serve["me"] = lambda: [name]
        return link

    def test_a_broker_and_a_node_with_a_thousand_links_each(self):
        first = self.link(self.broker.endpoint, "first")
        first.open()
        endpoint = first.ask("LOOKUP", "ana")[0]["endpoints"][0]
        before = resident(self.ana.pid), resident(self.broker.pid)
        for where, kind in ((self.broker.endpoint, "b"), (endpoint, "n")):
            links = [self.link(where, f"{kind}{i}") for i in range(self.COUNT)]
            for link in links:
                link.open(id=link.id)
            for link in links:
                link.say("CALL", 1, 0, link.id, "1@ana", 3, "math.max", [1, 2])
            for link in links:
                self.assertEqual(link.outcome(1, ["REPLY"])[6], [2])
            number = first.request()
            first.say("CHUNK", number, 0, first.id, "1@ana", 3, "=c", "local kind, n = ... local f = {} "
                      "for i = 0, n - 1 do f[i] = luarpc.future('1@' .. kind .. i, 'me') () end "
                      "for i = 0, n - 1 do assert(f[i]:get() == kind .. i) end return n", [kind, self.COUNT])
            for link in links:
                link.handle(link.hear())
            self.assertEqual(first.outcome(number, ["REPLY", "FAIL"])[6], [self.COUNT])
            for link in links:
                link.leave()
        self.assertEqual(first.call("1@ana", "math.max", 1, 2), [2])
        self.assertLess(resident(self.ana.pid) - before[0], 100 * MB)
        self.assertLess(resident(self.broker.pid) - before[1], 100 * MB)
        first.leave()


if __name__ == "__main__":
    unittest.main()
