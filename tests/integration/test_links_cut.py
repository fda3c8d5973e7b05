"""Links that count, as programs see them: connections break all the time, and nothing is lost, doubled or out of order"""
import signal
import time
import unittest

import harness
import wire_client
from links_proxy import Proxy, free_port

TALK = str(harness.pathlib.Path(__file__).parent / "programs" / "links_talk.lua")
LIMIT = 100                     # Seconds for whatever takes long


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.broker = self.start("broker", "--listen", f"ipc://{self.dir}/broker", "--listen", f"tcp://127.0.0.1:{self.port}")
        self.broker.expect("listening on tcp")
        self.client = wire_client.Link(f"ipc://{self.dir}/broker", wire_client.token_of(self.runtime / "alua"), timeout=LIMIT)
        self.addCleanup(self.client.leave)
        self.client.open(visitor=True)
        self.proxies = {}

    def tearDown(self):
        """In order, so that nobody has to wait for a lease: the nodes end while their proxies still work."""
        for proxy in self.proxies.values():
            proxy.heal()
        self.client.leave()
        for process in self.started[1:]:
            process.kill(signal.SIGTERM)
        for process in self.started[1:]:
            process.wait()

    def proxy(self, name, target):
        proxy = Proxy(target, seed=len(self.proxies))
        self.proxies[name] = proxy
        self.addCleanup(proxy.stop)
        return proxy

    def node(self, name, listens=True, broker=None, host=None):
        """A node as if on a host of its own: others reach it through a proxy, or through the broker only."""
        env = {"ALUA_HOST": host or name}
        if listens:
            port = free_port()
            env.update(ALUA_LISTEN=f"tcp://127.0.0.1:{port}", ALUA_ADVERTISE=self.proxy(name, port).endpoint)
        node = self.start("node", "--name", name, "--broker", broker or f"ipc://{self.dir}/broker", TALK, env=env)
        node.expect("is ready")
        return node

    def call(self, node, name, *args):
        return self.client.call("1@" + node, name, *args, timeout=LIMIT)

    def settled(self, names, count):
        """All have said all they had to say, and had all answers; then what they have heard."""
        def done():
            told = [self.call(name, "told") for name in names]
            for finished, answers, failures, unsent, lied in told:
                self.assertIsNone(lied)
            return all(finished and answers == count // 10 for finished, answers, failures, unsent, lied in told)
        harness.eventually(lambda: time.sleep(0.1) or done(), f"{count} words", LIMIT)
        for name in names:
            harness.eventually(lambda: self.call(name, "heard")[0] == count, f"the last word at {name}", LIMIT)
            self.assertEqual(self.call(name, "heard"), [count, None])

    def talk(self, a, b, count, pause=0):
        self.call(a, "start", "1@" + b, count, pause)
        self.call(b, "start", "1@" + a, count, pause)

    def reported(self, *nodes):
        """What they have said on standard error."""
        return [line for node in nodes for line in node.err]


class TestCut(Case):
    def test_a_hundred_thousand_words_over_connections_that_break(self):
        ana, bob = self.node("ana"), self.node("bob")
        for proxy in self.proxies.values():
            proxy.cut(0.005, 0.060)
        begun = time.monotonic()
        self.talk("ana", "bob", 50000, 0.1)
        self.settled(("ana", "bob"), 50000)
        cuts = sum(proxy.cuts for proxy in self.proxies.values())
        print(f"{cuts} cuts in {time.monotonic() - begun:.1f} s", end=" ", flush=True)
        self.assertGreater(cuts, 20)
        self.assertEqual(self.reported(ana, bob), [])

    def test_through_a_broker_whose_connections_break(self):
        proxy = self.proxy("broker", self.port)
        ana, bob = (self.node(name, listens=False, broker=proxy.endpoint) for name in ("ana", "bob"))
        proxy.cut(0.005, 0.060)
        self.talk("ana", "bob", 20000, 0.1)
        self.settled(("ana", "bob"), 20000)
        self.assertGreater(proxy.cuts, 20)
        self.assertEqual(self.reported(ana, bob), [])

    def test_large_ones(self):
        """Messages that take longer than many a connection lives."""
        ana, bob = self.node("ana"), self.node("bob")
        for proxy in self.proxies.values():
            proxy.cut(0.010, 0.100)
        for i in range(1, 21):
            size = 50000 * i
            self.assertEqual(self.client.chunk("1@ana", "local s = string.rep('x', ...) return #assert(luarpc.sync('1@bob', 'string.upper', "
                                                        "{ timeout = 90 })(s))", size), [size])
        self.assertEqual(self.reported(ana, bob), [])

    def test_a_pause_is_no_end(self):
        """Two seconds without a byte: calls wait, and are answered when it is over."""
        ana, bob = self.node("ana"), self.node("bob")
        self.talk("ana", "bob", 100)
        self.settled(("ana", "bob"), 100)
        for proxy in self.proxies.values():
            proxy.hold()
        self.call("ana", "forget"), self.call("bob", "forget")
        self.talk("ana", "bob", 2000)
        time.sleep(2)
        for proxy in self.proxies.values():
            proxy.heal()
        self.settled(("ana", "bob"), 2000)
        self.assertEqual(self.reported(ana, bob), [])

    def test_gone_is_final_and_what_was_under_way_is_reported(self):
        """Silence for longer than the lease: calls fail, sends are told of; then they meet again."""
        ana, bob = self.node("ana"), self.node("bob")
        self.talk("ana", "bob", 100)
        self.settled(("ana", "bob"), 100)
        for proxy in self.proxies.values():
            proxy.hold()
        got = self.client.chunk("1@ana", "for i = 1, 5 do dalua.send('1@bob', 'print', 'lost') end "
                                         "local _, err = luarpc.sync('1@bob', 'record', { timeout = 60 })(101) return err.code, err.definite")
        self.assertEqual(got, ["gone", False])
        ana.expect(r"1@bob: gone: sent, but never acknowledged")
        ana.expect(r"4 more of these")
        for proxy in self.proxies.values():
            proxy.heal()
        harness.eventually(lambda: self.client.chunk("1@ana", "return luarpc.sync('1@bob', 'math.max', { timeout = 5 })(1, 2)")[0] == 2, "they meet again")
        self.assertNotIn("lost\n", bob.out)


if __name__ == "__main__":
    unittest.main()
