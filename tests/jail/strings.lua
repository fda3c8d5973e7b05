Patterns, repetitions and formats that take for ever, or everything.

--## C26 backtracking over three kilobytes -> timeout
return (("a"):rep(3000)):find((".-"):rep(8) .. "b")
--## C27 a lazy match that never comes -> timeout
return (("a"):rep(200000)):find(".-b")
--## C28 thirty-two captures -> timeout|remote
return (("a"):rep(100)):find(("(a*)"):rep(32) .. "b")
--## C28b thirty-three -> remote
return ("a"):find(("(a*)"):rep(33))
--## C29a balanced over megabytes -> timeout
local s = ("("):rep(4000000)
return s:find("%b()")
--## C29b frontier over megabytes -> ok|timeout
return (("x"):rep(10000000)):find("%f[y]y") == nil
--## C30a a large set -> timeout
local set = "[" .. ("a-z"):rep(30000) .. "]"
return (("1"):rep(1000000)):find(set)
--## C30b back-references -> timeout
return (("a"):rep(3000)):find("(a*)%1%1(a*)%2%1b")
--## C31 gmatch with empty matches -> ok
local n = 0
for _ in ("x"):rep(1000):gmatch("") do n = n + 1 end
return n == 1001
--## C32 a plain find that is quadratic -> ok|timeout
local hay, needle = ("a"):rep(10000000), ("a"):rep(5000000) .. "b"
return hay:find(needle, 1, true) == nil
--## C33 ten gigabytes -> remote
return ("x"):rep(1e10)
--## C34 nothing, a thousand billion times -> ok
return ("").rep("", 1e15) == "" and string.rep("", 1e15, "") == ""
--## C35 a large separator -> remote|no_memory
return ("x"):rep(1000, (","):rep(1024 * 1024))
--## C36 large strings again and again -> timeout|no_memory
while true do pcall(string.rep, "x", 20 * 1024 * 1024) end
--## C36b large strings compared and joined -> timeout|no_memory
local a = ("x"):rep(4 * 1024 * 1024)
local b = a .. "y"
while true do pcall(function() return a < b, a .. b end) end
--## C37a numbers of three hundred digits, a million times -> timeout
for _ = 1, 1e6 do string.format("%99.99f", 1e308) end
--## C37b a format with 250 arguments -> ok
local t = {}
for i = 1, 250 do t[i] = i end
return #string.format(("%d"):rep(250), table.unpack(t)) == 642
--## C37c a width of a hundred digits -> ok
return not pcall(string.format, "%" .. ("9"):rep(100) .. "d", 1)
--## C38a pack with alignments and lengths -> ok
return not pcall(string.pack, "!17i", 1) and not pcall(string.unpack, "s8", "\xff\xff\xff\xff\xff\xff\xff\x7f")
  and not pcall(string.unpack, "z", "no end") and not pcall(string.pack, "!16 Xz")
--## C38b packsize that overflows -> ok
return not pcall(string.packsize, ("c2147483647"):rep(10)) and not pcall(string.packsize, "c2147483647" .. ("i16"):rep(100))
--## C38c pack of a huge fixed size -> ok
return not pcall(string.pack, "c2147483647", "x")
--## C38d unpack far outside -> ok
return not pcall(string.unpack, "i4", "1234", 5) and not pcall(string.unpack, "i4", "1234", math.maxinteger)
  and string.unpack("i1", "1234", math.mininteger) == 49
--## C33b utf8 of what is none -> ok
return utf8.len("\xff") == nil and not pcall(utf8.codepoint, "\xf8\x88\x80\x80\x80", 1)
  and not pcall(utf8.char, -1) and not pcall(utf8.offset, "x", 1, 99)
--## C33c a replacement that refers to captures there are not -> ok
return not pcall(string.gsub, "x", "x", "%9") and not pcall(string.find, "x", "%") and not pcall(string.find, "x", "[")
--## C33d indices at the ends of the integers -> ok
local lo, hi = math.mininteger, math.maxinteger
return ("abc"):sub(lo, hi) == "abc" and ("abc"):sub(hi, lo) == "" and ("abc"):byte(lo, lo) == nil
  and ("abc"):find("b", lo, true) == 2 and ("abc"):find("", hi) == nil
