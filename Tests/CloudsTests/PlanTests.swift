import Clouds
import Names
import State
import Testing

@Suite("Plans")
struct PlanTests {
  @Test("the smallest flavor is nova's m1.tiny")
  func tiny() {
    #expect(Flavor.tiny == Flavor(name: "m1.tiny", processors: 1, memory: 512, disk: 1))
  }
}
