-- name: lock
SELECT pg_advisory_xact_lock(1212630340)

-- name: events
-- Committed alerts of people who exist, with their homes and villages. The village is that of the person, else the home's.
-- Two registrations of one human being are one person, who lives where the one lives that was kept.
SELECT k.alert_id::text AS alert_id, o.subject, h.household_id AS household, v.area_id AS village,
       coalesce(o.birth_year, p.birth_year) AS birth_year, k.family, k.priority, k.effective_at AS at
FROM core.alert k
JOIN care.person p ON p.subject = k.subject
JOIN care.person o ON o.person_id = coalesce(p.merged_into, p.person_id)
LEFT JOIN care.household h ON h.household_id = coalesce(o.household, p.household)
LEFT JOIN care.area v ON v.area_id = coalesce(o.area, h.area, p.area) AND v.level = 'village'
WHERE k.raised_at >= $1 AND k.kind = 'physiological' AND NOT k.synthetic AND NOT p.synthetic
  AND ($2::text[] IS NULL OR v.area_id = ANY ($2))
ORDER BY k.effective_at, k.alert_id

-- name: answered
SELECT rule_id, place, last_at, evidence::text AS evidence FROM care.cluster_task
WHERE state <> 'open' AND last_at >= $1 ORDER BY last_at

-- name: put_task
-- The clinic of the village for a home, the township's for a village; where there is none, the next one above.
WITH RECURSIVE above (area_id, distance) AS (
    SELECT coalesce($5, (SELECT area FROM care.household WHERE household_id = $4)), 0
    UNION ALL
    SELECT r.parent_id, above.distance + 1 FROM care.area r JOIN above ON r.area_id = above.area_id
    WHERE r.parent_id IS NOT NULL
), clinic AS (
    SELECT i.institution_id FROM above JOIN care.institution i ON i.area = above.area_id
    WHERE $3 = 'household' OR i.level <> 'village'
    ORDER BY above.distance, i.institution_id LIMIT 1
)
INSERT INTO care.cluster_task (task_id, rule_id, scope, place, area, family, first_at, last_at, people, households,
                               evidence, opened_at, due_at, institution_id, state)
SELECT $1, $2, $3, $4, above.area_id, $6, $7, $8, $9, $10, $11::text::jsonb, $12, $13,
    (SELECT institution_id FROM clinic), 'open'
FROM above WHERE above.distance = 0 AND above.area_id IS NOT NULL
ON CONFLICT (rule_id, place) WHERE state = 'open' DO UPDATE
SET last_at = excluded.last_at, people = excluded.people, households = excluded.households,
    evidence = excluded.evidence, family = excluded.family
WHERE excluded.people > cluster_task.people
RETURNING task_id

-- name: tasks
-- Of the own institution; and what clinics below have left unanswered.
SELECT t.task_id, t.rule_id, t.scope, t.place, r.name AS area_name, d.address, t.family, t.first_at, t.last_at, t.people,
       t.households, t.evidence::text AS evidence, t.opened_at, t.due_at, t.state, t.verified_people, t.reason,
       t.answered_at, t.institution_id <> s.institution_id AS is_risen
FROM care.account a
JOIN care.staff s ON s.staff_id = a.staff_id
JOIN care.institution i ON i.institution_id = s.institution_id
JOIN care.cluster_task t ON t.institution_id = i.institution_id
    OR (t.due_at <= $2 AND t.state = 'open'
        AND t.institution_id IN (SELECT institution_id FROM care.institution WHERE parent_id = i.institution_id))
JOIN care.area r ON r.area_id = t.area
LEFT JOIN care.household d ON t.scope = 'household' AND d.household_id = t.place
WHERE a.account_id = $1 AND NOT a.disabled AND (t.state = 'open' OR t.answered_at >= $3)
ORDER BY t.state <> 'open', t.due_at, t.task_id

-- name: members
-- Names only of those whom the reader may read anyway.
SELECT p.subject, p.name, p.birth_year FROM care.person p
WHERE p.subject = ANY ($2::text[]) AND care.may_read($1, p.subject, $3)
ORDER BY p.subject

-- name: answer
UPDATE care.cluster_task t
SET state = $3, answered_by = $1, answered_at = $4, verified_people = $5, reason = $6
FROM care.account a
JOIN care.staff s ON s.staff_id = a.staff_id
WHERE t.task_id = $2 AND t.state = 'open' AND a.account_id = $1 AND NOT a.disabled
  AND (t.institution_id = s.institution_id
       OR (t.due_at <= $4 AND t.institution_id IN (
           SELECT institution_id FROM care.institution WHERE parent_id = s.institution_id)))
RETURNING t.area, t.scope, t.rule_id

-- name: verified
-- Verified clusters of a week by township: how many, and how many people they were. None that rests on somebody who
-- withdrew from the counts: it stays a task of care, and is no number.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT township, sum(clusters)::integer AS clusters, sum(people)::integer AS people,
    -- Which homes two tasks have in common is not asked: as few homes, as many of one as can be.
    greatest(count(*) FILTER (WHERE scope = 'household'), max(homes) FILTER (WHERE scope = 'village'))::integer AS households,
    (coalesce(max(of_one) FILTER (WHERE scope = 'household'), 0) + coalesce(sum(of_one) FILTER (WHERE scope = 'village'), 0))::integer AS largest_home
FROM (
    SELECT inside.township, t.scope, t.place, count(*) AS clusters, sum(t.verified_people) AS people,
        max(t.households) AS homes,
        sum(CASE t.scope WHEN 'household' THEN t.verified_people
            ELSE greatest(1, t.verified_people - t.households + 1) END) AS of_one
    FROM care.cluster_task t JOIN inside ON inside.area_id = t.area
    WHERE t.state = 'verified' AND t.answered_at >= $1 AND t.answered_at < $2
      AND NOT EXISTS (
          SELECT FROM care.withdrawal w JOIN care.person p USING (person_id)
          WHERE w.purpose = 'counts' AND t.evidence -> 'subjects' ? p.subject)
    GROUP BY 1, 2, 3
) AS place
GROUP BY 1
