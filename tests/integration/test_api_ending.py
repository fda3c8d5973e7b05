"""When a program is over, what holds it, what is told of it, exit and quit (docs/REFERENCE.md, When a program is over)"""
import re
import signal
import unittest

import harness
from test_faults_programs import free_port

CHILD = "local id = next(alua.spawn(1).processes)\n"


class TestHolding(harness.Case):
    """What keeps a program from being over, and what does not."""

    def ends_at_once(self, text, options=()):
        result = self.run_program(CHILD + text + "\nprint 'main chunk over'", options=("--timeout", 15, *options))
        self.assertEqual((result.status, result.err), (0, ""), text)
        self.assertTrue(result.lines, text)
        self.assertLess(result.seconds, 10, text)

    def test_what_serves_others_does_not_hold(self):
        self.ends_at_once("""
            luarpc.export('x', print) alua.watch(nil, print) alua.watch(id, print) alua.register('n')
            dalua.events.monitor('x', print) dalua.app.join('a')
            alua.eval(id, "luarpc.export('x', print) alua.watch(nil, print) alua.register('m') dalua.app.join('a')")""")

    def test_what_was_given_to_the_background_does_not_hold(self):
        self.ends_at_once("""
            local background = { background = true }
            alua.timer.create(60, print, background)
            luarpc.async(id, 'alua.sleep', nil, background)(60)
            luarpc.async(id, 'alua.sleep', function(_, _) end, background)(60)
            alua.send(id, "function nested() luarpc.sync(alua.id, 'alua.sleep')(60) end")
            alua.send(id, "function evaluating() alua.eval(alua.id, 'alua.sleep(60)') end")
            kept = { luarpc.future(id, 'nested', background)(), luarpc.future(id, 'evaluating', background)() }""")

    def held(self, text, what, *args):
        """It holds: the list of --timeout tells what. Longer where the machine has not come so far."""
        for seconds in ("0.5", "2.5", "12.5"):
            result = self.run_program(text, *args, options=("--timeout", seconds))
            self.assertEqual(result.status, 124, text)
            self.assertIn(f"alua: not over after {seconds} s. Who waits for what:\n", result.err)
            if re.search(what, result.err):
                return result
        self.assertRegex(result.err, what)

    def test_each_that_holds_is_told_with_its_place(self):
        for text, what in {
            "alua.sleep(60)": r"1@\S+ waits: alua.sleep\(60\), \S*program.lua:2",
            "alua.send(id, 'alua.sleep(60)')": r"2@\S+ waits: alua.sleep\(60\), \S*program.lua:2:1",
            "luarpc.sync(id, 'alua.sleep')(60)": r"1@\S+ waits: sync call alua.sleep of 2@\S+, \S*program.lua:2",
            "alua.eval(id, 'alua.sleep(60)')": r"1@\S+ waits: alua.eval at 2@\S+, \S*program.lua:2",
            "luarpc.future(id, 'alua.sleep')(60):get()": r"1@\S+ waits: future alua.sleep, \S*program.lua:2",
            "luarpc.map({ id }, 'alua.sleep', { 60 })": r"1@\S+ waits: map of alua.sleep, \S*program.lua:2",
            "alua.loop()": r"1@\S+ waits: loop, \S*program.lua:2",
            "alua.send(id, 'alua.loop()')": r"2@\S+ waits: loop, \S*program.lua:2:1",
        }.items():
            self.held(CHILD + text, what)

    def test_what_holds_without_a_coroutine_is_told_too(self):
        self.held(CHILD + """
            alua.timer.create(60, print) alua.timer.create(60, print)
            alua.send(id, 'alua.sleep(60)', print)
            luarpc.async(id, 'alua.sleep', print)(60)
            kept = luarpc.future(id, 'alua.sleep')(60)
            luarpc.async(id, 'alua.sleep', print, { background = true })(61)""",
                  r"1@\S+ waits: 2 timers\n")
        result = self.held(CHILD + """
            alua.send(id, 'alua.sleep(60)', print)
            luarpc.async(id, 'alua.sleep', print)(60)
            kept = luarpc.future(id, 'alua.sleep')(60)
            luarpc.async('nobody', 'f', print, { wait = true })()
            luarpc.async(id, 'alua.sleep', print, { background = true })(60)""",
                           r"1@\S+ waits: callback of \S*program.lua:3 at 2@\S+\n")
        self.assertEqual(result.err.count("callback of alua.sleep at 2@"), 1)
        self.assertRegex(result.err, r"waits: future alua.sleep at 2@\S+, which nobody gets\n")
        self.assertIn("waits: callback of f at nobody\n", result.err)

    def test_ctrl_c_prints_the_same(self):
        run = self.start("run", self.program("alua.timer.create(60, print) print 'over'"))
        run.expect("over")
        result = run.stop(signal.SIGINT)
        self.assertEqual(result.status, 130)
        self.assertRegex(result.err, r"alua: interrupted. Who waits for what:\n  1@\S+ waits: 1 timer\n$")

    def test_a_program_in_a_network_of_its_choice_tells_it_too(self):
        self.held("alua.open { port = ... } alua.loop()", r"1@127.0.0.1:\d+ waits: loop, \S*program.lua:1\n", free_port())
        self.assert_nothing_left()


class TestStatus(harness.Case):
    def test_a_code_that_does_not_fit_is_no_success(self):
        for code, status in ((3, 3), (255, 255), (256, 255), (-1, 255), ("false", 1)):
            self.assertEqual(self.run_program(f"alua.exit({code})").status, status, code)

    def test_an_error_that_is_a_table_shows_no_address(self):
        result = self.run_program("""luarpc.export('boom', function() error { code = 5 } end)
            print((select(2, luarpc.sync(alua.id, 'boom')())))""")
        self.assertRegex(result.out, r"^remote: \(error object is a table value\)")


class TestQuit(harness.Case):
    def test_it_ends_loops_and_nothing_else(self):
        result = self.run_program("""
            alua.quit()
            alua.send(alua.id, "alua.quit()") alua.sleep(0.05) print 'slept'
            print(luarpc.sync(alua.id, 'tostring')(1))
            for i = 1, 2 do
              alua.task.schedule(alua.quit)
              alua.loop() print('loop ' .. i)
            end""", options=("--timeout", 20))
        self.assertEqual((result.status, result.lines), (0, ["slept", "1", "loop 1", "loop 2"]), result)

    def test_it_ends_a_process_that_only_serves(self):
        result = self.run_program(CHILD + """
            alua.watch(id, function(what) print(what) alua.exit(0) end)
            alua.send(id, 'alua.quit()')
            alua.loop()""", options=("--timeout", 20))
        self.assertEqual((result.status, result.lines), (0, ["left"]), result)


class TestExit(harness.Case):
    def test_codes(self):
        for code, status in {"0": 0, "5": 5, "true": 0, "false": 1, "": 0, "2.0": 2}.items():
            self.assertEqual(self.run_program(f"alua.exit({code}) print 'never'").status, status, code)
            self.assertEqual(self.run_program(f"alua.sleep(0) dalua.exit({code})").status, status, code)

    def test_it_never_returns_from_anywhere(self):
        for text in ("coroutine.wrap(function() alua.exit(3) end)() print 'no'", "pcall(alua.exit, 3) print 'no'",
                     "alua.timer.create(0, function() alua.exit(3) print 'no' end)",
                     "table.sort({ 2, 1 }, function() alua.exit(3) end) print 'no'"):
            result = self.run_program(text)
            self.assertEqual((result.status, result.out, result.err), (3, "", ""), text)

    def test_an_error_that_nobody_took_counts_unless_a_code_is_given(self):
        for text, status in {"alua.exit()": 1, "alua.exit(0)": 1, "alua.exit(7)": 7, "": 1}.items():
            result = self.run_program("alua.send(alua.id, 'error(1)') alua.sleep(0.02) " + text)
            self.assertEqual(result.status, status, text)

    def test_what_was_sent_to_others_goes_out_and_what_waits_here_does_not_run(self):
        broker = self.start_broker()
        node = self.start_node("ana", self.program("count = 0 function add() count = count + 1 end", "node.lua"))
        result = self.run_program("""
            for i = 1, 1000 do dalua.send('ana', 'add') end
            alua.send('ana', "print(count, 'arrived') io.stdout:flush()")
            alua.send(alua.id, "print 'never'")
            io.write('no line end')
            alua.exit(4)""", options=("--broker", broker.endpoint))
        self.assertEqual((result.status, result.out, result.err), (4, "no line end", ""))
        node.expect("1000\tarrived")


if __name__ == "__main__":
    unittest.main()
