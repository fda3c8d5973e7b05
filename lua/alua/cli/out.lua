--- alua out: put a tuple into a space.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local out = { stops = "values" }

out.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" },
  { "--ttl", "ttl", "lifetime" }, { "--json", "json", "flag" },
}

function out.run(host, given, rest)
  if not rest[2] then return 2, "a space and a tuple: alua out jobs render 7" end
  local misnamed = values.misnamed(rest[1])
  if misnamed then return 2, misnamed end
  local tuple, why = values.tuple(rest, 2, given.json)
  if not tuple then return 2, why end
  return visitor.stay(host, given, function()
    local number, err = require("luats").space(rest[1]):out(tuple, { ttl = given.ttl, timeout = given.timeout })
    if not number then return nil, err end
    return 0
  end)
end

return out
