--- @include "_tickets"
local lease = tonumber(ARGV[1])
-- R1
-- By the server's clock: those of workers differ.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function save(id, ticket)
  redis.call('HSET', base .. 'tickets', id, cjson.encode(ticket))
end

-- R16
local function take(id, ticket)
  for _, limit in ipairs(ticket.limits) do
    redis.call('ZADD', base .. 'slots:' .. limit[1], now + lease, id)
    redis.call('SADD', base .. 'pools', limit[1])
  end
end
