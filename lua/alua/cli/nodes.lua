--- alua nodes: who is in the network.
local reach = require "alua.cli.reach"
local show = require "alua.cli.show"
local visitor = require "alua.cli.visitor"

local nodes = {}

nodes.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--json", "json", "flag" }, { "--all", "all", "flag" },
}

local own = {
  { "ID", function(node) return node.id end },
  { "NODE", function(node) return node.node end },
  { "STATE", function(node) return node.state end },
  { "APPS", function(node) return table.concat(node.apps or {}, ",") end },
  { "NAMES", function(node) return table.concat(node.names or {}, ",") end },
  { "ENDPOINTS", function(node) return table.concat(node.endpoints or {}, " ") end },
}

--- The table as lines; columns as wide as their widest cell, the last one as it comes.
---@param list table[]
---@param columns table[]? { title, function }; those of nodes
function nodes.lines(list, columns)
  columns = columns or own
  local rows, widths = { {} }, {}
  for c, column in ipairs(columns) do rows[1][c] = column[1] end
  for _, node in ipairs(list) do
    local row = {}
    for c, column in ipairs(columns) do
      local cell = tostring(column[2](node) or "")
      row[c] = cell == "" and "-" or cell
    end
    table.insert(rows, row)
  end
  for _, row in ipairs(rows) do
    for c, cell in ipairs(row) do widths[c] = math.max(widths[c] or 0, #cell) end
  end
  local lines = {}
  for _, row in ipairs(rows) do
    local cells = {}
    for c, cell in ipairs(row) do cells[c] = c == #row and cell or cell .. (" "):rep(widths[c] - #cell) end
    table.insert(lines, table.concat(cells, "  "))
  end
  return lines
end

function nodes.run(host, given, rest)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  return visitor.visit(host, given, "nodes", function(core, resume)
    return core.ask("NODES", 30, function(list, err)
      if list == nil then return resume(nil, err) end
      local ok, problem = core.ask("STAT", 30, function(stat) resume(list, stat) end)
      if ok == nil and problem ~= nil then resume(nil, problem) end     -- We were shown out meanwhile
    end)
  end, function(list, stat)
    reach.warn_of_broker(stat)
    local seen = {}
    for _, node in ipairs(list) do
      if given.all or not node.visitor then table.insert(seen, node) end
    end
    if given.json then
      print(show.json(seen))
    else
      for _, line in ipairs(nodes.lines(seen)) do print(line) end
    end
  end)
end

return nodes
