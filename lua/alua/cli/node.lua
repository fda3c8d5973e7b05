--- alua node: a process of its own that stays.
local join = require "alua.cli.join"
local run = require "alua.cli.run"

local node = { stops = true }

node.options = {
  { "--name", "name", "name" },
  { "--broker", "broker" },
  { "--app", "app", "name" },
}

local function nothing() end

function node.run(host, given, rest)
  local file = rest[1]
  if file then
    local ok, why = run.check(file)
    if not ok then return 1, why end
  elseif not given.name then
    return 2, "a name, so that others can find it: alua node --name ana"
  end
  local core, id = join.open(host, given.broker, { name = given.name }, true)
  if not core then return 1, id end
  core.signals()
  core.on("order", function() core.exit(0) end) -- Drained: all that was begun is done
  join.app(core, given.app)
  print(id .. " is ready")
  io.stdout:flush()
  rest[0] = table.remove(rest, 1)
  _G.arg = rest
  core.main(file and loadfile(file) or nothing, table.unpack(rest))
  core.serve() -- Until somebody ends us: a signal, or alua.exit from here or elsewhere
  core.exit(0)
end

return node
