// Authentication challenges of a server that responds with 401: the header WWW-Authenticate.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/http_head.hh"

namespace osb::registry {

// A challenge: RFC 9110, 11.3.
struct Challenge {
    std::string scheme;                         // lower case: "basic", "bearer", ...
    std::map<std::string, std::string> params;  // names in lower case

    // The value of a parameter, "" if it is missing.
    std::string param(const std::string& name) const;
};

// Parses the challenges of all WWW-Authenticate headers, in order, at most 16. A header may have several.
// What is malformed ends the list of that header; the parameters before it count, as in Go's clients, because
// servers write many headers that RFC 9110 does not allow. Of a parameter that occurs twice, the last counts.
std::vector<Challenge> parse_challenges(const HeaderList& headers);

}  // namespace osb::registry
