import GRDB

/// One transaction on the state, for as long as the closure runs that it is handed to. Each property is the repository
/// of one noun.
public struct Transaction {
  let db: Database
  let keys: KeyStore

  public var projects: Projects { Projects(db: db) }
  public var networks: Networks { Networks(db: db) }
  public var addresses: Addresses { Addresses(db: db) }
  public var attachments: Attachments { Attachments(db: db) }
  public var publicPorts: PublicPorts { PublicPorts(db: db) }
  public var authorities: Authorities { Authorities(db: db, keys: keys) }
  public var lineages: Lineages { Lineages(db: db) }
  public var certificates: Certificates { Certificates(db: db, keys: keys) }
  public var revocations: Revocations { Revocations(db: db) }
  public var crls: CRLs { CRLs(db: db) }
  public var keyPairs: KeyPairs { KeyPairs(db: db, keys: keys) }
  public var tunnelKeys: TunnelKeys { TunnelKeys(db: db, keys: keys) }
  public var images: Images { Images(db: db) }
  public var instances: Instances { Instances(db: db) }
  public var launches: Launches { Launches(db: db) }
}
