-- da_confirm.lua PORT MAX - DALua: as soon as MAX processes are in the app, the first broadcasts a request; each answers; when
-- all have, all are told to end. The names are those that such programs like to have
require("dalua")

local port, wanted = ...
max = tonumber(wanted)
next, count = 0, 0
table.getn = function(t) return #t end
type = { request = 1, confirm = 2 }
debug = print

function request(from, message)
   debug("request", message.kind == type.request, message.text, table.getn(message.list))
   dalua.send(from, "confirm", dalua.self(), type.confirm)
end

function confirm(_, kind)
   count = count + kind / 2
   if count == max then
      print("all have confirmed", count)
      dalua.send(dalua.app.processes("confirm"), "dalua.exit")
   end
end

local function begin()
   local procs = dalua.app.processes("confirm")
   if next == 0 and table.getn(procs) == max and dalua.self() == procs[1] then
      next = 1
      dalua.send(procs, "request", dalua.self(), { kind = type.request, text = "?", list = { 1, 2, 3 } })
   end
end

dalua.events.monitor("dalua_init", function(_, status)
   if status == "success" then dalua.app.init() end
end)
dalua.events.monitor("dalua_app_init", function() dalua.app.join("confirm") end)
dalua.events.monitor("dalua_app_join", begin)
dalua.init("127.0.0.1", port)
dalua.loop()
