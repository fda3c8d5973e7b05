"""What dalua raises, and programs in the manner of its samples (docs/REFERENCE.md, dalua)"""
import pathlib
import unittest

import harness

PROGRAM = pathlib.Path(__file__).parent / "programs" / "api_dalua.lua"


class TestApps(harness.Case):
    def said(self, step, count=1):
        result = self.run_alua("run", "--no-label", "--timeout", 20, "-n", count, PROGRAM, step)
        self.assertEqual((result.status, result.err), (0, ""), result)
        return result.lines

    def test_each_request_has_one_event_and_the_last_word_counts(self):
        lines = [line.split("\t", 1)[1] if "\t" in line else line for line in self.said("alone")]
        me = lines[-1] and next(line.split()[-1] for line in lines if line.startswith("app_leave\tsuccess"))
        self.assertEqual(sorted(lines), sorted([
            "app_init\tsuccess", "app_leave\terror none ERROR_NOT_PART", "app_destroy\terror none ERROR_NOT_EXISTS",
            "app_create\tsuccess one", "app_create\terror one ERROR_ALREADY_CREATED",
            "app_join\terror one ERROR_ALREADY_JOINED",
            f"app_leave\tsuccess one {me}", "app_leave\terror one ERROR_NOT_PART", f"app_join\tsuccess one {me}",
            f"app_join\tsuccess two {me}", f"app_leave\tsuccess two {me}", "myapp one"]))

    def test_views_of_one_version_are_one(self):
        self.assertIn("versions\ttrue\t1", self.said("versions"))

    def test_the_start_raises_nothing(self):
        """Of one that is through, and ends, the others may still hear."""
        for _ in range(5):
            self.assertEqual([line for line in self.said("start", 4) if "\tapp_leave\tsuccess myapp " not in line], [])

    def test_a_destroyed_app_is_told_as_that_and_not_as_leaving(self):
        for _ in range(5):
            lines = [line for line in self.said("destroy", 3) if "\tapp_join\t" not in line]
            self.assertEqual(sorted(lines), ["1\tapp_destroy\tsuccess global all"]
                             + [f"{rank}\tapp_destroy\tsuccess local all" for rank in (1, 2, 3)])


if __name__ == "__main__":
    unittest.main()
