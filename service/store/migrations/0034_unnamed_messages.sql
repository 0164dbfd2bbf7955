-- What a resident was told names nobody at rest: where a name stood there is `{who}`, and `named` says who that is.
ALTER TABLE care.patient_message ADD COLUMN named uuid[] NOT NULL DEFAULT '{}'; -- accounts, in the order they are read

-- What was told before. Who it was is known: whom the step was brought to, or who answered at that instant; where that
-- is not one, the page says "your doctor".
UPDATE care.patient_message m SET
    named = ARRAY(
        SELECT d.account_id FROM care.delivery d
        JOIN care.account a ON a.account_id = d.account_id JOIN care.staff s ON s.staff_id = a.staff_id
        WHERE d.alert_id = m.alert_id AND d.step = m.step AND d.channel = 'page' AND a.role <> 'administrator'
        ORDER BY s.staff_id),
    text_zh = regexp_replace(m.text_zh, '(我们(?:已经通知|又通知了)：).*(。目前还没有人回应。)', '\1{who}\2'),
    text_en = regexp_replace(m.text_en, '(We have(?: now also)? contacted: ).*(\. Nobody has answered yet\. )', '\1{who}\2')
WHERE m.kind <> 'answered' AND position('我们' IN m.text_zh) > 0;

UPDATE care.patient_message m SET
    named = coalesce((
        SELECT array_agg(DISTINCT e.actor::uuid) FROM care.alert_event e
        WHERE e.alert_id = m.alert_id AND e.at = m.at AND e.what IN ('answered', 'answered again')
          AND e.actor ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$'
        HAVING count(DISTINCT e.actor) = 1), '{}'),
    text_zh = regexp_replace(m.text_zh,
        '^(关于您家里的那次测量：)?.*(已看到您的测量结果|表示已与您联系|表示正在去您那里|已看到测量结果|表示已与本人联系|表示正在去您家)。',
        '\1{who}\2。'),
    text_en = regexp_replace(m.text_en,
        '^(About the measurement in your home: )?.*( has looked at your reading| says they have contacted you'
        '| says they are on the way to you| has looked at it| says they have contacted the person'
        '| says they are on the way to your home)\.', '\1{who}\2.')
WHERE m.kind = 'answered';

-- Whatever else was written keeps no word that might be a name.
UPDATE care.patient_message SET text_zh = CASE WHEN kind = 'answered' THEN '{who}已回应。' ELSE '我们已经通知：{who}。' END
WHERE position('{who}' IN text_zh) = 0 AND position('目前没有联系到任何医生。' IN text_zh) = 0;
UPDATE care.patient_message SET text_en = CASE WHEN kind = 'answered' THEN '{who} has answered.' ELSE 'We have contacted: {who}.' END
WHERE position('{who}' IN text_en) = 0 AND position('No doctor has been reached so far. ' IN text_en) = 0;
