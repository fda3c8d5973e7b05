--- alua node: a process of its own that stays.
local join = require "alua.cli.join"
local reach = require "alua.cli.reach"

local node = { stops = true }

node.options = {
  { "--name", "name", "name" },
  { "--broker", "broker" },
  { "--app", "app", "name" },
  { "--key", "key", "name" },
  { "--broker-key", "broker_key", "name" },
  { "--listen", "listen", "list" },
  { "--advertise", "advertise", "list" },
  { "--code", "code", "code" },
  { "--insecure", "insecure", "flag" },
}

local function nothing() end

local function bracketed(address)
  return address:find(":", 1, true) and "[" .. address .. "]" or address
end

--- Where others are told to look: the address as given, with the port of what is listened at unless it says one.
---@return string? endpoint, string? why
function node.advertised(text, listen)
  local at = text:gsub("^tcp://", "")
  if at:find("^%[[%x:.]+%]:%d+$") or at:find("^[^:]+:%d+$") then return "tcp://" .. at end
  if not at:find("^%[[%x:.]+%]$") and not at:find("^[%w%.%-]+$") and not at:find("^%x*:[%x:.]+$") then
    return nil, "--advertise wants an address or a host's name, and a port where it is another: not '" .. text .. "'"
  end
  local port = listen:match(":(%d+)$")
  local place = "tcp://" .. (at:sub(1, 1) == "[" and at or bracketed(at))
  return port and place .. ":" .. port or place -- The node adds the port that it was given
end

-- Everywhere is no address that others could dial: they are told the one by which the broker would reach us.
local function own(host, given, listen)
  local everywhere, port = listen:match("^tcp://(.+):([%d%*]+)$")
  if everywhere ~= "*" and everywhere ~= "0.0.0.0" and everywhere ~= "[::]" then return listen end
  local address = host.own_address(given.broker or host.default_broker())
  if not address then return nil, "no address of this machine is known: say --advertise ADDRESS" end
  local endpoint = "tcp://" .. bracketed(address) .. ":" .. port
  if port == "*" then return endpoint end -- Which port it is is known only there
  return listen, endpoint
end

-- Several are a list on the command line, and one text with commas from file and environment.
local function split(texts)
  if type(texts) ~= "string" then return texts or {} end
  local parts = {}
  for part in texts:gmatch "[^,]+" do table.insert(parts, part) end
  return parts
end

-- One of them, and what others are told instead; "" when that is the same.
local function place(host, given, text, advertise)
  local listen, why = reach.endpoint(host, given, text, given.name or "node")
  if not listen then return nil, why end
  if not advertise then
    local told
    listen, told = own(host, given, listen)
    return listen, listen and (told or "") or told
  end
  local told
  told, why = node.advertised(advertise, listen)
  return told and listen, told or why
end

-- listen and advertise as the node takes them; or nil, why.
local function places(host, given)
  local all, told = split(given.listen), split(given.advertise)
  if #told > #all then
    return nil, "--advertise says what others are told instead of --listen, which is missing"
  end
  for i, text in ipairs(all) do
    all[i], told[i] = place(host, given, text, told[i])
    if not all[i] then return nil, told[i] end
  end
  given.listen = all[1] and table.concat(all, ",")
  given.advertise = all[1] and table.concat(told, ",")
  return true
end

-- Read now, and only once: from a pipe there is nothing more, and a file may be another one later.
local function program_of(file)
  if not file then return nothing end
  return loadfile(file)
end

function node.run(host, given, rest)
  if not rest[1] and not given.name then return 2, "a name, so that others can find it: alua node --name ana" end
  local program, why = program_of(rest[1])
  if not program then return 1, why end
  local placed
  placed, why = places(host, given)
  if not placed then return 1, why end
  reach.warn("node", given, "whoever reaches it may run code here")
  local core, id = join.open(host, given, { name = given.name }, true)
  if not core then return 1, id end
  core.signals()
  core.on("order", function() core.exit(0) end) -- Drained: all that was begun is done
  join.app(core, given.app)
  print(id .. " is ready")
  io.stdout:flush()
  rest[0] = table.remove(rest, 1)
  _G.arg = rest
  core.main(program, table.unpack(rest))
  core.serve() -- Until somebody ends us: a signal, or alua.exit from here or elsewhere
  core.exit(0)
end

return node
