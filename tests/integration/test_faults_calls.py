"""A peer is killed at each stage of a call: exactly one outcome each, and what is called definite is"""
import re
import signal

import harness
import places


class Stages:
    """The same in each place; subclasses say where."""

    def begin(self, stage, *args):
        self.place = self.where("stages.lua", stage, *args)
        return self.place

    def outcomes(self):
        self.place.n1.expect("told$")
        found = [re.search(r"outcome\t(\d+)\t(\S+)", line) for line in self.place.n1.out]
        return {int(m[1]): m[2] for m in found if m}

    def all_three(self, how):
        self.assertEqual(self.outcomes(), {1: how, 2: how, 3: how})

    def test_before_it_receives(self):
        place = self.begin("held")
        place.n1.expect("prepared$")
        place.kill("n2", signal.SIGSTOP)
        place.n1.expect("calling$")
        place.kill("n2", signal.SIGKILL)
        self.all_three("gone?")

    def test_while_the_handler_runs(self):
        place = self.begin("run")
        place.n2.expect("in handler$")
        place.kill("n2", signal.SIGKILL)
        self.all_three("gone?")

    def test_while_it_waits_in_a_nested_call(self):
        place = self.begin("wait")
        place.n3.expect("in handler of n3", count=3)
        place.kill("n2", signal.SIGKILL)
        self.all_three("gone?")

    def test_the_one_behind_it_dies(self):
        place = self.begin("far")
        place.n3.expect("in handler of n3", count=3)
        place.kill("n3", signal.SIGKILL)
        place.n2.expect("nested call ended\tgone", count=3)
        self.all_three("gone?")

    def test_after_the_reply(self):
        place = self.begin("after")
        place.n1.expect("answered$")
        place.kill("n2", signal.SIGKILL)
        self.all_three("ok")

    def test_amid_a_stream_of_calls(self):
        log = self.dir / "executed"
        place = self.begin("stream", log)
        place.n1.expect(r"progress\t")
        place.kill("n2", signal.SIGKILL)
        outcomes = self.outcomes()
        executed = [int(line) for line in log.read_text().split()]
        self.assertEqual(sorted(outcomes), list(range(1, 5001)))
        self.assertEqual(len(executed), len(set(executed)), "nothing is executed twice")
        kinds = {}
        for i, how in outcomes.items():
            kinds.setdefault(how, set()).add(i)
        self.assertLessEqual(set(kinds), {"ok", "gone?", "gone!", "unknown!"})
        self.assertTrue(kinds["ok"] and kinds["gone?"], {how: len(which) for how, which in kinds.items()})
        self.assertLessEqual(kinds["ok"], set(executed))
        self.assertFalse(set(executed) & (kinds.get("gone!", set()) | kinds.get("unknown!", set())))
        #  Those under way; and some behind them, which the broker took before it knew.
        self.assertLessEqual(len(kinds["gone?"]), 256)


class TestPrivate(Stages, harness.Case):
    def where(self, *args):
        return places.private(self, *args)


class TestIpc(Stages, harness.Case):
    def where(self, *args):
        return places.ipc(self, *args)
