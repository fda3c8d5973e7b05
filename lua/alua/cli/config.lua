--- Defaults of the command line: the config file, below ALUA_BROKER, below the options.
--
-- The file is $XDG_CONFIG_HOME/alua/config.lua (~/.config/alua/config.lua): lines `key = value`, read
-- as Lua without any function to call.
local config = {}

local kinds = { broker = "string", app = "string", timeout = "number", label = "boolean" }

local function path()
  local base = os.getenv("XDG_CONFIG_HOME")
  if not base or base:sub(1, 1) ~= "/" then base = (os.getenv("HOME") or "") .. "/.config" end
  return base .. "/alua/config.lua"
end

local function check(values, name)
  for key, value in pairs(values) do
    local kind = kinds[key]
    if not kind then return nil, name .. ": there is no setting '" .. tostring(key) .. "'" end
    if type(value) ~= kind then return nil, name .. ": " .. key .. " must be a " .. kind end
  end
  return values
end

--- The settings of the text of a config file.
---@return table? values, string? why
function config.read(text, name)
  local values = {}
  local chunk, why = load(text, "@" .. name, "t", values)
  if not chunk then return nil, why end
  local ok, problem = pcall(chunk)
  if not ok then return nil, tostring(problem) end
  return check(values, name)
end

--- The user's settings; none when there is no file.
---@return table? values, string? why
function config.load()
  local name = path()
  local file = io.open(name, "rb")
  if not file then return {} end
  local text = file:read("a")
  file:close()
  return config.read(text or "", name)
end

--- An endpoint as people write it: "127.0.0.1:6080" is tcp, a path is ipc.
function config.endpoint(text)
  if not text or text:find("://", 1, true) then return text end
  if text:sub(1, 1) == "/" then return "ipc://" .. text end
  if text:find("^%[?[%w%.%-:]+%]?:[%d%*]+$") then return "tcp://" .. text end
  return text
end

--- What was given, and the defaults for what was not.
function config.complete(given, defaults)
  local broker = os.getenv("ALUA_BROKER")
  if not given.broker then given.broker = broker and broker ~= "" and broker or defaults.broker end
  if given.broker == "private" then given.broker = nil end -- Whatever the defaults say
  given.broker = config.endpoint(given.broker)
  given.app = given.app or defaults.app
  given.timeout = given.timeout or defaults.timeout
  if defaults.label == false then given.no_label = true end
  return given
end

return config
