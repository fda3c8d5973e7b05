Loops that end only from outside. See test_jail_hostile.c for the form of these files.

--## C01a endless while -> timeout
while true do end
--## C01b endless repeat -> timeout
repeat until false
--## C01c endless goto -> timeout
::again:: goto again
--## C01d endless for -> timeout
for i = 1, math.maxinteger do end
--## C02 a loop of pcall of something endless -> timeout
while true do pcall(function() while true do end end) end
--## C03 nested pcalls that loop on after a failure -> timeout
local function nest(n)
  if n > 0 then pcall(nest, n - 1) end
  while true do end
end
nest(150)
--## C04 a binary tree of protected calls -> timeout
local function tree() pcall(tree) pcall(tree) end
while true do tree() end
--## C05 a handler that loops after the deadline -> timeout
local function spin() while true do end end
while true do xpcall(spin, spin) end
--## C06 a handler that loops after an ordinary error -> timeout
xpcall(error, function() while true do end end)
--## C07 a handler that raises again and again -> ok
local n = 0
local ok = xpcall(error, function() n = n + 1 if n < 1000 then error("again") end end)
return ok == false
--## C08 an endless comparator -> timeout
table.sort({ 1, 2, 3 }, function() while true do end end)
--## C09 an endless comparator with a looping handler inside -> timeout
table.sort({ 1, 2, 3 }, function() xpcall(error, function() while true do end end) end)
--## C10 an inconsistent comparator -> ok
local t = {}
for i = 1, 1000 do t[i] = i end
local ok, e = pcall(table.sort, t, function() return true end)
return not ok and e:find("invalid order function", 1, true) ~= nil
--## C11a an endless replacement function -> timeout
string.gsub("x", "x", function() while true do end end)
--## C11b a replacement table that loops -> timeout
string.gsub("x", "x", setmetatable({}, { __index = function() while true do end end }))
--## C12a looping __index -> timeout
return setmetatable({}, { __index = function() while true do end end }).x
--## C12b looping __newindex -> timeout
setmetatable({}, { __newindex = function() while true do end end }).x = 1
--## C12c looping __call -> timeout
setmetatable({}, { __call = function() while true do end end })()
--## C12d looping __eq -> timeout
local m = { __eq = function() while true do end end }
return setmetatable({}, m) == setmetatable({}, m)
--## C12e looping __lt -> timeout
local m = { __lt = function() while true do end end }
return setmetatable({}, m) < setmetatable({}, m)
--## C12f looping __concat -> timeout
return setmetatable({}, { __concat = function() while true do end end }) .. ""
--## C12g looping __len -> timeout
return #setmetatable({}, { __len = function() while true do end end })
--## C12h looping __tostring -> timeout
return tostring(setmetatable({}, { __tostring = function() while true do end end }))
--## C12i __index chain that bites its tail -> remote
local a, b = {}, {}
setmetatable(a, { __index = b })
setmetatable(b, { __index = a })
return a.x
--## C12j __name that is no string -> ok
return tostring(setmetatable({}, { __name = {} })):find("^table: %d+$") ~= nil
--## C12k looping __tostring by way of format -> timeout
return string.format("%s", setmetatable({}, { __tostring = function() while true do end end }))
--## C13a an endless __pairs -> timeout
for _ in pairs(setmetatable({}, { __pairs = function() return function() return 1 end end })) do end
--## C13b a closing value of a for that loops -> timeout
for _ in next, {}, nil, setmetatable({}, { __close = function() while true do end end }) do end
--## C14a __gc is refused -> ok
local ok, e = pcall(setmetatable, {}, { __gc = function() end })
return not ok and e:find("__gc", 1, true) ~= nil
--## C14b __gc that is put in later never runs -> ok
local m, ran = {}, false
setmetatable({}, m)
m.__gc = function() ran = true end
local ok = pcall(setmetatable, {}, m)
for _ = 1, 10 do collectgarbage() end
return not ok and not ran
--## C14c __gc through a copied metatable -> ok
local m, copy = { __gc = true }, {}
for k, v in pairs(m) do copy[k] = v end
return not pcall(setmetatable, {}, copy)
--## C14d __gc through an __index of the metatable does not count -> ok
local ran = false
setmetatable({}, setmetatable({}, { __index = { __gc = function() ran = true end } }))
collectgarbage()
return not ran
--## C15 weak tables and what comes back -> ok
local weak = setmetatable({}, { __mode = "kv" })
for i = 1, 10000 do weak[i] = {} weak[{}] = i end
collectgarbage()
local n = 0
for _ in pairs(weak) do n = n + 1 end
return n < 10000
--## C16 __close of the text itself that loops -> timeout
local x <close> = setmetatable({}, { __close = function() while true do end end })
return true
--## C20a an endless coroutine -> timeout
coroutine.wrap(function() while true do end end)()
--## C20b a coroutine that yields in a tight loop -> timeout
local go = coroutine.wrap(function() while true do coroutine.yield() end end)
while true do go() end
