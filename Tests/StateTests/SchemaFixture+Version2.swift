extension SchemaFixture {
  /// Version 1's, and what its migration and then an image, an instance and its launch added.
  static let version2 =
    version1 + #"""

      BEGIN TRANSACTION;
      INSERT INTO grdb_migrations VALUES('2');
      CREATE TABLE images (
        id TEXT NOT NULL PRIMARY KEY
          CHECK (length(id) = 21 AND id GLOB 'ami-*' AND substr(id, 5) NOT GLOB '*[^0-9a-f]*'),
        path TEXT NOT NULL UNIQUE,
        recipe TEXT NOT NULL,
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
        virtual_size INTEGER NOT NULL CHECK (virtual_size > 0),
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO images VALUES('ami-0123456789abcdef0','/images/1','cloudpipe','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1073741824,1780000000);
      CREATE TABLE instances (
        project_id TEXT NOT NULL,
        network TEXT NOT NULL,
        cloud TEXT NOT NULL CHECK (cloud IN ('local', 'openstack')),
        state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'down', 'invalid')),
        image_id TEXT NOT NULL REFERENCES images (id),
        handle TEXT NOT NULL CHECK (handle LIKE '{%}'),
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (project_id, network),
        FOREIGN KEY (project_id, network) REFERENCES networks (project_id, name)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO instances VALUES('acme','default','local','running','ami-0123456789abcdef0','{"pid":"1"}',1780000000,1780000000);
      CREATE TABLE launches (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project_id TEXT NOT NULL REFERENCES projects (id),
        network TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        outcome TEXT CHECK (outcome IN ('done', 'undone', 'failed')) CHECK ((outcome IS NULL) = (ended_at IS NULL))
      ) STRICT;
      INSERT INTO launches VALUES(1,'acme','default',1780000000,1780000100,'done');
      CREATE TABLE launch_steps (
        launch_id INTEGER NOT NULL REFERENCES launches (id) ON DELETE CASCADE,
        position INTEGER NOT NULL CHECK (position >= 0),
        name TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('started', 'done', 'undoing', 'undone', 'failed')),
        made TEXT NOT NULL CHECK (made LIKE '{%}'),
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (launch_id, position),
        UNIQUE (launch_id, name)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO launch_steps VALUES(1,0,'network','done','{}',1780000000);
      CREATE INDEX images_by_recipe ON images (recipe, created_at);
      CREATE INDEX instances_by_image ON instances (image_id);
      CREATE UNIQUE INDEX one_open_launch ON launches (project_id, network) WHERE ended_at IS NULL;
      CREATE INDEX launches_by_project ON launches (project_id, network, id);
      COMMIT;
      """#
}
