--- Ready-made reactions: access_log, quota, join, barrier
---
--- Each installs some lines of text and waits until they are there. What comes back has `remove()`, and ends
--- as every reaction does. Errors are those of space:react.

local _ENV = require("alua.env").std
local core = require "alua.core"
local check = require "luats.check"
local given = require "alua.given"
local luats = require "luats"
local quote = require "luats.quote"
local Space = require "luats.space"

local reactions = {}

---@class luats.Reactions
---@field [integer] luats.Reaction
local Group = {}
Group.__index = Group

--- Take all of them away. Waits.
---@return true? ok, any err
function Group:remove()
  for i = 1, #self do
    local ok, err = self[i]:remove()
    if not ok then return nil, err end
  end
  return true
end

-- Install all, or none.
local function install(space, list)
  local group = setmetatable({}, Group)
  for i = 1, #list do
    local reaction, err = space:react(list[i])
    if not reaction then
      group:remove()
      return nil, err
    end
    group[i] = reaction
  end
  return group
end

-- "$name" in the text becomes the value, as text.
local function fill(text, values)
  return (text:gsub("%$(%a+)", function(name) return quote(values[name]) end))
end

local function check_space(space, level)
  if getmetatable(space) ~= Space then error("a space must be given, got " .. type(space), level + 1) end
  check.open(space, level + 1)
end

-- It becomes text, so it is looked at before.
local function check_template(value, what, level)
  check.table(value, what, level + 1)
  local packed, err = core.pack(value) -- Names the place; and what holds itself has no text
  if not packed then error(what .. ": " .. err.message, level + 1) end
  local ok, why = pcall(quote, value)
  if not ok then error(what .. ": " .. why, level + 1) end
end

local function check_barrier(name, level)
  if type(name) ~= "string" then error("a barrier's name must be a string, got " .. type(name), level + 1) end
end

-- The name of a space that a reaction puts into.
local function name_of(space, level)
  local name = getmetatable(space) == Space and space.name or space
  if type(name) ~= "string" then error("another space or its name must be given, got " .. type(space), level + 1) end
  check.name(name, "the other space's name", level + 1)
  return name
end

local function check_count(n, rule, level)
  local wrong = rule(n)
  if wrong then error("n " .. wrong, level + 1) end
  return math.tointeger(n)
end

local LOG = "spaces($to).out { on, who or '', t }"

--- Put { on, who, tuple } (on: "out", "take" or "read"; who: "" when unknown) into the space `to` after each such operation.
---@param space luats.Space
---@param to luats.Space|string another space, or its name
---@return luats.Reactions? group, any err
function reactions.access_log(space, to)
  check_space(space, 2)
  local code, list = fill(LOG, { to = name_of(to, 2) }), {}
  for i, on in ipairs { "out", "take", "read" } do
    list[i] = { on = on, phase = "after", name = "access log", code = code }
  end
  return install(space, list)
end

local from_0 = given.integer(0)

local QUOTA = "if space.count($template) >= $n then return refuse('there are ' .. $n .. ' already') end"

--- Refuse (code "denied") to put more than `n` tuples that match the template. Strict: what it cannot count is
--- refused.
---@param space luats.Space
---@param template table
---@param n integer
---@return luats.Reactions? group, any err
function reactions.quota(space, template, n)
  check_space(space, 2)
  check_template(template, "a template", 2)
  n = check_count(n, from_0, 2)
  return install(space, {
    { on = "out", template = template, name = "quota", strict = true, code = fill(QUOTA, { template = template, n = n }) },
  })
end

-- The tuple may be taken by now, by somebody who waited for it.
local JOIN = [[
if not space.read($other) then return end
local mine = space.take(t)
local other = mine and space.take($other)
if other then spaces($into).out($first and { mine, other } or { other, mine })
elseif mine then space.out(mine) end]]

--- Whenever one tuple that matches `a` and another that matches `b` are there, take both and put { tuple of
--- a, tuple of b } into the space `into`.
---@param space luats.Space
---@param a table template
---@param b table template
---@param into luats.Space|string another space, or its name
---@return luats.Reactions? group, any err
function reactions.join(space, a, b, into)
  check_space(space, 2)
  check_template(a, "the first template", 2)
  check_template(b, "the second template", 2)
  local target = name_of(into, 2)
  local function half(mine, other, first)
    local code = fill(JOIN, { other = other, into = target, first = first })
    return { on = "out", phase = "after", template = mine, name = "join", code = code }
  end
  return install(space, { half(a, b, true), half(b, a, false) })
end

local at_once = given.integer(1, 1024) -- It takes all who have arrived in one step

local BARRIER = [[
local name = $name
if space.count { name, luats.string } < $n then return end
local all = space.take_all({ name, luats.string }, $n)
for i = 1, #all do space.out { name, "open", all[i][2] } end]]

--- As soon as `n` processes have called `arrive` of this name, they go on; then it is ready for the next
--- round.
---@param space luats.Space
---@param name string
---@param n integer
---@return luats.Reactions? group, any err
function reactions.barrier(space, name, n)
  check_space(space, 2)
  check_barrier(name, 2)
  n = check_count(n, at_once, 2)
  return install(space, {
    { on = "out", phase = "after", template = { name, luats.string }, name = "barrier",
      code = fill(BARRIER, { name = name, n = n }) },
  })
end

local ARRIVE = { timeout = given.timeout }
local TRY = { timeout = 0 }

local function nothing(_, _) end

-- Whoever gives up has not arrived, or a second call would count it twice. True: all have, meanwhile.
local function withdraw(space, name, me, err)
  local arrival, opened = { name, me }, { name, "open", me }
  if err.code == "timeout" then return not space:take(arrival, TRY) and space:take(opened, TRY) ~= nil end
  space:take(arrival, TRY, function(tuple, _) -- Cancelled: nothing waits any more
    if not tuple then space:take(opened, TRY, nothing) end
  end)
  return false
end

--- Arrive at a barrier, and wait until all have.
---@param space luats.Space
---@param name string
---@param options? { timeout?: number } seconds to wait for the others; none: for ever. Then it has not arrived.
---@return true? ok, any err
function reactions.arrive(space, name, options)
  check_space(space, 2)
  check_barrier(name, 2)
  given.check(options, ARRIVE, 2) -- Before it has arrived
  local me = core.info().id
  local ok, err = space:out { name, me }
  if not ok then return nil, err end
  ok, err = space:take({ name, "open", me }, options)
  if ok or withdraw(space, name, me, err) then return true end
  return nil, err
end

return reactions
