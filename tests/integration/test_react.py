"""Reactions, end to end: text that the broker runs in its jail changes what operations of a space do"""
import os
import pathlib
import signal
import unittest

import harness

JAIL = pathlib.Path(harness.ALUA).resolve().parents[1] / "jail" / "alua-jail"

#  What the programs share: a space, and one line for what an operation came to.
HEAD = """
local space = luats.space "s"
local function show(...)
  local words = table.pack(...)
  for i = 1, words.n do
    local word = words[i]
    if luats.iserror(word) then word = word.code .. "/" .. word.message end
    if type(word) == "table" then word = table.concat(word, ",") end
    words[i] = tostring(word)
  end
  print(table.concat(words, " "))
end
local function react(on, code, rest)
  local wanted = { on = on, code = code, name = "r" }
  for k, v in pairs(rest or {}) do wanted[k] = v end
  return assert(space:react(wanted))
end
"""


def children(pid, name):
    """Numbers of the living processes of this name that the process has started."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            comm, rest = (path / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            state, parent = rest.split()[:2]
            if comm == name and int(parent) == pid and state not in "ZX":
                found.append(int(path.name))
        except (OSError, IndexError):
            pass
    return found


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@unittest.skipUnless(JAIL.exists() or harness.ALUA.endswith("/bin/alua"), f"{JAIL} is not built")
class ReactCase(harness.Case):
    def play(self, text, lines, err=None, options=(), status=None):
        """The program prints these lines; standard error matches, or is empty (and the status 0)."""
        result = self.run_program(HEAD + text, options=options)
        self.assertEqual(result.lines, lines, result)
        if err is None:
            self.assertEqual((result.err, result.status), ("", status or 0), result)
        else:
            self.assertRegex(result.err, err)
        return result

    def jail_of(self, process):
        """The fork server that a broker or launcher has started, and its workers."""
        server = harness.eventually(lambda: children(process.pid, "alua-jail"), "a jail")[0]
        return [server] + harness.eventually(lambda: children(server, "alua-jail"), "a worker")

    def assert_dead(self, pids):
        harness.eventually(lambda: not any(alive(pid) for pid in pids), f"the end of {pids}", 5)


class TestWhatTheyDo(ReactCase):
    def test_refuse(self):
        self.play("""
          react("out", [[if t[2] > 1 then return refuse("no " .. t[2]) end]], { template = { "job", luats.int } })
          show(space:out { "job", 1 })
          show(space:out { "job", 2 })
          show(space:out { "other", 2 })
          show(space:count())
        """, ["1", "nil denied/no 2", "2", "2"])

    def test_refuse_a_take_and_a_read(self):
        self.play("""
          react("take", [[return false, "not yours"]], { template = { "mine", luats.rest } })
          react("read", [[refuse "secret"]], { template = { "mine", luats.rest } })
          space:out { "mine" }
          show(space:take({ "mine" }))
          show(space:read({ "mine" }))
          show(space:count())
          space:take({ "mine" }, nil, function(tuple, err) show("waited", tuple, err) end)
          show(space:out { "yours" })
          show(space:take { "yours" })
        """, ["nil denied/not yours", "nil denied/secret", "1", "waited nil denied/not yours", "2", "yours"])

    def test_who_waits_is_asked_about_when_the_tuple_comes(self):
        self.play("""
          react("take", [[return { t[1], "for", who }]])
          local got
          space:take({ "late" }, nil, function(tuple) got = tuple end)
          space:out { "late" }
          while not got do alua.sleep(0.01) end
          show(got[1], got[2], got[3] == alua.id)
        """, ["late for true"])

    def test_rewrite(self):
        self.play("""
          react("out", [[t.seen = on .. phase .. who; t[2] = t[2] * 2; return t]], { template = { "job", luats.any } })
          space:out { "job", 21, name = "x" }
          local t = space:read { "job", luats.any }
          show(t[2], t.name, t.seen == "outbefore" .. alua.id)
          react("read", [[return { "a view of it" }]])
          show(space:read { "job", luats.any })
          show(space:take({ "job", 42 })[2])
        """, ["42 x true", "a view of it", "42"])

    def test_redirect(self):
        """The out is done elsewhere, with its options; who waits there gets the tuple, and the guard there is not asked."""
        self.play("""
          local urgent = luats.space "urgent"
          react("out", [[
            if t.urgent then redirect "urgent" end
            if t[2] == 7 then return redirect("urgent", { "seven", code = t.code, big = ("x"):rep(500000) }) end
            return { t[1], "here" }]], { template = { "job", luats.any } })
          assert(urgent:react { code = "return refuse 'no'", on = "out", name = "guard" })
          local got
          urgent:take({ "job", 1 }, nil, function(tuple) got = tuple end)
          show(space:out { "job", 1, urgent = true })
          while not got do alua.sleep(0.01) end
          show(got.urgent, urgent:count(), space:count())
          show(space:out({ "job", 2, urgent = true }, { ttl = 0.05 }))
          while urgent:count() > 0 do alua.sleep(0.01) end
          show(space:out { "job", 7, code = luats.code "return 42" })
          local t = urgent:take { luats.any }
          show(t[1], t.code(), #t.big)
          space:out({ "job", 8 }, nil, function(number) show(number, space:take { "job", luats.any }[2]) got = nil end)
          while got do alua.sleep(0.01) end
          show(urgent:out { "direct" })
        """, ["1", "true 0 0", "2", "3", "seven 42 500000", "4 here", "nil denied/no"])

    def test_what_cannot_be_redirected(self):
        self.play("""
          react("out", [[redirect(t[1])]], { template = { luats.prefix "" , 1 } })
          react("out", [[redirect("other", t[1])]], { template = { luats.any, 2 } })
          react("take", [[redirect "other"]])
          react("out", [[redirect "other"]], { phase = "after" })
          show(space:out { "", 1 })
          show(space:out { "a", 2 })
          show(#space:take { "a", 2 }, space:count(), luats.space "other":count())
        """, ["1", "2", "2 1 0"], "(?s)redirect: .*name.*redirect: .*redirect: only an out can be redirected")

    def test_code_stays_code(self):
        """In a rewrite, in what it puts, and what it makes; the text itself can be looked at."""
        self.play("""
          react("out", [[
            if tostring(t[2]) == 'return 6 * 7' then
              spaces 'copy'.out { t[2], made = luats.code 'return 1 + 1' }
              return { t[1], t[2], { t[2] }, text = tostring(t[2]), kind = type(t[2]) }
            end]], { template = { "run", luats.rest } })
          space:out { "run", luats.code "return 6 * 7" }
          local t = space:take { "run", luats.rest }
          show(t[2](), t[3][1](), t.text, t.kind)
          local copy = luats.space "copy":take { luats.any }
          show(copy[1](), copy.made())
        """, ["42 42 return 6 * 7 table", "42 2"])

    def test_further_operations(self):
        self.play("""
          react("out", [[
            local log = spaces "log"
            log.out { "n", space.count { "job", any } }
            local old = space.take { "old", any }
            log.out({ "old", old and old[2] or "none" }, { ttl = 60 })
            log.out { "read", (space.read { "other", range(1, 5) } or { "", 0 })[2], space.read { "nobody" } == nil }
            log.out { "all", #space.read_all(), #space.take_all({ "x", luats.string }, 1) }
          ]], { template = { "job", luats.any } })
          space:out { "old", 7 } space:out { "other", 9 } space:out { "other", 3 }
          space:out { "x", "a" } space:out { "x", "b" }
          show(space:out { "job", 1 } ~= nil)
          for _, t in ipairs(luats.space "log":take_all()) do show(t[1], t[2], t[3]) end
          show(space:count { "x", luats.any }, space:count { "old", luats.any })
        """, ["true", "n 0 nil", "old 7 nil", "read 3 true", "all 4 1", "1 0"])

    def test_what_it_puts_is_taken_by_who_waits(self):
        self.play("""
          react("out", [[space.out { "echo", t[2] }]], { template = { "call", luats.any }, phase = "after" })
          local got
          space:take({ "echo", luats.any }, nil, function(tuple) got = tuple[2] end)
          space:out { "call", 5 }
          while not got do alua.sleep(0.01) end
          show(got)
        """, ["5"])

    def test_after(self):
        self.play("""
          local log = luats.space "log"
          for _, on in ipairs { "out", "read", "take" } do
            react(on, [[spaces "log".out { on, phase, t[1] } return refuse "too late"]], { phase = "after" })
          end
          show(space:out { "a" }) show(space:read { "a" }) show(space:take { "a" })
          for _ = 1, 3 do show(log:take({ luats.any, luats.any, luats.any })) end
        """, ["1", "a", "a", "out,after,a", "read,after,a", "take,after,a"])

    def test_expire(self):
        self.play("""
          react("expire", [[spaces "log".out { on, t[1], who == nil }]])
          space:out({ "brief" }, { ttl = 0.02 })
          show(luats.space "log":take { "expire", "brief", true } ~= nil)
        """, ["true"])

    def test_several_in_the_order_of_installation(self):
        self.play("""
          for i = 1, 3 do react("out", ("return { t[1] .. %d }"):format(i)) end
          space:out { "t" }
          show(space:take { luats.string })
          react("out", "refuse 'fourth'")
          react("out", "spaces 'log'.out { 'never' }")
          show(space:out { "t" })
          show(luats.space "log":count())
        """, ["t123", "nil denied/fourth", "0"])

    def test_list_and_removal(self):
        self.play("""
          show(#space:reactions())
          local first = react("out", "refuse 'first'")
          local second = react("take", "refuse 'second'", { phase = "after", name = "two" })
          for _, r in ipairs(space:reactions()) do show(r.number, r.on, r.phase, r.name, r.owner == alua.id) end
          show(first:remove()) show(first:remove())
          show(#space:reactions())
          show(space:out { "free" })
          local told
          second:remove(nil, function(ok) told = ok end)
          while told == nil do alua.sleep(0.01) end
          show(told, #space:reactions())
        """, ["0", "1 out before r true", "2 take after two true", "true", "true", "1", "1", "true 0"])

    def test_with_callbacks(self):
        self.play("""
          space:react({ on = "out", code = "refuse 'no'" }, nil, function(r, err)
            show(r.number, err)
            space:reactions(nil, function(list)
              show(#list)
              r:remove(nil, function(ok) show(ok) end)
            end)
          end)
        """, ["1 nil", "1", "true"])

    def test_what_is_wrong_is_said_at_once(self):
        self.play("""
          local function try(wanted) show((select(2, pcall(space.react, space, wanted)):gsub("^.-:%d+: ", ""))) end
          try { on = "put", code = "" }
          try { on = "out", phase = "later", code = "" }
          try { on = "expire", phase = "before", code = "" }
          try { on = "out", code = "return return", name = "broken" }
          try { on = "out", code = 5 }
          try { on = "out", code = "", template = 5 }
          try { on = "out", code = "", color = "red" }
          show(space:react { on = "out", code = "", template = { luats.where "t[" } })
        """, ['on must be "out", "take", "read" or "expire"', 'phase must be "before" or "after"',
              'on = "expire" is only "after"', "unexpected symbol near 'return'",
              "code must be Lua text, got number", "a template must be a table, got number", "unknown option 'color' (code, name, on, phase, strict, template)",
              "nil syntax/position 1: column 3: a value is missing at the end"])

    def test_many_processes(self):
        self.play("""
          if alua.rank == 1 then
            react("out", "return { t[1], t[2], space.count { 'n', any, any } + 1 }", { template = { "n", luats.int } })
            space:out { "go" }
          end
          space:read { "go" }
          for i = 1, 50 do assert(space:out { "n", i }) end
          space:out { "end", alua.rank }
          if alua.rank == 1 then
            for rank = 1, alua.size do space:take { "end", rank } end
            local seen = {}
            for _, t in ipairs(space:take_all { "n", luats.int, luats.int }) do seen[t[3]] = true end
            show(#seen)
          end
        """, ["150"], options=("-n", "3", "--no-label"))

    def test_no_reaction_to_itself(self):
        self.play("""
          react("out", "space.out { 'child of', t[1] } space.out { t[1] }", { phase = "after" })
          react("out", "space.take { 'child of', t[1] }")
          space:out { "a" }
          space:out { "b" }
          show(space:count { luats.string }, space:count { "child of", luats.any })
        """, ["4 2"])


class TestWhatFails(ReactCase):
    def test_an_error(self):
        self.play("""
          react("out", "local x = 1\\nreturn t.x.y", { template = { "bad" } })
          show(space:out { "bad" })
          show(space:out { "good" })
          show(space:out { "bad" })
        """, ["1", "2", "3"], r"(?s)^(alua: luats.reaction r of s: r:2: attempt to index a nil value \(field 'x'\)\n){2}$")

    def test_a_result_that_is_none(self):
        self.play("""
          react("out", "return 5", { template = { "five" } })
          react("out", "return { [5] = 5 }", { template = { "gap" } })
          react("out", "return { any }", { template = { "term" } })
          show(space:out { "five" }) show(space:out { "gap" }) show(space:out { "term" })
        """, ["1", "2", "3"], "(?s)r returned no table.*positions are.*a term is")

    def test_an_operation_that_fails(self):
        self.play("""
          react("out", [[
            local ok, err = pcall(space.out, { "a", any })
            spaces "log".out { tostring(ok), err.code }
            space.out "no tuple"
          ]])
          show(space:out { "x" })
          show(luats.space "log":take { luats.any, luats.any })
        """, ["2", "false,usage"], "luats.reaction r of s: usage: ")

    def test_a_loop_is_stopped_at_its_deadline_and_the_next_one_runs(self):
        result = self.play("""
          react("out", "if t[1] == 'loop' then while true do end end return { t[1], 'seen' }")
          local other = luats.space "other"
          local alone, waited = 0, nil
          space:out({ "loop" }, nil, function(number) waited = number end)
          while not waited do
            assert(other:out { "meanwhile" }) -- Others go on
            alone = alone + 1
          end
          show(alone > 10)
          show(space:out { "next" } ~= nil)
          show(space:take { "next", "seen" })
          show(space:take { "loop" })
        """, ["true", "true", "next,seen", "loop"],
            "^alua: luats.reaction r of s: timeout: the text ran until its deadline, after .* ms\n$")
        self.assertGreater(result.seconds, 0.9)

    def test_one_that_eats_memory(self):
        self.play("""
          react("out", "local all = {} while true do all[#all + 1] = ('x'):rep(1000) .. #all end", { template = { "eat" } })
          show(space:out { "eat" })
          show(space:out { "other" })
        """, ["1", "2"], "^alua: luats.reaction r of s: no_memory: ")

    def test_one_that_asks_without_end(self):
        self.play("""
          react("out", "while true do space.count() end", { template = { "ask" } })
          show(space:out { "ask" })
        """, ["1"], "^alua: luats.reaction r of s: (full|timeout): ")

    def test_a_program_is_not_over_while_a_run_is_under_way(self):
        self.play("""
          react("out", "local s = 0 for i = 1, 1e7 do s = s + i end spaces 'log'.out { 'done' }", { phase = "after" })
          space:out({ "last" }, { background = true }, function() end)
          luats.space "log":take({ "done" }, { background = true }, function() show("done") end)
        """, ["done"])

    def test_a_strict_one_refuses_when_it_fails(self):
        result = self.play("""
          react("out", "if t[1] == 'loop' then while true do end end if t[1] == 'bad' then t = nil .. 1 end", { strict = true })
          show(space:out { "good" })
          show(space:out { "bad" })
          local _, err = space:out { "loop" }
          show(err.code, (err.message:gsub(", after.*", "")))
          show(space:count(), space:reactions()[1].strict)
          show(space:react { on = "out", code = "return", strict = true } ~= nil)
          print(pcall(space.react, space, { on = "out", phase = "after", code = "return", strict = true }))
        """, ["1", "nil denied/a strict reaction failed: r:1: attempt to concatenate a nil value",
              "denied a strict reaction failed: timeout: the text ran until its deadline", "1 true",
              "true", 'false\tstrict is only for phase = "before"'], "(?s)r:1: attempt to.*timeout: ")
        self.assertGreater(result.seconds, 0.9)

    def test_those_that_loop_make_no_other_fail(self):
        """More owners with loops than there are workers: another's reaction waits for its turn, and then does what it should."""
        result = self.run_program(HEAD + """
          if alua.rank > 1 then
            assert(luats.space("loop" .. alua.rank):react { on = "out", phase = "after", code = "while true do end" })
            luats.out { "ready" }
            luats.read { "go" }
            luats.space("loop" .. alua.rank):out { 1 }
            luats.out { "looping" }
            luats.read { "over" }
            return
          end
          react("out", "return refuse 'no'")
          for _ = 1, 19 do luats.take { "ready" } end
          luats.out { "go" }
          for _ = 1, 19 do luats.take { "looping" } end
          for _ = 1, 3 do show(space:out { "mine" }) end
          luats.out { "over" }
        """, options=("-n", 20, "--no-label"))
        self.assertEqual(result.lines, ["nil denied/no"] * 3, result)

    def test_no_program_alua_jail(self):
        """The broker says so at once, and serves on."""
        result = self.run_program(HEAD + """
          local r, err = space:react { on = "out", code = "return" }
          show(r, err.code) print(err.message)
          show(space:out { "x" })
        """, env={"ALUA_JAIL": str(self.dir / "nowhere")})
        self.assertEqual(result.lines, ["nil system", f"reactions cannot run here: {self.dir}/nowhere: "
                                        "No such file or directory", "1"], result)
        self.assertEqual(result.status, 0)

    def test_the_program_disappears_later(self):
        """What was installed fails, and the operations go on."""
        link = self.dir / "alua-jail"
        link.symlink_to(JAIL)
        run = self.start("run", self.program(HEAD + """
          react("out", "return { t[1] .. '!' }")
          space:out { "a" }
          show(space:take { "a!" })
          show "ready"
          while not io.open(arg[1]) do alua.sleep(0.01) end
          space:out { "b" }
          show(space:take { luats.string })
        """), self.dir / "go", env={"ALUA_JAIL": str(link)})
        run.expect("ready")
        server = self.jail_of(run)
        link.unlink()
        os.kill(server[0], signal.SIGKILL)
        self.assert_dead(server)
        (self.dir / "go").touch()
        result = run.wait()
        self.assertEqual(result.lines, ["a!", "ready", "b"], result)
        self.assertRegex(result.err, "luats.reaction r of s: system: .*jail: No such file or directory")


class TestWhatEnds(ReactCase):
    def test_the_owner_is_killed(self):
        """Its reactions end with it; an operation that one was asked about goes on."""
        broker = self.start_broker()
        owner = self.start("run", "--broker", broker.endpoint, self.program(HEAD + """
          react("out", "if t[1] == 'slow' then while true do end end refuse 'mine'")
          show("installed") alua.sleep(1000)
        """, "owner.lua"))
        owner.expect("installed")
        other = self.start("run", "--broker", broker.endpoint, self.program(HEAD + """
          show(space:out { "x" })
          space:out({ "slow" }, nil, function(...) show("slow", ...) end)
          show("asked")
          while #space:reactions() > 0 do alua.sleep(0.01) end
          show(space:out { "free" } ~= nil)
        """, "other.lua"))
        other.expect("asked")
        owner.kill_group(signal.SIGKILL)
        result = other.wait()
        self.assertEqual(sorted(result.lines), ["asked", "nil denied/mine", "slow 1", "true"], result)

    def test_nothing_is_left_after_a_run(self):
        """The launcher does not wait for its idle jail, nor for one that loops in the background."""
        run = self.start("run", self.program(HEAD + """
          react("out", "if t[1] == 'x' then return end while true do end")
          space:out { "x" }
          show "ready"
          while not io.open(arg[1]) do alua.sleep(0.01) end
          alua.exit(0)
        """), self.dir / "go")
        run.expect("ready")
        jail = self.jail_of(run)
        (self.dir / "go").touch()
        result = run.wait()
        self.assertEqual((result.status, result.err), (0, ""))
        self.assert_dead(jail)
        self.assert_nothing_left()

    def test_the_launcher_is_killed(self):
        run = self.start("run", self.program(HEAD + """
          react("out", "if t[1] == 'x' then return end while true do end", { phase = "after" })
          space:out { "x" }
          space:out { "loop" }
          show "ready" alua.sleep(1000)
        """))
        run.expect("ready")
        jail = self.jail_of(run)
        run.kill(signal.SIGKILL)
        self.assert_dead(jail)

    def test_the_broker_is_stopped_and_comes_back(self):
        """Reactions are installed anew, as watches are."""
        broker = self.start_broker()
        run = self.start("run", "--broker", broker.endpoint, self.program(HEAD + """
          react("out", "refuse 'no'")
          show(space:out { "x" })
          luats.lost(function() show "lost" end)
          show "ready"
          while not io.open(arg[1]) do alua.sleep(0.01) end
          while #assert(space:reactions()) == 0 do alua.sleep(0.01) end
          show(space:out { "x" })
        """), self.dir / "go")
        run.expect("ready")
        jail = self.jail_of(broker)
        broker.stop()
        self.assert_dead(jail)
        self.start_broker()
        run.expect("lost")
        (self.dir / "go").touch()
        self.assertEqual(run.wait().lines, ["nil denied/no", "ready", "lost", "nil denied/no"])


class TestReadyMade(ReactCase):
    def play(self, text, *rest, **options):
        return super().play('local reactions = require "luats.reactions"\n' + text, *rest, **options)

    def test_access_log(self):
        self.play("""
          local log = assert(reactions.access_log(space, luats.space "log"))
          space:out { "a", 1 } space:read { "a", 1 } space:take { "a", 1 }
          for _, on in ipairs { "out", "read", "take" } do
            local entry = luats.space "log":take { on, alua.id, luats.table }
            show(entry[1], entry[3][1], entry[3][2])
          end
          show(log:remove(), #space:reactions())
        """, ["out a 1", "read a 1", "take a 1", "true 0"])

    def test_quota(self):
        self.play("""
          local limit = { "job", luats.range(1, nil), note = luats.oneof('a\\n"b\\\\', luats.prefix "x", 1.5, false) }
          assert(reactions.quota(space, limit, 2))
          show(space:out { "job", 1, note = "xx" })
          show(space:out { "job", 2, note = 'a\\n"b\\\\' })
          show(space:out { "job", 3, note = 1.5 })
          show(space:out { "job", 3, note = "another" })
          show(space:out { "job", 0, note = "xx" })
          space:take { "job", 2, note = luats.any }
          show(space:out { "job", 3, note = false })
        """, ["1", "2", "nil denied/there are 2 already", "3", "4", "5"])

    def test_quota_of_code(self):
        self.play("""
          assert(reactions.quota(space, { "f", luats.code "return 1", luats.any }, 1))
          show(space:out { "f", luats.code "return 1", 1 })
          show(space:out { "f", luats.code "return 1", 2 })
          show(space:out { "f", luats.code "return 2", 2 })
        """, ["1", "nil denied/there are 1 already", "2"])

    def test_join(self):
        self.play("""
          assert(reactions.join(space, { "left", luats.int }, { "right", luats.int }, "pairs"))
          for _, t in ipairs { { "left", 1 }, { "right", 2 }, { "right", 3 }, { "left", 4 }, { "left", 5 } } do space:out(t) end
          for _ = 1, 2 do
            local pair = luats.space "pairs":take { luats.table, luats.table }
            show(pair[1][1], pair[1][2], pair[2][1], pair[2][2])
          end
          show(space:count(), luats.space "pairs":count())
        """, ["left 1 right 2", "left 4 right 3", "1 0"])

    def test_join_of_what_is_alike(self):
        self.play("""
          assert(reactions.join(space, { "x", luats.any }, { luats.any, luats.int }, "pairs"))
          space:out { "x", 1 }
          show(space:count(), luats.space "pairs":count())
          space:out { "y", 2 }
          local pair = luats.space "pairs":take { luats.table, luats.table }
          show(pair[1][1], pair[2][1], space:count())
        """, ["1 0", "x y 0"])

    def test_barrier(self):
        """Nobody goes on before all have arrived, in no round."""
        self.play("""
          local arrived = luats.space "arrived"
          if alua.rank == 1 then
            assert(reactions.barrier(space, "gate", alua.size))
            space:out { "go" }
          end
          space:read { "go" }
          for round = 1, 20 do
            arrived:out { round }
            assert(reactions.arrive(space, "gate"))
            if arrived:count { round } ~= alua.size then show("too early", round) end
          end
          if alua.rank == 1 then show(space:count()) end
        """, ["1"], options=("-n", "3", "--no-label"))

    def test_who_gives_up_at_a_barrier_has_not_arrived(self):
        """Else its second call would open it alone."""
        self.play("""
          assert(reactions.barrier(space, "gate", 2))
          for _ = 1, 3 do
            local ok, err = reactions.arrive(space, "gate", { timeout = 0.02 })
            show(ok, err.code, space:count())
          end
          function arrives() return reactions.arrive(space, "gate") end
          local future = luarpc.future(alua.id, "arrives")()
          while space:stat().waiters == 0 do alua.sleep(0.001) end
          future:cancel()
          while space:count() > 0 do alua.sleep(0.001) end
          local id = next(alua.spawn(1).processes)
          alua.send(id, "require 'luats.reactions'.arrive(luats.space 's', 'gate')")
          show(reactions.arrive(space, "gate", { timeout = 10 }))
        """, ["nil timeout 0"] * 3 + ["true"])

    def test_what_a_text_may_ask_for_at_once(self):
        """A limit beyond 1024 is an error of the run, and not less than was asked for."""
        self.play("""
          react("out", "return refuse('#' .. #space.read_all({ 'm' }, 5000))", { strict = true })
          space:out { "m" }
          show(space:out { "x" })
        """, ["nil denied/a strict reaction failed: usage: READ: all is not a number of tuples from 1 to 1024, or true"],
                  err="1 to 1024")

    def test_the_example_keeps_its_bound(self):
        result = self.run_alua("run", "-n", 4, "--no-label", harness.ROOT / "examples/buffer.lua", 20, 2)
        self.assertEqual((result.err, result.status), ("", 0))
        wanted = [f"consumes {rank * 1000 + i}" for rank in (2, 4) for i in range(1, 21)]
        self.assertEqual(sorted(result.lines), sorted(wanted))
