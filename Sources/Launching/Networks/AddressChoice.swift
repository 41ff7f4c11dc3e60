import Names

/// Which networks are still free, as values.
enum AddressChoice {
  /// How far apart networks are while there is room: the default ones are 10.1.0.0/24, 10.2.0.0/24 and so on.
  private static let stride = 16

  /// A network of `range` that overlaps none of those `taken`: the first of each /16 before the second of any, since
  /// people remember those. The range's very first is left alone where there are others, as it is what most machines and
  /// home routers have.
  ///
  /// - Returns: nil when none is left.
  static func free(in range: IPv4Network, prefixLength: Int, taken: [IPv4Network]) -> IPv4Network? {
    guard (range.prefixLength...32).contains(prefixLength) else { return nil }
    let group = min(max(range.prefixLength, stride), prefixLength)
    let (groups, inGroup) = (1 << (group - range.prefixLength), 1 << (prefixLength - group))
    let blocked = Blocked(taken.filter { $0.overlaps(range) })
    let order = groups > 1 ? Array(1..<groups) + [0] : [0]
    for inner in 0..<inGroup {
      for outer in order {
        let offset = outer << (32 - group) + inner << (32 - prefixLength)
        guard let address = range.address.advanced(by: offset),
          let candidate = IPv4Network(containing: address, prefixLength: prefixLength)
        else { return nil }
        if !blocked.overlaps(candidate) { return candidate }
      }
    }
    return nil
  }

  /// Networks put into an order in which one that overlaps another is found fast: a machine may have thousands.
  private struct Blocked {
    /// Sorted, and none touching the next.
    private var spans: [ClosedRange<IPv4Address>] = []

    init(_ networks: [IPv4Network]) {
      for network in networks.sorted() {
        if let last = spans.last, network.address <= last.upperBound {
          spans[spans.count - 1] = last.lowerBound...max(last.upperBound, network.last)
        } else {
          spans.append(network.address...network.last)
        }
      }
    }

    func overlaps(_ network: IPv4Network) -> Bool {
      var (low, high) = (0, spans.count)
      while low < high {
        let middle = (low + high) / 2
        if spans[middle].upperBound < network.address { low = middle + 1 } else { high = middle }
      }
      return low < spans.count && spans[low].lowerBound <= network.last
    }
  }
}
