import Foundation
public import Glibc

/// The processes that this one started, as /proc shows them (proc(5)).
public enum ChildProcesses {
  /// One child: its id and its command line, arguments separated by spaces.
  public struct Child: Sendable {
    public let id: pid_t
    public let commandLine: String
  }

  /// Every live child of this process, whichever thread started it.
  public static func ofThisProcess() -> [Child] {
    let tasks = "/proc/self/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
    return threads.flatMap { thread -> [Child] in
      let list = (try? String(contentsOfFile: "\(tasks)/\(thread)/children", encoding: .utf8)) ?? ""
      return list.split(separator: " ").compactMap { word in
        guard let id = pid_t(word.trimmingCharacters(in: .whitespacesAndNewlines)),
          let line = try? Data(contentsOf: URL(filePath: "/proc/\(id)/cmdline"))
        else { return nil }
        return Child(id: id, commandLine: String(decoding: line.map { $0 == 0 ? 32 : $0 }, as: UTF8.self))
      }
    }
  }
}
