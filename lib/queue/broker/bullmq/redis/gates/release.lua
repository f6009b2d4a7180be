-- ARGV: lease, id, token. Returns woken.
--- @include "_leave"
-- R12
local stay = stayOf(ARGV[2])
if stay and not stay.line and (stay.token or ARGV[3]) == ARGV[3] then leave(ARGV[2], stay) end
serveFreed()
return woken
