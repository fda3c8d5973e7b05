Errors as weapons.

--## C63a an error whose __tostring loops -> timeout
error(setmetatable({}, { __tostring = function() while true do end end }))
--## C63b an error that is nil -> remote
error(nil)
--## C63c an error that is a coroutine -> remote
error(coroutine.create(print or error))
--## C63d an error of ten megabytes -> remote
error(("x"):rep(10 * 1024 * 1024))
--## C63e an error whose __tostring fails -> remote
error(setmetatable({}, { __tostring = error }))
--## C63f an error whose __tostring is no string -> remote
error(setmetatable({}, { __tostring = function() return {} end }))
--## C63g an error that is inside itself -> remote
local e = {}
e.e = e
error(e)
--## C63h an error with ten thousand fields -> remote
local e = {}
for i = 1, 10000 do e["field" .. i] = ("x"):rep(100) end
error(e)
--## C63i an error of bytes that are no text -> remote
error("\xff\xfe\0\x80")
--## C63j an error whose __tostring raises an error whose __tostring raises -> remote
local m = {}
m.__tostring = function() error(setmetatable({}, m)) end
error(setmetatable({}, m))
--## C63k an error from a call out, changed -> remote|denied
local ok, e = pcall(fail)
e.code, e.message, e.where, e.traceback = {}, function() end, 7, e
error(e)
--## C63l an error from a call out that claims to be ours -> timeout
local ok, e = pcall(fail)
e.code = "timeout"
error(e)
--## C63m an error from a call out with a code of a megabyte -> remote
local ok, e = pcall(fail)
e.code = ("x"):rep(1024 * 1024)
error(e)
--## C63n an error from a call out with a code of nothing -> remote|malformed
local ok, e = pcall(fail)
e.code = ""
error(e)
--## C63o error levels far away -> remote
error("x", math.maxinteger)
--## C63p a name with everything in it -> syntax
return ]]\0"'%s%n
