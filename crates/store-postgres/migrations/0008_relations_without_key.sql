-- The relations of an originator are written by whoever has locked it, each once: a key over all of a row is not needed for
-- that, and is as large as the table. Here is what finds them instead.
CREATE INDEX relations_of_originator ON relations (originator_id);
ALTER TABLE relations DROP CONSTRAINT relations_pkey;
