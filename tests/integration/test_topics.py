"""Topics as programs see them: order, groups, wills, slow subscribers, brokers that are restarted"""
import collections
import pathlib
import signal
import unittest

import harness
import wire_client
from harness import eventually
from links_proxy import Proxy, free_port

PROGRAMS = pathlib.Path(__file__).parent / "programs"
MEMBER = PROGRAMS / "topic_member.lua"


class TestOperations(harness.Case):
    def assert_passed(self, result, count):
        super().assert_passed(result, count)
        self.assertEqual((result.status, result.err), (0, ""), result)

    def test_in_the_main_chunk_and_in_events(self):
        contexts = ["main", "chunk", "call", "callback", "timer", "spawned"]
        self.assert_passed(self.run_alua("run", PROGRAMS / "api_topics.lua", *contexts), len(contexts))

    def test_in_plain_lua(self):
        self.assert_passed(self.run_lua("-l", "alua", PROGRAMS / "api_topics.lua", "main", "callback"), 2)
        self.assert_nothing_left()

    def test_what_is_subscribed_to_keeps_no_program_from_being_over(self):
        result = self.run_program("luaps.subscribe('a.>', print) for _ in luaps.subscribe('b'):messages() do end",
                                  options=("-n", 2))
        self.assertEqual((result.status, result.out, result.err), (0, "", ""), result)

    def test_a_pattern_that_cannot_be_is_reported_and_ends_the_loop(self):
        result = self.run_program("""
            local sub = luaps.subscribe 'a..b'
            for _ in sub:messages { timeout = 5 } do end
            print(sub.err.code, sub:next())""")
        self.assertRegex(result.out, r"^usage\tnil\t")
        self.assertIn("a topic has no empty word", result.err)
        self.assertEqual(result.status, 1)

    def test_a_handler_that_raises_or_waits_has_handled_its_message(self):
        """Else a window of one would stay shut."""
        result = self.run_program("""
            local heard = 0
            luaps.subscribe('a', function(msg)
              heard = heard + 1
              if msg.value % 2 == 0 then error 'on purpose' end
              alua.sleep(0.001)
            end, { window = 1 })
            while luaps.publish('a', 1, { ack = true }) == 0 do alua.sleep(0.001) end
            for i = 2, 20 do luaps.publish('a', i) end
            while heard < 20 do alua.sleep(0.001) end
            print(heard)""", options=("--timeout", 20))
        self.assertEqual((result.out, result.status), ("20\n", 1), result)
        self.assertEqual(result.err.count("on purpose"), 10)

    def test_what_cannot_be_published_is_reported_though_nobody_waits(self):
        result = self.run_program("""
            for i = 1, 30 do assert(luaps.publish('a..b', i)) end
            alua.sleep(1.1)
            luaps.publish('$alua.mine', 1)
            print(luaps.publish('a', 1, { ack = true }))""", options=("-n", 2))
        self.assertEqual((result.status, result.out.count("] 0\n")), (1, 2), result)
        self.assertIn("publish to a..b: usage: a topic has no empty word", result.err)
        self.assertIn("a topic has no empty word (9 more of these)", result.err)
        self.assertLess(result.seconds, 5, result)      # The counts of what was said agree, so the end is seen at once
        self.assertIn('publish to $alua.mine: denied: topics that begin with "$" are the broker', result.err)

    def test_a_table_for_each_message_with_the_fields_it_has(self):
        result = self.run_program("""
            local function show(msg)
              local names = {}
              for name in pairs(msg) do names[#names + 1] = name end
              table.sort(names)
              print(table.concat(names, ' '))
            end
            local function next_of(sub) return sub:next { timeout = 5 } end
            luaps.publish('a', 1, { retain = true, ack = true })
            show(next_of(luaps.subscribe('a')))
            local sub = luaps.subscribe 'b'
            while luaps.publish('b', 1, { ack = true }) == 0 do alua.sleep(0.001) end
            show(next_of(sub))
            luarpc.future(alua.id, 'luaps.request')('b', 2)
            show(next_of(sub))
            alua.exit()""")
        self.assertEqual(result.out.splitlines(), [
            "missed publisher retained seq time topic value", "missed publisher seq time topic value",
            "missed publisher reply_to seq time topic value"], result)

    def test_ids_that_look_alike_get_their_own_answers(self):
        """An inbox is named after its process; a.b and a_b are two."""
        result = self.run_program("""
            local ids = { 'a.b', 'a_b' }
            alua.spawn(ids)
            local asked
            luaps.subscribe('who', function(msg)
              if msg.value == ids[1] then            -- Answered behind the other one, whose number is the same
                asked = true
                while asked do alua.sleep(0.001) end
              end
              msg:reply(msg.value)
            end)
            local first = luarpc.future(ids[1], 'luaps.request')('who', ids[1])
            while not asked do alua.sleep(0.001) end
            print(luarpc.sync(ids[2], 'luaps.request')('who', ids[2]))
            asked = false
            print(first:get())""")
        self.assertEqual((result.status, result.out, result.err), (0, "a_b\na.b\n", ""), result)


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.endpoint, self.port = f"ipc://{self.dir}/broker", free_port()
        self.begin_broker()

    def begin_broker(self):
        self.broker = self.start_broker("--listen", self.endpoint, "--listen", f"tcp://127.0.0.1:{self.port}")
        self.link = wire_client.Link(self.endpoint, wire_client.token_of(self.runtime / "alua"))
        self.addCleanup(self.link.close)
        self.link.open(visitor=True)

    def restart(self, *members):
        """Another broker, of which all of these have heard."""
        self.broker.kill(signal.SIGKILL)
        self.broker.wait()
        self.begin_broker()
        for name in members:
            eventually(lambda: self.is_back(name), f"{name} is back")

    def is_back(self, name):
        try:
            return self.call(name, "count") is not None
        except wire_client.Failed:
            return False

    def member(self, name, broker=None):
        member = self.start("node", "--name", name, "--broker", broker or self.endpoint, MEMBER)
        member.expect("is ready")
        return member

    def call(self, who, name, *args):
        results = self.link.call("1@" + who, name, *args)
        return results[0] if len(results) == 1 else results

    def subscriptions(self, count):
        eventually(lambda: len(self.link.ask("TOPICS")[1]) == count, f"{count} subscriptions")

    def hears(self, who, count):
        eventually(lambda: self.call(who, "count") >= count, f"{who} hears {count}")
        return self.call(who, "heard")

    def memory(self):
        status = pathlib.Path(f"/proc/{self.broker.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) >> 10


class TestOrder(Case):
    def test_all_agree_on_the_order_of_each_topic(self):
        names = "ana", "bob", "cid"
        for name in names:
            self.member(name)
            self.call(name, "subscribe", "news.>")
        self.subscriptions(3)
        for i, name in enumerate(names):        # Nobody waits for anybody
            self.link.say("CALL", 0, 0, self.link.id, "1@" + name, 0, "publish", ["news.all", i * 1000, i * 1000 + 499])
        heard = [self.hears(name, 1500) for name in names]
        self.assertEqual(heard[0], heard[1])
        self.assertEqual(heard[0], heard[2])
        for i in range(3):                      # And each publisher's come as it said them
            mine = [int(text.split(":")[1]) for text in heard[0]]
            self.assertEqual([n for n in mine if n // 1000 == i], list(range(i * 1000, i * 1000 + 500)))

    def test_publishers_and_others_agree_on_all_that_two_say_under_the_same_topics_at_once(self):
        """The whole sequence, whatever the topic: at who publishes, at another one of the same node, at a third node."""
        topics = [f"news.{i}" for i in range(5)]
        for name in ("ana", "bob", "cid"):
            self.member(name)
            self.call(name, "subscribe", "news.>")
        spawned = self.link.chunk("1@ana", f"""
            local id = next(alua.spawn(1).processes)
            alua.eval(id, "local own = alua.loop alua.loop = function() end dofile(...) alua.loop = own", {str(MEMBER)!r})
            return id""")[0]
        self.link.call(spawned, "subscribe", "news.>")
        self.subscriptions(4)
        for turn in range(3):
            for i, name in enumerate(("ana", "bob")):
                first = 10000 * (i + 1) + 1000 * turn
                self.link.say("CALL", 0, 0, self.link.id, "1@" + name, 0, "publish_with_another", [topics, first, first + 499, 1000 * turn])
            heard = [self.hears(name, 1000 * (turn + 1)) for name in ("ana", "bob", "cid")]
            eventually(lambda: self.link.call(spawned, "count")[0] == 1000 * (turn + 1), "the spawned one hears all")
            for other in (*heard[1:], self.link.call(spawned, "heard")[0]):
                self.assertEqual(heard[0], other)
        numbers = [int(text.split(":")[1]) for text in heard[0]]
        self.assertGreater(sum(a // 10000 != b // 10000 for a, b in zip(numbers, numbers[1:])), 30)    # At once
        for i in (1, 2):
            mine = [n for n in numbers if n // 10000 == i]
            self.assertEqual(mine, sorted(mine))
            self.assertEqual(len(mine), 1500)

    def test_ten_thousand_that_come_and_go_leave_nothing(self):
        ana = self.member("ana")

        def memory(process):
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            return int(status.split("VmRSS:")[1].split()[0])
        figures = []
        for _ in range(3):
            lua = self.call("ana", "storm_and_calm", 10000)
            self.subscriptions(0)
            figures.append((lua, memory(ana), memory(self.broker)))
        for first, last in zip(figures[0], figures[-1]):
            self.assertLess(last - first, 1024, figures)    # KiB; a subscription kept would take more than 100 bytes
        self.assertEqual(self.link.ask("TOPICS")[1], [])
        self.assertEqual(ana.err, [])

    def test_a_topic_of_64_KiB_is_no_pattern(self):
        ana = self.member("ana")
        code, message = self.call("ana", "try_subscribe", "x" * 65536)
        self.assertEqual(code, "usage")
        self.assertIn("255 bytes", message)
        self.assertEqual(len(ana.expect("luaps.subscribe to").string), len(ana.err[0]))
        self.assertLess(len(ana.err[0]), 1000)      # It is not shown whole

    def test_a_storm_of_subscriptions(self):
        self.member("ana")
        self.assertEqual(self.call("ana", "storm", 5000), 50)
        self.subscriptions(2500)
        self.assertEqual(len(self.hears("ana", 50)), 50)


class TestGroups(Case):
    def test_a_member_that_is_killed_loses_what_it_had_and_nothing_else(self):
        members = {name: self.member(name) for name in ("ana", "bob", "cid")}
        for name in members:
            self.call(name, "subscribe", "work", {"group": "crew", "window": 10})
        self.subscriptions(3)
        members["cid"].kill(signal.SIGSTOP)
        self.call("ana", "publish", "work", 1, 600)
        eventually(lambda: self.call("ana", "count") + self.call("bob", "count") >= 300, "two work")
        before = self.link.ask("TOPICS")[1]
        waiting = sum(one["waiting"] for one in before)
        members["cid"].kill(signal.SIGKILL)
        eventually(lambda: self.call("ana", "count") + self.call("bob", "count") >= 590, "the others do its work")
        heard = collections.Counter(self.call("ana", "heard") + self.call("bob", "heard"))
        self.assertEqual(set(heard.values()), {1})
        self.assertGreaterEqual(len(heard), 590)    # All but the window of the dead one
        self.assertLessEqual(waiting, 600)


class TestWills(Case):
    def test_published_by_death_and_not_by_an_end(self):
        self.member("ana")
        self.call("ana", "subscribe", "wills")
        self.subscriptions(1)
        for name in ("bob", "cid"):
            member = self.member(name)
            self.assertEqual(self.call(name, "will", "wills", name), True)
            if name == "bob":
                member.stop()
            else:
                member.kill(signal.SIGKILL)
        self.assertEqual(self.hears("ana", 1), ["wills:cid:will"])

    def test_a_retained_one_is_there_for_who_comes_later(self):
        bob = self.member("bob")
        self.assertEqual(self.link.chunk("1@bob", "return luaps.will('wills', 'bob', { retain = true })"), [True])
        bob.kill(signal.SIGKILL)
        eventually(lambda: self.link.ask("TOPICS")[0], "it is published")
        self.member("ana")
        self.call("ana", "subscribe", "wills")
        self.assertEqual(self.hears("ana", 1), ["wills:bob:will"])

    def test_a_restarted_broker_is_told_again(self):
        self.member("ana")
        bob = self.member("bob")
        self.call("ana", "subscribe", "wills")
        self.call("bob", "will", "wills", "bob")
        self.restart("ana", "bob")
        self.subscriptions(1)
        self.call("bob", "published", "any", 1)         # Behind its will
        bob.kill(signal.SIGKILL)
        self.assertEqual(self.hears("ana", 1), ["wills:bob:will"])


class TestPresence(Case):
    def test_nodes_that_come_and_go(self):
        self.member("ana")
        self.call("ana", "pull", "$alua.node.>")
        self.subscriptions(1)
        bob = self.member("b.o.b")
        bob.stop()
        cid = self.member("cid")
        cid.kill(signal.SIGKILL)
        told = [(one["what"], one["node"]) for one in self.call("ana", "pulled", 4)]
        self.assertEqual([what for what, node in told if node == "b.o.b"], ["up", "left"])
        self.assertEqual([what for what, node in told if node == "cid"], ["up", "gone"])


class TestSlow(Case):
    def stall(self, messages, size, **options):
        """bob hears nothing for a while; ana publishes, cid hears all."""
        bob = self.member("bob")
        for name in ("ana", "cid"):
            self.member(name)
        self.call("bob", "subscribe", "flood", options)
        self.call("cid", "subscribe", "flood")
        self.subscriptions(2)
        bob.kill(signal.SIGSTOP)
        before = self.memory()
        for first in range(1, messages, 1000):
            self.call("ana", "publish", "flood", first, first + 999, size)
            eventually(lambda: self.call("cid", "count") == first + 999, "cid keeps its pace")
        return bob, self.memory() - before

    def numbers(self, who):
        return [int(text.split(":")[1]) for text in self.call(who, "heard") or []]

    def test_drop_oldest_tells_how_many(self):
        bob, grown = self.stall(10000, 10000, window=16, count=100)
        self.assertLess(grown, 50)                      # MiB, of about 100 that went through
        bob.kill(signal.SIGCONT)
        eventually(lambda: self.numbers("bob")[-1:] == [10000], "the last one comes")
        numbers = self.numbers("bob")
        self.assertEqual(self.call("bob", "missed"), [10000 - len(numbers)] * 2)
        self.assertEqual(self.call("bob", "why"), ["full"])
        self.assertLess(len(numbers), 200)
        self.assertEqual(numbers[-100:], list(range(9901, 10001)))

    def test_drop_newest_keeps_the_first(self):
        bob, _ = self.stall(2000, 100, window=16, count=100, policy="drop_newest")
        bob.kill(signal.SIGCONT)
        eventually(lambda: sum(self.call("bob", "missed")[:1]) + self.call("bob", "count") == 2000, "the gap is told")
        self.assertEqual(self.numbers("bob"), list(range(1, 117)))
        self.assertEqual(self.call("bob", "missed"), [1884, 1884])
        self.assertEqual(self.call("bob", "why"), ["alone: full"])

    def test_refuse_tells_the_publisher(self):
        bob = self.member("bob")
        self.member("ana")
        self.call("bob", "subscribe", "flood", {"window": 4, "count": 4, "policy": "refuse"})
        self.subscriptions(1)
        bob.kill(signal.SIGSTOP)
        for i in range(8):
            self.assertEqual(self.call("ana", "published", "flood", i), 1)
        none, error = self.call("ana", "published", "flood", 8)
        self.assertEqual((none, error.code), (None, "full"))
        bob.kill(signal.SIGCONT)
        eventually(lambda: self.call("bob", "count") == 8, "bob has all that were not refused")
        self.assertEqual(self.call("ana", "published", "flood", 9), 1)

    def test_disconnect_ends_the_session_which_is_told(self):
        bob, _ = self.stall(1000, 100, window=4, count=10, policy="disconnect")
        eventually(lambda: len(self.link.ask("TOPICS")[1]) == 1, "bob's subscription is over")
        self.assertNotIn("bob", str(self.link.ask("NODES")))
        bob.kill(signal.SIGCONT)
        bob.expect("does not read what the broker sends")
        eventually(lambda: "bob" in str(self.link.ask("NODES")), "bob is back, and subscribes anew")
        eventually(lambda: len(self.link.ask("TOPICS")[1]) == 2, "bob subscribes anew")


class TestCut(Case):
    def test_over_connections_that_break_everything_comes_once_and_in_order(self):
        proxy = Proxy(self.port)
        self.addCleanup(proxy.stop)
        members = [self.member(name, proxy.endpoint) for name in ("ana", "bob")]
        self.call("bob", "subscribe", "news", {"window": 64})
        self.subscriptions(1)
        proxy.cut(0.005, 0.060)
        count = 0
        while proxy.cuts < 10 or count < 2000:          # Not more than the broker keeps for one that is away
            self.call("ana", "publish", "news", count + 1, count + 1000)
            count += 1000
            eventually(lambda: self.call("bob", "count") == count, "all are heard")
        proxy.heal()
        self.assertEqual(self.call("bob", "heard"), [f"news:{i}" for i in range(1, count + 1)])
        self.assertEqual(self.call("bob", "missed"), [0, 0])
        for member in members:                          # While the proxy works
            self.assertEqual(member.stop().err, "")


class TestRestart(Case):
    def test_a_subscriber_learns_that_nobody_knows_how_many_it_missed(self):
        self.member("ana")
        self.member("bob")
        self.call("bob", "subscribe", "news")
        self.call("ana", "published", "news", 1)
        self.assertEqual(self.hears("bob", 1), ["news:1"])
        self.restart("ana", "bob")
        self.subscriptions(1)
        for value in 2, 3:
            self.call("ana", "published", "news", value)
        self.assertEqual(self.hears("bob", 3), ["news:1", "news:2", "news:3"])
        self.assertEqual((self.call("bob", "why"), self.call("bob", "missed")), (["alone: lost", "lost"], [0, 0]))

    def test_so_does_who_reads_in_a_shell(self):
        self.member("ana")
        sub = self.start("sub", "--broker", self.endpoint, "--json", "news")
        self.subscriptions(1)
        self.call("ana", "published", "news", 1)
        self.assertNotIn("cause", sub.expect(r'"value": ?1\b').string)
        self.restart("ana")
        self.subscriptions(1)
        self.call("ana", "published", "news", 2)
        self.assertRegex(sub.expect(r'"value": ?2\b').string, r'"cause": ?"lost"')
        self.assertRegex(sub.stop(signal.SIGINT).err, "the broker was restarted, or gave us up: what was meanwhile is left out")

    def test_requests_are_answered_again(self):
        self.member("ana")
        self.member("bob")
        self.call("bob", "answer", "sum")
        self.subscriptions(1)
        for turn in range(3):
            self.assertEqual(self.call("ana", "ask", "sum", turn), turn + 1)
            self.restart("ana", "bob")
            self.subscriptions(2)                       # And ana's inbox

    def test_a_request_between_the_restart_and_its_event_is_answered(self):
        self.member("ana")
        self.call("ana", "answer", "sum")
        self.call("ana", "ask", "sum", 1)               # Both subscriptions are there
        self.call("ana", "begin_between", "sum")
        self.restart("ana")
        eventually(lambda: self.call("ana", "between") is not None, "it has its answer")
        self.assertEqual(self.call("ana", "between"), [2, True])

    def test_subscriptions_come_back_and_what_was_handled_before_counts_nowhere(self):
        """What is consumed of the old broker's must not be told to the new one: it would be a strike."""
        self.member("ana")
        self.member("bob")
        self.call("bob", "subscribe", "news.handled", {"window": 4})
        self.call("bob", "pull", "news.pulled", {"window": 40})
        self.subscriptions(2)
        self.call("ana", "publish", "news.pulled", 1, 40)
        self.call("ana", "publish", "news.handled", 1, 40)
        self.hears("bob", 40)
        for turn in range(2):
            self.restart("ana", "bob")
            self.subscriptions(2)
            if turn == 0:
                self.assertEqual(self.call("bob", "pulled", 40), list(range(1, 41)))
            self.call("ana", "publish", "news.pulled", 100, 199)
            self.call("ana", "publish", "news.handled", 41, 80)
            self.assertEqual(self.call("bob", "pulled", 100), list(range(100, 200)))
            self.hears("bob", 80 + turn * 40)
        self.assertEqual(self.link.ask("STAT")[0]["malformed"], 0)


if __name__ == "__main__":
    unittest.main()
