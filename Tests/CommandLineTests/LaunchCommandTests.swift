import Foundation
import Host
import SystemPackage
import Testing

@Suite("cpbuild launch, by its command line") struct LaunchCommandTests {
  private struct Entry: Decodable {
    let network: String
    let error: String?
  }

  @Test("every network that is named is tried, and the document and the exit status say what failed")
  func networks() async throws {
    try await withTemporaryFolder { folder in
      let command = ["launch", "acme", "--network", "lab", "--network", "office", "--network", "lab", "--json"]
      let output = try await Binary.run(command, environment: home(folder), folder: folder)
      #expect(output.status == 2)
      let entries = try JSONDecoder().decode([Entry].self, from: Data(output.stdout.utf8))
      #expect(entries.map(\.network) == ["lab", "office"])
      #expect(entries.allSatisfy { $0.error?.contains("there is no image") == true })
    }
  }

  @Test(
    "what only one network can have isn't taken for several",
    arguments: ["--cidr", "--cidr6", "--address", "--port"])
  func once(option: String) async throws {
    let output = try await Binary.run(["launch", "acme", "--network", "lab", "--network", "office", option, "1"])
    #expect(output.status == 64 && output.stderrTail.contains("are of one network"))
  }

  @Test("--os-cloud is --cloud", arguments: [["launch", "acme"], ["image", "list"]])
  func osCloud(command: [String]) async throws {
    try await withTemporaryFolder { folder in
      let environment = home(folder).merging(["HOME": folder.string]) { $1 }
      for option in ["--cloud", "--os-cloud"] {
        let output = try await Binary.run(command + [option, "nosuch"], environment: environment, folder: folder)
        #expect(output.status == 2 && output.stderrTail.contains("nosuch"), "\(output.stderrTail)")
      }
    }
  }

  @Test("a network whose name is none here is told to be named by its id")
  func name() async throws {
    let output = try await Binary.run(["launch", "acme", "--cloud", "mycloud", "--network", "Lab Net"])
    #expect(output.status == 64 && output.stderrTail.contains("its id, which 'openstack network list' shows"))
  }

  @Test("terminate names the network that has no cloudpipe")
  func terminate() async throws {
    try await withTemporaryFolder { folder in
      let output = try await Binary.run(
        ["terminate", "acme", "--network", "typo"], environment: home(folder), folder: folder)
      #expect(output.status == 0 && output.stdout == "acme has no cloudpipe on the network typo\n")
    }
  }

  private func home(_ folder: FilePath) -> [String: String?] { ["CPBUILD_HOME": folder.appending("home").string] }
}
