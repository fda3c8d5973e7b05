-- The far side of the benchmarks: answers until it is told to exit.
function add(a, b) return a + b end

local chunks = 0
function count() chunks = chunks + 1 end
function counted() return chunks end
alua.loop()
