"""The time of day jumps while a network runs (an administrator, NTP after a suspended night): nothing hangs on it

libfaketime, preloaded, gives broker and nodes a time of day that a file says; the monotonic clock is left alone, as by a
real jump.
"""
import json
import pathlib
import time
import unittest

import harness

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
DAY = 86400

PROGRAM = """
function add(a, b) return a + b end
function since() return os.time() end
function wait(s) alua.sleep(s) return s end
"""


@unittest.skipUnless(LIBRARY, "libfaketime is not installed (package libfaketime)")
@unittest.skipIf(harness.SANITIZED, "the address sanitizer wants to be the first that is loaded")
class TestJump(harness.Case):
    def setUp(self):
        super().setUp()
        self.shift = self.dir / "shift"
        self.jump(0)
        self.faked = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.shift), "FAKETIME_NO_CACHE": "1",
                      "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.broker = self.start("broker", env=self.faked)
        self.broker.expect("listening on")
        self.node = self.start_node("ana", self.program(PROGRAM), env=self.faked)

    def jump(self, seconds):
        fresh = self.dir / "shift.new"
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self.shift)

    def run_ok(self, *args):
        result = self.run_alua(*args)
        self.assertEqual(result.status, 0, result)
        return result

    def is_shifted(self, seconds):
        """The node sees the jump, and so does the broker."""
        told = int(self.run_ok("call", "ana", "since").out)
        wall = json.loads(self.run_ok("ping", "--json", "--counters").out)["counters"]["wall"] / 1000
        return abs(told - time.time() - seconds) < 60 and abs(wall - time.time() - seconds) < 60

    def check(self, seconds):
        waits = self.start("call", "ana", "wait", "1")
        self.run_ok("pub", "--delay", "1", "--retain", "later", "1")
        taker = self.start("take", "--timeout", "1.5", "jobs", '"never"')
        self.jump(seconds)
        harness.eventually(lambda: self.is_shifted(seconds), "the jump is seen")
        self.assertEqual(self.run_ok("call", "ana", "add", "1", "2").out, "3\n")
        self.assertEqual(waits.wait().lines, ["1"])
        harness.eventually(lambda: self.run_alua("sub", "--count", "1", "--timeout", "0.1", "later").out, "it is published")
        self.assertNotEqual(taker.wait().status, 0)         # Its time was over, by a clock that does not jump
        self.assertGreater(taker.wait().seconds, 1.4)
        self.assertFalse([line for line in self.broker.err if "silent" in line or "gone" in line], self.broker.err)

    def test_a_day_ahead(self):
        self.check(DAY)

    def test_a_day_back(self):
        self.check(-DAY)

    def test_leases_and_times_to_live_go_on(self):
        self.run_ok("out", "--ttl", "30", "jobs", '"kept"')
        self.jump(DAY)
        harness.eventually(lambda: self.is_shifted(DAY), "the jump is seen")
        self.assertEqual(self.run_ok("count", "jobs").out, "1\n")
        self.run_ok("out", "--ttl", "0.3", "jobs", '"short"')
        self.jump(-DAY)
        harness.eventually(lambda: self.run_ok("count", "jobs").out == "1\n", "its time is over")


if __name__ == "__main__":
    unittest.main()
