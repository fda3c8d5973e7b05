--- alua send: run a chunk on a node and print what it returns.
local visitor = require "alua.cli.visitor"

local send = { stops = true }

send.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" },
}

local ALL_RESULTS = 2

function send.run(host, given, rest)
  if #rest ~= 2 then return 2, "a node and a chunk: alua send ana 'print(alua.id)'" end
  local ok, why = load(rest[2], "=chunk", "t")
  if not ok then return 1, why end
  return visitor.visit(host, given, "send to " .. rest[1], function(core, resume)
    return core.chunk(rest[1], rest[2], "=chunk", ALL_RESULTS, given.timeout or 30, resume)
  end, visitor.print_all)
end

return send
