// The options that every verb has, parsed.
#pragma once

#include <string>

namespace osb::cli {

struct CommonOptions {
    std::string repo;  // --repo, else $OSB_REPO, else ./ostree-repo
    bool json = false;
    std::string progress = "auto";  // auto, plain, json, none
    bool quiet = false;
    bool verbose = false;
    std::string colour = "auto";  // auto, always, never
};

}  // namespace osb::cli
