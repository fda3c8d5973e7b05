"""Members that misbehave, over the token's door and over CURVE: requests, leases, waiters, names, topics, chunks

What stands in brackets is the number of the case in the list of hostile-wire tests (docs/SECURITY.md, "Hostile bytes").
"""
import os
import random
import threading
import time
import unittest

import msgpack

import wire_client
import wire_hostile
import wire_keyed
from wire_client import Failed, LIMITS, RESUME, Silence, TYPES, message
from wire_hostile import pack, resident

ANY = msgpack.ExtType(2, pack(["any"]))
REST = msgpack.ExtType(2, pack(["rest"]))
NONE = (0, -1, 2**31, 2**63, 2**64 - 1)


class Attacks:
    """What is tried at both doors; `open`, `victims` and so on are the case's."""

    def broker_link(self, features=0):
        return self.open(self.victims[0], features)

    def denied(self, link, *fields):
        """An ASK is denied: the word."""
        with self.assertRaises(Failed) as caught:
            link.ask(*fields)
        return caught.exception.code

    def count(self, space):
        return self.client.ask("COUNT", space, None)[0]

    def tearDown(self):
        """Whatever was tried: both serve, the old links and new ones."""
        self.check_all()
        for victim in self.victims:
            self.assertEqual(self.open(victim).call("1@ana", "echo", 7), [7])
        super().tearDown()

    def test_many_parts(self):                                                  # W20, W21, W22
        for victim in self.victims:
            link = self.open(victim)
            call = message("CALL", 0, 0, link.id, "1@ana", 0, "add", [1, 2])
            before = resident(victim.process.pid)
            refused = self.stat()["link.refused"]
            for parts in ([b""] * 10000, [bytes(1000)] * 5000, [call, call], [b"", call], [call, b"", b"", b""]):
                link.send_frame(*parts)
            self.assertEqual(link.call("1@ana", "echo", 1), [1])
            self.assertEqual(link.call("1@ana", "count"), [0])
            if victim.name == "broker":
                self.assertGreaterEqual(self.stat()["link.refused"], refused + 5)
            self.assertLess(resident(victim.process.pid) - before, 40000)

    def test_a_request_that_is_said_again(self):                                # W58
        for features in (0, RESUME):
            one, other = self.broker_link(features), self.broker_link(features)
            before = self.count("w58")
            for body in ("first", "second"):
                one.say("OUT", 7, 0, "w58", [body], {})
            other.say("OUT", 7, 0, "w58", ["other"], {})
            first, second = (one.outcome(7, ["ANSWER", "DENY"]) for _ in range(2))
            self.assertEqual(first[4:], second[4:])                             # The first answer again: the second body is not looked at
            self.assertNotEqual(other.outcome(7, ["ANSWER"])[4:], first[4:])    # Requests are each session's own
            one.say("OUT", 0, 0, "w58", ["none"], {})                           # Done, and answered by nothing
            one.ask("APPS")
            self.assertEqual(self.count("w58"), before + 3)

    def test_deadlines(self):                                                   # W66, W67
        link = self.broker_link()
        link.say("TAKE", 1, 1, "w66", ["x"], {})
        self.assertEqual(link.outcome(1, ["DENY"])[4], "timeout")
        for number, ttl in ((2, 0), (3, 2**32 - 1), (4, 86400000)):
            link.say("TAKE", number, ttl, "w66", ["x", number], {})
        for ttl in (0, 1, 2**32 - 1):
            link.say("CALL", link.request() + 100, ttl, link.id, "1@ana", 3, "echo", [1])
        for number in (2, 3, 4):
            self.client.ask("OUT", "w66", ["x", number], {})
            self.assertEqual(link.outcome(number, ["ANSWER"])[4], ["x", number])

    def test_nobody_forwards(self):                                             # W69
        victim = self.victims[1]
        link, other = self.open(victim), self.broker_link()
        for to in (other.id, "1@bob", "1@nobody", "bob"):
            fresh = self.open(victim)
            fresh.say("CALL", 5, 0, fresh.id, to, 3, "echo", [1])
            with self.assertRaises((Failed, Silence)):
                heard = fresh.outcome(5, ("REPLY", "FAIL"), 0.3)
                raise wire_client.failure(heard[6]) if heard[1] == TYPES["FAIL"] else AssertionError(heard)
        with self.assertRaises(Silence):
            other.hear(0.2)
        link.serve["again"] = lambda n: [n]
        self.assertEqual(link.call("1@ana", "ask", "1@ana", "echo", 3)[-1], 3) if victim.name == "broker" else None

    def test_leases(self):                                                      # W70-W73
        one, other = self.broker_link(), self.broker_link()
        one.ask("OUT", "w70", ["job"], {})
        lease = one.ask("TAKE", "w70", ["job"], {"lease": 60000})[2]
        for link, numbers in ((other, (lease, lease + 1)), (one, (lease + 1, lease + 1000, 2**63 - 1))):
            for number in numbers:
                self.assertEqual(self.denied(link, "ACK", number, [["w70", ["made"], {}]]), "expired")
                self.assertEqual(self.denied(link, "RELEASE", number), "expired")
                self.assertEqual(self.denied(link, "EXTEND", number, 60000), "expired")
        for number in (0, -1, 2**64 - 1, "1", None, [lease]):
            for kind, more in (("ACK", [[]]), ("RELEASE", []), ("EXTEND", [60000])):
                self.assertIn(self.denied(self.broker_link(), kind, number, *more), ("expired", "usage", "malformed"))
        self.assertEqual(self.count("w70"), 0)                                  # Still leased, and nothing was put
        one.ask("ACK", lease, [["w70", ["made"], {}]])
        for kind, more in (("ACK", [[["w70", ["twice"], {}]]]), ("RELEASE", []), ("EXTEND", [60000])):
            self.assertEqual(self.denied(one, kind, lease, *more), "expired")
        self.assertEqual(self.client.ask("TAKE", "w70", [REST], {"all": 10, "try": True})[0], [["made"]])

    def test_a_lease_that_is_over(self):                                        # W73
        one = self.broker_link()
        one.ask("OUT", "w73", ["job"], {})
        lease = one.ask("TAKE", "w73", ["job"], {"lease": 10})[2]
        self.client.ask("READ", "w73", ["job"], {})                             # It came back
        for kind, more in (("EXTEND", [60000]), ("ACK", [[]]), ("RELEASE", [])):
            self.assertEqual(self.denied(one, kind, lease, *more), "expired")
        self.assertEqual(self.count("w73"), 1)

    def test_extending_and_releasing_without_end(self):                         # W74
        one = self.broker_link()
        one.ask("OUT", "w74", ["job"], {})
        before = resident(self.broker.pid)
        lease = one.ask("TAKE", "w74", ["job"], {"lease": 60000})[2]
        for _ in range(10000):
            one.say("EXTEND", 0, 0, lease, 60000)
        self.check_all()
        for _ in range(1000):
            one.ask("RELEASE", lease)
            lease = one.ask("TAKE", "w74", ["job"], {"lease": 60000})[2]
        one.ask("RELEASE", lease)
        self.assertEqual(self.count("w74"), 1)
        self.assertLess(resident(self.broker.pid) - before, 20000)

    def test_lengths_of_leases(self):                                           # W75
        one = self.broker_link()
        one.ask("OUT", "w75", ["job"], {})
        for length in (0, 9, 86400001, 2**31, 2**63, 2**64 - 1, -1, 1.5, "60000"):
            link = self.broker_link()
            self.assertIn(self.denied(link, "TAKE", "w75", ["job"], {"lease": length}), ("usage", "malformed"), length)
        lease = one.ask("TAKE", "w75", ["job"], {"lease": 60000})[2]
        for length in (0, 9, 86400001, 2**63, -1, "1"):
            self.assertIn(self.denied(one, "EXTEND", lease, length), ("usage", "malformed"), length)
            one = self.broker_link() if one.socket.closed else one
        self.assertEqual(self.count("w75"), 0)

    def test_templates(self):                                                   # W76
        link = self.broker_link()
        wide = list(range(1000))
        self.client.ask("OUT", "w76", wide, {})
        self.assertEqual(link.ask("READ", "w76", [ANY] * 1000, {"try": True})[0], wide)
        self.assertEqual(link.ask("READ", "w76", [REST], {"try": True})[0], wide)
        for template in ([REST, ANY], [REST, REST], [msgpack.ExtType(2, b"\xc1")], [msgpack.ExtType(2, pack(["nothing"]))],
                         [msgpack.ExtType(2, pack(["where", "(" * 5000]))], [msgpack.ExtType(2, pack(["oneof"] + wide * 100))] * 2,
                         [msgpack.ExtType(2, pack(["var", "x" * 70000]))]):
            bad = self.broker_link()
            self.assertIn(self.denied(bad, "READ", "w76", template, {"try": True}), ("usage", "malformed", "timeout", "too_big", "full"))
        self.assertEqual(self.count("w76"), 1)

    def test_tuples(self):                                                      # W77
        link = self.broker_link()
        for fields in ([], list(range(257)), list(range(20000))):
            link.ask("OUT", "w77", fields, {})
            self.assertEqual(self.client.ask("TAKE", "w77", fields, {"try": True})[0], fields)
        for value in (None, 5, "x", {2: 1}, {True: 1}, [None]):
            bad = self.broker_link()
            self.assertIn(self.denied(bad, "OUT", "w77", value, {}), ("usage", "malformed"), value)
        big = self.broker_link()
        big.say("OUT", 1, 0, "w77", [bytes(LIMITS["MAX_MESSAGE"])], {})         # Larger than a frame may be
        self.check_all()
        self.assertEqual(self.count("w77"), 0)

    def test_waiters_without_end(self):                                         # W78
        link, before = self.broker_link(), resident(self.broker.pid)
        for i in range(100000):                         # A session may have ten times as many
            link.say_bytes(message("TAKE", i + 1, 0, "w78", ["x", i], {}))
        link.ask("APPS")
        self.assertEqual(self.waiters(), 100000)
        self.check_all()
        self.client.ask("OUT", "w78", ["x", 99999], {})
        self.assertEqual(link.outcome(100000, ["ANSWER"])[4], ["x", 99999])
        self.assertLess(resident(self.broker.pid) - before, 150000)
        link.leave()
        wire_hostile.harness.eventually(lambda: self.waiters() == 0, "nobody waits")

    def test_who_waits_and_goes(self):                                          # W79
        for turn in range(20):
            for _ in range(5):
                link = self.broker_link()
                for i in range(20):
                    link.say("TAKE", i + 1, 0, "w79", ["x"], {})
                link.ask("APPS")
                link.leave() if turn % 2 else link.close()
            if turn % 2:
                wire_hostile.harness.eventually(lambda: self.waiters() <= 1000, "they are gone")
        wire_hostile.harness.eventually(lambda: self.waiters() == 0, "they are gone")
        for i in range(200):
            self.client.ask("OUT", "w79", ["x"], {})
        self.assertEqual(self.count("w79"), 200)

    def waiters(self):
        return sum(one["waiters"] for one in self.client.ask("SPACES")[0])

    def test_names(self):                                                       # W80, W81
        link = self.broker_link()
        self.client.ask("REGISTER", "printer")
        for name in ("printer", "ana", "1@ana"):
            self.assertIn(self.denied(self.broker_link(), "REGISTER", name), ("exists", "usage", "denied"), name)
        for name in ("", "x" * 300, "a\nb", "\x1b[2J", "\0", 5, None, ["a"]):
            self.assertIn(self.denied(self.broker_link(), "REGISTER", name), ("usage", "malformed"), name)
        for name in ("pr\u0456nter", "../../etc/passwd", "*"):          # Other names: no path, no pattern
            link.ask("REGISTER", name)
            self.assertNotEqual(self.client.ask("LOOKUP", "printer")[0]["id"], link.id)
        self.assertNotIn("\x1b", "".join(self.broker.err + self.broker.out))
        self.assertIn(self.denied(link, "UNREGISTER", "printer"), ("unknown", "denied", "usage", "state"))

    def test_topics(self):                                                      # W82
        link, before = self.broker_link(), resident(self.broker.pid)
        for i in range(100000):
            link.say_bytes(message("SUBSCRIBE", i + 1, 0, f"w82.{i}.>", {}))
        refused = link.outcome(100000, ("DENY", "ANSWER"), 60)
        self.assertEqual((refused[1], refused[4]), (TYPES["DENY"], "full"))
        self.assertLess(resident(self.broker.pid) - before, 150000)
        for topic in ("x" * 65536, "", ".", "a..b", "*", "a.>", 5, None):
            self.assertIn(self.denied(self.broker_link(), "PUBLISH", topic, 1, {}), ("usage", "malformed"), topic)
        for topic in ("$alua.node.ana", "$x"):
            self.assertEqual(self.denied(self.broker_link(), "PUBLISH", topic, 1, {}), "denied")

    def test_chunks(self):                                                      # W83
        for victim in self.victims:
            link = self.open(victim)
            self.assertEqual(link.chunk("1@ana", "return 5 --" + "x" * 65536), [5])
            for text in (b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n" + bytes(100), b"\x1b", b"\xef\xbb\xbfreturn 5", b"\xff\xfe", "\0return 5"):
                with self.assertRaises(Failed) as caught:
                    link.chunk("1@ana", text)
                self.assertEqual(caught.exception.code, "syntax", text)

    def test_honest_clients_meanwhile(self):                                    # W89
        """ALUA_SIEGE_SECONDS of it; each honest call is answered, and soon."""
        stop, honest = threading.Event(), [Honest(self.open(victim)) for victim in self.victims]
        threads = [threading.Thread(target=one.run, args=(stop,)) for one in honest]
        for thread in threads:
            thread.start()
        end = time.monotonic() + float(os.environ.get("ALUA_SIEGE_SECONDS", "3"))
        while time.monotonic() < end:
            for victim in self.victims:
                self.misbehave(victim)
        stop.set()
        for thread, one in zip(threads, honest):
            thread.join()
            self.assertIsNone(one.failed)
            self.assertGreater(one.served, 50)
            self.assertLess(one.slowest, wire_hostile.harness.PATIENCE / 10)

    def misbehave(self, victim):
        noise = random.Random(self.names)
        for data in (wire_hostile.GREETING + wire_hostile.READY + noise.randbytes(300), noise.randbytes(100), b""):
            connection = self.raw(victim)
            connection.sendall(data)
            connection.close()
        link = self.open(victim)
        link.send_frame(*[b""] * 1000)
        link.say("CALL", 1, 0, "1@ana", "1@ana", 3, "add", [1, 2])
        for kind in ("TAKE", "SUBSCRIBE", "ACK", "REPLY", "CANCEL"):
            link.say(kind, noise.randrange(2**32), 0, *([noise.randrange(100)] * noise.randrange(4)))
        link.say_bytes(noise.randbytes(200))
        link.close()


class Honest:
    """Calls and calls over a link of its own."""

    def __init__(self, link):
        self.link, self.served, self.slowest, self.failed = link, 0, 0, None

    def run(self, stop):
        try:
            while not stop.is_set():
                begun = time.monotonic()
                if self.link.call("1@ana", "echo", self.served) != [self.served]:
                    raise AssertionError(f"another answer, call {self.served}")
                self.slowest = max(self.slowest, time.monotonic() - begun)
                self.served += 1
        except Exception as error:                      # For the thread that looks
            self.failed = error


class TestToken(Attacks, wire_hostile.Case):
    """Same user, same host: by ipc, with the token."""

class TestCurve(Attacks, wire_keyed.Case):
    """Another host's key, trusted and with all rights."""

if __name__ == "__main__":
    unittest.main()
