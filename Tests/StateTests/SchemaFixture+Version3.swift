extension SchemaFixture {
  /// Version 2's, and what its migration added.
  static let version3 =
    version2 + #"""

      BEGIN TRANSACTION;
      INSERT INTO grdb_migrations VALUES('3');
      -- A project authority's self-signed form, in DER: stored, since another signature would be another anchor. Null for
      -- a root, and for an authority from before this version until it is used again.
      ALTER TABLE authorities ADD COLUMN anchor BLOB;

      -- When two thirds of the newest CRL's life are over; 0 without one. A column, so that any command can ask what is due
      -- without reading every project's CRL.
      ALTER TABLE authorities ADD COLUMN crl_due_at INTEGER NOT NULL DEFAULT 0;
      UPDATE authorities SET crl_due_at = ifnull((SELECT this_update + (next_update - this_update) * 2 / 3 FROM crls
        WHERE authority_id = authorities.id AND number = last_crl_number), 0);
      CREATE INDEX authorities_by_crl_due ON authorities (crl_due_at) WHERE stage <> 'retired';
      CREATE TRIGGER crls_tell_when_the_next_is_due AFTER INSERT ON crls BEGIN
        UPDATE authorities SET crl_due_at = NEW.this_update + (NEW.next_update - NEW.this_update) * 2 / 3
          WHERE id = NEW.authority_id;
      END;

      CREATE INDEX authorities_by_end ON authorities (not_after, not_before) WHERE stage <> 'retired';
      CREATE INDEX authorities_by_issuer ON authorities (issuer_id);

      -- Earlier certificates of an authority, of the same name and key: as long as their issuer is trusted they are as
      -- good as the present one, and so have to be revoked with it.
      CREATE TABLE superseded_certificates (
        issuer_id INTEGER NOT NULL REFERENCES authorities (id),
        serial TEXT NOT NULL CHECK (serial NOT GLOB '*[^0-9a-f]*' AND length(serial) % 2 = 0
          AND length(serial) BETWEEN 2 AND 40 AND (serial NOT GLOB '00*')),
        authority_id INTEGER NOT NULL REFERENCES authorities (id),
        not_after INTEGER NOT NULL,
        superseded_at INTEGER NOT NULL,
        PRIMARY KEY (issuer_id, serial)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX superseded_certificates_by_authority ON superseded_certificates (authority_id);

      CREATE TRIGGER authority_certificates_are_exported AFTER UPDATE OF certificate, anchor ON authorities BEGIN
        INSERT OR IGNORE INTO stale_exports VALUES (ifnull(NEW.project_id, ''));
      END;
      COMMIT;
      """#
}
