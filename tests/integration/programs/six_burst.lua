-- six_burst.lua PORT WORKERS SENDS - send each worker many chunks and exit at once: all of them run
require("alua")

local _, workers, sends = ...

local function spawned(reply)
   for i = 1, sends do
      for id in pairs(reply.processes) do
         alua.send(id, string.format("print(alua.id, %d)", i))
      end
   end
   alua.exit()
end

alua.open({ addr = "127.0.0.1", port = tonumber((...)) }, function()
   alua.spawn(tonumber(workers), spawned)
end)
alua.loop()
