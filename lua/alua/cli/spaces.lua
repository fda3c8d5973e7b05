--- alua spaces: which tuple spaces there are.
local nodes = require "alua.cli.nodes"
local show = require "alua.cli.show"
local visitor = require "alua.cli.visitor"

local spaces = {}

spaces.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--json", "json", "flag" },
}

local function column(title, field)
  return { title, function(space) return space[field] end }
end

local columns = {
  column("SPACE", "name"), column("TUPLES", "tuples"), column("BYTES", "bytes"), column("LEASES", "leases"),
  column("WAITERS", "waiters"), column("WATCHES", "watches"), column("REACTIONS", "reactions"),
}

function spaces.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  return visitor.stay(host, given, function()
    local list, err = require("luats").spaces()
    if not list then return nil, err end
    if given.json then
      print(show.json(list))
      return 0
    end
    for _, line in ipairs(nodes.lines(list, columns)) do print(line) end
    return 0
  end)
end

return spaces
