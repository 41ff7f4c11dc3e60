import LaunchDoubles
import Launching
import Names
import State
import SystemPackage

// One command of a cloudpipe's life, in a process that its cloud kills:
// LaunchWorker FOLDER VERB PROJECT CALL FAULT
let words = CommandLine.arguments.dropFirst()
guard words.count == 5, let fault = CloudDouble.Fault(rawValue: words[5]) else { fatalError("five arguments") }
let site = try await Site(FilePath(words[1]))
let launcher = try site.launcher(faults: [words[4]: fault])
let id = NetworkID(project: try ProjectID(words[3]), name: .standard)
switch words[2] {
case "launch": _ = try await launcher.launch(LaunchRequest(id))
case "restart": _ = try await launcher.restart(id)
case "terminate": try await launcher.terminate(id)
case "change": _ = try await launcher.change(id, address: nil, port: try PortNumber("30000"))
case "attach": _ = try await launcher.attach(AttachRequest(try MachineName("web"), to: id, port: .tap(user: nil)))
case "detach": try await launcher.detach(try MachineName("web"), from: id)
default: fatalError("no such verb")
}
