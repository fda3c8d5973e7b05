--- Options of a command line, read by a table that says which there are.
--
--     { "--broker", "broker" }                   a text
--     { "--name", "name", "name" }               a text that is not empty
--     { "--timeout", "timeout", "seconds" }      a number >= 0
--     { "--ttl", "ttl", "lifetime" }             a number > 0
--     { "-n", "count", "count" }                 an integer >= 1
--     { "--keep", "keep", "flag" }
--     { "--code", "code", "code" }               none, jail or full
--     { "--listen", "listen", "list" }           may stand several times
--
-- Every list has --help and --config besides.
local rules = require "alua.given"

local options = {}

-- Seconds that a rule of alua.given takes.
local function seconds(rule, words)
  return function(value)
    local number = tonumber(value)
    if number and not rule(number) then return number end
    return nil, ("wants a number of seconds%s, not '%s'"):format(words, value)
  end
end

local readers = {
  text = function(value) return value end,
  name = function(value)
    if value ~= "" then return value end
    return nil, "wants a name"
  end,
  seconds = seconds(rules.seconds, ""),
  lifetime = seconds(rules.lifetime, ", more than 0"),
  count = function(value)
    local count = math.tointeger(tonumber(value))
    if count and count >= 1 and count <= 10000 then return count end
    return nil, "wants a number from 1 to 10000, not '" .. value .. "'"
  end,
}

function readers.code(value)
  if value == "none" or value == "jail" or value == "full" then return value end
  return nil, "wants none, jail or full, not '" .. value .. "'"
end

local function find(list, word)
  if word == "--help" or word == "-h" then return { word, "help", "flag" } end
  if word == "--config" then return { word, "config", "name" } end
  for _, option in ipairs(list) do
    if option[1] == word then return option end
  end
end

local function store(given, option, value)
  local key, kind = option[2], option[3] or "text"
  if kind == "list" then
    given[key] = given[key] or {}
    table.insert(given[key], value)
    return true
  end
  local result, why = readers[kind](value)
  if result == nil then return nil, option[1] .. " " .. why end
  given[key] = result
  return true
end

-- "--name=value" and "-n5" as two words.
local function split(word)
  local name, value = word:match("^(%-%-[^=]+)=(.*)$")
  if name then return name, value end
  name, value = word:match("^(%-%a)(.+)$")
  if name then return name, value end
  return word
end

-- One option that begins at args[i]: the index behind it, or nil, why.
local function read(list, given, args, i)
  local word, value = split(args[i])
  local option = find(list, word)
  if not option then return nil, "there is no option '" .. word .. "'" end
  if option[3] == "flag" then
    if value then return nil, word .. " takes no value" end
    given[option[2]] = true
    return i + 1
  end
  local next = i + 1
  if not value then value, next = args[i + 1], i + 2 end
  if not value then return nil, word .. " wants a value" end
  local ok, why = store(given, option, value)
  if not ok then return nil, why end
  return next
end

-- Among values only what names an option is one: `-5` and `--other` are values. All is that stands behind `--`.
local function is_option(list, word, among_values)
  if not word:find "^%-." or tonumber(word) then return false end
  local name = split(word)
  return not among_values or (name:find "^%-%-%a" and find(list, name)) ~= nil
end

--- Read the options of `args`.
---@param list table[] Which there are.
---@param args string[]
---@param stops boolean|"values"? true: the first other word ends them, as what follows belongs to a program. "values": from
---the first other word on there are values, among which only the options that there are, by their long names, are none.
---@return table? given, string[]|string rest The other words; or nil and what is wrong.
function options.parse(list, args, stops)
  local given, rest, i = {}, {}, 1
  while i <= #args do
    local word = args[i]
    if word == "--" then
      table.move(args, i + 1, #args, #rest + 1, rest)
      break
    elseif is_option(list, word, stops == "values" and #rest > 0) then
      local next, why = read(list, given, args, i)
      if not next then return nil, why end
      i = next
    elseif stops == true then
      table.move(args, i, #args, #rest + 1, rest)
      break
    else
      table.insert(rest, word)
      i = i + 1
    end
  end
  return given, rest
end

return options
