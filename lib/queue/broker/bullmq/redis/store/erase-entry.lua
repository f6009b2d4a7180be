-- KEYS: versions, map, map that the entry owns if any, name under which that is kept if it is. ARGV: name, new version (empty in
-- a quiet map), field, time to keep what is kept in milliseconds, expected value if any.
if ARGV[5] and redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[5] then return 0 end
if KEYS[4] and redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('RENAME', KEYS[3], KEYS[4])
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
elseif KEYS[3] then
  redis.call('DEL', KEYS[3])
end
if redis.call('HDEL', KEYS[2], ARGV[3]) == 0 then return 0 end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
