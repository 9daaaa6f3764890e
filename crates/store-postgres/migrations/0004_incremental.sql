-- Changes of a bucket that were refused because they would have removed too much.
CREATE TABLE refused_removals (
  provider TEXT COLLATE "C" PRIMARY KEY,
  at BIGINT NOT NULL,
  removed BIGINT NOT NULL,
  total BIGINT NOT NULL,
  confirmed_until BIGINT
);

-- Passes over large sources. number: later passes have larger ones, also when earlier ones are forgotten.
-- status, next_action: see the Rust code. rest_completed_at: NULL while it has not ended.
CREATE TABLE ingestion_passes (
  number BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  id UUID NOT NULL UNIQUE,
  provider TEXT COLLATE "C" NOT NULL,
  status BIGINT NOT NULL,
  next_action BIGINT NOT NULL,
  next_action_at BIGINT NOT NULL,
  last_error TEXT,
  attempts BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ingestion_completed_at BIGINT,
  rest_completed_at BIGINT,
  version BIGINT NOT NULL
);
-- Finds the passes of a provider.
CREATE INDEX ingestion_passes_of_provider ON ingestion_passes (provider);
-- One pass at a time.
CREATE UNIQUE INDEX open_ingestion_pass ON ingestion_passes (provider) WHERE rest_completed_at IS NULL;

-- How far a pass has come; its latest mark says where to go on. cursor: NULL after the last page.
CREATE TABLE ingestion_marks (
  pass BIGINT NOT NULL,
  sequence BIGINT NOT NULL,
  id UUID NOT NULL,
  cursor TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (pass, sequence)
);

-- In which pass an entity of a provider was seen last. source_id: as in claims.
CREATE TABLE ingestion_seen (
  source_id BIGINT NOT NULL,
  entity_id BIGINT NOT NULL,
  pass BIGINT NOT NULL,
  PRIMARY KEY (source_id, entity_id)
);
