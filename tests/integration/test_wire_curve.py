"""Bad bytes at a port that speaks CURVE, at broker and node: greetings, handshakes, routing ids, recorded sessions

What stands in brackets is the number of the case in the list of hostile-wire tests (docs/SECURITY.md, "Hostile bytes").
"""
import struct
import time
import unittest

import msgpack
import zmq

import wire_client
import wire_keyed
from harness import eventually
from wire_client import LIMITS, Silence, message
from wire_hostile import READY, command, descriptors, frame, metadata, resident

REST = msgpack.ExtType(2, msgpack.packb(["rest"]))
CURVE = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)

PADDING = range(64 + 10, 64 + 82)       # 72 bytes of HELLO that only make it no smaller than its answer; the greeting is 64


class Case(wire_keyed.Case):
    def fresh(self, victim):
        """A trusted key comes in, and the old links are served."""
        link = self.open(victim)
        self.assertEqual(link.call("1@ana", "echo", 5), [5])
        link.leave()
        self.check_all()

    def throw(self, victim, data, wait=0.0):
        """These bytes on a connection of their own; what came back."""
        connection, heard = self.raw(victim, wait or 1), b""
        try:
            connection.sendall(data)
            while wait:
                more = connection.recv(65536)
                if not more:
                    break
                heard += more
        except OSError:                                 # Reset, or nothing more
            pass
        connection.close()
        return heard


class TestRaw(Case):
    """Those who speak no CURVE, or only the beginning of it."""

    def test_greetings(self):                                                   # W01-W04
        greetings = [CURVE[:size] for size in range(len(CURVE))] + [bytes(64), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64]
        greetings += [CURVE[:10] + bytes([major, minor]) + CURVE[12:] for major, minor in ((1, 0), (2, 0), (99, 99))]
        greetings += [CURVE[:12] + name.ljust(20, b"\0") + CURVE[32:] for name in (b"NULL", b"PLAIN", b"GSSAPI", b"", b"\xff" * 20)]
        for victim in self.victims:
            for greeting in greetings:
                self.throw(victim, greeting)
            self.fresh(victim)

    def test_handshakes(self):                                                  # W05, W06, W08, W11-W17
        hello = command(b"HELLO", bytes([1, 0]) + bytes(198 - 6))
        after = [READY, READY + frame(message("APPS", 1)), frame(message("APPS", 1)), READY + command(b"SUBSCRIBE", b"x"), hello, hello * 3,
                 command(b"ERROR", b"\xff" + b"x" * 255), command(b"PING", b"\0\x0a" + bytes(65536)), command(b"PONG"),
                 command(b"INITIATE", bytes(500)), command(b"INITIATE", bytes(65000)), command(b"MESSAGE", bytes(40)), command(b""), b"\xf8\x01x",
                 hello + command(b"INITIATE", bytes(300)), command(b"READY", b"\x0bSocket-Type" + struct.pack(">I", 2**31 - 1) + b"DEALER"),
                 b"\x02" + struct.pack(">Q", 1) + b"x", b"\x06" + struct.pack(">Q", LIMITS["MAX_FRAME"] + 1), frame(b"", True) * 5000]
        after += [b"\x06" + struct.pack(">Q", size) for size in (2**32, 2**40, 2**62, 2**63, 2**64 - 1)]
        after += [command(b"HELLO", self.noise(size)) for size in range(401)]
        after += [command(b"INITIATE", metadata(b"x" * 255, b"y" * 200) * count) for count in (1, 10, 100)]
        for victim in self.victims:
            before, count = resident(victim.process.pid), descriptors(victim.process.pid)
            for data in after:
                self.throw(victim, CURVE + data)
            for data in after[:20]:
                self.assertNotIn(b"READY", self.throw(victim, CURVE + data, 0.1))
            self.fresh(victim)
            eventually(lambda victim=victim, count=count: descriptors(victim.process.pid) <= count + 8, "closed")
            self.assertLess(resident(victim.process.pid) - before, 30000)

    def noise(self, size):
        return bytes((i * 31 + size) % 256 for i in range(size))

    def test_a_key_that_is_not_trusted(self):                                   # W09
        for victim in self.victims:
            for _ in range(20):
                link = self.dial("zoe", victim.endpoint, victim.name, name="zoe")
                self.assertEqual(link.handshake(5), 400)
                link.close()
            self.fresh(victim)

    def test_a_thousand_connections(self):                                      # W01, W26, W27
        for victim in self.victims:
            count = descriptors(victim.process.pid)
            half = [self.raw(victim) for _ in range(300)]
            for i, connection in enumerate(half):
                connection.sendall(CURVE[:i % 64])
            self.fresh(victim)
            for _ in range(1000):
                self.raw(victim).close()
            self.fresh(victim)
            eventually(lambda victim=victim, count=count: descriptors(victim.process.pid) <= count + 8, "shut out")


    def test_strangers_that_come_and_go_hide_no_death(self):                    # W27
        """Each connection that breaks makes the broker look who it was; many of them must not put that off."""
        dead = [self.open(self.victims[0]) for _ in range(3)]
        for link in dead:
            link.close()
        end = time.monotonic() + 20
        while sum(node["node"].startswith("evil") for node in self.client.ask("NODES")[0]):
            self.assertLess(time.monotonic(), end)
            for _ in range(20):
                self.raw(self.victims[0]).close()
        self.fresh(self.victims[0])


class TestMembers(Case):
    """Trusted keys that do odd things beneath our protocol."""

    def test_one_key_many_connections(self):                                    # W29, W32
        links = [self.open(self.victims[0]) for _ in range(100)]
        for i, link in enumerate(links):
            self.assertEqual(link.call("1@ana", "echo", i), [i])
        for link in links[1:]:
            link.leave()
        self.assertEqual(links[0].call("1@ana", "echo", 1), [1])
        self.fresh(self.victims[0])

    def test_routing_ids(self):                                                 # W30, W31
        for victim in self.victims:
            for routing in (b"1@ana", b"ana", b"1@bob", b"broker", b"x" * 255):
                for _ in range(2):
                    link = self.claiming(victim, routing)
                    link.send_frame(message("APPS", 1))
                    link.close()
            self.fresh(victim)

    def claiming(self, victim, routing):
        link = self.dial("eve", victim.endpoint, victim.name)
        link.socket.disconnect(victim.endpoint)
        link.socket.set(zmq.ROUTING_ID, routing)
        link.socket.connect(victim.endpoint)
        return link

    def test_a_routing_id_is_not_handed_over(self):                             # W33
        first = self.claiming(self.victims[0], b"mine")
        first.name = "first"
        first.open()
        number = first.request()
        first.say("TAKE", number, 0, "w33", ["x"], {})
        first.ask("APPS")
        second = self.claiming(self.victims[0], b"mine")
        second.send_frame(message("APPS", 1))
        with self.assertRaises(Silence):                # Without the name it is nobody, and hears WHO at most
            while second.hear(0.5)[1] == wire_client.TYPES["WHO"]:
                pass
        self.client.ask("OUT", "w33", ["x"], {})
        self.assertEqual(first.outcome(number, ["ANSWER"])[4], ["x"])
        self.fresh(self.victims[0])


class TestRecorded(Case):
    """What somebody on the way can do to a session."""

    def setUp(self):
        super().setUp()
        self.recorder = wire_keyed.Recorder(self.endpoint)
        self.addCleanup(self.recorder.stop)
        self.turn = 0

    def session(self, turned=None):
        """eve puts one tuple through the recorder: whether she heard that it was done. Then she is gone, without BYE."""
        self.recorder.next(turned)
        self.turn += 1
        link = self.dial("eve", self.recorder.endpoint, "broker", name=f"evil{self.turn:04}")
        link.hello(5)
        try:
            end = time.monotonic() + (0.1 if turned is not None else 20)
            while link.hear(end - time.monotonic())[1] != wire_client.TYPES["WELCOME"] and not self.recorder.ended.is_set():
                pass
            link.say("OUT", 1, 0, "w34", ["truth"], {})
            return link.hear(max(0, end - time.monotonic()))[1] == wire_client.TYPES["ANSWER"]
        except Silence:
            return False
        finally:
            link.socket.set(zmq.LINGER, 0)
            link.close()
            eventually(self.recorder.ended.is_set, "the connection has ended")

    def found(self):
        return self.client.ask("TAKE", "w34", [REST], {"all": 1024, "try": True})[0] if self.client.ask("COUNT", "w34", None)[0] else []

    def test_replayed(self):                                                    # W07, W08, W35
        self.assertTrue(self.session())
        said = self.recorder.said
        self.assertEqual(self.found(), [["truth"]])
        for _ in range(20):
            self.throw(self.victims[0], said)
            self.throw(self.victims[0], said[:64 + 202])                        # Greeting and HELLO alone
            self.throw(self.victims[0], said[:64] + said[64 + 202:])            # INITIATE without a HELLO
            self.throw(self.victims[0], said + said)
        heard = self.throw(self.victims[0], said, 0.5)
        self.assertNotIn(b"READY", heard)
        self.fresh(self.victims[0])
        self.assertEqual(self.found(), [])

    @staticmethod
    def unsealed(said):
        """Greeting, the first byte of each frame, and zeroes."""
        places, at = set(range(64)) | set(PADDING), 64
        while at < len(said):
            places.add(at)
            at += 9 + int.from_bytes(said[at + 1:at + 9], "big") if said[at] & 2 else 2 + said[at + 1]
        return places

    def test_a_bit_is_turned(self):                                             # W34
        self.assertTrue(self.session())
        self.found()
        length, unsealed = len(self.recorder.said), self.unsealed(self.recorder.said)
        done = 0
        for place in sorted(set(range(0, 64, 9)) | set(range(64, length, 7))):
            answered = self.session(place)
            found = self.found()
            self.assertIn(found, ([["truth"]], []), place)                      # The truth, or nothing
            if place not in unsealed:                                           # Of what is sealed nothing is believed
                self.assertEqual(found, [], place)
            done += bool(answered)
        self.assertLess(done, 20)                       # Those bytes that mean nothing
        self.fresh(self.victims[0])


if __name__ == "__main__":
    unittest.main()
