// What the transport containers-storage may start from within the sandbox (base/helper_process.hh).
#pragma once

#include <string>
#include <vector>

#include "oci/documents/reference.hh"

namespace osb::registry {

// True for `skopeo experimental-image-proxy` with the options of ProxyPool, whose temporary files are below
// those of this run. Whoever has its socket can have it read any image that skopeo reads.
bool is_skopeo_proxy(const std::vector<std::string>& argv);

// True for the copy of an archive among the temporary files of this run to `target` (SkopeoSink).
bool is_skopeo_copy(const std::vector<std::string>& argv, const oci::Reference& target);

}  // namespace osb::registry
