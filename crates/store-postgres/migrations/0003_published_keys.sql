-- The public keys of all nodes that sign tokens, until the last token has expired.
CREATE TABLE published_keys (
  id TEXT COLLATE "C" PRIMARY KEY,
  key TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
