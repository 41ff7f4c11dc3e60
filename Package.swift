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
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // System libraries, each behind its own module.
    .systemLibrary(name: "CGuestFS", pkgConfig: "libguestfs", providers: [.apt(["libguestfs-dev"])]),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("crypto")]),

    // This machine: files, locks, processes, digests, and what it can do.
    .target(
      name: "Host",
      dependencies: [
        "COpenSSL",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),

    // Names from outside, checked once into types.
    .target(name: "Names", swiftSettings: strict),

    .target(
      name: "ImageBuilding",
      dependencies: [
        "CGuestFS", "Host",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),

    .target(name: "Trust", dependencies: ["COpenSSL", "Host", "Names"], swiftSettings: strict),

    .target(
      name: "Payload",
      dependencies: ["CArchive", "Host", "Names"],
      resources: [.embedInCode("Resources/autorun.sh")],
      swiftSettings: strict),

    .target(
      name: "State",
      dependencies: ["Host", "Names", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: strict),

    .executableTarget(
      name: "cpbuild",
      dependencies: [
        "Host", "ImageBuilding", "Names", "Payload", "State", "Trust",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),

    .testTarget(name: "HostTests", dependencies: ["Host"], swiftSettings: strict),
    .testTarget(name: "NamesTests", dependencies: ["Names"], swiftSettings: strict),
    .testTarget(name: "ImageBuildingTests", dependencies: ["ImageBuilding", "Host"], swiftSettings: strict),
    .testTarget(name: "TrustTests", dependencies: ["Trust", "Host", "Names"], swiftSettings: strict),
    .testTarget(name: "PayloadTests", dependencies: ["Payload", "Host", "Names"], swiftSettings: strict),
    .testTarget(name: "StateTests", dependencies: ["State", "Host", "Names"], swiftSettings: strict),
    .testTarget(
      name: "GuestScriptTests",
      dependencies: [.product(name: "Yams", package: "Yams")],
      exclude: ["Fixture"],
      swiftSettings: strict),
  ]
)
