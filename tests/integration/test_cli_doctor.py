"""alua doctor: each thing broken on purpose, found, and the fix said"""
import json
import resource
import socket
import threading
import unittest

import hosts
import msgpack
import wire_client
import zmq


class Doctor(hosts.Case):
    def examine(self, *args, host="ana", status, **keywords):
        """What it says of each check: { check: [entry, ...] }."""
        result = self.host(host).run("doctor", "--json", *args, **keywords)
        self.assertEqual(result.status, status, result)
        found = {}
        for entry in json.loads(result.out):
            found.setdefault(entry["check"], []).append(entry)
        return found

    def assert_problem(self, found, check, text, fix):
        """That one is a problem, and no other check is."""
        bad = [entry for entries in found.values() for entry in entries if not entry["ok"]]
        self.assertEqual({entry["check"] for entry in bad}, {check}, bad)
        self.assertIn(text, " ".join(entry["text"] for entry in bad))
        self.assertIn(fix, " ".join(entry["fix"] for entry in bad))

    def local(self):
        """All is well on this host, with a broker of its own; later checks break one thing."""
        broker = self.host("ana").start("broker")
        broker.expect("listening on")
        self.examine(status=0)

    def broken(self, check, text, fix, *args, **keywords):
        self.assert_problem(self.examine(*args, status=1, **keywords), check, text, fix)


class TestHere(Doctor):
    def test_all_is_well(self):
        self.local()
        lines = self.host("ana").run("doctor").lines
        self.assertTrue(lines and all(line.startswith("ok ") for line in lines), lines)

    def test_each_problem_has_its_fix_in_the_next_line(self):
        result = self.host("ana").run("doctor")
        self.assertEqual(result.status, 1)
        place = [i for i, line in enumerate(result.lines) if line.startswith("problem ")]
        self.assertEqual(len(place), 1)
        self.assertIn('fix: start one there: "alua broker"', result.lines[place[0] + 1])

    def test_runtime_directory_open_to_others(self):
        self.local()
        directory = self.host("ana").runtime / "alua"
        directory.chmod(0o755)
        result = self.host("ana").run("doctor")
        self.assertEqual(result.status, 1)
        self.assertRegex(result.out, r"problem +runtime +\S+ is open to others \(0755\)\n +fix: chmod 700 " + str(directory))

    def test_token_open_to_others(self):
        self.local()
        token = self.host("ana").runtime / "alua/token"
        token.chmod(0o644)
        self.broken("token", "open to others (0644)", f"chmod 600 {token}")

    def test_config_file(self):
        self.local()
        place = self.host("ana").home / "config/alua"
        place.mkdir(parents=True)
        (place / "config.lua").write_text("broker = \n")
        self.broken("config", "config.lua", "mend it")

    def test_key_files(self):
        self.local()
        key = self.key("ana")
        self.assertTrue(all(entry["ok"] for entry in self.examine("--key", key, status=0)["key"]))
        key.chmod(0o644)
        self.assert_key("can be read by others", "as it says", key)
        key.chmod(0o600)
        self.assert_key("No such file", "alua keys new", self.dir / "none.key")
        public, other = self.public("ana"), self.public("bob")
        public.write_text(other.read_text())
        self.assert_key("is not the public half of", "find the right one", key)
        key.write_text(key.read_text().replace(self.key_of("bob"), "").replace("secret-key = \"", "secret-key = \"x"))
        self.assert_key("", "as it says", key)
        key.write_text("garbage")
        self.assert_key("is no certificate", "alua keys new", key)

    def assert_key(self, text, fix, path):
        found = self.examine("--key", path, status=1)
        bad = [entry for entry in found["key"] if not entry["ok"]]
        self.assertEqual(len(bad), 1, found)
        self.assertIn(text, bad[0]["text"])
        self.assertIn(fix, bad[0]["fix"])

    def test_broker_key_file(self):
        self.local()
        self.broken("broker-key", "No such file", ".pub file from its host", "--broker-key", self.dir / "none.pub")

    def test_trust_store(self):
        self.local()
        self.trust("bob", host="ana")
        self.assertIn("1 trusted", self.examine(status=0)["trust"][0]["text"])
        store = self.host("ana").store
        store.chmod(0o777)
        self.broken("trust", "others can put certificates", f"chmod 700 {store}")
        store.chmod(0o700)
        (store / "eve.pub").write_text("garbage")
        self.broken("trust", "eve.pub is no certificate", "remove or replace")

    def test_policy(self):
        self.local()
        self.trust("ana", host="ana")
        policy = self.dir / "policy.lua"
        policy.write_text('keys = { ana = { call = true } }\n')
        self.assertTrue(self.examine("--policy", policy, status=0)["policy"][0]["ok"])
        policy.write_text('keys = {\n  ana = { call = treu },\n}\n')
        self.broken("policy", "policy.lua:2:", "mend that line", "--policy", policy)
        policy.write_text('keys = { ana = { cal = true } }\n')
        self.broken("policy", "call", "mend that line", "--policy", policy)
        policy.write_text('keys = { anna = { call = true }, zoe = { call = true } }\n')
        found = self.examine("--policy", policy, status=1)
        fixes = " ".join(entry["fix"] for entry in found["policy"])
        self.assertIn("write 'ana'", fixes)
        self.assertIn("alua keys trust zoe.pub", fixes)
        self.broken("policy", "No such file", "--policy", "--policy", self.dir / "none.lua")

    def test_few_descriptors(self):
        self.local()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
        self.broken("files", "only 500", "ulimit -n")


class TestBroker(Doctor):
    def test_nobody_listens(self):
        self.broken("broker", "nobody listens at tcp://127.0.0.1:1 (Connection refused)",
                    "alua broker --listen tcp://127.0.0.1:1", "--broker", "127.0.0.1:1")

    def test_no_answer_to_the_connect(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = []
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
                fillers.append(one)
            self.broken("broker", "no answer from", "firewall", "--broker", f"127.0.0.1:{port}")
            for one in fillers:
                one.close()

    def test_a_name_that_is_not_known(self):
        self.broken("broker", "the name in tcp://no.such.host.invalid:4321 is not known", "/etc/hosts",
                    "--broker", "no.such.host.invalid:4321")

    def test_what_is_no_endpoint(self):
        self.broken("broker", "is no endpoint", "ipc://PATH or tcp://ADDRESS:PORT", "--broker", "nonsense")

    def test_it_lets_us_in(self):
        self.start_hub(("ana",))
        found = self.examine(*self.host("ana").at(), status=0)
        self.assertIn("lets us in", found["broker"][0]["text"])
        self.assertIn("its clock is 0.", found["clock"][0]["text"])

    def test_it_denies_our_key(self):
        self.start_hub(("bob",))
        self.broken("broker", "does not trust our key", "alua keys trust ana.pub", *self.host("ana").at())

    def test_it_has_another_key(self):
        self.start_hub(("ana",))
        self.broken("broker", "does not have the key", "see who may have replaced it",
                    *self.host("ana").at(broker_key=self.public("other")))

    def test_it_has_no_keys(self):
        hub = self.host("hub").start("broker", "--listen", "tcp://127.0.0.1:*")
        endpoint = hub.expect(r"listening on (\S+)")[1]
        self.broken("broker", "with", "--key",              # Which of two things is said depends on who is faster
                     *self.host("ana").at(endpoint=endpoint))

    def test_we_show_none(self):
        self.start_hub(("ana",))
        self.broken("broker", "takes links with keys only", "--key NAME.key", "--broker", self.hub.endpoint)

    def test_its_key_is_not_known(self):
        self.start_hub(("ana",))
        self.broken("broker", "public key is not known", "--broker-key",
                    "--broker", self.hub.endpoint, "--key", self.key("ana"))

    def test_another_users_token(self):
        hub = self.host("hub").start("broker", "--listen", "tcp://127.0.0.1:*")
        endpoint = hub.expect(r"listening on (\S+)")[1]
        self.broken("broker", "wrong token", "others take keys", "--broker", endpoint)

    def test_it_is_insecure(self):
        hub = self.host("hub").start("broker", "--listen", "tcp://127.0.0.1:*", "--insecure")
        hub.expect("warning: --insecure")
        endpoint = hub.expect(r"listening on (\S+)")[1]
        self.broken("broker", "runs with --insecure", "--key broker.key", "--broker", endpoint)

    def test_its_policy_was_broken_meanwhile(self):
        self.start_hub(("ana",), policy='default = { call = true }\n')
        self.examine(*self.host("ana").at(), status=0)
        (self.dir / "policy.lua").write_text("garbage (")
        self.hub.expect("policy")
        self.broken("broker", "its policy file is wrong now", "alua doctor --policy FILE", *self.host("ana").at())

    def test_something_else_listens(self):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(8)
            found = self.examine("--broker", f"127.0.0.1:{deaf.getsockname()[1]}", status=1, timeout=60)
        self.assertFalse(found["broker"][0]["ok"])

    def test_another_protocol_version(self):
        """A broker that refuses all versions that we know."""
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 0)
        port = router.bind_to_random_port("tcp://127.0.0.1")
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                if not router.poll(50):
                    continue
                who, frame = router.recv_multipart()
                hello = msgpack.unpackb(frame, strict_map_key=False)
                if hello[1] == wire_client.TYPES["HELLO"]:
                    router.send_multipart([who, wire_client.message("REFUSED", 0, 0, hello[7], "version", "ours is 9")])
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            self.broken("broker", "ours is 9", "the same release", "--broker", f"127.0.0.1:{port}")
        finally:
            stop.set()
            thread.join()
            context.destroy(0)


class TestNodes(Doctor):
    def examine_node(self, *args):
        self.start_hub(("ana", "bob"))
        ana = self.host("ana")
        node = ana.start("node", "--name", "ana", *ana.at(), *args)
        node.expect("is ready")
        bob = self.host("bob")
        return json.loads(bob.run("doctor", "--json", *bob.at()).out)

    def of_nodes(self, *args):
        found = [entry for entry in self.examine_node(*args) if entry["check"] == "nodes"]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_one_that_can_be_reached(self):
        found = self.of_nodes("--listen", "tcp://127.0.0.1:*")
        self.assertTrue(found["ok"], found)

    def test_an_address_where_nobody_can_be(self):
        """More addresses are in tests/spec/doctor_spec.lua: some networks answer for all of them."""
        found = self.of_nodes("--listen", "tcp://127.0.0.1:*", "--advertise", "no.such.host.invalid:4322")
        self.assertFalse(found["ok"], found)
        self.assertIn("cannot be reached from here", found["text"])
        self.assertIn("--advertise", found["fix"])


if __name__ == "__main__":
    unittest.main()
