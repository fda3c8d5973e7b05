-- cluster_member.lua - what ana, bob and cleo do in test_cluster.py: they talk, count, watch, and tell
--
-- Sent as a chunk. Times are of the monotonic clock, which all containers of a machine share with the test.
member = {}

local heard, wrong = {}, nil    -- By author: the last number; what was out of order first
local talks = {}                -- By target

local function say(...)
  print(...)
  io.stdout:flush()
end

function member.hear(from, i)
  if i ~= (heard[from] or 0) + 1 then wrong = wrong or ("%d after %d of %s"):format(i, heard[from] or 0, from) end
  heard[from] = i
  return i
end

local function answered(talk, i)
  return function(value, err)
    if value == i then
      talk.answered = talk.answered + 1
    else
      local code = luarpc.iserror(err) and err.code or "wrong"
      if not talk.failed[code] then say("failed", talk.to, code, alua.now()) end
      talk.failed[code] = (talk.failed[code] or 0) + 1
    end
    talk.open = talk.open - 1
  end
end

-- A call each 10 ms; each has its number.
local function next_call(talk)
  talk.sent, talk.open = talk.sent + 1, talk.open + 1
  local callback = answered(talk, talk.sent)
  local ok, err = luarpc.async(talk.to, "member.hear", callback, { timeout = 60 })(alua.node, talk.sent)
  if not ok then callback(nil, err) end
end

function member.talk(to)
  local talk = { to = to, sent = 0, answered = 0, open = 0, failed = {} }
  talks[to] = talk
  talk.timer = alua.timer.create(0.01, function() next_call(talk) end, { background = true })
end

function member.stop(to)
  talks[to].timer:cancel()
end

-- sent, answered, still open, failed by code
function member.told(to)
  local talk = talks[to]
  return talk.sent, talk.answered, talk.open, talk.failed
end

-- The last number of an author, and what was wrong.
function member.heard(from)
  return heard[from] or 0, wrong
end

function member.forget()
  for to in pairs(talks) do member.stop(to) end
  heard, wrong, talks = {}, nil, {}
end

luarpc.export("member", member)
alua.watch(nil, function(what, id) if not id:find "^v%d" then say("watch", what, id, alua.now()) end end)
say("registered", alua.register("service of " .. alua.node))
