#include "base/temporary_directory.hh"

#include <cstdlib>

namespace osb {
namespace {

std::string& of_this_run() {
    static std::string path;
    return path;
}

}  // namespace

std::optional<std::string> chosen_temporary_directory() {
    if (!of_this_run().empty()) return of_this_run();
    const char* const chosen =
        std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): changed before threads start
    if (chosen != nullptr && *chosen != '\0') return chosen;
    return std::nullopt;
}

std::string temporary_directory() {
    return chosen_temporary_directory().value_or("/var/tmp");
}

void set_temporary_directory(const std::string& path) {
    of_this_run() = path;
}

}  // namespace osb
