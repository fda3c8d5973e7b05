--- alua watch: print the tuples that are put into a space from now on.
local stream = require "alua.cli.stream"
local values = require "alua.cli.values"
local visitor = require "alua.cli.visitor"

local watch = { stops = true }

watch.options = {
  { "--broker", "broker" }, { "--timeout", "timeout", "seconds" },
  { "--count", "count", "count" }, { "--json", "json", "flag" },
}

function watch.run(host, given, rest)
  if not rest[1] then return 2, "a space: alua watch jobs" end
  return visitor.stay(host, given, function(core)
    local terms = require "alua.cli.terms"
    local pattern, why = { terms["..."] }, nil
    if rest[2] then pattern, why = values.tuple(rest, 2, given.json, terms) end
    if not pattern then return nil, why end
    return stream.run(core, given, function(put)
      return require("luats").space(rest[1]):watch(pattern, function(tuple, missed)
        if missed > 0 then io.stderr:write("alua: ", missed, " left out\n") end
        put(values.text(tuple, given.json))
      end)
    end)
  end)
end

return watch
