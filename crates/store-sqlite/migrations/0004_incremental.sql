-- Changes of a bucket that were refused because they would have removed too much.
CREATE TABLE refused_removals (
  provider TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  total INTEGER NOT NULL,
  confirmed_until INTEGER
) STRICT;

-- Passes over large sources. number: later passes have larger ones, also when earlier ones are forgotten.
-- status, next_action: see the Rust code. rest_completed_at: NULL while it has not ended.
CREATE TABLE ingestion_passes (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  provider TEXT NOT NULL,
  status INTEGER NOT NULL,
  next_action INTEGER NOT NULL,
  next_action_at INTEGER NOT NULL,
  last_error TEXT,
  attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ingestion_completed_at INTEGER,
  rest_completed_at INTEGER,
  version INTEGER NOT NULL
) STRICT;
-- Finds the passes of a provider.
CREATE INDEX ingestion_passes_of_provider ON ingestion_passes (provider);
-- One pass at a time.
CREATE UNIQUE INDEX open_ingestion_pass ON ingestion_passes (provider) WHERE rest_completed_at IS NULL;

-- How far a pass has come; its latest mark says where to go on. cursor: NULL after the last page.
CREATE TABLE ingestion_marks (
  pass INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  id BLOB NOT NULL,
  cursor TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (pass, sequence)
) STRICT, WITHOUT ROWID;

-- In which pass an entity of a provider was seen last. source_id: as in claims.
CREATE TABLE ingestion_seen (
  source_id INTEGER NOT NULL,
  entity_id INTEGER NOT NULL,
  pass INTEGER NOT NULL,
  PRIMARY KEY (source_id, entity_id)
) STRICT, WITHOUT ROWID;
