// Edits the configuration of time services to use the given servers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

// Returns chrony.conf(5) with its servers replaced.
std::string chrony_with_servers(std::string_view config, const std::vector<std::string>& servers);

// Returns OpenRC's conf.d/ntpd, for BusyBox's ntpd, with the servers in NTPD_OPTS replaced. Keeps its other
// options.
std::string ntpd_with_servers(std::string_view config, const std::vector<std::string>& servers);

}  // namespace osb::image
