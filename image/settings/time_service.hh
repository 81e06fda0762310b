// The configuration of programs that keep the clock right, made to ask certain servers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

// chrony.conf(5): the servers take the place of those that it names.
std::string chrony_with_servers(std::string_view config, const std::vector<std::string>& servers);

// OpenRC's conf.d/ntpd, for BusyBox's ntpd: the servers take the place of those in NTPD_OPTS; other options
// stay.
std::string ntpd_with_servers(std::string_view config, const std::vector<std::string>& servers);

}  // namespace osb::image
