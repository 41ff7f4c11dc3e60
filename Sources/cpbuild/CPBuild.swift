import ArgumentParser

/// The root of the command line: nouns and verbs, as in `docker` and `gh`.
struct CPBuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpbuild",
    abstract: "Builds the cloudpipe image and runs one VPN instance per project with it.",
    discussion: """
      stdout is data: a sentence or table for people, one JSON document with --json. Progress, warnings and errors go \
      to stderr.

      Exit status: 0 done, 1 failed, 2 no such thing, 3 already exists or in use, 4 this machine lacks something \
      ('cpbuild doctor' tells what), 64 usage, 130 interrupted.
      """,
    version: Version.number,
    subcommands: [
      ImageCommand.self, LaunchCommand.self, ListCommand.self, ShowCommand.self, RestartCommand.self,
      TerminateCommand.self, ChangeCommand.self, AttachCommand.self, DetachCommand.self, LogCommand.self,
      SSHCommand.self, AdoptCommand.self, UserCommand.self, CACommand.self, CRLCommand.self,
      BackupCommand.self, RestoreCommand.self, ServeCommand.self, DemoCommand.self, DoctorCommand.self,
      MetadataServiceCommand.self, DemoWebServerCommand.self,
    ])
}
