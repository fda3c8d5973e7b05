"""alua run: what it prints, how it ends, what it leaves behind"""
import os
import pathlib
import signal
import subprocess
import time
import unittest

import harness
from harness import eventually

SERVE = "print('serving ' .. alua.id) io.stdout:flush() alua.loop()"
COMPUTE = "print('computing') io.stdout:flush() while true do end"


class TestProgram(harness.Case):
    """One process, as with plain Lua."""

    def test_arguments_and_arg(self):
        result = self.run_program("print(select('#', ...), ..., arg[1], arg[0] ~= nil, #arg)", "--keep", "b c")
        self.assertEqual(result.lines, ["2\t--keep\t--keep\ttrue\t2"])
        result = self.run_program("print(...) print(arg[2])", "--keep", "b c")
        self.assertEqual(result.lines, ["--keep\tb c", "b c"])
        self.assertEqual(result.status, 0)

    def test_the_globals_are_there(self):
        result = self.run_program("print(type(alua), type(dalua), ad == dalua, type(luarpc))")
        self.assertEqual(result.lines, ["table\ttable\ttrue\ttable"])

    def test_warnings_are_off_until_they_are_wanted(self):
        result = self.run_program("warn('no') warn('@on') warn('a ', 'b') warn('@no such') warn('@off') warn('no')")
        self.assertEqual((result.status, result.out, result.err), (0, "", "Lua warning: a b\n"))

    def test_id_rank_size(self):
        result = self.run_program("print(alua.id, alua.rank, alua.size)", options=("--name", "ana"))
        self.assertEqual(result.lines, ["1@ana\t1\t1"])
        result = self.run_program("print(alua.id)")
        self.assertEqual(result.lines, [f"1@{os.uname().nodename}"])

    def test_standard_input_reaches_it(self):
        result = self.run_program("for line in io.lines() do print(line * 2) end", input="1\n2\n")
        self.assertEqual(result.lines, ["2", "4"])

    def test_closed_standard_descriptors_are_nobody_elses(self):
        """A socket of ours in their place would be read from and printed into, and libuv refuses to close it."""
        file = self.program("print('read', io.read('l')) io.stderr:write('told\\n')")
        for closed, out, err in (("<&-", "read\tnil\n", "told\n"), (">&-", "", "told\n"), ("2>&-", "read\tnil\n", ""),
                                 ("<&- >&- 2>&-", "", "")):
            process = harness.Process(["sh", "-c", f'exec "$0" run "$1" {closed}', harness.ALUA, file], self.env)
            self.started.append(process)
            result = process.wait()
            self.assertEqual((result.status, result.out, result.err), (0, out, err), closed)

    def test_what_is_printed_without_a_line_end_comes_too(self):
        self.assertEqual(self.run_program("io.write('a', 1)").out, "a1")
        self.assertEqual(self.run_program("io.write('a', 1) alua.exit(0)").out, "a1")

    def test_a_missing_file_and_a_syntax_error_are_told_before_anything_starts(self):
        result = self.run_alua("run", "-n", 3, self.dir / "nowhere.lua")
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("nowhere.lua", result.err)
        self.assertEqual(result.err.count("nowhere.lua"), 1)
        result = self.run_program("print('no')\nx = = 1", options=("-n", 3))
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("program.lua:2:", result.err)
        self.assertEqual(len(result.err.splitlines()), 1)

    def test_a_program_from_a_pipe(self):
        result = self.run_alua("run", "/dev/stdin", input="print 'never'")
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("/dev/stdin: each process reads the program, so it must be a file", result.err)

    def tearDown(self):
        self.assert_nothing_left()


class TestStatus(harness.Case):
    def test_an_error_in_the_main_chunk(self):
        result = self.run_program("local function f() error('boom') end\nf()")
        self.assertEqual(result.status, 1)
        self.assertIn("program.lua:1: boom", result.err)
        self.assertIn("traceback", result.err)

    def test_an_error_in_an_event(self):
        result = self.run_program("alua.send(alua.id, \"error('boom')\") print('sent')")
        self.assertEqual((result.status, result.lines), (1, ["sent"]))
        self.assertIn("boom", result.err)

    def test_exit_gives_the_code(self):
        self.assertEqual(self.run_program("alua.exit(7)").status, 7)
        self.assertEqual(self.run_program("alua.exit()").status, 0)

    def test_os_exit_gives_the_code(self):
        self.assertEqual(self.run_program("os.exit(5)").status, 5)
        self.assertEqual(self.run_program("os.exit(true, true)").status, 0)

    def test_one_that_ends_at_once_lets_the_others_start(self):
        for _ in range(5):
            result = self.run_program("alua.exit(0)", options=("-n", 6))
            self.assertEqual(result.status, 0)
            self.assertLess(result.seconds, harness.PATIENCE)

    def test_the_highest_of_all(self):
        result = self.run_program("alua.exit(alua.rank * 2)", options=("-n", 3))
        self.assertEqual(result.status, 6)

    def test_a_process_killed_by_a_signal(self):
        result = self.run_program("os.execute('kill -9 ' .. io.open('/proc/self/stat'):read('n'))")
        self.assertEqual(result.status, 128 + 9)
        self.assertIn("killed by signal 9", result.err)

    def test_usage(self):
        for args in ((), ("-n", "0", "x"), ("-n", "x", "x"), ("--nonsense", "x"), ("--keep", "--end", "x"),
                     ("--timeout", "-1", "x"), ("--broker",)):
            result = self.run_alua("run", *args)
            self.assertEqual(result.status, 2, args)
            self.assertIn("alua help run", result.err)

    def tearDown(self):
        self.assert_nothing_left()


class TestMany(harness.Case):
    def test_all_have_joined_before_the_file_starts(self):
        result = self.run_program("print(#dalua.processes('myapp'), alua.rank, alua.size)", options=("-n", 5))
        self.assertEqual(sorted(line.split("] ")[1] for line in result.lines), [f"5\t{r}\t5" for r in range(1, 6)])
        self.assertEqual(result.status, 0)

    def test_ids_follow_the_rank(self):
        result = self.run_program("print(alua.id, alua.rank)", options=("-n", 6, "--no-label"))
        host = os.uname().nodename
        self.assertEqual(sorted(result.lines), [f"{rank}@{host}\t{rank}" for rank in range(1, 7)])

    def test_an_app_of_another_name(self):
        result = self.run_program("print(#dalua.processes('q'))", options=("-n2", "--app=q", "--no-label"))
        self.assertEqual(result.lines, ["2", "2"])

    def test_lines_carry_the_id(self):
        result = self.run_program("print(alua.id)", options=("-n", 3))
        host = os.uname().nodename
        self.assertEqual(sorted(result.lines), [f"[{n}@{host}] {n}@{host}" for n in (1, 2, 3)])

    def test_names_are_numbered(self):
        result = self.run_program("print(alua.id)", options=("-n", 2, "--name", "w", "--no-label"))
        self.assertEqual(sorted(result.lines), ["1@w1", "1@w2"])

    def test_lines_come_out_whole(self):
        text = """
            for i = 1, 300 do
              io.write(alua.rank, ' ')
              io.write(('x'):rep(i % 50 == 0 and 9000 or i), '\\n')
            end
            io.write('last')"""
        for options in ((), ("--no-label",)):
            result = self.run_program(text, options=("-n", 4, *options))
            self.assertEqual(result.status, 0)
            self.assertEqual(len(result.lines), 4 * 301)
            for line in result.lines:
                self.assertRegex(line, r"^(\[\d@[^]]+\] )?(\d x{1,9000}|last)$")
            for rank in "1234":
                mine = [line.split("] ")[-1].split(" ")[1] for line in result.lines
                        if line.split("] ")[-1].startswith(rank + " ")]
                self.assertEqual([len(m) for m in mine],
                                 [9000 if i % 50 == 0 else i for i in range(1, 301)])

    def test_errors_are_labelled_too(self):
        result = self.run_program("if alua.rank == 2 then error('boom') end", options=("-n", 2))
        self.assertEqual(result.status, 1)
        for line in result.err.splitlines():
            self.assertRegex(line, r"^\[\d@")

    def test_standard_input_reaches_the_first_only(self):
        text = "print(alua.rank, io.read('a'))"
        result = self.run_program(text, options=("-n", 3, "--no-label"), input="word")
        self.assertEqual(sorted(result.lines), ["1\tword", "2\t", "3\t"])

    def test_a_line_of_a_chat_is_heard_before_the_next_is_typed(self):
        chat = self.start("run", "-n", 3, harness.ROOT / "examples/chat.lua", stdin=subprocess.PIPE)
        for line in ("one", "two"):
            chat.say(line + "\n")
            chat.expect(rf"^\[[23]@\S+\] guest1: {line}$", count=2)
        chat.popen.stdin.close()
        result = chat.wait()
        self.assertEqual((result.status, result.err, len(result.lines)), (0, "", 3 * (3 + 2)), result)

    def test_they_talk(self):
        result = self.run_program("""
            function hear(from) print('heard ' .. from) end
            if alua.rank == 1 then dalua.send(dalua.processes('myapp'), 'hear', alua.rank) end""", options=("-n", 4))
        self.assertEqual(result.status, 0)
        self.assertEqual(sorted(line.split("] ")[1] for line in result.lines), ["heard 1"] * 4)

    def tearDown(self):
        self.assert_nothing_left()


class TestEnding(harness.Case):
    def test_what_is_on_its_way_is_waited_for(self):
        result = self.run_program("""
            count = 0
            function hop(n)
              count = count + 1
              local all = dalua.processes('myapp')
              if n > 0 then dalua.send(all[n % #all + 1], 'hop', n - 1) else print('last hop') end
            end
            if alua.rank == 1 then hop(2000) end""", options=("-n", 3))
        self.assertEqual(result.status, 0)
        self.assertEqual([line.split("] ")[1] for line in result.lines], ["last hop"])

    def test_a_sleep_holds(self):
        result = self.run_program("alua.sleep(0.3) print('awake')")
        self.assertEqual((result.status, result.lines), (0, ["awake"]))

    def test_a_pending_call_holds_both(self):
        result = self.run_program("""
            function slow() alua.sleep(0.3) return 'done' end
            if alua.rank == 1 then
              print(luarpc.sync(dalua.processes('myapp')[2], 'slow')())
            end""", options=("-n", 2))
        self.assertEqual((result.status, [line.split("] ")[1] for line in result.lines]), (0, ["done"]))

    def test_loop_serves_until_quit(self):
        result = self.run_program("""
            if alua.rank == 2 then
              alua.sleep(0.2)
              alua.send(dalua.processes('myapp'), 'alua.quit()')
            end
            alua.loop() print('after')""", options=("-n", 2))
        self.assertEqual(result.status, 0)
        self.assertEqual([line.split("] ")[1] for line in result.lines], ["after"] * 2)

    def test_loop_and_keep_never_end(self):
        for text, options in ((SERVE, ()), ("print 'serving'", ("--keep",))):
            run = self.start("run", *options, self.program(text))
            run.expect("serving")
            with self.assertRaises(subprocess.TimeoutExpired):
                run.wait(0.7)
            self.assertEqual(run.stop(signal.SIGINT).status, 130)

    def test_end_ends_even_inside_loop(self):
        result = self.run_program(SERVE, options=("--end", "-n", 2))
        self.assertEqual(result.status, 0)
        self.assertEqual(len(result.lines), 2)

    def test_timeout(self):
        result = self.run_program("alua.sleep(60)", options=("--timeout", "0.5"))
        self.assertEqual(result.status, 124)
        self.assertIn("sleep", result.err)
        self.assertIn("program.lua:1", result.err)
        self.assertLess(result.seconds, 3)

    def test_timeout_of_one_that_computes(self):
        begun = time.monotonic()
        result = self.run_program(COMPUTE, options=("--timeout", "0.5"))
        self.assertEqual(result.status, 124)
        self.assertIn("does not answer", result.err)
        self.assertLess(time.monotonic() - begun, 8)

    def test_timeout_is_not_reached_by_one_that_ends(self):
        self.assertEqual(self.run_program("print(1)", options=("--timeout", "30")).status, 0)

    def tearDown(self):
        self.assert_nothing_left()


class TestSignals(harness.Case):
    def serving(self, text=SERVE, count=3):
        run = self.start("run", "-n", count, self.program(text))
        run.expect("serving|computing", count=count)
        return run

    def test_ctrl_c_tells_who_waits_and_ends(self):
        run = self.serving("print 'serving' alua.sleep(100)")
        run.kill_group(signal.SIGINT)             # The terminal tells all of them
        result = run.wait()
        self.assertEqual(result.status, 130)
        self.assertIn("Who waits for what", result.err)
        self.assertEqual(result.err.count("sleep"), 3)
        self.assertLess(result.seconds, 3)

    def test_sigterm(self):
        self.assertEqual(self.serving().stop(signal.SIGTERM).status, 143)

    def test_who_tells_the_whole_group_is_not_out_of_patience(self):
        """As timeout(1) does: us, and then all of us."""
        run = self.serving("print 'serving' alua.sleep(100)", 1)
        run.kill(signal.SIGTERM)
        run.kill_group(signal.SIGTERM)
        result = run.wait()
        self.assertEqual(result.status, 143)
        self.assertRegex(result.err, r"^alua: told to end. Who waits for what:\n  [^\n]+\n$")

    def test_those_that_compute_are_killed_after_a_grace(self):
        run = self.serving(COMPUTE)
        begun = time.monotonic()
        self.assertEqual(run.stop(signal.SIGINT).status, 130)
        self.assertTrue(3 < time.monotonic() - begun < 8)

    def test_a_second_ctrl_c_ends_at_once(self):
        run = self.serving(COMPUTE)
        run.kill(signal.SIGINT)
        run.expect("does not answer", count=3)
        begun = time.monotonic()
        run.kill(signal.SIGINT)
        self.assertEqual(run.wait().status, 130)
        self.assertLess(time.monotonic() - begun, 2)

    def test_a_stopped_one_is_killed_too(self):
        run = self.serving()
        child = next(pid for pid in self.processes() if pid != run.pid)
        os.kill(child, signal.SIGSTOP)
        self.assertEqual(run.stop(signal.SIGINT).status, 130)

    def test_kill_9_of_the_launcher_takes_all_along(self):
        run = self.serving()
        self.assertEqual(len(self.processes()), 4)
        run.kill(signal.SIGKILL)
        self.assert_nothing_left(timeout=3)

    def test_kill_9_of_the_launcher_takes_those_that_compute_along(self):
        run = self.serving(COMPUTE)
        run.kill(signal.SIGKILL)
        eventually(lambda: not self.processes(), "all have ended", 6)
        self.assertEqual(self.run_program("print(1)").lines, ["1"])
        self.assert_nothing_left()                  # The next start has swept

    def test_kill_9_of_one_is_told_and_the_others_go_on(self):
        run = self.start("run", "-n", 2, self.program("""
            print('pid', alua.rank, io.open('/proc/self/stat'):read('n'))
            if alua.rank == 2 then alua.loop() end
            alua.sleep(1) print('still here')"""))
        pid = int(run.expect(r"pid\t2\t(\d+)")[1])
        os.kill(pid, signal.SIGKILL)
        result = run.wait()
        self.assertEqual(result.status, 137)
        self.assertIn("killed by signal 9", result.err)
        self.assertIn("still here", result.out)

    def tearDown(self):
        self.assert_nothing_left()


class TestSweep(harness.Case):
    def test_what_a_power_cut_left_is_removed(self):
        old = self.runtime / "alua" / "p-999999"
        old.mkdir(parents=True, mode=0o700)
        (self.runtime / "alua").chmod(0o700)
        (old / "lock").touch()
        (old / "broker").touch()
        half = self.runtime / "alua" / "p-999998"   # Power was cut before its lock was made
        half.mkdir()
        self.assertEqual(self.run_program("print(1)").lines, ["1"])
        self.assert_nothing_left()

    def test_what_lives_is_left_alone(self):
        first = self.start("run", self.program(SERVE))
        first.expect("serving")
        held = [path for path in (self.runtime / "alua").glob("p-*")]
        self.assertEqual(len(held), 1)
        self.assertEqual(self.run_program("print(1)").lines, ["1"])
        self.assertTrue(held[0].exists())
        self.assertTrue(first.alive())
        first.stop(signal.SIGINT)
        self.assert_nothing_left()

    def test_fifty_at_once(self):
        file = self.program("print(alua.id)")
        runs = [self.start("run", file) for _ in range(50)]
        for run in runs:
            self.assertEqual(run.wait(60).status, 0)
        self.assert_nothing_left()

    def test_the_directory_is_the_users_alone(self):
        run = self.start("run", self.program(SERVE))
        run.expect("serving")
        for path in [self.runtime / "alua", *(self.runtime / "alua").glob("p-*")]:
            self.assertEqual(path.stat().st_mode & 0o777, 0o700)
        run.stop(signal.SIGINT)


class TestSpawned(harness.Case):
    """Processes that the program itself starts."""

    def test_they_share_the_output_and_hold_while_they_work(self):
        result = self.run_program("""
            alua.spawn({'kim'}, function(reply)
              for id in pairs(reply.processes) do
                alua.send(id, "alua.sleep(0.3) print('from ' .. alua.id)")
              end
            end)""")
        self.assertEqual((result.status, result.lines), (0, ["from kim"]))

    def test_they_end_with_their_parent(self):
        result = self.run_program("""
            alua.spawn(2, function(reply) print(reply.status) alua.exit(3) end)""")
        self.assertEqual((result.status, result.lines), (3, ["ok"]))

    def test_kill_9_of_the_launcher_takes_them_along(self):
        run = self.start("run", self.program("alua.spawn(3, function() print('spawned') end) alua.loop()"))
        run.expect("spawned")
        self.assertEqual(len(self.processes()), 5)
        run.kill(signal.SIGKILL)
        self.assert_nothing_left()

    def test_kill_9_of_the_parent_takes_them_along(self):
        run = self.start("run", self.program("""
            alua.spawn(3, function() print('spawned', io.open('/proc/self/stat'):read('n')) end) alua.loop()"""))
        os.kill(int(run.expect(r"spawned\t(\d+)")[1]), signal.SIGKILL)
        self.assertEqual(run.wait().status, 137)

    def test_one_that_computes_is_killed_when_all_is_over(self):
        run = self.start("run", self.program("""
            alua.spawn({'kim'}, function()
              alua.send('kim', "print('computing') io.stdout:flush() while true do end")
            end)
            alua.loop()"""))
        run.expect("computing")
        self.assertEqual(run.stop(signal.SIGINT).status, 130)

    def tearDown(self):
        self.assert_nothing_left()


class TestSharedBroker(harness.Case):
    def test_two_runs_meet(self):
        broker = self.start_broker()
        server = self.start("run", "--broker", broker.endpoint, "--name", "ana",
                            self.program("function add(a, b) return a + b end " + SERVE, "server.lua"))
        server.expect("serving 1@ana")
        result = self.run_program("print(luarpc.sync('ana', 'add')(2, 3))", options=("--broker", broker.endpoint))
        self.assertEqual((result.status, result.lines), (0, ["5"]))
        server.stop(signal.SIGINT)
        self.assertTrue(broker.alive())

    def test_the_environment_and_the_config_file_name_it(self):
        broker = self.start_broker()
        env = {"ALUA_BROKER": broker.endpoint}
        text = "print(alua.id:match('^(%d+)@'))"
        self.assertEqual(self.run_program(text, env=env).lines, ["1"])
        self.assertEqual(self.run_program(text, env=env).lines, ["2"])
        self.assertEqual(self.run_program(text, env=env, options=("--broker", "private")).lines, ["1"])
        config = pathlib.Path(self.env["XDG_CONFIG_HOME"]) / "alua" / "config.lua"
        config.parent.mkdir(parents=True)
        config.write_text(f"broker = '{broker.endpoint}'\n-- a comment\napp = 'mine'\n")
        self.assertEqual(self.run_program(text + " print(#dalua.processes('mine'))").lines, ["3", "1"])
        config.write_text("broker = os.getenv('HOME')\n")
        result = self.run_program(text)
        self.assertEqual(result.status, 1)
        self.assertIn("config.lua:1", result.err)

    def test_no_broker_there(self):
        result = self.run_program("print(1)", options=("--broker", "127.0.0.1:1"))
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("no broker at tcp://127.0.0.1:1", result.err)
        self.assertLess(result.seconds, 2)

    def test_a_name_that_is_taken(self):
        broker = self.start_broker()
        server = self.start("run", "--broker", broker.endpoint, "--name", "ana", self.program(SERVE))
        server.expect("serving")
        result = self.run_program("print(1)", options=("--broker", broker.endpoint, "--name", "ana"))
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertIn("ana", result.err)
        server.stop(signal.SIGINT)

    def test_what_others_do_does_not_hold_ours(self):
        broker = self.start_broker()
        other = self.start("run", "--broker", broker.endpoint, self.program("print 'serving' alua.sleep(100)"))
        other.expect("serving")
        self.assertEqual(self.run_program("print(1)", options=("--broker", broker.endpoint)).status, 0)
        other.stop(signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
