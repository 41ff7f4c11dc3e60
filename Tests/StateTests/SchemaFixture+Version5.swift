extension SchemaFixture {
  /// Version 4's, and what its migration changed.
  static let version5 =
    version4 + #"""

      BEGIN TRANSACTION;
      INSERT INTO grdb_migrations VALUES('5');
      CREATE INDEX authorities_in_overview ON authorities (ifnull(project_id, ''), generation DESC, project_id, stage,
        issuer_id, serial, key_type, key_is_encrypted, not_before, not_after, crl_due_at) WHERE stage <> 'retired';
      DROP INDEX authorities_by_crl_due;
      CREATE INDEX authorities_by_crl_due ON authorities (crl_due_at) WHERE stage <> 'retired' AND key_file IS NOT NULL;
      DROP INDEX networks_by_range;
      UPDATE launch_steps SET position = position + 100 WHERE name IN ('public port', 'cloud network', 'payload', 'boot');
      UPDATE launch_steps SET position = CASE name WHEN 'cloud network' THEN 5 WHEN 'payload' THEN 6 WHEN 'boot' THEN 7
        ELSE 8 END WHERE position >= 100;
      COMMIT;
      """#
}
