--- alua call: call a function of a node by its dotted name and print the results.
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local call = { stops = true }

call.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" },
}

function call.run(host, given, rest)
  local to, name = rest[1], rest[2]
  if not name then return 2, "a node and a function: alua call ana math.max 3 4" end
  local args = { n = #rest - 2 }
  for i = 1, args.n do
    local value, why = values.read(rest[i + 2])
    if why then return 2, why end
    args[i] = value
  end
  return visitor.visit(host, given, "call " .. name .. " of " .. to, function(core, resume)
    return core.call(to, name, { timeout = given.timeout or 30 }, resume, table.unpack(args, 1, args.n))
  end, visitor.print_all)
end

return call
