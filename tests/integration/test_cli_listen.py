"""Where broker and node may listen, and how they and the others take keys"""
import json
import re
import socket
import unittest

import harness
import hosts


class TestRefused(hosts.Case):
    """What others could reach takes a key; it says how to make one."""

    def refused(self, status, text, *args):
        result = self.run_alua(*args)
        self.assertEqual((result.status, result.out), (status, ""), args)
        self.assertIn(text, result.err, args)
        return result

    def test_a_broker_without_key(self):
        for endpoint in ("tcp://*:4321", "tcp://0.0.0.0:*", "tcp://[::]:*", "192.0.2.7:*", "hub.example:4321"):
            result = self.refused(1, "could be reached by other machines", "broker", "--listen", endpoint)
            self.assertIn("alua keys new broker", result.err)
            self.assertIn("alua keys trust", result.err)

    def test_a_node_without_key(self):
        self.start_broker()
        for endpoint in ("tcp://*:4322", "tcp://[::]:*"):
            result = self.refused(1, "could be reached by other machines", "node", "--name", "ana", "--listen", endpoint)
            self.assertIn("alua keys new ana", result.err)

    def test_what_makes_no_sense(self):
        self.refused(2, "it takes --key", "broker", "--policy", "policy.lua")
        self.refused(2, "none, jail or full", "node", "--name", "ana", "--code", "some")
        self.start_broker()
        self.refused(1, "--listen, which is missing", "node", "--name", "ana", "--advertise", "10.0.0.7")

    def test_a_name_that_is_nobodys(self):
        self.refused(1, "no host and no network interface has this name",
                     "broker", "--listen", "no.such.host.invalid:4321", "--key", self.key("broker"))

    def test_key_files(self):
        key = self.key("broker")
        for options, text in (((self.dir / "none.key",), "No such file"), ((self.public("broker"),), "give the .key file")):
            self.refused(1, text, "broker", "--key", *options)
        key.chmod(0o644)
        self.refused(1, "can be read by others: chmod 600", "broker", "--key", key)
        self.start_broker()
        self.refused(1, "can be read by others: chmod 600", "nodes", "--key", key)
        self.refused(1, "can be read by others: chmod 600", "node", "--name", "x", "--key", key)

    def test_trust_store_and_policy(self):
        key = self.key("broker")
        loose = self.dir / "loose"
        loose.mkdir()
        loose.chmod(0o777)
        self.refused(1, f"chmod 700 {loose}", "broker", "--key", key, "--trust", loose)
        policy = self.dir / "policy.lua"
        policy.write_text("keys = {\n  ana = os.exit(),\n}\n")
        self.refused(1, f"{policy}:2:", "broker", "--key", key, "--policy", policy)


class TestListening(hosts.Case):
    def reach(self, endpoint):
        return self.host("ana").run("nodes", *self.host("ana").at(endpoint=endpoint))

    def test_several_with_a_key(self):
        hub = self.start_hub(("ana",), listen="tcp://*:*", args=("--listen", "tcp://127.0.0.1:*", "--listen",
                                                                 f"ipc://{self.dir}/b"))
        hub.expect("listening on ipc://")
        ports = [line.rsplit(":", 1)[1].strip() for line in hub.out if "tcp://" in line]
        self.assertEqual(len(ports), 2)
        for port in ports:
            self.assertEqual(self.reach(f"tcp://127.0.0.1:{port}").status, 0)
            self.assertEqual(self.reach(f"localhost:{port}").status, 0)
        self.assertIn("STATE", self.host("hub").run("nodes", "--broker", f"ipc://{self.dir}/b").out)

    def test_everywhere_is_no_address_of_a_network(self):
        self.start_hub(("ana",), listen="tcp://0.0.0.0:*")
        port = self.hub.endpoint.rsplit(":", 1)[1]
        ana = self.host("ana")
        node = ana.start("node", *ana.at(endpoint=f"tcp://127.0.0.1:{port}"), self.program(""))
        identity = node.expect(r"^(\S+) is ready")[1]
        self.assertRegex(identity, rf"^\d+@(?!0\.)[^:]+:{port}$")

    @unittest.skipUnless(harness.has_ipv6(), "no IPv6 here: [::1] cannot be listened at")
    def test_ipv6(self):
        for listen, dial in (("tcp://[::1]:*", ("[::1]",)), ("tcp://[::]:*", ("[::1]", "127.0.0.1"))):
            hub = self.start_hub(("ana",), listen=listen)
            port = hub.endpoint.rsplit(":", 1)[1]
            for address in dial:
                self.assertEqual(self.reach(f"tcp://{address}:{port}").status, 0, address)
            hub.stop()

    @unittest.skipUnless(harness.has_ipv6(), "no IPv6 here: [::1] cannot be listened at")
    def test_a_node_by_ipv6(self):
        self.start_hub(("ana", "bob"))
        ana, bob = self.host("ana"), self.host("bob")
        node = ana.start("node", "--name", "ana", *ana.at(), "--listen", "tcp://[::1]:*",
                         self.program("luarpc.export('add', function(a, b) return a + b end)"))
        node.expect("is ready")
        self.assertEqual(bob.run("call", *bob.at(), "ana", "add", 3, 4).out, "7\n")

    def test_a_visitor_takes_no_port(self):
        """What is set for the node of this host is its alone."""
        self.start_hub(("ana",))
        ana = self.host("ana")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            ana.env["ALUA_LISTEN"] = f"tcp://127.0.0.1:{one.getsockname()[1]}"
        ana.start("node", "--name", "ana", *ana.at()).expect("is ready")
        result = ana.run("nodes", "--json", *ana.at())
        self.assertEqual(result.status, 0, result)
        self.assertIn(ana.env["ALUA_LISTEN"], json.loads(result.out)[0]["endpoints"])

    def test_a_hosts_name(self):
        hub = self.start_broker("--listen", "tcp://localhost:*")
        self.assertRegex(hub.endpoint, r"^tcp://(127\.0\.0\.1|\[::1\]):\d+$")
        self.assertEqual(self.run_alua("nodes", "--broker", hub.endpoint).status, 0)

    def test_what_a_node_tells_others(self):
        self.start_hub(("ana",))
        ana = self.host("ana")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        for options, told in (((), rf"^tcp://[\d.]+:{port}$"), (("--advertise", "10.0.0.7"), rf"^tcp://10\.0\.0\.7:{port}$"),
                              (("--advertise", "ana.lan:99"), r"^tcp://ana\.lan:99$")):
            node = ana.start("node", "--name", "ana", *ana.at(), "--listen", f"tcp://*:{port}", *options)
            node.expect("is ready")
            found = json.loads(ana.run("nodes", "--json", *ana.at()).out)[0]["endpoints"]
            self.assertRegex(found[1], told)
            self.assertNotIn("0.0.0.0", found[1])
            node.stop()

    def test_detached(self):
        self.trust("ana")
        hub = self.host("hub")
        result = hub.run("broker", "--detach", "--until-empty", "--listen", "tcp://*:*", "--key", self.key("broker"))
        self.assertEqual(result.status, 0, result)
        port = re.search(r":(\d+)$", result.out.strip())[1]
        ana = self.host("ana")
        node = ana.start("node", "--name", "ana", *ana.at(endpoint=f"tcp://127.0.0.1:{port}"))
        node.expect("is ready")
        self.assertEqual(node.stop().status, 0)


class TestEveryVerb(hosts.Case):
    """They all take --key and --broker-key."""

    def test_all_of_them(self):
        self.start_hub(("ana", "bob"))
        ana, bob = self.host("ana"), self.host("bob")
        ana.node("ana", self.program("luarpc.export('add', function(a, b) return a + b end)"))
        for args in (("nodes",), ("call", "ana", "add", 3, 4), ("out", "jobs", 1, 2), ("read", "jobs"), ("count", "jobs"),
                     ("take", "jobs"), ("spaces",), ("pub", "news.x", 1), ("watch", "--timeout", 0.01, "jobs"),
                     ("sub", "--timeout", 0.01, "news.x"), ("nodes", "--json")):
            result = bob.run(args[0], *bob.at(), *args[1:])
            self.assertEqual(result.err, "", args)
            self.assertEqual(result.status, 1 if args[0] in ("watch", "sub") else 0, (args, result))
        result = bob.run("request", *bob.at(), "--timeout", 1, "who")
        self.assertEqual(result.err, "alua: unknown: nobody subscribes to who\n")
        console = bob.run("console", *bob.at(), input="= 1 + 1\n")
        self.assertEqual(console.out, "2\n", console)

    def test_by_the_environment(self):
        self.start_hub(("ana",))
        ana = self.host("ana")
        ana.env.update(ALUA_BROKER=self.hub.endpoint, ALUA_KEY=str(self.key("ana")), ALUA_BROKER_KEY=self.key_of("broker"))
        result = ana.run("nodes")
        self.assertEqual(result.status, 0, result)

    def test_a_key_with_a_stroke_in_it_is_no_path(self):
        for i in range(1000):
            if "/" in self.key_of(f"broker{i}"):
                break
        self.start_hub(("ana",), key=f"broker{i}")
        result = self.host("ana").run("nodes", *self.host("ana").at(broker_key=self.key_of(f"broker{i}")))
        self.assertEqual(result.status, 0, result)

    def test_the_brokers_key_from_the_trust_store(self):
        self.start_hub(("ana",))
        self.trust("broker", host="ana")
        result = self.host("ana").run("nodes", "--broker", self.hub.endpoint, "--key", self.key("ana"))
        self.assertEqual(result.status, 0, result)

    def test_a_program(self):
        """All processes of a run show the key, also those that they spawn, wherever they are then."""
        self.start_hub(("ana",), policy='default = { code = "full", call = true }\n')
        file = self.program("""
            if #dalua.processes("myapp") > 1 and alua.id == dalua.processes("myapp")[1] then
              print(luarpc.sync(dalua.processes("myapp")[2], "math.max")(3, 4))
              local child = alua.spawn(1)
              print(child.status)
            end""")
        ana = self.host("ana")
        result = ana.run("run", "-n", 2, "--no-label", *ana.at(), "--timeout", 20, file)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.lines, ["4", "ok"])

    def test_a_program_that_is_refused(self):
        self.start_hub()
        ana = self.host("ana")
        result = ana.run("run", *ana.at(), self.program("print 'never'"))
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("does not trust our key", result.err)


class TestInsecure(hosts.Case):
    def test_it_is_said_everywhere(self):
        hub = self.host("hub").start("broker", "--listen", "tcp://*:*", "--insecure")
        self.assertIn("may do everything", hub.expect("warning: --insecure: (.*)")[1])
        port = hub.expect(r"listening on \S+:(\d+)")[1]
        ana = self.host("ana")
        node = ana.start("node", "--name", "ana", "--broker", f"127.0.0.1:{port}", "--listen", "tcp://127.0.0.1:*", "--insecure")
        node.expect("warning: --insecure")
        node.expect("is ready")
        result = self.host("bob").run("nodes", "--broker", f"127.0.0.1:{port}")
        self.assertIn("1@ana", result.out)
        self.assertIn("this broker runs with --insecure", result.err)
        self.assertEqual(self.host("bob").run("doctor", "--broker", f"127.0.0.1:{port}").status, 1)
        result = self.host("bob").run("send", "--broker", f"127.0.0.1:{port}", "ana", "return 7")
        self.assertEqual(result.out, "7\n", result)

    def test_nothing_is_said_without(self):
        self.start_hub(("ana",))
        ana = self.host("ana")
        self.assertEqual(ana.run("nodes", *ana.at()).err, "")


class TestSeveral(harness.Case):
    """A node in several networks stands at an endpoint in each."""

    def told(self, *args, env=None):
        """The TCP endpoints that others are told, in their order, once ana is there."""
        node = self.start("node", "--name", "ana", *args, env=env)
        node.expect("is ready")
        found = next(one for one in self.nodes() if one["node"] == "ana")["endpoints"]
        self.addCleanup(node.stop)
        return [endpoint for endpoint in found if endpoint.startswith("tcp:")]

    def test_on_the_command_line(self):
        self.start_broker()
        told = self.told("--listen", "127.0.0.1:*", "--listen", "127.0.0.2:*")
        self.assertEqual([endpoint.rsplit(":", 1)[0] for endpoint in told], ["tcp://127.0.0.1", "tcp://127.0.0.2"])
        for endpoint in told:
            address, port = endpoint[6:].rsplit(":", 1)
            socket.create_connection((address, int(port)), harness.PATIENCE).close()

    def test_each_is_told_in_its_own_way(self):
        self.start_broker()
        told = self.told("--listen", "127.0.0.1:*", "--listen", "127.0.0.2:*", "--advertise", "outer.example:7")
        self.assertEqual(told[0], "tcp://outer.example:7")
        self.assertRegex(told[1], r"^tcp://127\.0\.0\.2:\d+$")

    def test_in_the_config_file_and_the_environment(self):
        self.start_broker()
        config = self.dir / "config.lua"
        config.write_text('listen = { "127.0.0.1:*", "tcp://127.0.0.3:*" }\nadvertise = { "one.example:1", "two.example:2" }\n')
        self.assertEqual(self.told("--config", config), ["tcp://one.example:1", "tcp://two.example:2"])
        shown = self.run_alua("config", "--config", config).out
        self.assertIn("tcp://127.0.0.1:*,tcp://127.0.0.3:*", shown)

    def test_in_the_environment(self):
        self.start_broker()
        self.assertEqual(len(self.told(env={"ALUA_LISTEN": "tcp://127.0.0.1:*,tcp://127.0.0.2:*"})), 2)

    def test_what_makes_no_sense(self):
        config = self.dir / "config.lua"
        self.start_broker()
        for text in ("{}", "{ 5 }", "{ '' }", "true"):
            config.write_text(f"listen = {text}\n")
            result = self.run_alua("node", "--name", "ana", "--config", config)
            self.assertIn("listen must be a text or a list of texts" if "{" in text else "listen must be a text", result.err)
        result = self.run_alua("node", "--name", "ana", "--listen", "127.0.0.1:*", "--advertise", "a:1", "--advertise", "b:2")
        self.assertIn("which is missing", result.err)


if __name__ == "__main__":
    unittest.main()
