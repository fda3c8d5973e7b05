"""What waits and what never does, wherever a program's code can run (docs/REFERENCE.md, Waiting)"""
import pathlib
import unittest

import harness

PROGRAMS = pathlib.Path(__file__).parent / "programs"


class TestWaiting(harness.Case):
    def assert_passed(self, result, count):
        super().assert_passed(result, count)
        self.assertEqual(result.status, 0, result)

    def test_in_the_main_chunk_and_in_events(self):
        contexts = ["main", "chunk", "call", "callback", "timer", "spawned"]
        self.assert_passed(self.run_alua("run", PROGRAMS / "api_waiting.lua", *contexts), len(contexts))

    def test_in_plain_lua(self):
        contexts = ["main", "chunk", "callback", "spawned"]
        flags = "-l", "alua", "-l", "dalua"
        self.assert_passed(self.run_lua(*flags, PROGRAMS / "api_waiting.lua", *contexts), len(contexts))
        self.assert_nothing_left()      # Its broker ends behind it

    def test_one_s_own_coroutines_go_on_as_ever(self):
        result = self.run_program("""
            local function numbers()
              for i = 1, 3 do
                luarpc.async(alua.id, 'tostring', function(text, _) print('called back ' .. text) end)(i)
                coroutine.yield(i)
              end
            end
            for i in coroutine.wrap(numbers) do print(i) end
            print(coroutine.isyieldable(), coroutine.running() ~= nil)""")
        self.assertEqual(result.lines, ["1", "2", "3", "true\ttrue", *(f"called back {i}" for i in (1, 2, 3))])
        self.assertEqual(result.status, 0)

    def test_a_yield_that_nobody_resumes_is_told(self):
        result = self.run_program("alua.send(alua.id, 'coroutine.yield()')")
        self.assertIn("coroutine.yield outside", result.err)
        self.assertEqual(result.status, 1)


if __name__ == "__main__":
    unittest.main()
