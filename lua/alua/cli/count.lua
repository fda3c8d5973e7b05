--- alua count: how many tuples of a space match.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local count = { stops = "values" }

count.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" }, { "--json", "json", "flag" },
}

function count.run(host, given, rest)
  if not rest[1] then return 2, "a space: alua count jobs" end
  local misnamed = values.misnamed(rest[1])
  if misnamed then return 2, misnamed end
  return visitor.stay(host, given, function()
    local pattern, why = values.template(rest, 2, given.json)
    if not pattern then return nil, why end
    local n, err = require("luats").space(rest[1]):count(pattern, { timeout = given.timeout })
    if not n then return nil, err end
    values.print(n)
    return 0
  end)
end

return count
