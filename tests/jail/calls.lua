Calls out, wrongly and in large numbers.

--## C68a wrong types and sizes -> ok
local ok, e = pcall(echo, print or type)
return not ok and e:find("args[1]: function", 1, true) ~= nil and select("#", echo()) == 0
--## C68b too much for one call -> ok
return not pcall(echo, ("x"):rep(2 * 1024 * 1024)) and echo(1) == 1
--## C68c calls without end -> full|timeout
while true do echo(1) end
--## C68d calls without end that fail -> full|timeout
while true do pcall(fail, 1) end
--## C68e calls that are kept for the next run -> ok
saved = echo
return echo(7) == 7
--## C68f a call inside everything -> ok
local t = setmetatable({}, { __index = function(_, k) return echo(k) end, __tostring = function() return echo("text") end,
                             __close = function() echo("closed") end })
do local c <close> = t end
table.sort({ 3, 2, 1 }, function(a, b) return echo(a < b) end)
return t.x == "x" and tostring(t) == "text" and ("a"):gsub("a", echo) == "a"
--## C68g a call's error inside its own error -> ok
local ok, e = pcall(fail)
local ok2, e2 = pcall(echo, { e, { e } })
return not ok and ok2 and e2[1].code == "denied" and tostring(e2[1]) == tostring(e) and e2[2][1].message == e.message
--## C68h the largest that fits -> ok
local s = ("x"):rep(1000 * 1024)
return echo(s) == s
--## C69 a call out cannot be reached again from inside -> ok
return coroutine.wrap(function() return echo(echo(echo(5))) end)() == 5
