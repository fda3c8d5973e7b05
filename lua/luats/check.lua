--- What the methods of spaces check first, at the line of whoever called them

local _ENV = require("alua.env").std
local given = require "alua.given"

local check = {}

--- The space's handle is open.
function check.open(self, level)
  if self.closed then error("space '" .. self.name .. "' is closed", level + 1) end
end

--- It is a table; `what` is what messages call it.
function check.table(value, what, level)
  if type(value) ~= "table" then
    error(what .. " must be a table, got " .. type(value), level + 1)
  end
end

--- The rule for how long a lease may last.
check.lease = given.span(0.01, 86400)

--- It names a space; `what` is what messages call it.
function check.name(name, what, level)
  local wrong = given.name(name)
  if wrong then error(what .. " " .. wrong, level + 1) end
  if name:find "%c" then error(what .. " must have no control characters", level + 1) end
end

--- What the broker is told of options: nil when there is nothing to tell.
function check.wire(options, level)
  if next(options) == nil then return nil end
  local ttl = given.ms(options.ttl, "ttl", level + 1)
  local lease = given.ms(options.lease, "lease", level + 1)
  local after = options.after and math.tointeger(options.after)
  return { ttl = ttl, lease = lease, after = after, ["try"] = options.timeout == 0 or nil }
end

return check
