/// Indexes that answer by themselves, where the rows with their certificates are many pages more; and the public port's
/// place among the steps of a launch, which is behind the boot now.
enum SchemaVersion5 {
  static let sql = """
    CREATE INDEX authorities_in_overview ON authorities (ifnull(project_id, ''), generation DESC, project_id, stage,
      issuer_id, serial, key_type, key_is_encrypted, not_before, not_after, crl_due_at) WHERE stage <> 'retired';

    -- Of those that can sign one at all.
    DROP INDEX authorities_by_crl_due;
    CREATE INDEX authorities_by_crl_due ON authorities (crl_due_at) WHERE stage <> 'retired' AND key_file IS NOT NULL;
    -- Nobody looks for a range in the networks of all projects.
    DROP INDEX networks_by_range;

    -- Out of the way first, since no two steps of a launch may ever have one place.
    UPDATE launch_steps SET position = position + 100 WHERE name IN ('public port', 'cloud network', 'payload', 'boot');
    UPDATE launch_steps SET position = CASE name WHEN 'cloud network' THEN 5 WHEN 'payload' THEN 6 WHEN 'boot' THEN 7
      ELSE 8 END WHERE position >= 100;
    """
}
