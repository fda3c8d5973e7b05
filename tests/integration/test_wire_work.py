"""Work that goes wrong: chunks and calls that fail, values that cannot be sent, memory that is refused"""
import re
import resource
import unittest

import harness
import wire_client
import wire_hostile
from wire_client import Failed, LIMITS

SERVER = """
function add(a, b) return a + b end
function echo(...) return ... end
function count(t) return #t end
function why(who, name, ...)
  local none, err = luarpc.sync(who, name, { timeout = 10 })(...)
  if none == nil and err then return err.code, err.message, err.definite end
  return "ok", none
end
alua.loop()
"""


class Case(harness.Case):
    """Two nodes, ana and bob, and a client that tells them what to do."""

    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        server = self.program(SERVER, "server.lua")
        self.ana, self.bob = (self.start_node(name, server) for name in ("ana", "bob"))
        self.client = wire_client.Link(self.broker.endpoint, wire_client.token_of(self.runtime / "alua"), timeout=harness.PATIENCE)
        self.addCleanup(self.client.leave)
        self.client.open(visitor=True)

    def fails(self, code, *args):
        """A chunk on ana fails with this code; the message."""
        with self.assertRaises(Failed) as caught:
            self.client.chunk("ana", *args)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.serves()
        return caught.exception

    def why(self, expression):
        """ana calls bob's echo with this argument list: code, message."""
        got = self.client.chunk("ana", f"return why('bob', 'echo', {expression})")
        self.serves()
        return got

    def serves(self):
        for name in ("ana", "bob"):
            self.assertEqual(self.client.call(name, "add", 1, 2), [3])


class TestChunks(Case):
    def test_syntax_error(self):
        self.assertRegex(self.fails("syntax", "x = = 1").text, r"^chunk:1: unexpected symbol near '='")
        self.fails("syntax", "goto nowhere")
        self.fails("syntax", "return '\\300")
        self.fails("syntax", "for")
        self.fails("syntax", "return " + "(" * 300 + "1" + ")" * 300)           # Deeper than C allows
        self.fails("syntax", "local " + ",".join("a%d" % i for i in range(300)))
        self.fails("syntax", "\x1bLua\x54\x00\x19\x93\r\n\x1a\n" + "\0" * 100)

    def test_runtime_error(self):
        failed = self.fails("remote", "local t = nil\nreturn t.x")
        self.assertRegex(failed.text, "^chunk:2: attempt to index a nil value")
        self.assertRegex(failed.error["traceback"][0], "(?s)1@ana.*chunk:2: in main chunk")
        self.assertTrue(failed.error["definite"])
        self.fails("remote", "error()")
        self.fails("remote", "return nil .. 'x'")
        self.assertIn("stack overflow", self.fails("remote", "local function f() return 1 + f() end f()").text)
        self.assertIn("stack overflow", self.fails("remote", "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end "
                                                             "return t.x").text)

    def test_what_is_thrown(self):
        self.assertEqual(self.fails("remote", "error('plain', 0)").text, "plain")
        self.assertEqual(self.fails("remote", "error({ a = { 1, 2 } })").error["value"], {"a": [1, 2]})
        self.assertEqual(self.fails("remote", "error(42)").text[-2:], "42")
        self.fails("remote", "error(nil)")
        self.fails("remote", "error(false)")
        self.fails("remote", "error(print)")
        self.fails("remote", "error(io.stdout)")
        self.fails("remote", "error(coroutine.create(print))")
        self.fails("remote", "local t = {} t.t = t error(t)")
        self.fails("remote", "error(string.rep('x', 5000000))")
        self.fails("remote", "error(setmetatable({}, { __tostring = function() error('again') end }))")
        self.fails("remote", "error(setmetatable({}, { __tostring = function() return 5 end }))")
        self.assertIn("nice", self.fails("remote", "error(setmetatable({}, { __tostring = function() return 'nice' end }))").text)
        self.fails("remote", "error(setmetatable({}, { __name = {}, __index = error }))")
        self.fails("remote", "error(setmetatable({}, { __close = error, __gc = error, __pack = error }))")

    def test_an_error_that_came_from_elsewhere_goes_on(self):
        failed = self.fails("remote", "assert(luarpc.sync('bob', 'error')('deep', 0))")
        self.assertIn("deep", failed.text)
        failed = self.fails("no_function", "error(select(2, luarpc.sync('bob', 'nothing')()))")
        self.assertEqual(failed.error["node"], "1@bob")

    def test_coroutines_and_goings_astray(self):
        self.fails("remote", "coroutine.yield(1)")
        self.assertEqual(self.client.chunk("ana", "return coroutine.wrap(function() coroutine.yield(1) end)()"), [1])
        self.fails("remote", "coroutine.close(coroutine.running())")
        self.assertEqual(self.client.chunk("ana", "return pcall(coroutine.wrap(function() alua.sleep(0) end))")[0], False)
        self.client.chunk("ana", "debug.sethook(function() error('hooked', 0) end, '', 1000) local ok, e = pcall(function() while true do end end) debug.sethook() return e")
        self.client.chunk("ana", "collectgarbage('stop') collectgarbage('restart')")
        self.client.chunk("ana", "setmetatable({}, { __gc = function() error('in gc') end }) collectgarbage()")
        self.serves()


class TestResults(Case):
    def test_too_large(self):
        for code in ("return string.rep('x', 1200000)", "return string.rep('x', 100000000)",
                     "local t = {} for i = 1, 300000 do t[i] = i end return t", "local t = {} for i = 1, 2000000 do t[i] = i end return t"):
            failed = self.fails("too_big", code)
            self.assertIn("results[1]", failed.text)
        self.assertEqual(len(self.client.chunk("ana", "return string.rep('x', 1000000)")[0]), 1000000)

    def test_too_deep(self):
        make = "local t = {} for i = 1, %d do t = { t } end return t"
        self.fails("too_deep", make % 100)
        self.fails("too_deep", make % 100000)
        self.client.chunk("ana", make % 40)

    def test_endless(self):
        """A table that grows while it is read, through metamethods: none of them is asked."""
        self.assertEqual(self.client.chunk("ana", "return setmetatable({}, { __index = function(t, k) return k end, __len = function() return 1e9 end, "
                                                  "__pairs = function() return function(_, k) return (k or 0) + 1, 1 end end })"), [{}])
        self.assertEqual(self.client.chunk("ana", "return table.unpack({}, 1, 10000)"), [None] * 10000)
        failed = self.fails("remote", "return table.unpack({}, 1, 10000000)")
        self.assertIn("too many results", failed.text)

    def test_that_cannot_be_sent(self):
        for code, path in (("return print", r"results\[1\]: function"), ("return 1, { x = { io.stdout } }", r"results\[2\]\.x\[1\]: userdata"),
                           ("return { [print] = 1 }", "results"), ("return { [{}] = 1 }", "results"), ("return coroutine.running()", r"results\[1\]: thread"),
                           ("local t = {} t.self = t return t", r"results\[1\]\.self"), ("return { ['a b'] = { [5.5] = print } }", r"results\[1\]\[\"a b\"\]\[5\.5\]")):
            self.assertRegex(self.fails("unsendable", code).text, path)

    def test_the_pack_hook(self):
        pack = "return setmetatable({}, { __pack = %s })"
        self.assertEqual(self.client.chunk("ana", pack % "function() return { packed = 1 } end"), [{"packed": 1}])
        self.assertIn("no", self.fails("unsendable", pack % "function() error('no') end").text)
        self.fails("unsendable", pack % "function() return print end")
        for hook in ("function(self) return self end", "function(self) return { self } end", "5", "function() alua.sleep(0.01) return 1 end",
                     "function() return end", "string.rep"):
            try:
                self.client.chunk("ana", pack % hook)
            except Failed as error:
                self.assertIn(error.code, ("remote", "unsendable", "too_deep", "usage"), hook)
            self.serves()


class TestArguments(Case):
    def test_that_cannot_be_sent(self):
        for arguments, path in (("1, { player = { socket = io.stdout } }", r"args\[2\]\.player\.socket: userdata"), ("print", r"args\[1\]: function"),
                                ("coroutine.running()", r"args\[1\]: thread"), ("{ { [{}] = 1 } }", r"args\[1\]\[1\]")):
            code, text = self.why(arguments)[:2]
            self.assertEqual(code, "unsendable")
            self.assertRegex(text, path)

    def test_too_large_and_too_deep(self):
        code, text, definite = self.why("string.rep('x', 1200000)")
        self.assertEqual((code, definite), ("too_big", True))
        self.assertEqual(self.why("(function() local t = {} for i = 1, 300000 do t[i] = 1 end return t end)()")[0], "too_big")
        self.assertEqual(self.why("(function() local t = {} for i = 1, 70 do t = { t } end return t end)()")[0], "too_deep")
        self.assertEqual(self.why("string.rep('x', 1000000)")[0], "ok")

    def test_names_that_are_none(self):
        for name in ("''", "'x..y'", "'.'", "string.rep('x', 300)", "'add.x'", "'string.rep.x.y'", "'_G'", "'\\0'"):
            got = self.client.chunk("ana", f"return pcall(why, 'bob', {name})")
            self.assertTrue(got[0] is False or got[1] in ("no_function", "usage", "too_big", "malformed"), (name, got))
            self.serves()

    def test_one_that_is_unsendable_leaves_nothing_behind(self):
        before = wire_hostile.resident(self.ana.pid)
        for _ in range(20):
            self.client.chunk("ana", "local big = string.rep('x', 900000) for i = 1, 100 do why('bob', 'echo', big, print) end")
        self.assertLess(wire_hostile.resident(self.ana.pid) - before, 20000)


@unittest.skipIf(harness.SANITIZED, "the address sanitizer takes its own address space as it likes, and ends the process without it")
class TestMemory(Case):
    """Memory is refused to bob at ever other places: each call has a coded outcome, and bob lives."""

    def limit(self, extra):
        """Let bob's address space grow by that many bytes; None: as far as it likes."""
        most = resource.RLIM_INFINITY
        if extra is not None:
            status = open(f"/proc/{self.bob.pid}/status").read()
            most = int(re.search(r"VmSize:\s+(\d+)", status)[1]) * 1024 + extra
        resource.prlimit(self.bob.pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

    def outcomes(self, function):
        """What comes of it with all limits from next to nothing to plenty."""
        codes = set()
        for extra in [0, 1 << 12] + [n << 18 for n in range(1, 16)] + [n << 22 for n in range(1, 16)]:
            self.limit(extra)
            try:
                function()
                codes.add("ok")
            except Failed as error:
                codes.add(error.code)
            finally:
                self.limit(None)
            self.assertTrue(self.bob.alive(), "".join(self.bob.err))
            self.serves()
            self.client.chunk("bob", "collectgarbage()")
        return codes

    def test_while_arguments_are_decoded(self):
        many = [[] for _ in range(200000)]
        codes = self.outcomes(lambda: self.client.call("bob", "count", many))
        self.assertEqual(codes, {"ok", "no_memory"})

    def test_while_results_are_encoded(self):
        self.client.chunk("bob", "big = {} for i = 1, 100000 do big[i] = { i } end function get() return big end")
        codes = self.outcomes(lambda: self.client.call("bob", "get"))
        self.assertLessEqual(codes, {"ok", "no_memory"})

    def test_in_the_chunk_itself(self):
        codes = self.outcomes(lambda: self.client.chunk("bob", "local t = {} for i = 1, 200000 do t[i] = { i } end return #t"))
        self.assertEqual(codes, {"ok", "no_memory"})
        codes = self.outcomes(lambda: self.client.chunk("bob", "return #string.rep('x', 30000000)"))
        self.assertEqual(codes, {"ok", "no_memory"})

    def test_while_a_chunk_is_compiled(self):
        code = "local t = {" + "'some text %d', " * 40000 % tuple(range(40000)) + "} return #t"
        codes = self.outcomes(lambda: self.client.chunk("bob", code))
        self.assertEqual(codes, {"ok", "no_memory"})

    def test_while_it_calls_others(self):
        codes = self.outcomes(lambda: self.client.chunk("bob", "local t = {} for i = 1, 50000 do t[i] = { i } end "
                                                               "return #assert(luarpc.sync('ana', 'echo')(t))"))
        self.assertEqual(codes, {"ok", "no_memory"})


if __name__ == "__main__":
    unittest.main()
