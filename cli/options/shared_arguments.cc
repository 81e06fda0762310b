#include "cli/options/shared_arguments.hh"

namespace osb::cli {

Argument image_argument(std::string& target) {
    return {.name = "IMAGE",
            .kind = ValueKind::image,
            .help =
                "image: docker://, oci:, dir:, oci-archive:, docker-archive:, docker-daemon:, tarball: or "
                "containers-storage:...",
            .required = true,
            .target = &target};
}

Argument ref_argument(std::string& target) {
    return {.name = "--ref",
            .value = "REF",
            .kind = ValueKind::revision,
            .help = "ref that will name the commit",
            .default_shown = "os/MACHINE/NAME",
            .target = &target};
}

Argument rev_argument(std::string& target) {
    return {.name = "REV",
            .kind = ValueKind::revision,
            .help = "ref or commit in the repository",
            .required = true,
            .target = &target};
}

Argument platform_argument(std::string& target) {
    return {.name = "--platform",
            .value = "OS/ARCH[/VARIANT]",
            .help = "platform of the image to choose from an index",
            .default_shown = "this machine",
            .target = &target};
}

Argument jobs_argument(unsigned& target) {
    constexpr unsigned kMaxJobs = 1024;
    return {.name = "--jobs",
            .value = "N",
            .help = "number of threads",
            .default_shown = "one per core",
            .range = Range{1, kMaxJobs},
            .target = &target};
}

}  // namespace osb::cli
