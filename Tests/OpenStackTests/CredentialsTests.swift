import Foundation
import Host
import SystemPackage
import Testing

@testable import OpenStack

@Suite("Logging in") struct CredentialsTests {
  /// Runs `body` with a folder that holds these files.
  private func with(
    _ files: [String: String], _ variables: [String: String] = [:],
    _ body: (CloudsFile.Surroundings) throws -> Void
  ) throws {
    let folder = try Folder.makeTemporary("clouds")
    defer { try? Folder.remove(folder) }
    for (name, text) in files { try AtomicFile.write(text, to: folder.appending(name)) }
    let environment = variables.merging(["HOME": folder.appending("home").string]) { first, _ in first }
    try body(CloudsFile.Surroundings(environment: environment, workingFolder: folder))
  }

  private static let clouds = """
    clouds:
      one:
        region_name: north
        interface: internal
        cacert: ca.pem
        auth: {auth_url: "https://one.example:5000", username: u, project_name: p, user_domain_name: D}
      two:
        auth_type: v3applicationcredential
        some_option: [1, 2]
        auth: {auth_url: "https://two.example/identity/v3/", application_credential_id: abc}
    """

  @Test("secure.yaml is laid over clouds.yaml, and what isn't known is passed over")
  func secure() throws {
    let secure = """
      clouds:
        one: {auth: {password: one-secret}}
        two: {auth: {application_credential_secret: two-secret}}
      """
    try with(["clouds.yaml": Self.clouds, "secure.yaml": secure]) { surroundings in
      let one = try CloudAccess.find("one", in: surroundings)
      #expect(one.authURL == "https://one.example:5000/v3" && one.region == "north" && one.interface == .internal)
      #expect(one.caFile == surroundings.workingFolder.appending("ca.pem"))
      guard case .password(let user, let password) = one.method else { throw Unexpected() }
      #expect(user == .init(name: "u", domainName: "D") && password == "one-secret")
      #expect(one.project == .init(name: "p", domainID: "default"))
      let two = try CloudAccess.find("two", in: surroundings)
      #expect(two.authURL == "https://two.example/identity/v3" && two.project == nil)
      guard case .applicationCredential("abc", _, _, "two-secret") = two.method else { throw Unexpected() }
    }
  }

  @Test("OS_CLOUD names a cloud, and without one the OS_ variables are one")
  func variables() throws {
    let variables = [
      "OS_AUTH_URL": "http://keystone:5000/v2.0", "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_TENANT_NAME": "t",
    ]
    try with([:], variables) { surroundings in
      let access = try CloudAccess.find(nil, in: surroundings)
      #expect(access.name == "envvars" && access.authURL == "http://keystone:5000/v3")
      #expect(access.project == .init(name: "t", domainID: "default"))
    }
    try with(["clouds.yaml": Self.clouds], ["OS_CLOUD": "three"]) { surroundings in
      let error = #expect(throws: OpenStackError.self) { try CloudAccess.find(nil, in: surroundings) }
      #expect(error.map { "\($0)" }?.contains("no cloud three") == true)
      #expect(error.map { "\($0)" }?.contains("one, two") == true)
    }
  }

  @Test(
    "a token is a method, and what is missing is named",
    arguments: [
      ("{token: t, project_id: p}", nil), ("{password: s, username: u}", "project_name isn't given"),
      ("{username: u, project_name: p}", "password isn't given"),
      ("{password: s, project_name: p}", "username isn't given"),
    ] as [(String, String?)])
  func methods(auth: String, complaint: String?) throws {
    let text = "clouds: {c: {auth: \(auth.dropLast()), auth_url: 'http://k'}}}"
    try with(["clouds.yaml": text]) { surroundings in
      guard let complaint else { return _ = try CloudAccess.find("c", in: surroundings) }
      let error = #expect(throws: OpenStackError.self) { try CloudAccess.find("c", in: surroundings) }
      #expect(error.map { "\($0)" }?.contains(complaint) == true)
    }
  }

  @Test("numbers and truth values are taken as they are written")
  func unquoted() throws {
    let text = """
      clouds:
        429:
          verify: false
          auth: {auth_url: 'http://k', username: u, password: 12345678, project_id: 11112222333344445555666677778888, user_id: ~}
      """
    try with(["clouds.yaml": text]) { surroundings in
      let access = try CloudAccess.find("429", in: surroundings)
      guard case .password(let user, let password) = access.method else { throw Unexpected() }
      #expect(user == .init(name: "u", domainID: "default") && password == "12345678")
      #expect(access.project == .init(id: "11112222333344445555666677778888") && !access.verifiesCertificates)
    }
  }

  @Test("a proxy's user and password are given to it, and shown to nobody")
  func proxy() throws {
    let variables = ["OS_CLOUD": "one", "https_proxy": "http://me:s%40cret@proxy.example:3128"]
    try with(["clouds.yaml": Self.clouds, "secure.yaml": "clouds: {one: {auth: {password: p}}}"], variables) {
      let access = try CloudAccess.find(nil, in: $0)
      #expect(access.proxy == HTTPProxyAddress(host: "proxy.example", port: 3128, user: "me", password: "s@cret"))
    }
  }

  @Test("a version behind an endpoint is no part of it where the API's paths begin with one")
  func endpoints() {
    for (service, url, bare) in [
      (.image, "https://g/image/v2", "https://g/image"), (.network, "https://n:9696/v2.0", "https://n:9696"),
      (.network, "https://n/v2.0/x", "https://n/v2.0/x"), (.compute, "https://c/v2.1", "https://c/v2.1"),
    ] as [(ServiceType, String, String)] {
      #expect(service.unversioned(url) == bare)
    }
  }

  @Test("a CA bundle that can't be read is named", arguments: [nil, "no certificate"])
  func badBundle(text: String?) throws {
    try with(text.map { ["ca.pem": $0] } ?? [:]) { surroundings in
      var access = CloudAccess(name: "one", authURL: "https://one.example", method: .token("t"), project: nil)
      access.caFile = surroundings.workingFolder.appending("ca.pem")
      let error = #expect(throws: OpenStackError.self) { try Session(access) }
      #expect(error.map { "\($0)" }?.contains("/ca.pem, which is its cacert") == true)
    }
  }

  private struct Unexpected: Error {}
}
