--- What spaces offer beyond the plain operations: each, batch, eval, stat, destroy

local _ENV = require("alua.env").std
local core = require "alua.core"
local given = require "alua.given"
local check = require "luats.check"
local lost = require "alua.lost"
local waiting = require "alua.waiting"
local Space = require "luats.space"

local ask_batch, ask_spaces, ask_destroy = core.asker "BATCH", core.asker "SPACES", core.asker "DESTROY"

-- Acknowledge or release what the last round of a loop had, whatever it did itself.
local function settle(self, failed)
  local lease = self.lease
  self.lease = nil
  if not lease or lease.done then return end
  local function report(ok, err)
    if ok == nil then core.report("luats.each of " .. self.space.name, err) end
  end
  if failed then lease:release(nil, report) else lease:ack(nil, nil, report) end
end

local EACH = { lease = check.lease, timeout = given.timeout, background = given.flag }

--- A worker in one line: `for tuple, lease in space:each({ "job" }, { lease = 10 }) do ... end`.
---
--- Takes one tuple after the other on a lease, which is acknowledged when the body comes to its end (or
--- breaks), and released when it raises. Waits for the next tuple without keeping the program from being
--- over. Ends when the space is destroyed or this handle closed, or when no tuple came within `timeout` seconds.
---@param pattern table
---@param options? { lease?: number, timeout?: number, background?: boolean } lease: 30 s by default; background:
--- true without a timeout
---@return fun(): table?, luats.Lease?
function Space:each(pattern, options)
  check.open(self, 2)
  check.table(pattern, "a template", 2)
  local wanted = given.check(options, EACH, 2)
  local loop = { space = self }
  local take = { lease = wanted.lease or 30, timeout = wanted.timeout, background = wanted.background }
  if take.background == nil then take.background = wanted.timeout == nil end
  local function step()
    settle(loop, false)
    if self.closed then return nil end
    if loop.epoch ~= lost.epoch then take.after = nil end
    local tuple, lease = self:take(pattern, take)
    if tuple == nil then
      local code = lease.code
      if code == "closed" or code == "timeout" or code == "cancelled" then return nil end
      error(lease, 0)
    end
    loop.lease, loop.epoch, take.after = lease, lease.epoch, lease.number
    return tuple, lease
  end
  return step, nil, nil, setmetatable({}, { __close = function(_, err) settle(loop, err ~= nil) end })
end

local OUT = { ttl = given.lifetime } -- The time of all is the batch's
local ANY = { timeout = given.timeout, background = given.flag }
local BATCH = { out = "OUT", take = "TAKE", read = "READ", count = "COUNT" }

-- { "out", tuple, { ttl = }, space = } as [type, space, tuple, options].
local function operation(self, op, i, level)
  if type(op) ~= "table" or not BATCH[op[1]] then
    error(("operation %d must begin with \"out\", \"take\", \"read\" or \"count\""):format(i), level + 1)
  end
  check.table(op[2], ("operation %d: what stands behind its name"):format(i), level + 1)
  if op.space ~= nil then check.name(op.space, ("operation %d: a space's name"):format(i), level + 1) end
  for key in pairs(op) do
    if key ~= "space" and not (math.type(key) == "integer" and key >= 1 and key <= 3) then
      error(("operation %d: %s"):format(i, given.unknown(key, { space = true })), level + 1)
    end
  end
  if op[1] ~= "out" and op[3] ~= nil then error(("operation %d: %s takes no options"):format(i, op[1]), level + 1) end
  local options = op[1] == "out" and check.wire(given.check(op[3], OUT, level + 1), level + 1) or nil
  return { core.types[BATCH[op[1]]], op.space or self.name, op[2], options }
end

-- There is nothing to ask for.
local function nothing_done(cb)
  if cb then return core.task(cb, {}) end
  return {}
end

--- Do up to 128 operations in one step, all or nothing: `{ "out", tuple, { ttl = 5 } }, { "take",
--- template }, { "read", template }, { "count", template }`, each with `space = name` for another space.
--- Takes and reads do not wait: one that finds nothing refuses all (code "timeout"). Waits unless there
--- is a callback. When it is cancelled on its way, what it took goes back to its place; one that also puts
--- stays done as a whole, and that is said on standard error.
---@param list table[]
---@param options? { timeout?: number, background?: boolean }
---@param cb fun(results: any[]?, err: any)?
---@return any[]? results one for each: a number, a tuple, a count, any err
function Space:batch(list, options, cb)
  check.open(self, 2)
  check.table(list, "the list of operations", 2)
  waiting.check(cb)
  local wanted = given.check(options, ANY, 2)
  if #list == 0 then return nothing_done(cb) end
  local ops = {}
  for i = 1, #list do ops[i] = operation(self, list[i], i, 2) end
  local function firsts(answers, err)
    if type(answers) ~= "table" then return answers, err end -- An error, or under way
    for i = 1, #answers do answers[i] = answers[i][1] end
    return answers
  end
  return firsts(ask_batch(wanted.timeout, wanted.background, "batch in " .. self.name,
    waiting.through("luats.batch", cb, firsts), ops))
end

local LIVE = [[
local space, text = ...
local f, why = load(text, "=live tuple", "t")
if not f then error(why, 0) end
local tuple = f(select(3, ...))
if type(tuple) ~= "table" then error("the code of a live tuple must return a table, not a " .. type(tuple), 0) end
local ok, err = require("luats").space(space):out(tuple)
if not ok then error(err, 0) end
]]

local EVAL = { args = given.table, timeout = given.timeout }
local TIMEOUT = { timeout = given.timeout }

--- A live tuple: run a chunk on a node; the table that it returns becomes a tuple here. Waits until it is
--- there unless there is a callback.
---@param node string
---@param code string Lua text; its arguments are what follows in `args`
---@param options? { args?: any[], timeout?: number }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function Space:eval(node, code, options, cb)
  check.open(self, 2)
  if type(node) ~= "string" or type(code) ~= "string" then error("a node and a chunk of Lua are needed", 2) end
  waiting.check(cb)
  local wanted = given.check(options, EVAL, 2)
  local args = table.pack(table.unpack(wanted.args or {}))
  return waiting.either(cb and waiting.guarded("luats.eval", cb), "eval in " .. self.name, function(done)
    return core.chunk(node, LIVE, "=luats.eval", 2, wanted.timeout, function(_, err)
      if err ~= nil then return done(nil, err) end
      done(true)
    end, self.name, code, table.unpack(args, 1, args.n))
  end)
end

-- ---- The space as such

--- What is in it and who waits there. Waits unless there is a callback.
---@param options? { timeout?: number }
---@param cb fun(stat: table?, err: any)?
---@return table? stat `{ name, tuples, bytes, leases, waiters, watches, reactions }`, any err
function Space:stat(options, cb)
  check.open(self, 2)
  waiting.check(cb)
  local wanted = given.check(options, TIMEOUT, 2)
  local function mine(list, err)
    if type(list) ~= "table" then return list, err end -- An error, or under way
    for _, stat in ipairs(list) do
      if stat.name == self.name then return stat end
    end
    return { name = self.name, tuples = 0, bytes = 0, leases = 0, waiters = 0, watches = 0, reactions = 0 }
  end
  return mine(ask_spaces(wanted.timeout, false, "stat of " .. self.name,
    waiting.through("luats.stat", cb, mine)))
end

--- End the space for everybody: its tuples are dropped, whoever waits there gets an error with code
--- "closed", `each` ends. Whoever uses the name afterwards begins a new one. Waits unless there is a
--- callback.
---@param options? { timeout?: number }
---@param cb fun(ok: true?, err: any)?
---@return true? ok, any err
function Space:destroy(options, cb)
  check.open(self, 2)
  waiting.check(cb)
  local wanted = given.check(options, TIMEOUT, 2)
  return ask_destroy(wanted.timeout, false, "destroy of " .. self.name, cb, self.name)
end

return Space
