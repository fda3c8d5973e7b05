--- alua request: ask whoever subscribes to a topic.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local request = { stops = "values" }

request.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" },
  { "--gather", "gather", "flag" }, { "--json", "json", "flag" },
}

function request.run(host, given, rest)
  if not rest[1] or rest[1] == "" or rest[3] then return 2, "a topic and a value: alua request clock now" end
  local value, why
  if rest[2] then value, why = values.read(rest[2], given.json) end
  if why then return 2, why end
  return visitor.stay(host, given, function()
    local answer, err = require("luaps").request(rest[1], value, { timeout = given.timeout, gather = given.gather })
    if answer == nil and err ~= nil then return nil, err end
    for _, one in ipairs(given.gather and answer or { answer }) do values.print(values.text(one, given.json)) end
    return 0
  end)
end

return request
