-- futures.lua - ask now, go on working, take the answers later
--
--     ./run examples/futures.lua
--
-- luarpc.future returns at once; get waits for the answer. While the main chunk waits, the
-- process goes on serving others. A failure is nil and an error object.

local workers = {}
for id in pairs(alua.spawn([[
  function sum(from, to)
    local s = 0
    for i = from, to do s = s + i end
    return s
  end
]], { n = 4 }).processes) do
  workers[#workers + 1] = id
end

local futures = {}
for i, id in ipairs(workers) do
  futures[i] = luarpc.future(id, "sum")((i - 1) * 250000 + 1, i * 250000)
end
print("All four are asked; the first answer is " .. (futures[1]:ready() and "here" or "on its way"))

local total = 0
for _, future in ipairs(futures) do
  total = total + future:get()
end
print("The sum of 1 to 1000000 is " .. total)

local _, err = luarpc.future(workers[1], "product")(1, 10):get()
print("A function that is not there: " .. err.code)
