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
      -- A launch that is under way, with its steps in the order of that version.
      INSERT INTO launches VALUES(2,'other','default',1780000000,NULL,NULL);
      INSERT INTO launch_steps VALUES(2,0,'image','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,1,'certificates','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,2,'key pair','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,3,'security group','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,4,'network','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,5,'public port','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,6,'cloud network','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,7,'payload','done','{}',1780000000);
      INSERT INTO launch_steps VALUES(2,8,'boot','done','{}',1780000000);
      COMMIT;
      """#
}
