-- ARGV: lease, and then ids and tokens in turn.
--- @include "_take"
-- R17
for at = 2, #ARGV, 2 do
  local stay = stayOf(ARGV[at])
  if stay and not stay.line and (stay.token or ARGV[at + 1]) == ARGV[at + 1] then
    take(ARGV[at], stay)
    if not stay.token then
      stay.token = ARGV[at + 1]
      save(ARGV[at], stay)
    end
  end
end
return 0
