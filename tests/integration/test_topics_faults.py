"""Topics when processes stall or die: a publisher killed in the middle, a subscriber that stands still under load, quotas"""
import signal
import time
import unittest

import harness
import wire_client
from harness import eventually
from test_topics import Case


class TestKilled(Case):
    def test_a_publisher_in_the_middle(self):
        """All that arrived is a beginning of what it said, in order and without a gap; then comes its will, once."""
        ana = self.member("ana")
        for name in ("bob", "cid"):
            self.member(name)
            self.call(name, "subscribe", "flow.>")
        self.subscriptions(2)
        self.call("ana", "will", "flow.end", "gone")
        self.call("ana", "flow", "flow.n")
        eventually(lambda: self.call("bob", "count") > 2000, "it flows")
        ana.kill(signal.SIGKILL)
        heard = []
        for name in ("bob", "cid"):
            eventually(lambda: self.last(name) == "flow.end:gone:will", "the will comes")
            lines = self.call(name, "heard")
            self.assertEqual(lines[:-1], [f"flow.n:{i}" for i in range(1, len(lines))])
            self.assertEqual(self.call(name, "missed"), [0, 0])
            heard.append(lines)
        self.assertEqual(heard[0], heard[1])

    def last(self, name):
        return (self.call(name, "heard") or [""])[-1]


class TestStalled(Case):
    def test_one_stands_still_under_load(self):
        """Its queue takes what it may, others hear all, and when it goes on it learns exactly how many were left out."""
        bob = self.member("bob")
        for name in ("ana", "cid"):
            self.member(name)
        self.call("bob", "subscribe", "load", {"count": 1000, "window": 100})
        self.call("cid", "tally", "load")
        self.subscriptions(2)
        self.call("ana", "publish", "load", 1, 20000, 100)      # Warm: cid's queue is as long as it gets
        eventually(lambda: self.call("cid", "tallied") == [20000, 0], "cid hears all")
        bob.kill(signal.SIGSTOP)
        before, sent = self.memory(), 20000
        until = time.monotonic() + 3
        while time.monotonic() < until:
            self.call("ana", "publish", "load", sent + 1, sent + 5000, 100)
            sent += 5000
            eventually(lambda: self.call("cid", "tallied")[0] == sent, "cid keeps its pace")
        self.assertEqual(self.call("cid", "tallied"), [sent, 0])
        self.assertLess(self.memory() - before, 8)              # MiB: what its links hold, 1000 messages, and the allocator
        bob.kill(signal.SIGCONT)
        eventually(lambda: self.call("bob", "count") and self.call("bob", "heard")[-1] == f"load:{sent}", "the last comes")
        lines = self.call("bob", "heard")
        self.assertEqual(self.call("bob", "missed"), [sent - len(lines)] * 2)
        self.assertEqual(lines[-1000:], [f"load:{i}" for i in range(sent - 999, sent + 1)])
        self.assertGreater(sent - len(lines), 0)


class TestQuotas(harness.Case):
    """Each quota that one session can meet: the request before it succeeds, the next one has `full`, and others go on."""

    QUOTAS = {
        #            request, its fields for the n-th                                   how many
        "watches": ("SPACE_WATCH", lambda n: ("s", ["never", n], {}), 1024),
        "reactions": ("REACT", lambda n: ("s", "expire", "after", None, "r", "return"), 64),
        "subscriptions": ("SUBSCRIBE", lambda n: (f"s.{n}", {}), 65536),
        "delayed messages": ("PUBLISH", lambda n: ("later", n, {"delay": 3600000}), 65536),
        "leases": ("TAKE", lambda n: ("leases", [n], {"lease": 86400000, "try": True}), 65536),
        "spaces": ("OUT", lambda n: (f"space {n}", [n]), 65536),
    }

    def setUp(self):
        super().setUp()
        self.endpoint = f"ipc://{self.dir}/broker"
        self.start_broker("--listen", self.endpoint)

    def link(self):
        link = wire_client.Link(self.endpoint, wire_client.token_of(self.runtime / "alua"))
        self.addCleanup(link.close)
        link.open(visitor=True)
        return link

    def check(self, what):
        kind, fields, most = self.QUOTAS[what]
        link, other = self.link(), self.link()
        if what == "leases":
            self.pipeline(link, "OUT", lambda n: ("leases", [n]), most + 1)
        already = len(link.ask("SPACES")[0]) if what == "spaces" else 0
        self.pipeline(link, kind, fields, most - already)
        with self.assertRaises(wire_client.Failed) as caught:
            link.ask(kind, *fields(most + 1))
        self.assertEqual(caught.exception.code, "full", what)
        self.assertGreater(len(str(caught.exception)), 20, what)
        if what not in ("spaces", "reactions", "delayed messages"):         # Those are the broker's, not one session's
            other.ask(kind, *fields(most + 1))
        other.ask("STAT")

    def pipeline(self, link, kind, fields, count):
        """So many requests, all of which succeed; 1000 in a frame."""
        for first in range(1, count + 1, 1000):
            asked = {link.request(): n for n in range(first, min(first + 1000, count + 1))}
            link.say_bytes(b"".join(wire_client.message(kind, number, 30000, *fields(n)) for number, n in asked.items()))
            while asked:
                heard = link.hear()
                if heard[2] in asked:
                    self.assertEqual(heard[1], wire_client.TYPES["ANSWER"], heard)
                    del asked[heard[2]]


def add(what):
    setattr(TestQuotas, "test_" + what.replace(" ", "_"), lambda self: self.check(what))


for each in TestQuotas.QUOTAS:
    add(each)

if __name__ == "__main__":
    unittest.main()
