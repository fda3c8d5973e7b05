--- New processes: alua.spawn
--
-- A request becomes a plan, a list of orders { node =, count = } or { node =, names = };
-- an order without a node is carried out here, the others by the main process of their
-- node (as a chunk, because starting processes takes the right to run code).

local _ENV = require("alua.env").std
local core = require "alua.core"
local given = require "alua.given"
local reply = require "alua.reply"
local waiting = require "alua.waiting"

local spawn = {}

local ELSEWHERE = 'return require("alua.spawn").here(...)'
local TIMEOUT = 60 -- A new process has 30 s to join; the answer must travel, too

local OPTIONS = { n = true, names = true, node = true }

-- One spawn under way: what came of it so far, and what is still to come.
local function gathering(done)
  local self = { processes = {}, open = 1, lost = nil }
  function self.finish()
    self.open = self.open - 1
    if self.open > 0 then return end
    if not next(self.processes) then
      return done(reply.failed(self.lost or "cannot spawn the processes"))
    end
    if self.lost then core.report("alua.spawn", self.lost) end -- No name to enter it under
    done { status = "ok", processes = self.processes }
  end
  return self
end

local function problem_text(err)
  return err.code == "exists" and "process name already exists" or reply.text(err)
end

local function enter_failure(job, name, daemon, err)
  if not name then
    job.lost = job.lost or err
    return
  end
  job.processes[name] = { status = "error", error = problem_text(err), daemon = daemon }
end

local function start_one(job, name)
  local daemon = core.info().address
  job.open = job.open + 1
  core.spawn(name, nil, function(id, err)
    if id then
      job.processes[id] = { status = "ok", daemon = daemon }
    else
      enter_failure(job, name, daemon, err)
    end
    job.finish()
  end)
end

local function start_here(job, order)
  for i = 1, order.count or #order.names do
    start_one(job, order.names and order.names[i])
  end
end

local function unknown_node(order, err)
  if err.code ~= "unknown" then return err end
  return core.error("unknown", string.format("unknown daemon '%s'", order.node))
end

local function no_answer(job, order, err)
  err = unknown_node(order, err)
  if not order.names then return enter_failure(job, nil, order.node, err) end
  for _, name in ipairs(order.names) do enter_failure(job, name, order.node, err) end
end

local function take_over(job, order, answer)
  if answer.status ~= "ok" then return no_answer(job, order, core.error("remote", answer.error)) end
  for id, entry in pairs(answer.processes) do
    entry.daemon = order.node
    job.processes[id] = entry
  end
end

local function start_elsewhere(job, order)
  job.open = job.open + 1
  local function answered(answer, err)
    if answer then take_over(job, order, answer) else no_answer(job, order, err) end
    job.finish()
  end
  local taken, err = core.chunk(order.node, ELSEWHERE, "=alua.spawn", 2, TIMEOUT, answered,
    { count = order.count, names = order.names })
  if not taken then core.task(answered, nil, err) end
end

local function is_here(node)
  local info = core.info()
  return node == nil or node == info.node or node == info.address or node == info.id
end

local function carry_out(plan, done)
  local job = gathering(done)
  for _, order in ipairs(plan) do
    if is_here(order.node) then start_here(job, order) else start_elsewhere(job, order) end
  end
  core.task(job.finish) -- Ours: what is done at once is told as an event, too
end

--- Carry out an order from elsewhere; waits. Internal.
---@param order { count: integer?, names: string[]? }
---@return table reply
function spawn.here(order)
  return waiting.either(nil, "alua.spawn", function(done)
    carry_out({ { count = order.count, names = order.names } }, done)
  end)
end

local LONGEST = 255 -- Bytes in an id

-- What has an @ is an id that the network gives, and a name is one line.
local function is_name(name)
  return type(name) == "string" and #name <= LONGEST and name:find "^[^%c@]+$" ~= nil
end

local function check_names(names)
  local seen = {}
  for _, name in ipairs(names) do
    if not is_name(name) then return "invalid name" end
    if seen[name] then return "duplicate name" end
    seen[name] = true
  end
  return #names == 0 and "invalid request" or nil
end

-- An order for a number or a list of names; or nil and what is wrong.
local function order_of(what, node)
  if type(what) == "table" then
    local problem = check_names(what)
    if problem then return nil, problem end
    return { node = node, names = table.move(what, 1, #what, 1, {}) }
  end
  local count = math.type(what) and math.tointeger(what)
  if not count or count < 1 then return nil, "invalid number of process" end
  return { node = node, count = count }
end

local function plan_per_node(map)
  local plan, names = {}, {}
  for node, what in pairs(map) do
    if type(node) ~= "string" then return nil, "invalid request" end
    local order, problem = order_of(what, node)
    if not order then return nil, problem end
    plan[#plan + 1] = order
    for _, name in ipairs(order.names or {}) do
      if names[name] then return nil, "duplicate name" end
      names[name] = true
    end
  end
  return plan
end

local function plan_one(what, node)
  local order, problem = order_of(what, node)
  if not order then return nil, problem end
  return { order }
end

local function plan_of(what)
  if type(what) == "table" and what[1] == nil and next(what) ~= nil then
    return plan_per_node(what)
  end
  return plan_one(what)
end

local function check_options(options)
  for key in pairs(options) do
    if not OPTIONS[key] then error("unknown option " .. tostring(key), 4) end
  end
end

-- The new processes run the code before whatever else we send them.
local function then_run(code, name, done)
  return function(answer)
    for id, entry in pairs(answer.processes or {}) do
      if entry.status == "ok" then core.chunk(id, code, name, 0) end
    end
    done(answer)
  end
end

local function spawn_code(code, options, name, done)
  return function(finish)
    local sound, syntax = load(code, name, "t")
    if not sound then return core.task(finish, reply.failed(syntax)) end
    local plan, problem = plan_one(options.names or options.n or 1, options.node)
    if not plan then return core.task(finish, reply.failed(problem)) end
    carry_out(plan, then_run(code, name, finish))
  end, done
end

local function spawn_plain(what, done)
  return function(finish)
    local plan, problem = plan_of(what)
    if not plan then return core.task(finish, reply.failed(problem)) end
    carry_out(plan, finish)
  end, done
end

-- alua.spawn(code, options, cb), alua.spawn(code, cb), alua.spawn(what, cb)
local function understand(what, options, cb, name)
  if type(what) ~= "string" and type(what) ~= "number" and type(what) ~= "table" then
    error("what to start must be a number, a table or a chunk, got " .. type(what), 3)
  end
  if type(what) ~= "string" then return spawn_plain(what, options or cb) end
  if type(options) == "function" then options, cb = nil, options end
  if options ~= nil and type(options) ~= "table" then
    error("options must be a table, got " .. type(options), 3)
  end
  check_options(options or {})
  return spawn_code(what, options or {}, name, cb)
end

--- Start new processes, each an operating-system process that serves until it is told to exit or
--- its parent has ended. Waits unless there is a callback.
---
---     alua.spawn(4)                                   -- four, here
---     alua.spawn({ "ana", "bob" })                    -- by name: their ids
---     alua.spawn({ ["1@pc7"] = 2, pc8 = { "eva" } })  -- on named nodes
---     alua.spawn("work()", { n = 4 })                 -- four that run a chunk; or names =, node =
---
---@param what integer|table|string
---@param options { n: integer?, names: string[]?, node: string? }|function|nil With code only.
---@param cb fun(reply: table)?
---@return table? reply `{ status = "ok", processes = { [id] = { status = "ok", daemon = } } }`; a name
--- that is taken has an entry with status "error" and `error`. When there is no entry at all:
--- `{ status = "error", error = }`.
function spawn.spawn(what, options, cb)
  local start, done = understand(what, options, cb, given.line())
  waiting.check(done)
  if not core.info().open then
    start = function(finish) core.task(finish, reply.failed "not connected") end
  end
  return waiting.either(done, "alua.spawn", start)
end

return spawn
