--- alua sub: print the messages of the topics that match.
local stream = require "alua.cli.stream"
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local sub = { stops = true }

sub.options = {
  { "--broker", "broker" }, { "--timeout", "timeout", "seconds" },
  { "--count", "count", "count" },
  { "--last", "last", "count" }, { "--since", "since", "seconds" }, { "--group", "group" }, { "--filter", "filter" },
  { "--json", "json", "flag" },
}

local function line(msg, json)
  if not json then return msg.topic .. " " .. values.text(msg.value) end
  return values.text({
    topic = msg.topic, value = msg.value, publisher = msg.publisher, seq = msg.seq, time = msg.time,
    retained = msg.retained, replayed = msg.replayed, will = msg.will,
  }, true)
end

function sub.run(host, given, rest)
  if not rest[1] or rest[2] then return 2, "a pattern: alua sub 'sensors.>'" end
  return visitor.stay(host, given, function(core)
    return stream.run(core, given, function(put)
      return require("luaps").subscribe(rest[1], function(msg) put(line(msg, given.json)) end, {
        last = given.last, since = given.since, group = given.group, filter = given.filter,
        gap = function(n) io.stderr:write("alua: ", n, " left out\n") end,
      })
    end)
  end)
end

return sub
