-- Rules R1 to R32 stand in limit.ts, and are cited where they are kept.
-- Processes of two versions may use the same tables at once. Whoever changes what a function takes, answers or does gives
-- all functions a new version, and leaves to the tables what the former version needs.
--
-- The tables are often next to empty when they are analysed, and PostgreSQL would go on to read them as a whole: hence
-- enable_seqscan.

-- The number of the limit is that of a slot for one that waits, and of the others for one that is rejected; from 1.
CREATE OR REPLACE FUNCTION nestjs_tasks_admit_v4(
  _queue text, _now bigint, _lease bigint, _memory bigint, _id text, _key text, _token text, _run integer,
  _attempt integer, _order text, _since bigint, _pools text[], _maxima bigint[], _others jsonb,
  OUT outcome text, OUT limit_number integer, OUT due bigint, OUT woken text[]
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  _run_of text := _id || '#' || _run;
  _known_pools text[];
  _known_maxima bigint[];
  _line text;
  _cleared integer := 0;
  _freed text[];
BEGIN
  :enter;
  woken := '{}';
  -- R5
  -- A call may come late: who holds no lease of BullMQ's any more takes no slot from who does.
  PERFORM 1 FROM job
    WHERE queue = _queue AND id = _id AND state = 'active' AND lock_token = _token AND locked_until_ms > _now;
  IF NOT FOUND THEN
    outcome := 'lost';
    RETURN;
  END IF;
  IF _others IS NOT NULL THEN
    SELECT * INTO outcome, limit_number, due
      FROM nestjs_tasks_reject_v4(_queue, _now, _memory, _id, _run_of, _attempt, _order, _others);
    -- R3
    IF outcome IS NOT NULL THEN
      woken := nestjs_tasks_leave_v4(_queue, _now, _lease, _id, NULL, woken); -- others can use its slots meanwhile
      :without_disk;
      RETURN;
    END IF;
  END IF;

  SELECT array_agg(pool ORDER BY place), array_agg(max ORDER BY place), max(pool) FILTER (WHERE in_line)
    INTO _known_pools, _known_maxima, _line
    FROM nestjs_tasks_slot WHERE queue = _queue AND id = _id;
  -- R15
  IF _known_pools <> _pools OR _known_maxima <> _maxima THEN
    woken := nestjs_tasks_leave_v4(_queue, _now, _lease, _id, NULL, woken); -- another deploy has other rules
    _known_pools := NULL;
    _line := NULL;
  END IF;

  -- R8, R11, R17
  IF _known_pools IS NOT NULL THEN
    IF _line IS NOT NULL THEN
      woken := nestjs_tasks_serve_v4(_queue, _now, _lease, ARRAY[_line], woken);
      SELECT place, pool INTO limit_number, _line FROM nestjs_tasks_slot WHERE queue = _queue AND id = _id AND in_line;
    END IF;
    IF _line IS NULL THEN
      UPDATE nestjs_tasks_slot SET token = _token, until = _now + _lease WHERE queue = _queue AND id = _id;
    END IF;
  ELSIF cardinality(_pools) > 0 THEN
    -- R6, R7
    LOOP
      -- Those who stand in line for a slot have come first.
      SELECT asked.place, asked.pool INTO limit_number, _line
        FROM unnest(_pools, _maxima) WITH ORDINALITY AS asked(pool, max, place)
        WHERE EXISTS (
          SELECT 1 FROM nestjs_tasks_slot waiting
          WHERE waiting.queue = _queue AND waiting.pool = asked.pool AND waiting.in_line
        ) OR asked.max <= (
          SELECT count(*) FROM nestjs_tasks_slot held
          WHERE held.queue = _queue AND held.pool = asked.pool AND held.until IS NOT NULL
        )
        ORDER BY asked.place LIMIT 1;
      EXIT WHEN NOT FOUND OR limit_number <= _cleared;
      _freed := CASE WHEN _cleared = 0 THEN _pools ELSE '{}' END;
      SELECT expired.woken, expired.freed INTO woken, _freed
        FROM nestjs_tasks_expire_v4(_queue, _now, _lease, _line, woken, _freed) AS expired;
      woken := nestjs_tasks_serve_v4(_queue, _now, _lease, _freed, woken);
      _cleared := limit_number;
    END LOOP;
    INSERT INTO nestjs_tasks_slot (queue, id, place, pool, max, key, since, token, until, in_line)
      SELECT _queue, _id, asked.place, asked.pool, asked.max, _key, _since,
        CASE WHEN _line IS NULL THEN _token END, CASE WHEN _line IS NULL THEN _now + _lease END,
        asked.pool IS NOT DISTINCT FROM _line
      FROM unnest(_pools, _maxima) WITH ORDINALITY AS asked(pool, max, place);
  END IF;

  IF _others IS NOT NULL THEN
    PERFORM nestjs_tasks_note_starts_v4(_queue, _now, _memory, _run_of, _attempt, _order, _others, _line IS NULL);
  END IF;
  outcome := CASE WHEN _line IS NULL THEN 'admitted' ELSE 'waits' END;
  IF _line IS NOT NULL THEN :without_disk; END IF;
END $$;

-- R12
CREATE OR REPLACE FUNCTION nestjs_tasks_release_v4(_queue text, _now bigint, _lease bigint, _id text, _token text, OUT woken text[])
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  :enter;
  :without_disk;
  woken := nestjs_tasks_leave_v4(_queue, _now, _lease, _id, _token, '{}');
END $$;

-- R14, R20
-- All leave before others are served, or some of them would be.
CREATE OR REPLACE FUNCTION nestjs_tasks_forget_v4(_queue text, _now bigint, _lease bigint, _ids text[], OUT woken text[])
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  _freed text[];
BEGIN
  :enter;
  :without_disk;
  woken := '{}';
  DELETE FROM nestjs_tasks_limit WHERE queue = _queue AND kept_for = ANY(_ids);
  WITH gone AS (DELETE FROM nestjs_tasks_slot WHERE queue = _queue AND id = ANY(_ids) RETURNING pool)
    SELECT array_agg(DISTINCT pool) INTO _freed FROM gone;
  IF _freed IS NOT NULL THEN woken := nestjs_tasks_serve_v4(_queue, _now, _lease, _freed, woken); END IF;
END $$;

-- R17
CREATE OR REPLACE FUNCTION nestjs_tasks_renew_v4(_queue text, _now bigint, _lease bigint, _ids text[], _tokens text[])
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  :enter;
  FOR _at IN 1..cardinality(_ids) LOOP
    UPDATE nestjs_tasks_slot SET until = _now + _lease, token = _tokens[_at]
      WHERE queue = _queue AND id = _ids[_at] AND until IS NOT NULL
        AND coalesce(token, _tokens[_at]) = _tokens[_at];
  END LOOP;
END $$;

-- R19; rows whose time is over: R32
CREATE OR REPLACE FUNCTION nestjs_tasks_sweep_v4(_queue text, _now bigint, _lease bigint, OUT woken text[], OUT next_at bigint)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  _pool text;
  _freed text[] := '{}';
BEGIN
  :enter;
  :without_disk;
  woken := '{}';
  DELETE FROM nestjs_tasks_limit WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM nestjs_tasks_limit WHERE queue = _queue AND expires_at <= _now LIMIT 10000
  ));
  FOR _pool IN SELECT DISTINCT pool FROM nestjs_tasks_slot WHERE queue = _queue AND until <= _now LOOP
    SELECT expired.woken, expired.freed INTO woken, _freed
      FROM nestjs_tasks_expire_v4(_queue, _now, _lease, _pool, woken, _freed) AS expired;
  END LOOP;
  woken := nestjs_tasks_serve_v4(_queue, _now, _lease, _freed, woken);
  -- As a value, not as EXISTS, which may become a join with all who wait.
  SELECT min(held.until) INTO next_at FROM nestjs_tasks_slot held
    WHERE held.queue = _queue AND held.until IS NOT NULL AND (
      SELECT true FROM nestjs_tasks_slot waiting
      WHERE waiting.queue = _queue AND waiting.pool = held.pool AND waiting.in_line LIMIT 1
    );
END $$;
