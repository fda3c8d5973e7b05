"""Sending, names, results, errors, options, wherever a program's code can run; and what reaches
standard error"""
import pathlib
import unittest

import harness

PROGRAMS = pathlib.Path(__file__).parent / "programs"


class TestSending(harness.Case):
    def test_in_the_main_chunk_and_in_events(self):
        contexts = ["main", "chunk", "call", "callback", "timer", "spawned"]
        self.assert_passed(self.run_alua("run", PROGRAMS / "api_sending.lua", *contexts), len(contexts))

    def test_in_plain_lua(self):
        contexts = ["main", "callback", "spawned"]
        flags = "-l", "alua", "-l", "dalua"
        self.assert_passed(self.run_lua(*flags, PROGRAMS / "api_sending.lua", *contexts), len(contexts))
        self.assert_nothing_left()      # Its broker ends behind it


class TestReports(harness.Case):
    """What nobody takes is told on the sender's standard error, and never ends a process."""

    def told(self, text, **keywords):
        result = self.run_program("local id = next(alua.spawn(1).processes)\n" + text + "\nalua.eval(id, 'return')"
                                  "\nalua.sleep(0.05) print('still here')", **keywords)
        self.assertEqual(result.lines[-1], "still here", result)
        return result

    def test_a_chunk_that_fails(self):
        result = self.told("alua.send(id, \"local x\\nerror('boom')\")")
        self.assertRegex(result.err, r"alua: 2@\S+: remote: .*program.lua:2:2: boom")
        self.assertRegex(result.err, r"at 2@\S+ \(chunk \S*program.lua:2\):\n")
        self.assertEqual(result.status, 1)

    def test_a_chunk_that_is_not_lua(self):
        self.assertRegex(self.told("alua.send(id, 'x = = 1')").err, r"syntax: .*program.lua:2:1: unexpected symbol")

    def test_a_function_that_is_not_there(self):
        err = self.told("dalua.send(id, 'prnt', 1) luarpc.async(id, 'math.mx')(1)").err
        self.assertIn("did you mean 'print'?", err)
        self.assertIn("did you mean 'math.max'?", err)

    def test_a_function_that_is_not_exported(self):
        err = self.told("""
            alua.eval(id, "function secret() end require('alua.core').globals(false)")
            luarpc.async(id, 'secret')()
            print(select(2, luarpc.sync(id, 'secret')()).code)
            print(select(2, luarpc.sync(id, 'secre')()).code)
            alua.send(id, "require('alua.core').globals(_G)")""")
        self.assertIn("'secret' is defined but not exported", err.err)
        self.assertEqual(err.lines, ["not_exported", "no_function", "still here"])

    def test_nobody(self):
        result = self.told("alua.send('nobody', 'x = 1') dalua.send('nobody', 'f') luarpc.async('nobody', 'f')()")
        self.assertEqual(result.err.count("alua: nobody: unknown"), 1)
        self.assertIn("(2 more of these)", result.err)
        self.assertEqual(result.status, 1)

    def test_a_callback_that_could_not_see_the_failure_is_not_called(self):
        result = self.told("""
            luarpc.async(id, 'nothing', function(v) print('never', v) end)()
            luarpc.async(id, 'tostring', function(v) print('never', v) end)(print)
            luarpc.async('nobody', 'f', function() print('never') end)()
            luarpc.future(id, 'nothing')():on(function() print('never') end)
            alua.whereis('nobody', function(v) print('never', v) end)""")
        self.assertEqual(result.lines, ["still here"])
        self.assertEqual(result.err.count("no function 'nothing' here"), 2)
        self.assertEqual(result.err.count("unsendable: args[1]: function"), 1)
        self.assertRegex(result.err, r"alua: f: unknown: .*nobody")
        self.assertRegex(result.err, r"alua: alua.whereis of nobody: unknown")

    def test_a_callback_that_can_is(self):
        result = self.told("""
            luarpc.async(id, 'nothing', function(v, err) print(v, err.code) end)()
            luarpc.async(id, 'nothing', function(...) print(select('#', ...)) end)()
            luarpc.async(id, 'tostring', function(v, err) print(v, err.code) end)(print)
            luarpc.async(id, 'tostring', function() print('fine') end)(1)""")
        self.assertEqual(sorted(result.lines), ["2", "fine", "nil\tno_function", "nil\tunsendable", "still here"])
        self.assertEqual((result.err, result.status), ("", 0))

    def test_errors_in_callbacks_timers_and_handlers(self):
        result = self.told("""
            luarpc.async(id, 'tostring', function(_, _) error('in a callback') end)(1)
            alua.send(id, 'x = 1', function() error('in a reply') end)
            alua.timer.create(0.001, function(t) t:cancel() error('in a timer') end)
            dalua.events.monitor('event', function() error('in a handler') end)
            dalua.events.raise('event')
            alua.task.schedule(function() error('in a task') end)
            alua.send(alua.id, "error('in a chunk')")""")
        for place in "callback", "reply", "timer", "handler", "task", "chunk":
            self.assertIn(f"in a {place}", result.err)
        self.assertEqual(result.err.count("stack traceback:"), 5)
        self.assertEqual(result.status, 1)

    def test_many_losses_are_one_line_and_their_number(self):
        result = self.told("""
            local lost = next(alua.spawn(1).processes)
            alua.send(lost, "os.execute('kill -9 ' .. io.open('/proc/self/stat'):read('n'))")
            for i = 1, 300 do alua.send(lost, 'x = 1') end
            alua.sleep(0.3)""")
        self.assertRegex(result.err, r"alua: 3@\S+: gone: sent, but never acknowledged\n")
        self.assertRegex(result.err, r"sent, but never acknowledged \(\d+ more of these\)\n")
        self.assertLess(len(result.err.splitlines()), 10)


if __name__ == "__main__":
    unittest.main()
