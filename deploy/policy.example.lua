-- Who may do what: an example for a team of three, with every word explained. To copy and change; what the containers of
-- compose.yaml run with is policy/policy.lua, in a folder of its own since that is what they see.
--
--     alua broker --listen tcp://*:4321 --key broker.key --policy policy.lua
--
-- This file is data in Lua's syntax. Nothing in it is run: no calls, no operators, no variables. The broker reads it
-- again when it changes; a file with a mistake in it leaves the rights as they were, and the broker says so.
--
-- Whoever may come at all is in the broker's trust store (`alua keys trust ana.pub`). What they may do is here, and what
-- is not written here is denied. The words:
--
--     code              running Lua text in other nodes: "none", "jail" (no files, no network, limited) or "full";
--                       or a level for each node: { build = "full", ["*"] = "jail" }
--     call              calling the functions that nodes export, by their dotted names
--     out, take, read   putting, taking, looking at tuples, by the space's name
--     pub, sub          publishing and subscribing, by topic
--     admin             draining and ending nodes of others
--
-- A name is dotted words. In a pattern `*` is any one word, and `>` at the end is one or more: "stats.*" is stats.mean
-- but not stats.daily.mean, "news.>" is news.berlin and news.berlin.traffic but not news. `true` is everything.

roles = {
  -- Takes jobs, puts results, and says how far it is. Its chunks run in the jail, wherever it sends them.
  worker = {
    code = "jail",
    call = { "stats.*" },
    take = { "jobs" },
    out = { "results" },
    read = { "jobs", "results" },
    pub = { "progress.>" },
  },

  -- Gives out jobs and collects what came of them.
  planner = {
    call = { "stats.*", "plan.>" },
    out = { "jobs" },
    take = { "results" },
    read = { "jobs", "results" },
    pub = { "news.>" },
    sub = { "progress.>", "news.>" },
  },

  -- Looks, and changes nothing.
  guest = {
    read = { "results" },
    sub = { "news.>" },
  },

  -- Everything, everywhere: for those who may log in on every host anyway.
  chief = {
    code = "full",
    call = true, out = true, take = true, read = true, pub = true, sub = true,
    admin = true,
  },
}

-- A key's certificate has a name (`alua keys list` shows it). Instead of a name, the public key itself may stand, which
-- nobody else can have: ["Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"] = "worker".
keys = {
  ana = "chief",

  -- Two roles, and something of his own: he may run what he likes on the node `bench`, and in the jail on others.
  bob = { "worker", "planner", code = { bench = "full" } },

  -- A machine that works, and also keeps the log.
  carol = { "worker", sub = { "progress.>" } },
}

-- A trusted key that is not named above. Without this line: nothing at all.
default = "guest"
