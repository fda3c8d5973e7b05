--- alua keys rotate: a new key pair in the place of the old, at the broker and in the files.
--
--     ANA.key, ANA.pub                                   before
--     ANA.key, ANA.pub, ANA.new.key, ANA.new.pub         the broker is asked, by the old key
--     ANA.key, ANA.pub (the new ones), ANA.key.old, ANA.pub.old
--
-- Whoever is interrupted in between has both pairs, and the next call goes on from there: the new private half, which
-- tells it so, is moved last.
local join = require "alua.cli.join"

local PATIENCE = 30 -- Seconds that the broker has

local function remove(fresh)
  os.remove(fresh .. ".key")
  os.remove(fresh .. ".pub")
end

local function is_there(path)
  local file = io.open(path, "rb")
  return file and file:close()
end

-- The public key of the new pair, and whether that is left from a call that was interrupted; nil and why.
local function pair(host, fresh, name)
  if not is_there(fresh .. ".key") then return host.keys.new(name, fresh) end
  local found, key = host.keys.load(fresh .. ".key", true)
  if not found then return nil, key end
  return key, true
end

local DONE = [[
%s has a new key (%s)
%s.key, %s.pub: the new halves, in the place of the old ones
%s.key.old, %s.pub.old: the old ones, of no use any more at this broker
What runs with the old key is cut off within a second: start it again.
Wherever else %s was trusted, the old key still is: revoke it there and trust the new %s.pub.
]]

local STUCK = "the broker has the new key, but %s%s cannot take the place of %s%s: %s; until it can, %s.key is the one "
  .. "to use. Then run this again"

local function swap(host, base, fresh, name, key)
  for _, half in ipairs { ".pub", ".key" } do
    if is_there(fresh .. half) then
      local done, why = host.keys.replace(base .. half, fresh .. half, base .. half .. ".old")
      if not done then return 1, STUCK:format(fresh, half, base, half, why, fresh) end
    end
  end
  io.write(DONE:format(name, key, base, base, base, base, name, base))
  return 0
end

-- Has the broker taken this key in a call that was interrupted?
local function was_taken(host, network, fresh)
  return host.knock { broker = network.broker, broker_key = network.broker_key, key = fresh .. ".key",
                      timeout = PATIENCE } == "ok"
end

-- true; or nil, the error, and whether the broker has surely not done it.
local function ask(core, key)
  local result, err = core.await(function(resume) return core.ask("ROTATE", PATIENCE, resume, key) end, "rotate")
  core.finish(0, 2)
  if result then return true end
  return nil, tostring(err), core.iserror(err) and err.definite
end

---@param network { broker: string, broker_key: string? }
---@param base string Path of the key file, without .key
---@return integer status, string? message
return function(host, network, base)
  local name, unfit = host.keys.load(base .. ".key", true)
  if not name then return 1, unfit end
  local fresh = base .. ".new"
  local key, left = pair(host, fresh, name)
  if not key then return 1, left end
  network.key = base .. ".key"
  local core, refusal = join.open(host, network, { visitor = true })
  if not core then
    if left and was_taken(host, network, fresh) then return swap(host, base, fresh, name, key) end
    if not left then remove(fresh) end
    return 1, refusal
  end
  local done, problem, surely_not = ask(core, key)
  if done then return swap(host, base, fresh, name, key) end
  if surely_not then
    remove(fresh)
    return 1, problem .. "; the old key stays"
  end
  return 1, problem .. "; whether the broker took the new key is not known: run this again"
end
