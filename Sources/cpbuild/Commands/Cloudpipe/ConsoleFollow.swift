import Clouds
import State

/// Looks at an instance's console until the instance is gone.
struct ConsoleFollow {
  let cloud: any Cloud
  let id: NetworkID
  var wait: (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

  /// Hands over what is said after `said`, each line once.
  func run(after said: String, _ more: (String) throws -> Void) async throws {
    var said = said
    while true {
      try await wait(cloud.consoleInterval)
      let console = try await cloud.wholeConsole(of: id)
      let news = ConsoleNews.news(in: console, after: said)
      if !news.isEmpty { try more(news) }
      // An instance that is being made anew has none for a while.
      if !console.isEmpty { said = console }
      if news.isEmpty, try await cloud.condition(of: id).state != .running { return }
    }
  }
}
