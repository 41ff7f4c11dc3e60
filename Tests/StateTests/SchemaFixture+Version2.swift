extension SchemaFixture {
  /// With an image, an instance and its launch.
  static let version2 = #"""
    PRAGMA application_id = 0x63706264;
    PRAGMA foreign_keys=OFF;
    BEGIN TRANSACTION;
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
    INSERT INTO grdb_migrations VALUES('1');
    INSERT INTO grdb_migrations VALUES('2');
    CREATE TABLE projects (
      id TEXT NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 64),
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO projects VALUES('acme',1780000000);
    INSERT INTO projects VALUES('other',1780000000);
    CREATE TABLE networks (
      project_id TEXT NOT NULL REFERENCES projects (id),
      name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
      cidr TEXT NOT NULL,
      first_address INTEGER NOT NULL CHECK (first_address BETWEEN 0 AND 4294967295),
      last_address INTEGER NOT NULL CHECK (last_address BETWEEN first_address + 7 AND 4294967295),
      cidr6 TEXT,
      mode TEXT NOT NULL CHECK (mode IN ('bridged', 'routed')),
      gateway TEXT NOT NULL,
      reserved_address TEXT NOT NULL,
      pool_size INTEGER NOT NULL CHECK (pool_size >= 1 AND pool_size + 4 <= last_address - first_address + 1),
      tunnel_pool TEXT CHECK ((tunnel_pool IS NOT NULL) = (mode = 'routed')),
      tunnel_pool6 TEXT CHECK (tunnel_pool6 IS NULL OR mode = 'routed'),
      routes TEXT NOT NULL CHECK (routes LIKE '[%]'),
      dns TEXT NOT NULL CHECK (dns LIKE '[%]'),
      dns_domain TEXT,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (project_id, name),
      UNIQUE (project_id, first_address)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO networks VALUES('acme','default','10.1.0.0/24',167837696,167837951,NULL,'bridged','10.1.0.1','10.1.0.2',5,NULL,NULL,'["10.2.0.0/16"]','["10.1.0.53"]','acme.example',1780000000);
    INSERT INTO networks VALUES('other','default','10.1.0.0/24',167837696,167837951,'fd00:1::/64','routed','10.1.0.1','10.1.0.2',5,'10.8.0.0/24','fd00:8::/64','[]','[]',NULL,1780000000);
    CREATE TABLE addresses (
      project_id TEXT NOT NULL,
      network TEXT NOT NULL,
      position INTEGER NOT NULL CHECK (position >= 1),
      address TEXT NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('gateway', 'cloudpipe', 'machine')),
      holder TEXT NOT NULL,
      mac TEXT UNIQUE,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (project_id, network, position),
      UNIQUE (project_id, network, address),
      FOREIGN KEY (project_id, network) REFERENCES networks (project_id, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO addresses VALUES('acme','default',1,'10.1.0.1','gateway','gateway',NULL,1780000000);
    INSERT INTO addresses VALUES('acme','default',2,'10.1.0.2','cloudpipe','cloudpipe','fa:16:3e:00:00:01',1780000000);
    INSERT INTO addresses VALUES('acme','default',3,'10.1.0.3','machine','db','fa:16:3e:00:00:02',1780000000);
    CREATE TABLE public_ports (
      address TEXT NOT NULL,
      protocol TEXT NOT NULL CHECK (protocol IN ('udp', 'tcp')),
      port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
      project_id TEXT NOT NULL,
      network TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (address, protocol, port),
      UNIQUE (project_id, network),
      FOREIGN KEY (project_id, network) REFERENCES networks (project_id, name)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO public_ports VALUES('192.0.2.1','udp',1000,'acme','default',1780000000);
    CREATE TABLE authorities (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      project_id TEXT REFERENCES projects (id),
      generation INTEGER NOT NULL CHECK (generation >= 1),
      stage TEXT NOT NULL CHECK (stage IN ('next', 'active', 'previous', 'retired')),
      issuer_id INTEGER REFERENCES authorities (id) CHECK ((issuer_id IS NULL) = (project_id IS NULL)),
      serial TEXT NOT NULL CHECK (serial NOT GLOB '*[^0-9a-f]*' AND length(serial) % 2 = 0
        AND length(serial) BETWEEN 2 AND 40 AND (serial NOT GLOB '00*')),
      fingerprint TEXT NOT NULL UNIQUE CHECK (length(fingerprint) = 64 AND fingerprint NOT GLOB '*[^0-9a-f]*'),
      certificate BLOB NOT NULL,
      key_type TEXT NOT NULL CHECK (key_type IN ('p256', 'p384', 'ed25519', 'rsa3072', 'rsa4096')),
      key_file TEXT UNIQUE,
      key_is_encrypted INTEGER NOT NULL CHECK (key_is_encrypted IN (0, 1)),
      not_before INTEGER NOT NULL,
      not_after INTEGER NOT NULL CHECK (not_after > not_before),
      last_crl_number INTEGER NOT NULL DEFAULT 0 CHECK (last_crl_number >= 0),
      created_at INTEGER NOT NULL,
      UNIQUE (issuer_id, serial)
    ) STRICT;
    INSERT INTO authorities VALUES(1,NULL,1,'active',NULL,'0a','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',X'3001','p256',NULL,0,1780000000,2095360000,0,1780000000);
    INSERT INTO authorities VALUES(2,'acme',1,'active',1,'0b','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',X'3002','p256',NULL,0,1780000000,2095360000,1,1780000000);
    CREATE TABLE lineages (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      project_id TEXT NOT NULL REFERENCES projects (id),
      kind TEXT NOT NULL CHECK (kind IN ('user', 'server')),
      name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
      created_at INTEGER NOT NULL,
      revoked_at INTEGER
    ) STRICT;
    INSERT INTO lineages VALUES(1,'acme','user','alice',1780000000,1780000100);
    INSERT INTO lineages VALUES(2,'acme','server','default',1780000000,NULL);
    CREATE TABLE certificates (
      authority_id INTEGER NOT NULL REFERENCES authorities (id),
      serial TEXT NOT NULL CHECK (serial NOT GLOB '*[^0-9a-f]*' AND length(serial) % 2 = 0
        AND length(serial) BETWEEN 2 AND 40 AND (serial NOT GLOB '00*')),
      lineage_id INTEGER NOT NULL REFERENCES lineages (id),
      certificate BLOB NOT NULL,
      key_file TEXT UNIQUE,
      not_before INTEGER NOT NULL,
      not_after INTEGER NOT NULL CHECK (not_after > not_before),
      created_at INTEGER NOT NULL,
      UNIQUE (authority_id, serial)
    ) STRICT;
    INSERT INTO certificates VALUES(2,'0c',1,X'3003',NULL,1780000000,1782592000,1780000000);
    INSERT INTO certificates VALUES(2,'0d',2,X'3004',NULL,1780000000,1782592000,1780000000);
    CREATE TABLE revocations (
      authority_id INTEGER NOT NULL REFERENCES authorities (id),
      serial TEXT NOT NULL CHECK (serial NOT GLOB '*[^0-9a-f]*' AND length(serial) % 2 = 0
        AND length(serial) BETWEEN 2 AND 40 AND (serial NOT GLOB '00*')),
      reason INTEGER NOT NULL CHECK (reason IN (0, 1, 2, 3, 4, 5, 6, 9, 10)),
      revoked_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (authority_id, serial)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO revocations VALUES(2,'0c',1,1780000100,1782592000);
    CREATE TABLE crls (
      authority_id INTEGER NOT NULL REFERENCES authorities (id),
      number INTEGER NOT NULL CHECK (number >= 1),
      this_update INTEGER NOT NULL,
      next_update INTEGER NOT NULL CHECK (next_update > this_update),
      crl BLOB NOT NULL,
      PRIMARY KEY (authority_id, number)
    ) STRICT;
    INSERT INTO crls VALUES(2,1,1780000100,1780604900,X'3005');
    CREATE TABLE key_pairs (
      name TEXT NOT NULL PRIMARY KEY CHECK (name = project_id || '-vpn'),
      project_id TEXT NOT NULL UNIQUE REFERENCES projects (id),
      type TEXT NOT NULL CHECK (type IN ('ed25519', 'rsa')),
      public_key TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      key_file TEXT NOT NULL UNIQUE,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO key_pairs VALUES('acme-vpn','acme','ed25519','ssh-ed25519 AAAA','SHA256:x','keys/acme-vpn.pem',1780000000);
    CREATE TABLE tunnel_keys (
      project_id TEXT NOT NULL PRIMARY KEY REFERENCES projects (id),
      key_file TEXT NOT NULL UNIQUE,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE stale_exports (
      project_id TEXT NOT NULL PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    INSERT INTO stale_exports VALUES('');
    INSERT INTO stale_exports VALUES('acme');
    INSERT INTO stale_exports VALUES('other');
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
    DELETE FROM sqlite_sequence;
    INSERT INTO sqlite_sequence VALUES('authorities',2);
    INSERT INTO sqlite_sequence VALUES('lineages',2);
    INSERT INTO sqlite_sequence VALUES('launches',1);
    CREATE INDEX networks_by_range ON networks (first_address, last_address);
    CREATE UNIQUE INDEX one_gateway_and_one_cloudpipe_a_network ON addresses (project_id, network, role)
      WHERE role IN ('gateway', 'cloudpipe');
    CREATE UNIQUE INDEX one_authority_a_generation ON authorities (ifnull(project_id, ''), generation);
    CREATE UNIQUE INDEX one_active_authority ON authorities (ifnull(project_id, '')) WHERE stage = 'active';
    CREATE UNIQUE INDEX one_next_authority ON authorities (ifnull(project_id, '')) WHERE stage = 'next';
    CREATE UNIQUE INDEX one_live_lineage ON lineages (project_id, kind, name) WHERE revoked_at IS NULL;
    CREATE INDEX lineages_by_name ON lineages (kind, name, project_id);
    CREATE INDEX certificates_by_lineage ON certificates (lineage_id, not_after);
    CREATE INDEX certificates_by_end ON certificates (not_after);
    CREATE INDEX images_by_recipe ON images (recipe, created_at);
    CREATE INDEX instances_by_image ON instances (image_id);
    CREATE UNIQUE INDEX one_open_launch ON launches (project_id, network) WHERE ended_at IS NULL;
    CREATE INDEX launches_by_project ON launches (project_id, network, id);
    CREATE TRIGGER networks_of_a_project_do_not_overlap BEFORE INSERT ON networks
    WHEN EXISTS (SELECT 1 FROM networks WHERE project_id = NEW.project_id
      AND first_address <= NEW.last_address AND last_address >= NEW.first_address)
    BEGIN SELECT RAISE (ABORT, 'another network of the project has some of these addresses'); END;
    CREATE TRIGGER networks_keep_their_addresses BEFORE UPDATE OF cidr, first_address, last_address ON networks
    BEGIN SELECT RAISE (ABORT, 'the addresses of a network are fixed'); END;
    CREATE TRIGGER crl_numbers_only_rise BEFORE UPDATE OF last_crl_number ON authorities
    WHEN NEW.last_crl_number < OLD.last_crl_number
    BEGIN SELECT RAISE (ABORT, 'a CRL number never goes back'); END;
    CREATE TRIGGER authorities_stay BEFORE DELETE ON authorities
    BEGIN SELECT RAISE (ABORT, 'certificates and CRLs are judged by it'); END;
    CREATE TRIGGER lineages_stay_revoked BEFORE UPDATE OF revoked_at ON lineages WHEN OLD.revoked_at IS NOT NULL
    BEGIN SELECT RAISE (ABORT, 'a revoked lineage stays revoked'); END;
    CREATE TRIGGER certificates_go_with_a_live_lineage BEFORE INSERT ON certificates
    WHEN (SELECT revoked_at FROM lineages WHERE id = NEW.lineage_id) IS NOT NULL
    BEGIN SELECT RAISE (ABORT, 'its lineage was revoked'); END;
    CREATE TRIGGER revocations_stay BEFORE DELETE ON revocations
    BEGIN SELECT RAISE (ABORT, 'what is revoked stays revoked'); END;
    CREATE TRIGGER revocations_are_final BEFORE UPDATE ON revocations
    BEGIN SELECT RAISE (ABORT, 'what is revoked stays revoked'); END;
    CREATE TRIGGER crls_have_a_number_that_was_handed_out BEFORE INSERT ON crls
    WHEN NEW.number IS NOT (SELECT last_crl_number FROM authorities WHERE id = NEW.authority_id)
    BEGIN SELECT RAISE (ABORT, 'its number is not the last one that was handed out'); END;
    CREATE TRIGGER authorities_are_exported AFTER INSERT ON authorities BEGIN
      INSERT OR IGNORE INTO stale_exports VALUES (ifnull(NEW.project_id, ''));
      INSERT OR IGNORE INTO stale_exports SELECT id FROM projects WHERE NEW.project_id IS NULL;
    END;
    CREATE TRIGGER authority_stages_are_exported AFTER UPDATE OF stage ON authorities BEGIN
      INSERT OR IGNORE INTO stale_exports VALUES (ifnull(NEW.project_id, ''));
      INSERT OR IGNORE INTO stale_exports SELECT id FROM projects WHERE NEW.project_id IS NULL;
    END;
    CREATE TRIGGER server_certificates_are_exported AFTER INSERT ON certificates
    WHEN (SELECT kind FROM lineages WHERE id = NEW.lineage_id) = 'server' BEGIN
      INSERT OR IGNORE INTO stale_exports SELECT project_id FROM lineages WHERE id = NEW.lineage_id;
    END;
    CREATE TRIGGER revoked_servers_are_exported AFTER UPDATE OF revoked_at ON lineages WHEN NEW.kind = 'server' BEGIN
      INSERT OR IGNORE INTO stale_exports VALUES (NEW.project_id);
    END;
    CREATE TRIGGER crls_are_exported AFTER INSERT ON crls BEGIN
      INSERT OR IGNORE INTO stale_exports
      SELECT ifnull(project_id, '') FROM authorities WHERE id = NEW.authority_id;
    END;
    CREATE TRIGGER removed_projects_are_exported AFTER DELETE ON projects BEGIN
      INSERT OR IGNORE INTO stale_exports VALUES (OLD.id);
    END;
    COMMIT;
    """#
}
