"""What `cmake --install` puts into a prefix stands by itself: the command, the Lua modules, the C library"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import harness

BUILD = pathlib.Path(harness.ALUA).resolve().parents[1]
EXAMPLE = harness.ROOT / "examples/c"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


def missing():
    """Why nothing can be tested here, or None."""
    cache = BUILD / "CMakeCache.txt"
    if not cache.exists():
        return f"{harness.ALUA} is in no build directory"
    if not (BUILD / "libalua.a").exists():
        return f"libalua.a is not built: ninja -C {BUILD}"
    if not any(line.startswith("ALUA_SANITIZE:") and line.endswith("=\n") for line in cache.open()):
        return "a build with sanitizers: programs would have to be built with the same"
    return None


def tool(*names):
    return next((name for name in names if shutil.which(name)), None)


@unittest.skipIf(missing(), missing())
class TestInstall(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.prefix = pathlib.Path(tempfile.mkdtemp(prefix="alp"))
        cls.addClassCleanup(shutil.rmtree, cls.prefix)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, stdout=subprocess.DEVNULL)

    def setUp(self):
        super().setUp()
        program = unittest.mock.patch.object(harness, "ALUA", str(self.prefix / "bin/alua"))
        program.start()
        self.addCleanup(program.stop)
        self.env["PATH"] = f"{self.prefix}/bin:{self.env['PATH']}"
        library = next(self.prefix.glob("lib/**/libalua.a")).parent
        self.env["PKG_CONFIG_PATH"] = f"{library}/pkgconfig"

    def command(self, *args, status=0, env=None):
        """Run something else than `alua`: its output."""
        done = subprocess.run([str(arg) for arg in args], env={**self.env, **(env or {})}, cwd=self.dir, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=harness.PATIENCE * 3)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def test_reactions_run(self):
        """alua-jail is found where it was installed."""
        result = self.run_program("""
          local space = luats.space "s"
          assert(space:react { on = "out", code = "return { t[1] .. '!' }" })
          space:out { "hello" }
          print(space:take({ luats.string })[1])
        """)
        self.assertEqual((result.out, result.err, result.status), ("hello!\n", "", 0))

    def serve(self):
        """A network with a node "ana", of the installed command."""
        broker = self.start_broker()
        self.start_node("ana", self.program("function greet(who) return 'hello ' .. who, #who end", "ana.lua"))
        return broker.endpoint

    #  ---- The command ------------------------------------------------------

    def test_the_command_brings_its_own_modules(self):
        result = self.run_program("for _, name in ipairs { 'alua', 'dalua', 'ad', 'luarpc', 'alua.cli.run' } do\n"
                                  "  print(package.searchpath(name, package.path))\nend")
        self.assertEqual(result.status, 0, result)
        modules = self.prefix / "share/lua/5.4"
        places = [os.path.realpath(line) for line in result.lines]
        self.assertEqual(places, [os.path.realpath(modules / name) for name in
                                  ("alua.lua", "dalua.lua", "ad.lua", "luarpc.lua", "alua/cli/run.lua")])

    def test_the_command_starts_processes_and_networks(self):
        result = self.run_program("print(alua.eval(next(alua.spawn(1).processes), 'return 6 * 7'))")
        self.assertEqual((result.status, result.out), (0, "42\n"), result)
        self.serve()
        self.assertEqual(self.run_alua("call", "ana", "greet", "you").out, "hello you\n3\n")

    def test_a_linked_command_finds_its_modules(self):
        link = self.dir / "elsewhere"
        link.symlink_to(harness.ALUA)
        self.assertIn("NAME", self.command(link, "help", "run"))

    #  ---- Plain Lua --------------------------------------------------------

    @unittest.skipUnless(tool("lua5.4"), "no lua5.4")
    def test_plain_lua_joins_a_network_and_spawns(self):
        endpoint = self.serve()
        file = self.program("assert(not alua.id)\n"
                            "print(alua.open().status, dalua.self() == alua.id, luarpc == nil)\n"
                            "print(require('luarpc').sync('ana', 'greet')('Lua'))\n"
                            "local id = next(alua.spawn(1).processes)\n"
                            "print(alua.eval(id, 'return luarpc ~= nil, 6 * 7'))\n")
        modules = {"LUA_PATH": f"{self.prefix}/share/lua/5.4/?.lua;;", "LUA_CPATH": f"{self.prefix}/lib/lua/5.4/?.so;;",
                   "ALUA_BROKER": endpoint}
        out = self.command("lua5.4", "-l", "alua", "-l", "dalua", file, env=modules)
        self.assertEqual(out, "ok\ttrue\ttrue\nhello Lua\t3\ntrue\t42\n")

    @unittest.skipUnless(tool("lua5.4"), "no lua5.4")
    def test_plain_lua_without_the_program_says_what_helps(self):
        """Once it said no more than "the operating system refused"."""
        file = self.program("local reply = alua.open { addr = '127.0.0.1', port = 0 }\n"
                            "print(reply.status, reply.error)\n")
        modules = {"LUA_PATH": f"{self.prefix}/share/lua/5.4/?.lua;;", "LUA_CPATH": f"{self.prefix}/lib/lua/5.4/?.so;;",
                   "ALUA": "/nowhere/alua"}
        out = self.command("lua5.4", "-l", "alua", file, env=modules)
        self.assertRegex(out, r"^error\tcannot start /nowhere/alua: no such file.*PATH.*ALUA\n$")

    #  ---- C ----------------------------------------------------------------

    def assert_the_program_calls(self, program):
        self.serve()
        self.assertEqual(self.command(program, "ana", "greet", "C"), "hello C\n1\n")
        self.assertEqual(self.command(program, "ana", "math.max", 3, 14, -15), "14\n")
        self.assertIn("(no_function)", self.command(program, "ana", "greeet", status=1))
        self.assertIn("(unknown)", self.command(program, "bob", "greet", status=1))

    def build_with_pkg_config(self, compiler):
        flags = self.command("pkg-config", "--cflags", "--libs", "alua").split()
        program = self.dir / "call"
        self.assertEqual(self.command(compiler, "-std=c11", *WARNINGS, EXAMPLE / "call.c", *flags, "-o", program), "")
        return program

    @unittest.skipUnless(tool("cc") and tool("pkg-config"), "no cc, or no pkg-config")
    def test_a_c_program_by_pkg_config(self):
        self.assert_the_program_calls(self.build_with_pkg_config("cc"))

    @unittest.skipUnless(tool("clang") and tool("pkg-config"), "no clang, or no pkg-config")
    def test_a_c_program_of_another_compiler(self):
        self.assert_the_program_calls(self.build_with_pkg_config("clang"))

    @unittest.skipUnless(tool("cc") and tool("cmake") and tool("ninja"), "no cc, no cmake, or no ninja")
    def test_a_c_program_by_cmake(self):
        build = self.dir / "b"
        self.command("cmake", "-G", "Ninja", "-S", EXAMPLE, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.command("cmake", "--build", build)
        self.assert_the_program_calls(build / "call")

    @unittest.skipUnless(tool("cc") and tool("pkg-config"), "no cc, or no pkg-config")
    def test_each_header_stands_by_itself(self):
        flags = self.command("pkg-config", "--cflags", "alua").split()
        for header in sorted((self.prefix / "include/alua").glob("*.h")):
            source = self.dir / "header.c"
            source.write_text(f"#include <{header.name}>\n#include <{header.name}>\nint main(void) {{ return 0; }}\n")
            self.command("cc", "-std=c11", *WARNINGS, *flags, "-fsyntax-only", source)
