--- Values as people read them (console, call, send), and as JSON.
local show = {}

local WIDTH = 96 -- What fits one line of a terminal, with a label in front
local MAX_DEPTH = 8

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

-- Numbers first, then text, then the rest: the same table always looks the same.
local function before(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return ta == "number" or (ta == "string" and tb ~= "number") end
  if ta == "number" or ta == "string" then return a < b end
  return tostring(a) < tostring(b)
end

local function sorted_keys(value, skip)
  local keys = {}
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= skip) then table.insert(keys, key) end
  end
  table.sort(keys, before)
  return keys
end

local inner

local function items(value, seen, depth)
  local parts, length = {}, rawlen(value)
  for i = 1, length do parts[i] = inner(rawget(value, i), seen, depth) end
  for _, key in ipairs(sorted_keys(value, length)) do
    local name = is_name(key) and key or "[" .. inner(key, seen, depth) .. "]"
    table.insert(parts, name .. " = " .. inner(rawget(value, key), seen, depth))
  end
  return parts
end

local function braces(parts, depth)
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #parts == 0 then return "{}" end
  if #line + 2 * depth <= WIDTH and not line:find("\n", 1, true) then return line end
  local indent = ("  "):rep(depth)
  return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. "\n" .. indent .. "}"
end

local function quoted(text)
  return (("%q"):format(text):gsub("\\\n", "\\n"):gsub("\r", "\\r"):gsub("\0", "\\0"))
end

function inner(value, seen, depth)
  if type(value) == "string" then return quoted(value) end
  if type(value) ~= "table" then return tostring(value) end
  local meta = getmetatable(value)
  if type(meta) == "table" and rawget(meta, "__tostring") then return tostring(value) end
  if seen[value] then return "<cycle>" end
  if depth >= MAX_DEPTH then return "{...}" end
  seen[value] = true
  local text = braces(items(value, seen, depth + 1), depth)
  seen[value] = nil
  return text
end

--- A value for people: text as it is, tables as Lua would write them.
function show.value(value)
  if type(value) == "string" then return value end
  return inner(value, {}, 0)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function json_text(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function json_number(value)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  return ("%.17g"):format(value)
end

-- Nothing but 1..n, or nothing at all.
local function is_list(value)
  local count = 0
  for _ in next, value do count = count + 1 end
  return count == rawlen(value)
end

--- A value as JSON: a table whose keys are 1..n, or an empty one, is an array; any other an object.
function show.json(value)
  local kind = type(value)
  if kind == "string" then return json_text(value) end
  if kind == "number" then return json_number(value) end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "table" then return "null" end
  local parts = {}
  if is_list(value) then
    for i, item in ipairs(value) do parts[i] = show.json(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for _, key in ipairs(sorted_keys(value, 0)) do
    table.insert(parts, json_text(tostring(key)) .. ":" .. show.json(value[key]))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return show
