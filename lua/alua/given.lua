--- Options as users give them: checked where the caller's line can be named

local _ENV = require("alua.env").std

local given = {}

local NONE = {}

--- The options, or an empty table; raises at `level` for what is no table, for unknown names, and for a
--- timeout that is none (math.huge is one).
---@param options table?
---@param known table<string, boolean>
---@param level integer
---@return table
function given.check(options, known, level)
  if options == nil then return NONE end
  if type(options) ~= "table" then
    error("options must be a table, got " .. type(options), level + 1)
  end
  for name in pairs(options) do
    if not known[name] then error("unknown option '" .. tostring(name) .. "'", level + 1) end
  end
  local timeout = options.timeout
  if timeout ~= nil and not (type(timeout) == "number" and timeout >= 0) then
    error("timeout must be a number of seconds, from 0 up", level + 1)
  end
  return options
end

--- Seconds to whole milliseconds, rounded up; nil stays nil. Raises at `level`.
---@param seconds number?
---@param what string
---@param level integer
---@return integer?
function given.ms(seconds, what, level)
  if seconds == nil then return nil end
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 or seconds > 1e12 then
    error(what .. " must be a number of seconds, from 0 up", level + 1)
  end
  return math.ceil(seconds * 1000)
end

return given
