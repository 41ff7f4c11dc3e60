/// Indexes that answer by themselves, where the rows with their certificates are many pages more.
enum SchemaVersion5 {
  static let sql = """
    CREATE INDEX authorities_in_overview ON authorities (ifnull(project_id, ''), generation DESC, project_id, stage,
      issuer_id, serial, key_type, key_is_encrypted, not_before, not_after, crl_due_at) WHERE stage <> 'retired';

    -- Of those that can sign one at all.
    DROP INDEX authorities_by_crl_due;
    CREATE INDEX authorities_by_crl_due ON authorities (crl_due_at) WHERE stage <> 'retired' AND key_file IS NOT NULL;
    """
}
