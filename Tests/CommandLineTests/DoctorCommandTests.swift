import Foundation
import Host
import SystemPackage
import Testing

@testable import cpbuild

@Suite struct DoctorCommandTests {
  /// The document as docs/json.md describes it, read by hand so that a renamed field is noticed.
  private struct Document: Decodable {
    struct Check: Decodable {
      let name: String
      let status: String
      let found: String
      let remedy: String?
    }
    let ok: Bool
    let checks: [Check]
  }

  @Test("doctor --json is one document of the documented shape, and its exit status is its verdict")
  func document() async throws {
    try await withTemporaryFolder { folder in
      let output = try await Binary.run(["doctor", "--json", "--home", folder.string, "--out", folder.string])
      let document = try JSONDecoder().decode(Document.self, from: Data(output.stdout.utf8))
      #expect(output.status == (document.ok ? 0 : 4))
      #expect(document.ok == !document.checks.contains { $0.status == "failure" })
      let names = document.checks.map(\.name)
      for name in ["accelerator", "appliance", "qemu-system-x86_64", "apt sources", "tunnel device", "namespaces"] {
        #expect(names.contains(name))
      }
      for check in document.checks {
        #expect(["ok", "warning", "failure"].contains(check.status))
        #expect((check.status == "ok") == (check.remedy == nil))
      }
    }
  }

  @Test("a missing tool makes the exit status 4, and the remedy names its package")
  func missingTool() async throws {
    try await withTemporaryFolder { folder in
      // A PATH with everything but mmdebstrap.
      let script = """
        mkdir "$2/bin"
        for f in /usr/sbin/* /usr/bin/*; do n=${f##*/}; [ "$n" = mmdebstrap ] || ln -sf "$f" "$2/bin/$n"; done
        PATH="$2/bin" "$1" doctor --home "$2" --out "$2"
        """
      let output = try await Command(
        "sh", ["-c", script, "sh", try Binary.path.string, folder.string], environment: ["CPBUILD_ACCEL": "tcg"]
      ).output()
      #expect(output.status == 4)
      #expect(output.stdout.contains("mmdebstrap: install it with 'apt-get install mmdebstrap'"))
    }
  }

  @Test("a failure is in the table, with its remedy below and in the verdict")
  func text() {
    let report = DoctorReport([
      Doctor.Result(check: "a", finding: .ok("fine")),
      Doctor.Result(check: "b", finding: .failure("gone\u{1B}", remedy: "bring it")),
    ])
    #expect(!report.ok)
    #expect(
      report.text(width: nil) == """
        STATUS   CHECK  FOUND
        ok       a      fine
        failure  b      gone\\u{1b}

        b: bring it

        1 of 2 checks failed

        """)
  }
}
