"""The verbs of spaces and topics: out, take, read, count, watch, spaces, pub, sub, request"""
import json
import unittest

import harness


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def lines(self, *args, status=0):
        """What `alua ARGS...` prints; it says nothing else."""
        result = self.run_alua(*args)
        self.assertEqual((result.status, result.err), (status, ""), args)
        return result.lines

    def refused(self, status, text, *args):
        result = self.run_alua(*args)
        self.assertEqual((result.status, result.out), (status, ""), args)
        self.assertIn(text, result.err, args)


class TestTuples(Case):
    def test_words_are_what_they_look_like(self):
        words = ("don't", "-5", "2024-01-01", "0x10", "1e3", "[x]", "'7'", "true", "{ 1, a = 2 }", "-", "string", "")
        self.lines("out", "words", *words)
        self.assertEqual(self.lines("take", "words"),
                         ['{ "don\'t", -5, "2024-01-01", 16, 1000.0, "[x]", "7", true, { 1, a = 2 }, "-", "string", "" }'])

    def test_a_table_alone_is_the_tuple(self):
        self.lines("out", "jobs", '{ "render", 8, by = "ana" }')
        self.assertEqual(self.lines("read", "jobs", "{ 'render', int, by = any }"), ['{ "render", 8, by = "ana" }'])
        self.assertEqual(self.lines("read", "--json", "jobs"), ['{"1":"render","2":8,"by":"ana"}'])

    def test_terms(self):
        self.lines("out", "jobs", "render", "7", "string")
        for template in (("render", "_", "_"), ("render", "..."), ("_", "int", "string"), ("render", "range(7, 9)", "_"),
                         ('prefix "ren"', "rest"), ("oneof('a', 'render')", "number", "any"),
                         ('where "t[2] == 7"', "..."), ("_", "_", '"string"')):
            self.assertEqual(self.lines("count", "jobs", *template), ["1"], template)
        for template in (("render",), ("_", "float", "_"), ("_", "string", "_"), ('where "t[2] > 7"', "..."), ("int", "...")):
            self.assertEqual(self.lines("count", "jobs", *template), ["0"], template)

    def test_json_both_ways(self):
        texts = ['["a",{"x":[1,2.5,true,""]}]', '{"1":"r","2":7,"by":"ana","list":{"1":1,"x":2}}', "[0.1,1795888473.386]"]
        for text in texts:
            self.lines("out", "--json", "mix", text)
        self.assertEqual(self.lines("take", "--json", "--all", "mix"), texts)
        self.lines("out", "--json", "mix", '"a"', "1", '{"b":2}')
        self.assertEqual(self.lines("count", "--json", "mix", '["a", 1, {"b": 2}]'), ["1"])
        self.assertEqual(self.lines("take", "mix", '"a"', "int", "_"), ['{ "a", 1, { b = 2 } }'])

    def test_how_many_and_how_long(self):
        for i in range(3):
            self.lines("out", "n", str(i))
        self.assertEqual(self.lines("read", "--all", "n"), ["{ 0 }", "{ 1 }", "{ 2 }"])
        self.assertEqual(self.lines("take", "--count", "2", "n"), ["{ 0 }", "{ 1 }"])
        self.assertEqual(self.lines("take", "--count", "2", "--timeout", "0", "n", status=1), ["{ 2 }"])
        self.assertEqual(self.lines("take", "--all", "n", status=1), [])
        self.assertEqual(self.lines("read", "--timeout", "0.05", "n", status=1), [])
        take = self.start("take", "n", "late")
        harness.eventually(lambda: json.loads(self.run_alua("spaces", "--json").out), "it waits")
        self.lines("out", "n", "late")
        self.assertEqual(take.wait().lines, ['{ "late" }'])

    def test_a_timeout_of_the_config_file_is_not_for_takes(self):
        (self.home / "config/alua").mkdir(parents=True)
        (self.home / "config/alua/config.lua").write_text("timeout = 0\n")
        take = self.start("take", "n")
        harness.eventually(lambda: json.loads(self.run_alua("spaces", "--json").out), "it waits")
        self.run_alua("out", "--timeout", "30", "n", "1")
        self.assertEqual(take.wait().lines, ["{ 1 }"])

    def test_ttl(self):
        self.lines("out", "--ttl", "0.05", "n", "1")
        harness.eventually(lambda: self.lines("count", "n") == ["0"], "it has disappeared")

    def test_watch(self):
        watch = self.start("watch", "--count", "2", "jobs", "late", "_")
        harness.eventually(lambda: [s["watches"] for s in json.loads(self.run_alua("spaces", "--json").out)] == [1])
        for i, word in enumerate(("late", "early", "late")):
            self.lines("out", "jobs", word, str(i))
        result = watch.wait()
        self.assertEqual((result.lines, result.status), (['{ "late", 0 }', '{ "late", 2 }'], 0))
        self.assertEqual(self.lines("watch", "--timeout", "0.05", "jobs", status=1), [])

    def test_a_watch_ends_with_its_space(self):
        watch = self.start("watch", "jobs")
        harness.eventually(lambda: [s["watches"] for s in json.loads(self.run_alua("spaces", "--json").out)] == [1])
        self.run_program("luats.space('jobs'):destroy()", options=["--broker", self.started[0].endpoint])
        result = watch.wait()
        self.assertEqual((result.lines, result.status), ([], 1))
        self.assertIn("the space jobs was destroyed", result.err)

    def test_spaces(self):
        self.assertEqual(len(self.lines("spaces")), 1)
        self.lines("out", "jobs", "1")
        head, row = self.lines("spaces")
        self.assertEqual(head.split(), ["SPACE", "TUPLES", "BYTES", "LEASES", "WAITERS", "WATCHES", "REACTIONS"])
        self.assertRegex(row, r"^jobs +1 +\d+ +0 +0 +0 +0$")
        self.assertEqual(json.loads(self.run_alua("spaces", "--json").out)[0]["tuples"], 1)

    def test_topics(self):
        self.assertEqual(self.lines("topics")[-2:], ["", "PATTERN  PROCESS  GROUP  WAITING  DROPPED"])
        self.lines("pub", "--retain", "sensors.hall", "21.5")
        self.lines("pub", "sensors.hall", "22")
        sub = self.start("sub", "--count", "1", "jobs.*")
        harness.eventually(lambda: json.loads(self.run_alua("topics", "--json").out)["subscriptions"], "it is there")
        lines = self.lines("topics")
        self.assertEqual(lines[0].split(), ["TOPIC", "PUBLISHED", "KEPT", "RETAINED"])
        self.assertIn(["sensors.hall", "2", "1", "yes"], [line.split() for line in lines])
        self.assertRegex(lines[-1], r"^jobs\.\* +\S+@\S+ +- +0 +0$")
        self.lines("pub", "jobs.a", "1")
        self.assertEqual(sub.wait().status, 0)
        self.refused(2, "what is 'x'?", "topics", "x")

    def test_what_makes_no_sense(self):
        self.refused(2, "alua out jobs render 7", "out", "jobs")
        self.refused(2, "a tuple has no nil", "out", "jobs", "nil")
        self.refused(2, "not JSON", "out", "--json", "jobs", "render")
        self.refused(2, "behind the value", "out", "--json", "jobs", "[1] x")
        self.refused(2, "--all does not wait", "take", "--all", "--timeout", "1", "jobs")
        self.refused(1, "positions are 1 to n", "out", "jobs", "{ 1, nil, 2 }")
        for verb in ("take", "read", "count", "watch"):
            self.refused(2, "a space", verb)
            self.refused(1, "column 7: a value is missing", verb, "jobs", 'where "t[2] >"')


class TestMessages(Case):
    def test_retained_and_history(self):
        self.lines("pub", "sensors.hall", "20")
        self.lines("pub", "--retain", "sensors.hall", "{ celsius = 21.5 }")
        self.assertEqual(self.lines("sub", "--count", "1", "sensors.*"), ["sensors.hall { celsius = 21.5 }"])
        message = json.loads(self.run_alua("sub", "--json", "--count", "1", "sensors.>").out)
        self.assertEqual({key: message[key] for key in ("topic", "value", "seq", "retained")},
                         {"topic": "sensors.hall", "value": {"celsius": 21.5}, "seq": 2, "retained": True})
        self.lines("pub", "--retain", "sensors.hall")
        self.assertEqual(self.lines("sub", "--timeout", "0.05", "sensors.*", status=1), [])
        self.assertEqual(self.lines("sub", "--last", "1", "--count", "1", "sensors.hall"), ["sensors.hall nil"])

    def test_new_ones(self):
        sub = self.start("sub", "--count", "2", "--filter", "value >= 30", "sensors.*")
        harness.eventually(lambda: self.lines("pub", "sensors.hall", "30") == [] and sub.out, "it listens")
        self.lines("pub", "sensors.hall", "29")
        self.lines("pub", "--delay", "0.05", "sensors.attic", "31")
        result = sub.wait()
        self.assertEqual((result.status, result.lines[0]), (0, "sensors.hall 30"))

    def test_request(self):
        for name in ("ana", "bob"):
            self.start_node(name, self.program("""
                luaps.subscribe("clock", function(msg) msg:reply { msg.value, by = alua.id } end)"""))
        harness.eventually(lambda: len(self.run_alua("request", "--gather", "--timeout", "1", "clock").lines) == 2)
        self.assertRegex(self.lines("request", "clock", "now")[0], r'^\{ "now", by = "1@(ana|bob)" \}$')
        self.assertRegex(self.lines("request", "--json", "clock", "[1]")[0], r'^\{"1":\[1\],"by":"1@(ana|bob)"\}$')
        self.refused(1, "nobody subscribes to nowhere", "request", "nowhere")

    def test_what_makes_no_sense(self):
        self.refused(2, "alua pub sensors.hall 21.5", "pub")
        self.refused(2, "alua request clock now", "request")
        self.refused(2, "alua sub 'sensors.>'", "sub")
        self.refused(1, "a topic has no empty word", "pub", "a..b", "1")
        self.refused(1, "a topic has no empty word", "sub", "a..b")
        self.refused(1, "column 8: a value is missing", "sub", "--filter", "value >", "a")


if __name__ == "__main__":
    unittest.main()
