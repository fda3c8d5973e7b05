#!/usr/bin/python3
"""bench/nats_fanout.py - NATS at the fan-out of bench/broker's topic part, by the server's CPU

    bench/nats_fanout.py [--seconds S] [--runs N] [--ahead N] [--ours]

Starts nats-server (Debian's package; skipped when it is not installed) on loopback, pinned to the first core together with the
client, as bench/broker does with one core. The client speaks NATS' text protocol over plain sockets: one publisher, 1, 8 and 64
subscribers, 16 and 256 bytes; it only counts bytes, so nearly all that is measured is the server. The publisher stays N
messages or fewer (400, as ours in bench/broker) ahead of the slowest, so nobody is cut off; more of them make larger batches, and less CPU a message. Prints deliveries a second and the server's CPU microseconds for each,
from /proc/PID/stat; with --ours bench/broker's rows behind them, whose column of the broker's CPU is the one to compare.
"""
import argparse
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATCH = 100


def find_server():
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")


def cpu_of(pid):
    """Seconds."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, program):
        self.port = free_port()
        self.process = subprocess.Popen(["taskset", "-c", "0", program, "-a", "127.0.0.1", "-p", str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def connect(self, *words):
        """A connection that has said these lines, and of which the server has heard."""
        deadline = time.monotonic() + 10
        while True:
            try:
                link = socket.create_connection(("127.0.0.1", self.port))
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    sys.exit("nats-server does not listen")
                time.sleep(0.02)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall("".join(word + "\r\n" for word in ('CONNECT {"verbose":false}', *words, "PING")).encode())
        heard = b""
        while b"PONG" not in heard:
            heard += link.recv(4096)
        return link

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Fanout:
    """One publisher, so many subscribers, in one thread."""

    def __init__(self, server, count, size, ahead):
        self.server, self.ahead = server, ahead
        self.publisher = server.connect()
        self.subscribers = [server.connect("SUB bench.a 1") for _ in range(count)]
        self.batch = (f"PUB bench.a {size}\r\n" + "x" * size + "\r\n").encode() * BATCH
        self.frame = len(f"MSG bench.a 1 {size}\r\n") + size + 2
        self.had = {link: 0 for link in self.subscribers}       # Bytes
        self.sent, self.left = 0, memoryview(b"")               # Messages; what of the batch is not sent yet
        self.room = bytearray(1 << 20)
        self.selector = selectors.DefaultSelector()
        for link in self.subscribers:
            link.setblocking(False)
            self.selector.register(link, selectors.EVENT_READ)
        self.publisher.setblocking(False)

    def slowest(self):
        return min(self.had.values()) // self.frame

    def publish(self):
        while self.left or self.sent - self.slowest() <= self.ahead - BATCH:
            if not self.left:
                self.left = memoryview(self.batch)
                self.sent += BATCH
            try:
                self.left = self.left[self.publisher.send(self.left):]
            except BlockingIOError:
                return

    def receive(self):
        for key, _ in self.selector.select(0.01):
            size = key.fileobj.recv_into(self.room)
            if size == 0:
                sys.exit("nats-server has cut a subscriber off")
            self.had[key.fileobj] += size

    def run(self, seconds):
        """Deliveries a second, the server's CPU microseconds for each."""
        end = time.monotonic() + seconds / 5
        while time.monotonic() < end:           # Warm
            self.publish()
            self.receive()
        before, began, cpu = sum(self.had.values()), time.monotonic(), cpu_of(self.server.process.pid)
        while time.monotonic() < began + seconds:
            self.publish()
            self.receive()
        took, cpu = time.monotonic() - began, cpu_of(self.server.process.pid) - cpu
        delivered = (sum(self.had.values()) - before) / self.frame
        return delivered / took, cpu / delivered * 1e6

    def close(self):
        for link in (self.publisher, *self.subscribers):
            link.close()


def measure(program, count, size, options):
    rows = []
    for _ in range(options.runs):
        with Server(program) as server:
            fanout = Fanout(server, count, size, options.ahead)
            rows.append(fanout.run(options.seconds))
            fanout.close()
    return [statistics.median(column) for column in zip(*rows)]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ahead", type=int, default=400)
    parser.add_argument("--ours", action="store_true")
    options = parser.parse_args()
    program = find_server()
    if not program:
        print("nats-server is not installed (Debian: apt-get install nats-server): nothing to compare with")
        return 0
    print(subprocess.run([program, "--version"], text=True, capture_output=True).stdout.strip())
    os.sched_setaffinity(0, {0})
    print(f"{'subscribers':>11}{'bytes':>7}{'delivered/s':>13}{'server us':>11}")
    for size in (16, 256):
        for count in (1, 8, 64):
            rate, us = measure(program, count, size, options)
            print(f"{count:>11}{size:>7}{rate:>13,.0f}{us:>11.3f}", flush=True)
    if options.ours:
        os.execv(os.path.join(ROOT, "bench", "broker"), ["bench/broker", "--cores", "1", "--seconds", str(options.seconds),
                                                         "--ahead", str(options.ahead), "topic"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
