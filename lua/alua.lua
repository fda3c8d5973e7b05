--- alua - chunks of Lua code sent to run elsewhere, and the processes that run them
--
-- A program is a set of processes, each handling one event at a time. This module
-- starts them, reaches them and ends them; names, defaults and the shape of replies
-- are those of ALua 6. docs/REFERENCE.md says of each function whether it waits.

local _ENV = require("alua.env").std
local core = require "alua.core"
local chunk = require "alua.chunk"
local codec = require "alua.codec"
local ending = require "alua.ending"
local names = require "alua.names"
local network = require "alua.network"
local spawn = require "alua.spawn"
local timer = require "alua.timer"
local waiting = require "alua.waiting"
local watch = require "alua.watch"

---@class alua
---@field id string? Our id; nil while not in a network.
---@field daemonid string? The address of our network, what stands behind the `@` of ids.
---@field node string? The name of our node.
---@field rank integer 1..n within `alua run -n`; 0 in a spawned process.
---@field size integer How many nodes `alua run -n` started.
local alua = {
  open = network.open,
  create = network.create,
  close = network.close,
  send = chunk.send,
  eval = chunk.eval,
  spawn = spawn.spawn,
  exit = ending.exit,
  register = names.register,
  unregister = names.unregister,
  whereis = names.whereis,
  watch = watch.watch,
  sleep = waiting.sleep,
  timer = timer,
  codec = codec,
  tostring = codec.dump,
  task = { schedule = core.task },
  --- What ALua 6 let one tune. Accepted, and without effect: nothing here polls.
  config = { lua = "lua", timeout = 0.1, tcp = { nodelay = true, keepalive = true } },
}

-- Straight from the core: the loop, and what other loops need to drive ours.
for _, name in ipairs { "loop", "quit", "step", "fd", "timeout", "flush", "now" } do
  alua[name] = core[name]
end

-- These change when a network is opened or left, so they are asked for each time.
local fields = {
  id = function(info) return info.open and info.id or nil end,
  daemonid = function(info) return info.open and info.address or nil end,
  node = function(info) return info.open and info.node or nil end,
  rank = function(info) return info.rank or 0 end,
  size = function(info) return info.size or 0 end,
}

return setmetatable(alua, {
  __index = function(_, key)
    local field = fields[key]
    return field and field(core.info())
  end,
})
