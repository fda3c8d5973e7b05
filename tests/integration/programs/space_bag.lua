-- Some processes put, others take from the same bag; each prints what it took. Arguments: how many tuples, how many put.
local count, putters = tonumber((...)), tonumber((select(2, ...)))
local bag = luats.space "bag"
if alua.rank <= putters then
  local left = 0
  for i = alua.rank, count, putters do
    left = left + 1
    bag:out({ "item", i, ("x"):rep(i % 100) }, nil, function(number, err)
      assert(number, err)
      left = left - 1
    end)
  end
  while left > 0 do alua.sleep(0.001) end
  luats.out { "put all" }
else
  if alua.rank == putters + 1 then
    for _ = 1, putters do luats.take { "put all" } end
    while bag:count() > 0 or bag:stat().leases > 0 do alua.sleep(0.005) end
    bag:destroy()
  elseif alua.rank % 2 == 0 then
    for item in bag:each { "item", luats.int, luats.string } do print("took", item[2]) end
  else
    while true do
      local item, err = bag:take({ "item", luats.int, luats.string }, { background = true })
      if not item then assert(err.code == "closed" or err.code == "cancelled", err) break end
      print("took", item[2])
    end
  end
end
