"""hosts - several hosts on one machine, for tests of keys

    class TestThem(hosts.Case):
        def test_ana_is_let_in(self):
            self.start_hub(trusted=("ana",))
            ana = self.host("ana")
            ana.node("ana")

Each has a home and runtime directory of its own, and says (ALUA_HOST) that it is another host, so that they meet by TCP only.
"""
import os
import re

import harness


class Host:
    """One of them: its environment, and its key beside those of all in `case.dir`."""

    def __init__(self, case, name):
        self.case, self.name = case, name
        self.home = case.dir / f"home-{name}"
        self.runtime = case.dir / f"r-{name}"
        self.home.mkdir()
        self.runtime.mkdir(mode=0o700)
        self.env = {"XDG_RUNTIME_DIR": str(self.runtime), "XDG_CONFIG_HOME": str(self.home / "config"),
                    "HOME": str(self.home), "ALUA_HOST": name}
        self.store = self.home / "config/alua/trusted"

    def run(self, *args, **keywords):
        return self.case.run_alua(*args, env=self.env, **keywords)

    def start(self, *args):
        return self.case.start(*args, env=self.env)

    def at(self, key=None, broker_key=None, endpoint=None):
        """The options by which it reaches the hub."""
        return ("--broker", endpoint or self.case.hub.endpoint, "--key", self.case.key(key or self.name),
                "--broker-key", broker_key or self.case.public("broker"))

    def node(self, name, *args, key=None):
        """A node that listens on loopback too."""
        node = self.start("node", "--name", name, *self.at(key), "--listen", "tcp://127.0.0.1:*", *args)
        node.expect("is ready")
        return node


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        os.umask(0o022)
        self.hub = None
        self.made = {}

    def key(self, name):
        """Path of NAME.key, made when it is not there."""
        if not (self.dir / f"{name}.key").exists():
            result = self.run_alua("keys", "new", "--dir", self.dir, name)
            self.assertEqual(result.status, 0, result)
        return self.dir / f"{name}.key"

    def public(self, name):
        self.key(name)
        return self.dir / f"{name}.pub"

    def key_of(self, name):
        return re.search(r'public-key = "(.{40})"', self.public(name).read_text())[1]

    def host(self, name):
        """Made when asked for first."""
        if name not in self.made:
            self.made[name] = Host(self, name)
        return self.made[name]

    def trust(self, *names, host="hub"):
        for name in names:
            result = self.host(host).run("keys", "trust", self.public(name))
            self.assertEqual(result.status, 0, result)

    def revoke(self, name):
        result = self.host("hub").run("keys", "revoke", name)
        self.assertEqual(result.status, 0, result)

    def start_hub(self, trusted=(), policy=None, listen="tcp://127.0.0.1:*", key="broker", args=()):
        """A broker with keys, on the host `hub`."""
        self.trust(*trusted)
        if policy:
            (self.dir / "policy.lua").write_text(policy)
            args = (*args, "--policy", self.dir / "policy.lua")
        self.hub = self.host("hub").start("broker", "--listen", listen, "--key", self.key(key), *args)
        self.hub.endpoint = self.hub.expect(r"listening on (\S+)")[1]
        return self.hub
