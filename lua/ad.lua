--- ad - the name that module dalua had in the talk
return require "dalua"
