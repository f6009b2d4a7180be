-- R2
-- What the others than slots say against it, if anything.
CREATE OR REPLACE FUNCTION nestjs_tasks_reject_v4(
  _queue text, _now bigint, _memory bigint, _id text, _run text, _attempt integer, _order text, _others jsonb,
  OUT outcome text, OUT limit_number integer, OUT due bigint
) LANGUAGE plpgsql AS $$
DECLARE
  _limit record;
  _own text := _run || '#' || _attempt;
  _burst jsonb;
  _passed text;
  _last text;
  _kept bigint;
BEGIN
  FOR _limit IN SELECT * FROM :other_limits ORDER BY number LOOP
    limit_number := _limit.number;
    -- R27 to R32
    IF _limit.type = 'debounce' AND _attempt = 1 THEN
      SELECT value INTO _burst FROM nestjs_tasks_limit
        WHERE queue = _queue AND kind = 'debounce' AND pool = _limit.pool AND member = '' AND expires_at > _now;
      _passed := _burst ->> 'passed';
      _last := _burst ->> 'last';
      CONTINUE WHEN _order = _passed;
      IF _order < _passed COLLATE "C" OR _order < _last COLLATE "C" THEN
        outcome := 'refused';
        RETURN;
      END IF;
      due := (_burst ->> 'dueAt')::bigint;
      IF _last IS DISTINCT FROM _order THEN
        -- Where the last one has not come for so long after its time, it was lost, and with it the row that it ended.
        IF _last IS NULL OR due + :latest < _now THEN _burst := jsonb_build_object('firstAt', _now, 'passed', _passed); END IF;
        due := least(_now + _limit.pause, (_burst ->> 'firstAt')::bigint + _limit.longest);
        INSERT INTO nestjs_tasks_limit (queue, kind, pool, member, value, expires_at)
          VALUES (
            _queue, 'debounce', _limit.pool, '', _burst || jsonb_build_object('dueAt', due, 'last', _order),
            due + _limit.pause + _memory
          )
          ON CONFLICT (queue, kind, pool, member)
          DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at;
      END IF;
      IF due > _now THEN
        outcome := 'later';
        RETURN;
      END IF;
    -- R25
    ELSIF _limit.type = 'cooldown' AND _attempt = 1 THEN
      PERFORM 1 FROM nestjs_tasks_limit
        WHERE queue = _queue AND kind = 'cooldown' AND pool = _limit.pool AND member = '' AND expires_at > _now
          AND value ->> 'run' <> _run;
      IF FOUND THEN
        outcome := 'refused';
        RETURN;
      END IF;
    -- R22, R23, R24
    ELSIF _limit.type = 'rate' THEN
      DELETE FROM nestjs_tasks_limit
        WHERE queue = _queue AND kind = 'start' AND pool = _limit.pool AND at <= _now - _limit.per;
      DELETE FROM nestjs_tasks_limit
        WHERE queue = _queue AND kind = 'start' AND pool = _limit.pool AND member = _own AND at <= _now
        RETURNING at INTO _kept;
      SELECT at INTO due FROM nestjs_tasks_limit
        WHERE queue = _queue AND kind = 'start' AND pool = _limit.pool AND member = _own;
      IF NOT FOUND THEN
        -- One that comes for its place does not stand behind those whose places are later.
        SELECT at + _limit.per INTO due FROM nestjs_tasks_limit
          WHERE queue = _queue AND kind = 'start' AND pool = _limit.pool AND at > _now - _limit.per
            AND at <= CASE WHEN _kept IS NULL THEN 9007199254740991 ELSE _now END
          ORDER BY at DESC OFFSET _limit.most - 1 LIMIT 1;
        IF due > _now AND NOT _limit.refuses THEN
          INSERT INTO nestjs_tasks_limit (queue, kind, pool, member, at, kept_for, expires_at)
            VALUES (_queue, 'start', _limit.pool, _own, due, _id, due + _limit.per + _memory);
        END IF;
      END IF;
      IF due > _now THEN
        outcome := CASE WHEN _limit.refuses THEN 'refused' ELSE 'later' END;
        RETURN;
      END IF;
    END IF;
  END LOOP;
END $$;

-- R4, R21, R26, R30
-- The others than slots take note of one that starts, or has to wait for a slot.
CREATE OR REPLACE FUNCTION nestjs_tasks_note_starts_v4(
  _queue text, _now bigint, _memory bigint, _run text, _attempt integer, _order text, _others jsonb, _starts boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  _limit record;
  _own text := _run || '#' || _attempt;
BEGIN
  FOR _limit IN SELECT * FROM :other_limits LOOP
    IF _limit.type = 'rate' AND _starts THEN
      INSERT INTO nestjs_tasks_limit (queue, kind, pool, member, at, expires_at)
        VALUES (_queue, 'start', _limit.pool, _own, _now, _now + _limit.per + _memory)
        ON CONFLICT (queue, kind, pool, member)
        DO UPDATE SET at = excluded.at, kept_for = NULL, expires_at = excluded.expires_at;
    ELSIF _limit.type = 'cooldown' AND _starts AND _attempt = 1 THEN
      INSERT INTO nestjs_tasks_limit AS cooldown (queue, kind, pool, member, value, expires_at)
        VALUES (_queue, 'cooldown', _limit.pool, '', jsonb_build_object('run', _run), _now + _limit.pause)
        ON CONFLICT (queue, kind, pool, member)
        DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at WHERE cooldown.expires_at <= _now;
    ELSIF _limit.type = 'debounce' AND _starts THEN
      UPDATE nestjs_tasks_limit SET value = value - 'last' || jsonb_build_object('passed', _order)
        WHERE queue = _queue AND kind = 'debounce' AND pool = _limit.pool AND member = '' AND value ->> 'last' = _order;
    END IF;
  END LOOP;
END $$;
