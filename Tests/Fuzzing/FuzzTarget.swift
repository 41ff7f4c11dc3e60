/// A parser of outside bytes, and how to make inputs for it.
public struct FuzzTarget {
  public let name: String
  /// Makes one input. Called with a generator that depends on the seed and the number of the input alone.
  let make: (inout SeededGenerator) -> [UInt8]
  /// Hands the input to the parser and checks what it promises; see ``Verdict``.
  let judge: ([UInt8]) throws -> Verdict
  /// Of a run's inputs, how many this target gets, relative to the others: slow parsers get few.
  public let weight: Int
  /// By how much the process may grow over a run's last three quarters, in bytes.
  public let growthLimit: Int

  /// What a parser may do with an input. Anything else — another error, a trap, a hang — is a finding.
  public enum Verdict {
    case accepted
    /// It threw the error that it documents.
    case refused
  }

  init(
    _ name: String, weight: Int = 100, growthLimit: Int = 16 << 20,
    make: @escaping (inout SeededGenerator) -> [UInt8], judge: @escaping ([UInt8]) throws -> Verdict
  ) {
    self.name = name
    self.weight = weight
    self.growthLimit = growthLimit
    self.make = make
    self.judge = judge
  }

  /// Inputs that are damaged samples, and now and then a sample itself.
  init(
    _ name: String, weight: Int = 100, samples: [[UInt8]], mutator: Mutator,
    judge: @escaping ([UInt8]) throws -> Verdict
  ) {
    self.init(name, weight: weight, make: { mutator.damaged(samples, &$0) }, judge: judge)
  }
}

/// A parser that did what it promises not to do.
public struct FuzzFinding: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// Runs a parser: what it reads is accepted, an error of type `Refusal` is a refusal, and any other one is a finding.
func verdict<Refusal: Error>(_ refusal: Refusal.Type, _ body: () throws -> Void) throws -> FuzzTarget.Verdict {
  do {
    try body()
    return .accepted
  } catch is Refusal {
    return .refused
  } catch let finding as FuzzFinding {
    throw finding
  } catch {
    throw FuzzFinding("it threw \(type(of: error)), which isn't a \(Refusal.self): \(error)")
  }
}

/// Checks something that the parser promises about what it accepted.
func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws {
  guard holds else { throw FuzzFinding("broken promise: \(promise())") }
}
