-- ARGV: lease, and then ids and tokens in turn.
--- @include "_take"
-- R17
for at = 2, #ARGV, 2 do
  local ticket = ticketOf(ARGV[at])
  if ticket and not ticket.line and (ticket.token or ARGV[at + 1]) == ARGV[at + 1] then
    take(ARGV[at], ticket)
    if not ticket.token then
      ticket.token = ARGV[at + 1]
      save(ARGV[at], ticket)
    end
  end
end
return 0
