// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors in every target of this package; dependencies keep their own settings.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "cpbuild",
  products: [
    .executable(name: "cpbuild", targets: ["cpbuild"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // System libraries, each behind its own module.
    .systemLibrary(name: "CGuestFS", pkgConfig: "libguestfs", providers: [.apt(["libguestfs-dev"])]),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .target(name: "CLinux"),
    .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("crypto")]),

    // This machine: files, locks, processes, digests, and what it can do.
    .target(
      name: "Host",
      dependencies: [
        "CLinux", "COpenSSL",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    // Names from outside, checked once into types.
    .target(name: "Names", swiftSettings: strict),

    // YAML files that people write, read with the place of what is wrong in them.
    .target(
      name: "Declarations",
      dependencies: [
        "Host",
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),

    // Filesystems inside of disk images, read without a kernel.
    .target(
      name: "Disks",
      dependencies: ["Host", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict),

    .target(
      name: "ImageBuilding",
      dependencies: [
        "CArchive", "CGuestFS", "Declarations", "Disks", "Host",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      resources: [
        .embedInCode("Bases/Bootstrap/index-packages.sh"),
        .embedInCode("Bases/Bootstrap/tidy-root.sh"),
        .embedInCode("Packages/install-packages.sh"),
        .embedInCode("Resources/appliance-init"),
        .embedInCode("Resources/finish.sh"),
      ],
      swiftSettings: strict),

    .target(name: "Trust", dependencies: ["COpenSSL"], swiftSettings: strict),

    .target(
      name: "Payload",
      dependencies: ["CArchive", "Host", "Names"],
      resources: [.embedInCode("Resources/autorun.sh")],
      swiftSettings: strict),

    .target(
      name: "State",
      dependencies: [
        "Host", "Names",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    // An OpenStack cloud's services, over plain REST.
    .target(
      name: "OpenStack",
      dependencies: [
        "Declarations", "Host",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    // What keeps a server's connections within bounds.
    .target(
      name: "Listening",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: strict),

    .target(
      name: "Clouds",
      dependencies: [
        "CLinux", "Disks", "Host", "Listening", "Names", "OpenStack", "State",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    .target(
      name: "Launching",
      dependencies: [
        "Clouds", "Declarations", "Host", "ImageBuilding", "Names", "Payload", "State", "Trust",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    // What a machine that runs all the time does for others: CRLs.
    .target(
      name: "Serving",
      dependencies: [
        "Launching", "Listening", "Names", "State",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    .executableTarget(
      name: "cpbuild",
      dependencies: [
        "CLinux", "Clouds", "Declarations", "Disks", "Host", "ImageBuilding", "Launching", "Names", "OpenStack",
        "Payload", "Serving", "State", "Trust",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),

    .testTarget(
      name: "HostTests", dependencies: ["Host", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "cpbuild", "Host", "ImageBuilding", "LaunchDoubles", "Launching", "Names", "State", "Trust",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .testTarget(name: "NamesTests", dependencies: ["Names"], swiftSettings: strict),
    // A web server that misbehaves on demand.
    .target(
      name: "HTTPDouble", dependencies: ["Host", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/HTTPDouble", swiftSettings: strict),
    .testTarget(
      name: "ImageBuildingTests",
      dependencies: [
        "ImageBuilding", "Declarations", "Disks", "HTTPDouble", "Host",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    // Which version of OpenVPN knows which option.
    .target(name: "OpenVPNVersions", path: "Tests/OpenVPNVersions", swiftSettings: strict),
    .testTarget(name: "TrustTests", dependencies: ["OpenVPNVersions", "Trust"], swiftSettings: strict),
    .testTarget(
      name: "PayloadTests",
      dependencies: ["Payload", "Host", "Names", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict),
    // The local cloud in a namespace that plays a machine of its own.
    .executableTarget(
      name: "CloudWorker",
      dependencies: ["Clouds", "Names", "State", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/CloudWorker", swiftSettings: strict),
    .testTarget(
      name: "CloudsTests",
      dependencies: [
        "Clouds", "CloudWorker", "Disks", "Host", "Names", "State",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    // One of the many processes that the tests of Launching start.
    .executableTarget(
      name: "TrustWorker",
      dependencies: [
        "Launching", "Names", "State", "Trust", .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TrustWorker", swiftSettings: strict),
    // A cloud and a keeper of keys that do as a test says, and a process that launches with them and may be killed.
    .target(
      name: "LaunchDoubles",
      dependencies: [
        "Clouds", "Host", "Launching", "Names", "Payload", "State",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/LaunchDoubles", swiftSettings: strict),
    .executableTarget(
      name: "LaunchWorker",
      dependencies: [
        "LaunchDoubles", "Launching", "Names", "State", .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/LaunchWorker", swiftSettings: strict),
    .testTarget(
      name: "LaunchingTests",
      dependencies: [
        "LaunchDoubles", "LaunchWorker", "Launching", "TrustWorker", "Clouds", "Declarations", "Host", "Names",
        "Payload",
        "State", "Trust",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ListeningTests",
      dependencies: [
        "Listening",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "ServingTests",
      dependencies: [
        "Host", "Launching", "Names", "Serving", "State",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    // cpbuild against a real OpenStack.
    .testTarget(
      name: "OpenStackTests",
      dependencies: [
        "cpbuild", "Clouds", "Host", "Launching", "Names", "OpenStack", "State",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["Fixture"],
      swiftSettings: strict),
    // The built program against real disks and machines.
    .testTarget(
      name: "EndToEnd",
      dependencies: [
        "cpbuild", "Clouds", "HTTPDouble", "Host", "Names", "Payload", "State", "Trust",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["Fixture/cloud.sh"],
      swiftSettings: strict),
    // Every parser of outside bytes with made-up ones: a short run in the tests, a long one in 'make bench'.
    .target(
      name: "Fuzzing",
      dependencies: [
        "Declarations", "Disks", "Host", "ImageBuilding", "Launching", "Names", "Payload", "State", "Trust",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/Fuzzing", swiftSettings: strict),
    .executableTarget(
      name: "FuzzWorker", dependencies: ["Fuzzing", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/FuzzWorker", swiftSettings: strict),
    .testTarget(
      name: "FuzzingTests",
      dependencies: ["Fuzzing", "FuzzWorker", "Host", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: strict),
    // What 'make bench' measures of trust, as a program that it can start.
    .executableTarget(
      name: "TrustBench",
      dependencies: [
        "Launching", "Names", "State", "Trust", .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Benchmarks/Trust", swiftSettings: strict),
    // One of the many processes that the tests of State start.
    .executableTarget(
      name: "StateWorker",
      dependencies: ["State", "Names", .product(name: "SystemPackage", package: "swift-system")],
      path: "Tests/StateWorker", swiftSettings: strict),
    .testTarget(
      name: "StateTests",
      dependencies: [
        "State", "StateWorker", "Host", "Names",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "GuestScriptTests",
      dependencies: [
        "cpbuild", "Launching", "Names", "OpenVPNVersions", "Payload", "State", "Trust",
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ],
      exclude: ["Fixture"],
      swiftSettings: strict),
  ]
)
