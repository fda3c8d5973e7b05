"""One whose Lua blocks for longer than the lease is busy, not gone"""
import subprocess
import time

import harness

BLOCKED = 12                    # Seconds; a lease is 10

READER = """
function ping() return "pong" end
print "reading"
io.stdout:flush()
print("read " .. io.read("l"))
alua.loop()
"""

WATCHER = """
local from = alua.now()
alua.watch("reader", function(what) print("reader is " .. what) io.stdout:flush() end)
luarpc.async("reader", "ping", function(answer, err)
  print(("answer %s after %.1f"):format(answer or err.code, alua.now() - from))
  io.stdout:flush()
end, { timeout = 60 })()
print "asked"
io.stdout:flush()
alua.loop()
"""


class TestBlocked(harness.Case):
    def test_a_read_from_a_pipe(self):
        """A Lua that reads a pipe for 12 s is at most silent, and answers when it goes on."""
        self.start_broker()
        reader = self.start("node", "--name", "reader", self.program(READER, "reader.lua"), stdin=subprocess.PIPE)
        reader.expect("^reading")
        begun = time.monotonic()
        watchers = [self.start("node", "--name", f"w{i}", self.program(WATCHER, f"watcher{i}.lua")) for i in (1, 2)]
        for watcher in watchers:
            watcher.expect("asked")
        time.sleep(max(begun + BLOCKED - time.monotonic(), 0))      # What is tested is that time
        for watcher in watchers:
            self.assertEqual([line for line in watcher.out if "answer" in line or "gone" in line or "left" in line], [])
        reader.say("a line\n")
        reader.expect("^read a line")
        for watcher in watchers:
            self.assertGreaterEqual(float(watcher.expect(r"answer pong after ([\d.]+)").group(1)), BLOCKED - 2)
            self.assertEqual([line for line in watcher.out if "gone" in line or "left" in line], [])

