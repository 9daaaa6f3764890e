-- When the routine entities (urgency 0) come up again. 32 with neighbouring ids share a row, so that taking them up
-- together writes that row, and none of theirs.
-- round: id >> 5. dues, members: the due times there are, and for each the entities that come up then, bit id & 31.
-- Members that are not routine any more, or gone, stay until they come up. due: the least of dues.
CREATE TABLE refresh_rounds (
  round BIGINT PRIMARY KEY,
  due BIGINT NOT NULL,
  dues BIGINT[] NOT NULL,
  members BIGINT[] NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX refresh_rounds_by_due ON refresh_rounds (due);
INSERT INTO refresh_rounds (round, due, dues, members)
SELECT id >> 5, min(due), ARRAY[min(due)], ARRAY[bit_or(1::bigint << (id & 31)::int)] FROM entities
WHERE urgency = 0 GROUP BY id >> 5;

-- The queue of what is not routine. An older node, for which due of a routine entity is when it comes up, finds it
-- without an index meanwhile.
CREATE INDEX entities_by_urgency ON entities (urgency, due) WHERE urgency > 0;
DROP INDEX entities_by_due;
