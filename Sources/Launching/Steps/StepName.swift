/// The steps of a launch, in the order in which they are made; they are undone in the opposite one.
///
/// The names are what the journal holds and what people read. A step's place here is its place in the journal: another
/// order takes a migration of the journals that are open.
enum StepName: String, CaseIterable, Sendable {
  case image
  case trust = "certificates"
  case keyPair = "key pair"
  case securityGroup = "security group"
  case network
  case cloudNetwork = "cloud network"
  case payload
  case boot
  // The public side is made while the instance boots.
  case port = "public port"
  case publish
  case answer

  var position: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// Who knows how it is undone.
  var type: any ReversibleStep.Type {
    switch self {
    case .image: ImageStep.self
    case .network: NetworkStep.self
    case .port: PortStep.self
    case .trust: TrustStep.self
    case .keyPair: KeyPairStep.self
    case .securityGroup: SecurityGroupStep.self
    case .cloudNetwork: CloudNetworkStep.self
    case .payload: PayloadStep.self
    case .boot: BootStep.self
    case .publish: PublishStep.self
    case .answer: AnswerStep.self
    }
  }
}
