-- chat.lua - a room where everybody hears everybody: publish and subscribe
--
--     ./run -n 3 examples/chat.lua
--
-- Lines from standard input go to the topic "chat.ROOM.NAME"; the first process has it, the others only greet.

local room, name = "lobby", "guest" .. alua.rank
local here = 0

-- Waits until the broker has it: what a line said is heard before the next one is read.
local function say(text)
  assert(luaps.publish(("chat.%s.%s"):format(room, name), text, { ack = true }))
end

luaps.subscribe("chat." .. room .. ".*", function(msg)
  print(msg.topic:match "[^.]*$" .. ": " .. tostring(msg.value))
end)

-- Speak when all listen: each says so, and what is retained is heard by who comes late.
luaps.subscribe("listening." .. room .. ".*", function()
  here = here + 1
  if here < alua.size then return end
  say("hello, I am " .. name)
  if alua.rank > 1 then return end
  for line in io.lines() do say(line) end               -- While it reads, this process hears nobody
end)
luaps.publish(("listening.%s.%s"):format(room, name), true, { retain = true })
