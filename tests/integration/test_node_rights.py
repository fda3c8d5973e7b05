"""Rights at the node: what a peer with a key may do there, over direct links and through the broker"""
import time

import keyed
import wire_client

SERVICE = """
local calls = 0
luarpc.export("stats", { get = function() calls = calls + 1 return calls end })
luarpc.export("reset", function() calls = 0 end)
function secret() return "s3cret" end
print "serving"
io.stdout:flush()
alua.loop()
"""

ALL = """
show("get", luarpc.sync("ana", "stats.get")())
show("reset", luarpc.sync("ana", "reset")())
show("secret", luarpc.sync("ana", "secret")())
show("eval", alua.eval("ana", "return 1 + ..., secret and 'full' or 'jailed'", 2))
print "done"
io.stdout:flush()
"""


class TestRights(keyed.Case):
    def check(self, rights, lines, **more):
        self.start_keyed("return { keys = { ana = {}, bob = %s } }" % rights)
        ana = self.keyed_node("ana", SERVICE, **more)
        ana.expect("serving")
        bob = self.keyed_node("bob", ALL)
        bob.expect("^done")
        said = [line.rstrip("\n") for line in bob.out[:bob.out.index("done\n")] if "ready" not in line]
        self.assertEqual(len(said), len(lines), said)
        for line, wanted in zip(said, lines):
            self.assertRegex(line, wanted)
        return ana

    def test_call_of_some_and_no_code(self):
        ana = self.check("{ call = { 'stats.*' } }", [
            "^get 1$", "^reset nil denied!/1@bob has no right 'call' of reset",
            "^secret nil denied!/1@bob has no right 'call' of secret", "^eval nil denied!/1@bob has no right 'code' on node ana"])
        ana.expect(r"alua: denied: call reset for 1@bob \(key .{8}\): 1@bob has no right 'call' of reset")
        ana.expect(r"alua: denied: chunk \S+ for 1@bob")

    def test_call_of_all_reaches_exports_only(self):
        self.check("{ call = true, code = 'jail' }", [
            "^get 1$", "^reset", "^secret nil not_exported!/'secret' is not exported here", "^eval 3 jailed$"])

    def test_full_code_reaches_globals(self):
        self.check("{ call = true, code = { ana = 'full' } }", ["^get 1$", "^reset", "^secret s3cret$", "^eval 3 full$"])

    def test_the_node_allows_less(self):
        self.check("{ call = true, code = 'full' }", [
            "^get 1$", "^reset", "^secret nil not_exported!", "^eval 3 jailed$"], CODE="jail")

    def test_the_node_runs_no_code(self):
        self.check("{ call = true, code = 'full' }", [
            "^get 1$", "^reset", "^secret nil not_exported!", "^eval nil denied!/node ana runs no code of others"], CODE="none")

    def test_through_the_broker_it_is_the_same(self):
        #  Nobody can dial either of them.
        self.check("{ call = { 'stats.*' }, code = 'jail' }", [
            "^get 1$", "^reset nil denied!", "^secret nil denied!", "^eval 3 jailed$"], listen=None)


class TestChanges(keyed.Case):
    def test_a_policy_that_changes_counts_on_a_live_link(self):
        self.start_keyed("return { keys = { ana = {}, bob = { call = true } } }")
        self.keyed_node("ana", SERVICE).expect("serving")
        bob = self.keyed_node("bob", """
            for i = 1, 10000 do
              local n, err = luarpc.sync("ana", "stats.get")()
              if n == nil then show("refused", err) break end
              if i == 1 then show "begun" end
              alua.sleep(0.01)
            end""")
        bob.expect("^begun")
        changed = time.monotonic()
        self.policy("return { keys = { ana = {}, bob = {} } }")
        bob.expect("^refused denied!/1@bob has no right 'call'")
        self.assertLess(time.monotonic() - changed, 1.5)

    def test_a_revoked_key_is_cut(self):
        self.start_keyed("return { default = { call = true } }")
        ana = self.keyed_node("ana", SERVICE)
        ana.expect("serving")
        bob = self.keyed_node("bob", """
            show("first", luarpc.sync("ana", "stats.get")())
            for i = 1, 10000 do
              local n, err = luarpc.sync("ana", "stats.get")()
              if n == nil then show("refused", err.code) break end
              alua.sleep(0.01)
            end""")
        bob.expect("^first 1")
        revoked = time.monotonic()
        self.revoke("bob")
        bob.expect("^refused (denied|gone|offline)")
        self.assertLess(time.monotonic() - revoked, 1.5)
        bob.expect("the broker: .*denied")          #  And goes on trying

    def test_one_that_is_denied_comes_back_when_it_is_trusted(self):
        self.start_keyed("return { default = { call = true } }")
        self.keyed_node("ana", SERVICE).expect("serving")
        bob = self.keyed_node("bob", """
            function try() return luarpc.sync("ana", "stats.get", { timeout = 1 })() end
            local was = true
            while true do
              local n = try()
              if (n ~= nil) ~= was then was = n ~= nil show(was and "in" or "out") end
              alua.sleep(0.05)
            end""")
        trusted = self.home / "config/alua/trusted/bob.pub"
        text = trusted.read_text()
        trusted.unlink()
        bob.expect("^out")
        trusted.write_text(text)
        bob.expect("^in")


class TestNames(keyed.Case):
    """A trusted key is not any node that it likes."""

    def setUp(self):
        super().setUp()
        self.start_keyed("return { default = { call = true } }", ("ana", "bob", "carl"))
        self.ana = self.keyed_node("ana", SERVICE)
        self.ana.expect("serving")
        self.keyed_node("carl", "alua.loop()")
        self.me = self.link(self.endpoint, "broker", name="bob")
        self.me.open()
        self.found = self.me.ask("LOOKUP", "ana")[0]
        self.addCleanup(self.me.leave)

    def link(self, endpoint, server, **more):
        mine, other = (wire_client.Key.load(self.dir / name) for name in ("bob.key", f"{server}.pub"))
        link = wire_client.Link(endpoint, key=mine, server=other, **more)
        self.addCleanup(link.close)
        return link

    def endpoint_of_ana(self):
        return next(text for text in self.found["endpoints"] if text.startswith("tcp"))

    def turned_away(self, link):
        link.open(id="1@carl")
        link.say("CALL", 1, 1000, "1@carl", "1@ana", 3, "stats.get", [])
        heard = link.hear(1.5)
        self.assertEqual((wire_client.NAMES[heard[1]], heard[5]), ("REFUSED", "denied"))

    def test_oneself_is_let_in(self):
        link = self.link(self.endpoint_of_ana(), "ana", name="bob", incarnation=self.me.incarnation)
        link.open(id="1@bob")
        link.id = "1@bob"
        self.assertEqual(link.call("1@ana", "stats.get"), [1])

    def test_another_node_is_not(self):
        link = self.link(self.endpoint_of_ana(), "ana", name="carl")
        self.turned_away(link)

    def test_neither_is_another_process(self):
        self.turned_away(self.link(self.endpoint_of_ana(), "ana", name="bob", incarnation=self.me.incarnation))
        self.ana.expect("denied: a link by key .*: it speaks for a process of another node")


class TestStrangers(keyed.Case):
    def refused(self, env, pattern):
        begun = time.monotonic()
        result = self.run_alua("node", "--name", "ana", env=env)
        self.assertEqual(result.status, 1)
        self.assertRegex(result.err, pattern)
        self.assertLess(time.monotonic() - begun, 2)

    def test_a_wrong_broker_key_is_found_out_at_once(self):
        self.start_keyed("return {}")
        self.refused({**self.keyed_env("ana"), "ALUA_BROKER_KEY": str(self.dir / "bob.pub")}, "denied")

    def test_no_key_is_found_out_at_once(self):
        self.start_keyed("return {}")
        self.refused({**self.keyed_env("ana"), "ALUA_KEY": ""}, "denied|key")

    def test_no_broker_key_is_said_at_once(self):
        self.start_keyed("return {}")
        env = self.keyed_env("ana")
        del env["ALUA_BROKER_KEY"]
        result = self.run_alua("node", "--name", "ana", env=env)
        self.assertEqual(result.status, 1)
        self.assertIn("the broker's public key is not known", result.err)

    def test_an_unknown_key_is_refused_within_a_second(self):
        self.start_keyed("return { default = { call = true } }")
        self.key("eve", trusted=False)
        begun = time.monotonic()
        eve = self.keyed_node("eve", "", ready=False)
        result = eve.wait()
        self.assertNotEqual(result.status, 0)
        self.assertLess(time.monotonic() - begun, 1 + 0.5)
        self.assertRegex(result.err, "denied")

    def test_a_listener_that_others_reach_needs_a_key(self):
        self.start_broker()
        result = self.run_alua("node", "--name", "ana", env={"ALUA_LISTEN": "tcp://0.0.0.0:*"})
        self.assertEqual(result.status, 1)
        self.assertIn("alua keys new", result.err)

    def test_so_does_that_of_a_program_whose_host_only_looks_like_a_number_of_loopback(self):
        for endpoint, status in (("tcp://0.0.0.0:*", 1), ("tcp://127.hub.test:*", 1), ("tcp://127.0.0.1:*", 0), ("tcp://lo:*", 0)):
            result = self.run_alua("run", self.program("print 'ran'"), env={"ALUA_LISTEN": endpoint})
            self.assertEqual(result.status, status, result)
            self.assertEqual(f"others can reach {endpoint}, so it takes a key" in result.err, status == 1, result)

    def test_rights_of_oneself_do_not_matter_at_home(self):
        self.start_keyed("return { keys = { ana = {} } }")
        ana = self.keyed_node("ana", """
            function f() return 7 end
            show("own", luarpc.sync(alua.id, "f")())
            show("eval", alua.eval(alua.id, "return f()"))""")
        ana.expect("^own 7")
        ana.expect("^eval 7")


class TestMore(keyed.Case):
    def test_spawn_exit_and_send_are_code(self):
        self.start_keyed("return { keys = { ana = {}, bob = { code = 'jail', call = { 'stats.get' } } } }")
        ana = self.keyed_node("ana", SERVICE)
        ana.expect("serving")
        bob = self.keyed_node("bob", """
            local reply = alua.spawn({ ana = 1 })
            show("spawn", reply.status, reply.error)
            alua.exit("ana", 3, function(reply) for id, e in pairs(reply) do show("exit", id, e.status, e.error) end end)
            show("dsend", dalua.send("ana", "reset"))
            dalua.timer.add("ana", 0.05, 1, "reset")
            alua.sleep(0.5)
            show("alive", luarpc.sync("ana", "stats.get")())""")
        bob.expect("^spawn error .*full")
        bob.expect("^exit ana error .*full")
        bob.expect("alua: .*denied.*has no right 'call' of reset", count=2)
        bob.expect("^alive 1")
        self.assertTrue(ana.alive())

    def test_children_have_their_parents_key_and_limits(self):
        self.start_keyed("return { keys = { ana = {}, bob = { code = 'full', call = true } } }")
        ana = self.keyed_node("ana", """
            local reply = alua.spawn(1)
            for id, entry in pairs(reply.processes or {}) do show("child", id, entry.status) end
            alua.loop()""", CODE="jail")
        child = ana.expect(r"^child (\S+) ok")[1]
        bob = self.keyed_node("bob", 'show("eval", alua.eval("%s", "return alua.id, luarpc"))' % child)
        bob.expect(f"^eval {child} nil$")

    def test_the_same_user_by_ipc_may_all(self):
        self.start_keyed("return { keys = { ana = {}, bob = {} } }")
        self.keyed_node("ana", SERVICE).expect("serving")
        env = self.keyed_env("ana")
        bob = self.start("node", "--name", "bob", self.program(keyed.HEAD + """
            show("secret", luarpc.sync("ana", "secret")())""", "bob.lua"),
            env={**self.keyed_env("bob"), "XDG_RUNTIME_DIR": env["XDG_RUNTIME_DIR"]})
        bob.expect("^secret s3cret")


class TestDraining(keyed.Case):
    WORKER = """
        function work(n) alua.sleep(0.02) return n end
        luarpc.export("work", work)
        local name = ...
        while not alua.register "worker" do alua.sleep(0.005) end
        show "holding"
        alua.loop()"""

    LOAD = """
        local failed, done, stop = 0, 0, false
        function finish() stop = true end
        local function loader()
          while not stop do
            local n, err = luarpc.sync("worker", "work", { wait = true })(done)
            if n == nil then failed = failed + 1 show("failed", err) else done = done + 1 end
          end
        end
        for _ = 1, 8 do alua.task.schedule(loader) end
        while not stop do alua.sleep(0.1) show("done", done) end
        alua.sleep(1)
        show("end", failed, done)"""

    def drained(self, first, second, load, drain):
        first.expect("^holding")
        load.expect(r"^done [1-9]\d")
        drain()
        self.assertEqual(first.wait().status, 0, first.err)
        second.expect("^holding")
        so_far = len(load.out)
        load.expect(r"^done \d+", count=so_far + 5)
        self.assertEqual([line for line in load.out if "failed" in line], [])
        self.run_alua("call", "load", "finish", env=self.caller)
        self.assertRegex(load.expect("^end (.*)")[1], r"^0 [1-9]")

    def test_a_load_over_two_workers_loses_no_call(self):
        self.start_broker()
        self.caller = {}
        first = self.start("node", "--name", "w1", self.program(keyed.HEAD + self.WORKER, "w1.lua"))
        first.expect("^holding")
        second = self.start("node", "--name", "w2", self.program(keyed.HEAD + self.WORKER, "w2.lua"))
        second.expect("is ready")
        load = self.start("node", "--name", "load", self.program(keyed.HEAD + self.LOAD, "load.lua"))
        boss = self.program("""local core = require "alua.core"
            core.ask("DRAIN", 10, function(ok, err) print(ok, err) io.stdout:flush() end, "w1") alua.sleep(1)""", "boss.lua")
        self.drained(first, second, load, lambda: self.start("node", "--name", "boss", boss).expect("^true"))

    def test_calls_by_node_are_told_draining(self):
        self.start_broker()
        worker = self.start("node", "--name", "w1", self.program(keyed.HEAD + """
            function slow() show "slow" alua.sleep(2) return "finished" end
            alua.loop()""", "w1.lua"))
        worker.expect("is ready")
        caller = self.start("node", "--name", "c", self.program(keyed.HEAD + """
            local core = require "alua.core"
            local slow = luarpc.future("w1", "slow")()
            alua.sleep(0.3)
            core.ask("DRAIN", 10, function(ok) show("drain", ok) end, "w1")
            alua.sleep(0.3)
            show("new", luarpc.sync("w1", "slow")())
            show("old", slow:get())""", "c.lua"))
        caller.expect("^drain true")
        caller.expect("^new nil draining!/the node is leaving and takes no new work")
        caller.expect("^old finished")
        self.assertEqual(worker.wait().status, 0, worker.err)
        worker.expect("draining, as asked by 1@c")
