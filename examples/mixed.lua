-- mixed.lua - remote calls, events and a distributed algorithm in one program
--
--     ./run -n 4 examples/mixed.lua
--
-- Everybody books seats with a remote call, each at another process. The handler of the
-- call books inside the critical section of mutex.lua, so no two seats have one number,
-- whoever books them. It tells of the booking by an event; the event triggers a remote
-- call, which asks for the ticket.

-- luacheck: globals mutex
local here = arg[0]:match("^.*/") or ""
assert(loadfile(here .. "mutex.lua"))(0)

local SEATS_EACH = 2
local tickets = {}
local procs = dalua.processes("myapp")

-- Kept by the first process, read and written by whoever is inside.
local nextSeat = 1
function readSeat() return nextSeat end
function writeSeat(seat) nextSeat = seat end

-- Called from afar: takes the order, and answers at once.
function book(who)
  mutex.enterCS(function()
    local seat = luarpc.sync(procs[1], "readSeat")()
    luarpc.sync(procs[1], "writeSeat")(seat + 1)
    tickets[seat] = "seat " .. seat .. ", booked by " .. ad.self() .. " for " .. who
    dalua.events.raise("booked", who, ad.self(), seat)
  end)
end

function ticket(seat)
  return tickets[seat]
end

dalua.events.monitor("booked", function(_, seller, seat)
  luarpc.async(seller, "ticket", function(text, err) print(text or err) end)(seat)
end)

local seller = procs[alua.rank % #procs + 1]
for _ = 1, SEATS_EACH do
  luarpc.async(seller, "book", function(_, err) if err then print(err) end end)(alua.id)
end
