--- alua take, alua read: tuples of a space, one or more; waits for them.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

-- How long a tuple is waited for is this verb's alone: the config file's timeout is not meant.
local options = {
  { "--broker", "broker" }, { "--timeout", "patience", "seconds" },
  { "--count", "count", "count" }, { "--json", "json", "flag" },
}

local NOTHING = 1 -- The status when no tuple came in time

-- `how` is the method's name.
local function run(how, host, given, rest)
  if not rest[1] then return 2, ("a space: alua %s jobs render _"):format(how) end
  return visitor.stay(host, given, function()
    local pattern, why = values.template(rest, 2, given.json)
    if not pattern then return nil, why end
    local space = require("luats").space(rest[1])
    for _ = 1, given.count or 1 do
      local tuple, err = space[how](space, pattern, { timeout = given.patience })
      if not tuple and err.code == "timeout" then return NOTHING end
      if not tuple then return nil, err end
      values.print(values.text(tuple, given.json))
    end
    return 0
  end)
end

local take = { options = options, stops = true, run = function(...) return run("take", ...) end }

--- The same for another method.
function take.for_verb(how)
  return { options = options, stops = true, run = function(...) return run(how, ...) end }
end

return take
