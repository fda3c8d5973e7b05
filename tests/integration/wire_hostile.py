"""wire_hostile - what a test that misbehaves needs: two victims, an honest client, and bytes that are wrong"""
import pathlib
import random
import re
import socket
import struct

import msgpack
import zmq

import harness
import wire_client
from wire_client import LIMITS, Link, RESUME, message

SERVER = """
counted = 0
function add(a, b) counted = counted + 1 return a + b end
function count() return counted end
function echo(...) return ... end
function compute(seconds) local till = os.clock() + seconds repeat until os.clock() > till end
function ask(who, name, ...) return luarpc.sync(who, name, { timeout = 5 })(...) end
alua.loop()
"""


def golden():
    """The bytes of section 12: name -> one whole message."""
    text = wire_client.PAGE.read_text().split("\n## 12. ")[1]
    return {name: bytes.fromhex(digits) for name, digits in re.findall(r"^([A-Z]+) +([0-9a-f]+)$", text, re.M)}


def resident(pid):
    """Memory of a process that is in use, KiB; 0 under the address sanitizer, which keeps what was freed for a while."""
    if harness.SANITIZED:
        return 0
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


class Victim:
    """A process under attack: how it is reached, and a client that it must go on serving."""

    def __init__(self, name, process, endpoint, honest):
        self.name, self.process, self.endpoint, self.honest = name, process, endpoint, honest
        self.turn = 0

    def check(self):
        """It lives, and serves a call over the link that stood before all this."""
        assert self.process.alive(), f"{self.name} has died:\n{''.join(self.process.err)}"
        self.turn += 1
        assert self.honest.call("1@ana", "echo", self.turn) == [self.turn], self.name


class Case(harness.Case):
    """A broker and a node that listen on ipc and TCP; `victims` are both, `open` makes links to either."""

    def setUp(self):
        super().setUp()
        self.socket_path = f"ipc://{self.dir}/broker"
        self.broker = self.start("broker", "--listen", self.socket_path, "--listen", "tcp://127.0.0.1:*")
        self.broker.tcp = self.broker.expect(r"listening on (tcp://\S+)")[1]
        self.token = wire_client.token_of(self.runtime / "alua")
        self.ana = self.start("node", "--name", "ana", "--broker", self.socket_path, self.program(SERVER),
                              env={"ALUA_LISTEN": "tcp://127.0.0.1:*"})
        self.ana.expect("is ready")
        self.random = random.Random(1)
        self.names = 0
        self.client = self.link(self.socket_path)
        self.client.open(visitor=True)
        found = self.client.ask("LOOKUP", "ana")[0]["endpoints"]
        self.ana.ipc, self.ana.tcp = (next(e for e in found if e.startswith(way)) for way in ("ipc:", "tcp:"))
        honest = self.link(self.ana.ipc, name="honest")
        honest.open(id="1@honest")
        honest.id = "1@honest"
        self.victims = [Victim("broker", self.broker, self.socket_path, self.client),
                        Victim("ana", self.ana, self.ana.ipc, honest)]
        #  Once, so that what both allocate for ever does not count as theirs.
        for victim in self.victims:
            self.open(victim).leave()

    def link(self, endpoint, **keywords):
        link = Link(endpoint, self.token, timeout=harness.PATIENCE, **keywords)
        self.addCleanup(link.leave)
        return link

    def open(self, victim, features=0):
        """A fresh link, opened under a fresh name."""
        self.names += 1
        name = f"evil{self.names}"
        link = self.link(victim.endpoint, name=name)
        link.open(features, visitor=True, id="1@" + name)
        link.id = "1@" + name
        return link

    def stranger(self, endpoint):
        """A socket over which nothing was said yet."""
        stranger = zmq.Context.instance().socket(zmq.DEALER)
        stranger.set(zmq.LINGER, 0)
        stranger.set(zmq.SNDHWM, 0)
        stranger.connect(endpoint)
        self.addCleanup(stranger.close)
        return stranger

    def strange(self, victim, frames, settle=True):
        """Say frames (bytes, or lists of parts) as a stranger; all that is answered."""
        stranger = self.stranger(victim.endpoint)
        for frame in frames:
            stranger.send_multipart(frame if isinstance(frame, list) else [frame])
        if settle:                              # Behind all that: a HELLO that cannot be agreed with
            stranger.send(message("HELLO", 0, 0, 7, 7, 0, 77, "client", "", 1, "", 0, {}))
        heard = []
        while not settle or not heard or heard[-1][4:6] != [77, "version"]:
            if not stranger.poll(1000 * harness.PATIENCE if settle else 200):
                break
            heard += wire_client.unpack_all(stranger.recv())
        stranger.close()
        return heard

    def stat(self):
        return self.client.ask("STAT")[0]

    def check_all(self):
        for victim in self.victims:
            victim.check()

    def raw(self, victim, timeout=5):
        """A TCP connection to its port."""
        host, port = victim.process.tcp[6:].rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout)
        self.addCleanup(connection.close)
        return connection


#  ---- ZMTP, as far as an attacker needs it

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)


def command(name, data=b""):
    body = bytes([len(name)]) + name + data
    return (b"\x04" + bytes([len(body)]) if len(body) < 256 else b"\x06" + struct.pack(">Q", len(body))) + body


def metadata(name, value):
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


READY = command(b"READY", metadata(b"Socket-Type", b"DEALER"))


def frame(data, more=False):
    if len(data) < 256:
        return bytes([int(more), len(data)]) + data
    return bytes([2 + int(more)]) + struct.pack(">Q", len(data)) + data


def pack(value):
    return msgpack.packb(value)
