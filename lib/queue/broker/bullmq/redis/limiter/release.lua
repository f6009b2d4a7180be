-- ARGV: lease, id, token. Returns woken.
--- @include "_leave"
-- R12
local ticket = ticketOf(ARGV[2])
if ticket and not ticket.line and (ticket.token or ARGV[3]) == ARGV[3] then leave(ARGV[2], ticket) end
serveFreed()
return woken
