-- Who may do what in the network of compose.yaml, whose broker sees this folder and reads the file again when it changes.
-- Data only, nothing of it runs. ../policy.example.lua explains every word.
--
-- The names are those in the certificates that the broker trusts. What is not given is denied, and each refusal is told
-- to who asked and to the broker's log. In patterns * is one word and > all the rest.
roles = {
  -- Gives the orders: may run code on every node.
  boss = { code = "full", call = true, out = true, take = true, read = true, pub = true, sub = true, admin = true },

  -- Does the work: calls what the others export for it, and shares these spaces and topics.
  worker = {
    code = "none",
    call = { "mutex.*", "currValue" },
    out  = { "tasks", "results", "counter" },
    take = { "tasks", "results", "counter" },
    read = { "tasks", "results", "counter" },
    pub  = { "news.>" },
    sub  = { "news.>" },
  },
}

keys = {
  desk = "boss",
  ana  = "worker",
  bob  = "worker",
  cleo = "worker",
}
