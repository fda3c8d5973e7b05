--- One process of `alua run`, or a spawned one: joins, waits for the others, runs the program, serves.
local join = require "alua.cli.join"

local child = {}

local LAUNCHER_DIED = 1 -- As an order; the launcher itself says 0
local JOIN_TIME = 30 -- Seconds for all processes of a run to come

local function die(core, what, err)
  core.report(what, err)
  core.exit(1)
end

-- A spawned one leaves the word to its parent, who has been told why, and may have expected it.
local function stay_out(core, err)
  if core.boot("SPAWNED") == "1" then return core.exit(0) end
  return die(core, "cannot join the network", err)
end

-- Whether all have come; the first may have left again by now. An app's version grows by one with each that
-- joins or leaves, from 0 in a private network.
local function all_here(core, app, size)
  local list, version = core.members(app)
  return list and (#list >= size or (core.boot("PRIVATE") == "1" and version >= size))
end

-- Reading and writing only: what others send already waits until our program has begun.
local function await_all(core, app, size)
  local deadline = core.now() + JOIN_TIME
  local failure
  core.ask("JOIN", JOIN_TIME, function(version, err)
    if not version then failure = err end
  end, app)
  while not all_here(core, app, size) do
    if failure or core.now() > deadline then
      return nil, failure or core.error("timeout", ("only %d of %d processes have joined '%s' within %d s")
        :format(#(core.members(app) or {}), size, app, JOIN_TIME))
    end
    core.pump(0.05)
  end
  return true
end

local function obey(core)
  core.on("order", function(status) core.exit(nil, status == LAUNCHER_DIED) end)
  core.on("parent", function() core.exit(0) end)
end

local function set_arg(file, args)
  local list = table.move(args, 2, #args, 1, {})
  list[0], list[-1], list[-2] = file, "run", "alua"
  _G.arg = list
  return list
end

local function nothing() end

-- The program, once all of its processes are there.
local function program_of(core, args)
  if not args[1] then return nothing, {} end -- Spawned: it serves
  local list = set_arg(args[1], args)
  local program, why = loadfile(args[1])
  if not program then return die(core, "cannot load the program", why) end
  local ok, problem = await_all(core, core.boot("APP") or "myapp", tonumber(core.boot("SIZE")) or 1)
  if not ok then return die(core, "cannot start", problem) end
  require("dalua.app").begin()
  return program, list
end

-- The main chunk. While it opens the network it waits and events may run, but nobody knows us yet;
-- from then on it does not wait, so that the program comes before all that others send.
local function start(host, core, args)
  local id, err = join.connect(core, core.boot("BROKER"), function(id)
    if core.boot("LABEL") == "1" then host.label("[" .. id .. "] ") end
  end)
  if not id then return stay_out(core, err) end
  local program, list = program_of(core, args)
  return program(table.unpack(list))
end

-- core.exit leaves by _exit: what the C library would do at the end is done before.
local function exit_in_order(host, core)
  local exit = core.exit
  core.exit = function(code, orphaned)
    host.leave(orphaned)
    return exit(code)
  end
end

function child.run(host, args)
  local core = require "alua.core"
  exit_in_order(host, core)
  obey(core)
  join.globals() -- Before anybody can send us a chunk
  core.main(start, host, core, args)
  repeat core.loop() until core.status() -- alua.quit ends no main chunk that waits
  core.exit(core.status())
end

return child
