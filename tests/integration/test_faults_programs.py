"""Programs in the manner of ALua 6 and of DALua, as their users write them"""
import pathlib
import re
import socket

import harness

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Ported(harness.Case):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def tearDown(self):
        #  The broker that the program has started ends when its last member has left.
        self.assert_nothing_left(5)


class TestSix(Ported):
    def test_spawn_by_number_and_twice_by_name(self):
        result = self.run_alua("run", PROGRAMS / "six_spawn.lua", self.port)
        self.assertEqual((result.status, result.err), (0, ""))
        lines = result.lines
        self.assertEqual(lines[0], f"opened\tok\t1@{self.address}\t{self.address}")
        ok = f"\tdaemon={self.address} status=ok"
        taken = f"\tdaemon={self.address} error=process name already exists status=error"
        self.assertEqual(sorted(lines[1:4]), sorted(["numbered\tok\tnil"] + [f"numbered {n}@{self.address}{ok}" for n in (2, 3)]))
        self.assertEqual(sorted(lines[4:8]), sorted(["named\tok\tnil"] + [f"named {n}{ok}" for n in ("ann", "ben", "cleo")]))
        self.assertEqual(sorted(lines[8:12]),
                         sorted(["again\tok\tnil"] + [f"again {n}{taken}" for n in ("ann", "ben", "cleo")]))
        ended = [f"ended {n}\tok" for n in ("ann", "ben", "cleo", f"2@{self.address}", f"3@{self.address}")]
        self.assertEqual(sorted(lines[12:17]), sorted(ended))
        self.assertEqual(lines[17:], ["ended\t5"])

    def test_a_burst_and_exit_loses_nothing(self):
        result = self.run_alua("run", PROGRAMS / "six_burst.lua", self.port, 10, 100)
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertEqual(len(result.lines), 1000)
        self.assertEqual(len(set(result.lines)), 1000)
        for worker in {line.split("\t")[0] for line in result.lines}:       # In order, too
            mine = [int(line.split("\t")[1]) for line in result.lines if line.startswith(worker + "\t")]
            self.assertEqual(mine, list(range(1, 101)))

    def test_twice_in_a_row_at_one_port(self):
        for _ in range(3):              # The broker of the last run may still be about to end
            result = self.run_alua("run", PROGRAMS / "six_burst.lua", self.port, 2, 5)
            self.assertEqual((result.status, result.err, len(result.lines)), (0, "", 10))


class TestNewcomers(Ported):
    """First programs in the manner of each original, under `alua run` and in plain Lua."""

    def both(self, name, *args):
        for run, flags in ((self.run_alua, ("run",)), (self.run_lua, ("-l", "alua", "-l", "dalua"))):
            result = run(*flags, PROGRAMS / name, self.port, *args)
            self.assertEqual((result.status, result.err), (0, ""), result)
            self.assert_nothing_left(5)
            yield result.lines

    def test_six(self):
        for lines in self.both("six_hello.lua", 7):
            self.assertEqual(lines[0], f"open: ok 1@{self.address} {self.address}")
            self.assertEqual(sorted(lines[1:]), [*(f"Hello from {n}@{self.address}" for n in range(2, 9)),
                                                 "all have answered\t7"])

    def test_dalua(self):
        for lines in self.both("da_hello.lua"):
            self.assertEqual(lines, ["dalua_init\tsuccess\tcreated", "Hello World!\t1.5\ttrue"])

    def test_a_broadcast_that_all_confirm(self):
        program, flags = PROGRAMS / "da_confirm.lua", ("-l", "alua", "-l", "dalua")
        some = [self.start("run", program, self.port, 4) for _ in range(2)]
        some += [self.start_lua(*flags, program, self.port, 4) for _ in range(2)]
        results = [process.wait() for process in some]
        for result in results:
            self.assertEqual((result.status, result.err), (0, ""), result)
        said = sorted(line for result in results for line in result.lines)
        self.assertEqual(said, ["all have confirmed\t4.0", *["request\ttrue\t?\t3"] * 4])


class TestTwoTerminals(Ported):
    def confirm(self, first, second):
        first.expect(r"dalua_init\tsuccess\tcreated\t1@" + self.address)
        second.expect(r"dalua_init\tsuccess\tconnected\t2@" + self.address)
        results = first.wait(), second.wait()
        for number, result in enumerate(results, 1):
            self.assertEqual((result.status, result.err), (0, ""), f"terminal {number}")
            self.assertIn(f"work for 2@{self.address}\ta\t1", result.lines)
        self.assertEqual(sorted(line for line in results[1].lines if line.startswith("worked")),
                         [f"worked\t{n}@{self.address}\ttrue" for n in (1, 2)])

    def test_two_programs_meet_at_a_port(self):
        first = self.start("run", PROGRAMS / "meet.lua", self.port)
        first.expect("created")
        self.confirm(first, self.start("run", PROGRAMS / "meet.lua", self.port, "all"))

    def test_both_start_at_once(self):
        #  Both find no broker and start one; one port has room for one, and the other program uses that.
        both = [self.start("run", PROGRAMS / "meet.lua", self.port) for _ in range(2)]
        for process in both:
            process.expect(r"dalua_init\tsuccess\t(created|connected)\t[12]@" + self.address)
        ids = {process.expect(r"\t([12]@.*)")[1] for process in both}
        self.assertEqual(len(ids), 2)
        third = self.start("run", PROGRAMS / "meet.lua", self.port, "all")
        third.expect(r"dalua_init\tsuccess\tconnected\t3@" + self.address)
        for process in both:            # It tells both to exit, and stays itself
            self.assertEqual(process.wait().status, 0)
        third.stop()


class TestTalk(harness.Case):
    def test_mutex_with_globals_of_its_own(self):
        result = self.run_alua("run", "-n", 4, "--no-label", PROGRAMS / "talk_mutex.lua")
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertEqual(len(result.lines), 4 * 3 * 2)
        for enter, leave in zip(result.lines[::2], result.lines[1::2]):
            self.assertEqual(enter.replace("in ", "out "), leave)

    def test_average_with_globals_of_its_own(self):
        result = self.run_alua("run", "-n", 5, "--no-label", PROGRAMS / "talk_average.lua")
        self.assertEqual((result.status, result.err, result.lines), (0, "", ["average\t3.0\tmax\t5"]))

    def test_a_debug_of_its_own(self):
        result = self.run_program("""
            debug = true
            function double(x) return 2 * x end
            local id = next(alua.spawn(1).processes)
            alua.spawn("debug = false function triple(x) return 3 * x end", { names = { 'kim' } })
            alua.send(id, "debug = 1", function(reply) print(reply[id].status) end)
            alua.register('me', function(ok) print(ok) end)
            luarpc.async(alua.id, 'double', function(x) print(x) end)(21)
            print(luarpc.sync('kim', 'triple')(14), alua.eval(id, 'return debug'))""")
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertEqual(sorted(result.lines), ["42", "42\t1", "ok", "true"])


class TestExamples(harness.Case):
    """What each file promises in its head."""

    def example(self, name, *options, args=()):
        result = self.run_alua("run", *options, harness.ROOT / "examples" / name, *args)
        self.assertEqual((result.status, result.err), (0, ""), name)
        self.assert_nothing_left()
        return [re.sub(r"^\[[^]]*\] ", "", line) for line in result.lines]

    def test_hello(self):
        lines = self.example("hello.lua")
        self.assertEqual(len(lines), 4)
        self.assertTrue(all(re.match(r"Hello from \d@\S+$", line) for line in lines), lines)
        self.assertEqual(len({line.rstrip("!") for line in lines}), 4)

    def test_send(self):
        lines = sorted(self.example("send.lua"))
        self.assertEqual(lines[:2] + lines[3:], ["ana\tok\t", "ana says 8", "bob says 42"])
        self.assertRegex(lines[2], r"^bob\terror\t.*send.lua:\d+.*not today")

    def test_average(self):
        self.assertEqual(self.example("average.lua"), ["The mean of 5 values is 30.0"])
        self.assertEqual(self.example("average.lua", "-n", 5), ["The mean of 5 values is 30.0"])

    def test_futures(self):
        self.assertEqual(self.example("futures.lua")[1:],
                         ["The sum of 1 to 1000000 is 500000500000", "A function that is not there: no_function"])

    def test_mutex(self):
        lines = [line.split() for line in self.example("mutex.lua", "-n", 5, args=(3, 0.01))]
        self.assertEqual(len(lines), 30)
        for (_, who, enter, i), (_, same, leave, j) in zip(lines[::2], lines[1::2]):
            self.assertEqual((enter, leave, who, i), ("enter", "leave", same, j))

    def test_mixed(self):
        lines = self.example("mixed.lua", "-n", 4)
        self.assertEqual(sorted(int(re.match(r"seat (\d+), booked by", line)[1]) for line in lines), list(range(1, 9)))
