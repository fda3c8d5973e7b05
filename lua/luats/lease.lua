--- A tuple taken for a while: it comes back unless it is acknowledged

local _ENV = require("alua.env").std
local core = require "alua.core"
local check = require "luats.check"
local given = require "alua.given"
local lost = require "alua.lost"
local waiting = require "alua.waiting"

local ask_ack = core.asker "ACK"
local ask_release = core.asker "RELEASE"
local ask_extend = core.asker "EXTEND"

---@class luats.Lease
---@field number integer
---@field space string
---@field done boolean Acknowledged or released.
---@field epoch integer A restarted broker counts its leases from 1 again: its numbers are not ours.
local Lease = {}
Lease.__index = Lease
Lease.__name = "luats.lease"

local TIMEOUT = { timeout = given.timeout }

function Lease.new(number, space)
  return setmetatable({ number = number, space = space, done = false, epoch = lost.epoch }, Lease)
end

-- The broker that granted it is gone, and the tuple with it.
local function expired(self, what, cb)
  local err = core.error("expired", ("lease %d is over: the broker was restarted"):format(self.number))
  if not cb then return nil, err end
  core.task(waiting.guarded(what, cb), nil, err)
  return true
end

-- { done = { {..}, {..} } } as a list of { space, tuple }.
local function outs_of(outs, level)
  local list = {}
  if outs == nil then return list end
  if type(outs) ~= "table" then error("what is put must be a table of spaces, got " .. type(outs), level + 1) end
  local function add(space, tuple)
    if type(tuple) ~= "table" then error("what is put must be { space = { tuple, ... } }", level + 2) end
    list[#list + 1] = { space, tuple }
  end
  for space, tuples in pairs(outs) do
    if type(tuples) ~= "table" then error("what is put must be { space = { tuple, ... } }", level + 1) end
    check.name(space, "the name of a space where something is put", level + 1)
    if #tuples == 0 and next(tuples) ~= nil then add(space) end
    for i = 1, #tuples do add(space, tuples[i]) end
  end
  return list
end

--- Consume the tuple; `outs` (`{ done = { { "frame", 7 } } }`: by space, lists of tuples) are put in the
--- same step. Waits unless there is a callback.
---@param outs table<string, table[]>?
---@param options? { timeout?: number }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err code "expired" when the lease was over: the tuple is another's by now, and nothing was put
function Lease:ack(outs, options, cb)
  local timeout = given.check(options, TIMEOUT, 2).timeout
  local list = outs_of(outs, 2)
  waiting.check(cb)
  self.done = true
  if self.epoch ~= lost.epoch then return expired(self, "luats.ack", cb) end
  local function acked(numbers, err)
    if numbers == nil then return nil, err end
    return true
  end
  return acked(ask_ack(timeout, false, "ack of a lease in " .. self.space,
    waiting.through("luats.ack", cb, acked), self.number, list))
end

--- Give the tuple back now. Waits unless there is a callback.
---@param options? { timeout?: number }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function Lease:release(options, cb)
  local timeout = given.check(options, TIMEOUT, 2).timeout
  waiting.check(cb)
  self.done = true
  if self.epoch ~= lost.epoch then return expired(self, "luats.release", cb) end
  return ask_release(timeout, false, "release of a lease in " .. self.space, cb, self.number)
end

--- Keep it for so many seconds from now. Waits unless there is a callback.
---@param seconds number
---@param options? { timeout?: number }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function Lease:extend(seconds, options, cb)
  local timeout = given.check(options, TIMEOUT, 2).timeout
  local wrong = check.lease(seconds)
  if wrong then error("the time of a lease " .. wrong, 2) end
  local ms = given.ms(seconds, "the time of a lease", 2)
  waiting.check(cb)
  if self.epoch ~= lost.epoch then return expired(self, "luats.extend", cb) end
  return ask_extend(timeout, false, "extend of a lease in " .. self.space, cb, self.number, ms)
end

--- Neither acknowledged nor released: it is released.
function Lease:__close()
  if not self.done then self:release(nil, function(_, _) end) end
end

return Lease
