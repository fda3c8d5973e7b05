-- buffer.lua - producers and consumers with a bounded buffer, whose bound is a reaction
--
--     ./run -n 4 examples/buffer.lua [ITEMS [PLACES]]
--
-- The first process makes PLACES free places. A reaction takes one before an item is put, and refuses the item when there is
-- none; another gives it back after an item was taken. Neither producers nor consumers could do otherwise if they wanted to.
-- Even ranks produce ITEMS each, odd ones consume.

local items, places = tonumber((...)) or 10, tonumber((select(2, ...))) or 3
local buffer = luats.space "buffer"

local function put(item)
  local number, err = buffer:out { "item", item }
  while not number do
    assert(err.code == "denied", err)
    buffer:read { "place" } -- Full: wait until there is room, and see who comes first
    number, err = buffer:out { "item", item }
  end
end

local function produce()
  buffer:read { "ready" }
  for i = 1, items do put(alua.rank * 1000 + i) end
end

local function consume()
  for tuple in buffer:each { "item", luats.int } do print("consumes " .. tuple[2]) end
end

local function bound()
  for _ = 1, places do buffer:out { "place" } end
  assert(buffer:react {
    on = "out", template = { "item", luats.any }, name = "bound",
    code = [[if not space.take { "place" } then return refuse "the buffer is full" end]],
  })
  assert(buffer:react {
    on = "take", phase = "after", template = { "item", luats.any }, name = "place",
    code = [[space.out { "place" }]],
  })
  buffer:out { "ready" }
end

if alua.rank == 1 then bound() end
if alua.rank % 2 == 0 then produce() else consume() end
