Tables: lengths that lie, and work that is quadratic or endless.

--## C39 concat to a far end -> timeout|remote
return table.concat(setmetatable({}, { __index = string.rep }), "", 1, 1e15)
--## C39b concat of what answers anything -> timeout|no_memory
return table.concat(setmetatable({}, { __index = function() return "" end }), "", 1, 1e15)
--## C40a move a thousand billion -> timeout|no_memory
return table.move({}, 1, 1e15, 2)
--## C40b insert in front of a length that lies -> timeout|no_memory
table.insert(setmetatable({}, { __len = function() return 1e15 // 1 | 0 end }), 1, "x")
--## C40c remove likewise -> timeout|no_memory
return table.remove(setmetatable({}, { __len = function() return 1e15 // 1 | 0 end }), 1)
--## C40d lengths at the ends of the integers -> ok
local function of(n) return setmetatable({}, { __len = function() return n end }) end
return not pcall(table.sort, of(math.maxinteger)) and not pcall(table.move, {}, 1, math.maxinteger, 2)
  and not pcall(table.insert, of("x"), 1) and not pcall(table.unpack, {}, math.mininteger, math.maxinteger)
--## C41a unpack a hundred million -> remote
return table.unpack({}, 1, 1e8)
--## C41b a concatenation of as many as there may be -> ok|no_memory|remote
local t = {}
for i = 1, 200000 do t[i] = i end
return select("#", table.unpack(t)) == 200000
--## C42 sort many numbers -> timeout|no_memory
local t = {}
for i = 1, 1500000 do t[i] = (i * 7919) % 1500007 end
table.sort(t)
return #t == 1500000
--## C43 sort strings that differ at their ends -> timeout
local a, b = ("x"):rep(1024 * 1024) .. "a", ("x"):rep(1024 * 1024) .. "b"
local t = {}
for i = 1, 100000 do t[i] = i % 2 == 0 and a or b end
table.sort(t)
return true
--## C49a keys that collide -> ok|timeout
local t = {}
for i = 1, 65536 do t[i << 32] = i end
return t[65536 << 32] == 65536
--## C49b floats that collide -> ok|timeout
local t = {}
for i = 1, 65536 do t[i * 2.0 ^ 40 + 0.5] = i end
return true
--## C49c nil and NaN are no keys -> ok
local t, bad = {}, 0
for _ = 1, 10000 do
  if not pcall(function() t[nil] = 1 end) and not pcall(function() t[0 / 0] = 1 end) then bad = bad + 1 end
end
return bad == 10000
--## C49d next with a key that is none -> ok
return not pcall(next, {}, "nowhere")
--## C49e a table that is cleared and filled while it is walked -> ok|remote
local t = {}
for i = 1, 1000 do t[i] = i end
local ok = pcall(function() for k in pairs(t) do t[k] = nil t[k + 100000] = 1 end end)
return ok == true or ok == false
