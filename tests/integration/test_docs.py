"""What README.md and docs/ show is what happens: the commands, the programs and their output, the links

    ```sh       commands; those that start with ./run, ./alua or alua are run, in the order of the document
    ```text     the output of the commands right above, in which "..." is anything; the lines in any order
    ```lua      a program, which is run as it stands - as "./run -n 3 FILE" when the paragraph above says so; after
                a link to an example, an excerpt of it
    --> 42      in a program: what that line prints; such lines come in this order
"""
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import unittest

import harness

DOCUMENTS = ("README.md", "CHANGELOG.md", "docs/TUTORIAL.md", "docs/REFERENCE.md", "docs/COMMANDS.md",
             "docs/ARCHITECTURE.md", "docs/PERFORMANCE.md", "docs/SECURITY.md", "docs/OPERATIONS.md")
SERVES = ("broker", "node")                             # Verbs that stay


class Block:
    """Fenced lines of a document, and the paragraph above them."""

    def __init__(self, kind, text, above, place):
        self.kind, self.text, self.above, self.place = kind, text, above, place

    def commands(self):
        """Command lines of ours, as words behind `alua`."""
        for line in self.text.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["./run"]:
                yield ["run", *words[1:]]
            elif words[:1] in (["./alua"], ["alua"]):
                yield words[1:]

    def options(self):
        """Options of `alua run` that the paragraph above names."""
        return (re.findall(r"`\./run ((?:-[^`]* )?)[\w.]+`", self.above) or [""])[-1].split()

    def excerpt_of(self):
        found = re.findall(r"\]\(\S*examples/(\w+\.lua)\)", self.above)
        return harness.ROOT / "examples" / found[-1] if found else None

    def promises(self):
        return [line.split("-->", 1)[1] for line in self.text.splitlines() if "-->" in line]


def blocks(document):
    text = (harness.ROOT / document).read_text()
    found = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        above = text[:match.start()].rstrip("\n").split("\n\n")[-1]
        line = text[:match.start()].count("\n") + 1
        found.append(Block(match[1], match[2], above.split("```")[-1], f"{document}:{line}"))
    return found


def pattern(promise):
    """A promised line as a regular expression: blanks are alike, "..." is anything."""
    parts = promise.split("...")
    return ".*".join(r"\s+".join(map(re.escape, part.split())).join([r"\s*"] * 2) for part in parts)


class Documents(harness.Case):
    def assert_lines(self, promises, lines, place, ordered=False):
        """Each promise is one of the lines - and in this order."""
        left = list(lines)
        for promise in promises:
            hits = [i for i, line in enumerate(left) if re.fullmatch(pattern(promise), line)]
            self.assertTrue(hits, f"{place} promises {promise!r}, but there is:\n" + "\n".join(lines))
            left = left[hits[0] + 1:] if ordered else left[:hits[0]] + left[hits[0] + 1:]

    def run_shown(self, words, input=None):
        """A command that a document shows, from the root of the clone."""
        process = harness.Process([harness.ALUA, *words], self.env, subprocess.PIPE, cwd=harness.ROOT)
        self.started.append(process)
        process.say(input or "")
        process.popen.stdin.close()
        return process.wait(3 * harness.PATIENCE)

    def run_block(self, block):
        file = self.program(block.text)
        process = self.start("run", *block.options(), file)
        if "sleep(60)" in block.text:                   # Its reader presses Ctrl-C
            process.expect(f"^{pattern(block.promises()[-1])}$")
            process.kill(signal.SIGINT)
        result = process.wait(3 * harness.PATIENCE)
        expected = (130, "alua: interrupted. Who waits for what:") if "sleep(60)" in block.text else (0, None)
        self.assertEqual((result.status, (result.err.splitlines() or [None])[0]), expected, (block.place, result))
        lines = [re.sub(r"^\[\S+\] ", "", line) for line in result.lines]
        self.assert_lines(block.promises(), lines, block.place, ordered=True)
        return lines

    def check_excerpt(self, block):
        whole = block.excerpt_of().read_text()
        for line in block.text.splitlines():
            self.assertIn(line.split("--")[0].strip(), whole, block.place)


class TestExpressions(Documents):
    def rows(self):
        """What the table of REFERENCE says: operators and functions, and the expression that is true."""
        text = (harness.ROOT / "docs/REFERENCE.md").read_text().split("| operator or function | true |\n")[1].split("\n\n")[0]
        for line in text.splitlines()[1:]:
            what, expression = re.split(r"(?<!\\) \| ", line.strip("| "))
            yield what.replace("\\|", "|"), expression.strip("`").replace("\\|", "|")

    def test_each_is_true(self):
        rows = list(self.rows())
        self.assertGreater(len(rows), 15)
        checks = "".join(f"check [==[{expression}]==]\n" for _, expression in rows)
        result = self.run_program("""
            local space = luats.space "s"
            space:out { "render", 7, 2.5, { 1, 2, 3 }, by = "ana" }
            function check(text)
              local n, none = space:count { luats.where(text), luats.rest }, space:count { luats.where("not (" .. text .. "\\n)"), luats.rest }
              print(n, none, text)
            end
            """ + checks)
        self.assertEqual(result.lines, [f"1\t0\t{expression}" for _, expression in rows], result)

    def test_none_is_missing(self):
        said = " ".join(what for what, _ in self.rows())
        names = re.findall(r'^    \{ "(\w+)", ', (harness.ROOT / "broker/match/predicate_parse.c").read_text(), re.M)
        self.assertGreater(len(names), 8)
        for name in names:
            self.assertIn(f"`{name}(", said)
        for operator in "and or not == ~= < <= > >= + - * / // % ^ & | ~ << >> #".split():
            self.assertIn(f"`{operator}`", said)


class TestReadme(Documents):
    def test_commands(self):
        shown = [words for block in blocks("README.md") if block.kind == "sh" for words in block.commands()]
        self.assertEqual([words[0] for words in shown], ["run", "run"])
        for words in shown:
            result = self.run_shown(words)
            self.assertEqual((result.status, result.err), (0, ""), words)
            self.assertTrue(result.lines)

    def test_programs(self):
        programs = [block for block in blocks("README.md") if block.kind == "lua"]
        self.assertEqual(len(programs), 5)
        send, call, coordinate, share, publish = map(self.run_block, programs)
        self.assertEqual(sorted(line.split("@")[0] for line in send), ["2", "3", "42", "hello from 2", "hello from 3"])
        self.assertEqual(len(programs[1].promises()), 3)
        self.assertEqual(len(call), 3)
        self.assertEqual(len(coordinate), 6)            # Three, each greeted by two
        self.assertEqual(sorted(share[:3]), ["1.0", "4.0", "9.0"])
        self.assertEqual((len(share), len(publish)), (4, 3))

    def test_what_it_needs_is_what_is_installed(self):
        """The table of packages against those that ./run and ./test install."""
        def needed(file):
            lines = (harness.ROOT / file).read_text().splitlines()
            last = [line.split("#")[0].split()[-1] for line in lines if re.search(r"^ .*\bneed [a-z]", line)]
            return {name for word in last for name in word.strip("'").split("|")}

        table = (harness.ROOT / "README.md").read_text().split("| package | why |")[1]
        told = {True: set(), False: set()}
        for packages, why in re.findall(r"^\| (`.*?) \| (.*?) \|$", table, re.M):
            told["./test" in why].update(re.findall(r"`([a-z][\w.+-]*)`", packages))
        self.assertEqual(told, {True: needed("test"), False: needed("cmake/build.sh")})

    def test_the_help_lists_the_verbs(self):
        page = self.run_shown(["--help"]).out
        for verb in ("run", "broker", "node", "console", "nodes", "send", "call",
                     "out", "take", "read", "count", "watch", "spaces", "pub", "sub", "request"):
            self.assertRegex(page, rf"(?m)^    {verb} ", verb)


class TestTutorial(Documents):
    def test_commands_of_one_program(self):
        """All sections but 4 and 7: whatever starts with run."""
        count, all_blocks = 0, blocks("docs/TUTORIAL.md")
        for block, below in zip(all_blocks, all_blocks[1:] + [None]):
            for words in block.commands() if block.kind == "sh" else ():
                if words[0] != "run":
                    continue
                result = self.run_shown(words)
                self.assertEqual((result.status, result.err), (0, ""), words)
                count += 1
                if below and below.kind == "text":
                    self.assertEqual(len(result.lines), len(below.text.splitlines()), result)
                    self.assert_lines(below.text.splitlines(), result.lines, below.place)
        self.assertEqual(count, 7)

    def test_programs(self):
        run = excerpts = 0
        for block in blocks("docs/TUTORIAL.md"):
            if block.kind != "lua" or "dalua.loop()" in block.text:
                continue
            if block.excerpt_of():
                self.check_excerpt(block)
                excerpts += 1
            else:
                self.run_block(block)
                run += 1
        self.assertEqual((run, excerpts), (5, 2))

    def test_a_misspelt_name(self):
        """Section 1: the message names the line in which the chunk was written."""
        block = next(block for block in blocks("docs/TUTORIAL.md") if block.kind == "lua")
        text = block.text.replace("return x", "return y")
        line = 1 + text[:text.index("return y")].count("\n")
        self.assertRegex(self.run_program(text).out, rf"^nil\tremote: \S+program\.lua:{line}:1: .*'y'")

    def test_mutual_exclusion(self):
        """Section 2: each enter is followed by the leave of the same process."""
        lines = self.run_shown(["run", "-n", "5", "examples/mutex.lua"]).lines
        events = [(float(words[1]), *words[2:]) for words in (line.split(" ") for line in lines)]
        events.sort(key=lambda event: (event[0], event[2] == "enter"))      # The clock shows milliseconds
        self.assertEqual(len(events), 2 * 5 * 3)
        for enter, leave in zip(events[::2], events[1::2]):
            self.assertEqual((enter[1:], leave[2]), ((leave[1], "enter", leave[3]), "leave"))

    def test_a_network_that_lasts(self):
        """Section 7: a broker and a node stay; the other commands look around."""
        nodes = None
        for block in blocks("docs/TUTORIAL.md"):
            commands = [words for words in block.commands() if words[0] != "run"] if block.kind == "sh" else []
            shown = []
            for words in commands:
                if words[0] in SERVES:
                    self.start(*words).expect("listening on|is ready")
                elif words[0] == "console":
                    console = 'luarpc.sync("ana", "greet")("you")\nalua.id\n'
                    self.assertRegex(self.run_shown(words, console).out, r"^3\n\S+@\S+\n$")
                else:
                    result = self.run_shown(words)
                    self.assertEqual((result.status, result.err), (0, ""), words)
                    shown += result.lines
            nodes = shown or nodes
        below = [block for block in blocks("docs/TUTORIAL.md") if block.kind == "text"][-1]
        self.assert_lines(below.text.splitlines(), nodes, below.place, ordered=True)
        self.assertEqual(len(nodes), len(below.text.splitlines()))
        self.started[-1].wait()
        ana = self.started[1]
        ana.expect("^hello world$")
        self.assertTrue(ana.alive())
        for process in (ana, self.started[0]):
            self.assertEqual(process.stop().status, 0)
        self.assert_nothing_left()

    def test_a_meeting_place(self):
        """Section 7: the first creates the network, the second connects; it ends with its last member."""
        block = next(block for block in blocks("docs/TUTORIAL.md") if "dalua.loop()" in block.text)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self.assertIn("4321", block.text)
        file = self.program(block.text.replace("4321", port))
        first = self.start("run", file)
        first.expect(rf"^dalua_init\tsuccess\tcreated\t1@127\.0\.0\.1:{port}$")
        second = self.start("run", file)
        second.expect(rf"^dalua_init\tsuccess\tconnected\t2@127\.0\.0\.1:{port}$")
        for process in (first, second):
            self.assertEqual(process.stop(signal.SIGINT).status, 130)
        self.assert_nothing_left()


class TestReference(Documents):
    def test_programs(self):
        programs = [block for block in blocks("docs/REFERENCE.md") if block.kind == "lua"]
        self.assertEqual(len(programs), 3)
        for block in programs:
            self.assertTrue(block.promises(), block.place)
            self.run_block(block)


class TestCommands(Documents):
    def test_the_first_session(self):
        """docs/COMMANDS.md shows lines of two terminals in one block: "$ " is a command, what follows its output."""
        block = next(block for block in blocks("docs/COMMANDS.md") if "$ alua broker" in block.text)
        steps = [(shlex.split(step.splitlines()[0]), step.splitlines()[1:])
                 for step in re.split(r"^\$ alua ", block.text, flags=re.M)[1:]]
        self.assertEqual([words[0] for words, _ in steps], ["broker", "node", "nodes", "call", "send", "console"])
        for words, lines in steps:
            lines = [line.replace("/run/user/1000", str(self.runtime)).replace("n-4711-3f1c", "n-...") for line in lines]
            if words[-1] == "&":
                self.start(*words[:-1]).expect(pattern(lines[0]))
            elif words[0] == "console":
                result = self.run_shown(words, lines[0].split("> ", 1)[1] + "\n")
                self.assertEqual(result.lines, lines[1:])
            else:
                result = self.run_shown(words)
                self.assertEqual(len(result.lines), len(lines))
                self.assert_lines(lines, result.lines, block.place, ordered=True)


class TestLinks(unittest.TestCase):
    def anchors(self, file):
        """As GitHub makes them of headings."""
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def test_links_lead_somewhere(self):
        checked = 0
        for document in DOCUMENTS:
            file = harness.ROOT / document
            for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text() if file.exists() else ""):
                if re.match(r"https?:", target):
                    continue
                path, _, anchor = target.partition("#")
                goal = (file.parent / path).resolve() if path else file
                self.assertTrue(goal.exists(), f"{document}: {target}")
                if anchor:
                    self.assertIn(anchor, self.anchors(goal), f"{document}: {target}")
                checked += 1
        self.assertGreater(checked, 20)
