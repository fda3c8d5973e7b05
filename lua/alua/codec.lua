--- Lua text of plain values, exact and readable: alua.tostring, alua.codec.dump

local _ENV = require("alua.env").std
local codec = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or
    repeat return then true until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

-- The shortest decimal that is read back as the same float.
local function float(v)
  if v ~= v then return "(0/0)" end
  if v == math.huge then return "1e9999" end
  if v == -math.huge then return "-1e9999" end
  for _, format in ipairs { "%.14g", "%.16g", "%.17g" } do
    local text = string.format(format, v)
    if tonumber(text) == v then
      return text:find "[.e]" and text or text .. ".0"
    end
  end
end

local function number(v)
  if math.type(v) == "float" then return float(v) end
  if v == math.mininteger then return "math.mininteger" end -- Its digits read as a float
  return string.format("%d", v)
end

-- By type, then by value: the same table gives the same text.
local function before(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return ta < tb end
  if ta == "boolean" then return a and not b end
  return a < b
end

local function other_keys(t, length)
  local keys = {}
  for k in pairs(t) do
    if not (math.type(k) == "integer" and k >= 1 and k <= length) then keys[#keys + 1] = k end
  end
  return keys
end

local dump

local function key_text(k)
  if type(k) == "string" and k:find "^[%a_][%w_]*$" and not KEYWORDS[k] then return k end
  return "[" .. dump(k, "key", {}) .. "]"
end

local function step(path, k)
  return type(k) == "string" and path .. "." .. k or path .. "[" .. tostring(k) .. "]"
end

local function dump_table(t, path, above)
  if above[t] then error(path .. ": a table that holds itself", 0) end
  above[t] = true
  local parts, length = {}, #t
  for i = 1, length do
    parts[i] = dump(t[i], step(path, i), above)
  end
  local keys = other_keys(t, length)
  for _, k in ipairs(keys) do
    if type(k) == "table" or type(k) == "function" or type(k) == "userdata" or type(k) == "thread" then
      error(path .. ": a " .. type(k) .. " as key", 0)
    end
  end
  table.sort(keys, before)
  for _, k in ipairs(keys) do
    parts[#parts + 1] = key_text(k) .. " = " .. dump(t[k], step(path, k), above)
  end
  above[t] = nil
  return "{" .. table.concat(parts, ", ") .. "}"
end

local writers = {
  ["nil"] = tostring,
  boolean = tostring,
  number = number,
  string = function(v) return string.format("%q", v) end,
  table = dump_table,
}

function dump(v, path, above)
  local writer = writers[type(v)] or error(path .. ": a " .. type(v), 0)
  return writer(v, path, above)
end

--- The Lua text of a plain value, to be built into a chunk: load("return " .. text)() equals it.
--- Raises for what has no such text (functions, userdata, cycles), naming the path.
---@param v any
---@return string
function codec.dump(v)
  local ok, text = pcall(dump, v, "value", {})
  if not ok then error("cannot write " .. text, 2) end
  return text
end

return codec
