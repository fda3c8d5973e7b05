-- send.lua - code that goes, code that comes back, and what becomes of errors
--
--     ./run examples/send.lua
--
-- A chunk runs in another process as an event; it can define functions there, send chunks on,
-- and send them back. A callback learns how it went, everywhere; alua.eval brings results.

local procs = {}
for id in pairs(alua.spawn({ "ana", "bob" }).processes) do
  procs[#procs + 1] = id
end
table.sort(procs)

-- To all at once: from here on both know how to double, and whom to answer.
alua.send(procs, "function double(x) return 2 * x end  home = '" .. alua.id .. "'")

-- There and back again: bob has this process print what bob computed.
alua.send("bob", [[alua.send(home, "print('bob says " .. double(21) .. "')")]])

-- The results of a chunk, its arguments after it.
print("ana says " .. alua.eval("ana", "return double(...)", 4))

-- One of them fails; the reply has an entry for each.
alua.send(procs, "if alua.id == 'bob' then error('not today') end", function(reply)
  for _, id in ipairs(procs) do
    print(id, reply[id].status, reply[id].error or "")
  end
end)
