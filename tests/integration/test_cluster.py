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
RETURNED = 10                   # Seconds: whoever was cut off had no name server, and may wait for its answer still
TAKEN_OVER = 8                  # Seconds, less than the lease: silent, and asked for again, which is once a second at least


class Case(unittest.TestCase):
    options = ()
    whole = True

    @classmethod
    def setUpClass(cls):
        cls.cluster = containers.Cluster(cls, *cls.options, policy=POLICY)
        cls.cluster.start_desk()
        for name in containers.NODES:
            cls.teach(name)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.down()
        if cls.cluster.left() != ([], []):
            raise AssertionError(f"deploy/up --down leaves {cls.cluster.left()}")

    @classmethod
    def teach(cls, name):
        cls.cluster["desk"].alua("send", name, MEMBER)

    def setUp(self):
        begun = time.monotonic()
        self.addCleanup(lambda: print(f"{time.monotonic() - begun:.1f} s", end=" ", flush=True))
        self.assertTrue(self.whole, "an earlier test left the cluster as it should not be")
        type(self).whole = False
        harness.eventually(self.everybody_is_there, "all are there, with their names")
        type(self).whole = True
        self.forget()
        for name in containers.NODES:
            self.cluster[name].forget()

    def everybody_is_there(self):
        nodes = self.cluster.nodes()
        return all(name in nodes and nodes[name]["state"] == "up" and nodes[name]["names"] == ["service of " + name]
                   for name in containers.NODES)

    #  ---- What the members do ----------------------------------------------

    def order(self, name, function, *args):
        return self.cluster["desk"].alua("call", name, function, *args).split("\n")[:-1]

    def forget(self):
        """All stop to talk; twice, as what was said before must not be counted afterwards."""
        for _ in range(2):
            for name in containers.NODES:
                self.order(name, "member.forget")

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
        broker = "\n".join(self.cluster["broker"].said(rf"\b{name}\b"))
        self.assertLessEqual(float(line[1]) - since, until, f"{name} {what}, as {observer} heard; the broker said:\n{broker}")

    #  ---- What is done to them ---------------------------------------------

    def cut(self, name, network):
        self.cluster[name].disconnect(network)
        self.addCleanup(self.mend, name, network)
        return time.monotonic()

    def mend(self, name, network):
        if self.cluster.network(network) not in self.cluster[name].networks():
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

    #  ---- Steps that both clusters take ------------------------------------

    def check_short(self, network):
        """bob cut off and cleo paused for less than the lease: noticed, nothing fails, nothing is lost."""
        pairs = [("ana", "bob"), ("bob", "ana"), ("ana", "cleo"), ("cleo", "ana")]
        self.talk(*pairs)
        stopped = {"bob": self.cut("bob", network), "cleo": self.pause("cleo")}
        for name, since in stopped.items():
            self.assert_noticed("ana", "silent", name, since)
        self.wait_until(stopped["cleo"] + SHORT)
        self.mend("bob", network)
        self.unpause("cleo")
        for name in stopped:
            self.assert_noticed("ana", "back", name, time.monotonic(), RETURNED)
        self.assert_nothing_lost(*pairs)
        for name in containers.NODES:
            self.assertEqual(self.cluster[name].said(r"watch\tgone|failed"), [], name)

    def check_long(self, network):
        """Longer than the lease: what is pending fails, both sides are told, and both come back with their names."""
        pairs = [("ana", "bob"), ("bob", "ana"), ("ana", "cleo"), ("cleo", "ana")]
        self.talk(*pairs)
        stopped = {"bob": self.cut("bob", network), "cleo": self.pause("cleo")}
        for name, since in stopped.items():
            self.assert_noticed("ana", "silent", name, since)
            self.assert_noticed("ana", "gone", name, since, LONG)
            self.cluster["ana"].expect(rf"failed\t{name}\tgone")
        self.wait_until(stopped["cleo"] + LONG)
        self.mend("bob", network)
        self.unpause("cleo")
        for name in stopped:
            self.assert_noticed("ana", "up", name, time.monotonic(), RETURNED)
            self.cluster[name].expect(r"failed\tana\tgone")
        for one, other in pairs:
            sent, answered, _, failed = self.settled(one, other)
            self.assertIn("gone", failed, f"{one} to {other}")
            self.assertLess(answered, sent)
        harness.eventually(self.everybody_is_there, "all are back with their names")
        self.forget()
        self.talk(*pairs)
        self.assert_nothing_lost(*pairs)

    def check_killed(self, name):
        """kill -9 of a container's process: with it goes its address, which is silence first; the engine starts another, which
        takes the name over, by its key, from the one that is silent."""
        self.talk(("ana", name))
        since = time.monotonic()
        self.cluster[name].kill()
        self.assert_noticed("ana", "silent", name, since)
        self.assert_noticed("ana", "gone", name, since, TAKEN_OVER)
        self.assert_noticed("ana", "up", name, since, TAKEN_OVER)
        self.come_back(name)

    def check_stays_dead(self, name):
        """Nobody starts it again and claims its name, so it is gone with the lease; when it is started it has its name at once."""
        self.talk(("ana", name))
        since = time.monotonic()
        containers.docker("kill", self.cluster[name].ident)
        self.addCleanup(containers.docker, "start", self.cluster[name].ident)
        self.assert_noticed("ana", "silent", name, since)
        self.assert_noticed("ana", "gone", name, since, LONG)
        self.assertGreater(time.monotonic() - since, TAKEN_OVER)
        since = time.monotonic()
        containers.docker("start", self.cluster[name].ident)
        self.assert_noticed("ana", "up", name, since, RETURNED)
        self.come_back(name)

    def come_back(self, name):
        """Calls to the one before have failed; the new one has what names it takes, and answers."""
        self.cluster["ana"].expect(rf"failed\t{name}\tgone")
        self.settled("ana", name)                           # What is on its way may still come
        self.cluster.adopt(name)                            # Its log ended with it
        self.teach(name)
        harness.eventually(self.everybody_is_there, "all are back with their names")
        self.forget()
        self.talk(("ana", name))
        self.assert_nothing_lost(("ana", name))

    def check_broker_replaced(self, network):
        """Another container, at another address, under the same name."""
        old = self.cluster["broker"]
        before = old.address(network)
        self.cluster.compose("up", "-d", "--no-deps", "--no-recreate", "--scale", "broker=2", "broker")
        new = next(ident for ident in self.cluster.idents("broker") if not old.ident.startswith(ident) and not ident.startswith(old.ident))
        harness.eventually(lambda: "listening on tcp" in containers.docker("logs", new), "the new broker listens")
        self.cluster.adopt("broker", new)
        self.assertNotEqual(self.cluster["broker"].address(network), before)
        containers.docker("rm", "-f", old.ident)
        harness.eventually(self.everybody_is_there, "all have found the new broker", 5)


@unittest.skipIf(containers.missing(), containers.missing())
class TestOneNetwork(Case):
    """deploy/up"""

    def test_the_examples_run_across_containers(self):
        self.assertRegex(self.cluster.output, r"average: the mean of 3 values is 20\.0\n")
        self.assertRegex(self.cluster.output, r"mutex: 9 entries of 3 processes, one after the other\n")
        self.assertRegex(self.cluster.output, r"bag: 100 tasks, sum 338350, done by 3 of 3 processes\n")

    def test_everybody_talks_to_everybody(self):
        pairs = [(one, other) for one in containers.NODES for other in containers.NODES if one != other]
        self.talk(*pairs)
        self.assert_nothing_lost(*pairs)

    def test_the_image_is_small_and_has_nothing_else(self):
        image = self.cluster["broker"].inspect("{{.Image}}")
        size = int(containers.docker("image", "inspect", "--format", "{{.Size}}", image))
        print(f"{size / 1e6:.1f} MB", end=" ", flush=True)
        self.assertLessEqual(size, 40e6)
        for program in ("sh", "/bin/sh", "bash", "ls", "/usr/bin/env"):
            with self.assertRaises(AssertionError, msg=program):
                containers.docker("exec", self.cluster["broker"].ident, program)

    def test_every_container_is_walled_in(self):
        for name in ("broker", *containers.NODES, "desk"):
            with self.subTest(name):
                host, config = (self.cluster[name].json(part)
                                for part in ("HostConfig", "Config"))
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertFalse(host["CapAdd"] or host["Privileged"])
                self.assertIn(host["SecurityOpt"][0], ("no-new-privileges:true", "no-new-privileges"))
                self.assertGreater(host["PidsLimit"], 0)
                self.assertGreater(host["Memory"], 0)
                self.assertGreater(host["NanoCpus"], 0)
                self.assertNotIn(config["User"].split(":")[0], ("", "0", "root"))
                self.assertNotIn("host", (host["NetworkMode"], host["PidMode"], host["IpcMode"]))
                self.assertEqual([mount for mount in self.cluster[name].json("Mounts") if mount["RW"]], [])

    def test_health_is_told(self):
        for name in ("broker", *containers.NODES):
            harness.eventually(lambda: self.cluster[name].inspect("{{.State.Health.Status}}") == "healthy", f"{name} is well")

    def test_a_short_cut_and_a_short_pause_lose_nothing(self):
        self.check_short("hub")

    def test_a_long_cut_and_a_long_pause_fail_what_is_pending(self):
        self.check_long("hub")

    def test_a_node_killed_on_a_host_that_answers_is_gone(self):
        """Its container goes on, since another node runs there, and refuses connections to the dead one."""
        address = self.cluster["ana"].address("hub")
        containers.docker("exec", "-d", self.cluster["ana"].ident, "alua", "node", "--name", "eve", "--listen", "tcp://*:4323",
                          "--advertise", address)
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid, line in self.cluster["ana"].processes().items() if "eve" in line])
        self.cluster["bob"].expect(r"watch\tup\t1@eve")
        pid = next(pid for pid, line in self.cluster["ana"].processes().items() if "--name eve" in line)
        since = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.assert_noticed("bob", "gone", "eve", since)
        self.assert_noticed("cleo", "gone", "eve", since)

    def test_a_killed_container_is_gone_and_comes_back(self):
        self.check_killed("cleo")

    def test_a_container_that_nobody_starts_again_is_gone_with_the_lease(self):
        self.check_stays_dead("cleo")

    def test_the_broker_is_killed(self):
        pairs = [("ana", "bob"), ("bob", "cleo")]
        self.talk(*pairs)
        self.cluster["broker"].kill()
        harness.eventually(lambda: self.cluster["broker"].inspect("{{.State.Running}} {{.RestartCount}}") == "true 1", "the engine starts it again")
        self.cluster.adopt("broker")
        harness.eventually(lambda: self.listed(), "it answers")
        harness.eventually(self.everybody_is_there, "all are back with their names", 10)
        self.assert_nothing_lost(*pairs)

    def listed(self):
        try:
            return self.cluster.nodes()
        except AssertionError:
            return None

    def test_the_broker_is_paused(self):
        pairs = [("ana", "bob"), ("bob", "cleo")]
        self.talk(*pairs)
        since = self.pause("broker")
        self.wait_until(since + SHORT)
        self.unpause("broker")
        harness.eventually(self.everybody_is_there, "all are there with their names", 10)
        self.assert_nothing_lost(*pairs)
        for name in containers.NODES:
            self.assertEqual(self.cluster[name].said(r"watch\tgone|failed"), [], name)

    def test_the_broker_is_replaced_under_its_name(self):
        pairs = [("ana", "bob"), ("bob", "cleo")]
        self.talk(*pairs)
        self.check_broker_replaced("hub")
        self.assert_nothing_lost(*pairs)


@unittest.skipIf(containers.missing(), containers.missing())
class TestTwoNetworks(Case):
    """deploy/up --cluster: ana and bob can reach each other through the broker only, cleo reaches both"""

    options = ("--cluster",)

    def test_the_examples_run_across_networks(self):
        self.assertRegex(self.cluster.output, r"average: the mean of 3 values is 20\.0\n")
        self.assertRegex(self.cluster.output, r"mutex: 9 entries of 3 processes")
        self.assertRegex(self.cluster.output, r"bag: 100 tasks, sum 338350")

    def test_what_cannot_be_dialled_is_relayed(self):
        self.assertEqual(self.cluster["ana"].networks() & self.cluster["bob"].networks(), set())
        pairs = [(one, other) for one in containers.NODES for other in containers.NODES if one != other]
        self.talk(*pairs)
        self.assert_nothing_lost(*pairs)

    def test_a_short_cut_and_a_short_pause_lose_nothing(self):
        self.check_short("right")

    def test_a_long_cut_and_a_long_pause_fail_what_is_pending(self):
        self.check_long("right")

    def test_a_killed_container_is_gone_and_comes_back(self):
        self.check_killed("bob")

    def test_the_broker_is_replaced_under_its_name(self):
        self.check_broker_replaced("left")
        self.talk(("ana", "bob"))
        self.assert_nothing_lost(("ana", "bob"))
