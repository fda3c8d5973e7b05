"""The shapes of replies, errors and options, wherever a program's code can run (docs/REFERENCE.md, alua)"""
import pathlib
import unittest

import harness

PROGRAM = pathlib.Path(__file__).parent / "programs" / "api_replies.lua"


class TestReplies(harness.Case):
    def test_in_the_main_chunk_and_in_events(self):
        contexts = ["main", "chunk", "call", "callback", "spawned"]
        self.assert_passed(self.run_alua("run", PROGRAM, *contexts), len(contexts))

    def test_in_plain_lua(self):
        contexts = ["main", "callback"]
        self.assert_passed(self.run_lua("-l", "alua", "-l", "dalua", PROGRAM, *contexts), len(contexts))


if __name__ == "__main__":
    unittest.main()
