--- alua pub: publish a value.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local pub = { stops = "values" }

pub.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" }, { "--retain", "retain", "flag" },
  { "--ttl", "ttl", "lifetime" }, { "--delay", "delay", "seconds" }, { "--json", "json", "flag" },
}

function pub.run(host, given, rest)
  if not rest[1] or rest[1] == "" or rest[3] then return 2, "a topic and a value: alua pub sensors.hall 21.5" end
  local value, why
  if rest[2] then value, why = values.read(rest[2], given.json) end
  if why then return 2, why end
  return visitor.stay(host, given, function()
    local told = { retain = given.retain, ttl = given.ttl, delay = given.delay, ack = true, timeout = given.timeout }
    local receivers, err = require("luaps").publish(rest[1], value, told)
    if not receivers then return nil, err end
    return 0
  end)
end

return pub
