import Testing

/// The suites that start an emulated machine, one after another: on two cores two of them only slow each other down, and
/// a build's or a boot's time would say nothing. Suites go in here by `extension Machines { @Suite struct … }`.
@Suite(.serialized) enum Machines {}
