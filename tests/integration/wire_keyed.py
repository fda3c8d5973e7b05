"""wire_keyed - the two victims of wire_hostile, reached over CURVE by trusted keys; a proxy that records and flips bytes"""
import re
import resource
import selectors
import socket
import threading

import harness
import keyed
import wire_hostile
from wire_client import Key, Link

ALL = ("return { default = { code = 'full', call = true, out = true, take = true, read = true, pub = true, sub = true } }")


class Case(keyed.Case):
    """Keys ana (a node), bob (honest) and eve (not), all trusted with all rights; zoe is not trusted."""

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))    # Attackers that run out of descriptors show nothing
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.names = 0
        self.start_keyed(ALL, ("ana", "bob", "eve"))
        self.ana = self.keyed_node("ana", wire_hostile.SERVER)
        self.key("zoe", False)
        self.client = self.dial("bob", self.endpoint, "broker", name="bob")
        self.client.open()
        found = self.client.ask("LOOKUP", "ana")[0]
        self.ana.tcp = next(one for one in found["endpoints"] if one.startswith("tcp:"))
        self.broker.tcp = self.endpoint
        #  Its answers come over the direct link: so another name than the client's.
        self.dial("bob", self.endpoint, "broker", name="honest").open()
        honest = self.dial("bob", self.ana.tcp, "ana", name="honest")
        honest.open(id="1@honest")
        honest.id = "1@honest"
        self.victims = [wire_hostile.Victim("broker", self.broker, self.endpoint, self.client),
                        wire_hostile.Victim("ana", self.ana, self.ana.tcp, honest)]

    def certificate(self, name):
        return Key.load(self.dir / f"{name}.key")

    def dial(self, key, endpoint, server, **keywords):
        link = Link(endpoint, key=self.certificate(key), server=self.certificate(server), timeout=harness.PATIENCE, **keywords)
        self.addCleanup(link.leave)
        return link

    def open(self, victim, features=0):
        """A fresh link of eve's under a fresh name; a node hears from the broker that this name is hers."""
        self.names += 1
        name = f"evil{self.names}"
        link = self.dial("eve", self.endpoint, "broker", name=name)
        link.open(features)
        if victim.name != "broker":
            link = self.dial("eve", victim.endpoint, victim.name, name=name)
            link.open(features, id="1@" + name)
            link.id = "1@" + name
        return link

    def stat(self):
        return self.client.ask("STAT")[0]

    def check_all(self):
        for victim in self.victims:
            victim.check()

    raw = wire_hostile.Case.raw


class Recorder:
    """One connection through us at a time: what its dialler says is recorded, and of one byte a bit is turned."""

    def __init__(self, endpoint):
        host, port = re.fullmatch(r"tcp://(.+):(\d+)", endpoint).groups()
        self.target = host, int(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.said, self.turned, self.ended = b"", None, threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def next(self, turned=None):
        """For the connection that comes: the place of the byte that is to be wrong."""
        self.said, self.turned = b"", turned
        self.ended.clear()

    def stop(self):
        self.listener.close()

    def _run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.ended.is_set():                     # It dials again what was ended: not asked for
                near.close()
                continue
            with near, socket.create_connection(self.target) as far:
                self._pass(near, far)
            self.ended.set()

    def _pass(self, near, far):
        selector = selectors.DefaultSelector()
        for one, other in ((near, far), (far, near)):
            selector.register(one, selectors.EVENT_READ, other)
        try:
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    key.data.sendall(self._heard(data) if key.fileobj is near else data)
        except OSError:
            pass
        finally:
            selector.close()

    def _heard(self, data):
        at, self.said = len(self.said), self.said + data
        if self.turned is None or not at <= self.turned < at + len(data):
            return data
        wrong = bytearray(data)
        wrong[self.turned - at] ^= 1 << self.turned % 8
        return bytes(wrong)
