"""The other verbs: broker, node, console, nodes, send, call, help"""
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import time
import unittest

import harness
import wire_client
from harness import eventually

VERBS = ("run", "broker", "node", "console", "nodes", "send", "call",
         "out", "take", "read", "count", "watch", "spaces", "pub", "sub", "request", "topics", "keys", "doctor")


class TestHelp(harness.Case):
    def test_version(self):
        self.assertRegex(self.run_alua("--version").out, r"^alua \d+\.\d+\.\d+, Lua 5\.4\n$")

    def test_each_verb_has_a_manual_page(self):
        for verb in VERBS:
            page = self.run_alua(verb, "--help")
            self.assertEqual(page.status, 0)
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"):
                self.assertIn(section, page.lines, verb)
            self.assertEqual(page.out, self.run_alua("help", verb).out)
            self.assertLessEqual(max(map(len, page.lines)), 100)

    def test_each_option_is_on_its_page(self):
        for verb in VERBS:
            source = (harness.ROOT / "lua/alua/cli" / f"{verb}.lua").read_text()
            page = self.run_alua("help", verb).out
            hidden = {"--ready"}
            for option in set(re.findall(r'\{ "(--?[\w-]+)", "', source)) - hidden:
                self.assertIn(option, page, verb)

    def test_the_manual_has_the_same_pages(self):
        manual = (harness.ROOT / "docs/COMMANDS.md").read_text()
        for verb in VERBS:
            self.assertIn(f"## alua {verb}\n\n```text\n{self.run_alua('help', verb).out}```\n", manual)
        self.assertIn(self.run_alua("help").out, manual)

    def test_no_verb_and_a_wrong_one(self):
        for args in ((), ("nonsense",), ("help", "nonsense")):
            result = self.run_alua(*args)
            self.assertEqual((result.status, result.out), (2, ""))
            self.assertTrue(result.err)


class TestNonsense(harness.Case):
    """Each says what is wrong, and what would be right."""

    def refused(self, status, text, *args):
        result = self.run_alua(*args)
        self.assertEqual((result.status, result.out), (status, ""), args)
        self.assertIn(text, result.err, args)
        self.assertLess(result.seconds, 5)

    def test_what_is_no_endpoint(self):
        file = self.program("print 'never'")
        for endpoint in ("nonsense", "tcp://127.0.0.1", "udp://127.0.0.1:1"):
            for args in (("nodes",), ("send", "a", "b()"), ("call", "a", "b"), ("console",), ("node", file), ("run", file)):
                said = f"'{endpoint}' is no endpoint: write ipc://PATH or tcp://ADDRESS:PORT"
                self.refused(1, said, args[0], "--broker", endpoint, *args[1:])

    def test_nobody_there(self):
        file = self.program("print 'never'")
        for args in (("nodes",), ("call", "a", "b"), ("node", file), ("run", file)):
            self.refused(1, "no broker at tcp://127.0.0.1:1: start one with 'alua broker --listen tcp://127.0.0.1:1'",
                         args[0], "--broker", "127.0.0.1:1", *args[1:])

    def test_empty_names(self):
        file = self.program("print 'never'")
        for verb in ("run", "node"):
            for option in ("--name", "--app"):
                self.refused(2, f"{option} wants a name", verb, option, "", file)
                self.refused(2, f"{option} wants a value", verb, option)

    def test_help_is_helped(self):
        for word in ("--help", "-h"):
            self.assertEqual(self.run_alua("help", word).out, self.run_alua("help").out)
        self.refused(2, "there is no command 'nonsense'", "help", "nonsense")


class TestBroker(harness.Case):
    def test_it_listens_where_the_others_look(self):
        broker = self.start_broker()
        self.assertEqual(broker.endpoint, f"ipc://{self.runtime}/alua/broker")
        self.assertEqual(self.run_alua("nodes").status, 0)
        result = broker.stop()
        self.assertEqual((result.status, result.err), (0, ""))

    def test_several_endpoints(self):
        broker = self.start("broker", "--listen", "127.0.0.1:*", "--listen", f"ipc://{self.dir}/b")
        tcp = broker.expect(r"listening on (tcp://127.0.0.1:\d+)")[1]
        ipc = broker.expect(r"listening on (ipc://.+)")[1]
        for endpoint in (tcp, ipc, tcp[6:], ipc[6:]):
            self.assertEqual(self.run_alua("nodes", "--broker", endpoint).status, 0)
        self.assertEqual(broker.stop(signal.SIGINT).status, 0)

    def test_a_second_one_at_the_same_place_is_refused(self):
        for listen in (f"ipc://{self.dir}/b", "tcp://127.0.0.1:*"):
            broker = self.start_broker("--listen", listen)
            result = self.run_alua("broker", "--listen", broker.endpoint)
            self.assertEqual((result.status, result.out), (1, ""))
            self.assertIn(broker.endpoint, result.err)
            self.assertEqual(self.run_alua("nodes", "--broker", broker.endpoint).status, 0)
            broker.stop()

    def test_the_socket_of_a_killed_one_is_replaced(self):
        broker = self.start_broker()
        broker.stop(signal.SIGKILL)
        self.assertTrue(pathlib.Path(broker.endpoint[6:]).exists())
        self.start_broker()
        self.assertEqual(self.run_alua("nodes").status, 0)

    def test_what_others_could_reach_is_refused(self):
        for endpoint in ("tcp://0.0.0.0:6080", "tcp://*:6080", "192.168.1.1:6080", "tcp://[::]:6080", "tcp://eth0:1"):
            result = self.run_alua("broker", "--listen", endpoint)
            self.assertEqual((result.status, result.out), (1, ""), endpoint)
            self.assertIn("keys", result.err)
        for endpoint in ("nonsense", "udp://127.0.0.1:1", "tcp://127.0.0.1"):
            result = self.run_alua("broker", "--listen", endpoint)
            self.assertEqual((result.status, result.out), (1, ""), endpoint)

    def test_until_empty_and_detach(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        endpoint = f"tcp://127.0.0.1:{port}"
        result = self.run_alua("broker", "--listen", endpoint, "--until-empty", "--detach")
        self.assertEqual((result.status, result.lines), (0, [f"listening on {endpoint}"]))
        again = self.run_alua("broker", "--listen", endpoint, "--until-empty", "--detach")
        self.assertEqual((again.status, again.out), (1, ""))
        self.assertIn(endpoint, again.err)
        node = self.start_node("ana", "--broker", endpoint)
        self.assertEqual(len(self.processes()), 2)
        node.stop()
        eventually(lambda: not self.processes(), "the broker has ended, too")

    def test_until_empty_and_the_only_member_is_brief(self):
        """It comes and leaves in one and the same turn of the broker."""
        broker = self.start("broker", "--until-empty", "--listen", "tcp://127.0.0.1:*")
        endpoint = broker.expect(r"listening on (tcp://\S+)")[1]
        link = wire_client.Link(endpoint, wire_client.token_of(self.runtime / "alua"), name="brief")
        self.addCleanup(link.close)
        link.hello(7)
        link.bye()
        broker.wait(harness.PATIENCE / 4)       # Where nobody comes it stays for 10 s


class TestNode(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def test_it_serves_and_ends_in_order(self):
        node = self.start("node", "--name", "ana")
        node.expect("^1@ana is ready$")
        self.assertEqual(self.run_alua("call", "ana", "math.max", 3, 14, 15).out, "15\n")
        for number in (signal.SIGINT, signal.SIGTERM):
            begun = time.monotonic()
            result = node.stop(number)
            self.assertEqual((result.status, result.err), (0, ""))
            self.assertLess(time.monotonic() - begun, 2)
            self.assertEqual(self.nodes(), [])
            node = self.start_node("ana")

    def test_it_runs_a_file(self):
        file = self.program("print('args', ...) function twice(x) return 2 * x end")
        node = self.start("node", "--name", "ana", file, "--a", "b")
        node.expect("^args\t--a\tb$")
        self.assertEqual(self.run_alua("call", "ana", "twice", 21).out, "42\n")

    def test_without_a_name_it_needs_a_file(self):
        self.assertEqual(self.run_alua("node").status, 2)
        self.start("node", self.program("print(alua.id)")).expect(r"^1@")

    def test_a_program_from_a_pipe(self):
        """It is read once: what is a program when it is looked at is the one that runs."""
        node = self.start("node", "--name", "ana", "/dev/stdin", stdin=subprocess.PIPE)
        node.popen.stdin.write("print 'from a pipe'")
        node.popen.stdin.close()
        node.expect("^from a pipe")

    def test_it_can_be_told_to_exit(self):
        node = self.start_node("ana")
        self.run_alua("send", "ana", "alua.exit(7)")
        self.assertEqual(node.wait().status, 7)

    def test_a_name_that_is_taken(self):
        self.start_node("ana")
        result = self.run_alua("node", "--name", "ana")
        self.assertEqual(result.status, 1)
        self.assertIn("ana", result.err)

    def test_an_error_in_an_event_does_not_end_it(self):
        node = self.start_node("ana")
        self.assertEqual(self.run_alua("send", "ana", "error('boom')").status, 1)
        self.assertEqual(self.run_alua("call", "ana", "math.abs", -1).out, "1\n")
        self.assertTrue(node.alive())

    def test_it_comes_back_when_the_broker_does(self):
        self.start_node("ana")
        self.broker.stop(signal.SIGKILL)
        self.start_broker()
        eventually(lambda: [n["node"] for n in self.nodes()] == ["ana"], "the node has come back")
        self.assertEqual(self.run_alua("call", "ana", "math.abs", -1).out, "1\n")

    def test_many_timers_and_messages_while_it_serves(self):
        node = self.start("node", "--name", "ana", self.program("""
            ticks = 0
            local function tick() ticks = ticks + 1 if ticks < 20 then alua.timer.create(0.02, function(t)
              alua.timer.cancel(t) tick() end) else print('ticked') end end
            tick()"""))
        node.expect("ticked")


class TestVisitors(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def test_nodes(self):
        self.start_node("ana", "--app", "one")
        self.start_node("bob")
        result = self.run_alua("nodes")
        self.assertEqual(result.status, 0)
        self.assertRegex(result.lines[0], r"^ID +NODE +STATE +APPS +NAMES +ENDPOINTS$")
        self.assertRegex(result.lines[1], r"^1@ana +ana +up +one +- +ipc://")
        self.assertRegex(result.lines[2], r"^1@bob +bob +up +- +- +ipc://")
        self.assertEqual(len(result.lines), 3)
        listed = self.nodes()
        self.assertEqual([(n["id"], n["node"], n["state"]) for n in listed],
                         [("1@ana", "ana", "up"), ("1@bob", "bob", "up")])
        self.assertTrue(any(n.get("visitor") for n in self.nodes("--all")))

    def test_visitors_consume_no_number(self):
        for _ in range(3):
            self.run_alua("nodes")
        self.start("node", self.program("print(alua.id)")).expect(r"^1@")

    def test_call(self):
        self.start_node("ana", self.program("""
            function kinds(...) local t = {} for i = 1, select('#', ...) do t[i] = type((select(i, ...))) end
              return table.concat(t, ' ') end
            function two() return 'a', { x = { 1, 2 } } end
            function none() end
            function fail() error({ code = 7 }) end"""))
        call = lambda *args: self.run_alua("call", "ana", *args)
        self.assertEqual(call("kinds", "1", "1.5", "0x10", "true", "nil", "{1}", "'q'", "word", "a.b", "-", "", "2024-01-01").out,
                         "number number number boolean nil table string string string string string string\n")
        self.assertEqual(call("two").out, "a\n{ x = { 1, 2 } }\n")
        self.assertEqual((call("none").out, call("none").status), ("", 0))
        self.assertEqual(call("math.tointeger", "3").out, "3\n")

    def test_call_that_fails(self):
        self.start_node("ana", self.program("function fail() error('boom') end"))
        for args, text in ((("ana", "fail"), "boom"), (("ana", "nothing.there"), "nothing.there"), (("bob", "f"), "bob")):
            result = self.run_alua("call", *args)
            self.assertEqual((result.status, result.out), (1, ""), args)
            self.assertIn(text, result.err)
        result = self.run_alua("call", "--timeout", "0.3", "ana", "alua.sleep", "5")
        self.assertEqual(result.status, 1)
        self.assertLess(result.seconds, 3)
        self.assertEqual(self.run_alua("call", "ana").status, 2)

    def test_send(self):
        node = self.start_node("ana")
        result = self.run_alua("send", "ana", "print('here') io.stdout:flush() return alua.id, nil, {1}")
        self.assertEqual((result.status, result.lines), (0, ["1@ana", "nil", "{ 1 }"]))
        node.expect("^here$")
        result = self.run_alua("send", "ana", "x = = 1")
        self.assertEqual(result.status, 1)
        self.assertIn("chunk:1", result.err)
        self.assertEqual(self.run_alua("send", "ana", "error('boom')").status, 1)
        self.assertEqual(self.run_alua("send", "ana").status, 2)

    def test_without_a_broker_it_says_how_to_start_one(self):
        self.broker.stop()
        for args in (("nodes",), ("send", "a", "b()"), ("call", "a", "b"), ("node", "--name", "a"), ("console",)):
            result = self.run_alua(*args)
            self.assertEqual((result.status, result.out), (1, ""), args)
            self.assertIn("start one with 'alua broker'", result.err)
            self.assertLess(result.seconds, 2)


class Terminal:
    """A console on a pseudo-terminal."""

    def __init__(self, case, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(harness.ALUA, [harness.ALUA, "console", *args], {**case.env, "TERM": "xterm"})
        self.seen = ""

    def expect(self, pattern, timeout=harness.PATIENCE):
        """Wait for it in what was not yet looked at; ends of lines are \\n, colours and moves are taken out."""
        deadline = time.monotonic() + timeout
        while True:
            plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self.seen).replace("\r\n", "\n")
            match = re.search(pattern, plain)
            if match:
                self.seen = plain[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{pattern!r} did not come; there is {plain!r}")
            if select.select([self.fd], [], [], min(left, 0.1))[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    raise AssertionError(f"{pattern!r} did not come before the end; there is {plain!r}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def _ended(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return pid and (pid, status)

    def leave(self, prompt):
        """Ctrl-D, at the prompt: its exit status."""
        self.expect(re.escape(prompt))
        self.type("\x04")
        status = eventually(self._ended, "its end")[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class TestConsole(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()

    def piped(self, text):
        return self.run_alua("console", input=text)

    def test_a_script(self):
        result = self.piped("1 + 1\nx = 5\nx * 2, nil, 'text'\n= x\n{ 1, a = 'b' }\n")
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertEqual(result.lines, ["2", "10\tnil\ttext", "5", '{ 1, a = "b" }'])

    def test_input_of_several_lines(self):
        result = self.piped("function f(a)\n  return a,\n    a * 2\nend\nf(4)\nfor i = 1, 2 do\nprint(i)\nend")
        self.assertEqual(result.lines, ["4\t8", "1", "2"])

    def test_errors_do_not_end_it(self):
        result = self.piped("x = = 1\nerror('boom')\nerror({})\nnil + 1\nprint('on')\n")
        self.assertEqual((result.status, result.lines), (0, ["on"]))
        self.assertIn("stdin:1: boom", result.err)
        self.assertIn("unexpected symbol", result.err)

    def test_a_traceback_ends_where_the_input_does(self):
        result = self.piped("function f() error('boom') end\nf()\n")
        self.assertIn("stdin:1: boom\nstack traceback:\n", result.err)
        self.assertIn("in function 'f'", result.err)
        self.assertNotIn("console.lua", result.err)

    def test_a_stray_yield_does_not_hang_it(self):
        result = self.piped("coroutine.yield(5)\nprint('next')\n")
        self.assertEqual(result.lines, ["next"])
        self.assertIn("coroutine.yield outside", result.err)

    def test_calls_wait_and_results_are_printed(self):
        self.start_node("ana", self.program("function slow(x) alua.sleep(0.2) return x, { x } end"))
        result = self.piped("luarpc.sync('ana', 'slow')(3)\nluarpc.sync('ana', 'nothing')()\nprint('next')\n")
        self.assertEqual(result.lines[0], "3\t{ 3 }")
        self.assertEqual(result.lines[-1], "next")
        self.assertIn("nothing", result.out)

    def test_exit(self):
        self.assertEqual(self.piped("alua.exit(4)\nprint('no')\n").status, 4)
        self.assertEqual(self.piped("os.exit(3)\n").status, 3)

    def test_it_serves_others_at_the_prompt(self):
        terminal = Terminal(self, "--name", "kim")
        terminal.expect("1@kim> ")
        result = self.run_alua("call", "kim", "math.abs", "-4")
        self.assertEqual(result.out, "4\n")
        terminal.type("1 +")                        # A line that is begun stays
        terminal.expect(r"1 \+")
        self.run_alua("send", "kim", "print('hello there')")
        terminal.expect("hello there\n")
        terminal.type(" 2\n")
        terminal.expect(r"1@kim> 1 \+ 2")
        terminal.expect(r"\n3\n")
        self.assertEqual(terminal.leave("1@kim> "), 0)

    def test_multi_line_and_history(self):
        terminal = Terminal(self, "--name", "kim")
        terminal.expect("1@kim> ")
        terminal.type("for i = 1, 2 do\n")
        terminal.expect(">> ")
        terminal.type("print('no ' .. i) end\n")
        terminal.expect("no 1\nno 2\n")
        terminal.expect("1@kim> ")
        terminal.type("40 + 2\n")
        terminal.expect("\n42\n")
        terminal.expect("1@kim> ")
        terminal.type("\x1b[A\n")                   # Up
        terminal.expect("\n42\n")
        self.assertEqual(terminal.leave("1@kim> "), 0)
        terminal = Terminal(self, "--name", "kim")  # The next day
        terminal.expect("1@kim> ")
        terminal.type("\x1b[A\n")
        terminal.expect("\n42\n")
        self.assertEqual(terminal.leave("1@kim> "), 0)

    def test_ctrl_c(self):
        terminal = Terminal(self, "--name", "kim")
        terminal.expect("1@kim> ")
        terminal.type("nonsense")
        terminal.expect("nonsense")
        terminal.type("\x03")                       # Drops the line
        terminal.expect("\n.*1@kim> ")
        terminal.type("while true do end\n")
        terminal.expect("end\n")
        eventually(lambda: cpu_of(terminal.pid) > 0.2, "it computes")
        terminal.type("\x03")                       # Stops what runs
        terminal.expect("interrupted")
        terminal.expect("1@kim> ")
        terminal.type("alua.sleep(100)\n")
        terminal.expect("100\\)\n")
        self.assertEqual(self.run_alua("call", "kim", "math.abs", "-4").out, "4\n")
        terminal.type("\x03")                       # Leaves what waits to itself
        terminal.expect("interrupted")
        terminal.expect("1@kim> ")
        terminal.type("1 + 1\n")
        terminal.expect("\n2\n")
        self.assertEqual(terminal.leave("1@kim> "), 0)

    def test_ctrl_c_after_an_error(self):
        """Once Ctrl-C at the prompt still reached the input before, which had failed, and with it the next one: a hang."""
        terminal = Terminal(self, "--name", "kim")
        terminal.expect("1@kim> ")
        for failing in ("error('oh')", "while true do end"):
            terminal.type(failing + "\n")
            if "while" in failing:
                before = cpu_of(terminal.pid)
                eventually(lambda: cpu_of(terminal.pid) > before + 0.2, "it computes")
                terminal.type("\x03")
            terminal.expect("stack traceback:\n[^>]*1@kim> ")
            terminal.type("\x03")                   # At the prompt
            terminal.expect("\n.*1@kim> ")
            terminal.type("20 + 1\n")
            terminal.expect("\n21\n")
            terminal.expect("1@kim> ")
        terminal.type("1 + 1\n")
        terminal.expect("\n2\n")
        self.assertEqual(terminal.leave("1@kim> "), 0)

    def test_ctrl_c_after_what_was_left_to_itself(self):
        """What is left to itself ends some time; that must not take the guard from what runs now."""
        terminal = Terminal(self, "--name", "kim")
        terminal.expect("1@kim> ")
        terminal.type("print('be' .. 'gun') alua.sleep(0.5)\n")
        terminal.expect("begun\n")             # Not before: a line that does not run yet is not interrupted
        terminal.type("\x03")
        terminal.expect("interrupted")
        terminal.expect("1@kim> ")
        terminal.type("alua.sleep(1) while true do end\n")
        terminal.expect("end\n")
        before = cpu_of(terminal.pid)
        eventually(lambda: cpu_of(terminal.pid) > before + 0.2, "it computes")
        terminal.type("\x03")
        terminal.expect("interrupted\nstack traceback")
        self.assertEqual(terminal.leave("1@kim> "), 0)


def cpu_of(pid):
    """Seconds of processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
