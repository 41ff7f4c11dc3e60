import ArgumentParser

/// `cpbuild image`.
struct ImageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image",
    abstract: "Build the cloudpipe image, and look after the images that there are.",
    discussion: """
      'cpbuild image' builds the default recipe, 'cpbuild image RECIPE' another one. The image's id is printed, and \
      written to 'vpn_image_id' in the folder for artifacts.

      Examples:
        cpbuild image
        cpbuild image cloudpipe-debian-12 --out /srv/images
        cpbuild image plan
        cpbuild image verify $(cat out/vpn_image_id)
      """,
    subcommands: [
      ImageBuild.self, ImagePlanCommand.self, ImageList.self, ImageShow.self, ImageVerify.self, ImageRemove.self,
      ImagePrune.self, ImagePublish.self, ImageRetire.self,
    ],
    defaultSubcommand: ImageBuild.self)
}
