Eating memory in every way Lua has.

--## C44a a string that doubles -> no_memory
local s = "x"
while true do s = s .. s end
--## C44b a table that doubles -> no_memory
local t = {}
while true do t[#t + 1] = 0 end
--## C44c a list that grows -> no_memory
local list
while true do list = { next = list } end
--## C45a a million closures -> no_memory
local t = {}
for i = 1, 1e6 do t[i] = function() return i end end
return #t == 1e6
--## C45b a million strings -> no_memory
local t = {}
for i = 1, 1e6 do t[i] = "s" .. i end
return #t == 1e6
--## C45c weak tables that are filled for ever -> timeout|no_memory
local weak = setmetatable({}, { __mode = "k" })
while true do weak[{}] = {} end
--## C46 memory runs out in a loop of pcall -> no_memory
while true do pcall(function() local s = "x" while true do s = s .. s end end) end
--## C46b the same, in coroutines -> no_memory
while true do coroutine.resume(coroutine.create(function() local s = "x" while true do s = s .. s end end)) end
--## C46c the same, through rep -> no_memory
local keep = ("y"):rep(20 * 1024 * 1024)
while true do pcall(string.rep, "x", 20 * 1024 * 1024) end
--## C47a memory runs out in __index -> no_memory
return setmetatable({}, { __index = function() local s = "x" while true do s = s .. s end end }).x
--## C47b memory runs out while an error is made -> no_memory|remote
local s = ("x"):rep(16 * 1024 * 1024 - 1000)
local t = {}
pcall(function() while true do t[#t + 1] = ("y"):rep(1000) .. #t end end)
error(s .. s)
--## C47c memory runs out while a deep stack unwinds -> no_memory|remote
local function down(n) local t = { down } return down(n + 1), t end
down(1)
--## C47d a stack as deep as it gets -> remote|no_memory
local function down(n) return 1 + down(n + 1) end
return down(1)
--## C47e a handler that eats -> no_memory|remote
xpcall(error, function() local s = "x" while true do s = s .. s end end)
error("not enough")
--## C47f results that are large in Lua and not on the wire -> too_big
local t = {}
for i = 1, 300000 do t[i] = true end
return t
--## C47g all memory is kept by the results -> no_memory|too_big
local t = {}
for i = 1, 1e9 do t[i] = ("z"):rep(100000) .. i end
return t
--## C47h a text that is satisfied with less goes on -> ok
local t = {}
local ok = pcall(function() while true do t[#t + 1] = ("y"):rep(1000) .. #t end end)
t = nil
collectgarbage()
return not ok and #("x"):rep(1024 * 1024) == 1024 * 1024
