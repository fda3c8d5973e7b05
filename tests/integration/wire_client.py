"""wire_client - a client of ALua in Python, written from wire/PROTOCOL.md alone

    link = Link("ipc://" + str(directory / "broker"), token)
    me = link.open(visitor=True)                    # our process id
    link.ask("REGISTER", "printer")                 # [True]
    link.call("1@ana", "math.max", 3, 4)            # [4], or raises Failed
    link.serve["f"] = lambda a, b: [a + b]          # what others may call while we wait for something
    link.bye()

    mine, broker = Key.load("ana.key"), Key.load("broker.pub")      # by CURVE: a key is the proof, and no token is shown
    link = Link("tcp://127.0.0.1:4321", key=mine, server=broker)

It proves the document: numbers and limits are read from its tables, nothing from the C code. Tests that want
to misbehave use the layers beneath: `send_frame` for bytes, `say` for one message, `hear` for the next one.
Strings that are no UTF-8 come as bytes. Nothing here waits longer than its timeout (seconds).
"""
import pathlib
import re
import secrets
import time

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

PAGE = pathlib.Path(__file__).resolve().parents[2] / "wire" / "PROTOCOL.md"


def table(section):
    """The rows of the tables in a section of the page, each a list of cells."""
    text = PAGE.read_text().split(f"\n## {section}. ")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.*) \|$", text, re.M)
    return [[cell.strip() for cell in row.split(" | ")] for row in rows]


TYPES = {row[1]: int(row[0]) for row in table(10) if row[0].isdigit()}
WAYS = {row[1]: row[2] for row in table(10) if row[0].isdigit()}
NAMES = {number: name for name, number in TYPES.items()}
BITS = {row[0]: int(row[1]) for row in table(9) if len(row) == 3 and row[1].isdigit()}
LIMITS = {row[0]: int(row[1]) for row in table(11) if row[1].isdigit()}
VERSION = LIMITS["VERSION"]
RESUME = BITS["FEATURE_RESUME"]
TIMEOUT = 20


class Failed(Exception):
    """A FAIL, DENY or REFUSED: code, text and, of a FAIL, the whole map."""

    def __init__(self, code, text, error=None):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.error = code, text, error


class Silence(Exception):
    """Nothing came in time."""


class Hole(Exception):
    """The other side broke the rules of the page."""


def pack(*fields):
    return msgpack.packb(fields)


def message(kind, request=0, ttl=0, *fields):
    """One message as bytes; kind is a word of section 10, or a number."""
    return pack(VERSION, TYPES.get(kind, kind), request, ttl, *fields)


def unpack_all(frame):
    """The messages of a frame, which must end where a message ends."""
    unpacker = msgpack.Unpacker(strict_map_key=False, ext_hook=error_of_ext)
    unpacker.feed(frame)
    values = list(unpacker)
    if unpacker.tell() != len(frame):
        raise Hole(f"a frame ends within a message: {frame!r}")
    return values


def error_of_ext(kind, data):
    return failure(msgpack.unpackb(data)) if kind == 1 else msgpack.ExtType(kind, data)


def failure(error):
    return Failed(error["code"], error["message"], error)


class Key:
    """A CURVE key pair; secret None: only the public half. Z85 text, as in the files of certificates."""

    def __init__(self, public, secret=None, name=""):
        self.public, self.secret, self.name = public, secret, name

    @classmethod
    def load(cls, path):
        found = dict(re.findall(r'^\s*(name|public-key|secret-key)\s*=\s*"(.*)"\s*$', pathlib.Path(path).read_text(), re.M))
        return cls(found["public-key"], found.get("secret-key"), found.get("name", ""))

    @classmethod
    def new(cls, name=""):
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode(), name)


class Counter:
    """Section 5: the counts of one link, both directions, and what was not acknowledged yet."""

    def __init__(self):
        self.sent = self.had = 0
        self.ring = []                      # (seq, bytes behind the header)

    def header(self, seq):
        return b"\x94\x01\x01\xcf" + seq.to_bytes(8, "big") + b"\xcf" + self.had.to_bytes(8, "big")

    def wrap(self, body):
        self.sent += 1
        self.ring.append((self.sent, body))
        return self.header(self.sent) + body

    def take(self, frame):
        """What stands in a frame that came; nothing when it came before."""
        header = unpack_all(frame[:21])[0]
        if header[:2] != [VERSION, TYPES["LINK"]] or len(header) != 4:
            raise Hole(f"no link header: {frame!r}")
        seq, ack = header[2:]
        if ack > self.sent or seq > self.had + 1:
            raise Hole(f"seq {seq} ack {ack} after {self.had} frames had and {self.sent} sent")
        self.acknowledged(ack)
        if seq == 0 and len(frame) > 21:
            raise Hole("something behind a lone acknowledgement")
        if seq <= self.had:
            return b""
        self.had = seq
        return frame[21:]

    def acknowledged(self, ack):
        self.ring = [(seq, body) for seq, body in self.ring if seq > ack]


class Link:
    """One link that we dialled, to a broker or to a node."""

    def __init__(self, endpoint, token="", name="", incarnation=None, role="client", timeout=TIMEOUT, context=None,
                 key=None, server=None, heartbeats=True):
        self.endpoint, self.token, self.name, self.role = endpoint, token, name, role
        self.heartbeats = heartbeats            # Whoever sends none is cut off
        self.key, self.server = key, server     # Ours, and whose we expect there; without: no CURVE
        self.incarnation = incarnation or secrets.randbits(52) + 1
        self.timeout = timeout
        self.context = context or zmq.Context.instance()
        self.serve = {}                     # name -> function(*args) that returns a list of results
        self.told = []                      # MEMBERS, WATCHED and whatever else nobody awaited
        self.ran = []                       # CHUNKs that came: (from, name, code, args)
        self.id, self.welcome, self.counter = None, None, None
        self.last_request = 0
        self.prompt = True                  # acknowledge each frame at once
        self.heard = []
        self.connect()

    def connect(self):
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.HEARTBEAT_IVL, LIMITS["HEARTBEAT"] if self.heartbeats else 0)
        self.socket.set(zmq.HEARTBEAT_TIMEOUT, LIMITS["HEARTBEAT_TIMEOUT"])
        self.socket.set(zmq.LINGER, 200)    # What comes meanwhile nobody takes, which is like a full queue: see below
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.set(zmq.RCVHWM, 0)      # A full queue, then a cut: libzmq 4.3.4 aborts
        if self.key:
            self.socket.curve_publickey = self.key.public.encode()
            self.socket.curve_secretkey = self.key.secret.encode()
            self.socket.curve_serverkey = self.server.public.encode()
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_SUCCEEDED
                                                      | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                                                      | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL) if self.key else None
        self.socket.connect(self.endpoint)

    def handshake(self, timeout=None):
        """How the handshake ended: "ok", or what the other side (400: this key may not come) or libzmq said."""
        if not self.monitor.poll((self.timeout if timeout is None else timeout) * 1000):
            raise Silence
        event = recv_monitor_message(self.monitor)
        return "ok" if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED else event["value"]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.leave()

    def close(self):
        if self.monitor:
            self.socket.disable_monitor()
            self.monitor.close()
            self.monitor = None
        self.socket.close()

    #  ---- Frames and messages

    def send_frame(self, *parts):
        self.socket.send_multipart(parts)

    def say_bytes(self, body):
        self.send_frame(self.counter.wrap(body) if self.counter else body)

    def say(self, kind, request=0, ttl=0, *fields):
        self.say_bytes(message(kind, request, ttl, *fields))

    def hear(self, timeout=None):
        """The next message."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.heard:
            left = max(0, end - time.monotonic())
            if not self.socket.poll(left * 1000):
                raise Silence
            self.heard = unpack_all(self.take_frame())
        return self.heard.pop(0)

    def take_frame(self):
        frame = self.socket.recv()
        if self.socket.rcvmore:
            raise Hole("a frame of several parts")
        #  What opens a link travels without header: its first array has no 0 or 1 + LINK.
        if self.counter and frame[1:3] == b"\x01\x01":
            body = self.counter.take(frame)
            if len(frame) > 21 and self.prompt:
                self.acknowledge()
            return body
        return frame

    #  ---- Opening and ending

    def hello(self, nonce, features=0, versions=(1, 1), session=0, **body):
        self.send_frame(message("HELLO", 0, 0, *versions, features, nonce, self.role, self.name,
                                self.incarnation, self.token, session, body))

    def open(self, features=0, **body):
        """HELLO; what WELCOME's body calls us."""
        nonce = secrets.randbits(63) + 1
        self.counter = None
        self.hello(nonce, features, **body)
        answer = self.opened(nonce)
        if answer[1] == TYPES["REFUSED"]:
            raise Failed(answer[5], answer[6])
        self.welcome = dict(zip(("version", "features", "nonce", "role", "name", "incarnation", "session", "term",
                                 "brokers", "body"), answer[4:]))
        if self.welcome["features"] & RESUME:
            self.counter = Counter()
        if self.welcome["role"] == "broker":
            self.id = self.welcome["body"]["id"]
            self.name = self.name or self.id
        return self.id

    def opened(self, nonce):
        """The answer to a HELLO or RESUME with that nonce."""
        while True:
            answer = self.hear()
            if answer[1] in (TYPES["WELCOME"], TYPES["RESUMED"], TYPES["REFUSED"]):
                place = 6 if answer[1] == TYPES["WELCOME"] else 4
                if answer[place] == nonce:
                    return answer

    def resume(self):
        """After the connection broke: go on from the counts."""
        nonce = secrets.randbits(63) + 1
        self.send_frame(message("RESUME", 0, 0, nonce, self.welcome["session"], self.counter.had))
        answer = self.opened(nonce)
        if answer[1] == TYPES["REFUSED"]:
            raise Failed(answer[5], answer[6])
        self.counter.acknowledged(answer[6])
        for seq, body in self.counter.ring:
            self.send_frame(self.counter.header(seq) + body)

    def acknowledge(self):
        self.send_frame(self.counter.header(0))

    def bye(self, code="closed", text="done"):
        self.say("BYE", 0, 0, code, text)

    def leave(self):
        """BYE, where that is possible, and the end; twice is fine."""
        if not self.socket.closed:
            if self.welcome:
                self.bye()
            self.close()

    #  ---- Asking

    def request(self):
        self.last_request += 1
        return self.last_request

    def ask(self, kind, *fields, timeout=None):
        """An ASK's results as a list."""
        number = self.request()
        self.say(kind, number, 30000, *fields)
        answer = self.outcome(number, ("ANSWER", "DENY"), timeout)
        if answer[1] == TYPES["DENY"]:
            raise Failed(answer[4], answer[5])
        return answer[4:]

    def call(self, to, name, *args, timeout=None):
        return self.results("CALL", to, name, args, timeout=timeout)

    def chunk(self, to, code, *args, name="=chunk", timeout=None):
        return self.results("CHUNK", to, name, code, args, timeout=timeout)

    def results(self, kind, to, *fields, timeout=None):
        number = self.request()
        flags = BITS["WANTS_REPLY"] | BITS["WANTS_RESULTS"]
        self.say(kind, number, 30000, self.id, to, flags, *fields)
        answer = self.outcome(number, ("REPLY", "FAIL"), timeout)
        if answer[1] == TYPES["FAIL"]:
            raise failure(answer[6])
        return answer[6]

    def outcome(self, number, kinds, timeout=None):
        """Wait for the answer to a request; whatever else comes is handled meanwhile."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            heard = self.hear(end - time.monotonic())
            if heard[2] == number and NAMES.get(heard[1]) in kinds:
                return heard
            self.handle(heard)

    def wait_told(self, kind, condition=lambda heard: True, timeout=None):
        """Wait for a message of that type, which is none of the answers to what we asked."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            for heard in self.told:
                if heard[1] == TYPES[kind] and condition(heard):
                    self.told.remove(heard)
                    return heard
            self.handle(self.hear(end - time.monotonic()))

    #  ---- Answering

    def handle(self, heard):
        if heard[1] == TYPES["CALL"]:
            self.answer_call(*heard[2:])
        elif heard[1] == TYPES["CHUNK"]:
            number, _, author, _, flags, name, code, args = heard[2:]
            self.ran.append((author, name, code, args))
            self.reply(number, author, flags, [])
        else:
            self.told.append(heard)

    def answer_call(self, number, ttl, author, to, flags, name, args):
        function = self.serve.get(name)
        if not function:
            return self.fail(number, author, {"code": "no_function", "message": f"no function {name} in Python"})
        try:
            results = function(*args)
        except Failed as error:
            return self.fail(number, author, error.error or {"code": error.code, "message": error.text})
        self.reply(number, author, flags, results)

    def reply(self, number, to, flags, results):
        if flags & BITS["WANTS_REPLY"]:
            self.say("REPLY", number, 0, self.id, to, results if flags & BITS["WANTS_RESULTS"] else [])

    def fail(self, number, to, error):
        self.say("FAIL", number, 0, self.id, to, error)

    def serve_until(self, condition, timeout=None):
        """Answer calls until the condition holds."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not condition():
            try:
                self.handle(self.hear(0.05))
            except Silence:
                if time.monotonic() > end:
                    raise


def token_of(directory):
    return (pathlib.Path(directory) / "token").read_text().strip()
