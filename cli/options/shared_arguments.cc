#include "cli/options/shared_arguments.hh"

namespace osb::cli {

Argument image_argument(std::string& target) {
    return {.name = "IMAGE",
            .help = "docker://, oci:, oci-archive:, docker-archive: or containers-storage:...",
            .required = true,
            .target = &target};
}

Argument rev_argument(std::string& target) {
    return {.name = "REV", .help = "a ref or a commit", .required = true, .target = &target};
}

Argument platform_argument(std::string& target) {
    return {.name = "--platform",
            .value = "OS/ARCH[/VARIANT]",
            .help = "which image of an index",
            .default_shown = "this machine's",
            .target = &target};
}

Argument jobs_argument(unsigned& target) {
    constexpr unsigned kMaxJobs = 1024;
    return {.name = "--jobs",
            .value = "N",
            .help = "threads that work",
            .default_shown = "one a core",
            .range = Range{1, kMaxJobs},
            .target = &target};
}

}  // namespace osb::cli
