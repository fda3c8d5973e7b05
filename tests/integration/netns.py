"""netns - hosts that are network namespaces, on one switch, for tests of what networks do

    class TestThem(netns.Case):
        def test_a_cut(self):
            hub, ana = self.net_host("hub"), self.net_host("ana")       # 10.77.0.1, 10.77.0.2; the names are known on each
            inner = self.net_host("inner", behind=self.gateway("gw"))   # NAT: it comes out with the gateway's address
            self.cut(ana)                       # the link is down
            self.deny(hub, ana)                 # what hub sends to ana is dropped on ana's side
            self.lead("hub", hub.address, self.six(hub))    # the name has an IPv6 address (fd77::1), too

Needs root and iproute2; NAT and one-way cuts need nft. Where these are not, or `ip netns add` is not allowed, the tests are skipped.
"""
import os
import pathlib
import shutil
import subprocess
import unittest

import hosts


def call(*args, check=True):
    return subprocess.run([str(arg) for arg in args], check=check, capture_output=True, text=True)


def missing():
    """Why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "no iproute2"
    name = f"alua-try-{os.getpid()}"
    try:
        call("ip", "netns", "add", name)
        call("ip", "-n", name, "link", "add", "br0", "type", "bridge")
    except subprocess.CalledProcessError as error:
        return "no network namespaces here: " + error.stderr.strip()
    finally:
        call("ip", "netns", "del", name, check=False)
    return None


class NetHost(hosts.Host):
    def __init__(self, case, name, space, address):
        super().__init__(case, name)
        self.space, self.address = space, address

    def run(self, *args, **keywords):
        return self.case.run_alua(*args, env=self.env, host=self, **keywords)

    def start(self, *args):
        return self.case.start(*args, env=self.env, host=self)

    def node(self, name, *args, listen=True):
        place = ("--listen", "tcp://*:4322", "--advertise", self.address) if listen else ()
        node = self.start("node", "--name", name, *self.at(name), *place, *args)
        node.expect("is ready")
        return node


class Case(hosts.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        why = missing()
        if why:
            raise unittest.SkipTest(why)

    def setUp(self):
        self.prefix = f"al{os.getpid() % 100000}"
        self.spaces, self.names = [], {}
        self.addCleanup(self.remove_all)    # First, so it comes last: whoever runs there shall find its network while it leaves
        super().setUp()
        self.switch = self.space("sw")
        self.ip(self.switch, "link", "add", "br0", "type", "bridge")
        self.ip(self.switch, "link", "set", "br0", "up")

    def ip(self, space, *args, check=True):
        return call("ip", "-n", space, *args, check=check)

    def inside(self, space, *args):
        return call("ip", "netns", "exec", space, *args)

    def space(self, name):
        space = f"{self.prefix}-{name}"
        call("ip", "netns", "add", space)
        self.spaces.append(space)
        self.ip(space, "link", "set", "lo", "up")
        return space

    def remove_all(self):
        for space in self.spaces:
            call("ip", "netns", "del", space, check=False)
            shutil.rmtree(f"/etc/netns/{space}", ignore_errors=True)

    def plug(self, space, address, end="eth0", where=None):
        """A cable to the switch (or into another space)."""
        other = f"v{len(self.names)}{end[-1]}"
        self.ip(space, "link", "add", end, "type", "veth", "peer", "name", other, "netns", where or self.switch)
        self.ip(space, "addr", "add", f"{address}/24", "dev", end)
        self.ip(space, "link", "set", end, "up")
        if not where:
            self.ip(self.switch, "link", "set", other, "master", "br0", "up")
        return other

    def know(self):
        """The names of all hosts, as /etc/hosts has them in each."""
        lines = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, all in self.names.items() for address in all.split())
        for space in self.spaces:
            path = pathlib.Path(f"/etc/netns/{space}/hosts")
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():           # The same file: it is mounted where processes run
                with open(path, "r+") as file:
                    file.truncate(0)
                    file.write(lines)
            else:
                path.write_text(lines)

    def lead(self, name, *addresses):
        """The name has these addresses from now on, or none."""
        self.names[name] = " ".join(addresses)
        self.know()

    def six(self, host):
        """An IPv6 address for a host."""
        address = "fd77::" + host.address.rsplit(".")[-1]
        try:
            self.ip(host.space, "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        except subprocess.CalledProcessError as error:
            self.skipTest("no IPv6 here: " + error.stderr.strip())
        return address

    def net_host(self, name, behind=None, number=None):
        number = number or len(self.names) + 1
        space = self.space(name)
        address = f"10.78.0.{number}" if behind else f"10.77.0.{number}"
        self.names[name] = address
        if behind:
            end = self.plug(space, address, where=behind)
            self.ip(behind, "addr", "add", "10.78.0.254/24", "dev", end)
            self.ip(behind, "link", "set", end, "up")
            self.ip(space, "route", "add", "default", "via", "10.78.0.254")
        else:
            self.plug(space, address)
        self.know()
        host = self.made[name] = NetHost(self, name, space, address)
        return host

    def gateway(self, name):
        """A router whose inner hosts come out with its address; nobody outside knows a way in."""
        if not shutil.which("nft"):
            self.skipTest("NAT needs nftables")
        space = self.space(name)
        self.names[name] = f"10.77.0.{len(self.names) + 1}"
        self.plug(space, self.names[name])
        self.inside(space, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        try:
            self.inside(space, "nft", "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; };"
                                      "add rule ip nat post oifname eth0 masquerade")
        except subprocess.CalledProcessError as error:
            self.skipTest("no NAT here: " + error.stderr.strip())
        return space

    def cut(self, host):
        self.ip(host.space, "link", "set", "eth0", "down")

    def mend(self, host):
        self.ip(host.space, "link", "set", "eth0", "up")
        self.inside(host.space, "nft", "flush ruleset")

    def deny(self, sender, receiver, address=None):
        """One way: packets from sender (from one address of it) do not get into receiver."""
        address = address or sender.address
        kind = "ip6" if ":" in address else "ip"
        if not shutil.which("nft"):
            self.skipTest("one-way cuts need nftables")
        self.inside(receiver.space, "nft", f"add table {kind} cut; add chain {kind} cut input {{ type filter hook input priority 0; }};"
                                           f"add rule {kind} cut input {kind} saddr {address} drop")

    def start(self, *args, env=None, host=None, **keywords):
        if not host:
            return super().start(*args, env=env, **keywords)
        return self.start_in(host.space, *args, env=env, **keywords)

    def run_alua(self, *args, host=None, env=None, timeout=40, **keywords):
        if not host:
            return super().run_alua(*args, env=env, timeout=timeout, **keywords)
        return self.start(*args, env=env, host=host).wait(timeout)

    def start_in(self, space, *args, env=None, **keywords):
        import harness
        process = harness.Process(["ip", "netns", "exec", space, harness.ALUA, *map(str, args)], {**self.env, **(env or {})})
        self.started.append(process)
        return process

    def start_hub(self, trusted=(), policy=None, listen="tcp://*:4321", **keywords):
        hub = self.made.get("hub") or self.net_host("hub")
        super().start_hub(trusted, policy, listen, **keywords)
        self.hub.endpoint = "tcp://hub:4321"
        return hub
