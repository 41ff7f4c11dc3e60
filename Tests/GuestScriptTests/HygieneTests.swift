import Foundation
import Testing

@Suite("the guest's scripts")
struct HygieneTests {
  @Test("pass shellcheck as POSIX sh, and parse in dash")
  func shellcheck() throws {
    let scripts = try Repository.scripts()
    #expect(scripts.count >= 24)
    let outcome = try Shell.run(["shellcheck", "--shell=sh"] + scripts)
    #expect(outcome.succeeded, "\(outcome)")
    for script in scripts {
      let outcome = try Shell.run(["dash", "-n", script])
      #expect(outcome.succeeded, "\(script): \(outcome)")
    }
  }

  @Test("stop at the first error and at the first variable that isn't set")
  func strict() throws {
    for script in try Repository.scripts() {
      let text = try String(contentsOfFile: script, encoding: .utf8)
      #expect(text.contains("\nset -eu\n"), "\(script)")
    }
  }

  @Test("use no program that a minimal guest lacks or that crashes there")
  func noAbsentPrograms() throws {
    for script in try Repository.scripts() {
      let code = try String(contentsOfFile: script, encoding: .utf8).split(separator: "\n")
        .filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("#") }.joined(separator: "\n")
      for word in ["ifconfig ", "netstat", "brctl", "busybox wget", "python", "perl ", "curl ", "sudo", "eval "] {
        // Debian's and Ubuntu's perl-base is essential, and nothing else in the image can reseed the kernel.
        if word == "perl " && script.hasSuffix("/identity") { continue }
        #expect(!code.contains(word), "\(script) uses \(word)")
      }
    }
  }
}
