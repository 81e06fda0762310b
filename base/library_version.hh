// The version of a library that the program uses, for `osb-oci --version` and bug reports.
#pragma once

#include <string>

namespace osb {

struct LibraryVersion {
    std::string name;
    std::string version;  // as the library itself writes it
};

}  // namespace osb
