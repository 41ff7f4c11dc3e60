/// Numbers as people read them, the same in every locale.
enum Quantity {
  /// Decimal units, as disks and `ls --si` have them: `0 B`, `999 B`, `1.0 kB`, `15.4 MB`, `153 MB`.
  static func bytes(_ count: UInt64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(count)
    var unit = 0
    // 999.5 would be printed as 1000.
    while value >= 999.5 && unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return (unit == 0 || value >= 99.95 ? String(Int(value.rounded())) : tenths(value)) + " " + units[unit]
  }

  /// `0.4 s`, `12.3 s`, `1 min 05 s`, `2 h 07 min`.
  static func seconds(_ seconds: Double) -> String {
    // What comes from a clock that jumped is no reason to trap in a conversion.
    let seconds = seconds.isFinite ? min(max(seconds, 0), 1e9) : 0
    if seconds < 59.95 { return tenths(seconds) + " s" }
    let whole = Int(seconds.rounded())
    return whole < 3600
      ? "\(whole / 60) min \(twoDigits(whole % 60)) s" : "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
  }

  private static func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
}

extension Duration {
  /// The same in seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
