--- alua call: call a function of a node by its dotted name and print the results.
local visitor = require "alua.cli.visitor"

local call = { stops = true }

call.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "timeout", "seconds" },
}

--- What a word of the command line means: a Lua literal where it is one, else the word itself.
function call.value(word)
  if word == "nil" then return nil end
  local chunk = load("return " .. word, "=argument", "t", {})
  if not chunk or word:find("^%s*%-%-") then return word end
  local literal = word:find("^%s*[{'\"%-%d%.%[]") or word == "true" or word == "false"
  if not literal then return word end -- A bare word would be a global that is not there
  local ok, value = pcall(chunk)
  if not ok then return word end
  return value
end

function call.run(host, given, rest)
  local to, name = rest[1], rest[2]
  if not name then return 2, "a node and a function: alua call ana math.max 3 4" end
  local values = { n = #rest - 2 }
  for i = 3, #rest do values[i - 2] = call.value(rest[i]) end
  return visitor.visit(host, given, "call " .. name .. " of " .. to, function(core, resume)
    return core.call(to, name, { timeout = given.timeout or 30 }, resume, table.unpack(values, 1, values.n))
  end, visitor.print_all)
end

return call
