-- interleave.lua SENDS - all but the first process send chunks to the first, each SENDS; the first checks that
-- no chunk begins inside another and that each sender's come in order
local sends = tonumber((...))
local procs = dalua.processes "myapp"

inside = nil
last = {}
count = 0
wrong = {}

function enter(sender, i)
  if inside then wrong[#wrong + 1] = ("%s %d inside of %s"):format(sender, i, inside) end
  inside = sender .. " " .. i
  if i ~= (last[sender] or 0) + 1 then wrong[#wrong + 1] = ("%s %d after %d"):format(sender, i, last[sender] or 0) end
  last[sender] = i
end

function leave(sender, i)
  if inside ~= sender .. " " .. i then wrong[#wrong + 1] = "left by " .. sender .. " " .. i end
  inside = nil
  count = count + 1
  if count == sends * (#procs - 1) then
    print("handled", count, "wrong", #wrong, wrong[1] or "")
  end
end

local same = "local i = last['%s'] or 0 enter('%s', i + 1) leave('%s', i + 1)"

if alua.rank > 1 then
  for i = 1, sends do
    local text
    if i % 2 == 0 then
      text = same:gsub("%%s", alua.id) -- Always one text: compiled once
    else
      text = ("enter('%s', %d) local t = {} for j = 1, 20 do t[j] = j end leave('%s', %d)"):format(alua.id, i, alua.id, i)
    end
    local ok, err = alua.send(procs[1], text)
    if not ok then print("not sent", i, err) end
  end
end
