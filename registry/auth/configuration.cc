#include "registry/auth/configuration.hh"

#include <cstdlib>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::registry {

std::string env(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read-only use
    return value == nullptr ? std::string() : std::string(value);
}

void refuse(const std::string& file, std::string_view problem) {
    throw Error(ErrorKind::invalid, concat(quoted(file), ": ", problem));
}

}  // namespace osb::registry
