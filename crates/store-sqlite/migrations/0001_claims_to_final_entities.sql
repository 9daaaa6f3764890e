-- Every text that repeats (refs, location keys, relation types) is kept once and referred to by number.

-- Every entity ref that is mentioned anywhere, whether the entity exists or not.
CREATE TABLE refs (
  id INTEGER PRIMARY KEY,
  ref TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE providers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE location_keys (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE relation_types (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- One counter orders claims, stitch tickets and changes.
CREATE TABLE counter (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  value INTEGER NOT NULL
) STRICT;
INSERT INTO counter (only, value) VALUES (1, 0);

-- id: from the counter, so that an older claim has a smaller one. A claim that changes its key is made anew.
-- source_id: the id of the claiming entity in refs, or the negative id of the provider.
CREATE TABLE claims (
  id INTEGER PRIMARY KEY,
  entity_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  key_id INTEGER,
  written INTEGER NOT NULL,
  hash BLOB NOT NULL,
  document BLOB NOT NULL
) STRICT;
-- Finds the claims on an entity: the winner, its parents, whether it is an orphan.
CREATE UNIQUE INDEX claims_on_entity ON claims (entity_id, source_id);
-- Finds what a provider or an entity claims: its bucket, its children.
CREATE INDEX claims_of_source ON claims (source_id);

-- Narrow on purpose: its rows change with every turn of the queue.
-- claim_id: the winning claim; NULL for an orphan, whose document is in orphans.
-- urgency: 0 routine, 1 new, changed or asked for, 2 the same and being processed.
CREATE TABLE entities (
  id INTEGER PRIMARY KEY,
  uid BLOB NOT NULL,
  claim_id INTEGER,
  key_id INTEGER,
  document_hash BLOB NOT NULL,
  discovered_at INTEGER NOT NULL,
  urgency INTEGER NOT NULL,
  due INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX entities_by_uid ON entities (uid);
-- The queue.
CREATE INDEX entities_by_due ON entities (urgency, due);

-- Entities without a claim, with the document of the last one.
CREATE TABLE orphans (
  entity_id INTEGER PRIMARY KEY,
  document BLOB NOT NULL,
  since INTEGER NOT NULL
) STRICT;

-- What the last run of an entity came to; processed is that of the last good run.
CREATE TABLE outputs (
  entity_id INTEGER PRIMARY KEY,
  result_hash BLOB,
  processed BLOB,
  errors BLOB
) STRICT;

CREATE TABLE processor_caches (
  entity_id INTEGER PRIMARY KEY,
  cache BLOB NOT NULL
) STRICT;

CREATE TABLE relations (
  originator_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  type_id INTEGER NOT NULL,
  target_id INTEGER NOT NULL,
  PRIMARY KEY (originator_id, source_id, type_id, target_id)
) STRICT, WITHOUT ROWID;
-- Finds the relations that an entity shows, whoever originated them.
CREATE INDEX relations_of_source ON relations (source_id, type_id, target_id);

CREATE TABLE refresh_keys (
  key TEXT NOT NULL,
  entity_id INTEGER NOT NULL,
  PRIMARY KEY (key, entity_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_keys_of_entity ON refresh_keys (entity_id);

CREATE TABLE stitch_marks (
  entity_id INTEGER PRIMARY KEY,
  ticket INTEGER NOT NULL,
  fresh INTEGER NOT NULL,
  due INTEGER NOT NULL
) STRICT;
CREATE INDEX stitch_marks_by_due ON stitch_marks (fresh, due);

-- The final entities and the tombstones together are the change log: sequence is an entity's place in it.
CREATE TABLE final_entities (
  entity_id INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL,
  hash BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX final_entities_by_sequence ON final_entities (sequence);

CREATE TABLE tombstones (
  entity_id INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tombstones_by_sequence ON tombstones (sequence);

CREATE TABLE locations (
  id BLOB NOT NULL UNIQUE,
  type TEXT NOT NULL,
  target TEXT NOT NULL,
  entity_ref TEXT NOT NULL,
  UNIQUE (type, target)
) STRICT;
