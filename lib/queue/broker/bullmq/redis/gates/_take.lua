--- @include "_stays"
local lease = tonumber(ARGV[1])
-- R1
-- By the server's clock: those of workers differ.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function save(id, stay)
  redis.call('HSET', base .. 'stays', id, cjson.encode(stay))
end

-- R16
local function take(id, stay)
  for _, gate in ipairs(stay.gates) do
    redis.call('ZADD', base .. 'slots:' .. gate[1], now + lease, id)
    redis.call('SADD', base .. 'pools', gate[1])
  end
end
