--- @include "_places"
local function isJob(id)
  return redis.call('TYPE', jobs .. id).ok == 'hash'
end
