import Foundation
import Host
import Names
import State
import Testing

@Suite("Images, instances and launches")
struct CloudRowsTests {
  static func image(_ digits: String, path: String? = nil, at date: Date = Sample.now) -> Image {
    Image(
      id: "ami-\(digits)", path: path ?? "/out/images/ami-\(digits)", recipe: "cloudpipe", sha256: .sha256(digits),
      virtualSize: 1 << 30, createdAt: date)
  }

  @Test("an image id is ami- and 17 hex digits; a path belongs to one image")
  func images() async throws {
    try await withStore { store in
      try await store.write { state in
        let image = Self.image("0123456789abcdef0")
        try state.images.register(image)
        try state.images.register(image)
        #expect(try state.images.all() == [image])
        let newer = Self.image("1123456789abcdef0", at: Sample.now + 60)
        try state.images.register(newer)
        #expect(try state.images.newest(of: "cloudpipe") == newer)
        for digits in ["0123456789abcdef", "0123456789ABCDEF0", "0123456789abcdefg", ""] {
          #expect(throws: StateError.self) { try state.images.register(Self.image(digits)) }
        }
        #expect(throws: StateError.self) {
          try state.images.register(Self.image("2123456789abcdef0", path: image.path))
        }
        try state.images.remove(newer.id)
        #expect(throws: StateError.notFound(kind: "image", id: newer.id)) { try state.images.remove(newer.id) }
      }
    }
  }

  @Test("a network has one instance, and its image stays as long as it")
  func instances() async throws {
    try await withStore { store in
      try await store.write { state in
        let id = try Sample.network()
        let image = Self.image("0123456789abcdef0")
        let instance = Instance(
          id: id, cloud: .local, state: .pending, imageId: image.id, handle: ["pid": "7"], createdAt: Sample.now)
        #expect(throws: StateError.self) { try state.instances.insert(instance) }
        try Sample.addNetwork(to: state)
        try state.images.register(image)
        try state.instances.insert(instance)
        #expect(throws: StateError.alreadyExists(kind: "instance", id: "acme/default")) {
          try state.instances.insert(instance)
        }
        #expect(throws: StateError.self) { try state.images.remove(image.id) }
        #expect(throws: StateError.self) { try state.networks.remove(id) }
      }
      try await store.write { state in
        let id = try Sample.network()
        try state.instances.update(id, state: .running, at: Sample.now + 9)
        #expect(try state.instances.find(id)?.state == .running)
        #expect(try state.instances.find(id)?.handle == ["pid": "7"])
        #expect(try state.instances.find(id)?.updatedAt == Sample.now + 9)
        try state.instances.remove(id)
        try state.instances.remove(id)
        #expect(throws: StateError.notFound(kind: "instance", id: "acme/default")) {
          try state.instances.update(id, state: .down, at: Sample.now)
        }
      }
    }
  }

  @Test("the journal of a launch is there for the next command until it is closed")
  func journal() async throws {
    try await withStore { store in
      try await store.write { state in
        let id = try Sample.network()
        try state.projects.ensure(id.project, at: Sample.now)
        let launch = try state.launches.begin(id, at: Sample.now)
        #expect(throws: StateError.alreadyExists(kind: "open launch of", id: "acme/default")) {
          try state.launches.begin(id, at: Sample.now)
        }
        try state.launches.record(
          launch.id, position: 0, name: "network", state: .started, made: ["bridge": "cp0"], at: Sample.now)
        try state.launches.record(launch.id, position: 1, name: "key pair", state: .started, at: Sample.now)
        try state.launches.record(launch.id, position: 0, name: "network", state: .done, at: Sample.now + 1)
        let steps = try state.launches.steps(of: launch.id)
        #expect(steps.map(\.name) == ["network", "key pair"])
        #expect(steps.map(\.state) == [.done, .started])
        #expect(steps[0].made == ["bridge": "cp0"])
        #expect(throws: StateError.self) {
          try state.launches.record(launch.id, position: 2, name: "network", state: .started, at: Sample.now)
        }
        #expect(throws: StateError.self) {
          try state.launches.record(99, position: 0, name: "x", state: .started, at: Sample.now)
        }
        #expect(try state.launches.allOpen() == [launch])
        try state.launches.end(launch.id, .done, at: Sample.now + 2)
        try state.launches.end(launch.id, .failed, at: Sample.now + 3)
        #expect(try state.launches.open(id) == nil)
        try state.launches.prune(endedBefore: Sample.now + 2)
        #expect(try state.launches.steps(of: launch.id).count == 2)
        try state.launches.prune(endedBefore: Sample.now + 3)
        #expect(try state.launches.steps(of: launch.id).isEmpty)
        _ = try state.launches.begin(id, at: Sample.now)
      }
    }
  }
}
