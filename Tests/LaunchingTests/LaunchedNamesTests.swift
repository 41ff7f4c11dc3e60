import Launching
import Names
import State
import Testing

@Suite("What a launch calls things")
struct LaunchedNamesTests {
  @Test("the standard network's instance has the original cloudpipe's name")
  func standard() throws {
    #expect(LaunchedNames.instance(of: NetworkID(project: try ProjectID("acme"), name: .standard)) == "acme-vpn")
  }

  @Test("the instances of other networks are named after them")
  func other() throws {
    let id = NetworkID(project: try ProjectID("acme"), name: try NetworkName("lab"))
    #expect(LaunchedNames.instance(of: id) == "acme-lab-vpn")
  }
}
