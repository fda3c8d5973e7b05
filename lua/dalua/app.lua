--- Named groups of processes: dalua.app
--
-- The broker keeps the members; each process that joined or asked has a local view, in join
-- order, that follows the changes. What comes of a request is an event.

local _ENV = require("alua.env").std
local core = require "alua.core"
local events = require "dalua.events"
local reply = require "alua.reply"
local settings = require "dalua.settings"

local app = { debug = false }

local TIMEOUT = 30
local VIEW_TIMEOUT = 1  -- For the first view of an app that we have not joined
local VIEW_TURN = 0.05

local known = {}        -- Set of the apps that we have had to do with
local asked = {}        -- App -> the last request of ours under way: whether it makes us a member
local dissolved = {}    -- Set of the apps that were destroyed since we were members
local beginning = false -- What is queued now came before our program began

local function check(name)
  if type(name) ~= "string" then
    error("application must be a string, got " .. type(name), 3)
  end
end

local function position(list, id)
  for i, member in ipairs(list or {}) do
    if member == id then return i end
  end
end

local function joined(name)
  return position(core.members(name), core.info().id) ~= nil
end

-- As soon as it is asked for: the second of two at once is told, and one may leave and join in one go.
local function belongs(name)
  if asked[name] then return asked[name].member end
  return joined(name)
end

-- A request that ends in an event: `fail` raises its error.
local function request(event, name)
  local emit = events.emitter()
  local self = {}
  function self.begin(member)
    self.member = member
    known[name], asked[name] = true, self
    if member then dissolved[name] = nil end
  end
  local function over()
    if asked[name] == self then asked[name] = nil end
  end
  function self.succeed(...)
    over()
    emit(event, "success", name, ...)
  end
  function self.fail(reason)
    over()
    emit(event, "error", name, reason)
  end
  -- Ask the broker; `go_on` gets the fields of its answer.
  function self.ask(kind, go_on)
    core.ask(kind, TIMEOUT, function(first, second)
      if first == nil then return self.fail(reply.text(second)) end
      go_on(first, second)
    end, name)
  end
  return self
end

--- Nothing has to be prepared: event `dalua_app_init`, "success".
function app.init()
  events.emitter()("dalua_app_init", "success")
end

-- ---- Joining

--- Become a member; an app that is not there begins with us. Event `dalua_app_join`: "success",
--- app, id, here and at every other member; or "error", app, reason ("ERROR_ALREADY_JOINED").
---@param name string
function app.join(name)
  check(name)
  local this = request("dalua_app_join", name)
  if belongs(name) then return this.fail "ERROR_ALREADY_JOINED" end
  this.begin(true)
  this.ask("JOIN", function() this.succeed(core.info().id) end)
end

-- Two that create at once both join: who came second goes again.
local function confirm_creation(this, members)
  if position(members, core.info().id) == 1 then return this.succeed() end
  this.ask("LEAVE", function() this.fail "ERROR_ALREADY_EXISTS" end)
end

--- Begin a new app, as its first member. Event `dalua_app_create`: "success", app; or "error",
--- app, reason ("ERROR_ALREADY_CREATED" when we are a member, "ERROR_ALREADY_EXISTS").
---@param name string
function app.create(name)
  check(name)
  local this = request("dalua_app_create", name)
  if belongs(name) then return this.fail "ERROR_ALREADY_CREATED" end
  this.begin(true)
  this.ask("FOLLOW", function(_, members)
    if #members > 0 then return this.fail "ERROR_ALREADY_EXISTS" end
    this.ask("JOIN", function(_, now) confirm_creation(this, now) end)
  end)
end

-- ---- Leaving

--- Be a member no more. Event `dalua_app_leave`: "success", app, id, here and at every other
--- member; or "error", app, reason ("ERROR_NOT_PART").
---@param name string
function app.leave(name)
  check(name)
  local this = request("dalua_app_leave", name)
  if not belongs(name) then return this.fail "ERROR_NOT_PART" end
  local id = core.info().id
  this.begin(false)
  this.ask("LEAVE", function() this.succeed(id) end)
end

-- Somebody ends the app. First all members hear of it, so that none takes the others' leaving for their
-- own wish.
local function prepare(name)
  dissolved[name] = belongs(name) or nil
end

-- Then each leaves it, is told why, and answers.
local function dissolve(name)
  if not belongs(name) then return end
  local emit = events.emitter()
  local version, err = core.await(function(resume)
    return core.ask("LEAVE", TIMEOUT, resume, name)
  end, "dalua.app.destroy of " .. name)
  if version == nil then return emit("dalua_app_destroy", "error", name, reply.text(err)) end
  emit("dalua_app_destroy", "success", "local", name)
end

core.exports.__dalua = core.exports.__dalua or {}
core.exports.__dalua.prepare = prepare
core.exports.__dalua.dissolve = dissolve

-- Members that are gone meanwhile are no members either, so failures do not matter here.
local function have_all(members, what, done)
  local open = #members
  local function note()
    open = open - 1
    if open == 0 then done() end
  end
  for _, id in ipairs(members) do
    local taken = core.call(id, what, nil, function(_, _) note() end, members.app)
    if not taken then core.task(note) end
  end
end

--- End an app for all its members. Event `dalua_app_destroy`: at each member "success", "local",
--- app; at whoever asked "success", "global", app; or "error", app, "ERROR_NOT_EXISTS".
---@param name string
function app.destroy(name)
  check(name)
  local this = request("dalua_app_destroy", name)
  local emit = events.emitter()
  this.ask("FOLLOW", function(_, now)
    if #now == 0 then return this.fail "ERROR_NOT_EXISTS" end
    local members = table.move(now, 1, #now, 1, { app = name })
    have_all(members, "__dalua.prepare", function()
      have_all(members, "__dalua.dissolve", function()
        emit("dalua_app_destroy", "success", "global", name)
      end)
    end)
  end)
end

-- ---- Looking

local function follow(name)
  known[name] = true
  core.ask("FOLLOW", VIEW_TIMEOUT, function(_, _) end, name) -- The view tells the outcome
  local deadline = core.now() + VIEW_TIMEOUT
  while not core.members(name) and core.now() < deadline do
    core.pump(VIEW_TURN)
  end
end

--- The members of an app in join order, oneself among them. A local view; the first look at an
--- app we have not joined fetches it (no event runs meanwhile; at most 1 s).
---@param name string? Default: the app this program was started in.
---@return string[]? ids, any err A list of one's own to keep; or nil and an error.
function app.processes(name)
  name = name or core.info().app
  check(name)
  if not core.info().open then return nil, core.error("offline", "not connected") end
  if not core.members(name) then follow(name) end
  local members = core.members(name)
  if not members then
    return nil, core.error("timeout", "no view of application " .. name)
  end
  return table.move(members, 1, #members, 1, {})
end

--- The apps that this process is a member of, in order of their names.
---@return string[]
function app.applications()
  local list = {}
  local own = core.info().app
  if own then known[own] = true end
  for name in pairs(known) do
    if joined(name) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- ---- What others do

local raised = {
  join = function(emit, name, id) emit("dalua_app_join", "success", name, id) end,
  leave = function(emit, name, id)
    if not dissolved[name] then emit("dalua_app_leave", "success", name, id) end
  end,
  gone = function(emit, name, id) emit("dalua_app_fail", "gone", name, id, "the process is gone") end,
}

--- Our program begins: who joined or left until now, and stands in the queue before it, is no news to it.
--- Internal.
function app.begin()
  beginning = true
  core.task(function() beginning = false end)
end

core.on("members", function(name, _, what, id)
  known[name] = true
  if beginning then return end
  if app.debug then settings.log("app %s: %s %s", name, what, id) end
  if id ~= core.info().id and raised[what] then raised[what](events.emitter(), name, id) end
end)

return app
