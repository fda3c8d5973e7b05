"""Faults that concern keys: none, the wrong one, a revoked one, names and sessions of others, another broker"""
import collections
import pathlib
import re
import resource
import secrets
import signal
import socket
import threading
import time
import unittest

import harness
import hosts
import msgpack
import wire_client
import zmq
from harness import eventually

#  What is promised within a second has as much again, for processes to start on a busy machine (more under sanitizers).
SECOND = 2 * harness.PATIENCE / 20

Certificate = collections.namedtuple("Certificate", "public secret", defaults=[None])

ADD = "luarpc.export('add', function(a, b) return a + b end)"

#  Calls ana until it fails, and says how.
CALLER = """
local add = luarpc.sync("ana", "add")
assert(add(1, 2) == 3)
print "calling"
io.stdout:flush()
local sum, err
repeat
  alua.sleep(0.01)
  sum, err = add(1, 2)
until not sum
print("failed: " .. tostring(err.code))
io.stdout:flush()
alua.loop()
"""


def certificate(path):
    """The halves of a certificate of ours."""
    text = pathlib.Path(path).read_text()
    return Certificate(*(re.search(rf'{half}-key = "(.{{40}})"', text)[1] for half in ("public", "secret")))


class HastyServer:
    """With keys; it cuts whoever says more than the beginning of a greeting before it has said its own mechanism."""

    SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"
    GREETING = SIGNATURE + b"\x03\x01" + b"CURVE".ljust(20, b"\0") + b"\x01" + bytes(31)

    def __init__(self, case):
        self.listener = socket.create_server(("127.0.0.1", 0))
        case.addCleanup(self.listener.close)
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.greet, args=(connection,), daemon=True).start()

    def greet(self, connection):
        with connection:
            connection.settimeout(0.3)              # Whoever waits for us is not hasty
            connection.sendall(self.GREETING[:11])
            said = b""
            try:
                while len(said) <= 11 and (more := connection.recv(64)):
                    said += more
            except TimeoutError:
                connection.sendall(self.GREETING[11:])
                connection.settimeout(10)
                connection.recv(64)
            except ConnectionResetError:
                pass


class TestRefused(hosts.Case):
    """Whoever is refused hears so within a second, and what to check; nothing hangs."""

    def refused(self, text, *options, host="ana"):
        for verb in (("nodes",), ("node", "--name", "ana"), ("send", "--timeout", 20)):
            args = (*verb, *options, *(("bob", "return 1") if verb[0] == "send" else ()))
            result = self.host(host).run(*args)
            self.assertEqual((result.status, result.out), (1, ""), args)
            self.assertIn(text, result.err, args)
            self.assertLess(result.seconds, SECOND, args)

    def test_no_key(self):
        self.start_hub()
        self.refused("takes links with keys only: give its public key, and ours (--key)", "--broker", self.hub.endpoint)

    def test_no_key_and_the_other_end_is_hasty(self):
        self.refused("takes links with keys only", "--broker", HastyServer(self).endpoint)

    def test_a_key_that_is_not_trusted(self):
        self.start_hub(("bob",))
        self.refused("does not trust our key ana", *self.host("ana").at())
        self.refused("on its host run `alua keys trust ana.pub`", *self.host("ana").at())
        self.hub.expect(re.escape(f"the key {self.key_of('ana')} is not trusted"))

    def test_the_wrong_key_of_the_broker(self):
        self.start_hub(("ana",))
        self.refused("compare it with its .pub", *self.host("ana").at(broker_key=self.public("other")))

    def test_a_broker_without_keys(self):
        hub = self.host("hub").start("broker", "--listen", "tcp://127.0.0.1:*")
        self.refused("--key",           # Which of two things is said depends on who is faster
                     *self.host("ana").at(endpoint=hub.expect(r"listening on (\S+)")[1]))

    def test_the_brokers_key_is_not_known(self):
        self.start_hub(("ana",))
        self.refused("alua keys trust broker.pub", "--broker", self.hub.endpoint, "--key", self.key("ana"))

    def test_a_revoked_key(self):
        self.start_hub(("ana",))
        self.revoke("ana")
        eventually(lambda: self.host("ana").run("nodes", *self.host("ana").at()).status == 1, "it is revoked", SECOND)
        self.refused("does not trust our key", *self.host("ana").at())

    def test_the_user_itself_needs_no_key(self):
        self.start_hub(("ana",), args=("--listen", f"ipc://{self.dir}/own"))
        self.host("ana").node("ana")
        hub = self.host("hub")
        result = hub.run("send", "--broker", f"ipc://{self.dir}/own", "ana", "return 7")
        self.assertEqual(result.out, "7\n", result)


#  What the node itself says of it: whose key, and what to do.
REVOKED = r"denied: the broker does not trust the key of ana any more: whoever runs it can trust that again, .*alua keys trust"


class TestRevoked(hosts.Case):
    """A live link ends within a second."""

    def test_the_link_to_the_broker(self):
        self.start_hub(("ana", "bob"))
        ana, bob = self.host("ana"), self.host("bob")
        node = ana.node("ana", self.program(ADD))
        self.assertEqual(bob.run("call", *bob.at(), "ana", "add", 1, 2).out, "3\n")
        self.revoke("ana")
        node.expect(REVOKED, timeout=SECOND)
        self.assertTrue(node.alive())
        self.assertNotIn("1@ana", bob.run("nodes", *bob.at()).out)
        self.assertEqual(bob.run("call", *bob.at(), "ana", "add", 1, 2).status, 1)

    def test_the_link_between_two_nodes(self):
        self.start_hub(("ana", "bob"))
        ana = self.host("ana").node("ana", self.program(ADD))
        caller = self.host("bob").node("bob", self.program(CALLER, "caller.lua"))
        caller.expect("calling")
        self.revoke("bob")
        self.assertIn(caller.expect("failed: (.*)", timeout=SECOND)[1], ("denied", "gone", "closed", "offline"))
        self.assertTrue(ana.alive())

    def test_it_asks_again_and_comes_back_when_it_is_trusted(self):
        self.start_hub(("ana", "bob"))
        ana, bob = self.host("ana"), self.host("bob")
        node = ana.node("ana")
        self.revoke("ana")
        node.expect(REVOKED, timeout=SECOND)
        refused = rf"refused a connection: the key {re.escape(self.key_of('ana'))}"
        times = []
        for count in (1, 2, 3):
            self.hub.expect(refused, count=count)
            times.append(time.monotonic())
        self.assertGreater(times[1] - times[0], 0.9)        # 1 s, 2 s, 4 s ... between two tries
        self.assertGreater(times[2] - times[1], 1.5)
        node.expect("does not trust our key ana")
        (self.host("hub").store / "revoked/ana.pub").unlink()
        self.trust("ana")
        eventually(lambda: "1@ana" in bob.run("nodes", *bob.at()).out, "it is back")
        self.assertTrue(node.alive())

    def test_a_certificate_that_was_just_removed(self):
        self.start_hub(("ana",))
        node = self.host("ana").node("ana")
        (self.host("hub").store / "ana.pub").unlink()
        node.expect(REVOKED, timeout=SECOND)


class TestNames(hosts.Case):
    def test_the_name_of_anothers_certificate(self):
        self.start_hub(("ana", "bob"))
        bob = self.host("bob")
        result = bob.run("node", "--name", "ana", *bob.at())
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("ana", result.err)
        self.assertLess(result.seconds, SECOND)
        self.host("ana").node("ana")

    def test_a_name_belongs_to_the_key_that_took_it(self):
        self.start_hub(("ana", "bob"))
        ana, bob = self.host("ana"), self.host("bob")
        ana.node("service").stop()
        result = bob.run("node", "--name", "service", *bob.at())
        self.assertEqual((result.status, result.out), (1, ""), result)
        ana.node("service")

    def test_while_its_owner_is_there(self):
        self.start_hub(("ana", "bob"))
        node = self.host("ana").node("service", self.program(ADD))
        bob = self.host("bob")
        self.assertEqual(bob.run("node", "--name", "service", *bob.at()).status, 1)
        self.assertEqual(bob.run("call", *bob.at(), "service", "add", 1, 2).out, "3\n")
        self.assertTrue(node.alive())


class TestStartedAgain(hosts.Case):
    """A node that is started again where nobody can prove that the one before is dead: its key has the name."""

    def test_it_has_its_name_as_soon_as_the_old_one_is_silent(self):
        self.start_hub(("ana",))
        ana = self.host("ana")
        before = ana.node("ana")
        second = ana.start("node", "--name", "ana", *ana.at())
        second.expect("exists: the name ana is taken by a node that has been alive")
        second.wait()
        before.kill(signal.SIGSTOP)
        self.addCleanup(before.kill, signal.SIGCONT)
        self.hub.expect("ana is silent")
        after = ana.start("node", "--name", "ana", *ana.at())
        self.hub.expect("ana is gone: another incarnation has its name")
        after.expect("is ready")
        self.assertNotIn("its lease is over", "".join(self.hub.err))
        before.kill(signal.SIGCONT)
        before.expect("the broker: exists: ")
        self.assertEqual(ana.run("send", *ana.at(), "ana", "return 7").out, "7\n")
        self.assertTrue(after.alive())

    def test_without_a_key_the_silent_one_keeps_it(self):
        self.start_broker()
        before = self.start_node("ana")
        before.kill(signal.SIGSTOP)
        self.addCleanup(before.kill, signal.SIGCONT)
        result = self.run_alua("node", "--name", "ana")
        self.assertEqual(result.status, 1, result)
        self.assertIn("exists: the name ana is taken by a node", result.err)


class TestSessions(hosts.Case):
    def link(self, name, **keywords):
        link = wire_client.Link(self.hub.endpoint, server=Certificate(self.key_of("broker")),
                                key=certificate(self.key(name)), **keywords)
        self.addCleanup(lambda: link.socket.close())
        return link

    def answer_to_resume(self, link, session, received):
        nonce = secrets.randbits(63) + 1
        link.send_frame(wire_client.message("RESUME", 0, 0, nonce, session, received))
        return link.opened(nonce)

    def test_a_python_client_with_a_key(self):
        self.start_hub(("ana",))
        link = self.link("ana")
        link.open(features=wire_client.RESUME, visitor=True)
        self.assertTrue(link.welcome["body"]["keys"])
        self.assertIn("wall", link.ask("STAT")[0])
        link.leave()

    def test_the_session_of_another_key(self):
        """Whoever has read the number of a session elsewhere cannot go on with it."""
        self.start_hub(("ana", "bob"))
        ana, thief = self.link("ana"), self.link("bob")
        ana.open(features=wire_client.RESUME, visitor=True)
        answer = self.answer_to_resume(thief, ana.welcome["session"], 0)
        self.assertEqual(answer[1], wire_client.TYPES["REFUSED"], answer)
        self.assertIsInstance(ana.ask("STAT")[0], dict)

    def test_the_same_key_resumes(self):
        self.start_hub(("ana",))
        ana = self.link("ana")
        ana.open(features=wire_client.RESUME, visitor=True)
        ana.ask("STAT")
        ana.socket.close()
        ana.connect()
        ana.resume()
        self.assertIsInstance(ana.ask("STAT")[0], dict)

    def test_the_token_is_no_proof_where_keys_are(self):
        """By TCP the key counts; who shows the token besides has no more rights for it."""
        self.start_hub(("ana",), policy="keys = { ana = { read = true } }\n")
        ana = self.link("ana")
        ana.token = wire_client.token_of(self.host("hub").runtime / "alua")
        ana.open(features=wire_client.RESUME, visitor=True)
        with self.assertRaises(wire_client.Failed) as refusal:
            ana.ask("OUT", "jobs", [1], {})
        self.assertEqual(refusal.exception.code, "denied")
        self.hub.expect(r"audit \S+ .*denied OUT out jobs")


def own_address():
    """By which others would reach this machine; None where there is no network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return way.getsockname()[0]


class TestToken(harness.Case):
    """The user's secret is shown on this machine only: on the way to another host everybody could read it."""

    def proof_shown_at(self, address):
        context = zmq.Context()
        self.addCleanup(context.destroy, 0)
        router = context.socket(zmq.ROUTER)
        self.addCleanup(router.close, 0)
        port = router.bind_to_random_port(f"tcp://{address}")
        visitor = self.start("nodes", "--broker", f"tcp://{address}:{port}")
        self.assertTrue(router.poll(1000 * harness.PATIENCE), visitor.err)
        hello = msgpack.unpackb(router.recv_multipart()[1], strict_map_key=False)
        self.assertEqual(hello[1], wire_client.TYPES["HELLO"])
        visitor.stop()
        return hello[11]

    def test_it_is_shown_here(self):
        self.assertEqual(self.proof_shown_at("127.0.0.1"), wire_client.token_of(self.runtime / "alua"))

    @unittest.skipIf(own_address() in (None, "127.0.0.1"), "no address but loopback")
    def test_it_is_not_shown_elsewhere(self):
        self.assertEqual(self.proof_shown_at(own_address()), "")


class TestTrustStore(hosts.Case):
    def test_loose_rights_while_it_runs(self):
        """What others may have put there is not believed; who was trusted before still is."""
        self.start_hub(("ana",))
        store = self.host("hub").store
        store.chmod(0o777)
        (store / "eve.pub").write_text(self.public("eve").read_text())
        self.hub.expect(re.escape(f"chmod 700 {store}"))
        eve, ana = self.host("eve"), self.host("ana")
        self.assertIn("does not trust our key", eve.run("nodes", *eve.at()).err)
        self.assertEqual(ana.run("nodes", *ana.at()).status, 0)
        store.chmod(0o700)
        eventually(lambda: eve.run("nodes", *eve.at()).status == 0, "it is read again")

    def test_garbage_in_it_while_it_runs(self):
        self.start_hub(("ana",))
        (self.host("hub").store / "bob.pub").write_text("garbage")
        self.hub.expect("bob.pub is no certificate")
        ana = self.host("ana")
        self.assertEqual(ana.run("nodes", *ana.at()).status, 0)


class TestReplacedBroker(hosts.Case):
    """Another broker at the same address, with another key, is not believed."""

    def test_its_nodes_do_not_go_to_it(self):
        self.start_hub(("ana", "bob"))
        endpoint = self.hub.endpoint
        ana, bob = self.host("ana"), self.host("bob")
        node = ana.node("ana")
        self.hub.stop()
        false = self.start_hub(listen=endpoint, key="false")
        node.expect("does not have the key")
        result = bob.run("nodes", *bob.at())
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("compare it with its .pub", result.err)
        self.assertFalse([line for line in false.err if "ana is here" in line])
        false.stop()
        self.start_hub(listen=endpoint)
        eventually(lambda: "1@ana" in bob.run("nodes", *bob.at()).out, "it is back at the right one", 40)
        self.assertTrue(node.alive())


class TestNewBrokerKey(hosts.Case):
    """The steps of docs/OPERATIONS.md, Later: the broker's key is to be changed."""

    def on(self, host, *args):
        result = self.host(host).run(*args)
        self.assertEqual(result.status, 0, result)

    def by_trust(self, name):
        """The options of a host that trusts the broker's key under its name."""
        return "--broker", self.hub.endpoint, "--key", self.key(name)

    def node(self, name):
        node = self.host(name).start("node", "--name", name, *self.by_trust(name))
        node.expect("is ready")
        return node

    def test_step_by_step(self):
        self.start_hub(("ana", "bob"))
        endpoint = self.hub.endpoint
        for name in ("ana", "bob"):
            self.trust("broker", host=name)
        ana = self.node("ana")
        new = self.dir / "new"
        new.mkdir(mode=0o700)
        self.on("hub", "keys", "new", "--dir", new, "broker")
        self.on("ana", "keys", "revoke", "broker")
        self.on("ana", "keys", "trust", new / "broker.pub")
        self.assertIn("1@ana", self.host("bob").run("nodes", *self.by_trust("bob")).out)        # Nothing has changed yet
        for half in ("key", "pub"):
            (self.dir / f"broker.{half}").rename(self.dir / f"broker.{half}.old")
            (new / f"broker.{half}").rename(self.dir / f"broker.{half}")
        self.hub.stop()
        self.start_hub(listen=endpoint)
        ana.expect("does not have the key")             # Until it is started again
        ana.stop()
        self.node("ana")
        forgotten = self.host("bob").run("doctor", *self.by_trust("bob"))
        self.assertEqual(forgotten.status, 1, forgotten)
        self.assertIn("does not have the key", forgotten.out)
        self.on("bob", "keys", "revoke", "broker")
        self.on("bob", "keys", "trust", self.public("broker"))
        self.assertIn("1@ana", self.host("bob").run("nodes", *self.by_trust("bob")).out)


class TestRotate(hosts.Case):
    def rotate(self, status=0, **keywords):
        ana = self.host("ana")
        result = ana.run("keys", "rotate", "--broker", self.hub.endpoint, "--broker-key", self.public("broker"), self.key("ana"),
                         **keywords)
        self.assertEqual(result.status, status, result)
        return result

    def files(self):
        return {path.name for path in self.dir.glob("ana.*")}

    def admitted(self, key):
        ana = self.host("ana")
        return ana.run("nodes", "--broker", self.hub.endpoint, "--broker-key", self.public("broker"), "--key", key).status == 0

    def test_name_and_rights_pass_over(self):
        self.start_hub(("ana", "bob"), policy="keys = { ana = { out = { 'jobs' }, call = true } }\n")
        ana, bob = self.host("ana"), self.host("bob")
        ana.node("ana").stop()
        before = self.key_of("ana")
        self.assertIn("ana has a new key", self.rotate().out)
        self.assertEqual(self.files(), {"ana.key", "ana.pub", "ana.key.old", "ana.pub.old"})
        self.assertNotEqual(self.key_of("ana"), before)
        self.assertEqual((self.dir / "ana.key").stat().st_mode & 0o777, 0o600)
        eventually(lambda: not self.admitted(self.dir / "ana.key.old"), "the old key is refused", SECOND)
        ana.node("ana")
        self.assertEqual(ana.run("out", *ana.at(), "jobs", 1).status, 0)
        self.assertEqual(ana.run("out", *ana.at(), "other", 1).status, 1)
        self.assertIn(f'public-key = "{self.key_of("ana")}"', (self.host("hub").store / "ana.pub").read_text())
        self.assertEqual(bob.run("node", "--name", "ana", *bob.at()).status, 1)

    def test_again_and_again(self):
        self.start_hub(("ana",))
        keys = set()
        for _ in range(3):
            keys.add(self.key_of("ana"))
            self.rotate()
        self.assertTrue(self.admitted(self.dir / "ana.key"))
        self.assertEqual(len(keys), 3)

    def test_a_key_that_is_not_trusted(self):
        self.start_hub()
        self.key("ana")
        before = self.files()
        self.assertIn("does not trust our key", self.rotate(1).err)
        self.assertEqual(self.files(), before)

    def test_who_comes_by_the_token_has_no_key(self):
        self.start_hub(args=("--listen", f"ipc://{self.dir}/own"))
        self.key("ana")
        before = self.files()
        result = self.host("hub").run("keys", "rotate", "--broker", f"ipc://{self.dir}/own", self.key("ana"))
        self.assertEqual(result.status, 1, result)
        self.assertEqual(self.files(), before)

    def test_it_goes_on_where_it_was_interrupted(self):
        """Both pairs are there: once the broker has not been asked yet, once it has."""
        self.start_hub(("ana",))
        self.key("ana")
        spare = self.dir / "spare"
        spare.mkdir()
        self.assertEqual(self.run_alua("keys", "new", "--dir", spare, "ana").status, 0)
        for half in ("key", "pub"):
            (spare / f"ana.{half}").rename(self.dir / f"ana.new.{half}")
        fresh = (self.dir / "ana.new.pub").read_text()
        self.rotate()
        self.assertEqual((self.dir / "ana.pub").read_text(), fresh)
        for half in ("key", "pub"):
            (self.dir / f"ana.{half}").rename(self.dir / f"ana.new.{half}")
            (self.dir / f"ana.{half}.old").rename(self.dir / f"ana.{half}")
        eventually(lambda: not self.admitted(self.dir / "ana.key"), "the old key is refused", SECOND)
        self.rotate()
        self.assertEqual((self.dir / "ana.pub").read_text(), fresh)
        self.assertTrue(self.admitted(self.dir / "ana.key"))

    def limited(self, pid, size):
        """So many bytes a file of this process may have: as a disk that is full."""
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def goes_on(self):
        """The old key is still the one, and the next try succeeds."""
        self.assertEqual(self.files(), {"ana.key", "ana.pub"})
        self.assertTrue(self.admitted(self.dir / "ana.key"))
        before = self.key_of("ana")
        self.rotate()
        self.assertNotEqual(self.key_of("ana"), before)
        self.assertTrue(self.admitted(self.dir / "ana.key"))

    def test_the_brokers_disk_is_full(self):
        self.start_hub(("ana",))
        for size in (0, 100, 200):                          # At once and later
            self.limited(self.hub.pid, size)
            self.assertRegex(self.rotate(1).err, "the trust store could not be changed: .*File too large; the old key stays")
            self.assertTrue(self.admitted(self.dir / "ana.key"))
        self.assertEqual({path.name for path in self.host("hub").store.glob(".*.pub")}, set())
        self.limited(self.hub.pid, resource.RLIM_INFINITY)
        self.goes_on()

    def test_the_brokers_trust_store_cannot_be_changed(self):
        self.start_hub(("ana",))
        stone = self.host("hub").store / "revoked/.ana.pub"
        (stone / "there").mkdir(parents=True)
        stone.parent.chmod(0o700)
        self.assertRegex(self.rotate(1).err, "the trust store could not be changed: .*; the old key stays")
        self.hub.expect("ROTATE of ana: .*; its old key stays")
        self.assertEqual({path.name for path in self.host("hub").store.glob(".*.pub")}, set())
        (stone / "there").rmdir()
        stone.rmdir()
        self.goes_on()

    def test_our_own_disk_is_full(self):
        self.start_hub(("ana",))
        self.key("ana")
        for size in (0, 100, self.public("ana").stat().st_size - 1):
            self.limited(0, size)
            try:
                result = self.rotate(1)
            finally:
                self.limited(0, resource.RLIM_INFINITY)
            self.assertIn("File too large", result.err)
        self.goes_on()

    def test_the_new_halves_cannot_take_their_places(self):
        """The broker has the new key: that one works, is said to, and the next call brings it to its place."""
        self.start_hub(("ana",))
        self.key("ana")
        for half in ("pub", "key"):
            stone = self.dir / f"ana.{half}.old"
            stone.unlink(missing_ok=True)
            stone.mkdir()
            result = self.rotate(1)
            self.assertRegex(result.err, r"the broker has the new key, but .*; until it can, \S+ana\.new\.key is the one to use")
            self.assertTrue(self.admitted(self.dir / "ana.new.key"))
            eventually(lambda: not self.admitted(self.dir / "ana.key"), "the old key is refused", SECOND)
            stone.rmdir()
            self.rotate()
            self.assertEqual(self.files(), {"ana.key", "ana.pub", "ana.key.old", "ana.pub.old"})
            self.assertTrue(self.admitted(self.dir / "ana.key"))
            self.assertEqual(self.key_of("ana"), re.search(r'public-key = "(.{40})"', (self.dir / "ana.key").read_text())[1])


if __name__ == "__main__":
    unittest.main()
