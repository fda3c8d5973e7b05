--- The handle of a space and its plain operations: out, take, read, count, take_all, read_all, swap

local _ENV = require("alua.env").std
local core = require "alua.core"
local given = require "alua.given"
local check = require "luats.check"
local template = require "luats.template"
local waiting = require "alua.waiting"
local Lease = require "luats.lease"

---@class luats.Space
---@field name string
local Space = {}
Space.__index = Space
Space.__name = "luats.space"

-- Behind what was taken or read stands its number, and a lease or nil: most operations give the first alone.
local ask = {
  out = core.asker "OUT", count = core.asker "COUNT",
  take = core.asker("TAKE", true, true), read = core.asker("READ", true, true),
  try_take = core.asker("TAKE", false, true), try_read = core.asker("READ", false, true),
  lease = core.asker("TAKE", true), try_lease = core.asker "TAKE",
}

-- That a tuple or a template is a table, and a callback a function, `ask` sees to. Whether the handle is open is asked
-- here first where every call counts: that of a function costs more than the answer.

local OUT = { ttl = given.lifetime, timeout = given.timeout, background = given.flag }

--- Put a tuple. Waits (for the broker's word that it is there) unless there is a callback.
---@param tuple table
---@param options? { ttl?: number, timeout?: number, background?: boolean } ttl: seconds until it disappears
---@param cb fun(number: integer?, err: any)?
---@return integer? number the tuple's, greater than those before, any err
function Space:out(tuple, options, cb)
  if self.closed then check.open(self, 2) end
  if options == nil then return ask.out(nil, false, self.out_what, cb, self.name, tuple) end
  given.check(options, OUT, 2)
  return ask.out(options.timeout, options.background, self.out_what, cb, self.name, tuple, check.wire(options, 2))
end

local TAKE = {
  timeout = given.timeout, lease = check.lease, background = given.flag, after = given.integer(1),
}
local READ = { timeout = given.timeout, background = given.flag }

-- The function that asks, and the seconds that it may wait: none is nil, to try needs no more than an
-- answer.
local function waits(asks, tries, timeout)
  if timeout == 0 then return tries, nil end
  return asks, timeout
end

local function with_lease(self, tuple, number, lease)
  if tuple == nil then return nil, number end -- An error
  return tuple, Lease.new(lease, self.name)
end

local function lease_callback(self, cb)
  return waiting.through("luats.take", cb, function(...) return with_lease(self, ...) end)
end

local function take_on_lease(self, pattern, wanted, cb)
  local asks, timeout = waits(ask.lease, ask.try_lease, wanted.timeout)
  local told = check.wire(wanted, 3)
  if cb then
    return asks(timeout, wanted.background, self.take_what, lease_callback(self, cb), self.group, self.name, pattern,
      told)
  end
  return with_lease(self, asks(timeout, wanted.background, self.take_what, nil, self.group, self.name, pattern, told))
end

--- Take the oldest tuple that matches. Waits unless there is a callback.
---
--- `after`, the number of a lease: fails ("closed") when the space was destroyed since that was granted, even
--- if somebody uses its name again. With `lease` (seconds) the tuple comes back when that time is over,
--- or this process is gone, unless it
--- was acknowledged.
---@param pattern table
---@param options? { timeout?: number, lease?: number, background?: boolean, after?: integer }
---@param cb fun(tuple: table?, lease_or_err: any)?
---@return table? tuple, luats.Lease|any lease or an error: "timeout", "closed" (the space was destroyed, or
---   this handle closed) ...
function Space:take(pattern, options, cb)
  if self.closed then check.open(self, 2) end
  if options == nil then return ask.take(nil, false, self.take_what, cb, self.group, self.name, pattern) end
  local wanted = given.check(options, TAKE, 2)
  if wanted.lease then
    waiting.check(cb) -- `ask` sees only what we make of it
    local tuple, lease = take_on_lease(self, pattern, wanted, cb) -- No tail call: errors name our caller
    return tuple, lease
  end
  local asks, timeout = waits(ask.take, ask.try_take, wanted.timeout)
  return asks(timeout, wanted.background, self.take_what, cb, self.group, self.name, pattern, check.wire(wanted, 2))
end

--- Read the oldest tuple that matches; it stays. Waits unless there is a callback.
---@param pattern table
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(tuple: table?, err: any)?
---@return table? tuple, any err
function Space:read(pattern, options, cb)
  if self.closed then check.open(self, 2) end
  if options == nil then return ask.read(nil, false, self.read_what, cb, self.group, self.name, pattern) end
  local wanted = given.check(options, READ, 2)
  local asks, timeout = waits(ask.read, ask.try_read, wanted.timeout)
  return asks(timeout, wanted.background, self.read_what, cb, self.group, self.name, pattern, check.wire(wanted, 2))
end

--- How many tuples match. Waits unless there is a callback.
---@param pattern table? default: all
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(n: integer?, err: any)?
---@return integer? n, any err
function Space:count(pattern, options, cb)
  check.open(self, 2)
  if pattern == nil then pattern = { template.rest } end
  local wanted = given.check(options, READ, 2)
  return ask.count(wanted.timeout, wanted.background, "count in " .. self.name, cb, self.name, pattern)
end

local MOST = 1024 -- Tuples that one answer brings
local ALL = { limit = given.integer(1, MOST), timeout = given.timeout, background = given.flag }

-- Called by tail calls: its caller is the user.
local function all(self, asks, what, pattern, options, cb)
  check.open(self, 2)
  if pattern == nil then pattern = { template.rest } end
  local wanted = given.check(options, ALL, 2)
  local limit = math.tointeger(wanted.limit or MOST)
  return asks(wanted.timeout, wanted.background, what .. self.name, cb, self.group, self.name, pattern, { all = limit })
end

--- Take what matches, at most `limit` (1 to 1024, which is the default), the oldest first. Never waits for tuples.
---@param pattern table? default: all
---@param options? { limit?: integer, timeout?: number, background?: boolean }
---@param cb fun(tuples: table[]?, err: any)?
---@return table[]? tuples perhaps none, any err
function Space:take_all(pattern, options, cb)
  return all(self, ask.try_take, "take_all from ", pattern, options, cb)
end

--- Read what matches, at most `limit` (1 to 1024, which is the default), the oldest first. Never waits for tuples.
---@param pattern table? default: all
---@param options? { limit?: integer, timeout?: number, background?: boolean }
---@param cb fun(tuples: table[]?, err: any)?
---@return table[]? tuples perhaps none, any err
function Space:read_all(pattern, options, cb)
  return all(self, ask.try_read, "read_all from ", pattern, options, cb)
end

--- Take a tuple and put another one, in one step. Waits for a match unless there is a callback.
---@param pattern table
---@param tuple table
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(old: table?, err: any)?
---@return table? old, any err
function Space:swap(pattern, tuple, options, cb)
  check.open(self, 2)
  check.table(tuple, "a tuple", 2)
  local wanted = given.check(options, READ, 2)
  local asks, timeout = waits(ask.take, ask.try_take, wanted.timeout)
  local told = { put = tuple, ["try"] = wanted.timeout == 0 or nil }
  return asks(timeout, wanted.background, "swap in " .. self.name, cb, self.group, self.name, pattern, told)
end

--- Close this handle, not the space: whoever waits through it for a tuple gets an error with code "closed",
--- `each` ends. Twice is fine. Never waits.
function Space:close()
  if self.closed then return end
  self.closed = true
  core.close_group(self.group, "the handle of space " .. self.name .. " was closed")
end
Space.__close = Space.close

Space.__tostring = function(self) return "space " .. self.name end

-- The names of Linda and LIME.
Space.in_, Space["in"], Space.rd, Space.ing, Space.rdg = Space.take, Space.take, Space.read, Space.take_all, Space.read_all

local TRY = { timeout = 0 }

--- Take if there is one now: never waits for tuples.
---@return table? tuple nil and an error of code "timeout" when none matches
function Space:inp(pattern) return self:take(pattern, TRY) end

--- Read if there is one now: never waits for tuples.
---@return table? tuple nil and an error of code "timeout" when none matches
function Space:rdp(pattern) return self:read(pattern, TRY) end

local handles = 0 -- Of each the takes and reads are a group

--- A handle. Never waits.
---@param name string
---@return luats.Space
function Space.new(name)
  handles = handles + 1
  return setmetatable({
    name = name, group = handles, closed = false,
    out_what = "out to " .. name, take_what = "take from " .. name, read_what = "read from " .. name,
  }, Space)
end

return Space
