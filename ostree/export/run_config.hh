// How containers of an image run, kept in a commit that was imported from one (config.md, "config").
#pragma once

#include <map>
#include <string>
#include <vector>

namespace osb::ostree {

struct RunConfig {
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::vector<std::string> environment;  // "NAME=VALUE"
    std::string working_directory;
    std::string user;
    // Without those that belong to a form of the image: ostree.*, containers.bootc.
    std::map<std::string, std::string> labels;
};

// From the text of an image's config; members that are not of the type that config.md says are left out.
// Throws Error{invalid} for a text that is not JSON.
RunConfig parse_run_config(const std::string& config);

}  // namespace osb::ostree
