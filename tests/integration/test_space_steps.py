"""An operation of a space or topic whose answer is lost, or whose broker dies: at each step there is one outcome, and one effect"""
import pathlib
import signal
import unittest

import msgpack

import harness
import wire_client
from harness import eventually
from links_proxy import Proxy, free_port

ANY = msgpack.ExtType(2, msgpack.packb(["any"]))
MEMBER = pathlib.Path(__file__).parent / "programs" / "space_steps.lua"


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.endpoint, self.port = f"ipc://{self.dir}/broker", free_port()
        self.begin_broker()
        self.proxy = Proxy(self.port)
        self.addCleanup(self.proxy.stop)
        self.ana = self.member("ana", self.proxy.endpoint)
        self.flag = self.dir / "flag"
        self.asked = 0

    def begin_broker(self):
        self.broker = self.start_broker("--listen", self.endpoint, "--listen", f"tcp://127.0.0.1:{self.port}")
        self.link = self.client()

    def client(self):
        link = wire_client.Link(self.endpoint, wire_client.token_of(self.runtime / "alua"))
        self.addCleanup(link.close)
        link.open(visitor=True)
        return link

    def member(self, name, broker):
        member = self.start("node", "--name", name, "--broker", broker, MEMBER)
        member.expect("is ready")
        return member

    def tearDown(self):
        """In order: nobody waits for a broker or a proxy that is gone."""
        for process in self.started:
            if process is not self.broker and process.alive():
                process.kill(signal.SIGTERM)
        for process in self.started:
            if process is not self.broker:
                process.wait()

    def call(self, name, *args, who="ana"):
        results = self.link.call("1@" + who, name, *args)
        return results[0] if len(results) == 1 else results

    def prepare(self, operation, jobs=1):
        """ana waits for its flag; there is a job, and a lease where one is needed."""
        for _ in range(jobs):
            self.link.ask("OUT", "steps", ["job", 7])
        if operation in ("ack", "release"):
            self.assertTrue(self.call("now", "lease"))
        self.asked += 1
        self.link.say("CALL", 0, 0, self.link.id, "1@ana", 0, "later", [operation, str(self.flag)])
        self.ana.expect(f"^ready\t{operation}$")

    def go(self, operation):
        self.flag.touch()
        self.ana.expect("^asks\t", count=self.asked)

    def outcome(self, operation):
        """Its words: "done" and what, or a code and whether that is sure. There is one."""
        match = self.ana.expect(rf"^{operation}\t(.*)$")
        self.assertEqual(self.outcomes(operation), 1)
        return match[1].split("\t")

    def outcomes(self, operation):
        return sum(line.startswith(operation + "\t") for line in self.ana.out)

    def count(self, word):
        return self.link.ask("COUNT", "steps", [word, ANY])[0]

    def state(self):
        """How many jobs, how many that were put, how many leases."""
        stat = [one for one in self.link.ask("SPACES")[0] if one["name"] == "steps"]
        return self.count("job"), self.count("put"), stat[0]["leases"] if stat else 0

    def waiters(self):
        return sum(one["waiters"] for one in self.link.ask("SPACES")[0])

    def is_back(self):
        try:
            return self.call("heard") is not None
        except wire_client.Failed:
            return False

    def back(self):
        eventually(self.is_back, "ana is back")


#  What is left of one job: jobs, put, leases; and what the outcome is.
EFFECTS = {
    "out": ((1, 1, 0), "done"), "take": ((0, 0, 0), "done"), "try": ((0, 0, 0), "done"), "lease": ((0, 0, 1), "done"),
    "ack": ((0, 1, 0), "done"), "release": ((1, 0, 0), "done"), "swap": ((0, 1, 0), "done"), "take_all": ((0, 0, 0), "done"),
    "batch": ((0, 1, 0), "done"),
}


class TestAnswerLost(Case):
    """It is done, the answer does not come, the connection breaks: the outcome is what it was, and it is done once."""

    def check(self, operation):
        after, word = EFFECTS[operation]
        self.prepare(operation)
        before = self.state()
        self.proxy.swallow()
        self.go(operation)
        eventually(lambda: self.state() != before, "it is done")
        eventually(lambda: self.proxy.swallowed > 0, "the answer is lost")
        self.assertEqual(self.outcomes(operation), 0)
        self.proxy.sever()
        self.assertEqual(self.outcome(operation)[0], word)
        self.assertEqual(self.state(), after)
        self.assertEqual(self.ana.err, [])

    def test_a_publication_comes_once(self):
        self.member("bob", self.endpoint)
        self.call("listen", who="bob")
        eventually(lambda: len(self.link.ask("TOPICS")[1]) == 1, "bob listens")
        self.prepare("publish")
        self.proxy.swallow()
        self.go("publish")
        eventually(lambda: self.call("heard", who="bob"), "bob has heard")
        eventually(lambda: self.proxy.swallowed > 0, "the answer is lost")
        self.proxy.sever()
        self.assertEqual(self.outcome("publish"), ["done", "1"])
        self.back()
        self.call("now", "publish")
        eventually(lambda: len(self.call("heard", who="bob")) >= 2, "the next one comes")
        self.assertEqual(self.call("heard", who="bob"), [1, 1])

    def test_a_request_is_answered_once(self):
        self.member("bob", self.endpoint)
        self.call("answer", who="bob")
        eventually(lambda: len(self.link.ask("TOPICS")[1]) == 1, "bob listens")
        self.assertTrue(self.call("now", "request"))    # Its inbox is there
        self.prepare("request")
        self.proxy.swallow()
        self.go("request")
        eventually(lambda: len(self.call("heard", who="bob")) == 2, "bob has heard")
        eventually(lambda: self.proxy.swallowed > 0, "the answer is lost")
        self.proxy.sever()
        self.assertEqual(self.outcome("request"), ["done", "2"])
        self.assertEqual(self.call("heard", who="bob"), [1, 1])


class TestAskedTwice(Case):
    """The same request again in the same session, as by a client that does not know: answered as the first time."""

    def twice(self, kind, *fields):
        number = self.link.request()
        answers = []
        for _ in range(2):
            self.link.say(kind, number, 30000, *fields)
            answers.append(self.link.outcome(number, ("ANSWER", "DENY")))
        self.assertEqual(answers[0], answers[1], kind)
        return answers[0]

    def test_each_mutation_is_done_once(self):
        self.twice("OUT", "steps", ["job", 1])
        self.assertEqual(self.state(), (1, 0, 0))
        self.link.ask("OUT", "steps", ["job", 2])
        self.twice("TAKE", "steps", ["job", ANY], {"try": True})
        self.assertEqual(self.state(), (1, 0, 0))
        self.link.ask("OUT", "steps", ["job", 3])
        lease = self.twice("TAKE", "steps", ["job", ANY], {"try": True, "lease": 60000})[-1]
        self.assertEqual(self.state(), (1, 0, 1))
        self.twice("ACK", lease, [["steps", ["put", 1]]])
        self.assertEqual(self.state(), (1, 1, 0))
        types = wire_client.TYPES
        self.twice("BATCH", [[types["TAKE"], "steps", ["job", ANY]], [types["OUT"], "steps", ["put", 2]]])
        self.assertEqual(self.state(), (0, 2, 0))
        self.twice("TAKE", "steps", ["job", ANY], {"try": True})         # Denied, both times
        self.link.ask("OUT", "steps", ["job", 4])
        self.twice("TAKE", "steps", ["job", ANY], {"try": True, "put": ["put", 3]})
        self.assertEqual(self.state(), (0, 3, 0))
        self.twice("TAKE", "steps", [ANY, ANY], {"all": True})
        self.twice("SPACE_WATCH", "steps", [ANY])
        self.twice("SUBSCRIBE", "steps", {})
        self.assertEqual(len(self.link.ask("TOPICS")[1]), 1)
        self.twice("PUBLISH", "steps", "once")
        self.assertEqual([one["seq"] for one in self.link.ask("TOPICS")[0] if one["topic"] == "steps"], [1])
        self.twice("DESTROY", "steps")


class TestBrokerKilled(Case):
    """kill -9 of the broker before it has looked at the request, after it has done it, and after its answer."""

    def restart(self):
        self.broker.kill(signal.SIGKILL)
        self.broker.wait()
        self.begin_broker()
        self.ana.expect("^lost$")
        self.back()

    def check_before(self, operation):
        """Nobody knows: gone, but for what waits, which waits at the next broker."""
        self.prepare(operation)
        self.broker.kill(signal.SIGSTOP)
        self.go(operation)
        self.restart()
        self.settle(operation)

    def check_done(self, operation):
        self.prepare(operation)
        before = self.state()
        self.proxy.swallow()
        self.go(operation)
        eventually(lambda: self.state() != before, "it is done")
        self.broker.kill(signal.SIGKILL)
        self.proxy.sever()
        self.restart()
        self.settle(operation)

    def check_answered(self, operation):
        self.prepare(operation)
        self.go(operation)
        self.assertEqual(self.outcome(operation)[0], "done")
        self.restart()
        self.assertEqual(self.state(), (0, 0, 0))       # All is lost
        if operation == "lease":
            self.link.say("CALL", 0, 0, self.link.id, "1@ana", 0, "later", ["ack", str(self.flag)])
            self.flag.touch()
            self.assertEqual(self.outcome("ack"), ["expired", "true"])
        self.serves()

    def settle(self, operation):
        if operation in ("take", "lease", "swap"):      # It waits at the new one, for what is put there
            eventually(lambda: self.waiters() == 1, "it waits again")
            self.link.ask("OUT", "steps", ["job", 8])
            self.assertEqual(self.outcome(operation)[0], "done")
            self.assertEqual(self.state(), EFFECTS[operation][0])
        else:
            self.assertEqual(self.outcome(operation), ["gone", "false"])
            self.assertEqual(self.state(), (0, 0, 0))
        self.serves()

    def serves(self):
        """Everything works as before, with the new broker."""
        self.link.ask("TAKE", "steps", [ANY, ANY], {"all": True})
        self.link.ask("OUT", "steps", ["job", 9])
        self.assertTrue(self.call("now", "try"))
        self.assertTrue(self.call("now", "publish"))

    def test_a_take_that_waits_is_answered_by_the_next_broker(self):
        for operation in ("take", "lease"):
            self.ana.out.clear()
            self.asked = 0
            self.prepare(operation, jobs=0)
            self.go(operation)
            eventually(lambda: self.waiters() == 1, "it waits")
            self.restart()
            self.settle(operation)

    def test_a_take_whose_time_ends_while_there_is_no_broker(self):
        self.prepare("soon", jobs=0)
        self.broker.kill(signal.SIGSTOP)
        self.go("soon")
        self.broker.kill(signal.SIGKILL)
        self.broker.wait()
        self.assertEqual(self.outcome("soon"), ["timeout", "false"])
        self.begin_broker()
        self.back()
        self.assertEqual(self.link.ask("SPACES")[0], [])
        self.serves()

    def test_a_publication_before_it_is_looked_at(self):
        self.check_before("publish")

    def test_a_will_before_it_is_looked_at(self):
        self.check_before("will")

    def test_a_publication_whose_answer_is_lost(self):
        self.prepare("publish")
        self.proxy.swallow()
        self.go("publish")
        eventually(lambda: self.link.ask("TOPICS")[0], "it is done")
        self.broker.kill(signal.SIGKILL)
        self.proxy.sever()
        self.restart()
        self.settle("publish")


def add(case, prefix, operation):
    check = f"check{prefix and '_' + prefix}"
    setattr(case, f"test_{operation}{prefix and '_' + prefix}", lambda self: getattr(self, check)(operation))


for each in EFFECTS:
    add(TestAnswerLost, "", each)
for each in ("take", "lease", "ack", "batch", "try", "swap"):
    add(TestBrokerKilled, "before", each)
    add(TestBrokerKilled, "done", each)
for each in ("lease", "ack", "batch"):
    add(TestBrokerKilled, "answered", each)

if __name__ == "__main__":
    unittest.main()
