"""links_proxy - a TCP proxy that breaks what passes through it

    proxy = Proxy(port)                     # forwards 127.0.0.1:proxy.port to 127.0.0.1:port
    proxy.cut(0.005, 0.060)                 # from now on each connection lives that long, seconds, at random
    proxy.hold()                            # nothing moves any more, connections stay; nobody new gets through
    proxy.swallow()                         # what the other end says is lost, proxy.swallowed counts the bytes
    proxy.sever()                           # all connections break, now; new ones swallow nothing
    proxy.heal()                            # all is well again
    proxy.stop()

Half of the cuts are resets, half orderly ends; either may fall between any two bytes.
"""
import random
import selectors
import socket
import struct
import threading
import time

CHUNK = 1 << 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pair:
    """One connection and its continuation; what was read from one and not yet written to the other."""

    def __init__(self, a, b, end):
        self.near = a                       # Who has dialled
        self.sides = {a: b, b: a}
        self.waiting = {a: b"", b: b""}     # By who shall have it
        self.end = end


class Proxy:
    def __init__(self, target, seed=1):
        self.target = target
        self.random = random.Random(seed)
        self.lives = None
        self.held, self.still = False, threading.Event()
        self.pairs = set()
        self.cuts = self.connections = self.bytes = self.swallowed = 0
        self.swallows = False
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.stopped = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def cut(self, low, high):
        self.lives = low, high
        now = time.monotonic()
        for pair in list(self.pairs):
            pair.end = now + self.random.uniform(low, high)

    def hold(self):
        self.still.clear()
        self.held = True
        self.still.wait()

    def swallow(self):
        self.swallows = True

    def sever(self):
        """A connection that has lost bytes cannot go on: the end of these is the end of that, too."""
        now = time.monotonic()
        broken = list(self.pairs)
        for pair in broken:
            pair.end = now
        while any(pair in self.pairs for pair in broken):
            time.sleep(0.001)
        self.swallows = False

    def heal(self):
        self.lives, self.held = None, False
        for pair in list(self.pairs):
            pair.end = None

    def stop(self):
        self.stopped = True
        self.thread.join()
        for pair in list(self.pairs):
            self._drop(pair)
        self.listener.close()
        self.selector.close()

    #  ---- The thread

    def _run(self):
        while not self.stopped:
            if self.held:
                self.still.set()
                time.sleep(0.005)
                continue
            for key, events in self.selector.select(0.002):
                if key.data is None:
                    self._accept()
                elif key.data in self.pairs:
                    self._move(key.fileobj, key.data, events)
            now = time.monotonic()
            for pair in [pair for pair in self.pairs if pair.end and pair.end <= now]:
                self.cuts += 1
                self._drop(pair, reset=self.random.random() < 0.5)

    def _accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 1)
        except OSError:
            near.close()
            return
        self.connections += 1
        pair = Pair(near, far, time.monotonic() + self.random.uniform(*self.lives) if self.lives else None)
        for side in (near, far):
            side.setblocking(False)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(side, selectors.EVENT_READ, pair)
        self.pairs.add(pair)

    def _move(self, side, pair, events):
        other = pair.sides[side]
        try:
            if events & selectors.EVENT_WRITE:
                self._write(side, pair)
            if events & selectors.EVENT_READ:
                data = side.recv(CHUNK)
                if not data:
                    return self._drop(pair)
                self.bytes += len(data)
                if self.swallows and side is not pair.near:
                    self.swallowed += len(data)
                    data = b""
                pair.waiting[other] += data
                self._write(other, pair)
        except BlockingIOError:
            pass
        except OSError:
            return self._drop(pair)
        self._watch(pair)

    def _write(self, side, pair):
        try:
            while pair.waiting[side]:
                pair.waiting[side] = pair.waiting[side][side.send(pair.waiting[side]):]
        except BlockingIOError:
            pass

    def _watch(self, pair):
        """Read from a side only while the other takes what was read."""
        for side, other in pair.sides.items():
            events = (0 if pair.waiting[other] else selectors.EVENT_READ) | (selectors.EVENT_WRITE if pair.waiting[side] else 0)
            try:
                self.selector.get_key(side)
                if events:
                    self.selector.modify(side, events, pair)
                else:
                    self.selector.unregister(side)
            except KeyError:
                if events:
                    self.selector.register(side, events, pair)

    def _drop(self, pair, reset=False):
        self.pairs.discard(pair)
        for side in pair.sides:
            try:
                self.selector.unregister(side)
            except KeyError:
                pass
            if reset:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.close()
