--- alua drain: a node finishes what it has begun, takes no new work, and leaves.
local visitor = require "alua.cli.visitor"

local drain = {}

drain.options = {
  { "--broker", "broker" }, { "--key", "key", "name" }, { "--broker-key", "broker_key", "name" },
  { "--timeout", "patience", "seconds" },
}

local ASK = 30 -- Seconds for an answer of the broker

local function ask(core, type, ...)
  local args = table.pack(...)
  return core.await(function(resume)
    return core.ask(type, ASK, resume, table.unpack(args, 1, args.n))
  end, "drain")
end

-- "left", "gone", or "timeout". What the broker tells of it may come before we wait, even before its answer.
local function watch(core, id)
  local ended, waiting
  core.on("watched", function(what, whose)
    if whose ~= id or what ~= "left" and what ~= "gone" then return end
    ended = what
    if waiting then waiting(what) end
  end)
  return function(patience)
    return ended or core.await(function(resume)
      waiting = resume
      if patience then core.timer(patience, function() resume "timeout" end) end
    end, "drain")
  end
end

local function told(who, how, seconds)
  if how == "left" then
    print(("%s left after %.1f s"):format(who, seconds))
    return 0
  elseif how == "gone" then
    io.stderr:write(("alua: %s ended before it had finished, after %.1f s\n"):format(who, seconds))
  else
    io.stderr:write(("alua: %s is still at work after %.1f s; it goes on draining\n"):format(who, seconds))
  end
  return 1
end

function drain.run(host, given, rest)
  if not rest[1] or rest[2] then return 2, "one node: alua drain ana" end
  return visitor.stay(host, given, function(core)
    local found, err = ask(core, "LOOKUP", rest[1]) -- Which is a watch, too
    if not found then return nil, err end
    local wait, begun = watch(core, found.id), core.now()
    local ok
    ok, err = ask(core, "DRAIN", found.id)
    if not ok then return nil, err end
    return told(rest[1], wait(given.patience), core.now() - begun)
  end)
end

return drain
