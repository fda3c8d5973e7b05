-- meet.lua PORT [ALL] - the DALua way, in two terminals: the one that is given ALL asks both to confirm; both end when told
require("dalua")

local port, all = ...
local asked = { "1@127.0.0.1:" .. port, "2@127.0.0.1:" .. port }
local open = #asked

function start(event, status, how)
   print(event, status, how, dalua.self())
   if all then
      dalua.send(asked, "work", dalua.self(), "a", 1)
   end
end

function work(from, word, number)
   print("work for " .. from, word, number)
   dalua.send(from, "worked", dalua.self(), word == "a" and number == 1)
end

function worked(who, well)
   print("worked", who, well)
   open = open - 1
   if open == 0 then
      dalua.send(asked, "alua.exit")
   end
end

dalua.events.monitor("dalua_init", start)
dalua.init("127.0.0.1", tonumber(port))
dalua.loop()
