"""harness - run `alua` in tests: a home of its own for each case, lines awaited, nothing left behind

    class TestHello(harness.Case):
        def test_it_prints(self):
            file = self.program("print('hello', ...)")
            self.assertEqual(self.run_alua("run", file, "x").lines, ["hello\tx"])

        def test_a_node_answers(self):
            self.start_broker()
            self.start("node", "--name", "ana").expect("is ready")
            self.assertEqual(self.run_alua("call", "ana", "math.max", 3, 4).out, "4\n")

No test sleeps for luck: Process.expect waits for a line, eventually() for a condition, both with a deadline.
The program is $ALUA, else build/release/main/alua; cases end with an error when processes or files stay behind.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(os.environ.get("ALUA_ROOT") or pathlib.Path(__file__).resolve().parents[2])
ALUA = os.environ.get("ALUA") or str(ROOT / "build/release/main/alua")
#  A build with the address sanitizer, which keeps what was freed, and reserves address space without end.
SANITIZED = b"__asan_init" in pathlib.Path(ALUA).read_bytes() if pathlib.Path(ALUA).exists() else False
os.umask(0o022)                 #  Keys and policies that a group can change are refused, rightly
#  Generous: the machine may be busy, and under sanitizers everything takes longer.
PATIENCE = float(os.environ.get("ALUA_TEST_PATIENCE", "20"))


def has_ipv6():
    """Whether [::1] can be listened at: a container may have the files of IPv6 without its addresses."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def eventually(condition, what="it", timeout=PATIENCE):
    """Wait until condition() is true, and return what it returned."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


class Result:
    """How a command ended: status (128 + N after signal N), out, err, lines of out, seconds it took."""

    def __init__(self, status, out, err, seconds):
        self.status = status if status >= 0 else 128 - status
        self.out, self.err, self.seconds = out, err, seconds
        self.lines = out.splitlines()

    def __repr__(self):
        return f"status {self.status} after {self.seconds:.2f} s\nout:\n{self.out}err:\n{self.err}"


class Process:
    """A command that runs; its lines are gathered as they come."""

    def __init__(self, args, env, stdin=subprocess.DEVNULL, cwd=None):
        self.begun = time.monotonic()
        self.popen = subprocess.Popen(args, env=env, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        self.pid = self.popen.pid
        self.out, self.err = [], []
        self._changed = threading.Condition()
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.popen.stdout, self.out), (self.popen.stderr, self.err))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self._changed:
                lines.append(line)
                self._changed.notify_all()
        stream.close()
        with self._changed:
            self._changed.notify_all()

    def expect(self, pattern, timeout=PATIENCE, count=1):
        """Wait until `count` lines (of out and err) match the pattern; the last of these matches."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [m for m in (re.search(pattern, line) for line in self.out + self.err) if m]
                if len(found) >= count:
                    return found[count - 1]
                ended = not any(reader.is_alive() for reader in self._readers)
                left = deadline - time.monotonic()
                if ended or left <= 0:
                    raise AssertionError(f"{pattern!r} did not come{' before the end' if ended else ''}:\n"
                                         f"{''.join(self.out)}--- err:\n{''.join(self.err)}")
                self._changed.wait(min(left, 0.1))

    def say(self, text):
        """Write to its standard input (start it with stdin=subprocess.PIPE)."""
        self.popen.stdin.write(text)
        self.popen.stdin.flush()

    def kill(self, number):
        self.popen.send_signal(number)

    def kill_group(self, number):
        """As a terminal does: to the command and all that it started."""
        os.killpg(self.pid, number)

    def wait(self, timeout=PATIENCE):
        """Wait for its end (and for the end of all that share its output)."""
        self.popen.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return Result(self.popen.returncode, "".join(self.out), "".join(self.err), time.monotonic() - self.begun)

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE):
        self.kill(number)
        return self.wait(timeout)

    def alive(self):
        return self.popen.poll() is None


def _command(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return "that ended just now"


class Case(unittest.TestCase):
    """A test with a runtime directory, a home and programs of its own."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="al"))       # Short: paths of sockets are
        self.runtime = self.dir / "run"
        self.home = self.dir / "home"
        self.runtime.mkdir(mode=0o700)
        self.home.mkdir()
        self.env = {key: value for key, value in os.environ.items()
                    if not key.startswith(("ALUA", "XDG_", "LUA_"))}
        self.env.update(XDG_RUNTIME_DIR=str(self.runtime), XDG_CONFIG_HOME=str(self.home / "config"),
                        HOME=str(self.home))
        self.started = []
        self.addCleanup(self._clean)

    def _clean(self):
        for process in self.started:
            if process.alive():
                process.kill(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass
        left = self._left()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.popen.wait()
            for stream in (process.popen.stdin, process.popen.stdout, process.popen.stderr):
                if stream and not stream.closed and not any(r.is_alive() for r in process._readers):
                    stream.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        if left:
            raise AssertionError(f"processes were left behind: {left}")
        reports = [line for process in self.started for line in process.out + process.err
                   if "Sanitizer" in line or "runtime error:" in line]
        if reports:
            raise AssertionError("".join(reports))

    def _left(self, timeout=2):
        """Numbers and commands of processes that should have ended; one that has closed its output is about to."""
        deadline = time.monotonic() + timeout
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.01)
        return {pid: _command(pid) for pid in self.processes()}

    def program(self, text, name="program.lua"):
        """A new file with this Lua text; its path. A node that was started a moment ago may still read its own."""
        path = pathlib.Path(tempfile.mkdtemp(prefix="p", dir=self.dir)) / name
        path.write_text(text)
        return str(path)

    def start(self, *args, env=None, stdin=subprocess.DEVNULL):
        """Start `alua ARGS...` and go on."""
        process = Process([ALUA, *map(str, args)], {**self.env, **(env or {})}, stdin)
        self.started.append(process)
        return process

    def assert_passed(self, result, count):
        """So many parts of a program that checks itself (programs/api_check.lua) had their say, and none failed."""
        verdicts = [line for line in result.lines if " checked, " in line]
        self.assertEqual(len(verdicts), count, result)
        for verdict in verdicts:
            self.assertRegex(verdict, r"^[1-9]\d* checked, 0 failed", result)

    def run_alua(self, *args, env=None, input=None, timeout=2 * PATIENCE):
        """Run `alua ARGS...` to its end."""
        process = self.start(*args, env=env, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE)
        if input is not None:
            with contextlib.suppress(BrokenPipeError):      # It may have ended without reading
                process.say(input)
            with contextlib.suppress(BrokenPipeError):
                process.popen.stdin.close()
        return process.wait(timeout)

    def run_program(self, text, *args, options=(), **keywords):
        """`alua run OPTIONS FILE ARGS...` of this Lua text."""
        return self.run_alua("run", *options, self.program(text), *args, **keywords)

    def start_lua(self, *args, env=None):
        """Start the plain interpreter, which finds the modules of this build, and go on."""
        modules = {"ALUA": ALUA, "LUA_PATH": f"{ROOT}/lua/?.lua;;",
                   "LUA_CPATH": f"{pathlib.Path(ALUA).parents[1]}/bindings/?.so;;"}
        process = Process(["lua5.4", *map(str, args)], {**self.env, **modules, **(env or {})})
        self.started.append(process)
        return process

    def run_lua(self, *args, env=None, timeout=2 * PATIENCE):
        """Run the plain interpreter to its end."""
        return self.start_lua(*args, env=env).wait(timeout)

    def start_broker(self, *args):
        """A broker that listens; by default where node, console, nodes, send and call look."""
        broker = self.start("broker", *args)
        broker.endpoint = broker.expect(r"listening on (\S+)")[1]
        return broker

    def start_node(self, name, *args, env=None):
        node = self.start("node", "--name", name, *args, env=env)
        node.expect("is ready")
        return node

    def nodes(self, *args):
        """What `alua nodes --json` tells."""
        return json.loads(self.run_alua("nodes", "--json", *args).out)

    def processes(self):
        """Numbers of all living processes that were started in this case, however far down."""
        mark = f"XDG_RUNTIME_DIR={self.runtime}".encode()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                state = (path / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if mark in (path / "environ").read_bytes().split(b"\0") and state not in "ZX":
                    found.append(int(path.name))
            except (OSError, IndexError):
                pass
        return found

    def assert_nothing_left(self, timeout=5):
        """No process, and in the runtime directory nothing but the token and a lock."""
        eventually(lambda: not self.processes(), "all processes have ended", timeout)
        names = {path.name for path in (self.runtime / "alua").glob("*")}
        self.assertLessEqual(names, {"token", "lock"})
