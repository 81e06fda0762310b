// --fetch: the way to fetch an image, for all verbs that read one from a registry.
#pragma once

#include <string>

#include "cli/options/arguments.hh"
#include "ostree/import/object_fetch.hh"

namespace osb::cli {

// The parsed option, which is also the target of its row.
struct FetchFlag {
    std::string text = "auto";

    void declare(Arguments& arguments);
    ostree::FetchWay way() const;
};

}  // namespace osb::cli
