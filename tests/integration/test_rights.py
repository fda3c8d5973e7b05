"""Keys and rights at the broker, over real processes: who comes in, what each role may, and what changes while links are open"""
import os
import pathlib
import time
import unittest

import harness
import wire_client
from wire_client import Failed, Key, Link, TYPES, WAYS

POLICY = """
roles = {
  worker = { take = { "jobs" }, out = { "done" }, sub = { "news.>" }, call = { "stats.*" } },
  boss = { code = "full", call = true, out = true, take = true, read = true, pub = true, sub = true, admin = true },
}
keys = { ana = "boss", bob = "worker", eva = {} }
"""


class Case(harness.Case):
    """A broker with keys; certificates broker, ana, bob and eva, of which the last three are trusted; zoe is not."""

    def setUp(self):
        super().setUp()
        self.trust = self.dir / "trusted"
        self.keys = {name: self.new_key(name) for name in ("broker", "ana", "bob", "eva", "zoe")}
        for name in ("ana", "bob", "eva"):
            self.trust_key(name)
        self.policy = self.dir / "policy.lua"
        self.write_policy(POLICY)
        self.broker = self.start("broker", "--listen", "tcp://127.0.0.1:*", "--key", self.dir / "broker.key",
                                 "--trust", self.trust, "--policy", self.policy)
        self.endpoint = self.broker.expect(r"listening on (\S+)")[1]

    def new_key(self, name):
        made = self.run_alua("keys", "new", "--dir", self.dir, name)
        self.assertEqual(made.status, 0, made)
        return Key.load(self.dir / f"{name}.key")

    def trust_key(self, name):
        done = self.run_alua("keys", "trust", "--trust", self.trust, self.dir / f"{name}.pub")
        self.assertEqual(done.status, 0, done)

    def write_policy(self, text):
        """By rename, as an editor does."""
        fresh = pathlib.Path(f"{self.policy}.new")
        fresh.write_text(text)
        os.chmod(fresh, 0o600)
        fresh.rename(self.policy)

    def link(self, key, name=""):
        link = Link(self.endpoint, key=self.keys[key], server=self.keys["broker"], name=name, timeout=harness.PATIENCE)
        self.addCleanup(link.close)
        return link

    def come(self, key, name="", **body):
        link = self.link(key, name)
        link.open(**body)
        return link

    def denied(self, link, *fields):
        """An ASK is denied for want of a right; its text."""
        with self.assertRaises(Failed) as caught:
            link.ask(*fields)
        self.assertEqual(caught.exception.code, "denied", caught.exception)
        return caught.exception.text

    def stat(self, key):
        with self.come("ana", visitor=True) as link:
            return link.ask("STAT")[0][key]


class TestWho(Case):
    def test_a_trusted_key_comes_in_with_its_rights(self):
        bob = self.come("bob", "bob")
        self.assertIs(bob.welcome["body"]["keys"], True)
        self.assertEqual(bob.welcome["body"]["rights"],
                         {"call": ["stats.*"], "out": ["done"], "take": ["jobs"], "sub": ["news.>"]})

    def test_strangers_are_refused_within_a_second(self):
        link = self.link("zoe")
        self.assertEqual(link.handshake(1), 400)
        self.broker.expect("refused a connection: the key .* is not trusted")

    def test_with_a_wrong_broker_key_there_is_no_handshake(self):
        link = Link(self.endpoint, key=self.keys["ana"], server=self.keys["zoe"])
        self.addCleanup(link.close)
        self.assertNotIn(link.handshake(1), ("ok", 400))

    def test_the_token_is_no_way_in_over_tcp(self):
        link = Link(self.endpoint, "0" * 32)
        self.addCleanup(link.close)
        link.hello(7)
        with self.assertRaises(wire_client.Silence):
            link.hear(0.5)

    def test_one_who_is_trusted_now_comes_in_at_once(self):
        self.assertEqual(self.link("zoe").handshake(1), 400)
        self.trust_key("zoe")
        self.come("zoe", "zoe")

    def test_names_belong_to_keys(self):
        with self.assertRaisesRegex(Failed, "denied: the name ana belongs to another key"):
            self.come("bob", "ana")
        bob, eva = self.come("bob", "bob"), self.come("eva", "eva")
        bob.ask("REGISTER", "printer")
        bob.ask("UNREGISTER", "printer")
        self.assertIn("belongs to another key", self.denied(eva, "REGISTER", "printer"))
        self.assertIn("belongs to another key", self.denied(eva, "REGISTER", "ana"))
        self.assertEqual(eva.ask("LOOKUP", "bob")[0]["key"], self.keys["bob"].public)


class TestRoles(Case):
    def test_what_a_worker_may(self):
        ana, bob = self.come("ana", "ana"), self.come("bob", "bob")
        ana.ask("OUT", "jobs", ["square", 7])
        self.assertEqual(bob.ask("TAKE", "jobs", ["square", 7])[0], ["square", 7])
        bob.ask("OUT", "done", [49])
        bob.ask("SUBSCRIBE", "news.sport")
        self.assertEqual(self.denied(bob, "OUT", "jobs", ["x"]),
                         'bob may not put into the space jobs: its rights would need out = { "jobs" }')
        self.assertIn("may not read the space done", self.denied(bob, "READ", "done", [49]))
        self.assertIn("may not subscribe to >", self.denied(bob, "SUBSCRIBE", ">"))
        self.assertIn("may not publish to news.sport", self.denied(bob, "PUBLISH", "news.sport", 1))
        self.assertIn("may not drain the node ana", self.denied(bob, "DRAIN", "ana"))
        self.assertEqual([space["name"] for space in bob.ask("SPACES")[0]], ["done"])
        self.broker.expect(r"audit \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ bob denied OUT out jobs \(1@bob ")

    def test_a_batch_is_all_or_nothing(self):
        bob = self.come("bob", "bob")
        self.denied(bob, "BATCH", [[TYPES["OUT"], "done", [1]], [TYPES["OUT"], "jobs", [1]]])
        self.assertEqual(self.come("ana", "ana").ask("COUNT", "done"), [0])

    def test_relayed_work(self):
        ana, bob = self.come("ana", "ana"), self.come("bob", "bob")
        ana.serve["stats.mean"] = lambda *numbers: [sum(numbers) / len(numbers)]
        number = bob.request()
        bob.say("CALL", number, 5000, bob.id, "ana", 3, "stats.mean", [1, 3])
        ana.serve_until(lambda: any(heard[1] == TYPES["RIGHTS"] for heard in ana.told))
        told = ana.wait_told("RIGHTS")
        self.assertEqual(told[4:6], ["bob", self.keys["bob"].public])
        self.assertEqual(told[6]["call"], ["stats.*"])
        self.assertEqual(told[6].get("code"), None)
        heard = ana.hear()
        self.assertEqual(heard[1], TYPES["CALL"])
        ana.handle(heard)
        self.assertEqual(bob.outcome(number, ("REPLY",))[6], [2.0])
        with self.assertRaisesRegex(Failed, "bob may not call os.exit"):
            bob.call("ana", "os.exit", 1)
        with self.assertRaises(Failed) as caught:
            bob.chunk("ana", "return 1")
        self.assertEqual(caught.exception.code, "denied")
        self.assertIs(caught.exception.error["definite"], True)
        self.assertEqual(ana.ran, [])

    def test_every_type_of_a_key_without_rights(self):
        """W60: what needs a right is denied, and none does harm."""
        ana, denied = self.come("ana", "ana"), []
        for name, way in WAYS.items():
            if way in ("ASK", "PROC"):
                with self.come("eva", visitor=True) as eva:
                    if self.answer_to(eva, name, way) == "denied":
                        denied.append(name)
        needing = [row[1] for row in wire_client.table(10) if row[0].isdigit() and row[6]]
        self.assertEqual([name for name in denied if name not in ("VOUCH",)], needing)
        self.assertEqual(ana.ask("SPACES"), [[]])
        self.assertEqual([heard for heard in ana.told if heard[1] in (TYPES["CALL"], TYPES["CHUNK"])], [])

    def answer_to(self, eva, name, way):
        """The code of the denial, "" for an answer, None where there is none."""
        number = eva.request()
        if way == "PROC":
            eva.say(name, number, 1000, eva.id, "ana", 1, "x", "y", [])
            if name not in ("CHUNK", "CALL"):
                return None
        else:
            eva.say(name, number, 1000, "x", ["x"], {})
        if name == "CONSUMED":
            return None
        heard = eva.outcome(number, ("DENY", "FAIL", "ANSWER"))
        return heard[4] if heard[1] == TYPES["DENY"] else heard[6]["code"] if heard[1] == TYPES["FAIL"] else ""

    def test_draining(self):
        ana, bob = self.come("ana", "ana"), self.come("bob", "bob")
        ana.ask("DRAIN", "bob")
        self.assertEqual(bob.wait_told("DRAINING")[4], "1@ana")
        state = {node["node"]: node["state"] for node in ana.ask("NODES")[0]}
        self.assertEqual(state, {"ana": "up", "bob": "draining"})


class TestChanges(Case):
    def wait_refused(self, link, timeout):
        end = time.monotonic() + timeout
        while True:
            heard = link.hear(end - time.monotonic())
            if heard[1] == TYPES["REFUSED"]:
                return heard

    def test_revocation_cuts_a_live_link_within_a_second(self):
        ana, bob = self.come("ana", "ana"), self.come("bob", "bob")
        ana.ask("VOUCH", "bob", self.keys["bob"].public)
        self.assertEqual(self.run_alua("keys", "revoke", "--trust", self.trust, "bob").status, 0)
        revoked = time.monotonic()
        heard = self.wait_refused(bob, 2)
        self.assertLess(time.monotonic() - revoked, 1)
        self.assertEqual(heard[5], "denied")
        self.assertEqual(ana.wait_told("RIGHTS")[4:], ["", self.keys["bob"].public, None])
        self.assertEqual(self.link("bob").handshake(1), 400)
        with self.assertRaisesRegex(Failed, "denied"):
            ana.ask("VOUCH", "", self.keys["bob"].public)

    def test_a_new_policy_is_in_force_within_a_second(self):
        bob = self.come("bob", "bob")
        number = bob.request()
        bob.say("TAKE", number, 60000, "jobs", ["never"], {})
        bob.ask("NODES")
        self.write_policy(POLICY.replace('take = { "jobs" }', 'take = { "others" }'))
        written = time.monotonic()
        answer = bob.outcome(number, ("ANSWER", "DENY"), 2)
        self.assertLess(time.monotonic() - written, 1)
        self.assertEqual(answer[4:], ["denied", "the right to it was withdrawn"])
        self.assertEqual(bob.wait_told("RIGHTS")[4:6], ["", self.keys["bob"].public])
        self.assertIn("may not take from the space jobs", self.denied(bob, "TAKE", "jobs", ["x"], {"try": True}))

    def test_garbage_keeps_the_old_rights_and_shouts(self):
        bob = self.come("bob", "bob")
        self.write_policy("roles = {\n  worker = os.execute('true') }\n")
        self.broker.expect(r"POLICY BROKEN, THE OLD RIGHTS STAY: .*policy\.lua:2:12")
        bob.ask("OUT", "done", [1])
        self.denied(bob, "OUT", "jobs", [1])
        self.assertEqual(self.stat("policy_broken"), 1)
        self.write_policy(POLICY)
        self.broker.expect("is in force")
        self.assertEqual(self.stat("policy_broken"), 0)

    def test_rotation(self):
        bob, fresh = self.come("bob", "bob"), Key.new("bob")
        self.assertEqual(bob.ask("ROTATE", fresh.public), [True])
        self.assertEqual(self.wait_refused(bob, 1)[5], "denied")
        self.keys["bob"] = fresh
        self.assertEqual(self.come("bob", "bob").welcome["body"]["rights"]["take"], ["jobs"])


class TestStarting(harness.Case):
    def test_a_broken_policy_is_no_way_to_begin(self):
        self.assertEqual(self.run_alua("keys", "new", "--dir", self.dir, "broker").status, 0)
        policy = self.program("keys = { ana = 1 +  }", "policy.lua")
        os.chmod(policy, 0o600)
        failed = self.run_alua("broker", "--listen", "tcp://127.0.0.1:*", "--key", self.dir / "broker.key",
                               "--policy", policy)
        self.assertEqual(failed.status, 1, failed)
        self.assertIn("policy.lua:1:18", failed.err)
        failed = self.run_alua("broker", "--listen", "tcp://127.0.0.1:*", "--key", self.dir / "broker.key",
                               "--policy", self.dir / "none.lua")
        self.assertIn("No such file", failed.err)


if __name__ == "__main__":
    unittest.main()
