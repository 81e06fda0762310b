// The settings for containers of an image (config.md, "config"). A commit keeps those of its image.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace osb::ostree {

// The settings, from an image config.
struct RunConfig {
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::vector<std::string> environment;  // "NAME=VALUE"
    std::string working_directory;
    std::string user;
    // Excludes labels that describe the form of an image: ostree.*, containers.bootc.
    std::map<std::string, std::string> labels;
};

// Parses the text of an image config. Omits members whose type differs from config.md. Throws Error{invalid}
// for malformed JSON.
RunConfig parse_run_config(const std::string& config);

}  // namespace osb::ostree
