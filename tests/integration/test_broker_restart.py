"""The broker is killed and restarted while nodes talk"""
import json
import pathlib
import re
import signal
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
        eventually(lambda: self.standing() == before, f"{before} is as before", 15)


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
        n1, n2 = self.member("n1", "-", "n2"), self.member("n2")
        self.call("n1", "count")
        self.outage()
        for verb, who in (("look", "n2"), ("look", "nobody"), ("call", "nobody"), ("take", "late")):
            self.order(n1, verb, who)
            code, seconds = n1.expect(rf"^{verb}\t{who}\t(\S+)\t(\S+)$", 40).groups()
            print(verb, who, code, seconds)
        self.order(n1, "call", "n2")                # Known already
        n1.expect(r"^call\tn2\t5\t")
        self.restart()

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

    def test_one_that_dies_during_the_outage_is_gone_behind_it(self):
        n1, n2 = self.member("n1", "-", "-", "n2"), self.member("n2")
        n1.expect(r"watch\tup\t1@n2")
        self.outage()
        n2.kill(signal.SIGKILL)
        n2.wait()
        self.restart()
        self.returns({"1@n1": ([], ["crew"])})
        n1.expect(r"watch\tgone\t1@n2", 15)
        n1.expect(r"app\tgone\tcrew\t1@n2", 15)

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
        old.expect("svc")
        print(old.out, old.err)


class TestTcp(TestIpc):
    def listen(self):
        return "tcp://127.0.0.1:*"
