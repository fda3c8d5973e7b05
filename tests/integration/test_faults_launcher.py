"""The launcher is killed, a parent is killed, a parent ends: who else ends, and what is left"""
import os
import signal
import subprocess
import time

import harness
from harness import eventually

PID = "io.open('/proc/self/stat'):read('n')"


class Family(harness.Case):
    def run_family(self, text, *options, lines=1):
        run = self.start("run", *options, self.program(text))
        run.expect("here", count=lines)
        return run

    def tearDown(self):
        self.assert_nothing_left(10)


class TestLauncherKilled(Family):
    """kill -9 of `alua run`: everything of it goes, and its files."""

    def kill_launcher(self, text, *options, lines=1, others=1, stdin=None):
        run = self.start("run", *options, self.program(text), **({"stdin": stdin} if stdin else {}))
        run.expect("here", count=lines)
        self.assertEqual(len(self.processes()), others + 1)
        run.kill(signal.SIGKILL)
        run.popen.wait()
        eventually(lambda: not self.processes(), "all have ended", 6 * harness.PATIENCE / 20)

    def test_that_serve(self):
        self.kill_launcher("print('here') alua.loop()", "-n", 3, lines=3, others=3)

    def test_that_have_spawned(self):
        self.kill_launcher("""
            local ids = {}
            for id in pairs(alua.spawn(2).processes) do ids[#ids + 1] = id end
            for _, id in ipairs(ids) do alua.send(id, "alua.spawn(1) print('here')") end
            alua.loop()""", lines=2, others=5)

    def test_that_compute(self):
        self.kill_launcher("print('here') io.stdout:flush() while true do end", "-n", 2, lines=2, others=2)

    def test_spawned_ones_that_compute(self):
        self.kill_launcher("""
            for id in pairs(alua.spawn(2).processes) do
              alua.send(id, "print('here') io.stdout:flush() while true do end")
            end
            alua.loop()""", lines=2, others=3)

    def test_that_read_standard_input(self):
        self.kill_launcher("print('here') io.stdout:flush() print(io.read())", "-n", 2, lines=1, others=2,
                           stdin=subprocess.PIPE)

    def test_that_are_stopped(self):
        run = self.run_family("print('here', " + PID + ") alua.loop()", "-n", 2, lines=2)
        pid = int(run.expect(r"here\t(\d+)")[1])
        os.kill(pid, signal.SIGSTOP)
        run.kill(signal.SIGKILL)
        run.popen.wait()
        eventually(lambda: self.processes() == [pid], "the other has ended", 6)
        os.kill(pid, signal.SIGCONT)
        eventually(lambda: not self.processes(), "all have ended", 6)

    def test_before_they_have_joined(self):
        for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.04):
            run = self.start("run", "-n", 5, self.program("alua.loop()"))
            time.sleep(delay)           # Wherever that is: nothing may be left
            run.kill(signal.SIGKILL)
            run.popen.wait()
            eventually(lambda: not self.processes(), "all have ended", 6)
        self.assertEqual(self.run_program("print(1)").lines, ["1"])     # Sweeps what nobody could

    def test_the_next_start_sweeps(self):
        run = self.run_family("print('here') alua.loop()", "-n", 2, lines=2)
        pids = self.processes()
        for number in (signal.SIGSTOP, signal.SIGKILL):     # All at once: none of them can
            for pid in pids:
                os.kill(pid, number)
        run.popen.wait()
        eventually(lambda: not self.processes(), "all have ended")
        self.assertEqual(len(list((self.runtime / "alua").glob("p-*"))), 1)
        mine = self.runtime / "alua" / f"token.{os.getpid()}"
        for draft in (mine, mine.with_suffix(f".{run.popen.pid}")):     # Where the file system has none without a name
            draft.write_text("half")
        self.assertEqual(self.run_program("print(1)").lines, ["1"])
        self.assertTrue(mine.exists())
        mine.unlink()


class TestParents(Family):
    def test_a_killed_child_is_gone_and_the_parent_goes_on(self):
        result = self.run_program(f"""
            local id = next(alua.spawn(1).processes)
            alua.watch(id, function(what, who) print(what, who == id) alua.quit() end)
            local pid = alua.eval(id, "return {PID}")
            luarpc.async(id, "alua.sleep", function(_, err) print(err.code, err.definite) end)(60)
            alua.task.schedule(os.execute, "kill -9 " .. pid)
            alua.loop()
            print("goes on")""")
        self.assertEqual(sorted(result.lines), ["goes on", "gone\tfalse", "gone\ttrue"])
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertLess(result.seconds, 5)

    def test_children_end_behind_what_was_sent_to_them(self):
        result = self.run_program("""
            for id in pairs(alua.spawn(3).processes) do
              for i = 1, 200 do
                alua.send(id, "n = (n or 0) + 1 if n == 200 then print('all 200') end")
              end
            end
            alua.exit(0)""")
        self.assertEqual((result.status, result.lines, result.err), (0, ["all 200"] * 3, ""))

    def test_children_of_children_end_with_them(self):
        run = self.run_family("""
            alua.spawn([[ alua.spawn "print 'here'" ]], { n = 2 })
            alua.loop()""", lines=2)
        self.assertEqual(len(self.processes()), 6)
        self.assertEqual(run.stop(signal.SIGINT).status, 130)

    def test_kill_9_of_a_parent_ends_its_children(self):
        run = self.run_family(f"""
            local id = next(alua.spawn("alua.spawn(2) print('here', {PID})", {{ n = 1 }}).processes)
            alua.loop()""")
        self.assertEqual(len(self.processes()), 5)
        os.kill(int(run.expect(r"here\t(\d+)")[1]), signal.SIGKILL)
        eventually(lambda: len(self.processes()) == 2, "child and grandchildren have ended", 6)
        self.assertEqual(run.stop(signal.SIGINT).status, 130)

    def test_exit_of_others_is_answered(self):
        result = self.run_program("""
            local ids = {}
            for id in pairs(alua.spawn({ 'ana', 'bob', 'eva' }).processes) do ids[#ids + 1] = id end
            table.sort(ids)
            local list = { ids[1], 'nobody', ids[2] }
            local left = {}
            alua.watch(nil, function(what, id)
              if what == 'left' then left[#left + 1] = id end
              if #left == 2 then
                table.sort(left)
                print('left', table.concat(left, ' '))
                print('stays', alua.eval('eva', 'return alua.id'))
              end
            end)
            alua.exit(list, 0, function(reply)
              for _, id in ipairs(list) do print(id, reply[id].status, reply[id].error and 'told' or '') end
            end)""")
        self.assertEqual(result.lines, ["ana\tok\t", "nobody\terror\ttold", "bob\tok\t", "left\tana bob", "stays\teva"])
        self.assertEqual((result.status, result.err), (0, ""))

    def test_the_code_given_to_exit_of_others_counts(self):
        result = self.run_program("""
            alua.exit(next(alua.spawn(1).processes), 5, function(reply)
              local _, entry = next(reply)
              print(entry.status)
            end)""")
        self.assertEqual((result.status, result.lines), (5, ["ok"]))

    def test_a_name_that_is_taken_is_no_failure_of_the_run(self):
        for _ in range(3):              # Its process may end before or behind its parent
            result = self.run_program("""
                alua.spawn({ 'ana' })
                local entry = alua.spawn({ 'ana', 'bob' }).processes.ana
                print(entry.status, entry.error)""")
            self.assertEqual(result.lines, ["error\tprocess name already exists"])
            self.assertEqual((result.status, result.err), (0, ""))

    def kill_group_of(self, text, *options, lines=1):
        run = self.run_family(text, *options, lines=lines)
        run.kill_group(signal.SIGTERM)      # The nodes die of it at once; the launcher has nobody left to ask
        result = run.wait()
        self.assertEqual(result.status, 143)
        self.assertNotIn("does not end", result.err)
        self.assertNotIn("does not answer", result.err)
        self.assertLess(result.seconds, 2.5 * harness.PATIENCE / 20)

    def test_a_killed_group_is_said_once_per_process(self):
        self.kill_group_of("print('here') alua.loop()", "-n", 3, lines=3)

    def test_a_killed_group_whose_broker_goes_on(self):
        self.kill_group_of("assert(alua.open { port = 0 }.status == 'ok') print('here') alua.loop()")
