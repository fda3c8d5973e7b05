local fake = require "fake_core"

-- The examples in virtual time. What they print on real nodes is tests/integration's business.
describe("example", function()
  local world

  before_each(function() world = fake.world() end)

  -- As `alua run -n` does: everybody runs the file once all are there.
  local function run(n, file, ...)
    local processes = world:run_n(n, "myapp")
    for _, p in ipairs(processes) do
      p.env.luarpc = { async = p.core.async, sync = p.core.sync }
      p:file("examples/" .. file, ...)
    end
    world:run()
    assert.same({}, world.reports)
    return processes
  end

  -- "TIME ID enter|leave I" in the order of printing: nobody enters before the last one left.
  local function check_exclusion(entries)
    local inside, entered = nil, 0
    for _, line in ipairs(world.printed) do
      local id, what, i = line:match "^[%d.]+ (%S+) (%a+) (%d+)$"
      if what == "enter" then
        assert.is_nil(inside)
        inside, entered = id .. " " .. i, entered + 1
      else
        assert.equal(id .. " " .. i, inside)
        inside = nil
      end
    end
    assert.equal(entries, entered)
  end

  it("mutex: one alone enters", function()
    run(1, "mutex.lua")
    check_exclusion(3)
  end)

  it("mutex: never two are inside, of 5 with 200 entries each", function()
    run(5, "mutex.lua", "200", "0.01")
    check_exclusion(1000)
  end)

  -- Numbers that look random, the same in each run.
  local function numbers(state)
    return function(n)
      state = state * 75 % 65537
      return state % n
    end
  end

  -- Enter now and then, so that requests arrive while others wait, are inside, or neither.
  local function visitor(p, random, inside)
    return function()
      for _ = 1, 40 do
        p.env.alua.sleep(random(100) / 1000)
        p.env.mutex.enterCS(function()
          inside(1)
          p.env.alua.sleep(random(20) / 1000)
          inside(-1)
        end)
      end
    end
  end

  it("mutex: nor when they ask at any time, and messages take theirs", function()
    local random = numbers(1)
    function world.latency() return random(10) / 1000 end
    local count, most, entered = 0, 0, 0
    local function inside(change)
      count, entered = count + change, entered + math.max(change, 0)
      most = math.max(most, count)
    end
    for _, p in ipairs(run(5, "mutex.lua", "0")) do p:main(visitor(p, random, inside)) end
    world:run()
    assert.same({ 1, 200 }, { most, entered })
  end)

  it("mutex: an error inside does not stop the others", function()
    local processes = world:run_n(2, "myapp")
    for _, p in ipairs(processes) do p:file("examples/mutex.lua", "0") end
    world:run()
    local log = {}
    for i, p in ipairs(processes) do
      p:main(function()
        p.env.mutex.enterCS(function()
          log[#log + 1] = i
          error "oops"
        end)
        p.env.mutex.enterCS(function() log[#log + 1] = i end)
      end)
    end
    world:run()
    table.sort(log)
    assert.same({ 1, 1, 2, 2 }, log)
    assert.equal(2, #world.reports)
  end)

  it("average: the mean of five", function()
    run(5, "average.lua")
    assert.same({ "The mean of 5 values is 30.0" }, world.printed)
  end)

  it("average: alone, with four that it starts", function()
    local processes = world:run_n(1, "myapp")
    processes[1].env.luarpc = { async = processes[1].core.async }
    processes[1]:file("examples/average.lua")
    world:run()
    assert.same({ "The mean of 5 values is 30.0" }, world.printed)
  end)

  it("hello: everybody says so", function()
    run(1, "hello.lua")
    table.sort(world.printed)
    assert.same({ "Hello from 1@here", "Hello from 2@here!", "Hello from 3@here!",
      "Hello from 4@here!" }, world.printed)
  end)

  it("send: chunks go and come back", function()
    run(1, "send.lua")
    assert.equal("bob says 42", world.printed[1])
    assert.equal("ana says 8", world.printed[2])
    assert.equal("ana\tok\t", world.printed[3])
    assert.matches("^bob\terror\t.*send.lua:%d+:1: not today$", world.printed[4])
  end)

  it("mixed: as many seats as bookings, each once", function()
    run(4, "mixed.lua")
    local seats = {}
    for _, line in ipairs(world.printed) do seats[#seats + 1] = tonumber(line:match "^seat (%d+)") end
    table.sort(seats)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, seats)
  end)
end)
