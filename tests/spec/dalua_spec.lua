local fake = require "fake_core"

describe("dalua", function()
  local world, p, q, trace

  before_each(function()
    world = fake.world()
    p, q = table.unpack(world:run_n(2, "myapp"))
    trace = {}
  end)

  local function run(f, process)
    local results
    process = process or p
    process:main(function() results = table.pack(f(process.env.dalua)) end)
    world:run()
    assert(results, "it did not end: " .. table.concat(world.reports, "; "))
    return table.unpack(results, 1, results.n)
  end

  -- Write the events of a process down, as "who event arguments".
  local function record(process, ...)
    for _, name in ipairs { ... } do
      process.env.dalua.events.monitor(name, function(...)
        local parts = table.pack(process.id, ...)
        for i = 1, parts.n do parts[i] = tostring(parts[i]) end
        trace[#trace + 1] = table.concat(parts, " ")
      end)
    end
  end

  it("is what ad is", function()
    assert.equal(p.env.dalua, p.env.require "ad")
    assert.equal("1@here", p.env.ad.self())
    assert.equal("here", p.env.ad.daemon())
  end)

  it("finds the number in an id", function()
    local getindex = p.env.dalua.getindex
    assert.equal(12, getindex "12@127.0.0.1:4321")
    assert.equal(2, getindex "2.1@here")
    assert.equal(-1, getindex(nil))
    assert.is_nil(getindex "printer")
  end)

  describe("send", function()
    before_each(function()
      for _, process in ipairs { p, q } do
        process.env.a = { b = { f = function(...) process.env.got = table.pack(...) end } }
      end
    end)

    it("calls a dotted name with equal arguments, nil among them", function()
      run(function(dalua) assert.is_true(dalua.send(q.id, "a.b.f", 1, nil, { x = 2.5 }, nil)) end)
      assert.same({ n = 4, 1, nil, { x = 2.5 }, nil }, q.env.got)
    end)

    it("takes the arguments as they are", function()
      run(function(dalua)
        local t = { 1 }
        dalua.send({ p.id, q.id }, "a.b.f", t)
        t[1] = 2
        assert.is_nil(p.env.got) -- Nor does it run inside the send
      end)
      assert.same({ 1 }, p.env.got[1])
      assert.same({ 1 }, q.env.got[1])
    end)

    it("ignores an empty list", function()
      run(function(dalua) assert.is_true(dalua.send({}, "a.b.f")) end)
      assert.same({}, world.reports)
    end)

    it("raises an event for each destination", function()
      record(p, "dalua_send")
      run(function(dalua) dalua.send({ p.id, q.id }, "a.b.f") end)
      assert.same({ "1@here dalua_send success 1@here", "1@here dalua_send success 2@here" }, trace)
    end)

    it("does not take a function's own nil and text for a failure", function()
      q.env.refuse = function() return nil, "no" end
      record(p, "dalua_send")
      run(function(dalua) dalua.send(q.id, "refuse") end)
      assert.same({ "1@here dalua_send success 2@here" }, trace)
    end)

    it("names the process that failed", function()
      record(p, "dalua_send")
      run(function(dalua) dalua.send(q.id, "a.b.g") end)
      assert.same({ "1@here dalua_send error no such function: a.b.g 2@here" }, trace)
    end)

    it("reports failures that nobody monitors", function()
      run(function(dalua) dalua.send(q.id, "a.b.g") end)
      assert.matches("a.b.g to 2@here", world.reports[1])
    end)

    it("fails after dalua.timeout, and never with nil", function()
      q.env.slow = function() q.env.alua.sleep(40) end
      record(p, "dalua_send")
      run(function(dalua)
        dalua.timeout = 2
        dalua.send(q.id, "slow")
        dalua.timeout = nil
        dalua.send(q.id, "slow")
      end)
      assert.matches("dalua_send error no answer", trace[1])
      assert.matches("dalua_send success", trace[2])
    end)

    it("raises for what is no name", function()
      assert.error_matches(function() p.env.dalua.send(q.id, print) end, "name of a function")
    end)
  end)

  describe("init", function()
    local function outsider() return world:process { outside = true } end

    it("starts a broker when none answers, then connects", function()
      local a, b = outsider(), outsider()
      record(a, "dalua_init")
      record(b, "dalua_init")
      run(function(dalua) dalua.init("127.0.0.1", 4321) end, a)
      run(function(dalua) dalua.init() end, b)
      assert.same({ "1@127.0.0.1:4321 dalua_init success created",
        "2@127.0.0.1:4321 dalua_init success connected" }, trace)
    end)

    it("stays in the network it is in when no address is named", function()
      record(p, "dalua_init")
      run(function(dalua) dalua.init() end)
      assert.same({ "1@here dalua_init success connected" }, trace)
    end)

    it("reports an error that nobody monitors", function()
      world.refused["tcp://127.0.0.1:80"] = true
      run(function(dalua) dalua.init("127.0.0.1", 80) end)
      assert.matches("dalua_init: cannot bind", world.reports[1])
    end)
  end)

  describe("app", function()
    local ALL = { "dalua_app_create", "dalua_app_join", "dalua_app_leave", "dalua_app_destroy",
      "dalua_app_fail", "dalua_app_init" }

    local function record_all(...)
      for _, process in ipairs { ... } do record(process, table.unpack(ALL)) end
    end

    it("shows all members in join order, to keep", function()
      local list = run(function(dalua) return dalua.processes "myapp" end)
      assert.same({ "1@here", "2@here" }, list)
      list[1] = nil
      assert.same({ "1@here", "2@here" }, p.env.dalua.processes())
    end)

    it("fetches the view of an app that we have not joined, and follows it", function()
      local r = world:process()
      run(function(dalua) assert.same({ "1@here", "2@here" }, dalua.processes "myapp") end, r)
      run(function(dalua) dalua.app.leave "myapp" end, p)
      assert.same({ "2@here" }, r.env.dalua.processes "myapp")
    end)

    it("says so when there is no network", function()
      local list, err = world:process({ outside = true }).env.dalua.processes "myapp"
      assert.is_nil(list)
      assert.equal("offline", err.code)
    end)

    it("tells all of joins and leaves", function()
      local r = world:process()
      record_all(p, r)
      run(function(dalua) dalua.app.join "myapp" end, r)
      run(function(dalua) dalua.app.leave "myapp" end, r)
      table.sort(trace)
      assert.same({
        "1@here dalua_app_join success myapp 3@here", "1@here dalua_app_leave success myapp 3@here",
        "3@here dalua_app_join success myapp 3@here", "3@here dalua_app_leave success myapp 3@here",
      }, trace)
    end)

    it("tells of members that are gone", function()
      record_all(p)
      world:kill(q)
      world:run()
      assert.same({ "1@here dalua_app_fail gone myapp 2@here the process is gone" }, trace)
      assert.same({ "1@here" }, p.env.dalua.processes "myapp")
    end)

    it("creates apps once", function()
      record_all(p, q)
      run(function(dalua) dalua.app.create "new" end)
      run(function(dalua) dalua.app.create "new" end)
      run(function(dalua) dalua.app.create "new" end, q)
      assert.same({ "1@here dalua_app_create success new",
        "1@here dalua_app_create error new ERROR_ALREADY_CREATED",
        "2@here dalua_app_create error new ERROR_ALREADY_EXISTS" }, trace)
      assert.same({ "myapp", "new" }, p.env.dalua.app.applications())
      assert.same({ "1@here" }, q.env.dalua.processes "new")
    end)

    it("tells the second of two requests at once", function()
      record_all(p)
      run(function(dalua)
        dalua.app.create "new"
        dalua.app.create "new"
        dalua.app.join "new"
      end)
      table.sort(trace)
      assert.same({ "1@here dalua_app_create error new ERROR_ALREADY_CREATED",
        "1@here dalua_app_create success new",
        "1@here dalua_app_join error new ERROR_ALREADY_JOINED" }, trace)
    end)

    it("lets one of two win that create at once", function()
      record(p, "dalua_app_create")
      record(q, "dalua_app_create")
      p:main(function() p.env.dalua.app.create "new" end)
      q:main(function() q.env.dalua.app.create "new" end)
      world:run()
      table.sort(trace)
      assert.same({ "1@here dalua_app_create success new",
        "2@here dalua_app_create error new ERROR_ALREADY_EXISTS" }, trace)
      assert.same({ "1@here" }, p.env.dalua.processes "new")
    end)

    it("refuses to join twice and to leave without being in", function()
      record_all(p)
      run(function(dalua)
        dalua.app.join "myapp"
        dalua.app.leave "other"
      end)
      assert.same({ "1@here dalua_app_join error myapp ERROR_ALREADY_JOINED",
        "1@here dalua_app_leave error other ERROR_NOT_PART" }, trace)
    end)

    it("destroys an app for all", function()
      record_all(p, q)
      run(function(dalua) dalua.app.destroy "myapp" end)
      table.sort(trace)
      assert.same({ "1@here dalua_app_destroy success global myapp",
        "1@here dalua_app_destroy success local myapp",
        "2@here dalua_app_destroy success local myapp" }, trace)
      assert.same({}, q.env.dalua.app.applications())
    end)

    it("cannot destroy what is not there", function()
      record_all(p)
      run(function(dalua) dalua.app.destroy "none" end)
      assert.same({ "1@here dalua_app_destroy error none ERROR_NOT_EXISTS" }, trace)
    end)
  end)

  describe("events", function()
    it("reach handlers here and elsewhere", function()
      record(p, "tick")
      record(q, "tick")
      run(function(dalua) dalua.events.raise("tick", { p.id, q.id }, 1, nil, "x") end)
      table.sort(trace)
      assert.same({ "1@here tick 1 nil x", "2@here tick 1 nil x" }, trace)
    end)

    it("are handled after the raise, each by its own event", function()
      run(function(dalua)
        dalua.events.monitor("tick", function()
          p.env.alua.sleep(1)
          trace[#trace + 1] = "slow"
          error "oops"
        end)
        dalua.events.monitor("tick", function() trace[#trace + 1] = "quick" end)
        dalua.events.raise "tick"
        trace[#trace + 1] = "raised"
      end)
      assert.same({ "raised", "quick", "slow" }, trace)
      assert.matches("oops", world.reports[1])
    end)

    it("are counted", function()
      local n = 0
      run(function(dalua)
        dalua.events.monitor("tick", function() n = n + 1 end, 2)
        for _ = 1, 5 do dalua.events.raise "tick" end
      end)
      assert.equal(2, n)
    end)

    it("have each handler once, until it is ignored", function()
      local n = 0
      local function f() n = n + 1 end
      run(function(dalua)
        dalua.events.monitor("tick", f)
        dalua.events.monitor("tick", f)
        dalua.events.raise "tick"
      end)
      assert.equal(1, n)
      run(function(dalua)
        dalua.events.raise "tick"
        dalua.events.ignore("tick", f)
      end)
      assert.equal(1, n)
      run(function(dalua)
        dalua.events.monitor("tick", f)
        dalua.events.ignore "tick"
        dalua.events.raise "tick"
      end)
      assert.equal(1, n)
    end)

    it("can be told apart by names of their own", function()
      record(p, "dalua_app_join", "mine", "tock")
      run(function(dalua)
        local events = dalua.events
        events.customize("dalua_app_join", "mine", dalua.app.join) "one"
        dalua.app.join "two"
        events.customize({ tick = "tock" }, function()
          assert.same({ tick = "tock" }, events.getcustomevents())
          events.raise "tick"
        end)()
        assert.is_nil(events.getcustomevents())
      end)
      table.sort(trace)
      assert.same({ "1@here dalua_app_join success two 1@here", "1@here mine success one 1@here",
        "1@here tock" }, trace)
    end)

    it("keep their names to the event that customized them, though it waits or fails", function()
      record(p, "tick", "tock")
      run(function(dalua)
        local wait = dalua.events.customize("tick", "tock", function()
          p.env.alua.sleep(1)
          error "oops"
        end)
        p.env.alua.task.schedule(function() dalua.events.raise "tick" end)
        assert.is_false(pcall(wait))
        dalua.events.raise "tick"
      end)
      assert.same({ "1@here tick", "1@here tick" }, trace)
    end)
  end)

  describe("timer", function()
    it("calls count times, with the arguments of the beginning", function()
      q.env.hit = function(t) trace[#trace + 1] = world.time .. " " .. t[1] end
      run(function(dalua)
        local t = { 1 }
        dalua.timer.add(q.id, 0.5, 2, "hit", t)
        t[1] = 2
      end)
      assert.same({ "100.5 1", "101.0 1" }, trace)
    end)

    it("goes on for ever with 0, until removed", function()
      local n = 0
      p.env.hit = function() n = n + 1 end
      run(function(dalua)
        local t = dalua.timer.add(p.id, 1, 0, "hit")
        p.env.alua.sleep(7.5)
        dalua.timer.remove(t)
        dalua.timer.remove(t)
      end)
      assert.equal(7, n)
    end)
  end)
end)
