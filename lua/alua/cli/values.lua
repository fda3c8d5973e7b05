--- Values on a command line: Lua literals, words, or JSON; and how they are printed.
local show = require "alua.cli.show"

local values = {}

local function from_json(text)
  local found, json = pcall(require, "dkjson")
  if not found then return nil, "to read JSON the package lua-dkjson is needed" end
  local value, _, err = json.decode(text, 1, nil, nil, nil)
  if err then return nil, "not JSON: " .. err end
  return value
end

local function is_literal(word)
  return word:find "^%s*[{'\"%-%d%[]" or word:find "^%s*%.%d" or word == "true" or word == "false"
end

--- What one word means: with `json` a JSON text, else a Lua literal (in which the names in `env` are known), else itself.
---@param word string
---@param json boolean?
---@param env table?
---@return any value, string? why nil and why when it cannot be read
function values.read(word, json, env)
  if json then return from_json(word) end
  local bare = env and env[word]
  if bare ~= nil and type(bare) ~= "function" then return bare end
  local call = env and word:find "^%a[%w_]*%s*[({'\"]"
  if not is_literal(word) and not call then return word end
  local chunk, why = load("return " .. word, "=argument", "t", env or {})
  if not chunk then
    if call or word:find "^%s*{" then return nil, why end
    return word
  end
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

return values
