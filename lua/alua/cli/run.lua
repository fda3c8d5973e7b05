--- alua run: the launcher's options, and a look at the program before anything is started.
local join = require "alua.cli.join"

local run = { stops = true }

run.options = {
  { "-n", "count", "count" },
  { "--app", "app", "name" },
  { "--name", "name", "name" },
  { "--broker", "broker" },
  { "--key", "key", "name" },
  { "--broker-key", "broker_key", "name" },
  { "--code", "code", "code" },
  { "--timeout", "timeout", "seconds" },
  { "--keep", "keep", "flag" },
  { "--end", "end_", "flag" },
  { "--no-label", "no_label", "flag" },
}

-- Each process reads the program itself, and what a pipe had to say only the first one would hear.
local function check(host, file)
  local there = host.doctor.file(file)
  if there and there.kind == "other" then
    return nil, file .. ": each process reads the program, so it must be a file that stays ('alua node' takes a pipe)"
  end
  return loadfile(file)
end

function run.run(host, given, rest)
  local file = table.remove(rest, 1)
  if not file then return 2, "which file?" end
  if given.keep and given.end_ then return 2, "--keep and --end contradict each other" end
  local program, why = check(host, file)
  if not program then return 1, why end
  local missing = given.broker and join.missing(host, given.broker)
  if missing then return 1, missing end
  return host.launch {
    count = given.count or 1, app = given.app or "myapp", name = given.name, broker = given.broker,
    key = given.key and host.absolute(given.key), broker_key = given.broker_key and host.absolute(given.broker_key),
    code = given.code,
    timeout = given.timeout or 0, keep = given.keep, end_ = given.end_, label = not given.no_label,
    file = file, args = rest,
  }
end

return run
