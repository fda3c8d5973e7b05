--- alua config: each setting in force, and where its value comes from.
local config = require "alua.cli.config"
local nodes = require "alua.cli.nodes"
local show = require "alua.cli.show"

local verb = { settings = true } -- Gets them as they were found, and completes nothing

local flags = { insecure = true, label = true }

verb.options = { { "--json", "json", "flag" } }
for _, setting in ipairs(config.settings) do
  local name = setting[1]
  local kind = setting[2] == "seconds" and "seconds" or flags[name] and "flag" or "name"
  table.insert(verb.options, { config.option(setting), name == "label" and "no_label" or name, kind })
end

local function defaults(host)
  return {
    broker = host.default_broker(), label = true, insecure = false, code = "full", app = "myapp", timeout = 30,
    trust = host.keys and host.keys.directory() or nil,
  }
end

local function on_command_line(given, name)
  if name == "label" and given.no_label then return false end
  return given[name]
end

-- { value =, from = }; without a value nothing is set.
local function in_force(given, found, default, name)
  local value = on_command_line(given, name)
  if value ~= nil then return { value = value, from = "command line" } end
  return found[name] or { value = default[name], from = "default" }
end

local function file_row(given)
  local path, from = config.file(given)
  local file = io.open(path, "rb")
  if file then file:close() end
  return { setting = "config", value = path, from = file and from or "default; there is no such file" }
end

local function rows(host, given, found)
  local default = defaults(host)
  local list = { file_row(given) }
  for _, setting in ipairs(config.settings) do
    local name = setting[1]
    local row = in_force(given, found, default, name)
    local value = row.value
    if name == "broker" then value = config.endpoint(value) end
    if name == "listen" and value then value = value:gsub("[^,]+", config.endpoint) end
    table.insert(list, { setting = name, value = value, from = row.from })
  end
  return list
end

local columns = {
  { "SETTING", function(row) return row.setting end },
  { "VALUE", function(row) return row.value end },
  { "FROM", function(row) return row.from end },
}

-- A value that is not there is null, not left out.
local function json(list)
  local parts = {}
  for i, row in ipairs(list) do
    parts[i] = ("%s:{\"value\":%s,\"from\":%s}"):format(show.json(row.setting), show.json(row.value), show.json(row.from))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function verb.run(host, given, rest, found)
  if rest[1] then return 2, "what is '" .. rest[1] .. "'?" end
  local list = rows(host, given, found)
  if given.json then
    print(json(list))
    return 0
  end
  for _, row in ipairs(list) do
    if row.value == nil then row.value = "" end
    if type(row.value) == "boolean" then row.value = tostring(row.value) end
  end
  for _, line in ipairs(nodes.lines(list, columns)) do print(line) end
  return 0
end

return verb
