-- Every text that repeats (refs, location keys, relation types) is kept once and referred to by number. It is found by
-- its hash, since an index entry must not be longer than a third of a page, and texts may be. Such rows are never
-- deleted.

-- Every entity ref that is mentioned anywhere, whether the entity exists or not. Whoever writes claims locks the rows
-- of the entities in question, in order of their ids.
CREATE TABLE refs (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  hash UUID NOT NULL UNIQUE,
  text TEXT COLLATE "C" NOT NULL
);

CREATE TABLE location_keys (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  hash UUID NOT NULL UNIQUE,
  text TEXT COLLATE "C" NOT NULL
);

CREATE TABLE relation_types (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  hash UUID NOT NULL UNIQUE,
  text TEXT COLLATE "C" NOT NULL
);

-- Mutations of one provider follow one another: each locks the provider's row.
CREATE TABLE providers (
  id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name TEXT COLLATE "C" NOT NULL UNIQUE
);

-- The processes that work on this database. beat: when it was last heard of, by the clock of the database, in
-- milliseconds.
CREATE TABLE nodes (
  id INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  beat BIGINT NOT NULL
);

-- Orders claims and stitch tickets. It is asked for numbers only under the locks that order what is numbered.
CREATE SEQUENCE numbers;

-- value: the last place in the change log. The row is locked from when places are taken until they are visible.
-- floor: the last place whose tombstone was dropped. Who has not come so far has to begin anew.
CREATE TABLE change_counter (
  value BIGINT NOT NULL,
  floor BIGINT NOT NULL
);
INSERT INTO change_counter (value, floor) VALUES (0, 0);

-- id: from numbers, so that an older claim has a smaller one. A claim that changes its key is made anew.
-- source_id: the id of the claiming entity in refs, or the negative id of the provider.
CREATE TABLE claims (
  id BIGINT PRIMARY KEY,
  entity_id BIGINT NOT NULL,
  source_id BIGINT NOT NULL,
  key_id BIGINT,
  written BIGINT NOT NULL,
  hash UUID NOT NULL,
  document BYTEA NOT NULL
);
-- Finds the claims on an entity: the winner, its parents, whether it is an orphan.
CREATE UNIQUE INDEX claims_on_entity ON claims (entity_id, source_id);
-- Finds what a provider or an entity claims: its bucket, its children.
CREATE INDEX claims_of_source ON claims (source_id);

-- Narrow on purpose: its rows change with every turn of the queue.
-- claim_id: the winning claim; NULL for an orphan, whose document is in orphans.
-- urgency: 0 routine, 1 new, changed or asked for, 2 the same and being processed, by node.
CREATE TABLE entities (
  id BIGINT PRIMARY KEY,
  claim_id BIGINT,
  key_id BIGINT,
  discovered_at BIGINT NOT NULL,
  due BIGINT NOT NULL,
  uid UUID NOT NULL,
  document_hash UUID NOT NULL,
  urgency SMALLINT NOT NULL,
  node INTEGER
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX entities_by_uid ON entities (uid);
-- The queue.
CREATE INDEX entities_by_due ON entities (urgency, due);

-- Entities without a claim, with the document of the last one.
CREATE TABLE orphans (
  entity_id BIGINT PRIMARY KEY,
  since BIGINT NOT NULL,
  document BYTEA NOT NULL
);

-- What the last run of an entity came to; processed is that of the last good run.
CREATE TABLE outputs (
  entity_id BIGINT PRIMARY KEY,
  result_hash UUID,
  processed BYTEA,
  errors BYTEA
);

CREATE TABLE processor_caches (
  entity_id BIGINT PRIMARY KEY,
  cache BYTEA NOT NULL
);

CREATE TABLE relations (
  originator_id BIGINT NOT NULL,
  source_id BIGINT NOT NULL,
  type_id BIGINT NOT NULL,
  target_id BIGINT NOT NULL,
  PRIMARY KEY (originator_id, source_id, type_id, target_id)
);
-- Finds the relations that an entity shows, whoever originated them.
CREATE INDEX relations_of_source ON relations (source_id);

-- Keys by their hash: they are only ever looked for.
CREATE TABLE refresh_keys (
  entity_id BIGINT NOT NULL,
  hash UUID NOT NULL,
  PRIMARY KEY (entity_id, hash)
);
CREATE INDEX refresh_keys_by_hash ON refresh_keys (hash);

-- node: which one is stitching it.
CREATE TABLE stitch_marks (
  entity_id BIGINT PRIMARY KEY,
  ticket BIGINT NOT NULL,
  due BIGINT NOT NULL,
  node INTEGER,
  fresh BOOLEAN NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX stitch_marks_by_due ON stitch_marks (fresh, due);

-- The final entities and the tombstones together are the change log: sequence is an entity's place in it.
CREATE TABLE final_entities (
  entity_id BIGINT PRIMARY KEY,
  sequence BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  body BYTEA NOT NULL
);
CREATE UNIQUE INDEX final_entities_by_sequence ON final_entities (sequence);

-- buried: when, by the clock of the database, in milliseconds.
CREATE TABLE tombstones (
  entity_id BIGINT PRIMARY KEY,
  sequence BIGINT NOT NULL,
  buried BIGINT NOT NULL
);
CREATE UNIQUE INDEX tombstones_by_sequence ON tombstones (sequence);

-- Of type and target the hash is unique, for the same reason as above.
CREATE TABLE locations (
  number BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  id UUID NOT NULL UNIQUE,
  hash UUID NOT NULL UNIQUE,
  type TEXT NOT NULL,
  target TEXT NOT NULL,
  entity_ref TEXT NOT NULL
);

-- Bodies come compressed.
ALTER TABLE claims ALTER COLUMN document SET STORAGE EXTERNAL;
ALTER TABLE orphans ALTER COLUMN document SET STORAGE EXTERNAL;
ALTER TABLE outputs ALTER COLUMN processed SET STORAGE EXTERNAL;
ALTER TABLE outputs ALTER COLUMN errors SET STORAGE EXTERNAL;
ALTER TABLE processor_caches ALTER COLUMN cache SET STORAGE EXTERNAL;
ALTER TABLE final_entities ALTER COLUMN body SET STORAGE EXTERNAL;
