--- @include "_slots"
-- R13
local function leave(id, ticket)
  vacate(id, ticket)
  for _, limit in ipairs(ticket.limits) do serve(limit[1]) end
end
