--- alua read: see alua.cli.take.
return require("alua.cli.take").read
