"""The table of hostile-wire cases in docs/SECURITY.md: each number once, each with tests that exist and say so, or with a reason"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = 89


def numbers(cell):
    """W01, W03-W05 -> [1, 3, 4, 5]"""
    found = []
    for first, last in re.findall(r"W(\d\d)(?:-W(\d\d))?", cell):
        found += range(int(first), int(last or first) + 1)
    return found


def rows():
    text = (ROOT / "docs/SECURITY.md").read_text().split("\n## Hostile bytes")[1].split("\n## ")[0]
    return [[cell.strip() for cell in row.split(" | ")] for row in re.findall(r"^\| (W.*) \|$", text, re.M)]


def source(name):
    """The text of a test file by its name; of fuzz_X the program."""
    found = [path for path in (ROOT / "tests").glob(f"*/{name}.*") if path.suffix in (".py", ".c", ".lua")]
    return "".join(path.read_text() for path in found)


class TestTable(unittest.TestCase):
    def test_each_case_stands_there_once(self):
        listed = [number for row in rows() for number in numbers(row[0])]
        self.assertEqual(sorted(listed), list(range(1, CASES + 1)))

    def test_each_has_tests_that_exist_or_a_reason(self):
        for case, _, shown in rows():
            if shown.startswith("does not apply: "):
                self.assertGreater(len(shown), 40, case)
                continue
            named = re.findall(r"`(\w+)`(?:: (\w+(?:, \w+)*))?", shown)
            self.assertTrue(named, case)
            for file, functions in named:
                text = source(file)
                self.assertTrue(text, f"{case}: there is no {file}")
                for function in filter(None, functions.split(", ")):
                    self.assertRegex(text, rf"\b(test_)?{function}\(", f"{case}: {file} has no {function}")

    def test_what_tests_say_stands_in_the_table(self):
        """A test in Python that names its cases is the one, or one of those, that the table names for it."""
        table = {number: row[2] for row in rows() for number in numbers(row[0])}
        for path in (ROOT / "tests/integration").glob("test_wire_*.py"):
            for function, cases in re.findall(r"def test_(\w+)\(self\): +# (W.*)$", path.read_text(), re.M):
                for number in numbers(cases):
                    self.assertIn(path.stem, table[number], f"W{number:02} is in {path.stem}: {function}")


if __name__ == "__main__":
    unittest.main()
