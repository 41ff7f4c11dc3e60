/// What restores keep.
enum SchemaVersion6 {
  static let sql = """
    -- Of authorities that a restored state didn't have: it holds again when a later restore brings them back. Authorities are
    -- known by their fingerprints, and lineages by their beginning, since row ids of two histories may mean different ones.
    CREATE TABLE departed_authorities (
      fingerprint TEXT NOT NULL PRIMARY KEY,
      project_id TEXT,
      generation INTEGER NOT NULL,
      is_retired INTEGER NOT NULL CHECK (is_retired IN (0, 1)),
      last_crl_number INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX departed_authorities_by_project ON departed_authorities (ifnull(project_id, ''), generation);
    CREATE TABLE departed_revocations (
      fingerprint TEXT NOT NULL,
      serial TEXT NOT NULL,
      reason INTEGER NOT NULL,
      revoked_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (fingerprint, serial)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE departed_lineages (
      project_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      revoked_at INTEGER NOT NULL,
      PRIMARY KEY (project_id, kind, name, created_at)
    ) STRICT, WITHOUT ROWID;

    -- Keys that came with the rows of a restore and don't have their names yet: the file beside, in the same folder.
    CREATE TABLE restored_keys (
      key_file TEXT NOT NULL PRIMARY KEY,
      beside TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """
}
