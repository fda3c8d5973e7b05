Coroutines, closed, kept, nested and yielding where they must not.

--## C17 a __close that loops in a wrapped coroutine -> timeout
local go = coroutine.wrap(function()
  local x <close> = setmetatable({}, { __close = function() while true do end end })
  error("now")
end)
go()
--## C18 a __close that loops, reached by coroutine.close -> timeout
local co = coroutine.create(function()
  local x <close> = setmetatable({}, { __close = function() while true do end end })
  coroutine.yield()
end)
coroutine.resume(co)
coroutine.close(co)
--## C19 a chain of coroutines that close each other -> ok|gone|remote|no_memory|timeout
local prior
for _ = 1, 20000 do
  local inner = prior
  prior = coroutine.create(function()
    local x <close> = setmetatable({}, { __close = function() if inner then coroutine.close(inner) end end })
    coroutine.yield()
  end)
  coroutine.resume(prior)
end
coroutine.close(prior)
return true
--## C21a a coroutine is kept in a global -> ok
kept = coroutine.wrap(function() while true do coroutine.yield(x) end end)
x = 7
return kept() == 7
--## C21b and is not there in the next run -> ok
return kept == nil and x == nil
--## C22 recursive wraps up to the limit of the C stack -> ok
local function dig(n) return coroutine.wrap(function() return dig(n + 1) end)() end
local ok, e = pcall(dig, 1)
return not ok and tostring(e):find("C stack overflow", 1, true) ~= nil
--## C23 a hundred thousand live coroutines -> no_memory|timeout
local t = {}
for i = 1, 100000 do
  t[i] = coroutine.create(function() coroutine.yield(i) end)
  coroutine.resume(t[i])
end
return #t == 100000
--## C24a yield across pcall -> ok
local co = coroutine.wrap(function() pcall(coroutine.yield, 1) return 2 end)
return co() == 1 and co() == 2
--## C24b yield across sort, gsub and format is an error -> ok
local function tries(f) return coroutine.wrap(function() return pcall(f) end)() end
return not tries(function() table.sort({ 1, 2 }, coroutine.yield) end)
  and not tries(function() string.gsub("x", "x", coroutine.yield) end)
  and not tries(function() return string.format("%s", setmetatable({}, { __tostring = coroutine.yield })) end)
--## C24c yield in metamethods -> ok
local t = setmetatable({}, { __index = function(_, k) return coroutine.yield(k) end })
local co = coroutine.wrap(function() return t.x end)
return co() == "x" and co(9) == 9
--## C25 yield out of the text -> remote
coroutine.yield(1)
--## C25b yield across a call out is none -> ok
local co = coroutine.wrap(function() return echo(1) end)
return co() == 1
--## C25c a coroutine that resumes itself and its parent -> ok
local main = coroutine.running()
local co
co = coroutine.create(function() return coroutine.resume(co), coroutine.resume(main) end)
local _, a, b = coroutine.resume(co)
return a == false and b == false
--## C25d closing the running coroutine -> ok
return not pcall(coroutine.close, (coroutine.running()))
