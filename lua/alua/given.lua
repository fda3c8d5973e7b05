--- Options as users give them: checked where the caller's line can be named

local _ENV = require("alua.env").std

local getinfo = debug.getinfo -- Programs like to have a global `debug` of their own

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

--- "@FILE:LINE" of who called the function that calls this: a chunk is named after the line that sends it, so that its
--- errors point there. When a C function such as pcall called it, the line that called that.
---@return string
function given.line()
  local level = 3
  local info = getinfo(level, "Sl")
  while info and info.currentline <= 0 do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  return info and "@" .. info.short_src .. ":" .. info.currentline or "=chunk"
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
