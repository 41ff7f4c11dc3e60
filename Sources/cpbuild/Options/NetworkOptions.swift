import ArgumentParser

/// For commands that may fetch something.
struct NetworkOptions: ParsableArguments {
  @Flag(help: "Fetch nothing: use what is in the cache, and fail where that isn't enough.")
  var offline = false
}
