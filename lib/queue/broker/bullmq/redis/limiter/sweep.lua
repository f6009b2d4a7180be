-- ARGV: lease, how many pools to look at. Returns when the next slot expires that somebody waits for, and woken.
--- @include "_slots"
-- R19
local many = tonumber(ARGV[2])
-- Somebody may wait for the slots of these; of the others only what is left of the dead is to be cleared away.
for _, set in ipairs({ 'lines', 'pools' }) do
  for _, pool in ipairs(redis.call('SRANDMEMBER', base .. set, many)) do
    expire(pool)
    serve(pool)
    tidy(pool)
  end
end
serveFreed()
local nextAt = 0
for _, pool in ipairs(redis.call('SRANDMEMBER', base .. 'lines', many)) do
  local first = redis.call('ZRANGE', base .. 'slots:' .. pool, 0, 0, 'WITHSCORES')[2]
  if first and (nextAt == 0 or tonumber(first) < nextAt) then nextAt = tonumber(first) end
end
return { nextAt, woken }
