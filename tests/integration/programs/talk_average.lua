-- talk_average.lua - asks everybody with a closure as callback; the sums are globals
function currValue() return alua.rank end

sum, count, max = 0, 0, 0
procs = dalua.processes("myapp")

function avg(value)
   sum = sum + value
   count = count + 1
   if value > max then max = value end
   if count == #procs then
      print("average", sum / count, "max", max)
   end
end

if alua.rank == 1 then
   for _, p in pairs(procs) do
      luarpc.async(p, "currValue", avg)()
   end
end
