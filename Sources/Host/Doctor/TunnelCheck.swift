import Glibc
import SystemPackage

/// The device that OpenVPN clients and the local cloud's networks are made with.
struct TunnelCheck: Check {
  let name = "tunnel device"
  var device = FilePath("/dev/net/tun")

  func examine() async -> Finding {
    let descriptor = open(device.string, O_RDWR | O_CLOEXEC)
    if descriptor >= 0 {
      close(descriptor)
      return .ok("\(device) opens")
    }
    let code = errno
    return .warning(
      "\(device): \(String(cString: strerror(code))); images can be built, instances not launched here",
      remedy: code == ENOENT || code == ENODEV
        ? "'modprobe tun', and in a container '--device \(device)'"
        : "give this user the right to open it")
  }
}
