--- dalua - events, groups and remote calls for distributed algorithms
--
-- Nothing in here waits: what comes of a request is an event (dalua.events). Names,
-- defaults and events are those of DALua 2.1; `ad` is the older name of this module.

local _ENV = require("alua.env").std
local core = require "alua.core"
local alua = require "alua"
local network = require "alua.network"
local events = require "dalua.events"
local send = require "dalua.send"
local app = require "dalua.app"
local timer = require "dalua.timer"
local settings = require "dalua.settings"

---@class dalua
---@field timeout number? Seconds after which a send that was not executed has failed; nil: never.
---@field debug boolean Tell on standard error what is going on.
local dalua = {
  events = events,
  app = app,
  timer = timer,
  send = send.send,
  --- The talk's name of dalua.app.processes.
  processes = app.processes,
}

local DEFAULT_ADDRESS, DEFAULT_PORT = "127.0.0.1", 4321

local function entered(emit, address)
  return function(reply, how)
    if reply.status == "ok" then
      settings.log("%s: %s, as %s", reply.daemon, how, reply.id)
      return emit("dalua_init", "success", how)
    end
    settings.log("%s: %s", address, reply.error)
    emit("dalua_init", "error", reply.error)
  end
end

--- Join the network at an address, started there if none is. Without an address: stay in the
--- network we are in, or else the one at 127.0.0.1:4321. Does not wait.
--- Event `dalua_init`: "success", "connected" or "created"; or "error", text.
---@param addr string?
---@param port integer?
function dalua.init(addr, port)
  local emit = events.emitter()
  local done = entered(emit, addr or DEFAULT_ADDRESS)
  if not addr and not port and core.info().open then return network.join(nil, done) end
  network.join({ addr = addr or DEFAULT_ADDRESS, port = port or DEFAULT_PORT }, done)
end

--- Handle events for ever. Event `dalua_loop`: "success".
function dalua.loop()
  events.emitter()("dalua_loop", "success")
  alua.loop()
end

--- Our id; nil outside a network.
---@return string?
function dalua.self()
  return alua.id
end

--- The address of our network.
---@return string?
function dalua.daemon()
  return alua.daemonid
end

--- The addresses of the networks we are linked to: for now, ours.
---@return string[]
function dalua.daemons()
  return { alua.daemonid }
end

--- The number before the `@` of an id; -1 for nil, nil for an id that has none.
---@param id string?
---@return integer?
function dalua.getindex(id)
  if id == nil then return -1 end
  if type(id) ~= "string" then error("id must be a string, got " .. type(id), 2) end
  return math.tointeger(tonumber(id:match "^(%d+)[%d.]*@"))
end

--- End this process, behind what was sent. Never returns.
---@param code integer?
function dalua.exit(code)
  alua.exit(code)
end

return setmetatable(dalua, settings.shared)
