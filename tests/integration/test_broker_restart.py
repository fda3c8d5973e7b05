"""The broker is killed and restarted while nodes talk"""
import os
import pathlib
import signal
import socket
import time

import harness
from harness import eventually

MEMBER = pathlib.Path(__file__).resolve().parent / "programs" / "member.lua"


class Restart(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker("--listen", self.listen())
        self.endpoint = self.broker.endpoint

    def listen(self):
        return f"ipc://{self.runtime}/hub"

    def outage(self):
        self.broker.kill(signal.SIGKILL)
        self.broker.wait()

    def restart(self):
        self.broker = self.start_broker("--listen", self.endpoint)

    def member(self, node, *args):
        member = self.start("node", *(("--name", node) if node else ()), "--app", "crew", "--broker", self.endpoint,
                            MEMBER, *args, env={"ORDERS": str(self.dir / "orders")})
        member.node = node
        member.id = member.expect(r"^member\t(\S+)")[1]
        return member

    def order(self, member, *words):
        """Tell it what to do, without a broker."""
        part = self.dir / "part"
        part.write_text(" ".join(words) + "\n")
        part.rename(self.dir / f"orders.{member.node or member.id}")

    def standing(self):
        """Of each node: id, names, apps."""
        nodes = self.nodes("--broker", self.endpoint)
        return {node["id"]: (sorted(node["names"]), sorted(node["apps"])) for node in nodes if not node["visitor"]}

    def call(self, node, fname, *args):
        result = self.run_alua("call", "--broker", self.endpoint, node, fname, *args)
        self.assertEqual(result.status, 0, result)
        return result.out.split()

    def returns(self, before):
        seen = []
        try:
            eventually(lambda: seen.append(self.standing()) or seen[-1] == before, f"{before} is as before", 15)
        except AssertionError as problem:
            raise AssertionError(f"{problem}; it is {seen[-1]}") from None


class TestIpc(Restart):
    def test_calls_go_on_and_the_standing_comes_back(self):
        members = [self.member("n2", "svc2"), self.member("n1", "svc1", "1@n2"), self.member(None, "svc3", "svc2")]
        before = self.standing()
        self.assertEqual(before, {"1@n2": (["svc2"], ["crew"]), "1@n1": (["svc1"], ["crew"]),
                                  members[2].id: (["svc3"], ["crew"])})
        for turn in range(3):
            self.outage()
            time.sleep(1)               # An outage must last for something to go wrong
            self.restart()
            self.returns(before)
        for node in ("n1", members[2].id):
            calls, failures = map(int, self.call(node, "count"))
            self.assertEqual(failures, 0)
            self.assertGreater(calls, 100)
        for member in members:
            self.assertEqual([line for line in member.err if "failed" in line], [])
        self.assertEqual(self.call("svc3", "add", 2, 3), ["5"])


    def test_questions_during_the_outage_end_with_a_code(self):
        self.member("n2")
        n1 = self.member("n1", "-", "n2")
        eventually(lambda: int(self.call("n1", "count")[0]) > 1, "they talk")
        self.outage()
        self.order(n1, "call", "n2")                # Known already
        n1.expect(r"^call\tn2\t5\t0")
        self.order(n1, "briefly", "nobody")
        n1.expect(r"^briefly\tnobody\ttimeout\t(0.[3-9]|1)")
        self.order(n1, "look nobody\ntake late\ncall strange")     # Under way when the broker comes back
        time.sleep(0.5)
        self.restart()
        for what in ("look\tnobody", "call\tstrange"):
            n1.expect(rf"^{what}\t(gone|unknown|offline)\t[0-9.]+$", 10)
        n1.expect(r"^take\tlate\t(gone|true)\t", 10)
        self.order(n1, "look", "n2")
        n1.expect(r"^look\tn2\t(1@n2|unknown)\t0")

    def test_a_watch_survives(self):
        n1, n2 = self.member("n1", "-", "-", "n2"), self.member("n2")
        n1.expect(r"watch\tup\t1@n2")
        before = self.standing()
        self.outage()
        self.restart()
        self.returns(before)
        n2.kill(signal.SIGKILL)
        n1.expect(r"watch\tgone\t1@n2", 5)
        n1.expect(r"app\tgone\tcrew\t1@n2", 5)

    def test_a_watch_that_is_begun_during_the_outage_is_asked_for_behind_it(self):
        n1, n2 = self.member("n1"), self.member("n2")
        n1.expect(r"app\tsuccess\tcrew\t1@n2")
        before = self.standing()
        self.outage()
        self.order(n1, "watch", "n2")
        n1.expect("^watching")
        self.restart()
        self.returns(before)
        n2.kill(signal.SIGKILL)
        n1.expect(r"watch\tgone\t1@n2", 5)
        self.assertEqual([line for line in n1.err if "alua.watch" in line], [])

    def test_one_that_dies_during_the_outage_is_gone_behind_it(self):
        n1, n2, n3 = (self.member(f"n{i}", "-", "-", "n2") for i in (1, 2, 3))
        n1.expect(r"app\tsuccess\tcrew\t1@n2")
        self.outage()
        n2.kill(signal.SIGKILL)
        n2.wait()
        self.restart()
        self.returns({"1@n1": ([], ["crew"]), "1@n3": ([], ["crew"])})
        for node in (n1, n3):           # One began to watch before n2 was there, one behind it
            node.expect(r"app\tgone\tcrew\t1@n2", 15)
            node.expect(r"watch\tgone\t1@n2", 20)

    def test_the_view_of_an_app_stays_whole(self):
        #  Whoever asks all members must not miss those that are not back yet.
        members = [self.member(f"n{i}") for i in (1, 2, 3)]
        members[0].expect(r"app\tsuccess\tcrew\t1@n3")
        members[1].kill(signal.SIGSTOP)
        self.outage()
        self.restart()
        self.returns({"1@n1": ([], ["crew"]), "1@n3": ([], ["crew"])})
        self.order(members[0], "crew")
        members[0].expect(r"^crew\t1@n1 1@n2 1@n3$")
        members[1].kill(signal.SIGCONT)
        self.returns({f"1@n{i}": ([], ["crew"]) for i in (1, 2, 3)})
        self.assertEqual([line for line in members[0].out if "gone" in line], [])

    def test_new_numbers_are_above_those_of_before(self):
        old = [self.member(None) for _ in range(3)]
        before = self.standing()
        for member in old:
            member.kill(signal.SIGSTOP)             # They come back late
        self.outage()
        self.restart()
        new = [self.member(None) for _ in range(2)]
        for member in old:
            member.kill(signal.SIGCONT)
        for member in new:
            before[member.id] = ([], ["crew"])
        self.assertEqual(len(before), 5, before)
        self.returns(before)

    def test_a_name_that_somebody_took_meanwhile_is_lost_and_told(self):
        old = self.member("n1", "svc")
        new = self.member("n2", "-", "svc")
        self.assertEqual(self.call("svc", "count")[0], "0")
        old.kill(signal.SIGSTOP)
        self.outage()
        self.restart()
        self.returns({"1@n2": ([], ["crew"])})
        self.order(new, "take", "svc")
        new.expect("^take\tsvc\ttrue")
        old.kill(signal.SIGCONT)
        self.returns({"1@n2": (["svc"], ["crew"]), "1@n1": ([], ["crew"])})
        old.expect("alua: svc: exists: .*another's")

    def test_a_node_whose_name_somebody_took_meanwhile_is_told(self):
        old = self.member("n1", "svc")
        self.member("n2")
        old.kill(signal.SIGSTOP)
        self.outage()
        self.restart()
        self.returns({"1@n2": ([], ["crew"])})
        self.member("n1")
        old.kill(signal.SIGCONT)
        old.expect("alua: the broker: exists: the name n1 is taken by a node")
        self.returns({"1@n2": ([], ["crew"]), "1@n1": ([], ["crew"])})


class TestTcp(TestIpc):
    """The same; a port that is taken anew."""

    def listen(self):
        return "tcp://127.0.0.1:*"


class TestWithoutBroker(harness.Case):
    """Its end keeps nobody from ending, and somebody may start another."""

    def begin(self, text, count=2):
        broker = self.start_broker()
        run = self.start("run", "-n", count, "--broker", broker.endpoint, self.program(text))
        run.expect("here", count=count)
        broker.kill(signal.SIGKILL)
        broker.wait()
        return run

    def test_a_program_is_over_all_the_same(self):
        result = self.begin("print('here') alua.sleep(0.5) print(#dalua.processes('myapp'))").wait()
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertEqual([line.split("] ")[1] for line in result.lines[2:]], ["2", "2"])
        self.assertLess(result.seconds, 5 * harness.PATIENCE / 20)

    def test_exit_gives_its_code(self):
        result = self.begin("print('here') alua.sleep(0.5) alua.exit(3)").wait()
        self.assertEqual((result.status, result.err), (3, ""))
        self.assertLess(result.seconds, 5 * harness.PATIENCE / 20)

    def test_a_node_ends_when_told(self):
        broker = self.start_broker()
        node = self.start_node("ana")
        broker.kill(signal.SIGKILL)
        broker.wait()
        self.assertEqual(node.stop().status, 0)

    def test_the_next_program_at_the_port_starts_another(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        serve = self.program(f"""
            assert(alua.open {{ addr = "127.0.0.1", port = {port} }})
            function add(a, b) return a + b end
            print("here " .. alua.id)
            alua.loop()""")
        servers = []
        for number in (1, 2, 3):
            servers.append(self.start("run", serve))
            servers[-1].expect(f"here {number}@127.0.0.1:{port}")
            if number == 2:
                os.kill(self.broker_started(), signal.SIGKILL)
        result = self.run_program(f"""
            assert(alua.open('127.0.0.1:{port}').status == 'ok')
            for i = 1, 3 do
              local id = i .. '@127.0.0.1:{port}'
              while not alua.whereis(id) do alua.sleep(0.05) end
              print(luarpc.sync(id, 'add')(i, i))
            end""")
        self.assertEqual((result.status, result.lines, result.err), (0, ["2", "4", "6"], ""))
        for server in servers:
            server.stop(signal.SIGINT)
        eventually(lambda: not self.processes(), "its last member has left, and the broker ends")

    def broker_started(self):
        return next(pid for pid in self.processes()
                    if b"broker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
