-- What is open about somebody who takes consent back is looked for every few seconds.
CREATE INDEX alert_life_open_by_person ON care.alert_life (person_id) WHERE state <> 'closed';
