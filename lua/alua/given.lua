--- Options as users give them: checked where the caller's line can be named

local _ENV = require("alua.env").std

local nearest = require "alua.nearest"

local getinfo = debug.getinfo -- Programs like to have a global `debug` of their own

local given = {}

local NONE = {}
local LONGEST = 1e12 -- Seconds that fit as milliseconds, exactly

-- ---- Rules: what is wrong with the value of an option, as the end of a sentence; nil when nothing is

local function is_seconds(value, low, high)
  return type(value) == "number" and value >= low and value <= high
end

local function of_type(kind, words)
  return function(value)
    if type(value) ~= kind then return ("must be %s, got %s"):format(words, type(value)) end
  end
end

given.flag = of_type("boolean", "true or false")
given.text = of_type("string", "a string")
given.table = of_type("table", "a table")
given.callable = of_type("function", "a function")

--- A string of 1 to 255 bytes.
function given.name(value)
  if type(value) ~= "string" or #value < 1 or #value > 255 then return "must be a string of 1 to 255 bytes" end
end

--- Seconds to wait; math.huge is for ever.
function given.timeout(value)
  if not is_seconds(value, 0, math.huge) then return "must be a number of seconds, from 0 up" end
end

--- A time that may be none.
function given.seconds(value)
  if not is_seconds(value, 0, LONGEST) then return "must be a number of seconds, from 0 up" end
end

--- How long something lives: a century is as good as for ever, none makes no sense.
function given.lifetime(value)
  if not is_seconds(value, 0, 36600 * 86400) or value == 0 then
    return "must be a number of seconds, more than 0 and not more than a century"
  end
end

--- Seconds from `low` to `high`.
function given.span(low, high)
  local words = ("must be a number of seconds from %g to %d"):format(low, high)
  return function(value)
    if not is_seconds(value, low, high) then return words end
  end
end

--- An integer (2.0 is one) from `low` up, or to `high`.
function given.integer(low, high)
  local words = ("must be an integer from %d %s"):format(low, high and "to " .. high or "up")
  return function(value)
    local integer = type(value) == "number" and math.tointeger(value)
    if not integer or integer < low or integer > (high or math.maxinteger) then return words end
  end
end

--- One of these words.
function given.word(...)
  local words, known = { ... }, {}
  for i = 1, #words do known[words[i]], words[i] = true, '"' .. words[i] .. '"' end
  local last = table.remove(words)
  local text = ("must be %s or %s"):format(table.concat(words, ", "), last)
  return function(value)
    if not known[value] then return text end
  end
end

-- ---- Options

--- What is said of an unknown name: the one that was meant, or all that there are.
---@param name any
---@param known table<string, any>
---@return string
function given.unknown(name, known)
  local names = {}
  for other in pairs(known) do names[#names + 1] = other end
  table.sort(names)
  local near = type(name) == "string" and nearest(name, names)
  local hint = near and ("did you mean '%s'?"):format(near) or table.concat(names, ", ")
  return ("unknown option '%s' (%s)"):format(tostring(name), hint)
end

--- The options, or an empty table; raises at `level` for what is no table, for unknown names, for values that their
--- rule does not take, and for a timeout that is none (math.huge is one).
---@param options table?
---@param known table<string, true|fun(value: any): string?> by name: its rule, or true where the caller looks itself
---@param level integer
---@return table
function given.check(options, known, level)
  if options == nil then return NONE end
  if type(options) ~= "table" then
    error("options must be a table, got " .. type(options), level + 1)
  end
  for name, value in pairs(options) do
    local rule = known[name]
    if not rule then error(given.unknown(name, known), level + 1) end
    if name == "timeout" then rule = given.timeout end
    local wrong = rule ~= true and rule(value)
    if wrong then error(name .. " " .. wrong, level + 1) end
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
  local wrong = given.seconds(seconds)
  if wrong then error(what .. " " .. wrong, level + 1) end
  return math.ceil(seconds * 1000)
end

return given
