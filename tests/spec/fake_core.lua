--- fake_core - a whole network in one Lua state and in virtual time, for specs
--
-- A world has a clock, a queue of events, brokers and processes. Each process has its own
-- globals, its own loaded modules and its own fake of alua.core (bindings/CORE.md), so that
-- programs run in it as they would in an operating-system process.
--
--     local world = fake.world()
--     local p = world:process()
--     p:main(function() ... end)      -- as an event
--     world:run()                     -- until nothing is left to happen
--
-- `world.latency`, when set, gives the seconds that a message is on its way.

local fake = {}

-- ---- Error objects

local Error = { __name = "alua.error" }
Error.__index = Error
function Error:__tostring() return self.message end
function Error.__concat(a, b) return tostring(a) .. tostring(b) end

local function new_error(code, message, fields)
  local self = setmetatable({ code = code, message = message or code }, Error)
  for k, v in pairs(fields or {}) do self[k] = v end
  return self
end

local function is_error(v) return getmetatable(v) == Error end

local function as_error(v)
  return is_error(v) and v or new_error("remote", tostring(v))
end

-- ---- Values travel as copies

local function copy(v)
  if type(v) == "function" or type(v) == "thread" or type(v) == "userdata" then
    error(new_error("unsendable", "cannot send a " .. type(v)), 0)
  end
  if type(v) ~= "table" or is_error(v) then return v end
  local c = {}
  for k, w in pairs(v) do c[copy(k)] = copy(w) end
  return c
end

local function copies(...)
  local args = table.pack(...)
  for i = 1, args.n do args[i] = copy(args[i]) end
  return args
end

local function spread(args) return table.unpack(args, 1, args.n) end

-- ---- World

local World = {}
World.__index = World

function fake.world()
  local self = setmetatable({
    time = 100, queue = {}, timers = {}, brokers = {}, refused = {}, processes = {},
    reports = {}, printed = {}, arrivals = {}, serial = 0,
  }, World)
  self.home = self:broker("ipc://private", "here")
  return self
end

function World:broker(endpoint, address)
  local broker = { endpoint = endpoint, address = address, joins = 0, apps = {}, names = {} }
  self.brokers[endpoint] = broker
  return broker
end

function World:push(f, io)
  self.queue[#self.queue + 1] = { f = f, io = io }
end

function World:after(seconds, f)
  self.serial = self.serial + 1
  self.timers[self.serial] = { at = self.time + seconds, f = f, serial = self.serial }
  return self.serial
end

function World:next_timer()
  local best
  for _, t in pairs(self.timers) do
    if not best or t.at < best.at or (t.at == best.at and t.serial < best.serial) then best = t end
  end
  return best
end

--- Let everything happen, for at most `seconds` of virtual time.
function World:run(seconds)
  local limit = self.time + (seconds or 1000)
  while true do
    local item = table.remove(self.queue, 1)
    if item then
      item.f()
    else
      local t = self:next_timer()
      if not t or t.at > limit then break end
      self.timers[t.serial] = nil
      self.time = math.max(self.time, t.at) -- A spec may have moved it on
      t.f()
    end
  end
end

function World:report(what, err) self.reports[#self.reports + 1] = what .. ": " .. tostring(err) end

-- ---- Processes: events and waiting

local Process = {}
Process.__index = Process

local EXIT = {}

-- Go on with a coroutine; `done(ok, ...)` once it has ended.
local function continue(self, co, done, ...)
  if self.exited then return end
  local before = self.running
  self.running = co
  local results = table.pack(coroutine.resume(co, ...))
  self.running = before
  if coroutine.status(co) == "dead" then return done(spread(results)) end
  if results[2] == EXIT then return done(true) end -- Whoever asked is answered before the end
end

-- Run f as an event.
function Process:event(f, done, args)
  self.world:push(function()
    if self.exited then return end
    local co = coroutine.create(f)
    self.waiting[co] = done or function(ok, err)
      if not ok then self.world:report("event", err) end
    end
    continue(self, co, self.waiting[co], spread(args or { n = 0 }))
  end)
end

function Process:main(f, ...)
  if type(f) == "string" then f = assert(load(f, "@main.lua", "t", self.env)) end
  self:event(f, nil, table.pack(...))
  return self
end

--- Run a program file as the main chunk.
function Process:file(path, ...)
  self.env.arg = { [0] = path, ... }
  return self:main(assert(loadfile(path, "t", self.env)), ...)
end

local function find_module(name)
  return assert(package.searchpath(name, "lua/?.lua;lua/?/init.lua"))
end

-- A require of its own for each process.
local function own_require(self)
  return function(name)
    local module = self.loaded[name]
    if module == nil then
      module = assert(loadfile(find_module(name), "t", self.env))(name) or true
      self.loaded[name] = module
    end
    return module
  end
end

local function own_globals(self)
  local env = setmetatable({}, { __index = _G })
  env._G = env
  env.require = own_require(self)
  env.loadfile = function(path) return loadfile(path, "t", env) end
  env.print = function(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    table.insert(self.world.printed, table.concat(parts, "\t"))
  end
  return env
end

local function enter(self, broker, name)
  broker.joins = broker.joins + 1
  self.broker = broker
  self.id = name or string.format("%d@%s", broker.joins, broker.address)
  self.views = {}
end

function World:find(broker, who)
  who = broker.names[who] or who
  for _, p in ipairs(self.processes) do
    if p.broker == broker and not p.exited and (p.id == who or p.node == who) then return p end
  end
end

--- A process: `{ outside = true }` is in no network yet, `boot` are its boot fields.
function World:process(options)
  options = options or {}
  local self_ = setmetatable({ world = self, loaded = {}, handlers = {}, boot = options.boot or {},
    waiting = setmetatable({}, { __mode = "k" }) }, Process)
  self.processes[#self.processes + 1] = self_
  self_.node = options.node or "node" .. #self.processes
  if not options.outside then enter(self_, options.broker or self.home, options.name) end
  self_.env = own_globals(self_)
  self_.core = fake.core(self_)
  self_.loaded["alua.core"] = self_.core
  self_.env.alua = self_.env.require "alua"
  self_.env.dalua = self_.env.require "dalua"
  self_.env.ad = self_.env.dalua
  return self_
end

--- n processes that are members of an app, as `alua run -n` starts them.
function World:run_n(n, app)
  local list = {}
  for i = 1, n do list[i] = self:process { boot = { rank = i, size = n, app = app } } end
  self.home.apps[app] = { version = n }
  for i, p in ipairs(list) do self.home.apps[app][i] = p.id end
  for _, p in ipairs(list) do p.views[app] = true end
  return list
end

--- End a process abruptly, as kill -9 does.
function World:kill(p)
  p.exited = 137
  for app, members in pairs(p.broker.apps) do
    self:change(p.broker, app, members, p, "gone")
  end
  self:tell_watchers(p, "gone")
end

function World:tell_watchers(p, what)
  for _, q in ipairs(self.processes) do
    if q.broker == p.broker and q.handlers.watched and not q.exited then
      q:event(q.handlers.watched, nil, table.pack(what, p.id, p.node, 1, "killed"))
    end
  end
end

-- ---- Broker

local function position(list, v)
  for i, w in ipairs(list) do
    if v == w then return i end
  end
end

function World:change(broker, app, members, p, what)
  local at = position(members, p.id)
  if what == "join" and not at then members[#members + 1] = p.id end
  if what ~= "join" and at then table.remove(members, at) end
  if (what == "join") == (at ~= nil) then return end
  members.version = members.version + 1
  for _, q in ipairs(self.processes) do
    if q.broker == broker and q.views[app] and q ~= p and q.handlers.members and not q.exited then
      q:event(q.handlers.members, nil, table.pack(app, members.version, what, p.id, p.node))
    end
  end
end

local asks = {}

local function members_of(p, app)
  local apps = p.broker.apps
  apps[app] = apps[app] or { version = 0 }
  return apps[app]
end

local function snapshot(members) return members.version, table.move(members, 1, #members, 1, {}) end

function asks.JOIN(p, app)
  local members = members_of(p, app)
  p.world:change(p.broker, app, members, p, "join")
  p.views[app] = true
  return snapshot(members)
end

function asks.LEAVE(p, app)
  local members = members_of(p, app)
  p.world:change(p.broker, app, members, p, "leave")
  return members.version
end

function asks.FOLLOW(p, app)
  p.views[app] = true
  return snapshot(members_of(p, app))
end

function asks.REGISTER(p, name)
  local names = p.broker.names
  if names[name] and names[name] ~= p.id then return nil, new_error("exists", "the name is taken") end
  names[name] = p.id
  return true
end

function asks.UNREGISTER(p, name)
  p.broker.names[name] = nil
  return true
end

function asks.LOOKUP(p, who)
  local found = p.world:find(p.broker, who)
  if not found then return nil, new_error("unknown", "no such process, node or name") end
  return { id = found.id, node = found.node }
end

function asks.WATCH() return true end
function asks.UNWATCH() return true end

-- ---- The fake of alua.core

local function lookup(self, dotted)
  for _, root in ipairs { self.core.exports, self.env } do
    local v = root
    for word in dotted:gmatch "[^.]+" do v = type(v) == "table" and v[word] or nil end
    if v then return v end
  end
end

-- Messages of one pair keep their order, however long each is on its way.
local function travel(self, to, f)
  local world = self.world
  if not world.latency then return world:push(f) end
  local pair = self.id .. ">" .. to
  local at = math.max(world.time + world.latency(), world.arrivals[pair] or 0)
  world.arrivals[pair] = at
  world:after(at - world.time, function() world:push(f) end)
end

-- A request from self to `to`: work(target, ...) runs there as an event.
local function request(self, what, to, cb, timeout, args, work)
  local world = self.world
  if not self.broker then return nil, new_error("offline", "not connected") end
  local open = true
  local function finish(...)
    if not open then return end
    open = false
    if cb then return self:event(cb, nil, table.pack(...)) end
    local first, err = ...
    if first == nil and is_error(err) then world:report(what .. " to " .. to, err) end
  end
  travel(self, to, function()
    local target = world:find(self.broker, to)
    if not target then return finish(nil, new_error("unknown", "no such process: " .. to)) end
    target:event(function(...) return work(target, ...) end, function(ok, ...)
      if not ok then return finish(nil, as_error((...))) end
      local sent, results = pcall(copies, ...)
      if not sent then return finish(nil, results) end
      finish(spread(results))
    end, args)
  end)
  if timeout and timeout < math.huge then
    world:after(timeout, function() finish(nil, new_error("timeout", "no answer before the deadline")) end)
  end
  return 1
end

function fake.core(self)
  local world = self.world
  local core = { exports = {}, globals = self.env, error = new_error, iserror = is_error }

  function core.cancelled() return false end
  function core.now() return world.time end
  function core.info()
    local info = { open = self.broker ~= nil, id = self.id, node = self.node, rank = self.boot.rank,
      size = self.boot.size, app = self.boot.app }
    info.address = self.broker and self.broker.address
    return info
  end
  function core.report(what, err) world:report(what, err) end
  function core.on(kind, f) self.handlers[kind] = f end
  function core.task(f, ...) self:event(f, nil, table.pack(...)) end

  function core.await(start, _)
    local co = coroutine.running()
    assert(self.waiting[co], "waits in a coroutine that is not ours")
    local results, suspended
    local ok, err = start(function(...)
      if results then return end
      results = table.pack(...)
      if suspended then
        world:push(function() continue(self, co, self.waiting[co], spread(results)) end)
      end
    end)
    if results then return spread(results) end
    if ok == nil and err ~= nil then
      results = { nil, err, n = 2 }
      return nil, err
    end
    suspended = true
    return coroutine.yield()
  end

  function core.timer(seconds, f)
    return world:after(seconds, function() self:event(f) end)
  end
  function core.cancel_timer(id)
    local there = world.timers[id] ~= nil
    world.timers[id] = nil
    return there
  end

  function core.chunk(to, text, name, want, timeout, cb, ...)
    return request(self, "chunk", to, cb, timeout, copies(...), function(target, ...)
      local f, syntax = load(text, name, "t", target.env)
      if not f then error(new_error("syntax", syntax), 0) end
      if want == 2 then return f(...) end
      f(...)
    end)
  end
  function core.call(to, fname, opts, cb, ...)
    local timeout = opts and opts.timeout or 30
    return request(self, "call " .. fname, to, cb, timeout, copies(...), function(target, ...)
      local f = lookup(target, fname)
      if not f then error(new_error("no_function", "no such function: " .. fname), 0) end
      return f(...)
    end)
  end
  function core.async(to, fname, cb, opts)
    return function(...) return core.call(to, fname, opts, cb, ...) end
  end
  function core.sync(to, fname, opts)
    return function(...)
      local args = table.pack(...)
      return core.await(function(resume) core.call(to, fname, opts, resume, spread(args)) end, fname)
    end
  end

  function core.ask(kind, _, cb, ...)
    local args = table.pack(...)
    world:push(function()
      if self.exited then return end
      self:event(cb or function() end, nil, table.pack(asks[kind](self, spread(args))))
    end, true)
  end
  function core.members(app)
    if not self.views[app] then return nil end
    return members_of(self, app), members_of(self, app).version
  end
  function core.pump(seconds)
    world.time = world.time + seconds
    for i = #world.queue, 1, -1 do
      if world.queue[i].io then table.remove(world.queue, i).f() end
    end
  end

  function core.probe(endpoint, cb) self:event(cb, nil, { n = 1, world.brokers[endpoint] ~= nil }) end
  function core.start_broker(endpoint, cb)
    world:push(function()
      if world.refused[endpoint] then
        return self:event(cb, nil, { n = 2, nil, new_error("system", "cannot bind " .. endpoint) })
      end
      endpoint = endpoint:gsub(":0$", ":40001")
      world:broker(endpoint, (endpoint:gsub("^tcp://", "")))
      self:event(cb, nil, { n = 1, endpoint })
    end)
  end
  function core.open(endpoint, _, cb)
    world:push(function()
      enter(self, world.brokers[endpoint])
      self:event(cb, nil, { n = 3, self.id, self.broker.address, self.node })
    end)
  end
  function core.close()
    if not self.broker then return nil, new_error("offline", "not connected") end
    self.broker, self.id = nil, nil
    return true
  end

  function core.spawn(name, _, cb)
    world:push(function()
      if name and world:find(self.broker, name) then
        return self:event(cb, nil, { n = 2, nil, new_error("exists", "the name is taken") })
      end
      local child = world:process { broker = self.broker, name = name }
      self:event(cb, nil, { n = 2, child.id, child.node })
    end)
  end
  function core.exit(code)
    self.leaving = code
    world:push(function() self.exited = self.exited or code end)
    coroutine.yield(EXIT)
  end

  function core.pack(...) return copies(...) end
  function core.unpack(packed) return spread(copies(spread(packed))) end
  for _, name in ipairs { "loop", "quit", "step", "fd", "timeout", "flush" } do
    core[name] = function() end
  end
  return core
end

return fake
