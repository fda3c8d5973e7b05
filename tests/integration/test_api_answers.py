"""What spaces and topics give back, wherever a program's code can run (docs/REFERENCE.md, luats, luaps)"""
import pathlib
import unittest

import harness

PROGRAM = pathlib.Path(__file__).parent / "programs" / "api_answers.lua"


class TestAnswers(harness.Case):
    def test_in_the_main_chunk_and_in_events(self):
        contexts = ["main", "call", "callback", "spawned"]
        self.assert_passed(self.run_alua("run", PROGRAM, *contexts), len(contexts))

    def test_in_plain_lua(self):
        self.assert_passed(self.run_lua("-l", "alua", "-l", "luats", "-l", "luaps", PROGRAM, "main"), 1)


if __name__ == "__main__":
    unittest.main()
