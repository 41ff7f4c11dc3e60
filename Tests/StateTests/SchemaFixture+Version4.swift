extension SchemaFixture {
  /// Version 3's, and what its migration added.
  static let version4 =
    version3 + #"""

      BEGIN TRANSACTION;
      INSERT INTO grdb_migrations VALUES('4');
      CREATE TABLE attachments (
        project_id TEXT NOT NULL,
        network TEXT NOT NULL,
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
        address TEXT NOT NULL,
        port TEXT NOT NULL CHECK (port LIKE '{%}'),
        state TEXT NOT NULL CHECK (state IN ('attaching', 'attached', 'detaching')),
        created_at INTEGER NOT NULL,
        PRIMARY KEY (project_id, network, name),
        UNIQUE (project_id, network, address),
        FOREIGN KEY (project_id, network, address) REFERENCES addresses (project_id, network, address) ON DELETE CASCADE
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX unsettled_attachments ON attachments (state) WHERE state <> 'attached';
      INSERT INTO attachments VALUES('acme','default','db','10.1.0.3','{}','attached',1780000000);
      COMMIT;
      """#
}
