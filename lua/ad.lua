--- ad - the name of module dalua in older programs
return require "dalua"
