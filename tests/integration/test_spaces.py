"""Tuple spaces as programs see them: each operation, who is served, who is stuck, who gives up"""
import pathlib
import signal
import unittest

import harness

PROGRAMS = pathlib.Path(__file__).parent / "programs"


class Case(harness.Case):
    def assert_passed(self, result, count):
        super().assert_passed(result, count)
        self.assertEqual((result.status, result.err), (0, ""), result)

    def assert_prints(self, lines, text, *options):
        """This program prints these lines and ends well."""
        result = self.run_program(text, options=options)
        self.assertEqual((result.lines, result.err, result.status), (lines, "", 0), result)


class TestOperations(Case):
    def test_in_the_main_chunk_and_in_events(self):
        contexts = ["main", "chunk", "call", "callback", "timer", "spawned"]
        self.assert_passed(self.run_alua("run", PROGRAMS / "api_spaces.lua", *contexts), len(contexts))

    def test_in_plain_lua(self):
        self.assert_passed(self.run_lua("-l", "alua", PROGRAMS / "api_spaces.lua", "main", "callback"), 2)
        self.assert_nothing_left()

    def test_a_failure_is_not_given_to_a_callback_that_cannot_take_it(self):
        result = self.run_program("""
            local function one(_) print 'called' end
            luats.take({ 1 }, { timeout = 0 }, one)
            luats.read({ 1 }, { timeout = 0.01 }, one)
            luats.batch({ { 'take', { 1 } } }, nil, one)
            luats.stat(nil, one)""")
        self.assertEqual((result.out, result.status), ("called\n", 1), result)
        self.assertEqual(result.err.count("timeout: "), 3, result)

    def test_a_mistake_costs_the_answer_and_not_the_link(self):
        """Three strikes end a link; what users can get wrong is none."""
        self.assert_prints(["true"], """
            for _ = 1, 10 do
              assert(luats.batch {})
              assert(not luats.out { 1, nil, 3 })
              assert(not luats.take { luats.where '+' })
              assert(not luats.take({ luats.rest, 1 }, { timeout = 0 }))
              assert(not luats.batch { { 'out', { 1, nil, 3 } } })
              assert(not luats.batch { { 'count', { luats.where '+' } } })
            end
            print(luats.out { 1 } > 0)""")

    def test_the_largest_tuple_that_can_be_put_can_be_taken(self):
        """Whatever OUT takes, an answer can bring; nothing vanishes between."""
        self.assert_prints(["true"], """
            local low, high = 1 << 20, 1 << 21
            while high - low > 1 do
              local size = (low + high) // 2
              if luats.out({ ('x'):rep(size) }) then low = size else high = size end
              luats.take_all({ luats.string }, { limit = 1 })
            end
            for size = low - 100, low do
              assert(luats.out { ('x'):rep(size) }, 'out ' .. low - size)
              local tuple, err = luats.take({ luats.string }, { timeout = 0 })
              if not tuple then print('size', size - low, err) end
              assert(luats.out { ('x'):rep(size) }, 'out ' .. low - size)
              local tuple, lease = luats.take({ luats.string }, { timeout = 0, lease = 60 })
              if not tuple then print('leased, size', size - low, lease) else lease:ack() end
            end
            print(luats.count() == 0)""")


class TestWaiting(Case):
    def test_a_thousand_wait_and_are_served_in_order(self):
        self.assert_prints(["1000\t1000"], """
            local served, order = 0, 0
            for i = 1, 1000 do
              luats.take({ luats.int }, nil, function(tuple, _)
                served = served + 1
                if tuple[1] == i and served == i then order = order + 1 end
              end)
            end
            while luats.stat().waiters < 1000 do alua.sleep(0.001) end
            for i = 1, 1000 do luats.out { i } end
            while served < 1000 do alua.sleep(0.001) end
            print(served, order)""")

    def test_takes_that_nobody_can_serve_are_a_deadlock(self):
        result = self.run_program("print 'begins'\n\nluats.take { 'never' }\nprint 'not reached'", timeout=10)
        self.assertEqual((result.out, result.status), ("begins\n", 1), result)
        self.assertRegex(result.err, r"program\.lua:3\b.*", result)
        self.assertIn("take from default", result.err)

    def test_each_of_several_that_wait_is_told(self):
        result = self.run_program("""
            if alua.rank == 1 then luats.take { 'a' }
            else luats.read { 'b' } end""", options=("-n", 2), timeout=10)
        self.assertEqual(result.status, 1, result)
        self.assertRegex(result.err, r"program\.lua:2\b", result)
        self.assertRegex(result.err, r"program\.lua:3\b", result)

    def test_who_can_still_put_is_no_deadlock(self):
        self.assert_prints(["late"], """
            if alua.rank == 1 then print(luats.take({ luats.string })[1])
            else alua.sleep(0.3) luats.out { 'late' } end""", "-n", 2, "--no-label")

    def test_workers_that_wait_do_not_keep_the_program(self):
        self.assert_prints([], "for _ in luats.space 'jobs':each { 'job' } do end", "-n", 3)


class TestGivingUp(Case):
    """Whoever waits for a call that takes gives up at some moment: what the call had already, it has; the rest is there."""

    PROGRAM = """
        local space = luats.space 'bag'
        for i = 1, 300 do space:out { i } end
        local had, given_up = 0, 0
        function work() %s end
        for round = 1, 200 do
          local future = luarpc.future(alua.id, 'work')()
          for _ = 1, round %% 5 do alua.sleep(0) end
          if future:cancel() then given_up = given_up + 1 else future:get() end
          if round %% 20 == 0 then alua.sleep(0.005) end
        end
        local deadline = alua.now() + 10
        while space:count() + had < 300 and alua.now() < deadline do alua.sleep(0.001) end
        local list = space:read_all()
        for i = 2, #list do assert(list[i - 1][1] < list[i][1], 'out of place') end
        print(given_up > 0, #list + had, space:stat().leases)"""

    def check(self, work):
        self.assert_prints(["true\t300\t0"], self.PROGRAM % work)

    def test_a_try_loses_nothing(self):
        self.check("if space:take({ luats.int }, { timeout = 0 }) then had = had + 1 end")

    def test_a_take_loses_nothing(self):
        self.check("if space:take { luats.int } then had = had + 1 end")

    def test_a_lease_is_released(self):
        self.check("local _, lease <close> = space:take({ luats.int }, { lease = 60 })")

    def test_all_at_once_come_back(self):
        self.check("local taken = space:take_all({ luats.int }, { limit = 1 }) had = had + #(taken or {})")

    def test_a_batch_loses_nothing(self):
        self.check("""local results = space:batch {
            { 'take', { luats.int } }, { 'read', { luats.rest } }, { 'count', { luats.rest } } }
            had = had + #(results or {}) // 3""")        # Read behind the call: another one may end while it waits

    def test_a_swap_is_done_or_not_done(self):
        self.assert_prints(["1"], """
            local space = luats.space 'bag'
            space:out { 'n', 0 }
            function swap(n) return space:swap({ 'n', luats.int }, { 'n', n }) end
            for i = 1, 50 do
              local future = luarpc.future(alua.id, 'swap')(i)
              for _ = 1, i % 5 do alua.sleep(0) end
              future:cancel()
            end
            alua.sleep(0.05)
            print(space:count())""")


class TestRestart(Case):
    def test_a_lease_of_the_broker_before_is_not_one_of_the_new(self):
        """Both are lease 1, of the same process; only the new one may be acknowledged by the new one."""
        broker = self.start_broker()
        node = self.start_node("ana", self.program("""
            local space = luats.space 'bag'
            space:out { 'old' }
            local _, old = space:take({ 'old' }, { lease = 60 })
            function go()
              space:out { 'new' }
              local _, new = space:take({ 'new' }, { lease = 60 })
              assert(new.number == old.number)
              for _, how in ipairs { 'ack', 'release', 'extend' } do
                local ok, err = old[how](old, how == 'extend' and 1 or nil)
                print(how, ok, err.code)
              end
              old:ack(nil, nil, function(ok, err) print('heard', ok, err.code) end)
              print('new', new:ack())
            end
            luats.lost(function() print 'lost' end)
            print 'taken'"""))
        node.expect("^taken$")
        broker.stop(signal.SIGKILL)
        self.start_broker()
        node.expect("^lost$")
        self.assertEqual(self.run_alua("send", "ana", "go()").err, "")
        for line in ("ack\tnil\texpired", "release\tnil\texpired", "extend\tnil\texpired", "new\ttrue",
                     "heard\tnil\texpired"):
            node.expect(f"^{line}$")


if __name__ == "__main__":
    unittest.main()
