"""Settings from file, environment and command line; alua config, ping and drain"""
import json
import os
import signal
import time
import unittest

import harness

NAMES = {"config", "broker", "broker_key", "key", "trust", "policy", "name", "listen", "advertise", "code", "insecure",
         "app", "timeout", "label"}


class Settings(harness.Case):
    def setUp(self):
        super().setUp()
        self.file = self.home / "config/alua/config.lua"
        self.file.parent.mkdir(parents=True)

    def write(self, text):
        self.file.write_text(text)

    def config(self, *args, env=None):
        result = self.run_alua("config", "--json", *args, env=env)
        self.assertEqual((result.status, result.err), (0, ""))
        return {name: (row["value"], row["from"]) for name, row in json.loads(result.out).items()}

    def refused(self, text, *parts, env=None):
        self.write(text)
        result = self.run_alua("config", env=env)
        self.assertEqual((result.status, result.out), (1, ""))
        for part in parts:
            self.assertIn(part, result.err)


class TestOrder(Settings):
    def test_defaults(self):
        found = self.config()
        self.assertEqual(set(found), NAMES)
        self.assertEqual(found["broker"], (f"ipc://{self.runtime}/alua/broker", "default"))
        self.assertEqual(found["timeout"], (30, "default"))
        self.assertEqual(found["key"], (None, "default"))
        self.assertIn("no such file", found["config"][1])

    def test_the_file_then_the_environment_then_the_command_line(self):
        self.write("-- mine\nbroker = '127.0.0.1:1'\n\ntimeout = 7 app = 'filed'\nlabel = false\n")
        env = {"ALUA_TIMEOUT": "8", "ALUA_APP": "surrounded", "ALUA_KEY": ""}
        found = self.config("--app", "said", env=env)
        self.assertEqual(found["config"], (str(self.file), "default"))
        self.assertEqual(found["broker"], ("tcp://127.0.0.1:1", f"{self.file}:2"))
        self.assertEqual(found["timeout"], (8, "environment ALUA_TIMEOUT"))
        self.assertEqual(found["app"], ("said", "command line"))
        self.assertEqual(found["label"], (False, f"{self.file}:5"))
        self.assertEqual(found["key"], (None, "default"))

    def test_each_setting_in_each_place(self):
        values = {"broker": "ipc:///x", "broker_key": "/b.pub", "key": "/k", "trust": "/t", "policy": "/p", "name": "n",
                  "listen": "tcp://127.0.0.1:*", "advertise": "a:1", "code": "jail", "insecure": True, "app": "a",
                  "timeout": 1.5, "label": False}
        self.write("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
        found = self.config()
        self.assertEqual({name: found[name][0] for name in values}, values)
        self.assertTrue(all(found[name][1].startswith(str(self.file)) for name in values))
        self.write("")
        found = self.config(env={f"ALUA_{name.upper()}": str(value).lower() for name, value in values.items()})
        self.assertEqual({name: found[name][0] for name in values}, values)
        options = [word for name, value in values.items() if not isinstance(value, bool)
                   for word in ("--" + name.replace("_", "-"), value)]
        found = self.config(*options, "--insecure", "--no-label")
        self.assertEqual({name: found[name] for name in values}, {n: (v, "command line") for n, v in values.items()})

    def test_another_file(self):
        other = self.dir / "other.lua"
        other.write_text("return { app = 'other' }")
        self.write("this is broken")
        self.assertEqual(self.config("--config", other)["app"], ("other", f"{other}:1"))
        found = self.config(env={"ALUA_CONFIG": str(other)})
        self.assertEqual(found["app"], ("other", f"{other}:1"))
        self.assertEqual(found["config"], (str(other), "environment ALUA_CONFIG"))
        result = self.run_alua("nodes", "--config", self.dir / "none.lua")
        self.assertEqual(result.status, 1)
        self.assertIn("cannot read the config file", result.err)

    def test_files_are_beside_the_file(self):
        self.write("key = 'ana.key' trust = '~/store' broker_key = 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID' policy = '/p'")
        found = self.config()
        self.assertEqual(found["key"][0], str(self.file.parent / "ana.key"))
        self.assertEqual(found["trust"][0], str(self.home / "store"))
        self.assertEqual(found["broker_key"][0], "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID")
        self.assertEqual(found["policy"][0], "/p")

    def test_lines_for_people(self):
        result = self.run_alua("config", "--app", "mine")
        self.assertEqual(result.lines[0].split(), ["SETTING", "VALUE", "FROM"])
        self.assertIn(["app", "mine", "command", "line"], [line.split() for line in result.lines])
        self.assertEqual(self.run_alua("config", "what").status, 2)


class TestWrongOnes(Settings):
    def test_an_unknown_setting_has_a_nearest_one(self):
        self.refused("\nborker = 'x'\n", f"{self.file}:2: there is no setting 'borker'; did you mean 'broker'?")
        self.refused("xyzzy = 1", "there is no setting 'xyzzy'\n")
        self.write("borker = 'x'")
        self.assertEqual(self.run_alua("nodes").status, 1)      # In every verb

    def test_nothing_is_run(self):
        self.refused(f"app = os.execute('touch {self.dir}/ran')", f"{self.file}:1:7", "nothing is run here")
        self.refused("while true do end", f"{self.file}:1:1")
        self.assertFalse((self.dir / "ran").exists())

    def test_a_wrong_value(self):
        self.refused("timeout = 'soon'", f"{self.file}:1: timeout must be a number of seconds")
        self.refused("app = 'x'\ncode = 'ful'", f'{self.file}:2: code must be "none", "jail" or "full"')
        self.refused("label = 1", "label must be true or false")
        self.refused("broker = ''", "broker must be a text")
        self.refused("return 5", "expected lines such as")
        self.refused("", "environment ALUA_INSECURE: must be true or false, not 'maybe'", env={"ALUA_INSECURE": "maybe"})


class TestInForce(Settings):
    def test_a_node_takes_its_name_from_the_environment_and_others_do_not(self):
        self.start_broker()
        node = self.start("node", env={"ALUA_NAME": "ana"})
        node.expect("1@ana is ready")
        console = self.run_alua("console", env={"ALUA_NAME": "ana"}, input="print(alua.id)\n")
        self.assertEqual(console.status, 0, console)
        self.assertNotIn("@ana", console.out)

    def test_the_broker_of_the_file(self):
        broker = self.start_broker("--listen", "127.0.0.1:*")
        self.write(f"broker = '{broker.endpoint}'")
        self.assertEqual(self.run_alua("nodes").status, 0)
        self.assertEqual(self.run_alua("nodes", env={"ALUA_BROKER": "127.0.0.1:1"}).status, 1)


class TestPing(harness.Case):
    def test_the_broker(self):
        broker = self.start_broker()
        result = self.run_alua("ping", "--count", "3")
        self.assertEqual((result.status, len(result.lines)), (0, 2), result)
        self.assertRegex(result.lines[0], r"^broker ipc://\S+: \d+\.\d\d ms, protocol 1, 0 members, up for \d+ s$")
        self.start_node("ana")
        told = json.loads(self.run_alua("ping", "--json").out)
        self.assertEqual((told["members"], told["protocol"], told["insecure"], told["count"]), (1, 1, False, 1))
        self.assertLessEqual(told["ms"]["least"], told["ms"]["most"])
        counted = self.run_alua("ping", "--counters").out
        self.assertRegex(counted, r"(?m)^asked +[1-9]")
        self.assertRegex(counted, r"(?m)^link\.messages_in +[1-9]")
        self.assertGreater(json.loads(self.run_alua("ping", "--json", "--counters").out)["counters"]["opened"], 1)
        self.assertEqual(self.run_alua("ping", "ana", "--counters").status, 2)
        broker.stop()
        gone = self.run_alua("ping")
        self.assertEqual((gone.status, gone.out), (1, ""))
        self.assertIn("no broker at", gone.err)

    def test_a_node(self):
        self.start_broker()
        self.start_node("ana")
        result = self.run_alua("ping", "ana")
        self.assertEqual(result.status, 0)
        self.assertRegex(result.out, r"^ana: \d+\.\d\d ms, up\n$")
        self.assertEqual(json.loads(self.run_alua("ping", "1@ana", "--json").out)["id"], "1@ana")
        self.assertEqual(self.run_alua("ping", "nobody").status, 1)
        self.assertEqual(self.run_alua("ping", "ana", "bob").status, 2)

    def test_a_node_that_lets_nobody_call_is_well(self):
        self.start_broker()
        node = self.start("node", "--name", "shy", self.program("alua.accept = nil require 'alua.core'.globals(false)"))
        node.expect("is ready")
        self.assertEqual(self.run_alua("call", "shy", "type", "1").status, 1)
        self.assertEqual(self.run_alua("ping", "shy").status, 0)

    def test_a_broker_that_is_paused_does_not_hang_it(self):
        broker = self.start_broker()
        broker.kill(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            result = self.run_alua("ping", "--timeout", "0.5")
            self.assertEqual(result.status, 1, result)
            self.assertLess(time.monotonic() - begun, 4)
        finally:
            broker.kill(signal.SIGCONT)

    def test_a_node_that_is_paused(self):
        self.start_broker()
        node = self.start_node("ana")
        os.kill(node.pid, signal.SIGSTOP)
        try:
            result = self.run_alua("ping", "ana", "--timeout", "0.5")
            self.assertEqual(result.status, 1, result)
            self.assertIn("timeout", result.err)
        finally:
            os.kill(node.pid, signal.SIGCONT)


class TestDrain(harness.Case):
    def test_an_idle_node_leaves(self):
        self.start_broker()
        node = self.start_node("ana", "--app", "work")
        result = self.run_alua("drain", "ana")
        self.assertEqual(result.status, 0, result)
        self.assertRegex(result.out, r"^ana left after \d+\.\d s\n$")
        self.assertEqual(node.wait().status, 0)

    def test_what_was_begun_is_finished(self):
        self.start_broker()
        node = self.start_node("ana", self.program("function slow() print 'begun' alua.sleep(1.5) return 'done' end"))
        call = self.start("call", "ana", "slow")
        node.expect("begun")
        drain = self.start("drain", "ana")
        node.expect("draining")
        late = self.run_alua("call", "ana", "math.max", "1")
        self.assertEqual(late.status, 1, late)
        self.assertIn("draining", late.err)
        self.assertEqual(self.run_alua("ping", "ana").status, 0)
        self.assertEqual(call.wait().lines, ["done"])
        self.assertEqual(drain.wait().status, 0)
        self.assertEqual(node.wait().status, 0)

    def test_it_gives_up_waiting(self):
        self.start_broker()
        node = self.start_node("ana", self.program("function slow() print 'begun' alua.sleep(20) end"))
        self.start("send", "ana", "slow()")
        node.expect("begun")
        result = self.run_alua("drain", "ana", "--timeout", "0.3")
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("still at work", result.err)

    def test_one_that_dies_meanwhile(self):
        self.start_broker()
        node = self.start_node("ana", self.program("function slow() print 'begun' alua.sleep(60) end"))
        self.start("send", "ana", "slow()")
        node.expect("begun")
        drain = self.start("drain", "ana")
        node.expect("draining")
        node.kill(signal.SIGKILL)
        result = drain.wait()
        self.assertEqual(result.status, 1, result)
        self.assertIn("ended before it had finished", result.err)

    def test_nobody_there(self):
        self.start_broker()
        self.assertEqual(self.run_alua("drain", "nobody").status, 1)
        self.assertEqual(self.run_alua("drain").status, 2)


if __name__ == "__main__":
    unittest.main()
