-- chat.lua - a room where everybody hears everybody: publish and subscribe
--
--     ./run -n 3 examples/chat.lua
--
-- Lines from standard input go to the topic "chat.ROOM.NAME" (the first process has it); the others greet. Presence comes by
-- topic as well.

local room, name = "lobby", "guest" .. alua.rank
local here = 0

luaps.subscribe("chat." .. room .. ".*", function(msg)
  print(msg.topic:match "[^.]*$" .. ": " .. tostring(msg.value))
end)

-- Speak when all listen: each says so, and what is retained is heard by who comes late.
luaps.subscribe("listening." .. room .. ".*", function()
  here = here + 1
  if here < alua.size then return end
  luaps.publish(("chat.%s.%s"):format(room, name), "hello, I am " .. name)
  if alua.rank == 1 then
    for line in io.lines() do luaps.publish(("chat.%s.%s"):format(room, name), line) end
  end
end)
luaps.publish(("listening.%s.%s"):format(room, name), true, { retain = true })
