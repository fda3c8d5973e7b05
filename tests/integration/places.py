"""places - one program as three nodes n1, n2, n3: in a private network, on an ipc broker, on a tcp broker

    place = places.tcp(self, "witness.lua", "compute", 10)
    place.n1.expect("returned")
    place.kill("n2", signal.SIGKILL)

The program prints "pid NODE NUMBER" in each of them.
"""
import os
import pathlib
import re

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


class Place:
    def __init__(self, kind, processes, broker=None):
        self.kind, self.broker = kind, broker
        self.n1, self.n2, self.n3 = processes

    def pid(self, name):
        return int(getattr(self, name).expect(rf"pid\t{name}\t(\d+)")[1])

    def kill(self, name, number):
        os.kill(self.pid(name), number)

    def said(self, name, pattern):
        """What it has printed so far that matches."""
        process = getattr(self, name)
        return [line for line in process.out + process.err if re.search(pattern, line)]


def private(case, program, *args):
    run = case.start("run", "-n", 3, "--name", "n", PROGRAMS / program, *args)
    return Place("private", [run] * 3)


def shared(case, kind, endpoint, program, *args, env=lambda name: {}):
    broker = case.start_broker("--listen", endpoint)
    nodes = [case.start("node", "--name", name, "--app", "myapp", "--broker", broker.endpoint,
                        PROGRAMS / program, *args, env=env(name)) for name in ("n1", "n2", "n3")]
    return Place(kind, nodes, broker)


def ipc(case, program, *args):
    return shared(case, "ipc", f"ipc://{case.runtime}/hub", program, *args)


def tcp(case, program, *args):
    return shared(case, "tcp", "tcp://127.0.0.1:*", program, *args)


def far(case, program, *args, host="127.0.0.1"):
    """As on three machines: nodes reach each other by tcp only, at that number."""
    return shared(case, "far", "tcp://127.0.0.1:*", program, *args,
                  env=lambda name: {"ALUA_LISTEN": f"tcp://{host}:*", "ALUA_HOST": "host-of-" + name})


def all_three(case, program, *args):
    return [start(case, program, *args) for start in (private, ipc, tcp)]
