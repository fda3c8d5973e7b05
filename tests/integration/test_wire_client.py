"""What wire/PROTOCOL.md says, done from another language"""
import math
import re
import subprocess
import sys
import unittest

import msgpack

import harness
import wire_client
from wire_client import Failed, Link, LIMITS, RESUME, TYPES

SERVER = """
counted = 0
function account(a, b) return a, nil, b, nil end
function add(a, b) counted = counted + 1 return (a or 0) + (b or 0) end
function fail(what) error(what, 0) end
function ask(who, name, ...) return luarpc.sync(who, name)(...) end
function why(who, name, ...)
  local none, err = luarpc.sync(who, name)(...)
  return none, err.code, err.message, err.definite, luarpc.iserror(err)
end
function outcome() return log end
luarpc.export("exported", function(x) return x end)
alua.loop()
"""


class Case(harness.Case):
    """A broker, a node called ana, and clients that are closed behind the test."""

    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.directory = self.runtime / "alua"
        self.token = wire_client.token_of(self.directory)
        self.ana = self.start_node("ana", self.program(SERVER))

    def link(self, endpoint=None, **keywords):
        link = Link(endpoint or self.broker.endpoint, keywords.pop("token", self.token),
                    timeout=keywords.pop("timeout", harness.PATIENCE), **keywords)
        self.addCleanup(link.leave)
        return link

    def client(self, features=0, visitor=True, name="", **body):
        link = self.link(name=name)
        link.open(features, visitor=visitor, **body)
        return link

    def direct(self, name="zoe", features=0, who="ana"):
        """A link to a node itself, whose address the broker told."""
        found = self.client().ask("LOOKUP", who)[0]
        link = self.link(found["endpoints"][0], name=name)
        link.open(features, id="1@" + name)
        link.id = "1@" + name
        return link

    def assert_code(self, code, function, *args):
        with self.assertRaises(Failed) as caught:
            function(*args)
        self.assertEqual(caught.exception.code, code)
        return caught.exception


class TestPage(harness.Case):
    def test_the_client_in_a_few_lines_works_as_it_stands_there(self):
        self.start_broker()
        self.start_node("ana", self.program("account = { add = function(n) return n + 1 end } alua.loop()"))
        code = re.search(r"```python\n(.*?)```", wire_client.PAGE.read_text(), re.S)[1]
        done = subprocess.run([sys.executable, "-c", code], env=self.env, capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout, "results [43]\n")

    def test_the_bytes_of_each_type_are_what_another_decoder_sees(self):
        text = wire_client.PAGE.read_text().split("\n## 12. ")[1]
        lines = re.findall(r"^([A-Z_]+) +([0-9a-f]+)$", text, re.M)
        self.assertEqual({name for name, _ in lines}, set(TYPES))
        for name, digits in lines:
            (fields,) = wire_client.unpack_all(bytes.fromhex(digits))
            self.assertEqual(fields[:2], [1, TYPES[name]])


class TestClient(Case):
    def test_it_is_welcomed(self):
        client = self.client()
        self.assertRegex(client.id, "^v1@")
        self.assertEqual(client.welcome["features"], 0)
        self.assertEqual(client.welcome["role"], "broker")
        self.assertEqual(client.id, "v1@" + client.welcome["body"]["address"])
        self.assertEqual(client.welcome["body"]["lease"], LIMITS["LEASE"])

    def test_names(self):
        self.assertEqual(self.client(visitor=False, name="zoe").id, "1@zoe")
        self.assertEqual(self.client(visitor=False, name="worker", spawn=True).id, "worker")
        self.assertRegex(self.client(visitor=False).id, r"^\d+@")
        self.assert_code("exists", lambda: self.client(visitor=False, name="zoe"))

    def test_lua_calls_it_by_a_registered_name(self):
        client = self.client(visitor=False)
        self.assertEqual(client.ask("REGISTER", "printer"), [True])
        client.serve["join"] = lambda *args: ["-".join(map(str, args)), None, args[0], None]
        self.assertEqual(client.chunk("1@ana", "return select('#', ask('printer', 'join', 1, 'a', 2.5)), "
                                               "ask('printer', 'join', 1, 'a', 2.5)"),
                         [4, "1-a-2.5", None, 1, None])

    def test_lua_sees_its_errors(self):
        client = self.client()

        def boom(text):
            raise Failed("remote", text, {"code": "remote", "message": text, "node": client.id,
                                          "where": "test.py:1", "traceback": ["in Python"], "definite": True})
        client.serve["boom"] = boom
        self.assertEqual(client.call("1@ana", "why", client.id, "boom", "no paper"),
                         [None, "remote", "no paper", True, True])
        self.assertEqual(client.call("1@ana", "why", client.id, "nothing"),
                         [None, "no_function", "no function nothing in Python", True, True])

    def test_a_code_of_a_later_version_is_an_error_too(self):
        client = self.client()

        def novel():
            raise Failed("novel", "never heard of")
        client.serve["novel"] = novel
        self.assertEqual(client.call("ana", "why", client.id, "novel")[:3], [None, "novel", "never heard of"])

    def test_it_calls_lua(self):
        client = self.client()
        self.assertEqual(client.call("1@ana", "account", 1, 2), [1, None, 2, None])
        self.assertEqual(client.call("ana", "exported", "x"), ["x"])
        error = self.assert_code("remote", client.call, "ana", "fail", "no money")
        self.assertEqual((error.text, error.error["node"], error.error["definite"]), ("no money", "1@ana", True))
        self.assertEqual(len(error.error["traceback"]), 1)
        self.assertEqual(self.assert_code("remote", client.call, "ana", "fail", {"a": 1}).error["value"], {"a": 1})
        self.assertIn("acount", self.assert_code("no_function", client.call, "ana", "acount").text)
        self.assert_code("unknown", client.call, "1@bob", "account")

    def test_flags(self):
        client = self.client()
        client.say("CALL", 7, 0, client.id, "ana", 1, "add", [1, 2])        # A reply, but no results
        self.assertEqual(client.outcome(7, ["REPLY"])[6], [])
        client.say("CALL", 0, 0, client.id, "ana", 0, "fail", ["lost"])     # Nobody waits: only what fails is told
        self.assertEqual(client.wait_told("FAIL")[2], 0)
        client.say("CALL", 0, 0, client.id, "ana", 0, "add", [1, 2])
        self.assertEqual(client.chunk("ana", "return counted"), [2])
        self.assertEqual(client.told, [])

    def test_values_both_ways(self):
        client = self.client()
        for value in (None, True, False, 0, -1, 2**63 - 1, -2**63, 1.5, 1.0, math.inf, -math.inf, "", "text", "\0é€😀",
                      b"\xff\xfe", [1, 2, 3], {}, {"a": {"b": [1]}}, {1.5: True, False: "x", "k": None or 0}, [[[]]],
                      "x" * 70000, list(range(2000))):
            want = {} if value == [] else [[{}]] if value == [[[]]] else value
            self.assertEqual(client.call("ana", "exported", value), [want])
        self.assertTrue(math.isnan(client.call("ana", "exported", math.nan)[0]))
        self.assertEqual(client.call("ana", "exported", 2**63), [float(2**63)])
        self.assertEqual(client.call("ana", "exported", [1, None]), [[1]])
        self.assertEqual(client.chunk("ana", "return math.type((...)), math.type((select(2, ...)))", 1, 1.0),
                         ["integer", "float"])

    def test_integers_in_any_form_and_bin_for_text(self):
        client = self.client()
        text = [msgpack.packb(word.encode()) for word in (client.id, "ana", "=c", "return ...")]
        head = bytes.fromhex("dc000a d30000000000000001 cd0010 cf0000000000000063 cc00")
        args = bytes.fromhex("94 cf0000000000000001 d3ffffffffffffffff ca3fc00000 d90161")
        client.say_bytes(head + text[0] + text[1] + b"\xcd\x00\x03" + text[2] + text[3] + args)
        self.assertEqual(client.outcome(99, ("REPLY", "FAIL"))[6], [1, -1, 1.5, "a"])

    def test_fields_of_a_later_version_are_ignored(self):
        client = self.client()
        client.say("CALL", 5, 0, client.id, "ana", 3, "exported", [1], "more", {"and": "more"})
        self.assertEqual(client.outcome(5, ["REPLY"])[6], [1])

    def test_it_is_told_of_joins_and_leaves(self):
        client = self.client()
        version, members = client.ask("FOLLOW", "ring")
        self.assertEqual(members, [])
        client.chunk("ana", "dalua.app.join('ring')")
        told = client.wait_told("MEMBERS")
        self.assertEqual(told[4:], ["ring", version + 1, "join", "1@ana", "ana"])
        bob = self.start_node("bob", "--app", "ring")
        self.assertEqual(client.wait_told("MEMBERS")[4:], ["ring", version + 2, "join", "1@bob", "bob"])
        bob.stop()
        self.assertIn(client.wait_told("MEMBERS")[6], ("leave", "gone"))
        self.assertEqual(client.ask("JOIN", "ring"), [version + 4, ["1@ana", client.id]])
        self.assertEqual(client.ask("LEAVE", "ring"), [version + 5])
        self.assertEqual(client.ask("APPS"), [["ring"]])

    def test_it_watches(self):
        client = self.client()
        self.assertEqual(client.ask("WATCH", "bob"), [True])
        bob = self.start_node("bob")
        self.assertEqual(client.wait_told("WATCHED")[4:7], ["up", "1@bob", "bob"])
        bob.stop()
        self.assertEqual(client.wait_told("WATCHED")[4:7], ["left", "1@bob", "bob"])

    def test_it_sends_chunks(self):
        client = self.client()
        self.assertEqual(client.chunk("ana", "return ..., alua.id, nil", 1, 2), [1, "1@ana", None])
        error = self.assert_code("syntax", client.chunk, "ana", "return +")
        self.assertIn("chunk:1:", error.text)
        error = self.assert_code("remote", lambda: client.chunk("ana", "error('x')", name="@file.py"))
        self.assertEqual((error.text, error.error["where"]), ("file.py:1: x", "file.py:1"))
        self.assert_code("syntax", client.chunk, "ana", "\x1bLua")          # Bytecode is no text

    def test_it_runs_nothing_it_is_sent(self):
        client = self.client()
        self.assertEqual(client.chunk("ana", "alua.send(..., 'print(1)')", client.id), [])
        client.serve_until(lambda: client.ran)
        self.assertEqual(client.ran[0][0], "1@ana")
        self.assertEqual(client.ran[0][2], "print(1)")

    def test_bye(self):
        client = self.client(visitor=False, name="zoe")
        client.ask("REGISTER", "printer")
        watcher = self.client()
        watcher.ask("WATCH", "zoe")
        client.bye("closed", "that is all")
        told = watcher.wait_told("WATCHED")
        self.assertEqual(told[4:7], ["left", "1@zoe", "zoe"])
        self.assert_code("unknown", watcher.call, "printer", "f")
        self.assertEqual(watcher.ask("REGISTER", "printer"), [True])

    def test_the_same_ask_twice_is_done_once(self):
        client = self.client()
        asked = wire_client.message("JOIN", 77, 30000, "ring")
        client.say_bytes(asked)
        first = client.outcome(77, ["ANSWER"])
        client.say_bytes(asked)
        self.assertEqual(client.outcome(77, ["ANSWER"]), first)
        self.assertEqual(client.ask("JOIN", "ring")[0], first[4])

    def test_what_is_too_late_is_not_done(self):
        client = self.client()
        busy = "local t = os.clock() while os.clock() < t + 0.3 do end"
        #  In one frame: while it computes ana would not see a second one, nor how long that has been there
        client.say_bytes(wire_client.message("CHUNK", 50, 0, client.id, "ana", 1, "=c", busy, [])
                         + wire_client.message("CALL", 51, 50, client.id, "ana", 3, "add", [1, 2]))
        self.assertEqual(client.outcome(51, ["FAIL"])[6]["code"], "expired")
        self.assertEqual(client.chunk("ana", "return counted"), [0])

    def test_cancel(self):
        client = self.client()
        code = "begun = 1 reason = select(2, alua.sleep(60)).code"
        client.say("CHUNK", 60, 0, client.id, "ana", 3, "=c", code, [])
        harness.eventually(lambda: client.chunk("ana", "return begun") == [1], "it has begun")
        client.say("CANCEL", 60, 0, client.id, "ana")
        harness.eventually(lambda: client.chunk("ana", "return reason") == ["cancelled"], "cancelled")

    def test_work_that_has_not_begun_is_cancelled_too(self):
        client = self.client()
        client.say("CHUNK", 0, 0, client.id, "ana", 0, "=c", "local t = os.clock() while os.clock() < t + 0.3 do end", [])
        client.say("CHUNK", 60, 0, client.id, "ana", 3, "=c", "begun = 1", [])
        client.say("CANCEL", 60, 0, client.id, "ana")
        self.assertEqual(client.chunk("ana", "return begun"), [None])

    def test_a_broker_that_was_restarted_says_who(self):
        client = self.client(visitor=False, name="zoe")
        self.broker.stop()
        self.broker = self.start_broker()

        def who():
            client.say("APPS", client.request(), 0)
            try:
                return client.hear(0.2)[1] == TYPES["WHO"]
            except wire_client.Silence:
                return False
        harness.eventually(who, "WHO")
        self.assertEqual(client.open(id="1@zoe"), "1@zoe")
        harness.eventually(lambda: "ana" in [node["node"] for node in client.ask("NODES")[0]], "ana is back")
        self.assertEqual(client.call("ana", "add", 1, 2), [3])


class TestSpaces(Case):
    """Section 13."""

    def term(self, *parts):
        return msgpack.ExtType(2, msgpack.packb(parts))

    def test_it_puts_and_takes(self):
        client = self.client()
        any_, rest = self.term("any"), self.term("rest")
        (first,) = client.ask("OUT", "jobs", ["job", 1])
        (second,) = client.ask("OUT", "jobs", ["job", 2], {"ttl": 60000})
        self.assertGreater(second, first)
        self.assertEqual(client.ask("COUNT", "jobs", ["job", any_]), [2])
        self.assertEqual(client.ask("READ", "jobs", ["job", any_])[:2], [["job", 1], first])
        self.assertEqual(client.ask("TAKE", "jobs", ["job", any_])[:2], [["job", 1], first])
        self.assertEqual(client.ask("TAKE", "jobs", ["job", 2.0], {})[:2], [["job", 2], second])
        self.assert_code("timeout", client.ask, "TAKE", "jobs", [rest], {"try": True})
        client.ask("OUT", "jobs", {1: "job", 2: 3, "by": "zoe"})
        self.assertEqual(client.ask("TAKE", "jobs", {1: "job", "by": self.term("prefix", "z"), 2: any_})[0],
                         {1: "job", 2: 3, "by": "zoe"})

    def test_each_term_of_the_page(self):
        client = self.client()
        for i, value in enumerate((1, 2.5, "text", True, [1, 2], msgpack.ExtType(3, b"return 1"))):
            client.ask("OUT", "v", [value, i])
        rows = [row[0] for row in wire_client.table(13) if row[0] != "term"]
        self.assertEqual([row.split(",")[0] for row in rows if "-" not in row],
                         ["any", "type", "range", "prefix", "oneof", "rest", "var", "where"])
        for parts, count in ((("any",), 6), (("type", "int"), 1), (("type", "float"), 1), (("type", "number"), 2),
                             (("type", "string"), 1), (("type", "boolean"), 1), (("type", "table"), 1), (("type", "code"), 1),
                             (("range", 0, 2), 1), (("range", None, None), 2), (("prefix", "te"), 1), (("oneof", 1, "text"), 2),
                             (("var", "x"), 6)):
            self.assertEqual(client.ask("COUNT", "v", [self.term(*parts), self.term("any")]), [count], parts)
        self.assertEqual(client.ask("COUNT", "v", [self.term("rest")]), [6])
        self.assertEqual(client.ask("COUNT", "v", [self.term("any"), self.term("any"), self.term("where", "t[2] > 3")]), [2])

    def test_it_waits_and_forgets(self):
        client, other = self.client(), self.client()
        for number in (70, 71):
            client.say("TAKE", number, 0, "jobs", ["late"])
        self.assertEqual(client.ask("FORGET", 70), [True])
        self.assertEqual(client.wait_told("DENY", lambda heard: heard[2] == 70)[4], "cancelled")
        other.ask("OUT", "jobs", ["late"])
        self.assertEqual(client.outcome(71, ["ANSWER"])[4], ["late"])
        client.say("TAKE", 72, 50, "jobs", ["late"])
        self.assertEqual(client.outcome(72, ["DENY"])[4], "timeout")
        self.assertEqual(client.ask("FORGET", 72), [False])

    def test_a_tuple_that_goes_back_has_its_old_place(self):
        client = self.client()
        for i in range(3):
            client.ask("OUT", "n", [i])
        value, number = client.ask("TAKE", "n", [0])[:2]
        client.ask("OUT", "n", value, {"number": number})
        self.assertEqual(client.ask("READ", "n", [self.term("any")], {"all": 10})[0], [[0], [1], [2]])

    def test_leases(self):
        client, other = self.client(), self.client()
        client.ask("OUT", "jobs", ["job"])
        _, _, lease = client.ask("TAKE", "jobs", ["job"], {"lease": 60000})
        self.assert_code("expired", other.ask, "ACK", lease, [])
        self.assertEqual(client.ask("EXTEND", lease, 50000), [True])
        self.assertEqual(client.ask("RELEASE", lease), [True])
        _, _, lease = client.ask("TAKE", "jobs", ["job"], {"lease": 60000})
        (numbers,) = client.ask("ACK", lease, [["done", ["a"]], ["done", ["b"], {"ttl": 60000}]])
        self.assertEqual(len(numbers), 2)
        self.assertEqual(client.ask("TAKE", "done", [self.term("any")], {"all": 9})[0], [["a"], ["b"]])
        client.ask("OUT", "jobs", ["job"])
        client.ask("TAKE", "jobs", ["job"], {"lease": 60000})
        client.leave()
        harness.eventually(lambda: other.ask("COUNT", "jobs") == [1], "it came back")

    def test_swap_batch_watch_destroy(self):
        client = self.client()
        watch, last = client.ask("SPACE_WATCH", "n", [self.term("any")])
        client.ask("OUT", "n", [1])
        self.assertEqual(client.ask("TAKE", "n", [1], {"put": [2]})[0], [1])
        told = [client.wait_told("TUPLE")[4:] for _ in range(2)]
        self.assertEqual([(one[0], one[1], one[2], one[4]) for one in told], [(watch, 1, 0, [1]), (watch, 2, 0, [2])])
        self.assertEqual([one[3] for one in told], [last + 1, last + 2])
        self.assertEqual(client.ask("SPACE_UNWATCH", watch), [True])
        operations = [[TYPES["TAKE"], "n", [2]], [TYPES["OUT"], "m", [3]], [TYPES["COUNT"], "m", [3]]]
        (results,) = client.ask("BATCH", operations)
        self.assertEqual((results[0][0], results[2]), ([2], [1]))
        self.assert_code("timeout", client.ask, "BATCH", operations)
        self.assertEqual(client.ask("COUNT", "m"), [1])
        client.say("TAKE", 90, 0, "m", ["never"])
        self.assertEqual([space["name"] for space in client.ask("SPACES")[0]], ["m"])
        self.assertEqual(client.ask("DESTROY", "m"), [True])
        self.assertEqual(client.wait_told("DENY", lambda heard: heard[2] == 90)[4], "closed")

    def test_lua_takes_what_it_puts_and_the_other_way_round(self):
        client = self.client()
        client.ask("OUT", "default", {1: "job", 2: msgpack.ExtType(3, b"return 6 * ..."), "n": 7})
        self.assertEqual(client.chunk("ana", "local t = luats.take { 'job', luats.any } luats.out { t[2](t.n) }"), [])
        self.assertEqual(client.ask("TAKE", "default", [self.term("type", "int")])[0], [42])


class TestTopics(Case):
    """Section 14."""

    def topics(self, client, count):
        """So many TOPIC as maps."""
        names = "sub", "n", "missed", "topic", "publisher", "seq", "time", "flags", "reply", "value"
        return [dict(zip(names, client.wait_told("TOPIC")[4:])) for _ in range(count)]

    def test_it_publishes_and_subscribes(self):
        client, other = self.client(), self.client()
        (sub,) = client.ask("SUBSCRIBE", "sensors.*")
        self.assertEqual(other.ask("PUBLISH", "sensors.hall", {"t": 21.5}), [1])
        self.assertEqual(other.ask("PUBLISH", "sensors.hall.door", 1), [0])
        other.say("PUBLISH", 0, 0, "sensors.hall", 2)
        first, second = self.topics(client, 2)
        self.assertEqual((first["sub"], first["n"], first["missed"], first["seq"], first["flags"], first["value"]),
                         (sub, 1, 0, 1, 0, {"t": 21.5}))
        self.assertEqual((first["topic"], first["publisher"], first["reply"]), ("sensors.hall", other.id, None))
        self.assertEqual((second["n"], second["seq"], second["value"]), (2, 2, 2))
        self.assertEqual(client.ask("UNSUBSCRIBE", sub), [True])
        self.assertEqual(other.ask("PUBLISH", "sensors.hall", 3), [0])
        self.assert_code("denied", client.ask, "PUBLISH", "$alua.node.x", 1)

    def test_the_past_comes_first(self):
        client = self.client()
        client.ask("SUBSCRIBE", "n", {"last": 0})
        for i in range(4):
            client.ask("PUBLISH", "n", i, {"retain": i == 2})
        self.topics(client, 4)
        client.ask("SUBSCRIBE", "n", {"last": 2})
        self.assertEqual([(one["value"], one["flags"]) for one in self.topics(client, 2)], [(2, 3), (3, 2)])
        client.ask("SUBSCRIBE", "n")
        self.assertEqual([(one["value"], one["flags"]) for one in self.topics(client, 1)], [(2, 1)])
        client.ask("PUBLISH", "n", None, {"retain": True})
        client.told.clear()
        client.ask("SUBSCRIBE", "n", {"seq": 4})
        self.assertEqual([one["seq"] for one in self.topics(client, 2)], [4, 5])

    def test_window_and_policy(self):
        client = self.client()
        (sub,) = client.ask("SUBSCRIBE", "n", {"window": 2, "count": 3, "policy": "drop_oldest"})
        for i in range(10):
            client.ask("PUBLISH", "n", i)
        self.assertEqual([one["value"] for one in self.topics(client, 2)], [0, 1])
        self.assertEqual(client.told, [])
        client.say("CONSUMED", 0, 0, sub, 2)
        got = self.topics(client, 2)
        self.assertEqual([(one["value"], one["missed"], one["n"]) for one in got], [(7, 5, 3), (8, 0, 4)])
        client.say("CONSUMED", 0, 0, sub, 4)
        self.assertEqual(self.topics(client, 1)[0]["value"], 9)

    def test_groups_filters_and_replies(self):
        client, other = self.client(), self.client()
        for link in (client, other):
            link.ask("SUBSCRIBE", "work", {"group": "crew", "filter": "value > 10"})
        self.assertEqual([client.ask("PUBLISH", "work", i) for i in (5, 20, 30)], [[0], [1], [1]])
        self.assertEqual(sorted(self.topics(link, 1)[0]["value"] for link in (client, other)), [20, 30])
        client.ask("SUBSCRIBE", "answers")
        client.chunk("ana", "luaps.subscribe('question', function(msg) msg:reply(msg.value + 1) end)")
        harness.eventually(lambda: client.ask("PUBLISH", "question", 41, {"reply": "answers"}) == [1], "ana subscribes")
        self.assertEqual(self.topics(client, 1)[0]["value"], 42)

    def test_wills_and_presence(self):
        client = self.client()
        client.ask("SUBSCRIBE", "wills")
        client.ask("SUBSCRIBE", "$alua.node.>")
        for name, orderly in (("zoe", True), ("y.e.s", False)):
            link = self.client(visitor=False, name=name)
            self.assertEqual(link.ask("WILL", "wills", name), [True])
            if orderly:
                link.leave()
            else:
                link.socket.close(0)
        heard = []
        while not any(one["topic"] == "wills" for one in heard) or len(heard) < 5:
            heard += self.topics(client, 1)
        self.assertEqual([(one["value"], one["flags"]) for one in heard if one["topic"] == "wills"], [("y.e.s", 4)])
        presence = [(one["topic"], one["value"]["what"]) for one in heard if one["topic"] != "wills"]
        self.assertEqual(sorted(presence), [("$alua.node.y_e_s", "gone"), ("$alua.node.y_e_s", "up"),
                                            ("$alua.node.zoe", "left"), ("$alua.node.zoe", "up")])


class TestDirect(Case):
    def test_it_calls_and_is_called(self):
        link = self.direct()
        self.assertEqual((link.welcome["role"], link.welcome["name"]), ("node", "ana"))
        self.assertEqual(link.welcome["body"]["id"], "1@ana")
        self.assertEqual(link.call("1@ana", "add", 1, 2), [3])
        self.assert_code("unknown", link.call, "1@bob", "add")
        link.serve["f"] = lambda x: [x * 2]
        self.assertEqual(link.call("1@ana", "ask", "1@zoe", "f", 21), [42])
        link.bye()

    def test_it_must_say_who_it_is(self):
        found = self.client().ask("LOOKUP", "ana")[0]
        self.assertEqual((found["id"], found["node"]), ("1@ana", "ana"))
        self.assert_code("usage", self.link(found["endpoints"][0]).open)
        self.assert_code("usage", self.link(found["endpoints"][0], name="zoe").open)

    def test_it_is_granted_credit(self):
        link = self.direct()
        for _ in range(LIMITS["CREDIT_EVENTS"] // 2):
            link.say("CALL", 0, 0, link.id, "1@ana", 0, "add", [1, 2])
        credit = link.wait_told("CREDIT")
        self.assertEqual(credit[4:6], ["1@ana", "1@zoe"])
        self.assertGreater(credit[6], 0)
        self.assertGreater(credit[7], credit[6] * 20)


class TestCounted(Case):
    """A client that offers FEATURE_RESUME."""

    def broken(self, link):
        """The connection is cut and stands again: for the other side a new routing id."""
        link.socket.close(0)
        link.connect()

    def test_frames_are_numbered(self):
        for link in (self.client(RESUME, visitor=True), self.direct(features=RESUME)):
            self.assertEqual(link.welcome["features"], RESUME)
            self.assertEqual(link.call("1@ana", "account", 1, 2), [1, None, 2, None])
            self.assertEqual(link.chunk("1@ana", "return 5"), [5])
            self.assertEqual((link.counter.sent, link.counter.had), (2, 2))

    def test_a_lone_acknowledgement_comes_soon(self):
        client = self.client(RESUME)
        client.say("CALL", 0, 0, client.id, "1@ana", 0, "add", [1, 2])
        while client.counter.ring:                      # A look whether we live, which says the count so far, may come before
            self.assertTrue(client.socket.poll(harness.PATIENCE * 1000), "no ACK")
            self.assertEqual(wire_client.unpack_all(client.take_frame()), [])

    def test_nothing_is_lost_and_nothing_comes_twice(self):
        for link in (self.client(RESUME, visitor=True), self.direct(features=RESUME)):
            before = link.chunk("1@ana", "return counted")[0]
            link.prompt = False                         # Keeps what the other side must send again
            for turn in range(10):
                numbers = []
                for _ in range(20):
                    numbers.append(link.request())
                    link.say("CALL", numbers[-1], 0, link.id, "1@ana", 3, "add", [turn, numbers[-1]])
                self.broken(link)
                link.resume()
                for number in numbers:
                    self.assertEqual(link.outcome(number, ["REPLY"])[6], [turn + number])
            self.assertEqual(link.chunk("1@ana", "return counted"), [before + 200])

    def test_a_frame_that_comes_twice_is_taken_once(self):
        client = self.client(RESUME)
        frame = client.counter.wrap(wire_client.message("CALL", 9, 0, client.id, "ana", 3, "add", [1, 2]))
        for _ in range(3):
            client.send_frame(frame)
        self.assertEqual(client.outcome(9, ["REPLY"])[6], [3])
        self.assertEqual(client.chunk("ana", "return counted"), [1])

    def test_a_session_nobody_knows_is_refused(self):
        client = self.client(RESUME)
        client.call("ana", "add", 1, 2)
        client.welcome["session"] += 1
        self.broken(client)
        self.assert_code("state", client.resume)
        client.open(RESUME, id=client.id)
        self.assertEqual(client.call("ana", "add", 1, 2), [3])

    def test_bye(self):
        client = self.client(RESUME, visitor=False, name="zoe")
        watcher = self.client()
        watcher.ask("WATCH", "zoe")
        client.bye()
        self.assertEqual(watcher.wait_told("WATCHED")[4], "left")


if __name__ == "__main__":
    unittest.main()
