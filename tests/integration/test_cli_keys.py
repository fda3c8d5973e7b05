"""alua keys: key pairs, the trust store, and what is refused"""
import json
import os
import re
import stat
import unittest

import harness


class Keys(harness.Case):
    def setUp(self):
        super().setUp()
        os.umask(0o022)
        self.store = self.home / "config/alua/trusted"

    def keys(self, *args, status=0, **keywords):
        result = self.run_alua("keys", *args, **keywords)
        self.assertEqual(result.status, status, result)
        return result

    def refused(self, text, *args, status=1):
        """It says so, in one or two lines, and prints nothing else."""
        result = self.keys(*args, status=status)
        self.assertIn(text, result.err)
        self.assertEqual(result.out, "")
        return result

    def new(self, name, **keywords):
        self.keys("new", "--dir", self.dir, name, **keywords)
        return self.dir / f"{name}.pub"

    def list(self):
        return {entry["name"]: entry for entry in json.loads(self.keys("list", "--json").out)}

    def key_of(self, path):
        return re.search(r'public-key = "(.{40})"', path.read_text())[1]


class TestNew(Keys):
    def test_the_private_half_is_for_nobody_else(self):
        os.umask(0)
        self.new("ana")
        self.assertEqual(stat.S_IMODE((self.dir / "ana.key").stat().st_mode), 0o600)
        self.assertNotIn("secret-key", (self.dir / "ana.pub").read_text())
        self.assertIn("secret-key", (self.dir / "ana.key").read_text())

    def test_it_says_what_to_do_next(self):
        result = self.keys("new", "--dir", self.dir, "ana")
        self.assertIn(f"{self.dir}/ana.key", result.out)
        self.assertIn('"alua keys trust ana.pub"', result.out)

    def test_in_the_current_directory(self):
        process = harness.Process([harness.ALUA, "keys", "new", "bob"], self.env, cwd=self.dir)
        self.started.append(process)
        self.assertEqual(process.wait().status, 0)
        self.assertTrue((self.dir / "bob.pub").exists())

    def test_each_pair_is_another_one(self):
        self.assertNotEqual(self.key_of(self.new("ana")), self.key_of(self.new("bob")))

    def test_what_is_there_stays(self):
        before = self.new("ana").read_text()
        self.refused("ana.pub exists", "new", "--dir", self.dir, "ana")
        (self.dir / "ana.pub").unlink()
        self.refused("ana.key", "new", "--dir", self.dir, "ana")
        (self.dir / "ana.pub").write_text(before)
        self.assertEqual(self.key_of(self.dir / "ana.key"), self.key_of(self.dir / "ana.pub"))

    def test_names(self):
        for name in ("a/b", ".hidden", "a b", "", "x" * 64, "\u00e4"):
            self.refused("letters, digits", "new", "--dir", self.dir, name, status=2)
        self.refused("one name", "new", status=2)
        self.refused("No such file or directory", "new", "--dir", self.dir / "nowhere", "ana")


class TestTrust(Keys):
    def test_the_store_is_made(self):
        self.assertIn("nobody is trusted yet", self.keys("list").out)
        ana, bob = self.new("ana"), self.new("bob")
        result = self.keys("trust", ana, bob)
        self.assertEqual(len(result.lines), 2)
        self.assertEqual(stat.S_IMODE(self.store.stat().st_mode), 0o700)
        listed = self.list()
        self.assertEqual(set(listed), {"ana", "bob"})
        self.assertEqual(listed["ana"], {"name": "ana", "key": self.key_of(ana), "state": "trusted",
                                         "file": f"{self.store}/ana.pub"})
        lines = self.keys("list").lines
        self.assertEqual(lines[0].split(), ["NAME", "KEY", "STATE", "FILE"])
        self.assertEqual(lines[1].split(), ["ana", self.key_of(ana), "trusted", f"{self.store}/ana.pub"])

    def test_another_store(self):
        ana = self.new("ana")
        self.keys("trust", "--trust", self.dir / "a/b", ana)
        self.assertIn("ana", self.keys("list", "--trust", self.dir / "a/b").out)
        self.assertIn("ana", self.keys("list", env={"ALUA_TRUST": str(self.dir / "a/b")}).out)
        self.assertEqual(self.list(), {})

    def test_another_name(self):
        ana = self.new("ana")
        self.keys("trust", "--name", "anna", ana)
        self.assertEqual(set(self.list()), {"anna"})
        self.refused("letters, digits", "trust", "--name", "../x", self.new("bob"))
        self.refused("--name goes with one file", "trust", "--name", "x", ana, ana, status=2)

    def test_twice(self):
        ana = self.new("ana")
        self.keys("trust", ana)
        self.assertIn("already", self.keys("trust", ana).out)
        self.refused("trusted already, as 'ana'", "trust", "--name", "anna", ana)
        self.assertEqual(set(self.list()), {"ana"})

    def test_a_name_that_is_taken(self):
        ana = self.new("ana")
        self.keys("trust", ana)
        ana.unlink()
        (self.dir / "ana.key").unlink()
        other = self.new("ana")
        result = self.refused("another key is trusted as 'ana' already", "trust", other)
        self.assertIn("--name", result.err)
        self.assertNotEqual(self.list()["ana"]["key"], self.key_of(other))

    def test_the_private_half_is_not_copied(self):
        self.new("ana")
        self.keys("trust", self.dir / "ana.key")
        self.assertNotIn("secret-key", (self.store / "ana.pub").read_text())

    def test_garbage(self):
        junk = self.dir / "junk.pub"
        for text in ("", "garbage\n", 'curve\n    public-key = "short"\n', "\0" * 100, "x" * 100000):
            junk.write_text(text)
            self.refused("is no certificate", "trust", junk)
        self.refused("No such file or directory", "trust", self.dir / "none.pub")
        self.refused("is no file", "trust", self.dir)
        os.mkfifo(self.dir / "fifo.pub")
        self.refused("is no file", "trust", self.dir / "fifo.pub")
        self.refused("which file?", "trust", status=2)
        self.assertFalse((self.store / "junk.pub").exists())

    def test_a_store_into_which_others_can_write(self):
        ana = self.new("ana")
        self.keys("trust", ana)
        self.store.chmod(0o777)
        for args in (("list",), ("trust", self.new("bob")), ("revoke", "ana")):
            self.refused(f"chmod 700 {self.store}", *args)
        self.store.chmod(0o700)
        (self.store / "ana.pub").chmod(0o666)
        self.refused("can be changed by others: chmod go-w", "list")

    def test_a_broken_file_in_the_store(self):
        self.keys("trust", self.new("ana"))
        (self.store / "bob.pub").write_text("garbage")
        self.refused("bob.pub is no certificate", "list")


class TestRevoke(Keys):
    def test_by_name_and_by_file(self):
        ana, bob = self.new("ana"), self.new("bob")
        self.keys("trust", ana)
        self.keys("trust", "--name", "robert", bob)
        self.keys("revoke", "ana", bob)
        listed = self.list()
        self.assertEqual({name: entry["state"] for name, entry in listed.items()}, {"ana": "revoked", "robert": "revoked"})
        self.assertEqual(listed["ana"]["file"], f"{self.store}/revoked/ana.pub")
        self.assertIn("revoked already", self.keys("revoke", "ana").out)

    def test_a_revoked_key_does_not_come_back_by_itself(self):
        ana = self.new("ana")
        self.keys("trust", ana)
        self.keys("revoke", "ana")
        self.refused("was revoked", "trust", ana)

    def test_the_name_is_free_for_another_key(self):
        self.keys("trust", self.new("ana"))
        self.keys("revoke", "ana")
        for half in ("pub", "key"):
            (self.dir / f"ana.{half}").unlink()
        fresh = self.new("ana")
        self.keys("trust", fresh)
        self.keys("revoke", fresh)
        self.assertEqual(len(list((self.store / "revoked").iterdir())), 2)

    def test_unknown_ones(self):
        ana = self.new("ana")
        self.refused("nobody is trusted as 'ana': see", "revoke", "ana")
        self.keys("trust", ana, self.new("george"))
        self.refused("did you mean 'ana'?", "revoke", "anna")
        self.refused("did you mean 'george'?", "revoke", "goerge")
        self.assertNotIn("did you mean", self.refused("nobody is trusted as", "revoke", "zacharias").err)
        self.refused("is not trusted", "revoke", self.new("eve"))
        self.refused("whom?", "revoke", status=2)


class TestWords(Keys):
    def test_what_there_is_not(self):
        self.refused("new, trust, revoke, list or rotate", status=2)
        self.refused("did you mean 'revoke'?", "revoek", status=2)
        self.refused("what is 'x'?", "list", "x", status=2)


class TestRotateRefused(Keys):
    """What needs no broker; the rest is in test_keys."""

    def files(self):
        return sorted(path.name for path in self.dir.glob("*.*"))

    def test_no_broker(self):
        self.new("ana")
        before = self.files()
        self.refused("no broker at", "rotate", "--dir", self.dir, "ana")
        self.assertEqual(self.files(), before)

    def test_no_pair(self):
        self.start_broker()
        self.refused("ana.key: No such file", "rotate", "--dir", self.dir, "ana")
        self.refused("one name", "rotate", status=2)

    def test_a_key_file_with_loose_rights(self):
        self.start_broker()
        self.new("ana")
        (self.dir / "ana.key").chmod(0o640)
        before = self.files()
        self.refused("can be read by others: chmod 600", "rotate", self.dir / "ana.key")
        self.assertEqual(self.files(), before)


if __name__ == "__main__":
    unittest.main()
