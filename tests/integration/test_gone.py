"""Alive, silent, gone: real processes, killed, stopped, computing"""
import os
import signal
import time

import harness
import places

GONE_WITHIN = 3 if "ALUA_TEST_PATIENCE" not in os.environ else 15


class TestKilled(harness.Case):
    """kill -9: whoever watches hears within 3 s, what is pending fails at once."""

    def kill_and_check(self, place):
        place.n2.expect("hanging", count=3)
        place.n3.expect("pid\tn3")
        place.kill("n2", signal.SIGKILL)
        limit = time.monotonic() + GONE_WITHIN
        for kind in ("sync", "async", "future"):
            line = place.n1.expect(rf"\b{kind}\tfailed\t.*", limit - time.monotonic())[0]
            self.assertEqual(line, f"{kind}\tfailed\tgone\tdefinite=false")
        place.n1.expect(r"watch\tgone\t1@n2\tn2", limit - time.monotonic())
        place.n1.expect(r"app\tgone\tmyapp\t1@n2", limit - time.monotonic())
        place.n3.expect(r"all\tgone\t1@n2", limit - time.monotonic())
        for kind in (r"\bsync", "async", "future", r"watch\tgone", r"app\tgone"):
            self.assertEqual(len(place.said("n1", kind)), 1, f"{kind} in {place.kind}")

    def test_in_a_private_network(self):
        place = places.private(self, "witness.lua")
        self.kill_and_check(place)
        self.assertEqual(place.n1.stop(signal.SIGINT).status, 130)

    def test_on_an_ipc_broker(self):
        self.kill_and_check(places.ipc(self, "witness.lua"))

    def test_on_a_tcp_broker(self):
        self.kill_and_check(places.tcp(self, "witness.lua"))

    def test_as_on_another_machine(self):
        #  The broker has seen that its address, from which it came, answered; that it refuses is a proof then.
        self.kill_and_check(places.far(self, "witness.lua"))

    def test_as_behind_a_nat(self):
        #  The address that it tells is not where it comes from, so its refusal proves nothing: silent, and gone with the
        #  lease. Whoever had a link to the dead one knows at once.
        place = places.far(self, "witness.lua", host="127.0.0.2")
        place.n2.expect("hanging", count=3)
        place.kill("n2", signal.SIGKILL)
        for kind in ("sync", "async", "future"):
            place.n1.expect(rf"\b{kind}\tfailed\tgone\tdefinite=false", GONE_WITHIN)
        place.n1.expect(r"watch\tsilent\t1@n2", GONE_WITHIN)
        place.n1.expect(r"watch\tgone\t1@n2", 15)
        place.n3.expect(r"all\tgone\t1@n2", 5)


class TestBusy(harness.Case):
    """One that computes is not gone, and what waits for it succeeds."""

    def test_one_that_computes_for_ten_seconds(self):
        all_of_them = places.all_three(self, "witness.lua", "compute", 3.5)     # Three times: 10.5 s
        for place in all_of_them:
            place.n2.expect("computing")
        for place in all_of_them:
            for kind in ("async", "sync", "future"):
                place.n1.expect(rf"\b{kind}\treturned\tcomputed", 30)
            self.assertEqual(place.said("n1", r"\tgone|failed"), [], place.kind)
            self.assertEqual(place.said("n3", r"\tgone|\tleft"), [], place.kind)


class TestStopped(harness.Case):
    """SIGSTOP: nobody answers, and nothing proves a death."""

    def test_four_seconds_are_silence_and_fail_nothing(self):
        all_of_them = places.all_three(self, "witness.lua", "nap", 6)
        for place in all_of_them:
            place.n2.expect("napping", count=3)
            place.kill("n2", signal.SIGSTOP)
        begun = time.monotonic()
        for place in all_of_them:
            place.n1.expect(r"watch\tsilent\t1@n2", 6)
            place.n3.expect(r"all\tsilent\t1@n2", 6)
        time.sleep(max(begun + 4 - time.monotonic(), 0))
        for place in all_of_them:
            place.kill("n2", signal.SIGCONT)
        for place in all_of_them:
            place.n1.expect(r"watch\tback\t1@n2")
            for kind in ("async", "sync", "future"):
                place.n1.expect(rf"\b{kind}\treturned\tnapped")
            self.assertEqual(place.said("n1", r"\tgone|failed"), [], place.kind)

    def test_beyond_the_lease_it_is_gone_and_comes_back_as_another(self):
        all_of_them = places.all_three(self, "witness.lua", "hang")
        for place in all_of_them:
            place.n2.expect("hanging", count=3)
            place.kill("n2", signal.SIGSTOP)
        for place in all_of_them:
            for kind in ("async", "sync", "future"):
                self.assertEqual(place.n1.expect(rf"\b{kind}\tfailed\t.*", 25)[0],
                                 f"{kind}\tfailed\tgone\tdefinite=false", place.kind)
            place.n1.expect(r"watch\tgone\t1@n2")
        for place in all_of_them:
            place.kill("n2", signal.SIGCONT)
        for place in all_of_them:
            place.n1.expect(r"watch\tup\t1@n2")
            self.assertEqual(len(place.said("n1", r"watch\tgone")), 1, place.kind)
            place.n1.expect(rf"again\t{place.pid('n2')}$")
            place.n1.expect(r"registered\tn2's name\t1@n2")
