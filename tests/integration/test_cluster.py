"""The containers of deploy/, brought up for real: examples across them, networks cut, nodes and brokers paused, killed, replaced

Skipped where no Docker engine answers. The promises are those of docs/OPERATIONS.md: silent within 3 s and failing
nothing; gone within 3 s where a host that answers proves it, else with the lease of 10 s; back without a loss before
that, told and with its names after it.
"""
import os
import signal
import time
import unittest

import containers
import harness

MEMBER = (harness.ROOT / "tests/integration/programs/cluster_member.lua").read_text()
POLICY = (containers.DEPLOY / "policy/policy.lua").read_text().replace('"mutex.*"', '"mutex.*", "member.*"')
NOTICED = 3                     # Seconds: the promise
SHORT, LONG = 5, 14             # Seconds, well on either side of the lease


class Case(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.cluster = containers.Cluster(cls, *cls.options, policy=POLICY)
        cls.broker, cls.ana, cls.bob, cls.cleo = (cls.cluster[name] for name in ("broker", *containers.NODES))
        cls.desk = cls.cluster.start_desk()
        for name in containers.NODES:
            cls.teach(name)

    @classmethod
    def tearDownClass(cls):
        cls.cluster["desk"].close()
        cls.cluster.down()
        if cls.cluster.left() != ([], []):
            raise AssertionError(f"deploy/up --down leaves {cls.cluster.left()}")

    @classmethod
    def teach(cls, name):
        cls.desk.alua("send", name, MEMBER)

    def setUp(self):
        harness.eventually(self.everybody_is_there, "all are there, with their names")
        for name in containers.NODES:
            self.order(name, "member.forget")
            self.cluster[name].forget()

    def everybody_is_there(self):
        nodes = self.cluster.nodes()
        return all(name in nodes and nodes[name]["state"] == "up" and nodes[name]["names"] == ["service of " + name]
                   for name in containers.NODES)

    #  ---- What the members do ----------------------------------------------

    def order(self, name, function, *args):
        return self.desk.alua("call", name, function, *args).split("\n")[:-1]

    def talk(self, *pairs):
        """Each calls the other a hundred times a second, until it is told to stop."""
        for one, other in pairs:
            self.order(one, "member.talk", other)
        for one, other in pairs:
            harness.eventually(lambda: int(self.order(one, "member.told", other)[1]) > 10, f"{one} and {other} talk")

    def told(self, one, other):
        """sent, answered, open, {code: number} of calls that failed."""
        sent, answered, still, failed = self.order(one, "member.told", other)
        return int(sent), int(answered), int(still), failed

    def settled(self, one, other):
        """It stops calling, and has the outcome of each call."""
        self.order(one, "member.stop", other)
        harness.eventually(lambda: self.told(one, other)[2] == 0, f"{one} has all answers of {other}")
        return self.told(one, other)

    def assert_nothing_lost(self, *pairs):
        """Every call was carried out once, in order, and answered."""
        for one, other in pairs:
            sent, answered, _, failed = self.settled(one, other)
            self.assertEqual((answered, failed), (sent, "{}"), f"{one} to {other}")
            self.assertEqual(self.order(other, "member.heard", one), [str(sent), "nil"], f"{one} to {other}")

    def assert_noticed(self, observer, what, name, since, until=NOTICED):
        """The observer hears this of that node, at most so many seconds after `since`."""
        line = self.cluster[observer].expect(rf"watch\t{what}\t1@{name}\t([\d.]+)", until + harness.PATIENCE)
        self.assertLessEqual(float(line[1]) - since, until, f"{name} {what}, as {observer} heard")

    #  ---- What is done to them ---------------------------------------------

    def cut(self, name, network):
        self.cluster[name].disconnect(network)
        self.addCleanup(self.mend, name, network)
        return time.monotonic()

    def mend(self, name, network):
        if not self.cluster[name].inspect("{{index .NetworkSettings.Networks \"%s\"}}" % self.cluster.network(network)).startswith("0x"):
            self.cluster[name].connect(network)

    def pause(self, name):
        self.cluster[name].pause()
        self.addCleanup(self.unpause, name)
        return time.monotonic()

    def unpause(self, name):
        if self.cluster[name].inspect("{{.State.Paused}}") == "true":
            self.cluster[name].unpause()

    def wait_until(self, moment):
        time.sleep(max(moment - time.monotonic(), 0))       # The length of a cut is what is tested

    #  ---- Tests of both ----------------------------------------------------

    def check_short(self, one, stop, go_on):
        """Gone from the net for less than the lease."""
        since = stop()
        for observer in {"ana", "cleo"} - {one}:
            self.assert_noticed(observer, "silent", one, since)
        self.wait_until(since + SHORT)
        go_on()
        for observer in {"ana", "cleo"} - {one}:
            self.assert_noticed(observer, "back", one, time.monotonic(), 5)
            self.assertEqual(self.cluster[observer].said(r"watch\tgone|failed"), [])
