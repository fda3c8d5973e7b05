-- What `alua doctor` says of the addresses that nodes tell others. The rest is in
-- tests/integration/test_cli_doctor.py.
local network = require "alua.cli.doctor_network"
local node = require "alua.cli.node"

local function verdict(endpoint, broker, reached)
  local said = {}
  local report = {
    ok = function(_, check, text) said = { ok = true, check = check, text = text } end,
    problem = function(_, check, text, fix) said = { ok = false, check = check, text = text, fix = fix } end,
  }
  local host = {
    is_local = function(where)
      return where:find "^ipc:" or where:find "^tcp://127%." or where:find "^tcp://%[::1%]"
    end,
    doctor = { reach = function() return reached or "accepted", "" end },
  }
  network.endpoint(host, report, { node = "ana", host = "far" }, endpoint, broker or "tcp://203.0.113.5:4321")
  return said
end

describe("the address of a node", function()
  it("is well when it can be reached", function()
    assert.is_true(verdict("tcp://203.0.113.9:4322").ok)
    assert.is_true(verdict("tcp://10.0.0.7:4322", "tcp://10.0.0.1:4321").ok)
    assert.is_true(verdict("tcp://10.0.0.7:4322", "tcp://hub:4321").ok) -- Of a name nothing is known
  end)

  it("is this machine's matter when the broker is, too", function()
    assert.is_true(verdict("tcp://127.0.0.1:4322", "tcp://127.0.0.1:4321", "refused").ok)
    assert.is_true(verdict("tcp://[::1]:4322", "ipc:///run/broker").ok)
  end)

  it("is of no use to others when it is loopback", function()
    for _, endpoint in ipairs { "tcp://127.0.0.1:4322", "tcp://127.9.9.9:1", "tcp://[::1]:4322" } do
      local said = verdict(endpoint)
      assert.is_false(said.ok)
      assert.matches("only its own host", said.text)
      assert.matches("--advertise", said.fix, 1, true)
    end
  end)

  it("is none when it means all", function()
    assert.matches("no address", verdict("tcp://0.0.0.0:4322").text)
    assert.matches("no address", verdict("tcp://[::]:4322").text)
  end)

  it("is behind NAT when it is private and the broker is not", function()
    local private = { "10.0.0.7", "172.16.0.1", "172.31.9.9", "192.168.1.1", "169.254.1.1", "[fd00::1]" }
    for _, address in ipairs(private) do
      local said = verdict("tcp://" .. address .. ":4322")
      assert.is_false(said.ok)
      assert.matches("NAT", said.text)
    end
    assert.is_true(verdict("tcp://172.32.0.1:4322").ok)
    assert.is_true(verdict("tcp://100.0.0.1:4322").ok)
  end)

  it("is told when nothing answers there", function()
    for _, what in ipairs { "refused", "silent", "unresolved" } do
      local said = verdict("tcp://203.0.113.9:4322", nil, what)
      assert.is_false(said.ok)
      assert.matches("cannot be reached from here", said.text)
    end
  end)
end)

describe("--advertise", function()
  local listen = "tcp://0.0.0.0:4322"

  it("has the port of what is listened at, unless it says one", function()
    assert.equal("tcp://10.0.0.7:4322", node.advertised("10.0.0.7", listen))
    assert.equal("tcp://10.0.0.7:99", node.advertised("10.0.0.7:99", listen))
    assert.equal("tcp://ana.lan:4322", node.advertised("ana.lan", listen))
    assert.equal("tcp://ana.lan:99", node.advertised("tcp://ana.lan:99", listen))
    assert.equal("tcp://[fd00::7]:4322", node.advertised("fd00::7", listen))
    assert.equal("tcp://[fd00::7]:4322", node.advertised("[fd00::7]", listen))
    assert.equal("tcp://[fd00::7]:99", node.advertised("[fd00::7]:99", listen))
  end)

  it("has none when that is any: the node puts it in when it listens", function()
    assert.equal("tcp://10.0.0.7", node.advertised("10.0.0.7", "tcp://*:*"))
  end)

  it("is an address", function()
    for _, text in ipairs { "", "a b", "ipc:///x", "10.0.0.7:x", "[10.0.0.7", "a/b:3/4" } do
      assert.is_nil((node.advertised(text, listen)), text)
    end
  end)
end)
