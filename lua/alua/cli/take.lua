--- alua take, alua read: tuples of a space, one or more; waits for them.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local NOTHING = 1 -- The status when no tuple came in time

-- All that are there now. `how` is the method's name.
local function all(how, space, pattern, json)
  local tuples, err = space[how .. "_all"](space, pattern)
  if not tuples then return nil, err end
  for _, tuple in ipairs(tuples) do values.print(values.text(tuple, json)) end
  return tuples[1] and 0 or NOTHING
end

-- One after the other, each when it is there.
local function each(how, space, pattern, given)
  for _ = 1, given.count or 1 do
    local tuple, err = space[how](space, pattern, { timeout = given.patience })
    if not tuple and err.code == "timeout" then return NOTHING end
    if not tuple then return nil, err end
    values.print(values.text(tuple, given.json))
  end
  return 0
end

local function run(how, host, given, rest)
  if not rest[1] then return 2, ("a space: alua %s jobs render _"):format(how) end
  local misnamed = values.misnamed(rest[1])
  if misnamed then return 2, misnamed end
  if given.all and (given.count or given.patience) then return 2, "--all does not wait: no --count, no --timeout" end
  return visitor.stay(host, given, function()
    local pattern, why = values.template(rest, 2, given.json)
    if not pattern then return nil, why end
    local space = require("luats").space(rest[1])
    if given.all then return all(how, space, pattern, given.json) end
    return each(how, space, pattern, given)
  end)
end

-- How long a tuple is waited for is this verb's alone: the config file's timeout is not meant.
local function verb(how, ...)
  local options = {
    { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
    { "--timeout", "patience", "seconds" },
    { "--all", "all", "flag" }, { "--json", "json", "flag" }, ...,
  }
  return { options = options, stops = "values", run = function(...) return run(how, ...) end }
end

local take = verb("take", { "--count", "count", "count" })
take.read = verb "read" -- To read one twice is of no use

return take
