--- Settings: what the config file says, above it the environment, above that the options of the command line.
--
-- The file is $XDG_CONFIG_HOME/alua/config.lua (~/.config/alua/config.lua), another one with --config or $ALUA_CONFIG:
-- lines `name = value` in Lua's syntax, read as data (host.data): nothing in it is run.
local nearest = require "alua.nearest"

local config = {}

-- ---- Kinds of values -------------------------------------------------------------

local kinds = {}

function kinds.text(value)
  if type(value) == "string" and value ~= "" then return value end
  return nil, "must be a text"
end

-- One text or several, which are one with commas from here on.
function kinds.texts(value)
  if type(value) ~= "table" then return kinds.text(value) end
  for _, text in pairs(value) do
    if not kinds.text(text) then return nil, "must be a text or a list of texts" end
  end
  return #value > 0 and table.concat(value, ",") or nil, "must be a text or a list of texts"
end

-- Settings that name files; where they stand says what they are relative to.
kinds.path = kinds.text
kinds.key = kinds.text

function kinds.seconds(value)
  if type(value) == "string" then value = tonumber(value) end
  if type(value) == "number" and value >= 0 and value < math.huge then return value end
  return nil, "must be a number of seconds"
end

local switches = {
  ["true"] = true, yes = true, on = true, ["1"] = true,
  ["false"] = false, no = false, off = false, ["0"] = false,
}

function kinds.switch(value)
  if type(value) == "string" then value = switches[value] end
  if type(value) == "boolean" then return value end
  return nil, "must be true or false"
end

function kinds.level(value)
  if value == "none" or value == "jail" or value == "full" then return value end
  return nil, 'must be "none", "jail" or "full"'
end

--- What there is, in the order in which `alua config` shows it: name and kind; `option` when it is not --NAME. In the
--- environment it is ALUA_NAME. `only`: the verbs that take it; for others an option of that name means something else.
config.settings = {
  { "broker", "text" }, { "broker_key", "key" }, { "key", "path" }, { "trust", "path" },
  { "policy", "path", only = { broker = true } }, { "insecure", "switch", only = { broker = true, node = true } },
  { "name", "text", only = { node = true } }, { "listen", "texts", only = { node = true } },
  { "advertise", "texts", only = { node = true } }, { "code", "level", only = { node = true, run = true, console = true } },
  { "app", "text" }, { "timeout", "seconds" }, { "label", "switch", option = "--no-label" },
}

local known, names = {}, {}
for i, setting in ipairs(config.settings) do
  known[setting[1]], names[i] = setting, setting[1]
end

function config.option(setting)
  return setting.option or "--" .. setting[1]:gsub("_", "-")
end

function config.variable(setting)
  return "ALUA_" .. setting[1]:upper()
end

-- ---- The file ---------------------------------------------------------------------

local function guess(name)
  local near = type(name) == "string" and nearest(name, names)
  return near and ("; did you mean '%s'?"):format(near) or ""
end

-- A path in the file is one beside the file; ~/ is the user's home.
local function place(value, file)
  if value:sub(1, 2) == "~/" then return (os.getenv "HOME" or "") .. value:sub(2) end
  if value:sub(1, 1) == "/" then return value end
  return (file:match "^(.*/)" or "") .. value
end

-- The key itself instead of its file: 40 characters.
local function is_key(value)
  return #value == 40 and not value:find "%.pub$" and not value:find "^~?/"
end

local function located(setting, value, file)
  local kind = setting[2]
  if kind == "path" or kind == "key" and not is_key(value) then return place(value, file) end
  return value
end

local function take(into, file, line, name, value)
  local from = file .. ":" .. line
  local setting = known[name]
  if not setting then return nil, ("%s: there is no setting '%s'%s"):format(from, tostring(name), guess(name)) end
  local good, why = kinds[setting[2]](value)
  if good == nil then return nil, ("%s: %s %s"):format(from, name, why) end
  into[name] = { value = located(setting, good, file), from = from }
  return true
end

-- The wrong one that stands first is told of.
local function ordered(values, lines)
  local keys = {}
  for key in pairs(values) do table.insert(keys, key) end
  table.sort(keys, function(a, b) return lines[a] < lines[b] or lines[a] == lines[b] and tostring(a) < tostring(b) end)
  return keys
end

--- The settings of a file's text: name -> { value =, from = "FILE:LINE" }.
---@return table? found, string? why
function config.read(host, text, file)
  local values, lines = host.data(text, file)
  if values == nil and type(lines) == "string" then return nil, lines end
  if type(values) ~= "table" then return nil, file .. ": expected lines such as: timeout = 60" end
  local found = {}
  for _, name in ipairs(ordered(values, lines)) do
    local ok, why = take(found, file, lines[name], name, values[name])
    if not ok then return nil, why end
  end
  return found
end

local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- Which file, and who says so; `must`: it was named, so it must be there.
---@return string path, string from, boolean must
function config.file(given)
  if given.config then return given.config, "command line", true end
  local named = variable "ALUA_CONFIG"
  if named then return named, "environment ALUA_CONFIG", true end
  local base = os.getenv "XDG_CONFIG_HOME"
  if not base or base:sub(1, 1) ~= "/" then base = (os.getenv "HOME" or "") .. "/.config" end
  return base .. "/alua/config.lua", "default", false
end

local function from_file(host, given)
  local path, _, must = config.file(given)
  local file, why = io.open(path, "rb")
  if not file then
    if must then return nil, "cannot read the config file: " .. why end
    return {}
  end
  local text
  text, why = file:read "a"
  file:close()
  if not text then return nil, "cannot read the config file " .. path .. ": " .. why end
  return config.read(host, text, path)
end

-- ---- All together --------------------------------------------------------------------

local function add_environment(found)
  for _, setting in ipairs(config.settings) do
    local name = config.variable(setting)
    local text = variable(name)
    if text then
      local value, why = kinds[setting[2]](text)
      if value == nil then return nil, ("environment %s: %s, not '%s'"):format(name, why, text) end
      found[setting[1]] = { value = value, from = "environment " .. name }
    end
  end
  return found
end

--- The settings of file and environment: name -> { value =, from = }.
---@param given table Options; `config` names another file.
---@return table? found, string? why
function config.load(host, given)
  local found, why = from_file(host, given)
  if not found then return nil, why end
  return add_environment(found)
end

--- An endpoint as people write it: "127.0.0.1:6080" is tcp, a path is ipc.
function config.endpoint(text)
  if not text or text:find("://", 1, true) then return text end
  if text:sub(1, 1) == "/" then return "ipc://" .. text end
  if text:find("^%[?[%w%.%-:]+%]?:[%d%*]+$") then return "tcp://" .. text end
  return text
end

local function is_meant(setting, verb)
  return not setting.only or setting.only[verb]
end

--- What was given, and the defaults for what was not.
---@param found table What `load` gives.
---@param verb string?
function config.complete(given, found, verb)
  for _, setting in ipairs(config.settings) do
    local name = setting[1]
    if given[name] == nil and found[name] and is_meant(setting, verb) then given[name] = found[name].value end
  end
  if given.broker == "private" then given.broker = nil end -- Whatever the defaults say
  given.broker = config.endpoint(given.broker)
  if given.label == false then given.no_label = true end
  return given
end

return config
