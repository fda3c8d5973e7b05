--- Values on a command line: Lua literals, words, or JSON; and how they are printed.
local show = require "alua.cli.show"

local values = {}

-- { "1": "a", "by": "b" } is how `show.json` writes { "a", by = "b" }: the positions are brought back.
local function positions(value)
  if type(value) ~= "table" then return value end
  for i = 1, math.huge do
    local key = tostring(i)
    if value[key] == nil then break end
    value[i], value[key] = value[key], nil
  end
  for _, item in pairs(value) do positions(item) end
  return value
end

local function from_json(text)
  local found, json = pcall(require, "dkjson")
  if not found then return nil, "to read JSON the package lua-dkjson is needed" end
  local value, behind, err = json.decode(text, 1, nil, nil, nil)
  if not err and text:find("%S", behind) then err = "there is something behind the value" end
  if err then return nil, "not JSON: " .. err .. " in '" .. text .. "'" end
  return positions(value)
end

-- Text that is Lua to be run: a table, a quoted string, a term with arguments, or one as programs write it, `luats.int`.
local function is_lua(word, env)
  local term = env and (word:match "^luats%.(%a+)" or word:match "^(%a+)%s*[({'\"]")
  return word:find "^%s*[{'\"]" or word:find "^%s*%[=*%[" or term and env[term] ~= nil
end

local names = { ["true"] = true, ["false"] = false }

--- What one word means: a number, true, false, nil, a table or string of Lua, one of the names in `env`;
--- else itself. With `json` it is a JSON text, in a template (where there is an `env`) if it is one.
---@param word string
---@param json boolean?
---@param env table?
---@return any value, string? why nil and why when it cannot be read
function values.read(word, json, env)
  if json then
    local value, why = from_json(word)
    if not env or value ~= nil then return value, why end
  end
  local bare = env and env[word]
  if bare ~= nil and type(bare) ~= "function" then return bare end
  if word == "nil" then return nil end
  if names[word] ~= nil then return names[word] end
  if not is_lua(word, env) then return tonumber(word) or word end
  local known = env and setmetatable({ luats = env }, { __index = env }) or {}
  local chunk, why = load("return " .. word, "=argument", "t", known)
  if not chunk then return nil, why end
  local ok, value = pcall(chunk)
  if not ok then return nil, tostring(value) end
  return value
end

--- Words as one table: a single word that is a table is that one, else they are its positions.
---@param words string[] from index `first` on
---@return table? tuple, string? why
function values.tuple(words, first, json, env)
  local tuple = {}
  for i = first, #words do
    local value, why = values.read(words[i], json, env)
    if value == nil then return nil, why or ("a tuple has no nil: '" .. words[i] .. "'") end
    if type(value) == "table" and first == #words then return value end
    tuple[#tuple + 1] = value
  end
  return tuple
end

--- The words of a template from index `first` on; no words match every tuple.
---@return table? template, string? why
function values.template(words, first, json)
  local terms = require "alua.cli.terms"
  if not words[first] then return { terms["..."] } end
  return values.tuple(words, first, json, terms)
end

--- One line for a value.
function values.text(value, json)
  if json then return show.json(value) end
  return (show.value(value):gsub("\n%s*", " "))
end

--- Print it at once, also into a pipe.
function values.print(...)
  print(...)
  io.stdout:flush()
end

--- What is wrong with the name of a space, or nil.
function values.misnamed(name)
  if name == "" or #name > 255 then return "a space's name has 1 to 255 bytes" end
end

return values
