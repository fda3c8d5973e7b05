--- alua sub: print the messages of the topics that match.
local rules = require "alua.given"
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local FAILED = 1 -- Nothing came in time; or it could not begin, which was said already

local sub = { stops = "values" }

sub.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "patience", "seconds" },
  { "--count", "count", "count" },
  { "--last", "last", "count" }, { "--since", "since", "seconds" }, { "--group", "group" }, { "--filter", "filter" },
  { "--json", "json", "flag" },
}

local function line(msg, json)
  if not json then return msg.topic .. " " .. values.text(msg.value) end
  return values.text({
    topic = msg.topic, value = msg.value, publisher = msg.publisher, seq = msg.seq, time = msg.time,
    missed = msg.cause and msg.missed, cause = msg.cause, retained = msg.retained, replayed = msg.replayed, will = msg.will,
  }, true)
end

local causes = { full = "the queue was full", history = "no longer kept" }

local function left_out(msg)
  if msg.cause == "lost" then return "alua: the broker was restarted, or gave us up: what was meanwhile is left out\n" end
  return ("alua: %d left out (%s)\n"):format(msg.missed, (msg.cause:gsub("%a+", causes)))
end

function sub.run(host, given, rest)
  if not rest[1] or rest[1] == "" or rest[2] then return 2, "a pattern: alua sub 'sensors.>'" end
  local group = given.group and rules.name(given.group)
  if group then return 2, "--group " .. group end
  return visitor.stay(host, given, function()
    local subscription <close> = require("luaps").subscribe(rest[1], {
      last = given.last, since = given.since, group = given.group, filter = given.filter,
    })
    for _ = 1, given.count or math.huge do
      local msg = subscription:next { timeout = given.patience }
      if not msg then return FAILED end
      if msg.cause then io.stderr:write(left_out(msg)) end
      values.print(line(msg, given.json))
    end
    return 0
  end)
end

return sub
