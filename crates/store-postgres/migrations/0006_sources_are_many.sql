-- Until a catalog has been looked at for a while, all its claims are of one provider, and what is found of each source
-- would be taken for the whole table.
ALTER TABLE claims ALTER COLUMN source_id SET (n_distinct = -0.2);
ALTER TABLE relations ALTER COLUMN source_id SET (n_distinct = -0.2);
ALTER TABLE relations ALTER COLUMN originator_id SET (n_distinct = -0.2);
