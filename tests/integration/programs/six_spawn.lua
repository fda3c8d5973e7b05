-- six_spawn.lua PORT - the ALua 6 way: open a network at a port, spawn by number and by name, the names twice, end all
require("alua")

local all = {}
local names = { "ann", "ben", "cleo" }

local function show(title, reply)
   print(title, reply.status, reply.error)
   for id, entry in pairs(reply.processes or {}) do
      local parts = {}
      for key, value in pairs(entry) do
         table.insert(parts, key .. "=" .. value)
      end
      table.sort(parts)
      print(title .. " " .. id, table.concat(parts, " "))
      if entry.status == "ok" then
         table.insert(all, id)
      end
   end
end

local function ended(reply)
   local count = 0
   for id, entry in pairs(reply) do
      count = count + 1
      print("ended " .. id, entry.status)
   end
   print("ended", count)
   alua.exit()
end

local function again(reply)
   show("again", reply)
   alua.exit(all, 0, ended)
end

local function named(reply)
   show("named", reply)
   alua.spawn(names, again)
end

local function numbered(reply)
   show("numbered", reply)
   alua.spawn(names, named)
end

local function opened(reply)
   print("opened", reply.status, reply.id, reply.daemon)
   alua.spawn(2, numbered)
end

alua.open({ addr = "127.0.0.1", port = tonumber((...)) }, opened)
alua.loop()
