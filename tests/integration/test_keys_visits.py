"""Short visits with a key: health checks, draining; what the broker's log says of them"""
import re
import unittest

import hosts

POLICY = "keys = { ana = { call = true }, bob = {}, desk = { call = true, admin = true } }\n"


class Case(hosts.Case):
    def setUp(self):
        super().setUp()
        self.start_hub(("ana", "bob", "desk"), policy=POLICY)

    def visit(self, name, *args, status=0, **keywords):
        """A verb with --broker, --key and --broker-key."""
        host = self.host(name)
        result = host.run(args[0], *host.at(**keywords), *args[1:])
        self.assertEqual(result.status, status, result)
        return result


class TestPing(Case):
    def test_the_broker_and_a_node(self):
        self.host("ana").node("ana")
        self.assertRegex(self.visit("desk", "ping").out, r"^broker tcp://\S+: \d+\.\d\d ms, protocol 1, 1 member,")
        for name in ("ana", "bob", "desk"):             # Who may nothing may know that the node is well
            self.assertRegex(self.visit(name, "ping", "ana").out, r"^ana: \d+\.\d\d ms, up\n$")

    def test_keys_that_do_not_fit(self):
        self.assertIn("does not trust our key eve", self.visit("eve", "ping", status=1).err)
        self.assertIn("compare it with its .pub", self.visit("ana", "ping", status=1, broker_key=self.public("other")).err)


class TestDrain(Case):
    def test_with_the_right_to(self):
        node = self.host("ana").node("ana")
        self.assertRegex(self.visit("desk", "drain", "ana").out, r"^ana left after \d+\.\d s\n$")
        self.assertEqual(node.wait().status, 0)

    def test_a_node_of_ones_own_key(self):
        node = self.host("ana").node("ana")
        self.visit("ana", "drain", "ana")
        self.assertEqual(node.wait().status, 0)

    def test_without_the_right(self):
        node = self.host("ana").node("ana")
        self.assertIn("may not drain the node 1@ana", self.visit("bob", "drain", "ana", status=1).err)
        self.hub.expect(r"audit \S+ bob denied DRAIN admin 1@ana")
        self.assertTrue(node.alive())
        self.visit("ana", "ping", "ana")

    def test_keys_that_do_not_fit(self):
        node = self.host("ana").node("ana")
        self.assertIn("does not trust our key eve", self.visit("eve", "drain", "ana", status=1).err)
        self.assertTrue(node.alive())


class TestLog(Case):
    """Health checks do not fill the broker's log: who visits is said once for each key."""

    def lines(self, pattern):
        return [line for line in self.hub.err if re.search(pattern, line)]

    def test_visits_are_said_once(self):
        self.host("ana").node("ana")
        for _ in range(3):
            self.visit("ana", "ping", "ana")
            self.visit("desk", "ping")
        self.host("ana").node("last")                   # Behind all that
        self.hub.expect("last is here as 1@last, with the key of ana")
        self.assertEqual(len(self.lines(r"^alua broker: v\d+@")), 2, self.hub.err)
        for name in ("ana", "desk"):
            self.assertEqual(len(self.lines(rf"is here as v\d+@.*, with the key of {name} \(a visitor")), 1, self.hub.err)

    def test_what_is_refused_is_said_each_time(self):
        self.host("ana").node("ana")
        for count in (1, 2):
            self.visit("bob", "drain", "ana", status=1)
            self.hub.expect("audit .* bob denied DRAIN admin 1@ana", count=count)
        self.visit("eve", "ping", status=1)
        self.hub.expect("refused a connection: the key .* is not trusted")


if __name__ == "__main__":
    unittest.main()
