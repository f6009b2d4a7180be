-- State in which a job of the set of failed ones has ended: it stands at the beginning of its memo.
local function stateOf(memo)
  local state = string.match(memo, '^{"state":"(%a+)"')
  if state == 'cancelled' or state == 'dropped' then return state end
  return 'failed'
end
