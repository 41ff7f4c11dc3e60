/// The version of cpbuild, as `--version` and manifests state it.
enum Version {
  /// Semantic Versioning 2.0.0.
  static let number = "0.1.0"
}
