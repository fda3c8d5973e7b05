"""Hosts on a network: NAT, cuts both and one way, hosts that vanish, a broker that moves to another address"""
import re
import signal
import time
import unittest

import harness
import netns

#  Counts what comes, and says when it is not the next.
COUNTER = """
local luarpc, core = require "luarpc", require "alua.core"
local last, wrong = 0, 0
luarpc.export("note", function(n)
  if n <= last then wrong = wrong + 1 print("WRONG", n, "after", last) io.stdout:flush() end
  last = n
  return n
end)
luarpc.export("count", function() return last, wrong, core.info().switches, core.info().relayed, core.info().fallbacks end)
"""

#  Calls without waiting, some ten in flight; says how it stands. A call that fails is said, too.
CALLER = """
local luarpc, alua, core = require "luarpc", require "alua", require "alua.core"
local whom = ...
local sent, answered, failed = 0, 0, 0
alua.watch(whom, function(e) print("WATCH", e.what or e.kind or tostring(e), alua.now()) io.stdout:flush() end)
luarpc.export("state", function() local i = core.info() return sent, answered, failed, i.switches, i.relayed, i.fallbacks end)
alua.timer.create(0.005, function()
  if sent - answered - failed >= 20 then return end
  sent = sent + 1
  luarpc.async(whom, "note", function(n, err)
    if luarpc.iserror(n) or luarpc.iserror(err) then
      failed = failed + 1
      local e = luarpc.iserror(n) and n or err
      print("FAILED", e.code, e.definite) io.stdout:flush()
    else answered = answered + 1 end
  end, { timeout = 60 })(sent)
end)
"""


class Hosts(netns.Case):
    def numbers(self, host, who, what):
        result = host.run("call", *host.at("tester"), who, what)
        self.assertEqual(result.status, 0, result)
        return [int(number) for number in re.findall(r"-?\d+", result.out)]

    def start_pair(self, caller, counter):
        """bob counts, ana calls; each on the host named so."""
        bob = counter.node("bob", self.program(COUNTER, "counter.lua"), listen=self.bob_listens)
        ana = caller.node("ana", self.program(CALLER, "caller.lua"), "bob")
        return ana, bob

    bob_listens = True

    def ask(self, who, what):
        return self.numbers(self.made["hub"], who, what)

    def begun(self):
        harness.eventually(lambda: self.ask("ana", "state")[1] > 20, "calls are answered")

    def check_order(self, ana, bob, unknown=0):
        """All that was answered came once and in order."""
        sent, answered, failed, *_ = self.ask("ana", "state")
        last, wrong, *_ = self.ask("bob", "count")
        self.assertEqual(wrong, 0, "".join(bob.out))
        self.assertLessEqual(failed, unknown, "".join(ana.out))
        self.assertGreaterEqual(last, answered)


class TestNat(Hosts):
    bob_listens = False

    def test_who_is_behind_nat_dials_and_the_pair_moves_in_order(self):
        self.start_hub(("ana", "bob", "tester"))
        ana = self.net_host("ana")
        bob = self.net_host("bob", behind=self.gateway("gw"))
        a, b = self.start_pair(ana, bob)
        self.begun()
        harness.eventually(lambda: self.ask("ana", "state")[3] == 1 and self.ask("bob", "count")[2] == 1, "both have moved")
        relayed = self.ask("ana", "state")[4]
        self.assertGreater(relayed, 0)
        before = self.ask("ana", "state")[1]
        harness.eventually(lambda: self.ask("ana", "state")[1] > before + 200, "it goes on")
        #  Only answers to our own questions are relayed any more.
        self.assertLess(self.ask("ana", "state")[4] - relayed, 50)
        self.check_order(a, b)


class TestCuts(Hosts):
    def start_all(self):
        self.start_hub(("ana", "bob", "tester"))
        ana, bob = self.net_host("ana"), self.net_host("bob")
        return (ana, bob, *self.start_pair(ana, bob))

    def test_a_cut_shorter_than_the_lease_loses_nothing(self):
        ana, bob, a, b = self.start_all()
        self.begun()
        self.cut(bob)
        a.expect(r"WATCH\s+silent", 5)
        self.mend(bob)
        before = self.ask("ana", "state")[1]
        harness.eventually(lambda: self.ask("ana", "state")[1] > before + 100, "it goes on", 15)
        self.check_order(a, b)

    def test_a_host_that_vanishes_is_silent_and_then_gone(self):
        ana, bob, a, b = self.start_all()
        self.begun()
        self.cut(bob)
        begun = time.monotonic()
        a.expect(r"WATCH\s+silent", 4)
        self.assertFalse([line for line in a.out if "FAILED" in line])
        a.expect("FAILED\tgone\tfalse", 16)
        a.expect(r"WATCH\s+gone", 5)
        self.assertGreater(time.monotonic() - begun, 9)
        self.mend(bob)                      #  It comes back, and its name with it
        before = self.ask("ana", "state")[1]
        harness.eventually(lambda: self.ask("ana", "state")[1] > before + 50, "the returned one answers", 30)

    def test_a_firewall_between_two_that_the_broker_sees(self):
        for way in ("both", "one"):
            with self.subTest(way):
                if way == "both":
                    ana, bob, a, b = self.start_all()
                self.begun()
                self.deny(ana, bob)
                if way == "both":
                    self.deny(bob, ana)
                falls = self.ask("ana", "state")[5]
                harness.eventually(lambda: self.ask("ana", "state")[5] == falls + 1, "it falls back on the broker", 25)
                before = self.ask("ana", "state")[1]
                harness.eventually(lambda: self.ask("ana", "state")[1] > before + 100, "it goes on through the broker", 15)
                moves = self.ask("ana", "state")[3]
                self.mend(ana)
                self.mend(bob)
                harness.eventually(lambda: self.ask("ana", "state")[3] == moves + 1, "it is direct again", 40)
                self.check_order(a, b, unknown=60)
                self.assertFalse([line for line in a.out if "WATCH" in line and "gone" in line])

    def test_a_process_that_is_killed_on_a_reachable_host_is_gone_at_once(self):
        ana, bob, a, b = self.start_all()
        self.begun()
        b.kill(signal.SIGKILL)
        a.expect("FAILED\tgone", 3)
        a.expect(r"WATCH\s+gone", 3)


class TestBrokerMoves(Hosts):
    def test_another_host_takes_the_brokers_name(self):
        hub = self.start_hub(("ana", "bob", "tester"))
        ana, bob = self.net_host("ana"), self.net_host("bob")
        a, b = self.start_pair(ana, bob)
        self.begun()
        self.cut(hub)                       # Nobody hears of its end
        self.hub.kill(signal.SIGKILL)
        other = self.made["hub"] = self.net_host("hub2")
        self.names["hub"] = other.address       # The name is another address now
        self.know()
        begun = time.monotonic()
        self.start_hub(("ana", "bob", "tester"))
        harness.eventually(lambda: {"ana", "bob"} <= {node["node"] for node in self.nodes_at(other)}, "both have found it", 10)
        self.assertLess(time.monotonic() - begun, 8)    # Of these 2 until the silence is noticed
        before = self.ask("ana", "state")[1]
        harness.eventually(lambda: self.ask("ana", "state")[1] > before + 50, "it goes on")

    def nodes_at(self, host):
        import json
        result = host.run("nodes", "--json", *host.at("tester"))
        return json.loads(result.out) if result.status == 0 else []


class TestNames(Hosts):
    """A name may have addresses of both kinds, and the one that answers is found."""

    def setUp(self):
        super().setUp()
        self.all = {name: self.net_host(name) for name in ("hub", "ana", "bob")}
        self.trust("ana", "bob", "tester")
        self.sixes = {name: self.six(host) for name, host in self.all.items()}

    def hub_at(self, *addresses, listen):
        self.lead("hub", *addresses)
        return self.start_hub(listen=listen)

    def expect_entry(self):
        """A node, a visitor and the doctor come in, at once."""
        ana = self.all["ana"]
        begun = time.monotonic()
        node = ana.node("ana", self.program(COUNTER, "counter.lua"), listen=False)
        self.assertLess(time.monotonic() - begun, 2)
        result = ana.run("nodes", *ana.at("tester"))
        self.assertEqual(result.status, 0, result)
        self.assertLess(result.seconds, 2)
        self.assertIn("tcp://hub:4321 lets us in", ana.run("doctor", *ana.at("tester")).out)
        return node

    def test_ipv6_only(self):
        self.hub_at(self.sixes["hub"], listen="tcp://[::]:4321")
        self.expect_entry()

    def test_both_where_ipv6_listens(self):
        self.hub_at(self.all["hub"].address, self.sixes["hub"], listen=f"tcp://[{self.sixes['hub']}]:4321")
        self.expect_entry()

    def test_both_where_ipv4_listens(self):
        self.hub_at(self.sixes["hub"], self.all["hub"].address, listen="tcp://0.0.0.0:4321")
        self.expect_entry()

    def test_both_where_one_is_silent(self):
        """What is dropped by a firewall is given up after 2.5 s: by who looks whether somebody listens, and who dials."""
        self.hub_at(self.all["hub"].address, self.sixes["hub"], listen="tcp://[::]:4321")
        ana = self.all["ana"]
        for address in ana.address, self.sixes["ana"]:
            self.deny(ana, self.all["hub"], address)
            begun = time.monotonic()
            result = ana.run("nodes", *ana.at("tester"))
            self.assertEqual(result.status, 0, result)
            self.assertLess(time.monotonic() - begun, 8)
            self.assertIn("tcp://hub:4321 lets us in", ana.run("doctor", *ana.at("tester")).out)
            self.mend(self.all["hub"])

    def test_a_broker_that_changes_its_kind(self):
        self.hub_at(self.all["hub"].address, listen="tcp://0.0.0.0:4321")
        self.expect_entry()
        for address in self.sixes["hub"], self.all["hub"].address:
            self.hub.kill(signal.SIGKILL)
            self.lead("hub", address)
            begun = time.monotonic()
            self.start_hub(listen=f"tcp://[{address}]:4321" if ":" in address else f"tcp://{address}:4321")
            harness.eventually(lambda: "ana" in self.all["ana"].run("nodes", *self.all["ana"].at("tester")).out, "it is found", 5)
            self.assertLess(time.monotonic() - begun, 3)

    def test_a_node_whose_name_has_ipv6_only(self):
        self.hub_at(self.all["hub"].address, listen="tcp://0.0.0.0:4321")
        self.lead("bob", self.sixes["bob"])
        bob = self.all["bob"].node("bob", "--listen", "tcp://[::]:4322", "--advertise", "bob", self.program(COUNTER, "counter.lua"),
                                   listen=False)
        ana = self.all["ana"].node("ana", self.program(CALLER, "caller.lua"), "bob", listen=False)
        self.begun()
        harness.eventually(lambda: self.ask("ana", "state")[1] > 200, "it goes on")
        self.assertLess(self.ask("ana", "state")[4], 50)    # Only answers to us are relayed
        self.check_order(ana, bob)

    def test_what_is_said_where_nobody_listens(self):
        ana = self.all["ana"]
        for addresses, said in (((self.all["hub"].address, self.sixes["hub"]), "nobody listens at tcp://hub:4321"),
                                ((), "the name in tcp://hub:4321 is not known")):
            self.lead("hub", *addresses)
            result = ana.run("doctor", *ana.at("tester", endpoint="tcp://hub:4321"))
            self.assertIn(said, result.out)
            self.assertLess(result.seconds, 3)
            result = ana.run("nodes", *ana.at("tester", endpoint="tcp://hub:4321"))
            self.assertIn("no broker at tcp://hub:4321", result.err)

    def test_without_keys_it_is_told_what_is_missing(self):
        self.hub_at(self.all["hub"].address, self.sixes["hub"], listen=f"tcp://[{self.sixes['hub']}]:4321")
        result = self.all["ana"].run("nodes", "--broker", "tcp://hub:4321")
        self.assertIn("who listens at tcp://hub:4321 takes links with keys only", result.err)
        self.assertLess(result.seconds, 3)


class TestAddresses(Hosts):
    @unittest.skipUnless(harness.has_ipv6(), "no IPv6 here: [::1] cannot be listened at")
    def test_ipv6(self):
        self.start_hub(("ana", "bob", "tester"), listen="tcp://[::1]:*")
        self.hub.endpoint = self.hub.expect(r"listening on (\S+)")[1]
        hub = self.made["hub"]
        for name in ("ana", "bob"):
            hub.start("node", "--name", name, "--broker", self.hub.endpoint, "--key", self.key(name), "--broker-key",
                      self.public("broker"), "--listen", "tcp://[::1]:*", self.program(COUNTER, "counter.lua")).expect("is ready")
        self.assertEqual(self.ask("bob", "count")[:2], [0, 0])


if __name__ == "__main__":
    unittest.main()
