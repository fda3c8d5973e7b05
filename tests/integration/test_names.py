"""Names: one holder at a time, told apart, free again when the holder is dead"""
import os
import pathlib
import signal

import harness
from harness import eventually

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
HOLDER, CALLER = PROGRAMS / "holder.lua", PROGRAMS / "caller.lua"


class TestNodeNames(harness.Case):
    """Two nodes claim one name: the second is told, with a status and who has it."""

    def test_a_second_node(self):
        self.start_broker()
        self.start_node("ana")
        second = self.run_alua("node", "--name", "ana")
        self.assertEqual((second.status, second.out), (1, ""))
        self.assertRegex(second.err, r"the name ana is taken by a node .*\(1@ana\)")
        self.assertEqual(len(second.err.splitlines()), 1)
        self.assertEqual([node["id"] for node in self.nodes()], ["1@ana"])

    def test_a_program(self):
        broker = self.start_broker()
        self.start_node("ana")
        result = self.run_program("print 'never'", options=("--broker", broker.endpoint, "--name", "ana"))
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertRegex(result.err, r"the name ana is taken by a node")

    def test_one_of_several_keeps_the_others_from_waiting(self):
        broker = self.start_broker()
        self.start_node("w2")
        result = self.run_program("print 'never'", options=("--broker", broker.endpoint, "--name", "w", "-n", 3))
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertRegex(result.err, r"the name w2 is taken by a node")
        self.assertLess(result.seconds, 10)

    def test_the_address_of_the_network_is_no_name(self):
        broker = self.start_broker("--listen", "tcp://127.0.0.1:*")
        address = broker.endpoint.removeprefix("tcp://")
        result = self.run_alua("node", "--name", address, "--broker", broker.endpoint)
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn(address, result.err)

    def test_a_registered_name_is_no_free_name_of_a_node(self):
        self.start_broker()
        self.start_node("ana", HOLDER, "bob").expect("bob\tregistered")
        result = self.run_alua("node", "--name", "bob")
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertRegex(result.err, r"the name bob is registered by a process .*\(1@ana\)")

    def test_the_name_of_a_killed_node_is_free_again(self):
        self.start_broker()
        for _ in range(3):
            node = self.start_node("ana")
            node.kill(signal.SIGKILL)
            node.wait()
            eventually(lambda: not self.nodes(), "the broker knows", 3 * harness.PATIENCE / 20)

    def test_spawned_under_a_name_that_is_taken(self):
        result = self.run_program("""
            assert(alua.spawn({'ana', 'bob'}).status == 'ok')
            local reply = alua.spawn({'ana', 'eva'})
            print(reply.status, reply.processes.ana.status, reply.processes.ana.error)
            print(reply.processes.eva.status, reply.processes.bob)""")
        self.assertEqual(result.lines, ["ok\terror\tprocess name already exists", "ok\tnil"])
        self.assertEqual((result.status, result.err), (0, ""))

    def test_spawned_at_once_under_one_name_by_several(self):
        result = self.run_program("print(alua.spawn({'ana'}).processes.ana.status)",
                                  options=("-n", 4, "--no-label"))
        self.assertEqual(sorted(result.lines), ["error"] * 3 + ["ok"])
        self.assertEqual((result.status, result.err), (0, ""))


class TestRegisteredNames(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def holder(self, node):
        holder = self.start_node(node, HOLDER, "service")
        holder.expect("holder")
        return holder

    def caller(self):
        caller = self.start_node("caller", CALLER, "service")
        caller.expect("^caller")
        return caller

    def order(self, word):
        """Tell the caller what to do; it prints what came of it."""
        self.run_alua("send", "caller", f"alua.task.schedule(order, '{word}')")

    def test_two_register_one_name(self):
        self.holder("h1").expect("service\tregistered")
        second = self.holder("h2")
        second.expect(r"service\texists: the name service is registered by a process .*\(1@h1\)")

    def test_whereis_finds_names_nodes_and_ids(self):
        self.holder("h1")
        result = self.run_program("""
            for _, name in ipairs { 'service', 'h1', '1@h1', alua.id } do print((alua.whereis(name))) end
            local id, err = alua.whereis('servise')
            print(id, err.code, err)""", options=("--broker", self.broker.endpoint))
        self.assertEqual(result.lines[:3], ["1@h1"] * 3)
        self.assertRegex(result.lines[3], "^1@")
        self.assertRegex(result.lines[4], "^nil\tunknown\t.*did you mean service")

    def test_the_name_of_a_dead_holder_is_free_again(self):
        holder, caller = self.holder("h1"), self.caller()
        self.order("register")
        caller.expect("register\tfailed\texists")
        holder.kill(signal.SIGKILL)
        caller.expect("watch\tgone\t1@h1", 3 * harness.PATIENCE / 20)
        self.order("where")
        caller.expect("where\tfailed\tunknown")
        self.order("register")
        caller.expect("register\ttrue")
        self.order("where")
        caller.expect("where\t1@caller")
        self.order("unregister")
        caller.expect("unregister\ttrue")
        self.order("unregister")
        caller.expect("unregister\tfailed\tunknown")

    def test_the_name_of_one_that_left_is_free_again(self):
        holder, caller = self.holder("h1"), self.caller()
        self.run_alua("send", "h1", "alua.exit(0)")
        caller.expect("watch\tleft\t1@h1")
        self.assertEqual(holder.wait().status, 0)
        self.order("register")
        caller.expect("register\ttrue")

    def test_a_call_waits_for_a_holder_that_restarts(self):
        holder, caller = self.holder("h1"), self.caller()
        self.order("call")
        caller.expect(rf"call\t{holder.pid}$")
        for number, name in enumerate(("h1", "h2"), 1):
            holder.kill(signal.SIGKILL)
            caller.expect("watch\tgone", count=number)
            self.order("call")
            caller.expect("call\tfailed\tunknown", 5, count=number)     # At once
            self.order("briefly")
            caller.expect("briefly\tfailed\t(unknown|timeout)", 5, count=number)
            self.order("wait")
            holder = self.holder(name)
            caller.expect(rf"wait\t{holder.pid}$")
            self.order("call")
            caller.expect(rf"call\t{holder.pid}$")

    def test_a_name_is_moved_and_the_calls_follow(self):
        #  The old holder refuses the first one, which then goes to the new holder.
        first, caller = self.holder("h1"), self.caller()
        self.order("call")
        caller.expect(rf"call\t{first.pid}$")
        second = self.holder("h2")
        self.run_alua("call", "h1", "alua.unregister", "service")
        self.run_alua("call", "h2", "alua.register", "service")
        self.order("call")
        caller.expect(rf"call\t{second.pid}$", 5)
        self.assertEqual([line for line in caller.out if "failed" in line], [])

    def test_one_that_is_silent_keeps_its_name_for_the_lease(self):
        holder, caller = self.holder("h1"), self.caller()
        os.kill(holder.pid, signal.SIGSTOP)
        caller.expect("watch\tsilent\t1@h1", 6)
        self.order("register")
        caller.expect("register\tfailed\texists\t.*silent")
        os.kill(holder.pid, signal.SIGCONT)
        caller.expect("watch\tback\t1@h1")
        self.order("call")
        caller.expect(rf"call\t{holder.pid}$")
