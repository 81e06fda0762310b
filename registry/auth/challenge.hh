// What a server asks for with 401: the header WWW-Authenticate.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/http_head.hh"

namespace osb::registry {

// One challenge: RFC 9110, 11.3.
struct Challenge {
    std::string scheme;                         // lower case: "basic", "bearer", ...
    std::map<std::string, std::string> params;  // names in lower case

    // The value of a parameter, "" when it is missing.
    std::string param(const std::string& name) const;
};

// The challenges of all headers WWW-Authenticate, in their order, at most 16. Several may share a header;
// what is malformed ends that header's list. A parameter that comes twice in a challenge makes it malformed.
std::vector<Challenge> parse_challenges(const HeaderList& headers);

}  // namespace osb::registry
