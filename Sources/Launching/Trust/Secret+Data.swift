import Foundation
import Trust

extension Secret {
  /// A copy, for what takes nothing else: it isn't wiped when it goes.
  var data: Data { withUnsafeBytes { Data($0) } }
}
