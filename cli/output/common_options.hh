// The parsed values of the options that all verbs have.
#pragma once

#include <string>

namespace osb::cli {

struct CommonOptions {
    std::string repo;  // --repo, otherwise $OSB_REPO, otherwise ./ostree-repo
    bool json = false;
    std::string progress = "auto";  // auto, plain, json, none
    bool quiet = false;
    bool verbose = false;
    std::string sandbox = "auto";  // auto, require, off
    std::string colour = "auto";   // auto, always, never
};

}  // namespace osb::cli
