--- alua count: how many tuples of a space match.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local count = { stops = true }

count.options = {
  { "--broker", "broker" }, { "--timeout", "timeout", "seconds" }, { "--json", "json", "flag" },
}

function count.run(host, given, rest)
  if not rest[1] then return 2, "a space: alua count jobs" end
  return visitor.stay(host, given, function()
    local pattern, why
    if rest[2] then
      pattern, why = values.tuple(rest, 2, given.json, require "alua.cli.terms")
      if not pattern then return nil, why end
    end
    local n, err = require("luats").space(rest[1]):count(pattern, { timeout = given.timeout })
    if not n then return nil, err end
    values.print(n)
    return 0
  end)
end

return count
