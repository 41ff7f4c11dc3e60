import Names
import OpenStack

extension OpenStackCloud {
  public func makeSecurityGroup(_ group: SecurityGroup) async throws {
    let mark = OpenStackMark(subject: group.name)
    let found = try await session.converge {
      try await self.group(named: group.name)
    } make: {
      try await neutron.make(
        .securityGroups, "security_group", NamedRequest(name: group.name, description: mark.description),
        doing: "make the security group \(group.name)")
    }
    guard found.description == mark.description else {
      throw OpenStackError.notOurs(
        what: "a security group \(group.name)",
        remedy: "remove or rename it with 'openstack security group delete|set \(found.id)'")
    }
    if found.tags?.contains(mark.tag) != true {
      try await neutron.tag(.securityGroups, found.id, mark.tags, doing: "tag the security group \(group.name)")
    }
    try await make(group.rules, of: found, named: group.name)
  }

  public func hasSecurityGroup(named name: String) async throws -> Bool {
    try await groups(named: name).contains { $0.description == OpenStackMark(subject: name).description }
  }

  public func removeSecurityGroup(named name: String) async throws {
    // Neutron allows several of a name; a request that came late may have made a second one.
    for group in try await groups(named: name) where group.description == OpenStackMark(subject: name).description {
      try await neutron.remove(.securityGroups, group.id, doing: "remove the security group \(name)")
    }
  }

  /// The project's group of that name: ours where there are several.
  func group(named name: String) async throws -> SecurityGroupRecord? {
    let all = try await groups(named: name)
    return all.first { $0.description == OpenStackMark(subject: name).description } ?? all.first
  }

  private func groups(named name: String) async throws -> [SecurityGroupRecord] {
    let project = try await session.standing.project
    return try await neutron.all(
      .securityGroups, [("name", name), ("project_id", project)], doing: "look for the security group \(name)")
  }

  /// Exactly these rules of those for what comes in; what goes out stays as the cloud lets it.
  private func make(_ rules: [SecurityGroup.Rule], of group: SecurityGroupRecord, named name: String) async throws {
    let incoming = group.securityGroupRules.filter { $0.direction == "ingress" }
    for rule in incoming where !rules.contains(where: { $0.isSame(as: rule) }) {
      try await neutron.remove(.securityGroupRules, rule.id, doing: "remove a rule of the security group \(name)")
    }
    let missing = rules.filter { rule in !incoming.contains { rule.isSame(as: $0) } }
    guard !missing.isEmpty else { return }
    // Neutron makes all of a list or none.
    let request = missing.map { rule in
      SecurityGroupRuleRequest(
        group: group.id, protocol: rule.transport.rawValue, ports: rule.ports, source: rule.source.text)
    }
    let _: [SecurityGroupRecord.Rule] = try await session.converge {
      // It has no rule twice: another launch of the project may have made them since the group was looked for.
      let all: [SecurityGroupRecord.Rule] = try await neutron.all(
        .securityGroupRules, [("security_group_id", group.id)], doing: "list the rules of \(name)")
      return missing.allSatisfy { rule in all.contains { rule.isSame(as: $0) } } ? all : nil
    } make: {
      try await neutron.make(
        .securityGroupRules, "security_group_rules", request, doing: "add rules to the security group \(name)")
    }
  }
}

extension SecurityGroup.Rule {
  func isSame(as record: SecurityGroupRecord.Rule) -> Bool {
    let anywhere = source.prefixLength == 0 && record.remoteIpPrefix == nil
    return record.direction == "ingress" && record.ethertype == "IPv4" && record.protocol == transport.rawValue
      && record.portRangeMin == ports?.lowerBound && record.portRangeMax == ports?.upperBound
      && record.remoteGroupId == nil && (record.remoteIpPrefix == source.text || anywhere)
  }
}
