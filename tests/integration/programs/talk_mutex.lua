-- talk_mutex.lua - a program as people write them at first: helpers of its own as globals, names of ours used freely
max = function(a, b) if a > b then return a else return b end end
table.getn = function(t) return #t end
unpack = table.unpack
core, names, reply, events, timer, send, self, app, timeout = 1, 2, 3, 4, 5, 6, 7, 8, 9
tostring_of_mine = tostring
min, round, insert, remove = math.min, math.floor, table.insert, table.remove

mutex = {}
mutex.procs = dalua.processes("myapp")
mutex.clock = 0
mutex.waiting = {}
mutex.oks = 0
mutex.state = "out"

function mutex.enterCS(f)
   mutex.state = "wanted"
   mutex.section = f
   mutex.clock = mutex.clock + 1
   mutex.req = { proc = ad.self(), ts = mutex.clock }
   mutex.oks = 0
   dalua.send(mutex.procs, "mutex.request", mutex.req)
end

function mutex.first(a, b)
   return a.ts < b.ts or (a.ts == b.ts and a.proc < b.proc)
end

function mutex.request(req)
   mutex.clock = max(mutex.clock, req.ts) + 1
   if mutex.state == "in" or (mutex.state == "wanted" and mutex.first(mutex.req, req)) then
      insert(mutex.waiting, req)
   else
      dalua.send(req.proc, "mutex.oktogo", ad.self(), req.ts)
   end
end

function mutex.oktogo(from, ts)
   if ts ~= mutex.req.ts then return end
   mutex.oks = mutex.oks + 1
   if mutex.oks == table.getn(mutex.procs) then
      mutex.state = "in"
      mutex.section()
   end
end

function mutex.leaveCS()
   mutex.state = "out"
   for i = 1, table.getn(mutex.waiting) do
      dalua.send(mutex.waiting[i].proc, "mutex.oktogo", ad.self(), mutex.waiting[i].ts)
   end
   mutex.waiting = {}
end

turns = 0

function turn()
   mutex.enterCS(function()
      print("in " .. ad.self())
      print("out " .. ad.self())
      mutex.leaveCS()
      turns = turns + 1
      if turns < 3 then turn() end
   end)
end

turn()
