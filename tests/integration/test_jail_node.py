"""Chunks of authors with right jail, at a real node: what they find, how they end, and that neighbours notice nothing"""
import os
import re

import harness
import keyed

POLICY = """return { keys = {
  ana = { code = { carl = "full", bob = "full" } }, carl = { call = true },
  bob = { code = { ana = "jail", carl = "full" }, call = { "tick" } },
} }"""

ANA = """
luarpc.export("tick", function() return 1 end)
luarpc.export("told", function() return told end)
secret = 7
show "serving"
alua.loop()"""


def chunks():
    """(name, expected, code) of each hostile chunk."""
    for path in sorted((harness.ROOT / "tests/jail").glob("*.lua")):
        for part in path.read_text(encoding="latin-1").split("\n--## ")[1:]:
            head, code = part.split("\n", 1)
            name, expected = head.rsplit(" -> ", 1)
            yield f"{path.stem}: {name}", expected.strip(), code


class JailCase(keyed.Case):
    def setUp(self):
        super().setUp()
        self.start_keyed(POLICY, ("ana", "bob", "carl"))
        self.ana = self.keyed_node("ana", ANA)
        self.ana.expect("serving")

    def bob(self, text):
        return self.keyed_node("bob", 'local core = require "alua.core"\n' + text)


class TestJail(JailCase):
    def test_what_a_chunk_finds(self):
        bob = self.bob("""
            show("id", alua.eval("ana", "return alua.id, secret, io, os.exit, select('#', ...), ...", 1, nil, "x"))
            show("state", alua.eval("ana", "n = (n or 0) + 1 return n"), alua.eval("ana", "n = (n or 0) + 1 return n"))
            show("require", alua.eval("ana", "return require 'alua'"))
            show("line", alua.eval("ana", "local a\\nerror 'here'"))
            local f, err = alua.eval("ana", "return {}, {1, {2}}, 2^53, 'a\\0b'")
            show("values", type(f), err[2][1])
            show("nothing", alua.eval("ana", ""))
            show("end")""")
        bob.expect("^id 1@ana nil nil nil 3 1 nil x$")
        bob.expect("^state 1 1$")
        bob.expect("^require nil denied!/there are no modules in the jail")
        bob.expect("^line nil remote!/.*:2: here")
        bob.expect("^values table 2$")
        bob.expect("^nothing$")

    def test_ends_are_typed_and_say_where(self):
        bob = self.bob("""
            local function try(what, code, timeout)
              core.chunk("ana", code, "=it", 2, timeout, function(...) show(what, select(2, ...), (select(2, ...) or {}).node) end)
            end
            try("loop", "while true do end", 0.3)
            try("memory", "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", 20)
            try("syntax", "this is no Lua", 20)
            try("error", "error { code = 'mine' }", 20)
            try("bytes", "\\27Lua", 20)
            try("unsendable", "return print", 20)
            try("deep", "local t = {} for i = 1, 100 do t = { t } end return t", 20)
            alua.sleep(8)""")
        bob.expect(r"^loop timeout[!?]")
        bob.expect("^memory no_memory.* 1@ana$", 60)
        bob.expect("^syntax syntax.* 1@ana$")
        bob.expect("^error .* 1@ana$")
        bob.expect("^bytes syntax.* 1@ana$")
        bob.expect("^unsendable unsendable.* 1@ana$")
        bob.expect("^deep too_deep.* 1@ana$")

    def test_the_node_itself_ends_a_loop_without_deadline(self):
        bob = self.bob("""
            local from = alua.now()
            core.chunk("ana", "while true do end", "=it", 2, math.huge, function(_, err) show("ended", err, alua.now() - from) end)
            alua.loop()""")
        took = float(bob.expect(r"^ended timeout[!?].* ([\d.]+)$", 30)[1])
        self.assertGreater(took, 9.5)

    def test_what_a_chunk_sends_has_its_authors_rights(self):
        carl = self.keyed_node("carl", "alua.loop()")
        bob = self.bob("""
            function note(...) show("note", ...) end
            show("carl", alua.eval("ana", "return alua.send('1@carl', 'print(\\"from\\", ...) io.stdout:flush()', 5, nil, 'x')"))
            show("back", alua.eval("ana", "return alua.send('1@bob', 'note(...)', 6)"))
            show("fails", alua.eval("ana", "return alua.send('1@carl', 'error()')"))
            show("self", alua.eval("ana", "return alua.send(alua.id, 'secret = 8')"))
            show("other", alua.eval("ana", "return pcall(alua.send, 'dora', 'return')"))
            show("broker", alua.eval("ana", "return pcall(alua.send, 'broker', 'return')"))
            show("wrong", alua.eval("ana", "return alua.send('1@carl')"))
            show("end") alua.loop()""")
        bob.expect("^carl true$")
        carl.expect("^from\t5\tnil\tx$")
        bob.expect("^back true$")
        bob.expect("^note 6$")
        bob.expect("^self nil usage!/alua.send: the text runs here already")
        bob.expect("^other false denied!/alua.send: 1@bob has no right 'code' in full on node dora")
        bob.expect("^broker false denied!")
        bob.expect("^wrong nil usage!")
        self.ana.expect("alua: alua.send: 1@bob has no right")
        self.ana.expect("alua: jail: what was sent to 1@carl failed: remote")

    def test_print_is_a_line_of_the_log_and_harmless(self):
        bob = self.bob("""
            show("printed", alua.eval("ana", "print('a\\\\27[31mb\\\\nalua: denied: c', 7, {}) return 'yes'"))
            show("much", alua.eval("ana", "for i = 1, 1000 do print(i) end"))
            show("long", alua.eval("ana", "print(('x'):rep(60000))"))
            show("end")""")
        bob.expect("^printed yes")
        self.ana.expect(r"^alua: jail: 1@bob prints: a\\x1b\[31mb\\x0aalua: denied: c 7 \(a value\)$")
        bob.expect("^much nil full")
        bob.expect("^long")
        bob.expect("^end")
        self.assertLess(len(self.ana.err), 60, "lines are bounded")
        self.assertLess(max(map(len, self.ana.err)), 800)

    def test_what_is_cancelled_ends(self):
        bob = self.bob("""
            core.chunk("ana", "while true do end", "=it", 2, 0.2, function(_, err) show("ended", err.code) end)
            alua.sleep(0.5)
            local from = alua.now()
            show("next", alua.eval("ana", "return 1"), alua.now() - from < 3)""")
        bob.expect("^ended timeout")
        bob.expect("^next 1 true")


class TestNeighbours(JailCase):
    CARL = """
        luarpc.export("tick", function() return 1 end)
        local worst, count = 0, 0
        while true do
          local from = alua.now()
          local n, err = luarpc.sync("ana", "tick")()
          if n ~= 1 then show("failed", err) break end
          worst, count = math.max(worst, alua.now() - from), count + 1
          if count % 100 == 0 then show("worst", worst, "of", count) end
          alua.sleep(0.002)
        end
        alua.loop()"""

    def test_hostile_chunks(self):
        """Each has one of the ends it must have, and a neighbour's calls go on."""
        carl = self.keyed_node("carl", self.CARL)
        wanted = {}
        list_ = self.dir / "chunks"
        list_.mkdir()
        for number, (name, expected, code) in enumerate(chunks()):
            (list_ / str(number)).write_text(code, encoding="latin-1")
            wanted[number] = (name, expected, code)
        program = "for i, t in pairs { %s } do local f = io.open('%s/' .. i, 'rb') local code = f:read 'a' f:close()" % (
            ", ".join(f"[{n}] = {0.25 if 'timeout' in e else 10}" for n, (_, e, _) in wanted.items()), list_)
        bob = self.bob(program + """
              local done
              core.await(function(resume) core.chunk("ana", code, "=" .. i, 2, t, function(...) done = table.pack(...) resume() end) end, "it")
              local err = done[2]
              show("chunk", i, luarpc.iserror(err) and done[1] == nil and err.code or "ok")
            end
            show "all"
            show("neighbour", luarpc.sync("carl", "tick")())""")
        bob.expect("^all", 150)
        wrong = []
        for line in bob.out:
            found = re.match(r"chunk (\d+) (\S+)", line)
            if found:
                name, expected, code = wanted.pop(int(found[1]))
                if found[2] not in expected.split("|") and not re.search(r"\b(echo|fail)\b", code):
                    wrong.append(f"{name}: {found[2]}, not {expected}")
        self.assertEqual(wrong, [])
        self.assertEqual(wanted, {})
        self.assertFalse([line for line in carl.out if "failed" in line])
        worst, count = re.match(r"worst (\S+) of (\d+)", [line for line in carl.out if "worst" in line][-1]).groups()
        self.assertGreater(int(count), 100)
        self.assertLess(float(worst), 2 if "ALUA_TEST_PATIENCE" not in os.environ else 10)
