"""Choosing a network: alua.open, alua.create, alua.close and dalua.init in a program that is in one already
(docs/REFERENCE.md, alua.open)"""
import re
import signal
import unittest

import harness
from harness import eventually
from test_faults_programs import free_port


class Opening(harness.Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def lines(self, text, *args, status=0, options=()):
        """What a program prints that gets the port as its first argument; nothing may go to standard error."""
        result = self.run_program("local port = ...\n" + text, self.port, *args, options=options)
        self.assertEqual((result.status, result.err), (status, ""), result)
        return result.lines

    def tearDown(self):
        #  A broker that a program has started ends when its last member has left.
        self.assert_nothing_left(10)


class TestLeaving(Opening):
    """What becomes of the network that a program was started in."""

    def test_open_by_address_connects_and_never_starts_a_broker(self):
        self.assertEqual(self.lines("""
            local before = alua.id
            print(alua.open('127.0.0.1:' .. port).error, alua.id == before, #dalua.processes())
            print(alua.create({ port = port }).daemon, alua.id == before)
            print(alua.open('127.0.0.1:' .. port).status, alua.id, alua.daemonid)"""), [
                f"no broker answers at {self.address}\ttrue\t1", f"{self.address}\ttrue",
                f"ok\t1@{self.address}\t{self.address}"])

    def test_open_by_table_starts_one(self):
        self.assertEqual(self.lines("""
            print(alua.open({ addr = '127.0.0.1', port = tonumber(port) }).daemon, alua.id)
            print(alua.open({ port = port }).error)
            print(alua.close(), alua.id, alua.daemonid, alua.node, select(2, alua.close()).code)
            print(alua.open().error, alua.eval('x', '').error)
            print(alua.open({ port = 0 }).status, (alua.daemonid ~= '127.0.0.1:' .. port))""".replace(
                "alua.eval('x', '').error", "select(2, alua.eval('x', '')).code")), [
                f"{self.address}\t1@{self.address}", "already connected", "true\tnil\tnil\tnil\toffline",
                "not connected\toffline", "ok\ttrue"])

    def test_apps_and_names_stay_behind(self):
        #  Each view of an app was the one of the old network while its number was the same.
        self.assertEqual(self.lines("""
            dalua.app.join('mine') alua.register('me') alua.sleep(0.05)
            print(#dalua.processes(), #dalua.processes('mine'), alua.whereis('me') == alua.id)
            alua.open { port = port }
            print(#dalua.processes(), #dalua.processes('mine'), select(2, alua.whereis('me')).code)
            print(table.concat(dalua.app.applications(), ' ') == '')
            dalua.app.join('mine') alua.sleep(0.05)
            print(table.concat(dalua.processes('mine'), ' '), table.concat(dalua.app.applications(), ' '))"""), [
                "1\t1\ttrue", "0\t0\tunknown", "true", f"1@{self.address}\tmine"])

    def test_what_was_pending_is_closed_and_what_was_sent_arrives(self):
        self.assertEqual(sorted(self.lines("""
            local known, fresh = next(alua.spawn(1).processes), next(alua.spawn(1).processes)
            alua.eval(known, 'return')
            alua.send({ known, fresh }, "print 'sent' io.stdout:flush()")
            luarpc.async(known, 'alua.sleep', function(_, err) print(err.code, err.definite) end)(1)
            local future = luarpc.future(alua.id, 'alua.sleep')(1)
            print(alua.open({ port = port }).status)
            print(select(2, future:get()).code)
            print(select(2, luarpc.sync(known, 'tostring')(1)).code)""")),
            ["closed", "closed\tfalse", "ok", "sent", "sent", "unknown"])

    def test_close_comes_behind_the_first_send_to_somebody(self):
        broker = self.start_broker()
        node = self.start_node("ana")
        result = self.run_program("alua.send('ana', \"print 'arrived' io.stdout:flush()\") print(alua.close())",
                                  options=("--broker", broker.endpoint))
        self.assertEqual((result.status, result.err, result.lines), (0, "", ["true"]))
        node.expect("arrived")
        node.stop()
        broker.stop()

    def test_one_name_in_two_networks_is_two_processes(self):
        brokers = [self.start_broker("--listen", "tcp://127.0.0.1:*") for _ in range(2)]
        nodes = [self.start_node("ana", "--broker", broker.endpoint) for broker in brokers]
        first, second = (broker.endpoint[6:] for broker in brokers)
        result = self.run_program("""
            for _, address in ipairs { ..., (select(2, ...)), (...) } do
              alua.close() alua.open(address)
              print(alua.eval('ana', 'return alua.daemonid') == address, alua.eval('1@ana', 'return alua.daemonid') == address)
            end""", first, second)
        self.assertEqual(result.lines, ["true\ttrue"] * 3, result)
        for process in (*nodes, *brokers):
            process.stop()

    def test_children_of_before_end_with_their_parent(self):
        self.assertEqual(self.lines("""
            alua.spawn({ 'ann' })
            alua.open { port = port }
            print(alua.spawn({ 'ann' }).processes.ann.status, alua.eval('ann', 'return alua.daemonid'))"""),
            [f"ok\t{self.address}"])


class TestInit(Opening):
    def test_init_without_an_address_stays(self):
        self.assertEqual(self.lines("""
            dalua.events.monitor('dalua_init', function(...) print(...) print(dalua.self() == id) end)
            id = dalua.self()
            dalua.init()"""), ["dalua_init\tsuccess\tconnected", "true"])

    def test_many_that_start_at_one_port_at_once(self):
        #  Each finds nobody and starts a broker; one is first, and may have ended again when the others come.
        for _ in range(5):
            lines = self.lines("""
                dalua.events.monitor('dalua_init', function(_, status, how) print(status, how) dalua.exit() end)
                dalua.init('127.0.0.1', port)
                dalua.loop()""", options=("-n", 4, "--no-label"))
            self.assertEqual(len(lines), 4)
            for line in lines:
                self.assertRegex(line, "^success\t(created|connected)$")

    def test_what_is_no_address(self):
        self.assertEqual(self.lines("""
            dalua.events.monitor('dalua_init', function(_, status, why) print(status, why) end)
            dalua.init(5, port) dalua.init('127.0.0.1', 'x') dalua.init('no.such.host', port)""")[:2],
            ["error\tinvalid daemon address"] * 2)


MEMBER = """
    local port, how = ...
    print(alua.open({ port = port }).id)
    function add(a, b) return a + b end
    alua.register('adder')
    print 'registered' io.stdout:flush()
    alua.loop()"""


class TestBroker(Opening):
    """The broker that a program starts is nobody's part: it lives until its last member has left."""

    def member(self):
        member = self.start("run", self.program(MEMBER, "member.lua"), self.port)
        member.expect("registered")
        return member

    def visit(self):
        return self.lines("alua.open('127.0.0.1:' .. port) print(luarpc.sync('adder', 'add')(2, 3), alua.id)")[0]

    def test_it_survives_whoever_started_it(self):
        starter = self.start("run", self.program("print(alua.open({ port = ... }).status) alua.loop()"), self.port)
        starter.expect("ok")
        member = self.member()
        self.assertRegex(self.visit(), "^5\t3@")
        starter.kill(signal.SIGKILL)                # The launcher, and with it all that it launched
        starter.wait()
        self.assertRegex(self.visit(), "^5\t4@")
        self.assertEqual(member.stop().status, 143)

    def test_it_ends_behind_one_that_was_killed(self):
        member = self.member()
        member.kill(signal.SIGKILL)
        member.wait()

    def test_created_it_waits_for_its_first_member(self):
        address = self.lines("print(alua.create({ port = port }).daemon)")[0]
        self.assertEqual(address, self.address)
        self.assertRegex(self.lines("print(alua.open('127.0.0.1:' .. port).id)")[0], "^1@")
        eventually(lambda: not self.processes(), "the broker has ended")

    def test_visitors_do_not_keep_it(self):
        member = self.member()
        self.assertEqual(self.run_alua("call", "--broker", self.address, "adder", "add", 2, 3).out, "5\n")
        self.assertTrue(re.search("adder", self.run_alua("nodes", "--broker", self.address).out))
        member.stop()


if __name__ == "__main__":
    unittest.main()
