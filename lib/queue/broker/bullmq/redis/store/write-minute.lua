-- KEYS: minute. ARGV: source, text, time to live in milliseconds.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
