import Foundation
import Testing

@Suite("unpack-payload", .ownThreads)
struct UnpackTests {
  private let unpack = "/usr/local/lib/cloudpipe/unpack-payload"

  @Test("accepts a plain zip and one that is base64-encoded once or twice")
  func encodings() throws {
    try withGuest { guest throws in
      try guest.check("cd /tmp && python3 /tmp/fixture/archive.py plain zip0")
      try guest.check("cd /tmp && base64 zip0 >zip1 && base64 -w0 zip1 >zip2 && base64 zip2 >zip3")
      for times in 0...2 {
        try guest.check("\(unpack) /tmp/zip\(times) /tmp/out\(times)")
        #expect(guest.read("/tmp/out\(times)/autorun.sh") == "exit 0\n")
        #expect(try guest.check("stat -c %a /tmp/out\(times) /tmp/out\(times)/settings") == "700\n600\n")
      }
      let thrice = try guest.run("\(unpack) /tmp/zip3 /tmp/out3")
      #expect(!thrice.succeeded && thrice.output.contains("neither a zip nor base64 of one"), "\(thrice)")
    }
  }

  @Test("takes as many files as it says, and not one more")
  func limit() throws {
    try withGuest { guest throws in
      try guest.check("python3 /tmp/fixture/archive.py most /tmp/most && \(unpack) /tmp/most /tmp/out")
      #expect(try guest.check("ls /tmp/out | wc -l") == "32\n")
    }
  }

  @Test("refuses every archive that a payload must not be, says so, and writes nothing beside its folder")
  func hostile() throws {
    let refused = [
      "absolute": "unsafe name", "parent": "unsafe name", "inner-parent": "unsafe name", "symlink": "no plain file",
      "fifo": "no plain file", "folder": "no plain file", "bomb": "more than 1048576 bytes",
      "bomb-of-many": "more than 1048576 bytes", "lying-bomb": "larger than it says", "duplicate": "a name twice",
      "many": "more than 32 entries", "space": "unsafe name", "newline": "unsafe name", "dash": "unsafe name",
      "hidden": "unsafe name", "wildcard": "unsafe name", "truncated": "damaged", "no-directory": "damaged",
      "corrupt": "damaged", "prefixed": "neither a zip", "garbage": "neither a zip",
      "nothing": "neither a zip", "empty": "damaged",
    ]
    try withGuest { guest throws in
      for (kind, reason) in refused.sorted(by: { $0.key < $1.key }) {
        try guest.check("mkdir /tmp/\(kind) && python3 /tmp/fixture/archive.py \(kind) /tmp/\(kind)/zip")
        for coding in ["cat", "base64"] {
          try guest.check("\(coding) </tmp/\(kind)/zip >/tmp/\(kind)/payload")
          let outcome = try guest.run(
            "cd /tmp/\(kind) && TMPDIR=/tmp/\(kind) \(unpack) payload out; s=$?; rm -rf out; ls; exit $s")
          #expect(outcome.status == 1, "\(kind): \(outcome)")
          #expect(outcome.output.contains("payload refused: "), "\(kind): \(outcome)")
          #expect(outcome.output.contains(reason), "\(kind): \(outcome)")
          #expect(outcome.output.hasSuffix("\npayload\nzip\n"), "\(kind) left something: \(outcome)")
        }
      }
      #expect(try guest.run("ls /etc/owned /tmp/owned /owned").status == 2)
    }
  }
}
