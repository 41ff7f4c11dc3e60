import Dispatch
import Testing

@testable import ImageBuilding

@Suite struct WatchdogTests {
  fileprivate static let stall = GuestError.stalled(call: "mount /dev/sda3", seconds: Watchdog.seconds)

  @Test("a call that would never come back is ended")
  func endless() {
    let ended = DispatchSemaphore(value: 0)
    let watchdog = Watchdog(patience: .milliseconds(20)) { ended.signal() }
    watchdog.watch { ended.wait() }
    #expect(watchdog.hasBitten)
  }

  @Test("a call that comes back keeps its answer, and nothing is ended afterwards")
  func quick() {
    let ended = DispatchSemaphore(value: 0)
    let watchdog = Watchdog(patience: .seconds(2)) { ended.signal() }
    #expect(watchdog.watch { 7 } == 7)
    #expect(ended.wait(timeout: .now() + .seconds(3)) == .timedOut)
    #expect(!watchdog.hasBitten)
  }

  @Test("a build whose appliance stalled begins once more, after what it left is cleared away")
  func secondAttempt() async throws {
    var steps: [String] = []
    let answer = try await Watchdog.upToTwice {
      steps.append("build")
      if steps.count == 1 { throw Self.stall }
      return "image"
    } between: { error in
      #expect(error == Self.stall)
      steps.append("clear")
    }
    #expect(answer == "image")
    #expect(steps == ["build", "clear", "build"])
  }

  @Test(
    "a second stall is the build's error, and so is any other the first time",
    arguments: [
      (WatchdogTests.stall, 2), (GuestError.call(call: "mount /dev/sda3", reason: "no such device"), 1),
      (.appliance(reason: "no kernel"), 1),
    ])
  func givingUp(_ error: GuestError, attempts: Int) async {
    var builds = 0
    await #expect(throws: error) {
      try await Watchdog.upToTwice {
        builds += 1
        throw error
      } between: { _ in
      }
    }
    #expect(builds == attempts)
  }
}
