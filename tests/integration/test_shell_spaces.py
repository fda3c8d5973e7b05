"""alua out, take, read, count, watch, spaces, pub, sub, request: spaces and topics from a shell"""
import json
import signal
import unittest

import harness
from harness import eventually


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def ok(self, *args):
        """What it prints; it must end well."""
        result = self.run_alua(*args)
        self.assertEqual((result.status, result.err), (0, ""), result)
        return result.out

    def fails(self, status, pattern, *args):
        result = self.run_alua(*args)
        self.assertEqual((result.status, result.out), (status, ""), result)
        self.assertRegex(result.err, pattern, result)

    def stat(self, field):
        return sum(space[field] for space in json.loads(self.ok("spaces", "--json")))

    def waiting(self, count):
        eventually(lambda: self.stat("waiters") == count, f"{count} wait")

    def watching(self, count):
        eventually(lambda: self.stat("watches") == count, f"{count} watch")


class TestTuples(Case):
    def test_options_stand_anywhere(self):
        self.ok("out", "jobs", "--json", '["a", 1]')
        self.ok("out", "jobs", "'a'", 2, "--ttl=60")
        self.assertEqual(self.ok("count", "jobs", "'a'", "--timeout", 5, "_"), "2\n")
        self.assertEqual(self.ok("take", "jobs", "_", 2, "--timeout", 1, "--json"), '["a",2]\n')
        self.ok("take", "jobs", "--timeout=0", "_", "_")
        self.fails(1, "^$", "take", "jobs", "--timeout", 0)
        self.fails(2, "wants a value", "take", "jobs", "--timeout")
        self.ok("pub", "a.b", 1, "--retain")
        self.assertEqual(self.ok("sub", "a.b", "--count", 1), "a.b 1\n")

    def test_what_names_no_option_is_a_value(self):
        self.ok("out", "jobs", "'--json'", "--other")
        self.assertEqual(self.ok("take", "jobs"), '{ "--json", "--other" }\n')

    def test_behind_two_dashes_nothing_is_an_option(self):
        self.ok("out", "jobs", "--", "--json", "-5", "--", "'x'")
        self.assertEqual(self.ok("count", "jobs", "--", "--json", "..."), "1\n")
        self.assertEqual(self.ok("read", "--timeout", 0, "jobs", "--", "--json", -5, "--", "_"), '{ "--json", -5, "--", "x" }\n')
        self.assertEqual(self.ok("take", "--timeout", 0, "--", "jobs", "--json", -5, "--", "_"), '{ "--json", -5, "--", "x" }\n')
        self.ok("out", "jobs", "a", "--", "--ttl")      # Wherever it stands
        watch = self.start("watch", "--count", 1, "jobs", "--", "--timeout", "_")
        self.watching(1)
        self.ok("out", "jobs", "--", "--timeout", 1)
        self.assertEqual(watch.wait().lines, ['{ "--timeout", 1 }'])
        self.assertEqual(self.ok("take", "--timeout", 0, "jobs"), '{ "a", "--ttl" }\n')
        self.fails(2, "--ttl wants a number", "out", "jobs", "--ttl", "--", 1)
        self.fails(2, "a space and a tuple", "out", "jobs", "--")
        sub = self.start("sub", "--count", 1, "--last", 1, "a.b", "--")
        eventually(lambda: json.loads(self.ok("topics", "--json"))["subscriptions"], "it is there")
        self.ok("pub", "a.b", "--", "--json")
        self.assertEqual(sub.wait().lines, ["a.b --json"])

    def test_options_out_of_range(self):
        for ttl in (0, -1, "x", "inf", "1e99"):
            for verb in ("out", "pub"):
                self.fails(2, "--ttl wants a number of seconds, more than 0", verb, "--ttl", ttl, "jobs", 1)
        self.fails(2, "--since wants a number of seconds", "sub", "--since", "1e99", "a")
        self.fails(2, "--group must be a string of 1 to 255 bytes", "sub", "--group", "", "a")

    def test_names_that_cannot_be(self):
        for verb in ("out", "take", "read", "count", "watch"):
            self.fails(2, f"^alua {verb}: a space's name has 1 to 255 bytes", verb, "", "x")
        for verb in ("pub", "request", "sub"):
            self.fails(2, f"^alua {verb}: a ", verb, "", *([] if verb == "sub" else ["x"]))

    def test_out_take_read_count(self):
        self.assertEqual(self.ok("out", "jobs", "render", 7), "")
        self.assertEqual(self.ok("out", "jobs", "render", "-2.5", "true", "{1, a = 'x'}"), "")
        self.assertEqual(self.ok("count", "jobs"), "2\n")
        self.assertEqual(self.ok("count", "jobs", "render", "_"), "1\n")
        self.assertEqual(self.ok("read", "jobs"), '{ "render", 7 }\n')
        self.assertEqual(self.ok("take", "jobs", "render", "int"), '{ "render", 7 }\n')
        self.assertEqual(self.ok("take", "jobs", "render", "..."), '{ "render", -2.5, true, { 1, a = "x" } }\n')
        self.assertEqual(self.ok("count", "jobs"), "0\n")

    def test_literals(self):
        for word, text in (("7", "7"), ("7.0", "7.0"), ("-7", "-7"), ("0x10", "16"), ("'7'", '"7"'), ('"a b"', '"a b"'),
                           ("a b", '"a b"'), ("true", "true"), ("truth", '"truth"'), ("7up", '"7up"'), ("[[x]]", '"x"'),
                           ("os.exit()", '"os.exit()"'), ("print", '"print"'), (".5", "0.5"),
                           ("-", '"-"'), ("'a\\\\nb'", '"a\\\\nb"'), ("", '""'), ("_", '"_"'), ("...", '"..."')):
            self.ok("out", "words", "w", word)
            self.assertEqual(self.ok("take", "words", "w", "_"), f'{{ "w", {text} }}\n', word)

    def test_a_tuple_has_no_nil(self):
        result = self.run_alua("out", "words", "w", "nil")
        self.assertEqual(result.status, 2)
        self.assertIn("a tuple has no nil", result.err)

    def test_one_table_is_the_tuple(self):
        self.ok("out", "cars", "{'car', color = 'red', doors = 4}")
        self.assertEqual(self.ok("count", "cars", "{'car', color = 'blue'}"), "0\n")
        self.assertEqual(json.loads(self.ok("take", "--json", "cars")), {"1": "car", "color": "red", "doors": 4})

    def test_terms(self):
        for i in range(1, 6):
            self.ok("out", "n", "n", i)
        for words, count in ((("n", "range(2, 4)"), 3), (("n", "int"), 5), (("string", "number"), 5), (("prefix('n')", "_"), 5),
                             (("n", "oneof(1, 5, 9)"), 2), (("luats.any", "luats.oneof(1, 5, 9)"), 2), (("{ luats.any, luats.float }",), 0),
                             (("luats", "luats.nothing"), 0), (("n", "float"), 0), (("n", "..."), 5), (("...",), 5),
                             (("_", "_", "where('t[2] > 3')"), 2), (("{'n', range(nil, 1)}",), 1), (("n", 3), 1)):
            self.assertEqual(self.ok("count", "n", *words), f"{count}\n", words)

    def test_count_takes_several(self):
        for i in range(1, 5):
            self.ok("out", "n", i)
        self.assertEqual(self.ok("take", "--count", 3, "n", "int"), "{ 1 }\n{ 2 }\n{ 3 }\n")
        result = self.run_alua("take", "--count", 2, "--timeout", 0, "n")
        self.assertEqual((result.out, result.status), ("{ 4 }\n", 1))

    def test_json(self):
        self.ok("out", "--json", "j", '"a"', "1", '{"b": [1, true, null]}')
        self.assertEqual(json.loads(self.ok("read", "--json", "j")), ["a", 1, {"b": [1, True]}])
        self.ok("out", "--json", "j", '["a", 2]')
        self.assertEqual(self.ok("count", "--json", "j", '["a", 2]'), "1\n")
        self.fails(2, "not JSON", "out", "--json", "j", "{")

    def test_nothing_comes_in_time(self):
        self.fails(1, "^$", "take", "--timeout", 0, "jobs")
        self.fails(1, "^$", "read", "--timeout", "0.05", "jobs", "_")

    def test_a_take_waits(self):
        take = self.start("take", "--timeout", 10, "jobs", "late", "_")
        self.waiting(1)
        self.ok("out", "jobs", "early", 1)
        self.ok("out", "jobs", "late", 2)
        self.assertEqual(take.wait().out, '{ "late", 2 }\n')
        self.assertEqual(self.ok("count", "jobs"), "1\n")

    def test_one_that_is_interrupted_takes_nothing(self):
        take = self.start("take", "jobs")
        self.waiting(1)
        self.assertNotEqual(take.stop(signal.SIGINT).status, 0)
        self.ok("out", "jobs", 1)
        self.assertEqual(self.ok("count", "jobs"), "1\n")

    def test_ttl(self):
        self.ok("out", "--ttl", "0.05", "jobs", 1)
        eventually(lambda: self.ok("count", "jobs") == "0\n", "it is gone")

    def test_watch_streams(self):
        watch = self.start("watch", "--count", 3, "jobs", "job", "int")
        self.watching(1)
        for i in range(4):
            self.ok("out", "jobs", "job", i)
            self.ok("out", "jobs", "other", i)
            if i < 3:
                watch.expect(rf'^{{ "job", {i} }}$')      # Each at once
        self.assertEqual(watch.wait().status, 0)
        silent = self.run_alua("watch", "--timeout", "0.05", "jobs")
        self.assertEqual((silent.status, silent.out), (1, ""), silent)

    def test_spaces(self):
        self.ok("out", "jobs", 1)
        self.assertRegex(self.ok("spaces"), r"(?m)^SPACE +TUPLES .*\njobs +1 ")
        self.assertEqual(json.loads(self.ok("spaces", "--json"))[0]["name"], "jobs")

    def test_mistakes(self):
        self.fails(2, "a space and a tuple", "out", "jobs")
        self.fails(2, "a space", "take")
        self.fails(2, "help out", "out", "--tll", "1", "jobs", "1")
        self.fails(2, "help take", "take", "--timeout", "x", "jobs")
        self.fails(2, "help take", "take", "--count", "0.5", "jobs")
        self.fails(1, "syntax", "take", "jobs", "where('t[')")
        self.fails(1, "broker", "out", "--broker", f"ipc://{self.dir}/none", "jobs", "1")


class TestTopics(Case):
    def heard(self, sub, topic, *value):
        """Publish until somebody hears."""
        eventually(lambda: self.ok("pub", topic, *value) == "" and any(topic in line for line in sub.out), "it is heard")

    def test_pub_and_sub(self):
        sub = self.start("sub", "sensors.>")
        self.heard(sub, "sensors.ready")
        self.ok("pub", "sensors.hall", "21.5")
        self.ok("pub", "other", 1)
        self.ok("pub", "sensors.yard", "{t = 3, u = 'C'}")
        self.ok("pub", "sensors.word", "plain")
        sub.expect(r'^sensors\.word plain$')
        lines = [line for line in sub.out if "ready" not in line]
        self.assertEqual(lines, ["sensors.hall 21.5\n", 'sensors.yard { t = 3, u = "C" }\n', 'sensors.word plain\n'])
        self.assertIn(sub.stop(signal.SIGINT).status, (0, 130))

    def test_retained_count_and_json(self):
        self.ok("pub", "--retain", "config", "{a = 1}")
        self.ok("pub", "--retain", "--json", "config", '{"a": [1, 2]}')
        got = json.loads(self.ok("sub", "--count", 1, "--json", "config"))
        self.assertEqual((got["topic"], got["value"], got["retained"], got["seq"]), ("config", {"a": [1, 2]}, True, 2))
        self.ok("pub", "--retain", "config")            # Taken away
        self.assertEqual(self.run_alua("sub", "--timeout", "0.1", "config").status, 1)

    def test_last_and_filter(self):
        self.ok("pub", "n", 1)
        self.ok("pub", "n", 2)
        self.assertEqual(self.ok("sub", "--last", 1, "--count", 1, "n"), "n 2\n")
        self.assertEqual(self.ok("sub", "--since", 60, "--count", 1, "n"), "n 2\n")
        result = self.run_alua("sub", "--last", 1, "--filter", "value > 2", "--timeout", "0.1", "n")
        self.assertEqual((result.status, result.out), (1, ""))

    def test_delay_and_ttl(self):
        sub = self.start("sub", "late")
        self.heard(sub, "late")
        self.ok("pub", "--delay", "0.05", "late", "later")
        sub.expect("late later")
        self.ok("pub", "--retain", "--ttl", "0.02", "short", 1)
        eventually(lambda: self.run_alua("sub", "--timeout", "0.05", "short").status == 1, "it is gone")

    def test_request(self):
        self.start_node("ana", self.program("""
            luaps.subscribe("clock", function(msg) msg:reply({ 12, msg.value }) end)
            luaps.subscribe("clock", function(msg) msg:reply("again") end)
            luaps.subscribe("silent", function(_) end)
            alua.loop()"""))
        eventually(lambda: self.run_alua("request", "clock").status == 0, "somebody answers")
        self.assertEqual(self.ok("request", "clock", "now"), '{ 12, "now" }\n')
        self.assertEqual(json.loads(self.ok("request", "--json", "clock", '"now"')), [12, "now"])
        self.assertEqual(self.ok("request", "--gather", "--timeout", "0.2", "clock", 1), '{ 12, 1 }\nagain\n')
        self.fails(1, "nobody subscribes", "request", "nobody", 1)
        self.fails(1, "timeout", "request", "--timeout", "0.05", "silent", 1)

    def test_mistakes(self):
        self.fails(2, "a topic and a value", "pub")
        self.fails(2, "a topic and a value", "pub", "a", 1, 2)
        self.fails(1, "no empty word", "pub", "a..b", 1)
        self.fails(1, "denied", "pub", "$alua.x", 1)
        self.fails(2, "a pattern", "sub")
        self.fails(2, "not JSON", "pub", "--json", "a", "{")


class TestBadSubscription(Case):
    def test_a_pattern_that_cannot_be_ends_it(self):
        """And does not wait for ever for what cannot come."""
        result = self.run_alua("sub", "a..b", timeout=10)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("no empty word", result.err)

    def test_a_filter_that_cannot_be_read_ends_it(self):
        result = self.run_alua("sub", "--filter", "value >", "a", timeout=10)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("column", result.err)

    def test_a_template_that_cannot_be_read_ends_the_watch(self):
        result = self.run_alua("watch", "jobs", "where('t[')", timeout=10)
        self.assertEqual((result.status, result.out), (1, ""), result)
        self.assertIn("column", result.err)


if __name__ == "__main__":
    unittest.main()
