--- alua topics: which topics and subscriptions the broker knows.
local nodes = require "alua.cli.nodes"
local show = require "alua.cli.show"
local visitor = require "alua.cli.visitor"

local topics = {}

topics.options = { { "--broker", "broker" }, { "--json", "json", "flag" } }

local function column(title, field)
  return { title, function(row) return row[field] end }
end

local topic_columns = {
  column("TOPIC", "topic"), column("PUBLISHED", "seq"), column("KEPT", "kept"),
  { "RETAINED", function(topic) return topic.retained and "yes" or "no" end },
}

local subscription_columns = {
  column("PATTERN", "pattern"), column("PROCESS", "id"), column("GROUP", "group"), column("WAITING", "waiting"),
  column("DROPPED", "dropped"),
}

local function by(field)
  return function(a, b) return a[field] < b[field] end
end

function topics.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  return visitor.stay(host, given, function()
    local known, subscriptions = require("luaps").topics()
    if not known then return nil, subscriptions end
    table.sort(known, by "topic")
    table.sort(subscriptions, by "sub")
    if given.json then
      print(show.json { topics = known, subscriptions = subscriptions })
      return 0
    end
    for _, line in ipairs(nodes.lines(known, topic_columns)) do print(line) end
    print()
    for _, line in ipairs(nodes.lines(subscriptions, subscription_columns)) do print(line) end
    return 0
  end)
end

return topics
