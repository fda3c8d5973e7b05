"""Many at once: 200 nodes that join, thousands of sends to one process"""
import os
import pathlib
import re

import harness

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
SLOW = "ALUA_TEST_PATIENCE" in os.environ


class TestCrowd(harness.Case):
    def test_two_hundred_nodes_join_at_once(self):
        result = self.run_alua("run", "-n", 200, "--no-label", PROGRAMS / "crowd.lua", 200, timeout=120)
        self.assertEqual((result.status, result.err), (0, ""))
        all_kb, own_kb = map(int, re.fullmatch(r"all here\t200\t(\d+) (\d+)\n", result.out).groups())
        print(f"200 nodes: {result.seconds:.1f} s, each {all_kb} kB, of these {own_kb} kB its own ", end="", flush=True)
        if not SLOW:
            self.assertLess(result.seconds, 30)
            self.assertLess(own_kb, 8000)
        self.assert_nothing_left()

    def test_twenty_runs_of_five_on_one_broker(self):
        broker = self.start_broker()
        program = self.program("""
            assert(#dalua.processes(...) == 5)
            print((alua.id:match '^%d+'))""")
        runs = [self.start("run", "-n", 5, "--app", f"a{i}", "--broker", broker.endpoint, program, f"a{i}")
                for i in range(20)]
        results = [run.wait(60) for run in runs]
        self.assertEqual([(result.status, result.err) for result in results], [(0, "")] * 20)
        ids = [line for result in results for line in result.lines]
        numbers = [int(line.split("] ")[-1]) for line in ids]
        self.assertEqual(sorted(numbers), list(range(1, 101)))      # Each its own, none left out


class TestInterleaving(harness.Case):
    def test_ten_thousand_sends_to_one_process(self):
        result = self.run_alua("run", "-n", 5, "--no-label", PROGRAMS / "interleave.lua", 2500, timeout=60)
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertEqual(result.lines, ["handled\t10000\twrong\t0\t"])
