--- alua watch: print the tuples that are put into a space from now on.
local stream = require "alua.cli.stream"
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local watch = { stops = "values" }

watch.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "patience", "seconds" },
  { "--count", "count", "count" }, { "--json", "json", "flag" },
}

function watch.run(host, given, rest)
  if not rest[1] then return 2, "a space: alua watch jobs" end
  local misnamed = values.misnamed(rest[1])
  if misnamed then return 2, misnamed end
  return visitor.stay(host, given, function(core)
    local pattern, why = values.template(rest, 2, given.json)
    if not pattern then return nil, why end
    local space = require("luats").space(rest[1])
    local _, err = space:read(pattern, { timeout = 0 }) -- A watch cannot tell that its template is wrong
    if err and err.code ~= "timeout" then return nil, err end
    return stream.run(core, given, function(put)
      return space:watch(pattern, function(tuple, missed)
        if tuple == nil then return io.stderr:write("alua: ", tostring(missed), "\n") end
        if missed > 0 then io.stderr:write("alua: ", missed, " left out\n") end
        put(values.text(tuple, given.json))
      end)
    end)
  end)
end

return watch
