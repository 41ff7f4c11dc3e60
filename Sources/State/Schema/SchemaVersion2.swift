/// Images, the instances that run them, and the journal of launches.
enum SchemaVersion2 {
  static let sql = """
    CREATE TABLE images (
      id TEXT NOT NULL PRIMARY KEY
        CHECK (length(id) = 21 AND id GLOB 'ami-*' AND substr(id, 5) NOT GLOB '*[^0-9a-f]*'),
      path TEXT NOT NULL UNIQUE,
      recipe TEXT NOT NULL,
      sha256 TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
      virtual_size INTEGER NOT NULL CHECK (virtual_size > 0),
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX images_by_recipe ON images (recipe, created_at);

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
    CREATE INDEX instances_by_image ON instances (image_id);

    CREATE TABLE launches (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      project_id TEXT NOT NULL REFERENCES projects (id),
      network TEXT NOT NULL,
      started_at INTEGER NOT NULL,
      ended_at INTEGER,
      outcome TEXT CHECK (outcome IN ('done', 'undone', 'failed')) CHECK ((outcome IS NULL) = (ended_at IS NULL))
    ) STRICT;
    CREATE UNIQUE INDEX one_open_launch ON launches (project_id, network) WHERE ended_at IS NULL;
    CREATE INDEX launches_by_project ON launches (project_id, network, id);

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
    """
}
