-- A node's tuple spaces by remote call, so that a test can order it about; what comes later is printed.
local bag = luats.space "bag"
local list = {}                             -- Of what was taken
local lease
lost = 0

luats.lost(function() lost = lost + 1 print("lost", lost) end)

function put(first, last)
  for i = first, last do assert(bag:out { "item", i }) end
end
function take(seconds)
  local tuple, found = bag:take({ "item", luats.int }, { lease = seconds, timeout = 0 })
  lease = found
  return tuple and tuple[2]
end
function ack() return lease:ack() end
function wait_for(count)                    -- So many takes, by callback
  for _ = 1, count do
    bag:take({ "item", luats.int }, nil, function(tuple, err)
      if not tuple then print("failed", err.code) return end
      list[#list + 1] = tuple[2]
      print("took", tuple[2])
    end)
  end
end
function taken() return list end
function all()
  local left = {}
  for i, tuple in ipairs(bag:read_all { "item", luats.int }) do left[i] = tuple[2] end
  return left
end
local said = 0
function put_and_take(count)                -- As fast as it goes: `count` of our own, and as many of whoever
  function _G.go()
    for i = said + 1, said + count do
      local ok, err = bag:out { "item", alua.node .. i }
      while not ok do print("again", err.code) ok, err = bag:out { "item", alua.node .. i } end
    end
    said = said + count
    print "put all"
  end
  luarpc.async(alua.id, "go")()
  for _ = 1, count do
    bag:take({ "item", luats.string }, nil, function(tuple, err)
      list[#list + 1] = tuple and tuple[2] or "failed: " .. err.code
    end)
  end
end
function watch()
  bag:watch({ luats.rest }, function(tuple) print("watched", tuple[2]) end)
end
-- Each arrival must follow the one before, as far as those between were counted as left out; what was wrong is kept.
local at, told, gaps, wrong = 0, 0, 0, nil
function watch_numbers(flag)                -- With a flag: computes, as long as there is no such file
  local handle = bag:watch({ "item", luats.int, luats.rest }, function(tuple, missed)
    while flag and told == 0 and not os.rename(flag, flag) do end
    if tuple[2] ~= at + missed + 1 then wrong = wrong or ("%d behind %d, %d left out"):format(tuple[2], at, missed) end
    at, told = tuple[2], told + 1
    if missed > 0 then gaps = gaps + 1 end
  end)
  function _G.watched() return at, told, handle.missed, gaps, wrong, handle.told end
end
function put_large(first, last, size)       -- And take them away, so that the space stays small
  for i = first, last do
    assert(bag:out { "item", i, ("x"):rep(size) })
    assert(bag:take({ "item", i, luats.string }, { timeout = 0 }))
  end
end
function live(node)
  local ok, err = bag:eval(node, "print 'begins' alua.sleep(60) return { 'live' }")
  print("live", ok, err and err.code, err and err.definite)
end
function stat()
  local one = bag:stat()
  return one.tuples, one.leases, one.waiters, one.watches
end
alua.loop()
