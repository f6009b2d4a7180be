-- R18
-- Takes slots of a pool whose lease is over, with all others of their holders; granted slots are granted again.
CREATE OR REPLACE FUNCTION nestjs_tasks_expire_v4(
  _queue text, _now bigint, _lease bigint, _pool text, INOUT woken text[], INOUT freed text[]
) LANGUAGE plpgsql AS $$
DECLARE
  _offered text[];
  _dead text[];
  _found text[];
BEGIN
  SELECT array_agg(id) FILTER (WHERE token IS NULL), array_agg(id) FILTER (WHERE token IS NOT NULL) INTO _offered, _dead
    FROM nestjs_tasks_slot WHERE queue = _queue AND pool = _pool AND until <= _now;
  IF _offered IS NOT NULL THEN
    WITH offered AS (
      UPDATE nestjs_tasks_slot SET until = _now + _lease WHERE queue = _queue AND id = ANY(_offered)
      RETURNING id, key, place
    )
    SELECT array_agg(member.text ORDER BY offered.id, member.number) INTO _found
      FROM offered, unnest(ARRAY[offered.id, offered.key]) WITH ORDINALITY AS member(text, number)
      WHERE offered.place = 1;
    woken := woken || _found;
  END IF;
  IF _dead IS NOT NULL THEN
    WITH gone AS (DELETE FROM nestjs_tasks_slot WHERE queue = _queue AND id = ANY(_dead) RETURNING pool)
    SELECT array_agg(DISTINCT pool) INTO _found FROM gone;
    freed := freed || _found;
  END IF;
END $$;

-- R9, R14
-- Hands free slots of pools to those in line, in turn. Who needs one of another pool as well, lines up there.
CREATE OR REPLACE FUNCTION nestjs_tasks_serve_v4(
  _queue text, _now bigint, _lease bigint, _pools text[], INOUT woken text[]
) LANGUAGE plpgsql AS $$
DECLARE
  _id text;
  _key text;
  _full text;
  _freed text[];
BEGIN
  WHILE cardinality(_pools) > 0 LOOP
    SELECT id, key INTO _id, _key FROM nestjs_tasks_slot
      WHERE queue = _queue AND pool = _pools[1] AND in_line ORDER BY since, id COLLATE "C" LIMIT 1;
    IF NOT FOUND THEN
      _pools := _pools[2:];
      CONTINUE;
    END IF;
    SELECT needed.pool INTO _full FROM nestjs_tasks_slot needed
      WHERE needed.queue = _queue AND needed.id = _id AND needed.max <= (
        SELECT count(*) FROM nestjs_tasks_slot held
        WHERE held.queue = _queue AND held.pool = needed.pool AND held.until IS NOT NULL
      )
      ORDER BY needed.place LIMIT 1;
    IF FOUND THEN
      _freed := '{}';
      SELECT expired.woken, expired.freed INTO woken, _freed
        FROM nestjs_tasks_expire_v4(_queue, _now, _lease, _full, woken, _freed) AS expired;
      IF cardinality(_freed) > 0 THEN
        _pools := _pools || _freed; -- and it is looked at again
      ELSIF _full = _pools[1] THEN
        _pools := _pools[2:];
      ELSE
        UPDATE nestjs_tasks_slot SET in_line = (pool = _full) WHERE queue = _queue AND id = _id;
      END IF;
    ELSE
      UPDATE nestjs_tasks_slot SET until = _now + _lease, in_line = false WHERE queue = _queue AND id = _id;
      woken := woken || ARRAY[_id, _key];
    END IF;
  END LOOP;
END $$;

-- R12, R13
-- With a token: what the claim holds, or what was handed to its execution. Without: from wherever it is.
CREATE OR REPLACE FUNCTION nestjs_tasks_leave_v4(
  _queue text, _now bigint, _lease bigint, _id text, _token text, INOUT woken text[]
) LANGUAGE plpgsql AS $$
DECLARE
  _freed text[];
BEGIN
  WITH gone AS (
    DELETE FROM nestjs_tasks_slot WHERE queue = _queue AND id = _id
      AND (_token IS NULL OR (until IS NOT NULL AND coalesce(token, _token) = _token))
    RETURNING pool, place
  )
  SELECT array_agg(pool ORDER BY place) INTO _freed FROM gone;
  IF _freed IS NOT NULL THEN woken := nestjs_tasks_serve_v4(_queue, _now, _lease, _freed, woken); END IF;
END $$;
