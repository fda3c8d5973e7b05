"""The algorithm of examples/mutex.lua: never two inside, everybody as often as asked"""
import collections
import pathlib
import signal
import time

import harness

PROGRAM = pathlib.Path(__file__).resolve().parent / "programs" / "exclusion.lua"
MUTEX = harness.ROOT / "examples" / "mutex.lua"
NODES, ENTRIES = 5, 200


class TestMutualExclusion(harness.Case):
    def setUp(self):
        super().setUp()
        self.log = self.dir / "log"

    def command(self, stay, *options):
        return "run", "-n", NODES, "--no-label", *options, PROGRAM, MUTEX, self.log, ENTRIES, stay

    def check_log(self):
        """Each enter is followed by its own leave, times never go back."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        self.assertEqual(len(lines), 2 * NODES * ENTRIES)
        last = 0.0
        for enter, leave in zip(lines[::2], lines[1::2]):
            self.assertEqual((enter[0], leave[0], enter[1:3]), ("enter", "leave", leave[1:3]))
            self.assertLessEqual(last, float(enter[3]))
            self.assertLessEqual(float(enter[3]), float(leave[3]))
            last = float(leave[3])
        counts = collections.Counter(line[1] for line in lines)
        self.assertEqual(set(counts.values()), {2 * ENTRIES})
        self.assertEqual(len(counts), NODES)

    def test_five_nodes_two_hundred_entries_each(self):
        result = self.run_alua(*self.command(0.001), timeout=120)
        self.assertEqual((result.status, result.out, result.err), (0, "", ""))
        self.check_log()

    def test_the_check_sees_an_overlap(self):
        self.log.write_text("enter a 1 1.0\nenter b 1 1.1\nleave a 1 1.2\nleave b 1 1.3\n" * (NODES * ENTRIES // 2))
        with self.assertRaises(AssertionError):
            self.check_log()

    def test_the_broker_dies_and_comes_back_meanwhile(self):
        broker = self.start_broker()
        run = self.start(*self.command(0.03, "--broker", broker.endpoint))
        harness.eventually(lambda: self.log.exists() and self.log.stat().st_size > 1000, "they enter")
        for _ in range(2):
            broker.kill(signal.SIGKILL)
            broker.wait()
            time.sleep(0.3)
            broker = self.start_broker()
            time.sleep(0.3)             # All but those that are back already would be left out now
        self.assertTrue(run.alive())
        result = run.wait(120)
        self.assertEqual((result.status, result.out, result.err), (0, "", ""))
        self.check_log()
