import Clouds
import Names
import Testing

@Suite("Ports of the host")
struct HostPortsTests {
  @Test("are in use where a program hears an address, any address, or it by way of IPv6, and nobody in particular")
  func heard() throws {
    // bound to 192.0.2.7:53, any:20000, 127.0.0.1:54, and 192.0.2.7:55 with a connection to 192.0.2.9:53
    let version4 = """
         sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
       1176: 070200C0:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0
        901: 00000000:4E20 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0
       1177: 0100007F:0036 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0
       1178: 070200C0:0037 090200C0:0035 01 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0

      """
    // any:20001, ::ffff:192.0.2.7:20002, ::1:20003, and any:20004 with a connection to 2001:db8::9:53
    let version6 = """
        sl  local_address                         remote_address                        st tx_queue rx_queue tr
       902: 00000000000000000000000000000000:4E21 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000
       903: 0000000000000000FFFF0000070200C0:4E22 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000
       904: 00000000000000000000000001000000:4E23 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000
       905: 00000000000000000000000000000000:4E24 B80D0120000000000000000009000000:0035 01 00000000:00000000 00:00000000

      """
    let (own, loopback) = (try IPv4Address("192.0.2.7"), try IPv4Address("127.0.0.1"))
    func heard(at address: IPv4Address, in table: String) -> [UInt16] {
      HostPorts.heard(at: address, in: table).map(\.rawValue).sorted()
    }
    #expect(heard(at: own, in: version4) == [53, 20000])
    #expect(heard(at: loopback, in: version4) == [54, 20000])
    #expect(heard(at: own, in: version6) == [20001, 20002])
    #expect(heard(at: loopback, in: version6) == [20001])
    #expect(heard(at: own, in: "").isEmpty)
  }
}
