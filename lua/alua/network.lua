--- Joining and leaving networks: alua.open, alua.create, alua.close

local _ENV = require("alua.env").std
local core = require "alua.core"
local reply = require "alua.reply"
local waiting = require "alua.waiting"

local network = {}

-- How long a broker that answers its probe may take to let us in.
local JOIN_TIMEOUT = 30

-- How long it may take before we look whether it is still there.
local LOOK_AGAIN = 0.1

local DEFAULT_ADDRESS, DEFAULT_PORT = "127.0.0.1", 4321

local TRIES = 3

-- Whether the program has chosen its network itself. The one it was started in may be
-- left for another by opening that; a chosen one must be closed first.
local chosen = false

local closes = 0 -- How often the program has left

-- "127.0.0.1:6080" -> "tcp://127.0.0.1:6080"; endpoints stay as they are; else nil.
local function endpoint_of(text)
  if text:find("^%a+://.") then return text end
  if text:find("^[%w._-]+:%d+$") or text:find("^%[[%x:.]+%]:%d+$") then
    return "tcp://" .. text
  end
end

local function address_of(endpoint)
  return (endpoint:gsub("^tcp://", ""))
end

-- The endpoint that a table `{ addr =, port = }` means.
local function configured(cfg)
  local addr, port = cfg.addr or DEFAULT_ADDRESS, math.tointeger(cfg.port or DEFAULT_PORT)
  if type(addr) ~= "string" or not port or port < 0 or port > 65535 then return nil end
  return endpoint_of(addr .. ":" .. port)
end

local function nobody(endpoint)
  return core.error("unknown", "no broker answers at " .. address_of(endpoint))
end

local function unfit(err)
  return err and err.code == "usage" and core.error("usage", "invalid daemon address") or err
end

-- done("connected") when a broker answers there, else done(nil, err).
local function look(endpoint, done)
  core.probe(endpoint, function(answers, err)
    if answers then return done("connected", endpoint) end
    done(nil, unfit(err) or nobody(endpoint))
  end)
end

-- done("connected" or "created", endpoint), or done(nil, err). A program that starts at the
-- same time may be faster than we: then its broker will do. It may also be about to listen, or
-- to end; so there are several `tries`.
local function ensure(endpoint, done, tries)
  look(endpoint, function(found)
    if found then return done(found, endpoint) end
    core.start_broker(endpoint, function(started, err)
      if started then
        return done("created", type(started) == "string" and started or endpoint)
      end
      look(endpoint, function(since)
        if since then return done(since, endpoint) end
        if tries == 1 then return done(nil, err) end
        core.timer(LOOK_AGAIN, function() ensure(endpoint, done, tries - 1) end)
      end)
    end)
  end)
end

-- Port 0 is any free one: there is nobody to look for.
local function start_any(endpoint, done)
  core.start_broker(endpoint, function(started, err)
    if started then return done("created", started) end
    done(nil, err)
  end)
end

local function broker(endpoint, done)
  if endpoint:find(":0$") then return start_any(endpoint, done) end
  return ensure(endpoint, done, TRIES)
end

local function present()
  local info = core.info()
  if not info.open then return nil end
  return { status = "ok", id = info.id, daemon = info.address }
end

-- A broker that was just left by its last member still answers its probe, and then ends: whoever
-- joins it meanwhile looks again. `gone` is told that it has ended.
local function look_after(endpoint, joined, gone)
  core.timer(LOOK_AGAIN, function()
    if joined() then return end
    core.probe(endpoint, function(answers, _)
      if joined() then return end
      if answers == false then gone() end
      look_after(endpoint, joined, gone)
    end)
  end, true)
end

-- `again` is called when nobody is there any more who was there a moment ago.
local function enter(how, endpoint, start, done, again)
  local over, lost, before = false, nil, closes
  core.open(endpoint, JOIN_TIMEOUT, function(id, address)
    over = true
    if not id and again and address.code == "offline" and closes == before then return again() end
    if not id then
      return done(reply.failed(lost or address)) -- In this case an error object
    end
    chosen = true
    done({ status = "ok", id = id, daemon = address }, how)
  end)
  look_after(endpoint, function() return over end, function()
    if start then
      how = "created"
      return core.start_broker(endpoint, function(_, _) end) -- Whoever is joining reaches it by itself
    end
    lost = nobody(endpoint)
    core.close()
  end)
end

local function refuse(text, done)
  core.task(done, reply.failed(text))
end

-- What to do for each kind of argument: find(endpoint, done), and the endpoint.
local function meaning(cfg)
  if type(cfg) == "string" then return look, endpoint_of(cfg) end
  if type(cfg) == "table" then return broker, configured(cfg) end
end

--- As `open`, and always with a `done(reply, how)`: how is "connected" or "created".
---@param cfg string|table?
---@param done fun(reply: table, how: string?)
function network.join(cfg, done)
  if cfg == nil then cfg = os.getenv "ALUA_BROKER" end
  local here = present()
  if cfg == nil then
    return core.task(done, here or reply.failed "not connected", here and "connected")
  end
  if here and chosen then return refuse("already connected", done) end
  local find, endpoint = meaning(cfg)
  if not find then return refuse("invalid #1 argument", done) end
  if not endpoint then return refuse("invalid daemon address", done) end
  local function go(tries)
    find(endpoint, function(how, where)
      if not how then return done(reply.failed(where)) end
      enter(how, where, find == broker, done, tries > 1 and function() go(tries - 1) end)
    end)
  end
  go(find == broker and TRIES or 1)
end

--- Join a network, leaving the one this process was started in. Waits unless there is a
--- callback (30 s at most).
---@param cfg string|table? "ip:port": connect. `{ addr =, port = }`: start a broker there when
--- none answers, then connect. Nothing: the network this process is in already.
---@param cb fun(reply: table)?
---@return table? reply `{ status = "ok", id =, daemon = }` or `{ status = "error", error = }`.
function network.open(cfg, cb)
  waiting.check(cb)
  local what = "alua.open" .. (type(cfg) == "string" and " of " .. cfg or "")
  return waiting.either(cb, what, function(done)
    network.join(cfg, function(answer) done(answer) end)
  end)
end

--- Start a broker at an address unless one answers there; do not join its network.
--- It lives until its last member has left. Waits unless there is a callback.
---@param cfg table? `{ addr = "127.0.0.1", port = 4321 }`; port 0 is any free one.
---@param cb fun(reply: table)?
---@return table? reply `{ status = "ok", daemon = "ip:port" }` or `{ status = "error", error = }`.
function network.create(cfg, cb)
  waiting.check(cb)
  if cfg ~= nil and type(cfg) ~= "table" then
    error("configuration must be a table, got " .. type(cfg), 2)
  end
  return waiting.either(cb, "alua.create", function(done)
    local endpoint = configured(cfg or {})
    if not endpoint then return refuse("invalid daemon address", done) end
    broker(endpoint, function(how, where)
      if not how then return done(reply.failed(where)) end
      done { status = "ok", daemon = address_of(where) }
    end)
  end)
end

--- Leave the network, behind what was sent. Does not wait.
---@return boolean left, any err true, or false and an error object.
function network.close()
  local left, err = core.close()
  if not left then return false, err end
  chosen = false
  closes = closes + 1
  return true
end

return network
