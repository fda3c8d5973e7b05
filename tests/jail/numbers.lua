Arithmetic at its ends, and random numbers.

--## N01 division and remainder at the ends -> ok
local lo = math.mininteger
return lo // -1 == lo and lo % -1 == 0 and not pcall(function() return 1 // 0 end) and not pcall(function() return 1 % 0 end)
  and math.abs(lo) == lo and not pcall(function() return 1 << 0.5 end)
--## N02 shifts by anything -> ok
return 1 << 64 == 0 and 1 << -64 == 0 and 1 << math.mininteger == 0 and 1 >> math.maxinteger == 0
--## N03 a for with steps at the ends -> ok
local n = 0
for _ = math.maxinteger - 1, math.maxinteger do n = n + 1 end
for _ = math.mininteger, math.mininteger + 1 do n = n + 1 end
for _ = 3, 2 do n = n + 1 end
return n == 4 and not pcall(function() for _ = 1, 2, 0 do end end)
--## N04 random over everything -> ok
math.randomseed(42)
local a = math.random(0)
math.randomseed(42)
return a == math.random(0) and math.random(math.mininteger, math.maxinteger) ~= nil and not pcall(math.random, 2, 1)
--## N05 texts as numbers of a megabyte -> ok|timeout
return tonumber(("1"):rep(1000000)) ~= nil and tonumber(("z"):rep(1000000), 36) ~= nil
--## N06 tonumber with bases there are not -> ok
return not pcall(tonumber, "1", 1) and not pcall(tonumber, "1", 37) and not pcall(tonumber, "1", 1 << 40)
--## N07 select far away -> ok
return not pcall(select, math.mininteger) and select(math.maxinteger, 1) == nil
